/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_spectral.c - spectral normalisation, see nn_spectral.h.
 *
 * Plain loops in storage order and in double: a pass reads each weight a few times, the products of
 * its layer hundreds of times.
 */
#include "nn/nn_spectral.h"

#include <math.h>
#include <string.h>

/* out = W in (`by_rows` of the matrix as stored) or W' in, then out /= |out|; returns |out|. */
static double multiply(float *out, size_t outs, const float *in, size_t ins, const float *w,
                       bool by_rows)
{
    double squares = 0.0;
    for (size_t i = 0; i < outs; i++) {
        double sum = 0.0;
        for (size_t j = 0; j < ins; j++) {
            sum += (double)w[by_rows ? i * ins + j : j * outs + i] * (double)in[j];
        }
        out[i] = (float)sum;
        squares += sum * sum;
    }
    double const size = sqrt(squares);
    for (size_t i = 0; i < outs; i++) {
        out[i] = size > 0.0 ? (float)((double)out[i] / size) : 0.0f;
    }
    return size;
}

double pbti_nn_spectral_forward(const struct pbti_nn_spectral_shape *shape, float *used, float *u,
                                float *v, const float *w)
{
    size_t const outputs = shape->outputs;
    size_t const rest = shape->rest;
    double const back = multiply(v, rest, u, outputs, w, shape->transposed);
    if (!(back > 0.0)) { /* nothing to divide by; NaN goes on to the loss */
        memcpy(used, w, outputs * rest * sizeof used[0]);
        return back == 0.0 ? 1.0 : back;
    }
    double const sigma = multiply(u, outputs, v, rest, w, !shape->transposed); /* u'Wv = |Wv| */
    for (size_t i = 0; i < outputs * rest; i++) {
        used[i] = (float)((double)w[i] / sigma);
    }
    return sigma;
}

void pbti_nn_spectral_backward(const struct pbti_nn_spectral_shape *shape, float *dw,
                               const float *used, const float *u, const float *v, double sigma)
{
    size_t const rows = shape->transposed ? shape->rest : shape->outputs;
    size_t const columns = shape->transposed ? shape->outputs : shape->rest;
    const float *const along_rows = shape->transposed ? v : u;
    const float *const along_columns = shape->transposed ? u : v;
    double sum = 0.0;
    for (size_t i = 0; i < rows * columns; i++) {
        sum += (double)dw[i] * (double)used[i];
    }
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) {
            double const outer = (double)along_rows[i] * (double)along_columns[j];
            dw[i * columns + j] = (float)(((double)dw[i * columns + j] - sum * outer) / sigma);
        }
    }
}
