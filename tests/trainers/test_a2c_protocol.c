/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_a2c_protocol.c - rules: `a2c` as a process speaks the trainer protocol; what it reports as
 * in force is what it was asked for; it reports one score or a list of them; every setting of
 * a2c_settings.h that is out of range or of another type is an error of kind config, by name.
 */
#include "a2c/a2c.h"
#include "trainer_fixture.h"
#include "trainer_worker.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static char folder[256];

static int start(void **state)
{
    (void)state;
    fixture_folder(folder);
    return worker_start("a2c", folder) ? 0 : -1;
}

static int leave(void **state)
{
    (void)state;
    bool const good = worker_stop();
    fixture_remove(folder);
    return good ? 0 : -1;
}

#define SMALL "\"game\": \"cartpole\", \"envs\": 8, \"hidden\": 16"

/* -------- answers -------- */

/* The answer to a task that should be done, to be released. */
static json_t *done(void)
{
    json_t *const message = worker_receive();
    worker_assert_type(message, "done");
    return message;
}

static void test_conversation_of_three_segments(void **state)
{
    (void)state;
    char save[512];
    (void)snprintf(save, sizeof save, "\"%s\"", fixture_path(folder, "c"));
    assert_int_equal(mkdir(fixture_path(folder, "c"), 0700), 0);
    worker_train(2000, "fresh", "null", save, "\"lr\": 0.002", SMALL);
    json_t *message = done();
    double const score = worker_number(message, NULL, "score");
    assert_true(score > 8.0 && score < 60.0); /* nobody falls sooner, nor learns so quickly */
    assert_true(worker_number(message, "metrics", "episodes") >= PBTI_TALLY_ENOUGH);
    assert_true(worker_number(message, "metrics", "length") == score);
    assert_true(worker_number(message, "metrics", "entropy") > 0.5);
    assert_true(worker_number(message, "metrics", "value_loss") > 0.0);
    assert_true(worker_number(message, "metrics", "gradient_norm") > 0.0);
    assert_null(json_object_get(json_object_get(message, "metrics"), "episodes_kept"));
    json_decref(message);

    worker_train(200, "keep", "null", "null", "\"lr\": 0.003", SMALL);
    message = done();
    assert_true(worker_number(message, "in_force", "lr") == 0.003);
    double const kept = worker_number(message, "metrics", "episodes_kept");
    assert_true(kept >= PBTI_TALLY_ENOUGH);
    assert_true(worker_number(message, "metrics", "episodes") >= kept);
    json_decref(message);

    worker_train(0, "load", save, "null", "\"lr\": 0.003", SMALL ", \"episodes\": 20");
    message = done();
    assert_true(worker_number(message, "metrics", "episodes") == 24.0);
    assert_null(json_object_get(json_object_get(message, "metrics"), "entropy"));
    assert_null(json_object_get(message, "in_force")); /* nothing was trained */
    json_decref(message);
}

/* All that an agent holds, one after the other and away from the defaults. */
static void test_values_in_force(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double value;
    } all[] = {
        {"lr", 0.004},
        {"entropy_cost", 0.02},
        {"discount", 0.97},
        {"trace_decay", 0.8},
        {"value_cost", 0.4},
        {"rmsprop_decay", 0.95},
        {"rmsprop_epsilon", 1e-4},
        {"clip", 2.5},
        {"unroll", 7},
        {"envs", 5},
        {"filters", 32},
        {"hidden", 24},
    };
    size_t const count = sizeof all / sizeof all[0];
    char text[1024] = "";
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s\"%s\": %.17g",
                                 i > 0 ? ", " : "", all[i].name, all[i].value);
    }
    worker_train(100, "fresh", "null", "null", text, "\"game\": \"breakout\"");
    json_t *message = done();
    for (size_t i = 0; i < count; i++) {
        assert_true(worker_number(message, "in_force", all[i].name) == all[i].value);
    }
    assert_int_equal(json_object_size(json_object_get(message, "in_force")), count);
    assert_int_equal(json_array_size(json_object_get(message, "read")), count);
    json_decref(message);

    worker_train(100, "fresh", "null", "null", "", ""); /* nothing is asked for */
    message = done();
    assert_null(json_object_get(message, "in_force"));
    json_decref(message);
}

static void test_list_of_scores(void **state)
{
    (void)state;
    worker_train(3000, "fresh", "null", "null", "", SMALL ", \"report\": \"list\"");
    json_t *message = done();
    const json_t *const scores = json_object_get(message, "scores");
    size_t const count = json_array_size(scores);
    assert_true(count >= PBTI_TALLY_LIST_MAX / 2 && count <= PBTI_TALLY_LIST_MAX);
    for (size_t i = 0; i < count; i++) {
        assert_true(json_number_value(json_array_get(scores, i)) >= 8.0);
    }
    json_decref(message);

    worker_train(8, "fresh", "null", "null", "", SMALL ", \"report\": \"list\"");
    message = done(); /* no episode: no list */
    assert_string_equal(json_string_value(json_object_get(message, "score")), "NaN");
    json_decref(message);
}

/* -------- refusals -------- */

