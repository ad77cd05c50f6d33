/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_spectral.h - spectral normalisation: a layer uses W / sigma, where sigma is about the largest
 * singular value of W, by one step of the power method a forward pass.
 *
 *     v = W'u / |W'u|,  u = W v / |W v|,  sigma = u'W v,  used = W / sigma
 *     dW = (d_used - (sum of d_used * used) u v') / sigma        u and v held constant
 *
 * W has shape (O, R), the rest R. `u`, shape (O), goes on from pass to pass: it is part of what a
 * checkpoint holds. A matrix of zeros is used as it is, with sigma 1.
 *
 * Source      Miyato et al. 2018, "Spectral normalization for generative adversarial networks",
 *             algorithm 1 and equation 12.
 */
#ifndef PBTI_NN_SPECTRAL_H
#define PBTI_NN_SPECTRAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sizes of a matrix, and whether it is stored as (R, O), as those of convolutions are. */
struct pbti_nn_spectral_shape {
    uint32_t outputs, rest;
    bool transposed;
};

/*
 * Return sigma.
 *
 * used        out, as `w`
 * u           in/out, shape (O); not all 0
 * v           out, shape (R)
 * w           in, shape (O, R), or (R, O) when transposed
 */
double pbti_nn_spectral_forward(const struct pbti_nn_spectral_shape *shape, float *used, float *u,
                                float *v, const float *w);

/* Turn the gradient at `used` into that at `w`, in place; the others as the forward pass left
 * them. */
void pbti_nn_spectral_backward(const struct pbti_nn_spectral_shape *shape, float *dw,
                               const float *used, const float *u, const float *v, double sigma);

#endif
