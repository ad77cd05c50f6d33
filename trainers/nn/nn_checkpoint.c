/* SPDX-License-Identifier: Apache-2.0 */
/* nn_checkpoint.c - reading old checkpoints, see nn_checkpoint.h for the layout. */
#include "nn/nn_checkpoint.h"
#include "nn/nn_bytes.h"
#include "nn/nn_file.h"
#include "nn/nn_safetensors.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { VERSION = 2, HEADER_SIZE = 40, PART_SIZE = 48, CHECKSUM_SIZE = 8 };

enum { HEADS_MAX = HEADER_SIZE + PBTI_NN_PARTS_MAX * PART_SIZE + CHECKSUM_SIZE };

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

/* Read and judge the head of a file of `size` bytes. */
static pbt_status read_header(const uint8_t *bytes, size_t size, const char *path, struct header *h,
                              struct pbt_error *err)
{
    if (size < HEADER_SIZE) {
        return pbti_nn_fail(err, PBT_ECORRUPT,
                            "checkpoint \"%s\" is truncated: %zu bytes are less than its header",
                            path, size);
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

/* The name that a part has today: layers of `classify` were "linear0.weight" once. */
static void name_today(const unsigned char *entry, char name[PBTI_NN_PART_NAME_SIZE + 8])
{
    char old[PBTI_NN_PART_NAME_SIZE + 1] = "";
    memcpy(old, entry, PBTI_NN_PART_NAME_SIZE);
    bool const layer = strncmp(old, "linear", 6) == 0;
    (void)snprintf(name, PBTI_NN_PART_NAME_SIZE + 8, "%s%s", layer ? "layers." : "",
                   layer ? old + 6 : old);
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
        char name[PBTI_NN_PART_NAME_SIZE + 8];
        name_today(table, name);
        if (strcmp(name, part->name) != 0 || rows != part->rows || columns != part->columns ||
            offset != part->offset) {
            return pbti_nn_fail(err, PBT_EINVAL,
                                "checkpoint \"%s\" is of another network: its part \"%.31s\" is "
                                "%u x %u, the network asked for has \"%s\" of %u x %u",
                                path, name, rows, columns, part->name, part->rows, part->columns);
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
                                   size_t *extra_size, struct pbt_error *err)
{
    assert(block->weights != NULL);
    uint64_t const planes = (1 + (uint64_t)PBTI_NN_SLOTS_MAX) * block->plane_floats * sizeof(float);
    *extra = NULL;
    *extra_size = 0;
    struct header h = {0};
    uint8_t *bytes = NULL;
    size_t size = 0;
    pbt_status status =
        pbti_nn_read_file(path, planes + PBTI_NN_EXTRA_MAX + HEADS_MAX, &bytes, &size, err);
    if (status == PBT_OK) { status = read_header(bytes, size, path, &h, err); }
    if (status == PBT_OK) { status = decode(bytes, &h, path, block, extra, err); }
    if (status == PBT_OK) { *extra_size = h.extra_size; }
    free(bytes);
    return status;
}
