/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/worker/test_bad_trainers.c - trainers that misbehave once, each in its way.
 *
 * Protects rules 4 (scores that are no numbers), 15 (nobody waits for ever; everything a trainer
 * started dies with it) and 17 (hyperparameters in force), and docs/protocol.md: what is out of
 * turn or rubbish fails the segment. In each case the right outcome and a message that names what
 * is wrong are reported, the study goes on to its end, and no process is left.
 */
#include "worker/failures.h"
#include "worker/worker_lab.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct bad {
    const char *mode;
    uint8_t outcome;     /* of the first report */
    const char *message; /* somewhere in it */
};

/* One member, two segments; the trainer misbehaves in the first attempt of the first. */
static void try_bad(const struct bad *bad, const char *more)
{
    struct lab lab;
    char trainer[600];
    lab_open(&lab);
    lab_study(&lab,
              "study: bad\n%s"
              "  limits: {start: 1s, silence: 400ms, segment: 900ms, grace: 200ms}\n"
              "  retries: 2\n"
              "population: 1\nsteps: 20\nready: 10\nstrategy: random\nslots: 1\nsync: normal\n"
              "space:\n  lr: {type: log, low: 1e-3, high: 1e-1}\n",
              lab_bad_trainer(&lab, bad->mode, more, trainer, sizeof trainer));
    assert_int_equal(lab_run(&lab), PBT_OK);
    assert_int_equal(lab.end, PBTI_RUN_ENDED);
    assert_true(lab.reports_count >= 1);
    const struct lab_report *const first = &lab.reports[0];
    if (first->outcome != bad->outcome || strstr(first->message, bad->message) == NULL) {
        fail_msg("%s: outcome %s, message \"%s\"", bad->mode, pbti_outcome_name(first->outcome),
                 first->message);
    }
    size_t done = 0;
    for (size_t i = 0; i < lab.reports_count; i++) {
        done += lab.reports[i].outcome == PBTI_OUTCOME_DONE;
    }
    /* nothing is given up before something has succeeded: docs/failures.md */
    assert_int_equal(done, 2);
    assert_int_equal(lab.stop, PBTI_STOP_BUDGET);
    lab_close(&lab);
}

static void try_all(const struct bad *bad, size_t count, const char *more)
{
    for (size_t i = 0; i < count; i++) {
        try_bad(&bad[i], more);
    }
}

#define TRY_ALL(list, more) try_all(list, sizeof(list) / sizeof(list)[0], more)

static void test_rule_15_limits_stop_a_hung_trainer(void **state)
{
    static const struct bad list[] = {
        {"hang_before_hello", PBTI_OUTCOME_START,
         "start limit of 1 s; the last thing it printed: "
         "loading the data"},
        {"hang_ignoring_term", PBTI_OUTCOME_START, "start limit of 1 s"},
        {"hang_in_segment", PBTI_OUTCOME_SILENCE, "silence limit of 0.4 s, at step 0 of 10"},
        {"slow_segment", PBTI_OUTCOME_SEGMENT, "segment limit of 0.9 s"}};
    (void)state;
    TRY_ALL(list, "");
}

static void test_rule_15_a_crash_is_told_with_its_last_words(void **state)
{
    static const struct bad list[] = {
        {"exit_before_hello", PBTI_OUTCOME_CRASH, "ended with exit code 0 before it said hello"},
        {"crash_before_hello", PBTI_OUTCOME_CRASH,
         "exit code 1 before it said hello; the last thing it printed: ModuleNotFoundError: No "
         "module named 'torchh'"},
        {"crash", PBTI_OUTCOME_CRASH,
         "ended with exit code 3; the last thing it printed: ValueError: no such layer"},
        {"segfault", PBTI_OUTCOME_CRASH, "was killed by signal 11 (Segmentation fault)"},
        {"exit_early", PBTI_OUTCOME_CRASH, "ended with exit code 0 before the segment was done"}};
    (void)state;
    TRY_ALL(list, "");
}

/* Descendants that hold the pipes open, ignore TERM or made a session of their own. lab_close()
 * finds them when they are left. */
