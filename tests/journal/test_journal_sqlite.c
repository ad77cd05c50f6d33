/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/journal/test_journal_sqlite.c - the SQLite journal as a file.
 *
 * Protects what a URL names, which files are refused and how, reading
 * without permission to write (rule 12: a finished study opens anywhere), waiting for locks.
 */
#include "journal_fixture.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOBODY 65534u

struct place {
    char *folder, *path;
    struct pbt_error err;
};

static int set_up(void **state)
{
    struct place *const place = calloc(1, sizeof *place);
    assert_non_null(place);
    place->folder = fixture_make_folder();
    place->path = fixture_path(place->folder, "journal.db");
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *const place = *state;
    (void)chmod(place->folder, 0755);
    free(place->path);
    fixture_remove_folder(place->folder);
    free(place);
    return 0;
}

static bool is_there(const struct place *place, const char *name)
{
    char *const path = fixture_path(place->folder, name);
    bool const there = access(path, F_OK) == 0;
    free(path);
    return there;
}

static void make_journal(const struct place *place, uint64_t batches)
{
    struct pbti_journal *const journal = fixture_open(place->path, true);
    (void)fixture_fill(journal, 0, batches);
    pbti_journal_close(journal);
}

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static pbt_status try_open(struct place *place, const char *url, bool create, bool read_only)
{
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.create = create;
    opts.read_only = read_only;
    struct pbti_journal *journal = NULL;
    place->err = (struct pbt_error){0};
    pbt_status const status = pbti_journal_open(url, &opts, &journal, &place->err);
    assert_int_equal(status == PBT_OK, journal != NULL);
    pbti_journal_close(journal);
    return status;
}

static void expect_said(const struct place *place, const char *text)
{
    if (strstr(place->err.message, text) == NULL) { print_error("%s\n", place->err.message); }
    assert_non_null(strstr(place->err.message, text));
}

/* -------- names -------- */

static void test_url_names_the_backend(void **state)
{
    struct place *const place = *state;
    assert_int_equal(try_open(place, "mysql:x", true, false), PBT_EINVAL);
    expect_said(place, "there is no kind of journal called \"mysql\"");
    assert_int_not_equal(place->err.hint[0], '\0');
    assert_int_equal(try_open(place, "sqlite3:x", true, false), PBT_EINVAL);
    assert_int_equal(try_open(place, "memory:x", true, false), PBT_EINVAL);
    expect_said(place, "has no name");
    assert_int_equal(try_open(place, "sqlite:", true, false), PBT_EINVAL);
    assert_int_equal(try_open(place, "", true, false), PBT_EINVAL);
    expect_said(place, "path is empty");
    assert_int_equal(try_open(place, "memory:", false, false), PBT_OK);
}

static void test_options_not_made_by_default_are_refused(void **state)
{
    struct place *const place = *state;
    struct pbti_journal_opts opts = {.create = true};
    struct pbti_journal *journal = NULL;
    assert_int_equal(pbti_journal_open(place->path, &opts, &journal, &place->err), PBT_EINVAL);
    assert_null(journal);
    assert_int_equal(pbti_journal_open("memory:", NULL, &journal, &place->err), PBT_OK);
    pbti_journal_close(journal);
    pbti_journal_close(NULL);
}

/* Names that mean something else to SQLite are names of files. */
static void test_any_file_name_is_a_file(void **state)
{
    struct place *const place = *state;
    static const char *const names[] = {":memory:", "file:x?mode=memory", "a%20b?c#d.db",
                                        "-journal", "caf\xc3\xa9.db",     "with space"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *const path = fixture_path(place->folder, names[i]);
        char *url = NULL;
        assert_true(asprintf(&url, "sqlite:%s", path) > 0);
        struct pbti_journal *const journal = fixture_open(url, true);
        (void)fixture_fill(journal, 0, 3);
        pbti_journal_close(journal);
        assert_true(is_there(place, names[i]));
        assert_int_equal(try_open(place, url, false, true), PBT_OK);
        free(url);
        free(path);
    }
    char *const before = getcwd(NULL, 0);
    assert_int_equal(chdir(place->folder), 0);
    struct pbti_journal *const journal = fixture_open("sqlite::memory:", false);
    uint64_t last = 0;
    assert_int_equal(pbti_journal_last(journal, &last, NULL), PBT_OK);
    assert_true(last > 0);
    assert_int_equal(pbti_journal_copy(journal, "file:copy", &place->err), PBT_OK);
    pbti_journal_close(journal);
    assert_true(is_there(place, "file:copy"));
    assert_int_equal(chdir(before), 0);
    free(before);
}

