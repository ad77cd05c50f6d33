/* SPDX-License-Identifier: Apache-2.0 */
/* nn_clip.c - clipping by the global norm, see nn_clip.h. */
#include "nn/nn_clip.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* A plane is a whole number of rows of LANES floats; each lane has a sum of its own. */
enum { LANES = PBTI_NN_ALIGN_FLOATS };
typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));
typedef double wide_lanes __attribute__((vector_size(LANES * sizeof(double))));

PBTI_NN_WIDE
static double sum_of_squares(const float *values, size_t count)
{
    assert(count % LANES == 0);
    wide_lanes sums = {0.0};
    for (size_t i = 0; i < count; i += LANES) {
        lanes row;
        memcpy(&row, values + i, sizeof row);
        wide_lanes const wide = __builtin_convertvector(row, wide_lanes);
        sums += wide * wide;
    }
    double sum = 0.0;
    for (size_t l = 0; l < LANES; l++) {
        sum += sums[l];
    }
    return sum;
}

double pbti_nn_clip_scale(const struct pbti_nn_block *block, double norm_max, double *norm)
{
    assert(block->weights != NULL && norm_max >= 0.0);
    double const length = sqrt(sum_of_squares(block->gradients, (size_t)block->plane_floats));
    if (norm != NULL) { *norm = length; }
    if (!isfinite(length)) { return NAN; }
    return norm_max > 0.0 && length > norm_max ? norm_max / length : 1.0;
}