static void test_rule_15_descendants_die_with_the_trainer(void **state)
{
    static const struct bad list[] = {{"grandchild", PBTI_OUTCOME_CRASH, "ended with exit code 1"},
                                      {"daemon", PBTI_OUTCOME_CRASH, "ended with exit code 1"}};
    (void)state;
    TRY_ALL(list, "");
}

static void test_protocol_out_of_turn_fails_the_segment(void **state)
{
    static const struct bad list[] = {
        {"early_done", PBTI_OUTCOME_PROTOCOL, "first message of a connection is not hello"},
        {"second_hello", PBTI_OUTCOME_PROTOCOL, "second hello"},
        {"wrong_task", PBTI_OUTCOME_PROTOCOL, "\"9.9.9\" while task \"0.1.1\" was running"},
        {"backwards", PBTI_OUTCOME_PROTOCOL, "step 0 after step 1 of 10"},
        {"past_the_end", PBTI_OUTCOME_PROTOCOL, "step 1000000000 after step 0 of 10"},
        {"double_done", PBTI_OUTCOME_PROTOCOL, "done for task \"0.1.1\" out of turn"}};
    (void)state;
    TRY_ALL(list, "");
}

static void test_protocol_rubbish_fails_the_segment(void **state)
{
    static const struct bad list[] = {
        {"rubbish", PBTI_OUTCOME_PROTOCOL, "\"Epoch 1: loss=0.3\" is not JSON"},
        {"binary", PBTI_OUTCOME_PROTOCOL, "is not JSON"},
        {"huge_line", PBTI_OUTCOME_PROTOCOL, "a line of more than 4 MiB"},
        {"unknown_type", PBTI_OUTCOME_PROTOCOL, "type \"finished\""},
        {"other_protocol", PBTI_OUTCOME_PROTOCOL,
         "speaks protocol 7, this worker speaks protocol 1"},
        {"text_score", PBTI_OUTCOME_PROTOCOL, "\"score\" is a string"},
        {"bare_nan", PBTI_OUTCOME_PROTOCOL, "is not JSON"}};
    (void)state;
    TRY_ALL(list, "");
}

static void test_protocol_a_closed_connection_does_not_hang(void **state)
{
    static const struct bad list[] = {{"hang_up", PBTI_OUTCOME_SILENCE, "silence limit"}};
    (void)state;
    TRY_ALL(list, "");
}

static void test_rule_17_other_values_in_force_fail_by_name(void **state)
{
    static const struct bad list[] = {
        {"lie", PBTI_OUTCOME_IN_FORCE, "hyperparameter \"lr\": handed over "}};
    (void)state;
    TRY_ALL(list, "");
}

static void test_protocol_errors_have_their_outcome(void **state)
{
    static const struct bad list[] = {{"error_nan", PBTI_OUTCOME_NAN, "it went wrong"},
                                      {"error_oom", PBTI_OUTCOME_OOM, "it went wrong"},
                                      {"error_config", PBTI_OUTCOME_CONFIG, "it went wrong"},
                                      {"error_other", PBTI_OUTCOME_ERROR, "it went wrong"},
                                      {"error_strange", PBTI_OUTCOME_PROTOCOL, "\"strange\""}};
    (void)state;
    TRY_ALL(list, "");
}

static void test_store_refuses_what_is_no_checkpoint(void **state)
{
    static const struct bad list[] = {
        {"save_fifo", PBTI_OUTCOME_CHECKPOINT, "\"pipe\" is a named pipe"},
        {"save_link", PBTI_OUTCOME_CHECKPOINT, "\"link\" is a symbolic link to \"/etc/passwd\""},
        {"save_gone", PBTI_OUTCOME_CHECKPOINT, "No such file or directory"}};
    (void)state;
    TRY_ALL(list, "");
}

static void test_protocol_ranks(void **state)
{
    static const struct bad list[] = {
        {"good", PBTI_OUTCOME_DONE, ""},
        {"rank_missing", PBTI_OUTCOME_START, "no hello from every rank"},
        {"rank_error", PBTI_OUTCOME_OOM, "rank 1 is out of memory"},
        {"rank_done", PBTI_OUTCOME_PROTOCOL, "rank 1 sent done: only rank 0 reports"}};
    (void)state;
    TRY_ALL(list, "  environment: {BAD_RANKS: \"2\"}\n");
}

