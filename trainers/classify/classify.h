/* SPDX-License-Identifier: Apache-2.0 */
/*
 * classify.h - `builtin: classify` between segments: the data, the network with its momentum, and
 * which images the current epoch has used. Its steps are images.
 *
 * Errors      PBT_EINVAL, PBT_ENOENT, PBT_ECORRUPT, PBT_ELIMIT: settings, data; PBT_ENOMEM
 * Determinism a function of the settings, the seed, the start and the number of threads
 */
#ifndef PBTI_TRAINERS_CLASSIFY_H
#define PBTI_TRAINERS_CLASSIFY_H

#include "classify/classify_data.h"
#include "classify/classify_mlp.h"
#include "classify/classify_settings.h"
#include "data/data_order.h"
#include "host/builtin.h"
#include "nn/nn_sgd.h"

struct pbti_classify_result {
    double score;      /* NaN when the network has diverged */
    double loss;       /* cross-entropy of the held-out (or test) images, without smoothing */
    double accuracy;   /* of the same */
    double train_loss; /* mean over the images of the segment; NaN when there were none */
};

struct pbti_classify {
    struct pbti_builtin_held held;
    struct pbti_classify_data data;
    float *scratch; /* shape (data.pixels): one image, for augmentation */
    struct pbti_data_order order;
    struct pbti_mlp mlp;
    uint32_t *indices; /* shape (mlp.capacity) */
    uint32_t indices_capacity;
    struct pbti_nn_sgd sgd;
    struct pbti_mlp_pass pass;          /* dropout and label smoothing in force */
    uint32_t batch;                     /* images of a full batch in force */
    struct pbti_classify_result result; /* of the last segment */
};

extern const struct pbti_builtin pbti_builtin_classify;

/* Train with the next `batch` images as batch number `step` of the segment; returns the loss. */
double pbti_classify_step(struct pbti_classify *classify, uint32_t batch, uint32_t shift);

/* `pbt use STUDY FILE`: print label and probabilities of each image of an idx file. Errors: also
 * those of pbti_idx_read_file(). classify_use.c */
PBT_NODISCARD pbt_status pbti_classify_use(void *state, const void *settings,
                                           struct pbti_builtin_use *use, struct pbt_error *err);

#endif
