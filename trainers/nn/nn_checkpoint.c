/* SPDX-License-Identifier: Apache-2.0 */
/* nn_checkpoint.c - a parameter block in a file, see nn_checkpoint.h for the layout. */
#include "nn/nn_checkpoint.h"
#include "nn/nn_bytes.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum { VERSION = 2, HEADER_SIZE = 40, PART_SIZE = 48, CHECKSUM_SIZE = 8, PATH_SIZE = 4096 };

static const char magic[8] = {'P', 'B', 'T', 'N', 'N', 'C', 'K', 'P'};

struct header {
    uint32_t version, parts, planes, extra_size;
    uint64_t plane_floats, updates;
};

/* Floats are copied as they stand in memory, which is the file's format on this kind of machine. */
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "checkpoints are little-endian: convert the planes here"
#endif

static uint64_t file_size(const struct header *h)
{
    return HEADER_SIZE + (uint64_t)h->parts * PART_SIZE + h->extra_size +
           (uint64_t)h->planes * h->plane_floats * sizeof(float) + CHECKSUM_SIZE;
}

/* -------- saving -------- */

static void encode(unsigned char *bytes, size_t size, const struct header *h,
                   const struct pbti_nn_block *block, const void *extra)
{
    memcpy(bytes, magic, sizeof magic);
    unsigned char *at = bytes + sizeof magic;
    at = pbti_nn_put(at, h->version, 4);
    at = pbti_nn_put(at, h->parts, 4);
    at = pbti_nn_put(at, h->planes, 4);
    at = pbti_nn_put(at, h->extra_size, 4);
    at = pbti_nn_put(at, h->plane_floats, 8);
    at = pbti_nn_put(at, h->updates, 8);
    for (uint32_t p = 0; p < h->parts; p++) {
        const struct pbti_nn_part *const part = &block->parts[p];
        memcpy(at, part->name, PBTI_NN_PART_NAME_SIZE);
        at = pbti_nn_put(at + PBTI_NN_PART_NAME_SIZE, part->rows, 4);
        at = pbti_nn_put(at, part->columns, 4);
        at = pbti_nn_put(at, part->offset, 8);
    }
    if (h->extra_size > 0) { memcpy(at, extra, h->extra_size); }
    at += h->extra_size;
    /* the slots follow the weights in memory */
    size_t const planes_size = (size_t)h->planes * (size_t)h->plane_floats * sizeof(float);
    memcpy(at, block->weights, planes_size);
    at += planes_size;
    at = pbti_nn_put(at, XXH3_64bits(bytes, size - CHECKSUM_SIZE), CHECKSUM_SIZE);
    assert(at == bytes + size);
}

static pbt_status write_file(const char *path, const unsigned char *bytes, size_t size,
                             struct pbt_error *err)
{
    char part[PATH_SIZE];
    int const length = snprintf(part, sizeof part, "%s.part", path);
    if (length < 0 || (size_t)length >= sizeof part) {
        return pbti_nn_fail(err, PBT_EIO, "the name of checkpoint \"%s\" is too long", path);
    }
    FILE *const file = fopen(part, "wb");
    if (file == NULL) {
        return pbti_nn_fail(err, PBT_EIO, "could not create checkpoint \"%s\": %s", part,
                            strerror(errno));
    }
    bool const written = fwrite(bytes, 1, size, file) == size;
    int const write_errno = errno;
    bool const closed = fclose(file) == 0;
    if (!written || !closed) {
        int const number = written ? errno : write_errno;
        (void)remove(part);
        return pbti_nn_fail(err, PBT_EIO, "could not write checkpoint \"%s\": %s", part,
                            strerror(number));
    }
    if (rename(part, path) != 0) {
        int const number = errno;
        (void)remove(part);
        return pbti_nn_fail(err, PBT_EIO, "could not rename \"%s\" to \"%s\": %s", part, path,
                            strerror(number));
    }
    return PBT_OK;
}

