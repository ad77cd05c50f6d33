/* SPDX-License-Identifier: Apache-2.0 */
/*
 * classify_settings.h - what a task of `classify` can be told, and its limits.
 *
 * Every setting may stand in the study's `space` (then it is a hyperparameter) or in `fixed`, and
 * has a default. docs/classify.md lists them.
 */
#ifndef PBTI_TRAINERS_CLASSIFY_SETTINGS_H
#define PBTI_TRAINERS_CLASSIFY_SETTINGS_H

#include "nn/nn_activation.h"
#include "pbt/status.h"
#include "pbt_client.h"

#include <stdbool.h>
#include <stdint.h>

#define PBTI_CLASSIFY_DATA_DEFAULT "/usr/share/datasets/fashion-mnist"

/* Numbers: X(name, default, low, high), both limits allowed. */
#define PBTI_CLASSIFY_NUMBERS(X)                                                                   \
    X(lr, 0.05, 0.0, 1e6)                                                                          \
    X(momentum, 0.9, 0.0, 0.999999)                                                                \
    X(weight_decay, 0.0, 0.0, 1e6)                                                                 \
    X(dropout, 0.0, 0.0, 0.99)                                                                     \
    X(label_smoothing, 0.0, 0.0, 0.99)

/* Whole numbers, likewise. train 0 means all images that are not held out. */
#define PBTI_CLASSIFY_COUNTS(X)                                                                    \
    X(batch, 128, 1, 8192)                                                                         \
    X(width, 256, 1, 16384)                                                                        \
    X(layers, 2, 1, 8)                                                                             \
    X(shift, 0, 0, 16)                                                                             \
    X(train, 0, 0, 1000000000)                                                                     \
    X(held_out, 10000, 1, 1000000000)

enum pbti_classify_score {
    PBTI_CLASSIFY_ACCURACY,      /* to be maximised */
    PBTI_CLASSIFY_CROSS_ENTROPY, /* to be minimised */
    PBTI_CLASSIFY_ERROR          /* 1 - accuracy; to be minimised */
};

struct pbti_classify_settings {
#define PBTI_NUMBER_FIELD(name, otherwise, low, high) double name;
    PBTI_CLASSIFY_NUMBERS(PBTI_NUMBER_FIELD)
#undef PBTI_NUMBER_FIELD
#define PBTI_COUNT_FIELD(name, otherwise, low, high) uint32_t name;
    PBTI_CLASSIFY_COUNTS(PBTI_COUNT_FIELD)
#undef PBTI_COUNT_FIELD
    enum pbti_nn_activation activation; /* "act", default relu */
    enum pbti_classify_score score;     /* "score", default accuracy */
    bool test;                          /* "split": "test" instead of "held_out" */
    const char *data;                   /* folder; borrowed from whoever filled the struct */
};

/* All settings at their defaults. */
struct pbti_classify_settings pbti_classify_settings_default(void);

/*
 * Read the settings of the client's current task: from the hyperparameters, else from `fixed`, else
 * the default.
 *
 * Errors      PBT_EINVAL: a value of the wrong type or beyond its limits
 */
PBT_NODISCARD pbt_status pbti_classify_settings_read(struct pbt_client *client,
                                                     struct pbti_classify_settings *settings,
                                                     struct pbt_error *err);

#endif
