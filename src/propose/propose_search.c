/* SPDX-License-Identifier: Apache-2.0 */
/* propose/propose_search.c - maximise an acquisition function; see propose_search.h. */
#include "propose/propose_search.h"

#include "base/fail.h"
#include "base/rng.h"

#include <assert.h>
#include <math.h>
#include <nlopt.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 64   /* candidates judged together */
#define CLIMBERS 5 /* candidates that climb */
#define ROUNDS 3   /* of a climber: continuous, then whole */
#define CLIMB_EVALUATIONS 60
#define SD_MIN 1e-9 /* where the model is sure, so that the climb stays finite */

/* A search at work. Points have shape (dimensions). */
struct climb {
    const struct pbti_propose_search *search;
    uint32_t free_count; /* continuous coordinates */
    uint32_t *free_at;   /* (dimensions) which they are */
    double *top;         /* (CLIMBERS, dimensions), best first */
    double top_value[CLIMBERS];
    uint32_t top_count;
    double *batch;   /* (dimensions, BATCH) */
    double *cross;   /* (n, BATCH) */
    double *trial;   /* a point being judged */
    double *by_mean; /* gradients */
    double *by_variance;
    double *start;      /* (free_count) what NLopt moves */
    double *best_start; /* (free_count) the best it met */
    double best_value;
};

/* -------- judging -------- */

static double sd_of(double variance)
{
    double const sd = sqrt(variance);
    return sd > SD_MIN ? sd : SD_MIN;
}

/* The acquisition function at `point`; gradient: out, (dimensions), NULL = not wanted. */
static double judge(const struct climb *climb, const double *point, double *gradient)
{
    const struct pbti_propose_search *const search = climb->search;
    double mean;
    double variance;
    double by_mean;
    double by_sd;
    pbti_gp_predict_slope(search->gp, point, &mean, &variance, climb->by_mean, climb->by_variance);
    double const sd = sd_of(variance);
    double const value =
        pbti_acquisition_climb(search->acquisition, mean, sd, search->best, &by_mean, &by_sd);
    for (uint32_t d = 0; gradient != NULL && d < search->gp->dimensions; d++) {
        gradient[d] = by_mean * climb->by_mean[d] + by_sd * climb->by_variance[d] / (2.0 * sd);
    }
    return value;
}

static bool is_taken(const struct pbti_gp *gp, const double *point)
{
    for (uint32_t i = 0; i < gp->count; i++) {
        uint32_t d = 0;
        while (d < gp->dimensions && gp->x[(size_t)d * gp->capacity + i] == point[d]) {
            d++;
        }
        if (d == gp->dimensions) { return true; }
    }
    return false;
}

/* -------- candidates -------- */

/* Candidate `index`: even ones are anywhere, odd ones near the incumbent in half of their parts. */
static void draw_candidate(const struct climb *climb, uint32_t index, double *point)
{
    const struct pbti_propose_search *const search = climb->search;
    uint32_t const dimensions = search->cube->dimensions;
    struct pbti_stream const stream = {search->seed, PBTI_PURPOSE_PROPOSE_CANDIDATE, index,
                                       search->round};
    double const reach = 0.2 * pow(10.0, -2.0 * pbti_draw_unit(&stream, 3 * (uint64_t)dimensions));
    for (uint32_t i = 0; i < search->cube->space->count; i++) {
        uint32_t const first = search->cube->first[i];
        bool const moves = index % 2 == 0 || pbti_draw_unit(&stream, 3 * (uint64_t)first) < 0.5;
        bool const anywhere = index % 2 == 0 || search->cube->width[i] > 1;
        for (uint32_t d = first; d < first + search->cube->width[i]; d++) {
            double const shift = reach * pbti_draw_normal(&stream, 3 * (uint64_t)d + 1);
            point[d] = !moves     ? search->incumbent[d]
                       : anywhere ? pbti_draw_unit(&stream, 3 * (uint64_t)d + 2)
                                  : search->incumbent[d] + shift;
        }
    }
    pbti_cube_snap(search->cube, point);
}

