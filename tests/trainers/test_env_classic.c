/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_env_classic.c - rules: the four games of classic control follow trajectories that were
 * computed with Gymnasium's equations, end, are cut off and pay as there, begin where they should
 * and show features of about [-1, 1]. Sticky actions do not hold in them.
 */
#include "env_fixture.h"

#include <math.h>
#include <stdlib.h>

static void assert_close(double got, double expected)
{
    if (!(fabs(got - expected) <= 1e-12)) { fail_msg("%.17g is not %.12f", got, expected); }
}

/* -------- trajectories -------- */

static void test_cartpole_trajectory(void **unused)
{
    (void)unused;
    static const uint8_t actions[] = {1, 1, 0, 1, 0};
    struct pbti_env *const env = env_make("cartpole", 1, NULL);
    const struct pbti_cartpole *const s = env_state(env);
    s->x[0] = 0.01;
    s->velocity[0] = -0.02;
    s->angle[0] = 0.03;
    s->angular_velocity[0] = 0.04;
    for (size_t i = 0; i < sizeof actions; i++) {
        assert_true(env_play(env, actions[i], PBTI_ENV_GOES_ON) == 1.0f);
        if (i > 0) { continue; }
        assert_close(s->x[0], 0.0096);
        assert_close(s->velocity[0], 0.174679195748);
        assert_close(s->angle[0], 0.0308);
        assert_close(s->angular_velocity[0], -0.243068717960);
    }
    assert_close(s->x[0], 0.031333339892);
    assert_close(s->velocity[0], 0.173494992751);
    assert_close(s->angle[0], 0.000659957802);
    assert_close(s->angular_velocity[0], -0.216812868357);
    pbti_env_destroy(env);
}

static void test_mountain_car_trajectory(void **unused)
{
    (void)unused;
    static const uint8_t actions[] = {2, 2, 0, 1, 2};
    struct pbti_env *const env = env_make("mountain_car", 1, NULL);
    const struct pbti_mountain_car *const s = env_state(env);
    s->x[0] = -0.5;
    s->velocity[0] = 0.0;
    for (size_t i = 0; i < sizeof actions; i++) {
        assert_true(env_play(env, actions[i], PBTI_ENV_GOES_ON) == -1.0f);
    }
    assert_close(s->x[0], -0.495799637420);
    assert_close(s->velocity[0], 0.001045862647);
    pbti_env_destroy(env);
}

static void test_acrobot_trajectory(void **unused)
{
    (void)unused;
    static const uint8_t actions[] = {2, 2, 0, 1, 2};
    struct pbti_env *const env = env_make("acrobot", 1, NULL);
    const struct pbti_acrobot *const s = env_state(env);
    s->angle1[0] = 0.05;
    s->angle2[0] = -0.03;
    s->velocity1[0] = 0.02;
    s->velocity2[0] = -0.01;
    for (size_t i = 0; i < sizeof actions; i++) {
        assert_true(env_play(env, actions[i], PBTI_ENV_GOES_ON) == -1.0f);
    }
    assert_close(s->angle1[0], -0.062473453226);
    assert_close(s->angle2[0], 0.182440183705);
    assert_close(s->velocity1[0], 0.003554190590);
    assert_close(s->velocity2[0], -0.064558269376);
    pbti_env_destroy(env);
}

static void test_pendulum_trajectory(void **unused)
{
    (void)unused;
    static const uint8_t actions[] = {8, 2, 4}; /* torques 2, -1, 0 */
    static const double rewards[] = {-1.029, -1.354036113014, -1.741660475451};
    struct pbti_env *const env = env_make("pendulum", 1, NULL);
    const struct pbti_pendulum *const s = env_state(env);
    s->angle[0] = 1.0;
    s->velocity[0] = 0.5;
    for (size_t i = 0; i < sizeof actions; i++) {
        float const reward = env_play(env, actions[i], PBTI_ENV_GOES_ON);
        assert_true(reward == (float)rewards[i]); /* rewards are floats */
    }
    assert_close(s->angle[0], 1.300018095851);
    assert_close(s->velocity[0], 2.629695854202);
    pbti_env_destroy(env);
}

/* -------- ends of episodes -------- */

