/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_env_asterix.c - rules of Asterix, each in a scene: what appears where and when, what happens
 * where it touches the player, in which order; how it moves and leaves; how the game becomes
 * harder; the picture.
 */
#include "env_fixture.h"

#include <math.h>

enum { SLOTS = PBTI_ASTERIX_SLOTS };

/* A board on which nothing appears or moves in the next frames. */
static const struct pbti_asterix *quiet(struct pbti_env *env)
{
    const struct pbti_asterix *const s = env_state(env);
    pbti_env_reset(env);
    for (uint32_t i = 0; i < pbti_env_count(env); i++) {
        s->move_timer[i] = 5;
        s->spawn_timer[i] = 10;
    }
    return s;
}

static void put(const struct pbti_asterix *s, int y, int x, uint8_t what, bool right)
{
    s->slot[y - 1] = what;
    s->slot_x[y - 1] = (int8_t)x;
    s->slot_right[y - 1] = right;
}

static void test_player(void **unused)
{
    (void)unused;
    static const int8_t moves[][5] = {
        {PBTI_ENV_NOOP, 5, 5, 5, 5},  {PBTI_ENV_FIRE, 5, 5, 5, 5},  {PBTI_ENV_LEFT, 5, 5, 5, 4},
        {PBTI_ENV_LEFT, 5, 0, 5, 0},  {PBTI_ENV_UP, 5, 5, 4, 5},    {PBTI_ENV_UP, 1, 5, 1, 5},
        {PBTI_ENV_RIGHT, 5, 5, 5, 6}, {PBTI_ENV_RIGHT, 5, 9, 5, 9}, {PBTI_ENV_DOWN, 5, 5, 6, 5},
        {PBTI_ENV_DOWN, 8, 5, 8, 5},
    };
    struct pbti_env *const env = env_make("asterix", 1, NULL);
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
        const struct pbti_asterix *const s = quiet(env);
        assert_true(s->player_y[0] == 5 && s->player_x[0] == 5);
        s->player_y[0] = moves[i][1];
        s->player_x[0] = moves[i][2];
        (void)env_play(env, (uint8_t)moves[i][0], PBTI_ENV_GOES_ON);
        assert_int_equal(s->player_y[0], moves[i][3]);
        assert_int_equal(s->player_x[0], moves[i][4]);
    }
    pbti_env_destroy(env);
}

static void test_touch(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("asterix", 1, NULL);
    const struct pbti_asterix *s = quiet(env);
    put(s, 5, 4, PBTI_ASTERIX_HAS_GOLD, true);
    put(s, 4, 4, PBTI_ASTERIX_HAS_ENEMY, true); /* another row */
    assert_true(env_play(env, PBTI_ENV_LEFT, PBTI_ENV_GOES_ON) == 1.0f);
    assert_int_equal(s->slot[4], PBTI_ASTERIX_FREE);
    assert_true(env_play(env, PBTI_ENV_UP, PBTI_ENV_TERMINAL) == 0.0f);
    assert_true(s->player_y[0] == 5 && s->slot[3] == PBTI_ASTERIX_FREE); /* the next episode */

    s = quiet(env); /* the touch comes before the move: it does not get away */
    put(s, 5, 4, PBTI_ASTERIX_HAS_ENEMY, false);
    s->move_timer[0] = 0;
    (void)env_play(env, PBTI_ENV_LEFT, PBTI_ENV_TERMINAL);

    s = quiet(env); /* and again after it */
    put(s, 5, 4, PBTI_ASTERIX_HAS_ENEMY, true);
    s->move_timer[0] = 0;
    (void)env_play(env, PBTI_ENV_NOOP, PBTI_ENV_TERMINAL);
    s = quiet(env);
    put(s, 5, 6, PBTI_ASTERIX_HAS_GOLD, false);
    s->move_timer[0] = 0;
    assert_true(env_play(env, PBTI_ENV_NOOP, PBTI_ENV_GOES_ON) == 1.0f);

    s = quiet(env); /* two that change places do not touch */
    put(s, 5, 4, PBTI_ASTERIX_HAS_ENEMY, true);
    s->player_x[0] = 6;
    s->move_timer[0] = 0;
    (void)env_play(env, PBTI_ENV_NOOP, PBTI_ENV_GOES_ON);
    pbti_env_destroy(env);
}

