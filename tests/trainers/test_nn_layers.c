/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_nn_layers.c - rules: each fast path agrees with its plain reference; each backward pass is
 * the derivative of its forward pass (finite differences); NaN goes through to the loss.
 */
#include "nn/nn_activation.h"
#include "nn/nn_base.h"
#include "nn/nn_dropout.h"
#include "nn/nn_init.h"
#include "nn/nn_linear.h"
#include "nn/nn_loss.h"
#include "nn/nn_matmul.h"
#include "trainer_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static float *noise(size_t count, uint32_t salt)
{
    float *const values = pbti_nn_floats(count);
    assert_non_null(values);
    for (size_t i = 0; i < count; i++) {
        values[i] = fixture_noise(salt + (uint32_t)i);
    }
    return values;
}

static void assert_close(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance)) {
        fail_msg("got %.9g, expected %.9g within %.1e", got, expected, tolerance);
    }
}

/* -------- products -------- */

static void check_product(bool ta, bool tb, uint32_t rows, uint32_t columns, uint32_t inner)
{
    float *const a = noise((size_t)rows * inner, 1);
    float *const b = noise((size_t)inner * columns, 77);
    float *const c = noise((size_t)rows * columns, 555);
    float *const expected = noise((size_t)rows * columns, 555);
    for (int beta = 0; beta < 2; beta++) {
        pbti_nn_matmul(ta, tb, rows, columns, inner, a, b, (float)beta, c);
        pbti_nn_matmul_reference(ta, tb, rows, columns, inner, a, b, (float)beta, expected);
        for (size_t i = 0; i < (size_t)rows * columns; i++) {
            assert_close((double)c[i], (double)expected[i], 2e-7 * (inner + 8));
        }
    }
    free(a);
    free(b);
    free(c);
    free(expected);
}

static void test_matmul_agrees_with_reference(void **state)
{
    (void)state;
    static const uint32_t shapes[][3] = {{1, 1, 1},     {3, 5, 7},     {128, 10, 33},
                                         {17, 64, 784}, {1, 256, 100}, {61, 1, 19}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        for (int kind = 0; kind < 4; kind++) {
            check_product(kind & 1, kind & 2, shapes[i][0], shapes[i][1], shapes[i][2]);
        }
    }
}

/* With beta 0 the old contents must not be read: they may be NaN. */
static void test_matmul_beta_zero_ignores_old_values(void **state)
{
    (void)state;
    float const a[2] = {1, 2};
    float const b[2] = {3, 4};
    float c[1] = {NAN};
    pbti_nn_matmul(false, false, 1, 1, 2, a, b, 0.0f, c);
    assert_close((double)c[0], 11.0, 0.0);
}

/* -------- linear -------- */

enum { B = 4, I = 7, O = 5 };

/* sum over n, o of y[n, o] * r[n, o]: a scalar whose gradient at y is r */
static double linear_objective(const float *x, const float *w, const float *b, const float *r)
{
    float y[B * O];
    double sum = 0.0;
    pbti_nn_linear_forward(y, x, w, b, B, I, O);
    for (size_t i = 0; i < B * O; i++) {
        sum += (double)y[i] * (double)r[i];
    }
    return sum;
}

/* The layer is linear in each argument, so a wide central difference has no truncation error. */
static void check_slopes(float *values, size_t count, const float *gradient, const float *x,
                         const float *w, const float *b, const float *r)
{
    for (size_t i = 0; i < count; i++) {
        float const kept = values[i];
        values[i] = kept + 0.5f;
        double const above = linear_objective(x, w, b, r);
        values[i] = kept - 0.5f;
        double const below = linear_objective(x, w, b, r);
        values[i] = kept;
        assert_close((double)gradient[i], above - below, 2e-5);
    }
}

static void test_linear_backward_is_the_derivative(void **state)
{
    (void)state;
    float *const x = noise(B * I, 1);
    float *const w = noise(O * I, 100);
    float *const b = noise(O, 200);
    float *const r = noise(B * O, 300);
    float dx[B * I], dw[O * I], db[O];
    pbti_nn_linear_backward(dx, dw, db, r, x, w, B, I, O);
    check_slopes(x, B * I, dx, x, w, b, r);
    check_slopes(w, O * I, dw, x, w, b, r);
    check_slopes(b, O, db, x, w, b, r);
    free(x);
    free(w);
    free(b);
    free(r);
}

