/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_env_seaquest.c - rules of Seaquest, each in a scene: the submarine and its bullets, what
 * appears, divers, enemies that move, shoot, touch and are shot, oxygen and surfacing, ramping, the
 * order in which all this happens, the picture.
 */
#include "env_fixture.h"

#include <math.h>

enum { ENEMIES = PBTI_SEAQUEST_ENEMIES_MAX, DIVERS = PBTI_SEAQUEST_DIVERS_MAX };

/* The submarine at row 4, column 4, facing right, alone; nothing appears in the next frames. */
static const struct pbti_seaquest *quiet(struct pbti_env *env)
{
    const struct pbti_seaquest *const s = env_state(env);
    pbti_env_reset(env);
    s->sub_y[0] = s->sub_x[0] = 4;
    s->sub_right[0] = 1;
    return s;
}

static void add_fish(const struct pbti_seaquest *s, int y, int x, bool right, int timer)
{
    uint8_t const k = s->fish_count[0]++;
    s->fish_y[k] = (int8_t)y;
    s->fish_x[k] = (int8_t)x;
    s->fish_right[k] = right;
    s->fish_timer[k] = (int8_t)timer;
}

static void add_sub(const struct pbti_seaquest *s, int y, int x, bool right, int timer, int shot)
{
    uint8_t const k = s->subs_count[0]++;
    s->subs_y[k] = (int8_t)y;
    s->subs_x[k] = (int8_t)x;
    s->subs_right[k] = right;
    s->subs_timer[k] = (int8_t)timer;
    s->subs_shot[k] = (int8_t)shot;
}

static void add_diver(const struct pbti_seaquest *s, int y, int x, bool right, int timer)
{
    uint8_t const k = s->divers_count[0]++;
    s->divers_y[k] = (int8_t)y;
    s->divers_x[k] = (int8_t)x;
    s->divers_right[k] = right;
    s->divers_timer[k] = (int8_t)timer;
}

static void add_friendly(const struct pbti_seaquest *s, int y, int x, bool right)
{
    uint8_t const k = s->friendly_count[0]++;
    s->friendly_y[k] = (int8_t)y;
    s->friendly_x[k] = (int8_t)x;
    s->friendly_right[k] = right;
}

static void add_shot(const struct pbti_seaquest *s, int y, int x, bool right)
{
    uint8_t const k = s->shots_count[0]++;
    s->shots_y[k] = (int8_t)y;
    s->shots_x[k] = (int8_t)x;
    s->shots_right[k] = right;
}

/* -------- submarine -------- */

static void test_beginning(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("seaquest", 1, NULL);
    const struct pbti_seaquest *const s = env_state(env);
    assert_true(s->sub_y[0] == 0 && s->sub_x[0] == 5 && s->sub_right[0] == 0);
    assert_true(s->oxygen[0] == 200 && s->divers_aboard[0] == 0 && s->shot_timer[0] == 0);
    assert_true(s->spawn_speed[0] == 20 && s->move_speed[0] == 5);
    (void)env_play(env, 0, PBTI_ENV_GOES_ON); /* up already: that is no rise */
    assert_int_equal(s->divers_aboard[0], 0);
    pbti_env_destroy(env);
}

static void test_submarine(void **unused)
{
    (void)unused;
    static const int8_t moves[][6] = {
        /* action, from y, x, to y, x, right */
        {PBTI_ENV_LEFT, 4, 4, 4, 3, 0},  {PBTI_ENV_LEFT, 4, 0, 4, 0, 0},
        {PBTI_ENV_RIGHT, 4, 4, 4, 5, 1}, {PBTI_ENV_RIGHT, 4, 9, 4, 9, 1},
        {PBTI_ENV_UP, 4, 4, 3, 4, 1},    {PBTI_ENV_DOWN, 4, 4, 5, 4, 1},
        {PBTI_ENV_DOWN, 8, 4, 8, 4, 1},  {PBTI_ENV_NOOP, 4, 4, 4, 4, 1},
        {PBTI_ENV_FIRE, 4, 4, 4, 4, 1},
    };
    struct pbti_env *const env = env_make("seaquest", 1, NULL);
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
        const struct pbti_seaquest *const s = quiet(env);
        s->sub_y[0] = moves[i][1];
        s->sub_x[0] = moves[i][2];
        (void)env_play(env, (uint8_t)moves[i][0], PBTI_ENV_GOES_ON);
        assert_int_equal(s->sub_y[0], moves[i][3]);
        assert_int_equal(s->sub_x[0], moves[i][4]);
        assert_int_equal(s->sub_right[0], moves[i][5]);
    }
    pbti_env_destroy(env);
}

