/* SPDX-License-Identifier: Apache-2.0 */
/* idx.c - reading idx files, see idx.h. zlib's gzread also reads files that are not compressed. */
#include "data/idx.h"
#include "nn/nn_base.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { PATH_SIZE = 4096, UNSIGNED_BYTES = 0x08 };

/* Read exactly `size` bytes; fewer at the end of the file. Returns what was read, or -1. */
static int64_t read_bytes(gzFile file, void *bytes, size_t size)
{
    size_t done = 0;
    while (done < size) {
        size_t const left = size - done;
        int const count =
            gzread(file, (char *)bytes + done, left < 1u << 30 ? (unsigned)left : 1u << 30);
        if (count < 0) { return -1; }
        if (count == 0) { break; }
        done += (size_t)count;
    }
    return (int64_t)done;
}

static pbt_status damaged(gzFile file, const char *path, struct pbt_error *err)
{
    int number = Z_OK;
    const char *const text = gzerror(file, &number);
    if (number == Z_ERRNO) {
        return pbti_nn_fail(err, PBT_EIO, "could not read file \"%s\": %s", path, strerror(errno));
    }
    return pbti_nn_fail(err, PBT_ECORRUPT, "file \"%s\" is damaged: %s", path, text);
}

static uint32_t big_endian(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Read magic and sizes into `idx`; fills item_bytes. */
static pbt_status read_header(gzFile file, const char *path, uint32_t dimensions_min,
                              uint32_t dimensions_max, struct pbti_idx *idx, struct pbt_error *err)
{
    unsigned char bytes[4 * PBTI_IDX_DIMENSIONS_MAX];
    int64_t const got = read_bytes(file, bytes, 4);
    if (got < 0) { return damaged(file, path, err); }
    uint32_t const magic = got == 4 ? big_endian(bytes) : 0;
    if (magic >> 8 != UNSIGNED_BYTES) {
        return pbti_nn_fail(err, PBT_ECORRUPT,
                            "file \"%s\" is not an idx file of unsigned bytes: its magic number is "
                            "0x%08x, allowed is 0x000008 and the number of dimensions",
                            path, magic);
    }
    idx->dimensions = magic & 0xffu;
    if (idx->dimensions < dimensions_min || idx->dimensions > dimensions_max) {
        return pbti_nn_fail(err, PBT_ECORRUPT,
                            "idx file \"%s\" has %u dimensions; allowed are %u to %u", path,
                            idx->dimensions, dimensions_min, dimensions_max);
    }
    int64_t const sizes = (int64_t)idx->dimensions * 4;
    int64_t const read = read_bytes(file, bytes, (size_t)sizes);
    if (read < 0) { return damaged(file, path, err); }
    if (read < sizes) {
        return pbti_nn_fail(err, PBT_ECORRUPT, "idx file \"%s\" is truncated in its header", path);
    }
    uint64_t total = 1;
    for (uint32_t d = 0; d < idx->dimensions; d++) {
        idx->sizes[d] = big_endian(bytes + 4 * (size_t)d);
        if (idx->sizes[d] == 0) {
            return pbti_nn_fail(err, PBT_ECORRUPT, "idx file \"%s\" is empty: size %u is 0", path,
                                d + 1);
        }
        if (idx->sizes[d] > PBTI_IDX_BYTES_MAX / total) {
            return pbti_nn_fail(err, PBT_ELIMIT, "idx file \"%s\" holds more than %llu bytes", path,
                                (unsigned long long)PBTI_IDX_BYTES_MAX);
        }
        total *= idx->sizes[d];
    }
    idx->item_bytes = (size_t)(total / idx->sizes[0]);
    return PBT_OK;
}

static pbt_status read_values(gzFile file, const char *path, struct pbti_idx *idx,
                              struct pbt_error *err)
{
    size_t const size = idx->item_bytes * idx->sizes[0];
    idx->bytes = malloc(size);
    if (idx->bytes == NULL) {
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory for the %zu bytes of \"%s\"", size, path);
    }
    int64_t const got = read_bytes(file, idx->bytes, size);
    if (got < 0) { return damaged(file, path, err); }
    if ((size_t)got < size) {
        return pbti_nn_fail(err, PBT_ECORRUPT,
                            "idx file \"%s\" is truncated: it has %lld values, its header says %zu",
                            path, (long long)got, size);
    }
    unsigned char more;
    int64_t const extra = read_bytes(file, &more, 1);
    if (extra < 0) { return damaged(file, path, err); }
    if (extra > 0) {
        return pbti_nn_fail(err, PBT_ECORRUPT,
                            "idx file \"%s\" has more values than the %zu its header says", path,
                            size);
    }
    /* gzclose_r reports a compressed stream that ends too early, also one that lost its checksum */
    return PBT_OK;
}

/* Put the path of the plain file, or else of the compressed one, into `path`. */
static pbt_status find(const char *folder, const char *name, char path[PATH_SIZE],
                       struct pbt_error *err)
{
    static const char *const endings[] = {"", ".gz"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        int const length = snprintf(path, PATH_SIZE, "%s/%s%s", folder, name, endings[i]);
        if (length < 0 || length >= PATH_SIZE) {
            return pbti_nn_fail(err, PBT_ENOENT, "the path \"%.200s...\" is too long", folder);
        }
        if (access(path, F_OK) == 0) { return PBT_OK; }
    }
    return pbti_nn_fail(err, PBT_ENOENT, "file \"%s/%s\" (or %s.gz) does not exist", folder, name,
                        name);
}

pbt_status pbti_idx_read(const char *folder, const char *name, uint32_t dimensions_min,
                         uint32_t dimensions_max, struct pbti_idx *idx, struct pbt_error *err)
{
    *idx = (struct pbti_idx){.sizes = {1, 1, 1, 1}};
    char path[PATH_SIZE];
    pbt_status const status = find(folder, name, path, err);
    if (status != PBT_OK) { return status; }
    return pbti_idx_read_file(path, dimensions_min, dimensions_max, idx, err);
}

pbt_status pbti_idx_read_file(const char *path, uint32_t dimensions_min, uint32_t dimensions_max,
                              struct pbti_idx *idx, struct pbt_error *err)
{
    *idx = (struct pbti_idx){.sizes = {1, 1, 1, 1}};
    errno = 0;
    gzFile const file = gzopen(path, "rb");
    if (file == NULL) {
        pbt_status const why = errno == 0 ? PBT_ENOMEM : errno == ENOENT ? PBT_ENOENT : PBT_EIO;
        return pbti_nn_fail(err, why, "could not open file \"%s\": %s", path,
                            errno == 0 ? "out of memory" : strerror(errno));
    }
    (void)gzbuffer(file, 1u << 17);
    pbt_status status = read_header(file, path, dimensions_min, dimensions_max, idx, err);
    if (status == PBT_OK) { status = read_values(file, path, idx, err); }
    if (gzclose_r(file) != Z_OK && status == PBT_OK) {
        status = pbti_nn_fail(err, PBT_ECORRUPT,
                              "file \"%s\" is damaged: its compressed data end too early", path);
    }
    if (status != PBT_OK) { pbti_idx_deinit(idx); }
    return status;
}

void pbti_idx_deinit(struct pbti_idx *idx)
{
    free(idx->bytes);
    *idx = (struct pbti_idx){.sizes = {1, 1, 1, 1}};
}
