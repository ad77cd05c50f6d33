/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal/journal_memory.c - a journal in the memory of one process: `memory:`.
 *
 * For the simulator, for tests, and for studies nobody wants to keep. Each open makes a new, empty
 * journal (whatever `create` says) that dies with its handle. It is also the model the other
 * backends are compared with, so it is as plain as it can be.
 *
 * Layout      the bytes of all batches one after the other in one block, and one record a batch
 *             that says where it ends. Both grow by doubling; nothing is allocated per batch.
 */
#include "base/fail.h"
#include "journal/journal_backends.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 64u

struct record {
    uint64_t last; /* sequence number of the batch's last event */
    size_t end;    /* of its bytes in the block; they begin where the batch before ends */
    uint32_t count;
    struct pbti_batch_id id;
};

struct memory_state {
    uint8_t *bytes;
    size_t size, capacity; /* bytes */
    struct record *records;
    size_t batches, room; /* records */
};

static pbt_status open_memory(void *opaque, const char *path, const struct pbti_journal_opts *opts,
                              struct pbt_error *err)
{
    (void)opaque;
    (void)opts;
    if (path[0] == '\0') { return PBT_OK; }
    (void)PBTI_FAIL(err, PBT_EINVAL, 0, "journal \"memory:%s\": a journal in memory has no name",
                    path);
    pbti_fail_hint(err, "write memory: alone, or sqlite:%s to keep the study", path);
    return PBT_EINVAL;
}

static void close_memory(void *opaque)
{
    struct memory_state *const state = opaque;
    free(state->bytes);
    free(state->records);
}

static uint64_t last_of(const struct memory_state *state)
{
    return state->batches == 0 ? 0 : state->records[state->batches - 1].last;
}

/* Make room for `wanted` items of `unit` bytes; NULL without memory (then `data` stays). */
static void *grow(void *data, size_t *capacity, size_t wanted, size_t unit)
{
    size_t larger = *capacity < FIRST_CAPACITY ? FIRST_CAPACITY : *capacity;
    while (larger < wanted) {
        if (larger > SIZE_MAX / 2 / unit) { return NULL; }
        larger *= 2;
    }
    void *const grown = realloc(data, larger * unit);
    if (grown != NULL) { *capacity = larger; }
    return grown;
}

static pbt_status make_room(struct memory_state *state, size_t size, struct pbt_error *err)
{
    if (size > state->capacity - state->size) {
        void *const bytes = grow(state->bytes, &state->capacity, state->size + size, 1);
        if (bytes == NULL) { goto no_memory; }
        state->bytes = bytes;
    }
    if (state->batches == state->room) {
        void *const records =
            grow(state->records, &state->room, state->batches + 1, sizeof *state->records);
        if (records == NULL) { goto no_memory; }
        state->records = records;
    }
    return PBT_OK;
no_memory:
    return PBTI_FAIL(err, PBT_ENOMEM, 0, "no memory for a journal of %zu bytes",
                     state->size + size);
}

static pbt_status append_memory(void *opaque, const void *bytes, size_t size, uint32_t count,
                                uint64_t expected, struct pbti_batch_id id, uint64_t *last,
                                struct pbt_error *err)
{
    struct memory_state *const state = opaque;
    *last = last_of(state);
    if (*last != expected) {
        return PBTI_FAIL(err, PBT_ECONFLICT, 0, "the journal ends at event %llu, not %llu",
                         (unsigned long long)*last, (unsigned long long)expected);
    }
    PBTI_TRY(make_room(state, size, err));
    memcpy(state->bytes + state->size, bytes, size);
    state->size += size;
    *last = expected + count;
    state->records[state->batches++] = (struct record){*last, state->size, count, id};
    return PBT_OK;
}

/* Index of the first batch that has an event after `since`. */
static size_t find_after(const struct memory_state *state, uint64_t since)
{
    size_t low = 0;
    size_t high = state->batches;
    while (low < high) {
        size_t const middle = low + (high - low) / 2;
        if (state->records[middle].last <= since) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static pbt_status landed_memory(void *opaque, uint64_t expected, struct pbti_batch_id id,
                                bool *landed, struct pbt_error *err)
{
    (void)err;
    const struct memory_state *const state = opaque;
    size_t const at = find_after(state, expected);
    if (at == state->batches) { return PBT_OK; }
    const struct record *const record = &state->records[at];
    *landed = record->last - record->count == expected && memcmp(&record->id, &id, sizeof id) == 0;
    return PBT_OK;
}

static pbt_status read_memory(void *opaque, uint64_t since, pbti_batch_reader reader, void *context,
                              struct pbt_error *err)
{
    const struct memory_state *const state = opaque;
    size_t const begin = find_after(state, since);
    if (since != (begin == 0 ? 0 : state->records[begin - 1].last)) {
        return PBTI_FAIL(err, PBT_ECORRUPT, 0, "no batch of the journal ends at event %llu",
                         (unsigned long long)since);
    }
    size_t start = begin == 0 ? 0 : state->records[begin - 1].end;
    for (size_t i = begin; i < state->batches; i++) {
        const struct record *const record = &state->records[i];
        PBTI_TRY(reader(context, record->last - record->count + 1, record->count,
                        state->bytes + start, record->end - start, record->id, err));
        start = record->end;
    }
    return PBT_OK;
}

static pbt_status last_memory(void *opaque, uint64_t *last, struct pbt_error *err)
{
    (void)err;
    *last = last_of(opaque);
    return PBT_OK;
}

/* Nobody else can append while we wait, so there is nothing to wait for. */
static pbt_status wait_memory(void *opaque, uint64_t since, uint32_t timeout_ms, uint64_t *last,
                              struct pbt_error *err)
{
    (void)err;
    (void)timeout_ms;
    uint64_t const end = last_of(opaque);
    *last = end > since ? end : since;
    return PBT_OK;
}

static pbt_status check_memory(void *opaque, struct pbt_error *err)
{
    const struct memory_state *const state = opaque;
    uint64_t last = 0;
    size_t end = 0;
    for (size_t i = 0; i < state->batches; i++) {
        const struct record *const record = &state->records[i];
        if (record->last != last + record->count || record->end < end + record->count) {
            return PBTI_FAIL(err, PBT_ECORRUPT, 0, "the journal is damaged after event %llu",
                             (unsigned long long)last);
        }
        last = record->last;
        end = record->end;
    }
    return PBT_OK;
}

static pbt_status copy_memory(void *opaque, const char *path, struct pbt_error *err)
{
    (void)opaque;
    return PBTI_FAIL(err, PBT_EINVAL, 0, "a journal in memory cannot be copied to \"%s\"", path);
}

const struct pbti_journal_vtab pbti_journal_memory = {
    .version = 1,
    .scheme = "memory",
    .state_size = sizeof(struct memory_state),
    .open = open_memory,
    .append = append_memory,
    .landed = landed_memory,
    .read = read_memory,
    .last = last_memory,
    .wait = wait_memory,
    .check = check_memory,
    .copy = copy_memory,
    .close = close_memory,
};