static void test_bullets(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("seaquest", 1, NULL);
    const struct pbti_seaquest *const s = quiet(env);
    for (int frame = 1; frame <= 6; frame++) { /* one every fifth frame, a cell a frame */
        (void)env_play(env, PBTI_ENV_FIRE, PBTI_ENV_GOES_ON);
        bool const first = frame <= 5; /* column 9 is the last */
        assert_int_equal(s->friendly_count[0], first + (frame == 6));
        assert_int_equal(s->friendly_x[0], first ? 4 + frame : 5);
        assert_true(s->friendly_y[0] == 4 && s->friendly_right[0] == 1);
    }
    (void)env_play(env, PBTI_ENV_LEFT, PBTI_ENV_GOES_ON); /* keeps its direction */
    assert_int_equal(s->friendly_x[0], 6);
    pbti_env_destroy(env);
}

static void test_bullet_hits(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("seaquest", 1, NULL);
    const struct pbti_seaquest *s = quiet(env); /* where both are, the fish */
    add_sub(s, 2, 5, true, 3, 5);
    add_fish(s, 2, 5, true, 3);
    add_friendly(s, 2, 4, true);
    assert_true(env_play(env, 0, PBTI_ENV_GOES_ON) == 1.0f);
    assert_true(s->fish_count[0] == 0 && s->subs_count[0] == 1 && s->friendly_count[0] == 0);

    s = quiet(env); /* a bullet each */
    add_sub(s, 2, 5, true, 3, 5);
    add_sub(s, 3, 2, true, 3, 5);
    add_fish(s, 7, 5, true, 3);
    add_friendly(s, 2, 6, false);
    add_friendly(s, 3, 1, true);
    add_friendly(s, 7, 3, true);
    assert_true(env_play(env, 0, PBTI_ENV_GOES_ON) == 2.0f);
    assert_true(s->subs_count[0] == 0 && s->fish_count[0] == 1 && s->friendly_count[0] == 1);
    assert_true(s->friendly_y[0] == 7 && s->friendly_x[0] == 4);

    s = quiet(env); /* fired from the cell before it: hit in the same frame */
    add_fish(s, 4, 5, true, 3);
    assert_true(env_play(env, PBTI_ENV_FIRE, PBTI_ENV_GOES_ON) == 1.0f);
    pbti_env_destroy(env);
}

/* -------- divers -------- */

static void test_divers(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("seaquest", 1, NULL);
    const struct pbti_seaquest *s = quiet(env);
    add_diver(s, 4, 5, true, 3);  /* the submarine comes to him */
    add_diver(s, 4, 6, false, 0); /* he comes to it */
    add_diver(s, 7, 9, true, 0);  /* leaves */
    add_diver(s, 8, 2, true, 1);
    assert_true(env_play(env, PBTI_ENV_RIGHT, PBTI_ENV_GOES_ON) == 0.0f);
    assert_int_equal(s->divers_aboard[0], 2);
    assert_int_equal(s->divers_count[0], 1);
    assert_true(s->divers_x[0] == 2 && s->divers_timer[0] == 0);
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_true(s->divers_x[0] == 3 && s->divers_timer[0] == 5);

    s = quiet(env); /* six are the most: of two the newest boards */
    s->divers_aboard[0] = 5;
    add_diver(s, 4, 4, true, 3);
    add_diver(s, 4, 4, true, 4);
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_int_equal(s->divers_aboard[0], 6);
    assert_true(s->divers_count[0] == 1 && s->divers_timer[0] == 2);
    pbti_env_destroy(env);
}

/* -------- enemies -------- */

