/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_env_freeway.c - rules of Freeway, each in a scene: how often the chicken moves, what a car
 * and the other side do to it, how cars go on and come round, how they are drawn, how long an
 * episode is, what is seen.
 */
#include "env_fixture.h"

#include <math.h>

enum { CARS = PBTI_FREEWAY_CARS };

/* Cars that stand in column 0 for the next frames; a chicken that may move. */
static const struct pbti_freeway *quiet(struct pbti_env *env)
{
    const struct pbti_freeway *const s = env_state(env);
    pbti_env_reset(env);
    s->move_timer[0] = 0;
    for (int k = 0; k < CARS; k++) {
        s->car_x[k] = 0;
        s->car_speed[k] = s->car_timer[k] = 5;
    }
    return s;
}

static void put(const struct pbti_freeway *s, int y, int x, int speed, int timer)
{
    s->car_x[y - 1] = (int8_t)x;
    s->car_speed[y - 1] = (int8_t)speed;
    s->car_timer[y - 1] = (int8_t)timer;
}

static void test_chicken(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("freeway", 1, NULL);
    const struct pbti_freeway *s = env_state(env);
    assert_true(s->chicken_y[0] == 9 && s->move_timer[0] == 3);
    static const int8_t rows[] = {9, 9, 9, 8, 8, 8, 7}; /* it may move every third frame */
    for (size_t i = 0; i < sizeof rows; i++) {
        (void)env_play(env, PBTI_ENV_UP, PBTI_ENV_GOES_ON);
        assert_int_equal(s->chicken_y[0], rows[i]);
    }
    s = quiet(env);
    static const uint8_t idle[] = {PBTI_ENV_NOOP, PBTI_ENV_LEFT, PBTI_ENV_RIGHT, PBTI_ENV_FIRE};
    for (size_t i = 0; i < sizeof idle; i++) { /* other actions do not use the move up */
        (void)env_play(env, idle[i], PBTI_ENV_GOES_ON);
        assert_true(s->chicken_y[0] == 9 && s->move_timer[0] == 0);
    }
    (void)env_play(env, PBTI_ENV_DOWN, PBTI_ENV_GOES_ON); /* one at the kerb does */
    assert_true(s->chicken_y[0] == 9 && s->move_timer[0] == 2);
    s = quiet(env);
    s->chicken_y[0] = 8;
    (void)env_play(env, PBTI_ENV_DOWN, PBTI_ENV_GOES_ON);
    assert_int_equal(s->chicken_y[0], 9);
    pbti_env_destroy(env);
}

static void test_arrival(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("freeway", 1, NULL);
    const struct pbti_freeway *const s = quiet(env);
    for (int k = 0; k < CARS; k++) {
        put(s, k + 1, 7, 5, 5);
    }
    s->chicken_y[0] = 1;
    assert_true(env_play(env, PBTI_ENV_UP, PBTI_ENV_GOES_ON) == 1.0f);
    assert_int_equal(s->chicken_y[0], 9);
    int changed = 0;
    for (int k = 0; k < CARS; k++) { /* new speeds, in the same places */
        int const speed = s->car_speed[k];
        assert_int_equal(s->car_x[k], 7);
        assert_int_equal(s->car_timer[k], (speed < 0 ? -speed : speed) - 1);
        changed += speed != 5;
    }
    assert_true(changed > 0);
    pbti_env_destroy(env);
}

static void test_hit(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("freeway", 1, NULL);
    const struct pbti_freeway *s = quiet(env);
    s->chicken_y[0] = 6; /* the chicken walks into a car that is about to leave */
    put(s, 5, 4, 3, 0);
    assert_true(env_play(env, PBTI_ENV_UP, PBTI_ENV_GOES_ON) == 0.0f);
    assert_true(s->chicken_y[0] == 9 && s->car_x[4] == 5);
    for (int side = -1; side <= 1; side += 2) { /* a car drives into the chicken */
        s = quiet(env);
        s->chicken_y[0] = 5;
        put(s, 5, 4 + side, -side, 0);
        put(s, 4, 3, 1, 0); /* another lane */
        (void)env_play(env, PBTI_ENV_NOOP, PBTI_ENV_GOES_ON);
        assert_true(s->chicken_y[0] == 9 && s->car_x[4] == 4);
    }
    s = quiet(env); /* it is close, but waits */
    s->chicken_y[0] = 5;
    put(s, 5, 3, 1, 1);
    (void)env_play(env, PBTI_ENV_NOOP, PBTI_ENV_GOES_ON);
    assert_true(s->chicken_y[0] == 5 && s->car_timer[4] == 0);
    pbti_env_destroy(env);
}

