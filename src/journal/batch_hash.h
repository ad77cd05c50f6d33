/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal/batch_hash.h - the checksum of a stored batch, the same in every backend.
 *
 * XXH3-64 (seed 0) over `last` (8 bytes), `count` (4), the id (16) and the events, in this order,
 * integers little-endian: docs/journal-format.md. It covers all there is of a batch, so bytes are
 * handed out only when they are those that were appended.
 */
#ifndef PBTI_JOURNAL_BATCH_HASH_H
#define PBTI_JOURNAL_BATCH_HASH_H

#include "journal/journal.h"

#include <xxhash.h>

/* hasher      scratch of the caller, from XXH3_createState() */
uint64_t pbti_batch_hash(XXH3_state_t *hasher, uint64_t last, uint32_t count,
                         struct pbti_batch_id id, const void *events, size_t size);

#endif
