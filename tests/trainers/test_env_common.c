/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_env_common.c - rules of all games: what a copy plays depends on the seed, its actions and
 * its index, not on the other copies; a reset leaves nothing of what was played; actions are sticky
 * as often as asked; the set of actions is the one chosen; floats show what cells show; whatever is
 * played, every value stays within its limits and the picture has what the game always has; what
 * cannot be made is refused by name.
 */
#include "env/env_states_own.h"
#include "env_fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GAMES = 16, FRAMES = 400 };

static void test_games(void **unused)
{
    (void)unused;
    static const char *const names[GAMES] = {
        "breakout",     "asterix", "freeway",  "space_invaders", "seaquest",  "cartpole",
        "mountain_car", "acrobot", "pendulum", "beacon",         "watermaze", "keydoor",
        "maze",         "shards",  "roaches",  "maze3d"};
    for (size_t i = 0; i < GAMES; i++) {
        const struct pbti_env_kind *const kind = pbti_env_at(i);
        assert_string_equal(kind->name, names[i]);
        assert_ptr_equal(pbti_env_find(names[i]), kind);
        assert_true(!kind->cells || kind->rows * kind->columns <= PBTI_ENV_CELLS_MAX);
        assert_true(kind->channels <= PBTI_ENV_CHANNELS_MAX);
        assert_true(kind->actions <= PBTI_ENV_ACTIONS_MAX);
        assert_true(kind->minimal_actions <= kind->actions);
        assert_int_equal(kind->cells || kind->bytes, kind->rows > 1);
        assert_false(kind->cells && kind->bytes);
    }
    assert_null(pbti_env_at(GAMES));
    assert_null(pbti_env_find("pong"));
}

static void test_refused(void **unused)
{
    (void)unused;
    static const double wrong[] = {-0.01, 1.01, NAN};
    const struct pbti_env_kind *const kind = pbti_env_at(0);
    struct pbti_env *env = NULL;
    struct pbt_error err = {0};
    for (size_t i = 0; i < 3; i++) {
        struct pbti_env_options const options = {.sticky = wrong[i]};
        assert_int_equal(pbti_env_create(kind, 1, &options, &env, &err), PBT_EINVAL);
        assert_non_null(strstr(err.message, "\"sticky\""));
        assert_null(env);
    }
    assert_int_equal(pbti_env_create(kind, 0, NULL, &env, &err), PBT_EINVAL);
    assert_string_equal(err.message,
                        "0 copies of \"breakout\" were asked for; 1 to 1048576 can be");
    assert_int_equal(pbti_env_create(kind, PBTI_ENV_COUNT_MAX + 1, NULL, &env, NULL), PBT_EINVAL);
    pbti_env_destroy(NULL);
}

static void test_defaults(void **unused)
{
    (void)unused;
    struct pbti_env *env = NULL;
    assert_int_equal(pbti_env_create(pbti_env_find("freeway"), 5, NULL, &env, NULL), PBT_OK);
    assert_true(env->options.sticky == 0.1 && env->options.ramping && !env->options.minimal);
    assert_int_equal(pbti_env_count(env), 5);
    assert_int_equal(pbti_env_actions(env), 6);
    assert_string_equal(pbti_env_kind(env)->name, "freeway");
    pbti_env_destroy(env);
}

/* -------- determinism -------- */

/* A game with what it is given and gives. */
struct session {
    struct pbti_env *env;
    uint8_t *actions, *ends;
    float *rewards;
};

static struct session session_make(const struct pbti_env_kind *kind, uint32_t count, uint64_t seed)
{
    struct pbti_env_options const options = {.sticky = 0.2, .ramping = true};
    struct session s = {.env = env_make(kind->name, count, &options)};
    s.actions = malloc(count);
    s.ends = malloc(count);
    s.rewards = malloc(count * sizeof s.rewards[0]);
    assert_true(s.actions != NULL && s.ends != NULL && s.rewards != NULL);
    pbti_env_seed(s.env, seed);
    pbti_env_reset(s.env);
    return s;
}

static void session_step(struct session *s, uint32_t frame)
{
    env_random_actions(s->env, 5, frame, s->actions);
    pbti_env_step(s->env, s->actions, s->rewards, s->ends);
}

static void session_free(struct session *s)
{
    pbti_env_destroy(s->env);
    free(s->actions);
    free(s->ends);
    free(s->rewards);
}

