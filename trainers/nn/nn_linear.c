/* SPDX-License-Identifier: Apache-2.0 */
/* nn_linear.c - the fully connected layer, see nn_linear.h. */
#include "nn/nn_linear.h"
#include "nn/nn_base.h"
#include "nn/nn_matmul.h"

#include <stddef.h>
#include <string.h>

/* y[n, :] += b for every row n */
PBTI_NN_WIDE
static void add_bias(float *restrict y, const float *restrict b, uint32_t batch, uint32_t outputs)
{
    for (size_t n = 0; n < batch; n++) {
        for (size_t o = 0; o < outputs; o++) {
            y[n * outputs + o] += b[o];
        }
    }
}

/* db = sum over n of dy[n, :], in the order of n */
PBTI_NN_WIDE
static void sum_rows(float *restrict db, const float *restrict dy, uint32_t batch, uint32_t outputs)
{
    memset(db, 0, outputs * sizeof db[0]);
    for (size_t n = 0; n < batch; n++) {
        for (size_t o = 0; o < outputs; o++) {
            db[o] += dy[n * outputs + o];
        }
    }
}

void pbti_nn_linear_forward(float *y, const float *x, const float *w, const float *b,
                            uint32_t batch, uint32_t inputs, uint32_t outputs)
{
    pbti_nn_matmul(false, true, batch, outputs, inputs, x, w, 0.0f, y);
    if (b != NULL) { add_bias(y, b, batch, outputs); }
}

void pbti_nn_linear_forward_transposed(float *y, const float *x, const float *w_transposed,
                                       const float *b, uint32_t batch, uint32_t inputs,
                                       uint32_t outputs)
{
    pbti_nn_matmul(false, false, batch, outputs, inputs, x, w_transposed, 0.0f, y);
    if (b != NULL) { add_bias(y, b, batch, outputs); }
}

void pbti_nn_linear_backward(float *dx, float *dw, float *db, const float *dy, const float *x,
                             const float *w, uint32_t batch, uint32_t inputs, uint32_t outputs)
{
    pbti_nn_matmul(true, false, outputs, inputs, batch, dy, x, 0.0f, dw);
    if (db != NULL) { sum_rows(db, dy, batch, outputs); }
    if (dx != NULL) { pbti_nn_matmul(false, false, batch, inputs, outputs, dy, w, 0.0f, dx); }
}
