/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_env_maze.c - rules of Maze, each in a scene: what a maze is made of, turns, moves and walls,
 * apples, the goal, what is seen and what is hidden, the options `size` and `map`, damaged states;
 * and what a random player and three that keep maps score.
 */
#include "env/env_maze_map.h"
#include "maze_player.h"

#include <stdlib.h>
#include <string.h>

enum { FORWARD, TURN_LEFT, TURN_RIGHT, BACK, STRAFE_LEFT, STRAFE_RIGHT };
enum { NORTH, EAST, SOUTH, WEST };

/* `a` is an apple, `G` the goal. */
static const char *const drawn[] = {
    "###########", "#...#....a#", "#.#.#.###.#", "#.#...#...#", "#.#####.#.#", "#...#...#.#",
    "###.#.###.#", "#.#.#.#.#.#", "#.#.#.#.#.#", "#a..#...#G#", "###########",
};

static void stand(const struct pbti_maze *s, int y, int x, int direction)
{
    s->y[0] = (int8_t)y;
    s->x[0] = (int8_t)x;
    s->direction[0] = (uint8_t)direction;
}

static const struct pbti_maze *place(struct pbti_env *env, int y, int x, int direction)
{
    const struct pbti_maze *const s = env_state(env);
    s->apples[0] = 0;
    for (int v = 0; v < 11; v++) {
        s->walls[v] = 0;
        for (int u = 0; u < 11; u++) {
            uint32_t const room = (uint32_t)(v / 2 * 5 + u / 2);
            if (drawn[v][u] == '#') { s->walls[v] |= 1u << u; }
            if (drawn[v][u] == 'a') { s->apples[0] |= UINT64_C(1) << room; }
            if (drawn[v][u] == 'G') { s->goal[0] = (uint8_t)room; }
        }
    }
    stand(s, y, x, direction);
    return s;
}

static void assert_pose(const struct pbti_maze *s, int y, int x, int direction)
{
    assert_int_equal(s->y[0], y);
    assert_int_equal(s->x[0], x);
    assert_int_equal(s->direction[0], direction);
}

static void assert_view(const struct pbti_env *env, const char *const *rows)
{
    uint16_t cells[49];
    pbti_env_observe_cells(env, cells);
    for (int k = 0; k < 49; k++) {
        uint16_t const cell = cells[k];
        char const c = cell & 1 << PBTI_MAZE_GOAL    ? 'G'
                       : cell & 1 << PBTI_MAZE_APPLE ? 'a'
                       : cell & 1 << PBTI_MAZE_WALL  ? '#'
                       : cell & 1 << PBTI_MAZE_FLOOR ? '.'
                                                     : '?';
        if (c != rows[k / 7][k % 7]) { fail_msg("row %d, column %d: %c", k / 7, k % 7, c); }
        bool const on_floor = c == 'G' || c == 'a'; /* which is seen, too */
        assert_true(!on_floor || (cell & 1 << PBTI_MAZE_FLOOR) != 0);
    }
}

/* -------- what a maze is made of -------- */

static uint32_t bits(uint64_t mask)
{
    uint32_t count = 0;
    for (; mask != 0; mask &= mask - 1) {
        count++;
    }
    return count;
}

/* Cells that can be reached from (1, 1). */
static uint32_t reached(const uint32_t *walls)
{
    uint32_t seen[PBTI_ENV_MAZE_SIZE_MAX] = {[1] = 2}, count = 0;
    for (bool grown = true; grown;) {
        grown = false;
        for (int y = 1; y < PBTI_ENV_MAZE_SIZE_MAX - 1; y++) {
            uint32_t const next =
                (seen[y] | seen[y - 1] | seen[y + 1] | seen[y] << 1 | seen[y] >> 1) & ~walls[y];
            grown = grown || next != seen[y];
            seen[y] = next;
        }
    }
    for (int y = 0; y < PBTI_ENV_MAZE_SIZE_MAX; y++) {
        count += bits(seen[y]);
    }
    return count;
}