static void test_cars(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("freeway", 1, NULL);
    const struct pbti_freeway *const s = quiet(env);
    put(s, 1, 9, 2, 0);  /* round the right edge */
    put(s, 2, 0, -4, 0); /* round the left one */
    (void)env_play(env, PBTI_ENV_NOOP, PBTI_ENV_GOES_ON);
    assert_true(s->car_x[0] == 0 && s->car_timer[0] == 2);
    assert_true(s->car_x[1] == 9 && s->car_timer[1] == 4);
    put(s, 3, 1, 1, 1); /* one of speed s moves every s + 1 frames */
    put(s, 4, 1, 5, 5);
    for (int frame = 0; frame < 6; frame++) {
        (void)env_play(env, PBTI_ENV_NOOP, PBTI_ENV_GOES_ON);
    }
    assert_true(s->car_x[2] == 4 && s->car_x[3] == 2);
    pbti_env_destroy(env);
}

static void test_beginning(void **unused)
{
    (void)unused;
    enum { COPIES = 2000 };
    struct pbti_env *const env = env_make("freeway", COPIES, NULL);
    const struct pbti_freeway *const s = env_state(env);
    double speeds[5] = {0}, left[CARS] = {0};
    for (int at = 0; at < COPIES * CARS; at++) {
        int const speed = s->car_speed[at] < 0 ? -s->car_speed[at] : s->car_speed[at];
        assert_true(s->car_x[at] == 0 && s->car_timer[at] == speed);
        assert_true(speed >= 1 && speed <= 5);
        speeds[speed - 1]++;
        left[at % CARS] += s->car_speed[at] < 0;
    }
    for (int i = 0; i < 5; i++) {
        double const n = COPIES * CARS;
        assert_true(fabs(speeds[i] / n - 0.2) < 4.0 * 0.4 / sqrt(n));
    }
    for (int k = 0; k < CARS; k++) {
        assert_true(fabs(left[k] / COPIES - 0.5) < 4.0 * 0.5 / sqrt(COPIES));
    }
    pbti_env_destroy(env);
}

static void test_length(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("freeway", 1, NULL);
    for (int episode = 0; episode < 2; episode++) {
        for (int frame = 1; frame <= 2501; frame++) {
            (void)env_play(env, 0, frame < 2501 ? PBTI_ENV_GOES_ON : PBTI_ENV_TERMINAL);
        }
    }
    pbti_env_destroy(env);
}

static void test_picture(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("freeway", 1, NULL);
    const struct pbti_freeway *const s = quiet(env);
    s->chicken_y[0] = 7;
    put(s, 1, 3, 2, 2);
    put(s, 2, 9, -3, 1); /* its trail comes round */
    assert_int_equal(env_cell(env, 7, 4), 1 << PBTI_FREEWAY_CHICKEN);
    assert_int_equal(env_cell(env, 1, 3), 1 << PBTI_FREEWAY_CAR);
    assert_int_equal(env_cell(env, 1, 2), 1 << (PBTI_FREEWAY_CAR + 2));
    assert_int_equal(env_cell(env, 2, 9), 1 << PBTI_FREEWAY_CAR);
    assert_int_equal(env_cell(env, 2, 0), 1 << (PBTI_FREEWAY_CAR + 3));
    assert_int_equal(env_cell(env, 5, 9), 1 << (PBTI_FREEWAY_CAR + 5));
    assert_int_equal(env_cells_with(env, PBTI_FREEWAY_CAR), 8);
    assert_int_equal(env_cells_with(env, PBTI_FREEWAY_CAR + 5), 6);
    pbti_env_destroy(env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chicken),   cmocka_unit_test(test_arrival),
        cmocka_unit_test(test_hit),       cmocka_unit_test(test_cars),
        cmocka_unit_test(test_beginning), cmocka_unit_test(test_length),
        cmocka_unit_test(test_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
