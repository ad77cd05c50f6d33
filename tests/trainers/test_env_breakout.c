/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_env_breakout.c - rules of Breakout, each in a scene: how the ball turns at sides, ceiling,
 * bricks and paddle; a brick after a brick is passed through; when the wall comes back; picture.
 */
#include "env_fixture.h"

#include <math.h>

enum { UP_LEFT, UP_RIGHT, DOWN_RIGHT, DOWN_LEFT };

/* A ball at row y, column x, a paddle far away from it, and no brick. */
static const struct pbti_breakout *place(struct pbti_env *env, int y, int x, int direction)
{
    const struct pbti_breakout *const s = env_state(env);
    s->ball_y[0] = y;
    s->ball_x[0] = x;
    s->direction[0] = direction;
    s->paddle[0] = 0;
    s->strike[0] = 0;
    s->bricks[0] = 0;
    return s;
}

static uint32_t brick(int y, int x)
{
    return 1u << (10 * (y - 1) + x);
}

static void assert_ball(const struct pbti_breakout *s, int y, int x, int direction)
{
    assert_int_equal(s->ball_y[0], y);
    assert_int_equal(s->ball_x[0], x);
    assert_int_equal(s->direction[0], direction);
}

static void test_beginning(void **unused)
{
    (void)unused;
    enum { COPIES = 4000 };
    struct pbti_env *const env = env_make("breakout", COPIES, NULL);
    const struct pbti_breakout *const s = env_state(env);
    double right = 0.0;
    for (int i = 0; i < COPIES; i++) {
        right += s->ball_x[i] == 9;
        assert_int_equal(s->ball_x[i], s->direction[i] == DOWN_LEFT ? 9 : 0);
        assert_true(s->direction[i] == DOWN_LEFT || s->direction[i] == DOWN_RIGHT);
        assert_true(s->ball_y[i] == 3 && s->last_y[i] == 3 && s->last_x[i] == s->ball_x[i]);
        assert_true(s->paddle[i] == 4 && s->strike[i] == 0);
        assert_int_equal(s->bricks[i], PBTI_BREAKOUT_WALL);
    }
    assert_true(fabs(right / COPIES - 0.5) < 4.0 * 0.5 / sqrt(COPIES));
    pbti_env_destroy(env);
}

static void test_paddle(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("breakout", 1, NULL);
    static const int moves[][3] = {
        {PBTI_ENV_LEFT, 5, 4},  {PBTI_ENV_LEFT, 0, 0}, {PBTI_ENV_RIGHT, 5, 6},
        {PBTI_ENV_RIGHT, 9, 9}, {PBTI_ENV_NOOP, 5, 5}, {PBTI_ENV_UP, 5, 5},
        {PBTI_ENV_DOWN, 5, 5},  {PBTI_ENV_FIRE, 5, 5},
    };
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
        const struct pbti_breakout *const s = place(env, 4, 4, DOWN_LEFT);
        s->paddle[0] = moves[i][1];
        (void)env_play(env, (uint8_t)moves[i][0], PBTI_ENV_GOES_ON);
        assert_int_equal(s->paddle[0], moves[i][2]);
    }
    pbti_env_destroy(env);
}

static void test_ball_in_the_open(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("breakout", 1, NULL);
    static const int moves[][2] = {{-1, -1}, {-1, 1}, {1, 1}, {1, -1}};
    for (int direction = 0; direction < 4; direction++) {
        const struct pbti_breakout *const s = place(env, 5, 5, direction);
        assert_true(env_play(env, 0, PBTI_ENV_GOES_ON) == 0.0f);
        assert_ball(s, 5 + moves[direction][0], 5 + moves[direction][1], direction);
        assert_true(s->last_y[0] == 5 && s->last_x[0] == 5);
    }
    pbti_env_destroy(env);
}

static void test_sides_and_ceiling(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("breakout", 1, NULL);
    const struct pbti_breakout *s = place(env, 5, 0, UP_LEFT);
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_ball(s, 4, 0, UP_RIGHT);
    s = place(env, 5, 0, DOWN_LEFT);
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_ball(s, 6, 0, DOWN_RIGHT);
    s = place(env, 5, 9, DOWN_RIGHT);
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_ball(s, 6, 9, DOWN_LEFT);
    s = place(env, 0, 4, UP_RIGHT);
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_ball(s, 0, 5, DOWN_RIGHT);
    s = place(env, 0, 9, UP_RIGHT); /* both at once */
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_ball(s, 0, 9, DOWN_LEFT);
    pbti_env_destroy(env);
}

static void test_brick(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("breakout", 1, NULL);
    const struct pbti_breakout *s = place(env, 4, 4, UP_LEFT);
    s->bricks[0] = brick(3, 3) | brick(3, 4);
    assert_true(env_play(env, 0, PBTI_ENV_GOES_ON) == 1.0f);
    assert_ball(s, 4, 3, DOWN_LEFT);
    assert_int_equal(s->bricks[0], brick(3, 4));
    assert_int_equal(s->strike[0], 1);
    (void)env_play(env, 0, PBTI_ENV_GOES_ON); /* none met: the next one breaks again */
    assert_int_equal(s->strike[0], 0);

    s = place(env, 0, 4, DOWN_RIGHT); /* from above */
    s->bricks[0] = brick(1, 5);
    assert_true(env_play(env, 0, PBTI_ENV_GOES_ON) == 1.0f);
    assert_ball(s, 0, 5, UP_RIGHT);
    assert_int_equal(s->bricks[0], 0);

    s = place(env, 4, 0, UP_LEFT); /* at a side: both parts turn */
    s->bricks[0] = brick(3, 0);
    assert_true(env_play(env, 0, PBTI_ENV_GOES_ON) == 1.0f);
    assert_ball(s, 4, 0, DOWN_RIGHT);
    pbti_env_destroy(env);
}

