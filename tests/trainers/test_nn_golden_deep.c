/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_nn_golden_deep.c - rule: ten steps of a network of convolution, SiLU, layer normalisation,
 * LSTM with an episode's end, linear layer and Huber's loss, with clipped gradients, by each kind
 * of RMSProp and Adam, are what an independent program computes; see golden_deep.py.
 */
#include "golden_deep.h"
#include "nn/nn_activation.h"
#include "nn/nn_adam.h"
#include "nn/nn_clip.h"
#include "nn/nn_conv.h"
#include "nn/nn_linear.h"
#include "nn/nn_loss.h"
#include "nn/nn_lstm.h"
#include "nn/nn_norm.h"
#include "nn/nn_rmsprop.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

/* The sizes of golden_deep.py. */
enum { T = 3, B = 2, Y = 5, X = 4, C = 2, K = 3, O = 3, N = 18, H = 4, G = 4 * H, V = 2 };
enum { INPUT = T * B * Y * X * C, BLOCK = K * K * C, WINDOWS = T * B * N / O * BLOCK };

static const struct pbti_nn_conv_shape conv = {Y, X, C, O, K, 2, 1};
static const float mask[T * B] = {1, 1, 1, 0, 1, 1};

enum part { CONV_W, CONV_B, GAIN, BIAS, LSTM_X, LSTM_H, LSTM_B, OUT_W, OUT_B, PARTS };

/* As the table of cases in golden_deep.py. */
enum kind { PLAIN, MOMENTUM, CENTRED, CENTRED_MOMENTUM, ADAM, ADAMW, KINDS };

/* The weights, and all that the way back needs. */
struct network {
    struct pbti_nn_block block;
    float x[INPUT], windows[WINDOWS], z[T * B * N], a[T * B * N], normal[T * B * N];
    struct pbti_nn_row_statistics statistics[T * B];
    float h_before[T * B * H], c_before[T * B * H], gates[T * B * G], h[T * B * H], c[T * B * H];
    float y[T * B * V], targets[T * B * V];
};

static float *weight(const struct network *n, enum part part)
{
    return pbti_nn_block_part(&n->block, n->block.weights, (uint32_t)part);
}

static float *gradient(const struct network *n, enum part part)
{
    return pbti_nn_block_part(&n->block, n->block.gradients, (uint32_t)part);
}

static struct pbti_nn_lstm lstm_of(const struct network *n)
{
    return (struct pbti_nn_lstm){N, H, weight(n, LSTM_X), weight(n, LSTM_H), weight(n, LSTM_B)};
}

static void make(struct network *n, uint32_t slots)
{
    static const struct {
        const char *name;
        uint32_t rows, columns;
        bool decay;
    } parts[PARTS] = {
        {"conv.weight", BLOCK, O, true}, {"conv.bias", O, 1, false}, {"norm.gain", N, 1, false},
        {"norm.bias", N, 1, false},      {"lstm.x", G, N, true},     {"lstm.h", G, H, true},
        {"lstm.bias", G, 1, false},      {"out.weight", V, H, true}, {"out.bias", V, 1, false},
    };
    memset(n, 0, sizeof *n);
    pbti_nn_block_init(&n->block);
    for (uint32_t p = 0; p < PARTS; p++) {
        uint32_t index = 0;
        assert_int_equal(pbti_nn_block_add(&n->block, parts[p].name, parts[p].rows,
                                           parts[p].columns, parts[p].decay, &index, NULL),
                         PBT_OK);
        assert_int_equal(index, p);
    }
    assert_int_equal(pbti_nn_block_allocate(&n->block, slots, NULL), PBT_OK);
    for (uint32_t p = 0; p < PARTS; p++) {
        for (uint32_t j = 0; j < parts[p].rows * parts[p].columns; j++) {
            weight(n, (enum part)p)[j] = (float)(0.5 * sin(1.0 + 17.0 * p + 0.9 * j));
        }
    }
}

static void set_batch(struct network *n, uint32_t step)
{
    for (uint32_t i = 0; i < INPUT; i++) {
        n->x[i] = (float)sin(0.7 * i + 0.3 * step);
    }
    for (uint32_t i = 0; i < T * B * V; i++) {
        n->targets[i] = (float)cos(1.1 * i + 0.2 * step);
    }
}

static void forward(struct network *n)
{
    assert_true(pbti_nn_conv_scratch(&conv, T * B) <= WINDOWS);
    pbti_nn_conv_forward(&conv, n->z, n->x, weight(n, CONV_W), weight(n, CONV_B), n->windows,
                         T * B);
    pbti_nn_activation_forward(PBTI_NN_SILU, n->a, n->z, T * B * N);
    pbti_nn_layer_norm_forward(n->normal, n->statistics, n->a, weight(n, GAIN), weight(n, BIAS),
                               1e-5, T * B, N);
    struct pbti_nn_lstm const lstm = lstm_of(n);
    for (size_t t = 0; t < T; t++) {
        size_t const at = t * B * H;
        if (t > 0) { /* the state before the first step is 0 */
            memcpy(n->h_before + at, n->h + at - B * H, B * H * sizeof(float));
            memcpy(n->c_before + at, n->c + at - B * H, B * H * sizeof(float));
        }
        pbti_nn_mask_rows(n->h_before + at, mask + t * B, B, H);
        pbti_nn_mask_rows(n->c_before + at, mask + t * B, B, H);
        pbti_nn_lstm_forward(&lstm, n->gates + t * B * G, n->h + at, n->c + at,
                             n->normal + t * B * N, n->h_before + at, n->c_before + at, B);
    }
    pbti_nn_linear_forward(n->y, n->h, weight(n, OUT_W), weight(n, OUT_B), T * B, H, V);
}

