/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/worker/test_made_trainers.c - `pbt check` of made trainers, each with its expected verdict:
 * right ones get no problem, wrong ones the finding that names what is wrong.
 */
#include "worker/check.h"
#include "worker/worker_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct lab lab;

static int setup(void **state)
{
    (void)state;
    lab_open(&lab);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    lab_close(&lab);
    return 0;
}

static void check_made(const char *word, const char *more, struct pbti_check_result *result)
{
    char text[2000], file[128], clients[200];
    const char *const source = getenv("PBT_SOURCE_DIR");
    bool const one_shot = strcmp(word, "one_shot") == 0;
    assert_non_null(source);
    int const size =
        snprintf(text, sizeof text,
                 "study: check\n"
                 "trainer:\n  %s: [/usr/bin/python3, %s/tests/worker/made_trainer.py, %s]\n"
                 "  directory: %s\n  limits: {start: 30s, silence: 30s, grace: 200ms}\n"
                 "population: 8\nsteps: 1000\nready: 50\nslots: 2\n%s"
                 "space:\n  lr: {type: log, low: 1e-3, high: 1e-1}\n"
                 "  momentum: {type: linear, low: 0.1, high: 0.9}\n",
                 one_shot ? "one_shot" : "command", source, word, lab.dir, more);
    (void)snprintf(file, sizeof file, "%s/check.yaml", lab.dir);
    (void)snprintf(clients, sizeof clients, "%s/python", source);
    struct pbti_spec *spec = NULL;
    struct pbt_error err;
    if (pbti_spec_parse(text, (size_t)size, file, NULL, 0, &spec, &err) != PBT_OK) {
        fail_msg("%s", err.message);
    }
    struct pbti_check_opts opts = pbti_check_opts_default();
    opts.clients = clients;
    if (pbti_check(spec, &opts, result, &err) != PBT_OK) { fail_msg("%s", err.message); }
    pbti_spec_destroy(spec);
}

static void expect_right(const char *word, const char *more)
{
    struct pbti_check_result result;
    check_made(word, more, &result);
    for (size_t i = 0; i < result.count; i++) {
        const struct pbti_finding *const it = &result.findings[i];
        if (it->severity == PBTI_FINDING_PROBLEM) {
            fail_msg("%s: %s %s: %s", word, it->name, it->hyperparameter, it->text);
        }
    }
    assert_true(result.complete);
    pbti_check_release(&result);
}

static void test_right_trainers_get_no_problem(void **state)
{
    static const char *const words[] = {
        "plain",     "tied_scores",  "scheduler_rebuilt", "one_cycle",     "one_shot",
        "two_ranks", "noisy_score",  "no_in_force",       "declines_keep", "slow_start",
        "own_name",  "seeded_noise", "says_more"};
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        expect_right(words[i], "");
    }
}

static void test_nothing_is_trained_beyond_max_age(void **state)
{
    (void)state;
    expect_right("one_cycle", "max_age: 12\n");
    expect_right("one_cycle", "max_age: 3\n");
}

/* A study that starts from weights; `where` holds them. */
static void initial_checkpoint(char *more, size_t size)
{
    char command[200];
    (void)snprintf(command, sizeof command, "mkdir -p %s/start", lab.dir);
    assert_int_equal(system(command), 0); /* NOLINT: a fixed command in a test */
    lab_file(&lab, "start/net.json",
             "{\"weights\": [0, 0, 0, 0, 0, 0, 0, 0], \"velocity\": [0, 0, 0, 0, 0, 0, 0, 0], "
             "\"base\": 0.01}");
    (void)snprintf(more, size, "initial: {checkpoint: %s/start}\n", lab.dir);
}

static void test_an_initial_checkpoint_is_tried(void **state)
{
    char more[200];
    (void)state;
    initial_checkpoint(more, sizeof more);
    expect_right("plain", more);
}

static void test_wrong_trainers_are_found_and_named(void **state)
{
    static const struct {
        const char *word, *finding, *hyperparameter, *text;
        uint8_t severity;
    } list[] = {
        {"score_constant", "score", "", "always the same", PBTI_FINDING_WARNING},
        {"lr_ignored", "effect", "lr", "nor a byte of the checkpoint", PBTI_FINDING_PROBLEM},
        {"lr_ignored_but_saved", "effect", "lr", "neither score nor", PBTI_FINDING_PROBLEM},
        {"lr_ignored_after_load", "restored", "lr", "changes nothing", PBTI_FINDING_PROBLEM},
        {"restored_one_cycle", "restored", "lr", "changes nothing", PBTI_FINDING_PROBLEM},
        {"restored_scheduler", "restored", "lr", "first step only", PBTI_FINDING_PROBLEM},
        {"seed_ignored", "seed", "", "from scratch, too", PBTI_FINDING_WARNING},
        {"generators_restored", "seed", "", "after loading", PBTI_FINDING_WARNING},
        {"optimizer_not_saved", "continues", "", "without a break", PBTI_FINDING_PROBLEM},
        {"tied_optimizer_not_saved", "continues", "", "scores are tied", PBTI_FINDING_PROBLEM},
        {"weights_not_saved", "continues", "", "without a break", PBTI_FINDING_PROBLEM},
        {"load_ignored", "load", "", "task.load is not restored", PBTI_FINDING_PROBLEM},
        {"wrong_folder", "load", "", "another folder", PBTI_FINDING_PROBLEM},
        {"steps_ignored", "steps", "", "5 and 10 steps", PBTI_FINDING_PROBLEM},
        {"keep_is_fresh", "keep", "", "are not kept", PBTI_FINDING_PROBLEM},
        {"in_force_lies", "restored", "lr", "changes nothing", PBTI_FINDING_PROBLEM},
        {"evaluation_trains", "evaluate", "", "changes the weights", PBTI_FINDING_PROBLEM},
        {"saves_nothing", "checkpoint", "", "is empty", PBTI_FINDING_PROBLEM},
        {"initial_ignored", "initial", "", "it is not loaded", PBTI_FINDING_PROBLEM}};
    char more[200];
    (void)state;
    initial_checkpoint(more, sizeof more);
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct pbti_check_result result;
        bool found = false;
        check_made(list[i].word, strcmp(list[i].word, "initial_ignored") == 0 ? more : "", &result);
        for (size_t k = 0; k < result.count; k++) {
            const struct pbti_finding *const it = &result.findings[k];
            found = found ||
                    (strcmp(it->name, list[i].finding) == 0 &&
                     strcmp(it->hyperparameter, list[i].hyperparameter) == 0 &&
                     it->severity == list[i].severity && strstr(it->text, list[i].text) != NULL);
        }
        if (!found) { fail_msg("%s is not found", list[i].word); }
        pbti_check_release(&result);
    }
}

int main(int argc, char **argv)
{
    lab_main(argc, argv);
#define MADE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        MADE_TEST(test_right_trainers_get_no_problem),
        MADE_TEST(test_nothing_is_trained_beyond_max_age),
        MADE_TEST(test_an_initial_checkpoint_is_tried),
        MADE_TEST(test_wrong_trainers_are_found_and_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
