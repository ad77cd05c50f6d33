/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_loss.h - softmax and cross-entropy, with label smoothing, forward and backward in one.
 *
 * With K classes, label y and smoothing e the target distribution is t_k = (1 - e) [k = y] + e / K
 * and the loss of one row is -sum_k t_k log p_k. Source: Szegedy et al. 2016, section 7; the same
 * definition as PyTorch's CrossEntropyLoss(label_smoothing=e).
 */
#ifndef PBTI_NN_LOSS_H
#define PBTI_NN_LOSS_H

#include <stdint.h>

/*
 * Return the mean loss of a batch; write the gradient of that mean.
 *
 * d_logits    out, shape (B, K): (p - t) / B; may be `logits`; NULL: not wanted
 * logits      in, shape (B, K)
 * labels      in, shape (B), each < K
 * smoothing   in, [0, 1)
 *
 * NaN or infinite logits give a loss that is not finite; nothing else happens.
 */
double pbti_nn_cross_entropy(float *d_logits, const float *logits, const uint8_t *labels,
                             double smoothing, uint32_t batch, uint32_t classes);

/* How many rows have their greatest logit (the first of equals) at the label. */
uint32_t pbti_nn_count_correct(const float *logits, const uint8_t *labels, uint32_t batch,
                               uint32_t classes);

#endif
