# What gets installed: library, headers, CMake package, pkg-config file. All of it can be moved.
#
# The wheel layout differs in two points: everything lies in lib/ whatever the platform, and the
# sources of the demo come along, for `smipc demo` compiles them on the user's machine.

include(CMakePackageConfigHelpers)
if(SMIPC_WHEEL_LAYOUT)
  set(CMAKE_INSTALL_LIBDIR lib)
  set(CMAKE_INSTALL_BINDIR lib)
  set(CMAKE_INSTALL_INCLUDEDIR include)
else()
  include(GNUInstallDirs)
endif()
set(smipc_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/smipc")
set(smipc_pkgconfig_dir "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

install(TARGETS smipc EXPORT smipcTargets
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}"
  INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")

install(EXPORT smipcTargets NAMESPACE smipc:: DESTINATION "${smipc_package_dir}")
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/smipcConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/smipcConfig.cmake" INSTALL_DESTINATION "${smipc_package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/smipcConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/smipcConfig.cmake"
  "${PROJECT_BINARY_DIR}/smipcConfigVersion.cmake" DESTINATION "${smipc_package_dir}")

# pkg-config knows where smipc.pc lies; from there the way to the prefix is fixed.
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX
  BASE_DIRECTORY "${CMAKE_INSTALL_PREFIX}/${smipc_pkgconfig_dir}"
  OUTPUT_VARIABLE smipc_pkgconfig_to_prefix)
set(smipc_pkgconfig_rpath "")
if(SMIPC_WHEEL_LAYOUT)
  # No loader looks inside a Python package, so programs are told where the library is.
  set(smipc_pkgconfig_rpath " -Wl,-rpath,\${libdir}")
endif()
configure_file("${PROJECT_SOURCE_DIR}/cmake/smipc.pc.in" "${PROJECT_BINARY_DIR}/smipc.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/smipc.pc" DESTINATION "${smipc_pkgconfig_dir}")

if(SMIPC_WHEEL_LAYOUT)
  file(GLOB smipc_demo_sources CONFIGURE_DEPENDS
    "${PROJECT_SOURCE_DIR}/../examples/cpp/demo_*.[ch]pp")
  install(FILES ${smipc_demo_sources} DESTINATION _demo)
endif()
