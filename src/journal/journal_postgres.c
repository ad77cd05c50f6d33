/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal/journal_postgres.c - a journal in a PostgreSQL database, for any number of machines:
 * `postgresql://USER@HOST/DATABASE#STUDY`. Format: docs/journal-format.md.
 *
 * One row a batch, whose key is the number of its first event. An append is one statement, and so
 * one transaction and one round trip: it inserts the row if the journal ends where the appender
 * believes and nobody has inserted that key. Rows are never changed nor deleted, so a statement
 * that looked too early finds the key taken, waits for whoever has it to commit, and does nothing.
 *
 * Waiting is looking again after naps: NOTIFY takes a lock on the whole database at each commit,
 * which costs two thirds of the commits of all studies in it.
 *
 * sync        the server's own durability, and never less than its write-ahead log on disk: what a
 *             crash of the server took away would be missing from under workers that live on
 */
#include "journal/journal_postgres.h"

#include "base/fail.h"
#include "journal/journal_backends.h"
#include "journal/poll.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define NAP_MS_MAX 100 /* between two looks of wait */

static pbt_status open_postgres(void *opaque, const char *path,
                                const struct pbti_journal_opts *opts, struct pbt_error *err)
{
    return pbti_postgres_attach(opaque, path, opts, err);
}

static void close_postgres(void *opaque)
{
    pbti_postgres_detach(opaque);
}

/* -------- names -------- */

static bool has_password(const char *conninfo)
{
    bool found = false;
    PQconninfoOption *const options = PQconninfoParse(conninfo, NULL);
    for (const PQconninfoOption *option = options; option != NULL && option->keyword != NULL;
         option++) {
        found = found || (strcmp(option->keyword, "password") == 0 && option->val != NULL);
    }
    PQconninfoFree(options);
    return found;
}

static pbt_status put_name(const char *path, const char *conninfo, const char *given,
                           const char *study, char *url, size_t size, struct pbt_error *err)
{
    if (has_password(conninfo)) {
        (void)PBTI_FAIL(err, PBT_EINVAL, 0,
                        "a journal's URL is kept in the study folder, and so "
                        "must not hold a password");
        pbti_fail_hint(err, "put the password into ~/.pgpass or the variable PGPASSWORD");
        return PBT_EINVAL;
    }
    uint32_t random = 0; /* studies of one name do not meet by accident */
    while (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random) {}
    int const length = given[0] != '\0'
                           ? snprintf(url, size, "postgresql:%s", path)
                           : snprintf(url, size, "%s#%s-%08" PRIx32, conninfo, study, random);
    if (length > 0 && (size_t)length < size && strchr(url, '\n') == NULL) { return PBT_OK; }
    return PBTI_FAIL(err, PBT_ELIMIT, 0, "the journal's URL is too long");
}

static pbt_status name_postgres(const char *path, const char *study, char *url, size_t size,
                                struct pbt_error *err)
{
    char *conninfo = NULL;
    char *given = NULL;
    pbt_status status = pbti_postgres_split(path, &conninfo, &given, err);
    if (status == PBT_OK) { status = put_name(path, conninfo, given, study, url, size, err); }
    free(conninfo);
    free(given);
    return status;
}

/* -------- asking -------- */

/* A statement that only reads, about this study and perhaps an event: tried again on a new
 * connection when it was lost. */
static pbt_status ask(struct pbti_postgres *state, enum pbti_postgres_statement statement,
                      const uint64_t *event, PGresult **result, struct pbt_error *err)
{
    pbt_status status = PBT_EUNKNOWN;
    for (int tries = 0; tries < 2 && status == PBT_EUNKNOWN; tries++) {
        PBTI_TRY(pbti_postgres_connect(state, err));
        struct pbti_postgres_args args = {0};
        pbti_postgres_put_integer(&args, state->study_id);
        if (event != NULL) { pbti_postgres_put_integer(&args, (int64_t)*event); }
        status = pbti_postgres_run(state, statement, &args, result, err);
    }
    if (status == PBT_EUNKNOWN && err != NULL) { err->code = PBT_EBUSY; }
    return status == PBT_EUNKNOWN ? PBT_EBUSY : status;
}

