/* SPDX-License-Identifier: Apache-2.0 */
/*
 * propose/gp.h - Gaussian process regression with zero mean and Gaussian noise.
 *
 * Scores y at points X are modelled as f(X) + noise, cov f = amplitude * k, noise variance
 * sigma^2; K = amplitude k(X, X) + sigma^2 I = L L'. The model has D + 2 parameters, kept as
 * natural logarithms in this order:
 *
 *     ln amplitude, ln l_1 ... ln l_D, ln sigma^2
 *
 * Use: create; set points; set `log_parameters` by hand or by pbti_gp_fit(); pbti_gp_update();
 * predict. The caller scales: the bounds of pbti_gp_fit() expect points in the unit cube and scores
 * of mean 0 and variance 1.
 *
 * Layout      matrices are LAPACK's: column-major; of symmetric ones the lower triangle.
 * Threads     an object belongs to one thread at a time; nothing is shared, nothing global.
 * Source      Rasmussen and Williams 2006, algorithm 2.1, equations 2.25, 2.26, 2.30, 5.9.
 * Differences where K is not positive definite in floating point (points on top of each other and
 *             next to no noise), the diagonal is raised until it is, and `jitter` says by how much.
 */
#ifndef PBTI_PROPOSE_GP_H
#define PBTI_PROPOSE_GP_H

#include "pbt/status.h"
#include "propose/kernel.h"

#include <stdbool.h>
#include <stdint.h>

#define PBTI_GP_POINTS_MAX 10000 /* three matrices of this square: 2.4 GB */

struct pbti_gp {
    enum pbti_kernel kernel;
    uint32_t dimensions; /* D >= 1 */
    uint32_t capacity;   /* points that fit */
    uint32_t count;      /* points there, n */

    /* The model, the caller's to set. */
    double *log_parameters; /* (D + 2) */
    double *x;              /* (D, capacity): point i is x[d * capacity + i] */
    double *y;              /* (capacity) */

    /* What pbti_gp_update() makes of it. */
    double log_likelihood; /* ln p(y | X, parameters) */
    double jitter;         /* added to the noise variance, mostly 0 */
    double *factor;        /* (n, n): L */
    double *alpha;         /* (n): K^-1 y */

    /* Scratch. */
    double *slopes;  /* (n, n): slopes of the kernel, when a gradient was asked for */
    double *inverse; /* (n, n): K^-1 */
    double *scratch; /* (D, capacity) */
    double *memory;  /* the block all of these are in */
};

/*
 * Take the memory for `capacity` points in `dimensions` dimensions; parameters are set to
 * amplitude 1, length scales 0.5, noise variance 1e-3.
 *
 * out         out, owned by the caller, release with pbti_gp_destroy(); NULL on error
 *
 * Errors      PBT_ENOMEM, PBT_ELIMIT (more points than PBTI_GP_POINTS_MAX)
 * Requires    dimensions >= 1, capacity >= 1
 */
PBT_NODISCARD pbt_status pbti_gp_create(enum pbti_kernel kernel, uint32_t dimensions,
                                        uint32_t capacity, struct pbti_gp **out,
                                        struct pbt_error *err);

void pbti_gp_destroy(struct pbti_gp *gp); /* accepts NULL */

/* Forget all points. */
void pbti_gp_clear(struct pbti_gp *gp);

/* Add a point, in, shape (D), with its score. Requires room and finite numbers. */
void pbti_gp_add(struct pbti_gp *gp, const double *point, double score);

/*
 * Factor K, and fill `alpha`, `log_likelihood` and `jitter`.
 *
 * gradient    out, shape (D + 2), of log_likelihood by log_parameters; NULL = not wanted
 *
 * Returns     false when even a jitter of a thousandth of the amplitude does not make K positive
 *             definite (a parameter is not finite): nothing may be predicted then
 * Requires    count >= 1
 */
bool pbti_gp_update(struct pbti_gp *gp, double *gradient);

/*
 * Mean and variance of f at `count` points (without the noise), for a batch of candidates.
 *
 * points      in, shape (D, count), one row a dimension
 * cross       scratch, shape (n, count)
 * means       out, shape (count)
 * variances   out, shape (count), at least 0
 */
void pbti_gp_predict(const struct pbti_gp *gp, const double *points, uint32_t count, double *cross,
                     double *means, double *variances);

/*
 * Mean and variance at one point, with gradients.
 *
 * point         in, shape (D)
 * by_mean       out, shape (D): gradient of the mean
 * by_variance   out, shape (D): gradient of the variance
 */
void pbti_gp_predict_slope(struct pbti_gp *gp, const double *point, double *mean, double *variance,
                           double *by_mean, double *by_variance);

/* -------- fitting -------- */

struct pbti_gp_fit_options {
    uint32_t starts;          /* searches: the first from the present parameters; default 3 */
    uint32_t evaluations_max; /* likelihoods a search may ask for; default 100 */
    uint64_t seed;            /* of the other starts */
};
struct pbti_gp_fit_options pbti_gp_fit_options_default(void);

/*
 * Set `log_parameters` to the most likely ones and update.
 *
 * Maximises log_likelihood plus a weak prior by NLopt's SLSQP, from several starts.
 *
 * Errors      PBT_ENOMEM; the parameters are then what they were, the object needs an update
 * Determinism pure function of the points, the parameters and the options
 * Differences from plain maximum likelihood: independent normal priors on the logarithms, as wide
 *             as stated in gp_fit.c, so that few points do not give absurd length scales.
 */
PBT_NODISCARD pbt_status pbti_gp_fit(struct pbti_gp *gp, const struct pbti_gp_fit_options *options,
                                     struct pbt_error *err);

#endif