static void test_linear_without_bias_is_the_product(void **state)
{
    (void)state;
    float *const x = noise(B * I, 1);
    float *const w = noise(O * I, 100);
    float y[B * O], expected[B * O], dw[O * I];
    pbti_nn_linear_forward(y, x, w, NULL, B, I, O);
    pbti_nn_matmul_reference(false, true, B, O, I, x, w, 0.0f, expected);
    for (size_t i = 0; i < B * O; i++) {
        assert_close((double)y[i], (double)expected[i], 1e-5);
    }
    pbti_nn_linear_backward(NULL, dw, NULL, y, x, w, B, I, O); /* nothing but dw is written */
    free(x);
    free(w);
}

/* Odd sizes, one row, one column, and sizes beside the squares it works in. */
static void test_transpose_and_the_linear_layer_from_it(void **state)
{
    (void)state;
    static const uint32_t shapes[][3] = {{1, 1, 1}, {4, 33, 65}, {1, 100, 31}, {3, 32, 64}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        uint32_t const batch = shapes[i][0], inputs = shapes[i][1], outputs = shapes[i][2];
        float *const x = noise((size_t)batch * inputs, 1);
        float *const w = noise((size_t)outputs * inputs, 100);
        float *const b = noise(outputs, 200);
        float *const turned = pbti_nn_floats((size_t)outputs * inputs);
        float *const y = pbti_nn_floats((size_t)batch * outputs);
        float *const expected = pbti_nn_floats((size_t)batch * outputs);
        pbti_nn_transpose(outputs, inputs, w, turned);
        for (size_t o = 0; o < outputs; o++) {
            for (size_t k = 0; k < inputs; k++) {
                assert_true(turned[k * outputs + o] == w[o * inputs + k]);
            }
        }
        for (int with_bias = 0; with_bias < 2; with_bias++) {
            const float *const bias = with_bias ? b : NULL;
            pbti_nn_linear_forward_transposed(y, x, turned, bias, batch, inputs, outputs);
            pbti_nn_linear_forward(expected, x, w, bias, batch, inputs, outputs);
            for (size_t k = 0; k < (size_t)batch * outputs; k++) {
                assert_close((double)y[k], (double)expected[k], 2e-7 * (inputs + 8));
            }
        }
        free(x);
        free(w);
        free(b);
        free(turned);
        free(y);
        free(expected);
    }
}

/* -------- activations -------- */

static double reference(enum pbti_nn_activation f, double x)
{
    double const u = sqrt(2.0 / 3.14159265358979323846) * (x + 0.044715 * x * x * x);
    switch (f) {
    case PBTI_NN_RELU: return x > 0.0 ? x : 0.0;
    case PBTI_NN_TANH: return tanh(x);
    case PBTI_NN_GELU: return 0.5 * x * (1.0 + tanh(u));
    case PBTI_NN_SILU: return x / (1.0 + exp(-x));
    }
    return NAN;
}

/* Every activation, at values from tiny to where exp would overflow, and at every length of
 * tail. */
