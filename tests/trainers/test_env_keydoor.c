/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_env_keydoor.c - rules of Keydoor, each in a scene: what a stage is made of, walls, gaps, the
 * key, the door with and without it, the treasure, `shaped`, the picture; and what a random player
 * and the shortest way score.
 */
#include "env/env_states_own.h"
#include "env_score.h"

#include <stdlib.h>
#include <string.h>

enum { NOOP = PBTI_ENV_NOOP, LEFT, UP, RIGHT, DOWN };

/* A stage with gaps (2, 4) and (4, 1), door (5, 4), key (0, 8), treasure (8, 8), agent (0, 0). */
static const struct pbti_keydoor *place(struct pbti_env *env, int y, int x, uint8_t key)
{
    const struct pbti_keydoor *const s = env_state(env);
    s->gap_y[0] = 2;
    s->gap_x[0] = 1;
    s->door_low[0] = 0;
    s->door_at[0] = 5;
    s->key_y[0] = 0;
    s->key_x[0] = s->treasure_y[0] = s->treasure_x[0] = 8;
    s->y[0] = (int8_t)y;
    s->x[0] = (int8_t)x;
    s->key[0] = key;
    return s;
}

static void assert_stage(const struct pbti_keydoor *s, uint32_t copy)
{
    bool const low = s->door_low[copy];
    assert_true(s->gap_y[copy] < 4 && s->gap_x[copy] < 4 && s->door_at[copy] > 4);
    assert_true(low ? s->key_y[copy] > 4 && s->key_x[copy] < 4
                    : s->key_y[copy] < 4 && s->key_x[copy] > 4);
    assert_true(s->treasure_y[copy] > 4 && s->treasure_x[copy] > 4);
    assert_true(s->y[copy] < 4 && s->x[copy] < 4);
    assert_int_equal(s->key[copy], PBTI_KEYDOOR_LIES);
}

static void test_beginning(void **unused)
{
    (void)unused;
    enum { COPIES = 4000 };
    struct pbti_env *const env = env_make("keydoor", COPIES, NULL);
    const struct pbti_keydoor *const s = env_state(env);
    uint32_t low = 0, gaps[4] = {0}, doors[10] = {0}, keys[100] = {0};
    for (uint32_t i = 0; i < COPIES; i++) {
        assert_stage(s, i);
        low += s->door_low[i];
        gaps[s->gap_x[i]]++;
        doors[s->door_at[i]]++;
        keys[s->key_y[i] * 10 + s->key_x[i]]++;
    }
    assert_in_range(low, 1870, 2130);
    for (int k = 0; k < 4; k++) {
        assert_in_range(gaps[k], 890, 1110);
    }
    for (int k = 5; k < 10; k++) {
        assert_in_range(doors[k], 700, 900);
    }
    for (int k = 0; k < 100; k++) {
        bool const place = (k / 10 < 4 && k % 10 > 4) || (k / 10 > 4 && k % 10 < 4);
        assert_true(place ? keys[k] > 40 : keys[k] == 0);
    }
    pbti_env_destroy(env);
}

/* The whole of a stage: actions, and the reward and what the agent has in the end of each run. */
static void test_a_stage(void **unused)
{
    (void)unused;
    static const struct {
        uint8_t action, times;
        int y, x; /* afterwards */
        uint8_t key;
        float reward; /* of the last */
    } runs[] = {
        {DOWN, 2, 2, 0, PBTI_KEYDOOR_LIES, 0.0f},    {RIGHT, 8, 2, 8, PBTI_KEYDOOR_LIES, 0.0f},
        {UP, 1, 1, 8, PBTI_KEYDOOR_LIES, 0.0f},      {UP, 1, 0, 8, PBTI_KEYDOOR_IN_HAND, 0.1f},
        {DOWN, 2, 2, 8, PBTI_KEYDOOR_IN_HAND, 0.0f}, {LEFT, 7, 2, 1, PBTI_KEYDOOR_IN_HAND, 0.0f},
        {DOWN, 3, 5, 1, PBTI_KEYDOOR_IN_HAND, 0.0f}, {RIGHT, 2, 5, 3, PBTI_KEYDOOR_IN_HAND, 0.0f},
        {RIGHT, 1, 5, 4, PBTI_KEYDOOR_USED, 0.1f},   {RIGHT, 1, 5, 5, PBTI_KEYDOOR_USED, 0.0f},
        {DOWN, 3, 8, 5, PBTI_KEYDOOR_USED, 0.0f},    {RIGHT, 2, 8, 7, PBTI_KEYDOOR_USED, 0.0f},
    };
    struct pbti_env_options options = pbti_env_options_default();
    for (int shaped = 0; shaped < 2; shaped++) {
        options.shaped = shaped;
        struct pbti_env *const env = env_make("keydoor", 1, &options);
        const struct pbti_keydoor *const s = place(env, 0, 0, PBTI_KEYDOOR_LIES);
        for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
            for (int k = 1; k <= runs[i].times; k++) {
                float const reward = env_play(env, runs[i].action, PBTI_ENV_GOES_ON);
                assert_true(reward == (shaped && k == runs[i].times ? runs[i].reward : 0.0f));
            }
            assert_int_equal(s->y[0], runs[i].y);
            assert_int_equal(s->x[0], runs[i].x);
            assert_int_equal(s->key[0], runs[i].key);
        }
        assert_true(env_play(env, RIGHT, PBTI_ENV_GOES_ON) == 1.0f);
        assert_stage(s, 0);
        pbti_env_destroy(env);
    }
}

