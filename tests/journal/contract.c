/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/journal/contract.c - see contract.h. Each test gets a new, empty journal in a folder of its
 * own. Tests that need a second handle on the same journal pass at once where there is none.
 */
#include "contract.h"

#include "journal_fixture.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct contract {
    const struct contract_backend *backend;
    char *folder;
    char *url;
    struct pbti_journal *journal;
    struct fixture_seen seen;
    struct pbt_error err;
};

/* -------- helpers -------- */

static struct pbti_journal_opts options(bool create, bool read_only)
{
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.create = create;
    opts.read_only = read_only;
    opts.sync = false;
    return opts;
}

static struct pbti_journal *open_again(struct contract *test, bool read_only)
{
    struct pbti_journal_opts const opts = options(false, read_only);
    struct pbti_journal *journal = NULL;
    assert_int_equal(pbti_journal_open(test->url, &opts, &journal, &test->err), PBT_OK);
    return journal;
}

static int set_up(void **state)
{
    struct contract *const test = calloc(1, sizeof *test);
    assert_non_null(test);
    test->backend = *state;
    test->folder = fixture_make_folder();
    const char *const file = test->backend->file;
    assert_true(asprintf(&test->url, "%s%s%s%s", test->backend->scheme,
                         file != NULL ? test->folder : "", file != NULL ? "/" : "",
                         file != NULL ? file : "") > 0);
    struct pbti_journal_opts const opts = options(true, false);
    *state = test;
    if (pbti_journal_open(test->url, &opts, &test->journal, &test->err) == PBT_OK) { return 0; }
    print_error("%s\n", test->err.message);
    return -1;
}

static int tear_down(void **state)
{
    struct contract *const test = *state;
    pbti_journal_close(test->journal);
    fixture_remove_folder(test->folder);
    free(test->url);
    free(test);
    return 0;
}

static void expect_last(struct contract *test, struct pbti_journal *journal, uint64_t expected)
{
    uint64_t last = 99;
    assert_int_equal(pbti_journal_last(journal, &last, &test->err), PBT_OK);
    assert_int_equal(last, expected);
}

/* Read after `since`; the batches seen are `begin` .. `end`-1. */
static void expect_batches(struct contract *test, struct pbti_journal *journal, uint64_t since,
                           uint64_t begin, uint64_t end)
{
    test->seen = (struct fixture_seen){.last = since};
    assert_int_equal(pbti_journal_read(journal, since, fixture_see, &test->seen, &test->err),
                     PBT_OK);
    assert_false(test->seen.wrong);
    assert_int_equal(test->seen.count, end - begin);
    for (size_t i = 0; i < test->seen.count; i++) {
        assert_int_equal(test->seen.numbers[i], begin + i);
    }
}

/* -------- tests -------- */

static void test_empty_journal_has_last_zero(void **state)
{
    struct contract *const test = *state;
    expect_last(test, test->journal, 0);
    expect_batches(test, test->journal, 0, 0, 0);
    bool landed = true;
    assert_int_equal(pbti_journal_landed(test->journal, 0, fixture_id(0), &landed, NULL), PBT_OK);
    assert_false(landed);
    assert_int_equal(pbti_journal_check(test->journal, NULL), PBT_OK);
}

static void test_append_numbers_events_from_one(void **state)
{
    struct contract *const test = *state;
    uint64_t last = 0;
    uint64_t total = 0;
    for (uint64_t number = 0; number < 40; number++) {
        struct fixture_batch batch;
        fixture_make_batch(number, &batch);
        assert_int_equal(fixture_append(test->journal, number, last, &last, &test->err), PBT_OK);
        total += batch.count;
        assert_int_equal(last, total);
    }
    expect_last(test, test->journal, total);
    expect_batches(test, test->journal, 0, 0, 40);
    assert_int_equal(test->seen.last, total);
}