static pbt_status last_postgres(void *opaque, uint64_t *last, struct pbt_error *err)
{
    PGresult *result;
    PBTI_TRY(ask(opaque, PBTI_POSTGRES_LAST, NULL, &result, err));
    *last = (uint64_t)pbti_postgres_integer(result, 0, 0);
    PQclear(result);
    return PBT_OK;
}

static pbt_status landed_postgres(void *opaque, uint64_t expected, struct pbti_batch_id id,
                                  bool *landed, struct pbt_error *err)
{
    uint64_t const first = expected + 1;
    PGresult *result;
    PBTI_TRY(ask(opaque, PBTI_POSTGRES_AT, &first, &result, err));
    *landed = PQntuples(result) == 1 && PQgetlength(result, 0, 0) == (int)sizeof id.bytes &&
              memcmp(PQgetvalue(result, 0, 0), id.bytes, sizeof id.bytes) == 0;
    PQclear(result);
    return PBT_OK;
}

/* -------- append -------- */

static pbt_status report_conflict(struct pbti_postgres *state, uint64_t expected, uint64_t *last,
                                  struct pbt_error *err)
{
    PBTI_TRY(last_postgres(state, last, err));
    return PBTI_FAIL(err, PBT_ECONFLICT, 0,
                     "journal \"%s\" ends at event %" PRIu64 ", not %" PRIu64, state->name, *last,
                     expected);
}

static pbt_status append_postgres(void *opaque, const void *bytes, size_t size, uint32_t count,
                                  uint64_t expected, struct pbti_batch_id id, uint64_t *last,
                                  struct pbt_error *err)
{
    struct pbti_postgres *const state = opaque;
    PBTI_TRY(pbti_postgres_connect(state, err));
    uint64_t const hash = pbti_batch_hash(state->hasher, expected + count, count, id, bytes, size);
    struct pbti_postgres_args args = {0};
    pbti_postgres_put_integer(&args, state->study_id);
    pbti_postgres_put_integer(&args, (int64_t)expected + 1);
    pbti_postgres_put_integer(&args, count);
    pbti_postgres_put_bytes(&args, id.bytes, sizeof id.bytes);
    pbti_postgres_put_bytes(&args, bytes, size);
    pbti_postgres_put_integer(&args, (int64_t)hash);
    PGresult *result;
    PBTI_TRY(pbti_postgres_run(state, PBTI_POSTGRES_INSERT, &args, &result, err));
    bool const inserted = strcmp(PQcmdTuples(result), "1") == 0;
    PQclear(result);
    if (!inserted) { return report_conflict(state, expected, last, err); }
    *last = expected + count;
    state->end = *last;
    return PBT_OK;
}

/* -------- read -------- */

static pbt_status report_damage(const struct pbti_postgres *state, uint64_t after, const char *what,
                                struct pbt_error *err)
{
    (void)PBTI_FAIL(err, PBT_ECORRUPT, (int64_t)after,
                    "journal \"%s\" is damaged after event %" PRIu64 ": %s", state->name, after,
                    what);
    pbti_fail_hint(err, "restore the database from a copy");
    return PBT_ECORRUPT;
}

static pbt_status hand_out_row(struct pbti_postgres *state, const PGresult *rows, int row,
                               uint64_t *after, pbti_batch_reader reader, void *context,
                               struct pbt_error *err)
{
    int64_t const first = pbti_postgres_integer(rows, row, 0);
    int64_t const count = pbti_postgres_integer(rows, row, 1);
    const void *const events = PQgetvalue(rows, row, 3);
    size_t const size = (size_t)PQgetlength(rows, row, 3);
    struct pbti_batch_id id;
    if ((uint64_t)first != *after + 1) {
        return report_damage(state, *after, "events are missing", err);
    }
    if (count < 1 || count > UINT32_MAX || PQgetlength(rows, row, 2) != (int)sizeof id.bytes ||
        size < (size_t)count || size > PBTI_BATCH_MAX) {
        return report_damage(state, *after, "the next batch has an impossible size", err);
    }
    memcpy(id.bytes, PQgetvalue(rows, row, 2), sizeof id.bytes);
    uint64_t const last = *after + (uint64_t)count;
    if (pbti_batch_hash(state->hasher, last, (uint32_t)count, id, events, size) !=
        (uint64_t)pbti_postgres_integer(rows, row, 4)) {
        return report_damage(state, *after, "the checksum of the next batch is wrong", err);
    }
    PBTI_TRY(reader(context, *after + 1, (uint32_t)count, events, size, id, err));
    *after = last;
    return PBT_OK;
}

