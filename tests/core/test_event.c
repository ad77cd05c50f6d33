/* SPDX-License-Identifier: Apache-2.0 */
/* tests/core/test_event.c - every event survives its encoding; damaged bytes are refused. */
#include "core/lab.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint8_t buffer[1u << 20];

static struct pbti_text text(const char *data)
{
    return (struct pbti_text){data, strlen(data)};
}

/* Encode, decode, encode again: the same bytes. Returns their number. */
static size_t assert_round_trip(const struct pbti_event *event)
{
    static uint8_t second[sizeof buffer];
    struct pbti_scratch *const scratch = malloc(sizeof *scratch);
    assert_non_null(scratch);
    struct pbti_writer writer = {.data = buffer, .capacity = sizeof buffer};
    pbti_event_encode(event, &writer);
    assert_false(writer.failed);
    struct pbti_reader reader = {.data = buffer, .size = writer.size};
    struct pbti_event again;
    assert_true(pbti_event_decode(&again, &reader, scratch));
    struct pbti_writer other = {.data = second, .capacity = sizeof second};
    pbti_event_encode(&again, &other);
    assert_int_equal(other.size, writer.size);
    assert_memory_equal(second, buffer, writer.size);
    /* every shorter prefix, and one byte more, is refused */
    for (size_t size = 0; size < writer.size; size += 1 + size / 64) {
        struct pbti_reader less = {.data = buffer, .size = size};
        assert_false(pbti_event_decode(&again, &less, scratch));
    }
    struct pbti_reader more = {.data = buffer, .size = writer.size + 1};
    assert_false(pbti_event_decode(&again, &more, scratch));
    free(scratch);
    return writer.size;
}

static void test_every_event_survives_its_encoding(void **unused)
{
    (void)unused;
    double const scores[] = {1.5, NAN, -INFINITY, 0.0, -0.0, 1e-310};
    double const values[] = {0.1, 1e-3};
    struct pbti_move const moves[] = {{PBTI_MOVE_FACTOR, 1.2}, {PBTI_MOVE_RESAMPLED, 0.25}};
    struct pbti_event events[] = {
        {.type = PBTI_CLAIM, .time_ms = 1700000000000, .claim = {3, 12, 1, UINT64_MAX, 7}},
        {.type = PBTI_PROPOSAL,
         .proposal = {.member = 9, .knows = 1ull << 40, .values_count = 2, .values = values}},
        {.type = PBTI_PROPOSAL, .proposal = {.member = 0, .knows = 1, .values_count = 0}},
        {.type = PBTI_RELEASE, .time_ms = -5, .release = {3, 99, PBTI_RELEASE_LOST}},
        {.type = PBTI_REPORT,
         .report = {.member = 3,
                    .segment = 12,
                    .attempt = 1,
                    .claim = 1ull << 60,
                    .outcome = PBTI_OUTCOME_OOM,
                    .steps = PBTI_STEPS_MAX,
                    .scores_count = 6,
                    .scores = scores,
                    .files = 2,
                    .bytes = 1ull << 40,
                    .hash = 0xfeedu,
                    .load_ms = 1,
                    .train_ms = UINT32_MAX,
                    .save_ms = 3,
                    .metrics = text("{\"loss\":0.5}"),
                    .message = text("CUDA out of memory")}},
        {.type = PBTI_DECISION,
         .decision = {.member = 5,
                      .segment = 9,
                      .kind = PBTI_REPLACE,
                      .why = PBTI_WHY_TRUNCATED,
                      .opponent = 2,
                      .opponent_segment = 8,
                      .rank = 15,
                      .count = 16,
                      .opponent_rank = 2,
                      .score = 0.5,
                      .opponent_score = 0.75,
                      .p = NAN,
                      .draw = 0x1234567890abcdefu,
                      .copied = PBTI_COPY_BOTH,
                      .values_count = 2,
                      .values = values,
                      .moves = moves}},
        {.type = PBTI_DECISION,
         .decision = {.member = 5,
                      .segment = 9,
                      .kind = PBTI_KEEP,
                      .opponent = PBTI_NO_MEMBER,
                      .score = NAN,
                      .opponent_score = NAN,
                      .p = 0.04}},
        {.type = PBTI_STOP, .stop = {PBTI_STOP_HOURS}},
        {.type = PBTI_WORKER, .worker = {42, 8, 12345, text("node-17")}},
        {.type = PBTI_LEAVE, .worker = {42, 8, 12345, text("")}},
        {.type = PBTI_NOTE, .note = {{1, 2, 3}, text("final_evaluation"), text("{}")}},
    };
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        (void)assert_round_trip(&events[i]);
    }
}

