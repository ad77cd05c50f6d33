/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_a2c_run.c - rules: a->b->c without a break equals a->b, reload, b->c, bit for bit; a fresh
 * start is the same whatever the process has trained before; the same seed gives the same agent and
 * another seed another; frames are counted exactly over segments; the score is the mean return of
 * the episodes that began and ended in the segment; an evaluation leaves no trace; a diverged agent
 * scores NaN; what cannot be gone on with is refused.
 */
#include "a2c/a2c.h"
#include "env_fixture.h"
#include "trainer_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { ENVS = 8 };

static char folder[256];

static int setup(void **state)
{
    (void)state;
    fixture_folder(folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_remove(folder);
    return 0;
}

static struct pbti_a2c_settings small(const char *game, bool lstm)
{
    struct pbti_a2c_settings s;
    pbti_settings_default(pbti_builtin_a2c.settings, &s);
    s.game = env_index(game);
    s.envs = ENVS;
    s.hidden = 16;
    s.unroll = 5;
    s.lstm = lstm;
    return s;
}

/* A directory for a checkpoint, made when it is new. */
static const char *place(const char *name)
{
    const char *const path = fixture_path(folder, name);
    (void)mkdir(path, 0700);
    return path;
}

static struct pbti_a2c_result run(struct pbti_a2c *a, const struct pbti_a2c_settings *s,
                                  const struct pbti_builtin_task *task)
{
    struct pbt_error err = {0};
    if (pbti_builtin_run(&pbti_builtin_a2c, a, s, task, &err) != PBT_OK) {
        fail_msg("%s", err.message);
    }
    return a->result;
}

static void refused(struct pbti_a2c *a, const struct pbti_a2c_settings *s,
                    const struct pbti_builtin_task *task, pbt_status status, const char *words)
{
    struct pbt_error err = {0};
    assert_int_equal(pbti_builtin_run(&pbti_builtin_a2c, a, s, task, &err), status);
    if (strstr(err.message, words) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", words, err.message);
    }
    assert_int_equal(err.code, status);
}

static uint8_t *bytes_of(const char *name, size_t *size)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s/network.safetensors", folder, name);
    return fixture_read(path, size);
}

static bool is_same_file(const char *a, const char *b)
{
    size_t size_a = 0, size_b = 0;
    uint8_t *const bytes_a = bytes_of(a, &size_a);
    uint8_t *const bytes_b = bytes_of(b, &size_b);
    bool const same = size_a == size_b && memcmp(bytes_a, bytes_b, size_a) == 0;
    free(bytes_a);
    free(bytes_b);
    return same;
}

/* What each of the next tests is done with. */
static const struct {
    const char *game;
    bool lstm, told; /* the last action and reward */
} kinds[] = {{"cartpole", false, false},
             {"cartpole", true, false},
             {"breakout", false, false},
             {"breakout", true, false},
             {"breakout", true, true}};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

static struct pbti_a2c_settings of_kind(size_t kind)
{
    struct pbti_a2c_settings s = small(kinds[kind].game, kinds[kind].lstm);
    s.inputs = kinds[kind].told;
    if (s.inputs) {
        s.reward_scale = 0.5;
        s.reward_clip = 0.4;
    }
    return s;
}

/* -------- what decides -------- */

/* Three segments, each with other values of all that may change; frames are no multiple of ENVS,
 * and the second of them are played already. */
static struct pbti_a2c_settings stage(size_t kind, uint32_t segment)
{
    static const uint32_t unrolls[] = {5, 3, 8};
    struct pbti_a2c_settings s = of_kind(kind);
    s.unroll = unrolls[segment];
    s.lr = 1e-3 * (1 + segment);
    s.entropy_cost = 0.01 * (1 + segment);
    s.discount = 0.9 + 0.03 * segment;
    s.trace_decay = 1.0 - 0.1 * segment;
    s.value_cost = 0.5 + 0.1 * segment;
    s.rmsprop_decay = 0.99 - 0.01 * segment;
    s.clip = 0.5 * segment;
    return s;
}

static struct pbti_builtin_task stage_task(uint32_t segment)
{
    static const uint64_t steps[] = {345, 403, 517};
    return (struct pbti_builtin_task){.seed = 100 + segment,
                                      .steps = steps[segment],
                                      .start = segment == 0 ? PBT_CLIENT_FRESH : PBT_CLIENT_KEEP};
}

