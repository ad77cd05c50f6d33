/* SPDX-License-Identifier: Apache-2.0 */
/*
 * a2c_network.h - policy and value of an actor-critic in one network.
 *
 *     picture of binary channels -> 3 x 3 convolution, relu  \
 *                                                              -> linear, relu [-> LSTM] -> heads
 *     vector of features         -> linear, relu             /
 *
 * The heads are one product: the logits of all actions, and the value in the last column. This is
 * the network of MinAtar's reference agents (16 filters, 128 hidden units; Young & Tian 2019), with
 * an LSTM behind it when asked for, as in the paper's A3C agents (Mnih et al. 2016, section 5).
 *
 * What the forward pass writes stays in buffers of `capacity` rows until it is written again. The
 * trainer acts with rows t * B .. t * B + B - 1 at time t, and then goes backward over all T * B
 * rows at once: since weights do not change in between, acting is the forward pass of training.
 */
#ifndef PBTI_TRAINERS_A2C_NETWORK_H
#define PBTI_TRAINERS_A2C_NETWORK_H

#include "a2c/a2c_memory.h"
#include "nn/nn_block.h"
#include "nn/nn_conv_cells.h"

#include <stdbool.h>
#include <stdint.h>

struct pbti_a2c_shape {
    bool cells;                       /* a picture; else a vector of `channels` features */
    uint32_t rows, columns, channels; /* of an observation */
    uint32_t actions;                 /* A */
    uint32_t filters;                 /* of the convolution, a multiple of 16 */
    uint32_t hidden;                  /* H: units of the hidden layer, and of the LSTM */
    bool lstm;
};

struct pbti_a2c_network {
    struct pbti_a2c_shape shape;
    struct pbti_nn_block block;
    struct pbti_nn_cells_shape conv; /* of a picture */
    uint32_t sight;                  /* S: values of the first layer */
    uint32_t first_w, first_b;       /* parts: (9 * channels, filters) or (S, channels); (S) */
    uint32_t hidden_w, hidden_b;     /* (H, S), (H) */
    uint32_t heads_w, heads_b;       /* (A + 1, H), (A + 1) */
    struct pbti_a2c_memory memory;   /* the LSTM; empty without */
    uint32_t capacity;               /* C: rows of every buffer below */
    uint16_t *cells;                 /* (C, rows * columns): observations of a picture game */
    float *features;                 /* (C, channels): observations of the others */
    float *first, *hidden;           /* (C, S), (C, H) */
    float *heads;                    /* (C, A + 1): logits, value */
    float *d_first, *d_hidden, *d_heads;
    float *hidden_wt; /* (S, H): hidden_w transposed, see pbti_a2c_network_ready() */
};

/*
 * Build a network with zero weights and room for no rows yet.
 *
 * slots       in, optimiser slots of the block
 * copies      in, B: copies of the game that act together
 *
 * Errors      PBT_ENOMEM, PBT_ELIMIT; then nothing was taken
 */
PBT_NODISCARD pbt_status pbti_a2c_network_init(struct pbti_a2c_network *net,
                                               const struct pbti_a2c_shape *shape, uint32_t slots,
                                               uint32_t copies, struct pbt_error *err);
void pbti_a2c_network_deinit(struct pbti_a2c_network *net);

/* Make room for rollouts of `capacity` rows; keeps weights, loses rows. Errors: PBT_ENOMEM; then
 * nothing has changed. */
PBT_NODISCARD pbt_status pbti_a2c_network_reserve(struct pbti_a2c_network *net, uint32_t capacity,
                                                  struct pbt_error *err);

/* Draw all weights anew; biases, optimiser slots and the LSTM's state are 0. The weights of the
 * heads are a hundredth of the usual, so that the first policy is nearly uniform. */
void pbti_a2c_network_randomise(struct pbti_a2c_network *net, uint64_t seed);

/* Call after weights have changed and before going forward. */
void pbti_a2c_network_ready(struct pbti_a2c_network *net);

/*
 * Forward over rows first .. first + count - 1, whose observations are in net->cells or
 * net->features; writes net->heads. With an LSTM the rows are the B copies at one time, and its
 * state moves on.
 */
void pbti_a2c_network_forward(struct pbti_a2c_network *net, uint32_t first, uint32_t count);

/*
 * With an LSTM, between two times: the copies whose episode has ended forget (ends, shape (B), not
 * 0); and, before the first row is used anew, the state is again what row `first` went in with.
 * Without one they do nothing.
 */
void pbti_a2c_network_forget(struct pbti_a2c_network *net, const uint8_t *ends);
void pbti_a2c_network_rewind(struct pbti_a2c_network *net, uint32_t first);

/*
 * Let the state of the LSTM be 0 for another set of games, and put it back afterwards, which
 * releases `state`. Without one they do nothing. Errors: PBT_ENOMEM.
 */
PBT_NODISCARD pbt_status pbti_a2c_network_set_aside(struct pbti_a2c_network *net, float **state,
                                                    struct pbt_error *err);
void pbti_a2c_network_put_back(struct pbti_a2c_network *net, float *state);

/* Backward over rows 0 .. count - 1 from net->d_heads; writes all gradients. With an LSTM `count`
 * is a multiple of B, and time does not go back beyond row 0. */
void pbti_a2c_network_backward(struct pbti_a2c_network *net, uint32_t count);

#endif
