/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view/progress.h - a running study on a terminal, or in a pipe.
 *
 * On a terminal a block of lines is drawn anew where it stands, at most five times a second: done
 * and total, best score, time left, the leading members, what the slots do, the last exploit. It
 * obeys the terminal's size, follows a resize, and hides the cursor only while it draws, so that
 * nothing is left to be restored whatever happens to the process. TERM=dumb is treated like a
 * pipe; NO_COLOR takes the colours away. In a pipe there is a line at the start, then one at each
 * improvement (at most one a second) or every five seconds, and one at the end.
 *
 * It writes to the stream it is given and nowhere else. One thread.
 */
#ifndef PBTI_VIEW_PROGRESS_H
#define PBTI_VIEW_PROGRESS_H

#include "core/state.h"
#include "view/str.h"

#include <stdio.h>

/* What a slot does. */
struct pbti_progress_slot {
    bool usable, busy;
    uint32_t member, segment;
    uint64_t step, steps; /* of the segment, as its trainer says */
};

/* How things stand; borrowed for the call. */
struct pbti_progress_view {
    const struct pbti_state *state;
    const char *study; /* name */
    const char *score_name;
    uint32_t slots_count;
    const struct pbti_progress_slot *slots;
    uint64_t checkpoint_bytes;
};

enum pbti_progress_kind {
    PBTI_PROGRESS_NONE, /* --quiet */
    PBTI_PROGRESS_PIPE, /* lines */
    PBTI_PROGRESS_LIVE  /* a terminal */
};

struct pbti_progress; /* opaque */

/* What suits `stream`: live on a terminal that can move its cursor, else lines. */
enum pbti_progress_kind pbti_progress_kind_for(FILE *stream);

/*
 * dir         shown in the first line; borrowed for the call
 * Returns     NULL when out of memory
 */
struct pbti_progress *pbti_progress_create(FILE *stream, enum pbti_progress_kind kind,
                                           const char *dir);
/* The live block stays on the screen as it was drawn last. Accepts NULL. */
void pbti_progress_destroy(struct pbti_progress *progress);

/* Tell it of every durable event (a pbti_observer; context: the progress). */
void pbti_progress_event(void *context, uint64_t seq, const struct pbti_event *event);

/* Tell it how things stand; it draws when it is time (now_ms: any steady clock). */
void pbti_progress_tick(struct pbti_progress *progress, const struct pbti_progress_view *view,
                        int64_t now_ms);

/* Draw or say how things stand, whatever the time. */
void pbti_progress_finish(struct pbti_progress *progress, const struct pbti_progress_view *view,
                          int64_t now_ms);

/* A line for people, above the live block; and one that begins with "warning: ". */
void pbti_progress_say(struct pbti_progress *progress, const char *text);
void pbti_progress_warn(struct pbti_progress *progress, const char *text);

/* -------- for tests: one frame of the live block -------- */

struct pbti_frame {
    uint32_t width, height; /* of the terminal */
    bool color, utf8;
    int64_t left_ms;  /* -1 = not known */
    const char *last; /* the last decision in words; "" = none */
};

/* At most height - 1 lines of at most `width` columns, each ended by a newline. */
void pbti_progress_frame(struct pbti_str *str, const struct pbti_progress_view *view,
                         const struct pbti_frame *frame);

#endif