static void test_walls_and_edges(void **unused)
{
    (void)unused;
    static const struct {
        int y, x;
        uint8_t action;
        int to_y, to_x;
    } moves[] = {
        {0, 3, RIGHT, 0, 3}, {3, 0, DOWN, 3, 0},                     /* walls */
        {2, 3, RIGHT, 2, 4}, {2, 4, UP, 2, 4},   {2, 4, DOWN, 2, 4}, /* a gap has sides */
        {3, 1, DOWN, 4, 1},  {4, 1, LEFT, 4, 1}, {4, 1, RIGHT, 4, 1}, {0, 0, LEFT, 0, 0},
        {0, 0, UP, 0, 0},    {9, 0, DOWN, 9, 0}, {1, 9, RIGHT, 1, 9}, {1, 1, NOOP, 1, 1},
    };
    struct pbti_env *const env = env_make("keydoor", 1, NULL);
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
        const struct pbti_keydoor *const s = place(env, moves[i].y, moves[i].x, PBTI_KEYDOOR_LIES);
        assert_true(env_play(env, moves[i].action, PBTI_ENV_GOES_ON) == 0.0f);
        assert_int_equal(s->y[0], moves[i].to_y);
        assert_int_equal(s->x[0], moves[i].to_x);
    }
    pbti_env_destroy(env);
}

static void test_door(void **unused)
{
    (void)unused;
    static const int after[] = {3, 4, 4}; /* column, by what became of the key */
    struct pbti_env *const env = env_make("keydoor", 1, NULL);
    for (uint8_t key = PBTI_KEYDOOR_LIES; key <= PBTI_KEYDOOR_USED; key++) {
        const struct pbti_keydoor *const s = place(env, 5, 3, key);
        (void)env_play(env, RIGHT, PBTI_ENV_GOES_ON);
        assert_int_equal(s->x[0], after[key]);
        assert_int_equal(s->key[0], key == PBTI_KEYDOOR_LIES ? key : PBTI_KEYDOOR_USED);
    }
    const struct pbti_keydoor *const s = place(env, 3, 7, PBTI_KEYDOOR_IN_HAND);
    s->door_low[0] = 1; /* the other kind, in row 4 */
    s->door_at[0] = 7;
    (void)env_play(env, DOWN, PBTI_ENV_GOES_ON);
    assert_true(s->y[0] == 4 && s->x[0] == 7 && s->key[0] == PBTI_KEYDOOR_USED);
    pbti_env_destroy(env);
}

/* The key is taken once: what it leaves behind is a cell like any other. */
static void test_key_is_taken_once(void **unused)
{
    (void)unused;
    struct pbti_env_options options = pbti_env_options_default();
    options.shaped = true;
    struct pbti_env *const env = env_make("keydoor", 1, &options);
    const struct pbti_keydoor *const s = place(env, 0, 7, PBTI_KEYDOOR_USED);
    assert_true(env_play(env, RIGHT, PBTI_ENV_GOES_ON) == 0.0f);
    assert_int_equal(s->key[0], PBTI_KEYDOOR_USED);
    pbti_env_destroy(env);
}

static void test_picture(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("keydoor", 1, NULL);
    for (uint8_t key = PBTI_KEYDOOR_LIES; key <= PBTI_KEYDOOR_USED; key++) {
        (void)place(env, 1, 2, key);
        uint16_t const held = key == PBTI_KEYDOOR_IN_HAND ? 1 << PBTI_KEYDOOR_HELD : 0;
        assert_int_equal(env_cell(env, 1, 2), held | 1 << PBTI_KEYDOOR_AGENT);
        assert_int_equal(env_cell(env, 8, 8), held | 1 << PBTI_KEYDOOR_TREASURE);
        assert_int_equal(env_cell(env, 0, 8), held | (key == 0 ? 1 << PBTI_KEYDOOR_KEY : 0));
        assert_int_equal(env_cell(env, 5, 4), held | (key < 2 ? 1 << PBTI_KEYDOOR_DOOR : 0));
        assert_int_equal(env_cell(env, 2, 4), held);
        assert_int_equal(env_cell(env, 4, 1), held);
        assert_int_equal(env_cell(env, 4, 4), held | 1 << PBTI_KEYDOOR_WALL);
        assert_int_equal(env_cells_with(env, PBTI_KEYDOOR_WALL), 16);
        assert_int_equal(env_cells_with(env, PBTI_KEYDOOR_HELD), held != 0 ? 100 : 0);
    }
    pbti_env_destroy(env);
}

