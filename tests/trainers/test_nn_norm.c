/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_nn_norm.c - rules: layer normalisation is what the plain version computes, for rows of any
 * length and of values far from 0; its way back is the derivative; constant rows and NaN are no
 * accidents. The same for Huber's loss.
 */
#include "gradient_check.h"
#include "nn/nn_base.h"
#include "nn/nn_loss.h"
#include "nn/nn_norm.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 3, COLUMNS = 21, VALUES = ROWS * COLUMNS };

static void check_forward(uint32_t rows, uint32_t columns, float shift)
{
    size_t const count = (size_t)rows * columns;
    float *const x = check_noise(count, 1, 1.0f);
    float *const gain = check_noise(columns, 1001, 1.0f);
    float *const bias = check_noise(columns, 2001, 1.0f);
    float *const y = pbti_nn_floats(count);
    float *const expected = pbti_nn_floats(count);
    struct pbti_nn_row_statistics statistics[8];
    for (size_t i = 0; i < count; i++) {
        x[i] += shift;
    }
    pbti_nn_layer_norm_forward(y, statistics, x, gain, bias, 1e-5, rows, columns);
    pbti_nn_layer_norm_forward_reference(expected, x, gain, bias, 1e-5, rows, columns);
    check_all_close("y", y, expected, count, 2e-6 * (1.0 + (double)shift));
    pbti_nn_layer_norm_forward(x, statistics, x, gain, bias, 1e-5, rows, columns);
    assert_memory_equal(x, y, count * sizeof x[0]); /* in place */
    float *const all[] = {x, gain, bias, y, expected};
    for (size_t i = 0; i < 5; i++) {
        free(all[i]);
    }
}

static void test_norm_agrees_with_the_plain_version(void **state)
{
    (void)state;
    for (uint32_t columns = 2; columns <= 50; columns++) {
        check_forward(3, columns, 0.0f);
    }
    check_forward(8, 1000, 0.0f);
    check_forward(1, 257, 10.0f); /* sums of squares less squares of sums would fail here */
}

/* -------- backward -------- */

struct norm {
    float x[VALUES], gain[COLUMNS], bias[COLUMNS], r[VALUES];
};

static double norm_objective(void *context)
{
    struct norm *const n = context;
    float y[VALUES];
    struct pbti_nn_row_statistics statistics[ROWS];
    pbti_nn_layer_norm_forward(y, statistics, n->x, n->gain, n->bias, 1e-5, ROWS, COLUMNS);
    return check_dot(y, n->r, VALUES);
}

static struct norm make_norm(void)
{
    struct norm n;
    float *const noise = check_noise(sizeof n / sizeof(float), 7, 1.0f);
    memcpy(&n, noise, sizeof n);
    free(noise);
    return n;
}

static void test_norm_backward_is_the_derivative(void **state)
{
    (void)state;
    struct norm n = make_norm();
    float y[VALUES], dx[VALUES], d_gain[COLUMNS], d_bias[COLUMNS];
    struct pbti_nn_row_statistics statistics[ROWS];
    pbti_nn_layer_norm_forward(y, statistics, n.x, n.gain, n.bias, 1e-5, ROWS, COLUMNS);
    pbti_nn_layer_norm_backward(dx, d_gain, d_bias, n.r, n.x, statistics, n.gain, ROWS, COLUMNS);
    check_gradient("x", n.x, VALUES, dx, norm_objective, &n, 1e-4);
    check_gradient("gain", n.gain, COLUMNS, d_gain, norm_objective, &n, 1e-4);
    check_gradient("bias", n.bias, COLUMNS, d_bias, norm_objective, &n, 1e-4);
    memcpy(y, n.r, sizeof y);
    pbti_nn_layer_norm_backward(y, d_gain, d_bias, y, n.x, statistics, n.gain, ROWS, COLUMNS);
    assert_memory_equal(y, dx, sizeof dx); /* in place */
}

static void test_constant_rows_and_nan(void **state)
{
    (void)state;
    struct norm n = make_norm();
    for (size_t j = 0; j < COLUMNS; j++) {
        n.x[j] = 3.0f;
    }
    n.x[COLUMNS + 5] = NAN;
    float y[VALUES];
    struct pbti_nn_row_statistics statistics[ROWS];
    pbti_nn_layer_norm_forward(y, statistics, n.x, n.gain, n.bias, 1e-5, ROWS, COLUMNS);
    for (size_t j = 0; j < COLUMNS; j++) {
        check_close((double)y[j], (double)n.bias[j], 1e-4); /* nothing but the bias is left */
        assert_true(isnan(y[COLUMNS + j]));
        assert_true(!isnan(y[2 * COLUMNS + j]));
    }
}

/* -------- Huber's loss -------- */

struct huber {
    float y[COLUMNS], targets[COLUMNS];
    double delta;
};

static double huber_objective(void *context)
{
    struct huber *const h = context;
    return pbti_nn_huber(NULL, h->y, h->targets, h->delta, COLUMNS);
}

static void test_huber_and_its_gradient(void **state)
{
    (void)state;
    struct huber h = {.delta = 1.0};
    double expected = 0.0;
    for (size_t i = 0; i < COLUMNS; i++) { /* errors from -2.5 to 2.5, none near a kink */
        h.targets[i] = (float)i;
        h.y[i] = (float)i + 0.25f * (float)i - 2.5f + 0.125f;
        double const e = fabs((double)h.y[i] - (double)h.targets[i]);
        expected += (e <= 1.0 ? 0.5 * e * e : e - 0.5) / COLUMNS;
    }
    float dy[COLUMNS];
    check_close(pbti_nn_huber(dy, h.y, h.targets, h.delta, COLUMNS), expected, 1e-12);
    check_gradient("y", h.y, COLUMNS, dy, huber_objective, &h, 1e-6);
    check_close((double)dy[0], -1.0 / COLUMNS, 1e-7); /* the slope is never more than delta */
    check_close((double)dy[COLUMNS - 1], 1.0 / COLUMNS, 1e-7);
    h.y[3] = NAN;
    assert_true(isnan(pbti_nn_huber(h.y, h.y, h.targets, h.delta, COLUMNS)));
    assert_true(isnan(h.y[3]) && h.y[2] == dy[2]); /* in place */
}

int main(void)
{
    pbti_nn_setup(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_norm_agrees_with_the_plain_version),
        cmocka_unit_test(test_norm_backward_is_the_derivative),
        cmocka_unit_test(test_constant_rows_and_nan),
        cmocka_unit_test(test_huber_and_its_gradient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
