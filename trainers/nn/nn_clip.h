/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_clip.h - clipping of gradients by their global norm.
 *
 * Nothing is clipped in place: the factor goes to the optimiser's step as `scale`, and costs no
 * pass over the gradients.
 *
 * Source      Pascanu et al. 2013, "On the difficulty of training recurrent neural networks",
 *             algorithm 1. Difference from PyTorch's clip_grad_norm_: nothing is added to the norm.
 */
#ifndef PBTI_NN_CLIP_H
#define PBTI_NN_CLIP_H

#include "nn/nn_block.h"

/*
 * Return the factor that brings the norm of all gradients together to at most `norm_max`:
 * min(1, norm_max / norm). When the norm is not finite it is NaN: there is nothing to step along,
 * and the caller has a failed training to report.
 *
 * norm_max    in, (0, inf), or 0: off, the factor is 1 for every finite norm
 * norm        out, the norm before; NULL: not wanted
 *
 * Determinism pure; squares are exact and added in double in a fixed order
 */
double pbti_nn_clip_scale(const struct pbti_nn_block *block, double norm_max, double *norm);

#endif
