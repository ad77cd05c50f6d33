/* SPDX-License-Identifier: Apache-2.0 */
/* base/siphash.c - see siphash.h. Words are little-endian, as in the paper. */
#include "base/siphash.h"

static uint64_t word_at(const unsigned char *bytes, size_t count)
{
    uint64_t word = 0;
    for (size_t i = 0; i < count; i++) {
        word |= (uint64_t)bytes[i] << (8 * i);
    }
    return word;
}

static uint64_t turn(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static void rounds(uint64_t v[4], unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        v[0] += v[1];
        v[1] = turn(v[1], 13) ^ v[0];
        v[0] = turn(v[0], 32);
        v[2] += v[3];
        v[3] = turn(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = turn(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = turn(v[1], 17) ^ v[2];
        v[2] = turn(v[2], 32);
    }
}

static void add_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    rounds(v, 2);
    v[0] ^= word;
}

uint64_t pbti_siphash(const unsigned char key[PBTI_SIPHASH_KEY], const void *bytes, size_t size)
{
    const unsigned char *const at = bytes;
    uint64_t const k0 = word_at(key, 8);
    uint64_t const k1 = word_at(key + 8, 8);
    uint64_t v[4] = {k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du, k0 ^ 0x6c7967656e657261u,
                     k1 ^ 0x7465646279746573u};
    size_t const whole = size / 8 * 8;
    for (size_t i = 0; i < whole; i += 8) {
        add_word(v, word_at(at + i, 8));
    }
    uint64_t const rest = size == whole ? 0 : word_at(at + whole, size - whole);
    add_word(v, rest | (uint64_t)size << 56);
    v[2] ^= 0xff;
    rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
