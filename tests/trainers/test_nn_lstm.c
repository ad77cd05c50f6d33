/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_nn_lstm.c - rules: a step is what the plain version computes; the way back through several
 * steps, episode ends among them, is the derivative of the way forward, in every weight, input and
 * first state; gradients of weights add up over pieces of an unroll; NaN goes through.
 */
#include "gradient_check.h"
#include "nn/nn_base.h"
#include "nn/nn_lstm.h"
#include "nn/nn_matmul.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void check_step(uint32_t batch, uint32_t inputs, uint32_t hidden)
{
    size_t const state = (size_t)batch * hidden;
    float *const w_x = check_noise(4 * (size_t)hidden * inputs, 1, 0.5f);
    float *const w_h = check_noise(4 * (size_t)hidden * hidden, 1001, 0.5f);
    float *const b = check_noise(4 * (size_t)hidden, 2001, 1.0f);
    float *const x = check_noise((size_t)batch * inputs, 3001, 1.0f);
    float *const before = check_noise(2 * state, 4001, 1.0f);
    float *const turned_x = pbti_nn_floats(4 * (size_t)hidden * inputs);
    float *const turned_h = pbti_nn_floats(4 * (size_t)hidden * hidden);
    pbti_nn_transpose(4 * hidden, inputs, w_x, turned_x);
    pbti_nn_transpose(4 * hidden, hidden, w_h, turned_h);
    struct pbti_nn_lstm const lstm = {inputs, hidden, w_x, w_h, b};
    struct pbti_nn_lstm const turned = {inputs, hidden, turned_x, turned_h, b};
    /* gates, h, c one behind the other */
    float *const got = pbti_nn_floats(6 * state);
    float *const expected = pbti_nn_floats(6 * state);
    pbti_nn_lstm_forward_reference(&lstm, expected, expected + 4 * state, expected + 5 * state, x,
                                   before, before + state, batch);
    double const tolerance = 2e-7 * (inputs + hidden + 8);
    pbti_nn_lstm_forward(&lstm, got, got + 4 * state, got + 5 * state, x, before, before + state,
                         batch);
    check_all_close("forward", got, expected, 6 * state, tolerance);
    memset(got, 0xff, 6 * state * sizeof got[0]); /* NaN: nothing old may be read */
    pbti_nn_lstm_forward_transposed(&turned, got, got + 4 * state, got + 5 * state, x, before,
                                    before + state, batch);
    check_all_close("transposed", got, expected, 6 * state, tolerance);
    /* the cell in place */
    pbti_nn_lstm_forward(&lstm, got, got + 4 * state, before + state, x, before, before + state,
                         batch);
    check_all_close("in place", before + state, expected + 5 * state, state, tolerance);
    float *const all[] = {w_x, w_h, b, x, before, turned_x, turned_h, got, expected};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        free(all[i]);
    }
}

static void test_steps_agree_with_the_plain_version(void **state)
{
    (void)state;
    static const uint32_t shapes[][3] = {{1, 1, 1}, {1, 7, 5}, {3, 13, 17}, {9, 33, 64}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        check_step(shapes[i][0], shapes[i][1], shapes[i][2]);
    }
}

/* -------- through time -------- */

enum { T = 4, B = 3, I = 5, H = 6, G = 4 * H };

/* An unroll: the weights, and all that a trainer keeps of it. */
struct unroll {
    float w_x[G * I], w_h[G * H], b[G];
    float x[T * B * I], mask[T * B], first_h[B * H], first_c[B * H];
    float h_before[T * B * H], c_before[T * B * H]; /* after the mask */
    float gates[T * B * G], h[T * B * H], c[T * B * H];
    float r_h[T * B * H], r_c[B * H]; /* the objective: h . r_h + (last c) . r_c */
};

static void fill(float *values, size_t count, uint32_t salt)
{
    float *const noise = check_noise(count, salt, 0.9f);
    memcpy(values, noise, count * sizeof values[0]);
    free(noise);
}

static struct pbti_nn_lstm layer(const struct unroll *u)
{
    return (struct pbti_nn_lstm){I, H, u->w_x, u->w_h, u->b};
}

static struct unroll *new_unroll(void)
{
    struct unroll *const u = calloc(1, sizeof *u);
    assert_non_null(u);
    fill(u->w_x, G * I, 1);
    fill(u->w_h, G * H, 1001);
    fill(u->b, G, 2001);
    fill(u->x, T * B * I, 3001);
    fill(u->first_h, B * H, 4001);
    fill(u->first_c, B * H, 5001);
    fill(u->r_h, T * B * H, 6001);
    fill(u->r_c, B * H, 7001);
    for (size_t i = 0; i < T * B; i++) {
        u->mask[i] = i == 1 || i == 2 * B || i == 2 * B + 2 ? 0.0f : 1.0f;
    }
    return u;
}

