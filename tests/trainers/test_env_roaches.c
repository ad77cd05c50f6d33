/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_env_roaches.c - rules of Roaches, each in a scene: how a fight begins, walking and
 * attacking orders, whom marines shoot, what roaches do and when, damage, the next wave, the
 * end, the picture, damaged states; and what a random player and two that attack score.
 */
#include "env/env_states_own.h"
#include "env_score.h"

#include <stdlib.h>
#include <string.h>

enum { SIDE = 16, MARINES = PBTI_ROACHES_MARINES, ROACHES = PBTI_ROACHES_ROACHES };

static uint8_t walk_to(int y, int x)
{
    return (uint8_t)(1 + y / 2 * 8 + x / 2);
}

static uint8_t attack(int y, int x)
{
    return (uint8_t)(64 + walk_to(y, x));
}

static void marine(const struct pbti_roaches *s, int k, int y, int x, int hp)
{
    s->marine_y[k] = (int8_t)y;
    s->marine_x[k] = (int8_t)x;
    s->marine_hp[k] = (uint8_t)hp;
}

static void roach(const struct pbti_roaches *s, int k, int y, int x, int hp)
{
    s->roach_y[k] = (int8_t)y;
    s->roach_x[k] = (int8_t)x;
    s->roach_hp[k] = (uint8_t)hp;
    s->roach_wait[k] = 0;
}

/* One marine and one roach, both of full strength; the others are dead. */
static const struct pbti_roaches *duel(struct pbti_env *env, int y, int x, int roach_y, int roach_x)
{
    const struct pbti_roaches *const s = env_state(env);
    memset(s->marine_hp, 0, MARINES);
    memset(s->roach_hp, 0, ROACHES);
    marine(s, 0, y, x, 9);
    roach(s, 0, roach_y, roach_x, 20);
    s->order[0] = 0;
    return s;
}

static void assert_marine(const struct pbti_roaches *s, int k, int y, int x, int hp)
{
    assert_int_equal(s->marine_y[k], y);
    assert_int_equal(s->marine_x[k], x);
    assert_int_equal(s->marine_hp[k], hp);
}

static void assert_roach(const struct pbti_roaches *s, int k, int y, int x, int hp)
{
    assert_int_equal(s->roach_y[k], y);
    assert_int_equal(s->roach_x[k], x);
    assert_int_equal(s->roach_hp[k], hp);
}

static void test_beginning(void **unused)
{
    (void)unused;
    enum { COPIES = 1000 };
    struct pbti_env *const env = env_make("roaches", COPIES, NULL);
    const struct pbti_roaches *const s = env_state(env);
    int left = 0;
    for (int i = 0; i < COPIES; i++) {
        left += s->left[i];
        for (int k = 0; k < MARINES; k++) {
            assert_marine(s, i * MARINES + k, 6 + k / 3, (s->left[i] ? 12 : 1) + k % 3, 9);
        }
        for (int k = 0; k < ROACHES; k++) {
            assert_roach(s, i * ROACHES + k, 5 + 2 * k, s->left[i] ? 1 : 14, 20);
        }
    }
    assert_in_range(left, 430, 570);
    pbti_env_destroy(env);
}

/* To walk is not to shoot; the order holds until a marine stands where it leads. */
static void test_walking(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("roaches", 1, NULL);
    const struct pbti_roaches *const s = duel(env, 4, 4, 15, 15);
    (void)env_play(env, walk_to(6, 8), PBTI_ENV_GOES_ON);
    assert_marine(s, 0, 5, 5, 9);
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_marine(s, 0, 6, 7, 9);
    assert_int_equal(s->order[0], walk_to(6, 8));
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_marine(s, 0, 6, 8, 9);
    assert_int_equal(s->order[0], 0);
    roach(s, 0, 6, 12, 20);
    (void)env_play(env, walk_to(0, 8), PBTI_ENV_GOES_ON);
    assert_int_equal(s->roach_hp[0], 20);
    pbti_env_destroy(env);
}

