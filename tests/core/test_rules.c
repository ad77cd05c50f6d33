/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/core/test_rules.c - the rules of docs/rules.md that are decided in core, by
 * number.
 *
 * Rules 12, 13, 15 and 17 need processes and storage: tests/sim, tests/worker and tests/cli.
 */
#include "core/lab.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct pbti_config *new_config(uint32_t members)
{
    struct pbti_config *const config = malloc(sizeof *config);
    assert_non_null(config);
    lab_config(config, members);
    return config;
}

/* -------- a generation, watched -------- */

struct generation {
    bool replaced[16];
    uint32_t donor[16];
    uint32_t count;
};

static void watch_generation(struct lab *lab, const struct pbti_event_decision *decision)
{
    struct generation *const seen = lab->watch_context;
    seen->replaced[decision->member] = decision->kind == PBTI_REPLACE;
    seen->donor[decision->member] = decision->opponent;
    seen->count++;
}

/* Claim all, report `scores` in the order of `order`, and watch what is decided. */
static struct generation run_generation(const struct pbti_config *config, const double *scores,
                                        const uint32_t *order)
{
    struct generation seen = {0};
    struct lab *const lab = lab_open(config);
    lab->watch = watch_generation;
    lab->watch_context = &seen;
    for (uint32_t i = 0; i < config->members; i++) {
        lab_claim(lab, i);
    }
    for (uint32_t i = 0; i < config->members; i++) {
        lab_done(lab, order[i], scores[order[i]]);
    }
    lab_close(lab);
    return seen;
}

/* Place of a member the slow way: scores that are not finite last, ties by index. */
static uint32_t slow_rank(const struct pbti_config *config, const double *scores, uint32_t member)
{
    uint32_t rank = 0;
    for (uint32_t i = 0; i < config->members; i++) {
        bool const better = pbti_better(config, scores[i], scores[member]);
        bool const worse = pbti_better(config, scores[member], scores[i]);
        if (better || (!worse && i < member)) { rank++; }
    }
    return rank;
}

/* -------- rules -------- */

static void test_rule_01_a_clone_starts_from_the_donors_checkpoint(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(2);
    config->quantile = 0.5;
    struct lab *const lab = lab_open(config);
    lab_run(lab, 0, 1.0);
    struct pbti_checkpoint const good = lab_member(lab, 0)->start;
    lab_run(lab, 1, 0.0);
    assert_int_equal(lab->last.decision.kind, PBTI_REPLACE);
    assert_true(pbti_checkpoint_equal(lab_member(lab, 1)->start, good));
    assert_int_equal(lab_member(lab, 1)->age, lab_member(lab, 0)->age);
    assert_int_equal(lab_member(lab, 1)->steps, 10);
    lab_close(lab);
    free(config);
}

static void test_rule_02_replaced_are_exactly_the_bottom_group(void **unused)
{
    (void)unused;
    struct pbti_stream const stream = {3, PBTI_PURPOSE_SIM, 0, 0};
    uint64_t draw = 0;
    for (uint32_t members = 1; members <= 16; members++) {
        for (int percent = 0; percent <= 50; percent += 5) {
            struct pbti_config *const config = new_config(members);
            config->mode = PBTI_GENERATIONAL;
            config->quantile = percent / 100.0;
            double scores[16];
            uint32_t order[16];
            for (uint32_t i = 0; i < members; i++) {
                scores[i] = (double)pbti_draw_below(&stream, draw++, 6); /* with ties */
                uint32_t const at = (uint32_t)pbti_draw_below(&stream, draw++, i + 1);
                order[i] = order[at];
                order[at] = i;
            }
            struct generation const seen = run_generation(config, scores, order);
            /* ceil(q n) in whole numbers */
            uint32_t const wanted = ((uint32_t)percent * members + 99) / 100;
            uint32_t const size = wanted < members / 2 ? wanted : members / 2;
            assert_int_equal(seen.count, members);
            for (uint32_t i = 0; i < members; i++) {
                bool const bottom = slow_rank(config, scores, i) >= members - size;
                bool const better = bottom && scores[seen.donor[i]] > scores[i];
                assert_int_equal(seen.replaced[i], better); /* equal is not better */
                if (bottom) {                               /* rule 3 */
                    assert_true(slow_rank(config, scores, seen.donor[i]) < size);
                }
            }
            free(config);
        }
    }
}

static void test_rule_03_ties_go_by_index(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(4);
    config->mode = PBTI_GENERATIONAL;
    config->quantile = 0.25;
    double const scores[] = {5, 5, 5, 5};
    uint32_t const order[] = {3, 2, 1, 0};
    config->rules = 1;
    struct generation seen = run_generation(config, scores, order);
    assert_true(!seen.replaced[0] && !seen.replaced[1] && !seen.replaced[2] && seen.replaced[3]);
    assert_int_equal(seen.donor[3], 0);
    config->rules = 2;
    seen = run_generation(config, scores, order);
    assert_true(!seen.replaced[0] && !seen.replaced[1] && !seen.replaced[2] && !seen.replaced[3]);
    assert_int_equal(seen.donor[3], 0);
    config->ties_copy = true;
    seen = run_generation(config, scores, order);
    assert_true(!seen.replaced[0] && !seen.replaced[1] && !seen.replaced[2] && seen.replaced[3]);
    free(config);
}

