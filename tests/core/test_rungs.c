/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/core/test_rungs.c - successive halving, Hyperband and ASHA: the tables, and whole studies.
 *
 * The tables are those that follow from the algorithm in section 3 of Li et al. 2018; the published
 * one is R = 81, eta = 3. The cutoffs of asha's stopping variant are those of the example in the
 * documentation of Ray Tune's AsyncHyperBand.
 */
#include "core/lab.h"
#include "core/rungs.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* One hyperparameter or two, `steps` long, in segments of `every`. */
static struct pbti_config *new_config(uint8_t rungs, uint64_t steps, uint32_t eta, uint32_t members)
{
    struct pbti_config *const config = malloc(sizeof *config);
    assert_non_null(config);
    lab_config(config, members);
    config->steps = config->max_age = steps;
    config->ready_every = steps;
    config->exploit = PBTI_EXPLOIT_NONE;
    config->explore = PBTI_EXPLORE_NONE;
    config->rungs = rungs;
    config->eta = eta;
    config->rung_min = 1;
    if (members == 0) { config->members = pbti_rungs_population(config); }
    assert_null(pbti_config_invalid(config));
    return config;
}

/* -------- tables -------- */

struct table {
    uint64_t steps;
    uint32_t eta, members;
    const char *brackets; /* members@steps, brackets from many members to few */
    uint64_t costs[6];    /* of brackets trained from the beginning at every rung; 0 = no more */
};

static const struct table tables[] = {
    {81,
     3,
     143,
     "81@1 27@3 9@9 3@27 1@81 | 34@3 11@9 3@27 1@81 | 15@9 5@27 1@81 | 8@27 2@81 | 5@81 | ",
     {405, 363, 351, 378, 405}},
    {27, 3, 49, "27@1 9@3 3@9 1@27 | 12@3 4@9 1@27 | 6@9 2@27 | 4@27 | ", {108, 99, 108, 108}},
    {9, 3, 17, "9@1 3@3 1@9 | 5@3 1@9 | 3@9 | ", {27, 24, 27}},
    {16,
     2,
     43,
     "16@1 8@2 4@4 2@8 1@16 | 10@2 5@4 2@8 1@16 | 7@4 3@8 1@16 | 5@8 2@16 | 5@16 | ",
     {80, 72, 68, 72, 80}},
    {16, 4, 25, "16@1 4@4 1@16 | 6@4 1@16 | 3@16 | ", {48, 40, 48}},
    {1, 3, 1, "1@1 | ", {1}},
    {243, 3, 0, NULL, {0}}, /* floor(log 243 / log 3) is 4 in doubles */
};

/* "members@steps ... | " of all brackets, and what each costs when promotion starts anew. */
static void write_brackets(const struct pbti_config *config, char text[512], uint64_t costs[6])
{
    uint32_t const count = pbti_rungs_count(config);
    size_t at = 0;
    for (uint32_t index = 0; index < count; index++) {
        struct pbti_bracket const bracket = pbti_bracket(config, index);
        uint32_t members = bracket.count;
        costs[index] = 0;
        for (uint32_t rung = index; rung < count; rung++) {
            uint64_t const steps = pbti_rung_steps(config, rung);
            at += (size_t)snprintf(text + at, 512 - at, "%u@%llu ", members,
                                   (unsigned long long)steps);
            costs[index] += members * steps;
            if (rung + 1 < count) { members = pbti_rung_keeps(config, bracket, rung); }
        }
        at += (size_t)snprintf(text + at, 512 - at, "| ");
        assert_true(costs[index] <= count * config->steps);
    }
}

static void test_tables_of_hyperband(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        struct pbti_config *const config =
            new_config(PBTI_RUNGS_HYPERBAND, tables[i].steps, tables[i].eta, 0);
        if (tables[i].brackets == NULL) {
            assert_int_equal(pbti_rungs_count(config), 6);
        } else {
            char text[512];
            uint64_t costs[6] = {0};
            write_brackets(config, text, costs);
            assert_string_equal(text, tables[i].brackets);
            assert_memory_equal(costs, tables[i].costs, sizeof costs);
            assert_int_equal(config->members, tables[i].members);
        }
        free(config);
    }
}

