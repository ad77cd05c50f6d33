/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_conv_cells.h - a 3 x 3 convolution over pictures of binary channels, forward and backward.
 *
 * A picture is one 16-bit word a cell, bit c of which is channel c (trainers/env/env.h). Such
 * pictures are nearly empty, so instead of multiplying zeros the layer adds one row of weights for
 * every bit that is set and every place of the window that can see it: about a tenth of the work of
 * a dense product. Stride 1, no padding: (rows, columns) become (rows - 2, columns - 2).
 *
 * Weights have shape (3, 3, C, O): the outputs of one tap and channel stand side by side. O is a
 * multiple of 16. Sums run over channels in order, then cells, then taps.
 */
#ifndef PBTI_NN_CONV_CELLS_H
#define PBTI_NN_CONV_CELLS_H

#include <stdint.h>

enum { PBTI_NN_CELLS_KERNEL = 3, PBTI_NN_CELLS_CHANNELS_MAX = 16, PBTI_NN_CELLS_SIDE_MAX = 16 };

/* Sizes of the layer; rows and columns 3..16, channels 1..16. */
struct pbti_nn_cells_shape {
    uint32_t rows, columns, channels; /* of a picture: Y, X, C */
    uint32_t outputs;                 /* O, a multiple of 16 */
};

/*
 * y = relu(w * cells + b).
 *
 * y           out, shape (B, Y - 2, X - 2, O)
 * cells       in, shape (B, Y * X); bits from `channels` on are 0
 * w           in, shape (3, 3, C, O)
 * b           in, shape (O)
 */
void pbti_nn_conv_cells_forward(const struct pbti_nn_cells_shape *shape, float *y,
                                const uint16_t *cells, const float *w, const float *b,
                                uint32_t batch);

/*
 * Gradients of w and b, written, not accumulated. A picture has none.
 *
 * dw          out, shape (3, 3, C, O)
 * db          out, shape (O)
 * dy          in, shape (B, Y - 2, X - 2, O): the gradient at y
 * y           in, what the forward pass wrote
 */
void pbti_nn_conv_cells_backward(const struct pbti_nn_cells_shape *shape, float *dw, float *db,
                                 const float *dy, const float *y, const uint16_t *cells,
                                 uint32_t batch);

/* The same two in plain C, window by window and in double: what the fast ones are tested
 * against. */
void pbti_nn_conv_cells_forward_reference(const struct pbti_nn_cells_shape *shape, float *y,
                                          const uint16_t *cells, const float *w, const float *b,
                                          uint32_t batch);
void pbti_nn_conv_cells_backward_reference(const struct pbti_nn_cells_shape *shape, float *dw,
                                           float *db, const float *dy, const float *y,
                                           const uint16_t *cells, uint32_t batch);

#endif