static void assert_same_result(const struct pbti_a2c_result *a, const struct pbti_a2c_result *b)
{
    assert_true(isfinite(a->score) && a->score == b->score);
    assert_true(a->counted.episodes == b->counted.episodes && a->kept == b->kept);
    assert_true(a->counted.frames == b->counted.frames);
    assert_true(a->entropy == b->entropy && a->value_loss == b->value_loss && a->norm == b->norm);
}

static void check_reload(size_t kind)
{
    static const char *const names[] = {"hot0", "hot1", "hot2"};
    struct pbti_a2c hot;
    struct pbti_a2c_result last = {0};
    pbti_builtin_init(&pbti_builtin_a2c, &hot);
    for (uint32_t i = 0; i < 3; i++) {
        struct pbti_a2c_settings const s = stage(kind, i);
        struct pbti_builtin_task task = stage_task(i);
        task.save = place(names[i]);
        last = run(&hot, &s, &task);
    }
    pbti_builtin_deinit(&pbti_builtin_a2c, &hot);
    /* once in a process that knows nothing, once in one that has trained something else */
    for (int used = 0; used < 2; used++) {
        struct pbti_a2c cold;
        pbti_builtin_init(&pbti_builtin_a2c, &cold);
        struct pbti_a2c_settings const other = stage(kind, 1);
        struct pbti_builtin_task const elsewhere = {.seed = 9, .steps = 77};
        if (used) { (void)run(&cold, &other, &elsewhere); }
        struct pbti_a2c_settings const s = stage(kind, 2);
        struct pbti_builtin_task task = stage_task(2);
        task.start = PBT_CLIENT_LOAD;
        task.load = place("hot1");
        task.save = place("cold2");
        struct pbti_a2c_result const result = run(&cold, &s, &task);
        assert_same_result(&result, &last);
        assert_true(is_same_file("hot2", "cold2"));
        pbti_builtin_deinit(&pbti_builtin_a2c, &cold);
    }
}

static void test_reloaded_equals_unbroken(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < KINDS; kind++) {
        check_reload(kind);
    }
}

static void test_fresh_again_equals_fresh(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct pbti_a2c once, twice;
        struct pbti_a2c_settings s = stage(kind, 0);
        struct pbti_a2c_settings other = stage(kind, 2); /* with a longer unroll */
        s.sticky = other.sticky = 0.9;                   /* the last action is told by the next */
        struct pbti_builtin_task const task = stage_task(0);
        struct pbti_builtin_task before = task;
        before.seed++;
        pbti_builtin_init(&pbti_builtin_a2c, &once);
        pbti_builtin_init(&pbti_builtin_a2c, &twice);
        struct pbti_a2c_result const first = run(&once, &s, &task);
        (void)run(&twice, &other, &before);
        struct pbti_a2c_result const again = run(&twice, &s, &task);
        assert_same_result(&first, &again);
        pbti_builtin_deinit(&pbti_builtin_a2c, &once);
        pbti_builtin_deinit(&pbti_builtin_a2c, &twice);
    }
}

static void test_seed_decides(void **state)
{
    (void)state;
    static const char *const names[] = {"one", "again", "other"};
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct pbti_a2c_settings const s = of_kind(kind);
        for (uint64_t i = 0; i < 3; i++) {
            struct pbti_a2c a;
            pbti_builtin_init(&pbti_builtin_a2c, &a);
            struct pbti_builtin_task const task = {
                .seed = i < 2 ? 5 : 6, .steps = 200, .save = place(names[i])};
            (void)run(&a, &s, &task);
            pbti_builtin_deinit(&pbti_builtin_a2c, &a);
        }
        assert_true(is_same_file("one", "again"));
        assert_false(is_same_file("one", "other"));
    }
}

static void test_clones_diverge(void **state)
{
    (void)state;
    struct pbti_a2c a;
    pbti_builtin_init(&pbti_builtin_a2c, &a);
    struct pbti_a2c_settings const s = small("cartpole", false);
    struct pbti_builtin_task task = {.seed = 1, .steps = 200, .save = place("donor")};
    (void)run(&a, &s, &task);
    static const char *const names[] = {"first", "second"};
    for (uint64_t i = 0; i < 2; i++) {
        task = (struct pbti_builtin_task){.seed = 2 + i,
                                          .steps = 200,
                                          .start = PBT_CLIENT_LOAD,
                                          .load = place("donor"),
                                          .save = place(names[i])};
        (void)run(&a, &s, &task);
    }
    assert_false(is_same_file("first", "second"));
    pbti_builtin_deinit(&pbti_builtin_a2c, &a);
}

/* -------- steps are frames -------- */

struct heard {
    uint64_t step, count;
};

