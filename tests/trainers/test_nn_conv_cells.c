/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_nn_conv_cells.c - rules: the convolution over binary pictures agrees with its plain
 * reference, whatever the sizes; its backward pass is the derivative of its forward pass; NaN in
 * the weights reaches the outputs.
 */
#include "gradient_check.h"
#include "nn/nn_base.h"
#include "nn/nn_conv_cells.h"
#include "trainer_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

enum { BATCH = 3 };

static const struct pbti_nn_cells_shape shapes[] = {
    {10, 10, 4, 16}, {3, 3, 1, 16}, {3, 16, 16, 32}, {16, 5, 10, 48}, {16, 16, 16, 16},
};

/* Everything that one layer reads and writes. */
struct layer {
    struct pbti_nn_cells_shape shape;
    size_t cells_count, weights_count, outputs_count;
    uint16_t *cells;
    float *w, *b, *y, *dy, *dw, *db;
};

/* About `share` of all bits are set. */
static struct layer layer_make(const struct pbti_nn_cells_shape *shape, float share)
{
    struct layer l = {.shape = *shape};
    l.cells_count = (size_t)BATCH * shape->rows * shape->columns;
    l.weights_count = (size_t)9 * shape->channels * shape->outputs;
    l.outputs_count = (size_t)BATCH * (shape->rows - 2) * (shape->columns - 2) * shape->outputs;
    l.cells = calloc(l.cells_count, sizeof l.cells[0]);
    assert_non_null(l.cells);
    for (size_t i = 0; i < l.cells_count; i++) {
        for (uint32_t c = 0; c < shape->channels; c++) {
            bool const set = fixture_noise((uint32_t)(i * 31 + c * 7919)) < 2.0f * share - 1.0f;
            l.cells[i] = (uint16_t)(l.cells[i] | (set ? 1u << c : 0u));
        }
    }
    l.w = check_noise(l.weights_count, 3, 1.0f);
    l.b = check_noise(shape->outputs, 1000, 1.0f);
    l.y = check_noise(l.outputs_count, 5, 1.0f);
    l.dy = check_noise(l.outputs_count, 77, 1.0f);
    l.dw = check_noise(l.weights_count, 9, 1.0f);
    l.db = check_noise(shape->outputs, 11, 1.0f);
    return l;
}

static void layer_free(struct layer *l)
{
    free(l->cells);
    free(l->w);
    free(l->b);
    free(l->y);
    free(l->dy);
    free(l->dw);
    free(l->db);
}

static void check_shape(const struct pbti_nn_cells_shape *shape, float share)
{
    struct layer l = layer_make(shape, share);
    float *const y = check_noise(l.outputs_count, 13, 1.0f);
    float *const dw = check_noise(l.weights_count, 15, 1.0f);
    float *const db = check_noise(shape->outputs, 17, 1.0f);
    pbti_nn_conv_cells_forward(shape, l.y, l.cells, l.w, l.b, BATCH);
    pbti_nn_conv_cells_forward_reference(shape, y, l.cells, l.w, l.b, BATCH);
    check_all_close("y", l.y, y, l.outputs_count, 2e-5);
    pbti_nn_conv_cells_backward(shape, l.dw, l.db, l.dy, l.y, l.cells, BATCH);
    pbti_nn_conv_cells_backward_reference(shape, dw, db, l.dy, l.y, l.cells, BATCH);
    check_all_close("dw", l.dw, dw, l.weights_count, 1e-4);
    check_all_close("db", l.db, db, shape->outputs, 1e-4);
    free(y);
    free(dw);
    free(db);
    layer_free(&l);
}

static void test_agrees_with_reference(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        check_shape(&shapes[i], 0.0f);
        check_shape(&shapes[i], 0.1f);
        check_shape(&shapes[i], 1.0f);
    }
}

/* sum of y * dy, of which dw and db are the gradient */
static double objective(struct layer *l)
{
    pbti_nn_conv_cells_forward(&l->shape, l->y, l->cells, l->w, l->b, BATCH);
    return check_dot(l->y, l->dy, l->outputs_count);
}

/* Central differences; a relu that turns within the step may cost a little, so most must agree
 * well and all roughly. */
static double slope(struct layer *l, float *value)
{
    float const step = 1e-3f;
    float const before = *value;
    *value = before + step;
    double const above = objective(l);
    float const high = *value;
    *value = before - step;
    double const below = objective(l);
    double const width = (double)high - (double)*value;
    *value = before;
    return (above - below) / width;
}

static void test_backward_is_the_derivative(void **state)
{
    (void)state;
    struct layer l = layer_make(&shapes[0], 0.2f);
    (void)objective(&l);
    pbti_nn_conv_cells_backward(&l.shape, l.dw, l.db, l.dy, l.y, l.cells, BATCH);
    uint32_t close = 0;
    for (size_t i = 0; i < l.weights_count; i++) {
        double const error = fabs(slope(&l, &l.w[i]) - (double)l.dw[i]);
        assert_true(error < 0.3);
        close += error < 2e-2;
    }
    assert_true(close > l.weights_count * 9 / 10);
    for (size_t i = 0; i < l.shape.outputs; i++) {
        assert_true(fabs(slope(&l, &l.b[i]) - (double)l.db[i]) < 0.5);
    }
    layer_free(&l);
}

static void test_keeps_nan(void **state)
{
    (void)state;
    struct layer l = layer_make(&shapes[0], 1.0f);
    l.w[5] = NAN;
    pbti_nn_conv_cells_forward(&l.shape, l.y, l.cells, l.w, l.b, BATCH);
    assert_true(isnan(l.y[5]));
    layer_free(&l);
}

int main(void)
{
    pbti_nn_setup(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees_with_reference),
        cmocka_unit_test(test_backward_is_the_derivative),
        cmocka_unit_test(test_keeps_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
