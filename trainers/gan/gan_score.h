/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gan_score.h - how good pictures are, from what a classifier says of them.
 *
 * Inception score of class probabilities p (N, K):
 *
 *     exp( mean_i sum_k p_ik (ln p_ik - ln q_k) ),  q = mean_i p_i,  0 ln 0 = 0;   from 1 to K
 *
 * It sees whether pictures look like something, and whether all classes appear; not whether the
 * pictures of a class differ.
 *
 * Frechet distance of features, as if each set of them were normal:
 *
 *     |m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^(1/2)
 *
 * with covariances divided by N - 1. The last trace is that of (R S2 R)^(1/2), R = S1^(1/2), which
 * is symmetric: no matrix needs to be regular, nothing is added to it.
 *
 * Source      Salimans et al. 2016, "Improved techniques for training GANs", section 4; Heusel et
 *             al. 2017, "GANs trained by a two time-scale update rule", section 4.
 * Difference  the classifier is a small one of the same data, not the Inception network: values
 *             are comparable between studies with the same judge only.
 */
#ifndef PBTI_TRAINERS_GAN_SCORE_H
#define PBTI_TRAINERS_GAN_SCORE_H

#include "pbt/status.h"

#include <stddef.h>

/*
 * Return the Inception score; NaN when a probability is.
 *
 * classes     out, exp of the entropy of q: how many classes appear, from 1 to K; NULL: not wanted
 * p           in, shape (count, k), each row sums to 1
 */
double pbti_gan_inception(const double *p, size_t count, size_t k, double *classes);

/* The same in `splits` equal parts, in order: mean and population standard deviation. What is left
 * over at the end is not used. */
void pbti_gan_inception_splits(const double *p, size_t count, size_t k, size_t splits, double *mean,
                               double *sd);

/* p = softmax of each row, in double. logits (count, k). */
void pbti_gan_softmax(double *p, const float *logits, size_t count, size_t k);

/* Mean and covariance of features. */
struct pbti_gan_moments {
    size_t size;        /* features F */
    double *mean;       /* shape (F); owns the memory of both */
    double *covariance; /* shape (F, F) */
};

/* Take memory for F features, 1..512. Errors: PBT_ENOMEM. */
PBT_NODISCARD pbt_status pbti_gan_moments_init(struct pbti_gan_moments *moments, size_t size,
                                               struct pbt_error *err);
void pbti_gan_moments_deinit(struct pbti_gan_moments *moments);

/* Measure features, shape (count, F), count at least 2. */
void pbti_gan_moments_measure(struct pbti_gan_moments *moments, const float *features,
                              size_t count);

/*
 * distance = the Frechet distance, at least 0; NaN when a value is not finite.
 *
 * root        in, shape (F, F): the square root of `a`'s covariance (nn_symmetric.h)
 *
 * Errors      PBT_ENOMEM
 */
PBT_NODISCARD pbt_status pbti_gan_frechet(double *distance, const struct pbti_gan_moments *a,
                                          const double *root, const struct pbti_gan_moments *b,
                                          struct pbt_error *err);

#endif
