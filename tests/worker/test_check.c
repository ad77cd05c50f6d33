/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/worker/test_check.c - `pbt check` finds the flaw that a trainer was made to have, and none
 * in a good one. Rule 17 and docs/cli.md.
 */
#include "worker/check.h"
#include "worker/worker_lab.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct lab lab;
static struct pbti_check_result result;

static int setup(void **state)
{
    (void)state;
    lab_open(&lab);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pbti_check_release(&result);
    lab_close(&lab);
    return 0;
}

static void check_spec_with(const char *trainer, unsigned ready)
{
    char text[2000], file[128], clients[200];
    const char *const source = getenv("PBT_SOURCE_DIR");
    assert_non_null(source);
    int const size = snprintf(text, sizeof text,
                              "study: check\n%s"
                              "  limits: {start: 1s, silence: 5s, grace: 200ms}\n"
                              "population: 8\nsteps: 1000\nready: %u\nslots: 2\n"
                              "space:\n  lr: {type: log, low: 1e-3, high: 1e-1}\n"
                              "  momentum: {type: linear, low: 0.1, high: 0.9}\n"
                              "  decay: {type: linear, low: 0.0, high: 0.5}\n",
                              trainer, ready);
    (void)snprintf(file, sizeof file, "%s/check.yaml", lab.dir);
    (void)snprintf(clients, sizeof clients, "%s/python", source);
    struct pbti_spec *spec = NULL;
    struct pbt_error err;
    if (pbti_spec_parse(text, (size_t)size, file, NULL, 0, &spec, &err) != PBT_OK) {
        fail_msg("%s", err.message);
    }
    struct pbti_check_opts opts = pbti_check_opts_default();
    opts.clients = clients;
    if (pbti_check(spec, &opts, &result, &err) != PBT_OK) { fail_msg("%s", err.message); }
    pbti_spec_destroy(spec);
}

static void check_spec(const char *trainer)
{
    check_spec_with(trainer, 50);
}

static void check_flaw_with(const char *flaw, unsigned ready)
{
    char trainer[600];
    (void)snprintf(
        trainer, sizeof trainer,
        "trainer:\n  command: [/usr/bin/python3, %s/tests/worker/flawed_trainer.py, %s]\n"
        "  directory: %s\n",
        getenv("PBT_SOURCE_DIR"), flaw, lab.dir);
    check_spec_with(trainer, ready);
}

static void check_flaw(const char *flaw)
{
    check_flaw_with(flaw, 50);
}

static const struct pbti_finding *find(const char *name, const char *hyperparameter)
{
    for (size_t i = 0; i < result.count; i++) {
        const struct pbti_finding *const it = &result.findings[i];
        if (strcmp(it->name, name) == 0 && strcmp(it->hyperparameter, hyperparameter) == 0) {
            return it;
        }
    }
    return NULL;
}

/* The finding is there, with this severity and text, and is the only one that is not good. */
static void expect(const char *name, const char *hyperparameter, uint8_t severity, const char *text)
{
    const struct pbti_finding *const finding = find(name, hyperparameter);
    for (size_t i = 0; i < result.count; i++) {
        const struct pbti_finding *const it = &result.findings[i];
        if (it != finding && it->severity >= PBTI_FINDING_WARNING) {
            fail_msg("%s %s: %s", it->name, it->hyperparameter, it->text);
        }
    }
    assert_non_null(finding);
    assert_int_equal(finding->severity, severity);
    if (strstr(finding->text, text) == NULL) { fail_msg("%s", finding->text); }
}

static void test_a_good_trainer_is_praised_and_measured(void **state)
{
    (void)state;
    check_flaw("none");
    for (size_t i = 0; i < result.count; i++) {
        const struct pbti_finding *const it = &result.findings[i];
        if (it->severity != PBTI_FINDING_GOOD) { fail_msg("%s: %s", it->name, it->text); }
    }
    static const char *const asked[] = {"score",    "deterministic", "continues",
                                        "evaluate", "effect",        "restored"};
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        assert_non_null(find(asked[i], ""));
    }
    assert_true(result.complete);
    assert_int_equal(result.steps, 5);
    assert_true(result.start_s > 0.0 && result.start_s < 1.0);
    assert_true(result.step_s >= 0.0 && result.save_s > 0.0);
    assert_int_equal(result.files, 1);
    assert_true(result.bytes > 100);
    assert_int_equal(result.member_steps, 8000);
    assert_int_equal(result.segments, 160);
    assert_int_equal(result.slots, 2);
    assert_true(result.hours > 0.0 && result.disk_bytes >= 18 * result.bytes);
}

