/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env_mountain_car.c - MountainCar: leave a valley with an engine that is too weak for the slope.
 *
 * Every frame costs 1. The episode ends on the hill at x = 0.5; it is cut off after 200 frames.
 *
 * Source      Moore 1990; the constants are those of Gymnasium's MountainCar-v0
 */
#include "env/env_states.h"

#include <math.h>

static const double x_min = -1.2, x_max = 0.6, goal = 0.5;
static const double velocity_max = 0.07, thrust = 0.001, gravity = 0.0025;

static void reset(void *state, uint32_t copy, const uint32_t bits[4])
{
    const struct pbti_mountain_car *const s = state;
    s->x[copy] = pbti_env_uniform(bits[0], -0.6, -0.4);
    s->velocity[copy] = 0.0;
}

static void step(void *state, const struct pbti_env_frame *frame)
{
    const struct pbti_mountain_car *const s = state;
    for (uint32_t i = 0; i < frame->count; i++) {
        double const pull = (frame->actions[i] - 1.0) * thrust - gravity * cos(3.0 * s->x[i]);
        double const velocity = fmin(fmax(s->velocity[i] + pull, -velocity_max), velocity_max);
        s->x[i] = fmin(fmax(s->x[i] + velocity, x_min), x_max);
        s->velocity[i] = s->x[i] <= x_min && velocity < 0.0 ? 0.0 : velocity;
        frame->rewards[i] = -1.0f;
        frame->ends[i] = s->x[i] >= goal ? PBTI_ENV_TERMINAL : PBTI_ENV_GOES_ON;
    }
}

static void features(const void *state, uint32_t copy, float *x)
{
    const struct pbti_mountain_car *const s = state;
    x[0] = (float)((s->x[copy] - (x_min + x_max) / 2.0) / ((x_max - x_min) / 2.0));
    x[1] = (float)(s->velocity[copy] / velocity_max);
}

#define PBTI_ENV_STRUCT struct pbti_mountain_car
static const struct pbti_env_field fields[] = {PBTI_MOUNTAIN_CAR_FIELDS(PBTI_ENV_FIELD_ROW)};

static const struct pbti_env_rules rules = {
    .table = PBTI_ENV_TABLE(fields),
    .state_size = sizeof(struct pbti_mountain_car),
    .reset = reset,
    .step = step,
    .features = features,
};

const struct pbti_env_kind pbti_env_mountain_car = {
    .name = "mountain_car",
    .rows = 1,
    .columns = 1,
    .channels = 2,
    .actions = 3, /* thrust to the left, none, to the right */
    .minimal_actions = 3,
    .frames_max = 200,
    .rules = &rules,
};
