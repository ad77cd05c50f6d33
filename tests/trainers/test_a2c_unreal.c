/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_a2c_unreal.c - rules of UNREAL: pseudo-rewards, targets and gradients of pixel control are
 * those of another implementation, and a sequence over the end of an episode has the targets of
 * two; the dueling head; which frames a reward is predicted of, and how often each is drawn; the
 * replay keeps the last rounds; with all costs at 0 it is the plain agent, bit for bit, and what
 * costs nothing is not computed; kept and loaded go on alike; refusals.
 */
#include "a2c/a2c.h"
#include "env_fixture.h"
#include "trainer_fixture.h"

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

static void assert_near(double value, double expected)
{
    if (!(fabs(value - expected) <= 1e-6 + 1e-6 * fabs(expected))) {
        fail_msg("%.9g is not %.9g", value, expected);
    }
}

/* -------- pixel control -------- */

enum { LENGTH = 3, CELLS = 4, PIXELS = 16 };

static const uint8_t chosen[LENGTH] = {1, 0, 1};

static void fill_picture(uint16_t *cells, int t)
{
    for (int k = 0; k < PIXELS; k++) {
        cells[k] = 0;
        for (int c = 0; c < 2; c++) {
            bool const set = sin(1.3 * t + 0.7 * (k / 4) + 1.1 * (k % 4) + 1.7 * c + 0.2) > 0.4;
            cells[k] = (uint16_t)(cells[k] | (set ? 1u << c : 0));
        }
    }
}

static void fill_changes(float *changes)
{
    uint16_t cells[LENGTH + 1][PIXELS];
    for (int t = 0; t <= LENGTH; t++) {
        fill_picture(cells[t], t);
    }
    for (int t = 0; t < LENGTH; t++) {
        pbti_a2c_control_change_cells(changes + t * CELLS, cells[t], cells[t + 1], 2, 2, 3);
    }
}

static void fill_q(float *q)
{
    for (int k = 0; k < (LENGTH + 1) * CELLS * 2; k++) {
        q[k] = (float)sin(0.5 * k + 0.3);
    }
}

static void test_changes(void **state)
{
    (void)state;
    static const double expected[] = {0.5,  0.25, 0.375, 0.5, 0.375, 0.5,
                                      0.25, 0.5,  0.25,  0.5, 0.375, 0.5};
    float changes[LENGTH * CELLS], masked[CELLS], of_bytes[CELLS];
    fill_changes(changes);
    for (int k = 0; k < LENGTH * CELLS; k++) {
        assert_near((double)changes[k], expected[k]);
    }
    uint16_t before[PIXELS], after[PIXELS];
    float x[2][PIXELS * 2];
    fill_picture(before, 0);
    fill_picture(after, 1);
    for (int k = 0; k < PIXELS * 2; k++) { /* the same picture with floats */
        x[0][k] = before[k / 2] >> (k % 2) & 1 ? 1.0f : 0.0f;
        x[1][k] = after[k / 2] >> (k % 2) & 1 ? 1.0f : 0.0f;
    }
    pbti_a2c_control_change_pixels(of_bytes, x[0], x[1], 2, 2, 2);
    for (int k = 0; k < CELLS; k++) {
        assert_near((double)of_bytes[k], expected[k]);
    }
    for (int k = 0; k < PIXELS; k++) { /* a channel that does not count */
        after[k] = (uint16_t)((before[k] & 1) | (~before[k] & 2));
    }
    pbti_a2c_control_change_cells(masked, before, after, 2, 2, 1);
    for (int k = 0; k < CELLS; k++) {
        assert_true(masked[k] == 0.0f);
    }
}

