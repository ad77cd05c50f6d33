/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_allocation_failures.c - a study of two members and two segments, embedded, in memory: the
 * n-th allocation fails, for every n, once and from then on.
 *
 * The rule: a call that could not allocate returns PBT_ENOMEM, leaves nothing behind, and may be
 * made again; a study whose calls are made again ends as an undisturbed one does. Blocks are
 * counted, so that a leak fails the test without a sanitizer. This program's own malloc() stands
 * in for that of the C library, also inside the libraries that libpbt uses.
 */
#include "pbt/pbt.h"
#include "worker/embed_lab.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

int main(void)
{
    return 77; /* the sanitizer has an allocator of its own */
}

#else

/* -------- an allocator that fails -------- */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void __libc_free(void *block);

/* volatile: the compiler takes it that malloc() changes no variable. */
static volatile uint64_t asked;      /* allocations since begin() */
static volatile uint64_t fail_first; /* the number of the one that fails; 0: none */
static volatile bool fail_rest;      /* ... and all after it */
static volatile int64_t blocks;      /* that are held */

static bool fails(void)
{
    uint64_t const number = asked + 1;
    asked = number;
    if (fail_first == 0 || number < fail_first) { return false; }
    if (number > fail_first && !fail_rest) { return false; }
    errno = ENOMEM;
    return true;
}

PBT_API void *malloc(size_t size)
{
    if (fails()) { return NULL; }
    void *const block = __libc_malloc(size);
    if (block != NULL) { blocks = blocks + 1; }
    return block;
}

PBT_API void *calloc(size_t count, size_t size)
{
    if (fails()) { return NULL; }
    void *const block = __libc_calloc(count, size);
    if (block != NULL) { blocks = blocks + 1; }
    return block;
}

PBT_API void *realloc(void *old, size_t size)
{
    if (fails()) { return NULL; }
    void *const block = __libc_realloc(old, size);
    if (old == NULL && block != NULL) { blocks = blocks + 1; }
    return block;
}

PBT_API void free(void *block)
{
    if (block != NULL) { blocks = blocks - 1; }
    __libc_free(block);
}

static void begin(uint64_t first, bool rest)
{
    asked = 0;
    fail_first = first;
    fail_rest = rest;
}

/* -------- the study -------- */

static const char spec[] =
    "{population: 2, steps: 2, ready: 1, seed: 5, sync: normal,"
    " space: {lr: {type: log, low: 1e-4, high: 1}, act: {type: categorical, values: [relu, tanh]}},"
    " strategy: {name: pbt, exploit: {name: tournament}}}";

enum { TRIES = 8 };

struct ending {
    unsigned reports, failures; /* calls that worked, calls that did not */
    double best;
    char id[PBT_ID_MAX];
    bool over;
};

/* Make the call again when memory is short; how often says TRIES. */
#define AGAIN(ending, status, call)                                                                \
    do {                                                                                           \
        for (int try = 0; try < TRIES && (status = (call)) != PBT_OK; try++) {                     \
            /* files that could not be opened or read for want of memory are the storage's */      \
            assert_true(status == PBT_ENOMEM || (dir != NULL && status == PBT_EIO));               \
            (ending)->failures++;                                                                  \
        }                                                                                          \
    } while (0)

static struct ending run(const char *dir)
{
    struct ending ending = {0};
    struct pbt_study *study = NULL;
    struct pbt_task task;
    struct pbt_error err;
    pbt_status status = PBT_OK;
    AGAIN(&ending, status, pbt_study_open(dir, spec, NULL, &study, &err));
    if (status != PBT_OK) {
        assert_null(study);
        return ending;
    }
    for (int i = 0; i < 100 && status == PBT_OK; i++) {
        AGAIN(&ending, status, pbt_study_next(study, &task, &err));
        if (status != PBT_OK || task.id[0] == '\0') { break; }
        double const score = pbt_task_number(&task, "lr") * (double)task.segment;
        AGAIN(&ending, status, pbt_study_report(study, &task, score, &err));
        ending.reports += status == PBT_OK ? 1 : 0;
    }
    struct pbt_best const best = pbt_study_best(study);
    ending.best = best.score;
    memcpy(ending.id, best.id, sizeof ending.id);
    ending.over = pbt_study_is_over(study);
    pbt_study_close(study);
    return ending;
}

static uint64_t allocations; /* of an undisturbed study */
static struct ending undisturbed;

static int measure(void **state)
{
    (void)state;
    (void)run(NULL); /* what libraries keep for ever is there from now on */
    begin(0, false);
    undisturbed = run(NULL);
    allocations = asked;
    return undisturbed.over && undisturbed.reports == 4 ? 0 : -1;
}

static void test_an_allocation_that_fails_once_changes_nothing(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= allocations; n++) {
        int64_t const before = blocks;
        begin(n, false);
        struct ending const ending = run(NULL);
        begin(0, false);
        if (blocks != before) { fail_msg("allocation %llu leaks", (unsigned long long)n); }
        if (!ending.over || ending.reports != 4 || ending.best != undisturbed.best ||
            strcmp(ending.id, undisturbed.id) != 0) {
            fail_msg("allocation %llu changes the study: %u reports, best %g of %s",
                     (unsigned long long)n, ending.reports, ending.best, ending.id);
        }
    }
}

static void test_without_memory_every_call_says_so_and_nothing_leaks(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= allocations; n++) {
        int64_t const before = blocks;
        begin(n, true);
        struct ending const ending = run(NULL);
        begin(0, false);
        if (blocks != before) { fail_msg("allocation %llu leaks", (unsigned long long)n); }
        assert_true(ending.failures > 0 || ending.over);
    }
}

/* The same in a folder, on SQLite: make test-long. */
static void test_a_study_on_sqlite_survives_failing_allocations(void **state)
{
    (void)state;
    if (getenv("PBT_LONG") == NULL) { skip(); }
    char folder[4096];
    embed_folder_make(folder);
    bool more = true;
    begin(0, false);
    (void)run(folder); /* what SQLite keeps for ever */
    for (uint64_t n = 1; more; n++) {
        char dir[4200];
        (void)snprintf(dir, sizeof dir, "%s/%llu", folder, (unsigned long long)n);
        int64_t const before = blocks;
        begin(n, false);
        struct ending const ending = run(dir);
        more = asked >= n;
        begin(0, false);
        if (blocks != before) { fail_msg("allocation %llu leaks", (unsigned long long)n); }
        if (!ending.over || ending.best != undisturbed.best) {
            fail_msg("allocation %llu changes the study", (unsigned long long)n);
        }
        embed_folder_remove(dir);
    }
    embed_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_allocation_that_fails_once_changes_nothing),
        cmocka_unit_test(test_without_memory_every_call_says_so_and_nothing_leaks),
        cmocka_unit_test(test_a_study_on_sqlite_survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, measure, NULL);
}

#endif