static void assert_same_floats(const struct pbti_env *few, const struct pbti_env *many)
{
    const struct pbti_env_kind *const kind = pbti_env_kind(few);
    size_t const size = (size_t)kind->rows * kind->columns * kind->channels;
    float *const a = malloc(size * pbti_env_count(few) * sizeof a[0]);
    float *const b = malloc(size * pbti_env_count(many) * sizeof b[0]);
    assert_true(a != NULL && b != NULL);
    pbti_env_observe(few, a);
    pbti_env_observe(many, b);
    assert_memory_equal(a, b, size * pbti_env_count(few) * sizeof a[0]);
    free(a);
    free(b);
}

static void test_copies_are_apart(void **unused)
{
    (void)unused;
    enum { FEW = 3, MANY = 41 };
    for (size_t game = 0; game < GAMES; game++) {
        struct session few = session_make(pbti_env_at(game), FEW, 9);
        struct session many = session_make(pbti_env_at(game), MANY, 9);
        for (uint32_t frame = 0; frame < FRAMES; frame++) {
            session_step(&few, frame);
            session_step(&many, frame);
            assert_memory_equal(few.actions, many.actions, FEW);
            assert_memory_equal(few.rewards, many.rewards, FEW * sizeof few.rewards[0]);
            assert_memory_equal(few.ends, many.ends, FEW);
            assert_same_floats(few.env, many.env);
        }
        session_free(&few);
        session_free(&many);
    }
}

static void test_reset_leaves_nothing(void **unused)
{
    (void)unused;
    for (size_t game = 0; game < GAMES; game++) {
        struct session new = session_make(pbti_env_at(game), 8, 9);
        struct session used = session_make(pbti_env_at(game), 8, 3);
        for (uint32_t frame = 0; frame < FRAMES; frame++) {
            session_step(&used, frame);
        }
        pbti_env_seed(used.env, 9);
        pbti_env_reset(used.env);
        assert_same_state(new.env, used.env);
        session_free(&new);
        session_free(&used);
    }
}

static void test_seed(void **unused)
{
    (void)unused;
    enum { COPIES = 16, LONGEST = 920 };
    for (size_t game = 0; game < GAMES; game++) {
        struct session a = session_make(pbti_env_at(game), COPIES, 1);
        struct session b = session_make(pbti_env_at(game), COPIES, 1);
        session_step(&a, 0);
        uint8_t *const before = env_saved(a.env), *after = NULL;
        pbti_env_seed(a.env, 2); /* episodes go on where they are */
        after = env_saved(a.env);
        assert_memory_equal(before, after, pbti_env_save_size(a.env));
        session_step(&b, 0);
        assert_same_state(a.env, b.env);

        /* from now on they draw from different seeds; every copy begins an episode once at least */
        for (uint32_t frame = 1; frame < LONGEST; frame++) {
            session_step(&a, frame);
            session_step(&b, frame);
        }
        free(after);
        after = env_saved(a.env);
        uint8_t *const other = env_saved(b.env);
        assert_memory_not_equal(after, other, pbti_env_save_size(a.env));
        free(before);
        free(after);
        free(other);
        session_free(&a);
        session_free(&b);
    }
}

/* -------- actions -------- */

static void test_sticky_rate(void **unused)
{
    (void)unused;
    enum { COPIES = 1000, ROUNDS = 200 };
    static uint8_t actions[COPIES], ends[COPIES];
    static float rewards[COPIES];
    struct pbti_env_options const options = {.sticky = 0.1};
    struct pbti_env *const env = env_make("freeway", COPIES, &options);
    double repeated = 0.0;
    for (int round = 0; round < ROUNDS; round++) {
        memset(env->common.last, PBTI_ENV_FIRE, COPIES);
        memset(actions, PBTI_ENV_LEFT, COPIES);
        pbti_env_step(env, actions, rewards, ends);
        for (int i = 0; i < COPIES; i++) {
            repeated += env->common.last[i] == PBTI_ENV_FIRE;
        }
    }
    double const n = (double)COPIES * ROUNDS, error = sqrt(0.1 * 0.9 / n);
    assert_true(fabs(repeated / n - 0.1) < 4.0 * error);
    pbti_env_destroy(env);
}

