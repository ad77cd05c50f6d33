/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/worker/test_oneshot.c - one_shot trainers: arguments, environment, results
 * (docs/protocol.md).
 */
#include "trainer/oneshot.h"
#include "worker/failures.h"
#include "worker/worker_lab.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct pbti_space space;
static double values[2] = {0.00121, 1};
static struct pbti_task task;

static void make_order(void)
{
    space = (struct pbti_space){.count = 2, .values_count = 2};
    space.hp[0] = (struct pbti_hp){.name = "lr", .kind = PBTI_HP_LOG, .low = 1e-5, .high = 1};
    space.hp[1] =
        (struct pbti_hp){.name = "opt.kind", .kind = PBTI_HP_CATEGORICAL, .high = 1, .count = 2};
    (void)snprintf(space.values[0].text, sizeof space.values[0].text, "sgd");
    (void)snprintf(space.values[1].text, sizeof space.values[1].text, "adam");
    task = (struct pbti_task){
        .member = 3,
        .segment = 12,
        .attempt = 2,
        .seed = 18446744073709551615u,
        .age = 6000,
        .steps = 500,
        .from = {3, 11, 1},
        .checkpoint = {3, 12, 2},
        .load = "/s/a b",
        .save = "/s/c",
        .space = &space,
        .values = values,
        .fixed = json_pack("{s:s,s:f,s:[i,i]}", "data", "./d d", "gain", 0.5, "shape", 1, 2)};
}

static void test_protocol_one_shot_arguments(void **state)
{
    static const char *const list[][2] = {{"", ""},
                                          {"plain", "plain"},
                                          {"{lr}", "0.00121"},
                                          {"--lr={lr},{opt.kind}", "--lr=0.00121,adam"},
                                          {"{steps} {seed} {age}", "500 18446744073709551615 6000"},
                                          {"{load}|{save}|{result}", "/s/a b|/s/c|/r"},
                                          {"{member}.{segment}.{attempt} {start}", "3.12.2 load"},
                                          {"{data} {gain} {shape}", "./d d 0.5 [1,2]"},
                                          {"{{lr}} }}{{", "{lr} }{"},
                                          {"{{{lr}}}", "{0.00121}"}};
    struct pbti_strings out = {0};
    struct pbt_error err;
    (void)state;
    make_order();
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        if (pbti_oneshot_argument(list[i][0], &task, "/r", &out, &err) != PBT_OK) {
            fail_msg("%s", err.message);
        }
        assert_string_equal(out.items[i], list[i][1]);
    }
    static const char *const wrong[][2] = {{"{lrr}", "argument {lrr}: there is no hyperparameter"},
                                           {"{lr", "\"{\" without \"}\""},
                                           {"a}", "\"}\" without \"{\""},
                                           {"{a{b}", "\"{\" without \"}\""},
                                           {"{}", "argument {}"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(pbti_oneshot_argument(wrong[i][0], &task, "/r", &out, &err), PBT_EINVAL);
        if (strstr(err.message, wrong[i][1]) == NULL) { fail_msg("%s", err.message); }
    }
    pbti_strings_free(&out);
    json_decref((json_t *)(uintptr_t)task.fixed);
}

static bool holds(const struct pbti_strings *environment, const char *entry)
{
    for (size_t i = 0; i < environment->count; i++) {
        if (strcmp(environment->items[i], entry) == 0) { return true; }
    }
    return false;
}

static void test_protocol_one_shot_environment(void **state)
{
    static const char *const entries[] = {"PBT_STEPS=500",     "PBT_SEED=18446744073709551615",
                                          "PBT_AGE=6000",      "PBT_LOAD=/s/a b",
                                          "PBT_SAVE=/s/c",     "PBT_MEMBER=3",
                                          "PBT_SEGMENT=12",    "PBT_ATTEMPT=2",
                                          "PBT_START=load",    "PBT_RESULT=/r",
                                          "PBT_HP_LR=0.00121", "PBT_HP_OPT_KIND=adam"};
    struct pbti_strings environment = {0};
    (void)state;
    make_order();
    pbti_strings_add(&environment, "PBT_STEPS=of somebody else");
    pbti_oneshot_environment(&task, "/r", &environment);
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        if (!holds(&environment, entries[i])) { fail_msg("%s", entries[i]); }
    }
    assert_false(holds(&environment, "PBT_STEPS=of somebody else"));
    pbti_strings_free(&environment);
    json_decref((json_t *)(uintptr_t)task.fixed);
}

static void test_the_last_line_counts(void **state)
{
    static const char *const list[][2] = {{"", ""},
                                          {"1", "1"},
                                          {"1\n2\n", "2"},
                                          {"1\n2", "2"},
                                          {"1\n  \t\n\n", "1"},
                                          {"\n\n", ""},
                                          {" 0.5 \r\n", " 0.5 \r"}};
    (void)state;
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        for (size_t step = 1; step < 4; step++) { /* in pieces */
            struct pbti_last_line line = {0};
            size_t const size = strlen(list[i][0]);
            for (size_t at = 0; at < size; at += step) {
                pbti_last_line_add(&line, list[i][0] + at, size - at < step ? size - at : step);
            }
            struct pbti_text const text = pbti_last_line_end(&line);
            assert_int_equal(text.size, strlen(list[i][1]));
            if (text.size > 0) { assert_memory_equal(text.data, list[i][1], text.size); }
            pbti_last_line_free(&line);
        }
    }
    struct pbti_last_line line = {0}; /* a line without end keeps its bound */
    for (int i = 0; i < 3 * (int)(PBTI_RESULT_LINE_MAX / 64); i++) {
        pbti_last_line_add(&line,
                           "0123456789012345678901234567890123456789012345678901234567890123", 64);
    }
    assert_int_equal(pbti_last_line_end(&line).size, PBTI_RESULT_LINE_MAX);
    pbti_last_line_free(&line);
}