/* Does a batch end at `since`? */
static pbt_status check_since(struct pbti_postgres *state, uint64_t since, struct pbt_error *err)
{
    if (since == 0 || since == state->end) { return PBT_OK; }
    bool good = false;
    if (since <= INT64_MAX) {
        PGresult *result;
        PBTI_TRY(ask(state, PBTI_POSTGRES_END, &since, &result, err));
        good = PQntuples(result) == 1 && (uint64_t)pbti_postgres_integer(result, 0, 0) == since;
        PQclear(result);
    }
    if (good) { return PBT_OK; }
    return PBTI_FAIL(err, PBT_ECORRUPT, 0, "no batch of journal \"%s\" ends at event %" PRIu64,
                     state->name, since);
}

static pbt_status read_postgres(void *opaque, uint64_t since, pbti_batch_reader reader,
                                void *context, struct pbt_error *err)
{
    struct pbti_postgres *const state = opaque;
    PBTI_TRY(check_since(state, since, err));
    uint64_t after = since;
    for (int rows = PBTI_POSTGRES_ROWS; rows == PBTI_POSTGRES_ROWS;) {
        PGresult *result;
        PBTI_TRY(ask(state, PBTI_POSTGRES_AFTER, &after, &result, err));
        pbt_status status = PBT_OK;
        rows = PQntuples(result);
        for (int row = 0; status == PBT_OK && row < rows; row++) {
            status = hand_out_row(state, result, row, &after, reader, context, err);
        }
        PQclear(result);
        PBTI_TRY(status);
    }
    state->end = after;
    return PBT_OK;
}

/* -------- the rest of the contract -------- */

/* A server that is away may come back. */
static pbt_status wait_postgres(void *opaque, uint64_t since, uint32_t timeout_ms, uint64_t *last,
                                struct pbt_error *err)
{
    return pbti_wait_looking(last_postgres, opaque, true, NAP_MS_MAX, since, timeout_ms, last, err);
}

static pbt_status accept_batch(void *context, uint64_t first, uint32_t count, const void *bytes,
                               size_t size, struct pbti_batch_id id, struct pbt_error *err)
{
    (void)context, (void)first, (void)count, (void)bytes, (void)size, (void)id, (void)err;
    return PBT_OK;
}

static pbt_status check_postgres(void *opaque, struct pbt_error *err)
{
    return read_postgres(opaque, 0, accept_batch, NULL, err);
}

/* Make the study `path` of the batches of this one, in one statement. */
static pbt_status copy_postgres(void *opaque, const char *path, struct pbt_error *err)
{
    struct pbti_postgres *const state = opaque;
    struct pbti_postgres_args args = {0};
    PBTI_TRY(pbti_postgres_connect(state, err));
    pbti_postgres_put_text(&args, path);
    pbti_postgres_put_integer(&args, state->study_id);
    PGresult *result;
    PBTI_TRY(pbti_postgres_run_text(
        state,
        "WITH made AS (INSERT INTO pbt.study(name) VALUES($1) ON CONFLICT DO NOTHING RETURNING id),"
        " copied AS (INSERT INTO pbt.batch(study, first, count, id, events, hash) "
        "SELECT made.id, first, count, batch.id, events, hash FROM made, pbt.batch "
        "WHERE study = $2::bigint) SELECT id FROM made",
        &args, &result, err));
    bool const made = PQntuples(result) == 1;
    PQclear(result);
    if (made) { return PBT_OK; }
    return PBTI_FAIL(err, PBT_EEXIST, 0, "could not make copy \"%s\": it exists already", path);
}

const struct pbti_journal_vtab pbti_journal_postgres = {
    .version = 1,
    .scheme = "postgresql",
    .state_size = sizeof(struct pbti_postgres),
    .open = open_postgres,
    .append = append_postgres,
    .landed = landed_postgres,
    .read = read_postgres,
    .last = last_postgres,
    .wait = wait_postgres,
    .check = check_postgres,
    .copy = copy_postgres,
    .name = name_postgres,
    .close = close_postgres,
};
