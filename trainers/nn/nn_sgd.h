/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_sgd.h - stochastic gradient descent with (heavy ball) momentum and weight decay.
 *
 *     g' = scale * g + weight_decay * w        (weights only, not biases)
 *     v  = momentum * v + g'
 *     w  = w - lr * v
 *
 * The decay is *coupled* (added to the gradient), as in torch.optim.SGD: it is what users of SGD
 * mean by weight decay, and results can be compared with PyTorch number by number. The strength
 * with which weights shrink in a step is then lr * weight_decay / (1 - momentum); a decoupled decay
 * (Loshchilov & Hutter 2019) matters for adaptive optimisers and is a setting there (nn_adam.h).
 * `v` holds gradients, not steps, so changing the learning rate between segments needs no rescaling
 * of it.
 */
#ifndef PBTI_NN_SGD_H
#define PBTI_NN_SGD_H

#include "nn/nn_block.h"

/* Slots in the block: v. */
enum { PBTI_NN_SGD_SLOTS = 1 };

/* The live settings: what is written here is what the next step uses (`in_force`). */
struct pbti_nn_sgd {
    double lr;           /* (0, inf) */
    double momentum;     /* [0, 1) */
    double weight_decay; /* [0, inf) */
};

/*
 * One step over the whole block: reads gradients, changes v and weights.
 *
 * scale       in, finite; gradients are multiplied by it first (nn_clip.h)
 *
 * Requires    the block has PBTI_NN_SGD_SLOTS slots
 */
void pbti_nn_sgd_step(const struct pbti_nn_sgd *sgd, struct pbti_nn_block *block, double scale);

#endif