static void test_cartpole_ends(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("cartpole", 1, NULL);
    const struct pbti_cartpole *const s = env_state(env);
    static const double beyond[][2] = {{2.39, 1.0}, {-2.39, -1.0}};
    for (int i = 0; i < 2; i++) { /* out at a side: x moves with the velocity it had */
        s->x[0] = beyond[i][0];
        s->velocity[0] = beyond[i][1];
        s->angle[0] = s->angular_velocity[0] = 0.0;
        assert_true(env_play(env, 0, PBTI_ENV_TERMINAL) == 1.0f);
        assert_true(fabs(s->x[0]) <= 0.05); /* the next has begun */
    }
    double const degree = PBTI_ENV_PI / 180.0;
    s->x[0] = s->velocity[0] = 0.0;
    s->angle[0] = 11.9 * degree;
    s->angular_velocity[0] = 0.04 * degree / 0.02; /* 11.94 */
    (void)env_play(env, 1, PBTI_ENV_GOES_ON);
    s->angle[0] = 11.9 * degree;
    s->angular_velocity[0] = 0.11 * degree / 0.02; /* 12.01 */
    assert_true(env_play(env, 1, PBTI_ENV_TERMINAL) == 1.0f);
    pbti_env_destroy(env);
}

static void test_mountain_car_ends(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("mountain_car", 1, NULL);
    const struct pbti_mountain_car *const s = env_state(env);
    s->x[0] = 0.44;
    s->velocity[0] = 0.062;
    assert_true(env_play(env, 2, PBTI_ENV_TERMINAL) == -1.0f);
    s->x[0] = 0.435;
    s->velocity[0] = 0.062;
    assert_true(env_play(env, 2, PBTI_ENV_GOES_ON) == -1.0f);
    assert_true(s->x[0] > 0.495 && s->x[0] < 0.5);
    s->x[0] = -1.19; /* the wall stops the car */
    s->velocity[0] = -0.07;
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_true(s->x[0] == -1.2 && s->velocity[0] == 0.0);
    s->x[0] = -0.9; /* down the slope, at the limit of speed */
    s->velocity[0] = 0.0699;
    (void)env_play(env, 2, PBTI_ENV_GOES_ON);
    assert_true(s->velocity[0] == 0.07);
    pbti_env_destroy(env);
}

static void test_acrobot_ends(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("acrobot", 1, NULL);
    const struct pbti_acrobot *const s = env_state(env);
    s->angle1[0] = PBTI_ENV_PI; /* both links stand up */
    s->angle2[0] = s->velocity1[0] = s->velocity2[0] = 0.0;
    assert_true(env_play(env, 1, PBTI_ENV_TERMINAL) == 0.0f);
    s->angle1[0] = PBTI_ENV_PI / 2.0 + 0.3; /* up a little, but not by a link */
    s->angle2[0] = s->velocity1[0] = s->velocity2[0] = 0.0;
    assert_true(env_play(env, 1, PBTI_ENV_GOES_ON) == -1.0f);
    s->angle1[0] = 3.0; /* over the top, folded: wrapped, at the limit of speed */
    s->angle2[0] = 3.0;
    s->velocity1[0] = PBTI_ACROBOT_VELOCITY1_MAX;
    s->velocity2[0] = 0.0;
    (void)env_play(env, 2, PBTI_ENV_GOES_ON);
    assert_true(s->angle1[0] < 0.0 && s->angle1[0] >= -PBTI_ENV_PI);
    assert_true(fabs(s->angle2[0]) <= PBTI_ENV_PI);
    assert_true(s->velocity1[0] <= PBTI_ACROBOT_VELOCITY1_MAX);
    s->angle2[0] = s->velocity1[0] = 0.0;
    s->angle1[0] = 0.0;
    s->velocity2[0] = PBTI_ACROBOT_VELOCITY2_MAX;
    (void)env_play(env, 2, PBTI_ENV_GOES_ON);
    assert_true(fabs(s->angle2[0]) <= PBTI_ENV_PI);
    assert_true(s->velocity2[0] <= PBTI_ACROBOT_VELOCITY2_MAX);
    pbti_env_destroy(env);
}

/* Let go from rest, links in line, at ever closer angles: just below the end the tip is as high as
 * one link. */
static void test_acrobot_height(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("acrobot", 1, NULL);
    const struct pbti_acrobot *const s = env_state(env);
    double low = PBTI_ENV_PI / 2.0, high = PBTI_ENV_PI, height = 0.0;
    for (int i = 0; i < 40; i++) {
        uint8_t const action = 1;
        uint8_t end = 0;
        float reward = 0.0f;
        double const middle = (low + high) / 2.0;
        s->angle1[0] = middle;
        s->angle2[0] = s->velocity1[0] = s->velocity2[0] = 0.0;
        pbti_env_step(env, &action, &reward, &end);
        if (end == PBTI_ENV_TERMINAL) {
            high = middle;
        } else {
            low = middle;
            height = -cos(s->angle1[0]) - cos(s->angle1[0] + s->angle2[0]);
        }
    }
    assert_true(height <= 1.0 && height > 1.0 - 1e-9);
    pbti_env_destroy(env);
}