static void check_targets(const uint8_t *ends, const double *expected, double loss, double squares,
                          const double *gradient)
{
    float changes[LENGTH * CELLS], targets[LENGTH * CELLS], q[(LENGTH + 1) * CELLS * 2];
    float d_q[LENGTH * CELLS * 2];
    double sum = 0.0;
    fill_changes(changes);
    fill_q(q);
    pbti_a2c_control_targets(targets, changes, ends, q, LENGTH, 1, CELLS, 2, 0.9);
    for (int k = 0; k < LENGTH * CELLS; k++) {
        assert_near((double)targets[k], expected[k]);
    }
    assert_near(pbti_a2c_control_loss(d_q, q, targets, chosen, LENGTH, CELLS, 2, 1.0), loss);
    for (int k = 0; k < LENGTH * CELLS * 2; k++) {
        sum += (double)d_q[k] * (double)d_q[k];
    }
    assert_near(sum, squares);
    for (int k = 0; k < 4; k++) {
        assert_near((double)d_q[k], gradient[k]);
    }
}

static void test_targets(void **state)
{
    (void)state;
    static const uint8_t none[LENGTH] = {0}, second[LENGTH] = {0, 1, 0};
    static const double whole[] = {1.2087706625,   1.79295414302, 1.62310676196, 1.64422387781,
                                   0.787522958332, 1.71439349225, 1.38678529106, 1.27135986424,
                                   0.458358842591, 1.3493261025,  1.26309476785, 0.857066515818};
    static const double cut[] = {
        0.5,          0.25,          0.375,         0.5, 0, 0, 0, 0, 0.458358842591,
        1.3493261025, 1.26309476785, 0.857066515818};
    static const double of_whole[] = {0, -0.1638048572, 0, -0.273035504049};
    static const double of_cut[] = {0, 0.0724520302998, 0, 0.241282543626};
    check_targets(none, whole, 4.91727134333, 3.27818089555, of_whole);
    check_targets(second, cut, 2.41076604892, 1.60717736595, of_cut);
}

/* Over the end of an episode a sequence has the targets of two, the first of which ends there. */
static void test_a_sequence_over_an_end_is_two(void **state)
{
    (void)state;
    enum { LONG = 6, AT = 3 }; /* frame 3 ended the episode */
    float changes[LONG * CELLS], q[(LONG + 1) * CELLS * 2], all[LONG * CELLS], tail[LONG * CELLS];
    uint8_t ends[LONG] = {[AT] = 1};
    for (int k = 0; k < LONG * CELLS; k++) {
        changes[k] = (float)fabs(sin(0.7 * k));
    }
    for (int k = 0; k < (LONG + 1) * CELLS * 2; k++) {
        q[k] = (float)cos(0.3 * k);
    }
    pbti_a2c_control_targets(all, changes, ends, q, LONG, 1, CELLS, 2, 0.9);
    pbti_a2c_control_targets(tail, changes + (AT + 1) * CELLS, ends + AT + 1,
                             q + (AT + 1) * CELLS * 2, LONG - AT - 1, 1, CELLS, 2, 0.9);
    assert_memory_equal(all + (AT + 1) * CELLS, tail, (LONG - AT - 1) * CELLS * sizeof tail[0]);
    for (int k = 0; k < CELLS; k++) { /* and the head nothing of what comes after */
        double expected = 0.0;
        assert_true(all[AT * CELLS + k] == 0.0f);
        for (int t = AT - 1; t >= 0; t--) {
            expected = (double)changes[t * CELLS + k] + 0.9 * expected;
            assert_near((double)all[t * CELLS + k], expected);
        }
    }
}

static void test_duel(void **state)
{
    (void)state;
    static const float v[] = {0.3f, -0.2f};
    float q[] = {0.1f, 0.4f, -0.3f, 0.0f, 0.2f, 0.7f};
    static const double expected[] = {1.0 / 3.0, 0.633333333333, -0.0666666666667, -0.5, -0.3, 0.2};
    pbti_a2c_control_duel(q, v, 2, 3);
    for (int k = 0; k < 6; k++) {
        assert_near((double)q[k], expected[k]);
    }
}

static void test_sizes_of_the_head(void **state)
{
    (void)state;
    static const struct {
        uint32_t rows;
        bool bytes;
        uint32_t span, side, small;
    } cases[] = {{10, false, 2, 5, 2},
                 {7, false, 1, 7, 3},
                 {16, false, 2, 8, 3},
                 {24, true, 4, 6, 2},
                 {84, true, 4, 21, 10}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pbti_a2c_control c;
        pbti_a2c_control_init(&c, cases[i].rows, cases[i].bytes, 16, 8, 3);
        assert_int_equal(c.span, cases[i].span);
        assert_int_equal(c.side, cases[i].side);
        assert_int_equal(c.small, cases[i].small * cases[i].small * 16);
        pbti_a2c_control_deinit(&c);
    }
}

