/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal/journal_sqlite.c - a journal in an SQLite file, for any number of processes of one
 * machine: `sqlite:PATH`. Format: docs/journal-format.md.
 *
 * One row a batch, whose key is the number of its last event. An append is one statement, and so
 * one transaction: it inserts the row if the journal ends where the appender believes. SQLite takes
 * the write lock before that statement reads, hence nothing can come between the look and the
 * insertion.
 *
 * Invariants
 *   1. A row's last - count is the row before's last (0 for the first), so nothing can be missing
 *      in the middle; `mark` guards the end.
 *   2. A row's hash covers all its other columns: bytes are handed out only when they are those
 *      that were appended.
 *   3. After PBT_EIO from append the batch is not there and will not be, whatever happens next. The
 *      one failure that leaves this open is handled in settle().
 *
 * Processes   a handle must not be used, nor closed, in a child after fork(): SQLite's locks belong
 *             to the process that took them. Open another one there.
 */
#include "journal/journal_sqlite.h"
#include "base/fail.h"
#include "journal/batch_hash.h"
#include "journal/journal_backends.h"
#include "journal/journal_files.h"
#include "journal/poll.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAP_MS_MAX 50 /* between two looks of wait */

/* A row of `batch`; what it points to lives until the statement moves on. */
struct row {
    uint64_t last;
    uint32_t count;
    struct pbti_batch_id id;
    const void *events;
    size_t size;
    uint64_t hash;
};

/* -------- last -------- */

static pbt_status last_sqlite(void *opaque, uint64_t *last, struct pbt_error *err)
{
    struct pbti_sqlite *const state = opaque;
    state->deadline_ms = 0;
    sqlite3_stmt *const query = state->statements[PBTI_SQLITE_LAST];
    int const code = sqlite3_step(query);
    uint64_t const found = code == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(query, 0) : 0;
    (void)sqlite3_reset(query);
    if (code != SQLITE_ROW) { return pbti_sqlite_fail(state, code, "could not be read", err); }
    if (found < state->mark || found > INT64_MAX) {
        return PBTI_FAIL(err, PBT_ECORRUPT, 0,
                         "journal \"%s\" is damaged: it ends at event %llu, but held %llu when it "
                         "was last closed",
                         state->name, (unsigned long long)found, (unsigned long long)state->mark);
    }
    PBTI_TRY(pbti_sqlite_check_unchanged(state, err));
    *last = found;
    return PBT_OK;
}

static pbt_status open_sqlite(void *opaque, const char *path, const struct pbti_journal_opts *opts,
                              struct pbt_error *err)
{
    PBTI_TRY(pbti_sqlite_attach(opaque, path, opts, err));
    uint64_t last;
    return last_sqlite(opaque, &last, err); /* an end that is missing is told now, not later */
}

static void close_sqlite(void *opaque)
{
    pbti_sqlite_detach(opaque);
}

/* -------- append, landed -------- */

/*
 * Make sure that the append that failed with `doubt` can never appear.
 *
 * When the write of a commit succeeded but what SQLite did next (above all fsync) did not, the
 * commit is complete in the -wal file and yet invisible: its index was not told. Nobody sees it
 * while a process has the journal open; but should all die, recovery would find it. The next commit
 * is written over it. So we make one that changes nothing: the format's number, which is what it
 * was.
 */
static pbt_status settle(struct pbti_sqlite *state, struct pbt_error *err)
{
    if (!state->doubt) { return PBT_OK; }
    PBTI_TRY(pbti_sqlite_exec(state, PBTI_SQLITE_SET_FORMAT, "could not append", err));
    state->doubt = false;
    return PBT_OK;
}

static pbt_status landed_sqlite(void *opaque, uint64_t expected, struct pbti_batch_id id,
                                bool *landed, struct pbt_error *err)
{
    struct pbti_sqlite *const state = opaque;
    state->deadline_ms = 0;
    PBTI_TRY(settle(state, err));
    sqlite3_stmt *const query = state->statements[PBTI_SQLITE_NEXT];
    (void)sqlite3_bind_int64(query, 1, (sqlite3_int64)expected);
    int const code = sqlite3_step(query);
    if (code == SQLITE_ROW) {
        sqlite3_int64 const first = sqlite3_column_int64(query, 0) - sqlite3_column_int64(query, 1);
        *landed = (uint64_t)first == expected &&
                  sqlite3_column_bytes(query, 2) == (int)sizeof id.bytes &&
                  memcmp(sqlite3_column_blob(query, 2), id.bytes, sizeof id.bytes) == 0;
    }
    (void)sqlite3_reset(query);
    if (code == SQLITE_ROW || code == SQLITE_DONE) {
        return pbti_sqlite_check_unchanged(state, err);
    }
    return pbti_sqlite_fail(state, code, "could not be read", err);
}

