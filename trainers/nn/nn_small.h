/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_small.h - matrix products of a few rows, without a library call: the loops of attention, and
 * every product of a decoder, which must not depend on who else is in the batch.
 *
 * Each value of the result is one sum in the order of the inner index, a product and an addition at
 * a time. So a row of the result depends on its own row of `a` alone, to the last bit, however many
 * rows there are; no product of oneDNN promises that.
 */
#ifndef PBTI_NN_SMALL_H
#define PBTI_NN_SMALL_H

#include <stddef.h>
#include <stdint.h>

/* Columns of `b` and `c` come in multiples of this; the columns beyond the last are padding. */
enum { PBTI_NN_SMALL_LANES = 16 };

/* `columns` rounded up to a multiple of PBTI_NN_SMALL_LANES. */
static inline size_t pbti_nn_small_padded(size_t columns)
{
    size_t const lanes = PBTI_NN_SMALL_LANES;
    return (columns + lanes - 1) / lanes * lanes;
}

/* Where the left side lies: a[i][k] is at[i * row + k * column]. */
struct pbti_nn_small_left {
    const float *at;
    size_t row, column;
};

/*
 * c = a b.
 *
 * c           out, shape (rows, columns), stored with `c_row` floats a row; not `a` or `b`
 * a           in, shape (rows, inner), with any strides: a transposed matrix needs no copy
 * b           in, shape (inner, columns), stored with `b_row` floats a row
 * columns     a multiple of PBTI_NN_SMALL_LANES
 */
void pbti_nn_small_product(float *c, size_t c_row, struct pbti_nn_small_left a, const float *b,
                           size_t b_row, size_t rows, size_t columns, size_t inner);

#endif