static bool hear(void *context, uint64_t step, double loss)
{
    struct heard *const heard = context;
    assert_true(isfinite(loss));
    assert_true(step > heard->step || heard->count == 0);
    heard->step = step;
    heard->count++;
    return true;
}

static void test_frames_are_counted_exactly(void **state)
{
    (void)state;
    static const uint64_t steps[] = {1, 3, 5, 100, 8, 41, 333, 1, 1, 7};
    struct pbti_a2c a;
    pbti_builtin_init(&pbti_builtin_a2c, &a);
    struct pbti_a2c_settings const s = small("cartpole", false);
    uint64_t asked = 0, played = 0, kept = 0;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct heard heard = {0, 0};
        struct pbti_builtin_task const task = {.seed = i,
                                               .steps = steps[i],
                                               .start = i == 0 ? PBT_CLIENT_FRESH : PBT_CLIENT_KEEP,
                                               .progress = hear,
                                               .context = &heard};
        uint64_t const before = a.saved.last.episodes;
        struct pbti_a2c_result const result = run(&a, &s, &task);
        uint64_t const rounds = a.agent.rounds;
        asked += steps[i];
        played += rounds * ENVS;
        assert_true(played >= asked && played - asked < ENVS);
        assert_int_equal(a.saved.surplus, played - asked);
        assert_int_equal(heard.count, (rounds + s.unroll - 1) / s.unroll);
        assert_int_equal(heard.step, rounds > 0 ? steps[i] : 0);
        assert_true(result.trained == (rounds > 0));
        if (rounds == 0) { /* all was played already: the score is that of the segment before */
            assert_true(result.kept == before && a.saved.last.episodes == before);
            kept += before;
        }
    }
    assert_true(kept > 0);
    pbti_builtin_deinit(&pbti_builtin_a2c, &a);
}

static bool stop_at_once(void *context, uint64_t step, double loss)
{
    (void)context;
    (void)step;
    (void)loss;
    return false;
}

static void test_lost_worker_stops_the_segment(void **state)
{
    (void)state;
    struct pbti_a2c a;
    pbti_builtin_init(&pbti_builtin_a2c, &a);
    struct pbti_a2c_settings const s = small("cartpole", false);
    struct pbti_builtin_task const task = {.seed = 1, .steps = 4000, .progress = stop_at_once};
    refused(&a, &s, &task, PBT_EIO, "progress");
    assert_int_equal(a.agent.rounds, s.unroll);
    pbti_builtin_deinit(&pbti_builtin_a2c, &a);
}

struct watched {
    const struct pbti_a2c_agent *agent;
    uint64_t seed;
    uint32_t rounds, ends; /* seen so far; ends: of rollouts, where an episode ended */
};

/* Actions are drawn from the seed of the segment and the round; who has ended has forgotten. */
static bool watch(void *context, uint64_t step, double loss)
{
    struct watched *const w = context;
    const struct pbti_a2c_agent *const agent = w->agent;
    uint32_t const actions = agent->net.shape.actions, hidden = agent->net.shape.hidden;
    (void)step;
    (void)loss;
    size_t t = 0;
    for (; w->rounds < agent->rounds; t++, w->rounds++) {
        uint8_t drawn[ENVS];
        struct pbti_nn_stream const stream = {
            .seed = w->seed, .purpose = PBTI_NN_PURPOSE_ACTION, .step = w->rounds};
        pbti_a2c_draw(drawn, agent->net.heads + t * ENVS * (actions + 1), &stream, ENVS, actions);
        assert_memory_equal(drawn, agent->chosen + t * ENVS, ENVS);
    }
    for (size_t i = 0; agent->net.shape.lstm && i < ENVS; i++) {
        bool const ended = agent->ends[(t - 1) * ENVS + i] != PBTI_ENV_GOES_ON;
        w->ends += ended;
        for (size_t k = 0; k < hidden; k++) {
            assert_true((agent->net.memory.state[i * hidden + k] == 0.0f) == ended);
        }
    }
    return true;
}

static void test_rounds_of_a_segment(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct pbti_a2c a;
        pbti_builtin_init(&pbti_builtin_a2c, &a);
        struct pbti_a2c_settings const s = of_kind(kind);
        struct watched w = {.agent = &a.agent, .seed = 12};
        struct pbti_builtin_task const task = {
            .seed = 12, .steps = 3000, .progress = watch, .context = &w};
        (void)run(&a, &s, &task);
        assert_true(w.rounds == 3000 / ENVS && (w.ends > 0) == kinds[kind].lstm);
        pbti_builtin_deinit(&pbti_builtin_a2c, &a);
    }
}

