/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_builtin_run.c - rules of the host of builtin trainers, shown on a toy: data and network are
 * made once while their settings stay and never for a task that goes on with what is in memory; a
 * fresh start with a checkpoint loads it; every block and what the trainer encodes come back; a
 * failure leaves nothing behind; settings have limits.
 */
#include "host/builtin.h"
#include "trainer_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -------- the toy: two blocks of `size` weights, and a number, all of which grow -------- */

#define TOY_SETTINGS(X)                                                                            \
    X(NUMBER, lr, HOT, 0.5, 0.0, 1.0)                                                              \
    X(COUNT, size, NETWORK, 3, 1, 10)                                                              \
    X(SWITCH, fails, HOT, false)                                                                   \
    X(CHOICE, goal, HOT, 1, goal_word)                                                             \
    X(TEXT, data, DATA, "somewhere")

PBTI_SETTING_WORDS(goal_word, "win", "draw", "lose")

struct toy_settings {
    TOY_SETTINGS(PBTI_SETTING_FIELD)
};

struct toy {
    struct pbti_builtin_held held;
    struct pbti_nn_block first, second;
    uint64_t trained; /* steps, encoded */
    size_t encoded;   /* bytes */
    double lr;
};

#define SETTINGS struct toy_settings
static const struct pbti_setting table[] = {TOY_SETTINGS(PBTI_SETTING_ENTRY){0}};

static struct {
    uint32_t loads, drops, creations, destructions;
} calls;

static pbt_status load_data(void *state, const void *settings, struct pbt_error *err)
{
    (void)state;
    calls.loads++;
    if (strcmp(((const struct toy_settings *)settings)->data, "nowhere") != 0) { return PBT_OK; }
    return pbti_nn_fail(err, PBT_ENOENT, "there is no data");
}

static void drop_data(void *state)
{
    (void)state;
    calls.drops++;
}

static pbt_status create(void *state, const void *settings, struct pbt_error *err)
{
    struct toy *const toy = state;
    struct pbti_nn_block *const blocks[] = {&toy->first, &toy->second};
    calls.creations++;
    toy->encoded = 8;
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t index;
        pbti_nn_block_init(blocks[i]);
        assert_int_equal(pbti_nn_block_add(blocks[i], "weight",
                                           ((const struct toy_settings *)settings)->size, 1, true,
                                           &index, err),
                         PBT_OK);
        assert_int_equal(pbti_nn_block_allocate(blocks[i], i, err), PBT_OK);
    }
    return PBT_OK;
}

static void destroy(void *state)
{
    struct toy *const toy = state;
    calls.destructions++;
    pbti_nn_block_deinit(&toy->first);
    pbti_nn_block_deinit(&toy->second);
}

static void fresh(void *state, uint64_t seed)
{
    struct toy *const toy = state;
    toy->first.weights[0] = (float)seed;
    toy->second.weights[0] = -(float)seed;
    toy->second.slots[0][0] = 0.0f;
    toy->trained = 0;
}

static size_t encode(const void *state, uint8_t *bytes)
{
    const struct toy *const toy = state;
    if (bytes != NULL) { memcpy(bytes, &toy->trained, sizeof toy->trained); }
    return toy->encoded;
}

static pbt_status decode(void *state, const uint8_t *bytes, size_t size, struct pbt_error *err)
{
    if (size != 8) { return pbti_nn_fail(err, PBT_ECORRUPT, "%zu bytes", size); }
    memcpy(&((struct toy *)state)->trained, bytes, size);
    return PBT_OK;
}

static pbt_status train(void *state, const void *settings, const struct pbti_builtin_task *task,
                        struct pbt_error *err)
{
    struct toy *const toy = state;
    toy->lr = ((const struct toy_settings *)settings)->lr;
    for (uint64_t step = 1; step <= task->steps; step++) {
        toy->first.weights[0] += (float)toy->lr;
        toy->second.slots[0][0] += 1.0f;
        toy->second.updates++;
        toy->trained++;
        pbt_status const status = pbti_builtin_progress(task, step, 0.0, err);
        if (status != PBT_OK) { return status; }
    }
    return ((const struct toy_settings *)settings)->fails ? pbti_nn_fail(err, PBT_EIO, "it fails")
                                                          : PBT_OK;
}

