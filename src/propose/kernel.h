/* SPDX-License-Identifier: Apache-2.0 */
/*
 * propose/kernel.h - covariance functions of a Gaussian process, of amplitude 1.
 *
 * All are stationary with one length scale a dimension: they see two points only through
 * r^2 = sum_d u_d^2 with u_d = (x_d - x'_d) / l_d. Beside the value k(r^2) each has a slope
 * g(r^2) = -2 dk/d(r^2), which is never negative, and from which every derivative is made:
 *
 *     dk / d(ln l_d) = g u_d^2            dk / dx_d = -g u_d / l_d
 *
 * Source      Rasmussen and Williams 2006, "Gaussian Processes for Machine Learning", section 4.2.
 */
#ifndef PBTI_PROPOSE_KERNEL_H
#define PBTI_PROPOSE_KERNEL_H

#include <stdint.h>

/* X(name, value, text): the kernels by name; the first is the default. */
#define PBTI_KERNEL_LIST(X)                                                                        \
    X(PBTI_KERNEL_MATERN52, 0, "matern52") /* (1 + sqrt5 r + 5/3 r^2) exp(-sqrt5 r) */             \
    X(PBTI_KERNEL_MATERN32, 1, "matern32") /* (1 + sqrt3 r) exp(-sqrt3 r) */                       \
    X(PBTI_KERNEL_RBF, 2, "rbf")           /* exp(-r^2 / 2) */

enum pbti_kernel {
#define PBTI_KERNEL_ENUM(name, value, text) name = (value),
    PBTI_KERNEL_LIST(PBTI_KERNEL_ENUM)
#undef PBTI_KERNEL_ENUM
};

/*
 * Values and slopes at `count` squared distances.
 *
 * squares     in, shape (count); r^2 >= 0
 * values      out, shape (count); may be `squares`
 * slopes      out, shape (count); NULL = not wanted; apart from `squares` and `values`
 */
void pbti_kernel_apply(enum pbti_kernel kernel, const double *squares, uint32_t count,
                       double *values, double *slopes);

#endif
