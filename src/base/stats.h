/* SPDX-License-Identifier: Apache-2.0 */
/* base/stats.h - the statistics that decisions, summaries and comparisons need. Pure. */
#ifndef PBTI_BASE_STATS_H
#define PBTI_BASE_STATS_H

#include <stdint.h>

/* A sample in three numbers. Grown by Welford's method (1962), so that it does not cancel. */
struct pbti_sample {
    uint64_t count;
    double mean;
    double squares; /* sum of squared differences from the mean */
};

void pbti_sample_add(struct pbti_sample *sample, double value);

/* Unbiased variance; 0 for fewer than two. */
double pbti_sample_variance(const struct pbti_sample *sample);

/*
 * Regularised incomplete beta function I_x(a, b), by Lentz's continued fraction.
 *
 * a, b        > 0; x in [0, 1]; NaN otherwise
 * Source      DLMF 8.17.22; relative error below 1e-13 for a, b up to 1e4
 */
double pbti_beta_incomplete(double a, double b, double x);

/* Cumulative distribution of Student's t with `freedom` > 0 degrees of freedom. */
double pbti_t_cdf(double t, double freedom);

/* Welch's test that the mean of `a` is larger than that of `b`. */
struct pbti_welch {
    double t;       /* positive when a's mean is the larger; infinite when both are constant */
    double freedom; /* Welch-Satterthwaite; NaN when both are constant */
    double p;       /* one-sided: P(T >= t); NaN when a side has fewer than two values */
};

/*
 * Source      Welch 1947; as scipy.stats.ttest_ind(equal_var=False, alternative="greater").
 * Differences two constant samples give p = 0 when a's mean is larger and p = 1 otherwise (there:
 * NaN),
 *             so that a deterministic trainer can be selected, too.
 */
struct pbti_welch pbti_welch_greater(const struct pbti_sample *a, const struct pbti_sample *b);

/* The other way: t with pbti_t_cdf(t, freedom) = p, to 1e-12. Requires 0 < p < 1; NaN otherwise. */
double pbti_t_quantile(double p, double freedom);

/* Student's paired test that the mean of `differences` is not 0. */
struct pbti_paired {
    double mean, sd; /* of the differences; sd NaN when there are fewer than two */
    double p;        /* two-sided; NaN when there are fewer than two */
};

/*
 * Source      Student 1908; as scipy.stats.ttest_rel.
 * Differences equal differences give p = 1 when they are 0 and p = 0 otherwise.
 */
struct pbti_paired pbti_paired_test(const double *differences, uint32_t count);

/*
 * The true mean difference that the paired test at the 5 % level finds with a probability of about
 * 80 %: (t_0.975 + t_0.8) sd / sqrt(count), count - 1 degrees of freedom. NaN below two.
 */
double pbti_paired_detectable(double sd, uint32_t count);

/*
 * Adjust p-values for there being several: each out value may be compared with the level as if it
 * were alone. NaN stays NaN and is not counted.
 *
 * Source      Holm 1979; as R's p.adjust(method = "holm").
 */
void pbti_holm(const double *p, uint32_t count, double *adjusted);

struct pbti_interval {
    double low, high;
};

/*
 * The 95 % interval of the mean of the population that `values` were drawn from.
 *
 * values      in, shape (count), finite
 * Returns     mean -+ t_0.975 sd / sqrt(count), count - 1 degrees of freedom; both bounds are NaN
 *             for fewer than two values, since one value says nothing about the spread
 * Source      Student 1908. It holds the true mean of normal scores in 95 % of all samples, however
 *             few they are; tests/base/test_coverage.c measures this and two other distributions
 */
struct pbti_interval pbti_mean_interval(const double *values, uint32_t count);

#endif
