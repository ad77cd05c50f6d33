/* SPDX-License-Identifier: Apache-2.0 */
/*
 * a2c_prediction.h - reward prediction: three frames tell whether a reward comes next.
 *
 * The maps of three consecutive frames (what the network's first layers make of each), side by side
 * with the oldest first, are one row of 3 S values; a linear layer gives three logits: no reward,
 * a positive one, a negative one. The loss is the mean cross-entropy. Convolutions learn from it,
 * the LSTM does not.
 *
 * Source      Jaderberg et al. 2016, arXiv:1611.05397, section 3.2. Difference: no hidden layer
 *             between maps and logits.
 */
#ifndef PBTI_TRAINERS_A2C_PREDICTION_H
#define PBTI_TRAINERS_A2C_PREDICTION_H

#include "nn/nn_block.h"

enum { PBTI_A2C_CLASSES = 3 };

struct pbti_a2c_prediction {
    uint32_t inputs;   /* 3 S */
    uint32_t w, b;     /* parts: (3, 3 S), (3) */
    uint32_t capacity; /* windows that there is room for */
    float *logits;     /* (C, 3) */
};

void pbti_a2c_prediction_init(struct pbti_a2c_prediction *prediction, uint32_t sight);
void pbti_a2c_prediction_deinit(struct pbti_a2c_prediction *prediction);

/* Add the weights to a block that is not allocated yet. Errors: as pbti_nn_block_add(). */
PBT_NODISCARD pbt_status pbti_a2c_prediction_parts(struct pbti_a2c_prediction *prediction,
                                                   struct pbti_nn_block *block,
                                                   struct pbt_error *err);
void pbti_a2c_prediction_randomise(const struct pbti_a2c_prediction *prediction,
                                   struct pbti_nn_block *block, uint64_t seed);

/* Make room for `capacity` windows. Errors: PBT_ENOMEM; then nothing has changed. */
PBT_NODISCARD pbt_status pbti_a2c_prediction_reserve(struct pbti_a2c_prediction *prediction,
                                                     uint32_t capacity, struct pbt_error *err);

/*
 * The loss, the gradients of the weights (written) and at the maps, both times `cost`.
 *
 * d_maps      out, shape (count, 3 S)
 * maps        in, shape (count, 3 S)
 * labels      in, shape (count): classes
 */
double pbti_a2c_prediction_learn(struct pbti_a2c_prediction *prediction,
                                 const struct pbti_nn_block *block, float *d_maps,
                                 const float *maps, const uint8_t *labels, uint32_t count,
                                 double cost);

#endif