/* -------- the replay -------- */

/* A replay of one copy with these rewards; the observation of a frame is its number. */
static struct pbti_a2c_replay replay_of(const float *rewards, const uint8_t *ends, uint32_t count,
                                        uint32_t room)
{
    struct pbti_a2c_replay replay;
    static const float told[1] = {0.0f};
    assert_int_equal(pbti_a2c_replay_init(&replay, 1, room, 1, NULL), PBT_OK);
    for (uint32_t t = 0; t < count; t++) {
        uint8_t const action = (uint8_t)(t % 3);
        *pbti_a2c_replay_add(&replay, &action, rewards + t, ends + t, told, told) = (uint8_t)t;
    }
    return replay;
}

static void test_the_last_rounds_are_kept(void **state)
{
    (void)state;
    enum { ROOM = 5, COUNT = 13 };
    float rewards[COUNT];
    uint8_t ends[COUNT] = {0};
    for (int t = 0; t < COUNT; t++) {
        rewards[t] = (float)t;
    }
    for (uint32_t count = 1; count <= COUNT; count++) {
        struct pbti_a2c_replay replay = replay_of(rewards, ends, count, ROOM);
        assert_int_equal(replay.stored, count < ROOM ? count : ROOM);
        for (uint32_t at = 0; at < replay.stored; at++) {
            struct pbti_a2c_place const place = {0, at};
            uint32_t const frame = count - replay.stored + at;
            assert_int_equal(*pbti_a2c_replay_seen(&replay, place), frame);
            assert_true(replay.rewards[pbti_a2c_replay_index(&replay, place)] == (float)frame);
        }
        pbti_a2c_replay_clear(&replay);
        assert_int_equal(replay.stored, 0);
        pbti_a2c_replay_deinit(&replay);
    }
}

/* All beginnings that leave enough frames, and no other, equally often. */
static void test_sequences_are_uniform(void **state)
{
    (void)state;
    enum { ROOM = 10, LONG = 4, DRAWS = 60000, BEGINNINGS = ROOM - LONG };
    static const float rewards[ROOM] = {0};
    static const uint8_t ends[ROOM] = {0};
    struct pbti_a2c_replay replay = replay_of(rewards, ends, ROOM, ROOM);
    struct pbti_a2c_place *const places = calloc(DRAWS, sizeof places[0]);
    struct pbti_nn_stream const stream = {.seed = 4, .purpose = PBTI_NN_PURPOSE_REPLAY};
    double counts[BEGINNINGS] = {0}, chi = 0.0;
    assert_non_null(places);
    pbti_a2c_replay_sequences(&replay, &stream, LONG, DRAWS, places);
    for (int i = 0; i < DRAWS; i++) {
        assert_true(places[i].copy == 0 && places[i].at < BEGINNINGS);
        counts[places[i].at]++;
    }
    for (int k = 0; k < BEGINNINGS; k++) {
        double const expected = (double)DRAWS / BEGINNINGS;
        chi += (counts[k] - expected) * (counts[k] - expected) / expected;
    }
    assert_true(chi < 20.5); /* 5 degrees of freedom, one in a thousand */
    free(places);
    pbti_a2c_replay_deinit(&replay);
}

enum { FRAMES = 12 };

