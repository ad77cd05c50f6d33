/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_c_client.c - the C client keeps the trainer protocol (docs/protocol.md), whatever the worker
 * does.
 *
 * Protects: rule 15 (a worker that vanishes, is slow or sends rubbish never hangs or kills the
 * trainer's own clean-up), rule 17 (`read` and `in_force` are what the trainer did), rule 4 (scores
 * that are not finite arrive as such).
 *
 * The fake worker is this process: the kernel buffers what either side writes, so one thread can
 * speak both parts in turn. Only where a message is larger than such a buffer, or bytes must arrive
 * late, does a forked child write.
 */
#include "pbt_client.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const variables[] = {
    "PBT_SOCKET",
    "PBT_TASK",
    "PBT_STEPS",
    "PBT_LOAD",
    "PBT_SAVE",
    "PBT_START",
    "PBT_RESULT",
    "PBT_SEED",
    "PBT_AGE",
    "PBT_MEMBER",
    "PBT_SEGMENT",
    "PBT_ATTEMPT",
    "PBT_HP_LR",
    "PBT_HP_ACT",
    "PBT_HP_BATCH_SIZE",
    "PBT_HP_NESTEROV",
    "PBT_FIXED_N",
    "PBT_FIXED_DATA",
    "PBT_RANK",
    "PBT_RANKS",
    "RANK",
    "WORLD_SIZE",
    "SLURM_PROCID",
    "PMI_RANK",
    "PMI_SIZE",
    "OMPI_COMM_WORLD_RANK",
    "SLURM_NTASKS",
    "OMPI_COMM_WORLD_SIZE",
    "SLURM_STEP_NUM_TASKS",
};

struct fixture {
    char folder[64];
    char path[96];
    int listener;
    int worker; /* the worker's end of the connection */
    FILE *from; /* the same, for reading lines */
    struct pbt_client *client;
    struct pbt_client_task task;
};

static const char train_fresh[] =
    "{\"type\":\"train\",\"task\":\"3.12.1\",\"member\":3,\"segment\":12,\"attempt\":1,"
    "\"seed\":\"18446744073709551615\",\"age\":6000,\"steps\":500,\"start\":\"fresh\","
    "\"from\":null,\"load\":null,\"save\":\"/s/m3.s12.a1.part\",\"checkpoint\":\"m3.s12.a1\","
    "\"hyperparameters\":{\"lr\":0.00121,\"batch\":64,\"act\":\"relu\",\"nesterov\":true},"
    "\"fixed\":{\"data\":\"./data\",\"n\":100,\"shuffle\":true,\"none\":null},\"later\":[1]}\n";
static const char train_keep[] =
    "{\"type\":\"train\",\"task\":\"3.13.2\",\"member\":3,\"segment\":13,\"attempt\":2,"
    "\"seed\":7,\"age\":6500,\"steps\":0,\"max_age\":9000,\"budget\":8000,\"start\":\"keep\","
    "\"from\":\"m3.s12.a1\","
    "\"load\":null,\"save\":null,\"checkpoint\":null,"
    "\"hyperparameters\":{\"lr\":1},\"fixed\":{}}\n";

/* -------- the fake worker -------- */

static void clear_environment(void)
{
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        unsetenv(variables[i]);
    }
}

