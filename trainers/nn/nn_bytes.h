/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_bytes.h - whole numbers in files, little-endian: what a checkpoint and the data a trainer adds
 * to it are written with.
 */
#ifndef PBTI_NN_BYTES_H
#define PBTI_NN_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Write the low `size` bytes of `value`, 1 to 8 of them; returns the place behind them. */
static inline unsigned char *pbti_nn_put(unsigned char *at, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        at[i] = (unsigned char)(value >> (8 * i));
    }
    return at + size;
}

/* Read a value of `size` bytes, 1 to 8 of them. */
static inline uint64_t pbti_nn_get(const unsigned char *at, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value |= (uint64_t)at[i] << (8 * i);
    }
    return value;
}

/* The same for the 8 bytes of a floating-point number, its IEEE 754 bits. */
static inline unsigned char *pbti_nn_put_double(unsigned char *at, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return pbti_nn_put(at, bits, sizeof bits);
}

static inline double pbti_nn_get_double(const unsigned char *at)
{
    uint64_t const bits = pbti_nn_get(at, sizeof bits);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

#endif
