/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_rows.h - what layers do with the rows of a batch beside products: biases, and the ends of
 * episodes. Arrays have shape (rows, columns).
 */
#ifndef PBTI_NN_ROWS_H
#define PBTI_NN_ROWS_H

#include <stddef.h>

/* y[n, :] += b for every row n; b has shape (columns). */
void pbti_nn_add_to_rows(float *y, const float *b, size_t rows, size_t columns);

/* sum += y[n, :] for every row n, in the order of n: the gradient of a bias. `sum` has shape
 * (columns); it is added to, so let it be 0 before. */
void pbti_nn_sum_rows(float *sum, const float *y, size_t rows, size_t columns);

/* y[n, :] *= mask[n] for every row n; mask has shape (rows), with 0 where an episode ended and 1
 * elsewhere. */
void pbti_nn_mask_rows(float *y, const float *mask, size_t rows, size_t columns);

#endif
