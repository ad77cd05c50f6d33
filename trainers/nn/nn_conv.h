/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_conv.h - two-dimensional convolution and its transpose, forward and backward.
 *
 * Pictures have shape (rows, columns, channels), a batch of them (B, Y, X, C). Every window of the
 * picture is laid out as one row of numbers (gathered), so that the layer is one matrix product:
 *
 *     y (B Y' X', O) = windows (B Y' X', K K C) w (K K C, O) + b
 *
 * Windows take K K times the memory of pictures. They are made for a few pictures at a time, in
 * scratch memory of the caller, and again on the way back.
 *
 * Weights have shape (K, K, C, O), as in nn_conv_cells.h. The transposed convolution goes from
 * (B, Y', X', O) to (B, Y, X, C): what is one layer's way back to its input is the other's way
 * forward, from the same weights and the same sizes.
 *
 * Source      Chellapilla et al. 2006, "High performance convolutional neural networks for document
 *             processing" (products of windows); Dumoulin & Visin 2016, "A guide to convolution
 *             arithmetic for deep learning" (the transpose).
 */
#ifndef PBTI_NN_CONV_H
#define PBTI_NN_CONV_H

#include <stddef.h>
#include <stdint.h>

/* Sizes of the layer. Requires kernel <= rows + 2 padding, and the same of columns. */
struct pbti_nn_conv_shape {
    uint32_t rows, columns, channels; /* of a picture: Y, X, C */
    uint32_t outputs;                 /* O */
    uint32_t kernel;                  /* K: windows are K x K */
    uint32_t stride;                  /* cells from one window to the next, at least 1 */
    uint32_t padding;                 /* zeros around the picture, on each side; less than K */
};

/* Windows along a side of `cells`: Y' of Y, X' of X. */
uint32_t pbti_nn_conv_windows(const struct pbti_nn_conv_shape *shape, uint32_t cells);

/* Floats of scratch memory that the functions below want for batches of up to `batch` pictures. */
size_t pbti_nn_conv_scratch(const struct pbti_nn_conv_shape *shape, uint32_t batch);

/*
 * y = w * x + b.
 *
 * y           out, shape (B, Y', X', O)
 * x           in, shape (B, Y, X, C)
 * w           in, shape (K, K, C, O)
 * b           in, shape (O); NULL: no bias
 */
void pbti_nn_conv_forward(const struct pbti_nn_conv_shape *shape, float *y, const float *x,
                          const float *w, const float *b, float *scratch, uint32_t batch);

/*
 * Gradients, written, not accumulated.
 *
 * dx          out, shape (B, Y, X, C); NULL: not wanted (the first layer)
 * dw          out, shape (K, K, C, O); NULL: not wanted (a network that is only gone through)
 * db          out, shape (O); NULL: no bias, or not wanted
 * dy          in, shape (B, Y', X', O)
 */
void pbti_nn_conv_backward(const struct pbti_nn_conv_shape *shape, float *dx, float *dw, float *db,
                           const float *dy, const float *x, const float *w, float *scratch,
                           uint32_t batch);

/*
 * The transposed convolution; `shape` is that of the convolution which it is the transpose of.
 *
 * y           out, shape (B, Y, X, C)
 * x           in, shape (B, Y', X', O)
 * w           in, shape (K, K, C, O)
 * b           in, shape (C); NULL: no bias
 */
void pbti_nn_conv_transposed_forward(const struct pbti_nn_conv_shape *shape, float *y,
                                     const float *x, const float *w, const float *b, float *scratch,
                                     uint32_t batch);

/*
 * Gradients, written, not accumulated.
 *
 * dx          out, shape (B, Y', X', O); NULL: not wanted
 * dw          out, shape (K, K, C, O); NULL: not wanted
 * db          out, shape (C); NULL: no bias
 * dy          in, shape (B, Y, X, C)
 */
void pbti_nn_conv_transposed_backward(const struct pbti_nn_conv_shape *shape, float *dx, float *dw,
                                      float *db, const float *dy, const float *x, const float *w,
                                      float *scratch, uint32_t batch);

/* The convolution in plain C, window by window and in double: what the fast one is tested
 * against. */
void pbti_nn_conv_forward_reference(const struct pbti_nn_conv_shape *shape, float *y,
                                    const float *x, const float *w, const float *b, uint32_t batch);

#endif