static void test_a_config_survives_its_encoding(void **unused)
{
    (void)unused;
    struct pbti_config *const config = malloc(sizeof *config);
    assert_non_null(config);
    lab_config(config, 16);
    config->space.count = 3;
    config->space.values_count = 2;
    config->space.values[0] = (struct pbti_hp_value){true, 32.0, ""};
    config->space.values[1] = (struct pbti_hp_value){false, 0.0, "relu"};
    config->space.hp[2] = (struct pbti_hp){
        .name = "act", .kind = PBTI_HP_CATEGORICAL, .frozen = true, .high = 1.0, .count = 2};
    config->points_count = 1;
    config->points[0] = NAN;
    config->points[1] = 1e-3;
    config->points[2] = 1.0;
    config->schedule_count = 1;
    config->schedule[1] = 1e-2;
    struct pbti_event event = {.type = PBTI_STUDY, .time_ms = 5};
    event.study.config = config;
    event.study.spec = text("study: test\n");
    size_t const size = assert_round_trip(&event);
    struct pbti_scratch *const scratch = malloc(sizeof *scratch);
    assert_non_null(scratch);
    struct pbti_reader reader = {.data = buffer, .size = size};
    assert_true(pbti_event_decode(&event, &reader, scratch));
    assert_null(pbti_config_unamendable(config, event.study.config));
    assert_int_equal(event.study.config->steps, config->steps);
    assert_memory_equal(event.study.spec.data, "study: test\n", 12);
    free(scratch);
    free(config);
}

/* A config is of the lowest version that holds it, and no other version of it is read. */
static void test_a_config_has_one_version(void **unused)
{
    (void)unused;
    struct pbti_config *const config = malloc(sizeof *config);
    struct pbti_scratch *const scratch = malloc(sizeof *scratch);
    assert_non_null(config);
    assert_non_null(scratch);
    lab_config(config, 4);
    config->exploit = PBTI_EXPLOIT_NONE;
    config->explore = PBTI_EXPLORE_NONE;
    for (uint8_t part = 1; part <= 5; part++) {
        uint8_t const version = part < 3 ? part : 3;
        if (part == 2) { config->decay[1] = (struct pbti_decay){PBTI_DECAY_COSINE, 0.25}; }
        config->grid = part == 3;
        config->places[0] = config->places[1] = part == 3 ? 2 : 0;
        config->proposals = part == 5;
        if (part == 5) {
            config->rungs = PBTI_RUNGS_NONE;
            config->eta = 0;
            config->rung_min = 0;
        }
        if (part == 4) {
            config->rungs = PBTI_RUNGS_PROMOTION;
            config->eta = 4;
            config->rung_min = 7;
        }
        struct pbti_event event = {.type = PBTI_AMEND, .study = {.config = config}};
        size_t const size = assert_round_trip(&event);
        assert_int_equal(buffer[1], version);
        struct pbti_reader reader = {.data = buffer, .size = size};
        assert_true(pbti_event_decode(&event, &reader, scratch));
        assert_memory_equal(scratch->config.decay, config->decay, sizeof config->decay);
        assert_int_equal(scratch->config.rungs, config->rungs);
        assert_int_equal(scratch->config.proposals, config->proposals);
        assert_int_equal(scratch->config.eta, config->eta);
        assert_int_equal(scratch->config.rung_min, config->rung_min);
        assert_memory_equal(scratch->config.places, config->places, sizeof config->places);
        for (uint8_t other = 0; other < 9; other++) {
            buffer[1] = other;
            struct pbti_reader again = {.data = buffer, .size = size};
            assert_int_equal(pbti_event_decode(&event, &again, scratch), other == version);
        }
    }
    free(scratch);
    free(config);
}

