/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gradient_check.h - what the tests of layers share: noise, comparison, and the derivative of any
 * scalar by finite differences.
 */
#ifndef PBTI_TEST_GRADIENT_CHECK_H
#define PBTI_TEST_GRADIENT_CHECK_H

#include <stddef.h>
#include <stdint.h>

/* Aligned memory of `count` numbers in [-scale, scale) that vary with `salt`; to be freed. */
float *check_noise(size_t count, uint32_t salt, float scale);

/* Fail unless `got` is within `tolerance` of `expected`; NaN never is. */
void check_close(double got, double expected, double tolerance);

/* The same for `count` numbers, relative to 1 + |expected|; `what` is named in the message. */
void check_all_close(const char *what, const float *got, const float *expected, size_t count,
                     double tolerance);

/*
 * Fail unless gradient[i] is the derivative of objective(context) by values[i], for each i.
 *
 * Central differences of fourth order with a step of 1/32: for functions whose fifth derivative is
 * about 1 they leave 3e-8 of truncation. The layers compute in float, so an objective of size S has
 * an error of about 1e-7 S, which the division makes 5e-6 S: `tolerance` is to be a few times that.
 *
 * values      in/out, shape (count); as before afterwards
 */
void check_gradient(const char *what, float *values, size_t count, const float *gradient,
                    double (*objective)(void *context), void *context, double tolerance);

/* sum of a[i] b[i]: an objective whose gradient at `a` is `b` */
double check_dot(const float *a, const float *b, size_t count);

#endif