static void test_moves(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("asterix", 1, NULL);
    const struct pbti_asterix *const s = quiet(env);
    put(s, 1, 3, PBTI_ASTERIX_HAS_GOLD, true);
    put(s, 2, 3, PBTI_ASTERIX_HAS_ENEMY, false);
    put(s, 3, 9, PBTI_ASTERIX_HAS_ENEMY, true); /* these two leave */
    put(s, 4, 0, PBTI_ASTERIX_HAS_GOLD, false);
    put(s, 6, 8, PBTI_ASTERIX_HAS_GOLD, true); /* these two do not yet */
    put(s, 7, 1, PBTI_ASTERIX_HAS_GOLD, false);
    for (int frame = 0; frame < 5; frame++) {
        (void)env_play(env, 0, PBTI_ENV_GOES_ON);
        assert_true(s->slot_x[0] == 3 && s->slot[2] != PBTI_ASTERIX_FREE);
    }
    (void)env_play(env, 0, PBTI_ENV_GOES_ON); /* every fifth frame */
    assert_true(s->slot_x[0] == 4 && s->slot_x[1] == 2 && s->move_timer[0] == 4);
    assert_true(s->slot[2] == PBTI_ASTERIX_FREE && s->slot[3] == PBTI_ASTERIX_FREE);
    assert_true(s->slot[5] != PBTI_ASTERIX_FREE && s->slot_x[5] == 9);
    assert_true(s->slot[6] != PBTI_ASTERIX_FREE && s->slot_x[6] == 0);
    pbti_env_destroy(env);
}

/* -------- what appears -------- */

static void test_spawn_rhythm(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("asterix", 1, NULL);
    const struct pbti_asterix *const s = env_state(env);
    for (int frame = 1; frame <= 21; frame++) {
        int present = 0;
        (void)env_play(env, 0, PBTI_ENV_GOES_ON);
        for (int k = 0; k < SLOTS; k++) {
            present += s->slot[k] != PBTI_ASTERIX_FREE;
        }
        assert_int_equal(present, frame < 11 ? 0 : frame < 21 ? 1 : 2);
    }
    pbti_env_destroy(env);
}

static void test_spawn_shares(void **unused)
{
    (void)unused;
    enum { COPIES = 16000 };
    struct pbti_env *const env = env_make("asterix", COPIES, NULL);
    const struct pbti_asterix *const s = quiet(env);
    double gold = 0.0, right = 0.0, rows[SLOTS] = {0};
    for (int i = 0; i < COPIES; i++) {
        s->spawn_timer[i] = 0;
    }
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    for (int at = 0; at < COPIES * SLOTS; at++) {
        if (s->slot[at] == PBTI_ASTERIX_FREE) { continue; }
        gold += s->slot[at] == PBTI_ASTERIX_HAS_GOLD;
        right += s->slot_right[at];
        rows[at % SLOTS]++;
        assert_int_equal(s->slot_x[at], s->slot_right[at] ? 0 : 9);
    }
    double const error = 4.0 * 0.5 / sqrt(COPIES);
    assert_true(fabs(gold / COPIES - 1.0 / 3.0) < error);
    assert_true(fabs(right / COPIES - 0.5) < error);
    for (int k = 0; k < SLOTS; k++) {
        assert_true(fabs(rows[k] / COPIES - 1.0 / SLOTS) < error);
    }
    pbti_env_destroy(env);
}

/* All rows but `row` are taken by gold; what appears does so in it. With `row` 0 none is free. */
static void crowd(const struct pbti_asterix *s, int row)
{
    for (int y = 1; y <= SLOTS; y++) {
        put(s, y, 4, y == row ? PBTI_ASTERIX_FREE : PBTI_ASTERIX_HAS_GOLD, true);
    }
    s->spawn_timer[0] = 0;
}

static void test_spawn_in_free_rows(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("asterix", 1, NULL);
    for (int row = 0; row <= SLOTS; row++) {
        const struct pbti_asterix *const s = quiet(env);
        crowd(s, row);
        (void)env_play(env, 0, PBTI_ENV_GOES_ON);
        for (int y = 1; y <= SLOTS; y++) {
            assert_int_not_equal(s->slot[y - 1], PBTI_ASTERIX_FREE);
            assert_true((s->slot_x[y - 1] == 4) == (y != row));
        }
        assert_int_equal(s->spawn_timer[0], 9);
    }
    pbti_env_destroy(env);
}