static double objective(void *context)
{
    struct unroll *const u = context;
    struct pbti_nn_lstm const lstm = layer(u);
    for (size_t t = 0; t < T; t++) {
        float *const h_before = u->h_before + t * B * H;
        float *const c_before = u->c_before + t * B * H;
        memcpy(h_before, t == 0 ? u->first_h : u->h + (t - 1) * B * H, B * H * sizeof(float));
        memcpy(c_before, t == 0 ? u->first_c : u->c + (t - 1) * B * H, B * H * sizeof(float));
        pbti_nn_mask_rows(h_before, u->mask + t * B, B, H);
        pbti_nn_mask_rows(c_before, u->mask + t * B, B, H);
        pbti_nn_lstm_forward(&lstm, u->gates + t * B * G, u->h + t * B * H, u->c + t * B * H,
                             u->x + t * B * I, h_before, c_before, B);
    }
    return check_dot(u->h, u->r_h, T * B * H) + check_dot(u->c + (T - 1) * B * H, u->r_c, B * H);
}

/* dz of all steps; leaves in dh and dc the gradients at the first state. */
static void go_back(struct unroll *u, float *dz, float *dh, float *dc)
{
    struct pbti_nn_lstm const lstm = layer(u);
    memset(dh, 0, B * H * sizeof dh[0]);
    memcpy(dc, u->r_c, B * H * sizeof dc[0]);
    for (size_t t = T; t-- > 0;) {
        for (size_t i = 0; i < B * H; i++) {
            dh[i] += u->r_h[t * B * H + i];
        }
        pbti_nn_lstm_backward_step(&lstm, dz + t * B * G, dh, dc, dh, dc, u->gates + t * B * G,
                                   u->c + t * B * H, u->c_before + t * B * H, B);
        pbti_nn_mask_rows(dh, u->mask + t * B, B, H);
        pbti_nn_mask_rows(dc, u->mask + t * B, B, H);
    }
}

static void test_the_way_back_is_the_derivative(void **state)
{
    (void)state;
    struct unroll *const u = new_unroll();
    float dz[T * B * G], dh[B * H], dc[B * H], dx[T * B * I];
    float dw_x[G * I] = {0}, dw_h[G * H] = {0}, db[G] = {0};
    (void)objective(u);
    go_back(u, dz, dh, dc);
    struct pbti_nn_lstm const lstm = layer(u);
    pbti_nn_lstm_backward_sums(&lstm, dx, dw_x, dw_h, db, dz, u->x, u->h_before, T * B);
    double const tolerance = 1e-4; /* the objective is about 5 */
    check_gradient("w_x", u->w_x, G * I, dw_x, objective, u, tolerance);
    check_gradient("w_h", u->w_h, G * H, dw_h, objective, u, tolerance);
    check_gradient("b", u->b, G, db, objective, u, tolerance);
    check_gradient("x", u->x, T * B * I, dx, objective, u, tolerance);
    check_gradient("h", u->first_h, B * H, dh, objective, u, tolerance);
    check_gradient("c", u->first_c, B * H, dc, objective, u, tolerance);
    for (size_t j = 0; j < H; j++) { /* row 1 was masked at once: its first state had no part */
        assert_true(dh[H + j] == 0.0f && dc[H + j] == 0.0f);
    }
    free(u);
}

static void test_gradients_of_weights_add_up(void **state)
{
    (void)state;
    struct unroll *const u = new_unroll();
    float dz[T * B * G], dh[B * H], dc[B * H];
    (void)objective(u);
    go_back(u, dz, dh, dc);
    struct pbti_nn_lstm const lstm = layer(u);
    float whole[G * I + G * H + G] = {0};
    float pieces[G * I + G * H + G] = {0};
    pbti_nn_lstm_backward_sums(&lstm, NULL, whole, whole + G * I, whole + G * I + G * H, dz, u->x,
                               u->h_before, T * B);
    for (size_t t = 0; t < T; t++) {
        pbti_nn_lstm_backward_sums(&lstm, NULL, pieces, pieces + G * I, pieces + G * I + G * H,
                                   dz + t * B * G, u->x + t * B * I, u->h_before + t * B * H, B);
    }
    check_all_close("gradient", pieces, whole, G * I + G * H + G, 2e-6);
    free(u);
}

static void test_nan_goes_through(void **state)
{
    (void)state;
    struct unroll *const u = new_unroll();
    u->x[(T - 1) * B * I] = NAN;
    assert_true(isnan(objective(u)));
    for (size_t j = 0; j < H; j++) {
        assert_true(isnan(u->h[(T - 1) * B * H + j]));      /* its row */
        assert_true(!isnan(u->h[(T - 1) * B * H + H + j])); /* no other */
    }
    free(u);
}

int main(void)
{
    pbti_nn_setup(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps_agree_with_the_plain_version),
        cmocka_unit_test(test_the_way_back_is_the_derivative),
        cmocka_unit_test(test_gradients_of_weights_add_up),
        cmocka_unit_test(test_nan_goes_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
