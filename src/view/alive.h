/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view/alive.h - the checkpoints that are alive, with the sizes and hashes their reports recorded.
 *
 * The state knows which checkpoints are reachable but not how large they are; the events do. Fed by
 * whoever folds: pbti_alive_add() for each report that is done, before it is folded, and
 * pbti_alive_remove() from the fold's callback. So the disk use of a study is known without
 * touching its folder.
 */
#ifndef PBTI_VIEW_ALIVE_H
#define PBTI_VIEW_ALIVE_H

#include "core/event.h"

#include <stddef.h>

struct pbti_alive_entry {
    struct pbti_checkpoint checkpoint; /* segment 0: an empty place */
    uint32_t files;
    uint64_t bytes;
    uint64_t hash;
};

/* An open-addressing table; entries[0 .. capacity-1], a power of two, at most 3/4 full. */
struct pbti_alive {
    struct pbti_alive_entry *entries; /* owned; NULL while nothing was added */
    size_t capacity, count;
    uint64_t bytes; /* of all of them */
};

/* False: out of memory. A checkpoint that is there already is replaced. */
bool pbti_alive_add(struct pbti_alive *alive, struct pbti_alive_entry entry);
void pbti_alive_remove(struct pbti_alive *alive, struct pbti_checkpoint checkpoint);
/* NULL when it is not there. Borrowed until the next add or remove. */
const struct pbti_alive_entry *pbti_alive_find(const struct pbti_alive *alive,
                                               struct pbti_checkpoint checkpoint);
void pbti_alive_deinit(struct pbti_alive *alive); /* accepts a zeroed table */

#endif
