/* SPDX-License-Identifier: Apache-2.0 */
/*
 * propose/propose.h - Bayesian optimisation: which hyperparameters to try next.
 *
 * One call, and nothing is kept between calls. The first points are a Latin hypercube; after that a
 * Gaussian process is fitted to the scores so far, points that others are trying now are added to
 * it with the score it expects of them, and the point where an acquisition function is largest is
 * proposed.
 *
 * Scores      larger is better; negate what is minimised. They need no scaling: mean and standard
 *             deviation are taken out, and values far below the rest (further below the first
 *             quartile than three times the distance between the quartiles) are raised to that
 *             line, so that one diverged training does not flatten everything else.
 * Not finite  a score that is NaN or infinite counts as the worst finite one: the proposals keep
 *             away from there. Without any finite score the Latin hypercube goes on.
 * Ordinary    equal points, constant scores, one observation, no dimension at all.
 * Refits      the model's parameters are fitted to the first pbti_propose_fit_count() observations
 *             only, so their number grows in strides of a tenth, and a caller who keeps the memo of
 *             the last call saves the fits in between. The memo changes no result.
 * Time        measured by bench/bench_propose.c, 8 dimensions: some 40 ms at 100 observations, 2 s
 *             at 1,000, most of it the fit, which one call in a hundred makes there.
 * Determinism a pure function of its arguments on one machine. Another LAPACK (OpenBLAS, with any
 *             number of threads) may round differently: record a proposal, do not redo it.
 *
 * Source      Jones et al. 1998; Snoek, Larochelle, Adams 2012; pending points: the "kriging
 *             believer" of Ginsbourger, Le Riche, Carraro 2010; whole types: Garrido-Merchan and
 *             Hernandez-Lobato 2020, section 3 (only legal points are ever judged).
 * Differences the incumbent is the largest posterior mean at an observed or pending point, not the
 *             largest observed score, which noise has flattered.
 */
#ifndef PBTI_PROPOSE_PROPOSE_H
#define PBTI_PROPOSE_PROPOSE_H

#include "core/space.h"
#include "pbt/status.h"
#include "propose/acquisition.h"
#include "propose/kernel.h"

#include <stdbool.h>
#include <stdint.h>

/* What is known. Rows are valid values of all hyperparameters of the space. */
struct pbti_propose_data {
    const double *values;  /* (count, space->count), in the order the scores became known */
    const double *scores;  /* (count) */
    uint32_t count;        /* observations; with `pending_count` at most 10,000 */
    const double *pending; /* (pending_count, space->count): being tried now */
    uint32_t pending_count;
};

struct pbti_propose_options {
    enum pbti_kernel kernel;             /* matern52 */
    struct pbti_acquisition acquisition; /* ei; xi 0, kappa 1.96; xi in sd of the scores */
    uint32_t initial;                    /* points of the Latin hypercube, at least 1; 10 */
    uint32_t fit_starts;                 /* searches for the model's parameters; 3 */
    uint32_t
        fit_points_max;  /* observations a fit looks at, evenly chosen when there are more; 300 */
    uint32_t candidates; /* random points the search for the proposal begins with; 1000 */
};
struct pbti_propose_options pbti_propose_options_default(void);

/* What a fit found, for the next call. Zeroed at first; good for one study's growing data only. */
struct pbti_propose_memo {
    uint32_t fit_count; /* observations behind it; 0 = empty */
    double log_parameters[PBTI_HP_MAX + PBTI_SPACE_VALUES_MAX + 2]; /* as in propose/gp.h */
};

/*
 * Is there what pbti_propose_next() needs: the module `bayes` with LAPACKE and NLopt?
 *
 * Errors      those of pbti_module_open(), which name what to install
 */
PBT_NODISCARD pbt_status pbti_propose_open(struct pbt_error *err);

/* How many of `count` observations the parameters are fitted to: all up to 20, then steps of a
 * tenth. Requires count >= 1. */
uint32_t pbti_propose_fit_count(uint32_t count);

/*
 * Propose the next point.
 *
 * seed        of the study; the same for all its calls
 * memo        in/out, may be NULL
 * values      out, shape (space->count): valid values
 *
 * Returns     PBT_OK. A point that was tried before is proposed only when the search met no other,
 *             as in a space with few points.
 * Errors      PBT_ENOMEM, PBT_ELIMIT (too many observations), PBT_EINVAL (this library was built
 *             without Bayesian optimisation); `values` is untouched
 */
PBT_NODISCARD pbt_status pbti_propose_next(const struct pbti_space *space,
                                           const struct pbti_propose_data *data,
                                           const struct pbti_propose_options *options,
                                           uint64_t seed, struct pbti_propose_memo *memo,
                                           double *values, struct pbt_error *err);

/* What the module `bayes` offers. */
struct pbti_propose_table {
    /* As pbti_propose_next(), which calls it. */
    pbt_status (*next)(const struct pbti_space *space, const struct pbti_propose_data *data,
                       const struct pbti_propose_options *options, uint64_t seed,
                       struct pbti_propose_memo *memo, double *values, struct pbt_error *err);
};
extern const struct pbti_propose_table pbti_propose_table; /* inside the module */

#endif