static void test_conflict_leaves_nothing_and_tells_last(void **state)
{
    struct contract *const test = *state;
    uint64_t const end = fixture_fill(test->journal, 0, 5);
    uint64_t const wrong[] = {0, end - 1, end + 1, INT64_MAX - 100};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint64_t last = 0;
        assert_int_equal(fixture_append(test->journal, 50 + i, wrong[i], &last, &test->err),
                         PBT_ECONFLICT);
        assert_int_equal(last, end);
        assert_int_equal(test->err.code, PBT_ECONFLICT);
        expect_batches(test, test->journal, 0, 0, 5);
    }
    assert_true(fixture_fill(test->journal, 5, 6) > end);
    expect_batches(test, test->journal, 0, 0, 6);
}

static void test_landed_knows_the_batch(void **state)
{
    struct contract *const test = *state;
    uint64_t before[4] = {0};
    for (uint64_t number = 0; number < 3; number++) {
        before[number + 1] = fixture_fill(test->journal, number, number + 1);
    }
    for (uint64_t number = 0; number < 4; number++) {
        for (uint64_t at = 0; at < 4; at++) {
            bool landed = number != at;
            assert_int_equal(pbti_journal_landed(test->journal, before[at], fixture_id(number),
                                                 &landed, &test->err),
                             PBT_OK);
            assert_int_equal(landed, number == at && number < 3);
        }
    }
    bool landed = true; /* an id that is there, but not after this number */
    assert_int_equal(
        pbti_journal_landed(test->journal, before[3] + 7, fixture_id(2), &landed, NULL), PBT_OK);
    assert_false(landed);
}

static void test_read_since_the_end_of_each_batch(void **state)
{
    struct contract *const test = *state;
    uint64_t ends[21] = {0};
    for (uint64_t number = 0; number < 20; number++) {
        ends[number + 1] = fixture_fill(test->journal, number, number + 1);
    }
    for (uint64_t begin = 0; begin <= 20; begin++) {
        expect_batches(test, test->journal, ends[begin], begin, 20);
    }
}

static void test_read_since_inside_a_batch_is_refused(void **state)
{
    struct contract *const test = *state;
    uint64_t ends[21] = {0};
    for (uint64_t number = 0; number < 20; number++) {
        ends[number + 1] = fixture_fill(test->journal, number, number + 1);
    }
    size_t refused = 0;
    for (uint64_t since = 0, at = 0; since <= ends[20] + 3; since++) {
        test->seen = (struct fixture_seen){.last = since};
        pbt_status const status =
            pbti_journal_read(test->journal, since, fixture_see, &test->seen, &test->err);
        bool const is_end = at <= 20 && since == ends[at];
        assert_int_equal(status, is_end ? PBT_OK : PBT_ECORRUPT);
        if (is_end) {
            at++;
        } else {
            refused++;
            assert_int_equal(test->seen.count, 0);
            assert_non_null(strstr(test->err.message, "no batch"));
        }
    }
    assert_true(refused > 3);
    assert_int_equal(pbti_journal_read(test->journal, UINT64_MAX, fixture_see, &test->seen, NULL),
                     PBT_ECORRUPT);
    expect_batches(test, test->journal, 0, 0, 20); /* the handle is usable */
}

struct stopper {
    size_t calls, stop_at;
};

static pbt_status stop_reading(void *context, uint64_t first, uint32_t count, const void *bytes,
                               size_t size, struct pbti_batch_id id, struct pbt_error *err)
{
    (void)first, (void)count, (void)bytes, (void)size, (void)id;
    struct stopper *const stopper = context;
    stopper->calls++;
    if (stopper->calls < stopper->stop_at) { return PBT_OK; }
    if (err != NULL) { err->detail = 4711; }
    return PBT_EUSER;
}

static void test_error_of_the_reader_ends_reading(void **state)
{
    struct contract *const test = *state;
    uint64_t const end = fixture_fill(test->journal, 0, 6);
    struct stopper stopper = {0, 3};
    assert_int_equal(pbti_journal_read(test->journal, 0, stop_reading, &stopper, &test->err),
                     PBT_EUSER);
    assert_int_equal(stopper.calls, 3);
    assert_int_equal(test->err.detail, 4711);
    expect_last(test, test->journal, end);
    (void)fixture_fill(test->journal, 6, 7);
    expect_batches(test, test->journal, 0, 0, 7);
}

