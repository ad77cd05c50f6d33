/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_nn_optimisers.c - rules: each optimiser does what its header's formulas say, number by
 * number, for every choice of slots; padding stays 0; clipping gives the norm of the gradients and
 * says when there is none.
 */
#include "nn/nn_adam.h"
#include "nn/nn_clip.h"
#include "nn/nn_rmsprop.h"
#include "nn/nn_sgd.h"
#include "trainer_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 7, COLUMNS = 5, VALUES = ROWS * COLUMNS, STEPS = 12 };

static void assert_close(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance)) {
        fail_msg("got %.9g, expected %.9g within %.1e", got, expected, tolerance);
    }
}

/* A matrix and a vector, both of sizes that leave padding; weights are noise. */
static void make(struct pbti_nn_block *block, uint32_t slots)
{
    uint32_t index = 0;
    pbti_nn_block_init(block);
    assert_int_equal(pbti_nn_block_add(block, "weight", ROWS, COLUMNS, true, &index, NULL), PBT_OK);
    assert_int_equal(pbti_nn_block_add(block, "bias", ROWS, 1, false, &index, NULL), PBT_OK);
    assert_int_equal(pbti_nn_block_allocate(block, slots, NULL), PBT_OK);
    float *const weight = pbti_nn_block_part(block, block->weights, 0);
    for (uint32_t i = 0; i < VALUES; i++) {
        weight[i] = fixture_noise(i);
    }
}

/* Gradients of very different sizes, and some that are 0. */
static void set_gradients(struct pbti_nn_block *block, uint32_t step)
{
    float *const weight = pbti_nn_block_part(block, block->gradients, 0);
    float *const bias = pbti_nn_block_part(block, block->gradients, 1);
    for (uint32_t i = 0; i < VALUES; i++) {
        weight[i] = fixture_noise(1000 * step + i) * (float)pow(10.0, (double)(i % 6) - 4.0);
    }
    for (uint32_t i = 0; i < ROWS; i++) {
        bias[i] = i == 3 ? 0.0f : fixture_noise(1000 * step + 500 + i);
    }
}

static void assert_padding_is_zero(const struct pbti_nn_block *block)
{
    for (uint32_t plane = 0; plane < 2 + block->slot_count; plane++) {
        float *const values = block->weights + plane * block->plane_floats;
        for (uint32_t p = 0; p < block->part_count; p++) {
            const float *const part = pbti_nn_block_part(block, values, p);
            size_t const count = (size_t)block->parts[p].rows * block->parts[p].columns;
            for (size_t i = count; i < pbti_nn_padded(count); i++) {
                assert_true(part[i] == 0.0f);
            }
        }
    }
}

/* -------- RMSProp -------- */

/* The formulas of nn_rmsprop.h for one weight, in double. */
struct one {
    double w, s, m, v;
};

static void rmsprop_one(struct one *o, const struct pbti_nn_rmsprop *r, double g)
{
    o->s = r->decay * o->s + (1.0 - r->decay) * g * g;
    if (r->centred) { o->m = r->decay * o->m + (1.0 - r->decay) * g; }
    o->v = r->momentum * o->v + g / sqrt(o->s - o->m * o->m + r->epsilon);
    o->w -= r->lr * o->v;
}

static void check_rmsprop(bool centred, bool momentum)
{
    struct pbti_nn_rmsprop r = {
        .lr = 0.01, .decay = 0.95, .epsilon = 1e-3, .centred = centred, .momentum = 0.0};
    struct pbti_nn_block block;
    make(&block, pbti_nn_rmsprop_slots(centred, momentum));
    struct one expected[VALUES];
    memset(expected, 0, sizeof expected);
    const float *const weight = pbti_nn_block_part(&block, block.weights, 0);
    for (size_t i = 0; i < VALUES; i++) {
        expected[i].w = (double)weight[i];
    }
    for (uint32_t step = 0; step < STEPS; step++) {
        /* momentum comes and goes: the velocity of a step without is the direction itself */
        if (momentum) { r.momentum = step % 4 == 3 ? 0.0 : 0.8; }
        double const scale = step % 2 == 0 ? 1.0 : 0.25;
        set_gradients(&block, step);
        const float *const gradient = pbti_nn_block_part(&block, block.gradients, 0);
        for (size_t i = 0; i < VALUES; i++) {
            rmsprop_one(&expected[i], &r, scale * (double)gradient[i]);
        }
        pbti_nn_rmsprop_step(&r, &block, scale);
        for (size_t i = 0; i < VALUES; i++) {
            assert_close((double)weight[i], expected[i].w, 1e-6);
        }
    }
    assert_true(block.updates == STEPS);
    assert_padding_is_zero(&block);
    pbti_nn_block_deinit(&block);
}