static void test_strike(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("breakout", 1, NULL);
    const struct pbti_breakout *const s = place(env, 4, 4, UP_LEFT);
    uint32_t const bricks = brick(3, 3) | brick(2, 2) | brick(1, 8);
    s->bricks[0] = bricks;
    s->strike[0] = 1;
    for (int i = 1; i <= 2; i++) { /* through both */
        assert_true(env_play(env, 0, PBTI_ENV_GOES_ON) == 0.0f);
        assert_ball(s, 4 - i, 4 - i, UP_LEFT);
        assert_int_equal(s->strike[0], 1);
    }
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_ball(s, 1, 1, UP_LEFT);
    assert_int_equal(s->strike[0], 0);
    assert_int_equal(s->bricks[0], bricks);
    pbti_env_destroy(env);
}

static void test_return(void **unused)
{
    (void)unused;
    static const struct {
        int paddle, action, direction; /* afterwards; -1: the ball was missed */
    } cases[] = {
        {4, PBTI_ENV_NOOP, UP_RIGHT}, /* below where the ball was: it turns in the vertical */
        {5, PBTI_ENV_NOOP, UP_LEFT},  /* where it arrives: it goes back */
        {3, PBTI_ENV_NOOP, -1},        {6, PBTI_ENV_NOOP, -1},
        {3, PBTI_ENV_RIGHT, UP_RIGHT}, /* the paddle moves first */
        {6, PBTI_ENV_LEFT, UP_LEFT},   {4, PBTI_ENV_LEFT, -1},
    };
    struct pbti_env *const env = env_make("breakout", 1, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct pbti_breakout *const s = place(env, 8, 4, DOWN_RIGHT);
        s->bricks[0] = brick(1, 1);
        s->paddle[0] = cases[i].paddle;
        bool const missed = cases[i].direction < 0;
        assert_true(env_play(env, (uint8_t)cases[i].action,
                             missed ? PBTI_ENV_TERMINAL : PBTI_ENV_GOES_ON) == 0.0f);
        if (missed) {
            assert_int_equal(s->bricks[0], PBTI_BREAKOUT_WALL); /* the next episode */
            assert_int_equal(s->ball_y[0], 3);
        } else {
            assert_ball(s, 8, 5, cases[i].direction);
            assert_int_equal(s->bricks[0], brick(1, 1));
        }
    }
    const struct pbti_breakout *const s = place(env, 8, 9, DOWN_RIGHT); /* in the corner */
    s->paddle[0] = 9;
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_ball(s, 8, 9, UP_LEFT);
    pbti_env_destroy(env);
}

static void test_wall_comes_back(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("breakout", 1, NULL);
    const struct pbti_breakout *s = place(env, 4, 4, UP_LEFT);
    s->bricks[0] = brick(3, 3);
    assert_true(env_play(env, 0, PBTI_ENV_GOES_ON) == 1.0f);
    assert_int_equal(s->bricks[0], 0); /* not at once */
    s = place(env, 7, 4, DOWN_RIGHT);
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_int_equal(s->bricks[0], 0);
    s->paddle[0] = 5;
    assert_true(env_play(env, 0, PBTI_ENV_GOES_ON) == 0.0f);
    assert_int_equal(s->bricks[0], PBTI_BREAKOUT_WALL);
    pbti_env_destroy(env);
}

static void test_picture(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("breakout", 1, NULL);
    const struct pbti_breakout *const s = place(env, 2, 7, DOWN_LEFT);
    s->bricks[0] = brick(1, 0) | brick(2, 9) | brick(3, 6);
    s->strike[0] = 1;
    s->paddle[0] = 2;
    (void)env_play(env, PBTI_ENV_RIGHT, PBTI_ENV_GOES_ON);
    assert_int_equal(env_cell(env, 9, 3), 1 << PBTI_BREAKOUT_PADDLE);
    assert_int_equal(env_cell(env, 2, 7), 1 << PBTI_BREAKOUT_TRAIL);
    assert_int_equal(env_cell(env, 3, 6), 1 << PBTI_BREAKOUT_BALL | 1 << PBTI_BREAKOUT_BRICK);
    assert_int_equal(env_cell(env, 1, 0), 1 << PBTI_BREAKOUT_BRICK);
    assert_int_equal(env_cell(env, 2, 9), 1 << PBTI_BREAKOUT_BRICK);
    assert_int_equal(env_cells_with(env, PBTI_BREAKOUT_BRICK), 3);
    pbti_env_destroy(env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beginning),
        cmocka_unit_test(test_paddle),
        cmocka_unit_test(test_ball_in_the_open),
        cmocka_unit_test(test_sides_and_ceiling),
        cmocka_unit_test(test_brick),
        cmocka_unit_test(test_strike),
        cmocka_unit_test(test_return),
        cmocka_unit_test(test_wall_comes_back),
        cmocka_unit_test(test_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
