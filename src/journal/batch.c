/* SPDX-License-Identifier: Apache-2.0 */
/* journal/batch.c - packing events for one append; see batch.h. */
#include "journal/batch.h"

#include "base/fail.h"
#include "journal/journal.h"

#include <stdlib.h>

enum { SIZE_BYTES_MAX = 5, CAPACITY_FIRST = 4096 }; /* an event's size as a varint: below 2^35 */

static pbt_status make_room(struct pbti_batch *batch, size_t more, struct pbt_error *err)
{
    size_t const wanted = batch->size + more;
    if (wanted <= batch->capacity) { return PBT_OK; }
    size_t capacity = batch->capacity < CAPACITY_FIRST ? CAPACITY_FIRST : batch->capacity;
    while (capacity < wanted) {
        capacity *= 2;
    }
    uint8_t *const data = realloc(batch->data, capacity);
    if (data == NULL) {
        return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory for a batch of %zu bytes", capacity);
    }
    batch->data = data;
    batch->capacity = capacity;
    return PBT_OK;
}

pbt_status pbti_batch_add(struct pbti_batch *batch, const struct pbti_event *event,
                          struct pbt_error *err)
{
    struct pbti_writer counter = {0}; /* no room: it only counts */
    pbti_event_encode(event, &counter);
    size_t const size = counter.size;
    if (size > PBTI_EVENT_MAX) {
        return PBTI_FAIL(err, PBT_ELIMIT, 0, "event \"%s\" has %zu bytes, allowed are at most %u",
                         pbti_event_name(event->type), size, PBTI_EVENT_MAX);
    }
    if (size + SIZE_BYTES_MAX > PBTI_BATCH_MAX - batch->size) {
        return PBTI_FAIL(err, PBT_ELIMIT, 0, "batch of %u events has more than %u bytes",
                         batch->count + 1, PBTI_BATCH_MAX);
    }
    PBTI_TRY(make_room(batch, size + SIZE_BYTES_MAX, err));
    struct pbti_writer writer = {batch->data, batch->capacity, batch->size, false};
    pbti_put_varint(&writer, size);
    pbti_event_encode(event, &writer);
    batch->size = writer.size;
    batch->count++;
    return PBT_OK;
}

void pbti_batch_clear(struct pbti_batch *batch)
{
    batch->size = 0;
    batch->count = 0;
}

void pbti_batch_deinit(struct pbti_batch *batch)
{
    free(batch->data);
    *batch = (struct pbti_batch){0};
}

static pbt_status refuse(struct pbti_text event, size_t start, struct pbt_error *err)
{
    uint64_t value;
    const char *const unknown = pbti_event_unknown(event.data, event.size, &value);
    if (unknown == NULL) {
        return PBTI_FAIL(err, PBT_ECORRUPT, 0, "event at byte %zu of a batch is damaged", start);
    }
    (void)PBTI_FAIL(err, PBT_EVERSION, (int64_t)value,
                    "event at byte %zu of a batch has %s %llu, which this program does not know",
                    start, unknown, (unsigned long long)value);
    pbti_fail_hint(err, "use the version of pbt that wrote the study; `pbt --version` tells");
    return PBT_EVERSION;
}

pbt_status pbti_batch_next(struct pbti_reader *reader, bool *more, struct pbti_event *event,
                           struct pbti_scratch *scratch, struct pbt_error *err)
{
    size_t const start = reader->at;
    *more = start < reader->size && !reader->failed;
    if (!*more) { return PBT_OK; }
    struct pbti_text const bytes = pbti_get_text(reader, PBTI_EVENT_MAX);
    struct pbti_reader inside = {(const uint8_t *)bytes.data, bytes.size, 0, reader->failed};
    if (reader->failed || !pbti_event_decode(event, &inside, scratch)) {
        reader->failed = true;
        *more = false;
        return refuse(bytes, start, err);
    }
    return PBT_OK;
}
