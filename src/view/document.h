/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view/document.h - one JSON document that holds all there is to show of a study (docs/json.md).
 *
 * `pbt show --json --full` prints it and the report draws it. What there is one of for each segment
 * stands in columns (arrays of the same length), written straight into the text, so that 100,000
 * segments take a fraction of a second and some 10 MB. What is left out to stay below the limits is
 * counted in the document.
 */
#ifndef PBTI_VIEW_DOCUMENT_H
#define PBTI_VIEW_DOCUMENT_H

#include "view/str.h"
#include "view/study_reader.h"

#define PBTI_DOCUMENT_SEGMENTS 120000u    /* more: only every k-th member's are given */
#define PBTI_DOCUMENT_EXPLANATIONS 20000u /* the latest decisions that are explained in words */
#define PBTI_DOCUMENT_FAILURES 200u       /* the latest failures whose message is given */
#define PBTI_DOCUMENT_LOGS 20u            /* of them, those that come with the end of their log */

struct pbti_document_opts {
    size_t struct_size;    /* set by pbti_document_opts_default() */
    const char *journal;   /* that the user named: view/study_reader.h; NULL: none */
    uint32_t segments_max; /* PBTI_DOCUMENT_SEGMENTS; the winner's own are given beside them */
};

struct pbti_document_opts pbti_document_opts_default(void);

/*
 * A study that is read once and followed as it grows: pbti_study_reader_update() brings it up to
 * date, and then pbti_document_add() adds a new document to `text` (unchanged on error).
 *
 * opts        may be NULL; copied
 * Errors      those of pbti_study_reader_open(); PBT_ENOMEM
 */
struct pbti_document; /* opaque */
PBT_NODISCARD pbt_status pbti_document_open(const char *dir, const struct pbti_document_opts *opts,
                                            struct pbti_document **out, struct pbt_error *err);
void pbti_document_close(struct pbti_document *document);                        /* accepts NULL */
struct pbti_study_reader *pbti_document_reading(struct pbti_document *document); /* borrowed */
PBT_NODISCARD pbt_status pbti_document_add(const struct pbti_document *document,
                                           struct pbti_str *text, struct pbt_error *err);

/*
 * Add the document about the study in the folder `dir` to `text`, all at once.
 *
 * opts        may be NULL
 * text        in/out; unchanged on error
 * Errors      those of pbti_study_reader_open()
 */
PBT_NODISCARD pbt_status pbti_document_write(const char *dir, const struct pbti_document_opts *opts,
                                             struct pbti_str *text, struct pbt_error *err);

#endif