/* Where a rollout is cut leaves no trace in games, actions and memory of an agent whose weights
 * stay as they are. */
static void test_acting_does_not_depend_on_the_unroll(void **state)
{
    (void)state;
    static const uint32_t unrolls[] = {1, 7, 50};
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct pbti_a2c agents[3];
        for (size_t i = 0; i < 3; i++) {
            struct pbti_a2c_settings s = of_kind(kind);
            s.lr = 0.0;
            s.unroll = unrolls[i];
            struct pbti_builtin_task const task = {.seed = 11, .steps = 50 * ENVS};
            pbti_builtin_init(&pbti_builtin_a2c, &agents[i]);
            (void)run(&agents[i], &s, &task);
        }
        size_t const size = pbti_a2c_saved_size(&agents[0].agent, &agents[0].saved);
        uint8_t *const bytes[] = {malloc(size), malloc(size), malloc(size)};
        for (size_t i = 0; i < 3; i++) {
            assert_non_null(bytes[i]);
            assert_int_equal(pbti_a2c_saved_size(&agents[i].agent, &agents[i].saved), size);
            pbti_a2c_saved_encode(&agents[i].agent, &agents[i].saved, bytes[i]);
            assert_memory_equal(bytes[i], bytes[0], size);
        }
        for (size_t i = 0; i < 3; i++) {
            free(bytes[i]);
            pbti_builtin_deinit(&pbti_builtin_a2c, &agents[i]);
        }
    }
}

/* A picture of bytes, a told LSTM, in the middle of long episodes. */
static void test_a_maze_in_the_first_person(void **state)
{
    (void)state;
    struct pbti_a2c kept, loaded;
    struct pbti_a2c_settings s = small("maze3d", true);
    s.inputs = s.minimal = true;
    s.size = 7;
    struct pbti_builtin_task first = {.seed = 3, .steps = 200, .save = place("first")};
    struct pbti_builtin_task second = {
        .seed = 4, .steps = 200, .start = PBT_CLIENT_KEEP, .save = place("kept")};
    pbti_builtin_init(&pbti_builtin_a2c, &kept);
    pbti_builtin_init(&pbti_builtin_a2c, &loaded);
    (void)run(&kept, &s, &first);
    (void)run(&kept, &s, &second);
    second.start = PBT_CLIENT_LOAD;
    second.load = place("first");
    second.save = place("loaded");
    (void)run(&loaded, &s, &second);
    assert_true(is_same_file("kept", "loaded"));
    assert_false(is_same_file("first", "loaded"));
    pbti_builtin_deinit(&pbti_builtin_a2c, &kept);
    pbti_builtin_deinit(&pbti_builtin_a2c, &loaded);
}

/* -------- the score -------- */

static bool watch_rewards(void *context, uint64_t step, double loss)
{
    const struct pbti_a2c_agent *const agent = context;
    uint32_t seen = 0;
    (void)step;
    (void)loss;
    for (uint32_t k = 0; k < agent->unroll * ENVS; k++) {
        float const reward = agent->rewards[k];
        assert_true(reward == 0.0f || reward == 0.25f); /* 1, times 0.5, cut off at 0.25 */
        seen += reward != 0.0f;
    }
    return seen <= agent->unroll * ENVS;
}

/* Rewards are scaled and clipped for learning; the score is the game's. */
static void test_scaled_rewards_are_not_the_score(void **state)
{
    (void)state;
    double scores[2];
    for (int scaled = 0; scaled < 2; scaled++) {
        struct pbti_a2c a;
        struct pbti_a2c_settings s = small("breakout", false);
        s.lr = 0.0; /* both play the same */
        if (scaled) {
            s.reward_scale = 0.5;
            s.reward_clip = 0.25;
        }
        struct pbti_builtin_task const task = {.seed = 5,
                                               .steps = 2000,
                                               .progress = scaled ? watch_rewards : NULL,
                                               .context = &a.agent};
        pbti_builtin_init(&pbti_builtin_a2c, &a);
        scores[scaled] = run(&a, &s, &task).score;
        pbti_builtin_deinit(&pbti_builtin_a2c, &a);
    }
    assert_true(scores[0] > 0.0 && scores[0] == scores[1]);
}

