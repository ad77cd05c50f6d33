/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/propose/test_acquisition.c - ei, pi and ucb against vectors, deep in the tail against
 * 50-digit arithmetic (mpmath), and their slopes against finite differences.
 */
#include "propose/acquisition.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct pbti_acquisition const ei = {PBTI_ACQUISITION_EI, 0.0, 1.96};
static struct pbti_acquisition const pi = {PBTI_ACQUISITION_PI, 0.0, 1.96};

static void assert_close(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance * fabs(expected))) {
        fail_msg("%.17g is not %.17g", value, expected);
    }
}

static void test_vectors(void **state)
{
    (void)state;
    static double const rows[][6] = {
        /* mean, sd, best, xi, ei, pi */
        {0, 1, 0, 0, .398942280401433, .5},
        {1, .5, .8, .01, .308702125240324, .648027292424163},
        {-.3, 2, 1.5, 0, .200862274173343, .184060125346759},
        {.2, .1, 1, 0, 7.5502624119465e-18, 6.22096057427178e-16},
        {0, 1, .5, 0, 0.1977966, 0.308538}, /* scikit-optimize's own test, mirrored */
    };
    for (size_t i = 0; i < 5; i++) {
        struct pbti_acquisition acquisition = {PBTI_ACQUISITION_EI, rows[i][3], 0.0};
        double const tolerance = i == 4 ? 2e-6 : 1e-9;
        assert_close(pbti_acquisition_value(&acquisition, rows[i][0], rows[i][1], rows[i][2]),
                     rows[i][4], tolerance);
        acquisition.kind = PBTI_ACQUISITION_PI;
        assert_close(pbti_acquisition_value(&acquisition, rows[i][0], rows[i][1], rows[i][2]),
                     rows[i][5], tolerance);
    }
    struct pbti_acquisition const ucb = {PBTI_ACQUISITION_UCB, 0.0, 0.3};
    assert_close(pbti_acquisition_value(&ucb, 0.0, 1.0, 5.0), 0.3, 1e-15);
}

static void test_without_doubt(void **state)
{
    (void)state;
    assert_true(pbti_acquisition_value(&ei, 1.0, 0.0, 2.0) == 0.0);
    assert_true(pbti_acquisition_value(&ei, 3.0, 0.0, 2.0) == 1.0);
    assert_true(pbti_acquisition_value(&pi, 1.0, 0.0, 2.0) == 0.0);
    assert_true(pbti_acquisition_value(&pi, 3.0, 0.0, 2.0) == 1.0);
}

static void test_tail(void **state)
{
    (void)state;
    static double const rows[][3] = {
        /* z, ln h(z), ln Phi(z) */
        {-2.99, -7.83440669650897326, -6.57494170174869542},
        {-3.01, -7.90505346225658006, -6.64060368533754965},
        {-4, -11.8490615775506631, -10.3601014865272908},
        {-8, -37.122364261692633, -35.0134371599145499},
        {-20, -206.917838509425098, -203.917155371097264},
        {-37.5, -711.294748447512722, -707.668989317507191},
        {-100, -5010.12957880024979, -5005.52420869420509},
        {-1e4, -50000019.3396193072, -50000010.1292789152},
        {-1e8, -5000000000000037.76, -5000000000000019.34},
        {2, 0.697383545788228312, -0.0230129093289634885},
        {0.5, -0.359827683745063819, -0.368946415288656393},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double by_mean;
        double by_sd;
        double const z = rows[i][0];
        assert_close(pbti_acquisition_climb(&ei, z, 1.0, 0.0, &by_mean, &by_sd), rows[i][1], 1e-13);
        assert_close(pbti_acquisition_climb(&pi, z, 1.0, 0.0, &by_mean, &by_sd), rows[i][2], 1e-13);
    }
}

static void test_climb_is_the_logarithm(void **state)
{
    (void)state;
    double by_mean;
    double by_sd;
    for (double mean = -20.0; mean < 5.0; mean += 0.37) {
        assert_close(exp(pbti_acquisition_climb(&ei, mean, 1.3, 0.1, &by_mean, &by_sd)),
                     pbti_acquisition_value(&ei, mean, 1.3, 0.1), 1e-13);
        assert_close(exp(pbti_acquisition_climb(&pi, mean, 1.3, 0.1, &by_mean, &by_sd)),
                     pbti_acquisition_value(&pi, mean, 1.3, 0.1), 1e-13);
    }
}

static void test_slopes(void **state)
{
    (void)state;
    double unused;
    for (int kind = 0; kind < 3; kind++) {
        struct pbti_acquisition const acquisition = {(enum pbti_acquisition_kind)kind, 0.02, 1.5};
        for (double mean = -30.0; mean < 4.0; mean += 0.71) {
            double const sd = 0.8;
            double const h = 1e-5;
            double by_mean;
            double by_sd;
            double above =
                pbti_acquisition_climb(&acquisition, mean + h, sd, 0.3, &unused, &unused);
            double below =
                pbti_acquisition_climb(&acquisition, mean - h, sd, 0.3, &unused, &unused);
            (void)pbti_acquisition_climb(&acquisition, mean, sd, 0.3, &by_mean, &by_sd);
            assert_true(fabs((above - below) / (2.0 * h) - by_mean) < 1e-6 * (1.0 + by_mean));
            above = pbti_acquisition_climb(&acquisition, mean, sd + h, 0.3, &unused, &unused);
            below = pbti_acquisition_climb(&acquisition, mean, sd - h, 0.3, &unused, &unused);
            assert_true(fabs((above - below) / (2.0 * h) - by_sd) < 1e-5 * (1.0 + fabs(by_sd)));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors), cmocka_unit_test(test_without_doubt),
        cmocka_unit_test(test_tail),    cmocka_unit_test(test_climb_is_the_logarithm),
        cmocka_unit_test(test_slopes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
