/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_nn_batch_norm.c - rules: batch normalisation is what the plain version computes, for any
 * number of channels; its way back is the derivative; running values are PyTorch's; a channel that
 * is constant is no accident; NaN stays in its channel.
 */
#include "gradient_check.h"
#include "nn/nn_base.h"
#include "nn/nn_batch_norm.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHANNELS_MAX = 40 };

/* Statistics and running values, with room for CHANNELS_MAX. */
struct kept {
    float mean[CHANNELS_MAX], inverse[CHANNELS_MAX];
    float running_mean[CHANNELS_MAX], running_variance[CHANNELS_MAX];
};

static struct pbti_nn_channel_statistics statistics_of(struct kept *k)
{
    return (struct pbti_nn_channel_statistics){k->mean, k->inverse};
}

static struct pbti_nn_running running_of(struct kept *k)
{
    return (struct pbti_nn_running){k->running_mean, k->running_variance};
}

/* -------- forward -------- */

static void check_forward(size_t rows, uint32_t channels, float shift)
{
    size_t const count = rows * channels;
    float *const x = check_noise(count, 1, 1.0f);
    float *const gain = check_noise(channels, 100001, 1.0f);
    float *const bias = check_noise(channels, 200001, 1.0f);
    float *const y = pbti_nn_floats(count);
    float *const expected = pbti_nn_floats(count);
    struct kept k;
    struct pbti_nn_channel_statistics const s = statistics_of(&k);
    struct pbti_nn_running const none = {NULL, NULL};
    for (size_t i = 0; i < count; i++) {
        x[i] += shift;
    }
    pbti_nn_batch_norm_forward(y, &s, &none, x, gain, bias, 0.1, 1e-5, rows, channels);
    pbti_nn_batch_norm_forward_reference(expected, x, gain, bias, 1e-5, rows, channels);
    check_all_close("y", y, expected, count, 2e-6 * (1.0 + (double)shift));
    pbti_nn_batch_norm_forward(x, &s, &none, x, gain, bias, 0.1, 1e-5, rows, channels);
    assert_memory_equal(x, y, count * sizeof x[0]); /* in place */
    float *const all[] = {x, gain, bias, y, expected};
    for (size_t i = 0; i < 5; i++) {
        free(all[i]);
    }
}

static void test_agrees_with_the_plain_version(void **state)
{
    (void)state;
    for (uint32_t channels = 1; channels <= CHANNELS_MAX; channels++) {
        check_forward(5, channels, 0.0f);
    }
    check_forward(2, 16, 0.0f);
    check_forward(1000, 32, 0.0f);
    check_forward(6272, 3, 10.0f); /* sums of squares less squares of sums would fail here */
}

/* x, gain, bias and dy of the vectors: each a sine of its place. */
struct sines {
    float x[8], gain[2], bias[2], dy[8];
};

static struct sines sines_of(size_t rows, double s)
{
    struct sines v = {0};
    for (size_t i = 0; i < rows * 2; i++) {
        double const at = (double)i;
        v.x[i] = (float)(1.5 * sin(0.7 * at + s) + (double)(i % 2));
        v.dy[i] = (float)sin(1.1 * at + s + 1.0);
    }
    for (size_t c = 0; c < 2; c++) {
        v.gain[c] = (float)(1.0 + 0.3 * sin((double)c + s));
        v.bias[c] = (float)(0.2 * sin(2.0 * (double)c + s));
    }
    return v;
}

static void check_vector(const float *got, const double *expected, size_t count, double tolerance)
{
    for (size_t i = 0; i < count; i++) {
        check_close((double)got[i], expected[i], tolerance * (1.0 + fabs(expected[i])));
    }
}

static void test_vectors_of_four_rows(void **state)
{
    (void)state;
    static const double y[] = {-0.1676249665989, 1.1869790189569, 1.3044171169649,
                               1.5534245834680,  0.3327726077456, -0.4779868507053,
                               -1.4695647581117, -1.5349788102590};
    static const double dx[] = {0.51527479392388,  1.0311127472394,     0.31429871295267,
                                -0.84513125536694, -0.85596318020417,   -0.18595595571482,
                                0.026389673327627, -2.5536157646099e-05};
    static const double d_gain[] = {-1.8967712699952, -1.3326849984688};
    static const double d_bias[] = {0.9782520258558, 0.8251326480694};
    static const double mean[] = {0.4668323290399, 0.5565321705090};
    static const double variance[] = {1.9344452445149, 1.9680617402535};
    static const double inferred[] = {-0.3356460811831, 1.4404738526392, 0.7271413035953,
                                      1.7337358507427,  0.0256317894193, 0.1080216005218,
                                      -1.2756227310427, -0.7378764101462};
    struct sines const v = sines_of(4, 0.0);
    struct kept k = {.running_mean = {0.5f, 0.5f}, .running_variance = {2.0f, 2.0f}};
    struct pbti_nn_channel_statistics const s = statistics_of(&k);
    struct pbti_nn_running const running = running_of(&k);
    float out[8], back[8], gains[2], biases[2];
    pbti_nn_batch_norm_forward(out, &s, &running, v.x, v.gain, v.bias, 0.1, 1e-5, 4, 2);
    pbti_nn_batch_norm_backward(back, gains, biases, v.dy, v.x, &s, v.gain, 4, 2);
    check_vector(out, y, 8, 1e-6);
    check_vector(back, dx, 8, 1e-6);
    check_vector(gains, d_gain, 2, 1e-6);
    check_vector(biases, d_bias, 2, 1e-6);
    check_vector(k.running_mean, mean, 2, 1e-6);
    check_vector(k.running_variance, variance, 2, 1e-6);
    pbti_nn_batch_norm_infer(out, &s, &running, v.x, v.gain, v.bias, 1e-5, 4, 2);
    check_vector(out, inferred, 8, 1e-6);
    check_vector(k.running_mean, mean, 2, 1e-6); /* as they were */
}

