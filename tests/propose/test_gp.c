/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/propose/test_gp.c - likelihood, gradients and posterior of a Gaussian process against
 * vectors computed independently (with numpy, by the formulas of Rasmussen and Williams), gradients
 * also against finite differences; points on top of each other; fitting.
 */
#include "base/rng.h"
#include "propose/acquisition.h"
#include "propose/gp.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_close(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance * fabs(expected))) {
        fail_msg("%.17g is not %.17g", value, expected);
    }
}

static struct pbti_gp *new_gp(enum pbti_kernel kernel, uint32_t dimensions, uint32_t capacity)
{
    struct pbti_gp *gp = NULL;
    struct pbt_error err;
    assert_int_equal(pbti_gp_create(kernel, dimensions, capacity, &gp, &err), PBT_OK);
    return gp;
}

/* The five points and the parameters of the vectors. */
static struct pbti_gp *new_example(enum pbti_kernel kernel)
{
    static double const points[5][2] = {{.1, .2}, {.4, .9}, {.5, .3}, {.8, .7}, {.95, .1}};
    static double const scores[5] = {.3, -.7, 1.1, .2, -.4};
    struct pbti_gp *const gp = new_gp(kernel, 2, 5);
    for (int i = 0; i < 5; i++) {
        pbti_gp_add(gp, points[i], scores[i]);
    }
    gp->log_parameters[0] = log(1.5);
    gp->log_parameters[1] = log(.3);
    gp->log_parameters[2] = log(.6);
    gp->log_parameters[3] = log(.01);
    return gp;
}

/* n points from a smooth function and a little noise. */
static struct pbti_gp *new_random(enum pbti_kernel kernel, uint32_t dimensions, uint32_t count,
                                  uint64_t seed)
{
    struct pbti_gp *const gp = new_gp(kernel, dimensions, count);
    double point[16];
    for (uint32_t i = 0; i < count; i++) {
        struct pbti_stream const stream = {seed, PBTI_PURPOSE_SIM, i, 0};
        double score = 0.0;
        for (uint32_t d = 0; d < dimensions; d++) {
            point[d] = pbti_draw_unit(&stream, d);
            score += sin(5.0 * point[d] + d) / (d + 1.0);
        }
        pbti_gp_add(gp, point, score + 0.1 * pbti_draw_normal(&stream, 99));
    }
    return gp;
}

/* -------- vectors -------- */

static void check_likelihood(enum pbti_kernel kernel, double likelihood, const double *expected)
{
    struct pbti_gp *const gp = new_example(kernel);
    double gradient[4];
    assert_true(pbti_gp_update(gp, gradient));
    assert_close(gp->log_likelihood, likelihood, 1e-13);
    for (int i = 0; i < 4; i++) {
        assert_close(gradient[i], expected[i], 1e-9);
    }
    assert_true(pbti_gp_update(gp, NULL));
    assert_close(gp->log_likelihood, likelihood, 1e-13);
    assert_true(gp->jitter == 0.0);
    pbti_gp_destroy(gp);
}

static void test_likelihood_vectors(void **state)
{
    (void)state;
    double const rbf[] = {-0.864373126777, -0.257484133242, -1.00412579571, 0.00221106684409};
    double const matern[] = {-1.1876769004, 0.103374665702, -0.542805004476, -0.0048613775901};
    check_likelihood(PBTI_KERNEL_RBF, -6.61295291789745, rbf);
    check_likelihood(PBTI_KERNEL_MATERN52, -6.48267025821681, matern);
}

struct posterior {
    enum pbti_kernel kernel;
    double x[2];
    double mean, variance, ei, ei_xi, pi, ucb; /* pi and ucb: 0 = not given */
};

static void check_posterior(const struct posterior *row)
{
    struct pbti_gp *const gp = new_example(row->kernel);
    struct pbti_acquisition acquisition = {PBTI_ACQUISITION_EI, 0.0, 2.0};
    double cross[5];
    double mean;
    double variance;
    assert_true(pbti_gp_update(gp, NULL));
    pbti_gp_predict(gp, row->x, 1, cross, &mean, &variance);
    assert_close(mean, row->mean, 1e-9);
    assert_close(variance, row->variance, 1e-9);
    double const sd = sqrt(variance);
    assert_close(pbti_acquisition_value(&acquisition, mean, sd, 1.1), row->ei, 1e-9);
    acquisition.xi = 0.01;
    assert_close(pbti_acquisition_value(&acquisition, mean, sd, 1.1), row->ei_xi, 1e-9);
    acquisition = (struct pbti_acquisition){PBTI_ACQUISITION_PI, 0.0, 2.0};
    assert_close(pbti_acquisition_value(&acquisition, mean, sd, 1.1), row->pi, 1e-9);
    acquisition.kind = PBTI_ACQUISITION_UCB;
    assert_close(pbti_acquisition_value(&acquisition, mean, sd, 1.1), row->ucb, 1e-9);
    pbti_gp_destroy(gp);
}