static int setup_listener(void **state)
{
    struct fixture *const f = calloc(1, sizeof *f);
    assert_non_null(f);
    clear_environment();
    (void)snprintf(f->folder, sizeof f->folder, "/tmp/pbt-client-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    (void)snprintf(f->path, sizeof f->path, "%s/socket", f->folder);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, f->path, strlen(f->path) + 1);
    f->worker = -1;
    f->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(f->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(f->listener, 8), 0);
    setenv("PBT_SOCKET", f->path, 1);
    (void)alarm(30);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *const f = *state;
    pbt_client_close(f->client);
    if (f->from != NULL) { (void)fclose(f->from); }
    (void)close(f->listener);
    (void)unlink(f->path);
    (void)rmdir(f->folder);
    (void)alarm(0);
    free(f);
    return 0;
}

static void connect_with(struct fixture *f,
                         struct pbt_client *(*open)(const char *, char *, size_t))
{
    char error[256] = "";
    f->client = open("test 1", error, sizeof error);
    assert_string_equal(error, "");
    assert_non_null(f->client);
    f->worker = accept(f->listener, NULL, NULL);
    assert_true(f->worker >= 0);
    f->from = fdopen(f->worker, "r");
    assert_non_null(f->from);
}

static void connect_client(struct fixture *f)
{
    connect_with(f, pbt_client_open);
}

static void say(const struct fixture *f, const char *text)
{
    assert_int_equal(write(f->worker, text, strlen(text)), (ssize_t)strlen(text));
}

/* The next message of the client; the caller owns it. */
static json_t *hear(struct fixture *f)
{
    char *line = NULL;
    size_t capacity = 0;
    const ssize_t size = getline(&line, &capacity, f->from);
    assert_true(size > 1);
    assert_int_equal(line[size - 1], '\n');
    json_t *const message = json_loads(line, 0, NULL);
    assert_non_null(message);
    free(line);
    return message;
}

/* Nothing more was sent. */
static void hear_nothing(struct fixture *f)
{
    char byte;
    assert_int_equal(recv(f->worker, &byte, 1, MSG_DONTWAIT), -1);
}

static int setup_connected(void **state)
{
    (void)setup_listener(state);
    connect_client(*state);
    json_decref(hear(*state));
    return 0;
}

/* Hand out `train` and take it. */
static void begin(struct fixture *f, const char *train)
{
    say(f, train);
    assert_int_equal(pbt_client_next(f->client, &f->task), 1);
}

/* The next message must equal this JSON. */
static void hear_exactly(struct fixture *f, const char *expected_text)
{
    json_t *const expected = json_loads(expected_text, 0, NULL);
    json_t *const message = hear(f);
    assert_non_null(expected);
    if (json_equal(message, expected) != 1) {
        char *const text = json_dumps(message, JSON_COMPACT);
        fail_msg("heard %s, not %s", text, expected_text);
    }
    json_decref(expected);
    json_decref(message);
}

/* -------- the conversation -------- */

static void test_hello_carries_protocol_and_rank(void **state)
{
    struct fixture *const f = *state;
    connect_client(f);
    hear_exactly(f, "{\"type\":\"hello\",\"protocol\":1,\"rank\":0,\"ranks\":1,"
                    "\"client\":\"test 1\"}");
}

static void test_hello_says_that_the_trainer_starts_from_files_only(void **state)
{
    struct fixture *const f = *state;
    connect_with(f, pbt_client_open_from_files);
    hear_exactly(f, "{\"type\":\"hello\",\"protocol\":1,\"rank\":0,\"ranks\":1,"
                    "\"client\":\"test 1\",\"keep\":false}");
}

static void test_task_has_every_member_of_train(void **state)
{
    struct fixture *const f = *state;
    begin(f, train_fresh);
    assert_string_equal(f->task.id, "3.12.1");
    assert_int_equal(f->task.member, 3);
    assert_int_equal(f->task.segment, 12);
    assert_int_equal(f->task.attempt, 1);
    assert_true(f->task.seed == UINT64_MAX);
    assert_int_equal(f->task.age, 6000);
    assert_int_equal(f->task.steps, 500);
    assert_int_equal(f->task.max_age, 0); /* an older worker does not say */
    assert_int_equal(f->task.budget, 0);
    assert_int_equal(f->task.start, PBT_CLIENT_FRESH);
    assert_null(f->task.load);
    assert_null(f->task.from);
    assert_string_equal(f->task.save, "/s/m3.s12.a1.part");
    assert_string_equal(f->task.checkpoint, "m3.s12.a1");
    assert_int_equal(pbt_client_report(f->client, 1), 0);
    begin(f, train_keep);
    assert_int_equal(f->task.start, PBT_CLIENT_KEEP);
    assert_int_equal(f->task.seed, 7);
    assert_int_equal(f->task.max_age, 9000);
    assert_int_equal(f->task.budget, 8000);
    assert_string_equal(f->task.from, "m3.s12.a1");
    assert_null(f->task.save);
}

static void test_values_have_their_types_and_reading_is_reported(void **state)
{
    struct fixture *const f = *state;
    begin(f, train_fresh);
    assert_true(pbt_client_has(f->client, "lr"));
    assert_false(pbt_client_has(f->client, "absent"));
    assert_true(pbt_client_number(f->client, "batch") == 64.0);
    assert_string_equal(pbt_client_text(f->client, "act"), "relu");
    assert_true(pbt_client_boolean(f->client, "nesterov"));
    assert_true(pbt_client_number(f->client, "batch") == 64.0);
    pbt_client_in_force(f->client, "batch", 64);
    pbt_client_metric(f->client, "loss", 0.5);
    pbt_client_metric(f->client, "loss", 0.25);
    assert_int_equal(pbt_client_report(f->client, 0.1), 0);
    hear_exactly(f, "{\"type\":\"done\",\"task\":\"3.12.1\",\"score\":0.1,"
                    "\"metrics\":{\"loss\":0.25},\"in_force\":{\"batch\":64.0},"
                    "\"read\":[\"batch\",\"act\",\"nesterov\"]}");
    assert_null(pbt_client_error(f->client));
}

static void test_a_report_carries_nothing_of_the_task_before(void **state)
{
    struct fixture *const f = *state;
    begin(f, train_fresh);
    (void)pbt_client_number(f->client, "lr");
    pbt_client_in_force(f->client, "lr", 1);
    pbt_client_metric(f->client, "loss", 1);
    assert_int_equal(pbt_client_report(f->client, 0.5), 0);
    json_decref(hear(f));
    begin(f, train_keep);
    assert_int_equal(pbt_client_report(f->client, 0.5), 0);
    hear_exactly(f, "{\"type\":\"done\",\"task\":\"3.13.2\",\"score\":0.5,\"read\":[]}");
}

static void test_fixed_values_have_defaults(void **state)
{
    struct fixture *const f = *state;
    begin(f, train_fresh);
    assert_true(pbt_client_fixed_number(f->client, "n", 5) == 100.0);
    assert_true(pbt_client_fixed_number(f->client, "absent", 5) == 5.0);
    assert_true(pbt_client_fixed_number(f->client, "none", 6) == 6.0);
    assert_true(pbt_client_fixed_number(f->client, "shuffle", 0) == 1.0);
    assert_string_equal(pbt_client_fixed_text(f->client, "data", "x"), "./data");
    assert_string_equal(pbt_client_fixed_text(f->client, "absent", "x"), "x");
    assert_null(pbt_client_fixed_text(f->client, "absent", NULL));
    assert_null(pbt_client_error(f->client));
}

static void test_scores_travel_in_order_and_not_finite_as_text(void **state)
{
    struct fixture *const f = *state;
    const double scores[] = {1.5, (double)NAN, (double)INFINITY, -(double)INFINITY, 0.1};
    begin(f, train_fresh);
    pbt_client_metric(f->client, "loss", (double)NAN);
    assert_int_equal(pbt_client_report_scores(f->client, scores, 5), 0);
    hear_exactly(f, "{\"type\":\"done\",\"task\":\"3.12.1\","
                    "\"scores\":[1.5,\"NaN\",\"Infinity\",\"-Infinity\",0.1],"
                    "\"metrics\":{\"loss\":\"NaN\"},\"read\":[]}");
}

static void test_number_of_scores_is_limited(void **state)
{
    struct fixture *const f = *state;
    const double score = 1;
    begin(f, train_fresh);
    assert_int_equal(pbt_client_report_scores(f->client, &score, 0), -1);
    hear_exactly(f, "{\"type\":\"error\",\"task\":\"3.12.1\",\"kind\":\"config\","
                    "\"message\":\"0 scores were reported, 1 to 4096 are allowed\"}");
}

static void test_exit_ends_with_zero(void **state)
{
    struct fixture *const f = *state;
    say(f, "{\"type\":\"exit\"}\n");
    assert_int_equal(pbt_client_next(f->client, &f->task), 0);
    assert_int_equal(pbt_client_next(f->client, &f->task), 0);
    assert_null(pbt_client_error(f->client));
}

static void test_messages_that_arrive_together_are_kept_apart(void **state)
{
    struct fixture *const f = *state;
    char both[sizeof train_fresh + 32];
    (void)snprintf(both, sizeof both, "%s{\"type\":\"exit\"}\n", train_fresh);
    begin(f, both);
    assert_int_equal(pbt_client_report(f->client, 1), 0);
    assert_int_equal(pbt_client_next(f->client, &f->task), 0);
}

/* -------- errors of the task -------- */

static void test_missing_hyperparameter_becomes_config_error(void **state)
{
    struct fixture *const f = *state;
    begin(f, train_fresh);
    assert_true(isnan(pbt_client_number(f->client, "learning_rate")));
    assert_string_equal(pbt_client_text(f->client, "other"), "");
    assert_false(pbt_client_boolean(f->client, "another"));
    assert_string_equal(pbt_client_error(f->client),
                        "there is no hyperparameter \"learning_rate\"");
    assert_int_equal(pbt_client_report(f->client, 0.5), -1);
    hear_exactly(f, "{\"type\":\"error\",\"task\":\"3.12.1\",\"kind\":\"config\","
                    "\"message\":\"there is no hyperparameter \\\"learning_rate\\\"\"}");
    hear_nothing(f);
    say(f, "{\"type\":\"exit\"}\n");
    assert_int_equal(pbt_client_next(f->client, &f->task), 0);
}

static void test_wrong_type_becomes_config_error(void **state)
{
    static const struct {
        const char *name, *message;
        char type;
    } cases[] = {
        {"act", "hyperparameter \"act\" is not a number", 'n'},
        {"lr", "hyperparameter \"lr\" is not text", 't'},
        {"lr", "hyperparameter \"lr\" is neither true nor false", 'b'},
        {"data", "fixed value \"data\" is not a number", 'N'},
        {"n", "fixed value \"n\" is not text", 'T'},
    };
    struct fixture *const f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const name = cases[i].name;
        begin(f, train_fresh);
        assert_null(pbt_client_error(f->client));
        switch (cases[i].type) {
        case 'n': (void)pbt_client_number(f->client, name); break;
        case 't': (void)pbt_client_text(f->client, name); break;
        case 'b': (void)pbt_client_boolean(f->client, name); break;
        case 'N': (void)pbt_client_fixed_number(f->client, name, 0); break;
        default: (void)pbt_client_fixed_text(f->client, name, ""); break;
        }
        assert_string_equal(pbt_client_error(f->client), cases[i].message);
        assert_int_equal(pbt_client_report(f->client, 0.5), -1);
        json_t *const message = hear(f);
        assert_string_equal(json_string_value(json_object_get(message, "type")), "error");
        assert_string_equal(json_string_value(json_object_get(message, "kind")), "config");
        json_decref(message);
    }
}

