/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_env_watermaze.c - rules of Watermaze, each in a scene: where things begin, moves and edges,
 * what the platform does, that it stays for an episode and is never seen; and what players score
 * that know the platform, find it first, or do neither.
 */
#include "env/env_states_own.h"
#include "env_score.h"

#include <stdlib.h>
#include <string.h>

static const struct pbti_watermaze *place(struct pbti_env *env, int y, int x, int platform_y,
                                          int platform_x)
{
    const struct pbti_watermaze *const s = env_state(env);
    s->y[0] = (int8_t)y;
    s->x[0] = (int8_t)x;
    s->platform_y[0] = (int8_t)platform_y;
    s->platform_x[0] = (int8_t)platform_x;
    return s;
}

static int way(const struct pbti_watermaze *s, uint32_t copy)
{
    return abs(s->y[copy] - s->platform_y[copy]) + abs(s->x[copy] - s->platform_x[copy]);
}

static void test_beginning(void **unused)
{
    (void)unused;
    enum { COPIES = 4000 };
    struct pbti_env *const env = env_make("watermaze", COPIES, NULL);
    const struct pbti_watermaze *const s = env_state(env);
    uint32_t rows[10] = {0}, columns[10] = {0}, nearest = 0;
    for (uint32_t i = 0; i < COPIES; i++) {
        assert_true(way(s, i) >= 4);
        nearest += way(s, i) == 4;
        rows[s->platform_y[i]]++;
        columns[s->platform_x[i]]++;
    }
    assert_true(nearest > 0);
    for (int k = 0; k < 10; k++) {
        assert_in_range(rows[k], 320, 480);
        assert_in_range(columns[k], 320, 480);
    }
    pbti_env_destroy(env);
}

static void test_moves(void **unused)
{
    (void)unused;
    static const struct {
        uint8_t action;
        int y, x, to_y, to_x;
    } moves[] = {
        {PBTI_ENV_NOOP, 5, 5, 5, 5},  {PBTI_ENV_LEFT, 5, 5, 5, 4},  {PBTI_ENV_UP, 5, 5, 4, 5},
        {PBTI_ENV_RIGHT, 5, 5, 5, 6}, {PBTI_ENV_DOWN, 5, 5, 6, 5},  {PBTI_ENV_LEFT, 5, 0, 5, 0},
        {PBTI_ENV_UP, 0, 5, 0, 5},    {PBTI_ENV_RIGHT, 5, 9, 5, 9}, {PBTI_ENV_DOWN, 9, 5, 9, 5},
    };
    struct pbti_env *const env = env_make("watermaze", 1, NULL);
    assert_int_equal(pbti_env_actions(env), 5);
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
        const struct pbti_watermaze *const s = place(env, moves[i].y, moves[i].x, 2, 2);
        assert_true(env_play(env, moves[i].action, PBTI_ENV_GOES_ON) == 0.0f);
        assert_int_equal(s->y[0], moves[i].to_y);
        assert_int_equal(s->x[0], moves[i].to_x);
    }
    pbti_env_destroy(env);
}

static void test_platform(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("watermaze", 1, NULL);
    for (int round = 0; round < 50; round++) {
        const struct pbti_watermaze *const s = place(env, 6, 2, 6, 3);
        assert_true(env_play(env, PBTI_ENV_RIGHT, PBTI_ENV_GOES_ON) == 1.0f);
        assert_true(s->platform_y[0] == 6 && s->platform_x[0] == 3); /* it stays */
        assert_true(way(s, 0) >= 4);
    }
    pbti_env_destroy(env);
}

static void test_only_the_agent_is_seen(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("watermaze", 1, NULL);
    (void)place(env, 7, 1, 3, 3);
    assert_int_equal(env_cell(env, 7, 1), 1);
    assert_int_equal(env_cells_with(env, 0), 1);
    pbti_env_destroy(env);
}

