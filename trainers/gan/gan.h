/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gan.h - `builtin: gan`, generative adversarial networks on pictures; see docs/gan.md.
 */
#ifndef PBTI_TRAINERS_GAN_H
#define PBTI_TRAINERS_GAN_H

#include "data/data_order.h"
#include "data/data_pictures.h"
#include "gan/gan_figures.h"
#include "gan/gan_judge.h"
#include "gan/gan_network.h"
#include "host/builtin.h"
#include "nn/nn_adam.h"

#define PBTI_GAN_DATA_DEFAULT "/usr/share/datasets/fashion-mnist"

/* All settings: PBTI_SETTING_ENTRY and its neighbours in host/builtin_setting.h say how to read it.
 * train 0: all pictures that train; judges "": the user's cache. */
#define PBTI_GAN_SETTINGS(X)                                                                       \
    X(NUMBER, lr_d, HOT, 2e-4, 0.0, 1.0)                                                           \
    X(NUMBER, lr_g, HOT, 2e-4, 0.0, 1.0)                                                           \
    X(NUMBER, beta1, HOT, 0.5, 0.0, 0.999999)                                                      \
    X(NUMBER, beta2, HOT, 0.999, 0.0, 0.999999)                                                    \
    X(COUNT, batch, HOT, 32, 2, 4096)                                                              \
    X(COUNT, d_updates, HOT, 1, 1, 100)                                                            \
    X(CHOICE, loss, HOT, 0, loss_word)                                                             \
    X(NUMBER, smooth, HOT, 0.0, 0.0, 0.5)                                                          \
    X(COUNT, latent, NETWORK, 64, 1, 1024)                                                         \
    X(COUNT, width, NETWORK, 16, 4, 256)                                                           \
    X(CHOICE, d_norm, NETWORK, 0, d_norm_word)                                                     \
    X(CHOICE, g_norm, NETWORK, 1, g_norm_word)                                                     \
    X(NUMBER, average, NETWORK, 0.0, 0.0, 0.999999)                                                \
    X(CHOICE, score, HOT, 0, score_word)                                                           \
    X(COUNT, samples, HOT, 2000, 100, 100000)                                                      \
    X(COUNT, judge, HOT, 0, 0, 9)                                                                  \
    X(COUNT, train, DATA, 0, 0, 1000000000)                                                        \
    X(TEXT, data, DATA, PBTI_GAN_DATA_DEFAULT)                                                     \
    X(TEXT, judges, HOT, "")

struct pbti_gan_settings {
    PBTI_GAN_SETTINGS(PBTI_SETTING_FIELD)
};

enum pbti_gan_score_kind { PBTI_GAN_INCEPTION, PBTI_GAN_FRECHET };

struct pbti_gan_result {
    double score;
    double d_loss, g_loss, d_accuracy; /* means of the segment; NaN: there were none */
    bool diverged;
    struct pbti_gan_figures figures;
    struct pbti_gan_references references; /* when has_references */
    bool has_references;
};

struct pbti_gan {
    struct pbti_builtin_held held;
    struct pbti_pictures pictures, test; /* test.bytes NULL: there is none */
    uint32_t train;                      /* pictures that train: the first ones */
    struct pbti_data_order order;
    struct pbti_gan_network net;
    struct pbti_nn_adam adam_d, adam_g;
    uint32_t batch, d_updates; /* in force */
    uint32_t d_step, g_step;   /* updates of this segment */
    uint32_t since;            /* updates of D since the last of G; in the checkpoint */
    struct pbti_gan_judge judge;
    bool has_judge;
    uint64_t judge_folder; /* hash of the setting that `judge` was made with */
    /* the judge that this network has trained under, in the checkpoint; hash 0: none yet */
    uint32_t judged_by;
    uint64_t judged_hash;
    uint32_t *indices; /* shape (batch) of the largest batch so far */
    uint32_t indices_capacity;
    struct pbti_gan_result result;
};

extern const struct pbti_builtin pbti_builtin_gan;

/* `pbt use`: sheets, walks and single pictures. gan_use.c */
pbt_status pbti_gan_use(void *state, const void *settings, struct pbti_builtin_use *use,
                        struct pbt_error *err);

/* Train with the next `batch` pictures: an update of D and, when it is its turn, one of G. */
struct pbti_gan_step {
    double d_loss, g_loss; /* g_loss NaN: it was not G's turn */
    uint32_t right;        /* of 2 `batch` */
};
struct pbti_gan_step pbti_gan_train_batch(struct pbti_gan *gan,
                                          const struct pbti_gan_settings *settings, uint64_t seed,
                                          uint32_t batch);

#endif
