/* SPDX-License-Identifier: Apache-2.0 */
/* nn_lstm.c - long short-term memory, see nn_lstm.h. */
#include "nn/nn_lstm.h"
#include "nn/nn_base.h"
#include "nn/nn_matmul.h"
#include "nn/nn_scalar.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

/* -------- forward -------- */

/*
 * From z without its bias, in `gates`, to the gates and the new state.
 *
 * gates       in/out, shape (4H) for one row; i, f, g, o
 * c_before    may be c
 */
PBTI_NN_WIDE
static void cell_forward(float *restrict gates, float *restrict h, float *c, const float *c_before,
                         const float *restrict b, size_t hidden)
{
    float *const i = gates;
    float *const f = gates + hidden;
    float *const g = gates + 2 * hidden;
    float *const o = gates + 3 * hidden;
    for (size_t j = 0; j < hidden; j++) {
        i[j] = pbti_nn_sigmoid(i[j] + b[j]);
        f[j] = pbti_nn_sigmoid(f[j] + b[hidden + j]);
        g[j] = pbti_nn_tanh(g[j] + b[2 * hidden + j]);
        o[j] = pbti_nn_sigmoid(o[j] + b[3 * hidden + j]);
        float const cell = f[j] * c_before[j] + i[j] * g[j];
        c[j] = cell;
        h[j] = o[j] * pbti_nn_tanh(cell);
    }
}

static void cells_forward(const struct pbti_nn_lstm *lstm, float *gates, float *h, float *c,
                          const float *c_before, uint32_t batch)
{
    size_t const hidden = lstm->hidden;
    for (size_t n = 0; n < batch; n++) {
        cell_forward(gates + n * 4 * hidden, h + n * hidden, c + n * hidden, c_before + n * hidden,
                     lstm->b, hidden);
    }
}

void pbti_nn_lstm_forward(const struct pbti_nn_lstm *lstm, float *gates, float *h, float *c,
                          const float *x, const float *h_before, const float *c_before,
                          uint32_t batch)
{
    assert(h != h_before);
    uint32_t const hidden = lstm->hidden;
    pbti_nn_matmul(false, true, batch, 4 * hidden, lstm->inputs, x, lstm->w_x, 0.0f, gates);
    pbti_nn_matmul(false, true, batch, 4 * hidden, hidden, h_before, lstm->w_h, 1.0f, gates);
    cells_forward(lstm, gates, h, c, c_before, batch);
}

void pbti_nn_lstm_forward_transposed(const struct pbti_nn_lstm *lstm, float *gates, float *h,
                                     float *c, const float *x, const float *h_before,
                                     const float *c_before, uint32_t batch)
{
    assert(h != h_before);
    uint32_t const hidden = lstm->hidden;
    pbti_nn_matmul(false, false, batch, 4 * hidden, lstm->inputs, x, lstm->w_x, 0.0f, gates);
    pbti_nn_matmul(false, false, batch, 4 * hidden, hidden, h_before, lstm->w_h, 1.0f, gates);
    cells_forward(lstm, gates, h, c, c_before, batch);
}

/* -------- backward -------- */

/* One row; the slope of s(z) is s (1 - s), that of tanh(z) is 1 - tanh^2. */
PBTI_NN_WIDE
static void cell_backward(float *restrict dz, float *dc_before, const float *restrict dh,
                          const float *dc, const float *restrict gates, const float *restrict c,
                          const float *restrict c_before, size_t hidden)
{
    const float *const gate_i = gates;
    const float *const gate_f = gates + hidden;
    const float *const gate_g = gates + 2 * hidden;
    const float *const gate_o = gates + 3 * hidden;
    for (size_t j = 0; j < hidden; j++) {
        float const i = gate_i[j], f = gate_f[j], g = gate_g[j], o = gate_o[j];
        float const t = pbti_nn_tanh(c[j]);
        float const cell = dc[j] + dh[j] * o * (1.0f - t * t);
        dz[j] = cell * g * i * (1.0f - i);
        dz[hidden + j] = cell * c_before[j] * f * (1.0f - f);
        dz[2 * hidden + j] = cell * i * (1.0f - g * g);
        dz[3 * hidden + j] = dh[j] * t * o * (1.0f - o);
        dc_before[j] = cell * f;
    }
}

void pbti_nn_lstm_backward_step(const struct pbti_nn_lstm *lstm, float *dz, float *dh_before,
                                float *dc_before, const float *dh, const float *dc,
                                const float *gates, const float *c, const float *c_before,
                                uint32_t batch)
{
    size_t const hidden = lstm->hidden;
    for (size_t n = 0; n < batch; n++) {
        cell_backward(dz + n * 4 * hidden, dc_before + n * hidden, dh + n * hidden, dc + n * hidden,
                      gates + n * 4 * hidden, c + n * hidden, c_before + n * hidden, hidden);
    }
    pbti_nn_matmul(false, false, batch, lstm->hidden, 4 * lstm->hidden, dz, lstm->w_h, 0.0f,
                   dh_before);
}

void pbti_nn_lstm_backward_sums(const struct pbti_nn_lstm *lstm, float *dx, float *dw_x,
                                float *dw_h, float *db, const float *dz, const float *x,
                                const float *h_before, uint32_t rows)
{
    uint32_t const inputs = lstm->inputs;
    uint32_t const hidden = lstm->hidden;
    pbti_nn_matmul(true, false, 4 * hidden, inputs, rows, dz, x, 1.0f, dw_x);
    pbti_nn_matmul(true, false, 4 * hidden, hidden, rows, dz, h_before, 1.0f, dw_h);
    pbti_nn_sum_rows(db, dz, rows, 4 * (size_t)hidden);
    if (dx != NULL) {
        pbti_nn_matmul(false, false, rows, inputs, 4 * hidden, dz, lstm->w_x, 0.0f, dx);
    }
}

/* -------- the plain version -------- */

static double dot(const float *a, const float *b, size_t count)
{
    double sum = 0.0;
    for (size_t k = 0; k < count; k++) {
        sum += (double)a[k] * (double)b[k];
    }
    return sum;
}

void pbti_nn_lstm_forward_reference(const struct pbti_nn_lstm *lstm, float *gates, float *h,
                                    float *c, const float *x, const float *h_before,
                                    const float *c_before, uint32_t batch)
{
    size_t const inputs = lstm->inputs;
    size_t const hidden = lstm->hidden;
    for (size_t n = 0; n < batch; n++) {
        for (size_t j = 0; j < hidden; j++) {
            double gate[4];
            for (size_t k = 0; k < 4; k++) {
                size_t const unit = k * hidden + j;
                double const z = dot(x + n * inputs, lstm->w_x + unit * inputs, inputs) +
                                 dot(h_before + n * hidden, lstm->w_h + unit * hidden, hidden) +
                                 (double)lstm->b[unit];
                gate[k] = k == 2 ? tanh(z) : 1.0 / (1.0 + exp(-z));
                gates[n * 4 * hidden + unit] = (float)gate[k];
            }
            double const cell = gate[1] * (double)c_before[n * hidden + j] + gate[0] * gate[2];
            c[n * hidden + j] = (float)cell;
            h[n * hidden + j] = (float)(gate[3] * tanh(cell));
        }
    }
}