/* Probabilities of the frames; chi-square of 100,000 draws. */
static void check_windows(const float *rewards, const uint8_t *ends, const double *expected)
{
    enum { DRAWS = 100000 };
    struct pbti_a2c_replay replay = replay_of(rewards, ends, FRAMES, FRAMES);
    struct pbti_a2c_place *const places = calloc(DRAWS, sizeof places[0]);
    struct pbti_nn_stream const stream = {.seed = 5, .purpose = PBTI_NN_PURPOSE_REPLAY, .lane = 2};
    double counts[FRAMES] = {0}, chi = 0.0;
    uint32_t frames = 0;
    assert_non_null(places);
    for (int k = 0; k < FRAMES; k++) {
        frames += expected[k] > 0.0;
    }
    assert_int_equal(pbti_a2c_replay_windows(&replay, &stream, DRAWS, places), frames);
    for (int i = 0; i < DRAWS; i++) {
        counts[places[i].at]++;
    }
    for (int k = 0; k < FRAMES; k++) {
        double const wanted = expected[k] * DRAWS;
        assert_true((wanted > 0.0) == (counts[k] > 0.0));
        if (wanted > 0.0) { chi += (counts[k] - wanted) * (counts[k] - wanted) / wanted; }
    }
    assert_true(chi < 26.2); /* 8 degrees of freedom, one in a thousand */
    free(places);
    pbti_a2c_replay_deinit(&replay);
}

static void test_windows(void **state)
{
    (void)state;
    static const float rewards[FRAMES] = {[3] = 1.0f, [6] = -1.0f, [10] = 2.0f};
    static const float nothing[FRAMES] = {0};
    static const uint8_t none[FRAMES] = {0}, fourth[FRAMES] = {[4] = 1};
    static const double whole[FRAMES] = {
        [3] = 1 / 6.0,  [4] = 1 / 12.0, [5] = 1 / 12.0, [6] = 1 / 6.0,  [7] = 1 / 12.0,
        [8] = 1 / 12.0, [9] = 1 / 12.0, [10] = 1 / 6.0, [11] = 1 / 12.0};
    static const double cut[FRAMES] = {
        [3] = 0.25, [4] = 0.125, [8] = 0.125, [9] = 0.125, [10] = 0.25, [11] = 0.125};
    double uniform[FRAMES] = {0}, rewarded[FRAMES] = {0};
    float every[FRAMES];
    for (int k = 3; k < FRAMES; k++) {
        uniform[k] = 1.0 / (FRAMES - 3);
        rewarded[k] = uniform[k];
    }
    for (int k = 0; k < FRAMES; k++) {
        every[k] = 1.0f;
    }
    check_windows(rewards, none, whole);
    check_windows(rewards, fourth, cut);
    check_windows(nothing, none, uniform); /* one kind is empty: the other */
    check_windows(every, none, rewarded);
    struct pbti_a2c_replay replay = replay_of(rewards, none, 3, FRAMES);
    struct pbti_nn_stream const stream = {.purpose = PBTI_NN_PURPOSE_REPLAY};
    struct pbti_a2c_place place;
    assert_int_equal(pbti_a2c_replay_windows(&replay, &stream, 1, &place), 0); /* too few frames */
    pbti_a2c_replay_deinit(&replay);
    assert_int_equal(pbti_a2c_reward_class(0.0f), 0);
    assert_int_equal(pbti_a2c_reward_class(0.1f), 1);
    assert_int_equal(pbti_a2c_reward_class(-3.0f), 2);
}

static void test_prediction(void **state)
{
    (void)state;
    enum { SIGHT = 1, WINDOWS = 2 };
    static const uint8_t labels[WINDOWS] = {2, 0};
    static const float maps[] = {0.2f, -0.1f, 0.4f, 1.0f, 0.0f, -1.0f};
    static const double gradient[] = {0.168792268899,  0.125044388311, -0.29383665721,
                                      -0.167379522113, 0.122364235527, 0.0450152865852};
    struct pbti_nn_block block;
    struct pbti_a2c_prediction p;
    float d_maps[6];
    pbti_nn_block_init(&block);
    pbti_a2c_prediction_init(&p, SIGHT);
    assert_int_equal(pbti_a2c_prediction_parts(&p, &block, NULL), PBT_OK);
    assert_int_equal(pbti_nn_block_allocate(&block, 0, NULL), PBT_OK);
    assert_int_equal(pbti_a2c_prediction_reserve(&p, WINDOWS, NULL), PBT_OK);
    for (int k = 0; k < 3; k++) { /* logits are the maps */
        pbti_nn_block_part(&block, block.weights, p.w)[k * 3 + k] = 1.0f;
    }
    assert_near(pbti_a2c_prediction_learn(&p, &block, d_maps, maps, labels, WINDOWS, 1.0),
                0.646772641056);
    for (int k = 0; k < 6; k++) {
        assert_near((double)d_maps[k], gradient[k]);
    }
    (void)pbti_a2c_prediction_learn(&p, &block, d_maps, maps, labels, WINDOWS, 0.5);
    for (int k = 0; k < 6; k++) {
        assert_near((double)d_maps[k], 0.5 * gradient[k]);
    }
    pbti_a2c_prediction_deinit(&p);
    pbti_nn_block_deinit(&block);
}

