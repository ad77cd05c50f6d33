/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view/recent_events.h - what a journal says that neither the state nor the history keeps: the
 * latest decisions, explained in words while their state is at hand, and the messages of failures.
 *
 * A visitor of view/study_reader.h. Each list is a ring: the latest so many, and how many in all.
 */
#ifndef PBTI_VIEW_RECENT_EVENTS_H
#define PBTI_VIEW_RECENT_EVENTS_H

#include "core/state.h"

struct pbti_recent_events {
    uint64_t seq;
    int64_t time_ms;
    uint32_t member, segment, attempt;
    uint8_t outcome; /* of a failure; PBTI_OUTCOME_DONE: it is a decision */
    char *text;      /* owned; NULL = nothing. A decision's is escaped, a message is raw */
};

struct pbti_ring {
    uint32_t limit;
    uint64_t count;                  /* in all; the latest is at (count - 1) % limit */
    struct pbti_recent_events *item; /* owned, shape (limit) */
};

struct pbti_sayings {
    struct pbti_ring decisions; /* that copied, explored or gave up */
    struct pbti_ring failures;
};

/* False: out of memory; to be deinitialised all the same. */
bool pbti_sayings_init(struct pbti_sayings *sayings, uint32_t decisions, uint32_t failures);
void pbti_sayings_deinit(struct pbti_sayings *sayings); /* accepts zeroed ones */

/* A pbti_visitor; `context` is a struct pbti_sayings. */
pbt_status pbti_sayings_visit(void *context, const struct pbti_state *state, uint64_t seq,
                              const struct pbti_event *event, struct pbt_error *err);

/* How many there are, and the one at `place`, oldest first. */
uint32_t pbti_ring_size(const struct pbti_ring *ring);
const struct pbti_recent_events *pbti_ring_at(const struct pbti_ring *ring, uint32_t place);

#endif
