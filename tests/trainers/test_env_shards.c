/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_env_shards.c - rules of Shards, each in a scene: where things begin, who obeys which order,
 * what is collected and when, when new shards come, the picture; and what a random player and one
 * that shares the shards out score.
 */
#include "env/env_states_own.h"
#include "env_score.h"

#include <stdlib.h>
#include <string.h>

enum { SIDE = 16 };

static uint32_t count_shards(const struct pbti_shards *s, uint32_t copy)
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < SIDE * SIDE; k++) {
        count += s->shards[copy * SIDE + k / SIDE] >> (k % SIDE) & 1u;
    }
    return count;
}

static bool has_shard(const struct pbti_shards *s, uint32_t copy, int y, int x)
{
    return s->shards[copy * SIDE + (uint32_t)y] >> x & 1u;
}

/* Marines at (2, 2) and (12, 12), shards at (2, 5), (3, 7) and (12, 10). */
static const struct pbti_shards *place(struct pbti_env *env)
{
    const struct pbti_shards *const s = env_state(env);
    memset(s->shards, 0, SIDE * sizeof s->shards[0]);
    s->shards[2] = 1u << 5;
    s->shards[3] = 1u << 7;
    s->shards[12] = 1u << 10;
    s->y[0] = s->x[0] = 2;
    s->y[1] = s->x[1] = 12;
    s->order[0] = s->order[1] = 0;
    return s;
}

static void assert_marine(const struct pbti_shards *s, int m, int y, int x)
{
    assert_int_equal(s->y[m], y);
    assert_int_equal(s->x[m], x);
}

static void test_beginning(void **unused)
{
    (void)unused;
    enum { COPIES = 2000 };
    struct pbti_env *const env = env_make("shards", COPIES, NULL);
    const struct pbti_shards *const s = env_state(env);
    uint32_t on_cell[SIDE * SIDE] = {0};
    for (uint32_t i = 0; i < COPIES; i++) {
        assert_int_equal(count_shards(s, i), 20);
        for (int cell = 0; cell < SIDE * SIDE; cell++) {
            int const y = cell / SIDE, x = cell % SIDE;
            if (!has_shard(s, i, y, x)) { continue; }
            on_cell[cell]++;
            for (uint32_t m = 2 * i; m < 2 * i + 2; m++) {
                assert_true(abs(s->y[m] - y) > 1 || abs(s->x[m] - x) > 1);
            }
        }
    }
    for (int cell = 0; cell < SIDE * SIDE; cell++) { /* 2000 20 / 256 = 156 on the average */
        assert_in_range(on_cell[cell], 90, 230);
    }
    pbti_env_destroy(env);
}

static void test_a_stage(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("shards", 1, NULL);
    const struct pbti_shards *const s = place(env);
    assert_int_equal(pbti_env_actions(env), 129);
    assert_true(env_play(env, 12, PBTI_ENV_GOES_ON) == 0.0f); /* the first to (2, 6) */
    assert_marine(s, 0, 2, 3);
    assert_marine(s, 1, 12, 12);
    assert_int_equal(count_shards(s, 0), 3);
    assert_true(env_play(env, 117, PBTI_ENV_GOES_ON) == 2.0f); /* the second to (12, 8) */
    assert_marine(s, 0, 2, 4);
    assert_marine(s, 1, 12, 11);
    assert_int_equal(count_shards(s, 0), 1);
    assert_true(env_play(env, 0, PBTI_ENV_GOES_ON) == 0.0f);
    assert_marine(s, 0, 2, 5);
    assert_marine(s, 1, 12, 10);
    assert_true(env_play(env, 0, PBTI_ENV_GOES_ON) == 1.0f);
    assert_marine(s, 0, 2, 6);
    assert_marine(s, 1, 12, 9);
    assert_int_equal(count_shards(s, 0), 20); /* new ones, not beside a marine */
    for (int k = 0; k < 9; k++) {
        assert_false(has_shard(s, 0, 1 + k / 3, 5 + k % 3));
        assert_false(has_shard(s, 0, 11 + k / 3, 8 + k % 3));
    }
    pbti_env_destroy(env);
}

/* A shard beside both marines counts once; at edges and corners nothing beyond is touched. */
static void test_collecting(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("shards", 1, NULL);
    const struct pbti_shards *const s = place(env);
    s->y[0] = s->x[0] = s->y[1] = 5;
    s->x[1] = 7;
    memset(s->shards, 0xff, SIDE * sizeof s->shards[0]);
    for (int y = 0; y < SIDE; y++) {
        s->shards[y] = 0xffff;
    }
    assert_true(env_play(env, 0, PBTI_ENV_GOES_ON) == 15.0f); /* 3 rows of 5 */
    s->y[0] = s->x[0] = 0;
    s->y[1] = s->x[1] = 15;
    assert_true(env_play(env, 0, PBTI_ENV_GOES_ON) == 8.0f); /* 4 in each corner */
    assert_int_equal(count_shards(s, 0), 256 - 23);
    pbti_env_destroy(env);
}

