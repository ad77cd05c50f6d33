/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/journal/test_journal_processes.c - journals with several processes, some killed: the SQLite
 * journal and the folder journal.
 *
 * Protects rule 12 (killing any process loses no appended report and duplicates none) and the total
 * order of the journal with several real processes. PBT_KILLS says how many are killed.
 *
 * Children never use cmocka's asserts; they say what went wrong with their exit code. No journal is
 * open in this process while it forks.
 */
#include "journal_fixture.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROCESSES 4u
#define APPENDS 400u /* of all together so many that a folder is compacted meanwhile */

/* Batches of process p are numbered p * STRIDE, p * STRIDE + 1, ... */
#define STRIDE 1000000u

static const char *scheme; /* of the journals that are tested now */

struct place {
    char *folder, *path;
    char *url;
    int number; /* of the journal in the folder */
};

/* Begin another journal in the folder. */
static void next_journal(struct place *place)
{
    char name[32];
    (void)snprintf(name, sizeof name, "journal-%d.db", ++place->number);
    free(place->path);
    free(place->url);
    place->path = fixture_path(place->folder, name);
    assert_true(asprintf(&place->url, "%s%s", scheme, place->path) > 0);
}

static int set_up(void **state)
{
    struct place *const place = calloc(1, sizeof *place);
    assert_non_null(place);
    place->folder = fixture_make_folder();
    next_journal(place);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *const place = *state;
    free(place->path);
    free(place->url);
    fixture_remove_folder(place->folder);
    free(place);
    return 0;
}

static struct pbti_journal *open_in_child(const char *path, bool sync)
{
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.create = true;
    opts.sync = sync;
    struct pbti_journal *journal = NULL;
    struct pbt_error err;
    if (pbti_journal_open(path, &opts, &journal, &err) != PBT_OK) {
        (void)fprintf(stderr, "child: %s\n", err.message);
        _exit(2);
    }
    return journal;
}

/* Append batch `number`, however often somebody else is first. */
static void append_in_child(struct pbti_journal *journal, uint64_t number, uint64_t *last)
{
    for (;;) {
        struct pbt_error err;
        pbt_status const status = fixture_append(journal, number, *last, last, &err);
        if (status == PBT_OK) { return; }
        if (status != PBT_ECONFLICT) {
            (void)fprintf(stderr, "child: %s\n", err.message);
            _exit(3);
        }
    }
}

/* -------- several processes at once -------- */

static void run_appender(const char *path, uint64_t process)
{
    struct pbti_journal *const journal = open_in_child(path, false);
    uint64_t last = 0;
    for (uint64_t i = 0; i < APPENDS; i++) {
        append_in_child(journal, process * STRIDE + i, &last);
    }
    pbti_journal_close(journal);
    _exit(0);
}

/* Each process's batches are there once, in its order; next[p] = how many. */
static void count_batches(const struct fixture_seen *seen, uint64_t *next, size_t processes)
{
    for (size_t i = 0; i < seen->count; i++) {
        size_t const process = (size_t)(seen->numbers[i] / STRIDE);
        assert_true(process < processes);
        assert_int_equal(seen->numbers[i] % STRIDE, next[process]);
        next[process]++;
    }
}

static void test_processes_together_lose_and_duplicate_nothing(void **state)
{
    const struct place *const place = *state;
    pid_t children[PROCESSES];
    for (uint64_t i = 0; i < PROCESSES; i++) {
        children[i] = fork(); /* all of them try to create it */
        assert_true(children[i] >= 0);
        if (children[i] == 0) { run_appender(place->url, i); }
    }
    for (size_t i = 0; i < PROCESSES; i++) {
        int status = 0;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    struct pbti_journal *const journal = fixture_open(place->url, false);
    struct fixture_seen *const seen = calloc(1, sizeof *seen);
    assert_non_null(seen);
    assert_int_equal(pbti_journal_read(journal, 0, fixture_see, seen, NULL), PBT_OK);
    assert_false(seen->wrong);
    assert_int_equal(seen->count, PROCESSES * APPENDS);
    uint64_t next[PROCESSES] = {0};
    count_batches(seen, next, PROCESSES);
    assert_int_equal(pbti_journal_check(journal, NULL), PBT_OK);
    free(seen);
    pbti_journal_close(journal);
}

/* -------- kill -9 -------- */

#define WRITERS 2u
#define MS 1000000

/* What the parent knows of the writers that live in one round. */
struct writer {
    pid_t pid;
    int pipe;              /* one byte for each acknowledged append */
    uint64_t next;         /* its batches before this round */
    uint64_t acknowledged; /* since it was started */
};

static void run_until_killed(const char *path, uint64_t process, uint64_t next, int pipe_end)
{
    struct pbti_journal *journal = open_in_child(path, process == 0);
    uint64_t last = 0;
    for (uint64_t i = next;; i++) {
        append_in_child(journal, process * STRIDE + i, &last);
        if (write(pipe_end, "", 1) != 1) { _exit(4); }
        if (i % 16 == 15) { /* it may die while opening and closing, too */
            pbti_journal_close(journal);
            journal = open_in_child(path, process == 0);
        }
    }
}

static void start_writer(const struct place *place, uint64_t process, struct writer *writer)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    writer->pid = fork();
    assert_true(writer->pid >= 0);
    if (writer->pid == 0) {
        (void)close(ends[0]);
        run_until_killed(place->url, process, writer->next, ends[1]);
    }
    (void)close(ends[1]);
    writer->pipe = ends[0];
}

