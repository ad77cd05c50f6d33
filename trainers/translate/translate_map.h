/* SPDX-License-Identifier: Apache-2.0 */
/*
 * translate_map.h - two hash tables of the subwords: from pairs of symbols to numbers, and from
 * texts to numbers in the order in which they came.
 */
#ifndef PBTI_TRANSLATE_MAP_H
#define PBTI_TRANSLATE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PBTI_MAP_NONE UINT32_MAX

/* From 64-bit keys to numbers below PBTI_MAP_NONE. Zeroed: empty. */
struct pbti_pair_map {
    uint64_t *keys;
    uint32_t *values;
    size_t capacity, count;
};

/* The number of a key, or PBTI_MAP_NONE. */
uint32_t pbti_pair_map_get(const struct pbti_pair_map *map, uint64_t key);

/* Add a key that is not there. False: no memory. */
bool pbti_pair_map_add(struct pbti_pair_map *map, uint64_t key, uint32_t value);

void pbti_pair_map_deinit(struct pbti_pair_map *map);

/* Texts, numbered 0, 1, 2, ... as they come. Zeroed: empty. */
struct pbti_text_map {
    char *bytes;     /* of all texts behind each other */
    size_t *starts;  /* shape (count + 1) */
    uint32_t *slots; /* numbers, by hash */
    size_t slot_count, bytes_capacity, starts_capacity;
    uint32_t count;
};

/* The number of a text, or PBTI_MAP_NONE. */
uint32_t pbti_text_map_get(const struct pbti_text_map *map, const char *text, size_t size);

/* The number of a text, which is added when it is new. PBTI_MAP_NONE: no memory. */
uint32_t pbti_text_map_put(struct pbti_text_map *map, const char *text, size_t size);

/* Text number i. */
const char *pbti_text_map_at(const struct pbti_text_map *map, uint32_t i, size_t *size);

void pbti_text_map_deinit(struct pbti_text_map *map);

/* Room for one more item in a growing array; false: no memory. */
bool pbti_map_grow(void *array, size_t item, size_t count, size_t *capacity);

#endif