static void test_picture(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("shards", 1, NULL);
    const struct pbti_shards *const s = place(env);
    uint16_t cells[SIDE * SIDE];
    uint32_t set = 0;
    s->y[1] = 12;
    s->x[1] = 10; /* upon a shard, as it can only be in a scene */
    pbti_env_observe_cells(env, cells);
    assert_int_equal(cells[2 * SIDE + 2], 1 << PBTI_SHARDS_MARINE);
    assert_int_equal(cells[2 * SIDE + 5], 1 << PBTI_SHARDS_SHARD);
    assert_int_equal(cells[3 * SIDE + 7], 1 << PBTI_SHARDS_SHARD);
    assert_int_equal(cells[12 * SIDE + 10], 1 << PBTI_SHARDS_OTHER_MARINE | 1 << PBTI_SHARDS_SHARD);
    for (int k = 0; k < SIDE * SIDE; k++) {
        set += cells[k] != 0;
    }
    assert_int_equal(set, 4);
    pbti_env_destroy(env);
}

static void test_length(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("shards", 1, NULL);
    for (int frame = 1; frame <= 480; frame++) {
        (void)env_play(env, 0, frame % 240 == 0 ? PBTI_ENV_TRUNCATED : PBTI_ENV_GOES_ON);
    }
    pbti_env_destroy(env);
}

/* -------- a player that shares the shards out -------- */

/* An even number beside `to`, or `to`; the one on the side of `from`. */
static int stop_at(int from, int to)
{
    int const near = to % 2 == 0 ? to : from < to ? to - 1 : to + 1;
    return near > 14 ? 14 : near;
}

static int steps(int dy, int dx)
{
    return abs(dy) > abs(dx) ? abs(dy) : abs(dx);
}

/* The nearest shard to marine m; not one within three steps of where the other is going. */
static int nearest(const struct pbti_shards *s, uint32_t copy, uint32_t m, int taken)
{
    int best = 1000, cell = -1;
    for (int k = 0; k < SIDE * SIDE; k++) {
        int const y = k / SIDE, x = k % SIDE;
        if (!has_shard(s, copy, y, x)) { continue; }
        int cost = 4 * steps(y - s->y[m], x - s->x[m]);
        if (taken >= 0 && steps(y - taken / SIDE, x - taken % SIDE) <= 2) { cost += 12; }
        if (cost < best) {
            best = cost;
            cell = k;
        }
    }
    return cell;
}

/* The order that leads marine m beside a shard. */
static uint8_t order_to(const struct pbti_shards *s, uint32_t m, int cell)
{
    int const y = stop_at(s->y[m], cell / SIDE), x = stop_at(s->x[m], cell % SIDE);
    return (uint8_t)(1 + y / 2 * 8 + x / 2);
}

static void shares_out(struct env_turn *turn)
{
    const struct pbti_shards *const s = env_state(turn->env);
    for (uint32_t i = 0; i < pbti_env_count(turn->env); i++) {
        int cells[2];
        uint8_t orders[2];
        int const a = nearest(s, i, 2 * i, -1), b = nearest(s, i, 2 * i + 1, -1);
        int const way_a = steps(a / SIDE - s->y[2 * i], a % SIDE - s->x[2 * i]);
        int const way_b = steps(b / SIDE - s->y[2 * i + 1], b % SIDE - s->x[2 * i + 1]);
        uint32_t const first = way_a <= way_b ? 0 : 1;
        cells[first] = first == 0 ? a : b;
        cells[1 - first] = nearest(s, i, 2 * i + 1 - first, cells[first]);
        for (uint32_t k = 0; k < 2; k++) {
            orders[k] = order_to(s, 2 * i + k, cells[k]);
        }
        /* one order a frame: to a marine that stands, else to one that goes elsewhere */
        uint32_t const idle = s->order[2 * i] == 0 ? 0 : s->order[2 * i + 1] == 0 ? 1 : 2;
        uint32_t const other = orders[0] != s->order[2 * i] ? 0 : 1;
        uint32_t const m = idle < 2 ? idle : other;
        turn->actions[i] = (uint8_t)(orders[m] + 64 * m);
    }
}

static void test_scores(void **unused)
{
    (void)unused;
    assert_score("shards, random", env_score("shards", NULL, 4000, 1, env_player_random, NULL),
                 16.22, 0.02);
    assert_score("shards, shared out", env_score("shards", NULL, 400, 1, shares_out, NULL), 173.15,
                 0.16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beginning),  cmocka_unit_test(test_a_stage),
        cmocka_unit_test(test_collecting), cmocka_unit_test(test_picture),
        cmocka_unit_test(test_length),     cmocka_unit_test(test_scores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