/* 0 is what a random player gets, 1 what the scripted one does (docs/environments.md). */
static void test_normalised_score(void **state)
{
    (void)state;
    struct pbti_a2c a;
    struct pbti_a2c_settings s = small("beacon", false);
    struct pbti_builtin_task const task = {.seed = 5, .steps = 240 * ENVS};
    pbti_builtin_init(&pbti_builtin_a2c, &a);
    double const mean = run(&a, &s, &task).score;
    for (uint32_t score = 0; score < 2; score++) {
        for (uint32_t list = 0; list < 2; list++) {
            struct pbti_builtin_report to = {.count = 0};
            s.score = score;
            s.report = list;
            pbti_builtin_a2c.report(&a, &s, &to);
            double sum = 0.0;
            for (uint32_t i = 0; i < to.count; i++) {
                sum += to.scores[i];
            }
            double const expected = score ? (mean - 0.871) / (35.0 - 0.871) : mean;
            assert_int_equal(to.count, list ? ENVS : 1);
            assert_true(fabs(sum / to.count - expected) < 1e-12);
        }
    }
    pbti_builtin_deinit(&pbti_builtin_a2c, &a);
}

/* Plays the actions of an agent in games of its own, and counts. */
struct beside {
    const struct pbti_a2c_agent *agent;
    struct pbti_env *env;
    uint32_t rounds; /* of the segment, seen so far */
    bool whole[ENVS];
    double totals[ENVS];
    uint64_t episodes; /* that began and ended in the segment */
    double returns;
};

static bool play_beside(void *context, uint64_t step, double loss)
{
    struct beside *const b = context;
    const struct pbti_a2c_agent *const agent = b->agent;
    (void)step;
    (void)loss;
    for (size_t t = 0; b->rounds < agent->rounds; t++, b->rounds++) {
        float rewards[ENVS];
        uint8_t ends[ENVS];
        pbti_env_step(b->env, agent->chosen + t * ENVS, rewards, ends);
        assert_memory_equal(ends, agent->ends + t * ENVS, sizeof ends);
        for (uint32_t i = 0; i < ENVS; i++) {
            b->totals[i] += (double)rewards[i];
            if (ends[i] == PBTI_ENV_GOES_ON) { continue; }
            if (b->whole[i]) {
                b->episodes++;
                b->returns += b->totals[i];
            }
            b->totals[i] = 0.0;
            b->whole[i] = true;
        }
    }
    return true;
}

static void begin_beside(struct beside *b, uint64_t seed, bool fresh)
{
    pbti_env_seed(b->env, seed);
    if (fresh) { pbti_env_reset(b->env); }
    b->rounds = 0;
    b->episodes = 0;
    b->returns = 0.0;
    for (uint32_t i = 0; i < ENVS; i++) {
        b->whole[i] = fresh;
        b->totals[i] = 0.0;
    }
}

static void check_scores(const char *game)
{
    static const uint64_t steps[] = {3000, 250, 130, 3000}; /* many episodes, few, few, many */
    struct pbti_a2c a;
    pbti_builtin_init(&pbti_builtin_a2c, &a);
    struct pbti_a2c_settings const s = small(game, false);
    struct beside b = {.agent = &a.agent};
    assert_int_equal(pbti_env_create(pbti_env_at(s.game), ENVS, NULL, &b.env, NULL), PBT_OK);
    uint64_t episodes_before = 0;
    double returns_before = 0.0;
    for (uint64_t i = 0; i < 4; i++) {
        begin_beside(&b, 40 + i, i == 0);
        struct pbti_builtin_task const task = {.seed = 40 + i,
                                               .steps = steps[i],
                                               .start = i == 0 ? PBT_CLIENT_FRESH : PBT_CLIENT_KEEP,
                                               .progress = play_beside,
                                               .context = &b};
        struct pbti_a2c_result const result = run(&a, &s, &task);
        bool const enough = b.episodes >= PBTI_TALLY_ENOUGH;
        assert_true(enough == (steps[i] == 3000));
        uint64_t const kept = enough ? 0 : episodes_before;
        double const returns = b.returns + (enough ? 0.0 : returns_before);
        assert_int_equal(result.kept, kept);
        assert_int_equal(result.counted.episodes, b.episodes + kept);
        assert_true(result.score == returns / (double)(b.episodes + kept));
        episodes_before = b.episodes;
        returns_before = b.returns;
    }
    pbti_env_destroy(b.env);
    pbti_builtin_deinit(&pbti_builtin_a2c, &a);
}

static void test_score_is_the_mean_of_whole_episodes(void **state)
{
    (void)state;
    check_scores("cartpole");
    check_scores("breakout");
}