static void test_link_is_followed(void **state)
{
    struct place *const place = *state;
    make_journal(place, 3);
    char *const link = fixture_path(place->folder, "link.db");
    assert_int_equal(symlink("journal.db", link), 0);
    struct pbti_journal *const journal = fixture_open(link, false);
    (void)fixture_fill(journal, 3, 5);
    assert_true(is_there(place, "journal.db-wal"));
    assert_false(is_there(place, "link.db-wal"));
    pbti_journal_close(journal);
    fixture_expect(place->path, 0, 5);
    free(link);
}

/* -------- files that are not ours -------- */

static void expect_refused(struct place *place, pbt_status status, const char *said)
{
    for (int i = 0; i < 4; i++) {
        bool const create = i == 1;
        bool const read_only = i >= 2;
        assert_int_equal(try_open(place, place->path, create, read_only), status);
        expect_said(place, said);
        expect_said(place, "journal.db");
    }
}

static void test_foreign_files_are_refused_by_name(void **state)
{
    struct place *const place = *state;
    static const char text[] =
        "This is not a journal but a text that is long enough to be taken for "
        "the header of a database, which has a hundred bytes.\n";
    fixture_save(place->path, text, sizeof text);
    expect_refused(place, PBT_ECORRUPT, "is not a journal");
    size_t size;
    uint8_t *const bytes = fixture_load(place->path, &size); /* and left as they are */
    assert_int_equal(size, sizeof text);
    assert_memory_equal(bytes, text, size);
    free(bytes);
    fixture_save(place->path, "xy", 2);
    expect_refused(place, PBT_ECORRUPT, "is not a journal");
    assert_int_equal(unlink(place->path), 0);
    run_sql(place->path, "CREATE TABLE batch(last INTEGER PRIMARY KEY)");
    expect_refused(place, PBT_ECORRUPT, "is a database of another program, not a journal");
    run_sql(place->path, "DROP TABLE batch");
    expect_refused(place, PBT_ECORRUPT, "is a database of another program, not a journal");
    assert_false(is_there(place, "journal.db-wal"));
}

static void test_other_kinds_of_files_are_refused(void **state)
{
    struct place *const place = *state;
    assert_int_equal(mkdir(place->path, 0755), 0);
    expect_refused(place, PBT_ECORRUPT, "is a folder, not a journal");
    assert_int_equal(rmdir(place->path), 0);
    assert_int_equal(mkfifo(place->path, 0644), 0);
    expect_refused(place, PBT_ECORRUPT, "not a journal"); /* and nobody waits for a writer */
    assert_int_equal(unlink(place->path), 0);
    fixture_save(place->path, "", 0);
    assert_int_equal(try_open(place, place->path, false, true), PBT_ECORRUPT);
    expect_said(place, "is empty");
    assert_int_equal(try_open(place, place->path, false, false), PBT_ECORRUPT);
    assert_int_equal(try_open(place, place->path, true, false), PBT_OK); /* creation was cut off */
    char *const inside = fixture_path(place->path, "x.db");
    assert_int_equal(try_open(place, inside, true, false), PBT_EIO);
    free(inside);
    char *const nowhere = fixture_path(place->folder, "no/such/journal.db");
    assert_int_equal(try_open(place, nowhere, false, false), PBT_ENOENT);
    assert_int_equal(try_open(place, nowhere, true, false), PBT_EIO);
    expect_said(place, "No such file or directory");
    free(nowhere);
}

static void test_newer_format_is_refused_by_name(void **state)
{
    struct place *const place = *state;
    make_journal(place, 2);
    run_sql(place->path, "PRAGMA user_version=2");
    expect_refused(place, PBT_EVERSION, "has format 2; the newest known here is 1");
    assert_int_not_equal(place->err.hint[0], '\0');
    run_sql(place->path, "PRAGMA user_version=0");
    expect_refused(place, PBT_ECORRUPT, "there is no format 0");
}

/* -------- one file after the last close -------- */

