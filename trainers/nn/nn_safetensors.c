/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_safetensors.c - parameter blocks in a file, see nn_safetensors.h.
 *
 * Writing and reading walk over the same list of tensors, struct walk, so that they cannot disagree
 * about order, names and places.
 */
#include "nn/nn_safetensors.h"
#include "nn/nn_bytes.h"
#include "nn/nn_file.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { PATH_SIZE = 4096, NAME_SIZE = 160, SIZE_BYTES = 8, HASH_DIGITS = 16, ALIGN = 8 };

#define VERSION "1"
#define STATE "pbt.state"

static const char begin[] = PBTI_NN_SAFETENSORS_BEGIN;
static const char no_hash[] = "0000000000000000";

enum { HASH_AT = SIZE_BYTES + sizeof begin - 1, HASH_END = HASH_AT + HASH_DIGITS };

/* Floats are copied as they stand in memory, which is the file's format on this kind of machine. */
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "checkpoints are little-endian: convert the values here"
#endif

/* -------- the tensors of blocks, in the order of the file -------- */

struct walk {
    const struct pbti_nn_named_block *blocks;
    uint32_t count;
    uint32_t block, plane, part; /* of the next tensor */
    /* The current tensor: */
    char name[NAME_SIZE];
    uint32_t rows, columns;
    float *values;
    bool is_slot;      /* what an optimiser remembers */
    uint64_t at, size; /* bytes, from the first value of the file */
};

static void name_of(char name[NAME_SIZE], const char *block, const char *what)
{
    (void)snprintf(name, NAME_SIZE, "%s%s%s", block, block[0] == '\0' ? "" : ".", what);
}

/* Go to the next tensor; false behind the last one. */
static bool next(struct walk *w)
{
    if (w->block == w->count) { return false; }
    const struct pbti_nn_named_block *const named = &w->blocks[w->block];
    const struct pbti_nn_block *const block = named->block;
    const struct pbti_nn_part *const part = &block->parts[w->part];
    char what[NAME_SIZE];
    if (w->plane == 0) {
        (void)snprintf(what, sizeof what, "%s", part->name);
    } else {
        (void)snprintf(what, sizeof what, "optimiser.%u.%s", w->plane - 1, part->name);
    }
    name_of(w->name, named->name, what);
    float *const plane = w->plane == 0 ? block->weights : block->slots[w->plane - 1];
    w->is_slot = w->plane > 0;
    w->rows = part->rows;
    w->columns = part->columns;
    w->values = plane + part->offset;
    w->at += w->size;
    w->size = (uint64_t)part->rows * part->columns * sizeof(float);
    if (++w->part == block->part_count) {
        w->part = 0;
        if (++w->plane > block->slot_count) {
            w->plane = 0;
            w->block++;
        }
    }
    return true;
}

/* -------- saving -------- */

/* Add an entry of the head; false: no memory. */
static bool describe(json_t *head, const char *name, const char *type, uint64_t rows,
                     uint32_t columns, uint64_t at, uint64_t size)
{
    json_t *const shape = columns == 1 ? json_pack("[I]", (json_int_t)rows)
                                       : json_pack("[I, I]", (json_int_t)rows, (json_int_t)columns);
    return json_object_set_new(head, name,
                               json_pack("{s:s, s:o, s:[I, I]}", "dtype", type, "shape", shape,
                                         "data_offsets", (json_int_t)at,
                                         (json_int_t)(at + size))) == 0;
}

static json_t *make_head(const struct pbti_nn_named_block *blocks, uint32_t count,
                         size_t extra_size)
{
    json_t *const head = json_object();
    json_t *const meta = json_pack("{s:s, s:s}", "hash", no_hash, "version", VERSION);
    bool good = json_object_set_new(head, "__metadata__", meta) == 0;
    for (uint32_t i = 0; i < count; i++) {
        char name[NAME_SIZE];
        char updates[32];
        name_of(name, blocks[i].name, "updates");
        (void)snprintf(updates, sizeof updates, "%" PRIu64, blocks[i].block->updates);
        good = good && json_object_set_new(meta, name, json_string(updates)) == 0;
    }
    struct walk w = {.blocks = blocks, .count = count};
    while (next(&w)) {
        good = good && describe(head, w.name, "F32", w.rows, w.columns, w.at, w.size);
    }
    if (extra_size > 0) {
        good = good && describe(head, STATE, "U8", extra_size, 1, w.at + w.size, extra_size);
    }
    if (good) { return head; }
    json_decref(head);
    return NULL;
}

