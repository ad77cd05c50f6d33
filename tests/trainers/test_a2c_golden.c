/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_a2c_golden.c - one update of the actor-critic with an LSTM that is told the last action and
 * reward, and one of UNREAL, are what another implementation computes (golden_unreal.h): values,
 * targets, losses, the gradient of every part, and the weights after the step.
 */
#include "a2c/a2c_unreal.h"
#include "golden_unreal.h"
#include "nn/nn_clip.h"
#include "nn/nn_rmsprop.h"
#include "trainer_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

enum { ROUNDS = 4, COPIES = 2, ROWS = ROUNDS * COPIES, ACTIONS = 3, HIDDEN = 5, SIDE = 10 };
enum { MAPS = 4, HIDDEN_WEIGHT = 2, PREDICTION_WEIGHT = 15 }; /* the last two: places in tables */

#define DISCOUNT 0.99

static const struct pbti_a2c_shape shape = {.cells = true,
                                            .rows = SIDE,
                                            .columns = SIDE,
                                            .channels = 2,
                                            .actions = ACTIONS,
                                            .filters = 16,
                                            .hidden = HIDDEN,
                                            .lstm = true,
                                            .inputs = true};

static void assert_near(const char *what, double value, double expected)
{
    double const allowed = 1e-6 + 3e-4 * fabs(expected);
    if (!(fabs(value - expected) <= allowed)) {
        fail_msg("%s: %.9g is not %.9g", what, value, expected);
    }
}

static uint32_t part_named(const struct pbti_nn_block *block, const char *name)
{
    uint32_t p = 0;
    while (p < block->part_count && strcmp(block->parts[p].name, name) != 0) {
        p++;
    }
    assert_true(p < block->part_count);
    return p;
}

static void fill_part(struct pbti_nn_block *block, const char *name, uint32_t number, double scale)
{
    uint32_t const p = part_named(block, name);
    size_t const count = (size_t)block->parts[p].rows * block->parts[p].columns;
    float *const w = pbti_nn_block_part(block, block->weights, p);
    for (size_t i = 0; i < count; i++) {
        w[i] = (float)(scale * sin(0.37 * (double)i + 0.9 * number + 0.1));
    }
}

static void fill_picture(uint16_t *cells, uint32_t t, uint32_t copy)
{
    for (uint32_t k = 0; k < SIDE * SIDE; k++) {
        cells[k] = 0;
        for (uint32_t c = 0; c < 2; c++) {
            double const phase =
                1.3 * t + 2.1 * copy + 0.7 * (k / SIDE) + 1.1 * (k % SIDE) + 1.7 * c + 0.2;
            if (sin(phase) > 0.4) { cells[k] = (uint16_t)(cells[k] | 1u << c); }
        }
    }
}

struct rollout {
    uint8_t chosen[ROWS], ends[ROWS];
    float rewards[ROWS], advantages[ROWS], targets[ROWS];
};

/* Copy 1 ends with frame 1. */
static struct rollout played(struct pbti_a2c_network *net)
{
    struct rollout r = {.ends = {[1 * COPIES + 1] = 1}};
    struct pbti_a2c_memory *const memory = &net->memory;
    for (uint32_t b = 0; b < COPIES; b++) {
        for (uint32_t j = 0; j < HIDDEN; j++) {
            memory->state[b * HIDDEN + j] = (float)(0.1 * sin(5.0 * b + j + 1.0));
            memory->state[(COPIES + b) * HIDDEN + j] = (float)(0.1 * cos(5.0 * b + j + 1.0));
        }
        pbti_a2c_memory_last_actions(memory)[b] = (float)b;
        pbti_a2c_memory_last_rewards(memory)[b] = 0.5f * (float)b;
    }
    static const uint8_t none[COPIES] = {0};
    for (uint32_t t = 0; t <= ROUNDS; t++) {
        for (uint32_t b = 0; b < COPIES; b++) {
            uint32_t const row = t * COPIES + b;
            fill_picture(net->cells + (size_t)row * SIDE * SIDE, t, b);
            if (t == ROUNDS) { continue; }
            r.chosen[row] = (uint8_t)((t + 2 * b) % ACTIONS);
            r.rewards[row] = (float)sin(2.0 * t + b);
        }
        if (t > 0) {
            size_t const before = (size_t)(t - 1) * COPIES;
            pbti_a2c_network_forget(net, r.ends + before);
            pbti_a2c_network_note(net, r.chosen + before, r.rewards + before, r.ends + before);
        } else {
            pbti_a2c_network_forget(net, none);
        }
        pbti_a2c_network_forward(net, t * COPIES, COPIES);
    }
    return r;
}

