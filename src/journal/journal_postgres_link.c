/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal/journal_postgres_link.c - the PostgreSQL journal's connection: made, set up, lost, made
 * again; the schema; what the server's errors mean to a user.
 *
 * The fence    When a connection is lost in the middle of a commit, the server may still execute
 *              what we sent. A new connection that looks, sees nothing and says so would be wrong a
 *              moment later. Therefore each connection that writes holds an advisory lock whose key
 *              is the handle's own. The next connection of the handle ends whoever holds the lock
 *              and takes it: the server gives it only when the old session is gone, with all it had
 *              under way.
 *
 * Passwords    are libpq's business (PGPASSWORD, ~/.pgpass, services, the URL) and in no message.
 */
#include "journal/journal_postgres.h"
#include "journal/journal_postgres_open.h"

#include "base/fail.h"
#include "journal/poll.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define PAUSE_MS_MIN 100
#define PAUSE_MS_MAX 5000

enum { BYTEA = 17, INT8 = 20, TEXT = 25 }; /* the types' fixed numbers in pg_catalog.pg_type */

#define LAST_EVENT                                                                                 \
    "coalesce((SELECT first + count - 1 FROM pbt.batch WHERE study = $1 "                          \
    "ORDER BY first DESC LIMIT 1), 0)"

static const struct {
    const char *name, *sql;
    int types_count;
    Oid types[6];
} statements[PBTI_POSTGRES_STATEMENTS] = {
    /* the unique key makes appends serial: of those with the same first event one is inserted */
    [PBTI_POSTGRES_INSERT] = {"insert",
                              "INSERT INTO pbt.batch(study, first, count, id, events, hash) "
                              "SELECT $1, $2, $3, $4, $5, $6 WHERE $2 - 1 = " LAST_EVENT
                              " ON CONFLICT DO NOTHING",
                              6,
                              {INT8, INT8, INT8, BYTEA, BYTEA, INT8}},
    [PBTI_POSTGRES_LAST] = {"last", "SELECT " LAST_EVENT, 1, {INT8}},
    [PBTI_POSTGRES_AFTER] = {"after",
                             "SELECT first, count, id, events, hash FROM pbt.batch "
                             "WHERE study = $1 AND first > $2 ORDER BY first LIMIT 256",
                             2,
                             {INT8, INT8}},
    [PBTI_POSTGRES_AT] = {"at",
                          "SELECT id FROM pbt.batch WHERE study = $1 AND first = $2",
                          2,
                          {INT8, INT8}},
    [PBTI_POSTGRES_END] = {"end",
                           "SELECT first + count - 1 FROM pbt.batch WHERE study = $1 "
                           "AND first <= $2 ORDER BY first DESC LIMIT 1",
                           2,
                           {INT8, INT8}},
};
_Static_assert(PBTI_POSTGRES_ROWS == 256, "the LIMIT of the statement `after`");

static const char schema[] =
    "CREATE SCHEMA pbt;"
    "CREATE TABLE pbt.format(version integer NOT NULL);"
    "INSERT INTO pbt.format VALUES(1);"
    "CREATE TABLE pbt.study(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " name text NOT NULL UNIQUE, created timestamptz NOT NULL DEFAULT now());"
    "CREATE TABLE pbt.batch(study bigint NOT NULL, first bigint NOT NULL, count bigint NOT NULL,"
    " id bytea NOT NULL, events bytea NOT NULL, hash bigint NOT NULL, PRIMARY KEY(study, first))";

/* -------- parameters -------- */

void pbti_postgres_put_integer(struct pbti_postgres_args *args, int64_t value)
{
    int const at = args->count++;
    args->words[at] = htobe64((uint64_t)value);
    args->values[at] = (const char *)&args->words[at];
    args->sizes[at] = sizeof args->words[at];
    args->formats[at] = 1;
}

void pbti_postgres_put_bytes(struct pbti_postgres_args *args, const void *bytes, size_t size)
{
    int const at = args->count++;
    args->values[at] = bytes;
    args->sizes[at] = (int)size;
    args->formats[at] = 1;
}

void pbti_postgres_put_text(struct pbti_postgres_args *args, const char *text)
{
    int const at = args->count++;
    args->values[at] = text;
    args->sizes[at] = 0;
    args->formats[at] = 0;
}

int64_t pbti_postgres_integer(const PGresult *result, int row, int column)
{
    uint64_t word = 0;
    if (PQgetlength(result, row, column) == (int)sizeof word) {
        memcpy(&word, PQgetvalue(result, row, column), sizeof word);
    }
    return (int64_t)be64toh(word);
}