static void test_fish(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("seaquest", 1, NULL);
    const struct pbti_seaquest *s = quiet(env);
    add_fish(s, 1, 9, true, 0); /* leaves */
    add_fish(s, 2, 3, false, 0);
    add_fish(s, 3, 3, true, 2);
    s->move_speed[0] = 3;
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_int_equal(s->fish_count[0], 2);
    assert_true(s->fish_x[0] == 2 && s->fish_timer[0] == 3); /* it rests as long as now usual */
    assert_true(s->fish_x[1] == 3 && s->fish_timer[1] == 1);
    assert_int_equal(s->shots_count[0], 0);

    s = quiet(env); /* the submarine drives into it, also when it is about to leave the cell */
    add_fish(s, 4, 5, true, 0);
    (void)env_play(env, PBTI_ENV_RIGHT, PBTI_ENV_TERMINAL);
    s = quiet(env); /* it comes */
    add_fish(s, 4, 5, false, 0);
    (void)env_play(env, 0, PBTI_ENV_TERMINAL);
    s = quiet(env); /* it waits */
    add_fish(s, 4, 5, false, 1);
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    s = quiet(env); /* it comes upon a bullet that has already moved */
    add_fish(s, 2, 7, false, 0);
    add_friendly(s, 2, 5, true);
    assert_true(env_play(env, 0, PBTI_ENV_GOES_ON) == 1.0f);
    assert_true(s->fish_count[0] == 0 && s->friendly_count[0] == 0);
    pbti_env_destroy(env);
}

static void test_enemy_submarines(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("seaquest", 1, NULL);
    const struct pbti_seaquest *s = quiet(env);
    add_sub(s, 2, 3, true, 2, 4);
    add_sub(s, 3, 3, true, 0, 0); /* moves, shoots from there; the bullet moves at once */
    add_sub(s, 6, 9, true, 0, 0); /* leaves; its last shot is off the board */
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_int_equal(s->subs_count[0], 2);
    assert_true(s->subs_x[0] == 3 && s->subs_timer[0] == 1 && s->subs_shot[0] == 3);
    assert_true(s->subs_x[1] == 4 && s->subs_timer[1] == 5 && s->subs_shot[1] == 10);
    assert_int_equal(s->shots_count[0], 1);
    assert_true(s->shots_y[0] == 3 && s->shots_x[0] == 5 && s->shots_right[0] == 1);

    s = quiet(env); /* shot down where it moves to, it shoots once more */
    add_sub(s, 2, 7, false, 0, 0);
    add_friendly(s, 2, 5, true);
    assert_true(env_play(env, 0, PBTI_ENV_GOES_ON) == 1.0f);
    assert_true(s->subs_count[0] == 0 && s->friendly_count[0] == 0);
    assert_true(s->shots_count[0] == 1 && s->shots_x[0] == 5 && s->shots_right[0] == 0);

    s = quiet(env);
    add_sub(s, 4, 5, true, 3, 5);
    (void)env_play(env, PBTI_ENV_RIGHT, PBTI_ENV_TERMINAL);
    s = quiet(env);
    add_sub(s, 4, 3, true, 0, 5);
    (void)env_play(env, 0, PBTI_ENV_TERMINAL);
    pbti_env_destroy(env);
}

static void test_enemy_bullets(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("seaquest", 1, NULL);
    const struct pbti_seaquest *s = quiet(env);
    add_shot(s, 2, 3, true);
    add_shot(s, 3, 0, false); /* leaves */
    add_shot(s, 5, 4, false);
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_int_equal(s->shots_count[0], 2);
    assert_true(s->shots_x[0] == 4 && s->shots_x[1] == 3);
    s = quiet(env); /* after it moved */
    add_shot(s, 4, 3, true);
    (void)env_play(env, 0, PBTI_ENV_TERMINAL);
    s = quiet(env); /* and before */
    add_shot(s, 4, 5, true);
    (void)env_play(env, PBTI_ENV_RIGHT, PBTI_ENV_TERMINAL);
    pbti_env_destroy(env);
}

/* -------- what appears -------- */

static void test_spawn_rhythm(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("seaquest", 1, NULL); /* safe at the surface */
    const struct pbti_seaquest *const s = env_state(env);
    for (int frame = 1; frame <= 31; frame++) {
        (void)env_play(env, 0, PBTI_ENV_GOES_ON);
        assert_int_equal(s->fish_count[0] + s->subs_count[0], frame >= 21);
        assert_int_equal(s->divers_count[0], frame >= 31);
    }
    assert_true(s->spawn_timer[0] == 9 && s->diver_spawn_timer[0] == 29);
    pbti_env_destroy(env);
}

