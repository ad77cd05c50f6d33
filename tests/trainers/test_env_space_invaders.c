/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_env_space_invaders.c - rules of Space Invaders, each in a scene: cannon and its shots, how
 * aliens march, turn and step down, how fast, who of them shoots, what kills whom, new waves, the
 * picture.
 */
#include "env_fixture.h"

#include <string.h>

/* One alien in a corner, nothing that moves or shoots in the next frames, no bullets. */
static const struct pbti_invaders *quiet(struct pbti_env *env)
{
    const struct pbti_invaders *const s = env_state(env);
    pbti_env_reset(env);
    s->move_timer[0] = 12;
    s->alien_shot_timer[0] = 10;
    memset(s->aliens, 0, 2 * sizeof s->aliens[0]);
    s->aliens[0] = 1;
    return s;
}

static void put(uint64_t *board, int y, int x)
{
    board[y / 5] |= UINT64_C(1) << (10 * (y % 5) + x);
}

static bool has(const uint64_t *board, int y, int x)
{
    return board[y / 5] >> (10 * (y % 5) + x) & 1;
}

static int count(const uint64_t *board)
{
    return __builtin_popcountll(board[0]) + __builtin_popcountll(board[1]);
}

/* -------- cannon and bullets -------- */

static void test_beginning(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("space_invaders", 1, NULL);
    const struct pbti_invaders *const s = env_state(env);
    assert_true(s->cannon[0] == 5 && s->direction[0] == -1 && s->shot_timer[0] == 0);
    assert_true(s->interval[0] == 12 && s->move_timer[0] == 12 && s->alien_shot_timer[0] == 10);
    assert_int_equal(count(s->aliens), 24);
    assert_true(has(s->aliens, 0, 2) && has(s->aliens, 3, 7));
    assert_true(count(s->friendly) == 0 && count(s->enemy) == 0);
    pbti_env_destroy(env);
}

static void test_cannon(void **unused)
{
    (void)unused;
    static const int8_t moves[][3] = {
        {PBTI_ENV_LEFT, 5, 4},  {PBTI_ENV_LEFT, 0, 0}, {PBTI_ENV_RIGHT, 5, 6},
        {PBTI_ENV_RIGHT, 9, 9}, {PBTI_ENV_UP, 5, 5},   {PBTI_ENV_DOWN, 5, 5},
        {PBTI_ENV_NOOP, 5, 5},  {PBTI_ENV_FIRE, 5, 5},
    };
    struct pbti_env *const env = env_make("space_invaders", 1, NULL);
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
        const struct pbti_invaders *const s = quiet(env);
        s->cannon[0] = moves[i][1];
        (void)env_play(env, (uint8_t)moves[i][0], PBTI_ENV_GOES_ON);
        assert_int_equal(s->cannon[0], moves[i][2]);
    }
    pbti_env_destroy(env);
}

static void test_shots(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("space_invaders", 1, NULL);
    const struct pbti_invaders *const s = quiet(env);
    for (int frame = 1; frame <= 11; frame++) { /* a shot every fifth frame, a cell a frame */
        (void)env_play(env, PBTI_ENV_FIRE, PBTI_ENV_GOES_ON);
        bool const first = frame <= 9;
        assert_int_equal(count(s->friendly), first + (frame >= 6) + (frame >= 11));
        if (first) { assert_true(has(s->friendly, 9 - frame, 5)); }
        if (frame >= 6) { assert_true(has(s->friendly, 14 - frame, 5)); }
    }
    pbti_env_destroy(env);
}

static void test_enemy_bullets(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("space_invaders", 1, NULL);
    const struct pbti_invaders *s = quiet(env);
    put(s->enemy, 4, 3);
    put(s->enemy, 9, 4); /* beside the cannon: gone */
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_true(count(s->enemy) == 1 && has(s->enemy, 5, 3));
    s = quiet(env);
    put(s->enemy, 8, 5);
    assert_true(env_play(env, 0, PBTI_ENV_TERMINAL) == 0.0f);
    s = quiet(env); /* the cannon moves first: into a bullet, or away from one */
    put(s->enemy, 8, 6);
    (void)env_play(env, PBTI_ENV_RIGHT, PBTI_ENV_TERMINAL);
    s = quiet(env);
    put(s->enemy, 8, 5);
    (void)env_play(env, PBTI_ENV_LEFT, PBTI_ENV_GOES_ON);
    assert_true(has(s->enemy, 9, 5));
    (void)env_play(env, PBTI_ENV_RIGHT, PBTI_ENV_GOES_ON); /* it has passed */
    assert_int_equal(count(s->enemy), 0);
    pbti_env_destroy(env);
}

