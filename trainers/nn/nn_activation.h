/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_activation.h - elementwise activations, forward and backward.
 *
 *     relu   max(x, 0)
 *     tanh   tanh(x)
 *     gelu   x s(2u), u = sqrt(2/pi) (x + 0.044715 x^3)    Hendrycks & Gimpel 2016, the tanh form
 *     silu   x s(x)                                         also called swish
 *
 * with s(t) = 1 / (1 + exp(-t)). exp is computed by a polynomial that compilers turn into vector
 * code (relative error below 2e-7), so these cost about as much as the memory they touch.
 */
#ifndef PBTI_NN_ACTIVATION_H
#define PBTI_NN_ACTIVATION_H

#include <stdbool.h>
#include <stddef.h>

enum pbti_nn_activation {
    PBTI_NN_RELU,
    PBTI_NN_TANH,
    PBTI_NN_GELU,
    PBTI_NN_SILU,
};

/* All names, for messages. */
#define PBTI_NN_ACTIVATION_NAMES "relu, tanh, gelu, silu"

/* The name of an activation; static storage. */
const char *pbti_nn_activation_name(enum pbti_nn_activation activation);

/* Find an activation by name; false (and *activation untouched) when there is none. */
bool pbti_nn_activation_find(const char *name, enum pbti_nn_activation *activation);

/* y = f(x), both shape (count). y may be x. */
void pbti_nn_activation_forward(enum pbti_nn_activation activation, float *y, const float *x,
                                size_t count);

/* dx = dy f'(x), all shape (count). dx may be dy. `x` is the input of the forward pass. */
void pbti_nn_activation_backward(enum pbti_nn_activation activation, float *dx, const float *dy,
                                 const float *x, size_t count);

/*
 * Leaky relu: y = x where x > 0, slope x elsewhere. Source: Maas et al. 2013.
 *
 * slope       in, (0, 1): y then has the sign of x
 *
 * forward     y may be x
 * backward    dx may be dy; `y` is what the forward pass wrote, or its x
 */
void pbti_nn_leaky_relu_forward(float *y, const float *x, float slope, size_t count);
void pbti_nn_leaky_relu_backward(float *dx, const float *dy, const float *y, float slope,
                                 size_t count);

#endif