static void test_posterior_vectors(void **state)
{
    (void)state;
    static struct posterior const rows[] = {
        {PBTI_KERNEL_RBF,
         {.5, .5},
         0.647812375487348,
         0.043428573786118,
         0.00110920319599,
         0.000967896083021,
         0.0150088828854,
         1.0646028446},
        {PBTI_KERNEL_RBF,
         {.1, .2},
         0.300243393885372,
         0.00991667531932674,
         5.81662665489e-18,
         2.52283765449e-18,
         4.83030669485e-16,
         0.499408404059},
        {PBTI_KERNEL_RBF,
         {0, 1},
         -0.586825192948994,
         1.05728305988566,
         0.0217082207363,
         0.0212087318549,
         0.0504513277816,
         1.46966021656},
        {PBTI_KERNEL_MATERN52,
         {.5, .5},
         0.655151404753017,
         0.131945590309121,
         0.0193694068501,
         0.0182915376744,
         0.110352074053,
         1.38163771656},
        {PBTI_KERNEL_MATERN52,
         {0, 1},
         -0.308473427032424,
         1.20555706085406,
         0.051846221606,
         0.0508563373952,
         0.0997832399114,
         1.88748382287},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check_posterior(&rows[i]);
    }
}

/* -------- gradients -------- */

static void test_likelihood_gradient_is_the_slope(void **state)
{
    (void)state;
    for (int kernel = 0; kernel < 3; kernel++) {
        struct pbti_gp *const gp = new_random((enum pbti_kernel)kernel, 3, 30, 7);
        double gradient[5];
        double ignored[5];
        double const place[5] = {0.2, -0.4, -1.0, 0.3, -3.0};
        memcpy(gp->log_parameters, place, sizeof place);
        assert_true(pbti_gp_update(gp, gradient));
        for (int i = 0; i < 5; i++) {
            double const h = 1e-5;
            gp->log_parameters[i] = place[i] + h;
            assert_true(pbti_gp_update(gp, ignored));
            double const above = gp->log_likelihood;
            gp->log_parameters[i] = place[i] - h;
            assert_true(pbti_gp_update(gp, ignored));
            double const slope = (above - gp->log_likelihood) / (2.0 * h);
            gp->log_parameters[i] = place[i];
            assert_true(fabs(slope - gradient[i]) < 1e-6 * (1.0 + fabs(slope)));
        }
        pbti_gp_destroy(gp);
    }
}

static void test_prediction_gradient_is_the_slope(void **state)
{
    (void)state;
    for (int kernel = 0; kernel < 3; kernel++) {
        struct pbti_gp *const gp = new_random((enum pbti_kernel)kernel, 3, 30, 8);
        double point[3] = {0.31, 0.62, 0.5};
        double unused[3];
        double by_mean[3];
        double by_variance[3];
        double mean[3];
        double variance[3];
        double cross[30];
        assert_true(pbti_gp_update(gp, NULL));
        pbti_gp_predict_slope(gp, point, &mean[0], &variance[0], by_mean, by_variance);
        pbti_gp_predict(gp, point, 1, cross, &mean[1], &variance[1]);
        assert_close(mean[0], mean[1], 1e-11);
        assert_close(variance[0], variance[1], 1e-9);
        for (int d = 0; d < 3; d++) {
            double const h = 1e-5;
            double const middle = point[d];
            point[d] = middle + h;
            pbti_gp_predict_slope(gp, point, &mean[1], &variance[1], unused, unused);
            point[d] = middle - h;
            pbti_gp_predict_slope(gp, point, &mean[2], &variance[2], unused, unused);
            point[d] = middle;
            assert_true(fabs((mean[1] - mean[2]) / (2.0 * h) - by_mean[d]) < 1e-6);
            assert_true(fabs((variance[1] - variance[2]) / (2.0 * h) - by_variance[d]) < 1e-6);
        }
        pbti_gp_destroy(gp);
    }
}

