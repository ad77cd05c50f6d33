/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_env_maze3d.c - rules of Maze3d, each in a scene: distances of walls, headings, steps and the
 * body, apples and the goal, the picture (ceiling, floor, walls, colours, discs and what hides
 * them), its size, damaged states; and what a random player and one that knows the goal score.
 */
#include "maze_player.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FORWARD, TURN_LEFT, TURN_RIGHT, BACK, STRAFE_LEFT, STRAFE_RIGHT, SIDE = 24 };

static const char *const drawn[] = {
    "###########", "#...#....a#", "#.#.#.###.#", "#.#...#...#", "#.#####.#.#", "#...#...#.#",
    "###.#.###.#", "#.#.#.#.#.#", "#.#.#.#.#.#", "#a..#...#G#", "###########",
};

static const struct pbti_maze3d *place(struct pbti_env *env, double y, double x, int heading)
{
    const struct pbti_maze3d *const s = env_state(env);
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
    s->y[0] = y;
    s->x[0] = x;
    s->heading[0] = (uint8_t)heading;
    return s;
}

static void assert_near(double value, double expected)
{
    if (fabs(value - expected) > 1e-9 * fabs(expected) + 1e-12) {
        fail_msg("%.17g is not %.17g", value, expected);
    }
}

/* -------- rays -------- */

/* Reference distances, computed apart. */
static const struct {
    double y, x;
    int heading;
    double distances[SIDE];
    const char *faces; /* the axis along which each is crossed */
} poses[] = {
    {1.5,
     1.5,
     8,
     {0.6956521739, 0.7619047619, 0.8421052632, 0.9411764706, 1.066666667,  1.230769231,
      1.454545455,  1.777777778,  2.285714286,  3.2,          4.5,          4.5,
      4.5,          4.5,          3.2,          2.285714286,  1.777777778,  1.454545455,
      1.230769231,  1.066666667,  0.9411764706, 0.8421052632, 0.7619047619, 0.6956521739},
     "xxxxxxxxxxyyyyxxxxxxxxxx"},
    {3.3,
     9.4,
     13,
     {2.001779499,  2.042526187,  2.084966158,  2.129207202,  2.175366457,  2.223571442,
      2.273961236,  2.326687817,  1.661269528,  1.25877336,   1.013274825,  0.8479074565,
      0.7289432571, 0.6392538445, 0.5692171797, 0.5130116161, 0.4900460516, 0.5048388153,
      0.52055246,   0.5372757383, 0.5551091868, 0.5741671481, 0.5945802258, 0.6164982811},
     "xxxxxxxxyyyyyyyyxxxxxxxx"},
};

static void test_rays(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("maze3d", 1, NULL);
    for (size_t i = 0; i < 2; i++) {
        const struct pbti_maze3d *const s = place(env, poses[i].y, poses[i].x, poses[i].heading);
        double const angle = poses[i].heading * PBTI_ENV_PI / 8.0;
        for (int c = 0; c < SIDE; c++) {
            double const k = 0.75 * (2.0 * (c + 0.5) / SIDE - 1.0);
            double const dy = -cos(angle) + k * sin(angle), dx = sin(angle) + k * cos(angle);
            struct pbti_maze_ray const ray =
                pbti_maze_cast(PBTI_MAZE_MAP(s, 0), poses[i].y, poses[i].x, dy, dx);
            if (fabs(ray.distance - poses[i].distances[c]) > 2e-9) {
                fail_msg("pose %zu, column %d: %.10g", i, c, ray.distance);
            }
            assert_int_equal(ray.along_y, poses[i].faces[c] == 'y');
            assert_int_equal(drawn[ray.y][ray.x], '#');
            assert_true(ray.along >= 0.0 && ray.along < 1.0);
        }
    }
    pbti_env_destroy(env);
}

/* -------- moves -------- */

static void test_turns(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("maze3d", 1, NULL);
    const struct pbti_maze3d *const s = place(env, 1.5, 1.5, 0);
    (void)env_play(env, TURN_LEFT, PBTI_ENV_GOES_ON);
    assert_int_equal(s->heading[0], 15);
    for (int k = 0; k < 2; k++) {
        (void)env_play(env, TURN_RIGHT, PBTI_ENV_GOES_ON);
    }
    assert_int_equal(s->heading[0], 1);
    assert_true(s->y[0] == 1.5 && s->x[0] == 1.5);
    pbti_env_destroy(env);
}

