/* SPDX-License-Identifier: Apache-2.0 */
/* a2c_policy.c - probabilities, actions, returns and the loss, see a2c_policy.h. */
#include "a2c/a2c_policy.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

/* Of probabilities that are 0 in binary32 the logarithm is cut off here; they add nothing. */
#define PROBABILITY_MIN 1e-30f

void pbti_a2c_probabilities(float *heads, uint32_t count, uint32_t actions)
{
    for (size_t i = 0; i < count; i++) {
        float *const row = heads + i * (actions + 1);
        float greatest = row[0];
        for (size_t k = 1; k < actions; k++) {
            greatest = row[k] > greatest ? row[k] : greatest;
        }
        float sum = 0.0f;
        for (size_t k = 0; k < actions; k++) {
            row[k] = expf(row[k] - greatest);
            sum += row[k];
        }
        float const inverse = 1.0f / sum;
        for (size_t k = 0; k < actions; k++) {
            row[k] *= inverse;
        }
    }
}

void pbti_a2c_draw(uint8_t *chosen, const float *heads, const struct pbti_nn_stream *stream,
                   uint32_t count, uint32_t actions)
{
    assert(actions >= 1 && actions <= UINT8_MAX);
    uint32_t bits[4] = {0};
    for (size_t i = 0; i < count; i++) {
        if (i % 4 == 0) { pbti_nn_random_block(stream, (uint32_t)(i / 4), bits); }
        const float *const row = heads + i * (actions + 1);
        /* rounding may leave the sum below 1: the last action takes what is left */
        float left = (float)pbti_nn_unit(bits[i % 4]);
        uint32_t k = 0;
        while (k + 1 < actions && left >= row[k]) {
            left -= row[k++];
        }
        chosen[i] = (uint8_t)k;
    }
}

void pbti_a2c_returns(float *advantages, float *targets, const float *rewards, const uint8_t *ends,
                      const float *heads, uint32_t rounds, uint32_t copies, uint32_t actions,
                      double discount, double trace_decay)
{
    size_t const stride = actions + 1;
    float const gamma = (float)discount;
    float const gamma_lambda = (float)(discount * trace_decay);
    for (size_t t = rounds; t-- > 0;) {
        for (size_t i = 0; i < copies; i++) {
            size_t const at = t * copies + i;
            float const goes_on = ends[at] == 0 ? 1.0f : 0.0f;
            float const value = heads[at * stride + actions];
            float const after = heads[(at + copies) * stride + actions];
            float const later = t + 1 == rounds ? 0.0f : advantages[at + copies];
            float const delta = rewards[at] + gamma * goes_on * after - value;
            advantages[at] = delta + gamma_lambda * goes_on * later;
            targets[at] = advantages[at] + value;
        }
    }
}

struct pbti_a2c_loss pbti_a2c_gradient(float *d_heads, const float *heads, const uint8_t *chosen,
                                       const float *advantages, const float *targets,
                                       double entropy_cost, double value_cost, uint32_t count,
                                       uint32_t actions)
{
    struct pbti_a2c_loss loss = {0.0, 0.0, 0.0};
    float const scale = 1.0f / (float)count;
    float const entropy_scale = (float)entropy_cost * scale;
    for (size_t i = 0; i < count; i++) {
        const float *const p = heads + i * (actions + 1);
        float *const d = d_heads + i * (actions + 1);
        float entropy = 0.0f;
        for (size_t k = 0; k < actions; k++) {
            d[k] = logf(p[k] > PROBABILITY_MIN ? p[k] : PROBABILITY_MIN);
            entropy -= p[k] * d[k];
        }
        loss.policy -= (double)(advantages[i] * d[chosen[i]]);
        loss.entropy += (double)entropy;
        /* d(-log pi(a)) / dz_k = p_k - [k = a];  dH / dz_k = -p_k (log p_k + H) */
        float const pull = advantages[i] * scale;
        for (size_t k = 0; k < actions; k++) {
            d[k] = pull * p[k] + entropy_scale * p[k] * (d[k] + entropy);
        }
        d[chosen[i]] -= pull;
        float const error = p[actions] - targets[i];
        d[actions] = (float)value_cost * scale * error;
        loss.value += 0.5 * (double)error * (double)error;
    }
    loss.policy /= count;
    loss.entropy /= count;
    loss.value /= count;
    return loss;
}
