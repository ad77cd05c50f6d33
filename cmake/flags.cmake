# SPDX-License-Identifier: Apache-2.0
#
# cmake/flags.cmake - `pbt_flags`: what every C file of this tree is compiled with.
#
# Results must not depend on the compiler's mood: no contraction of a*b+c, no -ffast-math. CMake's
# Release adds -DNDEBUG everywhere; we take it out here and add it for each room that may have it.
# Texts cut off at the end of a buffer are what snprintf is asked for; gcc need not report them.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_FLAGS_RELEASE "-O3")
set(CMAKE_C_FLAGS_DEBUG "-O1 -g")
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

add_library(pbt_flags INTERFACE)
target_include_directories(pbt_flags INTERFACE ${PROJECT_SOURCE_DIR}/include)
target_compile_options(pbt_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes
    -Wformat=2 -Wundef -Wvla $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation>
    -ffp-contract=off -fvisibility=hidden -fno-common
    -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)
if(PBT_WERROR)
    target_compile_options(pbt_flags INTERFACE -Werror)
endif()

set(PBT_LINK_OPTIONS)
if(PBT_SANITIZE)
    set(sanitize -fsanitize=${PBT_SANITIZE} -fno-omit-frame-pointer)
    if(PBT_SANITIZE MATCHES "undefined")
        list(APPEND sanitize -fno-sanitize-recover=undefined)
    endif()
    target_compile_options(pbt_flags INTERFACE ${sanitize})
    list(APPEND PBT_LINK_OPTIONS ${sanitize})
endif()
if(PBT_COVERAGE)
    target_compile_options(pbt_flags INTERFACE --coverage)
    list(APPEND PBT_LINK_OPTIONS --coverage)
endif()
if(PBT_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "PBT_FUZZ needs clang: use the preset fuzz, or CC=clang")
    endif()
    target_compile_options(pbt_flags INTERFACE -fsanitize=fuzzer-no-link)
    list(APPEND PBT_LINK_OPTIONS -fsanitize=fuzzer-no-link)
endif()
target_link_options(pbt_flags INTERFACE ${PBT_LINK_OPTIONS} LINKER:--as-needed)