static void assert_part(const struct pbti_nn_block *block, const struct golden_part *golden,
                        bool after)
{
    uint32_t const p = part_named(block, golden->name);
    size_t const count = (size_t)block->parts[p].rows * block->parts[p].columns;
    const float *const g = pbti_nn_block_part(block, block->gradients, p);
    const float *const w = pbti_nn_block_part(block, block->weights, p);
    double squares = 0.0, sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        squares += (double)g[i] * (double)g[i];
        sum += (double)w[i];
    }
    if (after) {
        assert_near(golden->name, (double)w[0], golden->weight);
        assert_near(golden->name, sum, golden->sum);
        return;
    }
    assert_near(golden->name, sqrt(squares), sqrt(golden->squares));
    assert_near(golden->name, (double)g[0], golden->first);
    assert_near(golden->name, (double)g[count - 1], golden->last);
}

/* Forward, loss and back; the gradients stand in the block. */
static void learn(struct pbti_a2c_network *net)
{
    struct rollout r = played(net);
    for (uint32_t row = 0; row < ROWS + COPIES; row++) {
        assert_near("value", (double)net->heads[row * (ACTIONS + 1) + ACTIONS], golden_values[row]);
    }
    pbti_a2c_probabilities(net->heads, ROWS, ACTIONS);
    pbti_a2c_returns(r.advantages, r.targets, r.rewards, r.ends, net->heads, ROUNDS, COPIES,
                     ACTIONS, DISCOUNT, 0.95);
    for (uint32_t row = 0; row < ROWS; row++) {
        assert_near("target", (double)r.targets[row], golden_targets[row]);
    }
    struct pbti_a2c_loss const loss = pbti_a2c_gradient(
        net->d_heads, net->heads, r.chosen, r.advantages, r.targets, 0.01, 0.5, ROWS, ACTIONS);
    assert_near("policy", loss.policy, golden_loss[0]);
    assert_near("entropy", loss.entropy, golden_loss[1]);
    assert_near("value", loss.value, golden_loss[2]);
    pbti_a2c_network_backward(net, ROWS);
}

/* Compare the gradients, take the step, compare the weights. */
static void assert_step(struct pbti_nn_block *block, const struct golden_part *golden,
                        uint32_t parts, double golden_size)
{
    static const struct pbti_nn_rmsprop rmsprop = {.lr = 0.01, .decay = 0.99, .epsilon = 1e-6};
    double norm = 0.0;
    assert_int_equal(block->part_count, parts);
    for (uint32_t k = 0; k < parts; k++) {
        assert_part(block, &golden[k], false);
    }
    double const scale = pbti_nn_clip_scale(block, 1.0, &norm);
    assert_near("norm", norm, golden_size);
    pbti_nn_rmsprop_step(&rmsprop, block, scale);
    for (uint32_t k = 0; k < parts; k++) {
        assert_part(block, &golden[k], true);
    }
}

static void fill(struct pbti_nn_block *block, const struct golden_part *golden, uint32_t parts)
{
    for (uint32_t k = 0; k < parts; k++) {
        bool const small = k == HIDDEN_WEIGHT || k == PREDICTION_WEIGHT;
        fill_part(block, golden[k].name, k + 1, small ? 0.02 : 0.3);
    }
}

static void test_an_update(void **state)
{
    (void)state;
    struct pbti_a2c_network net;
    assert_int_equal(pbti_a2c_network_init(&net, &shape, 1, COPIES, NULL), PBT_OK);
    assert_int_equal(pbti_a2c_network_reserve(&net, ROWS + COPIES, NULL), PBT_OK);
    fill(&net.block, golden_base, GOLDEN_BASE_PARTS);
    pbti_a2c_network_ready(&net);
    learn(&net);
    assert_step(&net.block, golden_base, GOLDEN_BASE_PARTS, golden_norm);
    pbti_a2c_network_deinit(&net);
}

/* -------- UNREAL -------- */

/* The weights of the advantages stand here as (ky, kx, out, in), in the table as (ky, kx, in,
 * out). */
static void turn_advantages(struct pbti_nn_block *block)
{
    uint32_t const p = part_named(block, "control.advantage.weight");
    float *const w = pbti_nn_block_part(block, block->weights, p);
    float turned[3 * 3 * ACTIONS * MAPS];
    for (uint32_t k = 0; k < 3 * 3 * ACTIONS * MAPS; k++) {
        uint32_t const tap = k / (ACTIONS * MAPS), out = k / MAPS % ACTIONS, in = k % MAPS;
        turned[k] = w[(tap * MAPS + in) * ACTIONS + out];
    }
    memcpy(w, turned, sizeof turned);
}