static pbt_status report_conflict(struct pbti_sqlite *state, uint64_t expected, uint64_t *last,
                                  struct pbt_error *err)
{
    PBTI_TRY(last_sqlite(state, last, err));
    return PBTI_FAIL(err, PBT_ECONFLICT, 0, "journal \"%s\" ends at event %llu, not %llu",
                     state->name, (unsigned long long)*last, (unsigned long long)expected);
}

/*
 * An append failed with `code`: was it nevertheless done? Only an I/O error leaves that open: with
 * a full disk the last frame of the commit was not written whole, and all other failures come
 * before anything is written.
 */
static pbt_status find_out(struct pbti_sqlite *state, int code, const struct row *row,
                           uint64_t expected, uint64_t *last, struct pbt_error *err)
{
    struct pbt_error cause; /* err stays untouched if the batch turns out to be there */
    (void)pbti_sqlite_fail(state, code, "could not append", &cause);
    bool landed = false;
    if ((code & 0xff) == SQLITE_IOERR) {
        state->doubt = true;
        if (landed_sqlite(state, expected, row->id, &landed, NULL) != PBT_OK) {
            (void)pbti_fail_context(&cause, PBT_EUNKNOWN, "not known whether a batch was appended");
        }
    }
    if (landed) {
        *last = row->last;
        return PBT_OK;
    }
    if (err != NULL) { *err = cause; }
    return cause.code;
}

static int insert_row(struct pbti_sqlite *state, const struct row *row, uint64_t expected)
{
    sqlite3_stmt *const insert = state->statements[PBTI_SQLITE_INSERT];
    (void)sqlite3_bind_int64(insert, 1, (sqlite3_int64)row->last);
    (void)sqlite3_bind_int64(insert, 2, row->count);
    (void)sqlite3_bind_blob(insert, 3, row->id.bytes, sizeof row->id.bytes, SQLITE_STATIC);
    (void)sqlite3_bind_blob64(insert, 4, row->events, row->size, SQLITE_STATIC);
    (void)sqlite3_bind_int64(insert, 5, (sqlite3_int64)row->hash);
    (void)sqlite3_bind_int64(insert, 6, (sqlite3_int64)expected);
    int const code = sqlite3_step(insert);
    (void)sqlite3_reset(insert);
    return code;
}

static pbt_status append_sqlite(void *opaque, const void *bytes, size_t size, uint32_t count,
                                uint64_t expected, struct pbti_batch_id id, uint64_t *last,
                                struct pbt_error *err)
{
    struct pbti_sqlite *const state = opaque;
    state->deadline_ms = 0;
    struct row row = {expected + count, count, id, bytes, size, 0};
    row.hash = pbti_batch_hash(state->hasher, row.last, count, id, bytes, size);
    int const code = insert_row(state, &row, expected);
    if (code != SQLITE_DONE) { return find_out(state, code, &row, expected, last, err); }
    if (sqlite3_changes(state->db) == 0) { return report_conflict(state, expected, last, err); }
    state->doubt = false; /* written over: see settle() */
    *last = row.last;
    return PBT_OK;
}

/* -------- read -------- */

static pbt_status report_damage(const struct pbti_sqlite *state, uint64_t after, const char *what,
                                struct pbt_error *err)
{
    (void)PBTI_FAIL(err, PBT_ECORRUPT, (int64_t)after,
                    "journal \"%s\" is damaged after event %llu: %s", state->name,
                    (unsigned long long)after, what);
    pbti_fail_hint(err, "restore the file from a copy");
    return PBT_ECORRUPT;
}

