/* SPDX-License-Identifier: Apache-2.0 */
/* nn_init.c - initial weights, see nn_init.h. */
#include "nn/nn_init.h"

#include <math.h>

void pbti_nn_init_normal(float *w, size_t count, double sd, const struct pbti_nn_stream *stream)
{
    double const two_pi = 6.283185307179586;
    for (size_t at = 0; at < count; at += 4) {
        uint32_t bits[4];
        pbti_nn_random_block(stream, (uint32_t)(at / 4), bits);
        double values[4];
        for (size_t pair = 0; pair < 4; pair += 2) {
            double const radius = sqrt(-2.0 * log(pbti_nn_unit(bits[pair])));
            double const angle = two_pi * pbti_nn_unit(bits[pair + 1]);
            values[pair] = radius * cos(angle);
            values[pair + 1] = radius * sin(angle);
        }
        for (size_t i = 0; i < 4 && at + i < count; i++) {
            w[at + i] = (float)(sd * values[i]);
        }
    }
}

double pbti_nn_init_sd(enum pbti_nn_activation activation, uint32_t inputs, uint32_t outputs)
{
    switch (activation) {
    case PBTI_NN_TANH: return pbti_nn_init_sd_output(inputs, outputs);
    case PBTI_NN_RELU:
    case PBTI_NN_GELU:
    case PBTI_NN_SILU: break;
    }
    return sqrt(2.0 / inputs);
}

double pbti_nn_init_sd_output(uint32_t inputs, uint32_t outputs)
{
    return sqrt(2.0 / ((double)inputs + (double)outputs));
}
