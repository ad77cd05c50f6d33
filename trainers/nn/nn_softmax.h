/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_softmax.h - softmax and cross-entropy over thousands of classes, with label smoothing.
 *
 * The loss is that of nn_loss.h (Szegedy et al. 2016, section 7: each class gets e / K, the right
 * one 1 - e more), with labels beyond 255, and with exponentials in vector code: a vocabulary of
 * words makes them most of a loss's time. The exponential's relative error is below 2e-7.
 */
#ifndef PBTI_NN_SOFTMAX_H
#define PBTI_NN_SOFTMAX_H

#include <stdint.h>

/* Sums over the rows of a batch. */
struct pbti_nn_softmax_loss {
    double smoothed; /* of the loss with label smoothing */
    double plain;    /* of -log p of the label */
};

/*
 * Return the losses of a batch; write the gradient of the *mean* smoothed loss.
 *
 * d_logits    out, shape (B, K): (p - t) scale; may be `logits`; NULL: not wanted
 * logits      in, shape (B, K)
 * labels      in, shape (B), each < K
 * smoothing   in, [0, 1)
 * scale       in, of the gradient: 1 / B for that of the mean
 *
 * NaN or infinite logits give losses that are not finite; nothing else happens.
 */
struct pbti_nn_softmax_loss pbti_nn_softmax_cross_entropy(float *d_logits, const float *logits,
                                                          const uint32_t *labels, double smoothing,
                                                          float scale, uint32_t batch,
                                                          uint32_t classes);

/* log of the sum of exp(logits[k]), shape (classes): log p_k is logits[k] less this. */
double pbti_nn_log_sum_exp(const float *logits, uint32_t classes);

#endif