/* What is wrong with the shape of the current row; NULL = nothing, and *row is filled. */
static const char *take_row(sqlite3_stmt *query, uint64_t after, struct row *row)
{
    static const int types[] = {SQLITE_INTEGER, SQLITE_INTEGER, SQLITE_BLOB, SQLITE_BLOB,
                                SQLITE_INTEGER};
    for (int i = 0; i < (int)(sizeof types / sizeof *types); i++) {
        if (sqlite3_column_type(query, i) != types[i]) { return "a value has the wrong type"; }
    }
    sqlite3_int64 const last = sqlite3_column_int64(query, 0);
    sqlite3_int64 const count = sqlite3_column_int64(query, 1);
    if (count < 1 || count > UINT32_MAX) { return "a batch has an impossible number of events"; }
    if (last < count || (uint64_t)(last - count) != after) { return "events are missing"; }
    if (sqlite3_column_bytes(query, 2) != (int)sizeof row->id.bytes) {
        return "the id of a batch has the wrong size";
    }
    int const size = sqlite3_column_bytes(query, 3);
    if (size < 1 || (unsigned)size > PBTI_BATCH_MAX) { return "a batch has an impossible size"; }
    const void *const id = sqlite3_column_blob(query, 2);
    const void *const events = sqlite3_column_blob(query, 3);
    if (id == NULL || events == NULL) { return "a batch cannot be read"; }
    memcpy(row->id.bytes, id, sizeof row->id.bytes);
    row->last = (uint64_t)last;
    row->count = (uint32_t)count;
    row->events = events;
    row->size = (size_t)size;
    row->hash = (uint64_t)sqlite3_column_int64(query, 4);
    return NULL;
}

static pbt_status hand_out_row(struct pbti_sqlite *state, uint64_t *after, pbti_batch_reader reader,
                               void *context, struct pbt_error *err)
{
    struct row row;
    const char *wrong = take_row(state->statements[PBTI_SQLITE_FROM], *after, &row);
    if (sqlite3_errcode(state->db) == SQLITE_NOMEM) {
        return pbti_sqlite_fail(state, SQLITE_NOMEM, "could not be read", err);
    }
    if (wrong == NULL && pbti_batch_hash(state->hasher, row.last, row.count, row.id, row.events,
                                         row.size) != row.hash) {
        wrong = "the checksum of the next batch is wrong";
    }
    if (wrong != NULL) { return report_damage(state, *after, wrong, err); }
    PBTI_TRY(reader(context, *after + 1, row.count, row.events, row.size, row.id, err));
    *after = row.last;
    return PBT_OK;
}

/* The statement has no more rows, or failed with `code`. */
static pbt_status end_reading(struct pbti_sqlite *state, int code, uint64_t after,
                              struct pbt_error *err)
{
    if ((code & 0xff) == SQLITE_CORRUPT) {
        return report_damage(state, after, sqlite3_errmsg(state->db), err);
    }
    if (code != SQLITE_DONE) { return pbti_sqlite_fail(state, code, "could not be read", err); }
    if (after < state->mark) { return report_damage(state, after, "the end is missing", err); }
    return PBT_OK;
}

/* Step over the batch that ends at `since`, which must exist. */
static pbt_status skip_to(struct pbti_sqlite *state, uint64_t since, struct pbt_error *err)
{
    sqlite3_stmt *const query = state->statements[PBTI_SQLITE_FROM];
    (void)sqlite3_bind_int64(query, 1, (sqlite3_int64)since);
    if (since == 0) { return PBT_OK; }
    int const code = sqlite3_step(query);
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        return pbti_sqlite_fail(state, code, "could not be read", err);
    }
    if (code == SQLITE_ROW && (uint64_t)sqlite3_column_int64(query, 0) == since) { return PBT_OK; }
    return PBTI_FAIL(err, PBT_ECORRUPT, 0, "no batch of journal \"%s\" ends at event %llu",
                     state->name, (unsigned long long)since);
}

static pbt_status read_sqlite(void *opaque, uint64_t since, pbti_batch_reader reader, void *context,
                              struct pbt_error *err)
{
    struct pbti_sqlite *const state = opaque;
    state->deadline_ms = 0;
    sqlite3_stmt *const query = state->statements[PBTI_SQLITE_FROM];
    uint64_t after = since;
    pbt_status status = skip_to(state, since, err);
    while (status == PBT_OK) {
        int const code = sqlite3_step(query);
        if (code != SQLITE_ROW) {
            status = end_reading(state, code, after, err);
            break;
        }
        status = hand_out_row(state, &after, reader, context, err);
    }
    (void)sqlite3_reset(query);
    return status == PBT_OK ? pbti_sqlite_check_unchanged(state, err) : status;
}

/* -------- wait -------- */

/* A look costs about 2 us. (PRAGMA data_version costs 1.6 us and would have to be followed by this
 * look.) */
static pbt_status wait_sqlite(void *opaque, uint64_t since, uint32_t timeout_ms, uint64_t *last,
                              struct pbt_error *err)
{
    return pbti_wait_looking(last_sqlite, opaque, false, NAP_MS_MAX, since, timeout_ms, last, err);
}

/* -------- check -------- */

