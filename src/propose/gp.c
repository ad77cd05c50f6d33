/* SPDX-License-Identifier: Apache-2.0 */
/* propose/gp.c - likelihood and posterior of a Gaussian process on LAPACK; see gp.h. */
#include "propose/gp.h"

#include "base/fail.h"

#include <assert.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double const log_2pi = 1.8378770664093454836;

/* -------- memory -------- */

/* The next `count` doubles of the block; only counts while there is no block yet. */
static double *take(double *memory, size_t *used, size_t count)
{
    double *const part = memory == NULL ? NULL : memory + *used;
    *used += count;
    return part;
}

/* Give every array its place in `memory`; returns how many doubles that takes. */
static size_t lay_out(struct pbti_gp *gp, double *memory)
{
    size_t const n = gp->capacity;
    size_t const d = gp->dimensions;
    size_t used = 0;
    gp->memory = memory;
    gp->log_parameters = take(memory, &used, d + 2);
    gp->x = take(memory, &used, d * n);
    gp->y = take(memory, &used, n);
    gp->alpha = take(memory, &used, n);
    gp->scratch = take(memory, &used, (d > 3 ? d : 3) * n);
    gp->factor = take(memory, &used, n * n);
    gp->slopes = take(memory, &used, n * n);
    gp->inverse = take(memory, &used, n * n);
    return used;
}

