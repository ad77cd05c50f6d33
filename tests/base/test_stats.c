/* SPDX-License-Identifier: Apache-2.0 */
/* tests/base/test_stats.c - Welch's test and what it stands on, against independent vectors. */
#include "base/stats.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_close(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance * fmax(1.0, fabs(expected)))) {
        fail_msg("%.17g is not %.17g", value, expected);
    }
}

static struct pbti_sample sample_of(const double *values, size_t count)
{
    struct pbti_sample sample = {0, 0.0, 0.0};
    for (size_t i = 0; i < count; i++) {
        pbti_sample_add(&sample, values[i]);
    }
    return sample;
}

static void test_t_distribution_vectors(void **state)
{
    (void)state;
    assert_close(pbti_t_cdf(1.0, 1.0), 0.75, 1e-14);
    assert_close(pbti_t_cdf(2.0, 10.0), 0.96330598261463, 1e-13);
    assert_close(pbti_t_cdf(-1.5, 7.3), 0.0877815464015431, 1e-13);
    assert_close(pbti_t_cdf(3.5, 9.87), 0.997079727199688, 1e-13);
    assert_close(pbti_t_cdf(2.2621571628, 9.0), 0.975, 1e-11);
    assert_close(pbti_t_cdf(2.17881282967, 12.0), 0.975, 1e-11);
    assert_close(pbti_t_cdf(1.73406360662, 18.0), 0.95, 1e-11);
    assert_close(pbti_t_cdf(0.0, 3.0), 0.5, 1e-15);
    assert_true(pbti_t_cdf(INFINITY, 3.0) == 1.0 && pbti_t_cdf(-INFINITY, 3.0) == 0.0);
    assert_true(isnan(pbti_t_cdf(NAN, 3.0)) && isnan(pbti_t_cdf(1.0, 0.0)));
}

static void test_t_distribution_far_tail_keeps_its_digits(void **state)
{
    (void)state;
    /* one degree of freedom: P(T <= -t) = atan(1 / t) / pi */
    double const pi = 3.14159265358979323846;
    for (double t = 1e2; t < 1e12; t *= 10.0) {
        double const expected = atan(1.0 / t) / pi;
        assert_true(fabs(pbti_t_cdf(-t, 1.0) - expected) <= 1e-12 * expected);
    }
}

static void test_incomplete_beta_identities(void **state)
{
    (void)state;
    for (double x = 0.05; x < 1.0; x += 0.05) {
        assert_close(pbti_beta_incomplete(1.0, 1.0, x), x, 1e-14);
        assert_close(pbti_beta_incomplete(2.0, 1.0, x), x * x, 1e-13);
        double const sum =
            pbti_beta_incomplete(3.7, 0.6, x) + pbti_beta_incomplete(0.6, 3.7, 1.0 - x);
        assert_close(sum, 1.0, 1e-13);
    }
    assert_true(isnan(pbti_beta_incomplete(0.0, 1.0, 0.5)));
    assert_true(isnan(pbti_beta_incomplete(1.0, 1.0, 1.5)));
}