/* What decides about an action says nothing about the episode that begins after it. */
static void test_sticky_tells_nothing(void **unused)
{
    (void)unused;
    enum { COPIES = 8000 };
    static uint8_t actions[COPIES], ends[COPIES];
    static float rewards[COPIES];
    struct pbti_env_options const options = {.sticky = 0.5};
    struct pbti_env *const env = env_make("breakout", COPIES, &options);
    const struct pbti_breakout *const s = env_state(env);
    for (int i = 0; i < COPIES; i++) { /* a ball that is missed in any case */
        env->common.last[i] = PBTI_ENV_FIRE;
        s->ball_y[i] = 8;
        s->ball_x[i] = 0;
        s->direction[i] = PBTI_BREAKOUT_DOWN_RIGHT;
        s->paddle[i] = 8;
    }
    pbti_env_step(env, actions, rewards, ends);
    double repeated = 0.0, right = 0.0;
    for (int i = 0; i < COPIES; i++) {
        assert_int_equal(ends[i], PBTI_ENV_TERMINAL);
        if (env->common.last[i] != PBTI_ENV_FIRE) { continue; }
        repeated++;
        right += s->ball_x[i] == 9;
    }
    assert_true(fabs(right / repeated - 0.5) < 4.0 * 0.5 / sqrt(repeated));
    pbti_env_destroy(env);
}

static void test_sticky_always_and_never(void **unused)
{
    (void)unused;
    struct pbti_env_options options = {.sticky = 1.0};
    struct pbti_env *env = env_make("breakout", 4, &options);
    const struct pbti_breakout *const s = env_state(env);
    for (int i = 0; i < 4; i++) { /* action 0 for ever */
        (void)env_play(env, PBTI_ENV_RIGHT, PBTI_ENV_GOES_ON);
    }
    assert_int_equal(s->paddle[0], 4);
    env->common.last[0] = PBTI_ENV_LEFT; /* goes on being executed */
    (void)env_play(env, PBTI_ENV_RIGHT, PBTI_ENV_GOES_ON);
    assert_int_equal(s->paddle[0], 3);
    pbti_env_reset(env);
    assert_int_equal(env->common.last[0], PBTI_ENV_NOOP);
    pbti_env_destroy(env);

    options.sticky = 0.0;
    env = env_make("breakout", 4, &options);
    for (int i = 0; i < 4; i++) {
        (void)env_play(env, PBTI_ENV_RIGHT, PBTI_ENV_GOES_ON);
    }
    assert_int_equal(((const struct pbti_breakout *)env_state(env))->paddle[0], 8);
    pbti_env_destroy(env);
}

static void test_minimal_actions(void **unused)
{
    (void)unused;
    static const struct {
        const char *name;
        uint32_t count;
        uint8_t numbers[6];
    } games[] = {
        {"breakout", 3, {PBTI_ENV_NOOP, PBTI_ENV_LEFT, PBTI_ENV_RIGHT}},
        {"asterix", 5, {PBTI_ENV_NOOP, PBTI_ENV_LEFT, PBTI_ENV_UP, PBTI_ENV_RIGHT, PBTI_ENV_DOWN}},
        {"freeway", 3, {PBTI_ENV_NOOP, PBTI_ENV_UP, PBTI_ENV_DOWN}},
        {"space_invaders", 4, {PBTI_ENV_NOOP, PBTI_ENV_LEFT, PBTI_ENV_RIGHT, PBTI_ENV_FIRE}},
        {"seaquest", 6, {0, 1, 2, 3, 4, 5}},
        {"cartpole", 2, {0, 1}},
        {"mountain_car", 3, {0, 1, 2}},
        {"acrobot", 3, {0, 1, 2}},
    };
    struct pbti_env_options const options = {.minimal = true};
    for (size_t game = 0; game < sizeof games / sizeof games[0]; game++) {
        struct pbti_env *const env = env_make(games[game].name, 1, &options);
        assert_int_equal(pbti_env_actions(env), games[game].count);
        for (uint8_t i = 0; i < games[game].count; i++) {
            pbti_env_reset(env);
            (void)env_play(env, i, PBTI_ENV_GOES_ON);
            assert_int_equal(env->common.last[0], games[game].numbers[i]);
        }
        pbti_env_destroy(env);
    }
}

static void play_without_ramping(struct pbti_env *env, uint32_t frames)
{
    uint8_t actions[8], ends[8];
    float rewards[8];
    for (uint32_t frame = 0; frame < frames; frame++) {
        env_random_actions(env, 3, frame, actions);
        pbti_env_step(env, actions, rewards, ends);
    }
}

static void test_no_ramping(void **unused)
{
    (void)unused;
    struct pbti_env_options const options = {.ramping = false};
    struct pbti_env *env = env_make("asterix", 8, &options);
    const struct pbti_asterix *const a = env_state(env);
    play_without_ramping(env, 500);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(a->spawn_speed[i], 10);
        assert_int_equal(a->move_speed[i], 5);
        assert_int_equal(a->ramp_timer[i], 100);
    }
    pbti_env_destroy(env);
}