pbt_status pbti_gp_create(enum pbti_kernel kernel, uint32_t dimensions, uint32_t capacity,
                          struct pbti_gp **out, struct pbt_error *err)
{
    assert(dimensions >= 1 && capacity >= 1);
    *out = NULL;
    if (capacity > PBTI_GP_POINTS_MAX) {
        return PBTI_FAIL(err, PBT_ELIMIT, 0,
                         "a Gaussian process of %u points is larger than allowed (%d)", capacity,
                         PBTI_GP_POINTS_MAX);
    }
    struct pbti_gp *const gp = calloc(1, sizeof *gp);
    if (gp == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    gp->kernel = kernel;
    gp->dimensions = dimensions;
    gp->capacity = capacity;
    double *const memory = calloc(lay_out(gp, NULL), sizeof *memory);
    if (memory == NULL) {
        free(gp);
        return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory");
    }
    lay_out(gp, memory);
    for (uint32_t d = 1; d <= dimensions; d++) {
        gp->log_parameters[d] = log(0.5);
    }
    gp->log_parameters[dimensions + 1] = log(1e-3);
    *out = gp;
    return PBT_OK;
}

void pbti_gp_destroy(struct pbti_gp *gp)
{
    if (gp == NULL) { return; }
    free(gp->memory);
    free(gp);
}

void pbti_gp_clear(struct pbti_gp *gp)
{
    gp->count = 0;
}

void pbti_gp_add(struct pbti_gp *gp, const double *point, double score)
{
    assert(gp->count < gp->capacity);
    assert(isfinite(score));
    for (uint32_t d = 0; d < gp->dimensions; d++) {
        gp->x[(size_t)d * gp->capacity + gp->count] = point[d];
    }
    gp->y[gp->count] = score;
    gp->count++;
}

/* -------- covariances -------- */

static double amplitude_of(const struct pbti_gp *gp)
{
    return exp(gp->log_parameters[0]);
}

static double dot(const double *a, const double *b, uint32_t count)
{
    double sum = 0.0;
    for (uint32_t i = 0; i < count; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

/* Squared scaled distances of the points from `first` on to the one at `place`, whose coordinate
 * d is point[d * stride]; out, shape (n - first). */
static void squared_distances(const struct pbti_gp *gp, const double *point, size_t stride,
                              uint32_t first, double *out)
{
    uint32_t const count = gp->count - first;
    memset(out, 0, count * sizeof *out);
    for (uint32_t d = 0; d < gp->dimensions; d++) {
        const double *const row = gp->x + (size_t)d * gp->capacity + first;
        double const inverse_length = exp(-gp->log_parameters[1 + d]);
        double const place = point[d * stride];
        for (uint32_t i = 0; i < count; i++) {
            double const u = (row[i] - place) * inverse_length;
            out[i] += u * u;
        }
    }
}

/* The lower triangle of amplitude * k(X, X) into `factor`; slopes (times amplitude) when wanted. */
static void fill_covariance(struct pbti_gp *gp, bool with_slopes)
{
    uint32_t const n = gp->count;
    double const amplitude = amplitude_of(gp);
    for (uint32_t j = 0; j < n; j++) {
        double *const column = gp->factor + (size_t)j * n + j;
        double *const slopes = with_slopes ? gp->slopes + (size_t)j * n + j : NULL;
        squared_distances(gp, gp->x + j, gp->capacity, j, column);
        pbti_kernel_apply(gp->kernel, column, n - j, column, slopes);
        for (uint32_t i = 0; i < n - j; i++) {
            column[i] *= amplitude;
            if (with_slopes) { slopes[i] *= amplitude; }
        }
    }
}

static void copy_lower(const double *from, double *to, uint32_t n)
{
    for (uint32_t j = 0; j < n; j++) {
        size_t const at = (size_t)j * n + j;
        memcpy(to + at, from + at, (n - j) * sizeof *to);
    }
}

/* Replace the covariance in `factor` by L, with as little jitter as is enough. */
static bool factorise(struct pbti_gp *gp)
{
    uint32_t const n = gp->count;
    double const amplitude = amplitude_of(gp);
    double const noise = exp(gp->log_parameters[1 + gp->dimensions]);
    if (!isfinite(amplitude) || !isfinite(noise)) { return false; }
    copy_lower(gp->factor, gp->inverse, n);
    gp->jitter = 0.0;
    for (double share = 1e-12; share < 2e-3; share *= 10.0) {
        for (uint32_t i = 0; i < n; i++) {
            gp->factor[(size_t)i * n + i] = amplitude + noise + gp->jitter;
        }
        lapack_int const lead = (lapack_int)n;
        lapack_int const info = LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'L', lead, gp->factor, lead);
        if (info == 0) { return true; }
        gp->jitter = share * amplitude;
        copy_lower(gp->inverse, gp->factor, n);
    }
    return false;
}

/* -------- likelihood -------- */

static double trace(const double *matrix, uint32_t n)
{
    double sum = 0.0;
    for (uint32_t i = 0; i < n; i++) {
        sum += matrix[(size_t)i * n + i];
    }
    return sum;
}

/*
 * d/dp = 1/2 tr((alpha alpha' - K^-1) dK/dp). For the length scales the pairs are summed along
 * columns into one accumulator a point, which the compiler can do several at a time.
 */
static void likelihood_gradient(struct pbti_gp *gp, double *gradient)
{
    uint32_t const n = gp->count;
    uint32_t const dimensions = gp->dimensions;
    lapack_int const lead = (lapack_int)n;
    copy_lower(gp->factor, gp->inverse, n);
    lapack_int const info = LAPACKE_dpotri_work(LAPACK_COL_MAJOR, 'L', lead, gp->inverse, lead);
    assert(info == 0);
    (void)info;

    double const noise = exp(gp->log_parameters[1 + dimensions]);
    double const by_diagonal = 0.5 * (dot(gp->alpha, gp->alpha, n) - trace(gp->inverse, n));
    /* tr((alpha alpha' - K^-1) K) is alpha'y - n; what is not noise in it scales with amplitude */
    gradient[0] = 0.5 * (dot(gp->alpha, gp->y, n) - n) - (noise + gp->jitter) * by_diagonal;
    gradient[1 + dimensions] = noise * by_diagonal;

    memset(gp->scratch, 0, (size_t)dimensions * gp->capacity * sizeof *gp->scratch);
    for (uint32_t j = 0; j < n; j++) {
        double *const weights = gp->slopes + (size_t)j * n;
        const double *const inverse = gp->inverse + (size_t)j * n;
        for (uint32_t i = j; i < n; i++) {
            weights[i] *= gp->alpha[i] * gp->alpha[j] - inverse[i];
        }
        for (uint32_t d = 0; d < dimensions; d++) {
            const double *const row = gp->x + (size_t)d * gp->capacity;
            double *const sums = gp->scratch + (size_t)d * gp->capacity;
            for (uint32_t i = j; i < n; i++) {
                double const difference = row[i] - row[j];
                sums[i] += weights[i] * difference * difference;
            }
        }
    }
    for (uint32_t d = 0; d < dimensions; d++) {
        const double *const sums = gp->scratch + (size_t)d * gp->capacity;
        double sum = 0.0;
        for (uint32_t i = 0; i < n; i++) {
            sum += sums[i];
        }
        gradient[1 + d] = sum * exp(-2.0 * gp->log_parameters[1 + d]);
    }
}

bool pbti_gp_update(struct pbti_gp *gp, double *gradient)
{
    uint32_t const n = gp->count;
    lapack_int const lead = (lapack_int)n;
    assert(n >= 1);
    fill_covariance(gp, gradient != NULL);
    gp->log_likelihood = -INFINITY;
    if (!factorise(gp)) { return false; }
    memcpy(gp->alpha, gp->y, n * sizeof *gp->alpha);
    lapack_int const info =
        LAPACKE_dpotrs_work(LAPACK_COL_MAJOR, 'L', lead, 1, gp->factor, lead, gp->alpha, lead);
    assert(info == 0);
    (void)info;
    double log_determinant = 0.0;
    for (uint32_t i = 0; i < n; i++) {
        log_determinant += log(gp->factor[(size_t)i * n + i]);
    }
    gp->log_likelihood = -0.5 * dot(gp->y, gp->alpha, n) - log_determinant - 0.5 * n * log_2pi;
    if (gradient != NULL) { likelihood_gradient(gp, gradient); }
    return true;
}

/* -------- prediction -------- */

void pbti_gp_predict(const struct pbti_gp *gp, const double *points, uint32_t count, double *cross,
                     double *means, double *variances)
{
    uint32_t const n = gp->count;
    double const amplitude = amplitude_of(gp);
    for (uint32_t j = 0; j < count; j++) {
        double *const column = cross + (size_t)j * n;
        squared_distances(gp, points + j, count, 0, column);
        pbti_kernel_apply(gp->kernel, column, n, column, NULL);
        means[j] = amplitude * dot(column, gp->alpha, n);
    }
    lapack_int const lead = (lapack_int)n;
    lapack_int const info = LAPACKE_dtrtrs_work(LAPACK_COL_MAJOR, 'L', 'N', 'N', lead,
                                                (lapack_int)count, gp->factor, lead, cross, lead);
    assert(info == 0);
    (void)info;
    for (uint32_t j = 0; j < count; j++) {
        const double *const column = cross + (size_t)j * n;
        double const rest = amplitude - amplitude * amplitude * dot(column, column, n);
        variances[j] = rest > 0.0 ? rest : 0.0;
    }
}

void pbti_gp_predict_slope(struct pbti_gp *gp, const double *point, double *mean, double *variance,
                           double *by_mean, double *by_variance)
{
    uint32_t const n = gp->count;
    double const amplitude = amplitude_of(gp);
    double *const values = gp->scratch;
    double *const slopes = values + gp->capacity;
    double *const solved = slopes + gp->capacity; /* K^-1 k */
    squared_distances(gp, point, 1, 0, values);
    pbti_kernel_apply(gp->kernel, values, n, values, slopes);
    for (uint32_t i = 0; i < n; i++) {
        values[i] *= amplitude;
        slopes[i] *= amplitude;
        solved[i] = values[i];
    }
    lapack_int const lead = (lapack_int)n;
    lapack_int const info =
        LAPACKE_dpotrs_work(LAPACK_COL_MAJOR, 'L', lead, 1, gp->factor, lead, solved, lead);
    assert(info == 0);
    (void)info;
    *mean = dot(values, gp->alpha, n);
    double const rest = amplitude - dot(values, solved, n);
    *variance = rest > 0.0 ? rest : 0.0;
    for (uint32_t d = 0; d < gp->dimensions; d++) {
        const double *const row = gp->x + (size_t)d * gp->capacity;
        double const inverse_square = exp(-2.0 * gp->log_parameters[1 + d]);
        double mean_sum = 0.0;
        double variance_sum = 0.0;
        for (uint32_t i = 0; i < n; i++) {
            double const by_point = slopes[i] * (row[i] - point[d]);
            mean_sum += by_point * gp->alpha[i];
            variance_sum += by_point * solved[i];
        }
        by_mean[d] = mean_sum * inverse_square;
        by_variance[d] = -2.0 * variance_sum * inverse_square;
    }
}
