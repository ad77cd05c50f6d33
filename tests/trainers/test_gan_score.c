/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_gan_score.c - rules: Inception score and Frechet distance are what numpy computes in double,
 * also where a probability is 0 or a covariance singular; NaN is not lost.
 */
#include "gan/gan_score.h"
#include "gradient_check.h"
#include "nn/nn_symmetric.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

static void check_inception(const double *p, size_t count, size_t k, double expected)
{
    check_close(pbti_gan_inception(p, count, k, NULL), expected, 1e-12);
}

static void test_inception_vectors(void **state)
{
    (void)state;
    double classes = 0.0;
    static const double identity[] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
    static const double same[] = {1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0};
    static const double i4[] = {.7, .2, .1, .1, .8, .1, .2, .2, .6, .6, .3, .1};
    static const double i5[] = {1, 0, 0, .5, .5, 0, 0, .25, .75};
    static const double i7[] = {1 - 1e-12, 1e-12, 1e-12, 1 - 1e-12};
    static const double i8[] = {1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1};
    static const double one[] = {.9, .1};
    double uniform[12];
    for (size_t i = 0; i < 12; i++) {
        uniform[i] = .25;
    }
    check_inception(uniform, 3, 4, 1.0);
    check_inception(identity, 4, 4, 4.0);
    check_inception(same, 5, 3, 1.0);
    check_inception(one, 1, 2, 1.0);
    check_inception(i4, 4, 3, 1.2810536979791294);
    check_inception(i5, 3, 3, 1.861209718204199);
    check_inception(i7, 2, 2, 1.999999999942738);
    check_inception(i8, 4, 3, 2.82842712474619);
    (void)pbti_gan_inception(identity, 4, 4, &classes);
    check_close(classes, 4.0, 1e-12);
    (void)pbti_gan_inception(same, 5, 3, &classes);
    check_close(classes, 1.0, 1e-12);
}

static void test_inception_from_logits_and_in_splits(void **state)
{
    (void)state;
    float logits[400];
    double p[400], mean, sd;
    for (size_t i = 0; i < 400; i++) {
        logits[i] = (float)(3.0 * sin(1.3 * (double)i));
    }
    pbti_gan_softmax(p, logits, 40, 10);
    check_close(pbti_gan_inception(p, 40, 10, NULL), 2.3099882119187316, 1e-6);
    pbti_gan_inception_splits(p, 40, 10, 4, &mean, &sd);
    check_close(mean, 2.044857634356807, 1e-6);
    check_close(sd, 0.009301998686908295, 1e-6);
    logits[0] = 1e30f; /* no overflow */
    pbti_gan_softmax(p, logits, 1, 10);
    assert_true(p[0] == 1.0 && p[1] == 0.0);
    logits[3] = NAN;
    pbti_gan_softmax(p, logits, 40, 10);
    assert_true(isnan(pbti_gan_inception(p, 40, 10, NULL)));
}

/* -------- Frechet distance -------- */

struct normal {
    size_t size;
    double mean[3], covariance[9];
};

static double distance(const struct normal *x, const struct normal *y)
{
    size_t const n = x->size;
    double root[9], scratch[12], copy[9], result = NAN;
    double x_mean[3], y_mean[3], x_covariance[9], y_covariance[9];
    memcpy(x_mean, x->mean, sizeof x_mean);
    memcpy(y_mean, y->mean, sizeof y_mean);
    memcpy(x_covariance, x->covariance, sizeof x_covariance);
    memcpy(y_covariance, y->covariance, sizeof y_covariance);
    memcpy(copy, x->covariance, sizeof copy);
    struct pbti_gan_moments const a = {n, x_mean, x_covariance}, b = {n, y_mean, y_covariance};
    pbti_nn_symmetric_root(root, copy, scratch, n);
    assert_int_equal(pbti_gan_frechet(&result, &a, root, &b, NULL), PBT_OK);
    return result;
}