/* A population of whole brackets, in their order and then again; what they cost is known. */
static void test_populations_of_whole_brackets(void **unused)
{
    (void)unused;
    static uint32_t const members[] = {81, 34, 15, 8, 5};
    static uint64_t const costs[] = {297, 276, 279, 324, 405};
    struct pbti_config *const config = new_config(PBTI_RUNGS_HYPERBAND, 81, 3, 0);
    uint32_t whole = 0;
    uint64_t cost = 0;
    for (uint32_t index = 0; index < 13; index++) {
        uint64_t const enough = cost + costs[index % 5];
        assert_int_equal(pbti_rungs_affordable(config, enough - 1), whole);
        whole += members[index % 5];
        cost = enough;
        assert_int_equal(pbti_rungs_affordable(config, cost), whole);
        assert_int_equal(pbti_rungs_whole(config, whole), whole);
        assert_int_equal(pbti_rungs_whole(config, whole - 1), whole - members[index % 5]);
        config->members = whole - 1;
        assert_non_null(pbti_config_invalid(config));
        config->members = whole;
        assert_null(pbti_config_invalid(config));
        assert_int_equal(pbti_rungs_steps_total(config), cost);
        struct pbti_bracket const last = pbti_bracket(config, index);
        assert_int_equal(last.count, members[index % 5]);
        assert_int_equal(last.rung, index % 5);
        assert_int_equal(pbti_bracket_of(config, whole - 1).index, index);
        assert_int_equal(pbti_bracket(config, index + 1).count, 0);
    }
    assert_int_equal(pbti_rungs_affordable(config, UINT64_MAX),
                     pbti_rungs_whole(config, PBTI_RUNG_MEMBERS_MAX));
    free(config);
}

/* The largest population that is affordable: one more would train too much. */
static void test_affordable_populations(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(PBTI_RUNGS_HALVING, 81, 3, 1);
    assert_int_equal(pbti_rungs_affordable(config, 80), 0);
    for (uint64_t steps = 81; steps < 3000; steps += 7) {
        config->members = pbti_rungs_affordable(config, steps);
        assert_true(pbti_rungs_steps_total(config) <= steps);
        config->members++;
        assert_true(pbti_rungs_steps_total(config) > steps);
    }
    for (uint8_t rungs = PBTI_RUNGS_PROMOTION; rungs <= PBTI_RUNGS_STOPPING; rungs++) {
        config->rungs = rungs;
        assert_int_equal(pbti_rungs_affordable(config, 80), 0);
        assert_int_equal(pbti_rungs_affordable(config, 81 * 12 - 1), 11);
        assert_int_equal(pbti_rungs_affordable(config, UINT64_MAX), PBTI_RUNG_MEMBERS_MAX);
    }
    free(config);
}

/* Whatever the numbers, every member is in one bracket, rungs rise, and costs keep their bound. */
static void test_brackets_of_any_numbers(void **unused)
{
    (void)unused;
    for (uint64_t steps = 1; steps < 300; steps++) {
        for (uint32_t eta = 2; eta < 7; eta++) {
            struct pbti_config *const config = new_config(PBTI_RUNGS_HYPERBAND, steps, eta, 0);
            uint32_t const count = pbti_rungs_count(config);
            assert_true(pbti_rung_steps(config, 0) >= config->rung_min);
            assert_true(pbti_rung_steps(config, 0) / eta < config->rung_min);
            assert_true(pbti_rung_steps(config, count - 1) == steps);
            for (uint32_t rung = 1; rung < count; rung++) {
                assert_true(pbti_rung_steps(config, rung) > pbti_rung_steps(config, rung - 1));
            }
            uint32_t first = 0;
            for (uint32_t index = 0; index < count; index++) {
                struct pbti_bracket const bracket = pbti_bracket(config, index);
                assert_int_equal(bracket.first, first);
                first += bracket.count;
                assert_int_equal(pbti_bracket_of(config, first - 1).index, index);
                assert_int_equal(pbti_bracket_of(config, bracket.first).index, index);
            }
            assert_int_equal(first, config->members);
            assert_true(pbti_rungs_steps_total(config) <= (uint64_t)count * count * steps);
            free(config);
        }
    }
}

/* -------- whole studies -------- */

/* Bits of a study: which members and what they report, in a random order of arrival. */
struct dice {
    struct pbti_stream stream;
    uint64_t index;
};

static uint32_t below(struct dice *dice, uint32_t count)
{
    return (uint32_t)pbti_draw_below(&dice->stream, dice->index++, count);
}

struct watched {
    uint8_t promoted[256][8]; /* by member and rung: how often */
    uint32_t promotions;
};

