/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_matmul.h - matrix products, by oneDNN or OpenBLAS as the build says (PBT_MATMUL).
 *
 * One call for the three products of a linear layer; `dnnl_sgemm` keeps a cache of its generated
 * kernels itself and is stateless for the caller, so a batch of any size (the remainder of a
 * segment too) costs no set-up. Measured against oneDNN's matmul and inner-product primitives,
 * which need a cached primitive for every shape, it is within 4 % on the large shapes of
 * bench/bench_classify.c.
 *
 * Thread      any, but the number of threads is set for the process by pbti_nn_setup()
 * Determinism same inputs, threads, library and processor: same bits
 */
#ifndef PBTI_NN_MATMUL_H
#define PBTI_NN_MATMUL_H

#include <stdbool.h>
#include <stdint.h>

/* Use this many threads for products, in the whole process; called by pbti_nn_setup(). */
void pbti_nn_matmul_threads(uint32_t threads);

/*
 * c = op(a) op(b) + beta c, where op transposes when asked to.
 *
 * op(a)       in, shape (rows, inner); stored (inner, rows) when a_transposed
 * op(b)       in, shape (inner, columns); stored (columns, inner) when b_transposed
 * c           in/out, shape (rows, columns); not read when beta is 0
 */
void pbti_nn_matmul(bool a_transposed, bool b_transposed, uint32_t rows, uint32_t columns,
                    uint32_t inner, const float *a, const float *b, float beta, float *c);

/*
 * out = in^T.
 *
 * in          in, shape (rows, columns)
 * out         out, shape (columns, rows); not `in`
 */
void pbti_nn_transpose(uint32_t rows, uint32_t columns, const float *in, float *out);

/* The product in plain C, sums in index order and in double: what the fast one is tested
 * against. */
void pbti_nn_matmul_reference(bool a_transposed, bool b_transposed, uint32_t rows, uint32_t columns,
                              uint32_t inner, const float *a, const float *b, float beta, float *c);

#endif
