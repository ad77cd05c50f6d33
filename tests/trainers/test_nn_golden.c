/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_nn_golden.c - rule: a whole training step (linear layers, activation, dropout, loss with
 * label smoothing, SGD with momentum and weight decay) is what an independent program computes; see
 * golden_mlp.py.
 */
#include "classify/classify_mlp.h"
#include "golden_mlp.h"
#include "nn/nn_sgd.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

enum { BATCH = 4, INPUTS = 6, CLASSES = 3 };

static const struct pbti_mlp_shape shape = {.layers = 3, .sizes = {INPUTS, 5, 4, CLASSES}};

/* The formulas of golden_mlp.py. */
static void set_weights(struct pbti_nn_block *block)
{
    for (uint32_t p = 0; p < block->part_count; p++) {
        float *const w = pbti_nn_block_part(block, block->weights, p);
        uint32_t const count = block->parts[p].rows * block->parts[p].columns;
        for (uint32_t j = 0; j < count; j++) {
            w[j] = (float)(0.5 * sin(1.0 + 17.0 * p + 0.9 * j));
        }
    }
}

static void set_batch(struct pbti_mlp *mlp, uint32_t step)
{
    for (uint32_t i = 0; i < BATCH * INPUTS; i++) {
        mlp->x[i] = (float)sin(0.7 * i + 0.3 * step);
    }
    for (uint32_t n = 0; n < BATCH; n++) {
        mlp->y[n] = (uint8_t)((n + step) % CLASSES);
    }
}

static void assert_near(const char *what, size_t at, double got, double expected)
{
    if (!(fabs(got - expected) <= 2e-6)) {
        fail_msg("%s %zu: got %.9g, golden %.9g", what, at, got, expected);
    }
}

static void check(const struct golden *g)
{
    struct pbti_mlp mlp;
    assert_int_equal(pbti_mlp_init(&mlp, &shape, BATCH, NULL), PBT_OK);
    assert_true(pbti_nn_activation_find(g->activation, &mlp.shape.activation));
    set_weights(&mlp.block);
    struct pbti_nn_sgd const sgd = {.lr = 0.1, .momentum = 0.9, .weight_decay = 0.01};
    for (uint32_t step = 0; step < GOLDEN_STEPS; step++) {
        struct pbti_mlp_pass const pass = {.dropout = g->dropout,
                                           .label_smoothing = 0.1,
                                           .seed = UINT64_C(0x0123456789abcdef),
                                           .step = step};
        set_batch(&mlp, step);
        assert_near(g->activation, step, pbti_mlp_gradients(&mlp, BATCH, &pass), g->losses[step]);
        pbti_nn_sgd_step(&sgd, &mlp.block, 1.0);
    }
    size_t at = 0;
    for (uint32_t p = 0; p < mlp.block.part_count; p++) {
        const float *const w = pbti_nn_block_part(&mlp.block, mlp.block.weights, p);
        uint32_t const count = mlp.block.parts[p].rows * mlp.block.parts[p].columns;
        for (uint32_t j = 0; j < count; j++, at++) {
            assert_near("weight", at, (double)w[j], g->weights[at]);
        }
    }
    assert_int_equal(at, GOLDEN_WEIGHTS);
    pbti_mlp_deinit(&mlp);
}

static void test_ten_steps_agree_with_numpy(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++) {
        check(&golden[i]);
    }
}

/* What pads a part to its alignment is 0 in every plane, before and after training. */
static void test_padding_stays_zero(void **state)
{
    (void)state;
    struct pbti_mlp mlp;
    assert_int_equal(pbti_mlp_init(&mlp, &shape, BATCH, NULL), PBT_OK);
    pbti_mlp_randomise(&mlp, 1);
    struct pbti_nn_sgd const sgd = {.lr = 0.1, .momentum = 0.9, .weight_decay = 0.01};
    struct pbti_mlp_pass const pass = {.seed = 1};
    set_batch(&mlp, 0);
    (void)pbti_mlp_gradients(&mlp, BATCH, &pass);
    pbti_nn_sgd_step(&sgd, &mlp.block, 1.0);
    const float *const planes[] = {mlp.block.weights, mlp.block.slots[0], mlp.block.gradients};
    for (uint32_t p = 0; p < mlp.block.part_count; p++) {
        const struct pbti_nn_part *const part = &mlp.block.parts[p];
        size_t const values = (size_t)part->rows * part->columns;
        assert_int_equal(part->offset % PBTI_NN_ALIGN_FLOATS, 0);
        for (size_t j = values; j < pbti_nn_padded(values); j++) {
            for (size_t plane = 0; plane < 3; plane++) {
                assert_true(planes[plane][part->offset + j] == 0.0f);
            }
        }
    }
    pbti_mlp_deinit(&mlp);
}

/* Finite differences through the whole network, dropout included, in every parameter. */
static void test_gradients_of_the_network_are_derivatives(void **state)
{
    (void)state;
    for (int kind = PBTI_NN_TANH; kind <= PBTI_NN_SILU; kind++) { /* relu has a kink; see above */
        struct pbti_mlp mlp;
        struct pbti_mlp_shape smooth = shape;
        smooth.activation = (enum pbti_nn_activation)kind;
        assert_int_equal(pbti_mlp_init(&mlp, &smooth, BATCH, NULL), PBT_OK);
        set_weights(&mlp.block);
        set_batch(&mlp, 0);
        struct pbti_mlp_pass const pass = {.dropout = 0.3, .label_smoothing = 0.1, .seed = 5};
        size_t const floats = (size_t)mlp.block.plane_floats;
        float *const analytic = pbti_nn_floats(floats);
        assert_non_null(analytic);
        (void)pbti_mlp_gradients(&mlp, BATCH, &pass);
        for (size_t i = 0; i < floats; i++) {
            analytic[i] = mlp.block.gradients[i];
        }
        for (size_t i = 0; i < floats; i++) {
            float const kept = mlp.block.weights[i];
            mlp.block.weights[i] = kept + 0x1p-6f;
            double const above = pbti_mlp_gradients(&mlp, BATCH, &pass);
            mlp.block.weights[i] = kept - 0x1p-6f;
            double const below = pbti_mlp_gradients(&mlp, BATCH, &pass);
            mlp.block.weights[i] = kept;
            double const slope = (above - below) * 0x1p5;
            if (!(fabs((double)analytic[i] - slope) <= 3e-4)) {
                fail_msg("parameter %zu: gradient %.7g, slope %.7g", i, (double)analytic[i], slope);
            }
        }
        free(analytic);
        pbti_mlp_deinit(&mlp);
    }
}

int main(void)
{
    pbti_nn_setup(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ten_steps_agree_with_numpy),
        cmocka_unit_test(test_padding_stays_zero),
        cmocka_unit_test(test_gradients_of_the_network_are_derivatives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
