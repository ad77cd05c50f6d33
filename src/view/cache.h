/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view/cache.h - the file <study>/cache/summary: what a reading knows, as of one batch.
 *
 * A header, then the state's snapshot, the tally, the table of living checkpoints and the resolved
 * spec. For the same build and the same user only: what is in it is folded on without a look at
 * each index, so it must be what this user's own pbt wrote. A tag over all of it is made and
 * checked with a key that this user alone can read (cache.key in XDG_STATE_HOME/pbt, else in
 * ~/.local/state/pbt), and that no folder brings along. Whatever does not fit (size, tag, build) is
 * as if it were not there; without a place for the key there is no cache.
 */
#ifndef PBTI_VIEW_CACHE_H
#define PBTI_VIEW_CACHE_H

#include "base/siphash.h"
#include "journal/journal.h"
#include "study/live_checkpoints.h"
#include "view/study_stats.h"

struct pbti_cached {
    uint64_t expected;          /* the batch's `expected` */
    struct pbti_batch_id batch; /* the last one folded */
    void *block;                /* owned: the state's memory */
    struct pbti_state *state;   /* in it */
    struct pbti_study_stats tally;
    struct pbti_live_checkpoints alive; /* owned */
    char *spec;                         /* owned, spec_size bytes */
    size_t spec_size;
};

struct pbti_cache_key {
    unsigned char bytes[PBTI_SIPHASH_KEY];
};

/* This user's key; make: make one where there is none. False: there is none, or no place for it. */
bool pbti_cache_key(struct pbti_cache_key *key, bool make);

/* False: there is none that fits. */
bool pbti_cache_load(const char *dir, struct pbti_cached *cached);
/* Write it beside the study, whole or not at all. False when it could not be written. */
bool pbti_cache_save(const char *dir, const struct pbti_cached *cached);
void pbti_cached_deinit(struct pbti_cached *cached); /* accepts a zeroed one */

#endif