static void test_activations_agree_with_libm(void **state)
{
    (void)state;
    enum { COUNT = 4001 };
    static float x[COUNT], y[COUNT], dx[COUNT], ones[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        double const u = ((double)i - 2000.0) / 2000.0;
        x[i] = (float)(120.0 * u * u * u);
        ones[i] = 1.0f;
    }
    for (int kind = PBTI_NN_RELU; kind <= PBTI_NN_SILU; kind++) {
        enum pbti_nn_activation const f = (enum pbti_nn_activation)kind;
        pbti_nn_activation_forward(f, y, x, COUNT);
        pbti_nn_activation_backward(f, dx, ones, x, COUNT);
        for (size_t i = 0; i < COUNT; i++) {
            double const at = (double)x[i];
            double const h = 1e-5;
            double const slope = (reference(f, at + h) - reference(f, at - h)) / (2 * h);
            assert_close((double)y[i], reference(f, at), 4e-7 * (1.0 + fabs(at)));
            if (fabs(at) > 2 * h) { assert_close((double)dx[i], slope, 3e-6 * (1.0 + fabs(at))); }
        }
        for (size_t count = 0; count < 40; count++) { /* in place, all tails */
            float copy[41];
            memcpy(copy, x + 1500, sizeof copy);
            pbti_nn_activation_forward(f, copy, copy, count);
            assert_memory_equal(copy, y + 1500, count * sizeof copy[0]);
            assert_memory_equal(copy + count, x + 1500 + count, (41 - count) * sizeof copy[0]);
        }
    }
}

static void test_activations_keep_nan(void **state)
{
    (void)state;
    for (int kind = PBTI_NN_RELU; kind <= PBTI_NN_SILU; kind++) {
        float x[3] = {NAN, 1.0f, NAN};
        float dy[3] = {1.0f, NAN, NAN};
        float y[3];
        pbti_nn_activation_forward((enum pbti_nn_activation)kind, y, x, 3);
        assert_true(isnan(y[0]) && !isnan(y[1]) && isnan(y[2]));
        x[0] = 1.0f;
        pbti_nn_activation_backward((enum pbti_nn_activation)kind, y, dy, x, 2);
        assert_true(!isnan(y[0]) && isnan(y[1]));
    }
}

static void test_activation_names_are_found(void **state)
{
    (void)state;
    for (int kind = PBTI_NN_RELU; kind <= PBTI_NN_SILU; kind++) {
        enum pbti_nn_activation found = PBTI_NN_RELU;
        const char *const name = pbti_nn_activation_name((enum pbti_nn_activation)kind);
        assert_true(pbti_nn_activation_find(name, &found));
        assert_int_equal(found, kind);
        assert_non_null(strstr(PBTI_NN_ACTIVATION_NAMES, name));
    }
    enum pbti_nn_activation found = PBTI_NN_GELU;
    assert_false(pbti_nn_activation_find("Relu", &found));
    assert_int_equal(found, PBTI_NN_GELU);
}

/* -------- dropout -------- */

static void test_dropout_keeps_its_share_and_the_mean(void **state)
{
    (void)state;
    enum { COUNT = 200003 };
    static float mask[COUNT];
    static uint16_t bits[COUNT];
    static const double rates[] = {0.0, 0.1, 0.5, 0.9, 0.99};
    for (size_t r = 0; r < sizeof rates / sizeof rates[0]; r++) {
        struct pbti_nn_stream const stream = {.seed = 7 + r, .purpose = PBTI_NN_PURPOSE_DROPOUT};
        pbti_nn_dropout_mask(mask, bits, rates[r], &stream, COUNT);
        double const keep = 1.0 - rates[r];
        size_t kept = 0;
        for (size_t i = 0; i < COUNT; i++) {
            if (mask[i] == 0.0f) { continue; }
            kept++;
            assert_close((double)mask[i] * keep, 1.0, 1e-3);
        }
        /* five standard deviations of a binomial: wrong once in a million seeds, and seeds are
         * fixed */
        assert_close((double)kept / COUNT, keep, 5.0 * sqrt(keep * rates[r] / COUNT) + 1e-5);
    }
}

static void test_dropout_masks_differ_by_step_lane_and_seed(void **state)
{
    (void)state;
    enum { COUNT = 256 };
    float masks[4][COUNT];
    uint16_t bits[COUNT];
    struct pbti_nn_stream streams[4];
    for (size_t i = 0; i < 4; i++) {
        streams[i] = (struct pbti_nn_stream){.seed = 1, .purpose = PBTI_NN_PURPOSE_DROPOUT};
    }
    streams[1].step = 1;
    streams[2].lane = 1;
    streams[3].seed = 1 + (UINT64_C(1) << 32);
    for (size_t i = 0; i < 4; i++) {
        pbti_nn_dropout_mask(masks[i], bits, 0.5, &streams[i], COUNT);
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(masks[i], masks[j], sizeof masks[0]);
        }
    }
    float again[COUNT];
    pbti_nn_dropout_mask(again, bits, 0.5, &streams[3], COUNT);
    assert_memory_equal(again, masks[3], sizeof again);
}