/* -------- what is no failure -------- */

/* Run a study whose first segment is odd, but not failed. */
static void run_odd(struct lab *lab, const char *mode, const char *more)
{
    char trainer[600];
    lab_open(lab);
    lab_study(lab,
              "study: odd\n%s"
              "population: 1\nsteps: 20\nready: 10\nstrategy: random\nslots: 1\nsync: normal\n"
              "space:\n  lr: {type: log, low: 1e-3, high: 1e-1}\n",
              lab_bad_trainer(lab, mode, more, trainer, sizeof trainer));
    assert_int_equal(lab_run(lab), PBT_OK);
    assert_int_equal(lab->stop, PBTI_STOP_BUDGET);
    assert_int_equal(lab->reports_count, 2);
    assert_int_equal(lab->reports[0].outcome, PBTI_OUTCOME_DONE);
}

static void test_rule_4_scores_that_are_no_numbers_arrive(void **state)
{
    struct lab lab;
    (void)state;
    run_odd(&lab, "nan_score", "");
    assert_true(isnan(lab.reports[0].score));
    lab_close(&lab);
    run_odd(&lab, "inf_score", "");
    assert_true(isinf(lab.reports[0].score) && lab.reports[0].score < 0);
    lab_close(&lab);
    run_odd(&lab, "no_score", "");
    assert_int_equal(lab.reports[0].scores_count, 0);
    lab_close(&lab);
}

/* A living trainer that says so is handed files, although it has the weights in memory. */
static void test_protocol_a_trainer_may_start_from_files_only(void **state)
{
    struct lab lab;
    (void)state;
    run_odd(&lab, "from_files", "");
    assert_non_null(strstr(lab.reports[1].metrics, "\"start\":1")); /* load */
    char process[2][32] = {"", ""};
    for (size_t i = 0; i < 2; i++) {
        const char *const at = strstr(lab.reports[i].metrics, "\"process\":");
        assert_non_null(at);
        assert_int_equal(sscanf(at, "\"process\":%31[0-9]", process[i]), 1);
    }
    assert_string_equal(process[0], process[1]);
    lab_close(&lab);
}

static void test_rule_17_a_hyperparameter_never_read_gives_one_warning(void **state)
{
    struct lab lab;
    (void)state;
    run_odd(&lab, "unread", "");
    assert_int_equal(lab.warnings_count, 1);
    assert_non_null(strstr(lab.warnings[0], "\"lr\" was never read"));
    assert_string_equal(lab.reports[0].message, "hyperparameter \"lr\" was never read");
    lab_close(&lab);
}

static void test_an_empty_checkpoint_gives_one_warning(void **state)
{
    struct lab lab;
    (void)state;
    run_odd(&lab, "save_nothing", "");
    assert_int_equal(lab.reports[0].files, 0);
    assert_int_equal(lab.warnings_count, 1);
    assert_non_null(strstr(lab.warnings[0], "checkpoints are empty"));
    lab_close(&lab);
}

/* 26 MB of output: nothing hangs, and the log keeps its cap. */
static void test_a_flood_of_output_is_capped(void **state)
{
    struct lab lab;
    (void)state;
    run_odd(&lab, "flood", "logs: {size: 64KiB}\n");
    char path[200];
    long total = 0;
    static const char *const suffixes[] = {"", ".0", ".1"};
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof path, "%s/logs/m0.log%s", lab.study, suffixes[i]);
        FILE *const file = fopen(path, "re");
        if (file == NULL) { continue; }
        assert_int_equal(fseek(file, 0, SEEK_END), 0);
        total += ftell(file);
        (void)fclose(file);
    }
    assert_in_range(total, 16384, 65536);
    lab_close(&lab);
}

/*
 * A worker that is stopped for longer than the silence limit, as by Ctrl-Z, judges nobody by that
 * time: what the trainer sent meanwhile lies in the socket.
 */