/* -------- segments -------- */

static struct pbti_a2c_settings small(const char *game, uint32_t kind)
{
    struct pbti_a2c_settings s;
    pbti_settings_default(pbti_builtin_a2c.settings, &s);
    s.game = env_index(game);
    s.agent = kind;
    s.envs = ENVS;
    s.hidden = 16;
    s.unroll = 5;
    s.lstm = s.inputs = true;
    s.replay = 60;
    s.pixel_control = 0.01;
    return s;
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

static const char *place_for(const char *name)
{
    const char *const path = fixture_path(folder, name);
    (void)mkdir(path, 0700);
    return path;
}

/* With all costs at 0 it is the plain agent with the same inputs; the weights of the heads that
 * cost nothing may be what they want. */
static void test_without_costs_it_is_the_plain_agent(void **state)
{
    (void)state;
    static const char *const games[] = {"breakout", "maze3d", "cartpole"};
    for (size_t g = 0; g < 3; g++) {
        struct pbti_a2c plain, unreal;
        struct pbti_a2c_settings s = small(games[g], PBTI_A2C_PLAIN);
        struct pbti_builtin_task task = {.seed = 2, .steps = 40 * ENVS};
        pbti_builtin_init(&pbti_builtin_a2c, &plain);
        pbti_builtin_init(&pbti_builtin_a2c, &unreal);
        (void)run(&plain, &s, &task);
        s.agent = PBTI_A2C_UNREAL;
        s.lstm = s.inputs = false; /* they are implied */
        s.pixel_control = s.value_replay = s.reward_prediction = 0.0;
        (void)run(&unreal, &s, &task);
        const struct pbti_nn_block *const block = &unreal.agent.net.block;
        uint32_t const base = plain.agent.net.block.part_count;
        for (uint32_t p = base; p < block->part_count; p++) {
            pbti_nn_block_part(block, block->weights, p)[0] = NAN;
        }
        task = (struct pbti_builtin_task){.seed = 3, .steps = 100 * ENVS, .start = PBT_CLIENT_KEEP};
        (void)run(&unreal, &s, &task);
        s = small(games[g], PBTI_A2C_PLAIN);
        (void)run(&plain, &s, &task);
        for (uint32_t p = 0; p < base; p++) {
            size_t const count = (size_t)block->parts[p].rows * block->parts[p].columns;
            assert_memory_equal(
                pbti_nn_block_part(block, block->weights, p),
                pbti_nn_block_part(&plain.agent.net.block, plain.agent.net.block.weights, p),
                count * sizeof(float));
        }
        assert_true(plain.result.norm == unreal.result.norm);
        assert_true(unreal.result.extra.control == 0.0 && unreal.result.extra.value == 0.0);
        pbti_builtin_deinit(&pbti_builtin_a2c, &plain);
        pbti_builtin_deinit(&pbti_builtin_a2c, &unreal);
    }
}

/* Each loss alone: it is there, the others are not. */
static void test_each_cost_alone(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++) {
        struct pbti_a2c a;
        struct pbti_a2c_settings s = small("breakout", PBTI_A2C_UNREAL);
        struct pbti_builtin_task const task = {.seed = 2, .steps = 100 * ENVS};
        s.pixel_control = k == 0 ? 0.01 : 0.0;
        s.value_replay = k == 1 ? 0.1 : 0.0;
        s.reward_prediction = k == 2 ? 0.1 : 0.0;
        pbti_builtin_init(&pbti_builtin_a2c, &a);
        struct pbti_a2c_result const result = run(&a, &s, &task);
        assert_int_equal(result.replayed, 20 - 60 / 5 + 1); /* updates after 60 rounds are kept */
        assert_true((result.extra.control > 0.0) == (k == 0));
        assert_true((result.extra.value > 0.0) == (k == 1));
        assert_true((result.extra.prediction > 0.0) == (k == 2));
        pbti_builtin_deinit(&pbti_builtin_a2c, &a);
    }
}

