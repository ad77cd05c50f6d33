/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/journal/test_journal_faults.c - the SQLite journal on a disk that fails or is full.
 *
 * Protects rule 12 (nothing acknowledged is lost, nothing refused appears) of the SQLite journal:
 * every write, sync and truncation fails in turn; a disk that is really full.
 */
#include "faulty_vfs.h"
#include "journal_fixture.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <errno.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#define APPENDS 8u /* one of them larger than a page */
#define IDS 64u

/* What became of each batch, by its number. */
enum fate { UNTRIED, REFUSED, ACKNOWLEDGED, UNKNOWN };

struct workload {
    char *folder, *path, *image;
    enum fate fates[IDS];
    uint64_t next; /* number of the next batch; a batch that was refused is never tried again */
    long unknown;  /* appends whose outcome could not be told */
};

/* -------- what must hold -------- */

static void copy_file(const char *from, const char *to, const char *suffix)
{
    char *const source = fixture_path(from, suffix); /* suffix completes the name behind a slash */
    char *const target = fixture_path(to, suffix);
    if (access(source, F_OK) == 0) {
        size_t size;
        uint8_t *const bytes = fixture_load(source, &size);
        fixture_save(target, bytes, size);
        free(bytes);
    } else {
        (void)unlink(target);
    }
    free(source);
    free(target);
}

/* What is in the journal is what was acknowledged, and nothing that was refused. */
static void expect_fates(const char *path, const enum fate *fates)
{
    struct pbti_journal *const journal = fixture_open(path, false);
    struct pbt_error err = {0};
    struct fixture_seen *const seen = calloc(1, sizeof *seen);
    assert_non_null(seen);
    assert_int_equal(pbti_journal_check(journal, &err), PBT_OK);
    assert_int_equal(pbti_journal_read(journal, 0, fixture_see, seen, &err), PBT_OK);
    assert_false(seen->wrong);
    bool there[IDS] = {false};
    for (size_t i = 0; i < seen->count; i++) {
        assert_true(seen->numbers[i] < IDS);
        assert_false(there[seen->numbers[i]]);
        there[seen->numbers[i]] = true;
    }
    for (size_t i = 0; i < IDS; i++) {
        if (fates[i] == ACKNOWLEDGED) { assert_true(there[i]); }
        if (fates[i] == REFUSED || fates[i] == UNTRIED) { assert_false(there[i]); }
    }
    free(seen);
    pbti_journal_close(journal);
}

/*
 * Suppose that all processes died now: recovery sees the files as they are. (The image is opened
 * with the faults off; its -shm is left out, as after a restart of the machine.)
 */
static void expect_fates_after_crash(const struct workload *work)
{
    struct faulty_plan const plan = faulty_plan;
    faulty_plan = (struct faulty_plan){0};
    copy_file(work->folder, work->image, "journal.db");
    copy_file(work->folder, work->image, "journal.db-wal");
    copy_file(work->folder, work->image, "journal.db-journal");
    char *const path = fixture_path(work->image, "journal.db");
    expect_fates(path, work->fates);
    free(path);
    faulty_plan = plan;
}

/* -------- the workload -------- */

static void append_one(struct workload *work, struct pbti_journal *journal, uint64_t *last)
{
    uint64_t const number = work->next++;
    struct pbt_error err = {0};
    uint64_t told = 0;
    pbt_status status = fixture_append(journal, number, *last, &told, &err);
    if (status == PBT_EUNKNOWN) {
        work->unknown++;
        bool landed = false;
        if (pbti_journal_landed(journal, *last, fixture_id(number), &landed, NULL) == PBT_OK) {
            status = landed ? PBT_OK : PBT_EIO;
            told = landed ? *last + 1 : 0;
        }
    }
    assert_true(status == PBT_OK || status == PBT_EIO || status == PBT_EUNKNOWN ||
                status == PBT_ECONFLICT);
    if (status == PBT_OK) {
        work->fates[number] = ACKNOWLEDGED;
        assert_int_equal(pbti_journal_last(journal, last, NULL), PBT_OK);
    } else {
        work->fates[number] = status == PBT_EUNKNOWN ? UNKNOWN : REFUSED;
        bool const full = faulty_plan.kind == FAULTY_FULL && strstr(err.message, "disk is full");
        assert_true(full || faulty_plan.kind != FAULTY_FULL || err.detail != SQLITE_FULL);
        assert_true(err.message[0] != '\0');
    }
    if (status == PBT_ECONFLICT) { *last = told; } /* one whose fate was unknown had landed */
}

/* Open, append, close; from the first fault on, look at the crash image after each append. */
static void run_workload(struct workload *work, bool sync)
{
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.create = true;
    opts.sync = sync;
    struct pbti_journal *journal = NULL;
    for (int tries = 0; tries < 2 && journal == NULL; tries++) {
        pbt_status const status = pbti_journal_open(work->path, &opts, &journal, NULL);
        assert_true(status == PBT_OK || status == PBT_EIO);
    }
    if (journal == NULL) { return; }
    uint64_t last = 0;
    for (unsigned i = 0; i < APPENDS; i++) {
        append_one(work, journal, &last);
        if (faulty_plan.hits > 0) { expect_fates_after_crash(work); }
    }
    pbti_journal_close(journal);
}

