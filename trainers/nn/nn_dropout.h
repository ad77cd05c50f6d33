/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_dropout.h - inverted dropout: each value is kept with probability 1 - rate and then divided by
 * it, so that nothing has to be scaled when evaluating.
 *
 * A mask is drawn from 16-bit numbers, so the rate in force is `rate` rounded to a multiple of
 * 2^-16; the scale is the inverse of exactly that keeping probability.
 *
 * Source      Srivastava et al. 2014, "Dropout"
 */
#ifndef PBTI_NN_DROPOUT_H
#define PBTI_NN_DROPOUT_H

#include "nn/nn_random.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Draw a mask for `count` values.
 *
 * mask        out, shape (count): 0 = dropped, or the scale 1 / (1 - rate)
 * bits        scratch, shape (count)
 * rate        in, [0, 1)
 */
void pbti_nn_dropout_mask(float *mask, uint16_t *bits, double rate,
                          const struct pbti_nn_stream *stream, size_t count);

/* x *= mask, shape (count): the forward pass on values, and the backward pass on gradients. */
void pbti_nn_dropout_apply(float *x, const float *mask, size_t count);

#endif