static void watch(struct lab *lab, const struct pbti_event_decision *decision)
{
    struct watched *const seen = lab->watch_context;
    if (decision->why != PBTI_WHY_PROMOTED) { return; }
    const struct pbti_config *const config = lab->config;
    uint32_t const rung = pbti_rung_at(config, pbti_bracket_of(config, decision->member),
                                       lab_member(lab, decision->member)->steps);
    assert_true(rung < 8 && decision->member < 256);
    seen->promoted[decision->member][rung]++;
    seen->promotions++;
    assert_int_equal(seen->promoted[decision->member][rung], 1);
    assert_true(isfinite(decision->score));
}

enum trouble { NO_TROUBLE, TROUBLE };

/* Run to the end with `slots` members at a time. Scores follow from the member alone, so that
 * whoever is best is best at every rung; with trouble some fail, and some are not a number. */
static void run(struct lab *lab, struct watched *seen, uint64_t seed, uint32_t slots,
                enum trouble trouble)
{
    struct dice dice = {{seed, PBTI_PURPOSE_SIM, 0, 0}, 0};
    uint32_t running[64];
    uint32_t count = 0;
    *seen = (struct watched){0};
    lab->watch = watch;
    lab->watch_context = seen;
    while (pbti_state_stop(lab->state) == PBTI_STOP_NONE) {
        uint32_t const next =
            pbti_next(lab->state, PBTI_NO_MEMBER, (struct pbti_checkpoint){0, 0, 0});
        if (next != PBTI_NO_MEMBER && count < slots) {
            lab_claim(lab, next);
            running[count++] = next;
            continue;
        }
        assert_true(count > 0); /* nobody waits for ever */
        uint32_t const place = below(&dice, count);
        uint32_t const member = running[place];
        running[place] = running[--count];
        double const score = (double)((member * 37u) % 101u);
        if (trouble == TROUBLE && below(&dice, 10) == 0) {
            lab_fail(lab, member, PBTI_OUTCOME_NAN);
        } else if (trouble == TROUBLE && below(&dice, 10) == 0) {
            lab_done(lab, member, NAN);
        } else {
            lab_done(lab, member, score);
        }
    }
}

static uint32_t reached(const struct lab *lab, struct pbti_bracket bracket, uint64_t steps)
{
    uint32_t count = 0;
    for (uint32_t i = bracket.first; i < bracket.first + bracket.count; i++) {
        if (lab_member(lab, i)->steps >= steps) { count++; }
    }
    return count;
}

/* Brackets of a second round are brackets of their own. */
static void test_hyperband_goes_round(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(PBTI_RUNGS_HYPERBAND, 9, 3, 0);
    config->members = 17 + 9; /* three brackets, and the first again */
    struct lab *const lab = lab_open(config);
    struct watched seen;
    run(lab, &seen, 5, 4, NO_TROUBLE);
    for (uint32_t index = 0; index < 4; index++) {
        struct pbti_bracket const bracket = pbti_bracket(config, index);
        for (uint32_t rung = index % 3; rung < 2; rung++) {
            assert_int_equal(reached(lab, bracket, pbti_rung_steps(config, rung) + 1),
                             pbti_rung_keeps(config, bracket, rung));
        }
    }
    assert_int_equal(pbti_state_counts(lab->state).steps, pbti_rungs_steps_total(config));
    lab_close(lab);
    free(config);
}

static void test_hyperband_trains_what_its_table_says(void **unused)
{
    (void)unused;
    for (uint32_t slots = 1; slots < 20; slots += 6) {
        struct pbti_config *const config = new_config(PBTI_RUNGS_HYPERBAND, 81, 3, 0);
        struct lab *const lab = lab_open(config);
        struct watched seen;
        run(lab, &seen, slots, slots, NO_TROUBLE);
        for (uint32_t index = 0; index < 5; index++) {
            struct pbti_bracket const bracket = pbti_bracket(config, index);
            for (uint32_t rung = index; rung < 4; rung++) {
                assert_int_equal(reached(lab, bracket, pbti_rung_steps(config, rung) + 1),
                                 pbti_rung_keeps(config, bracket, rung));
            }
        }
        assert_int_equal(pbti_state_counts(lab->state).steps, pbti_rungs_steps_total(config));
        assert_int_equal(pbti_rungs_steps_total(config), 297 + 276 + 279 + 324 + 405);
        assert_int_equal(pbti_state_stop(lab->state), PBTI_STOP_BUDGET);
        lab_close(lab);
        free(config);
    }
}

