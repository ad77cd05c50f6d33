/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_base.h - what every file of trainers/nn shares: errors, aligned memory, threads, wide loops.
 *
 * trainers/nn is a set of plain functions, not a framework. A layer is a pair of functions, forward
 * and backward, next to each other in one file; shapes stand in the comments beside the arrays; the
 * caller owns all memory and calls the functions in order. README.md lists what there is, and where
 * new things go.
 *
 * Arrays are row-major `float`. B is the batch, I and O are the inputs and outputs of a layer.
 *
 * Results are a function of the inputs, the number of threads and the processor, nothing else:
 * sums run in a fixed order and random numbers are counter based (nn_random.h).
 */
#ifndef PBTI_NN_BASE_H
#define PBTI_NN_BASE_H

#include "pbt/status.h"

#include <stddef.h>
#include <stdint.h>

/* Every array and every part of a parameter block starts at a multiple of this. */
#define PBTI_NN_ALIGN_BYTES 64u
#define PBTI_NN_ALIGN_FLOATS (PBTI_NN_ALIGN_BYTES / sizeof(float))

/*
 * Marks a function whose loops the compiler should also build for wider vectors; the right one is
 * chosen when the program starts. The loops it marks have no sums across iterations, or a fixed
 * number of them side by side, and are compiled without contraction (-ffp-contract=off), so every
 * variant gives the same bits.
 */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) &&                             \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define PBTI_NN_WIDE __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define PBTI_NN_WIDE
#endif

/* Helpers called in the loops of such functions must be inlined to be compiled with them. */
#if defined(__GNUC__)
#define PBTI_NN_INLINE static inline __attribute__((always_inline))
#else
#define PBTI_NN_INLINE static inline
#endif

/*
 * Prepare this process for numeric work: use `threads` threads for matrix products, and let
 * denormal numbers be zero (they cost hundreds of cycles each on some processors, and a momentum
 * that decays towards zero stays denormal for ever). Call once, before anything else.
 *
 * threads     in, 1..1024; results depend on it, so it comes from the spec, never from the machine
 */
void pbti_nn_setup(uint32_t threads);

/* Zeroed array of `count` floats at an aligned address, or NULL; release with free(). */
float *pbti_nn_floats(size_t count);

/* `count` rounded up to a multiple of PBTI_NN_ALIGN_FLOATS. */
size_t pbti_nn_padded(size_t count);

/* Fill `err` (may be NULL) with a message and return `status`. */
pbt_status pbti_nn_fail(struct pbt_error *err, pbt_status status, const char *format, ...)
    PBT_PRINTF(3, 4);

#endif
