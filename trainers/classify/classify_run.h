/* SPDX-License-Identifier: Apache-2.0 */
/*
 * classify_run.h - one segment of `classify`: restore, train, save, evaluate. Knows no protocol.
 *
 * What a process keeps from one segment to the next: the data, the network with its momentum, and
 * which images the current epoch has used.
 */
#ifndef PBTI_TRAINERS_CLASSIFY_RUN_H
#define PBTI_TRAINERS_CLASSIFY_RUN_H

#include "classify/classify_data.h"
#include "classify/classify_mlp.h"
#include "classify/classify_order.h"
#include "classify/classify_settings.h"
#include "nn/nn_sgd.h"
#include "trainer_task.h"

#include <stdbool.h>
#include <stdint.h>

struct pbti_classify {
    struct pbti_classify_data data;
    uint32_t train_asked, held_out_asked; /* the settings that `data` was loaded with */
    bool has_data;
    struct pbti_mlp mlp;
    bool has_network;
    struct pbti_nn_sgd sgd;
    struct pbti_mlp_pass pass; /* dropout and label smoothing in force */
    uint32_t batch;            /* images of a full batch in force */
    struct pbti_classify_order order;
    bool has_order;
    uint32_t *indices; /* shape (mlp.capacity) */
    uint32_t indices_capacity;
    float *scratch; /* shape (data.pixels): one image, for augmentation */
};

struct pbti_classify_result {
    double score;      /* NaN when the network has diverged */
    double loss;       /* cross-entropy of the held-out (or test) images, without smoothing */
    double accuracy;   /* of the same */
    double train_loss; /* mean over the images of the segment; NaN when there were none */
};

/* Make `classify` empty; it holds nothing. */
void pbti_classify_init(struct pbti_classify *classify);
void pbti_classify_deinit(struct pbti_classify *classify);

/*
 * Run one segment; its steps are images.
 *
 * Errors      PBT_EINVAL, PBT_ENOENT, PBT_ECORRUPT, PBT_ELIMIT (settings, data, a checkpoint of
 *             another network: trying again is of no use), PBT_ENOMEM, PBT_EIO (checkpoint,
 *             progress)
 * Determinism a function of the settings, the seed, the start and the number of threads
 */
PBT_NODISCARD pbt_status pbti_classify_run(struct pbti_classify *classify,
                                           const struct pbti_classify_settings *settings,
                                           const struct pbti_trainer_task *task,
                                           struct pbti_classify_result *result,
                                           struct pbt_error *err);

/* Train with the next `batch` images as batch number `step` of the segment; returns the loss. */
double pbti_classify_step(struct pbti_classify *classify, uint32_t batch, uint32_t shift);

#endif
