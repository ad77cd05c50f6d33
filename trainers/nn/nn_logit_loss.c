/* SPDX-License-Identifier: Apache-2.0 */
/* nn_logit_loss.c - losses of one logit, see nn_logit_loss.h. */
#include "nn/nn_logit_loss.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

/* NaN stays NaN: neither comparison holds for it, and log1p(exp(NaN)) is NaN. */
static double softplus(double t)
{
    return (t > 0.0 ? t : 0.0) + log1p(exp(-fabs(t)));
}

static double sigmoid(double t)
{
    if (t >= 0.0) { return 1.0 / (1.0 + exp(-t)); }
    double const e = exp(t);
    return e / (1.0 + e);
}

struct value {
    double loss, slope;
};

static struct value logistic(double l, enum pbti_nn_logit_target target, double smoothing)
{
    switch (target) {
    case PBTI_NN_TARGET_FAKE: return (struct value){softplus(l), sigmoid(l)};
    case PBTI_NN_TARGET_FOOL: return (struct value){softplus(-l), -sigmoid(-l)};
    case PBTI_NN_TARGET_REAL: break;
    }
    if (smoothing == 0.0) { return (struct value){softplus(-l), -sigmoid(-l)}; }
    return (struct value){(1.0 - smoothing) * softplus(-l) + smoothing * softplus(l),
                          sigmoid(l) - (1.0 - smoothing)};
}

static struct value hinge(double l, enum pbti_nn_logit_target target)
{
    if (target == PBTI_NN_TARGET_FOOL) { return (struct value){-l, -1.0}; }
    double const sign = target == PBTI_NN_TARGET_REAL ? -1.0 : 1.0;
    double const margin = 1.0 + sign * l;
    if (margin <= 0.0) { return (struct value){0.0, 0.0}; }
    return (struct value){margin, sign};
}

double pbti_nn_logit_loss(float *d_logits, const float *logits, enum pbti_nn_logit_loss kind,
                          enum pbti_nn_logit_target target, double smoothing, uint32_t batch)
{
    assert(batch > 0 && smoothing >= 0.0 && smoothing <= 0.5);
    double loss = 0.0;
    for (size_t i = 0; i < batch; i++) {
        double const l = (double)logits[i];
        struct value const v =
            kind == PBTI_NN_LOGISTIC ? logistic(l, target, smoothing) : hinge(l, target);
        loss += v.loss;
        if (d_logits != NULL) { d_logits[i] = (float)(v.slope / batch); }
    }
    return loss / batch;
}
