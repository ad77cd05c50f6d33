/* SPDX-License-Identifier: Apache-2.0 */
/* sim/fake_store.c - see fake_store.h. */
#include "sim/fake_store.h"

#include <stdlib.h>
#include <string.h>

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

struct pbti_fake_store_item *pbti_fake_store_find(const struct pbti_fake_store *store,
                                                  struct pbti_checkpoint id)
{
    for (uint32_t i = 0; i < store->count; i++) {
        if (pbti_checkpoint_equal(store->items[i].id, id)) { return &store->items[i]; }
    }
    return NULL;
}

bool pbti_fake_store_publish(struct pbti_fake_store *store, struct pbti_checkpoint id,
                             uint64_t weights, uint32_t life)
{
    if (pbti_fake_store_find(store, id) != NULL) { return false; }
    if (store->count == store->capacity) {
        uint32_t const capacity = store->capacity == 0 ? 64 : 2 * store->capacity;
        struct pbti_fake_store_item *const items =
            realloc(store->items, capacity * sizeof *store->items);
        if (items == NULL) { abort(); } /* a simulator without memory has nothing to say */
        store->items = items;
        store->capacity = capacity;
    }
    store->items[store->count++] = (struct pbti_fake_store_item){id, weights, life, false};
    return true;
}

void pbti_fake_store_drop(struct pbti_fake_store *store, struct pbti_checkpoint id)
{
    struct pbti_fake_store_item *const item = pbti_fake_store_find(store, id);
    if (item != NULL) { *item = store->items[--store->count]; }
}

void pbti_fake_store_deinit(struct pbti_fake_store *store)
{
    free(store->items);
    *store = (struct pbti_fake_store){0};
}
