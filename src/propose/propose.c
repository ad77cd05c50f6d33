/* SPDX-License-Identifier: Apache-2.0 */
/* propose/propose.c - from observations to the next proposal; see propose.h. */
#include "propose/propose.h"

#include "base/fail.h"
#include "base/rng.h"
#include "base/stats.h"
#include "propose/gp.h"
#include "propose/propose_search.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -------- the first points -------- */

/*
 * Point `index` of Latin hypercubes of `size` points, one after the other: in each hyperparameter
 * every one of `size` equal shares of its prior is met once. The share is the rank of the point's
 * random number among those of its hypercube, so that no point depends on the ones before it.
 */
static void latin_hypercube(const struct pbti_space *space, uint64_t seed, uint64_t index,
                            uint32_t size, double *values)
{
    uint64_t const first = index - index % size;
    for (uint32_t i = 0; i < space->count; i++) {
        struct pbti_stream const order = {seed, PBTI_PURPOSE_PROPOSE_INITIAL, i, 0};
        struct pbti_stream const within = {seed, PBTI_PURPOSE_PROPOSE_INITIAL, i, 1};
        uint64_t const own = pbti_draw_bits(&order, index);
        uint32_t rank = 0;
        for (uint64_t k = first; k < first + size; k++) {
            uint64_t const other = pbti_draw_bits(&order, k);
            if (other < own || (other == own && k < index)) { rank++; }
        }
        double const unit = (rank + pbti_draw_unit(&within, index)) / size;
        values[i] = pbti_hp_sample(&space->hp[i], fmin(unit, nextafter(1.0, 0.0)));
    }
}

/* -------- scores -------- */

/*
 * How scores become what the model sees: with part = (max(score, fence) - worst) / range, which is
 * in 0..1, (part - mean) / sd. Halves are subtracted, so that nothing overflows.
 */
struct scaling {
    double fence;      /* -infinity: none */
    double worst;      /* what a score that is not finite counts as */
    double half_range; /* 0: all scores are equal, and seen as 0 */
    double mean, sd;   /* of the parts */
};

static int compare_doubles(const void *a, const void *b)
{
    double const left = *(const double *)a;
    double const right = *(const double *)b;
    return (left > right) - (left < right);
}

static double part_of(const struct scaling *scaling, double score)
{
    return (fmax(score, scaling->fence) / 2.0 - scaling->worst / 2.0) / scaling->half_range;
}

/* From the finite ones of `count` scores; sorted: scratch, (count). False: none is finite. */
static bool find_scaling(const double *scores, uint32_t count, double *sorted, struct scaling *out)
{
    uint32_t finite = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (isfinite(scores[i])) { sorted[finite++] = scores[i]; }
    }
    if (finite == 0) { return false; }
    qsort(sorted, finite, sizeof *sorted, compare_doubles);
    double const low = sorted[finite / 4];
    double const spread = sorted[finite - 1 - finite / 4] - low;
    out->fence = spread > 0.0 ? low - 3.0 * spread : -INFINITY;
    out->worst = fmax(sorted[0], out->fence);
    out->half_range = sorted[finite - 1] / 2.0 - out->worst / 2.0;
    if (!(out->half_range > 0.0)) { return true; }
    struct pbti_sample sample = {0, 0.0, 0.0};
    for (uint32_t i = 0; i < finite; i++) {
        pbti_sample_add(&sample, part_of(out, sorted[i]));
    }
    out->mean = sample.mean;
    out->sd = sqrt(sample.squares / (double)finite);
    return true;
}

static double scaled(const struct scaling *scaling, double score)
{
    if (!(scaling->half_range > 0.0)) { return 0.0; }
    if (!isfinite(score)) { score = scaling->worst; }
    return (part_of(scaling, score) - scaling->mean) / scaling->sd;
}

/* -------- the model -------- */

struct call {
    const struct pbti_propose_data *data;
    const struct pbti_propose_options *options;
    uint64_t seed;
    struct pbti_cube cube;
    struct pbti_gp *gp;
    double *point;     /* (dimensions) */
    double *incumbent; /* (dimensions) */
    double *sorted;    /* (count) scratch */
};

static void add_observation(struct call *call, const struct scaling *scaling, uint32_t index)
{
    const double *const row = call->data->values + (size_t)index * call->cube.space->count;
    pbti_cube_from_values(&call->cube, row, call->point);
    pbti_gp_add(call->gp, call->point, scaled(scaling, call->data->scores[index]));
}

/* Fit the parameters to the first `known` observations. Where those say nothing, the parameters
 * stay what they are at first. */
static pbt_status fit_parameters(struct call *call, uint32_t known, struct pbt_error *err)
{
    uint32_t const most = call->options->fit_points_max;
    uint32_t const count = known < most ? known : most;
    struct scaling scaling;
    if (!find_scaling(call->data->scores, known, call->sorted, &scaling)) { return PBT_OK; }
    if (!(scaling.half_range > 0.0)) { return PBT_OK; }
    for (uint32_t i = 0; i < count; i++) {
        add_observation(call, &scaling, (uint32_t)((uint64_t)i * known / count));
    }
    struct pbti_gp_fit_options options = pbti_gp_fit_options_default();
    options.starts = call->options->fit_starts;
    options.seed = call->seed;
    PBTI_TRY(pbti_gp_fit(call->gp, &options, err));
    pbti_gp_clear(call->gp);
    return PBT_OK;
}

