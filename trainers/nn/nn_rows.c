/* SPDX-License-Identifier: Apache-2.0 */
/* nn_rows.c - biases and masks of rows, see nn_rows.h. */
#include "nn/nn_rows.h"
#include "nn/nn_base.h"

PBTI_NN_WIDE
void pbti_nn_add_to_rows(float *restrict y, const float *restrict b, size_t rows, size_t columns)
{
    for (size_t n = 0; n < rows; n++) {
        for (size_t j = 0; j < columns; j++) {
            y[n * columns + j] += b[j];
        }
    }
}

PBTI_NN_WIDE
void pbti_nn_sum_rows(float *restrict sum, const float *restrict y, size_t rows, size_t columns)
{
    for (size_t n = 0; n < rows; n++) {
        for (size_t j = 0; j < columns; j++) {
            sum[j] += y[n * columns + j];
        }
    }
}

PBTI_NN_WIDE
void pbti_nn_mask_rows(float *restrict y, const float *restrict mask, size_t rows, size_t columns)
{
    for (size_t n = 0; n < rows; n++) {
        for (size_t j = 0; j < columns; j++) {
            y[n * columns + j] *= mask[n];
        }
    }
}
