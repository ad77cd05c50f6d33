/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal/journal_sqlite.h - what the two halves of the SQLite journal share: journal_sqlite.c
 * (what one does with it) and journal_sqlite_file.c (how the file is opened, identified and
 * closed).
 */
#ifndef PBTI_JOURNAL_JOURNAL_SQLITE_H
#define PBTI_JOURNAL_JOURNAL_SQLITE_H

#include "journal/journal.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <xxhash.h>

#define PBTI_SQLITE_FORMAT 1 /* the newest format known: PRAGMA user_version */
#define PBTI_SQLITE_SET_FORMAT "PRAGMA user_version=1"

enum pbti_sqlite_statement {
    PBTI_SQLITE_INSERT, /* a batch, if the journal ends where the appender believes */
    PBTI_SQLITE_LAST,   /* the last sequence number */
    PBTI_SQLITE_NEXT,   /* the first batch after a sequence number */
    PBTI_SQLITE_FROM,   /* all batches that end at a sequence number or later */
    PBTI_SQLITE_STATEMENTS
};

struct pbti_sqlite {
    char *name; /* the path as the user wrote it, for messages */
    char *path; /* the same file as SQLite is told */
    sqlite3 *db;
    sqlite3_stmt *statements[PBTI_SQLITE_STATEMENTS]; /* prepared once */
    XXH3_state_t *hasher;
    uint64_t mark; /* the journal held at least this many events when it was last closed */
    uint32_t lock_wait_ms;
    int64_t deadline_ms; /* of the call that is waiting for a lock; 0 = it has not waited yet */
    bool read_only;
    bool doubt;       /* a failed append may have left a commit on the disk that nobody sees */
    bool immutable;   /* opened without locks: see pbti_sqlite_check_unchanged() */
    struct stat seen; /* of the file, when immutable */
};

/* Open, identify (or create) and prepare. After an error only pbti_sqlite_detach() is allowed. */
pbt_status pbti_sqlite_attach(struct pbti_sqlite *state, const char *path,
                              const struct pbti_journal_opts *opts, struct pbt_error *err);

/* Close; the last writer leaves one self-contained file. Never waits for others, never fails. */
void pbti_sqlite_detach(struct pbti_sqlite *state);

/* Nobody may have written to a file that is being read without locks. Errors: PBT_EBUSY */
pbt_status pbti_sqlite_check_unchanged(const struct pbti_sqlite *state, struct pbt_error *err);

/* Run `sql` to its end, waiting for locks where SQLite itself does not; `what` failed otherwise. */
pbt_status pbti_sqlite_exec(struct pbti_sqlite *state, const char *sql, const char *what,
                            struct pbt_error *err);

/* Run `sql` up to its first row, which must exist; the caller finalizes *row. */
pbt_status pbti_sqlite_query(struct pbti_sqlite *state, const char *sql, sqlite3_stmt **row,
                             struct pbt_error *err);

/* The status and message for SQLite's result code `code` of the last call on state->db. */
pbt_status pbti_sqlite_fail(const struct pbti_sqlite *state, int code, const char *what,
                            struct pbt_error *err);

#endif
