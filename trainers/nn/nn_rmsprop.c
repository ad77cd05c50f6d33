/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_rmsprop.c - RMSProp, see nn_rmsprop.h.
 *
 * One loop runs over the whole plane, padding included: where the gradient is 0 and s is 0, nothing
 * changes.
 */
#include "nn/nn_rmsprop.h"

#include <assert.h>
#include <float.h>
#include <math.h>

/* The settings as the loops want them. */
struct constants {
    float lr, keep, take, epsilon, momentum, scale; /* keep = decay, take = 1 - decay */
};

/* -------- one weight -------- */

/* The direction g / sqrt(s - m^2 + epsilon); brings s up to date. `mean` is 0 when not centred. */
PBTI_NN_INLINE float direction(const struct constants *k, float *s, float mean, float g)
{
    *s = k->keep * *s + k->take * (g * g);
    float const spread = *s - mean * mean;
    /* rounding may leave a little less than nothing; NaN stays NaN */
    float const variance = spread < 0.0f ? 0.0f : spread;
    return g / sqrtf(variance + k->epsilon);
}

PBTI_NN_INLINE float running_mean(const struct constants *k, float *m, float g)
{
    *m = k->keep * *m + k->take * g;
    return *m;
}

PBTI_NN_INLINE float velocity(const struct constants *k, float *v, float d)
{
    *v = k->momentum * *v + d;
    return *v;
}

/* -------- all weights; w, s, m, v, g: shape (count) -------- */

PBTI_NN_WIDE
static void plain(struct constants k, float *restrict w, float *restrict s, const float *restrict g,
                  size_t count)
{
    for (size_t i = 0; i < count; i++) {
        w[i] -= k.lr * direction(&k, &s[i], 0.0f, k.scale * g[i]);
    }
}

PBTI_NN_WIDE
static void plain_momentum(struct constants k, float *restrict w, float *restrict s,
                           float *restrict v, const float *restrict g, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        w[i] -= k.lr * velocity(&k, &v[i], direction(&k, &s[i], 0.0f, k.scale * g[i]));
    }
}

PBTI_NN_WIDE
static void centred(struct constants k, float *restrict w, float *restrict s, float *restrict m,
                    const float *restrict g, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float const scaled = k.scale * g[i];
        float const mean = running_mean(&k, &m[i], scaled);
        w[i] -= k.lr * direction(&k, &s[i], mean, scaled);
    }
}

PBTI_NN_WIDE
static void centred_momentum(struct constants k, float *restrict w, float *restrict s,
                             float *restrict m, float *restrict v, const float *restrict g,
                             size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float const scaled = k.scale * g[i];
        float const mean = running_mean(&k, &m[i], scaled);
        w[i] -= k.lr * velocity(&k, &v[i], direction(&k, &s[i], mean, scaled));
    }
}

uint32_t pbti_nn_rmsprop_slots(bool centred, bool momentum)
{
    return 1u + centred + momentum;
}

void pbti_nn_rmsprop_step(const struct pbti_nn_rmsprop *rmsprop, struct pbti_nn_block *block,
                          double scale)
{
    struct constants const k = {.lr = (float)rmsprop->lr,
                                .keep = (float)rmsprop->decay,
                                .take = (float)(1.0 - rmsprop->decay),
                                .epsilon = (float)rmsprop->epsilon,
                                .momentum = (float)rmsprop->momentum,
                                .scale = (float)scale};
    assert(block->weights != NULL && k.epsilon >= FLT_MIN);
    /* by the slot and not by the value of the momentum, which may pass through 0 */
    bool const has_velocity = block->slot_count == pbti_nn_rmsprop_slots(rmsprop->centred, true);
    assert(has_velocity || (block->slot_count == pbti_nn_rmsprop_slots(rmsprop->centred, false) &&
                            rmsprop->momentum == 0.0));
    float *const w = block->weights;
    float *const *const slot = block->slots;
    const float *const g = block->gradients;
    size_t const count = (size_t)block->plane_floats;
    if (rmsprop->centred && has_velocity) {
        centred_momentum(k, w, slot[0], slot[1], slot[2], g, count);
    } else if (rmsprop->centred) {
        centred(k, w, slot[0], slot[1], g, count);
    } else if (has_velocity) {
        plain_momentum(k, w, slot[0], slot[1], g, count);
    } else {
        plain(k, w, slot[0], g, count);
    }
    block->updates++;
}
