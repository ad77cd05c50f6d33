/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/journal/test_journal_dir.c - what is particular to the journal in a shared folder: answers
 * of link(2) that are lost, names that became free by compaction, damage, foreign files.
 *
 * Protects rule 12 and the order of the folder journal. What a file server does to us is done here
 * by link(), unlink() and fsync() of this program, which stand in front of the C library's.
 */
#include "journal_fixture.h"

#include "journal/journal_dir.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MANY (3u * PBTI_DIR_SEGMENT_BATCHES) /* enough to be compacted */

/* -------- a file server that can be told to misbehave -------- */

static struct {
    bool link_lost;   /* the next link is done, but its answer is an error */
    bool link_failed; /* the next link is not done */
    int link_error;
    bool link_late;     /* it is done when the file it was made from is to be deleted, as if late */
    bool unlink_failed; /* files in new/ cannot be deleted */
    int folder_syncs;   /* so many syncs of folders fail */
    void (*before_link)(void *context); /* once, just before the next link */
    void (*after_link)(void *context);  /* once, just after it was done */
    void *context;
    char late_from[PATH_MAX], late_to[PATH_MAX];
} server;

static int real_link(const char *from, const char *to)
{
    return (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

static void call_once(void (**call)(void *context))
{
    void (*const now)(void *) = *call;
    *call = NULL;
    if (now != NULL) { now(server.context); }
}

int link(const char *from, const char *to)
{
    call_once(&server.before_link);
    bool const fails = server.link_failed || server.link_late;
    if (fails) {
        (void)snprintf(server.late_from, sizeof server.late_from, "%s", from);
        (void)snprintf(server.late_to, sizeof server.late_to, "%s", to);
        server.link_failed = false;
        errno = server.link_error;
        return -1;
    }
    int const answer = real_link(from, to);
    call_once(&server.after_link);
    if (!server.link_lost) { return answer; }
    server.link_lost = false;
    errno = server.link_error;
    return -1;
}

int unlink(const char *path)
{
    if (server.unlink_failed && strstr(path, "/new/") != NULL) {
        errno = EIO;
        return -1;
    }
    int const answer = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (server.link_late && strcmp(path, server.late_from) == 0) {
        server.link_late = false; /* now the request arrives: there is nothing to link any more */
        assert_int_not_equal(real_link(server.late_from, server.late_to), 0);
    }
    return answer;
}

int fsync(int descriptor)
{
    struct stat info;
    if (server.folder_syncs > 0 && fstat(descriptor, &info) == 0 && S_ISDIR(info.st_mode)) {
        server.folder_syncs--;
        errno = EIO;
        return -1;
    }
    return 0; /* nothing here loses power, and thousands of real ones take minutes */
}

/* -------- a journal -------- */

struct place {
    char *folder, *path, *url;
    struct pbti_journal *journal;
    struct pbt_error err;
};

static struct pbti_journal *open_journal(struct place *place, bool create, bool sync)
{
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.create = create;
    opts.sync = sync;
    struct pbti_journal *journal = NULL;
    if (pbti_journal_open(place->url, &opts, &journal, &place->err) != PBT_OK) {
        print_error("%s\n", place->err.message);
    }
    assert_non_null(journal);
    return journal;
}

static int set_up(void **state)
{
    memset(&server, 0, sizeof server);
    struct place *const place = calloc(1, sizeof *place);
    assert_non_null(place);
    place->folder = fixture_make_folder();
    place->path = fixture_path(place->folder, "journal");
    assert_true(asprintf(&place->url, "dir:%s", place->path) > 0);
    place->journal = open_journal(place, true, false);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *const place = *state;
    memset(&server, 0, sizeof server);
    pbti_journal_close(place->journal);
    fixture_remove_folder(place->folder);
    free(place->path);
    free(place->url);
    free(place);
    return 0;
}

static char *path_of(const struct place *place, const char *folder, uint64_t first)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%s/%019llu", folder, (unsigned long long)first);
    return fixture_path(place->path, name);
}

static size_t count_files(const struct place *place, const char *name)
{
    char *const path = fixture_path(place->path, name);
    DIR *const folder = opendir(path);
    assert_non_null(folder);
    size_t count = 0;
    for (const struct dirent *item; (item = readdir(folder)) != NULL;) {
        count += item->d_name[0] != '.';
    }
    (void)closedir(folder);
    free(path);
    return count;
}

static pbt_status append(struct place *place, struct pbti_journal *journal, uint64_t number,
                         uint64_t expected)
{
    uint64_t last = 0;
    return fixture_append(journal, number, expected, &last, &place->err);
}

/* -------- answers of link -------- */

static void test_a_link_whose_answer_was_lost_has_happened(void **state)
{
    struct place *const place = *state;
    static const int errors[] = {EEXIST, EIO, ETIMEDOUT}; /* EEXIST: the request was sent twice */
    uint64_t last = 0;
    for (uint64_t i = 0; i < 3; i++) {
        server.link_lost = true;
        server.link_error = errors[i];
        assert_int_equal(fixture_append(place->journal, i, last, &last, &place->err), PBT_OK);
    }
    assert_int_equal(fixture_fill(place->journal, 3, 5) > last, true);
    fixture_expect(place->url, 0, 5);
    assert_int_equal(count_files(place, "new"), 0);
}

static void test_a_link_that_failed_leaves_nothing(void **state)
{
    struct place *const place = *state;
    uint64_t const end = fixture_fill(place->journal, 0, 2);
    server.link_failed = true;
    server.link_error = ENOSPC;
    assert_int_equal(append(place, place->journal, 7, end), PBT_EIO);
    assert_non_null(strstr(place->err.message, "No space left"));
    assert_non_null(strstr(place->err.hint, "make room"));
    assert_int_equal(count_files(place, "new"), 0);
    fixture_expect(place->url, 0, 2);
    (void)fixture_fill(place->journal, 2, 4);
    fixture_expect(place->url, 0, 4);
}

static void test_a_link_that_comes_late_finds_nothing_to_link(void **state)
{
    struct place *const place = *state;
    uint64_t const end = fixture_fill(place->journal, 0, 2);
    server.link_late = true;
    server.link_error = ETIMEDOUT;
    assert_int_equal(append(place, place->journal, 7, end), PBT_EIO);
    assert_false(server.link_late); /* it came */
    fixture_expect(place->url, 0, 2);
}

static void test_what_cannot_be_known_is_called_unknown(void **state)
{
    struct place *const place = *state;
    uint64_t const end = fixture_fill(place->journal, 0, 2);
    server.link_failed = server.unlink_failed = true;
    server.link_error = EIO;
    assert_int_equal(append(place, place->journal, 2, end), PBT_EUNKNOWN);
    server.unlink_failed = false;
    bool landed = true;
    assert_int_equal(pbti_journal_landed(place->journal, end, fixture_id(2), &landed, &place->err),
                     PBT_OK);
    assert_false(landed);
}

static void test_a_batch_that_was_not_synced_is_synced_before_it_counts(void **state)
{
    struct place *const place = *state;
    uint64_t const end = fixture_fill(place->journal, 0, 2);
    pbti_journal_close(place->journal);
    place->journal = open_journal(place, false, true);
    server.folder_syncs = 2;
    assert_int_equal(append(place, place->journal, 2, end), PBT_EUNKNOWN);
    bool landed = false;
    assert_int_equal(pbti_journal_landed(place->journal, end, fixture_id(2), &landed, NULL),
                     PBT_EIO);
    assert_int_equal(server.folder_syncs, 0);
    assert_int_equal(pbti_journal_landed(place->journal, end, fixture_id(2), &landed, NULL),
                     PBT_OK);
    assert_true(landed);
    fixture_expect(place->url, 0, 3);
}

/* -------- compaction -------- */

static void test_batches_are_compacted_and_nothing_changes(void **state)
{
    struct place *const place = *state;
    struct pbti_journal *const follower = open_journal(place, false, true);
    struct fixture_seen *const seen = calloc(1, sizeof *seen);
    assert_non_null(seen);
    for (uint64_t number = 0; number < MANY; number += 100) {
        uint64_t const end = number + 100 < MANY ? number + 100 : MANY;
        (void)fixture_fill(place->journal, number, end);
        assert_int_equal(pbti_journal_read(follower, seen->last, fixture_see, seen, &place->err),
                         PBT_OK);
        assert_int_equal(seen->count, end);
    }
    assert_false(seen->wrong);
    assert_true(count_files(place, "segments") >= 1);
    assert_true(count_files(place, "batches") < 2u * PBTI_DIR_SEGMENT_BATCHES);
    assert_int_equal(count_files(place, "new"), 0);
    fixture_expect(place->url, 0, MANY);
    free(seen);
    pbti_journal_close(follower);
}

static void test_since_and_landed_inside_a_segment(void **state)
{
    struct place *const place = *state;
    uint64_t ends[12] = {0};
    for (uint64_t number = 0; number < 11; number++) {
        ends[number + 1] = fixture_fill(place->journal, number, number + 1);
    }
    (void)fixture_fill(place->journal, 11, MANY);
    char *const first = path_of(place, "batches", 1);
    assert_int_not_equal(access(first, F_OK), 0);
    free(first);
    for (uint64_t since = 0, at = 0; since <= ends[10]; since++) {
        struct fixture_seen *const seen = calloc(1, sizeof *seen);
        assert_non_null(seen);
        seen->last = since;
        pbt_status const status =
            pbti_journal_read(place->journal, since, fixture_see, seen, &place->err);
        assert_int_equal(status, since == ends[at] ? PBT_OK : PBT_ECORRUPT);
        assert_int_equal(seen->count, since == ends[at] ? MANY - at : 0);
        free(seen);
        bool landed = false;
        assert_int_equal(pbti_journal_landed(place->journal, since, fixture_id(at), &landed, NULL),
                         PBT_OK);
        assert_int_equal(landed, since == ends[at]);
        if (since == ends[at]) { at++; }
    }
}

static void fill_by_another(void *context)
{
    struct place *const place = context;
    struct pbti_journal *const other = open_journal(place, false, false);
    (void)fixture_fill(other, 1, MANY);
    pbti_journal_close(other);
}

/* It looked, slept, and linked a name that had been used and was free again. */
static void test_an_appender_that_slept_through_a_compaction_is_refused(void **state)
{
    struct place *const place = *state;
    uint64_t const end = fixture_fill(place->journal, 0, 1);
    struct fixture_batch batch;
    fixture_make_batch(4711, &batch);
    server.before_link = fill_by_another;
    server.context = place;
    uint64_t last = 0;
    assert_int_equal(fixture_append(place->journal, 4711, end, &last, &place->err), PBT_ECONFLICT);
    assert_null(server.before_link);
    char *const name = path_of(place, "batches", end + 1);
    assert_int_not_equal(access(name, F_OK), 0);
    free(name);
    uint64_t now = 0;
    assert_int_equal(pbti_journal_last(place->journal, &now, NULL), PBT_OK);
    assert_int_equal(last, now);
    fixture_expect(place->url, 0, MANY);
    (void)fixture_fill(place->journal, MANY, MANY + 1);
    fixture_expect(place->url, 0, MANY + 1);
}

/* Its batch was the first under that name, and others had compacted it before it could look. */
static void test_a_batch_that_is_compacted_at_once_has_landed(void **state)
{
    struct place *const place = *state;
    uint64_t last = 0;
    server.after_link = fill_by_another;
    server.context = place;
    assert_int_equal(fixture_append(place->journal, 0, 0, &last, &place->err), PBT_OK);
    assert_null(server.after_link);
    char *const name = path_of(place, "batches", 1);
    assert_int_not_equal(access(name, F_OK), 0); /* it was compacted indeed */
    free(name);
    fixture_expect(place->url, 0, MANY);
    (void)fixture_fill(place->journal, MANY, MANY + 1);
    fixture_expect(place->url, 0, MANY + 1);
}

/* Whoever died while compacting leaves files that segments cover; whatever is in them. */
static void test_what_segments_cover_means_nothing(void **state)
{
    struct place *const place = *state;
    (void)fixture_fill(place->journal, 0, MANY);
    char *const left = path_of(place, "batches", 1);
    fixture_save(left, "rubbish", 7);
    fixture_expect(place->url, 0, MANY);
    (void)fixture_fill(place->journal, MANY, 2 * MANY);
    assert_int_not_equal(access(left, F_OK), 0); /* the next compaction took it away */
    free(left);
    fixture_expect(place->url, 0, 2 * MANY);
}

/* -------- damage -------- */

static pbt_status read_anew(struct place *place)
{
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.read_only = true;
    struct pbti_journal *journal = NULL;
    pbt_status status = pbti_journal_open(place->url, &opts, &journal, &place->err);
    if (status == PBT_OK) { status = pbti_journal_check(journal, &place->err); }
    pbti_journal_close(journal);
    return status;
}

/* Try each byte of a file changed, and each length; afterwards it is as it was. */
static void spoil(struct place *place, const char *path, size_t step)
{
    size_t size;
    uint8_t *const bytes = fixture_load(path, &size);
    assert_int_equal(chmod(path, 0600), 0);
    for (size_t i = 0; i < size; i += step) {
        bytes[i] ^= 0x10;
        fixture_save(path, bytes, size);
        bytes[i] ^= 0x10;
        assert_int_equal(read_anew(place), PBT_ECORRUPT);
        assert_true(strstr(place->err.message, strrchr(path, '/') + 1) != NULL);
        fixture_save(path, bytes, i);
        assert_int_equal(read_anew(place), PBT_ECORRUPT);
    }
    fixture_save(path, bytes, size);
    assert_int_equal(read_anew(place), PBT_OK);
    free(bytes);
}

static void test_any_change_of_a_batch_is_found(void **state)
{
    struct place *const place = *state;
    uint64_t const end = fixture_fill(place->journal, 0, 1);
    (void)fixture_fill(place->journal, 1, 4);
    char *const path = path_of(place, "batches", end + 1);
    spoil(place, path, 3);
    free(path);
}

static void test_any_change_of_a_segment_is_found(void **state)
{
    struct place *const place = *state;
    (void)fixture_fill(place->journal, 0, MANY);
    char *const path = path_of(place, "segments", 1);
    spoil(place, path, 20011);
    free(path);
}

static void test_missing_batches_are_found(void **state)
{
    struct place *const place = *state;
    uint64_t const end = fixture_fill(place->journal, 0, 3);
    (void)fixture_fill(place->journal, 3, 6);
    char *const path = path_of(place, "batches", end + 1);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(read_anew(place), PBT_ECORRUPT);
    assert_non_null(strstr(place->err.message, "events are missing"));
    struct fixture_seen seen = {0}; /* who had followed it notices, too */
    assert_int_equal(pbti_journal_read(place->journal, 0, fixture_see, &seen, NULL), PBT_ECORRUPT);
    free(path);
}

static void test_a_batch_under_another_name_is_found(void **state)
{
    struct place *const place = *state;
    uint64_t const end = fixture_fill(place->journal, 0, 3);
    char *const from = path_of(place, "batches", 1);
    char *const to = path_of(place, "batches", end + 1);
    assert_int_equal(real_link(from, to), 0);
    assert_int_equal(read_anew(place), PBT_ECORRUPT);
    assert_non_null(strstr(place->err.message, "not what follows"));
    free(from);
    free(to);
}

static void test_foreign_folders_are_refused(void **state)
{
    struct place *const place = *state;
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.create = true;
    char *const folder = fixture_path(place->folder, "photos");
    char *const file = fixture_path(folder, "cat.jpg");
    char *url = NULL;
    struct pbti_journal *journal = NULL;
    assert_int_equal(mkdir(folder, 0777), 0);
    fixture_save(file, "cat", 3);
    assert_true(asprintf(&url, "dir:%s", folder) > 0);
    assert_int_equal(pbti_journal_open(url, &opts, &journal, &place->err), PBT_ECORRUPT);
    assert_non_null(strstr(place->err.message, "cat.jpg"));
    opts.create = false;
    assert_int_equal(pbti_journal_open(url, &opts, &journal, &place->err), PBT_ECORRUPT);
    assert_non_null(strstr(place->err.message, "is not a journal"));
    free(url);
    assert_true(asprintf(&url, "dir:%s", file) > 0);
    assert_int_equal(pbti_journal_open(url, &opts, &journal, &place->err), PBT_ECORRUPT);
    free(url);
    free(file);
    free(folder);
}

static void test_a_format_of_the_future_is_refused_by_name(void **state)
{
    struct place *const place = *state;
    char *const format = fixture_path(place->path, "format");
    struct pbti_journal_opts const opts = pbti_journal_opts_default();
    struct pbti_journal *journal = NULL;
    fixture_save(format, "pbt journal folder 2\n", 21);
    assert_int_equal(pbti_journal_open(place->url, &opts, &journal, &place->err), PBT_EVERSION);
    assert_non_null(strstr(place->err.message, "has format 2"));
    fixture_save(format, "pbt journal folder x\n", 21);
    assert_int_equal(pbti_journal_open(place->url, &opts, &journal, &place->err), PBT_ECORRUPT);
    free(format);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_link_whose_answer_was_lost_has_happened),
        TEST(test_a_link_that_failed_leaves_nothing),
        TEST(test_a_link_that_comes_late_finds_nothing_to_link),
        TEST(test_what_cannot_be_known_is_called_unknown),
        TEST(test_a_batch_that_was_not_synced_is_synced_before_it_counts),
        TEST(test_batches_are_compacted_and_nothing_changes),
        TEST(test_since_and_landed_inside_a_segment),
        TEST(test_an_appender_that_slept_through_a_compaction_is_refused),
        TEST(test_a_batch_that_is_compacted_at_once_has_landed),
        TEST(test_what_segments_cover_means_nothing),
        TEST(test_any_change_of_a_batch_is_found),
        TEST(test_any_change_of_a_segment_is_found),
        TEST(test_missing_batches_are_found),
        TEST(test_a_batch_under_another_name_is_found),
        TEST(test_foreign_folders_are_refused),
        TEST(test_a_format_of_the_future_is_refused_by_name),
    };
#undef TEST
    return cmocka_run_group_tests_name("folder journal", tests, NULL, NULL);
}