/* -------- hard matrices -------- */

static void test_equal_points_get_jitter(void **state)
{
    (void)state;
    struct pbti_gp *const gp = new_gp(PBTI_KERNEL_RBF, 1, 40);
    double const place = 0.5;
    double cross[40];
    double mean;
    double variance;
    for (int i = 0; i < 40; i++) {
        pbti_gp_add(gp, &place, i % 2 == 0 ? 1.0 : 2.0);
    }
    gp->log_parameters[2] = log(1e-300);
    assert_true(pbti_gp_update(gp, NULL));
    assert_true(gp->jitter > 0.0 && gp->jitter < 1e-6);
    pbti_gp_predict(gp, &place, 1, cross, &mean, &variance);
    assert_close(mean, 1.5, 1e-3);
    gp->log_parameters[0] = NAN;
    assert_false(pbti_gp_update(gp, NULL));
    pbti_gp_destroy(gp);
}

static void test_one_observation(void **state)
{
    (void)state;
    struct pbti_gp *const gp = new_gp(PBTI_KERNEL_MATERN32, 2, 1);
    double const place[2] = {0.2, 0.9};
    double cross[1];
    double mean;
    double variance;
    pbti_gp_add(gp, place, 3.0);
    gp->log_parameters[3] = log(0.5);
    assert_true(pbti_gp_update(gp, NULL));
    assert_close(gp->log_likelihood, -0.5 * 9.0 / 1.5 - 0.5 * log(1.5 * 6.283185307179586), 1e-14);
    pbti_gp_predict(gp, place, 1, cross, &mean, &variance);
    assert_close(mean, 3.0 / 1.5, 1e-14);
    assert_close(variance, 1.0 - 1.0 / 1.5, 1e-14);
    pbti_gp_destroy(gp);
}

/* -------- fitting -------- */

/* Relevant and irrelevant coordinates are told apart, noise is found, and the same call gives the
 * same answer. */
static void test_fit_finds_length_scales_and_noise(void **state)
{
    (void)state;
    double first[4];
    for (int again = 0; again < 2; again++) {
        struct pbti_gp *const gp = new_gp(PBTI_KERNEL_MATERN52, 2, 80);
        for (uint32_t i = 0; i < 80; i++) {
            struct pbti_stream const stream = {3, PBTI_PURPOSE_SIM, i, 0};
            double const point[2] = {pbti_draw_unit(&stream, 0), pbti_draw_unit(&stream, 1)};
            pbti_gp_add(gp, point, 1.4 * sin(9.0 * point[0]) + 0.1 * pbti_draw_normal(&stream, 2));
        }
        struct pbti_gp_fit_options const options = pbti_gp_fit_options_default();
        struct pbt_error err;
        assert_true(pbti_gp_update(gp, NULL));
        double const before = gp->log_likelihood;
        assert_int_equal(pbti_gp_fit(gp, &options, &err), PBT_OK);
        assert_true(gp->log_likelihood > before + 10.0);
        assert_true(exp(gp->log_parameters[1]) < 0.6);
        assert_true(exp(gp->log_parameters[2]) > 1.0);
        double const noise = sqrt(exp(gp->log_parameters[3]));
        assert_true(noise > 0.07 && noise < 0.14);
        if (again == 0) { memcpy(first, gp->log_parameters, sizeof first); }
        assert_memory_equal(first, gp->log_parameters, sizeof first);
        pbti_gp_destroy(gp);
    }
}

static void test_limits(void **state)
{
    (void)state;
    struct pbti_gp *gp = NULL;
    struct pbt_error err;
    assert_int_equal(pbti_gp_create(PBTI_KERNEL_RBF, 1, PBTI_GP_POINTS_MAX + 1, &gp, &err),
                     PBT_ELIMIT);
    assert_null(gp);
    assert_non_null(strstr(err.message, "10001 points"));
    pbti_gp_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_likelihood_vectors),
        cmocka_unit_test(test_posterior_vectors),
        cmocka_unit_test(test_likelihood_gradient_is_the_slope),
        cmocka_unit_test(test_prediction_gradient_is_the_slope),
        cmocka_unit_test(test_equal_points_get_jitter),
        cmocka_unit_test(test_one_observation),
        cmocka_unit_test(test_fit_finds_length_scales_and_noise),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
