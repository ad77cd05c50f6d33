/* SPDX-License-Identifier: Apache-2.0 */
/* base/stats.c - Welford, Student's t, tests and intervals; see stats.h. */
#include "base/stats.h"

#include <float.h>
#include <math.h>

void pbti_sample_add(struct pbti_sample *sample, double value)
{
    double const before = value - sample->mean;
    sample->count++;
    sample->mean += before / (double)sample->count;
    sample->squares += before * (value - sample->mean);
}

double pbti_sample_variance(const struct pbti_sample *sample)
{
    return sample->count < 2 ? 0.0 : sample->squares / (double)(sample->count - 1);
}

static double away_from_zero(double value)
{
    return fabs(value) < DBL_MIN / DBL_EPSILON ? DBL_MIN / DBL_EPSILON : value;
}

/* lgamma() keeps the sign in a global; all arguments here are positive. */
static double log_gamma(double value)
{
    int sign;
    return lgamma_r(value, &sign);
}

/* The continued fraction of I_x(a, b), for x < (a + 1) / (a + b + 2), where it converges fast. */
static double beta_fraction(double a, double b, double x)
{
    double c = 1.0;
    double d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    double value = d;
    for (int i = 1; i <= 10000; i++) {
        double const m = i;
        double const even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away_from_zero(1.0 + even * d);
        c = away_from_zero(1.0 + even / c);
        value *= c * d;
        double const odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away_from_zero(1.0 + odd * d);
        c = away_from_zero(1.0 + odd / c);
        value *= c * d;
        if (fabs(c * d - 1.0) < DBL_EPSILON) { break; }
    }
    return value;
}

/* I_x(a, b) with y = 1 - x given apart, so that nothing is lost when x is next to 1. */
static double beta_incomplete_split(double a, double b, double x, double y)
{
    if (x <= 0.0) { return 0.0; }
    if (y <= 0.0) { return 1.0; }
    double const front =
        exp(a * log(x) + b * log(y) + log_gamma(a + b) - log_gamma(a) - log_gamma(b));
    if (x < (a + 1.0) / (a + b + 2.0)) { return front * beta_fraction(a, b, x) / a; }
    return 1.0 - front * beta_fraction(b, a, y) / b;
}

double pbti_beta_incomplete(double a, double b, double x)
{
    if (!(a > 0.0) || !(b > 0.0) || !(x >= 0.0 && x <= 1.0)) { return NAN; }
    return beta_incomplete_split(a, b, x, 1.0 - x);
}

/* P(T >= t) for t >= 0. */
static double t_upper_tail(double t, double freedom)
{
    double const square = t * t;
    double const x = isinf(square) ? 0.0 : freedom / (freedom + square);
    double const y = isinf(square) ? 1.0 : square / (freedom + square);
    return 0.5 * beta_incomplete_split(0.5 * freedom, 0.5, x, y);
}

double pbti_t_cdf(double t, double freedom)
{
    if (isnan(t) || !(freedom > 0.0)) { return NAN; }
    return t >= 0.0 ? 1.0 - t_upper_tail(t, freedom) : t_upper_tail(-t, freedom);
}

struct pbti_welch pbti_welch_greater(const struct pbti_sample *a, const struct pbti_sample *b)
{
    struct pbti_welch result = {.t = NAN, .freedom = NAN, .p = NAN};
    double const difference = a->mean - b->mean;
    if (a->count < 2 || b->count < 2 || isnan(difference)) { return result; }
    double const part_a = pbti_sample_variance(a) / (double)a->count;
    double const part_b = pbti_sample_variance(b) / (double)b->count;
    double const both = part_a + part_b;
    if (!(both > 0.0)) {
        result.t = difference == 0.0 ? 0.0 : copysign(INFINITY, difference);
        result.p = difference > 0.0 ? 0.0 : 1.0;
        return result;
    }
    result.t = difference / sqrt(both);
    result.freedom =
        both * both /
        (part_a * part_a / (double)(a->count - 1) + part_b * part_b / (double)(b->count - 1));
    double const tail = t_upper_tail(fabs(result.t), result.freedom);
    result.p = result.t >= 0.0 ? tail : 1.0 - tail;
    return result;
}

/* -------- comparing several -------- */

/* Bisection: the distribution rises, and the halving ends at neighbouring numbers. */
double pbti_t_quantile(double p, double freedom)
{
    if (!(p > 0.0 && p < 1.0) || !(freedom > 0.0)) { return NAN; }
    if (p == 0.5) { return 0.0; }
    double const tail = p < 0.5 ? p : 1.0 - p;
    double low = 0.0;
    double high = 1.0;
    while (pbti_t_cdf(-high, freedom) > tail && high < DBL_MAX / 4.0) {
        high *= 2.0;
    }
    for (;;) {
        double const middle = low + (high - low) / 2.0;
        if (middle <= low || middle >= high) { break; }
        if (pbti_t_cdf(-middle, freedom) > tail) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return p < 0.5 ? -high : high;
}

struct pbti_paired pbti_paired_test(const double *differences, uint32_t count)
{
    struct pbti_sample sample = {0, 0.0, 0.0};
    for (uint32_t i = 0; i < count; i++) {
        pbti_sample_add(&sample, differences[i]);
    }
    struct pbti_paired result = {count == 0 ? NAN : sample.mean, NAN, NAN};
    if (count < 2) { return result; }
    result.sd = sqrt(pbti_sample_variance(&sample));
    if (result.sd > 0.0) {
        double const t = fabs(result.mean) / (result.sd / sqrt(count));
        result.p = 2.0 * t_upper_tail(t, count - 1.0);
    } else {
        result.p = result.mean == 0.0 ? 1.0 : 0.0;
    }
    return result;
}

double pbti_paired_detectable(double sd, uint32_t count)
{
    if (count < 2) { return NAN; }
    double const freedom = count - 1.0;
    return (pbti_t_quantile(0.975, freedom) + pbti_t_quantile(0.8, freedom)) * sd / sqrt(count);
}

void pbti_holm(const double *p, uint32_t count, double *adjusted)
{
    uint32_t known = 0;
    for (uint32_t i = 0; i < count; i++) {
        known += isnan(p[i]) ? 0 : 1;
    }
    for (uint32_t i = 0; i < count; i++) {
        adjusted[i] = p[i];
        /* the largest of those that come before it, each times how many are left there */
        for (uint32_t j = 0; j < count && !isnan(p[i]); j++) {
            if (!(p[j] <= p[i])) { continue; }
            uint32_t smaller = 0;
            for (uint32_t k = 0; k < count; k++) {
                smaller += p[k] < p[j] || (p[k] == p[j] && k < j) ? 1 : 0;
            }
            adjusted[i] = fmin(1.0, fmax(adjusted[i], p[j] * (known - smaller)));
        }
    }
}

struct pbti_interval pbti_mean_interval(const double *values, uint32_t count)
{
    struct pbti_sample sample = {0, 0.0, 0.0};
    for (uint32_t i = 0; i < count; i++) {
        pbti_sample_add(&sample, values[i]);
    }
    if (count < 2) { return (struct pbti_interval){NAN, NAN}; }
    double const error = sqrt(pbti_sample_variance(&sample) / count);
    double const half = pbti_t_quantile(0.975, count - 1.0) * error;
    return (struct pbti_interval){sample.mean - half, sample.mean + half};
}
