/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gan_judge.h - a judge: a small classifier of the data, by which generated pictures are scored.
 *
 *     convolution 4 x 4, stride 2, padding 1, C -> 32, relu -> the same, 32 -> 64, relu
 *       -> linear -> 64 features, relu -> linear -> classes
 *
 * It is trained on the pictures that train, by Adam at 1.5e-3 falling linearly to 0, in batches of
 * 100, for 4 epochs or 200 batches, whichever is more. Its number is its seed: two judges differ in
 * their initial weights and in the order of the data, and so in what deceives them.
 *
 * A judge is made once and kept in a file (gan_judge_file.c); studies that share the file share the
 * judge, bit for bit. A judge made on another processor differs in rounding, and `hash` tells.
 */
#ifndef PBTI_TRAINERS_GAN_JUDGE_H
#define PBTI_TRAINERS_GAN_JUDGE_H

#include "data/data_pictures.h"
#include "gan/gan_score.h"
#include "nn/nn_block.h"
#include "nn/nn_conv.h"

enum { PBTI_GAN_FEATURES = 64, PBTI_GAN_JUDGE_BATCH = 100, PBTI_GAN_JUDGES = 10 };

struct pbti_gan_judge {
    uint32_t number; /* 0..PBTI_GAN_JUDGES - 1 */
    uint64_t hash;   /* of its weights */
    double accuracy; /* on the test pictures; NaN: there are none */
    uint32_t rows, columns, channels, classes;
    struct pbti_gan_moments moments; /* of the features of the pictures that train */
    double *root;                    /* shape (F, F): of their covariance */

    struct pbti_nn_conv_shape outer, inner;
    struct pbti_nn_block block;
    float *buffers;
    float *x, *a1, *a2, *f, *logits; /* of a batch */
    float *da1, *da2, *df, *d_logits;
    float *scratch;
};

/* Take the memory of a judge of such pictures. Errors: PBT_ENOMEM, PBT_ELIMIT; then nothing was
 * taken. */
PBT_NODISCARD pbt_status pbti_gan_judge_init(struct pbti_gan_judge *judge,
                                             const struct pbti_pictures *pictures,
                                             struct pbt_error *err);
void pbti_gan_judge_deinit(struct pbti_gan_judge *judge);

/*
 * Train it and measure the features of the first `count` pictures, with which it trains.
 *
 * test        in, pictures for its accuracy; NULL: none
 *
 * Errors      PBT_ENOMEM
 */
PBT_NODISCARD pbt_status pbti_gan_judge_train(struct pbti_gan_judge *judge, uint32_t number,
                                              const struct pbti_pictures *pictures, uint32_t count,
                                              const struct pbti_pictures *test,
                                              struct pbt_error *err);

/*
 * Look at up to PBTI_GAN_JUDGE_BATCH pictures.
 *
 * features    out, shape (batch, PBTI_GAN_FEATURES)
 * logits      out, shape (batch, classes)
 * x           in, shape (batch, rows, columns, channels), values in [-1, 1]
 */
void pbti_gan_judge_look(struct pbti_gan_judge *judge, float *features, float *logits,
                         const float *x, uint32_t batch);

/*
 * Have the judge `number` of the first `count` pictures: from its file in `folder`, or else train
 * it and keep it there. The processes that want the same judge at once wait for the one that makes
 * it. A folder that cannot be written costs time, nothing else; a file that is damaged is made
 * again.
 *
 * folder      in, made when it is missing; "": $XDG_CACHE_HOME/pbt or ~/.cache/pbt
 *
 * Errors      PBT_ENOMEM, PBT_ELIMIT; then nothing was taken
 */
PBT_NODISCARD pbt_status pbti_gan_judge_need(struct pbti_gan_judge *judge, const char *folder,
                                             uint32_t number, const struct pbti_pictures *pictures,
                                             uint32_t count, const struct pbti_pictures *test,
                                             struct pbt_error *err);

/* Fill in what follows from the weights and the moments: hash and root. Errors: PBT_ENOMEM. */
PBT_NODISCARD pbt_status pbti_gan_judge_complete(struct pbti_gan_judge *judge,
                                                 struct pbt_error *err);

#endif