static void test_rmsprop_is_its_formula(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        check_rmsprop(kind & 1, kind & 2);
    }
    assert_int_equal(pbti_nn_rmsprop_slots(false, false), 1);
    assert_int_equal(pbti_nn_rmsprop_slots(true, true), PBTI_NN_SLOTS_MAX);
}

/* With gradients that never change, s - m^2 is 0 up to rounding: its root must not be NaN. */
static void test_centred_rmsprop_survives_constant_gradients(void **state)
{
    (void)state;
    struct pbti_nn_rmsprop const r = {.lr = 1e-6, .decay = 0.5, .epsilon = 1e-12, .centred = true};
    struct pbti_nn_block block;
    make(&block, pbti_nn_rmsprop_slots(true, false));
    set_gradients(&block, 1);
    for (int step = 0; step < 200; step++) {
        pbti_nn_rmsprop_step(&r, &block, 1.0);
    }
    for (size_t i = 0; i < block.plane_floats; i++) {
        assert_true(isfinite(block.weights[i]));
    }
    pbti_nn_block_deinit(&block);
}

static void test_nan_gradients_reach_the_weights(void **state)
{
    (void)state;
    struct pbti_nn_rmsprop const r = {.lr = 0.1, .decay = 0.9, .epsilon = 1e-3, .centred = true};
    struct pbti_nn_block block;
    make(&block, pbti_nn_rmsprop_slots(true, false));
    pbti_nn_block_part(&block, block.gradients, 0)[4] = NAN;
    pbti_nn_rmsprop_step(&r, &block, 1.0);
    const float *const weight = pbti_nn_block_part(&block, block.weights, 0);
    assert_true(isnan(weight[4]) && isfinite(weight[3]));
    pbti_nn_block_deinit(&block);
}

/* -------- Adam and SGD -------- */

/* The first step of Adam is lr in the direction of the gradient's sign, whatever its size; what
 * AdamW takes from weights is lr * decay of them, and nothing from biases. */
static void test_first_step_of_adam(void **state)
{
    (void)state;
    for (int decoupled = 0; decoupled < 2; decoupled++) {
        struct pbti_nn_adam const adam = {.lr = 0.01,
                                          .beta1 = 0.9,
                                          .beta2 = 0.999,
                                          .epsilon = 1e-12,
                                          .weight_decay = decoupled ? 0.5 : 0.0,
                                          .decoupled = decoupled};
        struct pbti_nn_block before, after;
        make(&before, PBTI_NN_ADAM_SLOTS);
        make(&after, PBTI_NN_ADAM_SLOTS);
        set_gradients(&after, 1);
        pbti_nn_adam_step(&adam, &after, 0.5);
        for (uint32_t p = 0; p < after.part_count; p++) {
            double const shrink = 1.0 - (after.parts[p].decay ? 0.01 * adam.weight_decay : 0.0);
            for (size_t i = 0; i < (size_t)after.parts[p].rows * after.parts[p].columns; i++) {
                size_t const at = (size_t)after.parts[p].offset + i;
                double const g = (double)after.gradients[at];
                double const sign = (g > 0.0) - (g < 0.0);
                assert_close((double)after.weights[at],
                             shrink * (double)before.weights[at] - 0.01 * sign, 1e-6);
            }
        }
        assert_padding_is_zero(&after);
        pbti_nn_block_deinit(&before);
        pbti_nn_block_deinit(&after);
    }
}

