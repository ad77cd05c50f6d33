/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_classify_protocol.c - rules: `classify` as a process speaks the trainer protocol; what it
 * reports as in force was read back; wrong values are errors of kind config that name the value and
 * what is allowed.
 *
 * The worker is played here: a listening socket, the trainer in a child process, lines written by
 * hand.
 */
#include "trainer_fixture.h"
#include "trainers.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[256];
static FILE *connection;
static pid_t child;

/* -------- the worker's side -------- */

/* The next message that is no progress. */
static json_t *receive(void)
{
    static char line[65536];
    for (;;) {
        assert_non_null(fgets(line, sizeof line, connection));
        json_t *const message = json_loads(line, 0, NULL);
        assert_non_null(message);
        const char *const type = json_string_value(json_object_get(message, "type"));
        assert_non_null(type);
        if (strcmp(type, "progress") != 0) { return message; }
        json_decref(message);
    }
}

__attribute__((format(printf, 1, 2))) static void post(const char *format, ...)
{
    char line[4096];
    va_list args;
    va_start(args, format);
    int const size = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    assert_true(size > 0 && (size_t)size < sizeof line);
    assert_int_equal(write(fileno(connection), line, (size_t)size), size);
    assert_int_equal(write(fileno(connection), "\n", 1), 1);
}

static int start(void **state)
{
    (void)state;
    fixture_folder(folder);
    fixture_data(folder, true);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%.90s/s", folder);
    int const listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 1) != 0) {
        return -1;
    }
    (void)fflush(NULL);
    child = fork();
    if (child == 0) {
        (void)setenv("PBT_SOCKET", address.sun_path, 1);
        const struct pbt_trainer *const trainer = pbt_trainer_find("classify");
        int const code = trainer->run(0, NULL);
        _exit(code);
    }
    int const accepted = accept(listener, NULL, NULL);
    (void)close(listener);
    connection = fdopen(accepted, "r");
    json_t *const hello = receive();
    bool const good = strcmp(json_string_value(json_object_get(hello, "type")), "hello") == 0 &&
                      json_integer_value(json_object_get(hello, "protocol")) == 1;
    json_decref(hello);
    return good ? 0 : -1;
}

static int leave(void **state)
{
    (void)state;
    int status = -1;
    post("{\"type\": \"exit\"}");
    (void)waitpid(child, &status, 0);
    (void)fclose(connection);
    fixture_remove(folder);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

/* Send a task with these hyperparameters and more of `fixed`, which may name other data. */
static void train(unsigned steps, const char *start_name, const char *load, const char *save,
                  const char *hyperparameters, const char *fixed)
{
    bool const own_data = strstr(fixed, "\"data\"") != NULL;
    post(
        "{\"type\": \"train\", \"task\": \"0.1.1\", \"member\": 0, \"segment\": 1, \"attempt\": 1, "
        "\"seed\": \"9121347610512345678\", \"age\": 0, \"steps\": %u, \"start\": \"%s\", "
        "\"from\": null, \"load\": %s, \"save\": %s, \"checkpoint\": null, "
        "\"hyperparameters\": {%s}, \"fixed\": {%s%s%s\"held_out\": 60%s}}",
        steps, start_name, load, save, hyperparameters, own_data ? "" : "\"data\": \"",
        own_data ? "" : folder, own_data ? "" : "\", ", fixed);
}

static double number_of(const json_t *message, const char *object, const char *name)
{
    const json_t *const from = object == NULL ? message : json_object_get(message, object);
    const json_t *const value = json_object_get(from, name);
    if (!json_is_number(value)) { fail_msg("%s is not a number", name); }
    return json_number_value(value);
}

static void assert_type(const json_t *message, const char *type)
{
    const char *const got = json_string_value(json_object_get(message, "type"));
    if (strcmp(got, type) != 0) {
        const char *const why = json_string_value(json_object_get(message, "message"));
        fail_msg("got %s (%s), expected %s", got, why == NULL ? "" : why, type);
    }
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
    json_t *done = receive();
    assert_type(done, "done");
    double const score = number_of(done, NULL, "score");
    assert_true(score > 0.5 && score <= 1.0);
    assert_true(number_of(done, "metrics", "accuracy") == score);
    assert_true(number_of(done, "metrics", "loss") > 0.0);
    assert_true(number_of(done, "metrics", "train_loss") > 0.0);
    assert_true(number_of(done, "in_force", "lr") == 0.01);
    assert_true(number_of(done, "in_force", "momentum") == 0.85);
    assert_true(number_of(done, "in_force", "batch") == 32.0);
    assert_true(number_of(done, "in_force", "width") == 12.0);
    assert_int_equal(json_array_size(json_object_get(done, "read")), 8);
    json_decref(done);

    train(0, "keep", "null", "null", VALUES, ""); /* evaluates what it holds */
    done = receive();
    assert_type(done, "done");
    assert_true(number_of(done, NULL, "score") == score);
    assert_null(json_object_get(json_object_get(done, "metrics"), "train_loss"));
    json_decref(done);

    train(0, "load", save, "null", VALUES, ", \"split\": \"test\"");
    done = receive();
    assert_type(done, "done");
    double const images = number_of(done, NULL, "score") * FIXTURE_TEST;
    assert_true(images - (double)(int)(images + 0.5) < 1e-9);
    json_decref(done);
}

/* Settings that the space leaves out come from `fixed`, else a default; nothing is in force
 * then. */
static void test_fixed_and_defaults_are_used(void **state)
{
    (void)state;
    train(100, "fresh", "null", "null", "", ", \"width\": 8, \"score\": \"cross_entropy\"");
    json_t *const done = receive();
    assert_type(done, "done");
    assert_true(number_of(done, NULL, "score") == number_of(done, "metrics", "loss"));
    assert_null(json_object_get(done, "in_force"));
    json_decref(done);
}

static void test_divergence_is_a_score_of_nan(void **state)
{
    (void)state;
    train(3000, "fresh", "null", "null", "\"lr\": 1e6, \"weight_decay\": 10", "");
    json_t *const done = receive();
    assert_type(done, "done");
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
        {"", ", \"score\": \"f1\"", "\"score\" is \"f1\"; allowed are accuracy and cross_entropy"},
        {"", ", \"split\": \"all\"", "\"split\" is \"all\"; allowed are held_out and test"},
        {"", ", \"split\": \"test\"", "only for an evaluation"},
        {"", ", \"train\": 150", "train is 150; allowed are 1 to 140"},
        {"", ", \"data\": \"/nowhere\"", "apt-get install dataset-fashion-mnist"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        train(10, "fresh", "null", "null", wrong[i].hyperparameters, wrong[i].fixed);
        json_t *const message = receive();
        assert_type(message, "error");
        assert_string_equal(json_string_value(json_object_get(message, "kind")), "config");
        const char *const text = json_string_value(json_object_get(message, "message"));
        if (strstr(text, wrong[i].words) == NULL) {
            fail_msg("\"%s\" is not in \"%s\"", wrong[i].words, text);
        }
        json_decref(message);
    }
    train(10, "fresh", "null", "null", "", ""); /* and it still works */
    json_t *const done = receive();
    assert_type(done, "done");
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
