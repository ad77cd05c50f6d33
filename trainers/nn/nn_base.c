/* SPDX-License-Identifier: Apache-2.0 */
/* nn_base.c - errors and aligned memory; see nn_base.h. */
#include "nn/nn_base.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t pbti_nn_padded(size_t count)
{
    return (count + PBTI_NN_ALIGN_FLOATS - 1) / PBTI_NN_ALIGN_FLOATS * PBTI_NN_ALIGN_FLOATS;
}

float *pbti_nn_floats(size_t count)
{
    if (count > SIZE_MAX / sizeof(float) - PBTI_NN_ALIGN_FLOATS) { return NULL; }
    size_t const size = pbti_nn_padded(count == 0 ? 1 : count) * sizeof(float);
    float *const floats = aligned_alloc(PBTI_NN_ALIGN_BYTES, size);
    if (floats != NULL) { memset(floats, 0, size); }
    return floats;
}

pbt_status pbti_nn_fail(struct pbt_error *err, pbt_status status, const char *format, ...)
{
    if (err == NULL) { return status; }
    memset(err, 0, sizeof *err);
    err->code = status;
    err->file = "trainers";
    va_list args;
    va_start(args, format);
    (void)vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    return status;
}
