# The library: its sources, compiled once as smipc_objects and linked as smipc.
#
# smipc_objects is also what the unit tests link, so that they reach what the library hides. No
# target but smipc may be installed.

set(smipc_source_folders src/api src/core src/platform)
if(WIN32)
  list(APPEND smipc_source_folders src/platform/windows)
elseif(APPLE)
  list(APPEND smipc_source_folders src/platform/posix src/platform/macos)
elseif(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  list(APPEND smipc_source_folders src/platform/posix src/platform/linux)
else()
  message(FATAL_ERROR "smipc does not support ${CMAKE_SYSTEM_NAME}")
endif()
list(TRANSFORM smipc_source_folders PREPEND "${PROJECT_SOURCE_DIR}/")
list(TRANSFORM smipc_source_folders APPEND "/*.cpp" OUTPUT_VARIABLE smipc_source_patterns)
file(GLOB smipc_sources CONFIGURE_DEPENDS ${smipc_source_patterns})

add_library(smipc_objects OBJECT ${smipc_sources})
target_compile_definitions(smipc_objects
  PRIVATE SMIPC_BUILDING SMIPC_VERSION_STRING="${PROJECT_VERSION}")
target_include_directories(smipc_objects
  PUBLIC "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
target_link_libraries(smipc_objects PUBLIC Threads::Threads PRIVATE smipc_warnings)
# Small payloads are copied in the words in which callers have just written them (core/copy.h): joined
# into wider loads they would wait for the store buffer. Large ones go through memcpy all the same.
if(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
  target_compile_options(smipc_objects PRIVATE -fno-tree-vectorize -fno-tree-slp-vectorize
    $<$<CXX_COMPILER_ID:GNU>:-fno-tree-loop-distribute-patterns>)
endif()
set_target_properties(smipc_objects PROPERTIES
  POSITION_INDEPENDENT_CODE ON
  CXX_VISIBILITY_PRESET hidden
  VISIBILITY_INLINES_HIDDEN ON)

add_library(smipc SHARED $<TARGET_OBJECTS:smipc_objects>)
add_library(smipc::smipc ALIAS smipc)
target_link_libraries(smipc PRIVATE Threads::Threads)
target_include_directories(smipc INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
target_compile_features(smipc INTERFACE cxx_std_20)  # of smipc.hpp; C sources do not mind
set_target_properties(smipc PROPERTIES LINKER_LANGUAGE CXX)

# A wheel cannot hold symbolic links, so there the library is a single file under its plain name.
if(NOT SMIPC_WHEEL_LAYOUT)
  set_target_properties(smipc PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0)
endif()

# The library stands alone: the C++ runtime goes inside, and nothing but smipc_* is exported. A
# sanitizer brings a runtime that has to be shared.
if(WIN32)
  set_target_properties(smipc PROPERTIES PREFIX "")
  if(MINGW)
    target_link_options(smipc PRIVATE -static -static-libgcc -static-libstdc++)
  endif()
elseif(APPLE)
  set(smipc_exports "${PROJECT_SOURCE_DIR}/cmake/smipc.exports")
  target_link_options(smipc PRIVATE "LINKER:-exported_symbols_list,${smipc_exports}")
  set_target_properties(smipc PROPERTIES LINK_DEPENDS "${smipc_exports}")
else()
  set(smipc_exports "${PROJECT_SOURCE_DIR}/cmake/smipc.map")
  target_compile_options(smipc_objects PRIVATE -fno-plt)
  target_link_libraries(smipc PRIVATE rt)
  target_link_options(smipc PRIVATE
    "LINKER:--version-script=${smipc_exports}" LINKER:--as-needed LINKER:-z,relro LINKER:-z,now
    LINKER:-z,nodelete)  # threads and fork handlers of the library outlive dlclose
  if(NOT SMIPC_SANITIZE AND NOT SMIPC_BUILD_FUZZERS)
    target_link_options(smipc PRIVATE -static-libgcc -static-libstdc++ LINKER:--no-undefined)
  endif()
  set_target_properties(smipc PROPERTIES LINK_DEPENDS "${smipc_exports}")
endif()
