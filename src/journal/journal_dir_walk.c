/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal/journal_dir_walk.c - the order of a folder journal: which batch follows another.
 *
 * The batch after event `after` is the file batches/(after + 1), because whoever appended it had to
 * link that name, and only one can. Compaction deletes such files, so the name becomes free again,
 * and an appender that slept through all of it may link it a second time. Therefore
 *
 *     a batch file counts only if, after it was read (or linked), no segment covers it.
 *
 * A segment that covers it is there before the first such file is deleted, and for ever. So the
 * first to link the name finds no segment, or one that holds its own batch; all others find one
 * that holds another batch. It costs the opening of a file that is not there.
 *
 * Other machines' files   NFS clients remember for some seconds that a name was not there. They
 *             look again when the folder has changed, and ask the server whether it has when the
 *             folder is opened. So a name is believed to be absent only after opening its folder.
 */
#include "journal/journal_dir.h"

#include "base/fail.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Let NFS ask the server what is in the folder; a few microseconds elsewhere. */
static void look_afresh(const struct pbti_dir *dir, const char *folder)
{
    pbti_dir_path path;
    pbti_dir_join(dir, folder, "", path);
    int const descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor >= 0) { (void)close(descriptor); }
}

uint64_t pbti_dir_known(const struct pbti_dir *dir)
{
    return dir->ends_count > 0 ? dir->ends[dir->ends_count - 1] : dir->compacted;
}

/* Make room for one item more; NULL without memory (then `data` stays). */
static void *grow(void *data, size_t count, size_t *capacity, size_t unit)
{
    if (count < *capacity) { return data; }
    size_t const larger = *capacity == 0 ? 64 : 2 * *capacity;
    void *const grown = realloc(data, larger * unit);
    if (grown != NULL) { *capacity = larger; }
    return grown;
}

void pbti_dir_note_end(struct pbti_dir *dir, uint64_t last)
{
    assert(last > pbti_dir_known(dir));
    uint64_t *const ends = grow(dir->ends, dir->ends_count, &dir->ends_capacity, sizeof *ends);
    if (ends == NULL) { return; }
    dir->ends = ends;
    dir->ends[dir->ends_count++] = last;
}

/* -------- segments -------- */

static pbt_status add_segment(struct pbti_dir *dir, struct pbti_dir_span span,
                              struct pbt_error *err)
{
    struct pbti_dir_span *const chain =
        grow(dir->chain, dir->chain_count, &dir->chain_capacity, sizeof *chain);
    if (chain == NULL) {
        return PBTI_FAIL(err, PBT_ENOMEM, 0, "no memory for journal \"%s\"", dir->path);
    }
    dir->chain = chain;
    dir->chain[dir->chain_count++] = span;
    dir->compacted = span.last;
    size_t covered = 0;
    while (covered < dir->ends_count && dir->ends[covered] <= span.last) {
        covered++;
    }
    if (covered > 0) {
        memmove(dir->ends, dir->ends + covered, (dir->ends_count - covered) * sizeof *dir->ends);
        dir->ends_count -= covered;
    }
    return PBT_OK;
}

pbt_status pbti_dir_follow_segments(struct pbti_dir *dir, struct pbt_error *err)
{
    look_afresh(dir, "segments");
    for (;;) {
        struct pbti_dir_span span;
        bool found;
        PBTI_TRY(pbti_dir_look_at_segment(dir, dir->compacted, &found, &span, err));
        if (!found) { return PBT_OK; }
        PBTI_TRY(add_segment(dir, span, err));
    }
}

