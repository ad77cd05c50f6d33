/* SPDX-License-Identifier: Apache-2.0 */
/* nn_linear.c - the fully connected layer, see nn_linear.h. */
#include "nn/nn_linear.h"
#include "nn/nn_matmul.h"
#include "nn/nn_rows.h"

#include <stddef.h>
#include <string.h>

void pbti_nn_linear_forward(float *y, const float *x, const float *w, const float *b,
                            uint32_t batch, uint32_t inputs, uint32_t outputs)
{
    pbti_nn_matmul(false, true, batch, outputs, inputs, x, w, 0.0f, y);
    if (b != NULL) { pbti_nn_add_to_rows(y, b, batch, outputs); }
}

void pbti_nn_linear_forward_transposed(float *y, const float *x, const float *w_transposed,
                                       const float *b, uint32_t batch, uint32_t inputs,
                                       uint32_t outputs)
{
    pbti_nn_matmul(false, false, batch, outputs, inputs, x, w_transposed, 0.0f, y);
    if (b != NULL) { pbti_nn_add_to_rows(y, b, batch, outputs); }
}

void pbti_nn_linear_backward(float *dx, float *dw, float *db, const float *dy, const float *x,
                             const float *w, uint32_t batch, uint32_t inputs, uint32_t outputs)
{
    pbti_nn_matmul(true, false, outputs, inputs, batch, dy, x, 0.0f, dw);
    if (db != NULL) {
        memset(db, 0, outputs * sizeof db[0]);
        pbti_nn_sum_rows(db, dy, batch, outputs);
    }
    if (dx != NULL) { pbti_nn_matmul(false, false, batch, inputs, outputs, dy, w, 0.0f, dx); }
}