static void test_batch_limits(void **state)
{
    struct contract *const test = *state;
    size_t const size = (size_t)PBTI_BATCH_MAX;
    uint8_t *const bytes = calloc(size + 1, 1);
    assert_non_null(bytes);
    struct pbti_batch_id const id = fixture_id(1);
    uint64_t last = 7;
    assert_int_equal(pbti_journal_append(test->journal, bytes, size + 1, 1, 0, id, &last, NULL),
                     PBT_ELIMIT);
    assert_int_equal(pbti_journal_append(test->journal, bytes, 10, 0, 0, id, &last, NULL),
                     PBT_EINVAL);
    assert_int_equal(pbti_journal_append(test->journal, bytes, 2, 3, 0, id, &last, NULL),
                     PBT_EINVAL);
    assert_int_equal(
        pbti_journal_append(test->journal, bytes, 1, 1, INT64_MAX, id, &last, &test->err),
        PBT_ELIMIT);
    assert_int_equal(last, 0);
    expect_last(test, test->journal, 0);
    assert_int_equal(pbti_journal_append(test->journal, bytes, size, 5, 0, id, &last, &test->err),
                     PBT_OK);
    assert_int_equal(last, 5);
    struct stopper stopper = {0, 2};
    assert_int_equal(pbti_journal_read(test->journal, 0, stop_reading, &stopper, NULL), PBT_OK);
    assert_int_equal(stopper.calls, 1);
    assert_int_equal(pbti_journal_append(test->journal, bytes, 1, 1, 5, id, &last, NULL), PBT_OK);
    assert_int_equal(last, 6);
    free(bytes);
}

static void test_success_leaves_the_error_untouched(void **state)
{
    struct contract *const test = *state;
    memset(&test->err, 0x5a, sizeof test->err);
    struct pbt_error const before = test->err;
    uint64_t last = 0;
    bool landed = false;
    assert_int_equal(fixture_append(test->journal, 0, 0, &last, &test->err), PBT_OK);
    assert_int_equal(pbti_journal_landed(test->journal, 0, fixture_id(0), &landed, &test->err),
                     PBT_OK);
    expect_batches(test, test->journal, 0, 0, 1);
    assert_int_equal(pbti_journal_wait(test->journal, 0, 0, &last, &test->err), PBT_OK);
    assert_int_equal(pbti_journal_check(test->journal, &test->err), PBT_OK);
    assert_memory_equal(&test->err, &before, sizeof before);
}

static void test_closed_journal_is_there_when_opened_again(void **state)
{
    struct contract *const test = *state;
    if (test->backend->file == NULL) { return; }
    uint64_t end = 0;
    for (uint64_t round = 0; round < 5; round++) {
        end = fixture_fill(test->journal, round * 10, round * 10 + 10);
        pbti_journal_close(test->journal);
        test->journal = open_again(test, false);
        expect_last(test, test->journal, end);
        expect_batches(test, test->journal, 0, 0, round * 10 + 10);
    }
    assert_int_equal(pbti_journal_check(test->journal, &test->err), PBT_OK);
}

static void test_two_handles_see_each_other(void **state)
{
    struct contract *const test = *state;
    if (test->backend->file == NULL) { return; }
    struct pbti_journal *const other = open_again(test, false);
    struct pbti_journal *const third = open_again(test, true);
    uint64_t last = 0;
    for (uint64_t number = 0; number < 20; number++) {
        uint64_t const before = last;
        struct pbti_journal *const writer = number % 2 == 0 ? test->journal : other;
        struct pbti_journal *const late = number % 2 == 0 ? other : test->journal;
        assert_int_equal(fixture_append(writer, number, before, &last, NULL), PBT_OK);
        uint64_t told = 0;
        assert_int_equal(fixture_append(late, 77, before, &told, NULL), PBT_ECONFLICT);
        assert_int_equal(told, last);
        expect_last(test, third, last);
        bool landed = false;
        assert_int_equal(pbti_journal_landed(third, before, fixture_id(number), &landed, NULL),
                         PBT_OK);
        assert_true(landed);
    }
    expect_batches(test, third, 0, 0, 20);
    pbti_journal_close(test->journal); /* the first to leave spoils nothing for the others */
    test->journal = NULL;
    (void)fixture_fill(other, 20, 25);
    expect_batches(test, third, 0, 0, 25);
    pbti_journal_close(other);
    expect_batches(test, third, 0, 0, 25);
    pbti_journal_close(third);
    test->journal = open_again(test, false);
    expect_batches(test, test->journal, 0, 0, 25);
}