/* -------- observations and invariants -------- */

static void assert_floats_are_cells(const struct pbti_env *env, const uint16_t *cells)
{
    const struct pbti_env_kind *const kind = pbti_env_kind(env);
    uint32_t const count = pbti_env_count(env) * kind->rows * kind->columns;
    uint32_t const channels = kind->channels;
    float *const x = malloc((size_t)count * channels * sizeof x[0]);
    assert_non_null(x);
    pbti_env_observe(env, x);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(cells[i] >> channels, 0); /* only channels there are */
        for (uint32_t c = 0; c < channels; c++) {
            assert_true(x[i * channels + c] == (cells[i] >> c & 1u ? 1.0f : 0.0f));
        }
    }
    free(x);
}

static uint32_t set_among(const uint16_t *cells, uint32_t all, uint32_t channel)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < all; i++) {
        count += (uint32_t)cells[i] >> channel & 1u;
    }
    return count;
}

static uint32_t cells_with(const uint16_t *cells, uint32_t channel)
{
    return set_among(cells, PBTI_ENV_CELLS, channel);
}

/* What the picture of one copy always has; `cells` has shape (10 * 10), or what the game has. */
static void assert_breakout(const uint16_t *cells)
{
    assert_int_equal(cells_with(cells, PBTI_BREAKOUT_PADDLE), 1);
    assert_int_equal(cells_with(cells, PBTI_BREAKOUT_BALL), 1);
    assert_int_equal(cells_with(cells, PBTI_BREAKOUT_TRAIL), 1);
    assert_true(cells_with(cells, PBTI_BREAKOUT_BRICK) <= 30);
}

static void assert_asterix(const uint16_t *cells)
{
    uint32_t const enemies = cells_with(cells, PBTI_ASTERIX_ENEMY);
    uint32_t const gold = cells_with(cells, PBTI_ASTERIX_GOLD);
    assert_int_equal(cells_with(cells, PBTI_ASTERIX_PLAYER), 1);
    assert_true(enemies + gold <= 8 && cells_with(cells, PBTI_ASTERIX_TRAIL) <= enemies + gold);
}

static void assert_freeway(const uint16_t *cells)
{
    uint32_t trails = 0;
    for (uint32_t speed = 1; speed <= 5; speed++) {
        trails += cells_with(cells, PBTI_FREEWAY_CAR + speed);
    }
    assert_int_equal(cells_with(cells, PBTI_FREEWAY_CHICKEN), 1);
    assert_int_equal(cells_with(cells, PBTI_FREEWAY_CAR), 8);
    assert_int_equal(trails, 8);
}

static void assert_space_invaders(const uint16_t *cells)
{
    uint32_t const aliens = cells_with(cells, PBTI_INVADERS_ALIEN);
    uint32_t const left = cells_with(cells, PBTI_INVADERS_ALIEN_LEFT);
    uint32_t const right = cells_with(cells, PBTI_INVADERS_ALIEN_RIGHT);
    assert_int_equal(cells_with(cells, PBTI_INVADERS_CANNON), 1);
    assert_true(aliens >= 1 && aliens <= 24);
    assert_true(left + right == aliens && (left == 0 || right == 0));
}

static void assert_seaquest(const uint16_t *cells)
{
    assert_int_equal(cells_with(cells, PBTI_SEAQUEST_SUB_FRONT), 1);
    assert_int_equal(cells_with(cells, PBTI_SEAQUEST_SUB_BACK), 1);
    assert_true(cells_with(cells, PBTI_SEAQUEST_DIVER_GAUGE) <= 6);
    assert_true(cells_with(cells, PBTI_SEAQUEST_FRIENDLY_BULLET) <= 2);
}

static void assert_beacon(const uint16_t *cells)
{
    assert_int_equal(set_among(cells, 16 * 16, PBTI_BEACON_MARINE), 1);
    assert_int_equal(set_among(cells, 16 * 16, PBTI_BEACON_BEACON), 9);
}

static void assert_watermaze(const uint16_t *cells)
{
    assert_int_equal(cells_with(cells, 0), 1);
}

static void assert_keydoor(const uint16_t *cells)
{
    uint32_t const held = cells_with(cells, PBTI_KEYDOOR_HELD);
    assert_int_equal(cells_with(cells, PBTI_KEYDOOR_WALL), 16);
    assert_int_equal(cells_with(cells, PBTI_KEYDOOR_AGENT), 1);
    assert_int_equal(cells_with(cells, PBTI_KEYDOOR_TREASURE), 1);
    assert_true(held == 0 || held == 100);
    assert_true(cells_with(cells, PBTI_KEYDOOR_KEY) <= cells_with(cells, PBTI_KEYDOOR_DOOR));
}