/* Load the segment with the event after `after`; *at is where its first record begins. */
static pbt_status load_segment(struct pbti_dir *dir, uint64_t after, struct pbti_dir_span *span,
                               pbti_dir_path path, size_t *at, struct pbt_error *err)
{
    size_t low = 0;
    size_t high = dir->chain_count;
    while (high - low > 1) {
        size_t const middle = low + (high - low) / 2;
        if (dir->chain[middle].before <= after) {
            low = middle;
        } else {
            high = middle;
        }
    }
    assert(dir->chain_count > 0 && after < dir->chain[low].last);
    *span = dir->chain[low];
    bool found;
    pbti_dir_join_first(dir, "segments", span->before + 1, path);
    PBTI_TRY(pbti_dir_load(dir, path, &found, err));
    if (!found) { return pbti_dir_damaged(dir, path, "is missing", err); }
    if (dir->bytes_size < PBTI_DIR_SEGMENT_HEAD) {
        return pbti_dir_damaged(dir, path, "is truncated", err);
    }
    struct pbti_dir_span again;
    *at = PBTI_DIR_SEGMENT_HEAD;
    return pbti_dir_take_head(dir, path, dir->bytes, span->before, &again, err);
}

static pbt_status refuse_since(const struct pbti_dir *dir, uint64_t since, struct pbt_error *err)
{
    return PBTI_FAIL(err, PBT_ECORRUPT, 0, "no batch of journal \"%s\" ends at event %llu",
                     dir->path, (unsigned long long)since);
}

static pbt_status fail_missing(const struct pbti_dir *dir, uint64_t after, struct pbt_error *err)
{
    (void)PBTI_FAIL(err, PBT_ECORRUPT, (int64_t)after,
                    "journal \"%s\" is damaged after event %llu: events are missing", dir->path,
                    (unsigned long long)after);
    pbti_fail_hint(err, "restore the missing files from a copy");
    return PBT_ECORRUPT;
}

/* Hand out what the segment has after *after; *after is its end then. */
static pbt_status read_segment(struct pbti_dir *dir, uint64_t *after, pbti_batch_reader reader,
                               void *context, struct pbt_error *err)
{
    struct pbti_dir_span span;
    pbti_dir_path path;
    size_t at;
    PBTI_TRY(load_segment(dir, *after, &span, path, &at, err));
    for (uint64_t done = span.before; done < span.last;) {
        struct pbti_dir_record record;
        PBTI_TRY(pbti_dir_take_record(dir, path, &at, done, &record, err));
        if (done < *after && record.last > *after) { return refuse_since(dir, *after, err); }
        if (done >= *after) {
            PBTI_TRY(reader(context, done + 1, record.count, record.events, record.size, record.id,
                            err));
        }
        done = record.last;
    }
    if (at != dir->bytes_size) { return pbti_dir_damaged(dir, path, "is too long", err); }
    *after = span.last;
    return PBT_OK;
}

/* -------- the next batch -------- */

pbt_status pbti_dir_next(struct pbti_dir *dir, uint64_t after, enum pbti_dir_next *next,
                         struct pbti_dir_record *record, struct pbt_error *err)
{
    pbti_dir_path path;
    bool found = false;
    *next = PBTI_DIR_SEGMENT;
    if (after < dir->compacted) { return PBT_OK; }
    look_afresh(dir, "batches");
    pbti_dir_join_first(dir, "batches", after + 1, path);
    PBTI_TRY(pbti_dir_load(dir, path, &found, err));
    PBTI_TRY(pbti_dir_follow_segments(dir, err)); /* after the reading: see above */
    if (after < dir->compacted) { return PBT_OK; }
    *next = found ? PBTI_DIR_FILE : PBTI_DIR_END;
    if (!found) { return PBT_OK; }
    size_t at = 0;
    PBTI_TRY(pbti_dir_take_record(dir, path, &at, after, record, err));
    return at == dir->bytes_size ? PBT_OK : pbti_dir_damaged(dir, path, "is too long", err);
}

pbt_status pbti_dir_walk(struct pbti_dir *dir, uint64_t *last, struct pbt_error *err)
{
    for (uint64_t known = pbti_dir_known(dir);; known = pbti_dir_known(dir)) {
        enum pbti_dir_next next;
        struct pbti_dir_record record;
        PBTI_TRY(pbti_dir_next(dir, known, &next, &record, err));
        if (next == PBTI_DIR_FILE) {
            pbti_dir_note_end(dir, record.last);
            if (pbti_dir_known(dir) != record.last) {
                return PBTI_FAIL(err, PBT_ENOMEM, 0, "no memory for journal \"%s\"", dir->path);
            }
        }
        if (next == PBTI_DIR_END) {
            *last = known;
            return PBT_OK;
        }
    }
}