/*
 * Frames 0 .. 39 at places 0 .. 39, with what the sequences are told at their beginnings; then
 * three windows of frames 30 + 3 j, 31 + 3 j, 32 + 3 j, each with the reward of class j behind it.
 */
static void fill_replay(struct pbti_a2c_unreal *u, struct pbti_a2c_network *net)
{
    static const float told[COPIES] = {0.0f, 0.0f};
    for (uint32_t place = 0; place < 40 + 12; place++) {
        uint32_t const j = (place - 40) / 4, k = (place - 40) % 4;
        uint32_t const t = place < 40 ? place : k < 3 ? 30 + 3 * j + k : 0;
        uint8_t actions[COPIES], ends[COPIES] = {0};
        float rewards[COPIES], last_actions[COPIES], last_rewards[COPIES];
        memcpy(last_actions, told, sizeof told);
        memcpy(last_rewards, told, sizeof told);
        for (uint32_t b = 0; b < COPIES; b++) {
            bool const first = t == 10 || t == 20,
                       after = (t == 13 && b == 0) || (t == 24 && b == 1);
            actions[b] = (uint8_t)((t + 2 * b) % ACTIONS);
            rewards[b] = (float)sin(2.0 * t + b);
            ends[b] = (t == 12 && b == 0) || (t == 23 && b == 1);
            if (first) {
                last_actions[b] = (float)((t + b) % ACTIONS);
                last_rewards[b] = 0.5f * (float)b;
            } else if (!after && t > 0) {
                last_actions[b] = (float)((t - 1 + 2 * b) % ACTIONS);
                last_rewards[b] = (float)sin(2.0 * (t - 1) + b);
            }
            if (place >= 40) { rewards[b] = k < 3 ? 0.0f : j == 1 ? 1.0f : j == 2 ? -1.0f : 0.0f; }
            fill_picture(net->cells + (size_t)b * SIDE * SIDE, t, b);
        }
        uint8_t *const seen =
            pbti_a2c_replay_add(&u->replay, actions, rewards, ends, last_actions, last_rewards);
        for (uint32_t b = 0; b < COPIES; b++) {
            pbti_a2c_network_keep(net, b, seen + b * u->replay.seen_size);
        }
    }
}

static void test_an_update_of_unreal(void **state)
{
    (void)state;
    struct pbti_a2c_network net;
    struct pbti_a2c_unreal unreal;
    struct pbti_a2c_settings const s = {.unroll = ROUNDS,
                                        .discount = DISCOUNT,
                                        .control_discount = 0.9,
                                        .replay_ratio = 1.0,
                                        .pixel_control = 0.05,
                                        .value_replay = 1.0,
                                        .reward_prediction = 1.0};
    static const struct pbti_a2c_place sequences[] = {{0, 10}, {1, 10}, {0, 20}, {1, 20}};
    static const struct pbti_a2c_place predicted[] = {{0, 43}, {0, 47}, {0, 51}};
    assert_int_equal(pbti_a2c_network_plan(&net, &shape, COPIES, NULL), PBT_OK);
    assert_int_equal(pbti_a2c_unreal_init(&unreal, &net, 0, MAPS, NULL), PBT_OK);
    assert_int_equal(pbti_a2c_network_allocate(&net, 1, NULL), PBT_OK);
    assert_int_equal(pbti_a2c_unreal_join(&unreal, &net, COPIES, 60, NULL), PBT_OK);
    assert_int_equal(pbti_a2c_network_reserve(&net, ROWS + COPIES, NULL), PBT_OK);
    assert_int_equal(pbti_a2c_unreal_reserve(&unreal, &s, NULL), PBT_OK);
    fill_replay(&unreal, &net);
    fill(&net.block, golden_unreal, GOLDEN_UNREAL_PARTS);
    turn_advantages(&net.block);
    pbti_a2c_network_ready(&net);
    learn(&net);
    unreal.plan.windows = 3;
    memcpy(unreal.plan.sequences, sequences, sizeof sequences);
    memcpy(unreal.plan.predicted, predicted, sizeof predicted);
    struct pbti_a2c_extra_loss const loss = pbti_a2c_unreal_follow(&unreal, &net);
    assert_near("control", loss.control, golden_control_loss);
    assert_near("replay", loss.value, golden_replay_loss);
    assert_near("prediction", loss.prediction, golden_prediction_loss);
    assert_step(&net.block, golden_unreal, GOLDEN_UNREAL_PARTS, golden_unreal_norm);
    pbti_a2c_unreal_deinit(&unreal);
    pbti_a2c_network_deinit(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_update),
        cmocka_unit_test(test_an_update_of_unreal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
