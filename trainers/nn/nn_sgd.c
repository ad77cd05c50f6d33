/* SPDX-License-Identifier: Apache-2.0 */
/* nn_sgd.c - stochastic gradient descent, see nn_sgd.h. */
#include "nn/nn_sgd.h"

#include <assert.h>

/* w, v, g: shape (count) */
PBTI_NN_WIDE
static void step(float *restrict w, float *restrict v, const float *restrict g, float scale,
                 float lr, float momentum, float decay, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float const velocity = momentum * v[i] + (scale * g[i] + decay * w[i]);
        v[i] = velocity;
        w[i] -= lr * velocity;
    }
}

void pbti_nn_sgd_step(const struct pbti_nn_sgd *sgd, struct pbti_nn_block *block, double scale)
{
    assert(block->weights != NULL && block->slot_count == PBTI_NN_SGD_SLOTS);
    for (uint32_t p = 0; p < block->part_count; p++) {
        const struct pbti_nn_part *const part = &block->parts[p];
        step(pbti_nn_block_part(block, block->weights, p),
             pbti_nn_block_part(block, block->slots[0], p),
             pbti_nn_block_part(block, block->gradients, p), (float)scale, (float)sgd->lr,
             (float)sgd->momentum, part->decay ? (float)sgd->weight_decay : 0.0f,
             (size_t)part->rows * part->columns);
    }
    block->updates++;
}