static void test_without_an_episode_there_is_no_score(void **state)
{
    (void)state;
    struct pbti_a2c a;
    pbti_builtin_init(&pbti_builtin_a2c, &a);
    struct pbti_a2c_settings const s = small("freeway", false); /* 2,500 frames each */
    struct pbti_builtin_task const task = {.seed = 1, .steps = 400};
    struct pbti_a2c_result const result = run(&a, &s, &task);
    assert_true(isnan(result.score) && result.trained);
    assert_true(result.counted.episodes == 0 && result.kept == 0);
    pbti_builtin_deinit(&pbti_builtin_a2c, &a);
}

static int compare(const void *a, const void *b)
{
    double const x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* CartPole from about 22 frames to more than `least`, for the middle one of three seeds. */
static void check_learning(bool lstm, double lr, double least)
{
    double scores[3];
    for (uint64_t seed = 0; seed < 3; seed++) {
        struct pbti_a2c a;
        pbti_builtin_init(&pbti_builtin_a2c, &a);
        struct pbti_a2c_settings s = small("cartpole", lstm);
        s.hidden = 32;
        s.unroll = 8;
        s.lr = lr; /* rewards are large here: the value learns slowly, and small steps are safe */
        s.entropy_cost = 0.01;
        s.value_cost = 0.5;
        s.rmsprop_epsilon = 1e-5;
        s.clip = 0.5;
        struct pbti_builtin_task task = {.seed = seed, .steps = 2000};
        assert_true(run(&a, &s, &task).score < 40.0);
        task = (struct pbti_builtin_task){.seed = seed, .steps = 98000, .start = PBT_CLIENT_KEEP};
        (void)run(&a, &s, &task);
        task = (struct pbti_builtin_task){.seed = seed, .start = PBT_CLIENT_KEEP};
        scores[seed] = run(&a, &s, &task).score;
        pbti_builtin_deinit(&pbti_builtin_a2c, &a);
    }
    qsort(scores, 3, sizeof scores[0], compare);
    if (!(scores[1] > least)) { fail_msg("scores %g %g %g", scores[0], scores[1], scores[2]); }
}

static void test_it_learns(void **state)
{
    (void)state;
    check_learning(false, 3e-3, 200.0);
    check_learning(true, 1e-2, 100.0);
}

static void test_diverged_agent_scores_nan(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct pbti_a2c a;
        pbti_builtin_init(&pbti_builtin_a2c, &a);
        struct pbti_a2c_settings s = of_kind(kind);
        s.lr = 1e30;
        struct pbti_builtin_task const task = {.seed = 1, .steps = 4000, .save = place("nan")};
        assert_true(isnan(run(&a, &s, &task).score));
        for (uint64_t i = 0; i < a.agent.net.block.plane_floats; i++) {
            assert_true(isfinite(a.agent.net.block.weights[i]));
        }
        struct pbti_builtin_task const again = {
            .seed = 2, .steps = 400, .start = PBT_CLIENT_LOAD, .load = place("nan")};
        (void)run(&a, &s, &again); /* what it has become can be saved and loaded */
        s.lr = 1e-3;               /* the process is as good as new afterwards */
        struct pbti_builtin_task const next = {.seed = 1, .steps = 400, .save = place("next")};
        (void)run(&a, &s, &next);
        pbti_builtin_deinit(&pbti_builtin_a2c, &a);
        struct pbti_builtin_task const alone = {.seed = 1, .steps = 400, .save = place("alone")};
        (void)run(&a, &s, &alone);
        assert_true(is_same_file("next", "alone"));
        pbti_builtin_deinit(&pbti_builtin_a2c, &a);
    }
}

/* -------- evaluations -------- */

static void check_evaluation(size_t kind)
{
    struct pbti_a2c a;
    pbti_builtin_init(&pbti_builtin_a2c, &a);
    struct pbti_a2c_settings s = of_kind(kind);
    struct pbti_builtin_task task = {.seed = 1, .steps = 301, .save = place("before")};
    (void)run(&a, &s, &task);
    s.episodes = 2 * ENVS + 1; /* rounded up to 3 each */
    task = (struct pbti_builtin_task){.seed = 2, .start = PBT_CLIENT_KEEP, .save = place("after")};
    struct pbti_a2c_result const result = run(&a, &s, &task);
    assert_int_equal(result.counted.episodes, 3 * ENVS);
    assert_true(isfinite(result.score) && !result.trained);
    assert_true(result.unfinished == 0 && result.kept == 0);
    assert_true(result.score == result.counted.returns / (3 * ENVS));
    if (s.game == env_index("cartpole")) {
        assert_true(result.counted.returns == result.counted.frames);
    }
    assert_true(is_same_file("before", "after"));

    /* a function of checkpoint and seed, in whatever process */
    struct pbti_a2c other;
    pbti_builtin_init(&pbti_builtin_a2c, &other);
    task = (struct pbti_builtin_task){.seed = 2, .start = PBT_CLIENT_LOAD, .load = place("before")};
    assert_true(run(&other, &s, &task).score == result.score);

    /* and training goes on as if there had been none */
    task = (struct pbti_builtin_task){
        .seed = 3, .steps = 200, .start = PBT_CLIENT_KEEP, .save = place("with")};
    (void)run(&a, &s, &task);
    task.start = PBT_CLIENT_LOAD;
    task.load = place("before");
    task.save = place("without");
    (void)run(&other, &s, &task);
    assert_true(is_same_file("with", "without"));
    pbti_builtin_deinit(&pbti_builtin_a2c, &a);
    pbti_builtin_deinit(&pbti_builtin_a2c, &other);
}

