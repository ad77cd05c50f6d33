/* SPDX-License-Identifier: Apache-2.0 */
/*
 * study/live_checkpoints.c - a hash table with linear probing; removal shifts back: no tombstones.
 */
#include "study/live_checkpoints.h"

#include <stdlib.h>
#include <string.h>

/* The place where a checkpoint would be if nothing were in its way. */
static size_t home(const struct pbti_live_checkpoints *alive, struct pbti_checkpoint checkpoint)
{
    uint64_t mixed = (uint64_t)checkpoint.member << 32 | checkpoint.segment;
    mixed = (mixed ^ (uint64_t)checkpoint.attempt << 20) * 0x9e3779b97f4a7c15u;
    mixed ^= mixed >> 29;
    return (size_t)mixed & (alive->capacity - 1);
}

/* Where the checkpoint is, or the empty place where it would go. Requires a free place. */
static size_t locate(const struct pbti_live_checkpoints *alive, struct pbti_checkpoint checkpoint)
{
    size_t at = home(alive, checkpoint);
    while (alive->entries[at].checkpoint.segment != 0 &&
           !pbti_checkpoint_equal(alive->entries[at].checkpoint, checkpoint)) {
        at = (at + 1) & (alive->capacity - 1);
    }
    return at;
}

static bool grow(struct pbti_live_checkpoints *alive)
{
    struct pbti_live_checkpoints larger = {.capacity =
                                               alive->capacity == 0 ? 64 : 2 * alive->capacity};
    larger.entries = calloc(larger.capacity, sizeof *larger.entries);
    if (larger.entries == NULL) { return false; }
    for (size_t i = 0; i < alive->capacity; i++) {
        struct pbti_live_checkpoints_entry const entry = alive->entries[i];
        if (entry.checkpoint.segment != 0) {
            larger.entries[locate(&larger, entry.checkpoint)] = entry;
        }
    }
    free(alive->entries);
    alive->entries = larger.entries;
    alive->capacity = larger.capacity;
    return true;
}

bool pbti_live_checkpoints_add(struct pbti_live_checkpoints *alive,
                               struct pbti_live_checkpoints_entry entry)
{
    if (4 * (alive->count + 1) > 3 * alive->capacity && !grow(alive)) { return false; }
    struct pbti_live_checkpoints_entry *const place =
        &alive->entries[locate(alive, entry.checkpoint)];
    if (place->checkpoint.segment != 0) {
        alive->bytes -= place->bytes;
        alive->count--;
    }
    *place = entry;
    alive->bytes += entry.bytes;
    alive->count++;
    return true;
}

void pbti_live_checkpoints_remove(struct pbti_live_checkpoints *alive,
                                  struct pbti_checkpoint checkpoint)
{
    if (alive->capacity == 0) { return; }
    size_t hole = locate(alive, checkpoint);
    if (alive->entries[hole].checkpoint.segment == 0) { return; }
    alive->bytes -= alive->entries[hole].bytes;
    alive->count--;
    size_t const mask = alive->capacity - 1;
    /* shift back whoever would no longer be found across the hole */
    for (size_t at = (hole + 1) & mask; alive->entries[at].checkpoint.segment != 0;
         at = (at + 1) & mask) {
        size_t const from = home(alive, alive->entries[at].checkpoint);
        if (((at - from) & mask) >= ((at - hole) & mask)) {
            alive->entries[hole] = alive->entries[at];
            hole = at;
        }
    }
    memset(&alive->entries[hole], 0, sizeof alive->entries[hole]);
}

bool pbti_live_checkpoints_note(struct pbti_live_checkpoints *alive, const struct pbti_event *event)
{
    const struct pbti_event_report *const report = &event->report;
    if (event->type != PBTI_REPORT || report->outcome != PBTI_OUTCOME_DONE) { return true; }
    return pbti_live_checkpoints_add(
        alive, (struct pbti_live_checkpoints_entry){
                   .checkpoint = {report->member, report->segment, report->attempt},
                   .files = report->files,
                   .bytes = report->bytes,
                   .hash = report->hash});
}

void pbti_live_checkpoints_prune(struct pbti_live_checkpoints *alive,
                                 const struct pbti_state *state)
{
    for (size_t i = 0; i < alive->capacity;) {
        struct pbti_checkpoint const checkpoint = alive->entries[i].checkpoint;
        if (checkpoint.segment == 0 || pbti_state_reachable(state, checkpoint)) {
            i++;
        } else {
            pbti_live_checkpoints_remove(alive, checkpoint); /* another may move to this place */
        }
    }
}

const struct pbti_live_checkpoints_entry *pbti_live_checkpoints_find(
    const struct pbti_live_checkpoints *alive, struct pbti_checkpoint checkpoint)
{
    if (alive->capacity == 0 || checkpoint.segment == 0) { return NULL; }
    const struct pbti_live_checkpoints_entry *const entry =
        &alive->entries[locate(alive, checkpoint)];
    return entry->checkpoint.segment == 0 ? NULL : entry;
}

void pbti_live_checkpoints_deinit(struct pbti_live_checkpoints *alive)
{
    free(alive->entries);
    memset(alive, 0, sizeof *alive);
}
