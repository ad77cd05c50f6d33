/* SPDX-License-Identifier: Apache-2.0 */
/*
 * translate_bleu.h - BLEU and chrF of a whole text, equal to sacreBLEU's.
 *
 *     BLEU  bp exp(mean of ln p_n), n = 1 to 4; p_n = 100 matches_n / totals_n over all segments,
 *           each n-gram counted at most as often as in the reference that has it most often;
 *           bp = 1 if h >= r, else exp(1 - r / h), h and r the lengths of both sides (of several
 *           references the closest counts, the shorter of two equally close)
 *     chrF  the F-score (beta 2) of n-grams of characters, n = 1 to 6, white space left out, of
 *           one reference
 *
 * Text is cut into tokens as the NIST's mteval-v13a does ("13a"). The signature names all of that
 * and belongs beside every score that is shown.
 *
 * Source      Papineni et al. 2002; Post 2018, "A call for clarity in reporting BLEU scores"; Chen
 *             & Cherry 2014 (smoothings); Popovic 2015 (chrF). Checked against sacrebleu 2.6.0.
 */
#ifndef PBTI_TRANSLATE_BLEU_H
#define PBTI_TRANSLATE_BLEU_H

#include "pbt/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PBTI_BLEU_SIGNATURE "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp"

enum { PBTI_BLEU_ORDER = 4, PBTI_CHRF_ORDER = 6 };

/* A text that is not ended by NUL. */
struct pbti_bleu_text {
    const char *text;
    size_t size;
};

/* Sums over the segments; zeroed: none yet. */
struct pbti_bleu {
    uint64_t matches[PBTI_BLEU_ORDER], totals[PBTI_BLEU_ORDER];
    uint64_t hypothesis, reference; /* tokens: h and r */
};

enum pbti_bleu_smoothing {
    PBTI_BLEU_EXP,   /* the k-th order without a match counts 1 / 2^k */
    PBTI_BLEU_NONE,  /* 0 where an order has no match */
    PBTI_BLEU_FLOOR, /* such an order has `value` matches; usual is 0.1 */
    PBTI_BLEU_ADD,   /* `value` is added to matches and totals of n > 1; usual is 1 */
};

/* Add a segment. Errors: PBT_ENOMEM. */
PBT_NODISCARD pbt_status pbti_bleu_add(struct pbti_bleu *bleu, struct pbti_bleu_text hypothesis,
                                       const struct pbti_bleu_text *references, size_t count,
                                       struct pbt_error *err);

/*
 * The score, 0 to 100.
 *
 * value       in, for PBTI_BLEU_FLOOR and PBTI_BLEU_ADD
 * effective   in, use only the orders that the hypotheses have at all
 * penalty     out, bp; NULL: not wanted
 */
double pbti_bleu_score(const struct pbti_bleu *bleu, enum pbti_bleu_smoothing smoothing,
                       double value, bool effective, double *penalty);

/* The tokens of a segment with one space between them, to be freed; NULL: no memory. */
char *pbti_bleu_tokens(struct pbti_bleu_text text, size_t *size);

/* Sums over the segments; zeroed: none yet. */
struct pbti_chrf {
    uint64_t hypothesis[PBTI_CHRF_ORDER], reference[PBTI_CHRF_ORDER], matches[PBTI_CHRF_ORDER];
};

/* Add a segment. Errors: PBT_ENOMEM. */
PBT_NODISCARD pbt_status pbti_chrf_add(struct pbti_chrf *chrf, struct pbti_bleu_text hypothesis,
                                       struct pbti_bleu_text reference, struct pbt_error *err);

/* chrF2, 0 to 100. */
double pbti_chrf_score(const struct pbti_chrf *chrf);

#endif