static void test_last_close_leaves_one_file(void **state)
{
    struct place *const place = *state;
    struct pbti_journal *const first = fixture_open(place->path, true);
    struct pbti_journal *const second = fixture_open(place->path, false);
    uint64_t const end = fixture_fill(first, 0, 10);
    pbti_journal_close(first);
    assert_true(is_there(place, "journal.db-wal"));
    assert_int_equal(fixture_fill(second, 10, 10), end);
    pbti_journal_close(second);
    assert_false(is_there(place, "journal.db-wal"));
    assert_false(is_there(place, "journal.db-shm"));
    assert_false(is_there(place, "journal.db-journal"));
    size_t size;
    uint8_t *const bytes = fixture_load(place->path, &size);
    assert_int_equal(bytes[18], 1); /* rollback mode */
    char *const other = fixture_path(place->folder, "cp.db");
    fixture_save(other, bytes, size);
    fixture_expect(other, 0, 10);
    free(other);
    free(bytes);
}

/* A reader that is the last to go cannot do it; then everything is in the file at least. */
static void test_close_does_not_wait_for_readers(void **state)
{
    struct place *const place = *state;
    struct pbti_journal *const writer = fixture_open(place->path, true);
    (void)fixture_fill(writer, 0, 10);
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.read_only = true;
    struct pbti_journal *reader = NULL;
    assert_int_equal(pbti_journal_open(place->path, &opts, &reader, NULL), PBT_OK);
    struct timespec start, end;
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    pbti_journal_close(writer);
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    assert_true(end.tv_sec - start.tv_sec < 10); /* lock_wait_ms is 30 s */
    uint64_t last = 0;
    assert_int_equal(pbti_journal_last(reader, &last, NULL), PBT_OK);
    assert_true(last >= 10);
    char *const wal = fixture_path(place->folder, "journal.db-wal");
    struct stat info = {0};
    assert_true(stat(wal, &info) != 0 || info.st_size == 0);
    free(wal);
    pbti_journal_close(reader);
    fixture_expect(place->path, 0, 10);
}

/* -------- as an ordinary user, without permission to write -------- */

/* What a child found: open's status, whether all `batches` were read, words of its message. */
struct finding {
    pbt_status status;
    bool complete;
    struct pbt_error err;
};

static void read_all(const char *path, bool read_only, bool create, uint64_t batches,
                     struct finding *finding)
{
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.read_only = read_only;
    opts.create = create;
    struct pbti_journal *journal = NULL;
    finding->status = pbti_journal_open(path, &opts, &journal, &finding->err);
    if (finding->status != PBT_OK) { return; }
    struct fixture_seen *const seen = calloc(1, sizeof *seen);
    finding->status = seen == NULL ? PBT_ENOMEM : pbti_journal_check(journal, &finding->err);
    if (finding->status == PBT_OK) {
        finding->status = pbti_journal_read(journal, 0, fixture_see, seen, &finding->err);
        finding->complete = !seen->wrong && seen->count == batches;
    }
    free(seen);
    pbti_journal_close(journal);
}

/* Open `path` in a child that is not root. */
static struct finding look_as_ordinary_user(const char *path, bool read_only, bool create,
                                            uint64_t batches)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t const child = fork();
    assert_true(child >= 0);
    struct finding finding = {.status = PBT_EUNKNOWN};
    if (child == 0) {
        if (getuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)) { _exit(1); }
        read_all(path, read_only, create, batches, &finding);
        _exit(write(ends[1], &finding, sizeof finding) == sizeof finding ? 0 : 2);
    }
    (void)close(ends[1]);
    assert_int_equal(read(ends[0], &finding, sizeof finding), sizeof finding);
    (void)close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    return finding;
}

static void forbid_writing(const struct place *place)
{
    assert_int_equal(chmod(place->path, 0444), 0);
    assert_int_equal(chmod(place->folder, 0555), 0);
}

static void test_finished_journal_opens_without_write_permission(void **state)
{
    struct place *const place = *state;
    make_journal(place, 25);
    forbid_writing(place);
    struct finding const found = look_as_ordinary_user(place->path, true, false, 25);
    assert_int_equal(found.status, PBT_OK);
    assert_true(found.complete);
}

static void test_writing_without_permission_is_refused_with_a_hint(void **state)
{
    struct place *const place = *state;
    make_journal(place, 2);
    forbid_writing(place);
    struct finding found = look_as_ordinary_user(place->path, false, false, 2);
    assert_int_equal(found.status, PBT_EIO);
    assert_non_null(strstr(found.err.message, "cannot be written"));
    assert_non_null(strstr(found.err.message, place->path));
    assert_non_null(strstr(found.err.hint, "permissions"));
    char *const absent = fixture_path(place->folder, "absent.db");
    found = look_as_ordinary_user(absent, false, true, 0);
    assert_int_equal(found.status, PBT_EIO);
    assert_non_null(strstr(found.err.message, "Permission denied"));
    assert_non_null(strstr(found.err.message, "absent.db"));
    assert_int_not_equal(found.err.hint[0], '\0');
    free(absent);
}