/* Put a point among the best few, unless it was tried before. */
static void consider(struct climb *climb, const double *point, double value)
{
    uint32_t const dimensions = climb->search->cube->dimensions;
    uint32_t place = climb->top_count;
    while (place > 0 && value > climb->top_value[place - 1]) {
        place--;
    }
    if (place == CLIMBERS || is_taken(climb->search->gp, point)) { return; }
    for (uint32_t i = 0; i < climb->top_count; i++) {
        size_t const size = dimensions * sizeof *point;
        if (memcmp(climb->top + (size_t)i * dimensions, point, size) == 0) { return; }
    }
    if (climb->top_count < CLIMBERS) { climb->top_count++; }
    for (uint32_t i = climb->top_count - 1; i > place; i--) {
        memcpy(climb->top + (size_t)i * dimensions, climb->top + (size_t)(i - 1) * dimensions,
               dimensions * sizeof *point);
        climb->top_value[i] = climb->top_value[i - 1];
    }
    memcpy(climb->top + (size_t)place * dimensions, point, dimensions * sizeof *point);
    climb->top_value[place] = value;
}

static void judge_candidates(struct climb *climb)
{
    const struct pbti_propose_search *const search = climb->search;
    uint32_t const dimensions = search->cube->dimensions;
    for (uint32_t from = 0; from < search->candidates; from += BATCH) {
        uint32_t const left = search->candidates - from;
        uint32_t const count = left < BATCH ? left : BATCH;
        double means[BATCH];
        double variances[BATCH];
        for (uint32_t i = 0; i < count; i++) {
            draw_candidate(climb, from + i, climb->trial);
            for (uint32_t d = 0; d < dimensions; d++) {
                climb->batch[(size_t)d * count + i] = climb->trial[d];
            }
        }
        pbti_gp_predict(search->gp, climb->batch, count, climb->cross, means, variances);
        for (uint32_t i = 0; i < count; i++) {
            double by_mean;
            double by_sd;
            for (uint32_t d = 0; d < dimensions; d++) {
                climb->trial[d] = climb->batch[(size_t)d * count + i];
            }
            consider(climb, climb->trial,
                     pbti_acquisition_climb(search->acquisition, means[i], sd_of(variances[i]),
                                            search->best, &by_mean, &by_sd));
        }
    }
}

/* -------- climbing -------- */

static double climb_objective(unsigned count, const double *start, double *gradient, void *context)
{
    struct climb *const climb = context;
    double *const full = climb->batch; /* free by now: (dimensions) */
    for (unsigned i = 0; i < count; i++) {
        climb->trial[climb->free_at[i]] = start[i];
    }
    double const value = judge(climb, climb->trial, full);
    for (unsigned i = 0; gradient != NULL && i < count; i++) {
        gradient[i] = full[climb->free_at[i]];
    }
    if (value > climb->best_value) {
        climb->best_value = value;
        memcpy(climb->best_start, start, count * sizeof *start);
    }
    return value;
}

/* Move the continuous coordinates of `point` up; returns the value there. */
static double climb_continuous(struct climb *climb, nlopt_opt opt, double *point, double value)
{
    if (climb->free_count == 0) { return value; }
    memcpy(climb->trial, point, climb->search->cube->dimensions * sizeof *point);
    for (uint32_t i = 0; i < climb->free_count; i++) {
        climb->start[i] = climb->best_start[i] = point[climb->free_at[i]];
    }
    climb->best_value = value;
    double reached;
    (void)nlopt_optimize(opt, climb->start, &reached); /* what it met is kept, however it ended */
    for (uint32_t i = 0; i < climb->free_count; i++) {
        point[climb->free_at[i]] = climb->best_start[i];
    }
    return climb->best_value;
}

/* Try `value` of hyperparameter `index` in place of the one that `point` has. */
static bool try_value(struct climb *climb, uint32_t index, double value, double *point,
                      double *best)
{
    const struct pbti_cube *const cube = climb->search->cube;
    const struct pbti_hp *const hp = &cube->space->hp[index];
    if (!pbti_hp_valid(hp, value)) { return false; }
    memcpy(climb->trial, point, cube->dimensions * sizeof *point);
    pbti_cube_set(cube, index, value, climb->trial);
    double const found = judge(climb, climb->trial, NULL);
    if (!(found > *best) || is_taken(climb->search->gp, climb->trial)) { return false; }
    *best = found;
    memcpy(point, climb->trial, cube->dimensions * sizeof *point);
    return true;
}

