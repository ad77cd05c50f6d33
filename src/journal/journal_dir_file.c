/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal/journal_dir_file.c - the files of a folder journal: names, writing, reading, and what is
 * wrong with them. Format: docs/journal-format.md.
 *
 * Damage    whatever is read is compared with its checksum and with its place in the order, so a
 *           file that is torn, foreign, or under a wrong name is named, and nothing of it is used.
 */
#include "journal/journal_dir.h"

#include "base/bytes.h"
#include "base/fail.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD_MAGIC "pbtbatch"
#define SEGMENT_MAGIC "pbtsegmt"
#define MAGIC_SIZE 8u
#define NAME_DIGITS 19 /* of the largest number, 2^63 - 1 */
#define STALE_TRIES 5

/* -------- names -------- */

void pbti_dir_join(const struct pbti_dir *dir, const char *folder, const char *name,
                   pbti_dir_path path)
{
    int const length = snprintf(path, sizeof(pbti_dir_path), "%s/%s%s%s", dir->path, folder,
                                name[0] != '\0' ? "/" : "", name);
    assert(length > 0 && (size_t)length < sizeof(pbti_dir_path)); /* dir->path fits PATH_MAX */
    (void)length;
}

void pbti_dir_join_first(const struct pbti_dir *dir, const char *folder, uint64_t first,
                         pbti_dir_path path)
{
    char name[NAME_DIGITS + 2];
    (void)snprintf(name, sizeof name, "%0*" PRIu64, NAME_DIGITS, first);
    pbti_dir_join(dir, folder, name, path);
}

uint64_t pbti_dir_first_of(const char *name)
{
    if (strspn(name, "0123456789") != NAME_DIGITS || name[NAME_DIGITS] != '\0') { return 0; }
    return strtoull(name, NULL, 10);
}

void pbti_dir_temporary(const struct pbti_dir *dir, pbti_dir_path path)
{
    uint64_t random[2];
    while (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) { /* EINTR only */
    }
    char name[40];
    (void)snprintf(name, sizeof name, "%016" PRIx64 "%016" PRIx64, random[0], random[1]);
    pbti_dir_join(dir, "new", name, path);
}

/* -------- errors -------- */

pbt_status pbti_dir_fail(const struct pbti_dir *dir, int cause, const char *what, const char *path,
                         struct pbt_error *err)
{
    char buffer[128];
    const char *const name =
        strncmp(path, dir->path, strlen(dir->path)) == 0 && path[strlen(dir->path)] == '/'
            ? path + strlen(dir->path) + 1
            : path;
    (void)PBTI_FAIL(err, cause == ENOMEM ? PBT_ENOMEM : PBT_EIO, cause,
                    "journal \"%s\": could not %s \"%s\": %s", dir->path, what, name,
                    pbti_error_text(cause, buffer, sizeof buffer));
    if (cause == ENOSPC || cause == EDQUOT) {
        pbti_fail_hint(err, "make room and try again; whatever was appended before is safe");
    } else if (cause == EACCES || cause == EPERM || cause == EROFS) {
        pbti_fail_hint(err, "check the permissions of the folder and of what is in it");
    }
    return cause == ENOMEM ? PBT_ENOMEM : PBT_EIO;
}

pbt_status pbti_dir_damaged(const struct pbti_dir *dir, const char *path, const char *what,
                            struct pbt_error *err)
{
    (void)PBTI_FAIL(err, PBT_ECORRUPT, 0, "journal \"%s\" is damaged: file \"%s\" %s", dir->path,
                    path + strlen(dir->path) + 1, what);
    pbti_fail_hint(err, "restore the file from a copy");
    return PBT_ECORRUPT;
}

/* -------- writing -------- */

static void put_u32(struct pbti_writer *writer, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        pbti_put_u8(writer, (uint8_t)(value >> (8 * i)));
    }
}

void pbti_dir_put_record(struct pbti_dir *dir, FILE *file, const struct pbti_dir_record *record)
{
    uint8_t head[PBTI_DIR_RECORD_HEAD];
    struct pbti_writer writer = {.data = head, .capacity = sizeof head};
    pbti_put_bytes(&writer, RECORD_MAGIC, MAGIC_SIZE);
    pbti_put_u64(&writer, record->last);
    put_u32(&writer, record->count);
    put_u32(&writer, (uint32_t)record->size);
    pbti_put_bytes(&writer, record->id.bytes, sizeof record->id.bytes);
    pbti_put_u64(&writer, pbti_batch_hash(dir->hasher, record->last, record->count, record->id,
                                          record->events, record->size));
    assert(writer.size == sizeof head && !writer.failed);
    (void)fwrite(head, 1, sizeof head, file);
    (void)fwrite(record->events, 1, record->size, file);
}

void pbti_dir_put_head(FILE *file, struct pbti_dir_span span)
{
    uint8_t head[PBTI_DIR_SEGMENT_HEAD];
    struct pbti_writer writer = {.data = head, .capacity = sizeof head};
    pbti_put_bytes(&writer, SEGMENT_MAGIC, MAGIC_SIZE);
    pbti_put_u64(&writer, span.before);
    pbti_put_u64(&writer, span.last);
    pbti_put_u64(&writer, XXH3_64bits(head, writer.size));
    assert(writer.size == sizeof head && !writer.failed);
    (void)fwrite(head, 1, sizeof head, file);
}

int pbti_dir_seal(FILE *file)
{
    int cause = 0;
    if (fflush(file) != 0) { cause = errno; }
    if (cause == 0 && ferror(file)) { cause = EIO; }
    if (cause == 0 && fsync(fileno(file)) != 0) { cause = errno; }
    if (fclose(file) != 0 && cause == 0) { cause = errno; }
    return cause;
}

/* -------- reading -------- */

