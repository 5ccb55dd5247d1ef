# The example programs, and the programs that only tests need: each file is one, linked to the shared
# library as a user's would be. They land in programs/ of the build folder, in c/, cpp/ and tests/.

get_filename_component(smipc_root_dir "${PROJECT_SOURCE_DIR}/.." ABSOLUTE)

function(smipc_add_programs folder)
  file(GLOB sources CONFIGURE_DEPENDS ${ARGN})
  foreach(source ${sources})
    cmake_path(GET source STEM name)
    set(target program_${folder}_${name})
    add_executable(${target} "${source}")
    target_link_libraries(${target} PRIVATE smipc::smipc smipc_warnings Threads::Threads)
    set_target_properties(${target} PROPERTIES
      OUTPUT_NAME "${name}"
      RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/programs/${folder}"
      C_STANDARD 99
      C_STANDARD_REQUIRED ON)
  endforeach()
endfunction()

smipc_add_programs(c "${smipc_root_dir}/examples/c/*.c")
smipc_add_programs(cpp "${smipc_root_dir}/examples/cpp/*.cpp")
smipc_add_programs(tests
  "${smipc_root_dir}/tests/native_programs/*.c" "${smipc_root_dir}/tests/native_programs/*.cpp")
