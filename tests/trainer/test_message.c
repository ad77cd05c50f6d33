/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/trainer/test_message.c - the messages of docs/protocol.md, one by one; rules 4 and 17.
 */
#include "spec/spec.h"
#include "trainer/message.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void good(const char *line, struct pbti_message *message)
{
    struct pbt_error err;
    if (pbti_message_parse(line, strlen(line), message, &err) != PBT_OK) {
        fail_msg("%s: %s", line, err.message);
    }
}

static void test_protocol_hello(void **state)
{
    struct pbti_message message;
    (void)state;
    good("{\"type\":\"hello\",\"protocol\":1}", &message);
    assert_int_equal(message.kind, PBTI_SAYS_HELLO);
    assert_int_equal(message.rank, 0);
    assert_int_equal(message.ranks, 1);
    pbti_message_release(&message);
    good("{\"type\":\"hello\",\"protocol\":1,\"rank\":3,\"ranks\":4,\"later\":[1]}", &message);
    assert_int_equal(message.rank, 3);
    assert_int_equal(message.ranks, 4);
    assert_false(message.loads_only);
    pbti_message_release(&message);
    good("{\"type\":\"hello\",\"protocol\":1,\"keep\":false}", &message);
    assert_true(message.loads_only);
    pbti_message_release(&message);
    good("{\"type\":\"hello\",\"protocol\":1,\"keep\":true}", &message);
    assert_false(message.loads_only);
    pbti_message_release(&message);
    pbti_message_release(&message);
}

static void test_protocol_progress(void **state)
{
    struct pbti_message message;
    (void)state;
    good("{\"type\":\"progress\",\"task\":\"1.2.3\",\"step\":9007199254740992,"
         "\"metrics\":{\"loss\":0.5,\"worst\":\"Infinity\"}}",
         &message);
    assert_int_equal(message.kind, PBTI_SAYS_PROGRESS);
    assert_string_equal(message.task, "1.2.3");
    assert_true(message.step == 9007199254740992u);
    assert_int_equal(json_object_size(message.metrics), 2);
    pbti_message_release(&message);
}

static void test_rule_4_scores(void **state)
{
    struct pbti_message message, moved;
    (void)state;
    good("{\"type\":\"done\",\"task\":\"a\",\"score\":0.25}", &message);
    assert_int_equal(message.scores_count, 1);
    pbti_message_move(&moved, &message);
    assert_true(moved.scores == &moved.score && moved.scores[0] == 0.25 && message.root == NULL);
    pbti_message_release(&moved);
    good("{\"type\":\"done\",\"task\":\"a\",\"scores\":[1,\"NaN\",\"-Infinity\",2.5]}", &message);
    assert_int_equal(message.scores_count, 4);
    assert_true(isnan(message.scores[1]) && isinf(message.scores[2]) && message.scores[2] < 0 &&
                message.scores[3] == 2.5);
    pbti_message_release(&message);
    good("{\"type\":\"done\",\"task\":\"a\"}", &message);
    assert_int_equal(message.scores_count, 0);
    pbti_message_release(&message);
}

static void test_protocol_error_kinds(void **state)
{
    static const struct {
        const char *line;
        uint8_t outcome;
        const char *text;
    } list[] = {
        {"{\"type\":\"error\",\"task\":\"a\",\"kind\":\"nan\"}", PBTI_OUTCOME_NAN, ""},
        {"{\"type\":\"error\",\"task\":\"a\",\"kind\":\"oom\",\"message\":\"m\"}", PBTI_OUTCOME_OOM,
         "m"},
        {"{\"type\":\"error\",\"task\":\"a\",\"kind\":\"config\"}", PBTI_OUTCOME_CONFIG, ""},
        {"{\"type\":\"error\",\"task\":\"a\",\"kind\":\"other\"}", PBTI_OUTCOME_ERROR, ""},
        {"{\"type\":\"error\",\"task\":\"a\"}", PBTI_OUTCOME_ERROR, ""}};
    (void)state;
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct pbti_message message;
        good(list[i].line, &message);
        assert_int_equal(message.outcome, list[i].outcome);
        assert_string_equal(message.text, list[i].text);
        pbti_message_release(&message);
    }
}

