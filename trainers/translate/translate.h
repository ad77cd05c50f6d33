/* SPDX-License-Identifier: Apache-2.0 */
/*
 * translate.h - the state of `builtin: translate`: a Transformer that learns to translate.
 */
#ifndef PBTI_TRANSLATE_H
#define PBTI_TRANSLATE_H

#include "host/builtin.h"
#include "nn/nn_adam.h"
#include "translate/translate_batches.h"
#include "translate/translate_corpus.h"
#include "translate/translate_evaluate.h"
#include "translate/translate_network.h"
#include "translate/translate_settings.h"

struct pbti_translate {
    struct pbti_builtin_held held;
    struct pbti_corpus corpus; /* read when it is needed first: `pbt use` has no need of it */
    bool has_corpus;
    bool restored;               /* the subwords are those of a checkpoint */
    struct pbti_batches batches; /* of the corpus */
    uint8_t *order;              /* of a checkpoint, for `batches`, as long as there is no corpus */
    size_t order_size;
    struct pbti_translate_network network;
    /* of the segment */
    struct pbti_nn_adam adam;
    struct pbti_translate_pass pass;
    double lr;              /* before the schedule */
    bool diverged;          /* a loss or a gradient was not finite: training stopped */
    double train_loss;      /* mean over target tokens, with smoothing; NaN: nothing was trained */
    double tokens_a_second; /* of processor time; NaN likewise */
    struct pbti_translate_evaluation evaluation;
};

extern const struct pbti_builtin pbti_builtin_translate;

/* `pbt use`: translate lines, translate_use.c. */
PBT_NODISCARD pbt_status pbti_translate_use(void *state, const void *settings,
                                            struct pbti_builtin_use *use, struct pbt_error *err);

/*
 * The learning rate of update t, from 1, with `warmup` W:
 *
 *     constant  lr min(1, t / W)
 *     rsqrt     lr min(t / W, sqrt(W / t)): the shape of Vaswani et al. 2017, section 5.3, whose
 *     own
 *               factor D^-0.5 min(t^-0.5, t W^-1.5) has its peak at lr = (D W)^-0.5
 */
double pbti_translate_rate(uint32_t schedule, double lr, uint32_t warmup, uint64_t t);

#endif
