/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal/journal_postgres.h - what the two halves of the PostgreSQL journal share:
 * journal_postgres.c (what one does with it) and journal_postgres_link.c (how a connection is made,
 * lost and made again, and what is prepared on it).
 */
#ifndef PBTI_JOURNAL_JOURNAL_POSTGRES_H
#define PBTI_JOURNAL_JOURNAL_POSTGRES_H

#include "journal/batch_hash.h"
#include "journal/journal.h"

#include <libpq-fe.h>

#define PBTI_POSTGRES_FORMAT 1       /* the newest schema known: pbt.format */
#define PBTI_POSTGRES_STUDY_MAX 1024 /* bytes of a study's name */

enum pbti_postgres_statement {
    PBTI_POSTGRES_INSERT, /* a batch, if the journal ends where the appender believes */
    PBTI_POSTGRES_LAST,   /* the last sequence number */
    PBTI_POSTGRES_AFTER,  /* some batches after a sequence number */
    PBTI_POSTGRES_AT,     /* the id of the batch that begins with an event */
    PBTI_POSTGRES_END,    /* the end of the batch that has an event */
    PBTI_POSTGRES_STATEMENTS
};
#define PBTI_POSTGRES_ROWS 256 /* that AFTER answers at once */

struct pbti_postgres {
    char *conninfo;     /* the URL without the study; owned as all below; may hold a password */
    char *study;        /* name of the study */
    char *name;         /* of the journal, for messages; holds no password */
    PGconn *connection; /* NULL: there is none now */
    XXH3_state_t *hasher;
    int64_t study_id;
    int64_t fence; /* random key of the lock that our connection holds; 0: we never write */
    bool connected_before;
    bool read_only, create;
    uint32_t lock_wait_ms;
    uint64_t end; /* of a batch, known to be one; 0 is one */

    int64_t again_ms;         /* no attempt to connect before */
    int64_t pause_ms;         /* to the attempt after the next failure */
    struct pbt_error trouble; /* of the last attempt */
};

/* Parameters of a statement: built by the functions below, borrowing texts and bytes. */
struct pbti_postgres_args {
    int count;
    const char *values[8];
    int sizes[8], formats[8];
    uint64_t words[8]; /* integers, big-endian */
};
void pbti_postgres_put_integer(struct pbti_postgres_args *args, int64_t value);
void pbti_postgres_put_bytes(struct pbti_postgres_args *args, const void *bytes, size_t size);
void pbti_postgres_put_text(struct pbti_postgres_args *args, const char *text);

/* An 8-byte integer of a result in binary format. */
int64_t pbti_postgres_integer(const PGresult *result, int row, int column);

/* Split "//user@host/db?options#study"; study is empty when there is none. Errors: PBT_EINVAL (not
 * a URL of libpq; its own message is not shown, since it may quote a password), PBT_ENOMEM */
pbt_status pbti_postgres_split(const char *path, char **conninfo, char **study,
                               struct pbt_error *err);

/* Remember where the journal is, and connect to it. After an error only detach is allowed. */
pbt_status pbti_postgres_attach(struct pbti_postgres *state, const char *path,
                                const struct pbti_journal_opts *opts, struct pbt_error *err);
void pbti_postgres_detach(struct pbti_postgres *state);

/*
 * Be connected. Whoever was connected before is certain to be alone then: what the lost connection
 * had under way has ended, one way or the other.
 *
 * Errors      PBT_EBUSY (there is no server, or it is starting or stopping; the next attempts come
 *             after growing pauses, and fail at once until then), PBT_EIO (it does not let us in),
 *             PBT_ENOENT, PBT_EVERSION, PBT_ECORRUPT
 */
pbt_status pbti_postgres_connect(struct pbti_postgres *state, struct pbt_error *err);

/*
 * Run a prepared statement, or text, on the connection there is. *result is the caller's to clear.
 *
 * Errors      PBT_EUNKNOWN (the connection was lost while it ran; it is closed), PBT_EBUSY (a lock
 *             was not given), PBT_EIO: it did nothing
 */
pbt_status pbti_postgres_run(struct pbti_postgres *state, enum pbti_postgres_statement statement,
                             const struct pbti_postgres_args *args, PGresult **result,
                             struct pbt_error *err);
pbt_status pbti_postgres_run_text(struct pbti_postgres *state, const char *sql,
                                  const struct pbti_postgres_args *args, PGresult **result,
                                  struct pbt_error *err);

#endif
