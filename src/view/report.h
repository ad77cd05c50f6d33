/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view/report.h - a study as one HTML file that opens from disk and asks no network for anything.
 *
 * The file is the page (src/view/page) around an array of documents (view/document.h): the study's,
 * then those it is compared with. Text of studies, trainers and logs enters here and nowhere else,
 * as JSON in a script element of no program: every '<' of it is written as an escape, so that
 * nothing can end the element; the page sets it as text, never as HTML.
 */
#ifndef PBTI_VIEW_REPORT_H
#define PBTI_VIEW_REPORT_H

#include "view/str.h"

/*
 * Add the report about the studies in the folders `dirs`, shape (count), the first in full.
 *
 * journal     of the first, that the user named: view/study_reader.h; NULL: none
 * html        in/out; unchanged on error
 * Requires    count > 0
 * Errors      those of pbti_document_write()
 */
PBT_NODISCARD pbt_status pbti_report_write(const char *const *dirs, size_t count,
                                           const char *journal, struct pbti_str *html,
                                           struct pbt_error *err);

/*
 * Add the same page around one document (view/document.h) that stays in touch with whoever serves
 * it: it listens to the address `events`, and then asks `document.json` anew, both beside its own.
 */
void pbti_report_live(struct pbti_str *html, const struct pbti_str *document);

#endif
