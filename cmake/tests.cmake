# SPDX-License-Identifier: Apache-2.0
#
# cmake/tests.cmake - tests, fuzz targets, examples and benchmarks. All are found by their names:
#
# tests/ROOM/test_*.c      one cmocka program each, linked with libpbt.a (internal symbols visible)
#                          and the extra objects of its room (table below)
# tests/ROOM/*.c           the other files of the folder: helpers, linked into each of its tests
# tests/support/*.c        helpers, linked into every C test
# tests/**/test_*.py, .sh  run with python3 or bash
# tests/fuzz/fuzz_*.c      libFuzzer targets; without libFuzzer they replay tests/fuzz/corpus/NAME/
# examples/*.c             programs that embed the library; run as tests
# examples/NAME/*.c        trainers; built only (the tests that use them start them)
# bench/*.c                bench_NAME; built only
#
# ctest calls a test ROOM/TOPIC and gives it the label ROOM. Scripts see PBT_BIN (the pbt command),
# PBT_SOURCE_DIR, PBT_BUILD_DIR and PYTHONPATH; exit code 77 means skipped. How much is tried is
# said by PBT_SIM_SEEDS (simulated studies) and PBT_KILLS (real kills), see CMakePresets.json.

# Tests by name: left out under sanitizers; run alone; more than the usual 120 s.
set(PBT_SLOW_TESTS sim/sim_mutants)
set(PBT_SERIAL_TESTS install/install)
set(PBT_LONG_TESTS cli/compare cli/report sim/sim_seeds sim/sim_mutants conformance/chaos
    conformance/kills conformance/valgrind conformance/over_dir conformance/over_postgres
    cluster/slurm cluster/slurm_leaving cluster/launchers install/install tidy/tidy)

# What a room's C tests link beside libpbt.a.
set(PBT_TEST_OBJECTS_sim room_sim)
set(PBT_TEST_OBJECTS_conformance room_sim)
set(PBT_TEST_OBJECTS_web room_web)
set(PBT_TEST_OBJECTS_cli room_cli)
if(PBT_BAYES)
    set(PBT_TEST_OBJECTS_propose part_bayes)
endif()
if(PBT_POSTGRES)
    set(PBT_TEST_OBJECTS_journal part_postgres)
endif()
if(NOT PBT_MODULES)
    set(PBT_TEST_OBJECTS_cli room_cli room_web pbt_trainers pbt_client)
    set(PBT_TEST_OBJECTS_propose)
    set(PBT_TEST_OBJECTS_journal)
endif()
set(PBT_TEST_OBJECTS_trainers pbt_trainers pbt_client)
set(PBT_TEST_OBJECTS_clients pbt_client)

# The same for a fuzz target.
set(PBT_FUZZ_OBJECTS_request room_web)
# The fuzz preset builds no trainers: their files that are fuzzed, one by one.
set(PBT_FUZZ_SOURCES_safetensors trainers/nn/nn_safetensors.c trainers/nn/nn_file.c
    trainers/nn/nn_block.c trainers/nn/nn_base.c)

set(PBT_PYTHON /usr/bin/python3)
set(PBT_TEST_ENVIRONMENT
    PBT_BIN=${PROJECT_BINARY_DIR}/bin/pbt
    PBT_SOURCE_DIR=${PROJECT_SOURCE_DIR}
    PBT_BUILD_DIR=${PROJECT_BINARY_DIR}
    PBT_MODULES=${PROJECT_BINARY_DIR}/${CMAKE_INSTALL_LIBDIR}/pbt)
if(PBT_SANITIZE)
    list(APPEND PBT_TEST_ENVIRONMENT
        UBSAN_OPTIONS=print_stacktrace=1
        TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1)
endif()

# The name of a test from its file: tests/core/test_space.c -> core/space.
function(pbt_test_name file out_name out_room)
    file(RELATIVE_PATH path ${PROJECT_SOURCE_DIR}/tests ${file})
    get_filename_component(room ${path} DIRECTORY)
    get_filename_component(topic ${path} NAME_WE)
    string(REGEX REPLACE "^(test|fuzz)_" "" topic ${topic})
    set(${out_name} ${room}/${topic} PARENT_SCOPE)
    set(${out_room} ${room} PARENT_SCOPE)
endfunction()

function(pbt_test_properties name room)
    set(labels ${room} ${ARGN})
    if(name IN_LIST PBT_SLOW_TESTS)
        list(APPEND labels slow)
    endif()
    set(timeout 120)
    if(name IN_LIST PBT_LONG_TESTS)
        set(timeout 600)
    endif()
    math(EXPR timeout "${timeout} * ${PBT_TIMEOUT_SCALE}")
    set_tests_properties(${name} PROPERTIES LABELS "${labels}" TIMEOUT ${timeout}
        SKIP_RETURN_CODE 77 ENVIRONMENT "${PBT_TEST_ENVIRONMENT}")
    if(name IN_LIST PBT_SERIAL_TESTS)
        set_tests_properties(${name} PROPERTIES RUN_SERIAL ON)
    endif()