/* What appears where the player is touches in the same frame. */
static void test_spawn_touches(void **unused)
{
    (void)unused;
    enum { TRIES = 60 };
    struct pbti_env *const env = env_make("asterix", 1, NULL);
    int enemies = 0, gold = 0, beside = 0;
    for (uint64_t seed = 0; seed < TRIES; seed++) {
        const struct pbti_asterix *const s = quiet(env);
        uint8_t const action = PBTI_ENV_LEFT;
        uint8_t end = PBTI_ENV_GOES_ON;
        float reward = 0.0f;
        pbti_env_seed(env, seed);
        crowd(s, 5);
        s->player_x[0] = 0;
        pbti_env_step(env, &action, &reward, &end);
        enemies += end == PBTI_ENV_TERMINAL;
        gold += reward == 1.0f;
        beside += end == PBTI_ENV_GOES_ON && reward == 0.0f && s->slot_x[4] == 9;
    }
    assert_true(enemies > 0 && gold > 0 && beside > 0);
    assert_int_equal(enemies + gold + beside, TRIES);
    pbti_env_destroy(env);
}

/* -------- ramping -------- */

static void test_ramping(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("asterix", 1, NULL);
    const struct pbti_asterix *const s = quiet(env);
    static const int8_t steps[][2] = {{9, 5}, {8, 4}, {7, 4}, {6, 3}, {5, 3},
                                      {4, 2}, {3, 2}, {2, 1}, {1, 1}};
    s->ramp_timer[0] = 0;
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_true(s->ramp_timer[0] == -1 && s->spawn_speed[0] == 10);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        s->ramp_timer[0] = -1;
        s->move_timer[0] = 5;
        s->spawn_timer[0] = 10;
        (void)env_play(env, 0, PBTI_ENV_GOES_ON);
        assert_int_equal(s->spawn_speed[0], steps[i][0]);
        assert_int_equal(s->move_speed[0], steps[i][1]);
        assert_int_equal(s->ramp_timer[0], 100);
    }
    (void)env_play(env, 0, PBTI_ENV_GOES_ON); /* as hard as can be: nothing more */
    assert_int_equal(s->ramp_timer[0], 100);
    pbti_env_destroy(env);
}

/* At the highest speed something appears, and all moves, in every frame. */
static void test_top_speed(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("asterix", 1, NULL);
    const struct pbti_asterix *const s = quiet(env);
    s->spawn_speed[0] = s->move_speed[0] = 1;
    s->spawn_timer[0] = s->move_timer[0] = 0;
    put(s, 1, 0, PBTI_ASTERIX_HAS_GOLD, true);
    for (int frame = 1; frame <= 3; frame++) {
        int present = 0;
        (void)env_play(env, 0, PBTI_ENV_GOES_ON);
        for (int k = 0; k < SLOTS; k++) {
            present += s->slot[k] != PBTI_ASTERIX_FREE;
        }
        assert_int_equal(s->slot_x[0], frame);
        assert_int_equal(present, 1 + frame);
    }
    pbti_env_destroy(env);
}

static void test_picture(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("asterix", 1, NULL);
    const struct pbti_asterix *const s = quiet(env);
    put(s, 1, 3, PBTI_ASTERIX_HAS_GOLD, true);
    put(s, 8, 3, PBTI_ASTERIX_HAS_ENEMY, false);
    put(s, 4, 0, PBTI_ASTERIX_HAS_ENEMY, true); /* no trail outside */
    put(s, 6, 9, PBTI_ASTERIX_HAS_GOLD, false);
    assert_int_equal(env_cell(env, 5, 5), 1 << PBTI_ASTERIX_PLAYER);
    assert_int_equal(env_cell(env, 1, 3), 1 << PBTI_ASTERIX_GOLD);
    assert_int_equal(env_cell(env, 1, 2), 1 << PBTI_ASTERIX_TRAIL);
    assert_int_equal(env_cell(env, 8, 3), 1 << PBTI_ASTERIX_ENEMY);
    assert_int_equal(env_cell(env, 8, 4), 1 << PBTI_ASTERIX_TRAIL);
    assert_int_equal(env_cell(env, 4, 0), 1 << PBTI_ASTERIX_ENEMY);
    assert_int_equal(env_cell(env, 6, 9), 1 << PBTI_ASTERIX_GOLD);
    assert_int_equal(env_cells_with(env, PBTI_ASTERIX_TRAIL), 2);
    pbti_env_destroy(env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_player),        cmocka_unit_test(test_touch),
        cmocka_unit_test(test_moves),         cmocka_unit_test(test_spawn_rhythm),
        cmocka_unit_test(test_spawn_shares),  cmocka_unit_test(test_spawn_in_free_rows),
        cmocka_unit_test(test_spawn_touches), cmocka_unit_test(test_ramping),
        cmocka_unit_test(test_top_speed),     cmocka_unit_test(test_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
