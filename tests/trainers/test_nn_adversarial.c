/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_nn_adversarial.c - rules of the pieces that a generative adversarial network is made of: the
 * losses of a logit and their gradients, finite for every finite logit; leaky relu; a convolution's
 * way back without gradients of weights; the transposed convolution of kernel 4, stride 2, padding
 * 1 against vectors; eigenvalues of a symmetric matrix; spectral normalisation.
 */
#include "gradient_check.h"
#include "nn/nn_activation.h"
#include "nn/nn_base.h"
#include "nn/nn_conv.h"
#include "nn/nn_logit_loss.h"
#include "nn/nn_spectral.h"
#include "nn/nn_symmetric.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -------- losses -------- */

static double loss_of(float logit, enum pbti_nn_logit_target target, double *slope)
{
    float gradient = 0.0f;
    double const loss = pbti_nn_logit_loss(&gradient, &logit, PBTI_NN_LOGISTIC, target, 0.0, 1);
    *slope = (double)gradient;
    return loss;
}

static void near(double got, double expected)
{
    check_close(got, expected, 2e-7 * fabs(expected) + 1e-300);
}

static void test_logistic_vectors(void **state)
{
    (void)state;
    static const double rows[][5] = {
        /* logit, softplus(l), softplus(-l), s(l), -s(-l) */
        {-1000, 0, 1000, 0, -1},
        {-20, 2.061153620314381e-09, 20.000000002061153, 2.061153618190203e-09,
         -0.9999999979388463},
        {-1, 0.31326168751822286, 1.3132616875182228, 0.2689414213699951, -0.7310585786300049},
        {0, 0.6931471805599453, 0.6931471805599453, 0.5, -0.5},
        {0.5, 0.9740769841801067, 0.4740769841801067, 0.6224593312018546, -0.37754066879814546},
        {3, 3.048587351573742, 0.04858735157374206, 0.9525741268224334, -0.04742587317756679},
        {40, 40, 4.248354255291589e-18, 1, -4.248354255291589e-18},
        {1000, 1000, 0, 1, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double slope;
        float const logit = (float)rows[i][0];
        near(loss_of(logit, PBTI_NN_TARGET_FAKE, &slope), rows[i][1]);
        near(slope, rows[i][3]);
        near(loss_of(logit, PBTI_NN_TARGET_FOOL, &slope), rows[i][2]);
        near(slope, rows[i][4]);
        near(loss_of(logit, PBTI_NN_TARGET_REAL, &slope), rows[i][2]);
        near(slope, rows[i][4]);
    }
}

static const float real_logits[4] = {2.0f, -0.5f, 0.25f, 30.0f};
static const float fake_logits[4] = {-1.5f, 0.75f, 0.0f, -35.0f};

static double batch_loss(float *d, bool real, enum pbti_nn_logit_loss kind, double smoothing)
{
    return pbti_nn_logit_loss(d, real ? real_logits : fake_logits, kind,
                              real ? PBTI_NN_TARGET_REAL : PBTI_NN_TARGET_FAKE, smoothing, 4);
}

static void check_four(const float *got, double a, double b, double c, double d)
{
    double const expected[] = {a, b, c, d};
    for (size_t i = 0; i < 4; i++) {
        near((double)got[i], expected[i]);
    }
}

static void test_losses_of_a_batch(void **state)
{
    (void)state;
    float dr[4], df[4];
    near(batch_loss(dr, true, PBTI_NN_LOGISTIC, 0.0) + batch_loss(df, false, PBTI_NN_LOGISTIC, 0.0),
         0.9270939699399037);
    check_four(dr, -0.029800730505529, -0.15561483280046, -0.10945587477855, -2.3394057422098e-14);
    check_four(df, 0.045606380951589, 0.16979467479385, 0.125, 1.5762791900367e-16);
    near(batch_loss(dr, true, PBTI_NN_LOGISTIC, 0.1) + batch_loss(df, false, PBTI_NN_LOGISTIC, 0.1),
         1.7208439699399036);
    check_four(dr, -0.00480073050552905, -0.13061483280046, -0.08445587477855, 0.025);
    near(pbti_nn_logit_loss(df, fake_logits, PBTI_NN_LOGISTIC, PBTI_NN_TARGET_FOOL, 0.0, 4),
         9.4453578661644);
    check_four(df, -0.2043936190484, -0.0802053252062, -0.125, -0.25);
    near(batch_loss(dr, true, PBTI_NN_HINGE, 0.0) + batch_loss(df, false, PBTI_NN_HINGE, 0.0),
         1.25);
    check_four(dr, 0.0, -0.25, -0.25, 0.0);
    check_four(df, 0.0, 0.25, 0.25, 0.0);
    near(pbti_nn_logit_loss(df, fake_logits, PBTI_NN_HINGE, PBTI_NN_TARGET_FOOL, 0.0, 4), 8.9375);
    check_four(df, -0.25, -0.25, -0.25, -0.25);
}

static void test_losses_stay_finite_and_keep_nan(void **state)
{
    (void)state;
    for (int kind = PBTI_NN_LOGISTIC; kind <= PBTI_NN_HINGE; kind++) {
        for (int target = PBTI_NN_TARGET_REAL; target <= PBTI_NN_TARGET_FOOL; target++) {
            float far[2] = {1e30f, -1e30f}, d[2], bad = NAN;
            assert_true(isfinite(pbti_nn_logit_loss(d, far, (enum pbti_nn_logit_loss)kind,
                                                    (enum pbti_nn_logit_target)target, 0.2, 2)));
            assert_true(isfinite(d[0]) && isfinite(d[1]));
            assert_true(isnan(pbti_nn_logit_loss(NULL, &bad, (enum pbti_nn_logit_loss)kind,
                                                 (enum pbti_nn_logit_target)target, 0.0, 1)));
        }
    }
    float corner[2] = {1.0f, -1.0f}, d[2];
    (void)pbti_nn_logit_loss(d, corner, PBTI_NN_HINGE, PBTI_NN_TARGET_REAL, 0.0, 2);
    assert_true(d[0] == 0.0f && d[1] == -0.5f);
    (void)pbti_nn_logit_loss(d, corner, PBTI_NN_HINGE, PBTI_NN_TARGET_FAKE, 0.0, 2);
    assert_true(d[0] == 0.5f && d[1] == 0.0f);
}

static void test_leaky_relu(void **state)
{
    (void)state;
    float x[5] = {-2.0f, -0.5f, 0.0f, 3.0f, NAN}, dy[5] = {1.0f, 2.0f, 3.0f, 4.0f, 5.0f}, dx[5];
    pbti_nn_leaky_relu_forward(x, x, 0.25f, 5);
    assert_true(x[0] == -0.5f && x[1] == -0.125f && x[2] == 0.0f && x[3] == 3.0f && isnan(x[4]));
    pbti_nn_leaky_relu_backward(dx, dy, x, 0.25f, 5);
    assert_true(dx[0] == 0.25f && dx[1] == 0.5f && dx[2] == 0.75f && dx[3] == 4.0f);
}

/* -------- convolution -------- */

static void fill(float *out, size_t count, double scale, double step, double from)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = (float)(scale * sin(step * (double)i + from));
    }
}