/* Rooms, a tree between them and three loops: all open cells hang together. */
static void check_mazes(uint32_t size)
{
    enum { COPIES = 200 };
    struct pbti_env_options options = pbti_env_options_default();
    options.size = size;
    struct pbti_env *const env = env_make("maze", COPIES, &options);
    const struct pbti_maze *const s = env_state(env);
    uint32_t const rooms = (size - 1) / 2 * ((size - 1) / 2);
    uint32_t five = 0;
    for (uint32_t i = 0; i < COPIES; i++) {
        const uint32_t *const walls = s->walls + i * PBTI_ENV_MAZE_SIZE_MAX;
        uint32_t padded[PBTI_ENV_MAZE_SIZE_MAX], open = 0;
        for (uint32_t y = 0; y < PBTI_ENV_MAZE_SIZE_MAX; y++) {
            padded[y] = y < size ? walls[y] : ~0u;
            open += y < size ? size - bits(walls[y]) : 0;
        }
        assert_int_equal(open, rooms + (rooms - 1) + 3);
        assert_int_equal(reached(padded), open);
        assert_null(pbti_maze_flaw(PBTI_MAZE_MAP(s, i)));
        uint32_t const start = (uint32_t)(s->y[i] / 2) * (size - 1) / 2 + (uint32_t)s->x[i] / 2;
        assert_true(s->y[i] % 2 == 1 && s->x[i] % 2 == 1 && start != s->goal[i]);
        assert_true((s->apples[i] >> s->goal[i] & 1) == 0 && (s->apples[i] >> start & 1) == 0);
        assert_in_range(bits(s->apples[i]), 4, 5);
        five += bits(s->apples[i]) == 5;
    }
    assert_in_range(five, 50, 199); /* one was in the start's room, now and then */
    pbti_env_destroy(env);
}

static void test_made_of(void **unused)
{
    (void)unused;
    check_mazes(7);
    check_mazes(11);
    check_mazes(15);
}

static void test_a_map_of_a_number(void **unused)
{
    (void)unused;
    struct pbti_env_options options = pbti_env_options_default();
    uint32_t walls[2][PBTI_ENV_MAZE_SIZE_MAX];
    for (uint32_t number = 1; number <= 2; number++) {
        options.map = number;
        struct pbti_env *const env = env_make("maze", 4, &options);
        const struct pbti_maze *const s = env_state(env);
        size_t const size = sizeof walls[0];
        memcpy(walls[number - 1], s->walls, size);
        for (uint32_t i = 0; i < 4; i++) { /* in every copy */
            assert_memory_equal(s->walls + i * PBTI_ENV_MAZE_SIZE_MAX, walls[number - 1], size);
        }
        bool const elsewhere = s->goal[0] != s->goal[1] || s->goal[1] != s->goal[2];
        assert_true(elsewhere);
        pbti_env_seed(env, 77); /* and in every segment */
        pbti_env_reset(env);
        assert_memory_equal(s->walls, walls[number - 1], size);
        pbti_env_destroy(env);
    }
    assert_memory_not_equal(walls[0], walls[1], sizeof walls[0]);
}

static void test_options_are_refused(void **unused)
{
    (void)unused;
    static const uint32_t wrong[] = {5, 10, 17};
    struct pbti_env_options options = pbti_env_options_default();
    struct pbti_env *env = NULL;
    struct pbt_error err = {0};
    for (size_t i = 0; i < 3; i++) {
        options.size = wrong[i];
        assert_int_equal(pbti_env_create(pbti_env_find("maze"), 1, &options, &env, &err),
                         PBT_EINVAL);
        assert_non_null(strstr(err.message, "; allowed are odd numbers, 7 to 15"));
    }
    options.size = 0;
    options.map = 65536;
    assert_int_equal(pbti_env_create(pbti_env_find("maze"), 1, &options, &env, &err), PBT_EINVAL);
    assert_string_equal(err.message, "\"map\" is 65536; 0 to 65535 are allowed");
}

/* -------- moves -------- */

