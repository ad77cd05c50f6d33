/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_norm.h - layer normalisation, forward and backward.
 *
 *     x^ = (x - mean) / sqrt(variance + epsilon)      over the values of each row
 *     y  = gain x^ + bias
 *
 * The variance is that of the row (divided by its length, not by one less), as in PyTorch.
 *
 * Source      Ba, Kiros & Hinton 2016, "Layer normalization".
 */
#ifndef PBTI_NN_NORM_H
#define PBTI_NN_NORM_H

#include <stdint.h>

/* What the way forward found out about a row, for the way back. */
struct pbti_nn_row_statistics {
    float mean;
    float inverse; /* 1 / sqrt(variance + epsilon) */
};

/*
 * y           out, shape (B, N); may be x where nobody goes back
 * statistics  out, shape (B)
 * x           in, shape (B, N)
 * gain, bias  in, shape (N)
 * epsilon     in, [1e-37, inf); 1e-5 in PyTorch
 */
void pbti_nn_layer_norm_forward(float *y, struct pbti_nn_row_statistics *statistics, const float *x,
                                const float *gain, const float *bias, double epsilon,
                                uint32_t batch, uint32_t columns);

/*
 * Gradients, written, not accumulated.
 *
 * dx          out, shape (B, N); may be `dy`
 * d_gain      out, shape (N)
 * d_bias      out, shape (N)
 * dy          in, shape (B, N)
 */
void pbti_nn_layer_norm_backward(float *dx, float *d_gain, float *d_bias, const float *dy,
                                 const float *x, const struct pbti_nn_row_statistics *statistics,
                                 const float *gain, uint32_t batch, uint32_t columns);

/* Forward in plain C, in index order and in double: what the fast one is tested against. */
void pbti_nn_layer_norm_forward_reference(float *y, const float *x, const float *gain,
                                          const float *bias, double epsilon, uint32_t batch,
                                          uint32_t columns);

#endif
