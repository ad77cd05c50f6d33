/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_nn_conv.c - rules: a convolution is what the plain version computes, for odd sizes, strides
 * and paddings, in one piece or in several; its way back is the derivative; the transposed one is
 * its transpose, and its way back the derivative.
 */
#include "gradient_check.h"
#include "nn/nn_base.h"
#include "nn/nn_conv.h"
#include "nn/nn_conv_cells.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A layer with memory for all it reads and writes. */
struct layer {
    struct pbti_nn_conv_shape shape;
    uint32_t batch;
    size_t p_count, q_count, w_count; /* of pictures, of outputs, of weights */
    float *p, *q, *w, *b;             /* noise */
    float *r_p, *r_q;                 /* noise: gradients at pictures and at outputs */
    float *y, *scratch;
};

static const struct pbti_nn_conv_shape shapes[] = {
    /* rows, columns, channels, outputs, kernel, stride, padding */
    {1, 1, 1, 1, 1, 1, 0}, {5, 4, 2, 3, 3, 1, 1}, {6, 7, 3, 5, 3, 2, 1}, {7, 5, 1, 2, 5, 3, 4},
    {4, 9, 2, 1, 2, 2, 0}, {3, 3, 4, 3, 3, 1, 0}, {5, 6, 2, 2, 2, 3, 1}, {2, 1, 2, 2, 4, 1, 3},
};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static struct layer make(const struct pbti_nn_conv_shape *s, uint32_t batch)
{
    struct layer l = {.shape = *s, .batch = batch};
    l.p_count = (size_t)batch * s->rows * s->columns * s->channels;
    l.q_count = (size_t)batch * pbti_nn_conv_windows(s, s->rows) *
                pbti_nn_conv_windows(s, s->columns) * s->outputs;
    l.w_count = (size_t)s->kernel * s->kernel * s->channels * s->outputs;
    l.p = check_noise(l.p_count, 1, 1.0f);
    l.q = check_noise(l.q_count, 100001, 1.0f);
    l.w = check_noise(l.w_count, 200001, 1.0f);
    l.b = check_noise(s->channels + s->outputs, 300001, 1.0f);
    l.r_p = check_noise(l.p_count, 400001, 1.0f);
    l.r_q = check_noise(l.q_count, 500001, 1.0f);
    l.y = pbti_nn_floats(l.p_count + l.q_count);
    l.scratch = pbti_nn_floats(pbti_nn_conv_scratch(s, batch));
    assert_true(l.y != NULL && l.scratch != NULL);
    return l;
}

static void release(struct layer *l)
{
    float *const all[] = {l->p, l->q, l->w, l->b, l->r_p, l->r_q, l->y, l->scratch};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        free(all[i]);
    }
}

/* -------- forward -------- */

static void check_forward(const struct pbti_nn_conv_shape *shape, uint32_t batch)
{
    struct layer l = make(shape, batch);
    float *const expected = pbti_nn_floats(l.q_count);
    double const tolerance = 2e-7 * ((double)l.w_count / shape->outputs + 8);
    for (int with_bias = 0; with_bias < 2; with_bias++) {
        const float *const bias = with_bias ? l.b : NULL;
        pbti_nn_conv_forward(shape, l.y, l.p, l.w, bias, l.scratch, batch);
        pbti_nn_conv_forward_reference(shape, expected, l.p, l.w, bias, batch);
        check_all_close("y", l.y, expected, l.q_count, tolerance);
    }
    free(expected);
    release(&l);
}

static void test_forward_agrees_with_the_plain_version(void **state)
{
    (void)state;
    for (size_t i = 0; i < SHAPES; i++) {
        check_forward(&shapes[i], 1);
        check_forward(&shapes[i], 3);
    }
}

/* Large enough that a batch is taken in pieces, the last of them shorter. */
static const struct pbti_nn_conv_shape large = {28, 28, 8, 4, 3, 1, 1};
enum { LARGE_BATCH = 8 };

static void test_a_batch_in_pieces_is_the_same(void **state)
{
    (void)state;
    size_t const whole = (size_t)LARGE_BATCH * 28 * 28 * 9 * 8;
    assert_true(pbti_nn_conv_scratch(&large, LARGE_BATCH) < whole);
    check_forward(&large, LARGE_BATCH);

    struct layer l = make(&large, LARGE_BATCH);
    float *const dw = pbti_nn_floats(l.w_count);
    float *const sum = pbti_nn_floats(l.w_count);
    float *const one = pbti_nn_floats(l.w_count);
    float *const dx = pbti_nn_floats(l.p_count);
    float *const dx_one = pbti_nn_floats(l.p_count);
    pbti_nn_conv_backward(&large, dx, dw, NULL, l.r_q, l.p, l.w, l.scratch, LARGE_BATCH);
    for (size_t n = 0; n < LARGE_BATCH; n++) {
        size_t const p_at = n * (l.p_count / LARGE_BATCH);
        size_t const q_at = n * (l.q_count / LARGE_BATCH);
        pbti_nn_conv_backward(&large, dx_one + p_at, one, NULL, l.r_q + q_at, l.p + p_at, l.w,
                              l.scratch, 1);
        for (size_t i = 0; i < l.w_count; i++) {
            sum[i] += one[i];
        }
    }
    check_all_close("dw", dw, sum, l.w_count, 2e-5);
    check_all_close("dx", dx, dx_one, l.p_count, 2e-6);
    float *const all[] = {dw, sum, one, dx, dx_one};
    for (size_t i = 0; i < 5; i++) {
        free(all[i]);
    }
    release(&l);
}

