/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_a2c_golden.c - one update of the actor-critic with an LSTM that is told the last action and
 * reward is what another implementation computes (golden_unreal.h): values, targets, losses, the
 * gradient of every part, and the weights after the step.
 */
#include "a2c/a2c_network.h"
#include "a2c/a2c_policy.h"
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

static void test_an_update(void **state)
{
    (void)state;
    struct pbti_a2c_network net;
    assert_int_equal(pbti_a2c_network_init(&net, &shape, 1, COPIES, NULL), PBT_OK);
    assert_int_equal(pbti_a2c_network_reserve(&net, ROWS + COPIES, NULL), PBT_OK);
    for (uint32_t k = 0; k < GOLDEN_BASE_PARTS; k++) {
        fill_part(&net.block, golden_base[k].name, k + 1, k == 2 ? 0.02 : 0.3);
    }
    pbti_a2c_network_ready(&net);
    struct rollout r = played(&net);
    for (uint32_t row = 0; row < ROWS + COPIES; row++) {
        assert_near("value", (double)net.heads[row * (ACTIONS + 1) + ACTIONS], golden_values[row]);
    }
    pbti_a2c_probabilities(net.heads, ROWS, ACTIONS);
    pbti_a2c_returns(r.advantages, r.targets, r.rewards, r.ends, net.heads, ROUNDS, COPIES, ACTIONS,
                     0.99, 0.95);
    for (uint32_t row = 0; row < ROWS; row++) {
        assert_near("target", (double)r.targets[row], golden_targets[row]);
    }
    struct pbti_a2c_loss const loss = pbti_a2c_gradient(
        net.d_heads, net.heads, r.chosen, r.advantages, r.targets, 0.01, 0.5, ROWS, ACTIONS);
    assert_near("policy", loss.policy, golden_loss[0]);
    assert_near("entropy", loss.entropy, golden_loss[1]);
    assert_near("value", loss.value, golden_loss[2]);
    pbti_a2c_network_backward(&net, ROWS);
    for (uint32_t k = 0; k < GOLDEN_BASE_PARTS; k++) {
        assert_part(&net.block, &golden_base[k], false);
    }
    double norm = 0.0;
    struct pbti_nn_rmsprop const rmsprop = {.lr = 0.01, .decay = 0.99, .epsilon = 1e-6};
    double const scale = pbti_nn_clip_scale(&net.block, 1.0, &norm);
    assert_near("norm", norm, golden_norm);
    pbti_nn_rmsprop_step(&rmsprop, &net.block, scale);
    for (uint32_t k = 0; k < GOLDEN_BASE_PARTS; k++) {
        assert_part(&net.block, &golden_base[k], true);
    }
    pbti_a2c_network_deinit(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_update),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
