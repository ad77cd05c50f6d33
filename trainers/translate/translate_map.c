/* SPDX-License-Identifier: Apache-2.0 */
/* translate_map.c - hash tables of the subwords, see translate_map.h. Open addressing; tables are
 * at most two thirds full. */
#include "translate/translate_map.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

bool pbti_map_grow(void *array, size_t item, size_t count, size_t *capacity)
{
    if (count < *capacity) { return true; }
    void *old;
    memcpy(&old, array, sizeof old);
    size_t const wanted = *capacity == 0 ? 16 : 2 * *capacity;
    void *const larger = wanted > SIZE_MAX / item ? NULL : realloc(old, wanted * item);
    if (larger == NULL) { return false; }
    memcpy(array, &larger, sizeof larger);
    *capacity = wanted;
    return true;
}

/* -------- pairs -------- */

static size_t place_of(uint64_t key, size_t capacity)
{
    uint64_t mixed = (key ^ key >> 29) * UINT64_C(0x9e3779b97f4a7c15);
    mixed ^= mixed >> 32;
    return (size_t)mixed & (capacity - 1);
}

uint32_t pbti_pair_map_get(const struct pbti_pair_map *map, uint64_t key)
{
    if (map->capacity == 0) { return PBTI_MAP_NONE; }
    size_t at = place_of(key, map->capacity);
    while (map->values[at] != PBTI_MAP_NONE) {
        if (map->keys[at] == key) { return map->values[at]; }
        at = (at + 1) & (map->capacity - 1);
    }
    return PBTI_MAP_NONE;
}

static void place(struct pbti_pair_map *map, uint64_t key, uint32_t value)
{
    size_t at = place_of(key, map->capacity);
    while (map->values[at] != PBTI_MAP_NONE) {
        at = (at + 1) & (map->capacity - 1);
    }
    map->keys[at] = key;
    map->values[at] = value;
}

static bool rebuild(struct pbti_pair_map *map)
{
    struct pbti_pair_map larger = {.capacity = map->capacity == 0 ? 64 : 2 * map->capacity,
                                   .count = map->count};
    larger.keys = malloc(larger.capacity * sizeof larger.keys[0]);
    larger.values = malloc(larger.capacity * sizeof larger.values[0]);
    if (larger.keys == NULL || larger.values == NULL) {
        pbti_pair_map_deinit(&larger);
        return false;
    }
    for (size_t i = 0; i < larger.capacity; i++) {
        larger.values[i] = PBTI_MAP_NONE;
    }
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->values[i] != PBTI_MAP_NONE) { place(&larger, map->keys[i], map->values[i]); }
    }
    pbti_pair_map_deinit(map);
    *map = larger;
    return true;
}

bool pbti_pair_map_add(struct pbti_pair_map *map, uint64_t key, uint32_t value)
{
    if (3 * (map->count + 1) > 2 * map->capacity && !rebuild(map)) { return false; }
    place(map, key, value);
    map->count++;
    return true;
}

void pbti_pair_map_deinit(struct pbti_pair_map *map)
{
    free(map->keys);
    free(map->values);
    memset(map, 0, sizeof *map);
}

/* -------- texts -------- */

const char *pbti_text_map_at(const struct pbti_text_map *map, uint32_t i, size_t *size)
{
    *size = map->starts[i + 1] - map->starts[i];
    return map->bytes + map->starts[i];
}

/* Where a text is among the slots, or would be. */
static size_t find(const struct pbti_text_map *map, const char *text, size_t size)
{
    size_t at = (size_t)XXH3_64bits(text, size) & (map->slot_count - 1);
    while (map->slots[at] != PBTI_MAP_NONE) {
        size_t length;
        const char *const other = pbti_text_map_at(map, map->slots[at], &length);
        if (length == size && memcmp(other, text, size) == 0) { break; }
        at = (at + 1) & (map->slot_count - 1);
    }
    return at;
}

uint32_t pbti_text_map_get(const struct pbti_text_map *map, const char *text, size_t size)
{
    return map->slot_count == 0 ? PBTI_MAP_NONE : map->slots[find(map, text, size)];
}

static bool more_slots(struct pbti_text_map *map)
{
    size_t const wanted = map->slot_count == 0 ? 64 : 2 * map->slot_count;
    uint32_t *const slots = malloc(wanted * sizeof slots[0]);
    if (slots == NULL) { return false; }
    for (size_t i = 0; i < wanted; i++) {
        slots[i] = PBTI_MAP_NONE;
    }
    free(map->slots);
    map->slots = slots;
    map->slot_count = wanted;
    for (uint32_t i = 0; i < map->count; i++) {
        size_t size;
        const char *const text = pbti_text_map_at(map, i, &size);
        map->slots[find(map, text, size)] = i;
    }
    return true;
}

/* Room for one more text of `size` bytes. */
static bool reserve(struct pbti_text_map *map, size_t size)
{
    size_t const used = map->count == 0 ? 0 : map->starts[map->count];
    if (used + size > map->bytes_capacity) {
        size_t const wanted = 2 * (used + size) + 256;
        char *const bytes = realloc(map->bytes, wanted);
        if (bytes == NULL) { return false; }
        map->bytes = bytes;
        map->bytes_capacity = wanted;
    }
    if (!pbti_map_grow(&map->starts, sizeof map->starts[0], (size_t)map->count + 1,
                       &map->starts_capacity)) {
        return false;
    }
    map->starts[map->count] = used;
    bool const full = 3 * ((size_t)map->count + 1) > 2 * map->slot_count;
    return !full || more_slots(map);
}

uint32_t pbti_text_map_put(struct pbti_text_map *map, const char *text, size_t size)
{
    uint32_t const known = pbti_text_map_get(map, text, size);
    if (known != PBTI_MAP_NONE) { return known; }
    if (map->count == PBTI_MAP_NONE - 1 || !reserve(map, size)) { return PBTI_MAP_NONE; }
    size_t const used = map->starts[map->count];
    if (size > 0) { memcpy(map->bytes + used, text, size); }
    map->slots[find(map, text, size)] = map->count;
    map->starts[map->count + 1] = used + size;
    return map->count++;
}

void pbti_text_map_deinit(struct pbti_text_map *map)
{
    free(map->bytes);
    free(map->starts);
    free(map->slots);
    memset(map, 0, sizeof *map);
}
