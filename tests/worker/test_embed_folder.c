/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/worker/test_embed_folder.c - the C API on a folder: beginning, going on, several processes.
 *
 * Protects rule 12: killing the program at any instant loses no report that was acknowledged and
 * duplicates none, and whoever opens the folder next goes on with the same study.
 *
 * Children are forked before anything is open: a journal does not survive fork().
 */
#include "worker/embed_lab.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MEMBERS 4
#define SEGMENTS 15
#define SPEC                                                                                       \
    "{population: 4, steps: 30, max_age: 999, ready: 2, sync: normal, trainer: {retries: 0}, "     \
    "space: {lr: {type: log, low: 1e-4, high: 1}}}"

static char folder[4096];

static int setup(void **unused)
{
    (void)unused;
    embed_folder_make(folder);
    return 0;
}

static int teardown(void **unused)
{
    (void)unused;
    embed_folder_remove(folder);
    return 0;
}

/* Do at most `limit` tasks; returns how many. */
static unsigned work(struct pbt_study *study, unsigned limit)
{
    struct pbt_error err;
    struct pbt_task task;
    unsigned done = 0;
    while (done < limit && !pbt_study_is_over(study)) {
        if (pbt_study_next(study, &task, &err) != PBT_OK) { fail_msg("%s", err.message); }
        if (task.id[0] == '\0') { continue; }
        double const score = embed_unit(task.seed);
        if (pbt_study_report(study, &task, score, &err) != PBT_OK) { fail_msg("%s", err.message); }
        done++;
    }
    return done;
}

/* -------- one process -------- */

static void test_a_study_goes_on_where_it_was_left(void **unused)
{
    (void)unused;
    struct pbt_study *study = embed_open(folder, SPEC, 2);
    struct pbt_best const none = pbt_study_best(study);
    assert_string_equal(none.id, "");
    assert_int_equal(work(study, 7), 7);
    struct pbt_task given_back;
    assert_int_equal(pbt_study_next(study, &given_back, NULL), PBT_OK);
    struct pbt_best const before = pbt_study_best(study);
    pbt_study_close(study);

    study = embed_open(folder, NULL, 1); /* it needs no spec, and other slots are fine */
    struct pbt_best const after = pbt_study_best(study);
    assert_string_equal(after.id, before.id);
    assert_true(after.score == before.score);
    assert_int_equal(work(study, 1000), MEMBERS * SEGMENTS - 7);
    assert_true(pbt_study_is_over(study));
    pbt_study_close(study);

    study = embed_open(folder, SPEC, 1);
    assert_true(pbt_study_is_over(study));
    assert_int_equal(work(study, 1), 0);
    pbt_study_close(study);
}

static void test_what_the_folder_holds_counts_not_the_spec(void **unused)
{
    (void)unused;
    pbt_study_close(embed_open(folder, SPEC, 1));
    struct pbt_study *const study = embed_open(
        folder, "{population: 9, steps: 3, space: {x: {type: linear, low: 0, high: 1}}}", 1);
    assert_int_equal(work(study, 1000), MEMBERS * SEGMENTS);
    pbt_study_close(study);
}

static void test_a_folder_without_study_needs_a_spec(void **unused)
{
    (void)unused;
    struct pbt_error err;
    struct pbt_study *study;
    char path[8192];
    assert_int_equal(pbt_study_open(folder, NULL, NULL, &study, &err), PBT_ENOENT);
    assert_null(study);
    (void)snprintf(path, sizeof path, "%s/new/deep", folder);
    assert_int_equal(pbt_study_open(path, NULL, NULL, &study, &err), PBT_ENOENT);
    assert_int_equal(access(path, F_OK), -1); /* nothing was made */
    assert_int_equal(pbt_study_open(path, "{population: 3}", NULL, &study, &err), PBT_ESPEC);
    assert_int_equal(access(path, F_OK), -1);
    pbt_study_close(embed_open(path, SPEC, 1)); /* made with its parents */
    assert_int_equal(access(path, F_OK), 0);
}

static void test_a_damaged_journal_is_refused(void **unused)
{
    (void)unused;
    struct pbt_error err;
    struct pbt_study *study;
    char path[8192];
    (void)snprintf(path, sizeof path, "%s/journal.db", folder);
    FILE *const file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 500; i++) {
        assert_true(fputs("this is no journal\n", file) >= 0);
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(pbt_study_open(folder, SPEC, NULL, &study, &err), PBT_ECORRUPT);
    assert_null(study);
}

static void test_a_study_that_was_hardly_begun_is_begun_again(void **unused)
{
    (void)unused;
    char path[8192];
    (void)snprintf(path, sizeof path, "%s/journal.db", folder);
    FILE *const file = fopen(path, "w"); /* empty: a crash right after it was made */
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    struct pbt_study *const study = embed_open(folder, SPEC, 1);
    assert_int_equal(work(study, 1000), MEMBERS * SEGMENTS);
    pbt_study_close(study);
}

/* -------- several processes -------- */

/* One task that a child asked for, or was thanked for. */
struct word {
    bool told; /* the report was acknowledged */
    uint32_t member, segment, attempt;
    double score;
};

static void say(int pipe_end, const struct pbt_task *task, bool told, double score)
{
    struct word const word = {told, task->member, task->segment, task->attempt, score};
    if (write(pipe_end, &word, sizeof word) != (ssize_t)sizeof word) { _exit(3); }
}

