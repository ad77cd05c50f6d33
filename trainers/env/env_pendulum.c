/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env_pendulum.c - Pendulum: swing a pendulum up with a weak motor and hold it there.
 *
 * A frame costs angle^2 + 0.1 velocity^2 + 0.001 torque^2, of the state before it. Episodes never
 * end by themselves; they are cut off after 200 frames.
 *
 * Source      Gymnasium's Pendulum-v1
 * Differences the torque, a number from -2 to 2 there, is one of nine evenly spaced ones here;
 *             angles are kept in [-pi, pi], where Gymnasium counts turns and the cost does not.
 */
#include "env/env_states.h"

#include <math.h>

static const double time_step = 0.05, velocity_max = 8.0;

static void reset(void *state, uint32_t copy, const uint32_t bits[4])
{
    const struct pbti_pendulum *const s = state;
    s->angle[copy] = pbti_env_uniform(bits[0], -PBTI_ENV_PI, PBTI_ENV_PI);
    s->velocity[copy] = pbti_env_uniform(bits[1], -1.0, 1.0);
}

static void step(void *state, const struct pbti_env_frame *frame)
{
    const struct pbti_pendulum *const s = state;
    for (uint32_t i = 0; i < frame->count; i++) {
        double const torque = (frame->actions[i] - 4.0) / 2.0;
        double const angle = s->angle[i], velocity = s->velocity[i];
        double const cost = angle * angle + 0.1 * velocity * velocity + 0.001 * torque * torque;
        double const faster = velocity + (15.0 * sin(angle) + 3.0 * torque) * time_step;
        s->velocity[i] = fmin(fmax(faster, -velocity_max), velocity_max);
        s->angle[i] = pbti_env_wrap(angle + s->velocity[i] * time_step);
        frame->rewards[i] = (float)-cost;
        frame->ends[i] = PBTI_ENV_GOES_ON;
    }
}

static void features(const void *state, uint32_t copy, float *x)
{
    const struct pbti_pendulum *const s = state;
    x[0] = (float)cos(s->angle[copy]);
    x[1] = (float)sin(s->angle[copy]);
    x[2] = (float)(s->velocity[copy] / velocity_max);
}

#define PBTI_ENV_STRUCT struct pbti_pendulum
static const struct pbti_env_field fields[] = {PBTI_PENDULUM_FIELDS(PBTI_ENV_FIELD_ROW)};

static const struct pbti_env_rules rules = {
    .table = PBTI_ENV_TABLE(fields),
    .state_size = sizeof(struct pbti_pendulum),
    .reset = reset,
    .step = step,
    .features = features,
};

const struct pbti_env_kind pbti_env_pendulum = {
    .name = "pendulum",
    .rows = 1,
    .columns = 1,
    .channels = 3,
    .actions = 9, /* torque -2, -1.5, ... 2 */
    .minimal_actions = 9,
    .frames_max = 200,
    .rules = &rules,
};