static void test_fail_sends_kind_and_message(void **state)
{
    struct fixture *const f = *state;
    begin(f, train_fresh);
    assert_int_equal(pbt_client_fail(f->client, "oom", "caf\xc3\xa9 \"full\"\n"), 0);
    hear_exactly(f, "{\"type\":\"error\",\"task\":\"3.12.1\",\"kind\":\"oom\","
                    "\"message\":\"caf\\u00e9 \\\"full\\\"\\n\"}");
    begin(f, train_fresh);
    assert_int_equal(pbt_client_fail(f->client, "strange", "\xff\xfe"), 0);
    hear_exactly(f, "{\"type\":\"error\",\"task\":\"3.12.1\",\"kind\":\"other\","
                    "\"message\":\"??\"}");
    begin(f, train_fresh);
    assert_int_equal(pbt_client_fail(f->client, NULL, NULL), 0);
    hear_exactly(f, "{\"type\":\"error\",\"task\":\"3.12.1\",\"kind\":\"other\",\"message\":\"\"}");
}

static void test_task_without_report_is_an_error(void **state)
{
    struct fixture *const f = *state;
    begin(f, train_fresh);
    assert_int_equal(pbt_client_next(f->client, &f->task), -1);
    assert_string_equal(pbt_client_error(f->client), "the task ended without a report");
    hear_exactly(f, "{\"type\":\"error\",\"task\":\"3.12.1\",\"kind\":\"other\","
                    "\"message\":\"the task ended without a report\"}");
}