/* The head as text, ended by spaces such that values are aligned; to be freed. NULL: no memory. */
static char *head_text(const struct pbti_nn_named_block *blocks, uint32_t count, size_t extra_size,
                       size_t *size)
{
    json_t *const head = make_head(blocks, count, extra_size);
    if (head == NULL) { return NULL; }
    size_t const length = json_dumpb(head, NULL, 0, JSON_COMPACT);
    *size = (length + ALIGN - 1) / ALIGN * ALIGN;
    char *const text = malloc(*size);
    if (text != NULL) {
        memset(text, ' ', *size);
        (void)json_dumpb(head, text, *size, JSON_COMPACT);
        assert(memcmp(text, begin, sizeof begin - 1) == 0);
    }
    json_decref(head);
    return text;
}

static void write_some(FILE *file, XXH3_state_t *hash, const void *bytes, size_t size)
{
    (void)XXH3_64bits_update(hash, bytes, size);
    (void)fwrite(bytes, 1, size, file); /* the end asks ferror() */
}

static bool write_all(FILE *file, XXH3_state_t *hash, const struct pbti_nn_named_block *blocks,
                      uint32_t count, const char *head, size_t head_size, const void *extra,
                      size_t extra_size)
{
    unsigned char size[SIZE_BYTES];
    (void)pbti_nn_put(size, head_size, SIZE_BYTES);
    (void)XXH3_64bits_reset(hash);
    write_some(file, hash, size, sizeof size);
    write_some(file, hash, head, head_size);
    struct walk w = {.blocks = blocks, .count = count};
    while (next(&w)) {
        write_some(file, hash, w.values, (size_t)w.size);
    }
    if (extra_size > 0) { write_some(file, hash, extra, extra_size); }
    return ferror(file) == 0 && fseek(file, HASH_AT, SEEK_SET) == 0 &&
           fprintf(file, "%016" PRIx64, XXH3_64bits_digest(hash)) == HASH_DIGITS;
}

static pbt_status finish(FILE *file, bool written, const char *part, const char *path,
                         struct pbt_error *err)
{
    int number = written ? 0 : errno;
    if (fclose(file) != 0 && number == 0) { number = errno; }
    if (number != 0) {
        (void)remove(part);
        return pbti_nn_fail(err, PBT_EIO, "could not write checkpoint \"%s\": %s", part,
                            strerror(number));
    }
    if (rename(part, path) == 0) { return PBT_OK; }
    number = errno;
    (void)remove(part);
    return pbti_nn_fail(err, PBT_EIO, "could not rename \"%s\" to \"%s\": %s", part, path,
                        strerror(number));
}

pbt_status pbti_nn_safetensors_save(const char *path, const struct pbti_nn_named_block *blocks,
                                    uint32_t count, const void *extra, size_t extra_size,
                                    struct pbt_error *err)
{
    assert(count > 0 && extra_size <= PBTI_NN_EXTRA_MAX);
    char part[PATH_SIZE];
    int const length = snprintf(part, sizeof part, "%s.part", path);
    if (length < 0 || (size_t)length >= sizeof part) {
        return pbti_nn_fail(err, PBT_EIO, "the name of checkpoint \"%s\" is too long", path);
    }
    size_t head_size = 0;
    char *const head = head_text(blocks, count, extra_size, &head_size);
    XXH3_state_t *const hash = XXH3_createState();
    pbt_status status;
    FILE *file = NULL;
    if (head == NULL || hash == NULL) {
        status = pbti_nn_fail(err, PBT_ENOMEM, "no memory to write checkpoint \"%s\"", path);
    } else if ((file = fopen(part, "wb")) == NULL) {
        status = pbti_nn_fail(err, PBT_EIO, "could not create checkpoint \"%s\": %s", part,
                              strerror(errno));
    } else {
        errno = 0;
        bool const written =
            write_all(file, hash, blocks, count, head, head_size, extra, extra_size);
        if (!written && errno == 0) { errno = EIO; }
        status = finish(file, written, part, path, err);
    }
    (void)XXH3_freeState(hash);
    free(head);
    return status;
}