/* Scaled gradients are smaller gradients, for every optimiser. */
static void test_scale_multiplies_gradients(void **state)
{
    (void)state;
    struct pbti_nn_sgd const sgd = {.lr = 0.1, .momentum = 0.9, .weight_decay = 0.01};
    struct pbti_nn_adam const adam = {.lr = 0.1, .beta1 = 0.9, .beta2 = 0.99, .epsilon = 0.01};
    struct pbti_nn_rmsprop const rmsprop = {.lr = 0.1, .decay = 0.9, .epsilon = 0.01};
    for (int kind = 0; kind < 3; kind++) {
        struct pbti_nn_block pair[2];
        for (int scaled = 0; scaled < 2; scaled++) {
            struct pbti_nn_block *const block = &pair[scaled];
            double const scale = scaled ? 0.25 : 1.0;
            make(block, kind == 1 ? PBTI_NN_ADAM_SLOTS : 1);
            set_gradients(block, 1);
            for (size_t i = 0; i < block->plane_floats && !scaled; i++) {
                block->gradients[i] *= 0.25f; /* exact */
            }
            switch (kind) {
            case 0: pbti_nn_sgd_step(&sgd, block, scale); break;
            case 1: pbti_nn_adam_step(&adam, block, scale); break;
            default: pbti_nn_rmsprop_step(&rmsprop, block, scale); break;
            }
        }
        assert_memory_equal(pair[0].weights, pair[1].weights, pair[0].plane_floats * sizeof(float));
        pbti_nn_block_deinit(&pair[0]);
        pbti_nn_block_deinit(&pair[1]);
    }
}

/* -------- clipping -------- */

static void test_clip_gives_the_norm_and_the_factor(void **state)
{
    (void)state;
    struct pbti_nn_block block;
    make(&block, 0);
    set_gradients(&block, 1);
    double sum = 0.0;
    for (size_t i = 0; i < block.plane_floats; i++) {
        sum += (double)block.gradients[i] * (double)block.gradients[i];
    }
    double norm = 0.0;
    assert_close(pbti_nn_clip_scale(&block, 0.0, &norm), 1.0, 0.0);
    assert_close(norm, sqrt(sum), 1e-12 * norm);
    assert_close(pbti_nn_clip_scale(&block, 2.0 * norm, NULL), 1.0, 0.0);
    assert_close(pbti_nn_clip_scale(&block, norm, NULL), 1.0, 0.0);
    assert_close(pbti_nn_clip_scale(&block, 0.1 * norm, NULL), 0.1, 1e-15);
    pbti_nn_block_clear(&block);
    assert_close(pbti_nn_clip_scale(&block, 1.0, &norm), 1.0, 0.0);
    assert_true(norm == 0.0);
    pbti_nn_block_deinit(&block);
}

static void test_clip_says_when_there_is_no_norm(void **state)
{
    (void)state;
    static const float broken[] = {NAN, INFINITY, -INFINITY};
    struct pbti_nn_block block;
    make(&block, 0);
    for (size_t kind = 0; kind < 3; kind++) {
        for (uint32_t at = 0; at < VALUES; at++) {
            double norm = 0.0;
            set_gradients(&block, 1);
            pbti_nn_block_part(&block, block.gradients, 0)[at] = broken[kind];
            assert_true(isnan(pbti_nn_clip_scale(&block, 1.0, &norm)));
            assert_true(!isfinite(norm));
            assert_true(isnan(pbti_nn_clip_scale(&block, 0.0, NULL)));
        }
    }
    /* the largest finite numbers still have one */
    for (size_t i = 0; i < block.plane_floats; i++) {
        block.gradients[i] = 3e38f;
    }
    assert_true(pbti_nn_clip_scale(&block, 1.0, NULL) > 0.0);
    pbti_nn_block_deinit(&block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rmsprop_is_its_formula),
        cmocka_unit_test(test_centred_rmsprop_survives_constant_gradients),
        cmocka_unit_test(test_nan_gradients_reach_the_weights),
        cmocka_unit_test(test_first_step_of_adam),
        cmocka_unit_test(test_scale_multiplies_gradients),
        cmocka_unit_test(test_clip_gives_the_norm_and_the_factor),
        cmocka_unit_test(test_clip_says_when_there_is_no_norm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
