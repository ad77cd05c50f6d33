/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_linear.h - the fully connected layer y = x W^T + b, forward and backward.
 *
 * W has shape (O, I), as in PyTorch.
 */
#ifndef PBTI_NN_LINEAR_H
#define PBTI_NN_LINEAR_H

#include <stdint.h>

/*
 * y = x W^T + b.
 *
 * y           out, shape (B, O)
 * x           in, shape (B, I)
 * w           in, shape (O, I)
 * b           in, shape (O); NULL: no bias
 */
void pbti_nn_linear_forward(float *y, const float *x, const float *w, const float *b,
                            uint32_t batch, uint32_t inputs, uint32_t outputs);

/*
 * The same, from a copy of W that pbti_nn_transpose() made: with few rows (a player's next move)
 * most of the time goes into reading W, which is faster along the outputs.
 *
 * w_transposed  in, shape (I, O)
 */
void pbti_nn_linear_forward_transposed(float *y, const float *x, const float *w_transposed,
                                       const float *b, uint32_t batch, uint32_t inputs,
                                       uint32_t outputs);

/*
 * dx = dy W, dw = dy^T x, db = sum over the batch of dy. Gradients are written, not accumulated.
 *
 * dx          out, shape (B, I); NULL: not wanted (the first layer)
 * dw          out, shape (O, I)
 * db          out, shape (O); NULL: no bias
 * dy          in, shape (B, O)
 */
void pbti_nn_linear_backward(float *dx, float *dw, float *db, const float *dy, const float *x,
                             const float *w, uint32_t batch, uint32_t inputs, uint32_t outputs);

#endif
