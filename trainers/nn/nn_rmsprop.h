/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_rmsprop.h - RMSProp, plain or centred, with or without momentum.
 *
 *     g' = scale * g
 *     s  = decay * s + (1 - decay) * g'^2
 *     m  = decay * m + (1 - decay) * g'              centred only; else 0
 *     d  = g' / sqrt(s - m^2 + epsilon)
 *     v  = momentum * v + d                          with momentum only; else v = d
 *     w  = w - lr * v
 *
 * Source      Tieleman & Hinton 2012, lecture 6.5; Mnih et al. 2016, "Asynchronous methods for deep
 *             reinforcement learning" (A3C), equations S2 and S3: epsilon stands inside the root.
 *             Centred: Graves 2013, "Generating sequences with recurrent neural networks",
 *             equations 38-45.
 * Differences PyTorch adds epsilon outside of the root: where gradients are small, an epsilon here
 *             does what its square root does there. The velocity holds directions and not steps, as
 *             in PyTorch, so that a learning rate that changes between segments needs no
 *             rescaling of it.
 */
#ifndef PBTI_NN_RMSPROP_H
#define PBTI_NN_RMSPROP_H

#include "nn/nn_block.h"

/* The live settings: what is written here is what the next step uses. */
struct pbti_nn_rmsprop {
    double lr;       /* [0, inf) */
    double decay;    /* [0, 1) */
    double epsilon;  /* [1e-37, inf): below that it would be 0, and with it the root */
    double momentum; /* [0, 1); 0 when the block has no slot for a velocity */
    bool centred;    /* belongs to the slots: fixed for a block */
};

/*
 * The number of slots that a block needs: s, then m when centred, then v when there is momentum.
 *
 * momentum    in, whether the momentum may ever be above 0. A momentum that is tuned may come and
 *             go; the velocity is kept up to date also while it is 0.
 */
uint32_t pbti_nn_rmsprop_slots(bool centred, bool momentum);

/*
 * One step over the whole block: reads gradients, changes slots and weights.
 *
 * scale       in, finite; gradients are multiplied by it first, so that clipping them
 *             (nn_clip.h) costs no pass over them
 *
 * Requires    the block has pbti_nn_rmsprop_slots(centred, momentum) slots
 */
void pbti_nn_rmsprop_step(const struct pbti_nn_rmsprop *rmsprop, struct pbti_nn_block *block,
                          double scale);

#endif