/* The best of a rung train on, ties go to the lower index, and promoted ones never begin again. */
static void test_the_best_of_a_rung_train_on(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(PBTI_RUNGS_HALVING, 9, 3, 9);
    struct lab *const lab = lab_open(config);
    double const scores[9] = {1, 5, NAN, 5, 7, 2, 5, INFINITY, 0};
    for (uint32_t i = 0; i < 9; i++) {
        assert_int_equal(pbti_segment_steps(lab->state, i), 1);
        lab_run(lab, i, scores[i]);
        if (i < 8) { assert_int_equal(lab_member(lab, i)->phase, PBTI_PAUSED); }
    }
    for (uint32_t i = 0; i < 9; i++) {
        bool const promoted = i == 4 || i == 1 || i == 3;
        assert_int_equal(lab_member(lab, i)->phase, promoted ? PBTI_WAITING : PBTI_DONE);
    }
    assert_int_equal(pbti_segment_steps(lab->state, 4), 2);
    assert_int_equal(lab_member(lab, 4)->start.member, 4);
    assert_int_equal(lab_member(lab, 4)->start.segment, 1);
    assert_int_equal(lab_member(lab, 4)->segment, 2);
    lab_run(lab, 1, 1.0);
    lab_run(lab, 4, 0.0);
    lab_break(lab, 3); /* is not waited for */
    assert_int_equal(lab_member(lab, 3)->phase, PBTI_GONE);
    assert_int_equal(lab_member(lab, 1)->phase, PBTI_WAITING);
    assert_int_equal(lab_member(lab, 4)->phase, PBTI_DONE);
    lab_run(lab, 1, 0.0);
    assert_int_equal(pbti_state_stop(lab->state), PBTI_STOP_BUDGET);
    assert_int_equal(lab_member(lab, 1)->steps, 9);
    lab_close(lab);
    free(config);
}

/* Nobody with a finite score: the rung promotes nobody, and the study ends. */
static void test_a_rung_without_scores_ends(void **unused)
{
    (void)unused;
    for (uint8_t rungs = PBTI_RUNGS_HALVING; rungs <= PBTI_RUNGS_STOPPING; rungs++) {
        if (rungs == PBTI_RUNGS_HYPERBAND) { continue; }
        struct pbti_config *const config = new_config(rungs, 9, 3, 6);
        struct lab *const lab = lab_open(config);
        for (uint32_t i = 0; i < 6; i++) {
            lab_run(lab, i, i % 2 == 0 ? NAN : -INFINITY);
        }
        assert_int_equal(pbti_state_stop(lab->state), PBTI_STOP_BUDGET);
        assert_int_equal(pbti_state_counts(lab->state).steps, 6);
        lab_close(lab);
        free(config);
    }
}

/* Any order of arrival, any trouble: every study ends, and no promotion is made twice (watch). */
static void test_all_studies_end(void **unused)
{
    (void)unused;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct dice dice = {{seed, PBTI_PURPOSE_SIM, 1, 0}, 0};
        uint8_t const rungs = (uint8_t)(PBTI_RUNGS_HALVING + below(&dice, 4));
        uint32_t const steps = 4 + below(&dice, 60);
        uint32_t const members = rungs == PBTI_RUNGS_HYPERBAND ? 0 : 1 + below(&dice, 40);
        struct pbti_config *const config = new_config(rungs, steps, 2 + below(&dice, 3), members);
        if (rungs == PBTI_RUNGS_HYPERBAND && below(&dice, 2) == 0) { /* more brackets, or fewer */
            uint32_t const whole = pbti_rungs_whole(config, below(&dice, 200));
            if (whole > 0) { config->members = whole; }
        }
        config->ready_every = 1 + below(&dice, steps); /* some judgements between rungs */
        struct lab *const lab = lab_open(config);
        struct watched seen;
        run(lab, &seen, seed, 1 + below(&dice, 16), TROUBLE);
        for (uint32_t i = 0; i < config->members; i++) {
            uint8_t const phase = lab_member(lab, i)->phase;
            assert_true(phase == PBTI_DONE || phase == PBTI_GONE);
        }
        lab_close(lab);
        free(config);
    }
}

/* -------- asha -------- */