/* -------- errors -------- */

/* What libpq says has line ends, and a severity in front. */
static void one_line(const char *text, char *line, size_t size)
{
    size_t used = 0;
    for (; *text != '\0' && used + 1 < size; text++) {
        bool const blank = *text == '\n' || *text == '\t' || *text == ' ';
        if (blank && (used == 0 || line[used - 1] == ' ')) { continue; }
        line[used++] = blank ? ' ' : *text;
    }
    while (used > 0 && line[used - 1] == ' ') {
        used--;
    }
    line[used] = '\0';
}

static void hint_for(const char *state, struct pbt_error *err)
{
    static const char *const hints[][2] = {
        {"28", "look at the user and the password: PGPASSWORD or ~/.pgpass, and the server's "
               "pg_hba.conf"},
        {"3D000", "make the database first: createdb NAME"},
        {"42501", "the user may not make or write the schema \"pbt\": GRANT CREATE ON DATABASE"},
        {"53", "make room on the server and try again; whatever was appended before is safe"},
    };
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++) {
        if (strncmp(state, hints[i][0], strlen(hints[i][0])) == 0) {
            pbti_fail_hint(err, "%s", hints[i][1]);
        }
    }
}

static pbt_status fail(const struct pbti_postgres *state, pbt_status status, const char *sqlstate,
                       const char *said, struct pbt_error *err)
{
    char line[600];
    one_line(said, line, sizeof line);
    (void)PBTI_FAIL(err, status, 0, "journal \"%s\": %s", state->name,
                    line[0] != '\0' ? line : "no answer from the server");
    if (sqlstate != NULL) { hint_for(sqlstate, err); }
    return status;
}

static void drop(struct pbti_postgres *state)
{
    PQfinish(state->connection);
    state->connection = NULL;
}

/* A statement failed: how, and is the connection still of use? */
static pbt_status fail_statement(struct pbti_postgres *state, const PGresult *result,
                                 struct pbt_error *err)
{
    const char *const field = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *const sqlstate = field != NULL ? field : "";
    /* 57P01..3: the server is being stopped; it closes the connection right after saying so */
    bool const lost = PQstatus(state->connection) != CONNECTION_OK ||
                      strncmp(sqlstate, "57P", 3) == 0 || sqlstate[0] == '\0';
    if (lost) {
        (void)fail(state, PBT_EUNKNOWN, NULL, PQerrorMessage(state->connection), err);
        drop(state);
        return PBT_EUNKNOWN;
    }
    bool const busy = strcmp(sqlstate, "55P03") == 0 || strncmp(sqlstate, "40", 2) == 0;
    const char *const text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    return fail(state, busy ? PBT_EBUSY : PBT_EIO, sqlstate, text != NULL ? text : "", err);
}

/* Hand over the result if it is a good one. */
static pbt_status take(struct pbti_postgres *state, PGresult *got, PGresult **result,
                       struct pbt_error *err)
{
    ExecStatusType const kind = PQresultStatus(got);
    *result = got;
    if (kind == PGRES_TUPLES_OK || kind == PGRES_COMMAND_OK) { return PBT_OK; }
    pbt_status const status = fail_statement(state, got, err);
    PQclear(got);
    *result = NULL;
    return status;
}

pbt_status pbti_postgres_run(struct pbti_postgres *state, enum pbti_postgres_statement statement,
                             const struct pbti_postgres_args *args, PGresult **result,
                             struct pbt_error *err)
{
    return take(state,
                PQexecPrepared(state->connection, statements[statement].name, args->count,
                               args->values, args->sizes, args->formats, 1),
                result, err);
}

pbt_status pbti_postgres_run_text(struct pbti_postgres *state, const char *sql,
                                  const struct pbti_postgres_args *args, PGresult **result,
                                  struct pbt_error *err)
{
    PGresult *const got = args == NULL ? PQexec(state->connection, sql)
                                       : PQexecParams(state->connection, sql, args->count, NULL,
                                                      args->values, args->sizes, args->formats, 1);
    return take(state, got, result, err);
}

static pbt_status run_only(struct pbti_postgres *state, const char *sql, struct pbt_error *err)
{
    PGresult *result;
    PBTI_TRY(pbti_postgres_run_text(state, sql, NULL, &result, err));
    PQclear(result);
    return PBT_OK;
}

