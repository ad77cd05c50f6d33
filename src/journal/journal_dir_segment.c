/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal/journal_dir_segment.c - many batches in one file: compaction of a folder journal, copies.
 *
 * Compaction keeps a folder from having a file for each batch for ever. It blocks nobody: a segment
 * is written beside everything, linked under the name that only one can have, and only then the
 * batch files it covers are deleted. Who dies in between leaves files that mean nothing; the next
 * compaction deletes them.
 */
#include "journal/journal_dir.h"

#include "base/fail.h"
#include "journal/journal_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STALE_SECONDS 86400 /* a file in new/ that is older was left by a process that died */

/* A segment that is being written. */
struct maker {
    struct pbti_dir *dir; /* whose folder it is for */
    FILE *file;           /* NULL: none is begun */
    pbti_dir_path path;   /* in new/ */
    struct pbti_dir_span span;
    uint32_t batches;
    size_t bytes;
};

static pbt_status begin(struct maker *maker, uint64_t before, struct pbt_error *err)
{
    pbti_dir_temporary(maker->dir, maker->path);
    maker->file = fopen(maker->path, "wxe");
    if (maker->file == NULL) { return pbti_dir_fail(maker->dir, errno, "make", maker->path, err); }
    maker->span = (struct pbti_dir_span){before, before};
    maker->batches = 0;
    maker->bytes = 0;
    pbti_dir_put_head(maker->file, maker->span); /* takes the room; the end is not known yet */
    return PBT_OK;
}

static bool is_full(const struct maker *maker)
{
    return maker->batches >= PBTI_DIR_SEGMENT_BATCHES || maker->bytes >= PBTI_DIR_SEGMENT_BYTES;
}

static void add(struct maker *maker, const struct pbti_dir_record *record)
{
    pbti_dir_put_record(maker->dir, maker->file, record);
    maker->span.last = record->last;
    maker->batches++;
    maker->bytes += record->size;
}

static void abandon(struct maker *maker)
{
    if (maker->file == NULL) { return; }
    (void)fclose(maker->file);
    maker->file = NULL;
    (void)unlink(maker->path);
}

/* Give it its name. That somebody else was faster is no error: it is another's segment then. */
static pbt_status publish(struct maker *maker, struct pbt_error *err)
{
    pbti_dir_path name;
    pbti_dir_path folder;
    rewind(maker->file);
    pbti_dir_put_head(maker->file, maker->span);
    int cause = pbti_dir_seal(maker->file);
    maker->file = NULL;
    pbti_dir_join_first(maker->dir, "segments", maker->span.before + 1, name);
    pbti_dir_join(maker->dir, "segments", "", folder);
    if (cause == 0 && link(maker->path, name) != 0 && errno != EEXIST) { cause = errno; }
    (void)unlink(maker->path);
    if (cause == 0) { cause = pbti_sync_path(folder); }
    return cause == 0 ? PBT_OK : pbti_dir_fail(maker->dir, cause, "write", name, err);
}

/* -------- compaction -------- */

/* Delete the batch files that segments cover. */
static void delete_covered(const struct pbti_dir *dir)
{
    pbti_dir_path path;
    pbti_dir_join(dir, "batches", "", path);
    DIR *const folder = opendir(path);
    if (folder == NULL) { return; }
    for (const struct dirent *item; (item = readdir(folder)) != NULL;) {
        uint64_t const first = pbti_dir_first_of(item->d_name);
        if (first == 0 || first > dir->compacted) { continue; }
        pbti_dir_join(dir, "batches", item->d_name, path);
        (void)unlink(path);
    }
    (void)closedir(folder);
}

/* Delete what dead processes left in new/. `now` is of the file server's clock. A live process that
 * was asleep for so long fails and tries again. */
static void delete_stale(const struct pbti_dir *dir, time_t now)
{
    pbti_dir_path path;
    pbti_dir_join(dir, "new", "", path);
    DIR *const folder = opendir(path);
    if (folder == NULL) { return; }
    for (const struct dirent *item; (item = readdir(folder)) != NULL;) {
        struct stat info;
        pbti_dir_join(dir, "new", item->d_name, path);
        bool const stale = item->d_name[0] != '.' && stat(path, &info) == 0 &&
                           S_ISREG(info.st_mode) && info.st_mtime < now - STALE_SECONDS;
        if (stale) { (void)unlink(path); }
    }
    (void)closedir(folder);
}

/* Write a segment of the oldest batch files. */
static pbt_status make_segment(struct maker *maker, time_t *now, struct pbt_error *err)
{
    struct pbti_dir *const dir = maker->dir;
    struct stat info;
    PBTI_TRY(begin(maker, dir->compacted, err));
    if (fstat(fileno(maker->file), &info) == 0) { *now = info.st_mtime; }
    while (!is_full(maker)) {
        enum pbti_dir_next next;
        struct pbti_dir_record record;
        PBTI_TRY(pbti_dir_next(dir, maker->span.last, &next, &record, err));
        if (next != PBTI_DIR_FILE) { break; } /* somebody else compacts */
        add(maker, &record);
    }
    if (!is_full(maker)) {
        abandon(maker);
        return PBT_OK;
    }
    return publish(maker, err);
}

void pbti_dir_compact(struct pbti_dir *dir)
{
    if (dir->compact_at == 0) { dir->compact_at = (size_t)PBTI_DIR_SEGMENT_BATCHES * 2; }
    if (dir->ends_count < dir->compact_at) { return; }
    struct maker maker = {.dir = dir};
    struct pbt_error ignored;
    time_t now = 0;
    pbt_status status = make_segment(&maker, &now, &ignored);
    if (status != PBT_OK) { abandon(&maker); }
    if (status == PBT_OK) { status = pbti_dir_follow_segments(dir, &ignored); }
    if (status == PBT_OK) {
        delete_covered(dir);
        delete_stale(dir, now);
    }
    bool const again = dir->ends_count >= dir->compact_at;
    dir->compact_at =
        again ? dir->ends_count + PBTI_DIR_SEGMENT_BATCHES : (size_t)PBTI_DIR_SEGMENT_BATCHES * 2;
}

/* -------- copies -------- */

/* A pbti_batch_reader; context is a maker. */
static pbt_status add_batch(void *context, uint64_t first, uint32_t count, const void *bytes,
                            size_t size, struct pbti_batch_id id, struct pbt_error *err)
{
    struct maker *const maker = context;
    if (maker->file != NULL && is_full(maker)) { PBTI_TRY(publish(maker, err)); }
    if (maker->file == NULL) { PBTI_TRY(begin(maker, first - 1, err)); }
    struct pbti_dir_record const record = {first - 1 + count, count, id, bytes, size};
    add(maker, &record);
    return PBT_OK;
}

pbt_status pbti_dir_write_segments(struct pbti_dir *from, struct pbti_dir *to,
                                   struct pbt_error *err)
{
    struct maker maker = {.dir = to};
    pbt_status status = pbti_dir_read(from, 0, add_batch, &maker, err);
    if (status == PBT_OK && maker.file != NULL) { status = publish(&maker, err); }
    abandon(&maker);
    return status;
}
