/* SPDX-License-Identifier: Apache-2.0 */
/*
 * a2c_policy.h - what an advantage actor-critic does with the heads of its network: probabilities,
 * actions, returns, and the gradient of its loss.
 *
 * A row of heads is the logits of the A actions and the value V. The loss, a mean over all rows:
 *
 *     L = -advantage log pi(a) - entropy_cost H(pi) + value_cost / 2 (V - target)^2
 *
 * Source      Mnih et al. 2016, "Asynchronous Methods for Deep Reinforcement Learning", section 4
 *             and supplementary 4. Differences: synchronous; returns are lambda-returns cut off at
 *             the end of the rollout (Schulman et al. 2016, eq. 16), of which trace_decay 1 gives
 *             the paper's n-step returns; the loss is a mean, not a sum, so that learning rates
 *             do not depend on the size of a rollout.
 */
#ifndef PBTI_TRAINERS_A2C_POLICY_H
#define PBTI_TRAINERS_A2C_POLICY_H

#include "nn/nn_random.h"

#include <stdint.h>

/* Turn the logits of each row into probabilities. heads in/out, shape (count, A + 1). */
void pbti_a2c_probabilities(float *heads, uint32_t count, uint32_t actions);

/*
 * Draw one action a row. Row i takes 32 bits of the stream, word i % 4 of block i / 4.
 *
 * chosen      out, shape (count), each below A
 * heads       in, shape (count, A + 1): probabilities
 */
void pbti_a2c_draw(uint8_t *chosen, const float *heads, const struct pbti_nn_stream *stream,
                   uint32_t count, uint32_t actions);

/*
 * Advantages and targets of a rollout of T rounds of B copies, going back in time:
 *
 *     delta_t     = r_t + discount V_(t+1) - V_t
 *     advantage_t = delta_t + discount trace_decay advantage_(t+1)
 *     target_t    = advantage_t + V_t
 *
 * where what follows the end of an episode counts as 0. An episode that was cut off by a limit of
 * time (PBTI_ENV_TRUNCATED) counts as ended, too.
 *
 * advantages  out, shape (T, B)
 * targets     out, shape (T, B)
 * rewards     in, shape (T, B)
 * ends        in, shape (T, B): not 0 where the episode ended with this frame
 * heads       in, shape (T + 1, B, A + 1): V is the last of each row
 */
void pbti_a2c_returns(float *advantages, float *targets, const float *rewards, const uint8_t *ends,
                      const float *heads, uint32_t rounds, uint32_t copies, uint32_t actions,
                      double discount, double trace_decay);

/* The three parts of the loss, each a mean over the rows, before their costs. */
struct pbti_a2c_loss {
    double policy;  /* -advantage log pi(a) */
    double entropy; /* H(pi), in nats */
    double value;   /* (V - target)^2 / 2 */
};

/*
 * The gradient of the loss at the heads.
 *
 * d_heads     out, shape (count, A + 1)
 * heads       in, shape (count, A + 1): probabilities and V
 * chosen      in, shape (count)
 */
struct pbti_a2c_loss pbti_a2c_gradient(float *d_heads, const float *heads, const uint8_t *chosen,
                                       const float *advantages, const float *targets,
                                       double entropy_cost, double value_cost, uint32_t count,
                                       uint32_t actions);

#endif
