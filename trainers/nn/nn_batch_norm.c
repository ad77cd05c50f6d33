/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_batch_norm.c - batch normalisation, see nn_batch_norm.h.
 *
 * Channels are taken LANES at a time, so that their sums stay in registers, and rows in order. A
 * sum in float runs over PIECE rows and is then added to one in double: the error does not grow
 * with the size of the batch, and does not depend on the width of the processor's vectors.
 */
#include "nn/nn_batch_norm.h"
#include "nn/nn_base.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { LANES = 16, PIECE = 64 };
typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));

/* Channels of one pass: `count` of them from `first` on. */
struct span {
    size_t first, count, channels;
};

/* Vectors go by address: as values they would be passed in another way on each processor. */
PBTI_NN_INLINE const lanes *load(lanes *to, const float *from, size_t count)
{
    if (count == LANES) {
        memcpy(to, from, sizeof *to);
    } else {
        *to = (lanes){0.0f};
        for (size_t l = 0; l < count; l++) {
            (*to)[l] = from[l];
        }
    }
    return to;
}

PBTI_NN_INLINE void store(float *to, const lanes *value, size_t count)
{
    if (count == LANES) {
        memcpy(to, value, sizeof *value);
    } else {
        for (size_t l = 0; l < count; l++) {
            to[l] = (*value)[l];
        }
    }
}

PBTI_NN_INLINE void add(double sums[LANES], const lanes *values)
{
    for (size_t l = 0; l < LANES; l++) {
        sums[l] += (double)(*values)[l];
    }
}

/* -------- forward -------- */

PBTI_NN_INLINE void sum_span(double sums[LANES], const float *x, size_t rows, struct span s,
                             size_t count)
{
    memset(sums, 0, LANES * sizeof sums[0]);
    for (size_t n = 0; n < rows; n += PIECE) {
        size_t const end = rows - n < PIECE ? rows : n + PIECE;
        lanes sum = {0.0f}, value;
        for (size_t r = n; r < end; r++) {
            sum += *load(&value, x + r * s.channels + s.first, count);
        }
        add(sums, &sum);
    }
}

PBTI_NN_INLINE void square_span(double sums[LANES], const float *x, const lanes *mean, size_t rows,
                                struct span s, size_t count)
{
    memset(sums, 0, LANES * sizeof sums[0]);
    for (size_t n = 0; n < rows; n += PIECE) {
        size_t const end = rows - n < PIECE ? rows : n + PIECE;
        lanes sum = {0.0f}, value;
        for (size_t r = n; r < end; r++) {
            lanes const distance = *load(&value, x + r * s.channels + s.first, count) - *mean;
            sum += distance * distance;
        }
        add(sums, &sum);
    }
}

/* Mean and variance (divided by the number of rows) of a span; a full one has a constant length. */
PBTI_NN_WIDE
static void measure(double mean[LANES], double variance[LANES], const float *x, size_t rows,
                    struct span s)
{
    bool const full = s.count == LANES;
    if (full) {
        sum_span(mean, x, rows, s, LANES);
    } else {
        sum_span(mean, x, rows, s, s.count);
    }
    lanes middle = {0.0f};
    for (size_t l = 0; l < s.count; l++) {
        mean[l] /= (double)rows;
        middle[l] = (float)mean[l];
    }
    if (full) {
        square_span(variance, x, &middle, rows, s, LANES);
    } else {
        square_span(variance, x, &middle, rows, s, s.count);
    }
    for (size_t l = 0; l < s.count; l++) {
        variance[l] /= (double)rows;
    }
}

PBTI_NN_INLINE void apply_span(float *y, const float *x, const lanes *scale, const lanes *mean,
                               const lanes *bias, size_t rows, struct span s, size_t count)
{
    for (size_t r = 0; r < rows; r++) {
        size_t const at = r * s.channels + s.first;
        lanes value;
        value = (*load(&value, x + at, count) - *mean) * *scale + *bias;
        store(y + at, &value, count);
    }
}

/* y = (x - mean) (gain inverse) + bias */
PBTI_NN_WIDE
static void apply(float *y, const struct pbti_nn_channel_statistics *t, const float *x,
                  const float *gain, const float *bias, size_t rows, struct span s)
{
    lanes value, scale, mean, offset;
    scale = *load(&scale, gain + s.first, s.count) * *load(&value, t->inverse + s.first, s.count);
    (void)load(&mean, t->mean + s.first, s.count);
    (void)load(&offset, bias + s.first, s.count);
    if (s.count == LANES) {
        apply_span(y, x, &scale, &mean, &offset, rows, s, LANES);
    } else {
        apply_span(y, x, &scale, &mean, &offset, rows, s, s.count);
    }
}

static struct span span_at(size_t first, size_t channels)
{
    size_t const left = channels - first;
    return (struct span){first, left < LANES ? left : LANES, channels};
}

static void keep(float *running, double momentum, double value)
{
    *running = (float)((1.0 - momentum) * (double)*running + momentum * value);
}

