/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_matmul.c - matrix products, see nn_matmul.h. The only file that calls their library: oneDNN,
 * or OpenBLAS with -DPBT_MATMUL=cblas.
 */
#include "nn/nn_matmul.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#ifdef PBT_MATMUL_CBLAS

#include <cblas.h>

void pbti_nn_matmul_threads(uint32_t threads)
{
    openblas_set_num_threads((int)threads);
}

void pbti_nn_matmul(bool a_transposed, bool b_transposed, uint32_t rows, uint32_t columns,
                    uint32_t inner, const float *a, const float *b, float beta, float *c)
{
    assert(rows > 0 && columns > 0 && inner > 0);
    cblas_sgemm(CblasRowMajor, a_transposed ? CblasTrans : CblasNoTrans,
                b_transposed ? CblasTrans : CblasNoTrans, (blasint)rows, (blasint)columns,
                (blasint)inner, 1.0f, a, (blasint)(a_transposed ? rows : inner), b,
                (blasint)(b_transposed ? inner : columns), beta, c, (blasint)columns);
}

#else

#include <oneapi/dnnl/dnnl.h>

/* oneDNN runs on the OpenMP runtime it was linked with and has no setting of its own for the number
 * of threads. Declared here because <omp.h> is not installed with every compiler. */
void omp_set_num_threads(int threads);
void omp_set_dynamic(int dynamic);

void pbti_nn_matmul_threads(uint32_t threads)
{
    omp_set_dynamic(0);
    omp_set_num_threads((int)threads);
}

void pbti_nn_matmul(bool a_transposed, bool b_transposed, uint32_t rows, uint32_t columns,
                    uint32_t inner, const float *a, const float *b, float beta, float *c)
{
    assert(rows > 0 && columns > 0 && inner > 0);
    dnnl_status_t const status = dnnl_sgemm(
        a_transposed ? 'T' : 'N', b_transposed ? 'T' : 'N', (dnnl_dim_t)rows, (dnnl_dim_t)columns,
        (dnnl_dim_t)inner, 1.0f, a, (dnnl_dim_t)(a_transposed ? rows : inner), b,
        (dnnl_dim_t)(b_transposed ? inner : columns), beta, c, (dnnl_dim_t)columns);
    /* the arguments are right by construction; what is left is memory for packing (small) */
    if (status != dnnl_success) {
        pbti_nn_matmul_reference(a_transposed, b_transposed, rows, columns, inner, a, b, beta, c);
    }
}

#endif

/* In squares that fit the first cache, so that both sides are read and written in whole lines. */
void pbti_nn_transpose(uint32_t rows, uint32_t columns, const float *restrict in,
                       float *restrict out)
{
    enum { SIDE = 32 };
    for (size_t i = 0; i < rows; i += SIDE) {
        size_t const i_end = i + SIDE < rows ? i + SIDE : rows;
        for (size_t j = 0; j < columns; j += SIDE) {
            size_t const j_end = j + SIDE < columns ? j + SIDE : columns;
            for (size_t k = i; k < i_end; k++) {
                for (size_t l = j; l < j_end; l++) {
                    out[l * rows + k] = in[k * columns + l];
                }
            }
        }
    }
}

void pbti_nn_matmul_reference(bool a_transposed, bool b_transposed, uint32_t rows, uint32_t columns,
                              uint32_t inner, const float *a, const float *b, float beta, float *c)
{
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) {
            double sum = beta == 0.0f ? 0.0 : (double)beta * (double)c[i * columns + j];
            for (size_t k = 0; k < inner; k++) {
                float const left = a_transposed ? a[k * rows + i] : a[i * inner + k];
                float const right = b_transposed ? b[j * inner + k] : b[k * columns + j];
                sum += (double)left * (double)right;
            }
            c[i * columns + j] = (float)sum;
        }
    }
}