static pbt_status evaluate(void *state, const void *settings, const struct pbti_builtin_task *task,
                           struct pbt_error *err)
{
    (void)state;
    (void)settings;
    (void)task;
    (void)err;
    return PBT_OK;
}

static const struct pbti_builtin toy_builtin = {
    .about = {"toy", "a toy"},
    .settings = table,
    .settings_size = sizeof(struct toy_settings),
    .state_size = sizeof(struct toy),
    .block_count = 2,
    .blocks = {{"first", offsetof(struct toy, first)}, {"second", offsetof(struct toy, second)}},
    .load_data = load_data,
    .drop_data = drop_data,
    .create = create,
    .destroy = destroy,
    .fresh = fresh,
    .encode = encode,
    .decode = decode,
    .train = train,
    .evaluate = evaluate,
};

/* -------- helpers -------- */

static char folder[256];
static struct toy toy;
static struct toy_settings settings;

static int setup(void **state)
{
    (void)state;
    fixture_folder(folder);
    memset(&calls, 0, sizeof calls);
    pbti_builtin_init(&toy_builtin, &toy);
    pbti_settings_default(table, &settings);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pbti_builtin_deinit(&toy_builtin, &toy);
    assert_int_equal(calls.creations, calls.destructions);
    assert_int_equal(calls.loads, calls.drops);
    fixture_remove(folder);
    return 0;
}

static void run(const struct pbti_builtin_task *task)
{
    struct pbt_error err = {0};
    if (pbti_builtin_run(&toy_builtin, &toy, &settings, task, &err) != PBT_OK) {
        fail_msg("%s", err.message);
    }
}

static void refused(const struct pbti_builtin_task *task, pbt_status status, const char *words)
{
    struct pbt_error err = {0};
    assert_int_equal(pbti_builtin_run(&toy_builtin, &toy, &settings, task, &err), status);
    if (strstr(err.message, words) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", words, err.message);
    }
}

static const struct pbti_builtin_task start = {.seed = 4, .steps = 2};
static const struct pbti_builtin_task keep = {.seed = 5, .steps = 2, .start = PBT_CLIENT_KEEP};

/* -------- what is made when -------- */

static void test_data_and_network_are_made_when_their_settings_change(void **state)
{
    (void)state;
    run(&start);
    settings.lr = 0.25;
    run(&start);
    run(&keep);
    assert_true(calls.loads == 1 && calls.creations == 1);
    settings.size = 4;
    run(&start);
    assert_true(calls.loads == 1 && calls.creations == 2);
    (void)snprintf(settings.data, sizeof settings.data, "elsewhere");
    run(&start);
    assert_true(calls.loads == 2 && calls.creations == 3);
    run(&keep);
    assert_true(calls.loads == 2 && calls.creations == 3);
}

static void test_keep_never_makes_another_network(void **state)
{
    (void)state;
    refused(&keep, PBT_EINVAL, "no network in memory");
    run(&start);
    settings.size = 4;
    refused(&keep, PBT_EINVAL, "\"size\" is not what the network in memory was made with");
    settings.size = 3;
    (void)snprintf(settings.data, sizeof settings.data, "elsewhere");
    refused(&keep, PBT_EINVAL, "\"data\" is not what");
    (void)snprintf(settings.data, sizeof settings.data, "somewhere");
    settings.lr = 0.25;
    settings.goal = 2;
    run(&keep);
    assert_true(toy.trained == 4 && toy.first.weights[0] == 4.0f + 2 * 0.5f + 2 * 0.25f);
}

static void test_missing_data_leave_nothing(void **state)
{
    (void)state;
    run(&start);
    (void)snprintf(settings.data, sizeof settings.data, "nowhere");
    refused(&start, PBT_ENOENT, "there is no data");
    refused(&keep, PBT_EINVAL, "no network in memory");
    (void)snprintf(settings.data, sizeof settings.data, "somewhere");
    run(&start);
}

/* -------- checkpoints -------- */