void pbti_nn_batch_norm_forward(float *y, const struct pbti_nn_channel_statistics *statistics,
                                const struct pbti_nn_running *running, const float *x,
                                const float *gain, const float *bias, double momentum,
                                double epsilon, size_t rows, uint32_t channels)
{
    assert(rows >= 2);
    double const unbiased = (double)rows / (double)(rows - 1);
    for (size_t c = 0; c < channels; c += LANES) {
        struct span const s = span_at(c, channels);
        double mean[LANES], variance[LANES];
        measure(mean, variance, x, rows, s);
        for (size_t l = 0; l < s.count; l++) {
            statistics->mean[c + l] = (float)mean[l];
            statistics->inverse[c + l] = (float)(1.0 / sqrt(variance[l] + epsilon));
            if (running->mean != NULL) {
                keep(&running->mean[c + l], momentum, mean[l]);
                keep(&running->variance[c + l], momentum, variance[l] * unbiased);
            }
        }
        apply(y, statistics, x, gain, bias, rows, s);
    }
}

void pbti_nn_batch_norm_infer(float *y, const struct pbti_nn_channel_statistics *statistics,
                              const struct pbti_nn_running *running, const float *x,
                              const float *gain, const float *bias, double epsilon, size_t rows,
                              uint32_t channels)
{
    for (size_t c = 0; c < channels; c++) {
        statistics->mean[c] = running->mean[c];
        statistics->inverse[c] = (float)(1.0 / sqrt((double)running->variance[c] + epsilon));
    }
    for (size_t c = 0; c < channels; c += LANES) {
        apply(y, statistics, x, gain, bias, rows, span_at(c, channels));
    }
}

/* -------- backward -------- */

/* The sums over rows of dy and of dy x^. */
PBTI_NN_INLINE void project_span(double sums[LANES], double projections[LANES], const float *dy,
                                 const float *x, const lanes *mean, const lanes *inverse,
                                 size_t rows, struct span s, size_t count)
{
    memset(sums, 0, LANES * sizeof sums[0]);
    memset(projections, 0, LANES * sizeof projections[0]);
    for (size_t n = 0; n < rows; n += PIECE) {
        size_t const end = rows - n < PIECE ? rows : n + PIECE;
        lanes sum = {0.0f}, projection = {0.0f}, gradient, value;
        for (size_t r = n; r < end; r++) {
            size_t const at = r * s.channels + s.first;
            (void)load(&gradient, dy + at, count);
            sum += gradient;
            projection += gradient * ((*load(&value, x + at, count) - *mean) * *inverse);
        }
        add(sums, &sum);
        add(projections, &projection);
    }
}

PBTI_NN_INLINE void back_span(float *dx, const float *dy, const float *x, const lanes *mean,
                              const lanes *inverse, const lanes *scale, const lanes *sum,
                              const lanes *projection, size_t rows, struct span s, size_t count)
{
    for (size_t r = 0; r < rows; r++) {
        size_t const at = r * s.channels + s.first;
        lanes value;
        lanes const normal = (*load(&value, x + at, count) - *mean) * *inverse;
        value = *scale * (*load(&value, dy + at, count) - *sum - normal * *projection);
        store(dx + at, &value, count);
    }
}

/* dx = gain inverse (dy - mean(dy) - x^ mean(dy x^)); `dx` may be `dy` */
PBTI_NN_WIDE
static void back(float *dx, float *d_gain, float *d_bias, const float *dy, const float *x,
                 const struct pbti_nn_channel_statistics *t, const float *gain, size_t rows,
                 struct span s)
{
    double sums[LANES], projections[LANES];
    lanes mean, inverse, scale;
    (void)load(&mean, t->mean + s.first, s.count);
    (void)load(&inverse, t->inverse + s.first, s.count);
    scale = *load(&scale, gain + s.first, s.count) * inverse;
    bool const full = s.count == LANES;
    if (full) {
        project_span(sums, projections, dy, x, &mean, &inverse, rows, s, LANES);
    } else {
        project_span(sums, projections, dy, x, &mean, &inverse, rows, s, s.count);
    }
    lanes sum = {0.0f}, projection = {0.0f};
    for (size_t l = 0; l < s.count; l++) {
        d_bias[s.first + l] = (float)sums[l];
        d_gain[s.first + l] = (float)projections[l];
        sum[l] = (float)(sums[l] / (double)rows);
        projection[l] = (float)(projections[l] / (double)rows);
    }
    if (full) {
        back_span(dx, dy, x, &mean, &inverse, &scale, &sum, &projection, rows, s, LANES);
    } else {
        back_span(dx, dy, x, &mean, &inverse, &scale, &sum, &projection, rows, s, s.count);
    }
}

void pbti_nn_batch_norm_backward(float *dx, float *d_gain, float *d_bias, const float *dy,
                                 const float *x,
                                 const struct pbti_nn_channel_statistics *statistics,
                                 const float *gain, size_t rows, uint32_t channels)
{
    for (size_t c = 0; c < channels; c += LANES) {
        back(dx, d_gain, d_bias, dy, x, statistics, gain, rows, span_at(c, channels));
    }
}

/* -------- the plain version -------- */

void pbti_nn_batch_norm_forward_reference(float *y, const float *x, const float *gain,
                                          const float *bias, double epsilon, size_t rows,
                                          uint32_t channels)
{
    for (size_t c = 0; c < channels; c++) {
        double mean = 0.0, variance = 0.0;
        for (size_t r = 0; r < rows; r++) {
            mean += (double)x[r * channels + c] / (double)rows;
        }
        for (size_t r = 0; r < rows; r++) {
            double const distance = (double)x[r * channels + c] - mean;
            variance += distance * distance / (double)rows;
        }
        for (size_t r = 0; r < rows; r++) {
            double const normal = ((double)x[r * channels + c] - mean) / sqrt(variance + epsilon);
            y[r * channels + c] = (float)(normal * (double)gain[c] + (double)bias[c]);
        }
    }
}