static void test_protocol_wrong_messages_are_named(void **state)
{
    static const struct {
        const char *line, *message;
    } list[] = {
        {"", "is not JSON"},
        {"[1]", "a message is a list, allowed is an object"},
        {"{}", "a message without a string \"type\""},
        {"{\"type\":1}", "a message without a string \"type\""},
        {"{\"type\":\"bye\"}",
         "a message of type \"bye\", allowed are hello, progress, done and error"},
        {"{\"type\":\"hello\"}", "hello without \"protocol\""},
        {"{\"type\":\"hello\",\"protocol\":2}",
         "the trainer speaks protocol 2, this worker speaks protocol 1"},
        {"{\"type\":\"hello\",\"protocol\":1,\"rank\":2,\"ranks\":2}", "rank 2 of 2 ranks"},
        {"{\"type\":\"hello\",\"protocol\":1,\"rank\":-1}", "\"rank\" is -1"},
        {"{\"type\":\"hello\",\"protocol\":1,\"ranks\":100000}", "whole number from 0 to 4096"},
        {"{\"type\":\"hello\",\"protocol\":1,\"protocol\":1}", "duplicate"},
        {"{\"type\":\"progress\",\"step\":1}", "progress without a string \"task\""},
        {"{\"type\":\"progress\",\"task\":\"a\"}", "progress without \"step\""},
        {"{\"type\":\"progress\",\"task\":\"a\",\"step\":1.5}", "\"step\" is 1.5"},
        {"{\"type\":\"progress\",\"task\":\"a\",\"step\":\"1\"}", "\"step\" is \"1\""},
        {"{\"type\":\"progress\",\"task\":\"a\",\"step\":1,\"metrics\":[]}",
         "\"metrics\" is a list"},
        {"{\"type\":\"done\",\"task\":\"a\",\"score\":1,\"scores\":[1]}",
         "both \"score\" and \"scores\""},
        {"{\"type\":\"done\",\"task\":\"a\",\"score\":\"1\"}", "\"score\" is a string"},
        {"{\"type\":\"done\",\"task\":\"a\",\"score\":NaN}", "is not JSON"},
        {"{\"type\":\"done\",\"task\":\"a\",\"scores\":[]}",
         "allowed is a list of 1 to 4096 numbers"},
        {"{\"type\":\"done\",\"task\":\"a\",\"scores\":[true]}", "\"scores\" holds a boolean"},
        {"{\"type\":\"done\",\"task\":\"a\",\"metrics\":{\"x\":{}}}", "metric \"x\" is an object"},
        {"{\"type\":\"done\",\"task\":\"a\",\"in_force\":3}", "\"in_force\" is a number"},
        {"{\"type\":\"done\",\"task\":\"a\",\"read\":\"lr\"}", "\"read\" is a string"},
        {"{\"type\":\"done\",\"task\":\"a\",\"read\":[1]}", "\"read\" holds a number"},
        {"{\"type\":\"error\",\"task\":\"a\",\"kind\":\"bad\"}", "\"kind\" is \"bad\""},
        {"{\"type\":\"error\",\"task\":\"a\",\"message\":1}", "\"message\" is a number"}};
    (void)state;
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct pbti_message message;
        struct pbt_error err;
        assert_int_equal(pbti_message_parse(list[i].line, strlen(list[i].line), &message, &err),
                         PBT_EINVAL);
        if (strstr(err.message, list[i].message) == NULL) {
            fail_msg("%s: \"%s\"", list[i].line, err.message);
        }
        assert_null(message.root);
    }
}

static void test_one_shot_results(void **state)
{
    static const char *const bare[] = {"0.5", " 0.5 ", "{\"score\": 0.5}", "{\"scores\":[0.5]}"};
    struct pbti_message message;
    struct pbt_error err;
    (void)state;
    for (size_t i = 0; i < sizeof bare / sizeof bare[0]; i++) {
        assert_int_equal(pbti_message_parse_result(bare[i], strlen(bare[i]), &message, &err),
                         PBT_OK);
        assert_true(message.scores_count == 1 && message.scores[0] == 0.5);
        pbti_message_release(&message);
    }
    assert_int_equal(pbti_message_parse_result("\"NaN\"", 5, &message, &err), PBT_OK);
    assert_true(isnan(message.scores[0]));
    pbti_message_release(&message);
    assert_int_equal(pbti_message_parse_result("done", 4, &message, &err), PBT_EINVAL);
    assert_int_equal(pbti_message_parse_result("\"fine\"", 6, &message, &err), PBT_EINVAL);
}

/* -------- the other way -------- */

static struct pbti_space space;
static double values[4];

static void make_space(void)
{
    space = (struct pbti_space){.count = 4, .values_count = 2};
    space.hp[0] = (struct pbti_hp){.name = "lr", .kind = PBTI_HP_LOG, .low = 1e-5, .high = 1};
    space.hp[1] = (struct pbti_hp){.name = "batch", .kind = PBTI_HP_INTEGER, .low = 1, .high = 512};
    space.hp[2] =
        (struct pbti_hp){.name = "act", .kind = PBTI_HP_CATEGORICAL, .high = 1, .count = 2};
    space.hp[3] = (struct pbti_hp){.name = "nesterov", .kind = PBTI_HP_BOOLEAN, .high = 1};
    (void)snprintf(space.values[0].text, sizeof space.values[0].text, "relu");
    (void)snprintf(space.values[1].text, sizeof space.values[1].text, "tanh");
    values[0] = 0.00121;
    values[1] = 64;
    values[2] = 1;
    values[3] = 1;
}

