/* SPDX-License-Identifier: Apache-2.0 */
/* trainer_fixture.c - shared by the tests of the trainers, see trainer_fixture.h. */
#include "trainer_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

void fixture_folder(char folder[256])
{
    const char *const root = getenv("TMPDIR");
    (void)snprintf(folder, 256, "%s/pbt-trainers-XXXXXX", root == NULL ? "/tmp" : root);
    assert_non_null(mkdtemp(folder));
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

void fixture_remove(const char *folder)
{
    assert_int_equal(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

const char *fixture_path(const char *folder, const char *name)
{
    static char paths[4][512];
    static size_t next = 0;
    char *const path = paths[next++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

float fixture_noise(uint32_t at)
{
    uint32_t x = at * 2654435761u + 12345u;
    x ^= x >> 15;
    x *= 2246822519u;
    x ^= x >> 13;
    return (float)(x >> 8) / 8388608.0f - 1.0f;
}

/* -------- files -------- */

void fixture_write(const char *path, const void *bytes, size_t size)
{
    FILE *const file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

uint8_t *fixture_read(const char *path, size_t *size)
{
    FILE *const file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *const bytes = malloc(*size + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    (void)fclose(file);
    return bytes;
}

/* Write header and values, compressed or not. */
static void write_idx(const char *path, bool compressed, const uint32_t *header, size_t words,
                      const uint8_t *values, size_t size)
{
    gzFile const file = gzopen(path, compressed ? "wb" : "wbT");
    assert_non_null(file);
    for (size_t i = 0; i < words; i++) {
        uint8_t const word[4] = {(uint8_t)(header[i] >> 24), (uint8_t)(header[i] >> 16),
                                 (uint8_t)(header[i] >> 8), (uint8_t)header[i]};
        assert_int_equal(gzwrite(file, word, 4), 4);
    }
    if (size > 0) { assert_int_equal(gzwrite(file, values, (unsigned)size), size); }
    assert_int_equal(gzclose(file), Z_OK);
}

void fixture_idx(const char *path, bool compressed, const uint32_t *header, size_t words,
                 size_t values)
{
    uint8_t *const bytes = malloc(values + 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < values; i++) {
        bytes[i] = (uint8_t)i;
    }
    write_idx(path, compressed, header, words, bytes, values);
    free(bytes);
}

static void write_pair(const char *folder, const char *prefix, bool compressed, uint32_t count,
                       uint32_t salt)
{
    uint8_t *const images = malloc((size_t)count * FIXTURE_PIXELS);
    uint8_t *const labels = malloc(count);
    assert_true(images != NULL && labels != NULL);
    for (uint32_t i = 0; i < count; i++) {
        labels[i] = (uint8_t)((i * 7 + i / 3) % FIXTURE_CLASSES);
        for (uint32_t p = 0; p < FIXTURE_PIXELS; p++) {
            bool const band = p / FIXTURE_COLUMNS / 2 == labels[i];
            float const noise = 60.0f * fixture_noise(salt + i * FIXTURE_PIXELS + p);
            images[i * FIXTURE_PIXELS + p] = (uint8_t)((band ? 150.0f : 90.0f) + noise);
        }
    }
    uint32_t const images_header[] = {0x803, count, FIXTURE_ROWS, FIXTURE_COLUMNS};
    uint32_t const labels_header[] = {0x801, count};
    const char *const ending = compressed ? ".gz" : "";
    char name[64];
    (void)snprintf(name, sizeof name, "%s-images-idx3-ubyte%s", prefix, ending);
    write_idx(fixture_path(folder, name), compressed, images_header, 4, images,
              (size_t)count * FIXTURE_PIXELS);
    (void)snprintf(name, sizeof name, "%s-labels-idx1-ubyte%s", prefix, ending);
    write_idx(fixture_path(folder, name), compressed, labels_header, 2, labels, count);
    free(images);
    free(labels);
}

void fixture_data(const char *folder, bool compressed)
{
    write_pair(folder, "train", compressed, FIXTURE_TRAIN, 1);
    write_pair(folder, "t10k", compressed, FIXTURE_TEST, 1000003);
}