static void test_close_with_a_task_in_hand_is_an_error(void **state)
{
    struct fixture *const f = *state;
    begin(f, train_fresh);
    pbt_client_close(f->client);
    f->client = NULL;
    json_t *const message = hear(f);
    assert_string_equal(json_string_value(json_object_get(message, "type")), "error");
    json_decref(message);
}

static void test_nothing_is_sent_out_of_turn(void **state)
{
    struct fixture *const f = *state;
    assert_int_equal(pbt_client_report(f->client, 1), -1);
    assert_int_equal(pbt_client_fail(f->client, "other", "x"), -1);
    assert_int_equal(pbt_client_progress(f->client, 1, NULL, NULL, 0), -1);
    hear_nothing(f);
    begin(f, train_fresh);
    assert_int_equal(pbt_client_report(f->client, 1), 0);
    assert_int_equal(pbt_client_report(f->client, 1), -1);
    json_decref(hear(f));
    hear_nothing(f);
}

static void test_name_that_is_not_utf8_becomes_config_error(void **state)
{
    struct fixture *const f = *state;
    begin(f, train_fresh);
    pbt_client_metric(f->client, "\xff", 1);
    assert_int_equal(pbt_client_report(f->client, 1), -1);
    json_t *const message = hear(f);
    assert_string_equal(json_string_value(json_object_get(message, "kind")), "config");
    json_decref(message);
}

/* -------- progress -------- */

static void test_progress_is_sent_now_and_then(void **state)
{
    struct fixture *const f = *state;
    const char *const names[] = {"loss", "accuracy"};
    const double values[] = {(double)NAN, 0.5};
    const struct timespec pause = {0, 120 * 1000 * 1000};
    begin(f, train_fresh);
    for (uint64_t step = 1; step <= 100; step++) {
        assert_int_equal(pbt_client_progress(f->client, step, names, values, 2), 0);
    }
    assert_int_equal(nanosleep(&pause, NULL), 0);
    assert_int_equal(pbt_client_progress(f->client, 200, names, values, 2), 0);
    assert_int_equal(pbt_client_report(f->client, 1), 0);
    int messages = 0;
    json_t *message = hear(f);
    while (strcmp(json_string_value(json_object_get(message, "type")), "progress") == 0) {
        messages++;
        if (json_integer_value(json_object_get(message, "step")) == 200) {
            const json_t *const metrics = json_object_get(message, "metrics");
            assert_string_equal(json_string_value(json_object_get(metrics, "loss")), "NaN");
            assert_true(json_number_value(json_object_get(metrics, "accuracy")) == 0.5);
        }
        json_decref(message);
        message = hear(f);
    }
    json_decref(message);
    assert_in_range(messages, 1, 10);
}