static void test_moves(void **unused)
{
    (void)unused;
    static const struct {
        int y, x, direction;
        uint8_t action;
        int to_y, to_x, to_direction;
    } moves[] = {
        {1, 1, NORTH, FORWARD, 1, 1, NORTH},     {1, 1, EAST, FORWARD, 1, 2, EAST},
        {1, 1, NORTH, TURN_LEFT, 1, 1, WEST},    {1, 1, WEST, TURN_LEFT, 1, 1, SOUTH},
        {1, 1, NORTH, TURN_RIGHT, 1, 1, EAST},   {1, 1, WEST, TURN_RIGHT, 1, 1, NORTH},
        {1, 1, NORTH, BACK, 2, 1, NORTH},        {1, 1, SOUTH, BACK, 1, 1, SOUTH},
        {1, 2, NORTH, STRAFE_LEFT, 1, 1, NORTH}, {1, 2, NORTH, STRAFE_RIGHT, 1, 3, NORTH},
        {1, 1, EAST, STRAFE_RIGHT, 2, 1, EAST},  {2, 1, SOUTH, STRAFE_LEFT, 2, 1, SOUTH},
        {2, 1, EAST, STRAFE_LEFT, 1, 1, EAST},
    };
    struct pbti_env *const env = env_make("maze", 1, NULL);
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
        const struct pbti_maze *const s = place(env, moves[i].y, moves[i].x, moves[i].direction);
        assert_true(env_play(env, moves[i].action, PBTI_ENV_GOES_ON) == 0.0f);
        assert_pose(s, moves[i].to_y, moves[i].to_x, moves[i].to_direction);
    }
    pbti_env_destroy(env);
}

static void test_minimal_actions_of_a_maze(void **unused)
{
    (void)unused;
    struct pbti_env_options options = pbti_env_options_default();
    struct pbti_env *env = env_make("maze", 1, &options);
    assert_int_equal(pbti_env_actions(env), 6);
    pbti_env_destroy(env);
    options.minimal = true;
    env = env_make("maze", 1, &options);
    assert_int_equal(pbti_env_actions(env), 3);
    pbti_env_destroy(env);
}

/* Action, reward, and the pose afterwards: to an apple, and once more on its empty place. */
static void test_a_way_to_an_apple(void **unused)
{
    (void)unused;
    static const struct {
        uint8_t action;
        float reward;
        int y, x, direction;
    } way[] = {
        {2, 0, 1, 1, EAST},  {2, 0, 1, 1, SOUTH}, {0, 0, 2, 1, SOUTH}, {0, 0, 3, 1, SOUTH},
        {0, 0, 4, 1, SOUTH}, {0, 0, 5, 1, SOUTH}, {1, 0, 5, 1, EAST},  {0, 0, 5, 2, EAST},
        {0, 0, 5, 3, EAST},  {2, 0, 5, 3, SOUTH}, {0, 0, 6, 3, SOUTH}, {0, 0, 7, 3, SOUTH},
        {0, 0, 8, 3, SOUTH}, {0, 0, 9, 3, SOUTH}, {2, 0, 9, 3, WEST},  {0, 0, 9, 2, WEST},
        {0, 1, 9, 1, WEST},  {0, 0, 9, 1, WEST},
    };
    static const char *const view[] = {"???????", "???????", "???????", "???????",
                                       "???????", "??###??", "??#...#"};
    struct pbti_env *const env = env_make("maze", 1, NULL);
    const struct pbti_maze *const s = place(env, 1, 1, NORTH);
    assert_view(env, view);
    for (size_t i = 0; i < sizeof way / sizeof way[0]; i++) {
        assert_true(env_play(env, way[i].action, PBTI_ENV_GOES_ON) == way[i].reward);
        assert_pose(s, way[i].y, way[i].x, way[i].direction);
    }
    assert_view(env, view);
    pbti_env_destroy(env);
}

/* What is in a room counts after a move, also one against a wall, and not after a turn. */
static void test_visits(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("maze", 1, NULL);
    (void)place(env, 9, 1, WEST);
    assert_true(env_play(env, TURN_RIGHT, PBTI_ENV_GOES_ON) == 0.0f);
    assert_true(env_play(env, TURN_LEFT, PBTI_ENV_GOES_ON) == 0.0f);
    assert_true(env_play(env, FORWARD, PBTI_ENV_GOES_ON) == 1.0f);
    pbti_env_destroy(env);
}

