/* SPDX-License-Identifier: Apache-2.0 */
/*
 * propose/gp_fit.c - the parameters of a Gaussian process by penalised likelihood; see gp.h.
 *
 * NLopt's SLSQP is deterministic, and its starts are drawn here: NLopt's own generator, which is
 * global, is never used. NLopt's answer is not relied upon: the best parameters any evaluation saw
 * are kept, so a search that ends early or without convergence has still done what it could.
 */
#include "propose/gp.h"

#include "base/fail.h"
#include "base/rng.h"

#include <assert.h>
#include <math.h>
#include <nlopt.h>
#include <stdlib.h>
#include <string.h>

/* Bounds, prior and range of starts of one parameter. */
struct range {
    double low, high;      /* of the parameter */
    double middle, spread; /* ln of the prior's median; standard deviation of the logarithm */
    double start_low, start_high; /* of the starts that are drawn */
};

static struct range const amplitude_range = {1e-2, 1e2, 0.0, 1.5, 0.3, 3.0};
static struct range const length_range = {1e-2, 1e2, -0.5, 1.5, 0.1, 2.0};
static struct range const noise_range = {1e-8, 1.0, -9.0, 3.5, 1e-5, 0.1};

static const struct range *range_of(const struct pbti_gp *gp, uint32_t parameter)
{
    if (parameter == 0) { return &amplitude_range; }
    return parameter <= gp->dimensions ? &length_range : &noise_range;
}

struct pbti_gp_fit_options pbti_gp_fit_options_default(void)
{
    return (struct pbti_gp_fit_options){.starts = 3, .evaluations_max = 100, .seed = 0};
}

/* -------- the objective -------- */

struct search {
    struct pbti_gp *gp;
    uint32_t count;    /* parameters */
    double *gradient;  /* (count) when NLopt wants none */
    double best_value; /* the largest seen in any search */
    double *best;      /* (count) its parameters */
};

static double objective(unsigned count, const double *parameters, double *gradient, void *context)
{
    struct search *const search = context;
    struct pbti_gp *const gp = search->gp;
    if (gradient == NULL) { gradient = search->gradient; }
    memcpy(gp->log_parameters, parameters, count * sizeof *parameters);
    if (!pbti_gp_update(gp, gradient)) {
        memset(gradient, 0, count * sizeof *gradient);
        return -1e30; /* a wall, but a number */
    }
    double value = gp->log_likelihood;
    for (uint32_t i = 0; i < count; i++) {
        const struct range *const range = range_of(gp, i);
        double const away = (parameters[i] - range->middle) / range->spread;
        value -= 0.5 * away * away;
        gradient[i] -= away / range->spread;
    }
    if (value > search->best_value) {
        search->best_value = value;
        memcpy(search->best, parameters, count * sizeof *parameters);
    }
    return value;
}

/* -------- the searches -------- */

static void set_start(const struct search *search, uint32_t start, uint64_t seed, double *out)
{
    for (uint32_t i = 0; i < search->count; i++) {
        const struct range *const range = range_of(search->gp, i);
        if (start > 0) {
            struct pbti_stream const stream = {seed, PBTI_PURPOSE_PROPOSE_FIT, start, 0};
            double const low = log(range->start_low);
            out[i] = low + (log(range->start_high) - low) * pbti_draw_unit(&stream, i);
        }
        out[i] = fmin(fmax(out[i], log(range->low)), log(range->high));
    }
}

static bool set_up(nlopt_opt opt, struct search *search, uint32_t evaluations_max, double *scratch)
{
    double *const low = scratch;
    double *const high = scratch + search->count;
    for (uint32_t i = 0; i < search->count; i++) {
        low[i] = log(range_of(search->gp, i)->low);
        high[i] = log(range_of(search->gp, i)->high);
    }
    return nlopt_set_max_objective(opt, objective, search) > 0 &&
           nlopt_set_lower_bounds(opt, low) > 0 && nlopt_set_upper_bounds(opt, high) > 0 &&
           nlopt_set_ftol_abs(opt, 1e-4) > 0 && nlopt_set_xtol_abs1(opt, 1e-4) > 0 &&
           nlopt_set_maxeval(opt, (int)evaluations_max) > 0;
}

pbt_status pbti_gp_fit(struct pbti_gp *gp, const struct pbti_gp_fit_options *options,
                       struct pbt_error *err)
{
    assert(options->starts >= 1 && options->evaluations_max >= 1);
    uint32_t const count = gp->dimensions + 2;
    double *const memory = calloc((size_t)count * 5, sizeof *memory);
    nlopt_opt opt = nlopt_create(NLOPT_LD_SLSQP, count);
    double *const first = memory;
    double *const start = memory + count; /* start, best, and two of scratch */
    struct search search = {gp, count, memory + (size_t)count * 3, -INFINITY,
                            memory + (size_t)count * 2};
    bool enough = memory != NULL && opt != NULL;
    if (enough) {
        memcpy(first, gp->log_parameters, count * sizeof *first);
        memcpy(search.best, first, count * sizeof *first);
        enough = set_up(opt, &search, options->evaluations_max, memory + (size_t)count * 3);
    }
    for (uint32_t i = 0; enough && i < options->starts; i++) {
        double value;
        memcpy(start, first, count * sizeof *start);
        set_start(&search, i, options->seed, start);
        enough = nlopt_optimize(opt, start, &value) != NLOPT_OUT_OF_MEMORY;
    }
    if (memory != NULL) {
        memcpy(gp->log_parameters, enough ? search.best : first, count * sizeof *first);
    }
    nlopt_destroy(opt);
    free(memory);
    if (!enough) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    if (!pbti_gp_update(gp, NULL)) {
        return PBTI_FAIL(err, PBT_EINVAL, 0, "no Gaussian process fits the %u scores", gp->count);
    }
    return PBT_OK;
}