/* -------- reading -------- */

static int compare_ends(const void *a, const void *b)
{
    uint64_t const x = *(const uint64_t *)a;
    uint64_t const y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Does a batch file end at `since`? Those before `compacted` are looked for in their segment. */
static bool is_end(const struct pbti_dir *dir, uint64_t since)
{
    return since == dir->compacted ||
           (dir->ends_count > 0 &&
            bsearch(&since, dir->ends, dir->ends_count, sizeof since, compare_ends) != NULL);
}

pbt_status pbti_dir_read(struct pbti_dir *dir, uint64_t since, pbti_batch_reader reader,
                         void *context, struct pbt_error *err)
{
    uint64_t last;
    if (since > pbti_dir_known(dir)) { PBTI_TRY(pbti_dir_walk(dir, &last, err)); }
    if (since > dir->compacted && !is_end(dir, since)) { return refuse_since(dir, since, err); }
    for (uint64_t after = since;;) {
        enum pbti_dir_next next;
        struct pbti_dir_record record;
        PBTI_TRY(pbti_dir_next(dir, after, &next, &record, err));
        if (next == PBTI_DIR_SEGMENT) {
            PBTI_TRY(read_segment(dir, &after, reader, context, err));
        } else if (next == PBTI_DIR_FILE) {
            if (after == pbti_dir_known(dir)) { pbti_dir_note_end(dir, record.last); }
            PBTI_TRY(reader(context, after + 1, record.count, record.events, record.size, record.id,
                            err));
            after = record.last;
        } else if (after < pbti_dir_known(dir)) {
            return fail_missing(dir, after, err);
        } else {
            return PBT_OK;
        }
    }
}

/* -------- looking for one batch -------- */

static pbt_status find_in_segment(struct pbti_dir *dir, uint64_t expected, struct pbti_batch_id id,
                                  bool *found, struct pbt_error *err)
{
    struct pbti_dir_span span;
    pbti_dir_path path;
    size_t at;
    PBTI_TRY(load_segment(dir, expected, &span, path, &at, err));
    for (uint64_t done = span.before; done <= expected;) {
        struct pbti_dir_record record;
        PBTI_TRY(pbti_dir_take_record(dir, path, &at, done, &record, err));
        if (done == expected) { *found = memcmp(&record.id, &id, sizeof id) == 0; }
        done = record.last;
    }
    return PBT_OK;
}

pbt_status pbti_dir_find(struct pbti_dir *dir, uint64_t expected, struct pbti_batch_id id,
                         bool *found, struct pbt_error *err)
{
    enum pbti_dir_next next;
    struct pbti_dir_record record;
    *found = false;
    PBTI_TRY(pbti_dir_next(dir, expected, &next, &record, err));
    if (next == PBTI_DIR_SEGMENT) { return find_in_segment(dir, expected, id, found, err); }
    *found = next == PBTI_DIR_FILE && memcmp(&record.id, &id, sizeof id) == 0;
    return PBT_OK;
}

/* -------- what is missing -------- */

pbt_status pbti_dir_check_complete(struct pbti_dir *dir, struct pbt_error *err)
{
    pbti_dir_path path;
    pbti_dir_join(dir, "batches", "", path);
    DIR *const folder = opendir(path);
    if (folder == NULL) { return pbti_dir_fail(dir, errno, "read", path, err); }
    uint64_t farthest = 0; /* listed before the walk: what is there now, the walk must reach */
    for (const struct dirent *item; (item = readdir(folder)) != NULL;) {
        uint64_t const first = pbti_dir_first_of(item->d_name);
        farthest = first > farthest ? first : farthest;
    }
    (void)closedir(folder);
    uint64_t last;
    PBTI_TRY(pbti_dir_walk(dir, &last, err));
    return farthest <= last ? PBT_OK : fail_missing(dir, last, err);
}