static void test_attacking(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("roaches", 1, NULL);
    const struct pbti_roaches *s = duel(env, 4, 4, 4, 14);
    (void)env_play(env, attack(4, 14), PBTI_ENV_GOES_ON); /* out of range: it walks */
    assert_marine(s, 0, 4, 5, 9);
    assert_roach(s, 0, 4, 14, 20);
    s = duel(env, 4, 4, 4, 8);
    (void)env_play(env, attack(0, 0), PBTI_ENV_GOES_ON); /* in range: it stands and shoots */
    assert_marine(s, 0, 4, 4, 9);
    assert_int_equal(s->roach_hp[0], 19);
    s = duel(env, 4, 4, 8, 8);
    (void)env_play(env, 0, PBTI_ENV_GOES_ON); /* and so without an order */
    assert_int_equal(s->roach_hp[0], 19);
    s = duel(env, 4, 4, 4, 9);
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_marine(s, 0, 4, 4, 9);
    assert_int_equal(s->roach_hp[0], 20);
    pbti_env_destroy(env);
}

static void test_the_weakest_is_shot(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("roaches", 1, NULL);
    const struct pbti_roaches *const s = duel(env, 4, 4, 4, 6);
    roach(s, 1, 4, 8, 7);
    roach(s, 2, 8, 8, 7);
    roach(s, 3, 4, 9, 1); /* out of range */
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_int_equal(s->roach_hp[0], 20);
    assert_int_equal(s->roach_hp[1], 6); /* of the two weakest the first */
    assert_int_equal(s->roach_hp[2], 7);
    assert_int_equal(s->roach_hp[3], 1);
    pbti_env_destroy(env);
}

/* A unit that cannot go diagonally goes along y, then along x, then not at all. */
static void test_one_unit_a_cell(void **unused)
{
    (void)unused;
    static const int barred[][2] = {{5, 5}, {5, 4}, {4, 5}};
    static const int stands[][2] = {{5, 5}, {5, 4}, {4, 5}, {4, 4}};
    struct pbti_env *const env = env_make("roaches", 1, NULL);
    for (int bars = 0; bars <= 3; bars++) {
        const struct pbti_roaches *const s = duel(env, 4, 4, 15, 15);
        for (int k = 0; k < bars; k++) {
            roach(s, k, barred[k][0], barred[k][1], 20);
        }
        (void)env_play(env, walk_to(8, 8), PBTI_ENV_GOES_ON);
        assert_int_equal(s->marine_y[0], stands[bars][0]);
        assert_int_equal(s->marine_x[0], stands[bars][1]);
    }
    pbti_env_destroy(env);
}

static void test_roaches_attack_every_other_frame(void **unused)
{
    (void)unused;
    static const int hp[] = {7, 7, 5, 5, 3, 3, 1, 1};
    struct pbti_env *const env = env_make("roaches", 1, NULL);
    const struct pbti_roaches *const s = duel(env, 0, 0, 0, 3);
    for (int frame = 0; frame < 8; frame++) {
        s->order[0] = 0;
        (void)env_play(env, walk_to(0, 0), PBTI_ENV_GOES_ON);
        assert_int_equal(s->marine_hp[0], hp[frame]);
    }
    assert_int_equal(s->roach_x[0], 3); /* within its range it stands */
    assert_true(env_play(env, walk_to(0, 0), PBTI_ENV_TERMINAL) == -1.0f);
    pbti_env_destroy(env);
}

static void test_roaches_see_six_steps(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("roaches", 1, NULL);
    const struct pbti_roaches *s = duel(env, 4, 4, 10, 4);
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_roach(s, 0, 9, 4, 20);
    s = duel(env, 4, 4, 11, 4);
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_roach(s, 0, 11, 4, 20);
    s = duel(env, 4, 4, 11, 4);
    s->roach_hp[0] = 19; /* once hurt it comes from anywhere */
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_roach(s, 0, 10, 4, 19);
    s = duel(env, 4, 4, 8, 8); /* of two marines at the same distance it goes for the first */
    marine(s, 1, 12, 12, 9);
    (void)env_play(env, walk_to(12, 12), PBTI_ENV_GOES_ON); /* a step nearer: it attacks that one */
    assert_int_equal(s->marine_hp[0], 7);
    assert_int_equal(s->marine_hp[1], 9);
    pbti_env_destroy(env);
}

