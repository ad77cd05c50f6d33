/* SPDX-License-Identifier: Apache-2.0 */
/*
 * translate_batches.h - in which order training pairs are used, and batches of them by tokens.
 *
 * A step of `translate` is one target token (the end included). A batch has about `tokens` of them.
 * Pairs come in pools, each sorted by length and cut into batches, so that the sentences of a batch
 * are alike; the batches of a pool come in random order.
 *
 * Each pair is used once an epoch, along the whole ancestry of the weights: which ones the current
 * epoch has used is a bitmap, saved with the weights. A segment begins by shuffling those not yet
 * used with its own seed, so that a clone and its donor go on in different orders, and a run that
 * was reloaded in the same order as an unbroken one. A segment of n steps ends with the pair that
 * reaches n; what it has too many is taken off the next segment, so that budgets stay exact.
 */
#ifndef PBTI_TRANSLATE_BATCHES_H
#define PBTI_TRANSLATE_BATCHES_H

#include "translate/translate_corpus.h"
#include "translate/translate_network.h"

struct pbti_batches {
    uint32_t count; /* pairs */
    uint32_t epoch;
    uint64_t excess;     /* target tokens that the segments before had too many */
    uint8_t *used;       /* shape ((count + 7) / 8) */
    uint32_t *queue;     /* shape (count): what is left of the epoch, shuffled */
    uint32_t queued, at; /* length of the queue; the next place in it */
    uint64_t seed;
    uint32_t tokens;
    uint32_t pools; /* made in this segment */
    /* the pool */
    uint32_t *cuts; /* shape (batches + 1): places in the queue where batches begin */
    uint32_t *turn; /* shape (batches): their order */
    uint32_t cut_count, cut_capacity, next;
    /* the batch */
    uint32_t *source, *input, *labels, *source_starts, *target_starts;
    size_t source_capacity, target_capacity, sentence_capacity;
};

/* Begin with the corpus's pairs, none of them used. Errors: PBT_ENOMEM. */
PBT_NODISCARD pbt_status pbti_batches_init(struct pbti_batches *batches,
                                           const struct pbti_corpus *corpus, struct pbt_error *err);
void pbti_batches_deinit(struct pbti_batches *batches);

/* Forget what was used: epoch 0, no excess. */
void pbti_batches_reset(struct pbti_batches *batches);

/* Begin a segment: shuffle what is left. */
void pbti_batches_begin(struct pbti_batches *batches, uint64_t seed, uint32_t tokens);

/*
 * Make the next batch; its arrays are good until the next call.
 *
 * wanted      in, > 0: no pair begins after so many target tokens
 *
 * Errors      PBT_ENOMEM
 */
PBT_NODISCARD pbt_status pbti_batches_next(struct pbti_batches *batches,
                                           const struct pbti_corpus *corpus, uint64_t wanted,
                                           struct pbti_translate_batch *batch,
                                           struct pbt_error *err);

/* Make a batch of given lines of a part, whatever their length. Errors: PBT_ENOMEM. */
PBT_NODISCARD pbt_status pbti_batches_fill(struct pbti_batches *batches,
                                           const struct pbti_corpus_part *part,
                                           const uint32_t *lines, uint32_t count,
                                           struct pbti_translate_batch *batch,
                                           struct pbt_error *err);

/* What a checkpoint holds: 4 pairs, 4 epoch, 8 excess, the bitmap; little-endian. */
size_t pbti_batches_size(const struct pbti_batches *batches);
unsigned char *pbti_batches_write(const struct pbti_batches *batches, unsigned char *bytes);

/* The inverse. Bytes of another number of pairs (the text was changed between two runs) begin a new
 * epoch. Errors: PBT_ECORRUPT; `batches` is unchanged then. */
PBT_NODISCARD pbt_status pbti_batches_read(struct pbti_batches *batches, const unsigned char *bytes,
                                           size_t size, struct pbt_error *err);

#endif
