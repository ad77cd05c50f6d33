/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_classify_protocol.c - rules: `classify` as a process speaks the trainer protocol; what it
 * reports as in force was read back; wrong values are errors of kind config that name the value and
 * what is allowed.
 */
#include "trainer_fixture.h"
#include "trainer_worker.h"
#include "trainers.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static char folder[256];

static int start(void **state)
{
    (void)state;
    fixture_folder(folder);
    fixture_data(folder, true);
    return worker_start("classify", folder) ? 0 : -1;
}

static int leave(void **state)
{
    (void)state;
    bool const good = worker_stop();
    fixture_remove(folder);
    return good ? 0 : -1;
}

/* Send a task with these hyperparameters and more of `fixed`, which may name other data. */
static void train(unsigned steps, const char *start_name, const char *load, const char *save,
                  const char *hyperparameters, const char *fixed)
{
    bool const own_data = strstr(fixed, "\"data\"") != NULL;
    char all[1024];
    (void)snprintf(all, sizeof all, "%s%s%s\"held_out\": 60%s", own_data ? "" : "\"data\": \"",
                   own_data ? "" : folder, own_data ? "" : "\", ", fixed);
    worker_train(steps, start_name, load, save, hyperparameters, all);
}

/* -------- tests -------- */

#define VALUES                                                                                     \
    "\"lr\": 0.01, \"momentum\": 0.85, \"weight_decay\": 0.0001, \"dropout\": 0.1, "               \
    "\"label_smoothing\": 0.05, \"batch\": 32, \"width\": 12, \"act\": \"tanh\""

static void test_conversation_of_three_segments(void **state)
{
    (void)state;
    char save[512];
    (void)snprintf(save, sizeof save, "\"%s\"", fixture_path(folder, "c"));
    assert_int_equal(mkdir(fixture_path(folder, "c"), 0700), 0);
    train(700, "fresh", "null", save, VALUES, "");
    json_t *done = worker_receive();
    worker_assert_type(done, "done");
    double const score = worker_number(done, NULL, "score");
    assert_true(score > 0.5 && score <= 1.0);
    assert_true(worker_number(done, "metrics", "accuracy") == score);
    assert_true(worker_number(done, "metrics", "loss") > 0.0);
    assert_true(worker_number(done, "metrics", "train_loss") > 0.0);
    assert_true(worker_number(done, "in_force", "lr") == 0.01);
    assert_true(worker_number(done, "in_force", "momentum") == 0.85);
    assert_true(worker_number(done, "in_force", "batch") == 32.0);
    assert_true(worker_number(done, "in_force", "width") == 12.0);
    assert_int_equal(json_array_size(json_object_get(done, "read")), 8);
    json_decref(done);

    train(0, "keep", "null", "null", VALUES, ""); /* evaluates what it holds */
    done = worker_receive();
    worker_assert_type(done, "done");
    assert_true(worker_number(done, NULL, "score") == score);
    assert_null(json_object_get(json_object_get(done, "metrics"), "train_loss"));
    json_decref(done);

    train(0, "load", save, "null", VALUES, ", \"split\": \"test\"");
    done = worker_receive();
    worker_assert_type(done, "done");
    double const images = worker_number(done, NULL, "score") * FIXTURE_TEST;
    assert_true(images - (double)(int)(images + 0.5) < 1e-9);
    json_decref(done);
}

/* Settings that the space leaves out come from `fixed`, else a default; nothing is in force
 * then. */
static void test_fixed_and_defaults_are_used(void **state)
{
    (void)state;
    train(100, "fresh", "null", "null", "", ", \"width\": 8, \"score\": \"cross_entropy\"");
    json_t *done = worker_receive();
    worker_assert_type(done, "done");
    assert_true(worker_number(done, NULL, "score") == worker_number(done, "metrics", "loss"));
    assert_null(json_object_get(done, "in_force"));
    json_decref(done);

    train(0, "keep", "null", "null", "", ", \"width\": 8, \"score\": \"error\"");
    done = worker_receive();
    worker_assert_type(done, "done");
    assert_true(worker_number(done, NULL, "score") ==
                1.0 - worker_number(done, "metrics", "accuracy"));
    json_decref(done);
}