static bool is_same_file(const char *a, const char *b)
{
    size_t sizes[2] = {0};
    uint8_t *bytes[2];
    const char *const names[] = {a, b};
    for (int i = 0; i < 2; i++) {
        char path[512];
        (void)snprintf(path, sizeof path, "%s/%s/network.safetensors", folder, names[i]);
        bytes[i] = fixture_read(path, &sizes[i]);
    }
    bool const same = sizes[0] == sizes[1] && memcmp(bytes[0], bytes[1], sizes[0]) == 0;
    free(bytes[0]);
    free(bytes[1]);
    return same;
}

/* In the middle of episodes, with other settings in the second segment. */
static void test_reloaded_equals_unbroken(void **state)
{
    (void)state;
    static const char *const games[] = {"breakout", "maze", "maze3d", "beacon"};
    for (size_t g = 0; g < 4; g++) {
        struct pbti_a2c kept, loaded;
        struct pbti_a2c_settings s = small(games[g], PBTI_A2C_UNREAL);
        struct pbti_builtin_task first = {
            .seed = 3, .steps = 83 * ENVS + 3, .save = place_for("first")};
        struct pbti_builtin_task second = {
            .seed = 4, .steps = 90 * ENVS, .start = PBT_CLIENT_KEEP, .save = place_for("kept")};
        pbti_builtin_init(&pbti_builtin_a2c, &kept);
        pbti_builtin_init(&pbti_builtin_a2c, &loaded);
        (void)run(&kept, &s, &first);
        s.unroll = 7;
        s.replay_ratio = 0.5;
        s.pixel_control = 0.02;
        assert_true(run(&kept, &s, &second).replayed > 0);
        second.start = PBT_CLIENT_LOAD;
        second.load = place_for("first");
        second.save = place_for("loaded");
        (void)run(&loaded, &s, &second);
        assert_true(is_same_file("kept", "loaded"));
        assert_false(is_same_file("first", "loaded"));
        pbti_builtin_deinit(&pbti_builtin_a2c, &kept);
        pbti_builtin_deinit(&pbti_builtin_a2c, &loaded);
    }
}

static void test_nothing_to_control(void **state)
{
    (void)state;
    struct pbti_a2c a;
    struct pbti_a2c_settings s = small("cartpole", PBTI_A2C_UNREAL);
    struct pbti_builtin_task const task = {.seed = 2, .steps = 100 * ENVS};
    struct pbt_error err = {0};
    assert_int_equal(pbti_builtin_a2c.check(&s, &err), PBT_EINVAL);
    assert_non_null(strstr(err.message, "\"pixel_control\" is 0.01; only 0 is allowed"));
    s.pixel_control = 0.0;
    assert_int_equal(pbti_builtin_a2c.check(&s, &err), PBT_OK);
    pbti_builtin_init(&pbti_builtin_a2c, &a);
    struct pbti_a2c_result const result = run(&a, &s, &task);
    assert_true(result.extra.value > 0.0 && result.extra.prediction > 0.0);
    pbti_builtin_deinit(&pbti_builtin_a2c, &a);
}

int main(void)
{
    pbti_nn_setup(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_a_sequence_over_an_end_is_two),
        cmocka_unit_test(test_duel),
        cmocka_unit_test(test_sizes_of_the_head),
        cmocka_unit_test(test_the_last_rounds_are_kept),
        cmocka_unit_test(test_sequences_are_uniform),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_prediction),
        cmocka_unit_test(test_without_costs_it_is_the_plain_agent),
        cmocka_unit_test(test_each_cost_alone),
        cmocka_unit_test_setup_teardown(test_reloaded_equals_unbroken, setup, teardown),
        cmocka_unit_test(test_nothing_to_control),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
