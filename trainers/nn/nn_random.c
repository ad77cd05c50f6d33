/* SPDX-License-Identifier: Apache-2.0 */
/* nn_random.c - Philox streams, see nn_random.h. */
#include "nn/nn_random.h"
#include "nn/nn_base.h"

#include <Random123/philox.h>
#include <assert.h>
#include <string.h>

/* Counter: block, step, purpose and lane, 0. Key: the seed. */
PBTI_NN_INLINE philox4x32_ctr_t draw(const struct pbti_nn_stream *stream, uint32_t block)
{
    philox4x32_ctr_t const counter = {
        {block, stream->step, stream->purpose << 16 | stream->lane, 0}};
    philox4x32_key_t const key = {{(uint32_t)stream->seed, (uint32_t)(stream->seed >> 32)}};
    return philox4x32(counter, key);
}

void pbti_nn_random_block(const struct pbti_nn_stream *stream, uint32_t block, uint32_t out[4])
{
    assert(stream->lane < 1u << 16);
    philox4x32_ctr_t const bits = draw(stream, block);
    memcpy(out, bits.v, sizeof bits.v);
}

PBTI_NN_WIDE
static void fill_planes(const struct pbti_nn_stream *stream, uint32_t *restrict w0,
                        uint32_t *restrict w1, uint32_t *restrict w2, uint32_t *restrict w3,
                        uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        philox4x32_ctr_t const bits = draw(stream, i);
        w0[i] = bits.v[0];
        w1[i] = bits.v[1];
        w2[i] = bits.v[2];
        w3[i] = bits.v[3];
    }
}

void pbti_nn_random_planes(const struct pbti_nn_stream *stream, uint32_t *out, uint32_t count)
{
    assert(stream->lane < 1u << 16);
    size_t const plane = count;
    fill_planes(stream, out, out + plane, out + 2 * plane, out + 3 * plane, count);
}

void pbti_nn_random_u16(const struct pbti_nn_stream *stream, uint16_t *out, size_t count)
{
    assert(stream->lane < 1u << 16);
    for (size_t at = 0; at < count; at += 8) {
        philox4x32_ctr_t const bits = draw(stream, (uint32_t)(at / 8));
        uint16_t parts[8];
        for (size_t i = 0; i < 4; i++) {
            parts[2 * i] = (uint16_t)(bits.v[i] & 0xffffu);
            parts[2 * i + 1] = (uint16_t)(bits.v[i] >> 16);
        }
        size_t const take = count - at < 8 ? count - at : 8;
        memcpy(out + at, parts, take * sizeof parts[0]);
    }
}

double pbti_nn_unit(uint32_t bits)
{
    return ((double)bits + 0.5) * 0x1p-32;
}

void pbti_nn_shuffle(const struct pbti_nn_stream *stream, uint32_t *items, uint32_t count)
{
    for (uint32_t i = count; i > 1; i--) {
        uint32_t bits[4];
        pbti_nn_random_block(stream, i, bits);
        /* floor(r * i / 2^64) without 128-bit arithmetic: r = high * 2^32 + low */
        uint64_t const low = (uint64_t)bits[0] * i;
        uint64_t const high = (uint64_t)bits[1] * i;
        uint32_t const place = (uint32_t)((high + (low >> 32)) >> 32);
        uint32_t const item = items[place];
        items[place] = items[i - 1];
        items[i - 1] = item;
    }
}