static void test_rule_15_time_in_which_the_worker_is_stopped_does_not_count(void **state)
{
    struct lab lab;
    char trainer[600];
    (void)state;
    lab_open(&lab);
    lab_study(&lab,
              "study: stopped\n%s"
              "population: 1\nsteps: 40\nready: 10\nstrategy: random\nslots: 1\nsync: normal\n"
              "space:\n  lr: {type: log, low: 1e-3, high: 1e-1}\n",
              lab_bad_trainer(&lab, "good",
                              "  limits: {silence: 1500ms}\n  retries: 0\n"
                              "  environment: {BAD_SLEEP: \"0.5\"}\n",
                              trainer, sizeof trainer));
    pid_t const pid = lab_start_worker(&lab);
    char path[200];
    (void)snprintf(path, sizeof path, "%s/good.done", lab.dir); /* its trainer has begun */
    for (int i = 0; access(path, F_OK) != 0 && i < 1000; i++) {
        (void)usleep(10000);
    }
    assert_int_equal(kill(pid, SIGSTOP), 0);
    (void)usleep(2500000);
    assert_int_equal(kill(pid, SIGCONT), 0);
    int code = 0;
    assert_int_equal(waitpid(pid, &code, 0), pid);
    assert_true(WIFEXITED(code) && WEXITSTATUS(code) == 0);
    assert_int_equal(lab_run(&lab), PBT_OK);
    assert_int_equal(lab.stop, PBTI_STOP_BUDGET);
    assert_int_equal(lab.reports_count, 4);
    for (size_t i = 0; i < lab.reports_count; i++) {
        assert_int_equal(lab.reports[i].outcome, PBTI_OUTCOME_DONE);
    }
    lab_close(&lab);
}

static void test_a_command_that_is_not_there_is_named(void **state)
{
    struct lab lab;
    (void)state;
    lab_open(&lab);
    lab_study(&lab, "study: none\ntrainer: {command: [pythn3, train.py], retries: 0}\n"
                    "population: 1\nsteps: 10\nready: 10\nstrategy: random\nslots: 1\nspace:\n"
                    "  lr: {type: log, low: 1e-3, high: 1e-1}\n");
    assert_int_equal(lab_run(&lab), PBT_OK);
    assert_int_equal(lab.end, PBTI_RUN_BAD_PLACE);
    assert_int_equal(lab.stop, PBTI_STOP_NONE);
    assert_int_equal(lab.reports_count, PBTI_PLACE_ROW);
    assert_int_equal(lab.decisions, 0);
    assert_int_equal(lab.reports[0].outcome, PBTI_OUTCOME_START);
    assert_string_equal(lab.reports[0].message,
                        "could not run \"pythn3\": No such file or directory");
    assert_non_null(strstr(lab.err.message, "could not run \"pythn3\": No such file or directory"));
    assert_non_null(strstr(lab.err.message, "it ran \"pythn3\""));
    lab_close(&lab);
}

int main(int argc, char **argv)
{
    lab_main(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rule_15_limits_stop_a_hung_trainer),
        cmocka_unit_test(test_rule_15_a_crash_is_told_with_its_last_words),
        cmocka_unit_test(test_rule_15_descendants_die_with_the_trainer),
        cmocka_unit_test(test_protocol_out_of_turn_fails_the_segment),
        cmocka_unit_test(test_protocol_rubbish_fails_the_segment),
        cmocka_unit_test(test_protocol_a_closed_connection_does_not_hang),
        cmocka_unit_test(test_rule_17_other_values_in_force_fail_by_name),
        cmocka_unit_test(test_protocol_errors_have_their_outcome),
        cmocka_unit_test(test_store_refuses_what_is_no_checkpoint),
        cmocka_unit_test(test_protocol_ranks),
        cmocka_unit_test(test_rule_4_scores_that_are_no_numbers_arrive),
        cmocka_unit_test(test_protocol_a_trainer_may_start_from_files_only),
        cmocka_unit_test(test_rule_17_a_hyperparameter_never_read_gives_one_warning),
        cmocka_unit_test(test_an_empty_checkpoint_gives_one_warning),
        cmocka_unit_test(test_a_flood_of_output_is_capped),
        cmocka_unit_test(test_rule_15_time_in_which_the_worker_is_stopped_does_not_count),
        cmocka_unit_test(test_a_command_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
