/* SPDX-License-Identifier: Apache-2.0 */
/*
 * translate_network.h - a Transformer with encoder and decoder: weights, forward, backward.
 *
 * The network of Vaswani et al. 2017 over packed rows: the rows of all sentences of a batch stand
 * behind each other and none is padding. S is the number of source rows, T that of target rows, D
 * the width, V the vocabulary. One table of embeddings serves source, target and softmax.
 *
 *     x  = dropout(sqrt(D) E[id] + P[place])
 *     each sublayer F, pre-norm (default)  x + dropout(F(norm(x))), and one norm after the last
 *                      post-norm           norm(x + dropout(F(x)))
 *     encoder layer    self attention, feed-forward
 *     decoder layer    self attention (causal), attention to the encoder, feed-forward
 *     logits = y E^T + b
 *
 * The three dropouts are where tensor2tensor has them: layer_dropout on the embedded rows and on
 * what a sublayer adds; attention_dropout on the weights of attention; relu_dropout on the hidden
 * values of a feed-forward sublayer. Masks follow from (seed, step, place), none is saved.
 */
#ifndef PBTI_TRANSLATE_NETWORK_H
#define PBTI_TRANSLATE_NETWORK_H

#include "nn/nn_attention.h"
#include "nn/nn_block.h"
#include "nn/nn_norm.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    PBTI_TRANSLATE_LAYERS_MAX = 7, /* of each side; what PBTI_NN_PARTS_MAX allows */
    PBTI_TRANSLATE_SUBLAYERS_MAX = 5 * PBTI_TRANSLATE_LAYERS_MAX,
};

#define PBTI_TRANSLATE_NORM_EPSILON 1e-6

struct pbti_translate_shape {
    uint32_t vocabulary;
    uint32_t width, ffn, heads; /* heads divides width */
    uint32_t layers;            /* of each side: 1 to PBTI_TRANSLATE_LAYERS_MAX */
    bool post_norm;
};

/* A batch; the starts have shape (sentences + 1), from 0. */
struct pbti_translate_batch {
    uint32_t sentences;
    const uint32_t *source, *source_starts;         /* ids of the sources, each with its end */
    const uint32_t *input, *labels, *target_starts; /* begin and the target; the target and end */
};

/* How a pass is to be done. */
struct pbti_translate_pass {
    double attention_dropout, relu_dropout, layer_dropout; /* [0, 1) */
    double label_smoothing;                                /* [0, 1) */
    uint64_t seed;                                         /* of the segment */
    uint32_t step;                                         /* number of the batch in it */
};

enum pbti_translate_kind {
    PBTI_TRANSLATE_SELF,  /* parts: qkv weight (3D, D) and bias, out weight (D, D) and bias */
    PBTI_TRANSLATE_CROSS, /* q weight and bias, kv weight (2D, D) and bias, out weight and bias */
    PBTI_TRANSLATE_FEED,  /* weight (F, D), bias, weight (D, F), bias */
};

/* Arrays that one sublayer keeps between the two passes; cut anew from the arena for each batch. */
struct pbti_translate_kept {
    const float *in; /* (rows, D) what comes in */
    float *out;      /* (rows, D) what goes out */
    float *normed;   /* (rows, D) pre-norm: norm(in); post-norm: the sum */
    struct pbti_nn_row_statistics *statistics;
    float *inner;       /* qkv (rows, 3D), q (rows, D) or hidden values (rows, F) */
    float *keys_values; /* (S, 2D), attention to the encoder only */
    float *attended;    /* (rows, D) */
    float *weights;     /* of attention */
    float *mask;        /* of weights or hidden values; NULL: no dropout */
    float *out_mask;    /* (rows, D) of what is added; NULL: no dropout */
};

struct pbti_translate_sublayer {
    enum pbti_translate_kind kind;
    bool decoder;
    uint32_t norm; /* part of the gain; the bias is the next */
    uint32_t part; /* the first of its weights */
    struct pbti_translate_kept kept;
};

struct pbti_translate_network {
    struct pbti_translate_shape shape;
    struct pbti_nn_block block;
    uint32_t embedding, encoder_norm, decoder_norm, output_bias; /* parts */
    struct pbti_translate_sublayer sublayers[PBTI_TRANSLATE_SUBLAYERS_MAX];
    uint32_t sublayer_count, encoder_count; /* those of the encoder come first */
    /* what follows is of the last batch, cut from the arena */
    float *arena;
    size_t arena_floats;
    uint32_t source_rows, target_rows;
    struct pbti_nn_attention attention[3]; /* encoder, decoder, decoder to encoder */
    float *positions;                      /* (positions_rows, D) */
    uint32_t positions_rows;
    uint32_t *places; /* (places_capacity): sources, then targets */
    uint32_t places_capacity;
    float *embedded[2], *embedded_mask[2]; /* of the two sides */
    float *memory, *decoded;               /* (S, D), (T, D): what the two sides end with */
    const float *last[2];                  /* what goes into the last norms */
    struct pbti_nn_row_statistics *last_statistics[2];
    float *logits;               /* (T, V) */
    float *d[2], *d_f, *d_inner; /* gradients on the way */
    float *d_kv;                 /* (S, 2D) */
    float *scratch;              /* of attention */
    float *scratch_rows;         /* (longer of S and T, D) */
    uint16_t *bits;
};

/* Build the table of parts and take the memory of the weights, with the optimiser's `slots`.
 * Errors: PBT_EINVAL (a shape that cannot be), PBT_ELIMIT, PBT_ENOMEM. */
PBT_NODISCARD pbt_status pbti_translate_network_init(struct pbti_translate_network *network,
                                                     const struct pbti_translate_shape *shape,
                                                     uint32_t slots, struct pbt_error *err);
void pbti_translate_network_deinit(struct pbti_translate_network *network);

/* Initial weights: embeddings normal with deviation D^-0.5, linear weights uniform within
 * +-sqrt(6 / (in + out)), biases 0, gains 1; slots and updates 0. */
void pbti_translate_network_randomise(struct pbti_translate_network *network, uint64_t seed);

/* The values of a part. */
const float *pbti_translate_part(const struct pbti_translate_network *network, uint32_t part);

/* Sums over the target rows of a batch. */
struct pbti_translate_loss {
    double smoothed, plain; /* nats */
    uint32_t rows;
};

/*
 * Compute the loss of a batch; with `pass`, and its dropout, also the gradients of the mean
 * smoothed loss. Without it no dropout.
 *
 * Errors      PBT_ENOMEM
 */
PBT_NODISCARD pbt_status pbti_translate_network_run(struct pbti_translate_network *network,
                                                    const struct pbti_translate_batch *batch,
                                                    const struct pbti_translate_pass *pass,
                                                    struct pbti_translate_loss *loss,
                                                    struct pbt_error *err);

/* Place rows of P up to `rows` are there afterwards. Errors: PBT_ENOMEM. */
PBT_NODISCARD pbt_status pbti_translate_need_positions(struct pbti_translate_network *network,
                                                       uint32_t rows, struct pbt_error *err);

#endif
