/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_loss.h - losses, forward and backward in one.
 *
 * Softmax and cross-entropy, with label smoothing.
 * With K classes, label y and smoothing e the target distribution is t_k = (1 - e) [k = y] + e / K
 * and the loss of one row is -sum_k t_k log p_k. Source: Szegedy et al. 2016, section 7; the same
 * definition as PyTorch's CrossEntropyLoss(label_smoothing=e).
 *
 * Huber's loss of an error e is e^2 / 2 up to |e| = delta and delta (|e| - delta / 2) beyond: a
 * square whose slope is never more than delta. Source: Huber 1964; the same as PyTorch's HuberLoss.
 */
#ifndef PBTI_NN_LOSS_H
#define PBTI_NN_LOSS_H

#include <stddef.h>
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

/*
 * Return the mean Huber loss of `count` values; write the gradient of that mean.
 *
 * dy          out, shape (count); may be `y`; NULL: not wanted
 * y           in, shape (count)
 * targets     in, shape (count)
 * delta       in, (0, inf)
 */
double pbti_nn_huber(float *dy, const float *y, const float *targets, double delta, size_t count);

#endif