static void test_pendulum_turns(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("pendulum", 1, NULL);
    const struct pbti_pendulum *const s = env_state(env);
    s->angle[0] = -0.25; /* falls back through the bottom, at the limit of speed */
    s->velocity[0] = -7.9;
    double const cost = 0.25 * 0.25 + 0.1 * 7.9 * 7.9 + 0.001 * 4.0;
    float const reward = env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_true(fabs((double)reward + cost) < 1e-6);
    assert_true(s->velocity[0] == -8.0);
    s->angle[0] = -3.1;
    (void)env_play(env, 4, PBTI_ENV_GOES_ON);
    double const velocity = -8.0 + 15.0 * sin(-3.1) * 0.05;
    assert_true(s->velocity[0] == fmax(velocity, -8.0));
    assert_true(fabs(s->angle[0] - (2.0 * PBTI_ENV_PI - 3.1 - 8.0 * 0.05)) < 1e-12);
    pbti_env_destroy(env);
}

/* How many frames an episode has when it is cut off. `still` keeps it from ending by itself. */
static void assert_cut_off(const char *name, uint32_t frames, void (*still)(const void *state))
{
    struct pbti_env *const env = env_make(name, 1, NULL);
    assert_int_equal(pbti_env_kind(env)->frames_max, frames);
    for (int episode = 0; episode < 2; episode++) {
        for (uint32_t i = 1; i <= frames; i++) {
            still(env_state(env));
            (void)env_play(env, 0, i < frames ? PBTI_ENV_GOES_ON : PBTI_ENV_TRUNCATED);
        }
    }
    pbti_env_destroy(env);
}

static void still_cartpole(const void *state)
{
    const struct pbti_cartpole *const s = state;
    s->x[0] = s->velocity[0] = s->angle[0] = s->angular_velocity[0] = 0.0;
}

static void still_mountain_car(const void *state)
{
    const struct pbti_mountain_car *const s = state;
    s->x[0] = -0.5;
    s->velocity[0] = 0.0;
}

static void still_acrobot(const void *state)
{
    const struct pbti_acrobot *const s = state;
    s->angle1[0] = s->angle2[0] = s->velocity1[0] = s->velocity2[0] = 0.0;
}

static void still_pendulum(const void *state)
{
    (void)state;
}

static void test_cut_off(void **unused)
{
    (void)unused;
    assert_cut_off("cartpole", 500, still_cartpole);
    assert_cut_off("mountain_car", 200, still_mountain_car);
    assert_cut_off("acrobot", 500, still_acrobot);
    assert_cut_off("pendulum", 200, still_pendulum);
}

/* A game that ends in the last frame allowed has ended, it is not cut off. */
static void test_terminal_before_cut(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("mountain_car", 1, NULL);
    const struct pbti_mountain_car *const s = env_state(env);
    env->common.frames[0] = 199;
    s->x[0] = 0.49;
    s->velocity[0] = 0.06;
    (void)env_play(env, 2, PBTI_ENV_TERMINAL);
    assert_int_equal(env->common.frames[0], 0);
    pbti_env_destroy(env);
}

/* -------- beginnings, features -------- */

enum { COPIES = 4000 };

/* Values are in (low, high), reach near both ends and lie around the middle. */
static void assert_uniform(const double *values, double low, double high)
{
    double least = high, most = low, sum = 0.0;
    for (uint32_t i = 0; i < COPIES; i++) {
        least = fmin(least, values[i]);
        most = fmax(most, values[i]);
        sum += values[i];
    }
    double const span = high - low, error = span / sqrt(12.0 * COPIES);
    assert_true(least > low && least < low + 0.01 * span);
    assert_true(most < high && most > high - 0.01 * span);
    assert_true(fabs(sum / COPIES - (low + high) / 2.0) < 4.0 * error);
}

