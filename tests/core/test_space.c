/* SPDX-License-Identifier: Apache-2.0 */
/* tests/core/test_space.c - rule 7: types, bounds, perturbation; a million changes of each type. */
#include "core/space.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct pbti_hp LINEAR = {.kind = PBTI_HP_LINEAR, .low = -2.0, .high = 3.0};
static const struct pbti_hp LOG = {.kind = PBTI_HP_LOG, .low = 1e-5, .high = 1e-1};
static const struct pbti_hp LOGIT = {.kind = PBTI_HP_LOGIT, .low = 0.5, .high = 0.999};
static const struct pbti_hp INTEGER = {.kind = PBTI_HP_INTEGER, .low = 0.0, .high = 100.0};
static const struct pbti_hp LOG_INTEGER = {
    .kind = PBTI_HP_INTEGER, .log_scale = true, .low = 1.0, .high = 1024.0};
static const struct pbti_hp ORDINAL = {
    .kind = PBTI_HP_ORDINAL, .low = 0.0, .high = 3.0, .count = 4};
static const struct pbti_hp CATEGORICAL = {
    .kind = PBTI_HP_CATEGORICAL, .low = 0.0, .high = 2.0, .count = 3};
static const struct pbti_hp BOOLEAN = {.kind = PBTI_HP_BOOLEAN, .low = 0.0, .high = 1.0};

static const struct pbti_hp *const ALL[] = {&LINEAR,      &LOG,     &LOGIT,       &INTEGER,
                                            &LOG_INTEGER, &ORDINAL, &CATEGORICAL, &BOOLEAN};
#define ALL_COUNT (sizeof ALL / sizeof *ALL)

static void assert_close(double value, double expected)
{
    if (!(fabs(value - expected) <= 1e-12 * fmax(1.0, fabs(expected)))) {
        fail_msg("%.17g is not %.17g", value, expected);
    }
}

static void test_rule_07_a_million_changes_stay_inside(void **state)
{
    (void)state;
    double const factors[] = {0.8, 1.2, 0.5, 2.0, 1e-6, 1e6};
    for (size_t kind = 0; kind < ALL_COUNT; kind++) {
        struct pbti_stream const stream = {kind, PBTI_PURPOSE_SIM, 0, 0};
        double value = pbti_hp_sample(ALL[kind], pbti_draw_unit(&stream, 0));
        for (uint64_t i = 1; i <= 1000000; i++) {
            uint64_t const bits = pbti_draw_bits(&stream, i);
            if (bits % 16 == 0) {
                value = pbti_hp_sample(ALL[kind], (double)(bits >> 11) * 0x1p-53);
            } else if (bits % 16 < 8) {
                double const noise = ((double)(bits >> 11) * 0x1p-53 - 0.5) * 8.0;
                value = pbti_hp_add_noise(ALL[kind], value, noise);
            } else {
                value = pbti_hp_perturb(ALL[kind], value, factors[(bits >> 8) % 6]);
            }
            if (!pbti_hp_valid(ALL[kind], value)) {
                fail_msg("%s became %.17g", pbti_hp_kind_name(ALL[kind]->kind), value);
            }
        }
    }
}

static void test_rule_07_linear_and_log_are_multiplied(void **state)
{
    (void)state;
    assert_close(pbti_hp_perturb(&LINEAR, 1.0, 1.2), 1.2);
    assert_close(pbti_hp_perturb(&LINEAR, -1.0, 1.2), -1.2);
    assert_close(pbti_hp_perturb(&LINEAR, 2.9, 1.2), 3.0);
    assert_close(pbti_hp_perturb(&LOG, 1e-3, 0.8), 8e-4);
    assert_close(pbti_hp_perturb(&LOG, 1.1e-5, 0.8), 1e-5);
}

