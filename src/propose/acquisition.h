/* SPDX-License-Identifier: Apache-2.0 */
/*
 * propose/acquisition.h - how much is hoped for from a point whose score is N(mean, sd^2).
 *
 * Larger scores are better. With z = (mean - best - xi) / sd, Phi and phi the normal distribution
 * and its density:
 *
 *     ei    sd h(z), h(z) = z Phi(z) + phi(z)     expected improvement over best + xi
 *     pi    Phi(z)                                probability of improvement
 *     ucb   mean + kappa sd                       upper confidence bound
 *
 * Far from everything good the first two underflow, and written as above ei loses its digits long
 * before. What an optimiser climbs is therefore their logarithm, which is finite for every sd > 0.
 *
 * Source      Jones, Schonlau, Welch 1998 (ei); Kushner 1964 (pi); Srinivas et al. 2010 (ucb);
 *             logarithm: Ament et al. 2023, "Unexpected Improvements to Expected Improvement".
 * Differences below z = -3 h and Phi come from the continued fraction of the iterated integrals of
 *             erfc (DLMF 7.18.13), all of whose terms are positive, so that nothing cancels; at
 *             sd = 0 ei is its limit max(mean - best - xi, 0), and pi is 0 or 1.
 */
#ifndef PBTI_PROPOSE_ACQUISITION_H
#define PBTI_PROPOSE_ACQUISITION_H

#include <stdint.h>

/* X(name, value, text): the acquisition functions by name; the first is the default. */
#define PBTI_ACQUISITION_LIST(X)                                                                   \
    X(PBTI_ACQUISITION_EI, 0, "ei")                                                                \
    X(PBTI_ACQUISITION_PI, 1, "pi")                                                                \
    X(PBTI_ACQUISITION_UCB, 2, "ucb")

enum pbti_acquisition_kind {
#define PBTI_ACQUISITION_ENUM(name, value, text) name = (value),
    PBTI_ACQUISITION_LIST(PBTI_ACQUISITION_ENUM)
#undef PBTI_ACQUISITION_ENUM
};

struct pbti_acquisition {
    enum pbti_acquisition_kind kind;
    double xi;    /* ei, pi: improvement that does not count, in units of the score */
    double kappa; /* ucb: standard deviations added */
};

/* The function's value. Requires sd >= 0. */
double pbti_acquisition_value(const struct pbti_acquisition *acquisition, double mean, double sd,
                              double best);

/*
 * What is climbed: ln ei, ln pi, or ucb itself.
 *
 * by_mean     out, derivative by the mean
 * by_sd       out, derivative by the standard deviation
 *
 * Requires    sd > 0
 */
double pbti_acquisition_climb(const struct pbti_acquisition *acquisition, double mean, double sd,
                              double best, double *by_mean, double *by_sd);

#endif