static void assert_maze(const uint16_t *cells)
{
    assert_int_equal(cells[6 * 7 + 3] & 3, 1 << PBTI_MAZE_FLOOR); /* where the agent is */
    assert_true(set_among(cells, 7 * 7, PBTI_MAZE_GOAL) <= 1);
    assert_true(set_among(cells, 7 * 7, PBTI_MAZE_APPLE) <= 5);
    assert_true(set_among(cells, 7 * 7, PBTI_MAZE_WALL) >= 3);
}

static void assert_shards(const uint16_t *cells)
{
    assert_int_equal(set_among(cells, 16 * 16, PBTI_SHARDS_MARINE), 1);
    assert_int_equal(set_among(cells, 16 * 16, PBTI_SHARDS_OTHER_MARINE), 1);
    assert_in_range(set_among(cells, 16 * 16, PBTI_SHARDS_SHARD), 1, 20);
}

static void assert_roaches(const uint16_t *cells)
{
    uint32_t const marines = set_among(cells, 16 * 16, PBTI_ROACHES_MARINE);
    uint32_t const roaches = set_among(cells, 16 * 16, PBTI_ROACHES_ROACH);
    assert_in_range(marines, 1, 9);
    assert_in_range(roaches, 1, 4);
    assert_true(set_among(cells, 16 * 16, PBTI_ROACHES_WEAK_MARINE) <= marines);
    assert_true(set_among(cells, 16 * 16, PBTI_ROACHES_WEAK_ROACH) <= roaches);
}

/* By name; games without cells have none. */
static void assert_picture(const char *name, const uint16_t *cells)
{
    static const struct {
        const char *name;
        void (*check)(const uint16_t *cells);
    } pictures[] = {
        {"breakout", assert_breakout},   {"asterix", assert_asterix},
        {"freeway", assert_freeway},     {"space_invaders", assert_space_invaders},
        {"seaquest", assert_seaquest},   {"beacon", assert_beacon},
        {"watermaze", assert_watermaze}, {"keydoor", assert_keydoor},
        {"maze", assert_maze},           {"shards", assert_shards},
        {"roaches", assert_roaches},
    };
    for (size_t i = 0; i < sizeof pictures / sizeof pictures[0]; i++) {
        if (strcmp(pictures[i].name, name) == 0) {
            pictures[i].check(cells);
            return;
        }
    }
    fail_msg("no rule for pictures of %s", name);
}

/* Every value within its limits, judged as a load judges it. */
static void assert_valid(struct pbti_env *env)
{
    struct pbt_error err = {0};
    uint8_t *const bytes = env_saved(env);
    if (pbti_env_load(env, bytes, pbti_env_save_size(env), &err) != PBT_OK) {
        fail_msg("%s: %s", pbti_env_kind(env)->name, err.message);
    }
    free(bytes);
}

static void test_any_play(void **unused)
{
    (void)unused;
    enum { COPIES = 8, LONG = 3000 };
    static uint16_t cells[COPIES * PBTI_ENV_CELLS_MAX];
    for (size_t game = 0; game < GAMES; game++) {
        struct session s = session_make(pbti_env_at(game), COPIES, 77);
        for (uint32_t frame = 0; frame < LONG; frame++) {
            session_step(&s, frame);
            if (frame % 10 == 0) { assert_valid(s.env); }
            const struct pbti_env_kind *const kind = pbti_env_kind(s.env);
            if (!kind->cells) { continue; }
            pbti_env_observe_cells(s.env, cells);
            for (uint32_t i = 0; i < COPIES; i++) {
                assert_picture(kind->name, cells + (size_t)i * kind->rows * kind->columns);
            }
            if (frame % 100 == 0) { assert_floats_are_cells(s.env, cells); }
        }
        session_free(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_games),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_copies_are_apart),
        cmocka_unit_test(test_reset_leaves_nothing),
        cmocka_unit_test(test_seed),
        cmocka_unit_test(test_sticky_rate),
        cmocka_unit_test(test_sticky_tells_nothing),
        cmocka_unit_test(test_sticky_always_and_never),
        cmocka_unit_test(test_minimal_actions),
        cmocka_unit_test(test_no_ramping),
        cmocka_unit_test(test_any_play),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
