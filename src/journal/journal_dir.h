/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal/journal_dir.h - what the parts of the folder journal share: journal_dir.c (what one does
 * with it), journal_dir_walk.c (which batch comes next), journal_dir_file.c (the two kinds of
 * files) and journal_dir_segment.c (compaction and copies).
 *
 *     PATH/format      says what this is, and the version
 *     PATH/batches/    one file a batch, its name the number of the batch's first event
 *     PATH/segments/   many batches in one file, its name the number of its first event
 *     PATH/new/        files that are being written
 *
 * Invariants (why they make the order total: journal_dir_walk.c)
 *   1. A file gets its name in batches/ or segments/ by link(2) only, when it is complete and
 *      synced; it is never changed then. A name that is taken is the conflict.
 *   2. Segments are never deleted, and each begins where the one before ends. So they are a chain
 *      that only grows; its end is called `compacted`.
 *   3. A batch file is deleted only after a segment that covers it is durable. What lies in
 *      batches/ at or before `compacted` means nothing.
 */
#ifndef PBTI_JOURNAL_JOURNAL_DIR_H
#define PBTI_JOURNAL_JOURNAL_DIR_H

#include "journal/batch_hash.h"
#include "journal/journal.h"

#include <limits.h>
#include <stdio.h>

#define PBTI_DIR_FORMAT 1    /* the newest format known */
#define PBTI_DIR_NAME_MAX 64 /* of what we add to PATH, with the NUL */
#define PBTI_DIR_SEGMENT_BATCHES 512u
#define PBTI_DIR_SEGMENT_BYTES (8u << 20) /* a segment that has so many is complete */

/* A batch as a file has it; `events` borrows from the bytes it was read from. */
struct pbti_dir_record {
    uint64_t last;
    uint32_t count;
    struct pbti_batch_id id;
    const uint8_t *events;
    size_t size;
};

/* A segment holds the events before + 1 .. last. */
struct pbti_dir_span {
    uint64_t before, last;
};

struct pbti_dir {
    char *path; /* as the user wrote it, without slashes at the end */
    bool read_only;
    bool sync;
    bool doubt;           /* the name of a batch may not have reached the disk yet */
    XXH3_state_t *hasher; /* owned, as all below */

    struct pbti_dir_span *chain; /* the segments that were seen, in order */
    size_t chain_count, chain_capacity;
    uint64_t compacted; /* the last event in them */

    uint64_t *ends; /* of the batch files after `compacted` that were seen, in order */
    size_t ends_count, ends_capacity;
    size_t compact_at; /* so many of them are worth a segment */

    uint8_t *bytes; /* the file that was read last */
    size_t bytes_size, bytes_capacity;
};

/* -------- files (journal_dir_file.c) -------- */

typedef char pbti_dir_path[PATH_MAX + PBTI_DIR_NAME_MAX];

/* PATH/folder/name; the names of batches and segments. */
void pbti_dir_join(const struct pbti_dir *dir, const char *folder, const char *name,
                   pbti_dir_path path);
void pbti_dir_join_first(const struct pbti_dir *dir, const char *folder, uint64_t first,
                         pbti_dir_path path);
/* The number that a file name says; 0: it is no such name. */
uint64_t pbti_dir_first_of(const char *name);

/* A name for a new file in new/ that nobody else uses. */
void pbti_dir_temporary(const struct pbti_dir *dir, pbti_dir_path path);

/* Write all of a record, and of a segment's head. The file says later whether it could. */
void pbti_dir_put_record(struct pbti_dir *dir, FILE *file, const struct pbti_dir_record *record);
void pbti_dir_put_head(FILE *file, struct pbti_dir_span span);
#define PBTI_DIR_RECORD_HEAD 48u
#define PBTI_DIR_SEGMENT_HEAD 32u

/* Finish a file that was written: it is on the disk afterwards. 0 or errno. Closes it. */
int pbti_dir_seal(FILE *file);