/* The gradient of a channel without variance is large, by 1 / sqrt(epsilon), and finite. */
static void test_vectors_of_a_dead_channel(void **state)
{
    (void)state;
    static const double y[] = {0.0591040413323, 1.2204009371589, 0.0591040413323,
                               0.8909373269530, 0.0591040413323, -1.6639151368059};
    static const double dx[] = {324.59266091103,  1.0746796143656,  -127.88681770569,
                                -1.2132709834503, -196.70584320534, 0.13859136908475};
    struct sines v = sines_of(3, 0.3);
    struct kept k = {.running_mean = {0.5f, 0.5f}, .running_variance = {2.0f, 2.0f}};
    struct pbti_nn_channel_statistics const s = statistics_of(&k);
    struct pbti_nn_running const running = running_of(&k);
    for (size_t r = 0; r < 3; r++) {
        v.x[2 * r] = 0.25f;
    }
    float out[6], gains[2], biases[2];
    pbti_nn_batch_norm_forward(out, &s, &running, v.x, v.gain, v.bias, 0.1, 1e-5, 3, 2);
    check_vector(out, y, 6, 1e-6);
    pbti_nn_batch_norm_backward(v.dy, gains, biases, v.dy, v.x, &s, v.gain, 3, 2); /* in place */
    check_vector(v.dy, dx, 6, 2e-6);
    check_close((double)gains[0], 0.0, 1e-6);
    check_close((double)gains[1], -0.7054517894515, 1e-6);
    check_close((double)biases[0], 0.0620894151299, 1e-6);
    check_close((double)k.running_mean[0], 0.475, 1e-6);
    check_close((double)k.running_variance[0], 1.8, 1e-6);
    check_close((double)k.running_variance[1], 1.9423844607479, 1e-6);
}

/* -------- backward -------- */

enum { ROWS = 7, CHANNELS = 19, VALUES = ROWS * CHANNELS };

struct norm {
    float x[VALUES], gain[CHANNELS], bias[CHANNELS], r[VALUES];
};

static double objective(void *context)
{
    struct norm *const n = context;
    float y[VALUES];
    struct kept k;
    struct pbti_nn_channel_statistics const s = statistics_of(&k);
    struct pbti_nn_running const none = {NULL, NULL};
    pbti_nn_batch_norm_forward(y, &s, &none, n->x, n->gain, n->bias, 0.1, 1e-5, ROWS, CHANNELS);
    return check_dot(y, n->r, VALUES);
}

static struct norm make_norm(void)
{
    struct norm n;
    float *const noise = check_noise(sizeof n / sizeof(float), 7, 1.0f);
    memcpy(&n, noise, sizeof n);
    free(noise);
    /* wide values: the differences of the check are to be small beside the spread of a channel */
    for (size_t i = 0; i < VALUES; i++) {
        n.x[i] *= 4.0f;
    }
    return n;
}

static void test_backward_is_the_derivative(void **state)
{
    (void)state;
    struct norm n = make_norm();
    float y[VALUES], dx[VALUES], d_gain[CHANNELS], d_bias[CHANNELS];
    struct kept k;
    struct pbti_nn_channel_statistics const s = statistics_of(&k);
    struct pbti_nn_running const none = {NULL, NULL};
    pbti_nn_batch_norm_forward(y, &s, &none, n.x, n.gain, n.bias, 0.1, 1e-5, ROWS, CHANNELS);
    pbti_nn_batch_norm_backward(dx, d_gain, d_bias, n.r, n.x, &s, n.gain, ROWS, CHANNELS);
    check_gradient("x", n.x, VALUES, dx, objective, &n, 1e-4);
    check_gradient("gain", n.gain, CHANNELS, d_gain, objective, &n, 1e-4);
    check_gradient("bias", n.bias, CHANNELS, d_bias, objective, &n, 1e-4);
}

static void test_nan_stays_in_its_channel(void **state)
{
    (void)state;
    struct norm n = make_norm();
    n.x[2 * CHANNELS + 17] = NAN;
    float y[VALUES];
    struct kept k = {0};
    struct pbti_nn_channel_statistics const s = statistics_of(&k);
    struct pbti_nn_running const running = running_of(&k);
    pbti_nn_batch_norm_forward(y, &s, &running, n.x, n.gain, n.bias, 0.1, 1e-5, ROWS, CHANNELS);
    for (size_t i = 0; i < VALUES; i++) {
        assert_true(isnan(y[i]) == (i % CHANNELS == 17));
    }
    assert_true(isnan(k.running_mean[17]) && !isnan(k.running_mean[16]));
}

int main(void)
{
    pbti_nn_setup(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees_with_the_plain_version),
        cmocka_unit_test(test_vectors_of_four_rows),
        cmocka_unit_test(test_vectors_of_a_dead_channel),
        cmocka_unit_test(test_backward_is_the_derivative),
        cmocka_unit_test(test_nan_stays_in_its_channel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