static void check_sums(const float *values, size_t count, double sum, double squares)
{
    double total = 0.0, square = 0.0;
    for (size_t i = 0; i < count; i++) {
        total += (double)values[i];
        square += (double)values[i] * (double)values[i];
    }
    check_close(total, sum, 2e-5);
    check_close(square, squares, 2e-5 * squares);
}

static void test_transposed_vectors_of_one_picture(void **state)
{
    (void)state;
    static const float y_expected[] = {
        -0.3035526458247f, -0.5278266611225f, -0.6422759832323f,  -0.5668717647319f,
        -0.2422194640039f, -0.1170132773106f, 0.3460740998875f,   0.4175183237722f,
        0.4181458281059f,  0.3919391337126f,  -0.06779034061935f, -0.2366868207175f,
        -0.5492740959651f, -0.632572165807f,  -0.5582208277488f,  -0.2941362170494f};
    static const float dx_expected[] = {-2.399638441166f, -2.173787356741f,  -1.353413243232f,
                                        -1.889830982993f, -0.8906273311092f, -0.4141639160753f,
                                        -2.054785782531f, -2.106425228394f};
    static const float dw_expected[] = {0.7712610269205f, -0.01678118801126f, 1.056925445829f,
                                        0.7959590638469f, 0.8607381899989f,   0.9665099094373f};
    struct pbti_nn_conv_shape const shape = {4, 4, 1, 2, 4, 2, 1};
    float x[8], w[32], b[1], dy[16], y[16], dx[8], dw[32], db[1], scratch[256];
    assert_true(pbti_nn_conv_scratch(&shape, 1) <= 256);
    fill(x, 8, 1.0, 0.9, 0.0);
    fill(w, 32, 0.5, 0.37, 0.5);
    fill(b, 1, 0.1, 1.0, 1.0);
    fill(dy, 16, 1.0, 0.53, 2.0);
    pbti_nn_conv_transposed_forward(&shape, y, x, w, b, scratch, 1);
    check_all_close("y", y, y_expected, 16, 1e-6);
    pbti_nn_conv_transposed_backward(&shape, dx, dw, db, dy, x, w, scratch, 1);
    check_all_close("dx", dx, dx_expected, 8, 1e-6);
    check_all_close("dw", dw, dw_expected, 6, 1e-6);
    check_close((double)db[0], 1.031312882127, 1e-6);
    check_sums(dw, 32, 0.4006824934367, 21.91620018192);
}