static void test_goal(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("maze", 1, NULL);
    uint32_t rooms[25] = {0};
    for (int round = 0; round < 290; round++) {
        const struct pbti_maze *const s = place(env, 8, 9, SOUTH);
        assert_true(env_play(env, FORWARD, PBTI_ENV_GOES_ON) == 10.0f);
        assert_int_equal(s->goal[0], 24); /* goal and apples stay */
        assert_int_equal(bits(s->apples[0]), 2);
        assert_true(s->y[0] % 2 == 1 && s->x[0] % 2 == 1);
        rooms[s->y[0] / 2 * 5 + s->x[0] / 2]++;
    }
    for (int k = 0; k < 24; k++) { /* in any room but the goal's; 12 on the average */
        assert_in_range(rooms[k], 2, 30);
    }
    assert_int_equal(rooms[24], 0);
    pbti_env_destroy(env);
}

static void test_length(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("maze", 1, NULL);
    for (int frame = 1; frame <= 600; frame++) {
        (void)env_play(env, TURN_LEFT, frame % 300 == 0 ? PBTI_ENV_TRUNCATED : PBTI_ENV_GOES_ON);
    }
    pbti_env_destroy(env);
}

/* -------- the view -------- */

/* Looking along a corridor with the goal at its end. */
static void test_view_of_a_corridor(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("maze", 1, NULL);
    (void)place(env, 5, 9, SOUTH);
    uint16_t cells[49];
    pbti_env_observe_cells(env, cells);
    assert_int_equal(cells[2 * 7 + 3], 1 << PBTI_MAZE_GOAL | 1 << PBTI_MAZE_FLOOR);
    assert_int_equal(cells[6 * 7 + 3], 1 << PBTI_MAZE_FLOOR);
    assert_int_equal(cells[1 * 7 + 3], 1 << PBTI_MAZE_WALL);
    assert_int_equal(cells[0 * 7 + 3], 0); /* behind it */
    pbti_env_destroy(env);
}

/* The mask of a cell is the formula of the rules, and what lies outside of the map is wall. */
static bool is_seen(const struct pbti_maze *s, int direction, int f, int q)
{
    static const int dy[] = {-1, 0, 1, 0}, dx[] = {0, 1, 0, -1};
    int const n = f > abs(q) ? f : abs(q), side = (q > 0) - (q < 0);
    for (int t = 1; t < n; t++) {
        int const ft = (2 * f * t + n) / (2 * n), qt = side * ((2 * abs(q) * t + n) / (2 * n));
        int const y = s->y[0] + ft * dy[direction] + qt * dx[direction];
        int const x = s->x[0] + ft * dx[direction] - qt * dy[direction];
        if (y < 0 || y > 10 || x < 0 || x > 10 || drawn[y][x] == '#') { return false; }
    }
    return true;
}

static void check_pose(struct pbti_env *env, const struct pbti_maze *s, int direction)
{
    static const int dy[] = {-1, 0, 1, 0}, dx[] = {0, 1, 0, -1};
    uint16_t cells[49];
    pbti_env_observe_cells(env, cells);
    for (int k = 0; k < 49; k++) {
        int const f = 6 - k / 7, q = k % 7 - 3;
        int const y = s->y[0] + f * dy[direction] + q * dx[direction];
        int const x = s->x[0] + f * dx[direction] - q * dy[direction];
        char const c = y < 0 || y > 10 || x < 0 || x > 10 ? '#' : drawn[y][x];
        int const what = c == '#'   ? 1 << PBTI_MAZE_WALL
                         : c == 'a' ? 1 << PBTI_MAZE_FLOOR | 1 << PBTI_MAZE_APPLE
                         : c == 'G' ? 1 << PBTI_MAZE_FLOOR | 1 << PBTI_MAZE_GOAL
                                    : 1 << PBTI_MAZE_FLOOR;
        assert_int_equal(cells[k], is_seen(s, direction, f, q) ? what : 0);
    }
}

