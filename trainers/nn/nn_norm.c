/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_norm.c - layer normalisation, see nn_norm.h.
 *
 * Sums over a row are LANES sums side by side, whatever the processor's vectors are: value j is
 * added to sum j % LANES, and the sums are added up at the end.
 */
#include "nn/nn_norm.h"
#include "nn/nn_base.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { LANES = 16 };
typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));

PBTI_NN_INLINE lanes *load(lanes *to, const float *from)
{
    memcpy(to, from, sizeof *to);
    return to;
}

/* Halves are added up, and halves of that: four additions that wait for each other, not sixteen. */
PBTI_NN_INLINE float total(const lanes *sums)
{
    lanes left = *sums;
    for (size_t half = LANES / 2; half > 0; half /= 2) {
        for (size_t l = 0; l < half; l++) {
            left[l] += left[l + half];
        }
    }
    return left[0];
}

/* -------- forward -------- */

PBTI_NN_INLINE float mean_of(const float *x, size_t columns)
{
    lanes sums = {0.0f}, value;
    size_t j = 0;
    for (; j + LANES <= columns; j += LANES) {
        sums += *load(&value, x + j);
    }
    for (size_t l = 0; j + l < columns; l++) {
        sums[l] += x[j + l];
    }
    return total(&sums) / (float)columns;
}

PBTI_NN_INLINE float variance_of(const float *x, float mean, size_t columns)
{
    lanes sums = {0.0f}, value;
    size_t j = 0;
    for (; j + LANES <= columns; j += LANES) {
        lanes const distance = *load(&value, x + j) - mean;
        sums += distance * distance;
    }
    for (size_t l = 0; j + l < columns; l++) {
        float const distance = x[j + l] - mean;
        sums[l] += distance * distance;
    }
    return total(&sums) / (float)columns;
}

PBTI_NN_WIDE
static void forward_row(float *y, struct pbti_nn_row_statistics *statistics, const float *x,
                        const float *restrict gain, const float *restrict bias, float epsilon,
                        size_t columns)
{
    float const mean = mean_of(x, columns);
    float const inverse = 1.0f / sqrtf(variance_of(x, mean, columns) + epsilon);
    for (size_t j = 0; j < columns; j++) {
        y[j] = (x[j] - mean) * inverse * gain[j] + bias[j];
    }
    *statistics = (struct pbti_nn_row_statistics){mean, inverse};
}

void pbti_nn_layer_norm_forward(float *y, struct pbti_nn_row_statistics *statistics, const float *x,
                                const float *gain, const float *bias, double epsilon,
                                uint32_t batch, uint32_t columns)
{
    assert(columns > 0);
    for (size_t n = 0; n < batch; n++) {
        forward_row(y + n * columns, &statistics[n], x + n * columns, gain, bias, (float)epsilon,
                    columns);
    }
}

/* -------- backward -------- */

/* The two sums that the gradient of a row needs, of d = dy gain: of d and of d x^. */
PBTI_NN_INLINE void sums_of(float *sum, float *projection, const float *dy, const float *x,
                            const struct pbti_nn_row_statistics *statistics, const float *gain,
                            size_t columns)
{
    lanes sums = {0.0f}, projections = {0.0f}, gradient, factor, value;
    size_t j = 0;
    for (; j + LANES <= columns; j += LANES) {
        lanes const d = *load(&gradient, dy + j) * *load(&factor, gain + j);
        sums += d;
        projections += d * ((*load(&value, x + j) - statistics->mean) * statistics->inverse);
    }
    for (size_t l = 0; j + l < columns; l++) {
        float const d = dy[j + l] * gain[j + l];
        sums[l] += d;
        projections[l] += d * ((x[j + l] - statistics->mean) * statistics->inverse);
    }
    *sum = total(&sums);
    *projection = total(&projections);
}

/*
 * dx = inverse (d - mean(d) - x^ mean(d x^)); d_gain and d_bias are added to.
 *
 * dx          may be dy
 */
PBTI_NN_WIDE
static void backward_row(float *dx, float *restrict d_gain, float *restrict d_bias, const float *dy,
                         const float *restrict x,
                         const struct pbti_nn_row_statistics *restrict statistics,
                         const float *restrict gain, size_t columns)
{
    float sum, projection;
    sums_of(&sum, &projection, dy, x, statistics, gain, columns);
    float const mean_d = sum / (float)columns;
    float const mean_projection = projection / (float)columns;
    float const mean = statistics->mean;
    float const inverse = statistics->inverse;
    for (size_t j = 0; j < columns; j++) {
        float const gradient = dy[j];
        float const normal = (x[j] - mean) * inverse;
        d_gain[j] += gradient * normal;
        d_bias[j] += gradient;
        dx[j] = inverse * (gradient * gain[j] - mean_d - normal * mean_projection);
    }
}

void pbti_nn_layer_norm_backward(float *dx, float *d_gain, float *d_bias, const float *dy,
                                 const float *x, const struct pbti_nn_row_statistics *statistics,
                                 const float *gain, uint32_t batch, uint32_t columns)
{
    memset(d_gain, 0, columns * sizeof d_gain[0]);
    memset(d_bias, 0, columns * sizeof d_bias[0]);
    for (size_t n = 0; n < batch; n++) {
        backward_row(dx + n * columns, d_gain, d_bias, dy + n * columns, x + n * columns,
                     &statistics[n], gain, columns);
    }
}

/* -------- the plain version -------- */

void pbti_nn_layer_norm_forward_reference(float *y, const float *x, const float *gain,
                                          const float *bias, double epsilon, uint32_t batch,
                                          uint32_t columns)
{
    for (size_t n = 0; n < batch; n++, x += columns, y += columns) {
        double mean = 0.0, variance = 0.0;
        for (size_t j = 0; j < columns; j++) {
            mean += (double)x[j] / columns;
        }
        for (size_t j = 0; j < columns; j++) {
            variance += ((double)x[j] - mean) * ((double)x[j] - mean) / columns;
        }
        for (size_t j = 0; j < columns; j++) {
            double const normal = ((double)x[j] - mean) / sqrt(variance + epsilon);
            y[j] = (float)(normal * (double)gain[j] + (double)bias[j]);
        }
    }
}
