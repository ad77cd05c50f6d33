# SPDX-License-Identifier: Apache-2.0
#
# cmake/parts.cmake - the libraries we use (why each: docs/design.md, section 8).
#
# pbt_parts           what libpbt needs; all required
# pbt_trainer_parts   what the builtin trainers need: oneDNN, its OpenMP, zlib; optional
# PBT_PART_MODULES    the pkg-config names of the first, for pbt.pc and the CMake package

find_package(PkgConfig REQUIRED)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

set(PBT_PART_MODULES libuv yaml-0.1 jansson sqlite3 libxxhash)
set(PBT_PART_TARGETS Threads::Threads m)
set(missing)
foreach(module IN LISTS PBT_PART_MODULES)
    string(MAKE_C_IDENTIFIER "PBT_${module}" prefix)
    pkg_check_modules(${prefix} QUIET IMPORTED_TARGET ${module})
    if(${prefix}_FOUND)
        list(APPEND PBT_PART_TARGETS PkgConfig::${prefix})
    else()
        list(APPEND missing ${module})
    endif()
endforeach()
find_path(PBT_RANDOM123_INCLUDE Random123/philox.h)
if(NOT PBT_RANDOM123_INCLUDE)
    list(APPEND missing Random123)
endif()
if(missing)
    list(JOIN missing ", " missing)
    message(FATAL_ERROR "not found: ${missing}. On Debian, scripts/setup installs them")
endif()

add_library(pbt_parts INTERFACE)
target_include_directories(pbt_parts SYSTEM INTERFACE ${PBT_RANDOM123_INCLUDE})
target_link_libraries(pbt_parts INTERFACE ${PBT_PART_TARGETS})

# oneDNN's own CMake package asks for OpenCL, which we do not use; the library alone is enough.
if(PBT_TRAINERS)
    find_library(PBT_DNNL_LIBRARY dnnl)
    find_path(PBT_DNNL_INCLUDE oneapi/dnnl/dnnl.h)
    find_package(ZLIB QUIET)
    find_package(OpenMP QUIET COMPONENTS C)
    if(PBT_DNNL_LIBRARY AND PBT_DNNL_INCLUDE AND ZLIB_FOUND AND OpenMP_C_FOUND)
        add_library(pbt_trainer_parts INTERFACE)
        target_include_directories(pbt_trainer_parts SYSTEM INTERFACE ${PBT_DNNL_INCLUDE})
        target_link_libraries(pbt_trainer_parts INTERFACE
            ${PBT_DNNL_LIBRARY} ZLIB::ZLIB OpenMP::OpenMP_C Threads::Threads m)
    else()
        set(PBT_TRAINERS OFF)
        message(WARNING "oneDNN (dnnl), zlib or OpenMP not found")
    endif()
endif()
if(NOT PBT_TRAINERS)
    message(STATUS "pbt: without builtin trainers (`builtin: classify` will not be there)")
endif()
