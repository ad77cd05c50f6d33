/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env_cartpole.c - CartPole: push a cart to the left or to the right so that its pole stays up.
 *
 * Every frame is worth 1, the last included. The episode ends when the cart is more than 2.4 m from
 * the middle or the pole more than 12 degrees from upright; it is cut off after 500 frames.
 *
 * Source      Barto, Sutton & Anderson 1983; the constants and the explicit Euler step are those of
 *             Gymnasium's CartPole-v1
 */
#include "env/env_states.h"

#include <math.h>

static const double gravity = 9.8, pole_mass = 0.1, total_mass = 1.1, half_length = 0.5;
static const double force = 10.0, time_step = 0.02;

static void reset(void *state, uint32_t copy, const uint32_t bits[4])
{
    const struct pbti_cartpole *const s = state;
    s->x[copy] = pbti_env_uniform(bits[0], -0.05, 0.05);
    s->velocity[copy] = pbti_env_uniform(bits[1], -0.05, 0.05);
    s->angle[copy] = pbti_env_uniform(bits[2], -0.05, 0.05);
    s->angular_velocity[copy] = pbti_env_uniform(bits[3], -0.05, 0.05);
}

static void move(const struct pbti_cartpole *s, uint32_t copy, double push)
{
    double const velocity = s->velocity[copy], angular_velocity = s->angular_velocity[copy];
    double const sine = sin(s->angle[copy]), cosine = cos(s->angle[copy]);
    double const lever = pole_mass * half_length;
    double const moved = (push + lever * angular_velocity * angular_velocity * sine) / total_mass;
    double const inertia = half_length * (4.0 / 3.0 - pole_mass * cosine * cosine / total_mass);
    double const angular_acceleration = (gravity * sine - cosine * moved) / inertia;
    double const acceleration = moved - lever * angular_acceleration * cosine / total_mass;

    /* places move with the old velocities */
    s->x[copy] += time_step * velocity;
    s->velocity[copy] += time_step * acceleration;
    s->angle[copy] += time_step * angular_velocity;
    s->angular_velocity[copy] += time_step * angular_acceleration;
}

static void step(void *state, const struct pbti_env_frame *frame)
{
    const struct pbti_cartpole *const s = state;
    for (uint32_t i = 0; i < frame->count; i++) {
        move(s, i, frame->actions[i] == 1 ? force : -force);
        bool const fell =
            fabs(s->x[i]) > PBTI_CARTPOLE_X_MAX || fabs(s->angle[i]) > PBTI_CARTPOLE_ANGLE_MAX;
        frame->rewards[i] = 1.0f;
        frame->ends[i] = fell ? PBTI_ENV_TERMINAL : PBTI_ENV_GOES_ON;
    }
}

static void features(const void *state, uint32_t copy, float *x)
{
    const struct pbti_cartpole *const s = state;
    x[0] = (float)(s->x[copy] / PBTI_CARTPOLE_X_MAX);
    x[1] = (float)(s->velocity[copy] / 2.0);
    x[2] = (float)(s->angle[copy] / PBTI_CARTPOLE_ANGLE_MAX);
    x[3] = (float)(s->angular_velocity[copy] / 2.0);
}

#define PBTI_ENV_STRUCT struct pbti_cartpole
static const struct pbti_env_field fields[] = {PBTI_CARTPOLE_FIELDS(PBTI_ENV_FIELD_ROW)};

static const struct pbti_env_rules rules = {
    .table = PBTI_ENV_TABLE(fields),
    .state_size = sizeof(struct pbti_cartpole),
    .reset = reset,
    .step = step,
    .features = features,
};

const struct pbti_env_kind pbti_env_cartpole = {
    .name = "cartpole",
    .rows = 1,
    .columns = 1,
    .channels = 4,
    .actions = 2, /* left, right */
    .minimal_actions = 2,
    .frames_max = 500,
    .rules = &rules,
};