/* A sparse reward: nobody is better than anybody, so nobody is replaced, in any mode. */
static void test_rule_02_equal_scores_replace_nobody(void **unused)
{
    (void)unused;
    for (uint8_t mode = 0; mode < PBTI_MODES; mode++) {
        for (uint8_t exploit = PBTI_EXPLOIT_TRUNCATION; exploit < PBTI_EXPLOITS; exploit++) {
            struct pbti_config *const config = new_config(16);
            config->mode = mode;
            config->exploit = exploit;
            struct lab *const lab = lab_open(config);
            for (uint32_t round = 0; round < 9; round++) {
                for (uint32_t i = 0; i < 16; i++) {
                    lab_claim(lab, i);
                }
                for (uint32_t i = 0; i < 16; i++) {
                    lab_done(lab, i, 0.0);
                }
            }
            assert_int_equal(pbti_state_counts(lab->state).exploits, 0);
            assert_int_equal(pbti_state_founders(lab->state, PBTI_GROUP_POPULATION), 16);
            lab_close(lab);
            free(config);
        }
    }
}

static void test_rule_04_scores_that_are_not_finite_rank_last_both_ways(void **unused)
{
    (void)unused;
    double const odd[] = {NAN, INFINITY, -INFINITY};
    for (int goal = 0; goal < 2; goal++) {
        for (int which = 0; which < 3; which++) {
            struct pbti_config *const config = new_config(4);
            config->mode = PBTI_GENERATIONAL;
            config->quantile = 0.25;
            config->maximize = goal == 1;
            double const scores[] = {odd[which], -1e300, 1e300, 0.0};
            uint32_t const order[] = {0, 1, 2, 3};
            struct generation const seen = run_generation(config, scores, order);
            assert_true(seen.replaced[0]);
            assert_int_equal(seen.donor[0], goal == 1 ? 2 : 1);
            free(config);
        }
    }
}

static void test_rule_04_without_a_finite_donor_nobody_is_replaced(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(4);
    config->mode = PBTI_GENERATIONAL;
    config->quantile = 0.5;
    for (uint8_t exploit = PBTI_EXPLOIT_TRUNCATION; exploit <= PBTI_EXPLOIT_TTEST; exploit++) {
        config->exploit = exploit;
        double const scores[] = {NAN, INFINITY, -INFINITY, NAN};
        uint32_t const order[] = {0, 1, 2, 3};
        struct generation const seen = run_generation(config, scores, order);
        for (int i = 0; i < 4; i++) {
            assert_false(seen.replaced[i]);
        }
    }
    free(config);
}

static void test_rule_05_failed_and_unscored_members_are_no_donors(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(4);
    config->exploit = PBTI_EXPLOIT_TOURNAMENT;
    config->seed = 5;
    struct lab *const lab = lab_open(config);
    lab_run(lab, 0, 100.0);
    lab_break(lab, 1); /* never scored: revived from 0 at once, inherits, is no donor either */
    assert_int_equal(lab->last.decision.why, PBTI_WHY_REVIVED);
    assert_int_equal(lab->last.decision.opponent, 0);
    assert_int_equal(lab_member(lab, 1)->score_source, PBTI_SCORE_INHERITED);
    for (int i = 0; i < 9; i++) { /* 2 is worse than all; only 0 may be copied, 3 never ran */
        if (lab_member(lab, 2)->phase != PBTI_WAITING) { break; }
        lab_run(lab, 2, -1.0);
        if (lab->last.decision.kind == PBTI_REPLACE) {
            assert_int_equal(lab->last.decision.opponent, 0);
        }
    }
    lab_close(lab);
    free(config);
}

static void test_rule_05_a_failed_member_waits_for_a_donor(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(3);
    struct lab *const lab = lab_open(config);
    lab_break(lab, 2);
    assert_int_equal(lab_member(lab, 2)->phase, PBTI_FAILED);
    lab_run(lab, 0, NAN); /* still nobody to copy */
    assert_int_equal(lab_member(lab, 2)->phase, PBTI_FAILED);
    lab_run(lab, 1, 3.0);
    assert_int_equal(lab_member(lab, 2)->phase, PBTI_WAITING);
    assert_true(pbti_checkpoint_equal(lab_member(lab, 2)->start, lab_member(lab, 1)->start));
    lab_close(lab);
    free(config);
}

static void test_rule_05_the_study_fails_when_nobody_is_left(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(2);
    struct lab *const lab = lab_open(config);
    lab_break(lab, 0);
    assert_int_equal(pbti_state_stop(lab->state), PBTI_STOP_NONE);
    lab_break(lab, 1);
    assert_int_equal(pbti_state_stop(lab->state), PBTI_STOP_FAILED);
    assert_int_equal(lab_member(lab, 0)->phase, PBTI_GONE);
    lab_close(lab);
    free(config);
}