/* All damage lands in the end: two that kill each other both die. */
static void test_damage_lands_together(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("roaches", 1, NULL);
    const struct pbti_roaches *s = duel(env, 4, 4, 4, 6);
    s->marine_hp[0] = 2;
    s->roach_hp[0] = 1;
    assert_true(env_play(env, 0, PBTI_ENV_TERMINAL) == 9.0f);
    s = duel(env, 4, 4, 4, 6); /* three shots at a roach of strength 1: one roach */
    marine(s, 1, 3, 4, 9);
    marine(s, 2, 5, 4, 9);
    roach(s, 1, 15, 15, 20);
    s->roach_hp[0] = 1;
    assert_true(env_play(env, 0, PBTI_ENV_GOES_ON) == 10.0f);
    assert_int_equal(s->roach_hp[0], 0);
    pbti_env_destroy(env);
}

static void test_next_wave(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("roaches", 1, NULL);
    const struct pbti_roaches *const s = duel(env, 4, 4, 4, 8);
    s->left[0] = 0;
    s->marine_hp[0] = 3;
    s->roach_hp[0] = 1;
    assert_true(env_play(env, 0, PBTI_ENV_GOES_ON) == 10.0f);
    assert_marine(s, 0, 4, 4, 3);
    for (int k = 1; k <= 5; k++) { /* the first row of 5 x 5 around it */
        assert_marine(s, k, 2, 1 + k, 9);
    }
    for (int k = 6; k < MARINES; k++) {
        assert_int_equal(s->marine_hp[k], 0);
    }
    for (int k = 0; k < ROACHES; k++) {
        assert_roach(s, k, 5 + 2 * k, 1, 20); /* from the other side */
    }
    pbti_env_destroy(env);
}

/* Where a marine stands on a roach's place, the roach stands beside it. */
static void test_next_wave_beside_a_marine(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("roaches", 1, NULL);
    const struct pbti_roaches *const s = duel(env, 5, 14, 5, 10);
    s->left[0] = 1;
    s->roach_hp[0] = 1;
    for (int k = 1; k < MARINES; k++) {
        marine(s, k, 15, k, 9);
    }
    (void)env_play(env, 0, PBTI_ENV_GOES_ON);
    assert_roach(s, 0, 5, 13, 20);
    assert_roach(s, 1, 7, 14, 20);
    pbti_env_destroy(env);
}

static void test_length(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("roaches", 1, NULL);
    for (int frame = 1; frame <= 480; frame++) { /* nobody sees anybody */
        (void)env_play(env, 0, frame % 240 == 0 ? PBTI_ENV_TRUNCATED : PBTI_ENV_GOES_ON);
    }
    pbti_env_destroy(env);
}

static void test_picture(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("roaches", 1, NULL);
    const struct pbti_roaches *const s = duel(env, 4, 4, 4, 14);
    uint16_t cells[SIDE * SIDE];
    uint32_t set = 0;
    marine(s, 1, 0, 0, 4);
    roach(s, 1, 15, 15, 10);
    roach(s, 2, 15, 0, 11);
    pbti_env_observe_cells(env, cells);
    assert_int_equal(cells[4 * SIDE + 4], 1 << PBTI_ROACHES_MARINE);
    assert_int_equal(cells[0], 1 << PBTI_ROACHES_MARINE | 1 << PBTI_ROACHES_WEAK_MARINE);
    assert_int_equal(cells[15 * SIDE], 1 << PBTI_ROACHES_ROACH);
    assert_int_equal(cells[15 * SIDE + 15], 1 << PBTI_ROACHES_ROACH | 1 << PBTI_ROACHES_WEAK_ROACH);
    for (int k = 0; k < SIDE * SIDE; k++) {
        set += cells[k] != 0;
    }
    assert_int_equal(set, 5);
    pbti_env_destroy(env);
}

