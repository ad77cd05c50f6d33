/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/core/test_founders.c - the floor under the number of founders: exploit.founders.
 *
 * Protects rule 2 where a floor is asked for: the last member with the weights of its founder is
 * kept while no more founders are left than the floor.
 */
#include "core/lab.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct pbti_config *new_config(uint32_t members, uint32_t rounds)
{
    struct pbti_config *const config = malloc(sizeof *config);
    assert_non_null(config);
    lab_config(config, members);
    config->mode = PBTI_GENERATIONAL;
    config->ready_every = 10;
    config->steps = config->max_age = 10ull * rounds;
    config->quantile = 0.25;
    config->founders_keep = 1.0;
    return config;
}

static void test_the_floor_falls_in_a_line(void **unused)
{
    (void)unused;
    static const uint32_t of_8[] = {8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0};
    static const uint32_t of_16[] = {16, 15, 14, 14, 13, 12, 12, 11, 10, 9, 9, 8,
                                     7,  7,  6,  5,  4,  4,  3,  2,  2,  1, 0, 0};
    static const uint32_t short_16[] = {15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 0};
    static const struct {
        uint32_t members, rounds, listed;
        const uint32_t *floors;
    } cases[] = {{8, 12, 11, of_8}, {16, 30, 24, of_16}, {16, 20, 15, short_16}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pbti_config *const config = new_config(cases[i].members, cases[i].rounds);
        struct lab *const lab = lab_open(config);
        for (uint32_t round = 1; round <= cases[i].listed; round++) {
            uint32_t const floor_now = pbti_state_founders_floor(lab->state, 10ull * round);
            assert_int_equal(floor_now, cases[i].floors[round - 1]);
        }
        lab_close(lab);
        free(config);
    }
}

/* -------- rounds -------- */

struct round {
    uint8_t kind[16], why[16];
    uint32_t opponent[16], values[16];
    uint32_t order[16];
    uint32_t count;
};

static void watch(struct lab *lab, const struct pbti_event_decision *decision)
{
    struct round *const round = lab->watch_context;
    round->kind[decision->member] = decision->kind;
    round->why[decision->member] = decision->why;
    round->opponent[decision->member] = decision->opponent;
    round->values[decision->member] = decision->values_count;
    round->order[round->count++] = decision->member;
}

static struct round run_round(struct lab *lab, const double *scores)
{
    struct round round = {.count = 0};
    lab->watch = watch;
    lab->watch_context = &round;
    for (uint32_t i = 0; i < pbti_state_members(lab->state); i++) {
        lab_claim(lab, i);
    }
    for (uint32_t i = 0; i < pbti_state_members(lab->state); i++) {
        lab_done(lab, i, scores[i]);
    }
    lab->watch = NULL;
    return round;
}

/* Eight members, two at the bottom (3, then 7), donors 2 and 6. */
static const double listed[] = {5, 4, 9, 1, 7, 3, 8, 2};

static void test_rule_02_the_last_of_a_line_is_kept_at_the_floor(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(8, 12);
    struct lab *const lab = lab_open(config);
    struct round const first = run_round(lab, listed); /* 8 lines, floor 8 */
    for (uint32_t i = 3; i <= 7; i += 4) {
        assert_int_equal(first.kind[i], PBTI_KEEP);
        assert_int_equal(first.why[i], PBTI_WHY_LAST_OF_LINE);
        assert_true(first.opponent[i] == 2 ||
                    first.opponent[i] == 6);  /* whom it would have copied */
        assert_int_equal(first.values[i], 2); /* it explores in place */
        assert_int_equal(lab_member(lab, i)->start.member, i);
    }
    assert_int_equal(first.order[0], 3); /* from the worst on */
    assert_int_equal(first.order[1], 7);
    assert_int_equal(first.order[7], 2);
    assert_int_equal(pbti_state_founders(lab->state, PBTI_GROUP_POPULATION), 8);

    struct round const second = run_round(lab, listed); /* floor 7: one may go */
    assert_int_equal(second.kind[3], PBTI_REPLACE);
    assert_int_equal(second.why[7], PBTI_WHY_LAST_OF_LINE); /* 7 lines are left */
    assert_int_equal(pbti_state_founders(lab->state, PBTI_GROUP_POPULATION), 7);
    assert_int_equal(lab_member(lab, 3)->founder, second.opponent[3]);

    struct round const third = run_round(lab, listed); /* floor 6; member 3 is not alone */
    assert_int_equal(third.kind[3], PBTI_REPLACE);
    assert_int_equal(third.kind[7], PBTI_REPLACE);
    assert_int_equal(pbti_state_founders(lab->state, PBTI_GROUP_POPULATION), 6);
    lab_close(lab);
    free(config);
}

