/* SPDX-License-Identifier: Apache-2.0 */
/*
 * study/live_checkpoints.h - the checkpoints that are alive, with the sizes and hashes that their
 * reports recorded.
 *
 * The state knows which checkpoints are reachable but not how large they are; the events do. Fed by
 * whoever folds: pbti_live_checkpoints_add() for each report that is done, before it is folded, and
 * pbti_live_checkpoints_remove() from the fold's callback. So the disk use of a study is known
 * without touching its folder.
 */
#ifndef PBTI_STUDY_LIVE_CHECKPOINTS_H
#define PBTI_STUDY_LIVE_CHECKPOINTS_H

#include "core/event.h"
#include "core/state.h"

#include <stddef.h>

struct pbti_live_checkpoints_entry {
    struct pbti_checkpoint checkpoint; /* segment 0: an empty place */
    uint32_t files;
    uint64_t bytes;
    uint64_t hash;
};

/* An open-addressing table; entries[0 .. capacity-1], a power of two, at most 3/4 full. */
struct pbti_live_checkpoints {
    struct pbti_live_checkpoints_entry *entries; /* owned; NULL while nothing was added */
    size_t capacity, count;
    uint64_t bytes; /* of all of them */
};

/* False: out of memory. A checkpoint that is there already is replaced. */
bool pbti_live_checkpoints_add(struct pbti_live_checkpoints *alive,
                               struct pbti_live_checkpoints_entry entry);
void pbti_live_checkpoints_remove(struct pbti_live_checkpoints *alive,
                                  struct pbti_checkpoint checkpoint);
/* pbti_live_checkpoints_add() for an event that reports one; true for any other. */
bool pbti_live_checkpoints_note(struct pbti_live_checkpoints *alive,
                                const struct pbti_event *event);
/* Remove all that the state does not reach: for one who folds without a callback. */
void pbti_live_checkpoints_prune(struct pbti_live_checkpoints *alive,
                                 const struct pbti_state *state);
/* NULL when it is not there. Borrowed until the next add or remove. */
const struct pbti_live_checkpoints_entry *pbti_live_checkpoints_find(
    const struct pbti_live_checkpoints *alive, struct pbti_checkpoint checkpoint);
void pbti_live_checkpoints_deinit(struct pbti_live_checkpoints *alive); /* accepts a zeroed table */

#endif
