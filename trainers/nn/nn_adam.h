/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_adam.h - Adam and AdamW.
 *
 *     g' = scale * g                                  Adam: + weight_decay * w
 *     m  = beta1 * m + (1 - beta1) * g'
 *     s  = beta2 * s + (1 - beta2) * g'^2
 *     w  = w - lr * (m / (1 - beta1^t)) / (sqrt(s / (1 - beta2^t)) + epsilon)
 *                                                     AdamW: w was multiplied by 1 - lr * decay
 *
 * where t counts the steps, this one included: `updates` of the block, which a checkpoint keeps.
 * Weight decay is for weights only, not biases. Betas that change between segments are used for all
 * t steps at once in the corrections, as in PyTorch; after some 3 / (1 - beta2) steps that is 1.
 *
 * Source      Kingma & Ba 2015, algorithm 1; Loshchilov & Hutter 2019, algorithm 2 (AdamW), whose
 *             schedule multiplier is part of lr here, as in PyTorch.
 */
#ifndef PBTI_NN_ADAM_H
#define PBTI_NN_ADAM_H

#include "nn/nn_block.h"

/* Slots in the block: m and s. */
enum { PBTI_NN_ADAM_SLOTS = 2 };

/* The live settings: what is written here is what the next step uses. */
struct pbti_nn_adam {
    double lr;           /* [0, inf) */
    double beta1;        /* [0, 1) */
    double beta2;        /* [0, 1) */
    double epsilon;      /* [1e-37, inf) */
    double weight_decay; /* [0, inf) */
    bool decoupled;      /* true: AdamW */
};

/*
 * One step over the whole block: reads gradients, changes slots and weights.
 *
 * scale       in, finite; gradients are multiplied by it first (nn_clip.h)
 *
 * Requires    the block has PBTI_NN_ADAM_SLOTS slots
 */
void pbti_nn_adam_step(const struct pbti_nn_adam *adam, struct pbti_nn_block *block, double scale);

#endif
