/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/core/test_decay.c - hyperparameters that fall with age: the shapes, and who follows them.
 *
 * Rule 17 rests on it: what is handed over is what pbti_state_in_force() says.
 */
#include "core/lab.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_shapes(void **unused)
{
    (void)unused;
    double const pi = acos(-1.0);
    double const ends[] = {0.0, 0.1, 1.0};
    for (uint64_t age = 0; age <= 1000; age++) {
        double const x = (double)age / 1000.0;
        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
            double const to = ends[i];
            struct pbti_decay const cosine = {PBTI_DECAY_COSINE, to};
            struct pbti_decay const linear = {PBTI_DECAY_LINEAR, to};
            struct pbti_decay const none = {PBTI_DECAY_NONE, 0.0};
            double const half = (1.0 + cos(pi * x)) / 2.0;
            assert_true(fabs(pbti_decay_left(&cosine, age, 1000) - (to + (1.0 - to) * half)) <
                        1e-15);
            assert_true(fabs(pbti_decay_left(&linear, age, 1000) - (1.0 - x * (1.0 - to))) < 1e-15);
            assert_true(pbti_decay_left(&none, age, 1000) == 1.0);
        }
    }
}

/* Beginning and end are exact, and near the end no digit is lost: there it is (pi (1-x) / 2)^2. */
static void test_ends(void **unused)
{
    (void)unused;
    struct pbti_decay const to_zero = {PBTI_DECAY_COSINE, 0.0};
    struct pbti_decay const to_part = {PBTI_DECAY_COSINE, 0.3};
    uint64_t const span = 1ull << 40;
    double const small = acos(-1.0) / 2.0 / (double)span;
    assert_true(pbti_decay_left(&to_part, 0, 7) == 1.0);
    assert_true(pbti_decay_left(&to_part, 7, 7) == 0.3);
    assert_true(pbti_decay_left(&to_part, 8, 7) == 0.3);
    assert_true(pbti_decay_left(&to_zero, span, span) == 0.0);
    double const last = pbti_decay_left(&to_zero, span - 1, span);
    assert_true(fabs(last / (small * small) - 1.0) < 1e-12);
}

/* Two members, of which the second copies from the first; hyperparameter 1 (log) falls. */
static struct pbti_config *new_config(void)
{
    struct pbti_config *const config = malloc(sizeof *config);
    assert_non_null(config);
    lab_config(config, 2);
    config->quantile = 0.5;
    config->explore = PBTI_EXPLORE_NONE;
    config->decay[1] = (struct pbti_decay){PBTI_DECAY_LINEAR, 0.0};
    assert_null(pbti_config_invalid(config));
    return config;
}

static void assert_handed(const struct lab *lab, uint32_t member, double left)
{
    double values[PBTI_HP_MAX];
    const double *const held = pbti_state_values(lab->state, member);
    pbti_state_in_force(lab->state, member, values);
    assert_true(values[0] == held[0]);
    assert_true(fabs(values[1] - held[1] * left) <= 1e-15 * held[1]);
}

static void test_a_member_follows_the_age_of_its_weights(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config();
    struct lab *const lab = lab_open(config);
    assert_handed(lab, 0, 1.0);
    lab_run(lab, 0, 1.0);
    assert_handed(lab, 0, 0.9);
    lab_run(lab, 0, 2.0);
    assert_handed(lab, 0, 0.8);
    assert_handed(lab, 1, 1.0);
    double const held = pbti_state_values(lab->state, 0)[1];
    lab_run(lab, 1, 0.0); /* copies: the value before the fall, and the age */
    assert_int_equal(lab->last.decision.kind, PBTI_REPLACE);
    assert_true(pbti_state_values(lab->state, 1)[1] == held);
    assert_handed(lab, 1, 0.8);
    for (int i = 0; i < 7; i++) {
        lab_run(lab, 0, 3.0);
    }
    assert_handed(lab, 0, 0.1); /* the last segment: below the bounds in the end, never 0 in it */
    lab_close(lab);
    free(config);
}

/* A larger budget stretches the shape for what comes, not for what is running. */
static void test_amending_does_not_reach_a_running_segment(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config();
    struct lab *const lab = lab_open(config);
    lab_run(lab, 0, 1.0);
    lab_claim(lab, 0);
    assert_handed(lab, 0, 0.9);
    config->steps = config->max_age = 200;
    lab_amend(lab, config);
    assert_handed(lab, 0, 0.9);
    lab_release(lab, 0);
    assert_handed(lab, 0, 0.95);
    struct pbti_config *const other = new_config();
    other->decay[1].shape = PBTI_DECAY_COSINE;
    assert_string_equal(pbti_config_unamendable(config, other), "the decay");
    free(other);
    lab_close(lab);
    free(config);
}

static void test_what_cannot_decay(void **unused)
{
    (void)unused;
    struct pbti_config *const config = new_config();
    config->decay[1].to = 1.5;
    assert_non_null(pbti_config_invalid(config));
    config->decay[1].to = NAN;
    assert_non_null(pbti_config_invalid(config));
    config->decay[1].to = 0.0;
    config->space.hp[1].frozen = true;
    assert_non_null(pbti_config_invalid(config));
    config->space.hp[1].frozen = false;
    config->decay[2].shape = PBTI_DECAY_COSINE; /* there is no third */
    assert_non_null(pbti_config_invalid(config));
    free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_a_member_follows_the_age_of_its_weights),
        cmocka_unit_test(test_amending_does_not_reach_a_running_segment),
        cmocka_unit_test(test_what_cannot_decay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