/* After three of a rung one is promoted, whoever of them it is; after six a second. */
static void test_asha_promotes_without_waiting(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(PBTI_RUNGS_PROMOTION, 9, 3, 7);
    struct lab *const lab = lab_open(config);
    lab_run(lab, 0, 5.0);
    lab_run(lab, 1, 7.0);
    assert_int_equal(lab_member(lab, 1)->phase, PBTI_PAUSED);
    lab_run(lab, 2, 6.0); /* the report of the third promotes the second */
    assert_int_equal(lab_member(lab, 1)->phase, PBTI_WAITING);
    assert_int_equal(lab_member(lab, 2)->phase, PBTI_PAUSED);
    struct pbti_checkpoint const nothing = {0, 0, 0};
    assert_int_equal(pbti_next(lab->state, PBTI_NO_MEMBER, nothing), 1); /* before new ones */
    lab_run(lab, 3, 9.0); /* best of four: only one may be promoted, and it is the best */
    assert_int_equal(lab_member(lab, 3)->phase, PBTI_WAITING);
    lab_run(lab, 4, 1.0);
    lab_run(lab, 5, 1.0); /* two of six: 3 and 1, both promoted already */
    assert_int_equal(lab_member(lab, 2)->phase, PBTI_PAUSED);
    lab_run(lab, 6, 8.0); /* second best, but only 7 / 3 = 2 may be: it is */
    assert_int_equal(lab_member(lab, 6)->phase, PBTI_WAITING);
    lab_run(lab, 1, 1.0);
    lab_run(lab, 3, 2.0);
    lab_run(lab, 6, 3.0); /* three at the second rung */
    assert_int_equal(lab_member(lab, 6)->phase, PBTI_WAITING);
    lab_run(lab, 6, 0.0);
    assert_int_equal(pbti_state_stop(lab->state), PBTI_STOP_BUDGET);
    lab_close(lab);
    free(config);
}

/* Rungs 1, 2, 4, .. and one in two: 2, then 4, then 1 at the first rung. */
static void test_asha_stopping_cutoffs(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(PBTI_RUNGS_STOPPING, 8, 2, 6);
    struct lab *const lab = lab_open(config);
    lab_run(lab, 0, 2.0);
    assert_int_equal(lab_member(lab, 0)->phase, PBTI_WAITING); /* nobody before it */
    lab_run(lab, 1, 4.0);
    assert_int_equal(lab_member(lab, 1)->phase, PBTI_WAITING);
    lab_run(lab, 2, 1.0); /* cutoff 3 */
    assert_int_equal(lab_member(lab, 2)->phase, PBTI_DONE);
    lab_run(lab, 3, 2.0); /* cutoff 2 */
    assert_int_equal(lab_member(lab, 3)->phase, PBTI_WAITING);
    lab_run(lab, 4, NAN);
    assert_int_equal(lab_member(lab, 4)->phase, PBTI_DONE);
    lab_run(lab, 5, 1.999); /* 1 2 2 4: cutoff 2; what is not a number does not count */
    assert_int_equal(lab_member(lab, 5)->phase, PBTI_DONE);
    lab_close(lab);
    free(config);
}

/* -------- what cannot be -------- */

static void test_what_cannot_be(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(PBTI_RUNGS_HALVING, 9, 3, 9);
    struct pbti_config *const other = new_config(PBTI_RUNGS_HALVING, 9, 3, 9);
    assert_null(pbti_config_unamendable(config, other));
    other->steps = other->max_age = 27;
    assert_string_equal(pbti_config_unamendable(config, other), "the steps of a study with rungs");
    other->steps = 9;
    other->members = 10;
    assert_string_equal(pbti_config_unamendable(config, other),
                        "the population of a study with rungs");
    other->rungs = PBTI_RUNGS_PROMOTION;
    assert_string_equal(pbti_config_unamendable(config, other), "the rungs");
    config->max_age = 8;
    assert_non_null(pbti_config_invalid(config));
    config->max_age = 9;
    config->rung_min = 10;
    assert_non_null(pbti_config_invalid(config));
    config->rung_min = 1;
    config->eta = 1;
    assert_non_null(pbti_config_invalid(config));
    config->eta = 3;
    config->mode = PBTI_GENERATIONAL;
    assert_non_null(pbti_config_invalid(config));
    config->mode = PBTI_ASYNC;
    config->rungs = PBTI_RUNGS_HYPERBAND;
    config->members = 16;
    assert_non_null(pbti_config_invalid(config));
    config->members = 17;
    assert_null(pbti_config_invalid(config));
    free(other);
    free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables_of_hyperband),
        cmocka_unit_test(test_populations_of_whole_brackets),
        cmocka_unit_test(test_affordable_populations),
        cmocka_unit_test(test_brackets_of_any_numbers),
        cmocka_unit_test(test_hyperband_trains_what_its_table_says),
        cmocka_unit_test(test_hyperband_goes_round),
        cmocka_unit_test(test_the_best_of_a_rung_train_on),
        cmocka_unit_test(test_a_rung_without_scores_ends),
        cmocka_unit_test(test_all_studies_end),
        cmocka_unit_test(test_asha_promotes_without_waiting),
        cmocka_unit_test(test_asha_stopping_cutoffs),
        cmocka_unit_test(test_what_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
