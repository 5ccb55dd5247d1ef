# smipc_tests: every tests/*.cpp in one program, linked to the library's objects.

find_package(GTest REQUIRED)
include(GoogleTest)
enable_testing()

file(GLOB smipc_test_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/*.cpp")
if(NOT smipc_test_sources)
  message(FATAL_ERROR "SMIPC_BUILD_TESTS is on, and there is no test in ${PROJECT_SOURCE_DIR}/tests")
endif()
if(WIN32)
  # Those that are about fork, signals, descriptors and files in /dev/shm.
  list(FILTER smipc_test_sources EXCLUDE
    REGEX "/(descriptor_test|ends_test|exhaustion_test|fork_test|layout_test|message_queue_death_test|message_queue_stolen_test|support_posix)\\.cpp$")
else()
  list(FILTER smipc_test_sources EXCLUDE REGEX "/support_windows\\.cpp$")
endif()
add_executable(smipc_tests ${smipc_test_sources})
target_link_libraries(smipc_tests PRIVATE smipc_objects smipc_warnings GTest::gtest_main)
if(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
  # GoogleTest's macro for parameters has one named `info`, as has everybody's function in it.
  target_compile_options(smipc_tests PRIVATE -Wno-shadow)
endif()
if(WIN32)
  # smipc.h would import what is linked in.
  target_compile_definitions(smipc_tests PRIVATE SMIPC_BUILDING)
elseif(NOT APPLE)
  target_link_libraries(smipc_tests PRIVATE rt)
endif()

# Asked when ctest runs, for the build machine may not be able to run the program.
gtest_discover_tests(smipc_tests DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
  PROPERTIES TIMEOUT 300)