/* A program of its own: begins or goes on, says what it does. Never returns. */
static void child(int pipe_end, unsigned limit, unsigned pause_us)
{
    struct pbt_error err;
    struct pbt_study *study;
    struct pbt_task task;
    unsigned done = 0;
    if (pbt_study_open(folder, SPEC, NULL, &study, &err) != PBT_OK) {
        (void)fprintf(stderr, "%s\n", err.message);
        _exit(1);
    }
    while (!pbt_study_is_over(study)) {
        if (pbt_study_next(study, &task, &err) != PBT_OK) {
            (void)fprintf(stderr, "%s\n", err.message);
            _exit(1);
        }
        if (task.id[0] == '\0') {
            (void)usleep(200); /* the others have all there is */
            continue;
        }
        if (done++ == limit) { _exit(0); } /* with a task in hand, without a word */
        double const score = embed_unit(task.seed);
        say(pipe_end, &task, false, score);
        (void)usleep(pause_us);
        if (pbt_study_report(study, &task, score, &err) != PBT_OK) {
            (void)fprintf(stderr, "%s\n", err.message);
            _exit(1);
        }
        say(pipe_end, &task, true, score);
    }
    pbt_study_close(study);
    _exit(0);
}

/* What is known of a study's segments. */
struct sizes {
    unsigned told[MEMBERS][SEGMENTS + 1]; /* acknowledged reports */
    unsigned tasks, tolds;
    double best;
};

static void enter(struct sizes *sizes, const struct word *word)
{
    assert_true(word->member < MEMBERS && word->segment >= 1 && word->segment <= SEGMENTS);
    unsigned *const told = &sizes->told[word->member][word->segment];
    assert_int_equal(*told, 0); /* neither asked for nor acknowledged after it was acknowledged */
    sizes->tasks += word->told ? 0 : 1;
    if (!word->told) { return; }
    *told = 1;
    sizes->tolds++;
    sizes->best = fmax(sizes->best, word->score);
}

/* Start a child that dies after `limit` tasks, each as long as the pause; its words come through
 * the pipe. */
static pid_t start_child(unsigned limit, unsigned pause_us, int *from)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    (void)fflush(NULL);
    pid_t const pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(ends[0]);
        child(ends[1], limit, pause_us);
    }
    (void)close(ends[1]);
    *from = ends[0];
    return pid;
}

/* Read all words to the end; kill the child after `kill_after` of them. */
static void listen_to(pid_t pid, int from, unsigned kill_after, struct sizes *sizes)
{
    struct word word;
    unsigned words = 0;
    while (read(from, &word, sizeof word) == (ssize_t)sizeof word) {
        enter(sizes, &word);
        if (++words == kill_after) { (void)kill(pid, SIGKILL); }
    }
    (void)close(from);
}

static void check_complete(const struct sizes *sizes, unsigned deaths)
{
    struct pbt_study *const study = embed_open(folder, NULL, 1);
    assert_true(pbt_study_is_over(study));
    /* a report may have been appended while its program died before it could say so */
    assert_true(sizes->tolds <= MEMBERS * SEGMENTS);
    assert_true(sizes->tolds + deaths >= MEMBERS * SEGMENTS);
    assert_true(pbt_study_best(study).score >= sizes->best);
    pbt_study_close(study);
}

static void test_a_program_that_dies_loses_nothing(void **unused)
{
    (void)unused;
    struct sizes sizes = {.best = -1.0};
    unsigned deaths = 0;
    for (unsigned limit = 0; sizes.tolds < MEMBERS * SEGMENTS; limit = (limit + 3) % 11) {
        int from;
        int status;
        pid_t const pid = start_child(limit, 0, &from);
        listen_to(pid, from, 0, &sizes);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        deaths++;
        assert_true(deaths < 100);
    }
    assert_true(deaths > 5);
    check_complete(&sizes, 0);
}

static void test_a_program_that_is_killed_loses_nothing(void **unused)
{
    (void)unused;
    struct sizes sizes = {.best = -1.0};
    unsigned deaths = 0;
    for (bool finished = false; !finished;) {
        int from;
        int status;
        pid_t const pid = start_child(1000, 500, &from);
        listen_to(pid, from, 1 + (unsigned)(embed_unit(deaths) * 9.0), &sizes);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        finished = WIFEXITED(status);
        if (finished) { assert_int_equal(WEXITSTATUS(status), 0); }
        deaths += finished ? 0 : 1;
        assert_true(deaths < 200);
    }
    assert_true(deaths > 3);
    check_complete(&sizes, deaths);
}

static void test_processes_share_a_study(void **unused)
{
    (void)unused;
    struct sizes sizes = {.best = -1.0};
    pid_t pid[3];
    int from[3];
    for (int i = 0; i < 3; i++) { /* all three try to begin it */
        pid[i] = start_child(1000, 200, &from[i]);
    }
    for (int i = 0; i < 3; i++) {
        int status;
        listen_to(pid[i], from[i], 0, &sizes);
        assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    assert_int_equal(sizes.tasks, MEMBERS * SEGMENTS);
    assert_int_equal(sizes.tolds, MEMBERS * SEGMENTS);
    check_complete(&sizes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_study_goes_on_where_it_was_left, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_the_folder_holds_counts_not_the_spec, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_folder_without_study_needs_a_spec, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_damaged_journal_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_study_that_was_hardly_begun_is_begun_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_program_that_dies_loses_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_program_that_is_killed_loses_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_processes_share_a_study, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
