/* SPDX-License-Identifier: Apache-2.0 */
/* worker/checkpoint_sizes.c - bytes of the checkpoints that are there. See checkpoint_sizes.h. */
#include "worker/checkpoint_sizes.h"

#include <stdlib.h>

static size_t home(const struct pbti_checkpoint_sizes *sizes, struct pbti_checkpoint checkpoint)
{
    uint64_t hash = checkpoint.member * 0x9E3779B97F4A7C15u;
    hash = (hash ^ checkpoint.segment) * 0xBF58476D1CE4E5B9u;
    hash = (hash ^ checkpoint.attempt) * 0x94D049BB133111EBu;
    return (size_t)(hash >> 32) & (sizes->capacity - 1);
}

/* Where it is, or the empty place where it would be. Requires capacity > count. */
static size_t locate(const struct pbti_checkpoint_sizes *sizes, struct pbti_checkpoint checkpoint)
{
    size_t at = home(sizes, checkpoint);
    while (sizes->entries[at].checkpoint.segment != 0 &&
           !pbti_checkpoint_equal(sizes->entries[at].checkpoint, checkpoint)) {
        at = (at + 1) & (sizes->capacity - 1);
    }
    return at;
}

static bool grow(struct pbti_checkpoint_sizes *sizes)
{
    if (2 * (sizes->count + 1) <= sizes->capacity) { return true; }
    struct pbti_checkpoint_sizes larger = {.capacity =
                                               sizes->capacity > 0 ? 2 * sizes->capacity : 64};
    larger.entries = calloc(larger.capacity, sizeof *larger.entries);
    if (larger.entries == NULL) { return false; }
    for (size_t i = 0; i < sizes->capacity; i++) {
        if (sizes->entries[i].checkpoint.segment == 0) { continue; }
        larger.entries[locate(&larger, sizes->entries[i].checkpoint)] = sizes->entries[i];
    }
    free(sizes->entries);
    sizes->entries = larger.entries;
    sizes->capacity = larger.capacity;
    return true;
}

void pbti_checkpoint_sizes_add(struct pbti_checkpoint_sizes *sizes,
                               struct pbti_checkpoint checkpoint, uint64_t bytes)
{
    if (!grow(sizes)) { return; }
    struct pbti_checkpoint_sizes_entry *const entry = &sizes->entries[locate(sizes, checkpoint)];
    if (entry->checkpoint.segment == 0) { sizes->count++; }
    sizes->bytes += bytes - entry->bytes;
    *entry = (struct pbti_checkpoint_sizes_entry){checkpoint, bytes};
}

void pbti_checkpoint_sizes_remove(struct pbti_checkpoint_sizes *sizes,
                                  struct pbti_checkpoint checkpoint)
{
    if (sizes->count == 0) { return; }
    size_t hole = locate(sizes, checkpoint);
    if (sizes->entries[hole].checkpoint.segment == 0) { return; }
    sizes->bytes -= sizes->entries[hole].bytes;
    sizes->count--;
    sizes->entries[hole] = (struct pbti_checkpoint_sizes_entry){{0, 0, 0}, 0};
    /* whoever behind it would not be found any more moves into the hole */
    size_t const mask = sizes->capacity - 1;
    for (size_t at = (hole + 1) & mask; sizes->entries[at].checkpoint.segment != 0;
         at = (at + 1) & mask) {
        size_t const wanted = home(sizes, sizes->entries[at].checkpoint);
        if (((at - wanted) & mask) < ((at - hole) & mask)) { continue; }
        sizes->entries[hole] = sizes->entries[at];
        sizes->entries[at] = (struct pbti_checkpoint_sizes_entry){{0, 0, 0}, 0};
        hole = at;
    }
}

void pbti_checkpoint_sizes_free(struct pbti_checkpoint_sizes *sizes)
{
    free(sizes->entries);
    *sizes = (struct pbti_checkpoint_sizes){0};
}