static void test_transposed_vectors_of_a_batch(void **state)
{
    (void)state;
    enum { IN = 2 * 2 * 3 * 3, OUT = 2 * 4 * 6 * 2, WEIGHTS = 4 * 4 * 2 * 3 };
    float x[IN], w[WEIGHTS], b[2], dy[OUT], y[OUT], dx[IN], dw[WEIGHTS], db[2];
    /* x (2,3,2,3): two pictures of 3 x 2 windows; the picture is 6 x 4 */
    struct pbti_nn_conv_shape const tall = {6, 4, 2, 3, 4, 2, 1};
    float *const scratch = pbti_nn_floats(pbti_nn_conv_scratch(&tall, 2));
    fill(x, IN, 1.0, 0.9, 1.0);
    fill(w, WEIGHTS, 0.5, 0.37, 1.5);
    fill(b, 2, 0.1, 1.0, 2.0);
    fill(dy, OUT, 1.0, 0.53, 3.0);
    pbti_nn_conv_transposed_forward(&tall, y, x, w, b, scratch, 2);
    check_close((double)y[0], 0.4079441045294, 1e-6);
    check_close((double)y[3], 0.1921307744689, 1e-6);
    check_sums(y, OUT, 5.32480341274, 109.2186185553);
    pbti_nn_conv_transposed_backward(&tall, dx, dw, db, dy, x, w, scratch, 2);
    check_sums(dx, IN, -4.565183993888, 40.60843665158);
    check_sums(dw, WEIGHTS, -1.753187018316, 29.26692736639);
    check_close((double)db[0], 0.2131807971431, 1e-6);
    check_close((double)db[1], -0.09866081438935, 1e-6);
    free(scratch);
}

static void test_gradients_of_weights_may_be_left_out(void **state)
{
    (void)state;
    struct pbti_nn_conv_shape const shape = {8, 8, 3, 5, 4, 2, 1};
    enum { IN = 2 * 64 * 3, OUT = 2 * 16 * 5, WEIGHTS = 16 * 3 * 5 };
    float *const x = check_noise(IN, 1, 1.0f), *const w = check_noise(WEIGHTS, 1001, 1.0f);
    float *const dy = check_noise(OUT, 2001, 1.0f);
    float *const scratch = pbti_nn_floats(pbti_nn_conv_scratch(&shape, 2));
    float with[IN], without[IN], dw[WEIGHTS], db[5];
    pbti_nn_conv_backward(&shape, with, dw, db, dy, x, w, scratch, 2);
    pbti_nn_conv_backward(&shape, without, NULL, NULL, dy, x, w, scratch, 2);
    assert_memory_equal(with, without, sizeof with);
    float with_q[OUT], without_q[OUT];
    pbti_nn_conv_transposed_backward(&shape, with_q, dw, NULL, x, dy, w, scratch, 2);
    pbti_nn_conv_transposed_backward(&shape, without_q, NULL, NULL, x, dy, w, scratch, 2);
    assert_memory_equal(with_q, without_q, sizeof with_q);
    float *const all[] = {x, w, dy, scratch};
    for (size_t i = 0; i < 4; i++) {
        free(all[i]);
    }
}

/* -------- symmetric matrices -------- */

static void symmetric(double *a, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            a[i * n + j] = a[j * n + i] = sin(1.7 * (double)(i * n + j) + 0.3);
        }
    }
}

static void check_eigen(size_t n)
{
    double a[24 * 24] = {0}, kept[24 * 24], vectors[24 * 24], values[24], alone[24];
    symmetric(a, n);
    memcpy(kept, a, sizeof a);
    pbti_nn_symmetric_eigen(values, vectors, a, n);
    memcpy(a, kept, sizeof a);
    pbti_nn_symmetric_eigen(alone, NULL, a, n);
    assert_memory_equal(values, alone, n * sizeof values[0]);
    for (size_t k = 0; k < n; k++) {
        for (size_t i = 0; i < n; i++) {
            double product = 0.0, dot = 0.0;
            for (size_t j = 0; j < n; j++) {
                product += kept[i * n + j] * vectors[j * n + k];
                dot += vectors[j * n + i] * vectors[j * n + k];
            }
            check_close(product, values[k] * vectors[i * n + k], 1e-13 * (double)n);
            check_close(dot, i == k ? 1.0 : 0.0, 1e-14 * (double)n);
        }
    }
}

