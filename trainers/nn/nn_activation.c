/* SPDX-License-Identifier: Apache-2.0 */
/* nn_activation.c - elementwise activations, see nn_activation.h. */
#include "nn/nn_activation.h"
#include "nn/nn_base.h"
#include "nn/nn_scalar.h"

#include <string.h>

static const char *const names[] = {
    [PBTI_NN_RELU] = "relu",
    [PBTI_NN_TANH] = "tanh",
    [PBTI_NN_GELU] = "gelu",
    [PBTI_NN_SILU] = "silu",
};

const char *pbti_nn_activation_name(enum pbti_nn_activation activation)
{
    return names[activation];
}

bool pbti_nn_activation_find(const char *name, enum pbti_nn_activation *activation)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            *activation = (enum pbti_nn_activation)i;
            return true;
        }
    }
    return false;
}

#define GELU_SCALE 1.59576912f /* 2 sqrt(2 / pi) */
#define GELU_CUBIC 0.044715f

PBTI_NN_INLINE float gelu(float x)
{
    return x * pbti_nn_sigmoid(GELU_SCALE * (x + GELU_CUBIC * x * x * x));
}

/* (x s(t))' = s(t) + x s(t) (1 - s(t)) t' with t = GELU_SCALE (x + GELU_CUBIC x^3) */
PBTI_NN_INLINE float gelu_slope(float x)
{
    float const s = pbti_nn_sigmoid(GELU_SCALE * (x + GELU_CUBIC * x * x * x));
    return s + x * s * (1.0f - s) * (GELU_SCALE * (1.0f + 3.0f * GELU_CUBIC * x * x));
}

PBTI_NN_INLINE float silu_slope(float x)
{
    float const s = pbti_nn_sigmoid(x);
    return s + x * s * (1.0f - s);
}

/* -------- forward -------- */

/* !(x <= 0) keeps NaN, which must reach the loss */
PBTI_NN_WIDE static void relu_forward(float *y, const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        y[i] = x[i] <= 0.0f ? 0.0f : x[i];
    }
}

PBTI_NN_WIDE static void tanh_forward(float *y, const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        y[i] = pbti_nn_tanh(x[i]);
    }
}

PBTI_NN_WIDE static void gelu_forward(float *y, const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        y[i] = gelu(x[i]);
    }
}

PBTI_NN_WIDE static void silu_forward(float *y, const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        y[i] = x[i] * pbti_nn_sigmoid(x[i]);
    }
}

void pbti_nn_activation_forward(enum pbti_nn_activation activation, float *y, const float *x,
                                size_t count)
{
    switch (activation) {
    case PBTI_NN_RELU: relu_forward(y, x, count); break;
    case PBTI_NN_TANH: tanh_forward(y, x, count); break;
    case PBTI_NN_GELU: gelu_forward(y, x, count); break;
    case PBTI_NN_SILU: silu_forward(y, x, count); break;
    }
}

/* -------- backward -------- */

PBTI_NN_WIDE static void relu_backward(float *dx, const float *dy, const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        dx[i] = x[i] <= 0.0f ? 0.0f : dy[i];
    }
}

PBTI_NN_WIDE static void tanh_backward(float *dx, const float *dy, const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float const y = pbti_nn_tanh(x[i]);
        dx[i] = dy[i] * (1.0f - y * y);
    }
}

PBTI_NN_WIDE static void gelu_backward(float *dx, const float *dy, const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        dx[i] = dy[i] * gelu_slope(x[i]);
    }
}

PBTI_NN_WIDE static void silu_backward(float *dx, const float *dy, const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        dx[i] = dy[i] * silu_slope(x[i]);
    }
}

void pbti_nn_activation_backward(enum pbti_nn_activation activation, float *dx, const float *dy,
                                 const float *x, size_t count)
{
    switch (activation) {
    case PBTI_NN_RELU: relu_backward(dx, dy, x, count); break;
    case PBTI_NN_TANH: tanh_backward(dx, dy, x, count); break;
    case PBTI_NN_GELU: gelu_backward(dx, dy, x, count); break;
    case PBTI_NN_SILU: silu_backward(dx, dy, x, count); break;
    }
}

/* -------- leaky relu; !(x <= 0) keeps NaN here too -------- */

PBTI_NN_WIDE
void pbti_nn_leaky_relu_forward(float *y, const float *x, float slope, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        y[i] = x[i] <= 0.0f ? slope * x[i] : x[i];
    }
}

PBTI_NN_WIDE
void pbti_nn_leaky_relu_backward(float *dx, const float *dy, const float *y, float slope,
                                 size_t count)
{
    for (size_t i = 0; i < count; i++) {
        dx[i] = y[i] <= 0.0f ? slope * dy[i] : dy[i];
    }
}