endfunction()

# A C program that may see everything inside the library.
function(pbt_inner_program target)
    target_compile_definitions(${target} PRIVATE _GNU_SOURCE
        PBT_HAVE_POSTGRES=$<BOOL:${PBT_POSTGRES}> PBT_HAVE_BAYES=$<BOOL:${PBT_BAYES}>)
    target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src
        ${PROJECT_SOURCE_DIR}/clients/c ${PROJECT_SOURCE_DIR}/trainers ${PROJECT_SOURCE_DIR}/tests)
    target_link_libraries(${target} PRIVATE pbt_flags pbt_static pbt_parts)
endfunction()

# -------- cmocka programs --------

pkg_check_modules(PBT_CMOCKA QUIET IMPORTED_TARGET cmocka)
file(GLOB test_files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/*/test_*.c)
file(GLOB support_files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/support/*.c)
if(NOT PBT_CMOCKA_FOUND)
    message(WARNING "cmocka not found: no C tests")
    set(test_files)
endif()
foreach(file IN LISTS test_files)
    pbt_test_name(${file} name room)
    if(room STREQUAL "trainers" AND NOT PBT_TRAINERS)
        continue()
    endif()
    if(name MATCHES "^propose/(gp|propose)" AND NOT PBT_BAYES)
        continue()
    endif()
    string(REPLACE "/" "_" target test_${name})
    file(GLOB helpers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/${room}/*.c)
    list(FILTER helpers EXCLUDE REGEX "/test_[^/]*$")
    add_executable(${target} ${file} ${helpers} ${support_files})
    set_target_properties(${target} PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests/${room})
    pbt_inner_program(${target})
    target_link_libraries(${target} PRIVATE PkgConfig::PBT_CMOCKA)
    pbt_use(${target} ${PBT_TEST_OBJECTS_${room}})
    # A test that has a function __wrap_NAME gets the calls of NAME (the linker's --wrap).
    file(STRINGS ${file} wraps REGEX "__wrap_[a-z_]+\\(.*\\);")
    foreach(line IN LISTS wraps)
        string(REGEX REPLACE ".*__wrap_([a-z_]+)\\(.*" "\\1" symbol "${line}")
        target_link_options(${target} PRIVATE LINKER:--wrap=${symbol})
    endforeach()
    add_test(NAME ${name} COMMAND ${target})
    file(STRINGS ${file} threads REGEX "(pthread_create|uv_thread_create|uv_queue_work)")
    if(threads)
        pbt_test_properties(${name} ${room} threads)
    else()
        pbt_test_properties(${name} ${room})
    endif()
endforeach()

# -------- scripts --------

file(GLOB_RECURSE script_files CONFIGURE_DEPENDS
    ${PROJECT_SOURCE_DIR}/tests/test_*.py ${PROJECT_SOURCE_DIR}/tests/test_*.sh)
foreach(file IN LISTS script_files)
    pbt_test_name(${file} name room)
    if(TEST ${name})
        message(FATAL_ERROR "two tests are called ${name}: rename ${file}")
    endif()
    if(file MATCHES "\\.py$")
        add_test(NAME ${name} COMMAND ${PBT_PYTHON} ${file})
    else()
        add_test(NAME ${name} COMMAND bash ${file})
    endif()
    pbt_test_properties(${name} ${room})
    set_property(TEST ${name} APPEND PROPERTY ENVIRONMENT
        PYTHONPATH=${PROJECT_SOURCE_DIR}/python PYTHONDONTWRITEBYTECODE=1)
endforeach()

# -------- what the rules say about the built library --------

if(CMAKE_BUILD_TYPE STREQUAL "Release" AND PBT_TRAINERS)
    add_test(NAME tidy/objects
        COMMAND ${PROJECT_SOURCE_DIR}/scripts/tidy --objects ${PROJECT_BINARY_DIR})
    pbt_test_properties(tidy/objects tidy)
endif()

# -------- fuzz targets --------

file(GLOB fuzz_files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/fuzz/fuzz_*.c)
foreach(file IN LISTS fuzz_files)
    pbt_test_name(${file} name room)
    get_filename_component(target ${file} NAME_WE)
    string(REGEX REPLACE "^fuzz_" "" topic ${target})
    add_executable(${target} ${file})
    set_target_properties(${target} PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests/fuzz)
    pbt_inner_program(${target})
    pbt_use(${target} ${PBT_FUZZ_OBJECTS_${topic}})
    foreach(source IN LISTS PBT_FUZZ_SOURCES_${topic})
        target_sources(${target} PRIVATE ${PROJECT_SOURCE_DIR}/${source})
    endforeach()
    set(corpus ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${topic})
    if(PBT_FUZZ)
        target_link_options(${target} PRIVATE -fsanitize=fuzzer)
        add_test(NAME ${name} COMMAND ${target} -runs=0 ${corpus})
    else()
        target_sources(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests/fuzz/replay_main.c)
        add_test(NAME ${name} COMMAND ${target} ${corpus})
    endif()
    pbt_test_properties(${name} fuzz)
endforeach()

# -------- examples: public headers only --------

file(GLOB example_files CONFIGURE_DEPENDS
    ${PROJECT_SOURCE_DIR}/examples/*.c ${PROJECT_SOURCE_DIR}/examples/*/*.c)
