/* SPDX-License-Identifier: Apache-2.0 */
/*
 * classify_mlp.h - a multilayer perceptron: linear layers with an activation and dropout between
 * them.
 *
 *     x -> [linear -> activation -> dropout] * hidden -> linear -> logits
 *
 * sizes[0] inputs, sizes[1..hidden] units, sizes[hidden + 1] classes.
 */
#ifndef PBTI_TRAINERS_CLASSIFY_MLP_H
#define PBTI_TRAINERS_CLASSIFY_MLP_H

#include "nn/nn_activation.h"
#include "nn/nn_block.h"

#include <stdint.h>

enum { PBTI_MLP_LAYERS_MAX = 9 }; /* linear layers: at most 8 hidden ones and the last */

struct pbti_mlp_shape {
    uint32_t layers;                         /* linear layers L, 1..PBTI_MLP_LAYERS_MAX */
    uint32_t sizes[PBTI_MLP_LAYERS_MAX + 1]; /* L + 1 of them */
    enum pbti_nn_activation activation;
};

/* What one linear layer keeps between forward and backward; capacity C rows, O outputs. */
struct pbti_mlp_layer {
    uint32_t weight, bias; /* parts of the block */
    float *z;              /* (C, O): W x + b; of the last layer: the logits */
    float *a;              /* (C, O): after activation and dropout; not for the last layer */
    float *mask;           /* (C, O): dropout; not for the last layer */
    float *dz;             /* (C, O): gradient at z */
};

struct pbti_mlp {
    struct pbti_mlp_shape shape;
    struct pbti_nn_block block;
    struct pbti_mlp_layer layers[PBTI_MLP_LAYERS_MAX];
    uint32_t capacity; /* rows that one batch may have */
    float *x;          /* (C, sizes[0]): the batch */
    uint8_t *y;        /* (C): its labels */
    uint16_t *bits;    /* (C * widest hidden layer): random bits for masks */
    float *buffers;    /* the memory behind x and the layers */
};

/* What makes one training pass differ from another. */
struct pbti_mlp_pass {
    double dropout;         /* [0, 1) */
    double label_smoothing; /* [0, 1) */
    uint64_t seed;          /* of the segment */
    uint32_t step;          /* batch within the segment */
};

/* Build a network with zero weights. Errors: PBT_ENOMEM, PBT_ELIMIT; then nothing was taken. */
PBT_NODISCARD pbt_status pbti_mlp_init(struct pbti_mlp *mlp, const struct pbti_mlp_shape *shape,
                                       uint32_t capacity, struct pbt_error *err);
void pbti_mlp_deinit(struct pbti_mlp *mlp);

/* Draw all weights anew; biases and what SGD remembers are 0. */
void pbti_mlp_randomise(struct pbti_mlp *mlp, uint64_t seed);

/* Make room for batches of `capacity` rows; keeps weights and slots. Errors: PBT_ENOMEM. */
PBT_NODISCARD pbt_status pbti_mlp_reserve(struct pbti_mlp *mlp, uint32_t capacity,
                                          struct pbt_error *err);

/*
 * Forward and backward over the `batch` rows in mlp->x and mlp->y: writes all gradients, returns
 * the mean loss (not finite when the network has diverged).
 */
double pbti_mlp_gradients(struct pbti_mlp *mlp, uint32_t batch, const struct pbti_mlp_pass *pass);

/* Forward without dropout; the logits of the `batch` rows, shape (batch, classes). */
const float *pbti_mlp_predict(struct pbti_mlp *mlp, uint32_t batch);

#endif
