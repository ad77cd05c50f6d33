/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_softmax.c - softmax and cross-entropy over thousands of classes, see nn_softmax.h.
 *
 * Sums are LANES sums side by side, added up at the end, as in nn_norm.c.
 */
#include "nn/nn_softmax.h"
#include "nn/nn_base.h"
#include "nn/nn_scalar.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

enum { LANES = 16 };
typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));

PBTI_NN_INLINE float total(const lanes *all)
{
    lanes sums = *all;
    for (size_t half = LANES / 2; half > 0; half /= 2) {
        for (size_t l = 0; l < half; l++) {
            sums[l] += sums[l + half];
        }
    }
    return sums[0];
}

PBTI_NN_INLINE float greatest(const float *x, size_t count)
{
    float most[LANES];
    for (size_t l = 0; l < LANES; l++) {
        most[l] = x[l < count ? l : 0];
    }
    for (size_t j = 0; j + LANES <= count; j += LANES) {
        for (size_t l = 0; l < LANES; l++) {
            most[l] = x[j + l] > most[l] ? x[j + l] : most[l];
        }
    }
    for (size_t j = count - count % LANES; j < count; j++) {
        most[0] = x[j] > most[0] ? x[j] : most[0];
    }
    float result = most[0];
    for (size_t l = 1; l < LANES; l++) {
        result = most[l] > result ? most[l] : result;
    }
    return result;
}

/* What a row has. */
struct row {
    float most;    /* the greatest logit */
    float sum;     /* of exp(logit - most) */
    float shifted; /* sum of logit - most */
};

/* Measure a row; `e`, if any, gets exp(x - most) and may be `x`. */
PBTI_NN_WIDE
static struct row measure(float *e, const float *x, size_t count)
{
    struct row row = {.most = greatest(x, count)};
    lanes sums = {0.0f}, shifts = {0.0f}, value;
    size_t j = 0;
    for (; j + LANES <= count; j += LANES) {
        memcpy(&value, x + j, sizeof value);
        value -= row.most;
        shifts += value;
        for (size_t l = 0; l < LANES; l++) {
            value[l] = pbti_nn_exp(value[l]);
        }
        sums += value;
        if (e != NULL) { memcpy(e + j, &value, sizeof value); }
    }
    for (size_t l = 0; j + l < count; l++) {
        float const shifted = x[j + l] - row.most;
        float const power = pbti_nn_exp(shifted);
        shifts[l] += shifted;
        sums[l] += power;
        if (e != NULL) { e[j + l] = power; }
    }
    row.sum = total(&sums);
    row.shifted = total(&shifts);
    return row;
}

/* From exponentials to gradients, but for the label's part. */
PBTI_NN_WIDE
static void finish(float *restrict d, float factor, float base, size_t count)
{
    for (size_t j = 0; j < count; j++) {
        d[j] = d[j] * factor - base;
    }
}

struct pbti_nn_softmax_loss pbti_nn_softmax_cross_entropy(float *d_logits, const float *logits,
                                                          const uint32_t *labels, double smoothing,
                                                          float scale, uint32_t batch,
                                                          uint32_t classes)
{
    assert(classes > 0 && smoothing >= 0.0 && smoothing < 1.0);
    struct pbti_nn_softmax_loss loss = {0.0, 0.0};
    double const share = smoothing / classes;
    for (size_t n = 0; n < batch; n++) {
        const float *const x = logits + n * classes;
        float *const d = d_logits == NULL ? NULL : d_logits + n * classes;
        uint32_t const label = labels[n];
        assert(label < classes);
        float const at_label = x[label]; /* before it is written over */
        struct row const row = measure(d, x, classes);
        double const log_sum = log((double)row.sum);
        double const right = (double)(at_label - row.most);
        loss.plain += log_sum - right;
        loss.smoothed += log_sum - (1.0 - smoothing) * right - share * (double)row.shifted;
        if (d == NULL) { continue; }
        finish(d, scale / row.sum, (float)share * scale, classes);
        d[label] -= (float)(1.0 - smoothing) * scale;
    }
    return loss;
}

double pbti_nn_log_sum_exp(const float *logits, uint32_t classes)
{
    struct row const row = measure(NULL, logits, classes);
    return (double)row.most + log((double)row.sum);
}
