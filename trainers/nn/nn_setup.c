/* SPDX-License-Identifier: Apache-2.0 */
/* nn_setup.c - preparing a process for numeric work, see nn_base.h. */
#include "nn/nn_base.h"
#include "nn/nn_matmul.h"

#include <assert.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

void pbti_nn_setup(uint32_t threads)
{
    assert(threads >= 1 && threads <= 1024);
    pbti_nn_matmul_threads(threads);
#if defined(__SSE2__)
    enum { FLUSH_TO_ZERO = 0x8000, DENORMALS_ARE_ZERO = 0x0040 };
    _mm_setcsr(_mm_getcsr() | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO);
#endif
}
