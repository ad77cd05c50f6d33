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

/* `count` vectors of `length` values in a matrix: value k of vector i is w[i * next + k * step]. */
struct vectors {
    float *w;
    size_t count, length, next, step;
};

static double dot(const struct vectors *v, size_t i, size_t j)
{
    const float *const a = v->w + i * v->next;
    const float *const b = v->w + j * v->next;
    double sum = 0.0;
    for (size_t k = 0; k < v->length * v->step; k += v->step) {
        sum += (double)a[k] * (double)b[k];
    }
    return sum;
}

/* Vector i += by * vector j. */
static void add_scaled(const struct vectors *v, size_t i, size_t j, double by)
{
    float *const a = v->w + i * v->next;
    const float *const b = v->w + j * v->next;
    for (size_t k = 0; k < v->length * v->step; k += v->step) {
        a[k] = (float)((double)a[k] + by * (double)b[k]);
    }
}

/* Take from vector i its share of those before it, and give it length 1. */
static void straighten(const struct vectors *v, size_t i)
{
    for (size_t j = 0; j < i; j++) {
        add_scaled(v, i, j, -dot(v, i, j));
    }
    add_scaled(v, i, i, 1.0 / sqrt(dot(v, i, i)) - 1.0);
}

void pbti_nn_init_orthogonal(float *w, uint32_t rows, uint32_t columns, double gain,
                             const struct pbti_nn_stream *stream)
{
    pbti_nn_init_normal(w, (size_t)rows * columns, 1.0, stream);
    struct vectors const v = rows <= columns ? (struct vectors){w, rows, columns, columns, 1}
                                             : (struct vectors){w, columns, rows, 1, columns};
    for (size_t i = 0; i < v.count; i++) {
        straighten(&v, i);
        straighten(&v, i);
    }
    for (size_t i = 0; i < (size_t)rows * columns; i++) {
        w[i] = (float)(gain * (double)w[i]);
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