static void test_create_and_read_only(void **state)
{
    struct contract *const test = *state;
    if (test->backend->file == NULL) { return; }
    uint64_t const end = fixture_fill(test->journal, 0, 3);
    pbti_journal_close(test->journal);
    struct pbti_journal_opts opts = options(true, false); /* create keeps what is there */
    assert_int_equal(pbti_journal_open(test->url, &opts, &test->journal, &test->err), PBT_OK);
    expect_last(test, test->journal, end);
    struct pbti_journal *const reader = open_again(test, true);
    uint64_t last = 0;
    assert_int_equal(fixture_append(reader, 3, end, &last, &test->err), PBT_EINVAL);
    expect_batches(test, reader, 0, 0, 3);
    assert_int_equal(pbti_journal_check(reader, &test->err), PBT_OK);
    pbti_journal_close(reader);

    char *absent = NULL;
    assert_true(asprintf(&absent, "%s%s/absent", test->backend->scheme, test->folder) > 0);
    struct pbti_journal *none = test->journal;
    for (int read_only = 0; read_only < 2; read_only++) {
        opts = options(false, read_only == 1);
        assert_int_equal(pbti_journal_open(absent, &opts, &none, &test->err), PBT_ENOENT);
        assert_null(none);
        assert_non_null(strstr(test->err.message, "does not exist"));
        assert_int_not_equal(access(strchr(absent, '/'), F_OK), 0);
    }
    opts = options(true, true);
    assert_int_equal(pbti_journal_open(absent, &opts, &none, NULL), PBT_EINVAL);
    free(absent);
}

/* -------- wait -------- */

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void test_wait_times_out(void **state)
{
    struct contract *const test = *state;
    uint64_t const end = fixture_fill(test->journal, 0, 2);
    uint64_t last = 0;
    int64_t const start = now_ms();
    assert_int_equal(pbti_journal_wait(test->journal, end, 60, &last, &test->err), PBT_OK);
    int64_t const waited = now_ms() - start;
    assert_int_equal(last, end);
    bool const alone = test->backend->file == NULL; /* nobody can come: no need to wait */
    assert_true(alone || waited >= 59);
    assert_true(waited < 5000);
}

static void test_wait_returns_at_once_when_something_is_there(void **state)
{
    struct contract *const test = *state;
    uint64_t const end = fixture_fill(test->journal, 0, 2);
    uint64_t last = 0;
    int64_t const start = now_ms();
    assert_int_equal(pbti_journal_wait(test->journal, 0, 60000, &last, &test->err), PBT_OK);
    assert_int_equal(last, end);
    assert_int_equal(pbti_journal_wait(test->journal, end - 1, 60000, &last, NULL), PBT_OK);
    assert_int_equal(last, end);
    assert_true(now_ms() - start < 5000);
}

static void *append_later(void *context)
{
    struct contract *const test = context;
    struct pbti_journal_opts const opts = options(false, false);
    struct pbti_journal *journal = NULL;
    if (pbti_journal_open(test->url, &opts, &journal, NULL) != PBT_OK) { return test; }
    struct timespec const pause = {0, 40000000};
    (void)nanosleep(&pause, NULL);
    uint64_t last;
    pbt_status const status = fixture_append(journal, 0, 0, &last, NULL);
    pbti_journal_close(journal);
    return status == PBT_OK ? NULL : test;
}

static void test_wait_wakes_when_another_appends(void **state)
{
    struct contract *const test = *state;
    if (test->backend->file == NULL) { return; }
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, append_later, test), 0);
    uint64_t last = 0;
    int64_t const start = now_ms();
    assert_int_equal(pbti_journal_wait(test->journal, 0, 60000, &last, &test->err), PBT_OK);
    assert_true(now_ms() - start < 30000);
    assert_true(last > 0);
    void *failed = test;
    assert_int_equal(pthread_join(thread, &failed), 0);
    assert_null(failed);
}

/* -------- copy -------- */