/* -------- loading -------- */

/* A file in memory, or the part of it that was read so far. */
struct reading {
    const char *path;
    const uint8_t *values; /* behind the head */
    uint64_t values_size;
    json_t *head;
};

/* The hash in the head must be that of the bytes. */
static pbt_status judge_hash(const uint8_t *bytes, size_t size, const char *path,
                             struct pbt_error *err)
{
    char digits[HASH_DIGITS + 1];
    XXH3_state_t *const hash = XXH3_createState();
    if (hash == NULL) {
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory to read checkpoint \"%s\"", path);
    }
    (void)XXH3_64bits_reset(hash);
    (void)XXH3_64bits_update(hash, bytes, HASH_AT);
    (void)XXH3_64bits_update(hash, no_hash, HASH_DIGITS);
    (void)XXH3_64bits_update(hash, bytes + HASH_END, size - HASH_END);
    (void)snprintf(digits, sizeof digits, "%016" PRIx64, XXH3_64bits_digest(hash));
    (void)XXH3_freeState(hash);
    if (memcmp(bytes + HASH_AT, digits, HASH_DIGITS) == 0) { return PBT_OK; }
    return pbti_nn_fail(err, PBT_ECORRUPT,
                        "checkpoint \"%s\" is truncated or damaged: its hash does not agree", path);
}

/* Judge everything before the JSON is parsed. */
static pbt_status judge_frame(const uint8_t *bytes, size_t size, const char *path,
                              struct pbt_error *err)
{
    uint64_t const head = size < SIZE_BYTES ? 0 : pbti_nn_get(bytes, SIZE_BYTES);
    if (size >= HASH_END && memcmp(bytes + SIZE_BYTES, begin, sizeof begin - 1) != 0) {
        return pbti_nn_fail(err, PBT_ECORRUPT, "file \"%s\" is not a checkpoint of a network",
                            path);
    }
    if (size >= HASH_END && head > PBTI_NN_HEAD_MAX) {
        return pbti_nn_fail(err, PBT_ECORRUPT,
                            "checkpoint \"%s\" is damaged: its head is of %" PRIu64
                            " bytes; allowed are %u",
                            path, head, PBTI_NN_HEAD_MAX);
    }
    if (size < HASH_END || head > size - SIZE_BYTES) {
        return pbti_nn_fail(err, PBT_ECORRUPT,
                            "checkpoint \"%s\" is truncated: its %zu bytes are less than its head",
                            path, size);
    }
    return judge_hash(bytes, size, path, err);
}

/* The two numbers of data_offsets, or those of a shape; false when it is no such list. */
static bool numbers_of(const json_t *list, size_t count, uint64_t numbers[2])
{
    if (!json_is_array(list) || json_array_size(list) != count) { return false; }
    for (size_t i = 0; i < count; i++) {
        const json_t *const item = json_array_get(list, i);
        if (!json_is_integer(item) || json_integer_value(item) < 0) { return false; }
        numbers[i] = (uint64_t)json_integer_value(item);
    }
    return true;
}

/* A tensor must have this type and lie in this place. */
static pbt_status judge_place(const struct reading *r, const char *name, const char *type,
                              uint64_t at, uint64_t size, struct pbt_error *err)
{
    const json_t *const tensor = json_object_get(r->head, name);
    const char *const got = json_string_value(json_object_get(tensor, "dtype"));
    if (got == NULL || strcmp(got, type) != 0) {
        return pbti_nn_fail(err, PBT_ECORRUPT,
                            "checkpoint \"%s\": tensor \"%s\" has dtype \"%.16s\"; allowed is %s",
                            r->path, name, got == NULL ? "" : got, type);
    }
    uint64_t offsets[2];
    if (!numbers_of(json_object_get(tensor, "data_offsets"), 2, offsets) || offsets[0] != at ||
        offsets[1] < at || offsets[1] - at != size) {
        return pbti_nn_fail(err, PBT_ECORRUPT,
                            "checkpoint \"%s\": tensor \"%s\" has other data_offsets than "
                            "[%" PRIu64 ", %" PRIu64 "]",
                            r->path, name, at, at + size);
    }
    if (at > r->values_size || size > r->values_size - at) {
        return pbti_nn_fail(err, PBT_ECORRUPT,
                            "checkpoint \"%s\" is truncated: it has %" PRIu64
                            " bytes of values, tensor \"%s\" ends at %" PRIu64,
                            r->path, r->values_size, name, at + size);
    }
    return PBT_OK;
}