/* Fields that name themselves: only what differs is written, and each by its id and size. */
static void test_fields_name_themselves(void **unused)
{
    (void)unused;
    struct pbti_config *const config = malloc(sizeof *config);
    struct pbti_scratch *const scratch = malloc(sizeof *scratch);
    assert_non_null(config);
    assert_non_null(scratch);
    lab_config(config, 4);
    struct pbti_event event = {.type = PBTI_STUDY, .study = {.config = config}};
    size_t const plain = assert_round_trip(&event);
    assert_int_equal(buffer[1], 1);
    config->founders_keep = 0.5;
    config->founders_explore = false;
    size_t const size = assert_round_trip(&event);
    static const uint8_t begin[] = {2, 1, 8}; /* two fields: number 1 of 8 bytes, ... */
    assert_int_equal(buffer[1], 4);
    assert_memory_equal(buffer + 4, begin, sizeof begin);
    assert_int_equal(buffer[15], 3); /* ... and number 3 of 1 byte */
    assert_int_equal(buffer[16], 1);
    assert_int_equal(size, plain + 1 + 10 + 3 + 1 + 3); /* and the parts of versions 2 and 3 */
    struct pbti_reader reader = {.data = buffer, .size = size};
    assert_true(pbti_event_decode(&event, &reader, scratch));
    assert_true(scratch->config.founders_keep == 0.5 && !scratch->config.founders_explore);
    assert_true(scratch->config.founders_until == PBTI_FOUNDERS_UNTIL);

    uint64_t value = 0;
    assert_null(pbti_event_unknown(buffer, size, &value));
    buffer[15] = 99; /* a field of a later program */
    reader = (struct pbti_reader){.data = buffer, .size = size};
    assert_false(pbti_event_decode(&event, &reader, scratch));
    assert_string_equal(pbti_event_unknown(buffer, size, &value), "config field");
    assert_int_equal(value, 99);
    buffer[15] = 1; /* twice */
    reader = (struct pbti_reader){.data = buffer, .size = size};
    assert_false(pbti_event_decode(&event, &reader, scratch));
    assert_null(pbti_event_unknown(buffer, size, &value)); /* damaged, not unknown */
    buffer[15] = 3;
    buffer[17] = 1; /* the default, which is never written */
    reader = (struct pbti_reader){.data = buffer, .size = size};
    assert_false(pbti_event_decode(&event, &reader, scratch));
    free(scratch);
    free(config);
}

/* Both versions of the rules are read, and an amend keeps the study's. */
/* What an amend alone may say: a study event with it is damaged. */
static void test_only_an_amend_revives(void **unused)
{
    (void)unused;
    struct pbti_config *const config = malloc(sizeof *config);
    struct pbti_scratch *const scratch = malloc(sizeof *scratch);
    assert_non_null(config);
    assert_non_null(scratch);
    lab_config(config, 4);
    config->revive = true;
    struct pbti_event event = {.type = PBTI_AMEND, .study = {.config = config}};
    size_t const size = assert_round_trip(&event);
    static const uint8_t field[] = {1, 5, 1, 1}; /* one field: number 5 of 1 byte, true */
    assert_int_equal(buffer[1], 4);
    assert_memory_equal(buffer + 4, field, sizeof field);
    buffer[0] = PBTI_STUDY;
    struct pbti_reader reader = {.data = buffer, .size = size};
    assert_false(pbti_event_decode(&event, &reader, scratch));
    free(scratch);
    free(config);
}

