/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/propose/test_propose_optimises.c - what Bayesian optimisation is for, in medians of 20
 * seeds: Branin's minimum to 0.01 in 40 evaluations; far better than random search on Hartmann-6
 * in 80, for each acquisition function, and nearly as good with four workers at once. Fewer seeds
 * under sanitizers.
 */
#include "propose_lab.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SEEDS 3
#else
#define SEEDS 20
#endif

static double const branin_minimum = 0.397887357730;

static void test_functions_are_what_they_should_be(void **state)
{
    (void)state;
    double const pi = 3.14159265358979323846;
    double const minima[3][2] = {{-pi, 12.275}, {pi, 2.275}, {9.42478, 2.475}};
    for (int i = 0; i < 3; i++) {
        assert_true(fabs(lab_branin(minima[i]) - branin_minimum) < 1e-8);
    }
    assert_true(fabs(lab_branin((double[]){0.0, 0.0}) - 55.602112642270) < 1e-11);
    assert_true(fabs(lab_branin((double[]){2.5, 7.5}) - 24.129964413622) < 1e-11);
    double const best[6] = {.20169, .15001, .476874, .275332, .311652, .6573};
    assert_true(fabs(lab_hartmann6(best) + 3.322368011387) < 1e-7);
    double const middle[6] = {.5, .5, .5, .5, .5, .5};
    assert_true(fabs(lab_hartmann6(middle) + 0.505314991702) < 1e-11);
}

/* Median of what `options` find over the seeds. */
static double median_found(const struct pbti_space *space, double (*at)(const double *x),
                           const struct pbti_propose_options *options, uint32_t evaluations,
                           uint32_t workers)
{
    double found[SEEDS];
    for (uint32_t i = 0; i < SEEDS; i++) {
        found[i] = lab_minimise(space, at, options, evaluations, workers, i + 1);
    }
    return lab_median(found, SEEDS);
}

static void test_branin_in_40(void **state)
{
    (void)state;
    static struct pbti_space space;
    struct pbti_propose_options options = pbti_propose_options_default();
    lab_space(&space, 2, 0.0, 15.0);
    space.hp[0].low = -5.0;
    space.hp[0].high = 10.0;
    for (int kernel = 0; kernel < 3; kernel++) {
        options.kernel = (enum pbti_kernel)kernel;
        double const found = median_found(&space, lab_branin, &options, 40, 1);
        assert_true(found - branin_minimum < 0.01);
    }
}

static void test_hartmann6_in_80(void **state)
{
    (void)state;
    static struct pbti_space space;
    struct pbti_propose_options options = pbti_propose_options_default();
    double random[SEEDS];
    lab_space(&space, 6, 0.0, 1.0);
    for (uint32_t i = 0; i < SEEDS; i++) {
        random[i] = lab_random(&space, lab_hartmann6, 80, i + 1);
    }
    assert_true(lab_median(random, SEEDS) > -2.3);
    assert_true(median_found(&space, lab_hartmann6, &options, 80, 1) < -3.15);
    assert_true(median_found(&space, lab_hartmann6, &options, 80, 4) < -3.0);
    options.acquisition.kind = PBTI_ACQUISITION_UCB;
    assert_true(median_found(&space, lab_hartmann6, &options, 80, 1) < -3.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_functions_are_what_they_should_be),
        cmocka_unit_test(test_branin_in_40),
        cmocka_unit_test(test_hartmann6_in_80),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
