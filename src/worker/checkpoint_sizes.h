/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/checkpoint_sizes.h - how many bytes the checkpoints hold that this worker published and
 * that are still there. A hash table with open addressing; forgetting an entry moves the ones
 * behind it up.
 */
#ifndef PBTI_WORKER_CHECKPOINT_SIZES_H
#define PBTI_WORKER_CHECKPOINT_SIZES_H

#include "core/event.h"

struct pbti_checkpoint_sizes_entry {
    struct pbti_checkpoint checkpoint; /* segment 0: an empty place */
    uint64_t bytes;
};

struct pbti_checkpoint_sizes {                   /* begin with all zero */
    struct pbti_checkpoint_sizes_entry *entries; /* owned */
    size_t count, capacity;                      /* a power of two */
    uint64_t bytes;                              /* of all */
};

/* Without memory the entry is left out: the sum is a lower bound. */
void pbti_checkpoint_sizes_add(struct pbti_checkpoint_sizes *sizes,
                               struct pbti_checkpoint checkpoint, uint64_t bytes);
void pbti_checkpoint_sizes_remove(struct pbti_checkpoint_sizes *sizes,
                                  struct pbti_checkpoint checkpoint);
void pbti_checkpoint_sizes_free(struct pbti_checkpoint_sizes *sizes);

#endif
