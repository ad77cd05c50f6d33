/* SPDX-License-Identifier: Apache-2.0 */
/* propose/kernel.c - Matern and squared exponential kernels; see kernel.h. */
#include "propose/kernel.h"

#include <math.h>
#include <stddef.h>

static double const root3 = 1.7320508075688772935;
static double const root5 = 2.2360679774997896964;

static void matern52(const double *squares, uint32_t count, double *values, double *slopes)
{
    for (uint32_t i = 0; i < count; i++) {
        double const r2 = squares[i];
        double const s = root5 * sqrt(r2);
        double const decay = exp(-s);
        if (slopes != NULL) { slopes[i] = 5.0 / 3.0 * (1.0 + s) * decay; }
        values[i] = (1.0 + s + 5.0 / 3.0 * r2) * decay;
    }
}

static void matern32(const double *squares, uint32_t count, double *values, double *slopes)
{
    for (uint32_t i = 0; i < count; i++) {
        double const s = root3 * sqrt(squares[i]);
        double const decay = exp(-s);
        if (slopes != NULL) { slopes[i] = 3.0 * decay; }
        values[i] = (1.0 + s) * decay;
    }
}

static void rbf(const double *squares, uint32_t count, double *values, double *slopes)
{
    for (uint32_t i = 0; i < count; i++) {
        double const decay = exp(-0.5 * squares[i]);
        if (slopes != NULL) { slopes[i] = decay; }
        values[i] = decay;
    }
}

void pbti_kernel_apply(enum pbti_kernel kernel, const double *squares, uint32_t count,
                       double *values, double *slopes)
{
    switch (kernel) {
    case PBTI_KERNEL_MATERN52: matern52(squares, count, values, slopes); break;
    case PBTI_KERNEL_MATERN32: matern32(squares, count, values, slopes); break;
    case PBTI_KERNEL_RBF: rbf(squares, count, values, slopes); break;
    }
}
