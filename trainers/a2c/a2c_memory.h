/* SPDX-License-Identifier: Apache-2.0 */
/*
 * a2c_memory.h - the LSTM of an actor-critic: what a2c_network.h has between the hidden layer and
 * the heads, over rollouts.
 *
 * Rows are numbered as the network's: row t * B + i is copy i at time t. The state that copies
 * carry from one time to the next is here; it belongs to a checkpoint.
 */
#ifndef PBTI_TRAINERS_A2C_MEMORY_H
#define PBTI_TRAINERS_A2C_MEMORY_H

#include "nn/nn_block.h"
#include "nn/nn_lstm.h"

#include <stdint.h>

struct pbti_a2c_memory {
    uint32_t hidden, copies;        /* H, inputs as well as outputs; B */
    uint32_t w_x, w_h, b;           /* parts: (4H, H), (4H, H), (4H) */
    float *w_x_turned, *w_h_turned; /* (H, 4H) each, see pbti_a2c_memory_ready() */
    float *state;                   /* (2, B, H): h and c to go on with */
    float *mask;                    /* (B): 0 where an episode has ended since the last step */
    float *h_before, *c_before;     /* (C, H): what each row went in with */
    float *gates, *h, *c;           /* (C, 4H), (C, H), (C, H): what came out */
    float *masks;                   /* (C): the mask of each row */
    float *dz, *dh, *dc;            /* (C, 4H), (B, H), (B, H) */
};

/* Errors: PBT_ENOMEM; then nothing was taken. */
PBT_NODISCARD pbt_status pbti_a2c_memory_init(struct pbti_a2c_memory *memory, uint32_t hidden,
                                              uint32_t copies, struct pbt_error *err);
void pbti_a2c_memory_deinit(struct pbti_a2c_memory *memory);

/* Add the weights to a block that is not allocated yet. Errors: as pbti_nn_block_add(). */
PBT_NODISCARD pbt_status pbti_a2c_memory_parts(struct pbti_a2c_memory *memory,
                                               struct pbti_nn_block *block, struct pbt_error *err);

/* Make room for `capacity` rows; the state stays. Errors: PBT_ENOMEM; then nothing has changed. */
PBT_NODISCARD pbt_status pbti_a2c_memory_reserve(struct pbti_a2c_memory *memory, uint32_t capacity,
                                                 struct pbt_error *err);

/* Draw the weights; the bias of the forget gate is 1. The state becomes 0. */
void pbti_a2c_memory_randomise(struct pbti_a2c_memory *memory, struct pbti_nn_block *block,
                               uint64_t seed);

/* Call after weights have changed and before going forward. */
void pbti_a2c_memory_ready(struct pbti_a2c_memory *memory, const struct pbti_nn_block *block);

/* Copies whose episode has ended (ends[i] != 0) begin the next with a state of 0. */
void pbti_a2c_memory_forget(struct pbti_a2c_memory *memory, const uint8_t *ends);

/* Let the state be again what row `first` went in with. */
void pbti_a2c_memory_rewind(struct pbti_a2c_memory *memory, uint32_t first);

/* Let the state be 0, and put it back afterwards, which releases it. Errors: PBT_ENOMEM. */
PBT_NODISCARD pbt_status pbti_a2c_memory_set_aside(struct pbti_a2c_memory *memory, float **state,
                                                   struct pbt_error *err);
void pbti_a2c_memory_put_back(struct pbti_a2c_memory *memory, float *state);

/* Rows first .. first + B - 1 from their inputs x, shape (B, H). Returns their h, shape (B, H). */
const float *pbti_a2c_memory_forward(struct pbti_a2c_memory *memory,
                                     const struct pbti_nn_block *block, const float *x,
                                     uint32_t first);

/*
 * Back over rows 0 .. count - 1; writes the gradients of its weights.
 *
 * d           in: the gradients at h, out: those at x; shape (count, H)
 * x           in, shape (count, H)
 */
void pbti_a2c_memory_backward(struct pbti_a2c_memory *memory, const struct pbti_nn_block *block,
                              float *d, const float *x, uint32_t count);

#endif
