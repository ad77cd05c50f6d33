/* SPDX-License-Identifier: Apache-2.0 */
/*
 * a2c_memory.h - the LSTM of an actor-critic: what a2c_network.h has between the hidden layer and
 * the heads, over rollouts.
 *
 * Rows are numbered as the network's: row t * B + i is copy i at time t. The state that copies
 * carry from one time to the next is here; it belongs to a checkpoint.
 *
 * With `extra` inputs (A + 1 for A actions) the LSTM sees beside x which action a copy did last, as
 * one of A that is 1, and the reward for it; at the beginning of an episode action 0 and reward 0.
 * Source: Mnih et al. 2016; Jaderberg et al. 2016, section 4.
 */
#ifndef PBTI_TRAINERS_A2C_MEMORY_H
#define PBTI_TRAINERS_A2C_MEMORY_H

#include "nn/nn_block.h"
#include "nn/nn_lstm.h"

#include <stdbool.h>
#include <stdint.h>

struct pbti_a2c_memory {
    uint32_t hidden, copies;        /* H: values of x, and outputs; B */
    uint32_t extra, inputs;         /* A + 1 or 0; I = H + extra */
    uint32_t w_x, w_h, b;           /* parts: (4H, I), (4H, H), (4H) */
    float *w_x_turned, *w_h_turned; /* (I, 4H), (H, 4H), see pbti_a2c_memory_ready() */
    float *state;                   /* (2, B, H): h and c to go on with; with extra inputs behind
                                       them (2, B): last actions and rewards */
    float *mask;                    /* (B): 0 where an episode has ended since the last step */
    float *h_before, *c_before;     /* (C, H): what each row went in with */
    float *gates, *h, *c;           /* (C, 4H), (C, H), (C, H): what came out */
    float *masks;                   /* (C): the mask of each row */
    float *dz, *dh, *dc;            /* (C, 4H), (B, H), (B, H) */
    float *joined, *d_joined;       /* (C, I): with extra inputs what the LSTM sees */
    bool twin;                      /* the turned weights are another's */
};

/* Errors: PBT_ENOMEM; then nothing was taken. */
PBT_NODISCARD pbt_status pbti_a2c_memory_init(struct pbti_a2c_memory *memory, uint32_t hidden,
                                              uint32_t extra, uint32_t copies,
                                              struct pbt_error *err);

/* An LSTM with the weights of another, which must outlive it, and a state and rows of its own for
 * up to `copies` copies; memory->copies may then be set to less. Errors: as above. */
PBT_NODISCARD pbt_status pbti_a2c_memory_twin(struct pbti_a2c_memory *memory,
                                              const struct pbti_a2c_memory *of, uint32_t copies,
                                              struct pbt_error *err);
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

/* With extra inputs: what copies did last and got for it, shape (B) each; call it after
 * pbti_a2c_memory_forget(), with the same ends. Without them it does nothing. */
void pbti_a2c_memory_note(struct pbti_a2c_memory *memory, const uint8_t *actions,
                          const float *rewards, const uint8_t *ends);

/* What was noted of all copies, shape (B) each; NULL without extra inputs. */
float *pbti_a2c_memory_last_actions(const struct pbti_a2c_memory *memory);
float *pbti_a2c_memory_last_rewards(const struct pbti_a2c_memory *memory);

/* Values of the state. */
size_t pbti_a2c_memory_state_size(const struct pbti_a2c_memory *memory);

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