/* -------- whole studies -------- */

static void run(struct lab *lab, const char *script)
{
    lab_open(lab);
    lab_study(lab,
              "study: shell\n"
              "trainer:\n  one_shot: [/bin/sh, -c, '%s', sh, '{save}', '{load}', '{lr}']\n"
              "  directory: %s\n  limits: {segment: 1s, grace: 200ms}\n  retries: 0\n"
              "population: 1\nsteps: 20\nready: 10\nstrategy: random\nslots: 1\nsync: normal\n"
              "space:\n  lr: {type: log, low: 1e-3, high: 1e-1}\n",
              script, lab->dir);
    assert_int_equal(lab_run(lab), PBT_OK);
}

static void test_protocol_one_shot_runs_and_reloads(void **state)
{
    struct lab lab;
    (void)state;
    run(&lab, "cat \"$2/w\" 2>/dev/null; echo step $PBT_AGE >> \"$1/w\"; "
              "if [ -n \"$2\" ]; then cat \"$2/w\" >> \"$1/w\"; fi; echo noise >&2; "
              "echo {{\\\"score\\\": $PBT_SEGMENT, \\\"metrics\\\": {{\\\"lr\\\": $3}}}}");
    assert_int_equal(lab.stop, PBTI_STOP_BUDGET);
    assert_int_equal(lab.reports_count, 2);
    assert_true(lab.reports[1].score == 2.0);
    assert_non_null(strstr(lab.reports[1].metrics, "\"lr\":0.0"));
    assert_int_equal(lab.reports[0].bytes, strlen("step 0\n"));
    assert_int_equal(lab.reports[1].bytes, strlen("step 10\nstep 0\n"));
    lab_close(&lab);
}

static void test_protocol_one_shot_result_file_comes_first(void **state)
{
    struct lab lab;
    (void)state;
    run(&lab, "echo 0.25 > \"$PBT_RESULT\"; echo all is well");
    assert_int_equal(lab.reports_count, 2);
    assert_true(lab.reports[0].score == 0.25);
    lab_close(&lab);
}

static void test_protocol_one_shot_failures(void **state)
{
    static const struct {
        const char *script;
        uint8_t outcome;
        const char *message;
    } list[] = {
        {"exit 3", PBTI_OUTCOME_CRASH, "ended with exit code 3"},
        {"echo 0.5; exit 1", PBTI_OUTCOME_CRASH, "exit code 1; the last thing it printed: 0.5"},
        {"true", PBTI_OUTCOME_PROTOCOL, "no result: neither the file PBT_RESULT nor"},
        {"echo finished", PBTI_OUTCOME_PROTOCOL,
         "the last line of standard output: \"finished\" is not JSON"},
        {"echo [ > $PBT_RESULT", PBTI_OUTCOME_PROTOCOL, "the result file: "},
        {"sleep 100", PBTI_OUTCOME_SEGMENT, "segment limit of 1 s"},
        {"kill -9 $$", PBTI_OUTCOME_CRASH, "killed by signal 9"},
        {"echo {nothing}", PBTI_OUTCOME_CONFIG, "argument {nothing}"}};
    (void)state;
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct lab lab;
        run(&lab, list[i].script);
        /* all alike, from the beginning: the run stops, and nothing is given up */
        assert_int_equal(lab.end, PBTI_RUN_ALIKE);
        assert_int_equal(lab.stop, PBTI_STOP_NONE);
        assert_int_equal(lab.decisions, 0);
        assert_int_equal(lab.reports_count, PBTI_ALIKE_MIN);
        const struct lab_report *const report = &lab.reports[0];
        if (report->outcome != list[i].outcome ||
            strstr(report->message, list[i].message) == NULL) {
            fail_msg("%s: %s: %s", list[i].script, pbti_outcome_name(report->outcome),
                     report->message);
        }
        lab_close(&lab);
    }
}

/* What it leaves in the background is gone before the next segment begins. */
static void test_rule_15_one_shot_descendants_die(void **state)
{
    struct lab lab;
    (void)state;
    run(&lab, "setsid sleep 100 & sleep 100 & echo 1");
    assert_int_equal(lab.stop, PBTI_STOP_BUDGET);
    lab_close(&lab);
}

int main(int argc, char **argv)
{
    lab_main(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_protocol_one_shot_arguments),
        cmocka_unit_test(test_protocol_one_shot_environment),
        cmocka_unit_test(test_the_last_line_counts),
        cmocka_unit_test(test_protocol_one_shot_runs_and_reloads),
        cmocka_unit_test(test_protocol_one_shot_result_file_comes_first),
        cmocka_unit_test(test_protocol_one_shot_failures),
        cmocka_unit_test(test_rule_15_one_shot_descendants_die),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