static void test_rule_05_revivals_in_a_row_are_limited(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(2);
    config->revivals = 3;
    struct lab *const lab = lab_open(config);
    lab_run(lab, 0, 1.0);
    for (int i = 0; i < 3; i++) {
        lab_break(lab, 1);
        assert_int_equal(lab->last.decision.why, PBTI_WHY_REVIVED);
    }
    lab_break(lab, 1);
    assert_int_equal(lab->last.decision.why, PBTI_WHY_FAILURES);
    assert_int_equal(lab_member(lab, 1)->phase, PBTI_GONE);
    lab_close(lab);
    free(config);
}

/* Given up, then tried again from its own last checkpoint, with all its tries. */
static void test_rule_05_an_amend_revives_what_was_given_up(void **unused)
{
    (void)unused;
    for (uint8_t mode = 0; mode < PBTI_MODES; mode++) {
        struct pbti_config *const config = new_config(3);
        config->mode = mode;
        config->revivals = 0;
        config->steps = 30;
        struct lab *const lab = lab_open(config);
        for (uint32_t member = 0; member < 3; member++) {
            lab_run(lab, member, 1.0);
        }
        struct pbti_checkpoint const start = lab_member(lab, 1)->start;
        double values[2];
        memcpy(values, pbti_state_values(lab->state, 1), sizeof values);
        lab_break(lab, 1);
        for (uint32_t i = 0; i < 4; i++) {
            lab_run(lab, i % 2 == 0 ? 0 : 2, 1.0);
        }
        assert_int_equal(lab_member(lab, 1)->phase, PBTI_GONE);
        assert_int_equal(pbti_state_stop(lab->state), PBTI_STOP_BUDGET);
        lab_amend(lab, config); /* without being asked to, nothing is revived */
        assert_int_equal(lab_member(lab, 1)->phase, PBTI_GONE);
        uint32_t const attempt = lab_member(lab, 1)->attempt;
        config->revive = true;
        lab_amend(lab, config);
        const struct pbti_member *const m = lab_member(lab, 1);
        assert_int_equal(m->phase, PBTI_WAITING);
        assert_int_equal(pbti_state_stop(lab->state), PBTI_STOP_NONE);
        assert_true(pbti_checkpoint_equal(m->start, start));
        assert_memory_equal(values, pbti_state_values(lab->state, 1), sizeof values);
        assert_int_equal(m->steps, 10);
        assert_int_equal(m->failures, 0);
        assert_int_equal(m->attempt, attempt); /* its files have names of their own */
        assert_false(pbti_state_config(lab->state)->revive);
        for (uint32_t i = 0; i < 2; i++) {
            lab_run(lab, 1, 2.0);
        }
        assert_int_equal(pbti_state_stop(lab->state), PBTI_STOP_BUDGET);
        assert_int_equal(pbti_state_counts(lab->state).phase[PBTI_DONE], 3);
        lab_close(lab);
        free(config);
    }
}

/* One that the population has no place for any longer stays given up. */
static void test_rule_05_what_is_out_is_not_revived(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(3);
    config->revivals = 0;
    struct lab *const lab = lab_open(config);
    lab_run(lab, 0, 1.0);
    lab_break(lab, 2);
    assert_int_equal(pbti_state_given_up(lab->state), 1);
    config->members = 2;
    config->revive = true;
    lab_amend(lab, config);
    assert_int_equal(lab_member(lab, 2)->phase, PBTI_GONE);
    assert_int_equal(pbti_state_given_up(lab->state), 0);
    lab_close(lab);
    free(config);
}

static void test_rule_06_explore_starts_from_the_copied_values(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(2);
    config->quantile = 0.5;
    config->points_count = 1; /* far from the bounds: nothing is clipped */
    config->points[0] = 0.5;
    config->points[1] = 1e-3;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        config->seed = seed;
        struct lab *const lab = lab_open(config);
        lab_run(lab, 0, 1.0);
        double donor[2];
        memcpy(donor, pbti_state_values(lab->state, 0), sizeof donor);
        lab_run(lab, 1, 0.0);
        for (int i = 0; i < 2; i++) {
            double const factor = lab->last.decision.moves[i].amount;
            assert_int_equal(lab->last.decision.moves[i].kind, PBTI_MOVE_FACTOR);
            assert_true(factor == 0.8 || factor == 1.2);
            assert_true(pbti_state_values(lab->state, 1)[i] == donor[i] * factor);
        }
        lab_close(lab);
    }
    free(config);
}

static void test_rule_06_every_hyperparameter_has_its_own_draw(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(2);
    config->quantile = 0.5;
    unsigned up[2] = {0};
    unsigned same = 0;
    enum { STUDIES = 2000 };
    for (uint64_t seed = 1; seed <= STUDIES; seed++) {
        config->seed = seed;
        struct lab *const lab = lab_open(config);
        lab_run(lab, 0, 1.0);
        lab_run(lab, 1, 0.0);
        bool const a = lab->last.decision.moves[0].amount > 1.0;
        bool const b = lab->last.decision.moves[1].amount > 1.0;
        up[0] += a;
        up[1] += b;
        same += a == b;
        lab_close(lab);
    }
    /* four standard deviations of a fair coin */
    double const margin = 4.0 * sqrt(STUDIES * 0.25);
    assert_true(fabs(up[0] - STUDIES / 2.0) < margin && fabs(up[1] - STUDIES / 2.0) < margin);
    assert_true(fabs(same - STUDIES / 2.0) < margin);
    free(config);
}