static void test_rule_07_zero_is_not_absorbing(void **state)
{
    (void)state;
    assert_close(pbti_hp_perturb(&LINEAR, 0.0, 1.2), 1.0);
    assert_close(pbti_hp_perturb(&LINEAR, 0.0, 0.8), -1.0);
    assert_close(pbti_hp_perturb(&INTEGER, 0.0, 1.2), 20.0);
    assert_close(pbti_hp_perturb(&INTEGER, 0.0, 0.8), 0.0); /* clipped */
}

static void test_rule_07_logit_multiplies_the_odds(void **state)
{
    (void)state;
    double const value = 0.9; /* odds 9 */
    assert_close(pbti_hp_perturb(&LOGIT, value, 1.2), 10.8 / 11.8);
    assert_close(pbti_hp_perturb(&LOGIT, value, 0.8), 7.2 / 8.2);
    assert_close(pbti_hp_perturb(&LOGIT, 0.5, 0.8), 0.5);
    assert_close(pbti_hp_perturb(&LOGIT, 0.9989999, 2.0), 0.999);
}

static void test_rule_07_integers_move_by_at_least_one(void **state)
{
    (void)state;
    for (double value = 1.0; value < 100.0; value += 1.0) {
        assert_true(pbti_hp_perturb(&INTEGER, value, 1.2) >= value + 1.0);
        assert_true(pbti_hp_perturb(&INTEGER, value, 0.8) <= value - 1.0);
        assert_true(pbti_hp_add_noise(&INTEGER, value, 0.01) == value + 1.0);
        assert_true(pbti_hp_add_noise(&INTEGER, value, -0.01) == value - 1.0);
    }
    assert_close(pbti_hp_perturb(&INTEGER, 10.0, 1.2), 12.0);
    assert_close(pbti_hp_perturb(&INTEGER, 13.0, 1.2), 16.0); /* 15.6 */
    assert_close(pbti_hp_perturb(&INTEGER, 100.0, 1.2), 100.0);
}

static void test_rule_07_ordinals_go_to_a_neighbour(void **state)
{
    (void)state;
    assert_close(pbti_hp_perturb(&ORDINAL, 1.0, 1.2), 2.0);
    assert_close(pbti_hp_perturb(&ORDINAL, 1.0, 0.8), 0.0);
    assert_close(pbti_hp_perturb(&ORDINAL, 3.0, 1.2), 3.0); /* no wrap-around */
    assert_close(pbti_hp_perturb(&ORDINAL, 0.0, 0.8), 0.0);
    assert_close(pbti_hp_perturb(&ORDINAL, 1.0, 5.0), 2.0);
}

static void test_rule_07_categories_change_by_resampling_only(void **state)
{
    (void)state;
    for (double value = 0.0; value < 3.0; value += 1.0) {
        assert_true(pbti_hp_perturb(&CATEGORICAL, value, 1.2) == value);
        assert_true(pbti_hp_add_noise(&CATEGORICAL, value, 5.0) == value);
    }
    assert_true(pbti_hp_perturb(&BOOLEAN, 1.0, 0.8) == 1.0);
}

/* Each cell of a prior is hit as often as its share says. */
static void assert_shares(const struct pbti_hp *hp, const double *edges, int cells)
{
    enum { DRAWS = 40000 };
    unsigned seen[16] = {0};
    struct pbti_stream const stream = {77, PBTI_PURPOSE_SIM, (uint64_t)hp->kind, 0};
    for (uint64_t i = 0; i < DRAWS; i++) {
        double const value = pbti_hp_sample(hp, pbti_draw_unit(&stream, i));
        for (int cell = 0; cell < cells; cell++) {
            if (value >= edges[cell] && value < edges[cell + 1]) { seen[cell]++; }
        }
    }
    double chi = 0.0;
    double const expected = (double)DRAWS / cells;
    for (int cell = 0; cell < cells; cell++) {
        chi += (seen[cell] - expected) * (seen[cell] - expected) / expected;
    }
    assert_true(chi < 16.27); /* 0.999 at 3 degrees of freedom; the seed is fixed */
}