/* A quarter of a cell along each of the 16 headings and three other ways from there. */
static void test_steps(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("maze3d", 1, NULL);
    for (int heading = 0; heading < 16; heading++) {
        for (uint8_t a = FORWARD; a <= STRAFE_RIGHT; a++) {
            if (a == TURN_LEFT || a == TURN_RIGHT) { continue; }
            const struct pbti_maze3d *const s = place(env, 1.5, 1.5, heading);
            static const int quarters[] = {0, 0, 0, 2, 3, 1};
            double const angle = (heading + 4 * quarters[a]) * PBTI_ENV_PI / 8.0;
            (void)env_play(env, a, PBTI_ENV_GOES_ON);
            assert_near(s->y[0], 1.5 - 0.25 * cos(angle));
            assert_near(s->x[0], 1.5 + 0.25 * sin(angle));
        }
    }
    pbti_env_destroy(env);
}

/* Along each axis apart: what a wall stops is undone, the rest is not. */
static void test_body(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("maze3d", 1, NULL);
    const struct pbti_maze3d *s = place(env, 1.3, 1.5, 0); /* 0.1 of room to the north */
    (void)env_play(env, FORWARD, PBTI_ENV_GOES_ON);
    assert_true(s->y[0] == 1.3 && s->x[0] == 1.5);
    s = place(env, 1.3, 1.5, 2); /* north east: it slides along the wall */
    (void)env_play(env, FORWARD, PBTI_ENV_GOES_ON);
    assert_true(s->y[0] == 1.3);
    assert_near(s->x[0], 1.5 + 0.25 * sin(PBTI_ENV_PI / 4.0));
    s = place(env, 2.75, 1.5, 4); /* a pillar's corner stops it to the east */
    (void)env_play(env, FORWARD, PBTI_ENV_GOES_ON);
    assert_true(s->y[0] == 2.75 && s->x[0] == 1.75);
    (void)env_play(env, FORWARD, PBTI_ENV_GOES_ON);
    assert_true(s->x[0] == 1.75);
    pbti_env_destroy(env);
}

static void test_visits(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("maze3d", 1, NULL);
    const struct pbti_maze3d *s = place(env, 9.5, 1.1 + 0.2, 0);
    assert_true(env_play(env, TURN_LEFT, PBTI_ENV_GOES_ON) == 1.0f); /* turns count, too */
    assert_true(env_play(env, TURN_LEFT, PBTI_ENV_GOES_ON) == 0.0f);
    assert_int_equal(s->apples[0], 16);
    s = place(env, 8.8, 9.5, 8);
    assert_true(env_play(env, FORWARD, PBTI_ENV_GOES_ON) == 10.0f);
    assert_int_equal(s->goal[0], 24);
    assert_true(s->heading[0] % 4 == 0);
    assert_true(fmod(s->y[0], 2.0) == 1.5 && fmod(s->x[0], 2.0) == 1.5);
    assert_false(s->y[0] == 9.5 && s->x[0] == 9.5);
    pbti_env_destroy(env);
}

static void test_length(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("maze3d", 1, NULL);
    for (int frame = 1; frame <= 1800; frame++) {
        (void)env_play(env, TURN_LEFT, frame % 900 == 0 ? PBTI_ENV_TRUNCATED : PBTI_ENV_GOES_ON);
    }
    pbti_env_destroy(env);
}

/* -------- the picture -------- */

static void assert_pixel(const uint8_t *pixels, int y, int x, int r, int g, int b)
{
    const uint8_t *const p = pixels + (y * SIDE + x) * 3;
    if (p[0] != r || p[1] != g || p[2] != b) {
        fail_msg("pixel (%d, %d) is %d %d %d, not %d %d %d", y, x, p[0], p[1], p[2], r, g, b);
    }
}

