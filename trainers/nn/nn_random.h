/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_random.h - counter-based random numbers for training: value = f(seed, purpose, step, index).
 *
 * There is no generator state to keep or to save. The seed is that of the segment (`task.seed`),
 * the step counts within the segment; a run that was saved and reloaded therefore draws what an
 * unbroken one draws, and a clone, whose segment has another seed, draws differently.
 *
 * Source      Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3": Philox 4x32-10,
 *             as implemented by Random123.
 */
#ifndef PBTI_NN_RANDOM_H
#define PBTI_NN_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* What a draw is for. Numbers are part of the reproducible behaviour: never reuse or change one. */
enum pbti_nn_purpose {
    PBTI_NN_PURPOSE_INIT = 1,    /* initial weights; step = index of the part */
    PBTI_NN_PURPOSE_ORDER = 2,   /* order of the training data; step = epoch */
    PBTI_NN_PURPOSE_DROPOUT = 3, /* dropout masks; step = batch, lane = layer */
    PBTI_NN_PURPOSE_AUGMENT = 4, /* shifts of images; step = batch */
    PBTI_NN_PURPOSE_ACTION = 5,  /* actions of a policy; step = round */
    PBTI_NN_PURPOSE_ENV = 6,     /* games of trainers/env; step = frame, block = copy */
    PBTI_NN_PURPOSE_LATENT = 7,  /* what a generator trains with; step = update, lane = D or G */
    PBTI_NN_PURPOSE_REPLAY = 9,  /* what is learnt from again; step = update, lane = loss */
    PBTI_NN_PURPOSE_LATENT_EVALUATION = 8, /* what it is scored by; step = batch */
};

/* Names one stream of random numbers. */
struct pbti_nn_stream {
    uint64_t seed;
    uint32_t purpose; /* enum pbti_nn_purpose */
    uint32_t lane;    /* which of several parallel streams of one purpose and step; < 2^16 */
    uint32_t step;
};

/* Write the 128 random bits at place `block` of `stream` to out[0..3]. */
void pbti_nn_random_block(const struct pbti_nn_stream *stream, uint32_t block, uint32_t out[4]);

/*
 * Write blocks 0 .. count - 1 of `stream`, one plane for each word: out[w * count + i] is word w
 * of block i.
 *
 * out         out, shape (4, count)
 */
void pbti_nn_random_planes(const struct pbti_nn_stream *stream, uint32_t *out, uint32_t count);

/* Fill out[0..count) with uniform 16-bit numbers, eight from each block, from block 0 on. */
void pbti_nn_random_u16(const struct pbti_nn_stream *stream, uint16_t *out, size_t count);

/* Uniform in the open interval (0, 1) from 32 random bits, symmetric about 1/2. */
double pbti_nn_unit(uint32_t bits);

/*
 * Shuffle items[0..count): Fisher-Yates from the end, one block a swap.
 *
 * The place is floor(r * i / 2^64) of 64 bits r: its bias is below count / 2^64.
 */
void pbti_nn_shuffle(const struct pbti_nn_stream *stream, uint32_t *items, uint32_t count);

#endif