static void test_flaws(void **unused)
{
    (void)unused;
    static const struct {
        int y, x;
        const char *flaw;
    } cases[] = {{4, 4, "copy 0 has an agent in a wall"},
                 {5, 4, "copy 0 has an agent in a locked door"}};
    struct pbti_env *const env = env_make("keydoor", 1, NULL);
    for (size_t i = 0; i < 2; i++) {
        struct pbt_error err = {0};
        (void)place(env, cases[i].y, cases[i].x, PBTI_KEYDOOR_LIES);
        uint8_t *const bytes = env_saved(env);
        assert_int_equal(pbti_env_load(env, bytes, pbti_env_save_size(env), &err), PBT_ECORRUPT);
        assert_non_null(strstr(err.message, cases[i].flaw));
        free(bytes);
    }
    pbti_env_destroy(env);
}

/* -------- the shortest way -------- */

static bool is_open(const struct pbti_keydoor *s, uint32_t i, int y, int x)
{
    if (y < 0 || y > 9 || x < 0 || x > 9) { return false; }
    if (y != 4 && x != 4) { return true; }
    if ((x == 4 && y == s->gap_y[i]) || (y == 4 && x == s->gap_x[i])) { return true; }
    bool const door = s->door_low[i] ? y == 4 && x == s->door_at[i] : x == 4 && y == s->door_at[i];
    return door && s->key[i] != PBTI_KEYDOOR_LIES;
}

/* The first move of a shortest way from where the agent is to (to_y, to_x): breadth first, from the
 * end. */
static uint8_t first_move(const struct pbti_keydoor *s, uint32_t i, int to_y, int to_x)
{
    static const int dy[] = {0, 0, -1, 0, 1}, dx[] = {0, -1, 0, 1, 0};
    static const uint8_t back[] = {NOOP, RIGHT, DOWN, LEFT, UP};
    bool seen[10][10] = {{false}};
    int queue[100], head = 0, tail = 0;
    queue[tail++] = to_y * 10 + to_x;
    seen[to_y][to_x] = true;
    while (head < tail) {
        int const at = queue[head++];
        for (int a = LEFT; a <= DOWN; a++) {
            int const y = at / 10 + dy[a], x = at % 10 + dx[a];
            if (!is_open(s, i, y, x) || seen[y][x]) { continue; }
            if (y == s->y[i] && x == s->x[i]) { return back[a]; }
            seen[y][x] = true;
            queue[tail++] = y * 10 + x;
        }
    }
    fail_msg("no way");
    return NOOP;
}

static void shortest(struct env_turn *turn)
{
    const struct pbti_keydoor *const s = env_state(turn->env);
    for (uint32_t i = 0; i < pbti_env_count(turn->env); i++) {
        turn->actions[i] = s->key[i] == PBTI_KEYDOOR_LIES
                               ? first_move(s, i, s->key_y[i], s->key_x[i])
                               : first_move(s, i, s->treasure_y[i], s->treasure_x[i]);
    }
}

static void test_scores(void **unused)
{
    (void)unused;
    struct pbti_env_options options = pbti_env_options_default();
    assert_score("keydoor, random", env_score("keydoor", NULL, 20000, 1, env_player_random, NULL),
                 0.0035, 0.0004);
    assert_score("keydoor, shortest way", env_score("keydoor", NULL, 800, 1, shortest, NULL), 10.51,
                 0.01);
    options.shaped = true;
    assert_score("keydoor, shaped, shortest way",
                 env_score("keydoor", &options, 800, 1, shortest, NULL), 12.69, 0.01);
    assert_score("keydoor, shaped, random",
                 env_score("keydoor", &options, 10000, 1, env_player_random, NULL), 0.0459, 0.0006);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beginning),
        cmocka_unit_test(test_a_stage),
        cmocka_unit_test(test_walls_and_edges),
        cmocka_unit_test(test_door),
        cmocka_unit_test(test_key_is_taken_once),
        cmocka_unit_test(test_picture),
        cmocka_unit_test(test_flaws),
        cmocka_unit_test(test_scores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