/* A statement whose answer is one integer; *found: is there a row? */
static pbt_status query_integer(struct pbti_postgres *state, const char *sql,
                                const struct pbti_postgres_args *args, bool *found, int64_t *value,
                                struct pbt_error *err)
{
    static const struct pbti_postgres_args none = {0};
    PGresult *result;
    PBTI_TRY(pbti_postgres_run_text(state, sql, args != NULL ? args : &none, &result, err));
    *found = PQntuples(result) == 1;
    *value = *found ? pbti_postgres_integer(result, 0, 0) : 0;
    PQclear(result);
    return PBT_OK;
}

/* -------- where it is -------- */

pbt_status pbti_postgres_split(const char *path, char **conninfo, char **study,
                               struct pbt_error *err)
{
    size_t const size = strcspn(path, "#");
    *study = strdup(path[size] == '#' ? path + size + 1 : "");
    if (asprintf(conninfo, "postgresql:%.*s", (int)size, path) < 0) { *conninfo = NULL; }
    if (*conninfo == NULL || *study == NULL) {
        return PBTI_FAIL(err, PBT_ENOMEM, 0, "no memory for a journal");
    }
    PQconninfoOption *const options = PQconninfoParse(*conninfo, NULL);
    bool const good = options != NULL && strncmp(path, "//", 2) == 0;
    PQconninfoFree(options);
    if (good && strlen(*study) < PBTI_POSTGRES_STUDY_MAX) { return PBT_OK; }
    (void)PBTI_FAIL(err, PBT_EINVAL, 0, "the URL of a PostgreSQL journal is not well-formed");
    pbti_fail_hint(err, "write postgresql://USER@HOST/DATABASE, with #STUDY to name the study");
    return PBT_EINVAL;
}

/* "postgresql://host/database#study", whatever else the URL said. */
static char *make_name(const char *conninfo, const char *study)
{
    const char *host = "";
    const char *database = "";
    PQconninfoOption *const options = PQconninfoParse(conninfo, NULL);
    for (const PQconninfoOption *option = options; option != NULL && option->keyword != NULL;
         option++) {
        const char *const value = option->val != NULL ? option->val : "";
        if (strcmp(option->keyword, "host") == 0) { host = value; }
        if (strcmp(option->keyword, "dbname") == 0) { database = value; }
    }
    char *name = NULL;
    if (asprintf(&name, "postgresql://%s/%s#%s", host, database, study) < 0) { name = NULL; }
    PQconninfoFree(options);
    return name;
}

static pbt_status keep_place(struct pbti_postgres *state, const char *path, struct pbt_error *err)
{
    PBTI_TRY(pbti_postgres_split(path, &state->conninfo, &state->study, err));
    if (state->study[0] == '\0') {
        (void)PBTI_FAIL(err, PBT_EINVAL, 0, "the URL of the journal names no study");
        pbti_fail_hint(err, "write #STUDY at its end");
        return PBT_EINVAL;
    }
    state->name = make_name(state->conninfo, state->study);
    state->hasher = XXH3_createState();
    if (state->name != NULL && state->hasher != NULL) { return PBT_OK; }
    return PBTI_FAIL(err, PBT_ENOMEM, 0, "no memory for a journal");
}

/* -------- connecting -------- */

static void ignore_notice(void *context, const char *message)
{
    (void)context, (void)message; /* libpq would print it */
}

/* Defaults of ours for what neither the URL nor the environment says: notice within seconds when
 * the server's machine is gone. */
static const char *const defaults[][3] = {
    {"connect_timeout", "10", "PGCONNECT_TIMEOUT"},
    {"tcp_user_timeout", "15000", ""},
    {"keepalives_idle", "10", ""},
    {"keepalives_interval", "5", ""},
    {"keepalives_count", "3", ""},
    {"fallback_application_name", "pbt", ""},
    {"client_encoding", "UTF8", ""},
};
#define DEFAULTS (sizeof defaults / sizeof *defaults)

static enum pbti_postgres_opened open_connection(const char *conninfo, PGconn **connection)
{
    const char *keywords[64];
    const char *values[64];
    size_t count = 0;
    for (size_t i = 0; i < DEFAULTS; i++) {
        if (defaults[i][2][0] != '\0' && getenv(defaults[i][2]) != NULL) { continue; }
        keywords[count] = defaults[i][0];
        values[count++] = defaults[i][1];
    }
    keywords[count] = "dbname"; /* a URL is expanded here, and what comes later counts */
    values[count++] = conninfo;
    keywords[count] = values[count] = NULL;
    return pbti_postgres_open(keywords, values, connection);
}