static void test_a_short_ready_does_not_hide_momentum(void **state)
{
    (void)state;
    check_flaw_with("none", 4);
    assert_int_equal(result.steps, 3);
    assert_null(find("effect", "momentum"));
    assert_non_null(find("effect", "")); /* all of them have one */
    pbti_check_release(&result);
    check_flaw_with("none", 1);
    assert_int_equal(result.steps, 1);
    assert_non_null(find("effect", "momentum"));
}

static void test_finds_forgotten_optimiser_state(void **state)
{
    (void)state;
    check_flaw("forgets_optimiser");
    expect("continues", "", PBTI_FINDING_PROBLEM, "is not the same as training on without a break");
}

static void test_rule_17_finds_an_ignored_hyperparameter(void **state)
{
    (void)state;
    check_flaw("ignores");
    expect("effect", "decay", PBTI_FINDING_PROBLEM, "changes neither score nor metrics");
}

static void test_rule_17_finds_a_hyperparameter_that_is_never_read(void **state)
{
    (void)state;
    check_flaw("unread");
    const struct pbti_finding *const read = find("read", "decay");
    assert_non_null(read);
    assert_int_equal(read->severity, PBTI_FINDING_PROBLEM);
    assert_non_null(find("effect", "decay"));
    assert_null(find("read", "lr"));
}

static void test_rule_17_finds_an_old_learning_rate_after_a_load(void **state)
{
    (void)state;
    check_flaw("old_lr");
    expect("restored", "lr", PBTI_FINDING_PROBLEM, "while loading a checkpoint changes nothing");
    pbti_check_release(&result);
    check_flaw("old_lr_in_force");
    expect("restored", "lr", PBTI_FINDING_PROBLEM, "hyperparameter \"lr\": handed over ");
}

static void test_rule_15_finds_a_start_that_takes_too_long(void **state)
{
    (void)state;
    check_flaw("slow_start");
    expect("start", "", PBTI_FINDING_PROBLEM,
           "start limit of 1 s; the last thing it printed: reading a large data set");
    assert_false(result.complete);
}

static void test_finds_what_else_may_be_wrong(void **state)
{
    static const struct {
        const char *flaw, *name;
        uint8_t severity;
        const char *text;
    } list[] = {
        {"saves_nothing", "segment", PBTI_FINDING_PROBLEM, "state.json"},
        {"one_seed", "seed", PBTI_FINDING_WARNING, "another seed gives exactly the same result"},
        {"unseeded", "deterministic", PBTI_FINDING_NOTE, "the same seed gives different results"},
        {"keeps_weights", "fresh_again", PBTI_FINDING_PROBLEM, "starting fresh in a process"},
        {"no_evaluation", "segment", PBTI_FINDING_PROBLEM, "nothing to train"}};
    (void)state;
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        check_flaw(list[i].flaw);
        const struct pbti_finding *const finding = find(list[i].name, "");
        assert_non_null(finding);
        assert_int_equal(finding->severity, list[i].severity);
        if (strstr(finding->text, list[i].text) == NULL) { fail_msg("%s", finding->text); }
        pbti_check_release(&result);
    }
}

static void test_a_command_that_is_not_there_is_named(void **state)
{
    (void)state;
    check_spec("trainer:\n  command: [pythn3, train.py]\n");
    expect("start", "", PBTI_FINDING_PROBLEM,
           "could not run \"pythn3\": No such file or directory");
}

static void test_one_shot_trainers_are_tried_too(void **state)
{
    (void)state;
    check_spec("trainer:\n  one_shot: [/bin/sh, -c, 'echo \"{seed} {lr}\" >\"$1/w\" 2>/dev/null; "
               "echo \"{{\\\"score\\\": {lr}}}\"', sh, '{save}']\n");
    assert_true(result.complete);
    const struct pbti_finding *const effect = find("effect", "momentum");
    assert_non_null(effect);
    assert_null(find("effect", "lr"));
}

int main(int argc, char **argv)
{
    lab_main(argc, argv);
#define CHECK_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CHECK_TEST(test_a_good_trainer_is_praised_and_measured),
        CHECK_TEST(test_a_short_ready_does_not_hide_momentum),
        CHECK_TEST(test_finds_forgotten_optimiser_state),
        CHECK_TEST(test_rule_17_finds_an_ignored_hyperparameter),
        CHECK_TEST(test_rule_17_finds_a_hyperparameter_that_is_never_read),
        CHECK_TEST(test_rule_17_finds_an_old_learning_rate_after_a_load),
        CHECK_TEST(test_rule_15_finds_a_start_that_takes_too_long),
        CHECK_TEST(test_finds_what_else_may_be_wrong),
        CHECK_TEST(test_a_command_that_is_not_there_is_named),
        CHECK_TEST(test_one_shot_trainers_are_tried_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
