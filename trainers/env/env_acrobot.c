/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env_acrobot.c - Acrobot: swing two hanging links, driven at the joint between them, up.
 *
 * Every frame costs 1 but the one that reaches the height of one link above the pivot and ends the
 * episode, which costs nothing; it is cut off after 500 frames.
 *
 * Source      Sutton & Barto 1998, section 11.3 (the dynamics "of the book"); the fourth-order
 *             Runge-Kutta step and the limits are those of Gymnasium's Acrobot-v1
 */
#include "env/env_states.h"

#include <math.h>

/* Both links have length 1, mass 1, their centre of mass in the middle and moment of inertia 1. */
static const double gravity = 9.8, time_step = 0.2, centre = 0.5, inertia = 1.0;

/* angle1, angle2, velocity1, velocity2, or their rates of change */
struct motion {
    double of[4];
};

static void reset(void *state, uint32_t copy, const uint32_t bits[4])
{
    const struct pbti_acrobot *const s = state;
    s->angle1[copy] = pbti_env_uniform(bits[0], -0.1, 0.1);
    s->angle2[copy] = pbti_env_uniform(bits[1], -0.1, 0.1);
    s->velocity1[copy] = pbti_env_uniform(bits[2], -0.1, 0.1);
    s->velocity2[copy] = pbti_env_uniform(bits[3], -0.1, 0.1);
}

/* Rates of change; the letters are those of the book. cos(t - pi / 2) is its way to write sin. */
static struct motion rates(const struct motion *at, double torque)
{
    double const t1 = at->of[0], t2 = at->of[1], v1 = at->of[2], v2 = at->of[3];
    double const d1 =
        centre * centre + (1.0 + centre * centre + 2.0 * centre * cos(t2)) + inertia + inertia;
    double const d2 = centre * centre + centre * cos(t2) + inertia;
    double const phi2 = centre * gravity * cos(t1 + t2 - PBTI_ENV_PI / 2.0);
    double const phi1 = -centre * v2 * v2 * sin(t2) - 2.0 * centre * v2 * v1 * sin(t2) +
                        (centre + 1.0) * gravity * cos(t1 - PBTI_ENV_PI / 2.0) + phi2;
    double const a2 = (torque + d2 / d1 * phi1 - centre * v1 * v1 * sin(t2) - phi2) /
                      (centre * centre + inertia - d2 * d2 / d1);
    double const a1 = -(d2 * a2 + phi1) / d1;
    return (struct motion){{v1, v2, a1, a2}};
}

static struct motion along(const struct motion *from, const struct motion *rate, double time)
{
    struct motion to;
    for (int i = 0; i < 4; i++) {
        to.of[i] = from->of[i] + time * rate->of[i];
    }
    return to;
}

static struct motion runge_kutta(const struct motion *from, double torque)
{
    struct motion const k1 = rates(from, torque);
    struct motion const at2 = along(from, &k1, time_step / 2.0);
    struct motion const k2 = rates(&at2, torque);
    struct motion const at3 = along(from, &k2, time_step / 2.0);
    struct motion const k3 = rates(&at3, torque);
    struct motion const at4 = along(from, &k3, time_step);
    struct motion const k4 = rates(&at4, torque);
    struct motion sum;
    for (int i = 0; i < 4; i++) {
        sum.of[i] = k1.of[i] + 2.0 * k2.of[i] + 2.0 * k3.of[i] + k4.of[i];
    }
    return along(from, &sum, time_step / 6.0);
}

static double clip(double value, double limit)
{
    return fmin(fmax(value, -limit), limit);
}

static void step(void *state, const struct pbti_env_frame *frame)
{
    const struct pbti_acrobot *const s = state;
    for (uint32_t i = 0; i < frame->count; i++) {
        struct motion const from = {{s->angle1[i], s->angle2[i], s->velocity1[i], s->velocity2[i]}};
        struct motion const to = runge_kutta(&from, frame->actions[i] - 1.0);
        s->angle1[i] = pbti_env_wrap(to.of[0]);
        s->angle2[i] = pbti_env_wrap(to.of[1]);
        s->velocity1[i] = clip(to.of[2], PBTI_ACROBOT_VELOCITY1_MAX);
        s->velocity2[i] = clip(to.of[3], PBTI_ACROBOT_VELOCITY2_MAX);
        bool const up = -cos(s->angle1[i]) - cos(s->angle1[i] + s->angle2[i]) > 1.0;
        frame->rewards[i] = up ? 0.0f : -1.0f;
        frame->ends[i] = up ? PBTI_ENV_TERMINAL : PBTI_ENV_GOES_ON;
    }
}

static void features(const void *state, uint32_t copy, float *x)
{
    const struct pbti_acrobot *const s = state;
    x[0] = (float)cos(s->angle1[copy]);
    x[1] = (float)sin(s->angle1[copy]);
    x[2] = (float)cos(s->angle2[copy]);
    x[3] = (float)sin(s->angle2[copy]);
    x[4] = (float)(s->velocity1[copy] / PBTI_ACROBOT_VELOCITY1_MAX);
    x[5] = (float)(s->velocity2[copy] / PBTI_ACROBOT_VELOCITY2_MAX);
}

#define PBTI_ENV_STRUCT struct pbti_acrobot
static const struct pbti_env_field fields[] = {PBTI_ACROBOT_FIELDS(PBTI_ENV_FIELD_ROW)};

static const struct pbti_env_rules rules = {
    .table = PBTI_ENV_TABLE(fields),
    .state_size = sizeof(struct pbti_acrobot),
    .reset = reset,
    .step = step,
    .features = features,
};

const struct pbti_env_kind pbti_env_acrobot = {
    .name = "acrobot",
    .rows = 1,
    .columns = 1,
    .channels = 6,
    .actions = 3, /* torque -1, 0, 1 */
    .minimal_actions = 3,
    .frames_max = 500,
    .rules = &rules,
};