/* A journal whose only writer is killed with `batches` appended: its -wal and -shm stay. */
static void leave_unclosed(const struct place *place, uint64_t batches)
{
    pid_t const child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct pbti_journal_opts opts = pbti_journal_opts_default();
        opts.create = true;
        struct pbti_journal *journal = NULL;
        if (pbti_journal_open(place->path, &opts, &journal, NULL) != PBT_OK) { _exit(1); }
        uint64_t last = 0;
        for (uint64_t number = 0; number < batches; number++) {
            if (fixture_append(journal, number, last, &last, NULL) != PBT_OK) { _exit(2); }
        }
        (void)raise(SIGKILL);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_true(is_there(place, "journal.db-wal"));
}

static void test_unclosed_journal_is_read_or_refused(void **state)
{
    struct place *const place = *state;
    char *const shm = fixture_path(place->folder, "journal.db-shm");
    char *const wal = fixture_path(place->folder, "journal.db-wal");
    leave_unclosed(place, 25);
    assert_int_equal(chmod(wal, 0444), 0);
    assert_int_equal(chmod(shm, 0444), 0);
    forbid_writing(place);
    struct finding found = look_as_ordinary_user(place->path, true, false, 25);
    assert_int_equal(found.status, PBT_OK); /* SQLite reads both when it may not write them */
    assert_true(found.complete);

    assert_int_equal(chmod(place->folder, 0755), 0);
    assert_int_equal(unlink(shm), 0);
    forbid_writing(place);
    found = look_as_ordinary_user(place->path, true, false, 25);
    assert_int_equal(found.status, PBT_EIO); /* never the file without its -wal */
    assert_non_null(strstr(found.err.message, "cannot be opened"));
    assert_non_null(strstr(found.err.hint, "not closed cleanly"));

    assert_int_equal(chmod(place->folder, 0755), 0);
    assert_int_equal(chmod(place->path, 0644), 0);
    assert_int_equal(chmod(wal, 0644), 0);
    fixture_expect(place->path, 0, 25); /* whoever may write repairs it */
    free(shm);
    free(wal);
}

/* Copied with cp while somebody had it open: WAL mode, but no -wal with it. */
static void test_journal_in_wal_mode_without_wal_is_read(void **state)
{
    struct place *const place = *state;
    make_journal(place, 25);
    run_sql(place->path, "PRAGMA journal_mode=WAL");
    size_t size;
    uint8_t *const bytes = fixture_load(place->path, &size);
    assert_int_equal(bytes[18], 2);
    free(bytes);
    assert_false(is_there(place, "journal.db-wal"));
    forbid_writing(place);
    struct finding const found = look_as_ordinary_user(place->path, true, false, 25);
    assert_int_equal(found.status, PBT_OK);
    assert_true(found.complete);
}

/* Read without locks, then written by somebody: the reading says so instead of guessing. */
static void change_under_reader(const char *path)
{
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.read_only = true;
    struct pbti_journal *journal = NULL;
    if (pbti_journal_open(path, &opts, &journal, NULL) != PBT_OK) { _exit(1); }
    uint64_t last = 0;
    if (pbti_journal_last(journal, &last, NULL) != PBT_OK || last == 0) { _exit(2); }
    (void)kill(getpid(), SIGSTOP); /* the parent appends */
    struct pbt_error err;
    if (pbti_journal_last(journal, &last, &err) != PBT_EBUSY) { _exit(3); }
    if (strstr(err.message, "was changed while it was being read") == NULL) { _exit(4); }
    pbti_journal_close(journal);
    _exit(0);
}

