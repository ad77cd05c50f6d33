/* SPDX-License-Identifier: Apache-2.0 */
/* base/rng.c - Philox4x64-10 behind the study's streams. Pure; see rng.h. */
#include "base/rng.h"

#include <assert.h>
#include <math.h>

#include <Random123/philox.h>

static philox4x64_ctr_t draw_block(const struct pbti_stream *stream, uint64_t index)
{
    philox4x64_key_t const key = {{stream->seed, stream->purpose}};
    philox4x64_ctr_t const counter = {{stream->member, stream->segment, index, 0}};
    return philox4x64_R(10, counter, key);
}

static double unit_from_bits(uint64_t bits)
{
    return (double)(bits >> 11) * 0x1p-53;
}

uint64_t pbti_draw_bits(const struct pbti_stream *stream, uint64_t index)
{
    return draw_block(stream, index).v[0];
}

double pbti_draw_unit(const struct pbti_stream *stream, uint64_t index)
{
    return unit_from_bits(pbti_draw_bits(stream, index));
}

uint64_t pbti_choose(uint64_t bits, uint64_t count)
{
    assert(count > 0);
    __extension__ typedef unsigned __int128 wide;
    return (uint64_t)(((wide)bits * count) >> 64);
}

uint64_t pbti_draw_below(const struct pbti_stream *stream, uint64_t index, uint64_t count)
{
    return pbti_choose(pbti_draw_bits(stream, index), count);
}

double pbti_draw_normal(const struct pbti_stream *stream, uint64_t index)
{
    philox4x64_ctr_t const block = draw_block(stream, index);
    double const radius =
        sqrt(-2.0 * log(1.0 - unit_from_bits(block.v[0]))); /* argument in (0, 1] */
    return radius * cos(6.283185307179586476925 * unit_from_bits(block.v[1]));
}
