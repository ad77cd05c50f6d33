/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/siphash.h - SipHash-2-4: a tag that only the holder of a key can make or check.
 *
 * Source      J.-P. Aumasson, D. J. Bernstein: SipHash: a fast short-input PRF (2012), with its
 *             parameters 2 and 4 and its 64-bit tag
 */
#ifndef PBTI_BASE_SIPHASH_H
#define PBTI_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#define PBTI_SIPHASH_KEY 16 /* bytes */

/* The tag of `size` bytes under a key, shape (PBTI_SIPHASH_KEY). */
uint64_t pbti_siphash(const unsigned char key[PBTI_SIPHASH_KEY], const void *bytes, size_t size);

#endif
