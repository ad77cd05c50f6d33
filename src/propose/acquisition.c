/* SPDX-License-Identifier: Apache-2.0 */
/* propose/acquisition.c - ei, pi, ucb, safe in the tails; see acquisition.h. */
#include "propose/acquisition.h"

#include <assert.h>
#include <math.h>

static double const root2 = 1.4142135623730950488;
static double const root_pi = 1.7724538509055160273;
static double const log_root_2pi = 0.91893853320467274178;

#define TAIL (-3.0) /* below this z the continued fraction is used */

/*
 * i^1 erfc(x) / erfc(x) for x > 2, where i^n erfc is the n-th iterated integral from x on:
 * (1/2) / (x + (2/2) / (x + (3/2) / (x + ...))). From z = TAIL on 80 terms give every digit.
 */
static double integral_ratio(double x)
{
    double rest = x;
    for (int n = 80; n >= 2; n--) {
        rest = x + 0.5 * (double)n / rest;
    }
    return 0.5 / rest;
}

static double density(double z)
{
    return exp(-0.5 * z * z - log_root_2pi);
}

/* ln Phi(z), and phi(z) / Phi(z). */
static double log_probability(double z, double *slope)
{
    if (z < TAIL) {
        /* Phi(z) = exp(-x^2) / sqrt(pi) * (1/2) / (x + ratio), x = -z / sqrt(2) */
        double const x = -z / root2;
        double const scaled = 0.5 / ((x + integral_ratio(x)) * root_pi);
        *slope = 1.0 / (root2 * root_pi * scaled);
        return -0.5 * z * z + log(scaled);
    }
    double const probability = 0.5 * erfc(-z / root2);
    *slope = density(z) / probability;
    return log(probability);
}

/* ln h(z), and its derivative Phi(z) / h(z). */
static double log_improvement(double z, double *slope)
{
    if (z < TAIL) {
        /* h(z) = phi(z) ratio / (x + ratio), and Phi(z) / h(z) = 1 / (sqrt(2) ratio) */
        double const x = -z / root2;
        double const ratio = integral_ratio(x);
        *slope = 1.0 / (root2 * ratio);
        return -0.5 * z * z - log_root_2pi + log(ratio / (x + ratio));
    }
    double const probability = 0.5 * erfc(-z / root2);
    double const improvement = z * probability + density(z);
    *slope = probability / improvement;
    return log(improvement);
}

double pbti_acquisition_value(const struct pbti_acquisition *acquisition, double mean, double sd,
                              double best)
{
    assert(sd >= 0.0);
    double const gain = mean - best - acquisition->xi;
    double slope;
    switch (acquisition->kind) {
    case PBTI_ACQUISITION_UCB: return mean + acquisition->kappa * sd;
    case PBTI_ACQUISITION_PI:
        if (sd == 0.0) { return gain > 0.0 ? 1.0 : 0.0; }
        return exp(log_probability(gain / sd, &slope));
    case PBTI_ACQUISITION_EI: break;
    }
    if (sd == 0.0) { return gain > 0.0 ? gain : 0.0; }
    return sd * exp(log_improvement(gain / sd, &slope));
}

double pbti_acquisition_climb(const struct pbti_acquisition *acquisition, double mean, double sd,
                              double best, double *by_mean, double *by_sd)
{
    assert(sd > 0.0);
    double const z = (mean - best - acquisition->xi) / sd;
    double slope;
    double value;
    switch (acquisition->kind) {
    case PBTI_ACQUISITION_UCB:
        *by_mean = 1.0;
        *by_sd = acquisition->kappa;
        return mean + acquisition->kappa * sd;
    case PBTI_ACQUISITION_PI:
        value = log_probability(z, &slope);
        *by_mean = slope / sd;
        *by_sd = -slope * z / sd;
        return value;
    case PBTI_ACQUISITION_EI: break;
    }
    value = log(sd) + log_improvement(z, &slope);
    *by_mean = slope / sd;
    *by_sd = (1.0 - slope * z) / sd;
    return value;
}
