/* SPDX-License-Identifier: Apache-2.0 */
/*
 * support/door.h - a journal that fails when a test tells it to, in front of one that does not.
 */
#ifndef PBT_TESTS_SUPPORT_DOOR_H
#define PBT_TESTS_SUPPORT_DOOR_H

#include "journal/journal.h"

struct door {
    struct pbti_journal *inner; /* borrowed */
    pbt_status append;          /* what the next append answers; PBT_OK: what is true */
    bool append_lands;          /* ... although it is appended */
    uint32_t landed_fails;      /* questions that fail before one is answered */
    uint32_t reads_fail;        /* reads that fail, each after `read_batches` batches */
    uint32_t read_batches;
    uint32_t batches;      /* out: appended through this door */
    uint32_t batch_events; /* out: in the last of them */
};

/* An ordinary journal handle; `door` is borrowed until it is closed. */
PBT_NODISCARD pbt_status door_open(struct door *door, struct pbti_journal **out);

#endif
