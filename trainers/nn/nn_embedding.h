/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_embedding.h - rows of a table by number, with the sine of their place added; forward and
 * backward.
 *
 *     y[r] = scale E[id[r]] + P[place[r]]
 *     P[p, 2i] = sin(p / 10000^(2i / D)),  P[p, 2i + 1] = cos of the same
 *
 * Source      Vaswani et al. 2017, sections 3.4 and 3.5. Others lay P out as all sines, then all
 *             cosines; the order of columns means nothing to a network.
 */
#ifndef PBTI_NN_EMBEDDING_H
#define PBTI_NN_EMBEDDING_H

#include <stddef.h>
#include <stdint.h>

/* Write P for places 0 .. rows - 1; shape (rows, width). */
void pbti_nn_positions(float *positions, uint32_t rows, uint32_t width);

/*
 * y           out, shape (rows, width)
 * table       in, shape (V, width)
 * positions   in, shape (beyond the greatest place, width); NULL: none are added
 * ids         in, shape (rows), each < V
 * places      in, shape (rows); NULL where there are no positions
 */
void pbti_nn_embedding_forward(float *y, const float *table, const float *positions,
                               const uint32_t *ids, const uint32_t *places, float scale,
                               uint32_t rows, uint32_t width);

/*
 * Gradient, added: a table shared with a softmax has another part of it from there.
 *
 * d_table     in/out, shape (V, width)
 * dy          in, shape (rows, width)
 */
void pbti_nn_embedding_backward(float *d_table, const float *dy, const uint32_t *ids, float scale,
                                uint32_t rows, uint32_t width);

#endif
