/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_env_beacon.c - rules of Beacon, each in a scene: where things begin, how the marine walks
 * and forgets its order, what counts as there, where the next beacon appears, the picture, the
 * length of an episode; and what a random and a straight player score.
 */
#include "env/env_states_own.h"
#include "env_score.h"

#include <stdlib.h>

static const struct pbti_beacon *place(struct pbti_env *env, int y, int x, int beacon_y,
                                       int beacon_x)
{
    const struct pbti_beacon *const s = env_state(env);
    s->y[0] = (int8_t)y;
    s->x[0] = (int8_t)x;
    s->order[0] = 0;
    s->beacon_y[0] = (int8_t)beacon_y;
    s->beacon_x[0] = (int8_t)beacon_x;
    return s;
}

static uint8_t order(int y, int x)
{
    return (uint8_t)(1 + y / 2 * 8 + x / 2);
}

static void assert_at(const struct pbti_beacon *s, int y, int x)
{
    assert_int_equal(s->y[0], y);
    assert_int_equal(s->x[0], x);
}

/* At least five steps of a king from the marine, and all of its 3 x 3 cells on the board. */
static void assert_beacon_is_far(const struct pbti_beacon *s, uint32_t copy)
{
    int const dy = abs(s->beacon_y[copy] - s->y[copy]), dx = abs(s->beacon_x[copy] - s->x[copy]);
    assert_true(dy >= 5 || dx >= 5);
    assert_in_range(s->beacon_y[copy], 1, 14);
    assert_in_range(s->beacon_x[copy], 1, 14);
}

static void test_beginning(void **unused)
{
    (void)unused;
    enum { COPIES = 4000 };
    struct pbti_env *const env = env_make("beacon", COPIES, NULL);
    const struct pbti_beacon *const s = env_state(env);
    uint32_t marines[16] = {0}, beacons[16] = {0};
    for (uint32_t i = 0; i < COPIES; i++) {
        assert_beacon_is_far(s, i);
        assert_int_equal(s->order[i], 0);
        marines[s->y[i]]++;
        beacons[s->beacon_x[i]]++;
    }
    for (int k = 0; k < 16; k++) { /* every row is used by the one, 1 to 14 by the other */
        assert_in_range(marines[k], 180, 320);
        assert_true(k == 0 || k == 15 ? beacons[k] == 0 : beacons[k] > 150);
    }
    pbti_env_destroy(env);
}

/* The whole way of one order: diagonally first, then straight, reward a step before the centre. */
static void test_a_walk(void **unused)
{
    (void)unused;
    static const int way[][2] = {{4, 11}, {5, 10}, {6, 9}, {7, 8}, {8, 7}};
    struct pbti_env *const env = env_make("beacon", 1, NULL);
    const struct pbti_beacon *const s = place(env, 3, 12, 9, 6);
    assert_true(env_play(env, 0, PBTI_ENV_GOES_ON) == 0.0f);
    assert_at(s, 3, 12);
    for (int k = 0; k < 5; k++) {
        float const reward = env_play(env, k == 0 ? 36 : 0, PBTI_ENV_GOES_ON);
        assert_true(reward == (k == 4 ? 1.0f : 0.0f));
        assert_at(s, way[k][0], way[k][1]);
    }
    assert_beacon_is_far(s, 0);
    assert_int_equal(s->order[0], 36); /* it still walks to where it was ordered */
    s->beacon_y[0] = s->beacon_x[0] = 1;
    assert_true(env_play(env, 0, PBTI_ENV_GOES_ON) == 0.0f);
    assert_at(s, 8, 6);
    assert_int_equal(s->order[0], 0);
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_at(s, 8, 6);
    pbti_env_destroy(env);
}

static void test_orders(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("beacon", 1, NULL);
    const struct pbti_beacon *s = place(env, 8, 8, 1, 1);
    (void)env_play(env, order(8, 14), PBTI_ENV_GOES_ON);
    assert_at(s, 8, 9);
    (void)env_play(env, order(14, 8), PBTI_ENV_GOES_ON); /* a new order replaces the old one */
    assert_at(s, 9, 8);
    s = place(env, 0, 1, 14, 14);
    (void)env_play(env, 1, PBTI_ENV_GOES_ON); /* block 0 is the cell (0, 0) */
    assert_at(s, 0, 0);
    s = place(env, 13, 15, 1, 1);
    (void)env_play(env, 64, PBTI_ENV_GOES_ON); /* and block 63 is (14, 14) */
    assert_at(s, 14, 14);
    s = place(env, 4, 4, 14, 14);
    (void)env_play(env, order(4, 4), PBTI_ENV_GOES_ON); /* where it is: forgotten at once */
    assert_at(s, 4, 4);
    assert_int_equal(s->order[0], 0);
    pbti_env_destroy(env);
}

static void test_touch(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("beacon", 1, NULL);
    for (int dy = -2; dy <= 2; dy++) {
        for (int dx = -2; dx <= 2; dx++) {
            bool const there = abs(dy) <= 1 && abs(dx) <= 1;
            (void)place(env, 7 + dy, 7 + dx, 7, 7);
            assert_true(env_play(env, 0, PBTI_ENV_GOES_ON) == (there ? 1.0f : 0.0f));
        }
    }
    pbti_env_destroy(env);
}

static void test_picture(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("beacon", 1, NULL);
    uint16_t cells[16 * 16];
    (void)place(env, 3, 12, 9, 6);
    pbti_env_observe_cells(env, cells);
    for (int y = 0; y < 16; y++) {
        for (int x = 0; x < 16; x++) {
            bool const beacon = abs(y - 9) <= 1 && abs(x - 6) <= 1;
            int const marine = y == 3 && x == 12;
            assert_int_equal(cells[y * 16 + x], marine | (beacon ? 2 : 0));
        }
    }
    (void)place(env, 10, 7, 9, 6); /* one upon the other */
    pbti_env_observe_cells(env, cells);
    assert_int_equal(cells[10 * 16 + 7], 3);
    pbti_env_destroy(env);
}

static void test_length(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("beacon", 1, NULL);
    for (int frame = 1; frame <= 480; frame++) {
        (void)env_play(env, 0, frame % 240 == 0 ? PBTI_ENV_TRUNCATED : PBTI_ENV_GOES_ON);
    }
    pbti_env_destroy(env);
}

/* Orders the marine to the block of the beacon's centre. */
static void straight(struct env_turn *turn)
{
    const struct pbti_beacon *const s = env_state(turn->env);
    for (uint32_t i = 0; i < pbti_env_count(turn->env); i++) {
        turn->actions[i] = order(s->beacon_y[i], s->beacon_x[i]);
    }
}

static void test_scores(void **unused)
{
    (void)unused;
    assert_score("beacon, random", env_score("beacon", NULL, 10000, 1, env_player_random, NULL),
                 0.871, 0.006);
    assert_score("beacon, straight", env_score("beacon", NULL, 4000, 1, straight, NULL), 35.00,
                 0.05);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beginning), cmocka_unit_test(test_a_walk),
        cmocka_unit_test(test_orders),    cmocka_unit_test(test_touch),
        cmocka_unit_test(test_picture),   cmocka_unit_test(test_length),
        cmocka_unit_test(test_scores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
