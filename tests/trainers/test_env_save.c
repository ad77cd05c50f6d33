/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_env_save.c - rules: a game that is saved in the middle of its episodes goes on identically
 * where it is loaded; bytes that are truncated, damaged or of something else are refused by name
 * and change nothing; whatever bytes pass can be played.
 */
#include "env_fixture.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { COPIES = 5, HEADER_SIZE = 44, CHECKSUM_SIZE = 8 };

static struct pbti_env *played(const struct pbti_env_kind *kind, uint32_t frames)
{
    struct pbti_env_options const options = pbti_env_options_default();
    struct pbti_env *const env = env_make(kind->name, COPIES, &options);
    uint8_t actions[COPIES], ends[COPIES];
    float rewards[COPIES];
    for (uint32_t frame = 0; frame < frames; frame++) {
        env_random_actions(env, 8, frame, actions);
        pbti_env_step(env, actions, rewards, ends);
    }
    return env;
}

/* Both from the same state and seed. */
static void assert_play_alike(struct pbti_env *a, struct pbti_env *b, uint32_t frames)
{
    uint8_t actions[COPIES], ends_a[COPIES], ends_b[COPIES];
    float rewards_a[COPIES], rewards_b[COPIES];
    for (uint32_t frame = 0; frame < frames; frame++) {
        env_random_actions(a, 4, frame, actions);
        pbti_env_step(a, actions, rewards_a, ends_a);
        pbti_env_step(b, actions, rewards_b, ends_b);
        assert_memory_equal(rewards_a, rewards_b, sizeof rewards_a);
        assert_memory_equal(ends_a, ends_b, sizeof ends_a);
    }
    assert_same_state(a, b);
}

static void test_goes_on(void **unused)
{
    (void)unused;
    const struct pbti_env_kind *kind = NULL;
    for (size_t game = 0; (kind = pbti_env_at(game)) != NULL; game++) {
        struct pbti_env *const kept = played(kind, 333), *const loaded = played(kind, 20);
        uint8_t *const bytes = env_saved(kept);
        assert_int_equal(pbti_env_load(loaded, bytes, pbti_env_save_size(kept), NULL), PBT_OK);
        assert_same_state(kept, loaded);
        pbti_env_seed(kept, 99);
        pbti_env_seed(loaded, 99);
        assert_play_alike(kept, loaded, 700);
        free(bytes);
        pbti_env_destroy(kept);
        pbti_env_destroy(loaded);
    }
}

/* -------- refusals -------- */

/* The bytes of a game of Breakout, to be spoilt, and another game to load them into. */
struct scene {
    struct pbti_env *env;
    uint8_t *bytes, *before;
    size_t size;
};

static struct scene scene_make(void)
{
    struct pbti_env *const saved = played(pbti_env_find("breakout"), 50);
    struct scene s = {.env = played(pbti_env_find("breakout"), 30)};
    s.bytes = env_saved(saved);
    s.before = env_saved(s.env);
    s.size = pbti_env_save_size(saved);
    pbti_env_destroy(saved);
    return s;
}

static void scene_free(struct scene *s)
{
    pbti_env_destroy(s->env);
    free(s->bytes);
    free(s->before);
}

static void sign(uint8_t *bytes, size_t size)
{
    uint64_t const checksum = XXH3_64bits(bytes, size - CHECKSUM_SIZE);
    for (size_t i = 0; i < CHECKSUM_SIZE; i++) {
        bytes[size - CHECKSUM_SIZE + i] = (uint8_t)(checksum >> (8 * i));
    }
}

static void assert_refused(const struct scene *s, size_t size, pbt_status status, const char *why)
{
    struct pbt_error err = {0};
    assert_int_equal(pbti_env_load(s->env, s->bytes, size, &err), status);
    assert_int_equal(err.code, status);
    if (strstr(err.message, why) == NULL) { fail_msg("\"%s\" lacks \"%s\"", err.message, why); }
    uint8_t *const after = env_saved(s->env);
    assert_memory_equal(s->before, after, s->size);
    free(after);
}

