/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_scalar.h - exp and what is made of it, for single numbers: pieces that are inlined into the
 * wide loops of the layers (PBTI_NN_WIDE) and become vector code there.
 *
 * exp(x) = 2^k exp(r), k = round(x / ln 2), |r| <= ln(2)/2; ln 2 is split in two so that r is exact
 * enough (Cody & Waite), exp(r) is its Taylor polynomial to degree 7 (truncation below 6e-9), and
 * 2^k is put together from bits. NaN goes through as NaN; arguments are clamped to +-87. The
 * relative error of exp is below 2e-7, the absolute error of the others too.
 */
#ifndef PBTI_NN_SCALAR_H
#define PBTI_NN_SCALAR_H

#include "nn/nn_base.h"

#include <string.h>

PBTI_NN_INLINE float pbti_nn_exp(float argument)
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

/* 1 / (1 + exp(-x)) */
PBTI_NN_INLINE float pbti_nn_sigmoid(float x)
{
    return 1.0f / (1.0f + pbti_nn_exp(-x));
}

PBTI_NN_INLINE float pbti_nn_tanh(float x)
{
    return 2.0f * pbti_nn_sigmoid(2.0f * x) - 1.0f;
}

#endif