pbt_status pbti_nn_checkpoint_save(const char *path, const struct pbti_nn_block *block,
                                   const void *extra, uint32_t extra_size, struct pbt_error *err)
{
    assert(block->weights != NULL && extra_size <= PBTI_NN_EXTRA_MAX);
    struct header const h = {.version = VERSION,
                             .parts = block->part_count,
                             .planes = 1 + block->slot_count,
                             .extra_size = extra_size,
                             .plane_floats = block->plane_floats,
                             .updates = block->updates};
    size_t const size = (size_t)file_size(&h);
    unsigned char *const bytes = malloc(size);
    if (bytes == NULL) {
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory to write a checkpoint of %zu bytes", size);
    }
    encode(bytes, size, &h, block, extra);
    pbt_status const status = write_file(path, bytes, size, err);
    free(bytes);
    return status;
}

/* -------- loading -------- */

/* Read and judge the first HEADER_SIZE bytes; `size` is that of the whole file. */
static pbt_status read_header(FILE *file, uint64_t size, const char *path, struct header *h,
                              struct pbt_error *err)
{
    unsigned char bytes[HEADER_SIZE];
    if (size < HEADER_SIZE || fread(bytes, 1, sizeof bytes, file) != sizeof bytes) {
        return pbti_nn_fail(err, PBT_ECORRUPT,
                            "checkpoint \"%s\" is truncated: %llu bytes are less than its header",
                            path, (unsigned long long)size);
    }
    if (memcmp(bytes, magic, sizeof magic) != 0) {
        return pbti_nn_fail(err, PBT_ECORRUPT, "file \"%s\" is not a checkpoint of a network",
                            path);
    }
    h->version = (uint32_t)pbti_nn_get(bytes + 8, 4);
    h->parts = (uint32_t)pbti_nn_get(bytes + 12, 4);
    h->planes = (uint32_t)pbti_nn_get(bytes + 16, 4);
    h->extra_size = (uint32_t)pbti_nn_get(bytes + 20, 4);
    h->plane_floats = pbti_nn_get(bytes + 24, 8);
    h->updates = pbti_nn_get(bytes + 32, 8);
    if (h->version != VERSION) {
        return pbti_nn_fail(err, PBT_EVERSION,
                            "checkpoint \"%s\" has version %u; this program reads version %d", path,
                            h->version, (int)VERSION);
    }
    if (h->parts > PBTI_NN_PARTS_MAX || h->planes < 1 || h->planes > 1 + PBTI_NN_SLOTS_MAX ||
        h->extra_size > PBTI_NN_EXTRA_MAX || h->plane_floats > PBTI_NN_PLANE_FLOATS_MAX) {
        return pbti_nn_fail(err, PBT_ECORRUPT,
                            "checkpoint \"%s\" is damaged: its header names "
                            "sizes beyond the limits",
                            path);
    }
    if (size != file_size(h)) {
        return pbti_nn_fail(err, PBT_ECORRUPT,
                            "checkpoint \"%s\" is %s: it has %llu bytes, its header says %llu",
                            path, size < file_size(h) ? "truncated" : "damaged",
                            (unsigned long long)size, (unsigned long long)file_size(h));
    }
    return PBT_OK;
}

/* Read the whole file, of the size that its header gives, into fresh memory. */
static pbt_status read_file(const char *path, struct header *h, unsigned char **bytes,
                            struct pbt_error *err)
{
    FILE *const file = fopen(path, "rb");
    if (file == NULL) {
        return pbti_nn_fail(err, errno == ENOENT ? PBT_ENOENT : PBT_EIO,
                            "could not open checkpoint \"%s\": %s", path, strerror(errno));
    }
    struct stat info;
    pbt_status status = PBT_OK;
    if (fstat(fileno(file), &info) != 0 || !S_ISREG(info.st_mode)) {
        status = pbti_nn_fail(err, PBT_EIO, "checkpoint \"%s\" is not a regular file", path);
    } else {
        status = read_header(file, (uint64_t)info.st_size, path, h, err);
    }
    if (status == PBT_OK) {
        size_t const size = (size_t)file_size(h);
        *bytes = malloc(size);
        if (*bytes == NULL) {
            status =
                pbti_nn_fail(err, PBT_ENOMEM, "no memory to read a checkpoint of %zu bytes", size);
        } else if (fseek(file, 0, SEEK_SET) != 0 || fread(*bytes, 1, size, file) != size) {
            status = pbti_nn_fail(err, PBT_EIO, "could not read checkpoint \"%s\"", path);
        }
    }
    (void)fclose(file);
    return status;
}