static void test_welch_vectors(void **state)
{
    (void)state;
    double const a1[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    double const b1[] = {3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    double const a2[] = {30.02, 29.99, 30.11, 29.97, 30.01, 29.99};
    double const b2[] = {29.89, 29.93, 29.72, 29.98, 30.02, 29.98};
    double const a3[] = {12, 15, 9, 20, 18, 11, 16, 14, 13, 17};
    double const b3[] = {10, 8, 12, 9, 11, 7, 10, 9, 8, 12};
    struct pbti_sample a = sample_of(a1, 10);
    struct pbti_sample b = sample_of(b1, 10);
    struct pbti_welch welch = pbti_welch_greater(&a, &b);
    assert_close(welch.t, -1.47709789175199, 1e-13);
    assert_close(welch.freedom, 18.0, 1e-13);
    assert_close(welch.p, 0.921533902076573, 1e-12);
    a = sample_of(a2, 6);
    b = sample_of(b2, 6);
    welch = pbti_welch_greater(&a, &b);
    assert_close(welch.t, 1.9590058081081, 1e-10);
    assert_close(welch.freedom, 7.03055995988431, 1e-10);
    assert_close(welch.p, 0.0453866621428334, 1e-10);
    a = sample_of(a3, 10);
    b = sample_of(b3, 10);
    welch = pbti_welch_greater(&a, &b);
    assert_close(welch.t, 4.09440572760184, 1e-12);
    assert_close(welch.freedom, 13.3476824945708, 1e-12);
    assert_close(2.0 * welch.p, 0.00120171131866495, 1e-12);
}

static void test_welch_of_constants_and_of_too_few(void **state)
{
    (void)state;
    double const ones[] = {1, 1, 1, 1, 1};
    double const twos[] = {2, 2, 2, 2, 2};
    struct pbti_sample const low = sample_of(ones, 5);
    struct pbti_sample const high = sample_of(twos, 5);
    struct pbti_sample const single = sample_of(ones, 1);
    assert_true(pbti_welch_greater(&high, &low).p == 0.0);
    assert_true(pbti_welch_greater(&low, &high).p == 1.0);
    assert_true(pbti_welch_greater(&low, &low).p == 1.0);
    assert_true(isnan(pbti_welch_greater(&single, &low).p));
}

/* -------- comparing several -------- */

static void test_t_quantiles(void **state)
{
    (void)state;
    assert_close(pbti_t_quantile(0.975, 9.0), 2.2621571628, 1e-10);
    assert_close(pbti_t_quantile(0.95, 18.0), 1.73406360662, 1e-10);
    assert_close(pbti_t_quantile(0.025, 12.0), -2.17881282967, 1e-10);
    assert_true(pbti_t_quantile(0.5, 3.0) == 0.0);
    /* one degree of freedom: tan(pi (p - 1/2)) */
    assert_close(pbti_t_quantile(0.999, 1.0), 318.30883898555, 1e-10);
    assert_true(isnan(pbti_t_quantile(0.0, 3.0)) && isnan(pbti_t_quantile(0.5, 0.0)));
}

/* Student's own data (1908): hours of sleep gained with two drugs, ten patients; R prints
 * t = -4.0621, df = 9, p-value = 0.002833. */
static void test_paired_test_of_student(void **state)
{
    (void)state;
    double const first[] = {0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0};
    double const second[] = {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};
    double differences[10];
    for (int i = 0; i < 10; i++) {
        differences[i] = first[i] - second[i];
    }
    struct pbti_paired const paired = pbti_paired_test(differences, 10);
    assert_close(paired.mean, -1.58, 1e-14);
    assert_close(paired.mean / (paired.sd / sqrt(10.0)), -4.062127683382037, 1e-12);
    assert_close(paired.p, 0.00283289019738427, 1e-12);
    assert_close(pbti_paired_detectable(paired.sd, 10),
                 (2.2621571628 + 0.8834038596855205) * paired.sd / sqrt(10.0), 1e-9);
}

static void test_paired_test_of_constants_and_of_too_few(void **state)
{
    (void)state;
    double const zeros[] = {0, 0, 0};
    double const ones[] = {1, 1, 1};
    assert_true(pbti_paired_test(zeros, 3).p == 1.0);
    assert_true(pbti_paired_test(ones, 3).p == 0.0);
    assert_true(isnan(pbti_paired_test(ones, 1).p) && pbti_paired_test(ones, 1).mean == 1.0);
    assert_true(isnan(pbti_paired_test(ones, 0).mean));
    assert_true(isnan(pbti_paired_detectable(1.0, 1)));
}

/* As R's p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm"). */
static void test_holm(void **state)
{
    (void)state;
    double const p[] = {0.01, 0.04, 0.03, 0.005};
    double const expected[] = {0.03, 0.06, 0.06, 0.02};
    double const equal[] = {0.02, NAN, 0.02, 0.9};
    double adjusted[4];
    pbti_holm(p, 4, adjusted);
    for (int i = 0; i < 4; i++) {
        assert_close(adjusted[i], expected[i], 1e-15);
    }
    pbti_holm(equal, 4, adjusted);
    assert_close(adjusted[0], 0.06, 1e-15);
    assert_true(isnan(adjusted[1]));
    assert_close(adjusted[2], 0.06, 1e-15);
    assert_close(adjusted[3], 0.9, 1e-15);
}

/* Against R: t.test(c(1, 2, 4, 8))$conf.int. */
static void test_mean_interval_of_student(void **state)
{
    (void)state;
    double const values[] = {1.0, 2.0, 4.0, 8.0};
    struct pbti_interval const interval = pbti_mean_interval(values, 4);
    assert_close(interval.low, -1.1759430482311535, 1e-12);
    assert_close(interval.high, 8.675943048231154, 1e-12);
    struct pbti_interval const constant = pbti_mean_interval((double[]){3.0, 3.0}, 2);
    assert_true(constant.low == 3.0 && constant.high == 3.0);
    assert_true(isnan(pbti_mean_interval(values, 1).low));
    assert_true(isnan(pbti_mean_interval(values, 0).high));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_t_distribution_vectors),
        cmocka_unit_test(test_t_distribution_far_tail_keeps_its_digits),
        cmocka_unit_test(test_incomplete_beta_identities),
        cmocka_unit_test(test_welch_vectors),
        cmocka_unit_test(test_welch_of_constants_and_of_too_few),
        cmocka_unit_test(test_t_quantiles),
        cmocka_unit_test(test_paired_test_of_student),
        cmocka_unit_test(test_paired_test_of_constants_and_of_too_few),
        cmocka_unit_test(test_holm),
        cmocka_unit_test(test_mean_interval_of_student),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