static void test_length(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("watermaze", 1, NULL);
    for (int frame = 1; frame <= 400; frame++) {
        (void)env_play(env, 0, frame % 200 == 0 ? PBTI_ENV_TRUNCATED : PBTI_ENV_GOES_ON);
    }
    pbti_env_destroy(env);
}

/* -------- players -------- */

static uint8_t towards(int y, int x, int to_y, int to_x)
{
    if (y != to_y) { return y < to_y ? PBTI_ENV_DOWN : PBTI_ENV_UP; }
    return x < to_x ? PBTI_ENV_RIGHT : PBTI_ENV_LEFT;
}

static void knows(struct env_turn *turn)
{
    const struct pbti_watermaze *const s = env_state(turn->env);
    for (uint32_t i = 0; i < pbti_env_count(turn->env); i++) {
        turn->actions[i] = towards(s->y[i], s->x[i], s->platform_y[i], s->platform_x[i]);
    }
}

/* What a sweeper remembers of its episode. */
struct sweeper {
    bool found;
    bool empty[10][10]; /* the platform cannot be there */
};

static bool may_be(const struct sweeper *m, int y, int x)
{
    return y >= 0 && y < 10 && x >= 0 && x < 10 && !m->empty[y][x];
}

/* To the nearest cell that can be the platform; of those the one with the fewest such neighbours,
 * which would be a detour later. */
static uint8_t sweep(struct sweeper *m, int y, int x)
{
    int best = 1000, to_y = y, to_x = x;
    for (int v = 0; v < 10; v++) {
        for (int u = 0; u < 10; u++) {
            if (m->empty[v][u]) { continue; }
            int const neighbours = may_be(m, v - 1, u) + may_be(m, v + 1, u) + may_be(m, v, u - 1) +
                                   may_be(m, v, u + 1);
            int const worth = 8 * (abs(v - y) + abs(u - x)) + neighbours;
            if (worth >= best) { continue; }
            best = worth;
            to_y = v;
            to_x = u;
        }
    }
    return towards(y, x, to_y, to_x);
}

static void sweeps(struct env_turn *turn)
{
    const struct pbti_watermaze *const s = env_state(turn->env);
    struct sweeper *const memory = turn->memory;
    for (uint32_t i = 0; i < pbti_env_count(turn->env); i++) {
        struct sweeper *const m = &memory[i];
        int const y = s->y[i], x = s->x[i];
        if (turn->ends[i] != PBTI_ENV_GOES_ON) {
            *m = (struct sweeper){0};
            for (int v = 0; v < 10; v++) { /* no agent begins within three moves of it */
                for (int u = 0; u < 10; u++) {
                    m->empty[v][u] = abs(v - y) + abs(u - x) < 4;
                }
            }
        } else if (turn->rewards[i] > 0.0f) {
            m->found = true;
        }
        m->empty[y][x] = true;
        turn->actions[i] =
            m->found ? towards(y, x, s->platform_y[i], s->platform_x[i]) : sweep(m, y, x);
    }
}

static void test_scores(void **unused)
{
    (void)unused;
    enum { COPIES = 3000 };
    struct sweeper *const memory = calloc(COPIES, sizeof memory[0]);
    assert_non_null(memory);
    assert_score("watermaze, random",
                 env_score("watermaze", NULL, 20000, 1, env_player_random, NULL), 0.571, 0.004);
    assert_score("watermaze, knows", env_score("watermaze", NULL, COPIES, 1, knows, NULL), 26.34,
                 0.07);
    assert_score("watermaze, sweeps, then knows",
                 env_score("watermaze", NULL, COPIES, 1, sweeps, memory), 21.24, 0.03);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beginning), cmocka_unit_test(test_moves),
        cmocka_unit_test(test_platform),  cmocka_unit_test(test_only_the_agent_is_seen),
        cmocka_unit_test(test_length),    cmocka_unit_test(test_scores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
