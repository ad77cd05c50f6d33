/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/bench_propose.c - Bayesian optimisation: what a proposal costs, in 8 dimensions.
 *
 * `fit`: the parameters of a Gaussian process (Matern-5/2, one length scale a dimension, noise)
 * from STARTS starts. `search`: 1,000 candidates judged by expected improvement, the best five
 * climb. `next`: the whole call of a strategy, which fits to at most 300 observations. Medians of
 * three. bench/propose_vs_sklearn.py puts the first two beside scikit-learn's, on the points that
 * `--points` prints: one line an observation, coordinates and score.
 *
 * usage: bench_propose [OBSERVATIONS STARTS]...
 *        bench_propose --points OBSERVATIONS
 */
#include "base/rng.h"
#include "measure.h"
#include "propose/gp.h"
#include "propose/propose.h"
#include "propose/propose_search.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIMENSIONS 8
#define ROUNDS 3

/* A smooth function of some coordinates, and noise; about variance 1. */
static double observe(uint32_t index, double *point)
{
    struct pbti_stream const stream = {1, PBTI_PURPOSE_SIM, index, 0};
    for (uint32_t d = 0; d < DIMENSIONS; d++) {
        point[d] = pbti_draw_unit(&stream, d);
    }
    return sin(5.0 * point[0]) + cos(4.0 * point[1] + point[2]) + point[3] * point[4] +
           0.1 * pbti_draw_normal(&stream, DIMENSIONS);
}

static void print_points(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        double point[DIMENSIONS];
        double const score = observe(i, point);
        for (uint32_t d = 0; d < DIMENSIONS; d++) {
            printf("%.17g ", point[d]);
        }
        printf("%.17g\n", score);
    }
}

static void fill_space(struct pbti_space *space)
{
    memset(space, 0, sizeof *space);
    space->count = DIMENSIONS;
    for (uint32_t d = 0; d < DIMENSIONS; d++) {
        space->hp[d] = (struct pbti_hp){.kind = PBTI_HP_LINEAR, .low = 0.0, .high = 1.0};
        snprintf(space->hp[d].name, sizeof space->hp[d].name, "x%u", d);
    }
}

/* One fit and one search from nothing; milliseconds. */
static void fit_and_search(const struct pbti_space *space, uint32_t count, uint32_t starts,
                           double *fit_ms, double *search_ms, double *likelihood)
{
    struct pbt_error err;
    struct pbti_gp *gp;
    struct pbti_cube cube;
    struct pbti_gp_fit_options options = pbti_gp_fit_options_default();
    struct pbti_acquisition const ei = {PBTI_ACQUISITION_EI, 0.0, 0.0};
    double point[DIMENSIONS];
    double best = -INFINITY;
    options.starts = starts;
    pbti_cube_init(&cube, space);
    must(pbti_gp_create(PBTI_KERNEL_MATERN52, DIMENSIONS, count, &gp, &err), &err);
    for (uint32_t i = 0; i < count; i++) {
        double const score = observe(i, point);
        pbti_gp_add(gp, point, score);
        best = fmax(best, score);
    }
    double const began = seconds();
    must(pbti_gp_fit(gp, &options, &err), &err);
    double const fitted = seconds();
    double incumbent[DIMENSIONS] = {0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5};
    struct pbti_propose_search const search = {gp, &cube, &ei, best, incumbent, 1000, 1, 0};
    must(pbti_propose_search(&search, point, &err), &err);
    *fit_ms = (fitted - began) * 1e3;
    *search_ms = (seconds() - fitted) * 1e3;
    *likelihood = gp->log_likelihood;
    pbti_gp_destroy(gp);
}

static double next_ms(const struct pbti_space *space, uint32_t count)
{
    struct pbt_error err;
    struct pbti_propose_options const options = pbti_propose_options_default();
    double *const values = malloc((size_t)count * (DIMENSIONS + 1) * sizeof *values);
    if (values == NULL) { exit(1); }
    double *const scores = values + (size_t)count * DIMENSIONS;
    for (uint32_t i = 0; i < count; i++) {
        scores[i] = observe(i, values + (size_t)i * DIMENSIONS);
    }
    struct pbti_propose_data const data = {values, scores, count, NULL, 0};
    double point[DIMENSIONS];
    double const began = seconds();
    must(pbti_propose_next(space, &data, &options, 1, NULL, point, &err), &err);
    double const ended = seconds();
    free(values);
    return (ended - began) * 1e3;
}

static void measure(uint32_t count, uint32_t starts)
{
    static struct pbti_space space;
    double fit[ROUNDS];
    double search[ROUNDS];
    double next[ROUNDS];
    double likelihood = 0.0;
    fill_space(&space);
    for (int i = 0; i < ROUNDS; i++) {
        fit_and_search(&space, count, starts, &fit[i], &search[i], &likelihood);
        next[i] = next_ms(&space, count);
    }
    printf("%5u observations: fit %.1f ms (%u starts, log likelihood %.3f), search %.1f ms; next "
           "%.1f ms\n",
           count, median(fit, 3), starts, likelihood, median(search, 3), median(next, 3));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--points") == 0) {
        print_points((uint32_t)strtoul(argv[2], NULL, 10));
        return 0;
    }
    for (int i = 1; i + 1 < argc; i += 2) {
        measure((uint32_t)strtoul(argv[i], NULL, 10), (uint32_t)strtoul(argv[i + 1], NULL, 10));
    }
    if (argc == 1) {
        measure(100, 3);
        measure(1000, 1);
    }
    return 0;
}