foreach(file IN LISTS example_files)
    file(RELATIVE_PATH path ${PROJECT_SOURCE_DIR}/examples ${file})
    string(REGEX REPLACE "\\.c$" "" path ${path})
    string(MAKE_C_IDENTIFIER example_${path} target)
    add_executable(${target} ${file})
    get_filename_component(program ${file} NAME_WE)
    get_filename_component(folder ${path} DIRECTORY)
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${program}
        RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/examples/${folder})
    target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
    target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/clients/c)
    target_link_libraries(${target} PRIVATE pbt_flags pbt_shared Threads::Threads m)
    pbt_use(${target} pbt_client)
    if(NOT folder)
        add_test(NAME examples/${path} COMMAND ${target})
        pbt_test_properties(examples/${path} examples)
    endif()
endforeach()

# -------- benchmarks --------

file(GLOB bench_files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bench/*.c)
foreach(file IN LISTS bench_files)
    get_filename_component(target ${file} NAME_WE)
    if(NOT target MATCHES "^bench_")
        set(target bench_${target})
    endif()
    file(STRINGS ${file} uses_dnnl REGEX "include.*(dnnl|nn/)")
    file(STRINGS ${file} names_dnnl REGEX "include.*dnnl")
    if(names_dnnl AND NOT PBT_MATMUL STREQUAL "dnnl")
        continue()
    endif()
    if(uses_dnnl AND NOT PBT_TRAINERS OR target STREQUAL "bench_propose" AND NOT PBT_BAYES)
        continue()
    endif()
    add_executable(${target} ${file})
    set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bench)
    pbt_inner_program(${target})
    pbt_use(${target} pbt_client)
    if(target STREQUAL "bench_propose" AND PBT_MODULES)
        pbt_use(${target} part_bayes)
    endif()
    if(uses_dnnl)
        pbt_use(${target} pbt_trainers)
        target_link_libraries(${target} PRIVATE pbt_trainer_parts)
    endif()
endforeach()

# The games alone, for the peer of bench_a2c. Unlike anywhere else, what is internal is exported;
# the option has to follow those of pbt_flags.
if(TARGET bench_a2c)
    file(GLOB env_files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/trainers/env/*.c)
    add_library(bench_a2c_env SHARED ${env_files}
        ${PROJECT_SOURCE_DIR}/trainers/nn/nn_base.c ${PROJECT_SOURCE_DIR}/trainers/nn/nn_random.c)
    set_target_properties(bench_a2c_env PROPERTIES
        LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bench)
    target_include_directories(bench_a2c_env PRIVATE ${PROJECT_SOURCE_DIR}/trainers)
    target_compile_definitions(bench_a2c_env PRIVATE _GNU_SOURCE $<$<CONFIG:Release>:NDEBUG>)
    target_compile_options(bench_a2c_env PRIVATE -fno-math-errno)
    add_library(bench_exports_all INTERFACE)
    target_compile_options(bench_exports_all INTERFACE -fvisibility=default)
    target_link_libraries(bench_a2c_env PRIVATE
        pbt_flags bench_exports_all pbt_trainer_parts PkgConfig::PBT_libxxhash m)
    target_compile_definitions(bench_a2c PRIVATE BENCH_A2C_ENV="$<TARGET_FILE:bench_a2c_env>")
    add_dependencies(bench_a2c bench_a2c_env)
endif()

# -------- each public header stands alone, without extensions --------

file(GLOB header_files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/pbt/*.h)
set(header_checks)
foreach(file IN LISTS header_files)
    get_filename_component(header ${file} NAME)
    set(check ${PROJECT_BINARY_DIR}/headers/${header}.c)
    file(CONFIGURE OUTPUT ${check} CONTENT
        "#include \"pbt/${header}\"\n#include \"pbt/${header}\"\nextern int alone;\n")
    list(APPEND header_checks ${check})
endforeach()
add_library(pbt_headers OBJECT ${header_checks})
target_link_libraries(pbt_headers PRIVATE pbt_flags)