/* The table of the file must be that of the block. */
static pbt_status compare_parts(const unsigned char *table, const struct header *h,
                                const struct pbti_nn_block *block, const char *path,
                                struct pbt_error *err)
{
    if (h->parts != block->part_count) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "checkpoint \"%s\" is of another network: it has %u parts, the network "
                            "asked for has %u",
                            path, h->parts, block->part_count);
    }
    for (uint32_t p = 0; p < h->parts; p++, table += PART_SIZE) {
        const struct pbti_nn_part *const part = &block->parts[p];
        uint32_t const rows = (uint32_t)pbti_nn_get(table + PBTI_NN_PART_NAME_SIZE, 4);
        uint32_t const columns = (uint32_t)pbti_nn_get(table + PBTI_NN_PART_NAME_SIZE + 4, 4);
        uint64_t const offset = pbti_nn_get(table + PBTI_NN_PART_NAME_SIZE + 8, 8);
        if (memcmp(table, part->name, PBTI_NN_PART_NAME_SIZE) != 0 || rows != part->rows ||
            columns != part->columns || offset != part->offset) {
            return pbti_nn_fail(err, PBT_EINVAL,
                                "checkpoint \"%s\" is of another network: its part \"%.31s\" is "
                                "%u x %u, the network asked for has \"%s\" of %u x %u",
                                path, (const char *)table, rows, columns, part->name, part->rows,
                                part->columns);
        }
    }
    if (h->plane_floats != block->plane_floats) {
        return pbti_nn_fail(err, PBT_ECORRUPT,
                            "checkpoint \"%s\" is damaged: its table and sizes disagree", path);
    }
    return PBT_OK;
}

/* The optimiser of the file must remember as much about each weight as that of the block. */
static pbt_status compare_slots(const struct header *h, const struct pbti_nn_block *block,
                                const char *path, struct pbt_error *err)
{
    if (h->planes != 1 + block->slot_count) {
        return pbti_nn_fail(
            err, PBT_EINVAL,
            "checkpoint \"%s\" was trained with another optimiser: it has %u values "
            "for each weight, the one asked for has %u",
            path, h->planes - 1, block->slot_count);
    }
    return PBT_OK;
}

/* Judge all bytes, then copy. */
static pbt_status decode(const unsigned char *bytes, const struct header *h, const char *path,
                         struct pbti_nn_block *block, void **extra, struct pbt_error *err)
{
    size_t const size = (size_t)file_size(h);
    if (XXH3_64bits(bytes, size - CHECKSUM_SIZE) !=
        pbti_nn_get(bytes + size - CHECKSUM_SIZE, CHECKSUM_SIZE)) {
        return pbti_nn_fail(err, PBT_ECORRUPT,
                            "checkpoint \"%s\" is damaged: its checksum does not agree", path);
    }
    pbt_status status = compare_parts(bytes + HEADER_SIZE, h, block, path, err);
    if (status == PBT_OK) { status = compare_slots(h, block, path, err); }
    if (status != PBT_OK) { return status; }
    const unsigned char *const tail = bytes + HEADER_SIZE + (size_t)h->parts * PART_SIZE;
    if (h->extra_size > 0) {
        *extra = malloc(h->extra_size);
        if (*extra == NULL) {
            return pbti_nn_fail(err, PBT_ENOMEM, "no memory to read checkpoint \"%s\"", path);
        }
        memcpy(*extra, tail, h->extra_size);
    }
    memcpy(block->weights, tail + h->extra_size,
           (size_t)h->planes * (size_t)h->plane_floats * sizeof(float));
    block->updates = h->updates;
    return PBT_OK;
}

pbt_status pbti_nn_checkpoint_load(const char *path, struct pbti_nn_block *block, void **extra,
                                   uint32_t *extra_size, struct pbt_error *err)
{
    assert(block->weights != NULL);
    *extra = NULL;
    *extra_size = 0;
    struct header h = {0};
    unsigned char *bytes = NULL;
    pbt_status status = read_file(path, &h, &bytes, err);
    if (status == PBT_OK) { status = decode(bytes, &h, path, block, extra, err); }
    if (status == PBT_OK) { *extra_size = h.extra_size; }
    free(bytes);
    return status;
}