static void test_protocol_train(void **state)
{
    (void)state;
    make_space();
    json_t *const fixed = json_pack("{s:s}", "data", "./d\n");
    struct pbti_task task = {.member = 3,
                             .segment = 12,
                             .attempt = 1,
                             .seed = 18446744073709551615u,
                             .age = 6000,
                             .steps = 500,
                             .max_age = 9000,
                             .budget = 8000,
                             .from = {3, 11, 2},
                             .checkpoint = {3, 12, 1},
                             .load = "/s/m3.s11.a2",
                             .save = "/s/m3.s12.a1.part",
                             .space = &space,
                             .values = values,
                             .fixed = fixed};
    size_t size;
    char *line = pbti_message_train(&task, &size);
    assert_non_null(line);
    assert_null(strchr(line, '\n'));
    json_t *const root = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
    json_t *const wanted = json_pack(
        "{s:s,s:s,s:i,s:i,s:i,s:s,s:i,s:i,s:i,s:i,s:s,s:s,s:s,s:s,s:s,s:{s:f,s:i,s:s,s:b},s:{s:s}}",
        "type", "train", "task", "3.12.1", "member", 3, "segment", 12, "attempt", 1, "seed",
        "18446744073709551615", "age", 6000, "steps", 500, "max_age", 9000, "budget", 8000, "start",
        "load", "from", "m3.s11.a2", "load", "/s/m3.s11.a2", "save", "/s/m3.s12.a1.part",
        "checkpoint", "m3.s12.a1", "hyperparameters", "lr", 0.00121, "batch", 64, "act", "tanh",
        "nesterov", 1, "fixed", "data", "./d\n");
    assert_non_null(wanted);
    if (!json_equal(root, wanted)) { fail_msg("%s", line); }
    free(line);
    json_decref(root);
    json_decref(wanted);

    task.keep = true;
    line = pbti_message_train(&task, &size);
    assert_non_null(strstr(line, "\"start\":\"keep\",\"from\":\"m3.s11.a2\",\"load\":null"));
    free(line);
    task = (struct pbti_task){.segment = 1, .attempt = 1, .space = &space, .values = values};
    line = pbti_message_train(&task, &size);
    assert_non_null(strstr(line, "\"start\":\"fresh\",\"from\":null,\"load\":null,\"save\":null,"
                                 "\"checkpoint\":null"));
    assert_non_null(strstr(line, "\"max_age\":null,\"budget\":null"));
    free(line);
    json_decref(fixed);
}

static void test_rule_17_in_force(void **state)
{
    static const struct {
        const char *in_force, *text;
    } list[] = {
        {"{}", NULL},
        {"{\"lr\": 0.00121, \"batch\": 64.0, \"act\": \"tanh\", \"nesterov\": true}", NULL},
        {"{\"lr\": 0.00121000000001, \"nesterov\": 1}", NULL},
        {"{\"lr\": 0.0012100013}",
         "hyperparameter \"lr\": handed over 0.00121, in force 0.0012100013"},
        {"{\"lr\": \"NaN\"}", "\"lr\""},
        {"{\"lr\": null}", "\"lr\""},
        {"{\"batch\": 65}", "hyperparameter \"batch\": handed over 64, in force 65"},
        {"{\"act\": \"relu\"}", "hyperparameter \"act\": handed over \"tanh\", in force \"relu\""},
        {"{\"nesterov\": false}", "hyperparameter \"nesterov\": handed over true, in force false"}};
    (void)state;
    make_space();
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        char text[300] = "";
        json_t *const in_force = json_loads(list[i].in_force, 0, NULL);
        uint32_t const differs =
            pbti_in_force_differs(&space, values, in_force, NULL, text, sizeof text);
        assert_int_equal(differs != 0, list[i].text != NULL);
        if (list[i].text != NULL && strstr(text, list[i].text) == NULL) { fail_msg("%s", text); }
        json_decref(in_force);
    }
    const char *unknown;
    char text[300];
    json_t *const in_force = json_loads("{\"Lr\": 1}", 0, NULL);
    assert_int_equal(pbti_in_force_differs(&space, values, in_force, &unknown, text, sizeof text),
                     0);
    assert_string_equal(unknown, "Lr");
    json_decref(in_force);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_protocol_hello),
        cmocka_unit_test(test_protocol_progress),
        cmocka_unit_test(test_rule_4_scores),
        cmocka_unit_test(test_protocol_error_kinds),
        cmocka_unit_test(test_protocol_wrong_messages_are_named),
        cmocka_unit_test(test_one_shot_results),
        cmocka_unit_test(test_protocol_train),
        cmocka_unit_test(test_rule_17_in_force),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