static void test_flaws(void **unused)
{
    (void)unused;
    static const char *const flaws[] = {"no living marine", "no living roach",
                                        "two units in one cell"};
    for (int i = 0; i < 3; i++) {
        struct pbti_env *const env = env_make("roaches", 1, NULL);
        const struct pbti_roaches *const s = duel(env, 4, 4, 4, 14);
        struct pbt_error err = {0};
        if (i == 0) { s->marine_hp[0] = 0; }
        if (i == 1) { s->roach_hp[0] = 0; }
        if (i == 2) { s->roach_x[0] = 4; }
        uint8_t *const bytes = env_saved(env);
        assert_int_equal(pbti_env_load(env, bytes, pbti_env_save_size(env), &err), PBT_ECORRUPT);
        assert_non_null(strstr(err.message, flaws[i]));
        free(bytes);
        pbti_env_destroy(env);
    }
}

/* -------- players -------- */

static int steps(int dy, int dx)
{
    return abs(dy) > abs(dx) ? abs(dy) : abs(dx);
}

/* Attack the roach of least `weight` (steps from the middle of the marines) + strength. */
static uint8_t attack_one(const struct pbti_roaches *s, uint32_t i, int weight, int of_strength)
{
    int y = 0, x = 0, living = 0, best = 1 << 20;
    uint8_t action = 0;
    for (uint32_t k = i * MARINES; k < (i + 1) * MARINES; k++) {
        if (s->marine_hp[k] == 0) { continue; }
        y += s->marine_y[k];
        x += s->marine_x[k];
        living++;
    }
    for (uint32_t k = i * ROACHES; k < (i + 1) * ROACHES; k++) {
        if (s->roach_hp[k] == 0) { continue; }
        int const away = steps(s->roach_y[k] - y / living, s->roach_x[k] - x / living);
        int const cost = weight * away + of_strength * s->roach_hp[k];
        if (cost >= best) { continue; }
        best = cost;
        action = attack(s->roach_y[k], s->roach_x[k]);
    }
    return action;
}

static void attacks_nearest(struct env_turn *turn)
{
    for (uint32_t i = 0; i < pbti_env_count(turn->env); i++) {
        turn->actions[i] = attack_one(env_state(turn->env), i, 1, 0);
    }
}

static void attacks_near_and_weak(struct env_turn *turn)
{
    for (uint32_t i = 0; i < pbti_env_count(turn->env); i++) {
        turn->actions[i] = attack_one(env_state(turn->env), i, 4, 1);
    }
}

static void test_scores(void **unused)
{
    (void)unused;
    struct env_score const random = env_score("roaches", NULL, 8000, 1, env_player_random, NULL);
    assert_score("roaches, attacks nearest",
                 env_score("roaches", NULL, 300, 1, attacks_nearest, NULL), 480.7, 0.5);
    assert_score("roaches, attacks near and weak",
                 env_score("roaches", NULL, 300, 1, attacks_near_and_weak, NULL), 453.2, 0.5);
    assert_score("roaches, random", random, 33.88, 0.08);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beginning),
        cmocka_unit_test(test_walking),
        cmocka_unit_test(test_attacking),
        cmocka_unit_test(test_the_weakest_is_shot),
        cmocka_unit_test(test_one_unit_a_cell),
        cmocka_unit_test(test_roaches_attack_every_other_frame),
        cmocka_unit_test(test_roaches_see_six_steps),
        cmocka_unit_test(test_damage_lands_together),
        cmocka_unit_test(test_next_wave),
        cmocka_unit_test(test_next_wave_beside_a_marine),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_picture),
        cmocka_unit_test(test_flaws),
        cmocka_unit_test(test_scores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
