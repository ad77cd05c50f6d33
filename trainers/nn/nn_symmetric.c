/* SPDX-License-Identifier: Apache-2.0 */
/* nn_symmetric.c - eigenvalues of a symmetric matrix, see nn_symmetric.h. */
#include "nn/nn_symmetric.h"
#include "nn/nn_base.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { SWEEPS_MAX = 60 }; /* six to ten are enough for what converges at all */

/* Sum of squares beside the diagonal. */
static double beside(const double *a, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            sum += 2.0 * a[i * n + j] * a[i * n + j];
        }
    }
    return sum;
}

static double square(const double *a, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n * n; i++) {
        sum += a[i] * a[i];
    }
    return sum;
}

/* (x, y) = (c x - s y, s x + c y) for `n` pairs that lie side by side. */
PBTI_NN_WIDE
static void turn_rows(double *restrict x, double *restrict y, double c, double s, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        double const old = x[k];
        x[k] = c * old - s * y[k];
        y[k] = s * old + c * y[k];
    }
}

/* Make a[p][q] zero by a rotation of rows and columns p and q. */
static void rotate(double *a, double *rows, size_t p, size_t q, size_t n)
{
    double const off = a[p * n + q];
    if (off == 0.0) { return; }
    double const theta = (a[q * n + q] - a[p * n + p]) / (2.0 * off);
    double const t = (theta >= 0.0 ? 1.0 : -1.0) / (fabs(theta) + hypot(theta, 1.0));
    double const c = 1.0 / sqrt(t * t + 1.0);
    double const s = t * c;
    double const pp = a[p * n + p] - t * off;
    double const qq = a[q * n + q] + t * off;
    turn_rows(a + p * n, a + q * n, c, s, n);
    for (size_t k = 0; k < n; k++) { /* the matrix is symmetric: columns are copies of rows */
        a[k * n + p] = a[p * n + k];
        a[k * n + q] = a[q * n + k];
    }
    a[p * n + p] = pp;
    a[q * n + q] = qq;
    a[p * n + q] = 0.0;
    a[q * n + p] = 0.0;
    if (rows != NULL) { turn_rows(rows + p * n, rows + q * n, c, s, n); }
}

static void transpose(double *a, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            double const value = a[i * n + j];
            a[i * n + j] = a[j * n + i];
            a[j * n + i] = value;
        }
    }
}

void pbti_nn_symmetric_eigen(double *values, double *vectors, double *a, size_t n)
{
    double const size = square(a, n);
    if (vectors != NULL) {
        memset(vectors, 0, n * n * sizeof vectors[0]);
        for (size_t i = 0; i < n; i++) {
            vectors[i * n + i] = 1.0;
        }
    }
    for (int sweep = 0; sweep < SWEEPS_MAX && beside(a, n) > 1e-30 * size; sweep++) {
        for (size_t p = 0; p < n; p++) {
            for (size_t q = p + 1; q < n; q++) {
                rotate(a, vectors, p, q, n);
            }
        }
    }
    for (size_t i = 0; i < n; i++) {
        values[i] = isfinite(size) ? a[i * n + i] : NAN;
    }
    if (vectors != NULL) { transpose(vectors, n); } /* they were kept as rows */
}

void pbti_nn_symmetric_root(double *root, double *a, double *scratch, size_t n)
{
    double *const vectors = scratch;
    double *const values = scratch + n * n;
    pbti_nn_symmetric_eigen(values, vectors, a, n);
    memset(root, 0, n * n * sizeof root[0]);
    for (size_t k = 0; k < n; k++) {
        double const value = values[k] < 0.0 ? 0.0 : sqrt(values[k]); /* NaN stays */
        for (size_t i = 0; i < n; i++) {
            for (size_t j = 0; j < n; j++) {
                root[i * n + j] += vectors[i * n + k] * value * vectors[j * n + k];
            }
        }
    }
}