/* Set up the session; nobody's tables can stand in front of ours. A server that does not sync by
 * default does it for us. */
static pbt_status set_up(struct pbti_postgres *state, struct pbt_error *err)
{
    char sql[256];
    (void)snprintf(sql, sizeof sql,
                   "SET search_path = pg_catalog; SET lock_timeout = %" PRIu32
                   "; SELECT set_config('synchronous_commit', 'on', false) "
                   "WHERE current_setting('synchronous_commit') = 'off'",
                   state->lock_wait_ms > 0 ? state->lock_wait_ms : 1);
    return run_only(state, sql, err);
}

/* See the head of this file. */
static pbt_status take_fence(struct pbti_postgres *state, struct pbt_error *err)
{
    if (state->fence == 0) { return PBT_OK; }
    struct pbti_postgres_args args = {0};
    PGresult *result;
    pbti_postgres_put_integer(&args, state->fence);
    if (state->connected_before) {
        PBTI_TRY(pbti_postgres_run_text(
            state,
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
            "AND objsubid = 1 AND ((classid::bigint << 32) | objid::bigint) = $1::bigint "
            "AND pid <> pg_backend_pid()",
            &args, &result, err));
        PQclear(result);
    }
    PBTI_TRY(
        pbti_postgres_run_text(state, "SELECT pg_advisory_lock($1::bigint)", &args, &result, err));
    PQclear(result);
    return PBT_OK;
}

/* -------- the schema -------- */

static pbt_status look_for_schema(struct pbti_postgres *state, bool *found, struct pbt_error *err)
{
    int64_t there;
    bool row;
    PBTI_TRY(query_integer(state, "SELECT (to_regclass('pbt.format') IS NOT NULL)::int::bigint",
                           NULL, &row, &there, err));
    *found = there == 1;
    return PBT_OK;
}

/* Of several that begin at once one makes it; the number is any that nobody else locks. */
static pbt_status make_schema(struct pbti_postgres *state, struct pbt_error *err)
{
    bool found;
    PBTI_TRY(run_only(state, "BEGIN; SELECT pg_advisory_xact_lock(7885490112)", err));
    pbt_status status = look_for_schema(state, &found, err);
    if (status == PBT_OK && !found) { status = run_only(state, schema, err); }
    if (status == PBT_OK) { return run_only(state, "COMMIT", err); }
    if (state->connection != NULL) { PQclear(PQexec(state->connection, "ROLLBACK")); }
    return status;
}

static pbt_status check_schema(struct pbti_postgres *state, struct pbt_error *err)
{
    bool found;
    int64_t version;
    PBTI_TRY(look_for_schema(state, &found, err));
    if (!found && state->create) { PBTI_TRY(make_schema(state, err)); }
    if (!found && !state->create) {
        return PBTI_FAIL(err, PBT_ENOENT, 0,
                         "journal \"%s\" does not exist: no study was ever kept in this database",
                         state->name);
    }
    PBTI_TRY(query_integer(state, "SELECT version::bigint FROM pbt.format", NULL, &found, &version,
                           err));
    if (found && version == PBTI_POSTGRES_FORMAT) { return PBT_OK; }
    if (!found || version < 1) {
        return PBTI_FAIL(err, PBT_ECORRUPT, version,
                         "journal \"%s\" is damaged: its schema has no version", state->name);
    }
    (void)PBTI_FAIL(err, PBT_EVERSION, version,
                    "journal \"%s\" has format %" PRId64 "; the newest known here is %d",
                    state->name, version, PBTI_POSTGRES_FORMAT);
    pbti_fail_hint(err, "use the version of pbt that wrote it, or a newer one");
    return PBT_EVERSION;
}

static pbt_status find_study(struct pbti_postgres *state, struct pbt_error *err)
{
    static const char find[] = "SELECT id FROM pbt.study WHERE name = $1";
    static const char make[] = "INSERT INTO pbt.study(name) VALUES($1) ON CONFLICT DO NOTHING";
    struct pbti_postgres_args args = {0};
    bool found;
    pbti_postgres_put_text(&args, state->study);
    PBTI_TRY(query_integer(state, find, &args, &found, &state->study_id, err));
    if (!found && state->create) {
        PGresult *result;
        PBTI_TRY(pbti_postgres_run_text(state, make, &args, &result, err));
        PQclear(result);
        PBTI_TRY(query_integer(state, find, &args, &found, &state->study_id, err));
    }
    if (found) { return PBT_OK; }
    return PBTI_FAIL(err, PBT_ENOENT, 0, "journal \"%s\" does not exist", state->name);
}

