# smipc_fuzz_*: libFuzzer programs, one for each fuzz/*.cpp that is not shared by all of them.
#
# Everything is compiled with fuzzer coverage and AddressSanitizer with UBSan (settings.cmake).

if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR NOT CMAKE_SYSTEM_NAME STREQUAL "Linux")
  message(FATAL_ERROR "SMIPC_BUILD_FUZZERS needs clang, on Linux")
endif()

add_library(smipc_fuzz_support OBJECT fuzz/hostile.cpp fuzz/guards.cpp)
target_link_libraries(smipc_fuzz_support PUBLIC smipc_objects PRIVATE smipc_warnings)

foreach(harness channel circular_buffer message_queue structure attach)
  add_executable(smipc_fuzz_${harness} fuzz/${harness}.cpp)
  target_link_libraries(smipc_fuzz_${harness}
    PRIVATE smipc_fuzz_support smipc_objects smipc_warnings rt)
  target_link_options(smipc_fuzz_${harness} PRIVATE
    -fsanitize=fuzzer LINKER:--wrap=mmap LINKER:--wrap=munmap)
endforeach()