static pbt_status update_model(struct call *call, struct pbt_error *err)
{
    if (pbti_gp_update(call->gp, NULL)) { return PBT_OK; }
    return PBTI_FAIL(err, PBT_EINVAL, 0, "no Gaussian process fits the %u scores",
                     call->data->count);
}

/* Parameters, from the memo or by a fit; then all observations. */
static pbt_status build_model(struct call *call, const struct scaling *scaling,
                              struct pbti_propose_memo *memo, struct pbt_error *err)
{
    uint32_t const known = pbti_propose_fit_count(call->data->count);
    size_t const size = (call->cube.dimensions + 2) * sizeof *call->gp->log_parameters;
    if (memo != NULL && memo->fit_count == known) {
        memcpy(call->gp->log_parameters, memo->log_parameters, size);
    } else {
        PBTI_TRY(fit_parameters(call, known, err));
    }
    if (memo != NULL) {
        memo->fit_count = known;
        memcpy(memo->log_parameters, call->gp->log_parameters, size);
    }
    for (uint32_t i = 0; i < call->data->count; i++) {
        add_observation(call, scaling, i);
    }
    return update_model(call, err);
}

/* The point of the model with the largest posterior mean, into `point`; returns that mean. As
 * (K - noise) alpha = y - noise alpha, the means are there already. */
static double find_incumbent(const struct pbti_gp *gp, double *point)
{
    double const noise = exp(gp->log_parameters[gp->dimensions + 1]) + gp->jitter;
    uint32_t best = 0;
    for (uint32_t i = 1; i < gp->count; i++) {
        if (gp->y[i] - noise * gp->alpha[i] > gp->y[best] - noise * gp->alpha[best]) { best = i; }
    }
    for (uint32_t d = 0; d < gp->dimensions; d++) {
        point[d] = gp->x[(size_t)d * gp->capacity + best];
    }
    return gp->y[best] - noise * gp->alpha[best];
}

/* Add what is being tried now, with the scores the model expects: its mean stays what it is. */
static pbt_status believe_pending(struct call *call, struct pbt_error *err)
{
    const struct pbti_propose_data *const data = call->data;
    struct pbti_gp *const gp = call->gp;
    if (data->pending_count == 0) { return PBT_OK; }
    for (uint32_t i = 0; i < data->pending_count; i++) {
        double mean;
        double variance;
        const double *const row = data->pending + (size_t)i * call->cube.space->count;
        pbti_cube_from_values(&call->cube, row, call->point);
        pbti_gp_predict(gp, call->point, 1, gp->inverse, &mean, &variance);
        gp->y[data->count + i] = mean; /* kept until all are predicted from the same model */
    }
    for (uint32_t i = 0; i < data->pending_count; i++) {
        const double *const row = data->pending + (size_t)i * call->cube.space->count;
        pbti_cube_from_values(&call->cube, row, call->point);
        pbti_gp_add(gp, call->point, gp->y[data->count + i]);
    }
    return update_model(call, err);
}

static pbt_status propose_by_model(struct call *call, const struct scaling *scaling,
                                   struct pbti_propose_memo *memo, double *values,
                                   struct pbt_error *err)
{
    PBTI_TRY(build_model(call, scaling, memo, err));
    PBTI_TRY(believe_pending(call, err));
    double const best = find_incumbent(call->gp, call->incumbent);
    struct pbti_propose_search const search = {
        .gp = call->gp,
        .cube = &call->cube,
        .acquisition = &call->options->acquisition,
        .best = best,
        .incumbent = call->incumbent,
        .candidates = call->options->candidates,
        .seed = call->seed,
        .round = (uint64_t)call->data->count + call->data->pending_count,
    };
    PBTI_TRY(pbti_propose_search(&search, call->point, err));
    pbti_cube_to_values(&call->cube, call->point, values);
    return PBT_OK;
}

static pbt_status propose_next(const struct pbti_space *space, const struct pbti_propose_data *data,
                               const struct pbti_propose_options *options, uint64_t seed,
                               struct pbti_propose_memo *memo, double *values,
                               struct pbt_error *err)
{
    assert(options->initial >= 1 && options->fit_starts >= 1 && options->fit_points_max >= 1);
    uint64_t const index = (uint64_t)data->count + data->pending_count;
    if (index > PBTI_GP_POINTS_MAX) {
        return PBTI_FAIL(err, PBT_ELIMIT, 0, "%llu observations are more than allowed (%d)",
                         (unsigned long long)index, PBTI_GP_POINTS_MAX);
    }
    struct call call = {.data = data, .options = options, .seed = seed};
    pbti_cube_init(&call.cube, space);
    uint32_t const dimensions = call.cube.dimensions;
    call.point = malloc(((size_t)dimensions * 2 + data->count + 1) * sizeof *call.point);
    if (call.point == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    call.incumbent = call.point + dimensions;
    call.sorted = call.incumbent + dimensions;
    struct scaling scaling;
    pbt_status status = PBT_OK;
    if (index >= options->initial && dimensions > 0 &&
        find_scaling(data->scores, data->count, call.sorted, &scaling)) {
        status = pbti_gp_create(options->kernel, dimensions, (uint32_t)index, &call.gp, err);
        if (status == PBT_OK) { status = propose_by_model(&call, &scaling, memo, values, err); }
        pbti_gp_destroy(call.gp);
    } else {
        latin_hypercube(space, seed, index, options->initial, values);
    }
    free(call.point);
    return status;
}

const struct pbti_propose_table pbti_propose_table = {propose_next};
