/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_small.c - matrix products of a few rows, see nn_small.h.
 *
 * The result is made in blocks of ROWS x WIDTH values whose sums stay in registers: each value of
 * `b` that is read serves four sums, and there are eight sums that do not wait for each other.
 */
#include "nn/nn_small.h"
#include "nn/nn_base.h"

#include <assert.h>
#include <string.h>

enum { LANES = PBTI_NN_SMALL_LANES, ROWS = 4, WIDTH = 2 };
typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));

/* One block: `rows` x `width` lanes; both are constants where this is inlined. */
PBTI_NN_INLINE void block(float *c, size_t c_row, struct pbti_nn_small_left a, const float *b,
                          size_t b_row, size_t inner, size_t rows, size_t width)
{
    lanes sums[ROWS][WIDTH];
    memset(sums, 0, sizeof sums);
    for (size_t k = 0; k < inner; k++) {
        lanes right[WIDTH];
        for (size_t w = 0; w < width; w++) {
            memcpy(&right[w], b + k * b_row + w * LANES, sizeof right[w]);
        }
        for (size_t r = 0; r < rows; r++) {
            float const left = a.at[r * a.row + k * a.column];
            for (size_t w = 0; w < width; w++) {
                sums[r][w] += left * right[w];
            }
        }
    }
    for (size_t r = 0; r < rows; r++) {
        for (size_t w = 0; w < width; w++) {
            memcpy(c + r * c_row + w * LANES, &sums[r][w], sizeof sums[r][w]);
        }
    }
}

/* All columns of `rows` rows. */
PBTI_NN_INLINE void strip(float *c, size_t c_row, struct pbti_nn_small_left a, const float *b,
                          size_t b_row, size_t columns, size_t inner, size_t rows)
{
    size_t j = 0;
    for (; j + WIDTH * LANES <= columns; j += WIDTH * LANES) {
        block(c + j, c_row, a, b + j, b_row, inner, rows, WIDTH);
    }
    if (j < columns) { block(c + j, c_row, a, b + j, b_row, inner, rows, 1); }
}

PBTI_NN_WIDE
void pbti_nn_small_product(float *c, size_t c_row, struct pbti_nn_small_left a, const float *b,
                           size_t b_row, size_t rows, size_t columns, size_t inner)
{
    assert(columns % LANES == 0);
    size_t i = 0;
    for (; i + ROWS <= rows; i += ROWS, a.at += ROWS * a.row) {
        strip(c + i * c_row, c_row, a, b, b_row, columns, inner, ROWS);
    }
    for (; i < rows; i++, a.at += a.row) {
        strip(c + i * c_row, c_row, a, b, b_row, columns, inner, 1);
    }
}