/* "[3, 4]" or "[3]" */
static void print_shape(char text[64], uint64_t rows, uint64_t columns)
{
    if (columns == 1) {
        (void)snprintf(text, 64, "[%" PRIu64 "]", rows);
    } else {
        (void)snprintf(text, 64, "[%" PRIu64 ", %" PRIu64 "]", rows, columns);
    }
}

static pbt_status judge_shape(const struct reading *r, const struct walk *w, struct pbt_error *err)
{
    const json_t *const tensor = json_object_get(r->head, w->name);
    if (tensor == NULL) {
        return pbti_nn_fail(
            err, PBT_EINVAL, "checkpoint \"%s\" %s: it has no tensor \"%s\"", r->path,
            w->is_slot ? "was trained with another optimiser" : "is of another network", w->name);
    }
    const json_t *const shape = json_object_get(tensor, "shape");
    uint64_t got[2] = {0, 1};
    bool const sound = numbers_of(shape, json_array_size(shape) == 1 ? 1 : 2, got);
    if (!sound || got[0] != w->rows || got[1] != w->columns) {
        char theirs[64] = "that is none", ours[64];
        if (sound) { print_shape(theirs, got[0], got[1]); }
        print_shape(ours, w->rows, w->columns);
        return pbti_nn_fail(err, PBT_EINVAL,
                            "checkpoint \"%s\" is of another network: its tensor \"%s\" has the "
                            "shape %s, the network asked for has %s",
                            r->path, w->name, theirs, ours);
    }
    return PBT_OK;
}

/* The metadata but for the hash; writes the updates of each block, shape (count). */
static pbt_status read_metadata(const struct reading *r, const struct pbti_nn_named_block *blocks,
                                uint32_t count, uint64_t *updates, struct pbt_error *err)
{
    const json_t *const meta = json_object_get(r->head, "__metadata__");
    const char *const version = json_string_value(json_object_get(meta, "version"));
    if (version == NULL || strcmp(version, VERSION) != 0) {
        return pbti_nn_fail(
            err, PBT_EVERSION,
            "checkpoint \"%s\" has version \"%.16s\"; this program reads version %s", r->path,
            version == NULL ? "" : version, VERSION);
    }
    for (uint32_t i = 0; i < count; i++) {
        char name[NAME_SIZE];
        name_of(name, blocks[i].name, "updates");
        const char *const text = json_string_value(json_object_get(meta, name));
        char *end = NULL;
        errno = 0;
        updates[i] = text == NULL ? 0 : strtoull(text, &end, 10);
        if (text == NULL || text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0) {
            return pbti_nn_fail(err, PBT_ECORRUPT,
                                "checkpoint \"%s\": its metadata \"%s\" is no whole number",
                                r->path, name);
        }
    }
    return PBT_OK;
}

/* Judge all tensors; *at is where those of the blocks end, *state_size what is behind them. */
static pbt_status judge_tensors(const struct reading *r, const struct pbti_nn_named_block *blocks,
                                uint32_t count, uint64_t *at, uint64_t *state_size,
                                struct pbt_error *err)
{
    struct walk w = {.blocks = blocks, .count = count};
    pbt_status status = PBT_OK;
    size_t tensors = 0;
    while (status == PBT_OK && next(&w)) {
        tensors++;
        status = judge_shape(r, &w, err);
        if (status == PBT_OK) { status = judge_place(r, w.name, "F32", w.at, w.size, err); }
    }
    if (status != PBT_OK) { return status; }
    *at = w.at + w.size;
    *state_size = r->values_size - *at;
    bool const has_state = json_object_get(r->head, STATE) != NULL;
    size_t const got = json_object_size(r->head) - 1 - (has_state ? 1 : 0);
    if (got != tensors) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "checkpoint \"%s\" is of another network or was trained with another "
                            "optimiser: it has %zu tensors, the network asked for has %zu",
                            r->path, got, tensors);
    }
    if (has_state) { status = judge_place(r, STATE, "U8", *at, *state_size, err); }
    if (status == PBT_OK && (*state_size > PBTI_NN_EXTRA_MAX || has_state != (*state_size > 0))) {
        status = pbti_nn_fail(err, PBT_ECORRUPT,
                              "checkpoint \"%s\" is damaged: %" PRIu64
                              " bytes behind the tensors of the network",
                              r->path, *state_size);
    }
    return status;
}