static int read_all(struct pbti_dir *dir, int descriptor)
{
    struct stat info;
    if (fstat(descriptor, &info) != 0) { return errno; }
    if (!S_ISREG(info.st_mode)) { return EISDIR; }
    size_t const size = (size_t)info.st_size;
    if (size > dir->bytes_capacity) {
        uint8_t *const bytes = realloc(dir->bytes, size);
        if (bytes == NULL) { return ENOMEM; }
        dir->bytes = bytes;
        dir->bytes_capacity = size;
    }
    dir->bytes_size = 0;
    while (dir->bytes_size < size) {
        ssize_t const got = read(descriptor, dir->bytes + dir->bytes_size, size - dir->bytes_size);
        if (got < 0 && errno == EINTR) { continue; }
        if (got < 0) { return errno; }
        if (got == 0) { break; } /* shorter than it was: its checksum will tell */
        dir->bytes_size += (size_t)got;
    }
    return 0;
}

pbt_status pbti_dir_load(struct pbti_dir *dir, const char *path, bool *found, struct pbt_error *err)
{
    int cause = ESTALE; /* NFS: it was deleted by another machine after we had found it */
    for (int tries = 0; cause == ESTALE && tries < STALE_TRIES; tries++) {
        int const descriptor = open(path, O_RDONLY | O_CLOEXEC);
        cause = descriptor < 0 ? errno : read_all(dir, descriptor);
        if (descriptor >= 0) { (void)close(descriptor); }
    }
    *found = cause == 0;
    return cause == 0 || cause == ENOENT ? PBT_OK : pbti_dir_fail(dir, cause, "read", path, err);
}

static uint32_t get_u32(struct pbti_reader *reader)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < 4; i++) {
        value |= (uint32_t)pbti_get_u8(reader) << (8 * i);
    }
    return value;
}

/* Step over the magic; false when something else is there. */
static bool has_magic(struct pbti_reader *reader, const char *magic)
{
    bool const same = reader->size - reader->at >= MAGIC_SIZE &&
                      memcmp(reader->data + reader->at, magic, MAGIC_SIZE) == 0;
    if (same) { reader->at += MAGIC_SIZE; }
    return same;
}

pbt_status pbti_dir_take_record(struct pbti_dir *dir, const char *path, size_t *at, uint64_t after,
                                struct pbti_dir_record *record, struct pbt_error *err)
{
    struct pbti_reader reader = {dir->bytes, dir->bytes_size, *at, false};
    if (reader.size - reader.at < PBTI_DIR_RECORD_HEAD) {
        return pbti_dir_damaged(dir, path, "is truncated", err);
    }
    if (!has_magic(&reader, RECORD_MAGIC)) {
        return pbti_dir_damaged(dir, path, "is not a batch of a journal", err);
    }
    record->last = pbti_get_u64(&reader);
    record->count = get_u32(&reader);
    record->size = get_u32(&reader);
    memcpy(record->id.bytes, reader.data + reader.at, sizeof record->id.bytes);
    reader.at += sizeof record->id.bytes;
    uint64_t const hash = pbti_get_u64(&reader);
    if (record->size > reader.size - reader.at) {
        return pbti_dir_damaged(dir, path, "is truncated", err);
    }
    record->events = reader.data + reader.at;
    bool const possible = record->count > 0 && record->size >= record->count &&
                          record->size <= PBTI_BATCH_MAX && record->last <= INT64_MAX;
    if (!possible || pbti_batch_hash(dir->hasher, record->last, record->count, record->id,
                                     record->events, record->size) != hash) {
        return pbti_dir_damaged(dir, path, "has a wrong checksum", err);
    }
    if (record->last < record->count || record->last - record->count != after) {
        return pbti_dir_damaged(dir, path, "is not what follows in the order", err);
    }
    *at = reader.at + record->size;
    return PBT_OK;
}

pbt_status pbti_dir_take_head(const struct pbti_dir *dir, const char *path,
                              const uint8_t head[PBTI_DIR_SEGMENT_HEAD], uint64_t before,
                              struct pbti_dir_span *span, struct pbt_error *err)
{
    struct pbti_reader reader = {head, PBTI_DIR_SEGMENT_HEAD, 0, false};
    if (!has_magic(&reader, SEGMENT_MAGIC)) {
        return pbti_dir_damaged(dir, path, "is not a segment of a journal", err);
    }
    span->before = pbti_get_u64(&reader);
    span->last = pbti_get_u64(&reader);
    uint64_t const wanted = XXH3_64bits(head, reader.at);
    if (pbti_get_u64(&reader) != wanted) {
        return pbti_dir_damaged(dir, path, "has a wrong checksum", err);
    }
    if (span->before != before || span->last <= before) {
        return pbti_dir_damaged(dir, path, "is not what follows in the order", err);
    }
    return PBT_OK;
}

pbt_status pbti_dir_look_at_segment(const struct pbti_dir *dir, uint64_t before, bool *found,
                                    struct pbti_dir_span *span, struct pbt_error *err)
{
    pbti_dir_path path;
    uint8_t head[PBTI_DIR_SEGMENT_HEAD];
    *found = false;
    pbti_dir_join_first(dir, "segments", before + 1, path);
    int const descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return errno == ENOENT ? PBT_OK : pbti_dir_fail(dir, errno, "read", path, err);
    }
    ssize_t const got = pread(descriptor, head, sizeof head, 0);
    int const cause = errno;
    (void)close(descriptor);
    if (got < 0) { return pbti_dir_fail(dir, cause, "read", path, err); }
    if ((size_t)got < sizeof head) { return pbti_dir_damaged(dir, path, "is truncated", err); }
    *found = true;
    return pbti_dir_take_head(dir, path, head, before, span, err);
}
