/* SPDX-License-Identifier: Apache-2.0 */
/* nn_dropout.c - inverted dropout, see nn_dropout.h. */
#include "nn/nn_dropout.h"
#include "nn/nn_base.h"

#include <assert.h>

PBTI_NN_WIDE
static void threshold(float *restrict mask, const uint16_t *restrict bits, uint32_t kept,
                      float scale, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        mask[i] = bits[i] < kept ? scale : 0.0f;
    }
}

void pbti_nn_dropout_mask(float *mask, uint16_t *bits, double rate,
                          const struct pbti_nn_stream *stream, size_t count)
{
    assert(rate >= 0.0 && rate < 1.0);
    uint32_t const rounded = (uint32_t)((1.0 - rate) * 65536.0 + 0.5);
    uint32_t const kept = rounded == 0 ? 1 : rounded;
    pbti_nn_random_u16(stream, bits, count);
    threshold(mask, bits, kept, 65536.0f / (float)kept, count);
}

PBTI_NN_WIDE
void pbti_nn_dropout_apply(float *restrict x, const float *restrict mask, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        x[i] *= mask[i];
    }
}
