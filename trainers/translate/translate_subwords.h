/* SPDX-License-Identifier: Apache-2.0 */
/*
 * translate_subwords.h - text as numbers and back: byte-level pair encoding, one vocabulary for
 * both languages.
 *
 * Pieces      A line is split at spaces, runs of which count once; each word gets one leading
 *             space. A word is cut where the class of its characters changes, and between digits.
 *             Classes: letters (ASCII letters, and all beyond ASCII that is not punctuation),
 *             digits (ASCII), punctuation (the rest of ASCII, U+00A1-00BF, U+00D7, U+00F7,
 *             U+2000-206F, U+20A0-20CF, U+2190-2BFF). Merges never cross pieces.
 * Learning    Symbols are the 256 bytes at first. Again and again the most frequent pair of
 *             neighbours becomes a symbol; of equal ones that whose left, then right bytes are the
 *             smallest. Every place counts (`aaaa` has three `a a`), times the piece's frequency.
 * Applying    In each piece the pair that was learnt first is replaced everywhere, from the left,
 *             until none is left that was learnt.
 * Numbers     0 padding, 1 unknown (neither is ever made), 2 begin, 3 end, 4 + byte, 260 + rank.
 *
 * Bytes make every text possible, need no tables of Unicode, and come back exactly, but for runs of
 * spaces.
 *
 * Source      Sennrich et al. 2016, "Neural machine translation of rare words with subword units";
 *             over bytes: Radford et al. 2019 (GPT-2). Differences: no mark for a word's end (the
 *             leading space does its work), the classes above, ties as said.
 */
#ifndef PBTI_TRANSLATE_SUBWORDS_H
#define PBTI_TRANSLATE_SUBWORDS_H

#include "pbt/status.h"
#include "translate/translate_lines.h"

#include <stddef.h>
#include <stdint.h>

enum {
    PBTI_SUBWORDS_BEGIN = 2,
    PBTI_SUBWORDS_END = 3,
    PBTI_SUBWORDS_FIRST = 4,    /* of the bytes */
    PBTI_SUBWORDS_MERGES = 260, /* of the merges: the smallest vocabulary */
    PBTI_SUBWORDS_VOCABULARY_MAX = 65536,
};

/* A merge; symbols are bytes (below 256) or 256 + rank. */
struct pbti_subword_merge {
    uint32_t left, right;
    uint64_t count; /* when it was learnt; 0 when it was read */
};

struct pbti_subwords {
    uint32_t merge_count;
    struct pbti_subword_merge *merges; /* shape (merge_count) */
    struct pbti_subword_table *table;  /* bytes of symbols, pairs, pieces met before */
};

/* Growing list of numbers. */
struct pbti_subword_ids {
    uint32_t *ids;
    size_t count, capacity;
};

/*
 * Learn `vocabulary` - 260 merges from all lines of `texts`.
 *
 * Errors      PBT_EINVAL (the texts do not allow so many: says how many), PBT_ENOMEM
 */
PBT_NODISCARD pbt_status pbti_subwords_learn(struct pbti_subwords *subwords,
                                             const struct pbti_lines *const *texts,
                                             size_t text_count, uint32_t vocabulary,
                                             struct pbt_error *err);

void pbti_subwords_deinit(struct pbti_subwords *subwords);

/* The vocabulary: 260 + merges. */
uint32_t pbti_subwords_vocabulary(const struct pbti_subwords *subwords);

/* Add the numbers of a line to `ids`, without begin and end. Errors: PBT_ENOMEM. */
PBT_NODISCARD pbt_status pbti_subwords_encode(struct pbti_subwords *subwords, const char *line,
                                              size_t size, struct pbti_subword_ids *ids,
                                              struct pbt_error *err);

/*
 * The text of ids[0..count), without its first space; bytes that are not UTF-8 (a network may stop
 * in the middle of a character) and numbers that are no text are left out.
 *
 * text        out, to be freed, ended by NUL; NULL: no memory
 */
char *pbti_subwords_decode(const struct pbti_subwords *subwords, const uint32_t *ids, size_t count,
                           size_t *size);

/* The bytes of one number: borrowed. */
const char *pbti_subword_bytes(const struct pbti_subwords *subwords, uint32_t id, size_t *size);

/* Append one number. Errors: PBT_ENOMEM. */
PBT_NODISCARD pbt_status pbti_subword_ids_add(struct pbti_subword_ids *ids, uint32_t id,
                                              struct pbt_error *err);

/* What a checkpoint holds: 4 merges, then 4 left and 4 right for each; little-endian. */
size_t pbti_subwords_size(const struct pbti_subwords *subwords);
unsigned char *pbti_subwords_write(const struct pbti_subwords *subwords, unsigned char *bytes);

/* The inverse, from bytes[0..size), all of which must be used. Errors: PBT_ECORRUPT, PBT_ENOMEM. */
PBT_NODISCARD pbt_status pbti_subwords_read(struct pbti_subwords *subwords,
                                            const unsigned char *bytes, size_t size,
                                            struct pbt_error *err);

/*
 * Cut the next piece from line[*at .. size), and move *at behind it.
 *
 * buffer      out, shape (size + 1): the piece, with its leading space if it has one
 *
 * Returns     bytes of the piece; 0: there is none left
 */
size_t pbti_subword_piece(const char *line, size_t size, size_t *at, char *buffer);

#endif