static void test_steps_count_anew_in_each_task(void **state)
{
    struct fixture *const f = *state;
    for (int round = 0; round < 2; round++) {
        begin(f, train_fresh);
        assert_int_equal(pbt_client_progress(f->client, 1, NULL, NULL, 0), 0);
        assert_int_equal(pbt_client_progress(f->client, 500, NULL, NULL, 0), 0);
        assert_int_equal(pbt_client_report(f->client, 1), 0);
    }
}

static void test_progress_out_of_order_becomes_config_error(void **state)
{
    static const uint64_t wrong[] = {0, 9, 501};
    struct fixture *const f = *state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        begin(f, train_fresh);
        assert_int_equal(pbt_client_progress(f->client, 10, NULL, NULL, 0), 0);
        assert_int_equal(pbt_client_progress(f->client, 10, NULL, NULL, 0), 0);
        assert_int_equal(pbt_client_progress(f->client, wrong[i], NULL, NULL, 0), -1);
        assert_int_equal(pbt_client_report(f->client, 1), -1);
        json_t *const message = hear(f);
        assert_string_equal(json_string_value(json_object_get(message, "kind")), "config");
        json_decref(message);
    }
}

/* -------- ranks -------- */

static void test_rank_comes_from_the_launcher(void **state)
{
    static const char *const pairs[][4] = {
        {"PBT_RANK", "PBT_RANKS", "2", "4"},
        {"RANK", "WORLD_SIZE", "0", "2"},
        {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "1", "2"},
        {"PMI_RANK", "PMI_SIZE", "5", "6"},
        {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "3", "4"},
        {"SLURM_PROCID", "SLURM_NTASKS", "3", "4"},
    };
    struct fixture *const f = *state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        setenv(pairs[i][0], pairs[i][2], 1);
        setenv(pairs[i][1], pairs[i][3], 1);
        connect_client(f);
        json_t *const hello = hear(f);
        assert_int_equal(json_integer_value(json_object_get(hello, "rank")),
                         strtol(pairs[i][2], NULL, 10));
        assert_int_equal(json_integer_value(json_object_get(hello, "ranks")),
                         strtol(pairs[i][3], NULL, 10));
        json_decref(hello);
        pbt_client_close(f->client);
        (void)fclose(f->from);
        f->client = NULL;
        f->from = NULL;
        unsetenv(pairs[i][0]);
        unsetenv(pairs[i][1]);
    }
}

static void test_rank_without_size_is_not_a_rank(void **state)
{
    struct fixture *const f = *state;
    setenv("SLURM_PROCID", "3", 1);
    connect_client(f);
    json_t *const hello = hear(f);
    assert_int_equal(json_integer_value(json_object_get(hello, "rank")), 0);
    json_decref(hello);
}

static void test_impossible_rank_is_refused(void **state)
{
    static const char *const pairs[][2] = {{"2", "2"}, {"-1", "2"}, {"x", "2"}, {"0", "0"}};
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char error[256] = "";
        setenv("RANK", pairs[i][0], 1);
        setenv("WORLD_SIZE", pairs[i][1], 1);
        assert_null(pbt_client_open("x", error, sizeof error));
        assert_non_null(strstr(error, "not a rank and a number of ranks"));
    }
}

static void test_other_ranks_are_silent_but_may_fail(void **state)
{
    struct fixture *const f = *state;
    const struct timespec pause = {0, 120 * 1000 * 1000};
    setenv("RANK", "1", 1);
    setenv("WORLD_SIZE", "2", 1);
    connect_client(f);
    json_decref(hear(f));
    begin(f, train_fresh);
    assert_int_equal(nanosleep(&pause, NULL), 0);
    assert_int_equal(pbt_client_progress(f->client, 1, NULL, NULL, 0), 0);
    assert_int_equal(pbt_client_report(f->client, 1), 0);
    hear_nothing(f);
    begin(f, train_keep);
    assert_int_equal(pbt_client_fail(f->client, "nan", "loss is NaN"), 0);
    hear_exactly(f, "{\"type\":\"error\",\"task\":\"3.13.2\",\"kind\":\"nan\","
                    "\"message\":\"loss is NaN\"}");
}

/* -------- a worker that misbehaves -------- */

static void test_malformed_messages_break_the_connection(void **state)
{
    static const char *const lines[][2] = {
        {"rubbish\n", "not JSON"},
        {"\n", "not JSON"},
        {"[]\n", "without a type"},
        {"{\"type\":1}\n", "without a type"},
        {"{\"type\":\"dance\"}\n", "unknown type \"dance\""},
        {"{\"type\":\"train\"}\n", "\"task\" is missing"},
        {"{\"type\":\"train\",\"task\":\"1\",\"member\":-1}\n", "\"member\" is not an integer"},
        {"{\"type\":\"train\",\"task\":\"1\",\"member\":4294967296}\n", "\"member\""},
    };
    struct fixture *const f = *state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        connect_client(f);
        say(f, lines[i][0]);
        assert_int_equal(pbt_client_next(f->client, &f->task), -1);
        if (strstr(pbt_client_error(f->client), lines[i][1]) == NULL) {
            fail_msg("line %zu: %s", i, pbt_client_error(f->client));
        }
        assert_int_equal(pbt_client_next(f->client, &f->task), -1);
        pbt_client_close(f->client);
        (void)fclose(f->from);
        f->client = NULL;
        f->from = NULL;
    }
}

