/* SPDX-License-Identifier: Apache-2.0 */
/* data_png.c - pictures as PNG files, see data_png.h. */
#include "data/data_png.h"
#include "nn/nn_base.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { SIGNATURE_SIZE = 8, HEADER_SIZE = 13, CHUNK_EXTRA = 12, LEVEL = 9, PATH_SIZE = 4096 };

static uint8_t *put_word(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (24 - 8 * i));
    }
    return at + 4;
}

/* Write length, kind and checksum around the `size` bytes that stand at `at` + 8 already. */
static uint8_t *close_chunk(uint8_t *at, const char kind[4], size_t size)
{
    (void)put_word(at, (uint32_t)size);
    memcpy(at + 4, kind, 4);
    return put_word(at + 8 + size, (uint32_t)crc32(0, at + 4, (uInt)(size + 4)));
}

/* Each row behind a byte 0: no filter. To be released with free(). */
static uint8_t *filter_rows(const uint8_t *pixels, size_t row, size_t height)
{
    uint8_t *const rows = malloc((row + 1) * height);
    for (size_t y = 0; rows != NULL && y < height; y++) {
        rows[y * (row + 1)] = 0;
        memcpy(rows + y * (row + 1) + 1, pixels + y * row, row);
    }
    return rows;
}

static uint8_t *put_header(uint8_t *at, uint32_t width, uint32_t height, uint32_t channels)
{
    static const uint8_t signature[SIGNATURE_SIZE] = {137, 'P', 'N', 'G', 13, 10, 26, 10};
    memcpy(at, signature, SIGNATURE_SIZE);
    at += SIGNATURE_SIZE;
    uint8_t *const end = put_word(put_word(at + 8, width), height);
    /* bits, colour type, compression, filters, not interlaced */
    uint8_t const rest[] = {8, channels == 1 ? 0 : 2, 0, 0, 0};
    memcpy(end, rest, sizeof rest);
    return close_chunk(at, "IHDR", HEADER_SIZE);
}

pbt_status pbti_png_encode(uint8_t **png, size_t *size, const uint8_t *pixels, uint32_t width,
                           uint32_t height, uint32_t channels, struct pbt_error *err)
{
    *png = NULL;
    *size = 0;
    if (width < 1 || width > PBTI_PNG_SIDE_MAX || height < 1 || height > PBTI_PNG_SIDE_MAX ||
        (channels != 1 && channels != 3)) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "a picture of %u x %u with %u channels; allowed are sides of 1 to %d "
                            "and 1 or 3 channels",
                            width, height, channels, (int)PBTI_PNG_SIDE_MAX);
    }
    size_t const row = (size_t)width * channels;
    uLong const raw = (uLong)((row + 1) * height);
    uLong const bound = compressBound(raw);
    uint8_t *const rows = filter_rows(pixels, row, height);
    uint8_t *const bytes = malloc(SIGNATURE_SIZE + HEADER_SIZE + 3 * CHUNK_EXTRA + (size_t)bound);
    if (rows == NULL || bytes == NULL) {
        free(rows);
        free(bytes);
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory for a picture of %u x %u", width, height);
    }
    uint8_t *at = put_header(bytes, width, height, channels);
    uLongf packed = bound;
    int const code = compress2(at + 8, &packed, rows, raw, LEVEL);
    free(rows);
    if (code != Z_OK) {
        free(bytes);
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory to compress a picture");
    }
    at = close_chunk(at, "IDAT", packed);
    at = close_chunk(at, "IEND", 0);
    *png = bytes;
    *size = (size_t)(at - bytes);
    return PBT_OK;
}

static pbt_status write_file(const char *path, const uint8_t *bytes, size_t size,
                             struct pbt_error *err)
{
    char part[PATH_SIZE];
    int const length = snprintf(part, sizeof part, "%s.part", path);
    if (length < 0 || (size_t)length >= sizeof part) {
        return pbti_nn_fail(err, PBT_EIO, "the path \"%.200s...\" is too long", path);
    }
    FILE *const file = fopen(part, "wb");
    bool good = file != NULL && fwrite(bytes, 1, size, file) == size;
    int number = errno;
    if (file != NULL && fclose(file) != 0) {
        if (good) { number = errno; }
        good = false;
    }
    if (good && rename(part, path) != 0) {
        number = errno;
        good = false;
    }
    if (good) { return PBT_OK; }
    if (file != NULL) { (void)unlink(part); }
    return pbti_nn_fail(err, PBT_EIO, "could not write file \"%s\": %s", path, strerror(number));
}

pbt_status pbti_png_write(const char *path, const uint8_t *pixels, uint32_t width, uint32_t height,
                          uint32_t channels, struct pbt_error *err)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    pbt_status status = pbti_png_encode(&bytes, &size, pixels, width, height, channels, err);
    if (status == PBT_OK) { status = write_file(path, bytes, size, err); }
    free(bytes);
    return status;
}