static void test_kills(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("space_invaders", 1, NULL);
    const struct pbti_invaders *s = quiet(env);
    put(s->aliens, 3, 4);
    put(s->aliens, 5, 8);
    put(s->aliens, 5, 1);
    put(s->friendly, 4, 4);
    put(s->friendly, 6, 8);
    put(s->friendly, 6, 2);
    assert_true(env_play(env, 0, PBTI_ENV_GOES_ON) == 2.0f);
    assert_true(count(s->aliens) == 2 && has(s->aliens, 5, 1) && has(s->aliens, 0, 0));
    assert_true(count(s->friendly) == 1 && has(s->friendly, 5, 2));

    s = quiet(env); /* aliens move before it is seen who is hit */
    put(s->aliens, 5, 5);
    put(s->friendly, 6, 4);
    s->aliens[0] = 0;
    put(s->aliens, 1, 7);
    s->move_timer[0] = 0;
    assert_true(env_play(env, 0, PBTI_ENV_GOES_ON) == 1.0f);
    assert_true(count(s->aliens) == 1 && has(s->aliens, 1, 6));

    s = quiet(env); /* one that is killed has shot before */
    s->aliens[0] = 0;
    put(s->aliens, 4, 5);
    put(s->aliens, 0, 9);
    put(s->friendly, 5, 5);
    s->alien_shot_timer[0] = 0;
    assert_true(env_play(env, 0, PBTI_ENV_GOES_ON) == 1.0f);
    assert_true(has(s->enemy, 4, 5) && !has(s->aliens, 4, 5));
    pbti_env_destroy(env);
}

/* -------- aliens -------- */

static void test_march(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("space_invaders", 1, NULL);
    const struct pbti_invaders *s = quiet(env);
    s->aliens[0] = 0;
    put(s->aliens, 2, 1);
    put(s->aliens, 4, 8);
    s->move_timer[0] = 0;
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_true(has(s->aliens, 2, 0) && has(s->aliens, 4, 7) && s->direction[0] == -1);
    assert_int_equal(s->move_timer[0], 1); /* two aliens: every second frame */
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    (void)env_play(env, 0, PBTI_ENV_GOES_ON); /* at the edge: turn and step down, from row 4 too */
    assert_true(has(s->aliens, 3, 0) && has(s->aliens, 5, 7) && s->direction[0] == 1);
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_true(has(s->aliens, 3, 1) && has(s->aliens, 5, 8) && count(s->aliens) == 2);

    s = quiet(env); /* the right edge */
    s->aliens[0] = 0;
    put(s->aliens, 7, 9);
    s->direction[0] = 1;
    s->move_timer[0] = 0;
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_true(has(s->aliens, 8, 9) && s->direction[0] == -1);
    pbti_env_destroy(env);
}

static void test_pace(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("space_invaders", 1, NULL);
    const struct pbti_invaders *s = env_state(env);
    s->move_timer[0] = 0;
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_int_equal(s->move_timer[0], 11); /* 24 aliens: the interval */
    s->interval[0] = 7;
    s->move_timer[0] = 0;
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_int_equal(s->move_timer[0], 6);
    s = quiet(env);
    put(s->aliens, 1, 5);
    put(s->aliens, 2, 5);
    s->move_timer[0] = 0;
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_int_equal(s->move_timer[0], 2); /* three aliens */
    pbti_env_destroy(env);
}

static void test_invasion(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("space_invaders", 1, NULL);
    const struct pbti_invaders *s = quiet(env); /* marches into the cannon */
    put(s->aliens, 9, 6);
    s->aliens[0] = 0;
    s->move_timer[0] = 0;
    (void)env_play(env, 0, PBTI_ENV_TERMINAL);
    s = quiet(env); /* the cannon drives into it */
    put(s->aliens, 9, 6);
    (void)env_play(env, PBTI_ENV_RIGHT, PBTI_ENV_TERMINAL);
    s = quiet(env); /* steps down onto it */
    put(s->aliens, 8, 5);
    s->move_timer[0] = 0;
    (void)env_play(env, 0, PBTI_ENV_TERMINAL);
    s = quiet(env); /* would step down from the bottom */
    put(s->aliens, 9, 2);
    s->move_timer[0] = 0;
    (void)env_play(env, 0, PBTI_ENV_TERMINAL);
    s = quiet(env); /* beside the cannon in the bottom row: nothing yet */
    put(s->aliens, 9, 2);
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    pbti_env_destroy(env);
}