static void test_rule_06_explore_only_explores_at_every_ready(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(2);
    config->exploit = PBTI_EXPLOIT_NONE;
    config->explore_always = true;
    config->burn_in = 20;
    struct lab *const lab = lab_open(config);
    lab_run(lab, 0, 1.0);
    assert_int_equal(lab->last.decision.why, PBTI_WHY_BURN_IN);
    assert_int_equal(lab->last.decision.values_count, 0);
    lab_run(lab, 0, 1.0);
    assert_int_equal(lab->last.decision.kind, PBTI_KEEP);
    assert_int_equal(lab->last.decision.values_count, 2);
    lab_close(lab);
    free(config);
}

/* One frozen and one free hyperparameter, copied in each of the three ways. */
static void test_rule_08_frozen_values_travel_with_the_weights(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(2);
    config->quantile = 0.5;
    config->explore = PBTI_EXPLORE_RESAMPLE;
    config->resample = 1.0;
    config->space.hp[0].frozen = true;
    for (uint8_t copy = PBTI_COPY_WEIGHTS; copy <= PBTI_COPY_BOTH; copy++) {
        config->copy = copy;
        struct lab *const lab = lab_open(config);
        lab_run(lab, 0, 1.0);
        double const donor = pbti_state_values(lab->state, 0)[0];
        double const own = pbti_state_values(lab->state, 1)[0];
        struct pbti_checkpoint const before = lab_member(lab, 0)->start;
        lab_run(lab, 1, 0.0);
        bool const weights = (copy & PBTI_COPY_WEIGHTS) != 0;
        assert_int_equal(lab->last.decision.kind, PBTI_REPLACE);
        assert_true(pbti_state_values(lab->state, 1)[0] == (weights ? donor : own));
        assert_int_equal(lab->last.decision.moves[0].kind, PBTI_MOVE_KEPT);
        assert_int_equal(pbti_checkpoint_equal(lab_member(lab, 1)->start, before), weights);
        lab_close(lab);
    }
    free(config);
}

static void test_rule_09_a_clone_is_no_donor_until_its_own_report(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(3);
    config->exploit = PBTI_EXPLOIT_TOURNAMENT;
    config->lead = 9;
    struct lab *const lab = lab_open(config);
    lab_run(lab, 0, 10.0);
    lab_run(lab, 1, 1.0); /* becomes a clone of 0 */
    assert_int_equal(lab->last.decision.kind, PBTI_REPLACE);
    assert_int_equal(lab_member(lab, 1)->score_source, PBTI_SCORE_INHERITED);
    assert_true(lab_member(lab, 1)->score == 10.0);
    assert_int_equal(pbti_state_ranked(lab->state, PBTI_GROUP_POPULATION, 1), 1);
    for (int i = 0; i < 8; i++) {
        lab_run(lab, 2, 0.5);
        assert_int_equal(lab->last.decision.opponent, 0);
    }
    lab_run(lab, 1, 11.0);
    assert_int_equal(lab_member(lab, 1)->score_source, PBTI_SCORE_OWN);
    lab_close(lab);
    free(config);
}

static void test_rule_09_a_clones_scores_begin_anew(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(2);
    config->exploit = PBTI_EXPLOIT_TTEST;
    struct lab *const lab = lab_open(config);
    double const good[] = {10, 11, 10, 11, 10, 11};
    double const bad[] = {1, 2, 1, 2, 1, 2};
    lab_claim(lab, 0);
    lab_done_list(lab, 0, good, 6);
    lab_claim(lab, 1);
    lab_done_list(lab, 1, bad, 6);
    assert_int_equal(lab->last.decision.why, PBTI_WHY_SIGNIFICANT);
    assert_true(lab->last.decision.p < 1e-6);
    assert_int_equal(lab_member(lab, 1)->scores_count, 0);
    lab_close(lab);
    free(config);
}

static void watch_best(struct lab *lab, const struct pbti_event_decision *decision)
{
    const struct pbti_config *const config = pbti_state_config(lab->state);
    if (decision->kind != PBTI_REPLACE || decision->why == PBTI_WHY_REVIVED) { return; }
    assert_false(pbti_better(config, decision->score, decision->opponent_score));
    const struct pbti_best best = pbti_state_best_now(lab->state, PBTI_GROUP_POPULATION);
    if (decision->score == best.score) { assert_true(decision->opponent_score == best.score); }
}

static void test_rule_10_the_best_is_never_replaced_by_a_worse_one(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(7);
    config->steps = 400;
    config->max_age = 400;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        config->seed = seed;
        config->exploit = (uint8_t)(1 + seed % 3);
        config->maximize = seed % 2 == 0;
        config->quantile = 0.5;
        struct lab *const lab = lab_open(config);
        lab->watch = watch_best;
        struct pbti_stream const stream = {seed, PBTI_PURPOSE_SIM, 0, 0};
        for (uint64_t i = 0; i < 150; i++) {
            struct pbti_checkpoint const none = {0, 0, 0};
            uint32_t const member = pbti_next(lab->state, PBTI_NO_MEMBER, none);
            double scores[5];
            for (int s = 0; s < 5; s++) {
                scores[s] = (double)pbti_draw_below(&stream, i * 5 + (uint64_t)s, 10);
            }
            lab_claim(lab, member);
            lab_done_list(lab, member, scores, 5);
        }
        lab_close(lab);
    }
    free(config);
}

