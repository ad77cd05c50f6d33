/* SPDX-License-Identifier: Apache-2.0 */
/* nn_clip.c - clipping by the global norm, see nn_clip.h. */
#include "nn/nn_clip.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* A plane is a whole number of groups of CHAINS * LANES floats. Each place in a group has a sum of
 * its own, whatever the processor's vectors are; chains do not wait for each other. */
enum { LANES = 4, CHAINS = 4, GROUP = CHAINS * LANES };
typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));
typedef double wide_lanes __attribute__((vector_size(LANES * sizeof(double))));

PBTI_NN_WIDE
static double sum_of_squares(const float *values, size_t count)
{
    assert(count % GROUP == 0);
    wide_lanes sums[CHAINS] = {{0.0}};
    for (size_t i = 0; i < count; i += GROUP) {
        for (size_t k = 0; k < CHAINS; k++) {
            lanes some;
            memcpy(&some, values + i + k * LANES, sizeof some);
            wide_lanes const wide = __builtin_convertvector(some, wide_lanes);
            sums[k] += wide * wide;
        }
    }
    wide_lanes const all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    return (all[0] + all[1]) + (all[2] + all[3]);
}

double pbti_nn_clip_scale(const struct pbti_nn_block *block, double norm_max, double *norm)
{
    assert(block->weights != NULL && norm_max >= 0.0);
    double const length = sqrt(sum_of_squares(block->gradients, (size_t)block->plane_floats));
    if (norm != NULL) { *norm = length; }
    if (!isfinite(length)) { return NAN; }
    return norm_max > 0.0 && length > norm_max ? norm_max / length : 1.0;
}
