/* SPDX-License-Identifier: Apache-2.0 */
/* worker/ledger.c - bytes of the checkpoints that are there. See ledger.h. */
#include "worker/ledger.h"

#include <stdlib.h>

static size_t home(const struct pbti_ledger *ledger, struct pbti_checkpoint checkpoint)
{
    uint64_t hash = checkpoint.member * 0x9E3779B97F4A7C15u;
    hash = (hash ^ checkpoint.segment) * 0xBF58476D1CE4E5B9u;
    hash = (hash ^ checkpoint.attempt) * 0x94D049BB133111EBu;
    return (size_t)(hash >> 32) & (ledger->capacity - 1);
}

static bool same(struct pbti_checkpoint a, struct pbti_checkpoint b)
{
    return a.member == b.member && a.segment == b.segment && a.attempt == b.attempt;
}

/* Where it is, or the empty place where it would be. Requires capacity > count. */
static size_t locate(const struct pbti_ledger *ledger, struct pbti_checkpoint checkpoint)
{
    size_t at = home(ledger, checkpoint);
    while (ledger->entries[at].checkpoint.segment != 0 &&
           !same(ledger->entries[at].checkpoint, checkpoint)) {
        at = (at + 1) & (ledger->capacity - 1);
    }
    return at;
}

static bool grow(struct pbti_ledger *ledger)
{
    if (2 * (ledger->count + 1) <= ledger->capacity) { return true; }
    struct pbti_ledger larger = {.capacity = ledger->capacity > 0 ? 2 * ledger->capacity : 64};
    larger.entries = calloc(larger.capacity, sizeof *larger.entries);
    if (larger.entries == NULL) { return false; }
    for (size_t i = 0; i < ledger->capacity; i++) {
        if (ledger->entries[i].checkpoint.segment == 0) { continue; }
        larger.entries[locate(&larger, ledger->entries[i].checkpoint)] = ledger->entries[i];
    }
    free(ledger->entries);
    ledger->entries = larger.entries;
    ledger->capacity = larger.capacity;
    return true;
}

void pbti_ledger_add(struct pbti_ledger *ledger, struct pbti_checkpoint checkpoint, uint64_t bytes)
{
    if (!grow(ledger)) { return; }
    struct pbti_ledger_entry *const entry = &ledger->entries[locate(ledger, checkpoint)];
    if (entry->checkpoint.segment == 0) { ledger->count++; }
    ledger->bytes += bytes - entry->bytes;
    *entry = (struct pbti_ledger_entry){checkpoint, bytes};
}

void pbti_ledger_remove(struct pbti_ledger *ledger, struct pbti_checkpoint checkpoint)
{
    if (ledger->count == 0) { return; }
    size_t hole = locate(ledger, checkpoint);
    if (ledger->entries[hole].checkpoint.segment == 0) { return; }
    ledger->bytes -= ledger->entries[hole].bytes;
    ledger->count--;
    ledger->entries[hole] = (struct pbti_ledger_entry){{0, 0, 0}, 0};
    /* whoever behind it would not be found any more moves into the hole */
    size_t const mask = ledger->capacity - 1;
    for (size_t at = (hole + 1) & mask; ledger->entries[at].checkpoint.segment != 0;
         at = (at + 1) & mask) {
        size_t const wanted = home(ledger, ledger->entries[at].checkpoint);
        if (((at - wanted) & mask) < ((at - hole) & mask)) { continue; }
        ledger->entries[hole] = ledger->entries[at];
        ledger->entries[at] = (struct pbti_ledger_entry){{0, 0, 0}, 0};
        hole = at;
    }
}

void pbti_ledger_free(struct pbti_ledger *ledger)
{
    free(ledger->entries);
    *ledger = (struct pbti_ledger){0};
}
