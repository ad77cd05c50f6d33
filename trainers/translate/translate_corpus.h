/* SPDX-License-Identifier: Apache-2.0 */
/*
 * translate_corpus.h - pairs of sentences: read from a folder of text files, and as subwords.
 *
 * A folder has train.SOURCE and train.TARGET, dev.SOURCE and so on, and test: line n of one file
 * translates line n of the other.
 */
#ifndef PBTI_TRANSLATE_CORPUS_H
#define PBTI_TRANSLATE_CORPUS_H

#include "translate/translate_lines.h"
#include "translate/translate_subwords.h"

#include <stdbool.h>

enum pbti_corpus_split { PBTI_CORPUS_TRAIN, PBTI_CORPUS_DEV, PBTI_CORPUS_TEST, PBTI_CORPUS_SPLITS };

/* Pairs of one split; side 0 is the source, side 1 the target. */
struct pbti_corpus_part {
    bool read;
    struct pbti_lines text[2];
    struct pbti_subword_ids ids[2]; /* of all lines behind each other, without begin and end */
    size_t *starts[2];              /* shape (lines + 1), in `ids` */
};

struct pbti_corpus {
    char *folder, *languages[2];
    struct pbti_corpus_part parts[PBTI_CORPUS_SPLITS];
    struct pbti_subwords subwords;
    bool has_subwords;
    /* training pairs that can be used: neither side empty nor longer than max_length */
    uint32_t *pairs;
    uint32_t pair_count, skipped_empty, skipped_long;
    uint32_t max_length;
};

/* Where `pbt corpus` writes to, and the default of `data`: $PBT_CORPUS, else
 * $XDG_DATA_HOME/pbt/corpus, else ~/.local/share/pbt/corpus. `path` gets the path. */
void pbti_corpus_default(char *path, size_t size);

/*
 * Read training and development text; `folder` PBTI_TRANSLATE_MADE is the made language.
 *
 * Errors      PBT_ENOENT (a file is not there: named, with what makes it), PBT_EINVAL (both sides
 *             have different numbers of lines, or none), PBT_ECORRUPT (not UTF-8), PBT_EIO,
 *             PBT_ENOMEM; then `corpus` is empty
 */
PBT_NODISCARD pbt_status pbti_corpus_load(struct pbti_corpus *corpus, const char *folder,
                                          const char *source, const char *target,
                                          struct pbt_error *err);

/* Read the test text too, unless it is there. Errors: as above; the corpus is as before. */
PBT_NODISCARD pbt_status pbti_corpus_need_test(struct pbti_corpus *corpus, struct pbt_error *err);

/* Learn subwords from the training text, and encode. Errors: PBT_EINVAL, PBT_ENOMEM. */
PBT_NODISCARD pbt_status pbti_corpus_learn(struct pbti_corpus *corpus, uint32_t vocabulary,
                                           uint32_t max_length, struct pbt_error *err);

/* Take subwords over, which the corpus owns then in any case, and encode. Errors: PBT_EINVAL (no
 * pair is left), PBT_ENOMEM. */
PBT_NODISCARD pbt_status pbti_corpus_adopt(struct pbti_corpus *corpus,
                                           struct pbti_subwords *subwords, uint32_t max_length,
                                           struct pbt_error *err);

void pbti_corpus_deinit(struct pbti_corpus *corpus);

/* Subwords of line `i` on a side. */
static inline const uint32_t *pbti_corpus_ids(const struct pbti_corpus_part *part, size_t side,
                                              uint32_t i, uint32_t *count)
{
    *count = (uint32_t)(part->starts[side][i + 1] - part->starts[side][i]);
    return part->ids[side].ids + part->starts[side][i];
}

#endif
