/* SPDX-License-Identifier: Apache-2.0 */
/* nn_adam.c - Adam and AdamW, see nn_adam.h. */
#include "nn/nn_adam.h"

#include <assert.h>
#include <float.h>
#include <math.h>

/* The settings as the loop wants them. Both kinds of decay are here, and one of them does nothing:
 * coupled = 0 or shrink = 1. */
struct constants {
    float keep1, take1, keep2, take2;
    float rate;    /* lr / (1 - beta1^t) */
    float root;    /* 1 / sqrt(1 - beta2^t) */
    float epsilon; /* added to the root */
    float scale;   /* of gradients */
    float coupled; /* of weights, added to gradients */
    float shrink;  /* of weights */
};

/* w, m, s, g: shape (count) */
PBTI_NN_WIDE
static void step(struct constants k, float *restrict w, float *restrict m, float *restrict s,
                 const float *restrict g, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float const gradient = k.scale * g[i] + k.coupled * w[i];
        m[i] = k.keep1 * m[i] + k.take1 * gradient;
        s[i] = k.keep2 * s[i] + k.take2 * (gradient * gradient);
        w[i] = k.shrink * w[i] - k.rate * m[i] / (sqrtf(s[i]) * k.root + k.epsilon);
    }
}

void pbti_nn_adam_step(const struct pbti_nn_adam *adam, struct pbti_nn_block *block, double scale)
{
    assert(block->weights != NULL && block->slot_count == PBTI_NN_ADAM_SLOTS);
    assert((float)adam->epsilon >= FLT_MIN);
    block->updates++;
    double const t = (double)block->updates;
    struct constants k = {
        .keep1 = (float)adam->beta1,
        .take1 = (float)(1.0 - adam->beta1),
        .keep2 = (float)adam->beta2,
        .take2 = (float)(1.0 - adam->beta2),
        .rate = (float)(adam->lr / (1.0 - pow(adam->beta1, t))),
        .root = (float)(1.0 / sqrt(1.0 - pow(adam->beta2, t))),
        .epsilon = (float)adam->epsilon,
        .scale = (float)scale,
    };
    for (uint32_t p = 0; p < block->part_count; p++) {
        const struct pbti_nn_part *const part = &block->parts[p];
        double const decay = part->decay ? adam->weight_decay : 0.0;
        k.coupled = adam->decoupled ? 0.0f : (float)decay;
        k.shrink = adam->decoupled ? (float)(1.0 - adam->lr * decay) : 1.0f;
        step(k, pbti_nn_block_part(block, block->weights, p),
             pbti_nn_block_part(block, block->slots[0], p),
             pbti_nn_block_part(block, block->slots[1], p),
             pbti_nn_block_part(block, block->gradients, p), (size_t)part->rows * part->columns);
    }
}