static void test_divergence_is_a_score_of_nan(void **state)
{
    (void)state;
    train(3000, "fresh", "null", "null", "\"lr\": 1e6, \"weight_decay\": 10", "");
    json_t *const done = worker_receive();
    worker_assert_type(done, "done");
    assert_string_equal(json_string_value(json_object_get(done, "score")), "NaN");
    json_decref(done);
}

static void test_wrong_values_are_errors_of_kind_config(void **state)
{
    (void)state;
    static const struct {
        const char *hyperparameters, *fixed, *words;
    } wrong[] = {
        {"\"width\": 0", "", "\"width\" is 0; allowed are whole numbers from 1 to 16384"},
        {"\"width\": 12.5", "", "\"width\" is 12.5; allowed are whole numbers"},
        {"\"lr\": -0.5", "", "\"lr\" is -0.5; allowed are numbers from 0 to 1000000"},
        {"\"lr\": \"NaN\"", "", "\"lr\" is nan"},
        {"\"lr\": \"fast\"", "", "\"lr\" is not a number"},
        {"\"momentum\": 1", "", "\"momentum\" is 1; allowed are numbers from 0 to 0.999999"},
        {"\"dropout\": 1.5", "", "\"dropout\" is 1.5"},
        {"\"label_smoothing\": -1", "", "\"label_smoothing\" is -1"},
        {"\"weight_decay\": -1e-9", "", "\"weight_decay\" is -1e-09"},
        {"\"batch\": 8193", "", "\"batch\" is 8193; allowed are whole numbers from 1 to 8192"},
        {"\"act\": \"sigmoid\"", "", "\"act\" is \"sigmoid\"; allowed are relu, tanh, gelu, silu"},
        {"\"act\": 3", "", "\"act\" is not text"},
        {"", ", \"layers\": 9", "\"layers\" is 9; allowed are whole numbers from 1 to 8"},
        {"", ", \"score\": \"f1\"",
         "\"score\" is \"f1\"; allowed are accuracy, cross_entropy, error"},
        {"", ", \"split\": \"all\"", "\"split\" is \"all\"; allowed are held_out and test"},
        {"", ", \"split\": \"test\"", "only for an evaluation"},
        {"", ", \"train\": 150", "train is 150; allowed are 1 to 140"},
        {"", ", \"data\": \"/nowhere\"", "apt-get install dataset-fashion-mnist"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        train(10, "fresh", "null", "null", wrong[i].hyperparameters, wrong[i].fixed);
        worker_assert_config_error(wrong[i].words);
    }
    train(10, "fresh", "null", "null", "", ""); /* and it still works */
    json_t *const done = worker_receive();
    worker_assert_type(done, "done");
    json_decref(done);
}

static void test_table_of_trainers(void **state)
{
    (void)state;
    assert_null(pbt_trainer_find("nothing"));
    for (size_t i = 0; pbt_trainer_at(i) != NULL; i++) {
        const struct pbt_trainer *const trainer = pbt_trainer_at(i);
        assert_ptr_equal(pbt_trainer_find(trainer->name), trainer);
        assert_true(strlen(trainer->summary) > 0 && strlen(trainer->summary) < 100);
    }
    assert_non_null(pbt_trainer_find("classify"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_conversation_of_three_segments, start, leave),
        cmocka_unit_test_setup_teardown(test_fixed_and_defaults_are_used, start, leave),
        cmocka_unit_test_setup_teardown(test_divergence_is_a_score_of_nan, start, leave),
        cmocka_unit_test_setup_teardown(test_wrong_values_are_errors_of_kind_config, start, leave),
        cmocka_unit_test(test_table_of_trainers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