/* Each member of `train` in turn gets a value that it may not have. */
static void test_each_wrong_member_of_train_is_named(void **state)
{
    static const char *const wrong[][2] = {
        {"task", "7"},
        {"member", "\"x\""},
        {"segment", "null"},
        {"attempt", "1.5"},
        {"seed", "\"-1\""},
        {"age", "9007199254740993"},
        {"steps", "-1"},
        {"start", "\"sideways\""},
        {"start", "\"load\""},
        {"start", "\"keep\""},
        {"load", "1"},
        {"save", "[]"},
        {"from", "{}"},
        {"checkpoint", "true"},
        {"fixed", "[]"},
        {"seed", "\"18446744073709551616\""},
        {"hyperparameters", "[]"},
    };
    struct fixture *const f = *state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        json_t *const train = json_loads(train_fresh, 0, NULL);
        json_t *const value = json_loads(wrong[i][1], JSON_DECODE_ANY, NULL);
        assert_int_equal(json_object_set_new(train, wrong[i][0], value), 0);
        char *const text = json_dumps(train, JSON_COMPACT);
        connect_client(f);
        say(f, text);
        say(f, "\n");
        assert_int_equal(pbt_client_next(f->client, &f->task), -1);
        if (strstr(pbt_client_error(f->client), wrong[i][0]) == NULL) {
            fail_msg("%s: %s", wrong[i][0], pbt_client_error(f->client));
        }
        pbt_client_close(f->client);
        (void)fclose(f->from);
        f->client = NULL;
        f->from = NULL;
        free(text);
        json_decref(train);
    }
}

static void test_worker_that_vanishes_is_an_error_not_a_signal(void **state)
{
    struct fixture *const f = *state;
    begin(f, train_fresh);
    (void)fclose(f->from);
    f->from = NULL;
    assert_int_equal(pbt_client_report(f->client, 1), -1);
    assert_non_null(strstr(pbt_client_error(f->client), "could not send to the worker"));
    assert_int_equal(pbt_client_next(f->client, &f->task), -1);
    assert_int_equal(pbt_client_report(f->client, 1), -1);
}

static void test_worker_that_closes_while_we_wait(void **state)
{
    struct fixture *const f = *state;
    say(f, "{\"type\":\"tra"); /* in the middle of a line */
    (void)fclose(f->from);
    f->from = NULL;
    assert_int_equal(pbt_client_next(f->client, &f->task), -1);
    assert_string_equal(pbt_client_error(f->client), "the worker closed the connection");
}

static void on_signal(int number)
{
    (void)number;
}

/* A child writes `train` in small pieces and sends a signal before each. */
static void test_partial_reads_and_signals(void **state)
{
    struct fixture *const f = *state;
    struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART: recv gives EINTR */
    struct sigaction before;
    assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
    const pid_t parent = getpid();
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct timespec pause = {0, 2 * 1000 * 1000};
        for (size_t i = 0; i < sizeof train_fresh - 1; i += 20) {
            const size_t left = sizeof train_fresh - 1 - i;
            (void)nanosleep(&pause, NULL);
            (void)kill(parent, SIGUSR1);
            if (write(f->worker, train_fresh + i, left < 20 ? left : 20) < 0) { _exit(1); }
        }
        _exit(0);
    }
    assert_int_equal(pbt_client_next(f->client, &f->task), 1);
    assert_int_equal(f->task.age, 6000);
    int status = -1;
    while (waitpid(child, &status, 0) < 0) {}
    assert_int_equal(status, 0);
    assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
}

/* A child writes `size` bytes without a newline, then `ending`. */
static pid_t write_long_line(const struct fixture *f, const char *start, size_t size,
                             const char *ending)
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child != 0) { return child; }
    (void)signal(SIGPIPE, SIG_DFL);
    static char block[65536];
    memset(block, ' ', sizeof block);
    if (write(f->worker, start, strlen(start)) < 0) { _exit(1); }
    while (size > 0) {
        const size_t part = size < sizeof block ? size : sizeof block;
        const ssize_t written = write(f->worker, block, part);
        if (written < 0) { _exit(1); }
        size -= (size_t)written;
    }
    if (write(f->worker, ending, strlen(ending)) < 0) { _exit(1); }
    _exit(0);
}