/* -------- loss -------- */

enum { ROWS = 6, K = 4 };

static double loss_reference(const float *logits, const uint8_t *labels, double smoothing)
{
    double total = 0.0;
    for (size_t n = 0; n < ROWS; n++) {
        double sum = 0.0;
        for (size_t k = 0; k < K; k++) {
            sum += exp((double)logits[n * K + k]);
        }
        for (size_t k = 0; k < K; k++) {
            double const t = (k == labels[n] ? 1.0 - smoothing : 0.0) + smoothing / K;
            total -= t * ((double)logits[n * K + k] - log(sum));
        }
    }
    return total / ROWS;
}

static void test_cross_entropy_and_gradient(void **state)
{
    (void)state;
    static const uint8_t labels[ROWS] = {0, 3, 1, 2, 2, 0};
    for (int smooth = 0; smooth < 2; smooth++) {
        double const smoothing = 0.2 * smooth;
        float *const logits = noise(ROWS * K, 9);
        float gradient[ROWS * K];
        double const loss = pbti_nn_cross_entropy(gradient, logits, labels, smoothing, ROWS, K);
        assert_close(loss, loss_reference(logits, labels, smoothing), 1e-6);
        assert_close(pbti_nn_cross_entropy(NULL, logits, labels, smoothing, ROWS, K), loss, 0.0);
        for (size_t i = 0; i < ROWS * K; i++) {
            float const kept = logits[i];
            logits[i] = kept + 0x1p-8f;
            double const above = loss_reference(logits, labels, smoothing);
            logits[i] = kept - 0x1p-8f;
            double const below = loss_reference(logits, labels, smoothing);
            logits[i] = kept;
            assert_close((double)gradient[i], (above - below) * 0x1p7, 2e-6);
        }
        assert_true(0 !=
                    isfinite(pbti_nn_cross_entropy(logits, logits, labels, smoothing, ROWS, K)));
        for (size_t i = 0; i < ROWS * K; i++) { /* in place gave the same */
            assert_close((double)logits[i], (double)gradient[i], 0.0);
        }
        free(logits);
    }
}

static void test_cross_entropy_of_large_and_broken_logits(void **state)
{
    (void)state;
    float large[2] = {1e30f, -1e30f};
    uint8_t label = 0;
    assert_close(pbti_nn_cross_entropy(NULL, large, &label, 0.0, 1, 2), 0.0, 1e-12);
    float broken[2] = {1.0f, NAN};
    assert_true(isfinite(pbti_nn_cross_entropy(NULL, broken, &label, 0.1, 1, 2)) == 0);
    float infinite[2] = {INFINITY, 0.0f};
    assert_true(isfinite(pbti_nn_cross_entropy(NULL, infinite, &label, 0.0, 1, 2)) == 0);
}

static void test_count_correct_takes_the_first_of_equals(void **state)
{
    (void)state;
    static const float logits[] = {1, 2, 3, 5, 5, 1, 0, 0, 0};
    static const uint8_t labels[] = {2, 0, 1};
    assert_int_equal(pbti_nn_count_correct(logits, labels, 3, 3), 2);
}

/* -------- initial weights -------- */

static void test_initial_weights_have_their_variance(void **state)
{
    (void)state;
    enum { COUNT = 100002 };
    float *const w = pbti_nn_floats(COUNT);
    struct pbti_nn_stream const stream = {.seed = 3, .purpose = PBTI_NN_PURPOSE_INIT};
    pbti_nn_init_normal(w, COUNT, 0.5, &stream);
    double sum = 0.0, squares = 0.0, fourth = 0.0;
    for (size_t i = 0; i < COUNT; i++) {
        double const v = (double)w[i] / 0.5;
        sum += v;
        squares += v * v;
        fourth += v * v * v * v;
    }
    assert_close(sum / COUNT, 0.0, 5.0 / sqrt(COUNT));
    assert_close(squares / COUNT, 1.0, 5.0 * sqrt(2.0 / COUNT));
    assert_close(fourth / COUNT, 3.0, 5.0 * sqrt(96.0 / COUNT));
    assert_close(pbti_nn_init_sd(PBTI_NN_RELU, 50, 10), 0.2, 1e-12);
    assert_close(pbti_nn_init_sd(PBTI_NN_TANH, 30, 20), 0.2, 1e-12);
    free(w);
}

