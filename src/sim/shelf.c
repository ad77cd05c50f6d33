/* SPDX-License-Identifier: Apache-2.0 */
/* sim/shelf.c - see shelf.h. */
#include "sim/shelf.h"

#include <stdlib.h>
#include <string.h>

bool pbti_same_checkpoint(struct pbti_checkpoint a, struct pbti_checkpoint b)
{
    return a.member == b.member && a.segment == b.segment && a.attempt == b.attempt;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return hash ^ (hash >> 29);
}

uint64_t pbti_weights(uint64_t start, uint64_t seed, uint64_t age, uint64_t steps,
                      const double *values, uint32_t count)
{
    uint64_t hash = mix(mix(mix(mix(0x51ed270b, start), seed), age), steps);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        hash = mix(hash, bits);
    }
    return hash;
}

struct pbti_shelf_item *pbti_shelf_find(const struct pbti_shelf *shelf, struct pbti_checkpoint id)
{
    for (uint32_t i = 0; i < shelf->count; i++) {
        if (pbti_same_checkpoint(shelf->items[i].id, id)) { return &shelf->items[i]; }
    }
    return NULL;
}

bool pbti_shelf_publish(struct pbti_shelf *shelf, struct pbti_checkpoint id, uint64_t weights,
                        uint32_t life)
{
    if (pbti_shelf_find(shelf, id) != NULL) { return false; }
    if (shelf->count == shelf->capacity) {
        uint32_t const capacity = shelf->capacity == 0 ? 64 : 2 * shelf->capacity;
        struct pbti_shelf_item *const items =
            realloc(shelf->items, capacity * sizeof *shelf->items);
        if (items == NULL) { abort(); } /* a simulator without memory has nothing to say */
        shelf->items = items;
        shelf->capacity = capacity;
    }
    shelf->items[shelf->count++] = (struct pbti_shelf_item){id, weights, life, false};
    return true;
}

void pbti_shelf_drop(struct pbti_shelf *shelf, struct pbti_checkpoint id)
{
    struct pbti_shelf_item *const item = pbti_shelf_find(shelf, id);
    if (item != NULL) { *item = shelf->items[--shelf->count]; }
}

void pbti_shelf_deinit(struct pbti_shelf *shelf)
{
    free(shelf->items);
    *shelf = (struct pbti_shelf){0};
}
