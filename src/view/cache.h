/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view/cache.h - the file <study>/cache/summary: what a reading knows, as of one batch.
 *
 * A header, then the state's snapshot, the tally, the table of living checkpoints and the resolved
 * spec, then a checksum over all of it. For the same build on the same machine only. Whatever does
 * not fit (size, checksum, build) is as if it were not there.
 */
#ifndef PBTI_VIEW_CACHE_H
#define PBTI_VIEW_CACHE_H

#include "journal/journal.h"
#include "view/live_checkpoints.h"
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

/* False: there is none that fits. */
bool pbti_cache_load(const char *dir, struct pbti_cached *cached);
/* Write it beside the study, whole or not at all. False when it could not be written. */
bool pbti_cache_save(const char *dir, const struct pbti_cached *cached);
void pbti_cached_deinit(struct pbti_cached *cached); /* accepts a zeroed one */

#endif