/* Judge everything, then copy. */
static pbt_status take(const struct reading *r, const struct pbti_nn_named_block *blocks,
                       uint32_t count, void **extra, size_t *extra_size, struct pbt_error *err)
{
    uint64_t updates[PBTI_NN_NAMED_BLOCKS_MAX];
    uint64_t at = 0;
    uint64_t size = 0;
    assert(count <= PBTI_NN_NAMED_BLOCKS_MAX);
    pbt_status status = read_metadata(r, blocks, count, updates, err);
    if (status == PBT_OK) { status = judge_tensors(r, blocks, count, &at, &size, err); }
    if (status != PBT_OK) { return status; }
    if (size > 0) {
        *extra = malloc((size_t)size);
        if (*extra == NULL) {
            return pbti_nn_fail(err, PBT_ENOMEM, "no memory to read checkpoint \"%s\"", r->path);
        }
        memcpy(*extra, r->values + at, (size_t)size);
        *extra_size = (size_t)size;
    }
    struct walk w = {.blocks = blocks, .count = count};
    while (next(&w)) {
        memcpy(w.values, r->values + w.at, (size_t)w.size);
    }
    for (uint32_t i = 0; i < count; i++) {
        blocks[i].block->updates = updates[i];
    }
    return PBT_OK;
}

pbt_status pbti_nn_safetensors_decode(const uint8_t *bytes, size_t size, const char *path,
                                      const struct pbti_nn_named_block *blocks, uint32_t count,
                                      void **extra, size_t *extra_size, struct pbt_error *err)
{
    *extra = NULL;
    *extra_size = 0;
    pbt_status status = judge_frame(bytes, size, path, err);
    if (status != PBT_OK) { return status; }
    size_t const head_size = (size_t)pbti_nn_get(bytes, SIZE_BYTES);
    struct reading r = {.path = path,
                        .values = bytes + SIZE_BYTES + head_size,
                        .values_size = size - SIZE_BYTES - head_size};
    json_error_t why;
    r.head = json_loadb((const char *)bytes + SIZE_BYTES, head_size, JSON_REJECT_DUPLICATES, &why);
    if (r.head == NULL) {
        return pbti_nn_fail(err, PBT_ECORRUPT,
                            "checkpoint \"%s\" is damaged: its head is no JSON: %s", path,
                            why.text);
    }
    status = take(&r, blocks, count, extra, extra_size, err);
    json_decref(r.head);
    return status;
}

/* No file of these blocks is larger. */
static uint64_t size_max(const struct pbti_nn_named_block *blocks, uint32_t count)
{
    uint64_t size = SIZE_BYTES + (uint64_t)PBTI_NN_HEAD_MAX + PBTI_NN_EXTRA_MAX;
    for (uint32_t i = 0; i < count; i++) {
        size += (1 + (uint64_t)blocks[i].block->slot_count) * blocks[i].block->plane_floats *
                sizeof(float);
    }
    return size;
}

pbt_status pbti_nn_safetensors_load(const char *path, const struct pbti_nn_named_block *blocks,
                                    uint32_t count, void **extra, size_t *extra_size,
                                    struct pbt_error *err)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    *extra = NULL;
    *extra_size = 0;
    pbt_status status = pbti_nn_read_file(path, size_max(blocks, count), &bytes, &size, err);
    if (status == PBT_OK) {
        status =
            pbti_nn_safetensors_decode(bytes, size, path, blocks, count, extra, extra_size, err);
    }
    free(bytes);
    return status;
}