static void test_fresh_start_with_a_checkpoint_loads_it(void **state)
{
    (void)state;
    struct pbti_builtin_task task = start;
    task.save = folder;
    run(&task);
    static const enum pbt_client_start starts[] = {PBT_CLIENT_FRESH, PBT_CLIENT_LOAD};
    for (size_t i = 0; i < 2; i++) {
        run(&start);
        run(&keep);
        task = (struct pbti_builtin_task){.seed = 9, .start = starts[i], .load = folder};
        run(&task);
        assert_true(toy.trained == 2 && toy.first.weights[0] == 5.0f);
        assert_true(toy.second.weights[0] == -4.0f && toy.second.slots[0][0] == 2.0f);
        assert_true(toy.second.updates == 2);
    }
}

static void test_what_does_not_fit_a_checkpoint_is_refused(void **state)
{
    (void)state;
    struct pbti_builtin_task task = start;
    run(&start);
    toy.encoded = (size_t)PBTI_NN_EXTRA_MAX + 1;
    task.save = folder;
    refused(&task, PBT_ELIMIT, "bytes beside a network are too many");
}

/* A segment that fails saves nothing. */
static void test_failed_segment_saves_nothing(void **state)
{
    (void)state;
    struct pbti_builtin_task task = start;
    task.save = folder;
    settings.fails = true;
    refused(&task, PBT_EIO, "it fails");
    settings.fails = false;
    task = (struct pbti_builtin_task){.start = PBT_CLIENT_LOAD, .load = folder};
    refused(&task, PBT_EIO, "No such file");
}

/* -------- settings -------- */

/* Read the settings of a lone task with these members of `fixed`. */
static pbt_status read_fixed(const char *fixed, struct pbt_error *err)
{
    static char task[8192];
    (void)snprintf(task, sizeof task,
                   "{\"type\": \"train\", \"task\": \"0.1.1\", \"member\": 0, \"segment\": 1, "
                   "\"attempt\": 1, \"seed\": \"1\", \"age\": 0, \"steps\": 1, \"start\": "
                   "\"fresh\", \"from\": null, \"load\": null, \"save\": null, \"checkpoint\": "
                   "null, \"hyperparameters\": {}, \"fixed\": {%s}}",
                   fixed);
    assert_int_equal(setenv("PBT_TASK", task, 1), 0);
    struct pbt_client *const client = pbt_client_open("toy", NULL, 0);
    struct pbt_client_task got;
    assert_non_null(client);
    assert_int_equal(pbt_client_next(client, &got), 1);
    pbt_status const status = pbti_settings_read(table, client, &settings, err);
    pbt_client_close(client);
    return status;
}

static void test_settings_have_defaults_and_limits(void **state)
{
    (void)state;
    struct pbt_error err = {0};
    memset(&settings, 0xff, sizeof settings);
    assert_int_equal(read_fixed("", &err), PBT_OK);
    assert_true(settings.lr == 0.5 && settings.size == 3 && !settings.fails && settings.goal == 1);
    assert_string_equal(settings.data, "somewhere");
    assert_int_equal(read_fixed("\"fails\": true, \"goal\": \"lose\", \"data\": \"x\"", &err),
                     PBT_OK);
    assert_true(settings.fails && settings.goal == 2 && strcmp(settings.data, "x") == 0);
    assert_int_equal(read_fixed("\"goal\": \"lost\"", &err), PBT_EINVAL);
    assert_string_equal(err.message, "\"goal\" is \"lost\"; allowed are win, draw, lose");
    assert_int_equal(read_fixed("\"size\": 10.5", &err), PBT_EINVAL);
    assert_string_equal(err.message, "\"size\" is 10.5; allowed are whole numbers from 1 to 10");
    char text[PBTI_SETTING_TEXT_SIZE + 32];
    (void)snprintf(text, sizeof text, "\"data\": \"%0*d\"", (int)PBTI_SETTING_TEXT_SIZE - 1, 0);
    assert_int_equal(read_fixed(text, &err), PBT_OK);
    (void)snprintf(text, sizeof text, "\"data\": \"%0*d\"", (int)PBTI_SETTING_TEXT_SIZE, 0);
    assert_int_equal(read_fixed(text, &err), PBT_EINVAL);
    assert_non_null(strstr(err.message, "of 4096 bytes; allowed are at most 4095"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_data_and_network_are_made_when_their_settings_change,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_keep_never_makes_another_network, setup, teardown),
        cmocka_unit_test_setup_teardown(test_missing_data_leave_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fresh_start_with_a_checkpoint_loads_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_what_does_not_fit_a_checkpoint_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_failed_segment_saves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_settings_have_defaults_and_limits, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
