/* SPDX-License-Identifier: Apache-2.0 */
/* picture_fixture.c - small labelled pictures, see picture_fixture.h. */
#include "picture_fixture.h"
#include "trainer_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = PICTURES_SIDE, CELLS = SIDE * SIDE, HEADER_MAX = 20 };

static uint8_t *word(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        *at++ = (uint8_t)(value >> (24 - 8 * i));
    }
    return at;
}

/* The bright half: top, bottom, left, right. */
static uint8_t cell(uint32_t label, size_t y, size_t x, uint32_t salt)
{
    size_t const along[PICTURES_CLASSES] = {y, SIDE - 1 - y, x, SIDE - 1 - x};
    float const level = along[label] < SIDE / 2 ? 200.0f : 40.0f;
    return (uint8_t)(level + 30.0f * fixture_noise(salt));
}

static void write_pair(const char *folder, const char *prefix, uint32_t count, uint32_t channels,
                       uint32_t salt)
{
    size_t const size = (size_t)CELLS * channels;
    uint8_t *const images = malloc(HEADER_MAX + count * size);
    uint8_t *const labels = malloc(HEADER_MAX + count);
    assert_true(images != NULL && labels != NULL);
    uint8_t *at = word(word(images, channels == 1 ? 0x803 : 0x804), count);
    at = word(word(at, SIDE), SIDE);
    if (channels > 1) { at = word(at, channels); }
    uint8_t *label = word(word(labels, 0x801), count);
    for (uint32_t i = 0; i < count; i++) {
        *label++ = (uint8_t)(i % PICTURES_CLASSES);
        for (size_t k = 0; k < size; k++) {
            size_t const place = k / channels;
            *at++ = cell(i % PICTURES_CLASSES, place / SIDE, place % SIDE,
                         salt + (uint32_t)(i * size + k));
        }
    }
    char name[64];
    (void)snprintf(name, sizeof name, "%s-images-idx%d-ubyte", prefix, channels == 1 ? 3 : 4);
    fixture_write(fixture_path(folder, name), images, (size_t)(at - images));
    (void)snprintf(name, sizeof name, "%s-labels-idx1-ubyte", prefix);
    fixture_write(fixture_path(folder, name), labels, (size_t)(label - labels));
    free(images);
    free(labels);
}

void pictures_idx(const char *folder, uint32_t channels)
{
    write_pair(folder, "train", PICTURES_TRAIN, channels, 1);
    write_pair(folder, "t10k", PICTURES_TEST, channels, 1u << 20);
}

void pictures_cifar(const char *path, uint32_t records)
{
    enum { PLANE = 1024, RECORD = 1 + 3 * PLANE };
    uint8_t *const bytes = malloc((size_t)records * RECORD);
    assert_non_null(bytes);
    for (uint32_t r = 0; r < records; r++) {
        uint8_t *const record = bytes + (size_t)r * RECORD;
        record[0] = (uint8_t)(r % 10);
        for (uint32_t c = 0; c < 3; c++) {
            memset(record + 1 + c * PLANE, (int)(10 * r + c), PLANE);
            record[1 + c * PLANE] = (uint8_t)(200 + c);
        }
    }
    fixture_write(path, bytes, (size_t)records * RECORD);
    free(bytes);
}