static void test_spawn_shares(void **unused)
{
    (void)unused;
    enum { COPIES = 16000 };
    struct pbti_env *const env = env_make("seaquest", COPIES, NULL);
    const struct pbti_seaquest *const s = env_state(env);
    double subs = 0.0, right = 0.0, divers_right = 0.0, rows[9] = {0}, divers_rows[9] = {0};
    for (int i = 0; i < COPIES; i++) {
        s->spawn_timer[i] = s->diver_spawn_timer[i] = 0;
    }
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    for (int i = 0; i < COPIES; i++) {
        bool const sub = s->subs_count[i] == 1;
        assert_true(s->subs_count[i] + s->fish_count[i] == 1 && s->divers_count[i] == 1);
        int const k = i * ENEMIES, x = sub ? s->subs_x[k] : s->fish_x[k];
        bool const goes_right = sub ? s->subs_right[k] : s->fish_right[k];
        assert_int_equal(sub ? s->subs_timer[k] : s->fish_timer[k], 4); /* 5, one frame ago */
        assert_int_equal(sub ? s->subs_shot[k] : 9, 9);
        assert_int_equal(x, goes_right ? 0 : 9);
        subs += sub;
        right += goes_right;
        rows[sub ? s->subs_y[k] : s->fish_y[k]]++;
        int const d = i * DIVERS;
        assert_true(s->divers_x[d] == (s->divers_right[d] ? 0 : 9) && s->divers_timer[d] == 4);
        divers_right += s->divers_right[d];
        divers_rows[s->divers_y[d]]++;
    }
    double const error = 4.0 * 0.5 / sqrt(COPIES);
    assert_true(fabs(subs / COPIES - 1.0 / 3.0) < error);
    assert_true(fabs(right / COPIES - 0.5) < error);
    assert_true(fabs(divers_right / COPIES - 0.5) < error);
    assert_true(rows[0] == 0.0 && divers_rows[0] == 0.0);
    for (int y = 1; y <= 8; y++) {
        assert_true(fabs(rows[y] / COPIES - 0.125) < error);
        assert_true(fabs(divers_rows[y] / COPIES - 0.125) < error);
    }
    pbti_env_destroy(env);
}

/* In every row something goes to the right: nothing appears that goes to the left. */
static void test_spawn_never_against(void **unused)
{
    (void)unused;
    enum { TRIES = 60 };
    struct pbti_env *const env = env_make("seaquest", 1, NULL);
    int spawned = 0;
    for (uint64_t seed = 0; seed < TRIES; seed++) {
        const struct pbti_seaquest *const s = quiet(env);
        s->sub_y[0] = 0;
        pbti_env_seed(env, seed);
        for (int y = 1; y <= 4; y++) {
            add_fish(s, y, 5, true, 3);
            add_sub(s, y + 4, 5, true, 3, 5);
        }
        s->spawn_timer[0] = 0;
        (void)env_play(env, 0, PBTI_ENV_GOES_ON);
        int const enemies = s->fish_count[0] + s->subs_count[0];
        for (int k = 0; k < s->fish_count[0]; k++) {
            assert_int_equal(s->fish_right[k], 1);
        }
        for (int k = 0; k < s->subs_count[0]; k++) {
            assert_int_equal(s->subs_right[k], 1);
        }
        spawned += enemies - 8;
        assert_int_equal(s->spawn_timer[0], 19); /* used up in any case */
    }
    assert_true(spawned > TRIES / 4 && spawned < TRIES * 3 / 4);
    pbti_env_destroy(env);
}

