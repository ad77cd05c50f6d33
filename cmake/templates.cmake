# SPDX-License-Identifier: Apache-2.0
#
# cmake/templates.cmake - make C source of the examples that `pbt init` writes.
#
#     cmake -D SOURCE=<tree> -D OUT=<file.c> -P cmake/templates.cmake
#
# Of examples/NAME: train.py without its licence line, NAME.yaml without the comment at its head.
# `pbt init` and the examples cannot differ, and the examples are tested.

set(source "/* Made by cmake/templates.cmake. */\n#include \"cli/init_templates.h\"\n")

function(put variable text)
    file(WRITE ${OUT}.part "${text}")
    file(READ ${OUT}.part hex HEX)
    string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
    string(APPEND source "const char ${variable}[] = {\n${hex}0};\n")
    set(source "${source}" PARENT_SCOPE)
endfunction()

foreach(name loop digits transformers lightning sb3 boosting sklearn jax)
    file(READ ${SOURCE}/examples/${name}/train.py text)
    string(REGEX REPLACE "^# SPDX[^\n]*\n" "" text "${text}")
    put(pbti_example_${name}_trainer "${text}")
    if(NOT name STREQUAL "loop") # the spec of that one explains more
        file(READ ${SOURCE}/examples/${name}/${name}.yaml text)
        string(REGEX REPLACE "^(#[^\n]*\n)+" "" text "${text}")
        put(pbti_example_${name}_spec "${text}")
    endif()
endforeach()
file(WRITE ${OUT} "${source}")