/* Read a whole file into dir->bytes. found: false when there is none. */
PBT_NODISCARD pbt_status pbti_dir_load(struct pbti_dir *dir, const char *path, bool *found,
                                       struct pbt_error *err);

/* The record at `*at` of dir->bytes, which must follow event `after`; moves `*at` behind it.
 * path        for messages. Errors: PBT_ECORRUPT */
PBT_NODISCARD pbt_status pbti_dir_take_record(struct pbti_dir *dir, const char *path, size_t *at,
                                              uint64_t after, struct pbti_dir_record *record,
                                              struct pbt_error *err);

/* The span of the segment whose first bytes are at `head`, which must follow event `before`. */
PBT_NODISCARD pbt_status pbti_dir_take_head(const struct pbti_dir *dir, const char *path,
                                            const uint8_t head[PBTI_DIR_SEGMENT_HEAD],
                                            uint64_t before, struct pbti_dir_span *span,
                                            struct pbt_error *err);

/* Read the head of the segment that follows event `before`. found: false when there is none. */
PBT_NODISCARD pbt_status pbti_dir_look_at_segment(const struct pbti_dir *dir, uint64_t before,
                                                  bool *found, struct pbti_dir_span *span,
                                                  struct pbt_error *err);

/* The status and message of an operation on `path` that failed with an errno. */
pbt_status pbti_dir_fail(const struct pbti_dir *dir, int cause, const char *what, const char *path,
                         struct pbt_error *err);
pbt_status pbti_dir_damaged(const struct pbti_dir *dir, const char *path, const char *what,
                            struct pbt_error *err);

/* -------- order (journal_dir_walk.c) -------- */

enum pbti_dir_next {
    PBTI_DIR_END,    /* nothing follows */
    PBTI_DIR_FILE,   /* a batch file, which was read */
    PBTI_DIR_SEGMENT /* it is in a segment */
};

/*
 * What follows event `after`, which must be the end of a batch?
 *
 * record      out, when it is a file; borrows until the next reading
 * Errors      PBT_ECORRUPT, PBT_EIO, PBT_ENOMEM
 */
PBT_NODISCARD pbt_status pbti_dir_next(struct pbti_dir *dir, uint64_t after,
                                       enum pbti_dir_next *next, struct pbti_dir_record *record,
                                       struct pbt_error *err);

/* Learn of segments that were made since. */
PBT_NODISCARD pbt_status pbti_dir_follow_segments(struct pbti_dir *dir, struct pbt_error *err);

/* The last event that is known, without looking. */
uint64_t pbti_dir_known(const struct pbti_dir *dir);

/* Go to the journal's end; *last. */
PBT_NODISCARD pbt_status pbti_dir_walk(struct pbti_dir *dir, uint64_t *last, struct pbt_error *err);

/* Note a batch file after all that are known. Without memory it is found again by the next walk. */
void pbti_dir_note_end(struct pbti_dir *dir, uint64_t last);

/* Hand out all batches after `since`. Contract: pbti_journal_read(). */
PBT_NODISCARD pbt_status pbti_dir_read(struct pbti_dir *dir, uint64_t since,
                                       pbti_batch_reader reader, void *context,
                                       struct pbt_error *err);

/* Is the batch after event `expected` the one with this id? */
PBT_NODISCARD pbt_status pbti_dir_find(struct pbti_dir *dir, uint64_t expected,
                                       struct pbti_batch_id id, bool *found, struct pbt_error *err);

/* Nothing may lie in batches/ that is farther than the end: then something is missing before it. */
PBT_NODISCARD pbt_status pbti_dir_check_complete(struct pbti_dir *dir, struct pbt_error *err);

/* -------- segments (journal_dir_segment.c) -------- */

/* Put the oldest batch files into a segment when there are many. Best effort: what fails is tried
 * again some appends later. */
void pbti_dir_compact(struct pbti_dir *dir);

/* Write all batches of `from` into segments of the empty journal `to`. */
PBT_NODISCARD pbt_status pbti_dir_write_segments(struct pbti_dir *from, struct pbti_dir *to,
                                                 struct pbt_error *err);

#endif
