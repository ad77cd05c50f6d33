/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_logit_loss.h - losses of one logit a picture: is it real?
 *
 * With softplus(t) = max(t, 0) + log1p(exp(-|t|)), s(t) = 1 / (1 + exp(-t)), B pictures:
 *
 *     logistic  real  mean [(1 - a) softplus(-l) + a softplus(l)]    dl = (s(l) - (1 - a)) / B
 *               fake  mean softplus(l)                               dl = s(l) / B
 *               G     mean softplus(-l)                              dl = -s(-l) / B
 *     hinge     real  mean max(0, 1 - l)                             dl = -[l < 1] / B
 *               fake  mean max(0, 1 + l)                             dl = [l > -1] / B
 *               G     mean -l                                        dl = -1 / B
 *
 * where a smooths the target of real pictures, from one side only; the hinge has none. Exactly at
 * a corner its gradient is 0. A discriminator that cannot tell has the logistic loss 2 ln 2 (real
 * and fake together), and its generator ln 2. Sums are in double and finite for every finite logit.
 *
 * Source      Goodfellow et al. 2014, "Generative adversarial nets" (the logistic losses, G's
 *             "non-saturating"); Salimans et al. 2016, section 3.4 (one-sided smoothing);
 *             Lim & Ye 2017 (hinge).
 */
#ifndef PBTI_NN_LOGIT_LOSS_H
#define PBTI_NN_LOGIT_LOSS_H

#include <stdint.h>

enum pbti_nn_logit_loss {
    PBTI_NN_LOGISTIC,
    PBTI_NN_HINGE,
};

/* What the logits should say. */
enum pbti_nn_logit_target {
    PBTI_NN_TARGET_REAL, /* the discriminator's, of real pictures */
    PBTI_NN_TARGET_FAKE, /* the discriminator's, of generated ones */
    PBTI_NN_TARGET_FOOL, /* the generator's, of generated ones */
};

/*
 * Return the mean loss of a batch; write the gradient of that mean.
 *
 * d_logits    out, shape (B); may be `logits`; NULL: not wanted
 * logits      in, shape (B)
 * smoothing   in, a: [0, 0.5]; read for real pictures with the logistic loss only
 */
double pbti_nn_logit_loss(float *d_logits, const float *logits, enum pbti_nn_logit_loss kind,
                          enum pbti_nn_logit_target target, double smoothing, uint32_t batch);

#endif
