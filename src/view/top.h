/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view/top.h - a study on a whole screen, as it goes on: best, leaders, slots, recent decisions.
 *
 * What it knows is what the journal says, so that it works on any study, whoever runs it. The
 * frame is text; cli/screen.c puts it on a terminal.
 */
#ifndef PBTI_VIEW_TOP_H
#define PBTI_VIEW_TOP_H

#include "view/study_reader.h"
#include "view/terminal.h"

struct pbti_top; /* opaque */

/* Errors: those of pbti_study_reader_open(). */
PBT_NODISCARD pbt_status pbti_top_open(const char *dir, const char *journal, struct pbti_top **out,
                                       struct pbt_error *err);
void pbti_top_close(struct pbti_top *top); /* accepts NULL */

/* Borrowed; pbti_study_reader_update() brings it up to date. */
struct pbti_study_reader *pbti_top_reading(struct pbti_top *top);

/*
 * Add at most `terminal->height` lines of at most `terminal->width` columns, each ended by a
 * newline. What is short of room goes first: recent decisions, then slots, then leaders.
 *
 * now_ms      the time now, since 1970
 */
void pbti_top_frame(const struct pbti_top *top, const struct pbti_terminal *terminal,
                    int64_t now_ms, struct pbti_str *str);

#endif
