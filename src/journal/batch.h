/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal/batch.h - events packed for one append, and unpacked again.
 *
 * A batch is each event's size as a varint followed by its encoding (core/event.h), one after the
 * other.
 */
#ifndef PBTI_JOURNAL_BATCH_H
#define PBTI_JOURNAL_BATCH_H

#include "core/event.h"
#include "pbt/status.h"

struct pbti_batch {
    uint8_t *data; /* owned; grows */
    size_t size, capacity;
    uint32_t count; /* events */
};

/* Add one event. Errors: PBT_ENOMEM, PBT_ELIMIT (event or batch too large); the batch is
 * unchanged. */
PBT_NODISCARD pbt_status pbti_batch_add(struct pbti_batch *batch, const struct pbti_event *event,
                                        struct pbt_error *err);
void pbti_batch_clear(struct pbti_batch *batch);  /* empty; keeps its memory */
void pbti_batch_deinit(struct pbti_batch *batch); /* frees its memory; accepts a zeroed batch */

/*
 * Unpack the next event of a batch.
 *
 * reader      in/out, over the batch's bytes
 * more        out: false when the batch is at its end (then no event was read)
 * event       out; borrows from reader's bytes and `scratch`
 * Errors      PBT_ECORRUPT; PBT_EVERSION (made by another version of this program)
 */
PBT_NODISCARD pbt_status pbti_batch_next(struct pbti_reader *reader, bool *more,
                                         struct pbti_event *event, struct pbti_scratch *scratch,
                                         struct pbt_error *err);

#endif