static void test_copy_of_a_live_journal(void **state)
{
    struct contract *const test = *state;
    uint64_t const end = fixture_fill(test->journal, 0, 30);
    char *const path = fixture_path(test->folder, "copy.db");
    if (test->backend->file == NULL) {
        assert_int_equal(pbti_journal_copy(test->journal, path, &test->err), PBT_EINVAL);
        assert_int_not_equal(access(path, F_OK), 0);
        free(path);
        return;
    }
    assert_int_equal(pbti_journal_copy(test->journal, path, &test->err), PBT_OK);
    (void)fixture_fill(test->journal, 30, 35); /* it stays usable, and the copy as it was */
    expect_batches(test, test->journal, 0, 0, 35);
    char *url = NULL;
    assert_true(asprintf(&url, "%s%s", test->backend->scheme, path) > 0);
    struct pbti_journal_opts const opts = options(false, false);
    struct pbti_journal *copy = NULL;
    assert_int_equal(pbti_journal_open(url, &opts, &copy, &test->err), PBT_OK);
    expect_last(test, copy, end);
    expect_batches(test, copy, 0, 0, 30);
    assert_int_equal(pbti_journal_check(copy, &test->err), PBT_OK);
    (void)fixture_fill(copy, 30, 31);
    pbti_journal_close(copy);
    free(url);
    free(path);
}

static void test_copy_replaces_nothing(void **state)
{
    struct contract *const test = *state;
    if (test->backend->file == NULL) { return; }
    (void)fixture_fill(test->journal, 0, 3);
    if (test->backend->elsewhere) {
        char *const own = fixture_path(test->folder, test->backend->file);
        assert_int_equal(pbti_journal_copy(test->journal, own, &test->err), PBT_EEXIST);
        free(own);
        expect_batches(test, test->journal, 0, 0, 3);
        return;
    }
    char *const path = fixture_path(test->folder, "there");
    fixture_save(path, "precious", 8);
    assert_int_equal(pbti_journal_copy(test->journal, path, &test->err), PBT_EEXIST);
    size_t size;
    uint8_t *const bytes = fixture_load(path, &size);
    assert_int_equal(size, 8);
    assert_memory_equal(bytes, "precious", 8);
    free(bytes);
    free(path);
    char *const nowhere = fixture_path(test->folder, "no/such/folder");
    assert_int_equal(pbti_journal_copy(test->journal, nowhere, &test->err), PBT_EIO);
    free(nowhere);
    expect_batches(test, test->journal, 0, 0, 3);
}

static void test_check_of_a_sound_journal(void **state)
{
    struct contract *const test = *state;
    (void)fixture_fill(test->journal, 0, 200);
    assert_int_equal(pbti_journal_check(test->journal, &test->err), PBT_OK);
    (void)fixture_fill(test->journal, 200, 201);
    assert_int_equal(pbti_journal_check(test->journal, &test->err), PBT_OK);
}

/* -------- the suite -------- */

int contract_run(const struct contract_backend *backend)
{
#define TEST(function)                                                                             \
    cmocka_unit_test_prestate_setup_teardown(function, set_up, tear_down,                          \
                                             (void *)(uintptr_t)backend)
    const struct CMUnitTest contract[] = {
        TEST(test_empty_journal_has_last_zero),
        TEST(test_append_numbers_events_from_one),
        TEST(test_conflict_leaves_nothing_and_tells_last),
        TEST(test_landed_knows_the_batch),
        TEST(test_read_since_the_end_of_each_batch),
        TEST(test_read_since_inside_a_batch_is_refused),
        TEST(test_error_of_the_reader_ends_reading),
        TEST(test_batch_limits),
        TEST(test_success_leaves_the_error_untouched),
        TEST(test_closed_journal_is_there_when_opened_again),
        TEST(test_two_handles_see_each_other),
        TEST(test_create_and_read_only),
        TEST(test_wait_times_out),
        TEST(test_wait_returns_at_once_when_something_is_there),
        TEST(test_wait_wakes_when_another_appends),
        TEST(test_copy_of_a_live_journal),
        TEST(test_copy_replaces_nothing),
        TEST(test_check_of_a_sound_journal),
    };
#undef TEST
    return cmocka_run_group_tests_name(backend->name, contract, NULL, NULL);
}