static void check_distance(const struct normal *x, const struct normal *y, double expected)
{
    /* the root of what rounding leaves of an eigenvalue 0 is some 1e-8 */
    check_close(distance(x, y), expected, 1e-7);
    check_close(distance(y, x), expected, 1e-7); /* it is symmetric */
}

static void test_frechet_vectors(void **state)
{
    (void)state;
    struct normal const f1[2] = {{1, {0}, {4}}, {1, {3}, {9}}};
    struct normal const f3[2] = {{2, {0, 0}, {2, .5, .5, 1}}, {2, {1, -1}, {1, -.3, -.3, 3}}};
    struct normal const f4[2] = {{2, {0}, {1, 1, 1, 1}}, {2, {0}, {1, 0, 0, 1}}};
    struct normal const f5[2] = {{3, {0}, {0}}, {3, {1, 0, 0}, {1, 0, 0, 0, 1, 0, 0, 0, 1}}};
    struct normal const f6[2] = {{2, {0}, {1, 0, 0, 0}}, {2, {0}, {0, 0, 0, 4}}};
    check_distance(&f1[0], &f1[1], 10.0);
    check_distance(&f3[0], &f3[0], 0.0);
    assert_true(distance(&f3[0], &f3[0]) >= 0.0);
    check_distance(&f3[0], &f3[1], 2.9293118549677732);
    check_distance(&f4[0], &f4[1], 1.1715728752538102);
    check_distance(&f5[0], &f5[1], 4.0);
    check_distance(&f6[0], &f6[1], 5.0);
    struct normal f7[2] = {{.size = 3}, {.size = 3}};
    for (size_t i = 0; i < 3; i++) {
        f7[0].mean[i] = sin((double)i);
        f7[1].mean[i] = cos((double)i);
        for (size_t j = 0; j < 3; j++) {
            for (size_t k = 0; k < 3; k++) {
                double const at_i = (double)(3 * i + k), at_j = (double)(3 * j + k);
                f7[0].covariance[3 * i + j] += sin(.8 * at_i + .1) * sin(.8 * at_j + .1);
                f7[1].covariance[3 * i + j] += sin(1.7 * at_i + .4) * sin(1.7 * at_j + .4);
            }
        }
    }
    check_distance(&f7[0], &f7[1], 5.880646994056652);
}

static void test_frechet_of_samples(void **state)
{
    (void)state;
    float x[18], y[24];
    for (size_t i = 0; i < 18; i++) {
        x[i] = (float)sin(1.9 * (double)i + .3);
    }
    for (size_t i = 0; i < 24; i++) {
        y[i] = (float)(sin(2.3 * (double)i + 1.0) + .2);
    }
    struct pbti_gan_moments a, b;
    double root[9], scratch[12], copy[9], result = NAN;
    assert_int_equal(pbti_gan_moments_init(&a, 3, NULL), PBT_OK);
    assert_int_equal(pbti_gan_moments_init(&b, 3, NULL), PBT_OK);
    pbti_gan_moments_measure(&a, x, 6);
    pbti_gan_moments_measure(&b, y, 8);
    memcpy(copy, a.covariance, sizeof copy);
    pbti_nn_symmetric_root(root, copy, scratch, 3);
    assert_int_equal(pbti_gan_frechet(&result, &a, root, &b, NULL), PBT_OK);
    check_close(result, 1.159908330759806, 1e-6);
    y[5] = NAN;
    pbti_gan_moments_measure(&b, y, 8);
    assert_int_equal(pbti_gan_frechet(&result, &a, root, &b, NULL), PBT_OK);
    assert_true(isnan(result));
    pbti_gan_moments_deinit(&a);
    pbti_gan_moments_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inception_vectors),
        cmocka_unit_test(test_inception_from_logits_and_in_splits),
        cmocka_unit_test(test_frechet_vectors),
        cmocka_unit_test(test_frechet_of_samples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