static void test_beginnings(void **unused)
{
    (void)unused;
    struct pbti_env *env = env_make("cartpole", COPIES, NULL);
    const struct pbti_cartpole *const c = env_state(env);
    assert_uniform(c->x, -0.05, 0.05);
    assert_uniform(c->velocity, -0.05, 0.05);
    assert_uniform(c->angle, -0.05, 0.05);
    assert_uniform(c->angular_velocity, -0.05, 0.05);
    pbti_env_destroy(env);

    env = env_make("mountain_car", COPIES, NULL);
    const struct pbti_mountain_car *const m = env_state(env);
    assert_uniform(m->x, -0.6, -0.4);
    assert_true(m->velocity[0] == 0.0 && m->velocity[COPIES - 1] == 0.0);
    pbti_env_destroy(env);

    env = env_make("acrobot", COPIES, NULL);
    const struct pbti_acrobot *const a = env_state(env);
    assert_uniform(a->angle1, -0.1, 0.1);
    assert_uniform(a->angle2, -0.1, 0.1);
    assert_uniform(a->velocity1, -0.1, 0.1);
    assert_uniform(a->velocity2, -0.1, 0.1);
    pbti_env_destroy(env);

    env = env_make("pendulum", COPIES, NULL);
    const struct pbti_pendulum *const p = env_state(env);
    assert_uniform(p->angle, -PBTI_ENV_PI, PBTI_ENV_PI);
    assert_uniform(p->velocity, -1.0, 1.0);
    pbti_env_destroy(env);
}

static void assert_features(struct pbti_env *env, const double *expected)
{
    uint32_t const features = pbti_env_kind(env)->channels;
    float x[PBTI_ENV_CHANNELS_MAX];
    assert_false(pbti_env_kind(env)->cells);
    pbti_env_observe(env, x);
    for (uint32_t i = 0; i < features; i++) {
        assert_true(fabs((double)x[i] - expected[i]) < 1e-6);
    }
    pbti_env_destroy(env);
}

static void test_features(void **unused)
{
    (void)unused;
    struct pbti_env *env = env_make("cartpole", 1, NULL);
    const struct pbti_cartpole *const c = env_state(env);
    c->x[0] = 1.2;
    c->velocity[0] = -1.0;
    c->angle[0] = -PBTI_CARTPOLE_ANGLE_MAX;
    c->angular_velocity[0] = 3.0;
    assert_features(env, (const double[]){0.5, -0.5, -1.0, 1.5});

    env = env_make("mountain_car", 1, NULL);
    const struct pbti_mountain_car *const m = env_state(env);
    m->x[0] = 0.6;
    m->velocity[0] = -0.035;
    assert_features(env, (const double[]){1.0, -0.5});

    env = env_make("acrobot", 1, NULL);
    const struct pbti_acrobot *const a = env_state(env);
    a->angle1[0] = PBTI_ENV_PI / 2.0;
    a->angle2[0] = -PBTI_ENV_PI / 6.0;
    a->velocity1[0] = PBTI_ENV_PI;
    a->velocity2[0] = -9.0 * PBTI_ENV_PI;
    assert_features(env, (const double[]){0.0, 1.0, sqrt(0.75), -0.5, 0.25, -1.0});

    env = env_make("pendulum", 1, NULL);
    const struct pbti_pendulum *const p = env_state(env);
    p->angle[0] = PBTI_ENV_PI;
    p->velocity[0] = -2.0;
    assert_features(env, (const double[]){-1.0, 0.0, -0.25});
}

static void test_never_sticky(void **unused)
{
    (void)unused;
    struct pbti_env_options const always = {.sticky = 1.0};
    struct pbti_env *const env = env_make("mountain_car", 1, &always);
    const struct pbti_mountain_car *const s = env_state(env);
    still_mountain_car(s);
    (void)env_play(env, 2, PBTI_ENV_GOES_ON);
    double const right = s->velocity[0];
    still_mountain_car(s);
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_true(fabs(right - s->velocity[0] - 0.002) < 1e-15);
    pbti_env_destroy(env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cartpole_trajectory),
        cmocka_unit_test(test_mountain_car_trajectory),
        cmocka_unit_test(test_acrobot_trajectory),
        cmocka_unit_test(test_pendulum_trajectory),
        cmocka_unit_test(test_cartpole_ends),
        cmocka_unit_test(test_mountain_car_ends),
        cmocka_unit_test(test_acrobot_ends),
        cmocka_unit_test(test_acrobot_height),
        cmocka_unit_test(test_pendulum_turns),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_terminal_before_cut),
        cmocka_unit_test(test_beginnings),
        cmocka_unit_test(test_features),
        cmocka_unit_test(test_never_sticky),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
