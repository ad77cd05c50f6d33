/* SPDX-License-Identifier: Apache-2.0 */
/*
 * classify_settings.h - the settings of `classify` and their limits. docs/classify.md lists them.
 */
#ifndef PBTI_TRAINERS_CLASSIFY_SETTINGS_H
#define PBTI_TRAINERS_CLASSIFY_SETTINGS_H

#include "host/builtin_setting.h"

#define PBTI_CLASSIFY_DATA_DEFAULT "/usr/share/datasets/fashion-mnist"

enum pbti_classify_score {
    PBTI_CLASSIFY_ACCURACY,      /* to be maximised */
    PBTI_CLASSIFY_CROSS_ENTROPY, /* to be minimised */
    PBTI_CLASSIFY_ERROR          /* 1 - accuracy; to be minimised */
};

/* train 0 means all images that are not held out. Form: host/builtin_setting.h; the functions of
 * words are in classify.c. */
#define PBTI_CLASSIFY_SETTINGS(X)                                                                  \
    X(NUMBER, lr, HOT, 0.05, 0.0, 1e6)                                                             \
    X(NUMBER, momentum, HOT, 0.9, 0.0, 0.999999)                                                   \
    X(NUMBER, weight_decay, HOT, 0.0, 0.0, 1e6)                                                    \
    X(NUMBER, dropout, HOT, 0.0, 0.0, 0.99)                                                        \
    X(NUMBER, label_smoothing, HOT, 0.0, 0.0, 0.99)                                                \
    X(COUNT, batch, HOT, 128, 1, 8192)                                                             \
    X(COUNT, width, NETWORK, 256, 1, 16384)                                                        \
    X(COUNT, layers, NETWORK, 2, 1, 8)                                                             \
    X(COUNT, shift, HOT, 0, 0, 16)                                                                 \
    X(COUNT, train, DATA, 0, 0, 1000000000)                                                        \
    X(COUNT, held_out, DATA, 10000, 1, 1000000000)                                                 \
    X(CHOICE, act, HOT, PBTI_NN_RELU, act_word)                                                    \
    X(CHOICE, score, HOT, PBTI_CLASSIFY_ACCURACY, score_word)                                      \
    X(CHOICE, split, HOT, 0, split_word) /* 1: the test images */                                  \
    X(TEXT, data, DATA, PBTI_CLASSIFY_DATA_DEFAULT)

struct pbti_classify_settings {
    PBTI_CLASSIFY_SETTINGS(PBTI_SETTING_FIELD)
};

#endif
