/* SPDX-License-Identifier: Apache-2.0 */
/* nn_loss.c - losses, see nn_loss.h. */
#include "nn/nn_loss.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>

/*
 * Loss of one row; with m = max of the logits and s = sum of exp(logit - m),
 * -log p_k = log s - (logit_k - m).
 */
static double row(float *gradient, const float *logits, uint8_t label, double smoothing,
                  float scale, uint32_t classes)
{
    float greatest = logits[0];
    for (size_t k = 1; k < classes; k++) {
        greatest = logits[k] > greatest ? logits[k] : greatest;
    }
    float sum = 0.0f;
    double shifted_sum = 0.0;
    for (size_t k = 0; k < classes; k++) {
        float const shifted = logits[k] - greatest;
        sum += expf(shifted);
        shifted_sum += (double)shifted;
    }
    double const log_sum = log((double)sum);
    double const loss = log_sum - (1.0 - smoothing) * (double)(logits[label] - greatest) -
                        smoothing / classes * shifted_sum;
    if (gradient == NULL) { return loss; }
    float const base = (float)(smoothing / classes);
    float const top = (float)(1.0 - smoothing + smoothing / classes);
    float const inverse = 1.0f / sum;
    for (size_t k = 0; k < classes; k++) {
        float const p = expf(logits[k] - greatest) * inverse;
        gradient[k] = (p - (k == label ? top : base)) * scale;
    }
    return loss;
}

double pbti_nn_cross_entropy(float *d_logits, const float *logits, const uint8_t *labels,
                             double smoothing, uint32_t batch, uint32_t classes)
{
    assert(batch > 0 && classes > 0);
    assert(smoothing >= 0.0 && smoothing < 1.0);
    double loss = 0.0;
    float const scale = 1.0f / (float)batch;
    for (size_t n = 0; n < batch; n++) {
        assert(labels[n] < classes);
        float *const gradient = d_logits == NULL ? NULL : d_logits + n * classes;
        loss += row(gradient, logits + n * classes, labels[n], smoothing, scale, classes);
    }
    return loss / batch;
}

uint32_t pbti_nn_count_correct(const float *logits, const uint8_t *labels, uint32_t batch,
                               uint32_t classes)
{
    uint32_t correct = 0;
    for (size_t n = 0; n < batch; n++) {
        const float *const values = logits + n * classes;
        size_t best = 0;
        for (size_t k = 1; k < classes; k++) {
            if (values[k] > values[best]) { best = k; }
        }
        correct += best == labels[n];
    }
    return correct;
}

double pbti_nn_huber(float *dy, const float *y, const float *targets, double delta, size_t count)
{
    assert(count > 0 && delta > 0.0);
    double loss = 0.0;
    double const scale = 1.0 / (double)count;
    for (size_t i = 0; i < count; i++) {
        double const error = (double)y[i] - (double)targets[i];
        double const size = fabs(error);
        bool const far = size > delta; /* NaN is not, and stays NaN */
        loss += far ? delta * (size - 0.5 * delta) : 0.5 * error * error;
        if (dy != NULL) { dy[i] = (float)(scale * (far ? copysign(delta, error) : error)); }
    }
    return loss * scale;
}