static pbt_status accept_batch(void *context, uint64_t first, uint32_t count, const void *bytes,
                               size_t size, struct pbti_batch_id id, struct pbt_error *err)
{
    (void)context, (void)first, (void)count, (void)bytes, (void)size, (void)id, (void)err;
    return PBT_OK;
}

/* First our own reading, which can name the batch; then SQLite's look at all its structures. */
static pbt_status check_sqlite(void *opaque, struct pbt_error *err)
{
    struct pbti_sqlite *const state = opaque;
    PBTI_TRY(read_sqlite(state, 0, accept_batch, NULL, err));
    sqlite3_stmt *row;
    PBTI_TRY(pbti_sqlite_query(state, "PRAGMA integrity_check(1)", &row, err));
    const char *const verdict = (const char *)sqlite3_column_text(row, 0);
    bool const sound = verdict != NULL && strcmp(verdict, "ok") == 0;
    if (!sound) {
        (void)PBTI_FAIL(err, PBT_ECORRUPT, 0, "journal \"%s\" is damaged: %s", state->name,
                        verdict != NULL ? verdict : "no memory to say how");
    }
    (void)sqlite3_finalize(row);
    return sound ? pbti_sqlite_check_unchanged(state, err) : PBT_ECORRUPT;
}

/* -------- copy -------- */

/* Read the copy once (hashes, numbering) and close it as every journal is closed. */
static pbt_status seal_copy(const char *path, struct pbt_error *err)
{
    struct pbti_journal_opts const opts = pbti_journal_opts_default();
    struct pbti_sqlite copy = {0};
    pbt_status status = pbti_sqlite_attach(&copy, path, &opts, err);
    if (status == PBT_OK) { status = read_sqlite(&copy, 0, accept_batch, NULL, err); }
    pbti_sqlite_detach(&copy);
    if (status != PBT_OK) { return status; }
    int const cause = pbti_sync_path(path);
    return cause == 0 ? PBT_OK : pbti_fail_copy(path, cause, err);
}

static pbt_status write_copy(struct pbti_sqlite *state, const char *temporary,
                             struct pbt_error *err)
{
    sqlite3_stmt *vacuum;
    int code = sqlite3_prepare_v2(state->db, "VACUUM INTO ?1", -1, &vacuum, NULL);
    if (code == SQLITE_OK) {
        (void)sqlite3_bind_text(vacuum, 1, temporary, -1, SQLITE_STATIC);
        code = sqlite3_step(vacuum);
    }
    (void)sqlite3_finalize(vacuum);
    if (code == SQLITE_DONE) { return pbti_sqlite_check_unchanged(state, err); }
    return pbti_sqlite_fail(state, code, "could not be copied", err);
}

static void remove_temporary(const char *temporary)
{
    static const char *const suffixes[] = {"", "-journal", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char *path;
        if (asprintf(&path, "%s%s", temporary, suffixes[i]) < 0) { continue; }
        (void)unlink(path);
        free(path);
    }
}

static pbt_status copy_sqlite(void *opaque, const char *path, struct pbt_error *err)
{
    struct pbti_sqlite *const state = opaque;
    state->deadline_ms = 0;
    if (access(path, F_OK) == 0) { return pbti_fail_copy(path, EEXIST, err); }
    uint64_t random;
    sqlite3_randomness(sizeof random, &random);
    char *temporary; /* never a URI or ":memory:" to SQLite: begins with . or / */
    if (asprintf(&temporary, "%s%s.part-%016llx", path[0] == '/' ? "" : "./", path,
                 (unsigned long long)random) < 0) {
        return pbti_fail_copy(path, ENOMEM, err);
    }
    pbt_status status = write_copy(state, temporary, err);
    if (status == PBT_OK) { status = seal_copy(temporary, err); }
    if (status == PBT_OK) {
        int const cause = pbti_give_name(temporary, path);
        if (cause != 0) { status = pbti_fail_copy(path, cause, err); }
    }
    if (status != PBT_OK) {
        remove_temporary(temporary);
    } else {
        (void)pbti_sync_folder_of(path);
    }
    free(temporary);
    return status;
}

const struct pbti_journal_vtab pbti_journal_sqlite = {
    .version = 1,
    .scheme = "sqlite",
    .state_size = sizeof(struct pbti_sqlite),
    .open = open_sqlite,
    .append = append_sqlite,
    .landed = landed_sqlite,
    .read = read_sqlite,
    .last = last_sqlite,
    .wait = wait_sqlite,
    .check = check_sqlite,
    .copy = copy_sqlite,
    .close = close_sqlite,
};