static void test_unlocked_reading_notices_a_writer(void **state)
{
    struct place *const place = *state;
    make_journal(place, 5);
    assert_int_equal(chmod(place->folder, 0555), 0);
    pid_t const child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (getuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)) { _exit(9); }
        change_under_reader(place->path);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    assert_true(WIFSTOPPED(status));
    assert_int_equal(chmod(place->folder, 0755), 0);
    struct pbti_journal *const journal = fixture_open(place->path, false);
    (void)fixture_fill(journal, 5, 6);
    pbti_journal_close(journal);
    assert_int_equal(chmod(place->folder, 0555), 0);
    assert_int_equal(kill(child, SIGCONT), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* -------- locks -------- */

static void test_append_waits_for_the_lock_and_then_says_so(void **state)
{
    struct place *const place = *state;
    make_journal(place, 2);
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.lock_wait_ms = 80;
    struct pbti_journal *journal = NULL;
    assert_int_equal(pbti_journal_open(place->path, &opts, &journal, NULL), PBT_OK);
    uint64_t end = 0;
    assert_int_equal(pbti_journal_last(journal, &end, NULL), PBT_OK);
    sqlite3 *holder = NULL;
    assert_int_equal(sqlite3_open(place->path, &holder), SQLITE_OK);
    assert_int_equal(sqlite3_exec(holder, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    struct timespec start, stop;
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    uint64_t last = 0;
    assert_int_equal(fixture_append(journal, 2, end, &last, &place->err), PBT_EBUSY);
    (void)clock_gettime(CLOCK_MONOTONIC, &stop);
    double const waited =
        (double)(stop.tv_sec - start.tv_sec) + 1e-9 * (double)(stop.tv_nsec - start.tv_nsec);
    assert_true(waited > 0.078 && waited < 5);
    expect_said(place, "another process is writing");
    expect_said(place, "journal.db");
    assert_non_null(strstr(place->err.hint, "fuser"));
    assert_int_equal(pbti_journal_last(journal, &last, NULL), PBT_OK); /* reading goes on */
    assert_int_equal(sqlite3_exec(holder, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(holder), SQLITE_OK);
    assert_int_equal(fixture_append(journal, 2, end, &last, NULL), PBT_OK);
    pbti_journal_close(journal);
    fixture_expect(place->path, 0, 3);
}

static void test_copy_of_a_read_only_journal(void **state)
{
    struct place *const place = *state;
    make_journal(place, 40);
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.read_only = true;
    struct pbti_journal *journal = NULL;
    assert_int_equal(pbti_journal_open(place->path, &opts, &journal, NULL), PBT_OK);
    char *const path = fixture_path(place->folder, "copy.db");
    assert_int_equal(pbti_journal_copy(journal, path, &place->err), PBT_OK);
    pbti_journal_close(journal);
    fixture_expect(path, 0, 40);
    free(path);
}

/* A copy is read before it gets its name: damage is not handed on. */
static void test_damaged_journal_is_not_copied(void **state)
{
    struct place *const place = *state;
    make_journal(place, 10);
    run_sql(place->path, "UPDATE batch SET hash = 1 WHERE last = (SELECT max(last) FROM batch)");
    struct pbti_journal *const journal = fixture_open(place->path, false);
    char *const path = fixture_path(place->folder, "copy.db");
    assert_int_equal(pbti_journal_copy(journal, path, &place->err), PBT_ECORRUPT);
    expect_said(place, "checksum");
    pbti_journal_close(journal);
    assert_false(is_there(place, "copy.db"));
    free(path);
    assert_int_equal(unlink(place->path), 0);
    assert_int_equal(rmdir(place->folder), 0); /* nothing else is left either */
    assert_int_equal(mkdir(place->folder, 0755), 0);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_url_names_the_backend),
        TEST(test_options_not_made_by_default_are_refused),
        TEST(test_any_file_name_is_a_file),
        TEST(test_link_is_followed),
        TEST(test_foreign_files_are_refused_by_name),
        TEST(test_other_kinds_of_files_are_refused),
        TEST(test_newer_format_is_refused_by_name),
        TEST(test_last_close_leaves_one_file),
        TEST(test_close_does_not_wait_for_readers),
        TEST(test_finished_journal_opens_without_write_permission),
        TEST(test_writing_without_permission_is_refused_with_a_hint),
        TEST(test_unclosed_journal_is_read_or_refused),
        TEST(test_journal_in_wal_mode_without_wal_is_read),
        TEST(test_unlocked_reading_notices_a_writer),
        TEST(test_append_waits_for_the_lock_and_then_says_so),
        TEST(test_copy_of_a_read_only_journal),
        TEST(test_damaged_journal_is_not_copied),
    };
#undef TEST
    return cmocka_run_group_tests_name("sqlite as a file", tests, NULL, NULL);
}
