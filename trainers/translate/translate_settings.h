/* SPDX-License-Identifier: Apache-2.0 */
/*
 * translate_settings.h - what a task of `translate` can be told, and its limits; docs/translate.md
 * says what each does.
 */
#ifndef PBTI_TRANSLATE_SETTINGS_H
#define PBTI_TRANSLATE_SETTINGS_H

#include "host/builtin_setting.h"
#include "translate/translate_beam.h"
#include "translate/translate_evaluate.h"
#include "translate/translate_network.h"

#define PBTI_TRANSLATE_SETTINGS(X)                                                                 \
    X(NUMBER, lr, HOT, 0.005, 0.0, 10.0)                                                           \
    X(NUMBER, attention_dropout, HOT, 0.0, 0.0, 0.9)                                               \
    X(NUMBER, relu_dropout, HOT, 0.0, 0.0, 0.9)                                                    \
    X(NUMBER, layer_dropout, HOT, 0.1, 0.0, 0.9)                                                   \
    X(NUMBER, label_smoothing, HOT, 0.1, 0.0, 0.9)                                                 \
    X(COUNT, batch, HOT, 800, 16, 65536)                                                           \
    X(COUNT, warmup, HOT, 200, 0, 1000000)                                                         \
    X(CHOICE, schedule, HOT, 0, schedule_word)                                                     \
    X(NUMBER, clip, HOT, 1.0, 0.0, 1e6)                                                            \
    X(COUNT, width, NETWORK, 64, 2, 4096)                                                          \
    X(COUNT, ffn, NETWORK, 256, 1, 16384)                                                          \
    X(COUNT, heads, NETWORK, 4, 1, 64)                                                             \
    X(COUNT, layers, NETWORK, 2, 1, PBTI_TRANSLATE_LAYERS_MAX)                                     \
    X(CHOICE, norm, NETWORK, 0, norm_word)                                                         \
    X(COUNT, vocab, DATA, 2000, PBTI_SUBWORDS_MERGES, PBTI_SUBWORDS_VOCABULARY_MAX)                \
    X(COUNT, max_length, DATA, 64, 1, 1024)                                                        \
    X(TEXT, data, DATA, "")                                                                        \
    X(TEXT, source, DATA, "en")                                                                    \
    X(TEXT, target, DATA, "de")                                                                    \
    X(COUNT, sentences, HOT, 400, 0, 1000000000)                                                   \
    X(COUNT, shards, HOT, 0, 0, PBTI_TRANSLATE_SHARDS_MAX)                                         \
    X(COUNT, beam, HOT, 1, 1, PBTI_BEAM_MAX)                                                       \
    X(NUMBER, alpha, HOT, 1.0, 0.0, 10.0)                                                          \
    X(CHOICE, score, HOT, 0, score_word)                                                           \
    X(CHOICE, split, HOT, 0, split_word)

struct pbti_translate_settings {
    PBTI_TRANSLATE_SETTINGS(PBTI_SETTING_FIELD)
};

/* Places of the words of `schedule`, `norm` and `split`; those of `score` are enum
 * pbti_translate_score. */
enum { PBTI_TRANSLATE_CONSTANT, PBTI_TRANSLATE_RSQRT };
enum { PBTI_TRANSLATE_PRE, PBTI_TRANSLATE_POST };
enum { PBTI_TRANSLATE_SPLIT_DEV, PBTI_TRANSLATE_SPLIT_TEST };

#endif