static void test_without_explore_the_last_of_a_line_goes_on_as_it_is(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(8, 12);
    config->founders_explore = false;
    struct lab *const lab = lab_open(config);
    struct round const first = run_round(lab, listed);
    assert_int_equal(first.why[3], PBTI_WHY_LAST_OF_LINE);
    assert_int_equal(first.values[3], 0);
    lab_close(lab);
    free(config);
}

/* Async: one report at a time, by what is there when it comes. */
static void test_the_floor_holds_in_async_mode(void **unused)
{
    (void)unused;
    for (uint8_t exploit = PBTI_EXPLOIT_TRUNCATION; exploit < PBTI_EXPLOIT_TTEST; exploit++) {
        struct pbti_config *const config = new_config(8, 12);
        config->mode = PBTI_ASYNC;
        config->exploit = exploit;
        struct lab *const lab = lab_open(config);
        uint32_t spared = 0;
        for (uint32_t round = 1; round <= 11; round++) {
            for (uint32_t i = 0; i < 8; i++) {
                lab_run(lab, i, listed[i]);
                if (lab->last.decision.why == PBTI_WHY_LAST_OF_LINE) { spared++; }
                uint32_t const floor_now = pbti_state_founders_floor(lab->state, 10ull * round);
                assert_true(pbti_state_founders(lab->state, PBTI_GROUP_POPULATION) >= floor_now);
            }
        }
        assert_true(spared > 5);
        lab_close(lab);
        free(config);
    }
}

/* A failure is no vote: what was restarted elsewhere, or given up, has lost its line. */
static void test_failed_members_lose_their_line(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(4, 12);
    config->mode = PBTI_ASYNC;
    config->revivals = 1;
    struct lab *const lab = lab_open(config);
    for (uint32_t i = 0; i < 3; i++) {
        lab_run(lab, i, (double)i);
    }
    lab_break(lab, 3);
    assert_int_equal(lab->last.decision.why, PBTI_WHY_REVIVED);
    assert_int_equal(pbti_state_founders(lab->state, PBTI_GROUP_POPULATION), 3);
    lab_break(lab, 3);
    assert_int_equal(lab->last.decision.kind, PBTI_GIVE_UP);
    assert_int_equal(pbti_state_founders(lab->state, PBTI_GROUP_POPULATION), 3);
    assert_int_equal(pbti_state_founders_floor(lab->state, 10), 3); /* ceil(3 * 8 / 9) */
    lab_close(lab);
    free(config);
}

/* Members that an amend takes out do not count, and count again when they come back. */
static void test_an_amend_counts_lines_again(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(6, 12);
    config->mode = PBTI_ASYNC;
    struct lab *const lab = lab_open(config);
    config->members = 4;
    lab_amend(lab, config);
    assert_int_equal(pbti_state_founders(lab->state, PBTI_GROUP_POPULATION), 4);
    config->members = 8;
    lab_amend(lab, config);
    assert_int_equal(pbti_state_founders(lab->state, PBTI_GROUP_POPULATION), 8);
    lab_close(lab);
    free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_floor_falls_in_a_line),
        cmocka_unit_test(test_rule_02_the_last_of_a_line_is_kept_at_the_floor),
        cmocka_unit_test(test_without_explore_the_last_of_a_line_goes_on_as_it_is),
        cmocka_unit_test(test_the_floor_holds_in_async_mode),
        cmocka_unit_test(test_failed_members_lose_their_line),
        cmocka_unit_test(test_an_amend_counts_lines_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
