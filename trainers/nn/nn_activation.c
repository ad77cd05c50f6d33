/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_activation.c - elementwise activations, see nn_activation.h.
 *
 * exp(x) = 2^k exp(r), k = round(x / ln 2), |r| <= ln(2)/2; ln 2 is split in two so that r is exact
 * enough (Cody & Waite), exp(r) is its Taylor polynomial to degree 7 (truncation below 6e-9), and
 * 2^k is put together from bits. NaN goes through as NaN; arguments are clamped to +-87.
 */
#include "nn/nn_activation.h"
#include "nn/nn_base.h"

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

/* -------- scalar pieces, inlined into the vector loops -------- */

PBTI_NN_INLINE float exponential(float argument)
{
    /* comparisons are written so that NaN is kept */
    float const low = argument < -87.0f ? -87.0f : argument;
    float const x = low > 87.0f ? 87.0f : low;
    /* adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits */
    float const magic = 12582912.0f;
    float const shifted = x * 1.44269504f + magic;
    float const k = shifted - magic;
    float const r = (x - k * 0.693359375f) - k * -2.12194440e-4f;
    float const p =
        1.0f +
        r * (1.0f + r * (0.5f + r * (1.66666667e-1f +
                                     r * (4.16666667e-2f +
                                          r * (8.33333333e-3f +
                                               r * (1.38888889e-3f + r * 1.98412698e-4f))))));
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 127u) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return p * power;
}

PBTI_NN_INLINE float sigmoid(float x)
{
    return 1.0f / (1.0f + exponential(-x));
}

PBTI_NN_INLINE float hyperbolic_tangent(float x)
{
    return 2.0f * sigmoid(2.0f * x) - 1.0f;
}

#define GELU_SCALE 1.59576912f /* 2 sqrt(2 / pi) */
#define GELU_CUBIC 0.044715f

PBTI_NN_INLINE float gelu(float x)
{
    return x * sigmoid(GELU_SCALE * (x + GELU_CUBIC * x * x * x));
}

/* (x s(t))' = s(t) + x s(t) (1 - s(t)) t' with t = GELU_SCALE (x + GELU_CUBIC x^3) */
PBTI_NN_INLINE float gelu_slope(float x)
{
    float const s = sigmoid(GELU_SCALE * (x + GELU_CUBIC * x * x * x));
    return s + x * s * (1.0f - s) * (GELU_SCALE * (1.0f + 3.0f * GELU_CUBIC * x * x));
}

PBTI_NN_INLINE float silu_slope(float x)
{
    float const s = sigmoid(x);
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
        y[i] = hyperbolic_tangent(x[i]);
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
        y[i] = x[i] * sigmoid(x[i]);
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
        float const y = hyperbolic_tangent(x[i]);
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