static void test_view_from_everywhere(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("maze", 1, NULL);
    for (int pose = 0; pose < 11 * 11 * 4; pose++) {
        int const y = pose / 4 / 11, x = pose / 4 % 11, direction = pose % 4;
        if (drawn[y][x] == '#') { continue; }
        check_pose(env, place(env, y, x, direction), direction);
    }
    pbti_env_destroy(env);
}

/* -------- damaged states -------- */

static void test_flaws(void **unused)
{
    (void)unused;
    static const char *const flaws[] = {"a maze of even size",
                                        "walls beyond its maze",
                                        "a maze that is open at a border",
                                        "a maze that is open at a border",
                                        "a goal in a room that its maze lacks",
                                        "apples in rooms that its maze lacks",
                                        "an agent beyond its maze",
                                        "an agent in a wall"};
    for (int i = 0; i < 8; i++) {
        struct pbti_env *const env = env_make("maze", 1, NULL);
        const struct pbti_maze *const s = place(env, 1, 1, NORTH);
        struct pbt_error err = {0};
        switch (i) {
        case 0: s->size[0] = 12; break;
        case 1: s->walls[3] |= 1u << 11; break;
        case 2: s->walls[0] = 0; break;
        case 3: s->walls[3] &= ~1u; break;
        case 4: s->goal[0] = 25; break;
        case 5: s->apples[0] = UINT64_C(1) << 25; break;
        case 6: s->y[0] = 13; break;
        default: s->x[0] = 4; break;
        }
        uint8_t *const bytes = env_saved(env);
        assert_int_equal(pbti_env_load(env, bytes, pbti_env_save_size(env), &err), PBT_ECORRUPT);
        if (strstr(err.message, flaws[i]) == NULL) { fail_msg("%s: %s", flaws[i], err.message); }
        free(bytes);
        pbti_env_destroy(env);
    }
}

/* A state of another size or map is another game's. */
static void test_other_size(void **unused)
{
    (void)unused;
    struct pbti_env_options options = pbti_env_options_default();
    options.size = 9;
    struct pbti_env *const small = env_make("maze", 1, &options);
    options.size = 11;
    struct pbti_env *const usual = env_make("maze", 1, &options);
    uint8_t *const bytes = env_saved(small);
    assert_int_equal(pbti_env_load(usual, bytes, pbti_env_save_size(small), NULL), PBT_EINVAL);
    free(bytes);
    pbti_env_destroy(small);
    pbti_env_destroy(usual);
}

static void test_scores(void **unused)
{
    (void)unused;
    enum { COPIES = 500 };
    struct pbti_env_options options = {.minimal = true};
    struct maze_known *const memory = calloc(COPIES, sizeof memory[0]);
    assert_non_null(memory);
    assert_score("maze, random, three actions",
                 env_score("maze", &options, 20000, 1, env_player_random, NULL), 4.60, 0.04);
    options.minimal = false;
    assert_score("maze, random, six actions",
                 env_score("maze", &options, 20000, 1, env_player_random, NULL), 6.24, 0.05);
    assert_score("maze, explorer", env_score("maze", NULL, COPIES, 1, maze_player_explores, memory),
                 217.7, 1.2);
    assert_score("maze, forgets its map",
                 env_score("maze", NULL, COPIES, 1, maze_player_forgets, memory), 114.2, 0.9);
    assert_score("maze, knows the goal",
                 env_score("maze", NULL, COPIES, 1, maze_player_knows, memory), 230.4, 0.8);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_of),
        cmocka_unit_test(test_a_map_of_a_number),
        cmocka_unit_test(test_options_are_refused),
        cmocka_unit_test(test_moves),
        cmocka_unit_test(test_minimal_actions_of_a_maze),
        cmocka_unit_test(test_a_way_to_an_apple),
        cmocka_unit_test(test_visits),
        cmocka_unit_test(test_goal),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_view_of_a_corridor),
        cmocka_unit_test(test_view_from_everywhere),
        cmocka_unit_test(test_flaws),
        cmocka_unit_test(test_other_size),
        cmocka_unit_test(test_scores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