/* The layer for binary pictures (nn_conv_cells.h) is this one with relu, on the same weights. */
static void test_binary_pictures_are_a_special_case(void **state)
{
    (void)state;
    enum { SIDE = 6, CHANNELS = 3, OUTPUTS = 16 };
    struct pbti_nn_conv_shape const shape = {SIDE, SIDE, CHANNELS, OUTPUTS, 3, 1, 0};
    struct pbti_nn_cells_shape const binary = {SIDE, SIDE, CHANNELS, OUTPUTS};
    struct layer l = make(&shape, 2);
    uint16_t cells[2 * SIDE * SIDE] = {0};
    for (size_t i = 0; i < l.p_count; i++) {
        l.p[i] = l.p[i] > 0.4f ? 1.0f : 0.0f;
        if (l.p[i] > 0.0f) { cells[i / CHANNELS] |= (uint16_t)(1u << i % CHANNELS); }
    }
    pbti_nn_conv_forward(&shape, l.y, l.p, l.w, l.b, l.scratch, 2);
    float *const expected = pbti_nn_floats(l.q_count);
    pbti_nn_conv_cells_forward(&binary, expected, cells, l.w, l.b, 2);
    for (size_t i = 0; i < l.q_count; i++) {
        l.y[i] = l.y[i] <= 0.0f ? 0.0f : l.y[i];
    }
    check_all_close("y", l.y, expected, l.q_count, 1e-5);
    free(expected);
    release(&l);
}

/* -------- backward -------- */

static double objective(void *context)
{
    struct layer *const l = context;
    pbti_nn_conv_forward(&l->shape, l->y, l->p, l->w, l->b, l->scratch, l->batch);
    return check_dot(l->y, l->r_q, l->q_count);
}

static double transposed_objective(void *context)
{
    struct layer *const l = context;
    pbti_nn_conv_transposed_forward(&l->shape, l->y, l->q, l->w, l->b, l->scratch, l->batch);
    return check_dot(l->y, l->r_p, l->p_count);
}

static void check_derivatives(const struct pbti_nn_conv_shape *shape, bool transposed)
{
    struct layer l = make(shape, 2);
    size_t const x_count = transposed ? l.q_count : l.p_count;
    size_t const b_count = transposed ? shape->channels : shape->outputs;
    float *const dx = pbti_nn_floats(x_count);
    float *const dw = pbti_nn_floats(l.w_count);
    float *const db = pbti_nn_floats(b_count);
    float *const again = pbti_nn_floats(l.w_count);
    double (*const scalar)(void *) = transposed ? transposed_objective : objective;
    if (transposed) {
        pbti_nn_conv_transposed_backward(shape, dx, dw, db, l.r_p, l.q, l.w, l.scratch, 2);
        pbti_nn_conv_transposed_backward(shape, NULL, again, NULL, l.r_p, l.q, l.w, l.scratch, 2);
    } else {
        pbti_nn_conv_backward(shape, dx, dw, db, l.r_q, l.p, l.w, l.scratch, 2);
        pbti_nn_conv_backward(shape, NULL, again, NULL, l.r_q, l.p, l.w, l.scratch, 2);
    }
    assert_memory_equal(dw, again, l.w_count * sizeof dw[0]); /* written, not accumulated */
    check_gradient("x", transposed ? l.q : l.p, x_count, dx, scalar, &l, 5e-4);
    check_gradient("w", l.w, l.w_count, dw, scalar, &l, 5e-4);
    check_gradient("b", l.b, b_count, db, scalar, &l, 5e-4);
    free(dx);
    free(dw);
    free(db);
    free(again);
    release(&l);
}

static void test_the_way_back_is_the_derivative(void **state)
{
    (void)state;
    for (size_t i = 0; i < SHAPES; i++) {
        check_derivatives(&shapes[i], false);
    }
}

static void test_the_way_back_of_the_transpose_is_the_derivative(void **state)
{
    (void)state;
    for (size_t i = 0; i < SHAPES; i++) {
        check_derivatives(&shapes[i], true);
    }
}

/* <q, conv(p)> = <convT(q), p>: what makes one the transpose of the other. */
static void test_the_transpose_is_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < SHAPES; i++) {
        struct layer l = make(&shapes[i], 3);
        pbti_nn_conv_forward(&shapes[i], l.y, l.p, l.w, NULL, l.scratch, 3);
        double const there = check_dot(l.y, l.q, l.q_count);
        pbti_nn_conv_transposed_forward(&shapes[i], l.y, l.q, l.w, NULL, l.scratch, 3);
        check_close(check_dot(l.y, l.p, l.p_count), there, 1e-5 * (1.0 + fabs(there)));
        release(&l);
    }
}

int main(void)
{
    pbti_nn_setup(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forward_agrees_with_the_plain_version),
        cmocka_unit_test(test_a_batch_in_pieces_is_the_same),
        cmocka_unit_test(test_binary_pictures_are_a_special_case),
        cmocka_unit_test(test_the_way_back_is_the_derivative),
        cmocka_unit_test(test_the_way_back_of_the_transpose_is_the_derivative),
        cmocka_unit_test(test_the_transpose_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