/* One run with the plan in force; true when a fault was hit. */
static bool run_with_faults(enum faulty_kind kind, bool forever, bool sync, long at)
{
    struct workload work = {.folder = fixture_make_folder(), .image = fixture_make_folder()};
    work.path = fixture_path(work.folder, "journal.db");
    faulty_plan = (struct faulty_plan){.kind = kind, .at = at, .forever = forever};
    run_workload(&work, sync);
    bool const hit = faulty_plan.hits > 0;
    faulty_plan = (struct faulty_plan){0};
    struct pbti_journal *const journal = fixture_open(work.path, true); /* all is well again */
    uint64_t last = 0;
    assert_int_equal(pbti_journal_last(journal, &last, NULL), PBT_OK);
    assert_int_equal(fixture_append(journal, work.next, last, &last, NULL), PBT_OK);
    work.fates[work.next] = ACKNOWLEDGED;
    pbti_journal_close(journal);
    expect_fates(work.path, work.fates);
    if (kind == FAULTY_ERROR && !forever) { assert_int_equal(work.unknown, 0); }
    free(work.path);
    fixture_remove_folder(work.image);
    fixture_remove_folder(work.folder);
    return hit;
}

static void try_every_fault(bool forever, bool sync)
{
    for (int kind = 0; kind < FAULTY_KINDS; kind++) {
        long at = 1;
        while (run_with_faults((enum faulty_kind)kind, forever, sync, at)) {
            at++;
        }
        print_message("kind %d: %ld operations failed in turn\n", kind, at - 1);
        assert_true(at > APPENDS); /* each append wrote something */
    }
}

static void test_every_io_operation_fails_once(void **state)
{
    (void)state;
    try_every_fault(false, true);
}

static void test_every_io_operation_fails_from_then_on(void **state)
{
    (void)state;
    try_every_fault(true, true);
}

static void test_every_io_operation_fails_without_sync(void **state)
{
    (void)state;
    try_every_fault(false, false);
}

/* -------- full disk -------- */

static void test_full_disk_refuses_and_recovers(void **state)
{
    (void)state;
    char *const folder = fixture_make_folder();
    char *const path = fixture_path(folder, "journal.db");
    struct pbti_journal *const journal = fixture_open(path, true);
    uint64_t last = fixture_fill(journal, 0, 5);
    faulty_plan = (struct faulty_plan){.kind = FAULTY_FULL, .at = 1, .forever = true};
    for (uint64_t tries = 0; tries < 3; tries++) {
        struct pbt_error err = {0};
        uint64_t told = 0;
        assert_int_equal(fixture_append(journal, 5, last, &told, &err), PBT_EIO);
        assert_non_null(strstr(err.message, "disk is full"));
        assert_non_null(strstr(err.message, "journal.db"));
        assert_int_not_equal(err.hint[0], '\0');
    }
    faulty_plan = (struct faulty_plan){0};
    assert_int_equal(fixture_append(journal, 5, last, &last, NULL), PBT_OK);
    pbti_journal_close(journal);
    fixture_expect(path, 0, 6);
    free(path);
    fixture_remove_folder(folder);
}

/* On a real, small file system; in a child, whose mounts nobody else sees. 77: may not mount. */
static int fill_real_disk(const char *folder)
{
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", folder, "tmpfs", 0, "size=1m") != 0) {
        return 77;
    }
    char *const path = fixture_path(folder, "journal.db");
    char *const ballast = fixture_path(folder, "ballast");
    static const char filler[300000];
    FILE *const file = fopen(ballast, "wb");
    if (file == NULL || fwrite(filler, 1, sizeof filler, file) != sizeof filler) { return 1; }
    (void)fclose(file);
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.create = true;
    struct pbti_journal *journal = NULL;
    struct pbt_error err = {0};
    if (pbti_journal_open(path, &opts, &journal, &err) != PBT_OK) { return 2; }
    uint64_t number = 0;
    uint64_t last = 0;
    uint64_t told = 0;
    pbt_status status;
    while ((status = fixture_append(journal, number, last, &told, &err)) == PBT_OK) {
        last = told;
        number++;
    }
    if (status != PBT_EIO || strstr(err.message, "disk is full") == NULL) { return 3; }
    if (number < 20) { return 4; }
    if (fixture_append(journal, number, last, &told, &err) != PBT_EIO) { return 5; }
    if (unlink(ballast) != 0) { return 6; }
    if (fixture_append(journal, number, last, &last, &err) != PBT_OK) { return 7; }
    struct fixture_seen *const seen = calloc(1, sizeof *seen);
    if (seen == NULL) { return 8; }
    if (pbti_journal_read(journal, 0, fixture_see, seen, NULL) != PBT_OK) { return 9; }
    if (seen->wrong || seen->count != number + 1 || seen->last != last) { return 10; }
    if (pbti_journal_check(journal, NULL) != PBT_OK) { return 11; }
    pbti_journal_close(journal);
    free(seen);
    free(ballast);
    free(path);
    return 0;
}

static void test_really_full_disk(void **state)
{
    (void)state;
    char *const folder = fixture_make_folder();
    pid_t const child = fork();
    if (child == 0) { _exit(fill_real_disk(folder)); }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    fixture_remove_folder(folder);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        print_message("may not mount a small file system: skipped\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_io_operation_fails_once),
        cmocka_unit_test(test_every_io_operation_fails_from_then_on),
        cmocka_unit_test(test_every_io_operation_fails_without_sync),
        cmocka_unit_test(test_full_disk_refuses_and_recovers),
        cmocka_unit_test(test_really_full_disk),
    };
    if (faulty_vfs_install() != 0) { return 1; }
    return cmocka_run_group_tests_name("sqlite under faults", tests, NULL, NULL);
}