static void test_rules_of_both_versions_survive(void **unused)
{
    (void)unused;
    struct pbti_config *const config = malloc(sizeof *config);
    struct pbti_config *const next = malloc(sizeof *next);
    struct pbti_scratch *const scratch = malloc(sizeof *scratch);
    assert_true(config != NULL && next != NULL && scratch != NULL);
    lab_config(config, 4);
    for (config->rules = 1; config->rules <= PBTI_RULES_VERSION; config->rules++) {
        struct pbti_event event = {.type = PBTI_STUDY, .study = {.config = config}};
        size_t const size = assert_round_trip(&event);
        struct pbti_reader reader = {.data = buffer, .size = size};
        assert_int_equal(buffer[3], config->rules);
        assert_true(pbti_event_decode(&event, &reader, scratch));
        assert_int_equal(scratch->config.rules, config->rules);
        lab_config(next, 4);
        pbti_config_keep_rules(config, next);
        assert_int_equal(next->rules, config->rules);
        next->rules = 3 - config->rules;
        assert_string_equal(pbti_config_unamendable(config, next), "the rules");
    }
    free(scratch);
    free(next);
    free(config);
}

static void test_damaged_bytes_never_pass_for_more_than_they_are(void **unused)
{
    (void)unused;
    double const values[] = {0.1, 1e-3};
    struct pbti_move const moves[] = {{PBTI_MOVE_FACTOR, 1.2}, {PBTI_MOVE_KEPT, 0.0}};
    struct pbti_event const event = {.type = PBTI_DECISION,
                                     .decision = {.member = 5,
                                                  .kind = PBTI_REPLACE,
                                                  .opponent = 2,
                                                  .score = 0.5,
                                                  .opponent_score = 1.0,
                                                  .p = 0.5,
                                                  .rank = 1,
                                                  .count = 2,
                                                  .values_count = 2,
                                                  .values = values,
                                                  .moves = moves}};
    size_t const size = assert_round_trip(&event);
    struct pbti_scratch *const scratch = malloc(sizeof *scratch);
    assert_non_null(scratch);
    uint8_t bytes[256];
    assert_true(size < sizeof bytes);
    for (size_t bit = 0; bit < size * 8; bit++) {
        memcpy(bytes, buffer, size);
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        struct pbti_reader reader = {.data = bytes, .size = size};
        struct pbti_event again;
        if (!pbti_event_decode(&again, &reader, scratch)) { continue; }
        if (again.type != PBTI_DECISION) { continue; }
        assert_true(again.decision.values_count <= PBTI_HP_MAX);
        assert_true(again.decision.kind < PBTI_DECISIONS);
        assert_true(again.decision.why < PBTI_WHYS);
    }
    free(scratch);
}

/* Events that do not fit are refused and leave the state as it was. */
static void test_events_that_do_not_fit_leave_no_trace(void **unused)
{
    (void)unused;
    struct pbti_config *const config = malloc(sizeof *config);
    assert_non_null(config);
    lab_config(config, 2);
    struct lab *const lab = lab_open(config);
    lab_claim(lab, 0);
    uint64_t const hash = pbti_state_hash(lab->state);
    double const score = 1.0;
    struct pbti_event const bad[] = {
        {.type = PBTI_CLAIM, .claim = {0, 1, 1, 1, 0}}, /* is running */
        {.type = PBTI_CLAIM, .claim = {9, 1, 1, 1, 0}}, /* does not exist */
        {.type = PBTI_CLAIM, .claim = {1, 2, 1, 1, 0}}, /* another segment */
        {.type = PBTI_CLAIM, .claim = {1, 1, 2, 1, 0}}, /* another attempt */
        {.type = PBTI_RELEASE, .release = {1, 2, 0}},   /* not claimed */
        {.type = PBTI_RELEASE, .release = {0, 77, 0}},  /* another claim */
        {.type = PBTI_REPORT, .report = {.member = 0, .segment = 1, .attempt = 1, .claim = 3}},
        {.type = PBTI_REPORT, .report = {.member = 0, .segment = 1, .attempt = 2, .claim = 2}},
        {.type = PBTI_REPORT,
         .report = {.member = 0,
                    .segment = 1,
                    .attempt = 1,
                    .claim = 2,
                    .steps = 9,
                    .scores_count = 1,
                    .scores = &score}},                                   /* ten were asked for */
        {.type = PBTI_DECISION, .decision = {.member = 0, .segment = 1}}, /* none is owed */
        {.type = PBTI_STUDY},
        {.type = PBTI_AMEND},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct pbt_error err = {0};
        assert_int_equal(pbti_fold(lab->state, 3, &bad[i], NULL, NULL, &err), PBT_ECORRUPT);
        assert_true(err.message[0] != '\0');
        assert_true(pbti_state_hash(lab->state) == hash);
        assert_null(pbti_state_check(lab->state));
    }
    struct pbti_event const leap = {.type = PBTI_STOP, .stop = {PBTI_STOP_USER}};
    assert_int_equal(pbti_fold(lab->state, 4, &leap, NULL, NULL, NULL), PBT_ECORRUPT);
    lab_close(lab);
    free(config);
}