/* A full list takes no more, as a state from a file might ask. */
static void test_full_lists(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("seaquest", 2, NULL);
    const struct pbti_seaquest *const s = env_state(env);
    s->divers_count[0] = DIVERS;
    s->diver_spawn_timer[0] = 0;
    for (int k = 0; k < DIVERS; k++) {
        s->divers_timer[k] = 5;
    }
    for (int k = 0; k < ENEMIES; k++) {
        s->fish_timer[k] = s->subs_timer[k] = 5;
        s->fish_right[k] = s->subs_right[k] = 1;
        s->fish_y[k] = s->subs_y[k] = 8;
        s->subs_shot[k] = 0;
    }
    s->fish_count[0] = s->subs_count[0] = ENEMIES;
    s->shots_count[0] = PBTI_SEAQUEST_SHOTS_MAX - 1;
    s->spawn_timer[0] = 0;
    for (int k = 0; k < PBTI_SEAQUEST_SHOTS_MAX; k++) {
        s->shots_y[k] = 8;
        s->shots_right[k] = 1;
    }
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_true(s->divers_count[0] == DIVERS && s->shots_count[0] == PBTI_SEAQUEST_SHOTS_MAX);
    assert_true(s->fish_count[0] == ENEMIES && s->subs_count[0] == ENEMIES);
    assert_true(s->divers_count[1] == 0 && s->fish_count[1] == 0 && s->shots_count[1] == 0);
    pbti_env_destroy(env);
}

/* -------- oxygen and surface -------- */

static void test_oxygen(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("seaquest", 1, NULL);
    const struct pbti_seaquest *s = quiet(env);
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_int_equal(s->oxygen[0], 199);
    s->oxygen[0] = 1;
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_int_equal(s->oxygen[0], 0);
    (void)env_play(env, 0, PBTI_ENV_TERMINAL);
    s = quiet(env); /* at the surface it is not used; too late is too late */
    s->sub_y[0] = 0;
    s->oxygen[0] = 70;
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_int_equal(s->oxygen[0], 70);
    s->sub_y[0] = 1;
    s->oxygen[0] = 0;
    s->divers_aboard[0] = 2;
    (void)env_play(env, PBTI_ENV_UP, PBTI_ENV_TERMINAL);
    pbti_env_destroy(env);
}

/* Rise from row 1; the reward. */
static float rise(struct pbti_env *env, int divers, int oxygen, enum pbti_env_end end)
{
    const struct pbti_seaquest *const s = quiet(env);
    s->sub_y[0] = 1;
    s->divers_aboard[0] = divers;
    s->oxygen[0] = oxygen;
    return env_play(env, PBTI_ENV_UP, end);
}

static void test_rise(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("seaquest", 1, NULL);
    const struct pbti_seaquest *const s = env_state(env);
    (void)rise(env, 0, 100, PBTI_ENV_TERMINAL); /* nobody aboard */

    assert_true(rise(env, 3, 100, PBTI_ENV_GOES_ON) == 0.0f);
    assert_true(s->divers_aboard[0] == 2 && s->oxygen[0] == 200);
    (void)env_play(env, 0, PBTI_ENV_GOES_ON); /* staying up is no other rise */
    assert_int_equal(s->divers_aboard[0], 2);

    assert_true(rise(env, 6, 200, PBTI_ENV_GOES_ON) == 10.0f);
    assert_true(rise(env, 6, 119, PBTI_ENV_GOES_ON) == 5.0f);
    assert_true(s->divers_aboard[0] == -1 && s->oxygen[0] == 200);
    assert_int_equal(env_cells_with(env, PBTI_SEAQUEST_DIVER_GAUGE), 0);
    (void)env_play(env, PBTI_ENV_DOWN, PBTI_ENV_GOES_ON);
    (void)env_play(env, PBTI_ENV_UP, PBTI_ENV_GOES_ON); /* -1 are not none */
    assert_int_equal(s->divers_aboard[0], -2);
    pbti_env_destroy(env);
}

