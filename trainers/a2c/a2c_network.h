/* SPDX-License-Identifier: Apache-2.0 */
/*
 * a2c_network.h - policy and value of an actor-critic in one network.
 *
 *     picture of binary channels -> 3 x 3 convolution, relu                   \
 *     picture of bytes           -> 4 x 4 / 2, relu, 3 x 3 / 2 convolution, relu  > hidden
 *     vector of features         -> linear, relu                              /
 *
 *     hidden -> linear, relu [-> LSTM] -> heads
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
#include "nn/nn_conv.h"
#include "nn/nn_conv_cells.h"

#include <stdbool.h>
#include <stdint.h>

struct pbti_a2c_shape {
    bool cells;                       /* a picture of bits; */
    bool bytes;                       /* a picture of bytes over 255; else a vector of features */
    uint32_t rows, columns, channels; /* of an observation */
    uint32_t actions;                 /* A */
    uint32_t filters;                 /* of the (first) convolution, a multiple of 16 */
    uint32_t hidden;                  /* H: units of the hidden layer, and of the LSTM */
    bool lstm;
    bool inputs; /* the LSTM is told the last action and reward */
};

struct pbti_a2c_network {
    struct pbti_a2c_shape shape;
    struct pbti_nn_block block;
    struct pbti_nn_cells_shape conv;                   /* of a picture */
    struct pbti_nn_conv_shape conv_bytes, conv_second; /* of a picture of bytes */
    uint32_t values;               /* floats of an observation, but of a picture of bits */
    uint32_t sight;                /* S: values of the maps: what the first layer(s) make */
    uint32_t first_w, first_b;     /* parts: (9 * channels, filters) or (S, channels); (S) */
    uint32_t second_w, second_b;   /* with bytes: (9 * filters, 2 filters), (2 filters) */
    uint32_t hidden_w, hidden_b;   /* (H, S), (H) */
    uint32_t heads_w, heads_b;     /* (A + 1, H), (A + 1) */
    struct pbti_a2c_memory memory; /* the LSTM; empty without */
    uint32_t capacity;             /* C: rows of every buffer below */
    uint16_t *cells;               /* (C, rows * columns): observations of a picture game */
    float *features;               /* (C, values): observations of the others */
    float *below, *d_below;        /* with bytes: (C, what the first convolution makes) */
    float *conv_scratch;
    float *first, *hidden; /* (C, S), (C, H) */
    float *heads;          /* (C, A + 1): logits, value */
    float *d_first, *d_hidden, *d_heads;
    float *hidden_wt; /* (S, H): hidden_w transposed, see pbti_a2c_network_ready() */
    bool twin;        /* weights and what is made from them are another network's */
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
/*
 * The same in two steps: between them further parts may be added to net->block.
 *
 * Errors      as above; after one of the first nothing was taken, after one of the second call
 *             pbti_a2c_network_deinit()
 */
PBT_NODISCARD pbt_status pbti_a2c_network_plan(struct pbti_a2c_network *net,
                                               const struct pbti_a2c_shape *shape, uint32_t copies,
                                               struct pbt_error *err);
PBT_NODISCARD pbt_status pbti_a2c_network_allocate(struct pbti_a2c_network *net, uint32_t slots,
                                                   struct pbt_error *err);

/*
 * Build a network that shares the weights of another, which must outlive it, and has rows, an
 * LSTM's state and gradients of its own. Its layers are made ready with those of the other.
 *
 * gradients   in, a plane as of.block's; borrowed
 *
 * Errors      PBT_ENOMEM; then nothing was taken
 */
PBT_NODISCARD pbt_status pbti_a2c_network_twin(struct pbti_a2c_network *net,
                                               const struct pbti_a2c_network *of, uint32_t copies,
                                               float *gradients, struct pbt_error *err);
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

/* With inputs: what the copies did and got for it, shape (B) each; call it after _forget(), with
 * the same ends. Without them it does nothing. */
void pbti_a2c_network_note(struct pbti_a2c_network *net, const uint8_t *actions,
                           const float *rewards, const uint8_t *ends);

/*
 * Let the state of the LSTM be 0 for another set of games, and put it back afterwards, which
 * releases `state`. Without one they do nothing. Errors: PBT_ENOMEM.
 */
PBT_NODISCARD pbt_status pbti_a2c_network_set_aside(struct pbti_a2c_network *net, float **state,
                                                    struct pbt_error *err);
void pbti_a2c_network_put_back(struct pbti_a2c_network *net, float *state);

/* The maps alone, of any rows, and back from net->d_first to the gradients of their weights. */
void pbti_a2c_network_look(struct pbti_a2c_network *net, uint32_t first, uint32_t count);
void pbti_a2c_network_look_back(struct pbti_a2c_network *net, uint32_t count);

/*
 * Observations as bytes, to keep many of them: a picture of bits as its words, one of bytes as
 * such, features as floats. To and from a row of the network.
 */
size_t pbti_a2c_network_kept_size(const struct pbti_a2c_network *net);
void pbti_a2c_network_keep(const struct pbti_a2c_network *net, uint32_t row, uint8_t *bytes);
void pbti_a2c_network_recall(struct pbti_a2c_network *net, uint32_t row, const uint8_t *bytes);

/* What stands below the heads: shape (C, H). */
const float *pbti_a2c_network_top(const struct pbti_a2c_network *net);

/* The two halves of pbti_a2c_network_backward(): from net->d_heads to net->d_hidden, which is then
 * the gradient at the top, to which more may be added; and on from there. */
void pbti_a2c_network_backward_heads(struct pbti_a2c_network *net, uint32_t count);
void pbti_a2c_network_backward_trunk(struct pbti_a2c_network *net, uint32_t count);

/* Backward over rows 0 .. count - 1 from net->d_heads; writes all gradients. With an LSTM `count`
 * is a multiple of B, and time does not go back beyond row 0. */
void pbti_a2c_network_backward(struct pbti_a2c_network *net, uint32_t count);

#endif
