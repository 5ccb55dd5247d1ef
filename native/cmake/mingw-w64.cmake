# Toolchain: builds smipc.dll for 64-bit Windows on another system.
#   cmake -S native -B build/windows --toolchain cmake/mingw-w64.cmake
# The -posix flavour of the compiler is the one that has std::thread. Set SMIPC_WINDOWS_RUNNER to a
# command that runs Windows programs (wine) to have ctest run the tests.

set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(smipc_triplet x86_64-w64-mingw32)

set(CMAKE_C_COMPILER ${smipc_triplet}-gcc-posix)
set(CMAKE_CXX_COMPILER ${smipc_triplet}-g++-posix)
set(CMAKE_RC_COMPILER ${smipc_triplet}-windres)
# Programs run where there is no compiler: its runtime libraries go into them.
set(CMAKE_EXE_LINKER_FLAGS_INIT -static)

set(CMAKE_FIND_ROOT_PATH /usr/${smipc_triplet})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)

set(SMIPC_WINDOWS_RUNNER "" CACHE STRING "Command that runs a Windows program")
if(SMIPC_WINDOWS_RUNNER)
  set(CMAKE_CROSSCOMPILING_EMULATOR ${SMIPC_WINDOWS_RUNNER})
endif()
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES SMIPC_WINDOWS_RUNNER)