static void test_rule_11_a_generation_does_not_depend_on_the_order_of_arrival(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(8);
    config->mode = PBTI_GENERATIONAL;
    config->explore = PBTI_EXPLORE_BOTH;
    for (uint8_t exploit = 0; exploit <= PBTI_EXPLOIT_TTEST; exploit++) {
        config->exploit = exploit;
        double values[2][16];
        for (int run = 0; run < 2; run++) {
            struct lab *const lab = lab_open(config);
            for (uint32_t generation = 0; generation < 5; generation++) {
                for (uint32_t i = 0; i < 8; i++) {
                    lab_claim(lab, run == 0 ? i : 7 - i);
                }
                for (uint32_t i = 0; i < 8; i++) {
                    uint32_t const member = run == 0 ? (i * 3) % 8 : (i * 5 + 1) % 8;
                    double scores[6];
                    for (uint32_t s = 0; s < 6; s++) {
                        scores[s] = sin(member * 7.0 + generation * 3.0 + s * 0.1);
                    }
                    lab_done_list(lab, member, scores, 6);
                }
            }
            for (uint32_t i = 0; i < 8; i++) {
                memcpy(values[run] + (size_t)i * 2, pbti_state_values(lab->state, i), 16);
            }
            lab_close(lab);
        }
        assert_memory_equal(values[0], values[1], sizeof values[0]);
    }
    free(config);
}

static void test_rule_13_a_checkpoint_lives_as_long_as_somebody_starts_from_it(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(2);
    config->quantile = 0.5;
    config->keep_top = 0;
    struct lab *const lab = lab_open(config);
    lab_run(lab, 0, 1.0);
    struct pbti_checkpoint const donor = lab_member(lab, 0)->start;
    lab_run(lab, 1, 0.0);                 /* a clone: starts from it */
    assert_int_equal(lab->gone_count, 1); /* its own first checkpoint */
    lab_run(lab, 0, 2.0);                 /* the donor goes on */
    assert_true(pbti_state_reachable(lab->state, donor));
    lab_claim(lab, 1);
    assert_true(pbti_state_reachable(lab->state, donor));
    lab_done(lab, 1, 3.0);
    assert_false(pbti_state_reachable(lab->state, donor));
    assert_int_equal(lab->gone_count, 2);
    assert_true(pbti_checkpoint_equal(lab->gone[1], donor));
    lab_close(lab);
    free(config);
}

static void test_rule_14_the_best_networks_ever_are_kept(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(2);
    config->exploit = PBTI_EXPLOIT_NONE;
    config->keep_top = 3;
    struct lab *const lab = lab_open(config);
    double const scores[] = {1, 9, 3, 7, 8, 2, 9, 1, 1, 1};
    for (int i = 0; i < 10; i++) {
        lab_run(lab, 0, scores[i]);
    }
    double const kept[] = {9, 9, 8};
    uint32_t const segments[] = {2, 7, 5};
    for (uint32_t i = 0; i < 3; i++) {
        struct pbti_best best;
        assert_int_equal(pbti_state_kept(lab->state, i, &best), 1);
        assert_true(best.score == kept[i]);
        assert_int_equal(best.checkpoint.segment, segments[i]);
        assert_true(pbti_state_reachable(lab->state, best.checkpoint));
    }
    assert_int_equal(pbti_state_best(lab->state, 0).checkpoint.segment, 2);
    lab_close(lab);
    free(config);
}

static void test_rule_15_some_failures_are_not_tried_again(void **unused)
{
    (void)unused;
    uint8_t const final[] = {PBTI_OUTCOME_NAN, PBTI_OUTCOME_OOM, PBTI_OUTCOME_CONFIG,
                             PBTI_OUTCOME_IN_FORCE};
    struct pbti_config *const config = new_config(2);
    for (int i = 0; i < 4; i++) {
        struct lab *const lab = lab_open(config);
        double before[2];
        lab_run(lab, 0, 1.0);
        memcpy(before, pbti_state_values(lab->state, 1), sizeof before);
        lab_claim(lab, 1);
        lab_fail(lab, 1, final[i]);
        assert_int_equal(lab->last.decision.why, PBTI_WHY_REVIVED);
        assert_true(memcmp(before, pbti_state_values(lab->state, 1), sizeof before) != 0);
        lab_close(lab);
    }
    struct lab *const lab = lab_open(config);
    uint64_t const seed = pbti_task_seed(config, 1, 1);
    lab_claim(lab, 1);
    lab_fail(lab, 1, PBTI_OUTCOME_SILENCE);
    assert_int_equal(lab_member(lab, 1)->phase, PBTI_WAITING); /* same segment, same seed */
    assert_int_equal(lab_member(lab, 1)->segment, 1);
    assert_true(pbti_task_seed(config, 1, lab_member(lab, 1)->segment) == seed);
    lab_close(lab);
    free(config);
}