static void test_line_of_4_mib_is_read_and_a_longer_one_refused(void **state)
{
    struct fixture *const f = *state;
    const size_t frame = sizeof "{\"type\":\"exit\"}\n" - 1;
    for (size_t extra = 0; extra < 2; extra++) {
        const size_t blanks = PBT_CLIENT_LINE_MAX - frame + extra;
        connect_client(f);
        const pid_t child = write_long_line(f, "{\"type\":", blanks, "\"exit\"}\n");
        const int got = pbt_client_next(f->client, &f->task);
        pbt_client_close(f->client);
        f->client = NULL;
        (void)kill(child, SIGKILL);
        (void)waitpid(child, NULL, 0);
        assert_int_equal(got, extra == 0 ? 0 : -1);
        (void)fclose(f->from);
        f->from = NULL;
    }
}

static void test_open_says_why_it_could_not(void **state)
{
    char error[256] = "";
    char path[200];
    (void)state;
    setenv("PBT_SOCKET", "/nonexistent/socket", 1);
    assert_null(pbt_client_open("x", error, sizeof error));
    assert_string_equal(error, "could not connect to \"/nonexistent/socket\": "
                               "No such file or directory");
    setenv("RANK", "1", 1);
    setenv("WORLD_SIZE", "2", 1);
    assert_null(pbt_client_open("x", error, sizeof error));
    assert_non_null(strstr(error, "all ranks of a member must be on the worker's machine"));
    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    setenv("PBT_SOCKET", path, 1);
    assert_null(pbt_client_open("x", error, sizeof error));
    assert_non_null(strstr(error, "199 bytes long, at most 107"));
    assert_null(pbt_client_open(NULL, NULL, 0));
}

/* -------- alone -------- */

/* Run alone with PBT_RESULT in the fixture's folder; the result is parsed. */
static void open_alone(struct fixture *f, char *result, size_t size)
{
    unsetenv("PBT_SOCKET");
    (void)snprintf(result, size, "%s/result", f->folder);
    setenv("PBT_RESULT", result, 1);
    f->client = pbt_client_open("x", NULL, 0);
    assert_non_null(f->client);
}

static void test_alone_from_variables(void **state)
{
    struct fixture *const f = *state;
    char result[128];
    setenv("PBT_STEPS", "100", 1);
    setenv("PBT_HP_LR", "1e-3", 1);
    setenv("PBT_HP_BATCH_SIZE", "64", 1);
    setenv("PBT_HP_ACT", "relu", 1);
    setenv("PBT_HP_NESTEROV", "false", 1);
    setenv("PBT_FIXED_N", "12", 1);
    setenv("PBT_FIXED_DATA", "/data", 1);
    setenv("PBT_LOAD", "/from/here", 1);
    open_alone(f, result, sizeof result);
    assert_int_equal(pbt_client_next(f->client, &f->task), 1);
    assert_int_equal(f->task.steps, 100);
    assert_int_equal(f->task.seed, 1);
    assert_int_equal(f->task.start, PBT_CLIENT_LOAD);
    assert_string_equal(f->task.load, "/from/here");
    assert_null(f->task.save);
    assert_true(pbt_client_number(f->client, "lr") == 1e-3);
    assert_true(pbt_client_number(f->client, "batch-size") == 64);
    assert_string_equal(pbt_client_text(f->client, "act"), "relu");
    assert_false(pbt_client_boolean(f->client, "nesterov"));
    assert_true(pbt_client_fixed_number(f->client, "n", 0) == 12);
    assert_string_equal(pbt_client_fixed_text(f->client, "data", ""), "/data");
    assert_false(pbt_client_has(f->client, "absent"));
    assert_int_equal(pbt_client_progress(f->client, 100, NULL, NULL, 0), 0);
    assert_int_equal(pbt_client_report(f->client, 0.5), 0);
    assert_int_equal(pbt_client_next(f->client, &f->task), 0);
    json_t *const value = json_load_file(result, 0, NULL);
    json_t *const expected = json_loads(
        "{\"score\":0.5,\"read\":[\"lr\",\"batch-size\",\"act\",\"nesterov\"]}", 0, NULL);
    assert_true(json_equal(value, expected));
    json_decref(value);
    json_decref(expected);
    assert_int_equal(unlink(result), 0);
}

static void test_alone_from_a_train_message(void **state)
{
    struct fixture *const f = *state;
    char result[128];
    setenv("PBT_TASK", train_fresh, 1);
    setenv("PBT_HP_LR", "9", 1);
    open_alone(f, result, sizeof result);
    assert_int_equal(pbt_client_next(f->client, &f->task), 1);
    assert_string_equal(f->task.id, "3.12.1");
    assert_true(pbt_client_number(f->client, "lr") == 0.00121);
    assert_int_equal(pbt_client_report(f->client, (double)NAN), 0);
    json_t *const value = json_load_file(result, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(value, "score")), "NaN");
    json_decref(value);
    assert_int_equal(unlink(result), 0);
}