/* From dh of all steps, as the layer above gives it, to the gradients of the LSTM and its input. */
static void lstm_backward(struct network *n, const float *d_h, float *dx)
{
    struct pbti_nn_lstm const lstm = lstm_of(n);
    float dz[T * B * G], dh[B * H] = {0}, dc[B * H] = {0};
    for (size_t t = T; t-- > 0;) {
        size_t const at = t * B * H;
        for (size_t i = 0; i < B * H; i++) {
            dh[i] += d_h[at + i];
        }
        pbti_nn_lstm_backward_step(&lstm, dz + t * B * G, dh, dc, dh, dc, n->gates + t * B * G,
                                   n->c + at, n->c_before + at, B);
        pbti_nn_mask_rows(dh, mask + t * B, B, H);
        pbti_nn_mask_rows(dc, mask + t * B, B, H);
    }
    memset(gradient(n, LSTM_X), 0, (size_t)G * N * sizeof(float));
    memset(gradient(n, LSTM_H), 0, (size_t)G * H * sizeof(float));
    memset(gradient(n, LSTM_B), 0, (size_t)G * sizeof(float));
    pbti_nn_lstm_backward_sums(&lstm, dx, gradient(n, LSTM_X), gradient(n, LSTM_H),
                               gradient(n, LSTM_B), dz, n->normal, n->h_before, T * B);
}

static double gradients(struct network *n)
{
    float dy[T * B * V], dh[T * B * H], d[T * B * N];
    forward(n);
    double const loss = pbti_nn_huber(dy, n->y, n->targets, 0.5, T * B * V);
    pbti_nn_linear_backward(dh, gradient(n, OUT_W), gradient(n, OUT_B), dy, n->h, weight(n, OUT_W),
                            T * B, H, V);
    lstm_backward(n, dh, d);
    pbti_nn_layer_norm_backward(d, gradient(n, GAIN), gradient(n, BIAS), d, n->a, n->statistics,
                                weight(n, GAIN), T * B, N);
    pbti_nn_activation_backward(PBTI_NN_SILU, d, d, n->z, T * B * N);
    pbti_nn_conv_backward(&conv, NULL, gradient(n, CONV_W), gradient(n, CONV_B), d, n->x,
                          weight(n, CONV_W), n->windows, T * B);
    return loss;
}

static bool is_centred(enum kind kind)
{
    return kind == CENTRED || kind == CENTRED_MOMENTUM;
}

static bool has_momentum(enum kind kind)
{
    return kind == MOMENTUM || kind == CENTRED_MOMENTUM;
}

static void optimise(struct pbti_nn_block *block, enum kind kind, double scale)
{
    if (kind == ADAM || kind == ADAMW) {
        struct pbti_nn_adam const adam = {.lr = 0.01,
                                          .beta1 = 0.9,
                                          .beta2 = 0.99,
                                          .epsilon = 1e-6,
                                          .weight_decay = 0.1,
                                          .decoupled = kind == ADAMW};
        pbti_nn_adam_step(&adam, block, scale);
        return;
    }
    struct pbti_nn_rmsprop const rmsprop = {.lr = 0.01,
                                            .decay = 0.9,
                                            .epsilon = 1e-3,
                                            .momentum = has_momentum(kind) ? 0.8 : 0.0,
                                            .centred = is_centred(kind)};
    pbti_nn_rmsprop_step(&rmsprop, block, scale);
}

static void assert_near(const char *what, size_t at, double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance)) {
        fail_msg("%s %zu: got %.9g, golden %.9g", what, at, got, expected);
    }
}

static void check(enum kind kind)
{
    const struct golden *const g = &golden[kind];
    uint32_t const slots = kind >= ADAM
                               ? PBTI_NN_ADAM_SLOTS
                               : pbti_nn_rmsprop_slots(is_centred(kind), has_momentum(kind));
    struct network n;
    make(&n, slots);
    for (uint32_t step = 0; step < GOLDEN_STEPS; step++) {
        set_batch(&n, step);
        assert_near(g->optimiser, step, gradients(&n), g->losses[step], 2e-6);
        optimise(&n.block, kind, pbti_nn_clip_scale(&n.block, 0.11, NULL));
    }
    size_t at = 0;
    for (uint32_t p = 0; p < PARTS; p++) {
        uint32_t const count = n.block.parts[p].rows * n.block.parts[p].columns;
        for (uint32_t j = 0; j < count; j++, at++) {
            assert_near(g->optimiser, at, (double)weight(&n, (enum part)p)[j], g->weights[at],
                        1e-5);
        }
    }
    assert_int_equal(at, GOLDEN_WEIGHTS);
    assert_true(n.block.updates == GOLDEN_STEPS);
    pbti_nn_block_deinit(&n.block);
}

static void test_ten_steps_agree_with_numpy(void **state)
{
    (void)state;
    assert_int_equal(sizeof golden / sizeof golden[0], KINDS);
    for (int kind = PLAIN; kind < KINDS; kind++) {
        check((enum kind)kind);
    }
}

int main(void)
{
    pbti_nn_setup(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ten_steps_agree_with_numpy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