static void test_rule_15_a_generation_does_not_wait_for_the_dead(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(3);
    config->mode = PBTI_GENERATIONAL;
    struct lab *const lab = lab_open(config);
    lab_run(lab, 0, 1.0);
    lab_break(lab, 1);
    lab_run(lab, 2, 2.0);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(lab_member(lab, i)->phase, PBTI_WAITING);
    }
    assert_int_equal(lab_member(lab, 1)->score_source, PBTI_SCORE_INHERITED);
    lab_close(lab);
    free(config);
}

static void test_rule_18_nobody_is_replaced_at_the_end_of_its_budget(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(2);
    config->steps = 10;
    config->max_age = 1000;
    for (uint8_t mode = PBTI_ASYNC; mode <= PBTI_GENERATIONAL; mode++) {
        config->mode = mode;
        config->quantile = 0.5;
        struct lab *const lab = lab_open(config);
        lab_run(lab, 0, 1.0);
        lab_run(lab, 1, 0.0);
        assert_int_equal(lab_member(lab, 1)->phase, PBTI_DONE);
        assert_int_equal(lab_member(lab, 1)->start.member, 1);
        assert_int_equal(pbti_state_stop(lab->state), PBTI_STOP_BUDGET);
        lab_close(lab);
    }
    free(config);
}

static void test_rule_19_weights_never_grow_older_than_max_age(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(5);
    config->lead = 100;
    config->quantile = 0.4;
    config->max_age = 55;
    config->ready_every = 10;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        config->seed = seed;
        struct lab *const lab = lab_open(config);
        struct pbti_stream const stream = {seed, PBTI_PURPOSE_SIM, 0, 0};
        for (uint64_t i = 0; pbti_state_stop(lab->state) == PBTI_STOP_NONE; i++) {
            uint32_t const member = (uint32_t)pbti_draw_below(&stream, i, 5);
            if (lab_member(lab, member)->phase != PBTI_WAITING) { continue; }
            lab_run(lab, member, pbti_draw_unit(&stream, 1000 + i));
            for (uint32_t m = 0; m < 5; m++) {
                assert_true(lab_member(lab, m)->age <= 55);
            }
        }
        lab_close(lab);
    }
    free(config);
}

/* -------- strategies -------- */

