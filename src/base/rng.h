/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/rng.h - counter-based random numbers: value = f(seed, purpose, member, segment, index).
 *
 * Nothing is stored and nothing advances, so a number depends on what it is for and never on who
 * asked first. The function is Philox4x64-10 (Salmon et al. 2011, "Parallel random numbers: as easy
 * as 1, 2, 3"; Random123) with key (seed, purpose) and counter (member, segment, index, 0).
 * Integers and uniforms are the same bits on every platform; normals go through libm.
 */
#ifndef PBTI_BASE_RNG_H
#define PBTI_BASE_RNG_H

#include <stdint.h>

/* What a number is for. Values are part of the journal's rules: never reuse one. */
enum pbti_purpose {
    PBTI_PURPOSE_INITIAL = 1,            /* first hyperparameters; index = hyperparameter */
    PBTI_PURPOSE_EXPLOIT = 2,            /* choice of opponent or donor; index 0 */
    PBTI_PURPOSE_RESAMPLE = 3,           /* whether to resample; index = hyperparameter */
    PBTI_PURPOSE_PERTURB = 4,            /* which factor, or the noise; index = hyperparameter */
    PBTI_PURPOSE_PRIOR = 5,              /* the resampled value; index = hyperparameter */
    PBTI_PURPOSE_TASK = 6,               /* task.seed; index 0 */
    PBTI_PURPOSE_SIM = 8,                /* everything the simulator draws */
    PBTI_PURPOSE_REPLAY = 9,             /* seeds of replayed members */
    PBTI_PURPOSE_PROPOSE_FIT = 20,       /* starts of a Gaussian process's fit; index = parameter */
    PBTI_PURPOSE_PROPOSE_INITIAL = 21,   /* Latin hypercube; member = coordinate */
    PBTI_PURPOSE_PROPOSE_CANDIDATE = 22, /* candidates of an acquisition; member = candidate */
    /* 23 was a bootstrap. */
    PBTI_PURPOSE_COMPARE = 24 /* seeds of a comparison's evaluations */
};

struct pbti_stream {
    uint64_t seed;    /* of the study */
    uint64_t purpose; /* enum pbti_purpose */
    uint64_t member;
    uint64_t segment;
};

/* All 64 bits. */
uint64_t pbti_draw_bits(const struct pbti_stream *stream, uint64_t index);

/* Uniform in [0, 1), 53 bits. */
double pbti_draw_unit(const struct pbti_stream *stream, uint64_t index);

/* Uniform in 0 .. count-1 (multiply-high; the bias is below count / 2^64). Requires count > 0. */
uint64_t pbti_draw_below(const struct pbti_stream *stream, uint64_t index, uint64_t count);

/* The same choice from bits drawn before. */
uint64_t pbti_choose(uint64_t bits, uint64_t count);

/* Standard normal (Box-Muller on two words of one block). Goes through libm: record, do not
 * redo. */
double pbti_draw_normal(const struct pbti_stream *stream, uint64_t index);

#endif
