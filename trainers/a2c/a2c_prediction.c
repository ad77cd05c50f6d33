/* SPDX-License-Identifier: Apache-2.0 */
/* a2c_prediction.c - reward prediction, see a2c_prediction.h. */
#include "a2c/a2c_prediction.h"
#include "a2c/a2c_replay.h"
#include "nn/nn_init.h"
#include "nn/nn_linear.h"
#include "nn/nn_loss.h"

#include <stdlib.h>
#include <string.h>

void pbti_a2c_prediction_init(struct pbti_a2c_prediction *prediction, uint32_t sight)
{
    *prediction = (struct pbti_a2c_prediction){.inputs = PBTI_A2C_WINDOW * sight};
}

void pbti_a2c_prediction_deinit(struct pbti_a2c_prediction *prediction)
{
    free(prediction->logits);
    memset(prediction, 0, sizeof *prediction);
}

pbt_status pbti_a2c_prediction_parts(struct pbti_a2c_prediction *prediction,
                                     struct pbti_nn_block *block, struct pbt_error *err)
{
    pbt_status const status = pbti_nn_block_add(block, "prediction.weight", PBTI_A2C_CLASSES,
                                                prediction->inputs, true, &prediction->w, err);
    if (status != PBT_OK) { return status; }
    return pbti_nn_block_add(block, "prediction.bias", PBTI_A2C_CLASSES, 1, false, &prediction->b,
                             err);
}

void pbti_a2c_prediction_randomise(const struct pbti_a2c_prediction *prediction,
                                   struct pbti_nn_block *block, uint64_t seed)
{
    struct pbti_nn_stream const stream = {
        .seed = seed, .purpose = PBTI_NN_PURPOSE_INIT, .step = prediction->w};
    pbti_nn_init_normal(pbti_nn_block_part(block, block->weights, prediction->w),
                        (size_t)PBTI_A2C_CLASSES * prediction->inputs,
                        pbti_nn_init_sd_output(prediction->inputs, PBTI_A2C_CLASSES), &stream);
}

pbt_status pbti_a2c_prediction_reserve(struct pbti_a2c_prediction *prediction, uint32_t capacity,
                                       struct pbt_error *err)
{
    if (capacity <= prediction->capacity) { return PBT_OK; }
    float *const logits = pbti_nn_floats((size_t)capacity * PBTI_A2C_CLASSES);
    if (logits == NULL) {
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory to predict %u rewards", capacity);
    }
    free(prediction->logits);
    prediction->logits = logits;
    prediction->capacity = capacity;
    return PBT_OK;
}

double pbti_a2c_prediction_learn(struct pbti_a2c_prediction *prediction,
                                 const struct pbti_nn_block *block, float *d_maps,
                                 const float *maps, const uint8_t *labels, uint32_t count,
                                 double cost)
{
    const float *const w = pbti_nn_block_part(block, block->weights, prediction->w);
    float *const logits = prediction->logits;
    pbti_nn_linear_forward(logits, maps, w,
                           pbti_nn_block_part(block, block->weights, prediction->b), count,
                           prediction->inputs, PBTI_A2C_CLASSES);
    double const loss = pbti_nn_cross_entropy(logits, logits, labels, 0.0, count, PBTI_A2C_CLASSES);
    for (uint32_t k = 0; k < count * PBTI_A2C_CLASSES; k++) {
        logits[k] *= (float)cost;
    }
    pbti_nn_linear_backward(d_maps, pbti_nn_block_part(block, block->gradients, prediction->w),
                            pbti_nn_block_part(block, block->gradients, prediction->b), logits,
                            maps, w, count, prediction->inputs, PBTI_A2C_CLASSES);
    return loss;
}