static void kill_writer(struct writer *writer)
{
    assert_int_equal(kill(writer->pid, SIGKILL), 0);
    int status = 0;
    assert_int_equal(waitpid(writer->pid, &status, 0), writer->pid);
    assert_true(WIFSIGNALED(status)); /* it did not end by itself */
    char bytes[4096];
    ssize_t size;
    writer->acknowledged = 0;
    while ((size = read(writer->pipe, bytes, sizeof bytes)) > 0) {
        writer->acknowledged += (uint64_t)size;
    }
    (void)close(writer->pipe);
}

static void nap_ns(long time_ns)
{
    struct timespec const nap = {time_ns / 1000000000, time_ns % 1000000000};
    (void)nanosleep(&nap, NULL);
}

/* All that was acknowledged is there; of what was under way at most one batch a writer. */
static void expect_survivors(const struct place *place, struct writer *writers)
{
    if (access(place->path, F_OK) != 0) { return; } /* killed before it was created */
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.create = true; /* it may have been killed while creating it */
    struct pbti_journal *journal = NULL;
    assert_int_equal(pbti_journal_open(place->url, &opts, &journal, NULL), PBT_OK);
    struct fixture_seen *const seen = calloc(1, sizeof *seen);
    assert_non_null(seen);
    assert_int_equal(pbti_journal_check(journal, NULL), PBT_OK);
    assert_int_equal(pbti_journal_read(journal, 0, fixture_see, seen, NULL), PBT_OK);
    assert_false(seen->wrong);
    uint64_t next[WRITERS] = {0};
    count_batches(seen, next, WRITERS);
    for (size_t i = 0; i < WRITERS; i++) {
        uint64_t const sure = writers[i].next + writers[i].acknowledged;
        assert_true(next[i] == sure || next[i] == sure + 1);
        writers[i].next = next[i];
    }
    free(seen);
    pbti_journal_close(journal);
}

static void test_killed_writers_lose_nothing(void **state)
{
    struct place *const place = *state;
    uint64_t random = fixture_seed("killed writers");
    const char *const given = getenv("PBT_KILLS");
    unsigned long const kills = given != NULL ? strtoul(given, NULL, 10) : 20;
    struct writer writers[WRITERS] = {0};
    uint64_t total = 0;
    for (unsigned long killed = 0; killed < kills; killed += WRITERS) {
        for (uint64_t i = 0; i < WRITERS; i++) {
            start_writer(place, i, &writers[i]);
        }
        for (size_t i = 0; i < WRITERS; i++) {
            nap_ns((long)(fixture_random(&random) % (40 * MS)));
            kill_writer(&writers[i]);
        }
        expect_survivors(place, writers);
        total = writers[0].next + writers[1].next;
        if (total > FIXTURE_SEEN_MAX / 2) { /* begin another journal */
            next_journal(place);
            writers[0].next = writers[1].next = 0;
        }
    }
    assert_true(total > 0 || kills > 100);
    print_message("%lu writers killed\n", kills);
}

static void test_reader_goes_on_while_a_writer_is_killed(void **state)
{
    const struct place *const place = *state;
    struct writer writer = {0};
    start_writer(place, 0, &writer);
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.read_only = true;
    struct pbti_journal *reader = NULL;
    for (int tries = 0; tries < 500 && reader == NULL; tries++) { /* until it is created */
        if (pbti_journal_open(place->url, &opts, &reader, NULL) != PBT_OK) { nap_ns(10 * MS); }
    }
    assert_non_null(reader);
    uint64_t before = 0;
    assert_int_equal(pbti_journal_wait(reader, 0, 60000, &before, NULL), PBT_OK);
    assert_true(before > 0);
    kill_writer(&writer);
    uint64_t after = 0;
    assert_int_equal(pbti_journal_last(reader, &after, NULL), PBT_OK);
    assert_true(after >= before);
    struct fixture_seen *const seen = calloc(1, sizeof *seen);
    assert_non_null(seen);
    assert_int_equal(pbti_journal_read(reader, 0, fixture_see, seen, NULL), PBT_OK);
    assert_false(seen->wrong);
    assert_int_equal(seen->last, after);
    free(seen);
    pbti_journal_close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_processes_together_lose_and_duplicate_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_killed_writers_lose_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reader_goes_on_while_a_writer_is_killed, set_up,
                                        tear_down),
    };
    static const char *const schemes[] = {"sqlite:", "dir:"};
    int failures = 0;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        scheme = schemes[i];
        failures += cmocka_run_group_tests_name(scheme, tests, NULL, NULL);
    }
    return failures;
}
