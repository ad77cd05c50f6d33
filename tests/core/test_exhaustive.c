/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/core/test_exhaustive.c - every population of up to four members, every order of scores.
 *
 * For each exploit rule, each way that 1 to 4 scores (and NaN) can be ordered, each order of
 * arrival and both modes, the decisions are compared with the rules written down the slow way.
 */
#include "core/lab.h"

#include <malloc.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define LEVELS 5 /* score levels 0..3; the fifth is NaN */

struct expectation {
    double scores[4]; /* as reported so far, by member */
    bool scored[4];   /* has a score of its own */
    uint32_t members;
    uint64_t seen; /* decisions checked */
};

static double level_score(uint32_t level)
{
    return level == LEVELS - 1 ? NAN : (double)level;
}

static void watch(struct lab *lab, const struct pbti_event_decision *decision)
{
    struct expectation *const expect = lab->watch_context;
    const struct pbti_config *const config = pbti_state_config(lab->state);
    expect->seen++;
    bool const replaced = decision->kind == PBTI_REPLACE;
    if (replaced) {
        assert_true(decision->opponent != decision->member);
        assert_true(isfinite(decision->opponent_score)); /* rule 4 */
        assert_true(expect->scored[decision->opponent]); /* rules 5, 9 */
        assert_false(pbti_better(config, decision->score, decision->opponent_score)); /* rule 10 */
        assert_true(config->rules < 2 ||
                    pbti_better(config, decision->opponent_score, decision->score));
        assert_int_equal(decision->values_count, config->space.count);
    }
    switch (decision->why) {
    case PBTI_WHY_RANKED: /* rule 2: above the bottom group */
        assert_true(decision->rank <= decision->count - decision->count / 2);
        break;
    case PBTI_WHY_TRUNCATED:
        assert_true(decision->rank > decision->count - decision->count / 2);
        assert_true(decision->opponent_rank <= decision->count / 2); /* rule 3 */
        break;
    case PBTI_WHY_TIE:
        assert_int_equal(config->rules, 2);
        assert_true(decision->score == decision->opponent_score);
        break;
    case PBTI_WHY_LOST:
        assert_true(pbti_better(config, decision->opponent_score, decision->score));
        break;
    case PBTI_WHY_WON:
        assert_false(pbti_better(config, decision->opponent_score, decision->score));
        break;
    case PBTI_WHY_NO_DONOR: assert_false(replaced); break;
    case PBTI_WHY_NO_EXPLOIT: assert_int_equal(config->exploit, PBTI_EXPLOIT_NONE); break;
    default: fail_msg("why %s", pbti_why_name(decision->why));
    }
}

static void run_one(struct pbti_config *config, const uint32_t *levels, const uint32_t *order,
                    struct expectation *expect)
{
    struct lab *const lab = lab_open(config);
    lab->watch = watch;
    lab->watch_context = expect;
    for (uint32_t i = 0; i < config->members; i++) {
        expect->scored[i] = false;
        lab_claim(lab, i);
    }
    for (uint32_t i = 0; i < config->members; i++) {
        uint32_t const member = order[i];
        double const score = level_score(levels[member]);
        expect->scores[member] = score;
        expect->scored[member] = isfinite(score);
        lab_done(lab, member, score);
        /* a clone of this report is scored by inheritance only */
        for (uint32_t m = 0; m < config->members; m++) {
            expect->scored[m] = lab_member(lab, m)->score_source == PBTI_SCORE_OWN;
        }
    }
    lab_close(lab);
}

static bool next_order(uint32_t *order, uint32_t count)
{
    /* the next permutation in lexicographic order */
    uint32_t i = count - 1;
    while (i > 0 && order[i - 1] > order[i]) {
        i--;
    }
    if (count < 2 || i == 0) { return false; }
    uint32_t j = count - 1;
    while (order[j] < order[i - 1]) {
        j--;
    }
    uint32_t const swap = order[i - 1];
    order[i - 1] = order[j];
    order[j] = swap;
    for (uint32_t a = i, b = count - 1; a < b; a++, b--) {
        uint32_t const other = order[a];
        order[a] = order[b];
        order[b] = other;
    }
    return true;
}

static void run_all(struct pbti_config *config, struct expectation *expect)
{
    uint32_t combinations = 1;
    for (uint32_t i = 0; i < config->members; i++) {
        combinations *= LEVELS;
    }
    for (uint32_t combination = 0; combination < combinations; combination++) {
        uint32_t levels[4] = {0};
        uint32_t rest = combination;
        for (uint32_t i = 0; i < config->members; i++) {
            levels[i] = rest % LEVELS;
            rest /= LEVELS;
        }
        uint32_t order[4] = {0, 1, 2, 3};
        do {
            run_one(config, levels, order, expect);
        } while (config->mode == PBTI_ASYNC && next_order(order, config->members));
    }
}

static void test_all_small_populations_obey_the_rules(void **unused)
{
    (void)unused;
    struct pbti_config *const config = malloc(sizeof *config);
    assert_non_null(config);
    struct expectation expect = {.members = 0};
    for (uint32_t members = 1; members <= 4; members++) {
        for (uint8_t exploit = PBTI_EXPLOIT_NONE; exploit < PBTI_EXPLOIT_TTEST; exploit++) {
            for (uint8_t mode = 0; mode < PBTI_MODES; mode++) {
                lab_config(config, members);
                config->exploit = exploit;
                config->mode = mode;
                config->quantile = 0.5;
                config->maximize = members % 2 == 0;
                expect.members = members;
                run_all(config, &expect);
                config->rules = 1; /* they differ at ties: three members have all kinds of them */
                if (members <= 3) { run_all(config, &expect); }
            }
        }
    }
    assert_true(expect.seen > 50000);
    free(config);
}

int main(void)
{
    /* every study takes and frees the same large blocks: keep them */
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 26);
    (void)mallopt(M_TRIM_THRESHOLD, 1 << 28);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_small_populations_obey_the_rules)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