static pbt_status prepare(struct pbti_postgres *state, struct pbt_error *err)
{
    for (int i = 0; i < PBTI_POSTGRES_STATEMENTS; i++) {
        PGresult *result;
        PBTI_TRY(take(state,
                      PQprepare(state->connection, statements[i].name, statements[i].sql,
                                statements[i].types_count, statements[i].types),
                      &result, err));
        PQclear(result);
    }
    return PBT_OK;
}

static pbt_status set_up_all(struct pbti_postgres *state, struct pbt_error *err)
{
    PBTI_TRY(set_up(state, err));
    PBTI_TRY(take_fence(state, err));
    PBTI_TRY(check_schema(state, err));
    PBTI_TRY(find_study(state, err));
    return prepare(state, err);
}

static pbt_status try_to_connect(struct pbti_postgres *state, struct pbt_error *err)
{
    enum pbti_postgres_opened const opened = open_connection(state->conninfo, &state->connection);
    if (state->connection == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    if (opened == PBTI_POSTGRES_TIMEOUT) {
        return fail(state, PBT_EBUSY, NULL, "no answer from the server in time", err);
    }
    if (opened == PBTI_POSTGRES_CLEAR) {
        (void)PBTI_FAIL(err, PBT_EINVAL, 0,
                        "journal \"%s\": the server asks for the password in clear text, on a "
                        "connection that is not encrypted",
                        state->name);
        pbti_fail_hint(err, "use scram-sha-256 or TLS at the server; is it the right server?");
        return PBT_EINVAL;
    }
    if (PQstatus(state->connection) != CONNECTION_OK) {
        /* libpq keeps the server's code to itself. What a server says begins with FATAL; with these
         * words it says that it is starting or stopping. */
        const char *const said = PQerrorMessage(state->connection);
        bool const away = strstr(said, "FATAL") == NULL || strstr(said, "the database system");
        bool const password = strstr(said, "password") != NULL;
        bool const database = strstr(said, "database \"") != NULL;
        return fail(state, away ? PBT_EBUSY : PBT_EIO,
                    password   ? "28"
                    : database ? "3D000"
                               : NULL,
                    said, err);
    }
    (void)PQsetNoticeProcessor(state->connection, ignore_notice, NULL);
    pbt_status const status = set_up_all(state, err);
    if (status == PBT_EUNKNOWN && err != NULL) { err->code = PBT_EBUSY; }
    return status == PBT_EUNKNOWN ? PBT_EBUSY : status;
}

pbt_status pbti_postgres_connect(struct pbti_postgres *state, struct pbt_error *err)
{
    if (state->connection != NULL) { return PBT_OK; }
    if (pbti_steady_ms() >= state->again_ms) {
        pbt_status const status = try_to_connect(state, &state->trouble);
        if (status == PBT_OK) {
            state->connected_before = true;
            state->pause_ms = 0;
            return PBT_OK;
        }
        state->trouble.code = status;
        drop(state);
        int64_t const twice = 2 * state->pause_ms;
        state->pause_ms = twice < PAUSE_MS_MIN   ? PAUSE_MS_MIN
                          : twice > PAUSE_MS_MAX ? PAUSE_MS_MAX
                                                 : twice;
        state->again_ms = pbti_steady_ms() + state->pause_ms;
    }
    if (err != NULL) { *err = state->trouble; }
    return state->trouble.code;
}

pbt_status pbti_postgres_attach(struct pbti_postgres *state, const char *path,
                                const struct pbti_journal_opts *opts, struct pbt_error *err)
{
    state->read_only = opts->read_only;
    state->create = opts->create;
    state->lock_wait_ms = opts->lock_wait_ms;
    while (!opts->read_only && state->fence <= 0) {
        if (getrandom(&state->fence, sizeof state->fence, 0) != (ssize_t)sizeof state->fence) {
            state->fence = 0;
        }
        state->fence &= INT64_MAX;
    }
    PBTI_TRY(keep_place(state, path, err));
    PBTI_TRY(pbti_postgres_connect(state, err));
    state->create = false; /* what vanishes later is not made again */
    return PBT_OK;
}

void pbti_postgres_detach(struct pbti_postgres *state)
{
    PQfinish(state->connection);
    (void)XXH3_freeState(state->hasher);
    free(state->conninfo);
    free(state->study);
    free(state->name);
}