/* Where the one bullet comes from when the cannon stands in column x. */
static void assert_shooter(struct pbti_env *env, int x, int from_y, int from_x)
{
    const struct pbti_invaders *const s = quiet(env);
    s->aliens[0] = 0;
    put(s->aliens, 1, 2);
    put(s->aliens, 3, 2);
    put(s->aliens, 0, 6);
    put(s->aliens, 6, 6);
    s->cannon[0] = (int8_t)x;
    s->alien_shot_timer[0] = 0;
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_int_equal(count(s->enemy), 1);
    assert_true(has(s->enemy, from_y, from_x));
    assert_int_equal(s->alien_shot_timer[0], 9);
}

static void test_who_shoots(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("space_invaders", 1, NULL);
    assert_shooter(env, 6, 6, 6); /* the lowest of the column above the cannon */
    assert_shooter(env, 0, 3, 2); /* or of the nearest */
    assert_shooter(env, 3, 3, 2);
    assert_shooter(env, 5, 6, 6);
    assert_shooter(env, 9, 6, 6);
    assert_shooter(env, 4, 3, 2); /* of two the left one */
    const struct pbti_invaders *const s = quiet(env);
    for (int frame = 1; frame <= 21; frame++) { /* one every tenth frame */
        (void)env_play(env, 0, PBTI_ENV_GOES_ON);
        assert_int_equal(count(s->enemy), (frame >= 11 && frame < 21) + (frame >= 21));
    }
    pbti_env_destroy(env);
}

/* Kill the last alien of a wave. */
static const struct pbti_invaders *last_alien(struct pbti_env *env, int interval)
{
    const struct pbti_invaders *const s = env_state(env);
    (void)quiet(env);
    put(s->friendly, 1, 0);
    put(s->enemy, 2, 2);
    s->interval[0] = (int8_t)interval;
    s->move_timer[0] = 4;
    s->direction[0] = 1;
    assert_true(env_play(env, 0, PBTI_ENV_GOES_ON) == 1.0f);
    return s;
}

static void test_waves(void **unused)
{
    (void)unused;
    struct pbti_env *env = env_make("space_invaders", 1, NULL);
    const struct pbti_invaders *s = last_alien(env, 12);
    assert_true(count(s->aliens) == 24 && has(s->aliens, 0, 2) && has(s->aliens, 3, 7));
    assert_int_equal(s->interval[0], 11);
    assert_true(s->move_timer[0] == 3 && s->direction[0] == 1); /* kept */
    assert_true(count(s->enemy) == 1 && has(s->enemy, 3, 2));
    assert_int_equal(last_alien(env, 7)->interval[0], 6);
    assert_int_equal(last_alien(env, 6)->interval[0], 6);
    pbti_env_destroy(env);
    struct pbti_env_options const options = {.ramping = false};
    env = env_make("space_invaders", 1, &options);
    assert_int_equal(last_alien(env, 12)->interval[0], 12);
    pbti_env_destroy(env);
}

static void test_picture(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("space_invaders", 1, NULL);
    const struct pbti_invaders *const s = quiet(env);
    put(s->aliens, 6, 3);
    put(s->friendly, 4, 9);
    put(s->enemy, 5, 0);
    s->cannon[0] = 8;
    int const alien = 1 << PBTI_INVADERS_ALIEN;
    assert_int_equal(env_cell(env, 9, 8), 1 << PBTI_INVADERS_CANNON);
    assert_int_equal(env_cell(env, 0, 0), alien | 1 << PBTI_INVADERS_ALIEN_LEFT);
    assert_int_equal(env_cell(env, 6, 3), alien | 1 << PBTI_INVADERS_ALIEN_LEFT);
    assert_int_equal(env_cell(env, 4, 9), 1 << PBTI_INVADERS_FRIENDLY_BULLET);
    assert_int_equal(env_cell(env, 5, 0), 1 << PBTI_INVADERS_ENEMY_BULLET);
    s->direction[0] = 1;
    assert_int_equal(env_cell(env, 6, 3), alien | 1 << PBTI_INVADERS_ALIEN_RIGHT);
    pbti_env_destroy(env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beginning),  cmocka_unit_test(test_cannon),
        cmocka_unit_test(test_shots),      cmocka_unit_test(test_enemy_bullets),
        cmocka_unit_test(test_kills),      cmocka_unit_test(test_march),
        cmocka_unit_test(test_pace),       cmocka_unit_test(test_invasion),
        cmocka_unit_test(test_who_shoots), cmocka_unit_test(test_waves),
        cmocka_unit_test(test_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
