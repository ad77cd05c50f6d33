/* SPDX-License-Identifier: Apache-2.0 */
/*
 * translate_made.h - a made language and its translation: what a small network learns in a minute
 * or two, where there is no text of people's making.
 *
 * A sentence is one or two clauses of subject, verb and object; nouns have an article and up to one
 * adjective. The translation has other words, the verb at the end, the adjective behind its noun,
 * and an ending on the adjective that depends on the noun. It is a function of the source, so a
 * perfect translator scores 100 BLEU.
 */
#ifndef PBTI_TRANSLATE_MADE_H
#define PBTI_TRANSLATE_MADE_H

#include "pbt/status.h"
#include "translate/translate_lines.h"

/* The name that stands for a folder of it in `data`. */
#define PBTI_TRANSLATE_MADE "made"

enum { PBTI_MADE_TRAIN = 3000, PBTI_MADE_DEV = 200, PBTI_MADE_TEST = 200 };

/*
 * Write a part: 0 training, 1 development, 2 test; always the same. No sentence of one part occurs
 * in another.
 *
 * text        out, source and target; release with pbti_lines_deinit()
 *
 * Errors      PBT_ENOMEM
 */
PBT_NODISCARD pbt_status pbti_translate_made(uint32_t part, struct pbti_lines text[2],
                                             struct pbt_error *err);

#endif