static void test_selection_is_uniform_over_the_top_group(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(10);
    config->mode = PBTI_GENERATIONAL;
    config->quantile = 0.3;
    enum { STUDIES = 3000 };
    unsigned seen[3] = {0};
    double const scores[] = {9, 8, 7, 6, 5, 4, 3, 2, 1, 0};
    uint32_t const order[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    for (uint64_t seed = 1; seed <= STUDIES; seed++) {
        config->seed = seed;
        struct generation const result = run_generation(config, scores, order);
        for (int i = 7; i < 10; i++) {
            seen[result.donor[i]]++;
        }
    }
    double chi = 0.0;
    for (int i = 0; i < 3; i++) {
        chi += (seen[i] - (double)STUDIES) * (seen[i] - (double)STUDIES) / STUDIES;
    }
    assert_true(chi < 13.82); /* 0.999 at 2 degrees of freedom; the seeds are fixed */
    free(config);
}

static void test_tournament_draws_any_other_member(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(5);
    config->mode = PBTI_GENERATIONAL;
    config->exploit = PBTI_EXPLOIT_TOURNAMENT;
    enum { STUDIES = 4000 };
    unsigned seen[5] = {0};
    double const scores[] = {0, 1, 2, 3, 4};
    uint32_t const order[] = {0, 1, 2, 3, 4};
    for (uint64_t seed = 1; seed <= STUDIES; seed++) {
        config->seed = seed;
        struct generation const result = run_generation(config, scores, order);
        seen[result.donor[2]]++;
        assert_int_equal(result.replaced[2], result.donor[2] > 2);
        assert_false(result.replaced[4]);
    }
    double chi = 0.0;
    assert_int_equal(seen[2], 0);
    for (int i = 0; i < 5; i++) {
        if (i != 2) {
            chi += (seen[i] - STUDIES / 4.0) * (seen[i] - STUDIES / 4.0) / (STUDIES / 4.0);
        }
    }
    assert_true(chi < 16.27); /* 0.999 at 3 degrees of freedom */
    free(config);
}

static void test_gap_keeps_a_member_that_is_almost_as_good(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(2);
    config->quantile = 0.5;
    config->gap_min = 0.5;
    struct lab *const lab = lab_open(config);
    lab_run(lab, 0, 1.0);
    lab_run(lab, 1, 0.75);
    assert_int_equal(lab->last.decision.kind, PBTI_KEEP);
    assert_int_equal(lab->last.decision.why, PBTI_WHY_GAP);
    lab_run(lab, 1, 0.5);
    assert_int_equal(lab->last.decision.kind, PBTI_REPLACE);
    lab_close(lab);
    free(config);
}

static void test_equal_age_compares_scores_of_the_same_age(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(2);
    config->quantile = 0.5;
    config->compare = PBTI_COMPARE_EQUAL_AGE;
    config->lead = 100;
    struct lab *const lab = lab_open(config);
    for (int i = 1; i <= 5; i++) {
        lab_run(lab, 0, i); /* score 1 at age 10, 5 at age 50 */
    }
    lab_run(lab, 1, 1.5); /* better than member 0 was at age 10 */
    assert_int_equal(lab->last.decision.kind, PBTI_KEEP);
    assert_int_equal(lab->last.decision.rank, 1);
    lab_run(lab, 1, 1.6); /* worse than member 0 was at age 20 */
    assert_int_equal(lab->last.decision.kind, PBTI_REPLACE);
    assert_true(lab->last.decision.opponent_score == 2.0);
    assert_int_equal(lab_member(lab, 1)->age, 50); /* the donor's weights as they are now */
    lab_close(lab);
    free(config);
}

static void test_controls_keep_to_themselves(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(2);
    config->quantile = 0.5;
    config->control_independent = 1;
    config->control_selection_only = 2;
    struct lab *const lab = lab_open(config);
    lab_run(lab, 0, 1.0);
    lab_run(lab, 2, -5.0); /* independent */
    assert_int_equal(lab->last.decision.why, PBTI_WHY_NO_EXPLOIT);
    lab_run(lab, 3, 50.0);
    lab_run(lab, 4, -50.0); /* selection only: copies 3, not 0, and explores nothing */
    assert_int_equal(lab->last.decision.kind, PBTI_REPLACE);
    assert_int_equal(lab->last.decision.opponent, 3);
    assert_memory_equal(pbti_state_values(lab->state, 4), pbti_state_values(lab->state, 3), 16);
    lab_run(lab, 1, 0.0); /* the population does not see the controls */
    assert_int_equal(lab->last.decision.opponent, 0);
    lab_close(lab);
    free(config);
}

static void test_a_schedule_is_followed_by_age(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(1);
    config->exploit = PBTI_EXPLOIT_NONE;
    config->explore = PBTI_EXPLORE_SCHEDULE;
    config->control_independent = 1;
    config->schedule_count = 3;
    config->schedule_age[1] = 10;
    config->schedule_age[2] = 30;
    double const rows[] = {0.1, 0.01, 0.2, 0.02, 0.3, 0.03};
    memcpy(config->schedule, rows, sizeof rows);
    config->points_count = 2;
    double const points[] = {NAN, NAN, 0.3, 0.03};
    memcpy(config->points, points, sizeof points);
    struct lab *const lab = lab_open(config);
    int const expected[] = {0, 1, 1, 2, 2};
    for (int i = 0; i < 5; i++) {
        assert_memory_equal(pbti_state_values(lab->state, 0), rows + (size_t)expected[i] * 2, 16);
        assert_memory_equal(pbti_state_values(lab->state, 1), rows + 4, 16);
        lab_run(lab, 0, 1.0);
        lab_run(lab, 1, 1.0);
    }
    lab_close(lab);
    free(config);
}

static void test_target_and_plateau_end_the_study(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(2);
    config->has_target = true;
    config->target = 0.95;
    struct lab *lab = lab_open(config);
    lab_run(lab, 0, 0.94);
    assert_int_equal(pbti_state_stop(lab->state), PBTI_STOP_NONE);
    lab_run(lab, 1, 0.95);
    assert_int_equal(pbti_state_stop(lab->state), PBTI_STOP_TARGET);
    lab_close(lab);
    config->has_target = false;
    config->plateau = 2;
    lab = lab_open(config);
    lab_run(lab, 0, 1.0);
    for (int i = 0; i < 3; i++) {
        lab_run(lab, 1, 0.5);
        assert_int_equal(pbti_state_stop(lab->state), PBTI_STOP_NONE);
    }
    lab_run(lab, 1, 0.5);
    assert_int_equal(pbti_state_stop(lab->state), PBTI_STOP_PLATEAU);
    lab_close(lab);
    free(config);
}

static void test_amend_adds_steps_and_members_and_takes_members_out(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(3);
    config->steps = 10;
    config->max_age = 10;
    struct lab *const lab = lab_open(config);
    for (uint32_t i = 0; i < 3; i++) {
        lab_run(lab, i, i);
    }
    assert_int_equal(pbti_state_stop(lab->state), PBTI_STOP_BUDGET);
    config->steps = config->max_age = 30;
    config->members = 5;
    lab_amend(lab, config);
    assert_int_equal(pbti_state_stop(lab->state), PBTI_STOP_NONE);
    assert_int_equal(pbti_state_members(lab->state), 5);
    assert_int_equal(lab_member(lab, 0)->phase, PBTI_WAITING);
    assert_int_equal(lab_member(lab, 4)->steps, 0);
    lab_claim(lab, 4);
    config->members = 2;
    lab_amend(lab, config);
    assert_int_equal(lab_member(lab, 4)->phase, PBTI_OUT);
    assert_int_equal(lab_member(lab, 4)->claim, 0);
    config->members = 5;
    lab_amend(lab, config);
    assert_int_equal(lab_member(lab, 2)->phase, PBTI_WAITING);
    assert_int_equal(lab_member(lab, 2)->steps, 10);
    for (uint32_t i = 0; i < 5; i++) {
        while (lab_member(lab, i)->phase == PBTI_WAITING) {
            lab_run(lab, i, i);
        }
    }
    assert_int_equal(pbti_state_stop(lab->state), PBTI_STOP_BUDGET);
    struct pbti_config *const other = new_config(5);
    other->seed = 99;
    assert_non_null(pbti_config_unamendable(config, other));
    lab_close(lab);
    free(other);
    free(config);
}

static void test_free_slots_run_whoever_has_trained_least(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(3);
    config->lead = 2;
    config->exploit = PBTI_EXPLOIT_NONE;
    struct lab *const lab = lab_open(config);
    struct pbti_checkpoint const none = {0, 0, 0};
    lab_run(lab, 0, 1.0);
    assert_int_equal(pbti_next(lab->state, PBTI_NO_MEMBER, none), 1);
    assert_int_equal(pbti_next(lab->state, 0, lab_member(lab, 0)->start), 0);
    lab_run(lab, 0, 1.0);
    assert_int_equal(pbti_next(lab->state, 0, lab_member(lab, 0)->start), 0);
    lab_run(lab, 0, 1.0); /* three intervals ahead: too far */
    assert_int_equal(pbti_next(lab->state, 0, lab_member(lab, 0)->start), 1);
    lab_close(lab);
    free(config);
}

static void test_snapshots_go_on_as_the_state_did(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config(4);
    struct lab *const lab = lab_open(config);
    for (uint32_t i = 0; i < 4; i++) {
        lab_run(lab, i, i);
    }
    size_t const size = pbti_state_save_bytes(lab->state);
    void *const bytes = malloc(size);
    pbti_state_save(lab->state, bytes);
    uint64_t const hash = pbti_state_hash(lab->state);
    void *const block = malloc(pbti_state_load_bytes(bytes, size));
    assert_null(pbti_state_load(block, bytes, size - 1));
    struct pbti_state *const loaded = pbti_state_load(block, bytes, size);
    assert_non_null(loaded);
    assert_true(pbti_state_hash(loaded) == hash);
    free(lab->block);
    lab->block = block;
    lab->state = loaded;
    lab_run(lab, 0, 9.0);
    assert_null(pbti_state_check(lab->state));
    lab_close(lab);
    free(bytes);
    free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rule_01_a_clone_starts_from_the_donors_checkpoint),
        cmocka_unit_test(test_rule_02_replaced_are_exactly_the_bottom_group),
        cmocka_unit_test(test_rule_02_equal_scores_replace_nobody),
        cmocka_unit_test(test_rule_03_ties_go_by_index),
        cmocka_unit_test(test_rule_04_scores_that_are_not_finite_rank_last_both_ways),
        cmocka_unit_test(test_rule_04_without_a_finite_donor_nobody_is_replaced),
        cmocka_unit_test(test_rule_05_failed_and_unscored_members_are_no_donors),
        cmocka_unit_test(test_rule_05_a_failed_member_waits_for_a_donor),
        cmocka_unit_test(test_rule_05_the_study_fails_when_nobody_is_left),
        cmocka_unit_test(test_rule_05_revivals_in_a_row_are_limited),
        cmocka_unit_test(test_rule_05_an_amend_revives_what_was_given_up),
        cmocka_unit_test(test_rule_05_what_is_out_is_not_revived),
        cmocka_unit_test(test_rule_06_explore_starts_from_the_copied_values),
        cmocka_unit_test(test_rule_06_every_hyperparameter_has_its_own_draw),
        cmocka_unit_test(test_rule_06_explore_only_explores_at_every_ready),
        cmocka_unit_test(test_rule_08_frozen_values_travel_with_the_weights),
        cmocka_unit_test(test_rule_09_a_clone_is_no_donor_until_its_own_report),
        cmocka_unit_test(test_rule_09_a_clones_scores_begin_anew),
        cmocka_unit_test(test_rule_10_the_best_is_never_replaced_by_a_worse_one),
        cmocka_unit_test(test_rule_11_a_generation_does_not_depend_on_the_order_of_arrival),
        cmocka_unit_test(test_rule_13_a_checkpoint_lives_as_long_as_somebody_starts_from_it),
        cmocka_unit_test(test_rule_14_the_best_networks_ever_are_kept),
        cmocka_unit_test(test_rule_15_some_failures_are_not_tried_again),
        cmocka_unit_test(test_rule_15_a_generation_does_not_wait_for_the_dead),
        cmocka_unit_test(test_rule_18_nobody_is_replaced_at_the_end_of_its_budget),
        cmocka_unit_test(test_rule_19_weights_never_grow_older_than_max_age),
        cmocka_unit_test(test_selection_is_uniform_over_the_top_group),
        cmocka_unit_test(test_tournament_draws_any_other_member),
        cmocka_unit_test(test_gap_keeps_a_member_that_is_almost_as_good),
        cmocka_unit_test(test_equal_age_compares_scores_of_the_same_age),
        cmocka_unit_test(test_controls_keep_to_themselves),
        cmocka_unit_test(test_a_schedule_is_followed_by_age),
        cmocka_unit_test(test_target_and_plateau_end_the_study),
        cmocka_unit_test(test_amend_adds_steps_and_members_and_takes_members_out),
        cmocka_unit_test(test_free_slots_run_whoever_has_trained_least),
        cmocka_unit_test(test_snapshots_go_on_as_the_state_did),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
