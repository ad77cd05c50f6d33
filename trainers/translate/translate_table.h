/* SPDX-License-Identifier: Apache-2.0 */
/*
 * translate_table.h - what the files of the subwords share: the bytes of symbols, which pairs were
 * learnt, and pieces that were met before.
 */
#ifndef PBTI_TRANSLATE_TABLE_H
#define PBTI_TRANSLATE_TABLE_H

#include "translate/translate_map.h"
#include "translate/translate_subwords.h"

struct pbti_subword_table {
    struct pbti_text_map bytes; /* of merged symbols; two merges may make the same */
    uint32_t *bytes_of;         /* shape (merges): which text of `bytes` a merge makes */
    size_t bytes_of_capacity;
    uint32_t *first_of; /* shape (bytes.count): the first merge that made a text */
    size_t first_of_capacity;
    struct pbti_pair_map ranks; /* from left << 32 | right to the rank of the merge */
    /* pieces met before */
    struct pbti_text_map pieces;
    size_t *piece_starts; /* shape (pieces.count + 1), in `piece_ids` */
    size_t piece_starts_capacity;
    struct pbti_subword_ids piece_ids;
};

/* The key of a pair of symbols. */
static inline uint64_t pbti_subword_pair(uint32_t left, uint32_t right)
{
    return (uint64_t)left << 32 | right;
}

/* The bytes of a symbol. */
const char *pbti_subword_symbol(const struct pbti_subwords *subwords, uint32_t symbol,
                                size_t *size);

/* Begin without merges. Errors: PBT_ENOMEM. */
PBT_NODISCARD pbt_status pbti_subwords_init(struct pbti_subwords *subwords, uint32_t merges_max,
                                            struct pbt_error *err);

/*
 * Append a merge.
 *
 * symbol      out, what the pair becomes: 256 + rank, or the earlier symbol of the same bytes
 *
 * Errors      PBT_ENOMEM
 */
PBT_NODISCARD pbt_status pbti_subwords_append(struct pbti_subwords *subwords, uint32_t left,
                                              uint32_t right, uint64_t count, uint32_t *symbol,
                                              struct pbt_error *err);

#endif
