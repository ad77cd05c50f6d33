/* SPDX-License-Identifier: Apache-2.0 */
/*
 * translate_evaluate.h - what a network is worth: cross-entropy, BLEU and chrF over sentences of
 * one split, and what it makes of three of them.
 */
#ifndef PBTI_TRANSLATE_EVALUATE_H
#define PBTI_TRANSLATE_EVALUATE_H

#include "translate/translate_batches.h"
#include "translate/translate_bleu.h"
#include "translate/translate_corpus.h"
#include "translate/translate_search.h"

enum { PBTI_TRANSLATE_SHOWN = 3, PBTI_TRANSLATE_SHARDS_MAX = 1000 };

struct pbti_translate_evaluation {
    double bleu, chrf; /* 0 to 100 */
    double loss;       /* cross-entropy without label smoothing, nats a target subword */
    double shards[PBTI_TRANSLATE_SHARDS_MAX]; /* BLEU, chrF or loss of each */
    /* lines at 1/6, 3/6 and 5/6 of the split, whatever is scored */
    uint32_t shown[PBTI_TRANSLATE_SHOWN];
    char *now[PBTI_TRANSLATE_SHOWN]; /* their translations; owned */
};

enum pbti_translate_score {
    PBTI_TRANSLATE_BLEU,
    PBTI_TRANSLATE_CHRF,
    PBTI_TRANSLATE_CROSS_ENTROPY,
};

struct pbti_translate_judged {
    enum pbti_corpus_split split;
    uint32_t sentences; /* lines spread evenly over the split; 0: all */
    uint32_t shards;    /* interleaved parts with a score of their own; 0: none */
    enum pbti_translate_score score;
    struct pbti_search_options search;
};

/*
 * Evaluate. `batches` lends its arrays.
 *
 * result      out, release with pbti_translate_evaluation_deinit()
 *
 * Errors      PBT_ENOMEM
 */
PBT_NODISCARD pbt_status pbti_translate_evaluate(struct pbti_translate_network *network,
                                                 const struct pbti_corpus *corpus,
                                                 struct pbti_batches *batches,
                                                 const struct pbti_translate_judged *judged,
                                                 struct pbti_translate_evaluation *result,
                                                 struct pbt_error *err);

void pbti_translate_evaluation_deinit(struct pbti_translate_evaluation *result);

#endif