/* Into memory of just that size, so that a sanitizer sees what reads beyond it. */
static void test_truncated(void **unused)
{
    (void)unused;
    struct scene s = scene_make();
    uint8_t *const whole = s.bytes;
    for (size_t size = 0; size < s.size; size++) {
        s.bytes = malloc(size + (size == 0));
        assert_non_null(s.bytes);
        memcpy(s.bytes, whole, size);
        assert_refused(&s, size, PBT_ECORRUPT, "truncated");
        free(s.bytes);
    }
    s.bytes = whole;
    s.bytes = realloc(s.bytes, s.size + 1);
    assert_non_null(s.bytes);
    s.bytes[s.size] = 0;
    assert_refused(&s, s.size + 1, PBT_ECORRUPT, "damaged: it has");
    assert_int_equal(pbti_env_load(s.env, s.bytes, s.size, NULL), PBT_OK);
    scene_free(&s);
}

static void test_header(void **unused)
{
    (void)unused;
    static const struct {
        size_t at;
        uint8_t value;
        pbt_status status;
        const char *why;
    } changes[] = {
        {0, 'Q', PBT_ECORRUPT, "not a saved state of a game"},
        {8, 2, PBT_EVERSION, "version 2; this program reads version 1"},
        {12, COPIES + 1, PBT_EINVAL, "6 copies of \"breakout\", not 5"},
        {16, 'f', PBT_EINVAL, "of \"freakout\", not of \"breakout\""},
        {38, 1, PBT_EINVAL, "other options"},
        {40, 2, PBT_EINVAL, "other options"},
        {41, 1, PBT_EINVAL, "other options"},
        {HEADER_SIZE, 4, PBT_ECORRUPT, "checksum"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct scene s = scene_make();
        if (i == 3) { s.bytes[17] = 'r', s.bytes[18] = 'e'; }
        s.bytes[changes[i].at] = changes[i].value;
        if (i < 7) { sign(s.bytes, s.size); }
        assert_refused(&s, s.size, changes[i].status, changes[i].why);
        scene_free(&s);
    }
}

static void test_values(void **unused)
{
    (void)unused;
    struct scene s = scene_make();
    size_t const last = HEADER_SIZE, ball_y = HEADER_SIZE + COPIES + 4 * COPIES;
    uint8_t const action = s.bytes[last + 1];
    s.bytes[last + 1] = 6;
    sign(s.bytes, s.size);
    assert_refused(&s, s.size, PBT_ECORRUPT, "copy 1 has an action that the game does not have");
    s.bytes[last + 1] = action;
    s.bytes[ball_y + 4 * 3] = 9; /* the ball is never in the row of the paddle */
    sign(s.bytes, s.size);
    assert_refused(&s, s.size, PBT_ECORRUPT, "\"ball_y\" of copy 3 is 9; 0 to 8 are possible");
    scene_free(&s);
}

/* Every value of a field with several a copy is judged, and named by its copy. */
static void test_wide_values(void **unused)
{
    (void)unused;
    struct pbti_env *const env = env_make("asterix", COPIES, NULL);
    const struct pbti_asterix *const s = env_state(env);
    struct pbt_error err = {0};
    s->slot_x[COPIES * PBTI_ASTERIX_SLOTS - 1] = 10;
    uint8_t *const bytes = env_saved(env);
    assert_int_equal(pbti_env_load(env, bytes, pbti_env_save_size(env), &err), PBT_ECORRUPT);
    assert_non_null(strstr(err.message, "\"slot_x\" of copy 4 is 10; 0 to 9 are possible"));
    free(bytes);
    pbti_env_destroy(env);
}

/* Flaws that no single value shows. */
static void test_flaws(void **unused)
{
    (void)unused;
    static const char *const games[] = {"space_invaders", "space_invaders", "freeway", "cartpole"};
    static const char *const flaws[] = {"copy 0 has no aliens", "copy 0 has aliens without a",
                                        "copy 0 has a car without speed",
                                        "copy 0 has an episode beyond the limit of frames"};
    for (int i = 0; i < 4; i++) {
        struct pbti_env *const env = env_make(games[i], 1, NULL);
        struct pbt_error err = {0};
        const void *const state = env_state(env);
        switch (i) {
        case 0: memset(((const struct pbti_invaders *)state)->aliens, 0, 16); break;
        case 1: ((const struct pbti_invaders *)state)->direction[0] = 0; break;
        case 2: ((const struct pbti_freeway *)state)->car_speed[5] = 0; break;
        default: env->common.frames[0] = 500; break;
        }
        uint8_t *const bytes = env_saved(env);
        assert_int_equal(pbti_env_load(env, bytes, pbti_env_save_size(env), &err), PBT_ECORRUPT);
        assert_non_null(strstr(err.message, flaws[i]));
        free(bytes);
        pbti_env_destroy(env);
    }
}

/* -------- any bytes -------- */

static uint32_t number(uint32_t at, uint32_t sides)
{
    struct pbti_nn_stream const stream = {.seed = 31, .purpose = PBTI_NN_PURPOSE_INIT};
    uint32_t bits[4];
    pbti_nn_random_block(&stream, at, bits);
    return pbti_env_die(bits[0], sides);
}

/* Play what was loaded; a sanitizer watches. */
static void play_on(struct pbti_env *env, uint32_t salt)
{
    uint8_t actions[COPIES], ends[COPIES];
    float rewards[COPIES];
    static float x[COPIES * PBTI_ENV_CELLS_MAX * PBTI_ENV_CHANNELS_MAX];
    for (uint32_t frame = 0; frame < 40; frame++) {
        env_random_actions(env, salt, frame, actions);
        pbti_env_step(env, actions, rewards, ends);
        pbti_env_observe(env, x);
    }
}

/* Bytes of a game with a few changed. With `signed_` the checksum agrees again, so that only the
 * checks of values stand between the bytes and the game. How many of the changed were accepted. */
static uint32_t spoil(const struct pbti_env_kind *kind, uint32_t rounds, bool signed_)
{
    struct pbti_env *const env = played(kind, 200);
    uint8_t *const good = env_saved(env);
    size_t const size = pbti_env_save_size(env);
    uint8_t *const bytes = malloc(size);
    uint32_t accepted = 0;
    assert_non_null(bytes);
    for (uint32_t round = 0; round < rounds; round++) {
        memcpy(bytes, good, size);
        for (uint32_t change = 0; change <= round % 3; change++) {
            uint32_t const salt = 8 * round + 2 * change;
            uint32_t const at = number(salt, (uint32_t)size);
            bytes[at] = (uint8_t)(bytes[at] ^ (1u << number(salt + 1, 8)));
        }
        if (memcmp(bytes, good, size) == 0) { continue; }
        if (signed_) { sign(bytes, size); }
        if (pbti_env_load(env, bytes, size, NULL) == PBT_OK) {
            accepted++;
            play_on(env, round);
        }
    }
    free(good);
    free(bytes);
    pbti_env_destroy(env);
    return accepted;
}

static void test_any_bytes(void **unused)
{
    (void)unused;
    const struct pbti_env_kind *kind = NULL;
    for (size_t game = 0; (kind = pbti_env_at(game)) != NULL; game++) {
        assert_int_equal(spoil(kind, 300, false), 0);
        assert_true(spoil(kind, 3000, true) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goes_on),     cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_header),      cmocka_unit_test(test_values),
        cmocka_unit_test(test_wide_values), cmocka_unit_test(test_flaws),
        cmocka_unit_test(test_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
