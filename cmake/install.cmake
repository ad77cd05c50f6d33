# SPDX-License-Identifier: Apache-2.0
#
# cmake/install.cmake - what `make install PREFIX=...` puts where. Nothing here is absolute: the
# installed tree may be moved.

install(TARGETS pbt_shared EXPORT pbt-shared
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS pbt_static EXPORT pbt-static
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET pbt_command)
    install(TARGETS pbt_command RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
get_property(modules GLOBAL PROPERTY PBT_MODULE_TARGETS)
foreach(module IN LISTS modules)
    install(TARGETS ${module} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/pbt)
endforeach()
install(DIRECTORY include/pbt DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")

# -------- share/pbt: clients, examples --------

set(share ${CMAKE_INSTALL_DATADIR}/pbt)
file(GLOB client_files CONFIGURE_DEPENDS
    ${PROJECT_SOURCE_DIR}/clients/c/*.h ${PROJECT_SOURCE_DIR}/clients/c/*.c)
install(FILES ${client_files} DESTINATION ${share}/clients)
# The whole Python package, so that it may stand before an installed one on PYTHONPATH.
install(DIRECTORY python/pbt DESTINATION ${share}/clients
    FILES_MATCHING PATTERN "*.py" PATTERN "py.typed" PATTERN "__pycache__" EXCLUDE)
install(DIRECTORY examples/ DESTINATION ${share}/examples USE_SOURCE_PERMISSIONS
    PATTERN "__pycache__" EXCLUDE)
install(PROGRAMS scripts/corpus DESTINATION ${share})
# As in the source tree, so that the links between the pages hold.
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR}
    FILES_MATCHING PATTERN "*.md" PATTERN "*.png" PATTERN "*.svg")
install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DOCDIR}
    PATTERN "__pycache__" EXCLUDE)
foreach(file README.md CHANGELOG.md LICENSE)
    install(FILES ${file} DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)
endforeach()

# The build tree has the same share/pbt, made of links.
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/share/pbt/clients)
foreach(file IN LISTS client_files)
    get_filename_component(name ${file} NAME)
    file(CREATE_LINK ${file} ${PROJECT_BINARY_DIR}/share/pbt/clients/${name} SYMBOLIC)
endforeach()
file(REMOVE ${PROJECT_BINARY_DIR}/share/pbt/clients/pbt.py) # of an earlier layout
file(CREATE_LINK ${PROJECT_SOURCE_DIR}/python/pbt ${PROJECT_BINARY_DIR}/share/pbt/clients/pbt
    SYMBOLIC)
file(CREATE_LINK ${PROJECT_SOURCE_DIR}/examples ${PROJECT_BINARY_DIR}/share/pbt/examples SYMBOLIC)
file(CREATE_LINK ${PROJECT_SOURCE_DIR}/scripts/corpus ${PROJECT_BINARY_DIR}/share/pbt/corpus
    SYMBOLIC)

# -------- pkg-config and CMake package --------

include(CMakePackageConfigHelpers)
file(RELATIVE_PATH PBT_PREFIX_FROM_PC /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
# Asked for static linking, libpq's own .pc names libraries that only its archive needs.
set(modules ${PBT_PART_MODULES})
list(REMOVE_ITEM modules libpq)
list(JOIN modules " " PBT_PC_PRIVATE)
set(PBT_PC_LIBS_PRIVATE "-lm -pthread")
if(PBT_POSTGRES AND NOT PBT_MODULES)
    string(PREPEND PBT_PC_LIBS_PRIVATE "-lpq ")
endif()
configure_file(cmake/pbt.pc.in pbt.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/pbt.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/pbt)
configure_package_config_file(cmake/pbtConfig.cmake.in pbtConfig.cmake
    INSTALL_DESTINATION ${package})
write_basic_package_version_file(pbtConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/pbtConfig.cmake ${PROJECT_BINARY_DIR}/pbtConfigVersion.cmake
    DESTINATION ${package})
install(EXPORT pbt-shared NAMESPACE pbt:: FILE pbtShared.cmake DESTINATION ${package})
install(EXPORT pbt-static NAMESPACE pbt:: FILE pbtStatic.cmake DESTINATION ${package})