/* Move whole hyperparameters one by one: to a neighbour, or to any other category. */
static bool climb_whole(struct climb *climb, double *point, double *best)
{
    const struct pbti_cube *const cube = climb->search->cube;
    bool moved = false;
    for (uint32_t i = 0; i < cube->space->count; i++) {
        const struct pbti_hp *const hp = &cube->space->hp[i];
        if (cube->width[i] == 0 || pbti_cube_is_continuous(cube, i)) { continue; }
        if (hp->kind == PBTI_HP_CATEGORICAL) {
            for (uint32_t k = 0; k < hp->count; k++) {
                moved |= try_value(climb, i, (double)k, point, best);
            }
            continue;
        }
        double const value = pbti_cube_value(cube, i, point);
        moved |= try_value(climb, i, value - 1.0, point, best);
        moved |= try_value(climb, i, value + 1.0, point, best);
    }
    return moved;
}

/* Let the best few climb; the highest of them ends in `point`. */
static void climb_all(struct climb *climb, nlopt_opt opt, double *point)
{
    uint32_t const dimensions = climb->search->cube->dimensions;
    double highest = -INFINITY;
    for (uint32_t i = 0; i < climb->top_count; i++) {
        double *const own = climb->top + (size_t)i * dimensions;
        double value = climb->top_value[i];
        bool moved = true;
        for (int round = 0; moved && round < ROUNDS; round++) {
            value = climb_continuous(climb, opt, own, value);
            moved = climb_whole(climb, own, &value);
        }
        if (value > highest && !is_taken(climb->search->gp, own)) {
            highest = value;
            memcpy(point, own, dimensions * sizeof *point);
        }
    }
}

/* -------- the search -------- */

/* NLopt set up for the continuous coordinates; NULL when memory is short. */
static nlopt_opt new_climb(struct climb *climb)
{
    nlopt_opt opt = nlopt_create(NLOPT_LD_SLSQP, climb->free_count);
    bool const enough = opt != NULL && nlopt_set_max_objective(opt, climb_objective, climb) > 0 &&
                        nlopt_set_lower_bounds1(opt, 0.0) > 0 &&
                        nlopt_set_upper_bounds1(opt, 1.0) > 0 &&
                        nlopt_set_ftol_abs(opt, 1e-7) > 0 && nlopt_set_xtol_abs1(opt, 1e-7) > 0 &&
                        nlopt_set_maxeval(opt, CLIMB_EVALUATIONS) > 0;
    if (enough) { return opt; }
    nlopt_destroy(opt);
    return NULL;
}

static void find_free(struct climb *climb)
{
    const struct pbti_cube *const cube = climb->search->cube;
    for (uint32_t i = 0; i < cube->space->count; i++) {
        if (pbti_cube_is_continuous(cube, i)) {
            climb->free_at[climb->free_count++] = cube->first[i];
        }
    }
}

pbt_status pbti_propose_search(const struct pbti_propose_search *search, double *point,
                               struct pbt_error *err)
{
    size_t const d = search->cube->dimensions;
    assert(d >= 1 && d == search->gp->dimensions && search->candidates >= 1);
    struct climb climb = {.search = search};
    size_t const doubles = d * (CLIMBERS + BATCH + 5) + (size_t)search->gp->count * BATCH;
    double *const memory = calloc(doubles, sizeof *memory);
    climb.free_at = calloc(d, sizeof *climb.free_at);
    nlopt_opt opt = NULL;
    bool enough = memory != NULL && climb.free_at != NULL;
    if (enough) {
        climb.top = memory;
        climb.batch = climb.top + d * CLIMBERS;
        climb.trial = climb.batch + d * BATCH;
        climb.by_mean = climb.trial + d;
        climb.by_variance = climb.by_mean + d;
        climb.start = climb.by_variance + d;
        climb.best_start = climb.start + d;
        climb.cross = climb.best_start + d;
        find_free(&climb);
        opt = new_climb(&climb);
        enough = opt != NULL;
    }
    if (enough) {
        draw_candidate(&climb, 0, point); /* stands when every candidate was tried before */
        judge_candidates(&climb);
        climb_all(&climb, opt, point);
    }
    nlopt_destroy(opt);
    free(climb.free_at);
    free(memory);
    return enough ? PBT_OK : PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory");
}