static void test_priors_are_uniform_on_their_scale(void **state)
{
    (void)state;
    double const linear[] = {-2.0, -0.75, 0.5, 1.75, 3.1};
    double const logarithmic[] = {1e-5, 1e-4, 1e-3, 1e-2, 0.2};
    double const ordinal[] = {0.0, 1.0, 2.0, 3.0, 4.0};
    assert_shares(&LINEAR, linear, 4);
    assert_shares(&LOG, logarithmic, 4);
    assert_shares(&ORDINAL, ordinal, 4);
    struct pbti_hp const small = {.kind = PBTI_HP_INTEGER, .low = 5.0, .high = 8.0};
    double const integer[] = {5.0, 6.0, 7.0, 8.0, 9.0};
    assert_shares(&small, integer, 4);
    struct pbti_hp const unit = {.kind = PBTI_HP_LOGIT, .low = 0.1, .high = 0.9};
    double const logit[] = {0.1, 0.25, 0.5, 0.75, 0.91};
    assert_shares(&unit, logit, 4); /* odds 1/9, 1/3, 1, 3, 9 */
}

static void test_spaces_that_break_a_rule_are_refused(void **state)
{
    (void)state;
    struct pbti_space *const space = calloc(1, sizeof *space);
    assert_non_null(space);
    struct pbti_hp const bad[] = {
        {.name = "a", .kind = PBTI_HP_LINEAR, .low = 1.0, .high = 0.0},
        {.name = "a", .kind = PBTI_HP_LINEAR, .low = NAN, .high = 0.0},
        {.name = "a", .kind = PBTI_HP_LINEAR, .low = -INFINITY, .high = 0.0},
        {.name = "a", .kind = PBTI_HP_LINEAR, .low = -1.7e308, .high = 1.7e308},
        {.name = "a", .kind = PBTI_HP_LOG, .low = 0.0, .high = 1.0},
        {.name = "a", .kind = PBTI_HP_LOGIT, .low = 0.5, .high = 1.0},
        {.name = "a", .kind = PBTI_HP_INTEGER, .low = 0.5, .high = 1.0},
        {.name = "a", .kind = PBTI_HP_INTEGER, .log_scale = true, .low = 0.0, .high = 1.0},
        {.name = "a", .kind = PBTI_HP_ORDINAL, .low = 0.0, .high = 0.0},
        {.name = "a", .kind = PBTI_HP_BOOLEAN, .low = 0.0, .high = 2.0},
        {.name = "", .kind = PBTI_HP_LINEAR, .low = 0.0, .high = 1.0},
        {.name = "a", .kind = 9, .low = 0.0, .high = 1.0},
    };
    space->count = 1;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        space->hp[0] = bad[i];
        assert_non_null(pbti_space_invalid(space));
    }
    space->hp[0] = space->hp[1] =
        (struct pbti_hp){.name = "a", .kind = PBTI_HP_LINEAR, .high = 1.0};
    assert_null(pbti_space_invalid(space));
    space->count = 2; /* the same name twice */
    assert_non_null(pbti_space_invalid(space));
    free(space);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rule_07_a_million_changes_stay_inside),
        cmocka_unit_test(test_rule_07_linear_and_log_are_multiplied),
        cmocka_unit_test(test_rule_07_zero_is_not_absorbing),
        cmocka_unit_test(test_rule_07_logit_multiplies_the_odds),
        cmocka_unit_test(test_rule_07_integers_move_by_at_least_one),
        cmocka_unit_test(test_rule_07_ordinals_go_to_a_neighbour),
        cmocka_unit_test(test_rule_07_categories_change_by_resampling_only),
        cmocka_unit_test(test_priors_are_uniform_on_their_scale),
        cmocka_unit_test(test_spaces_that_break_a_rule_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