static void test_alone_failure_writes_nothing(void **state)
{
    struct fixture *const f = *state;
    char result[128];
    setenv("PBT_STEPS", "1", 1);
    for (int round = 0; round < 2; round++) {
        open_alone(f, result, sizeof result);
        assert_int_equal(pbt_client_next(f->client, &f->task), 1);
        if (round == 0) {
            assert_int_equal(pbt_client_fail(f->client, "nan", "loss is NaN"), 0);
            assert_string_equal(pbt_client_error(f->client), "loss is NaN");
        } else {
            (void)pbt_client_number(f->client, "lr");
            assert_int_equal(pbt_client_report(f->client, 1), -1);
            assert_string_equal(pbt_client_error(f->client), "there is no hyperparameter \"lr\"");
        }
        assert_int_equal(pbt_client_next(f->client, &f->task), -1);
        assert_int_equal(access(result, F_OK), -1);
        pbt_client_close(f->client);
        f->client = NULL;
    }
}

static void test_alone_other_ranks_write_nothing(void **state)
{
    struct fixture *const f = *state;
    char result[128];
    setenv("PBT_STEPS", "1", 1);
    setenv("RANK", "1", 1);
    setenv("WORLD_SIZE", "2", 1);
    open_alone(f, result, sizeof result);
    assert_int_equal(pbt_client_next(f->client, &f->task), 1);
    assert_int_equal(pbt_client_report(f->client, 1), 0);
    assert_int_equal(pbt_client_next(f->client, &f->task), 0);
    assert_int_equal(access(result, F_OK), -1);
}

static void test_alone_without_a_task_says_so(void **state)
{
    struct fixture *const f = *state;
    char result[128];
    open_alone(f, result, sizeof result);
    assert_int_equal(pbt_client_next(f->client, &f->task), -1);
    assert_string_equal(pbt_client_error(f->client), "there is no task: none of PBT_SOCKET, "
                                                     "PBT_TASK and PBT_STEPS is set");
    pbt_client_close(f->client);
    setenv("PBT_STEPS", "many", 1);
    open_alone(f, result, sizeof result);
    assert_int_equal(pbt_client_next(f->client, &f->task), -1);
    assert_non_null(strstr(pbt_client_error(f->client), "\"steps\" is not an integer"));
}

#define CONNECTED(test) cmocka_unit_test_setup_teardown(test, setup_connected, teardown)
#define LISTENING(test) cmocka_unit_test_setup_teardown(test, setup_listener, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LISTENING(test_hello_carries_protocol_and_rank),
        LISTENING(test_hello_says_that_the_trainer_starts_from_files_only),
        CONNECTED(test_task_has_every_member_of_train),
        CONNECTED(test_values_have_their_types_and_reading_is_reported),
        CONNECTED(test_a_report_carries_nothing_of_the_task_before),
        CONNECTED(test_fixed_values_have_defaults),
        CONNECTED(test_scores_travel_in_order_and_not_finite_as_text),
        CONNECTED(test_number_of_scores_is_limited),
        CONNECTED(test_exit_ends_with_zero),
        CONNECTED(test_messages_that_arrive_together_are_kept_apart),
        CONNECTED(test_missing_hyperparameter_becomes_config_error),
        CONNECTED(test_wrong_type_becomes_config_error),
        CONNECTED(test_fail_sends_kind_and_message),
        CONNECTED(test_task_without_report_is_an_error),
        CONNECTED(test_close_with_a_task_in_hand_is_an_error),
        CONNECTED(test_nothing_is_sent_out_of_turn),
        CONNECTED(test_name_that_is_not_utf8_becomes_config_error),
        CONNECTED(test_progress_is_sent_now_and_then),
        CONNECTED(test_steps_count_anew_in_each_task),
        CONNECTED(test_progress_out_of_order_becomes_config_error),
        LISTENING(test_rank_comes_from_the_launcher),
        LISTENING(test_rank_without_size_is_not_a_rank),
        LISTENING(test_impossible_rank_is_refused),
        LISTENING(test_other_ranks_are_silent_but_may_fail),
        LISTENING(test_malformed_messages_break_the_connection),
        LISTENING(test_each_wrong_member_of_train_is_named),
        CONNECTED(test_worker_that_vanishes_is_an_error_not_a_signal),
        CONNECTED(test_worker_that_closes_while_we_wait),
        CONNECTED(test_partial_reads_and_signals),
        LISTENING(test_line_of_4_mib_is_read_and_a_longer_one_refused),
        LISTENING(test_open_says_why_it_could_not),
        LISTENING(test_alone_from_variables),
        LISTENING(test_alone_from_a_train_message),
        LISTENING(test_alone_failure_writes_nothing),
        LISTENING(test_alone_other_ranks_write_nothing),
        LISTENING(test_alone_without_a_task_says_so),
    };
    return cmocka_run_group_tests_name("c client", tests, NULL, NULL);
}