/* A value is refused by name where it stands in the space and where it stands in `fixed`. */
static void check_refused(const char *name, const char *value, const char *words)
{
    char member[128];
    (void)snprintf(member, sizeof member, "\"%s\": %s", name, value);
    worker_train(10, "fresh", "null", "null", member, "");
    worker_assert_config_error(words);
    worker_train(10, "fresh", "null", "null", "", member);
    worker_assert_config_error(words);
}

static void check_number(const char *name, double low, double high)
{
    char value[64], words[128];
    double const outside[] = {low - 0.5, high + 0.5 + high / 2.0};
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(value, sizeof value, "%.17g", outside[i]);
        (void)snprintf(words, sizeof words, "\"%s\" is %.9g; allowed are numbers from %.9g to %.9g",
                       name, outside[i], low, high);
        check_refused(name, value, words);
    }
    (void)snprintf(words, sizeof words, "\"%s\" is nan", name);
    check_refused(name, "\"NaN\"", words);
    (void)snprintf(words, sizeof words, "\"%s\" is not a number", name);
    check_refused(name, "\"much\"", words);
}

static void check_count(const char *name, uint32_t low, uint32_t high)
{
    char value[64], words[128];
    double const wrong[] = {low - 1.0, high + 1.0, low + 0.5, -1.0, 1e300};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        (void)snprintf(value, sizeof value, "%.17g", wrong[i]);
        (void)snprintf(words, sizeof words,
                       "\"%s\" is %.9g; allowed are whole numbers from %u to %u", name, wrong[i],
                       low, high);
        check_refused(name, value, words);
    }
    (void)snprintf(words, sizeof words, "\"%s\" is not a number", name);
    check_refused(name, "\"many\"", words);
}

/* Of a switch, `fixed` may hold the numbers 0 and 1 as well. */
static void check_switch(const char *name)
{
    char member[64], words[128];
    (void)snprintf(member, sizeof member, "\"%s\": \"yes\"", name);
    (void)snprintf(words, sizeof words, "\"%s\" is neither true nor false", name);
    worker_train(10, "fresh", "null", "null", member, "");
    worker_assert_config_error(words);
    (void)snprintf(words, sizeof words, "\"%s\" is not a number", name);
    worker_train(10, "fresh", "null", "null", "", member);
    worker_assert_config_error(words);
    (void)snprintf(member, sizeof member, "\"%s\": 2", name);
    (void)snprintf(words, sizeof words, "\"%s\" is 2; allowed are true and false", name);
    worker_train(10, "fresh", "null", "null", "", member);
    worker_assert_config_error(words);
}

static void test_every_setting_is_checked(void **state)
{
    (void)state;
    for (const struct pbti_setting *s = pbti_builtin_a2c.settings; s->name != NULL; s++) {
        switch (s->kind) {
        case PBTI_SETTING_NUMBER: check_number(s->name, s->low, s->high); break;
        case PBTI_SETTING_COUNT: check_count(s->name, (uint32_t)s->low, (uint32_t)s->high); break;
        case PBTI_SETTING_SWITCH: check_switch(s->name); break;
        case PBTI_SETTING_CHOICE:
        case PBTI_SETTING_TEXT: break; /* below */
        }
    }
    check_refused("filters", "24", "\"filters\" is 24; allowed are multiples of 16");
    check_refused("score", "\"loss\"", "\"score\" is \"loss\"; allowed are return");
    check_refused("score", "\"normalised\"", "\"breakout\" has no reference scores");
    worker_train(10, "fresh", "null", "null", "", "\"inputs\": true");
    worker_assert_config_error("\"inputs\" is true without \"lstm\"");
    worker_train(10, "fresh", "null", "null", "", "\"game\": \"maze\", \"size\": 8");
    worker_assert_config_error("\"size\" is 8; allowed are odd numbers, 7 to 15");
    check_refused("game", "3", "\"game\" is not text");
    check_refused("report", "\"all\"", "\"report\" is \"all\"; allowed are mean and list");
    worker_train(10, "fresh", "null", "null", "", SMALL); /* and it still works */
    json_decref(done());
}

static void test_unknown_game_lists_the_games(void **state)
{
    (void)state;
    check_refused("game", "\"pong\"", "\"game\" is \"pong\"; allowed are ");
    for (size_t i = 0; pbti_env_at(i) != NULL; i++) {
        check_refused("game", "\"pong\"", pbti_env_at(i)->name);
    }
}

static void test_every_game_can_be_played(void **state)
{
    (void)state;
    for (size_t i = 0; pbti_env_at(i) != NULL; i++) {
        char fixed[128];
        (void)snprintf(fixed, sizeof fixed, "\"game\": \"%s\", \"envs\": 4, \"lstm\": %s",
                       pbti_env_at(i)->name, i % 2 == 0 ? "true" : "false");
        worker_train(100, "fresh", "null", "null", "", fixed);
        json_t *const message = done();
        assert_true(isfinite(worker_number(message, "metrics", "value_loss")));
        json_decref(message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_conversation_of_three_segments, start, leave),
        cmocka_unit_test_setup_teardown(test_values_in_force, start, leave),
        cmocka_unit_test_setup_teardown(test_list_of_scores, start, leave),
        cmocka_unit_test_setup_teardown(test_every_setting_is_checked, start, leave),
        cmocka_unit_test_setup_teardown(test_unknown_game_lists_the_games, start, leave),
        cmocka_unit_test_setup_teardown(test_every_game_can_be_played, start, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
