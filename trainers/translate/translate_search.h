/* SPDX-License-Identifier: Apache-2.0 */
/*
 * translate_search.h - translating: encoder once, then one decoder row for each hypothesis and
 * round, with the keys and values of earlier places kept.
 *
 * Sentences are translated many at a time, sorted by length, and leave the batch when they are
 * done. All products are those of nn_small.h, whose rows do not depend on their neighbours: a
 * sentence gets the same translation alone and in any batch, to the last bit.
 */
#ifndef PBTI_TRANSLATE_SEARCH_H
#define PBTI_TRANSLATE_SEARCH_H

#include "translate/translate_beam.h"
#include "translate/translate_network.h"

struct pbti_search_options {
    uint32_t beam; /* 1: greedy */
    double alpha;
    uint32_t max_length; /* subwords of an answer; also bounded by the source's length + 20 */
    uint32_t nbest;      /* answers for each sentence: 1..beam */
};

/* A sentence: subwords without the end. */
struct pbti_search_source {
    const uint32_t *ids;
    uint32_t count;
};

struct pbti_search_answer {
    uint32_t *ids; /* without the end; owned by the caller, release with free() */
    uint32_t count;
    double score, log_p;
};

/*
 * Translate.
 *
 * answers     out, shape (count, nbest), best first; where there are fewer, ids is NULL
 *
 * Errors      PBT_ENOMEM; then nothing is to be released
 */
PBT_NODISCARD pbt_status pbti_search(struct pbti_translate_network *network,
                                     const struct pbti_search_options *options,
                                     const struct pbti_search_source *sources, uint32_t count,
                                     struct pbti_search_answer *answers, struct pbt_error *err);

#endif