static void test_evaluation_leaves_no_trace(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < KINDS; kind++) {
        check_evaluation(kind);
    }
}

/* -------- refusals -------- */

static void test_keep_needs_the_same_agent(void **state)
{
    (void)state;
    struct pbti_a2c a;
    pbti_builtin_init(&pbti_builtin_a2c, &a);
    struct pbti_a2c_settings const s = small("asterix", false);
    struct pbti_builtin_task const keep = {.seed = 4, .steps = 50, .start = PBT_CLIENT_KEEP};
    refused(&a, &s, &keep, PBT_EINVAL, "no network in memory"); /* there is nothing to keep */
    struct pbti_builtin_task const task = {.seed = 3, .steps = 50};
    (void)run(&a, &s, &task);
    struct pbti_a2c_settings others[8];
    for (size_t i = 0; i < 8; i++) {
        others[i] = s;
    }
    others[0].game = env_index("breakout");
    others[1].envs = 9;
    others[2].filters = 32;
    others[3].hidden = 17;
    others[4].lstm = true;
    others[5].sticky = 0.2;
    others[6].ramping = false;
    others[7].minimal = true;
    for (size_t i = 0; i < 8; i++) {
        refused(&a, &others[i], &keep, PBT_EINVAL, "must be `frozen`");
    }
    (void)run(&a, &s, &keep);
    pbti_builtin_deinit(&pbti_builtin_a2c, &a);
}

static void test_too_large_for_a_checkpoint(void **state)
{
    (void)state;
    struct pbti_a2c a;
    pbti_builtin_init(&pbti_builtin_a2c, &a);
    struct pbti_a2c_settings s = small("cartpole", true);
    s.envs = 4096;
    s.hidden = 2048; /* 2 x 4096 x 2048 floats of state: 64 MiB, and the games */
    struct pbti_builtin_task const task = {.seed = 1, .steps = 50};
    refused(&a, &s, &task, PBT_EINVAL, "4096 copies of a game with 2048 hidden units are too many");
    pbti_builtin_deinit(&pbti_builtin_a2c, &a);
}

static void test_load_needs_the_same_agent(void **state)
{
    (void)state;
    struct pbti_a2c a;
    pbti_builtin_init(&pbti_builtin_a2c, &a);
    struct pbti_a2c_settings s = small("asterix", false);
    struct pbti_builtin_task task = {.seed = 3, .steps = 50, .save = place("saved")};
    (void)run(&a, &s, &task);
    task = (struct pbti_builtin_task){.start = PBT_CLIENT_LOAD, .load = place("saved")};
    s.game = env_index("breakout"); /* a network of the same shape */
    refused(&a, &s, &task, PBT_EINVAL, "asterix");
    s = small("asterix", false);
    s.envs = 9;
    refused(&a, &s, &task, PBT_EINVAL, "8 copies");
    s = small("asterix", false);
    s.hidden = 17;
    refused(&a, &s, &task, PBT_EINVAL, "\"hidden.weight\" has the shape [16, ");
    s = small("asterix", true);
    refused(&a, &s, &task, PBT_EINVAL, "");
    s = small("asterix", false);
    (void)run(&a, &s, &task);
    pbti_builtin_deinit(&pbti_builtin_a2c, &a);
}