/* The shorter side is orthonormal, also of a vector and of a square; the other side of no more. */
static void test_orthogonal_weights_are(void **state)
{
    (void)state;
    static const uint32_t shapes[][2] = {{1, 1}, {1, 9}, {9, 1}, {33, 70}, {70, 33}, {64, 64}};
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        uint32_t const rows = shapes[s][0], columns = shapes[s][1];
        uint32_t const count = rows < columns ? rows : columns;
        float *const w = pbti_nn_floats((size_t)rows * columns);
        float *const products = pbti_nn_floats((size_t)count * count);
        struct pbti_nn_stream const stream = {.seed = 5 + s, .purpose = PBTI_NN_PURPOSE_INIT};
        pbti_nn_init_orthogonal(w, rows, columns, 2.0, &stream);
        bool const wide = rows <= columns;
        pbti_nn_matmul_reference(!wide, wide, count, count, wide ? columns : rows, w, w, 0.0f,
                                 products);
        for (uint32_t i = 0; i < count * count; i++) {
            assert_close((double)products[i], i % (count + 1) == 0 ? 4.0 : 0.0, 2e-6);
        }
        free(w);
        free(products);
    }
}

/* Drawn evenly: the first value of a 2 x 2 rotation or reflection is the cosine of an even angle,
 * which has mean 0 and mean square 1/2. */
static void test_orthogonal_weights_are_drawn_evenly(void **state)
{
    (void)state;
    enum { DRAWS = 4000 };
    double sum = 0.0, squares = 0.0, reflections = 0.0;
    for (uint64_t seed = 0; seed < DRAWS; seed++) {
        float w[4];
        struct pbti_nn_stream const stream = {.seed = seed, .purpose = PBTI_NN_PURPOSE_INIT};
        pbti_nn_init_orthogonal(w, 2, 2, 1.0, &stream);
        sum += (double)w[0];
        squares += (double)w[0] * (double)w[0];
        reflections += w[0] * w[3] - w[1] * w[2] < 0.0f;
    }
    assert_close(sum / DRAWS, 0.0, 5.0 * sqrt(0.5 / DRAWS));
    assert_close(squares / DRAWS, 0.5, 5.0 * sqrt(0.125 / DRAWS));
    assert_close(reflections / DRAWS, 0.5, 5.0 * sqrt(0.25 / DRAWS));
}

int main(void)
{
    pbti_nn_setup(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matmul_agrees_with_reference),
        cmocka_unit_test(test_matmul_beta_zero_ignores_old_values),
        cmocka_unit_test(test_linear_backward_is_the_derivative),
        cmocka_unit_test(test_linear_without_bias_is_the_product),
        cmocka_unit_test(test_transpose_and_the_linear_layer_from_it),
        cmocka_unit_test(test_activations_agree_with_libm),
        cmocka_unit_test(test_activations_keep_nan),
        cmocka_unit_test(test_activation_names_are_found),
        cmocka_unit_test(test_dropout_keeps_its_share_and_the_mean),
        cmocka_unit_test(test_dropout_masks_differ_by_step_lane_and_seed),
        cmocka_unit_test(test_cross_entropy_and_gradient),
        cmocka_unit_test(test_cross_entropy_of_large_and_broken_logits),
        cmocka_unit_test(test_count_correct_takes_the_first_of_equals),
        cmocka_unit_test(test_initial_weights_have_their_variance),
        cmocka_unit_test(test_orthogonal_weights_are),
        cmocka_unit_test(test_orthogonal_weights_are_drawn_evenly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
