/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_init.h - initial weights: normal, with the variance that keeps activations and gradients alike
 * from layer to layer, or orthogonal.
 *
 *     He      sd = sqrt(2 / I)          before relu, gelu, silu    He et al. 2015, eq. 10
 *     Xavier  sd = sqrt(2 / (I + O))    before tanh and softmax    Glorot & Bengio 2010, eq. 12
 *
 * Difference: normal instead of the uniform distribution of Glorot & Bengio (same variance).
 *
 * Orthogonal weights turn what goes through them and neither stretch nor squeeze it, which is what
 * a recurrent layer wants that is gone through many times. Source: Saxe et al. 2014.
 */
#ifndef PBTI_NN_INIT_H
#define PBTI_NN_INIT_H

#include "nn/nn_activation.h"
#include "nn/nn_random.h"

#include <stddef.h>
#include <stdint.h>

/* Fill w[0..count) from N(0, sd^2) by the Box-Muller transform, four values from each block. */
void pbti_nn_init_normal(float *w, size_t count, double sd, const struct pbti_nn_stream *stream);

/*
 * Fill w, shape (rows, columns), with `gain` times a matrix whose rows are orthonormal or, when it
 * has more rows than columns, whose columns are. It is drawn evenly from all of these: normal
 * numbers by Gram and Schmidt's method, each vector twice, for then rounding leaves nothing
 * (Giraud et al. 2005). Time is rows * columns * min(rows, columns).
 */
void pbti_nn_init_orthogonal(float *w, uint32_t rows, uint32_t columns, double gain,
                             const struct pbti_nn_stream *stream);

/* The standard deviation for weights of shape (O, I) in front of an activation. */
double pbti_nn_init_sd(enum pbti_nn_activation activation, uint32_t inputs, uint32_t outputs);

/* The same for the last layer, in front of a softmax. */
double pbti_nn_init_sd_output(uint32_t inputs, uint32_t outputs);

#endif