static void test_ramping(void **unused)
{
    (void)unused;
    static const int8_t steps[][2] = {{19, 5}, {18, 4}, {17, 4}, {16, 3},
                                      {15, 3}, {14, 2}, {13, 2}, {12, 2}};
    struct pbti_env *env = env_make("seaquest", 1, NULL);
    const struct pbti_seaquest *s = quiet(env);
    s->divers_aboard[0] = -1;
    s->sub_y[0] = 0;
    for (int i = 0; i < 8; i++) {
        (void)env_play(env, PBTI_ENV_DOWN, PBTI_ENV_GOES_ON);
        (void)env_play(env, PBTI_ENV_UP, PBTI_ENV_GOES_ON);
        assert_int_equal(s->spawn_speed[0], steps[i][0]);
        assert_int_equal(s->move_speed[0], steps[i][1]);
    }
    s->spawn_speed[0] = 1; /* as hard as can be */
    s->sub_y[0] = 1;
    (void)env_play(env, PBTI_ENV_UP, PBTI_ENV_GOES_ON);
    assert_true(s->spawn_speed[0] == 1 && s->move_speed[0] == 2);
    pbti_env_destroy(env);

    struct pbti_env_options const options = {.ramping = false};
    env = env_make("seaquest", 1, &options);
    s = env_state(env);
    (void)rise(env, 3, 100, PBTI_ENV_GOES_ON);
    assert_true(s->spawn_speed[0] == 20 && s->move_speed[0] == 5);
    pbti_env_destroy(env);
}

static void test_picture(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("seaquest", 1, NULL);
    const struct pbti_seaquest *const s = quiet(env);
    add_fish(s, 1, 3, true, 1);
    add_sub(s, 2, 3, false, 1, 1);
    add_diver(s, 3, 0, true, 1); /* no trail outside */
    add_friendly(s, 5, 5, true);
    add_shot(s, 6, 6, true);
    s->oxygen[0] = 139; /* six whole tenths */
    s->divers_aboard[0] = 3;
    assert_int_equal(env_cell(env, 4, 4), 1 << PBTI_SEAQUEST_SUB_FRONT);
    assert_int_equal(env_cell(env, 4, 3), 1 << PBTI_SEAQUEST_SUB_BACK);
    assert_int_equal(env_cell(env, 1, 3), 1 << PBTI_SEAQUEST_ENEMY_FISH);
    assert_int_equal(env_cell(env, 1, 2), 1 << PBTI_SEAQUEST_TRAIL);
    assert_int_equal(env_cell(env, 2, 3), 1 << PBTI_SEAQUEST_ENEMY_SUB);
    assert_int_equal(env_cell(env, 2, 4), 1 << PBTI_SEAQUEST_TRAIL);
    assert_int_equal(env_cell(env, 3, 0), 1 << PBTI_SEAQUEST_DIVER);
    assert_int_equal(env_cell(env, 5, 5), 1 << PBTI_SEAQUEST_FRIENDLY_BULLET);
    assert_int_equal(env_cell(env, 6, 6), 1 << PBTI_SEAQUEST_ENEMY_BULLET);
    assert_int_equal(env_cells_with(env, PBTI_SEAQUEST_TRAIL), 2);
    assert_int_equal(env_cells_with(env, PBTI_SEAQUEST_OXYGEN_GAUGE), 6);
    assert_int_equal(env_cell(env, 9, 5), 1 << PBTI_SEAQUEST_OXYGEN_GAUGE);
    assert_int_equal(env_cell(env, 9, 6), 1 << PBTI_SEAQUEST_DIVER_GAUGE); /* columns 6 to 8 */
    assert_int_equal(env_cell(env, 9, 8), 1 << PBTI_SEAQUEST_DIVER_GAUGE);
    assert_int_equal(env_cells_with(env, PBTI_SEAQUEST_DIVER_GAUGE), 3);
    s->sub_right[0] = 0;
    assert_int_equal(env_cell(env, 4, 5), 1 << PBTI_SEAQUEST_SUB_BACK);
    pbti_env_destroy(env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beginning),
        cmocka_unit_test(test_submarine),
        cmocka_unit_test(test_bullets),
        cmocka_unit_test(test_bullet_hits),
        cmocka_unit_test(test_divers),
        cmocka_unit_test(test_fish),
        cmocka_unit_test(test_enemy_submarines),
        cmocka_unit_test(test_enemy_bullets),
        cmocka_unit_test(test_spawn_rhythm),
        cmocka_unit_test(test_spawn_shares),
        cmocka_unit_test(test_spawn_never_against),
        cmocka_unit_test(test_full_lists),
        cmocka_unit_test(test_oxygen),
        cmocka_unit_test(test_rise),
        cmocka_unit_test(test_ramping),
        cmocka_unit_test(test_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