/* The south of (1.5, 1.5): column 11 meets the wall (6, 1) at 4.5, across y; five rows of it. */
static void test_walls(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("maze3d", 1, NULL);
    uint8_t pixels[SIDE * SIDE * 3];
    (void)place(env, 1.5, 1.5, 8);
    pbti_env_observe_bytes(env, pixels);
    uint64_t const hash = (uint64_t)(31 * 6 + 17 * 1 + 7) * UINT64_C(0x9E3779B97F4A7C15) >> 58;
    double const light = 0.75 / (1.0 + 4.5 / 4.0);
    int dark[3], light_[3];
    for (int c = 0; c < 3; c++) {
        double const level = (60.0 + 60.0 * (double)(hash >> (2 * c) & 3u)) * light;
        light_[c] = (int)level;
        dark[c] = (int)(0.8 * level);
    }
    for (int y = 0; y < SIDE; y++) {
        bool const wall = y >= 9 && y < 14; /* floor(24 / 4.5) = 5 rows, from 9.5 on */
        if (!wall && y < SIDE / 2) { assert_pixel(pixels, y, 11, 40, 40, 80); }
        if (!wall && y >= SIDE / 2) { assert_pixel(pixels, y, 11, 90, 90, 90); }
        if (!wall) { continue; }
        double const v = (y + 0.5 - 9.5) / 5.0, u = 1.5 + 4.5 * 0.75 / 24.0; /* k is -1/32 */
        bool const pattern = ((int)(8.0 * v) + (int)(4.0 * (u - 1.0))) % 2 == 0;
        const int *const p = pattern ? dark : light_;
        assert_pixel(pixels, y, 11, p[0], p[1], p[2]);
    }
    pbti_env_destroy(env);
}

static uint32_t count_of(const uint8_t *pixels, uint32_t all, int r, int g, int b)
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < all; k++) {
        count += pixels[3 * k] == r && pixels[3 * k + 1] == g && pixels[3 * k + 2] == b;
    }
    return count;
}

/* The goal at the end of a corridor: a disc, larger the nearer; not through walls, not behind. */
static void test_goal_is_seen(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("maze3d", 1, NULL);
    uint8_t pixels[SIDE * SIDE * 3];
    uint32_t seen[3];
    static const double rows[] = {5.5, 7.5, 8.5};
    for (int k = 0; k < 3; k++) {
        (void)place(env, rows[k], 9.5, 8);
        pbti_env_observe_bytes(env, pixels);
        seen[k] = count_of(pixels, SIDE * SIDE, 250, 220, 20);
    }
    assert_true(seen[0] > 4 && seen[1] > 2 * seen[0] && seen[2] > 2 * seen[1]);
    double const radius = 0.35 * SIDE / 1.0; /* rows and columns of it at distance 1 */
    double const wide = 0.35 / 0.75 * SIDE / 2.0;
    assert_true(fabs(seen[2] - PBTI_ENV_PI * radius * wide) < 0.1 * PBTI_ENV_PI * radius * wide);
    assert_pixel(pixels, 12, 12, 250, 220, 20);
    (void)place(env, 5.5, 9.5, 0); /* behind */
    pbti_env_observe_bytes(env, pixels);
    assert_int_equal(count_of(pixels, SIDE * SIDE, 250, 220, 20), 0);
    (void)place(env, 9.5, 7.5, 4); /* a wall between */
    pbti_env_observe_bytes(env, pixels);
    assert_int_equal(count_of(pixels, SIDE * SIDE, 250, 220, 20), 0);
    pbti_env_destroy(env);
}

/* An apple hangs below eye level, and the nearer thing hides the farther one. */
static void test_apple_is_seen(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("maze3d", 1, NULL);
    uint8_t pixels[SIDE * SIDE * 3];
    const struct pbti_maze3d *const s = place(env, 9.5, 3.5, 12);
    pbti_env_observe_bytes(env, pixels);
    assert_pixel(pixels, 15, 12, 230, 20, 30);
    assert_true(count_of(pixels, SIDE * SIDE / 2, 230, 20, 30) == 0);
    s->apples[0] = 0;
    pbti_env_observe_bytes(env, pixels);
    assert_int_equal(count_of(pixels, SIDE * SIDE, 230, 20, 30), 0);
    (void)place(env, 5.5, 9.5, 8);
    pbti_env_observe_bytes(env, pixels);
    uint32_t const alone = count_of(pixels, SIDE * SIDE, 250, 220, 20);
    s->apples[0] = UINT64_C(1) << 19; /* in the room before the goal's */
    pbti_env_observe_bytes(env, pixels);
    assert_true(count_of(pixels, SIDE * SIDE, 250, 220, 20) < alone);
    pbti_env_destroy(env);
}