static void test_damaged_checkpoint_is_worth_another_try(void **state)
{
    (void)state;
    struct pbti_a2c a;
    pbti_builtin_init(&pbti_builtin_a2c, &a);
    struct pbti_a2c_settings s = small("cartpole", true);
    s.hidden = 4;
    struct pbti_builtin_task task = {.seed = 3, .steps = 50, .save = place("saved")};
    (void)run(&a, &s, &task);
    task = (struct pbti_builtin_task){.start = PBT_CLIENT_LOAD, .load = place("empty")};
    refused(&a, &s, &task, PBT_EIO, "No such file");
    size_t size = 0;
    uint8_t *const bytes = bytes_of("saved", &size);
    char path[512];
    (void)snprintf(path, sizeof path, "%s", fixture_path(place("saved"), "network.safetensors"));
    task.load = place("saved");
    for (size_t cut = 0; cut < size; cut += 37) {
        fixture_write(path, bytes, cut);
        refused(&a, &s, &task, PBT_EIO, "");
    }
    for (size_t at = 0; at < size; at += 7) {
        bytes[at] ^= (uint8_t)(1u << at % 8);
        fixture_write(path, bytes, size);
        pbt_status const status = pbti_builtin_run(&pbti_builtin_a2c, &a, &s, &task, NULL);
        assert_int_equal(status, PBT_EIO);
        bytes[at] ^= (uint8_t)(1u << at % 8);
    }
    fixture_write(path, bytes, size);
    (void)run(&a, &s, &task);
    free(bytes);
    pbti_builtin_deinit(&pbti_builtin_a2c, &a);
}

/* What stands behind the checksum is checked nevertheless, and changes nothing when it is wrong. */
static void test_wrong_games_change_nothing(void **state)
{
    (void)state;
    struct pbti_a2c a;
    pbti_builtin_init(&pbti_builtin_a2c, &a);
    struct pbti_a2c_settings s = small("cartpole", true);
    s.hidden = 4;
    struct pbti_builtin_task const task = {.seed = 3, .steps = 2000};
    (void)run(&a, &s, &task);
    size_t const size = pbti_a2c_saved_size(&a.agent, &a.saved);
    uint8_t *const bytes = malloc(size);
    uint8_t *const now = malloc(size);
    assert_true(bytes != NULL && now != NULL);
    pbti_a2c_saved_encode(&a.agent, &a.saved, bytes);
    struct pbti_a2c_saved saved = a.saved;
    for (size_t cut = 0; cut < size; cut++) {
        assert_int_not_equal(pbti_a2c_saved_decode(&a.agent, &saved, bytes, cut, NULL), PBT_OK);
    }
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        pbt_status const status = pbti_a2c_saved_decode(&a.agent, &saved, bytes, size, NULL);
        if (status == PBT_OK) { /* another number that might have been */
            assert_true(saved.surplus < ENVS);
            assert_true(saved.last.complete <= PBTI_TALLY_LIST_MAX);
            assert_int_equal(pbti_a2c_saved_size(&a.agent, &saved), size);
            pbti_a2c_saved_encode(&a.agent, &saved, now);
            assert_memory_equal(now, bytes, size);
        }
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (status == PBT_OK) {
            assert_int_equal(pbti_a2c_saved_decode(&a.agent, &saved, bytes, size, NULL), PBT_OK);
        }
        pbti_a2c_saved_encode(&a.agent, &saved, now);
        assert_memory_equal(now, bytes, size);
    }
    free(bytes);
    free(now);
    pbti_builtin_deinit(&pbti_builtin_a2c, &a);
}

int main(void)
{
    pbti_nn_setup(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reloaded_equals_unbroken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fresh_again_equals_fresh, setup, teardown),
        cmocka_unit_test_setup_teardown(test_seed_decides, setup, teardown),
        cmocka_unit_test_setup_teardown(test_clones_diverge, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_maze_in_the_first_person, setup, teardown),
        cmocka_unit_test(test_scaled_rewards_are_not_the_score),
        cmocka_unit_test(test_normalised_score),
        cmocka_unit_test(test_frames_are_counted_exactly),
        cmocka_unit_test(test_lost_worker_stops_the_segment),
        cmocka_unit_test(test_rounds_of_a_segment),
        cmocka_unit_test(test_acting_does_not_depend_on_the_unroll),
        cmocka_unit_test(test_score_is_the_mean_of_whole_episodes),
        cmocka_unit_test(test_without_an_episode_there_is_no_score),
        cmocka_unit_test(test_it_learns),
        cmocka_unit_test_setup_teardown(test_diverged_agent_scores_nan, setup, teardown),
        cmocka_unit_test_setup_teardown(test_evaluation_leaves_no_trace, setup, teardown),
        cmocka_unit_test(test_keep_needs_the_same_agent),
        cmocka_unit_test(test_too_large_for_a_checkpoint),
        cmocka_unit_test_setup_teardown(test_load_needs_the_same_agent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged_checkpoint_is_worth_another_try, setup,
                                        teardown),
        cmocka_unit_test(test_wrong_games_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