static void test_eigenvectors_are_orthonormal_and_belong_to_their_values(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 24; n++) {
        check_eigen(n);
    }
    double diagonal[9] = {3, 0, 0, 0, -1, 0, 0, 0, 3}, values[3], bad[4] = {1, NAN, NAN, 1};
    pbti_nn_symmetric_eigen(values, NULL, diagonal, 3);
    assert_true(values[0] == 3.0 && values[1] == -1.0 && values[2] == 3.0);
    pbti_nn_symmetric_eigen(values, NULL, bad, 2);
    assert_true(isnan(values[0]) && isnan(values[1]));
}

static void test_the_root_squared_is_the_matrix(void **state)
{
    (void)state;
    enum { N = 6 };
    double b[N * N], a[N * N] = {0}, kept[N * N], root[N * N], scratch[N * N + N];
    for (size_t i = 0; i < (size_t)N * N; i++) {
        b[i] = sin(0.9 * (double)i + 0.2);
    }
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < N; j++) {
            for (size_t k = 0; k < 3; k++) { /* of rank 3: half of the eigenvalues are 0 */
                a[i * N + j] += b[i * N + k] * b[j * N + k];
            }
        }
    }
    memcpy(kept, a, sizeof a);
    pbti_nn_symmetric_root(root, a, scratch, N);
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < N; j++) {
            double sum = 0.0;
            for (size_t k = 0; k < N; k++) {
                sum += root[i * N + k] * root[k * N + j];
            }
            check_close(sum, kept[i * N + j], 1e-13);
        }
    }
}

/* -------- spectral normalisation -------- */

static void test_spectral_vectors(void **state)
{
    (void)state;
    static const float w[6] = {1.0f, 2.0f, 0.0f, -1.0f, 0.5f, 3.0f};
    static const float gradient[] = {0.03266860057998f, 0.204663369358f,   0.2571041157452f,
                                     0.2031878382282f,  0.07127179953528f, -0.09148113361181f};
    for (int transposed = 0; transposed < 2; transposed++) {
        struct pbti_nn_spectral_shape const shape = {3, 2, transposed != 0};
        float u[3], v[2], used[6], dw[6], stored[6], back[6];
        for (size_t i = 0; i < 3; i++) {
            u[i] = (float)(1.0 / sqrt(3.0));
        }
        for (size_t i = 0; i < 6; i++) {
            size_t const at = transposed ? i % 2 * 3 + i / 2 : i;
            stored[at] = w[i];
            dw[at] = (float)sin(0.7 * (double)i + 0.1);
        }
        double const sigma = pbti_nn_spectral_forward(&shape, used, u, v, stored);
        check_close(sigma, 3.8378968270101916, 1e-6);
        check_close((double)v[1], 0.9363291775687, 1e-6);
        check_close((double)u[0], 0.5794271959251, 1e-6);
        check_close((double)u[1], -0.2439693456527, 1e-6);
        pbti_nn_spectral_backward(&shape, dw, used, u, v, sigma);
        for (size_t i = 0; i < 6; i++) {
            back[i] = dw[transposed ? i % 2 * 3 + i / 2 : i];
        }
        check_all_close("dw", back, gradient, 6, 1e-6);
        check_close(pbti_nn_spectral_forward(&shape, used, u, v, stored), 3.8597278293901724, 1e-6);
    }
    struct pbti_nn_spectral_shape const shape = {1, 2, false};
    float u[1] = {1.0f}, v[2], used[2], zero[2] = {0.0f, 0.0f};
    assert_true(pbti_nn_spectral_forward(&shape, used, u, v, zero) == 1.0 && used[0] == 0.0f);
    assert_true(u[0] == 1.0f); /* ready for weights that are not 0 */
}

int main(void)
{
    pbti_nn_setup(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logistic_vectors),
        cmocka_unit_test(test_losses_of_a_batch),
        cmocka_unit_test(test_losses_stay_finite_and_keep_nan),
        cmocka_unit_test(test_leaky_relu),
        cmocka_unit_test(test_transposed_vectors_of_one_picture),
        cmocka_unit_test(test_transposed_vectors_of_a_batch),
        cmocka_unit_test(test_gradients_of_weights_may_be_left_out),
        cmocka_unit_test(test_eigenvectors_are_orthonormal_and_belong_to_their_values),
        cmocka_unit_test(test_the_root_squared_is_the_matrix),
        cmocka_unit_test(test_spectral_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
