/* SPDX-License-Identifier: Apache-2.0 */
/* base/stats.h - the statistics that decisions and summaries need. Pure; no allocation. */
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

#endif
