/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_symmetric.h - eigenvalues and eigenvectors of a symmetric matrix, and its square root.
 *
 * Cyclic Jacobi rotations in double: slower than what a library does for large matrices, accurate
 * for small ones, and the same in every build, so that a score that depends on it does too.
 *
 * Source      Golub & Van Loan, "Matrix computations", 4th edition, section 8.5 (the cyclic
 *             method; the smaller of the two angles of each rotation).
 */
#ifndef PBTI_NN_SYMMETRIC_H
#define PBTI_NN_SYMMETRIC_H

#include <stddef.h>

/*
 * values      out, shape (n), in no order; NaN when `a` holds a value that is not finite
 * vectors     out, shape (n, n): column k belongs to values[k]; NULL: not wanted
 * a           in/out, shape (n, n), symmetric; destroyed
 */
void pbti_nn_symmetric_eigen(double *values, double *vectors, double *a, size_t n);

/*
 * root = the symmetric square root of `a`, whose negative eigenvalues (rounding) count as 0.
 *
 * root        out, shape (n, n); not `a`
 * a           in/out, shape (n, n), symmetric; destroyed
 * scratch     shape (n * n + n)
 */
void pbti_nn_symmetric_root(double *root, double *a, double *scratch, size_t n);

#endif