/* The option: a larger picture of the same; and floats are the bytes over 255. */
static void test_sizes_of_the_picture(void **unused)
{
    (void)unused;
    enum { LARGE = 84 };
    struct pbti_env_options options = {.pixels = LARGE};
    struct pbti_env *const env = env_make("maze3d", 2, &options);
    struct pbti_env_view const view = pbti_env_view(pbti_env_kind(env), &options);
    assert_int_equal(view.size, LARGE * LARGE * 3);
    assert_int_equal(pbti_env_view(pbti_env_kind(env), NULL).rows, SIDE);
    uint8_t *const pixels = malloc(2 * view.size);
    float *const x = malloc(2 * view.size * sizeof x[0]);
    assert_true(pixels != NULL && x != NULL);
    (void)place(env, 8.5, 9.5, 8);
    pbti_env_observe_bytes(env, pixels);
    pbti_env_observe(env, x);
    for (size_t k = 0; k < 2 * view.size; k++) {
        assert_true(x[k] == (float)pixels[k] / 255.0f);
    }
    double const disc = PBTI_ENV_PI * 0.35 * LARGE * 0.35 / 0.75 * LARGE / 2.0;
    assert_true(fabs(count_of(pixels, LARGE * LARGE, 250, 220, 20) - disc) < 0.04 * disc);
    free(pixels);
    free(x);
    pbti_env_destroy(env);
}

static void test_sizes_are_refused(void **unused)
{
    (void)unused;
    static const uint32_t wrong[] = {12, 26, 88};
    struct pbti_env *env = NULL;
    struct pbt_error err = {0};
    for (size_t i = 0; i < 3; i++) {
        struct pbti_env_options const options = {.pixels = wrong[i]};
        assert_int_equal(pbti_env_create(pbti_env_find("maze3d"), 1, &options, &env, &err),
                         PBT_EINVAL);
        assert_non_null(strstr(err.message, "; allowed are multiples of 4, 16 to 84"));
    }
}

static void test_flaws(void **unused)
{
    (void)unused;
    static const struct {
        double y, x;
        const char *flaw;
    } cases[] = {{1.5, 4.5, "an agent in a wall"},
                 {1.15, 1.5, "an agent in a wall"},
                 {10.5, 1.5, "an agent beyond its maze"},
                 {NAN, 1.5, "\"y\" of copy 0"}};
    struct pbti_env *const env = env_make("maze3d", 1, NULL);
    for (size_t i = 0; i < 4; i++) {
        struct pbt_error err = {0};
        (void)place(env, cases[i].y, cases[i].x, 0);
        uint8_t *const bytes = env_saved(env);
        assert_int_equal(pbti_env_load(env, bytes, pbti_env_save_size(env), &err), PBT_ECORRUPT);
        if (strstr(err.message, cases[i].flaw) == NULL) { fail_msg("%s", err.message); }
        free(bytes);
    }
    pbti_env_destroy(env);
}

/* -------- a player that knows map and goal -------- */

/* Each step of its way is a whole cell or a quarter turn: four frames. */
struct walker {
    struct maze_known known;
    uint8_t action, left;
};

static void knows(struct env_turn *turn)
{
    const struct pbti_maze3d *const s = env_state(turn->env);
    struct walker *const memory = turn->memory;
    for (uint32_t i = 0; i < pbti_env_count(turn->env); i++) {
        struct walker *const w = &memory[i];
        if (turn->ends[i] != PBTI_ENV_GOES_ON) {
            maze_player_learn(&w->known, PBTI_MAZE_MAP(s, i));
        }
        if (turn->ends[i] != PBTI_ENV_GOES_ON || turn->rewards[i] >= 10.0f) { w->left = 0; }
        if (w->left == 0) {
            w->action = maze_player_next(&w->known, s->size[i], (int)s->y[i], (int)s->x[i],
                                         s->heading[i] / 4);
            w->left = 4;
        }
        w->left--;
        turn->actions[i] = w->action;
    }
}

static void test_scores(void **unused)
{
    (void)unused;
    enum { COPIES = 500 };
    struct pbti_env_options options = {.minimal = true};
    struct walker *const memory = calloc(COPIES, sizeof memory[0]);
    assert_non_null(memory);
    assert_score("maze3d, random, three actions",
                 env_score("maze3d", &options, 2000, 1, env_player_random, NULL), 4.60, 0.24);
    options.minimal = false;
    assert_score("maze3d, random, six actions",
                 env_score("maze3d", &options, 2000, 1, env_player_random, NULL), 2.34, 0.17);
    assert_score("maze3d, knows the goal", env_score("maze3d", NULL, COPIES, 1, knows, memory),
                 176.3, 1.1);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rays),
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_body),
        cmocka_unit_test(test_visits),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_walls),
        cmocka_unit_test(test_goal_is_seen),
        cmocka_unit_test(test_apple_is_seen),
        cmocka_unit_test(test_sizes_of_the_picture),
        cmocka_unit_test(test_sizes_are_refused),
        cmocka_unit_test(test_flaws),
        cmocka_unit_test(test_scores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