/* Bytes that say in two ways that a part is not there would be two encodings of one event. */
static void test_a_second_encoding_is_refused(void **unused)
{
    (void)unused;
    static const struct {
        uint8_t part;
        uint64_t number; /* opponent, rank and count, or how many values */
        bool is_score;   /* a NaN in its place */
    } empty[] = {
        {1, PBTI_NO_MEMBER, false}, {2, 0, false}, {4, 0, true}, {8, 0, false}, {16, 0, true}};
    struct pbti_scratch *const scratch = malloc(sizeof *scratch);
    assert_non_null(scratch);
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
        struct pbti_event event = {
            .type = PBTI_DECISION,
            .decision = {.member = 1, .opponent = PBTI_NO_MEMBER, .score = NAN, .p = NAN}};
        struct pbti_writer writer = {.data = buffer, .capacity = sizeof buffer};
        pbti_event_encode(&event, &writer);
        assert_int_equal(buffer[writer.size - 1], 0); /* no parts */
        writer.size--;
        pbti_put_u8(&writer, empty[i].part);
        if (empty[i].is_score) {
            pbti_put_double(&writer, NAN);
        } else {
            pbti_put_varint(&writer, empty[i].number);
        }
        if (empty[i].part == 2) { pbti_put_varint(&writer, 0); }
        for (int k = 0; empty[i].part == 1 && k < 18; k++) { /* the rest of an opponent */
            pbti_put_u8(&writer, 0);
        }
        struct pbti_reader reader = {.data = buffer, .size = writer.size};
        assert_false(pbti_event_decode(&event, &reader, scratch));
        assert_int_equal(reader.at,
                         reader.size); /* it was read to its end: nothing else is wrong */
    }
    free(scratch);
}

static void test_only_ends_that_are_said_are_stop_events(void **unused)
{
    (void)unused;
    struct pbti_scratch *const scratch = malloc(sizeof *scratch);
    assert_non_null(scratch);
    for (uint8_t reason = 0; reason < PBTI_STOPS + 2; reason++) {
        struct pbti_event event = {.type = PBTI_STOP, .stop = {reason}};
        struct pbti_writer writer = {.data = buffer, .capacity = sizeof buffer};
        pbti_event_encode(&event, &writer);
        struct pbti_reader reader = {.data = buffer, .size = writer.size};
        bool const said = reason == PBTI_STOP_HOURS || reason == PBTI_STOP_USER;
        assert_int_equal(pbti_event_decode(&event, &reader, scratch), said);
    }
    free(scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_event_survives_its_encoding),
        cmocka_unit_test(test_a_config_survives_its_encoding),
        cmocka_unit_test(test_a_config_has_one_version),
        cmocka_unit_test(test_fields_name_themselves),
        cmocka_unit_test(test_only_an_amend_revives),
        cmocka_unit_test(test_rules_of_both_versions_survive),
        cmocka_unit_test(test_damaged_bytes_never_pass_for_more_than_they_are),
        cmocka_unit_test(test_events_that_do_not_fit_leave_no_trace),
        cmocka_unit_test(test_a_second_encoding_is_refused),
        cmocka_unit_test(test_only_ends_that_are_said_are_stop_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
