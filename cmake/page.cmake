# SPDX-License-Identifier: Apache-2.0
#
# cmake/page.cmake - put the report's page together, and make C source of it.
#
#     cmake -D SOURCE=<tree> -D OUT=<file.c> -P cmake/page.cmake
#
# src/view/page/page.html has one marker for each part; @DATA@, where the report puts the study's
# document, splits what goes into the program in a head and a tail. No tool but CMake is needed.

set(page ${SOURCE}/src/view/page)
file(READ ${page}/page.html html)
function(put marker file)
    file(READ ${file} text)
    string(REPLACE "@${marker}@" "${text}" html "${html}")
    set(html "${html}" PARENT_SCOPE)
endfunction()
put(STYLE ${page}/page.css)
put(TOOLS_SCRIPT ${page}/page_tools.js)
put(STUDY_SCRIPT ${page}/page_study.js)
put(PLOT_SCRIPT ${page}/page_plot.js)
put(CHARTS_SCRIPT ${page}/page_charts.js)
put(TREE_SCRIPT ${page}/page_tree.js)
put(TEXT_SCRIPT ${page}/page_text.js)
put(COMPARE_SCRIPT ${page}/page_compare.js)
put(LIVE_SCRIPT ${page}/page_live.js)
put(UPLOT_STYLE ${SOURCE}/third_party/uplot/uPlot.min.css)
put(UPLOT_SCRIPT ${SOURCE}/third_party/uplot/uPlot.iife.min.js)
put(UPLOT_LICENSE ${SOURCE}/third_party/uplot/LICENSE)

string(FIND "${html}" "@DATA@" middle)
string(LENGTH "@DATA@" width)
math(EXPR after "${middle} + ${width}")
string(SUBSTRING "${html}" 0 ${middle} head)
string(SUBSTRING "${html}" ${after} -1 tail)

set(source "/* Made by cmake/page.cmake. */\n#include \"view/report_page.h\"\n")
foreach(part head tail)
    file(WRITE ${OUT}.${part} "${${part}}")
    file(READ ${OUT}.${part} hex HEX)
    file(SIZE ${OUT}.${part} size)
    string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
    string(APPEND source "const size_t pbti_page_${part}_size = ${size};\n"
        "const unsigned char pbti_page_${part}[] = {\n${hex}};\n")
endforeach()
file(WRITE ${OUT} "${source}")
