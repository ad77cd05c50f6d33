/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal/journal_sqlite_file.c - the SQLite journal as a file: opening, identifying, creating,
 * closing, and what SQLite's result codes mean to a user.
 *
 * While somebody writes, the file is in WAL mode (PATH-wal and PATH-shm lie beside it). The last
 * writer to close puts it back into rollback mode: one self-contained file that opens from a
 * read-only folder and may be copied with cp.
 *
 * The file itself is never opened by anything but SQLite: POSIX drops all of a process's locks on a
 * file when any descriptor of it is closed. We only stat() it.
 */
#include "base/fail.h"
#include "journal/journal_sqlite.h"
#include "journal/poll.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define APPLICATION_ID 1885500522 /* PRAGMA application_id: "pbtj" */
#define SET_APPLICATION_ID "PRAGMA application_id=1885500522"

#define PATH_BYTES_MAX 504u

#define CREATE_BATCH                                                                               \
    "CREATE TABLE batch(last INTEGER PRIMARY KEY, count INTEGER NOT NULL, id BLOB NOT NULL, "      \
    "events BLOB NOT NULL, hash INTEGER NOT NULL)"
#define CREATE_MARK "CREATE TABLE mark(last INTEGER PRIMARY KEY)"

static const char *const statement_sql[PBTI_SQLITE_STATEMENTS] = {
    [PBTI_SQLITE_INSERT] = "INSERT INTO batch(last, count, id, events, hash) "
                           "SELECT ?1, ?2, ?3, ?4, ?5 "
                           "WHERE ?6 = (SELECT ifnull(max(last), 0) FROM batch)",
    [PBTI_SQLITE_LAST] = "SELECT ifnull(max(last), 0) FROM batch",
    [PBTI_SQLITE_NEXT] = "SELECT last, count, id FROM batch WHERE last > ?1 "
                         "ORDER BY last LIMIT 1",
    [PBTI_SQLITE_FROM] = "SELECT last, count, id, events, hash FROM batch WHERE last >= ?1 "
                         "ORDER BY last",
};

/*
 * page_size           of new files; the file system's block, so that no page is half written
 * wal_autocheckpoint  pages; 4 MB are copied back at a time. More was not faster, and makes opening
 *                     after a crash slower
 * journal_size_limit  bytes; a WAL that a slow reader made long becomes short again
 * mmap_size           a file that somebody truncates must give an error, not SIGBUS
 */
static const char settings[] = "PRAGMA page_size=4096;"
                               "PRAGMA cache_size=-2048;"
                               "PRAGMA mmap_size=0;"
                               "PRAGMA cell_size_check=ON;"
                               "PRAGMA wal_autocheckpoint=1000;"
                               "PRAGMA journal_size_limit=16777216";

/* -------- result codes -------- */

static const struct {
    int code;
    pbt_status status;
    const char *text; /* NULL: SQLite's own */
    const char *hint;
} meanings[] = {
    {SQLITE_READONLY_DBMOVED, PBT_EIO, "the file was moved or deleted while in use", ""},
    {SQLITE_READONLY_ROLLBACK, PBT_EIO, "it was not closed cleanly and must be repaired first",
     "open it once with permission to write, or copy the folder to where you may write"},
    {SQLITE_BUSY, PBT_EBUSY, "another process is writing to it",
     "wait until it is done, or end it; `fuser` with the file's name shows who it is"},
    {SQLITE_LOCKED, PBT_EBUSY, "it is in use", ""},
    {SQLITE_PROTOCOL, PBT_EBUSY, "too many processes open it at once", "try again"},
    {SQLITE_NOMEM, PBT_ENOMEM, "out of memory", ""},
    {SQLITE_FULL, PBT_EIO, "disk is full",
     "make room and try again; whatever was appended before is safe"},
    {SQLITE_CORRUPT, PBT_ECORRUPT, NULL, "restore the file from a copy"},
    {SQLITE_IOERR_SHORT_READ, PBT_ECORRUPT, "the file is truncated", "restore it from a copy"},
    {SQLITE_NOTADB, PBT_ECORRUPT, "the file is not a journal", ""},
    {SQLITE_READONLY, PBT_EIO, "it cannot be written",
     "check the permissions of the file and its folder"},
    {SQLITE_CANTOPEN, PBT_EIO, "it, or a file beside it, cannot be opened",
     "look at the permissions; a journal that was not closed cleanly can be read only where its "
     "folder can be written: copy the folder to such a place"},
    {SQLITE_IOERR, PBT_EIO, NULL, ""},
};
#define MEANINGS (sizeof meanings / sizeof *meanings)

/* Index into `meanings` of an extended code, else of its primary code. */
static size_t find_meaning(int code)
{
    for (int shown = code;; shown &= 0xff) {
        for (size_t i = 0; i < MEANINGS; i++) {
            if (meanings[i].code == shown) { return i; }
        }
        if (shown == (shown & 0xff)) { return MEANINGS - 1; }
    }
}

pbt_status pbti_sqlite_fail(const struct pbti_sqlite *state, int code, const char *what,
                            struct pbt_error *err)
{
    int const primary = code & 0xff;
    bool const from_system = primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN;
    int const cause = from_system && state->db != NULL ? sqlite3_system_errno(state->db) : 0;
    bool const full = cause == ENOSPC || cause == EDQUOT;
    size_t const at = find_meaning(full ? SQLITE_FULL : code);
    const char *const text = meanings[at].text;
    char buffer[128];
    (void)PBTI_FAIL(err, meanings[at].status, code, "journal \"%s\": %s: %s%s%s", state->name, what,
                    text != NULL ? text : sqlite3_errstr(code), cause != 0 ? ": " : "",
                    cause != 0 ? pbti_error_text(cause, buffer, sizeof buffer) : "");
    pbti_fail_hint(err, "%s", meanings[at].hint);
    return meanings[at].status;
}

/* -------- waiting for locks -------- */

/*
 * SQLite's busy handler: called when somebody else holds a lock, for the `tries`th time; 0 gives
 * up. A write takes from 15 us to a few ms, so the sleeps start short, grow to about 5 ms, and are
 * random so that waiting processes do not stay in step.
 */
static int wait_for_lock(void *context, int tries)
{
    struct pbti_sqlite *const state = context;
    int64_t const now = pbti_steady_ms();
    if (state->deadline_ms == 0) { state->deadline_ms = now + state->lock_wait_ms; }
    if (now >= state->deadline_ms) { return 0; }
    uint32_t random;
    sqlite3_randomness(sizeof random, &random);
    int64_t const longest_ns = INT64_C(80000) << (tries < 6 ? tries : 6);
    struct timespec const nap = {0, (long)(longest_ns / 4 + random % longest_ns)};
    (void)nanosleep(&nap, NULL);
    return 1;
}

/*
 * SQLite does not call its busy handler when it wants a stronger lock than one it holds already, as
 * in a change of the journal mode, because two who do so may wait for each other for ever. Nothing
 * of ours is held between two tries of a whole statement, so trying again is safe.
 */
static bool should_retry(struct pbti_sqlite *state, int code, int tries)
{
    return (code & 0xff) == SQLITE_BUSY && sqlite3_get_autocommit(state->db) != 0 &&
           wait_for_lock(state, tries) != 0;
}

pbt_status pbti_sqlite_exec(struct pbti_sqlite *state, const char *sql, const char *what,
                            struct pbt_error *err)
{
    int code = sqlite3_exec(state->db, sql, NULL, NULL, NULL);
    for (int tries = 0; should_retry(state, code, tries); tries++) {
        code = sqlite3_exec(state->db, sql, NULL, NULL, NULL);
    }
    return code == SQLITE_OK ? PBT_OK : pbti_sqlite_fail(state, code, what, err);
}

static int first_row(sqlite3 *db, const char *sql, sqlite3_stmt **row)
{
    int code = sqlite3_prepare_v2(db, sql, -1, row, NULL);
    if (code == SQLITE_OK) { code = sqlite3_step(*row); }
    if (code == SQLITE_ROW) { return code; }
    (void)sqlite3_finalize(*row);
    *row = NULL;
    return code;
}

pbt_status pbti_sqlite_query(struct pbti_sqlite *state, const char *sql, sqlite3_stmt **row,
                             struct pbt_error *err)
{
    int code = first_row(state->db, sql, row);
    for (int tries = 0; should_retry(state, code, tries); tries++) {
        code = first_row(state->db, sql, row);
    }
    if (code == SQLITE_ROW) { return PBT_OK; }
    if (code == SQLITE_DONE) { code = SQLITE_CORRUPT; } /* every query of ours has a row */
    return pbti_sqlite_fail(state, code, "could not be read", err);
}

static pbt_status query_integer(struct pbti_sqlite *state, const char *sql, int64_t *value,
                                struct pbt_error *err)
{
    sqlite3_stmt *row;
    PBTI_TRY(pbti_sqlite_query(state, sql, &row, err));
    *value = sqlite3_column_int64(row, 0);
    (void)sqlite3_finalize(row);
    return PBT_OK;
}

/* -------- whose file is it -------- */

static pbt_status check_schema(struct pbti_sqlite *state, struct pbt_error *err)
{
    sqlite3_stmt *row;
    PBTI_TRY(pbti_sqlite_query(state,
                               "SELECT ifnull(group_concat(sql, ';'), '') FROM "
                               "(SELECT sql FROM sqlite_schema ORDER BY name)",
                               &row, err));
    const char *const found = (const char *)sqlite3_column_text(row, 0);
    bool const same = found != NULL && strcmp(found, CREATE_BATCH ";" CREATE_MARK) == 0;
    (void)sqlite3_finalize(row);
    if (same) { return PBT_OK; }
    return PBTI_FAIL(err, PBT_ECORRUPT, 0,
                     "journal \"%s\" is damaged: its tables are not those of a journal",
                     state->name);
}

/* Refuse what is not a journal, by name: another program's file, or a format of the future. */
static pbt_status identify(struct pbti_sqlite *state, struct pbt_error *err)
{
    int64_t pages = 0;
    int64_t application = 0;
    int64_t version = 0;
    PBTI_TRY(query_integer(state, "PRAGMA page_count", &pages, err));
    PBTI_TRY(query_integer(state, "PRAGMA application_id", &application, err));
    PBTI_TRY(query_integer(state, "PRAGMA user_version", &version, err));
    if (pages == 0) {
        return PBTI_FAIL(err, PBT_ECORRUPT, 0, "file \"%s\" is empty, not a journal", state->name);
    }
    if (application != APPLICATION_ID) {
        return PBTI_FAIL(err, PBT_ECORRUPT, application,
                         "file \"%s\" is a database of another program, not a journal",
                         state->name);
    }
    if (version > PBTI_SQLITE_FORMAT) {
        (void)PBTI_FAIL(err, PBT_EVERSION, version,
                        "journal \"%s\" has format %" PRId64 "; the newest known here is %d",
                        state->name, version, PBTI_SQLITE_FORMAT);
        pbti_fail_hint(err, "use the version of pbt that wrote it, or a newer one");
        return PBT_EVERSION;
    }
    if (version < 1) {
        return PBTI_FAIL(err, PBT_ECORRUPT, version,
                         "journal \"%s\" is damaged: there is no format %" PRId64, state->name,
                         version);
    }
    return check_schema(state, err);
}

/* Inside a write transaction, so that of several processes that create it one does. */
static pbt_status create_tables(struct pbti_sqlite *state, struct pbt_error *err)
{
    int64_t tables = 0; /* page_count would be 1 by now */
    PBTI_TRY(query_integer(state, "SELECT count(*) FROM sqlite_schema", &tables, err));
    if (tables > 0) { return PBT_OK; }
    static const char create[] = SET_APPLICATION_ID ";" PBTI_SQLITE_SET_FORMAT ";" CREATE_BATCH
                                                    ";" CREATE_MARK ";INSERT INTO mark VALUES(0)";
    return pbti_sqlite_exec(state, create, "could not be created", err);
}

static pbt_status create_if_empty(struct pbti_sqlite *state, struct pbt_error *err)
{
    int64_t pages = 0;
    PBTI_TRY(query_integer(state, "PRAGMA page_count", &pages, err));
    if (pages > 0) { return PBT_OK; }
    PBTI_TRY(pbti_sqlite_exec(state, "BEGIN IMMEDIATE", "could not be created", err));
    pbt_status status = create_tables(state, err);
    if (status == PBT_OK) {
        status = pbti_sqlite_exec(state, "COMMIT", "could not be created", err);
    }
    if (status != PBT_OK) { (void)sqlite3_exec(state->db, "ROLLBACK", NULL, NULL, NULL); }
    return status;
}

/* -------- opening -------- */

/* A bare name could be a URI or ":memory:" to SQLite; a path that begins with . or / cannot. */
static pbt_status keep_path(struct pbti_sqlite *state, const char *path, struct pbt_error *err)
{
    if (path[0] == '\0') { return PBTI_FAIL(err, PBT_EINVAL, 0, "the journal's path is empty"); }
    state->name = strdup(path);
    state->path = realpath(path, NULL); /* -wal and -shm lie beside the file, not beside a link */
    if (state->path == NULL &&
        asprintf(&state->path, "%s%s", path[0] == '/' ? "" : "./", path) < 0) {
        state->path = NULL;
    }
    state->hasher = XXH3_createState();
    if (state->name == NULL || state->path == NULL || state->hasher == NULL) {
        return PBTI_FAIL(err, PBT_ENOMEM, 0, "no memory for journal \"%s\"", path);
    }
    return PBT_OK;
}

/* Why files cannot be made in the journal's folder, as an errno; 0 = they can. */
static int folder_trouble(const struct pbti_sqlite *state)
{
    char *const folder = strdup(state->path);
    if (folder == NULL) { return ENOMEM; }
    char *const slash = strrchr(folder, '/');
    assert(slash != NULL); /* see keep_path() */
    slash[slash == folder ? 1 : 0] = '\0';
    int const cause = access(folder, W_OK | X_OK) == 0 ? 0 : errno;
    free(folder);
    return cause;
}

/*
 * SQLite takes absolute paths below 512 bytes, "-journal" of the file beside it included, and says
 * of longer ones only that it cannot open them.
 */
static pbt_status check_length(const struct pbti_sqlite *state, struct pbt_error *err)
{
    char folder[PATH_MAX] = "";
    bool const relative = state->path[0] != '/';
    if (relative && getcwd(folder, sizeof folder) == NULL) { return PBT_OK; }
    size_t const size = strlen(state->path) + (relative ? strlen(folder) - 1 : 0); /* "./" */
    if (size <= PATH_BYTES_MAX) { return PBT_OK; }
    (void)PBTI_FAIL(err, PBT_EINVAL, ENAMETOOLONG,
                    "the path of journal \"%.60s...\" is too long: it has %zu bytes, and SQLite "
                    "takes %u",
                    state->name, size, PATH_BYTES_MAX);
    pbti_fail_hint(err, "choose a folder with a shorter path, or a folder journal: --journal dir");
    return PBT_EINVAL;
}

/* There is no file: may it be made? */
static pbt_status check_absent(const struct pbti_sqlite *state, bool create, struct pbt_error *err)
{
    if (!create) {
        return PBTI_FAIL(err, PBT_ENOENT, ENOENT, "journal \"%s\" does not exist", state->name);
    }
    int const cause = folder_trouble(state);
    if (cause == 0) { return PBT_OK; }
    char buffer[128];
    (void)PBTI_FAIL(err, PBT_EIO, cause, "journal \"%s\": could not be created: %s", state->name,
                    pbti_error_text(cause, buffer, sizeof buffer));
    pbti_fail_hint(err, "choose a folder that exists and where you may write");
    return PBT_EIO;
}

static pbt_status check_file_kind(struct pbti_sqlite *state, bool create, struct pbt_error *err)
{
    PBTI_TRY(check_length(state, err));
    if (stat(state->path, &state->seen) != 0) {
        int const cause = errno;
        if (cause == ENOENT) { return check_absent(state, create, err); }
        char buffer[128];
        return PBTI_FAIL(err, PBT_EIO, cause, "journal \"%s\": %s", state->name,
                         pbti_error_text(cause, buffer, sizeof buffer));
    }
    if (S_ISREG(state->seen.st_mode)) { return PBT_OK; }
    bool const folder = S_ISDIR(state->seen.st_mode);
    (void)PBTI_FAIL(err, PBT_ECORRUPT, 0, "\"%s\" is a %s, not a journal", state->name,
                    folder ? "folder" : "device, pipe or socket");
    if (folder) { pbti_fail_hint(err, "the journal of a study is journal.db in its folder"); }
    return PBT_ECORRUPT;
}

/* Is there a file PATH`suffix` with something in it? */
static bool has_companion(const struct pbti_sqlite *state, const char *suffix, off_t size_min)
{
    char *path;
    if (asprintf(&path, "%s%s", state->path, suffix) < 0) { return true; }
    struct stat info;
    bool const there = stat(path, &info) == 0 && info.st_size >= size_min;
    free(path);
    return there;
}

/*
 * May the file be read without locks and without PATH-shm (SQLite's `immutable`)? It must be when
 * the folder cannot be written and the file was left in WAL mode. It may be when there is no
 * PATH-shm, which every writer keeps as long as it has the journal open, and nothing in PATH-wal or
 * PATH-journal: then all there is, is in the file, and nobody is writing. That nobody began since
 * is checked after each reading. A journal with something in its PATH-wal is left to SQLite, which
 * reads it when PATH-shm is there too, and says that it cannot otherwise.
 */
static bool may_be_immutable(const struct pbti_sqlite *state)
{
    return state->read_only && folder_trouble(state) != 0 && !has_companion(state, "-shm", 0) &&
           !has_companion(state, "-wal", 1) && !has_companion(state, "-journal", 1);
}

pbt_status pbti_sqlite_check_unchanged(const struct pbti_sqlite *state, struct pbt_error *err)
{
    if (!state->immutable) { return PBT_OK; }
    struct stat now;
    bool const same = stat(state->path, &now) == 0 && now.st_ino == state->seen.st_ino &&
                      now.st_size == state->seen.st_size &&
                      now.st_mtim.tv_sec == state->seen.st_mtim.tv_sec &&
                      now.st_mtim.tv_nsec == state->seen.st_mtim.tv_nsec;
    if (same && may_be_immutable(state)) { return PBT_OK; }
    (void)PBTI_FAIL(err, PBT_EBUSY, 0, "journal \"%s\" was changed while it was being read",
                    state->name);
    pbti_fail_hint(err, "open it again");
    return PBT_EBUSY;
}

/* "file:PATH?immutable=1", with what is special in a URI escaped; NULL without memory. */
static char *immutable_uri(const char *path)
{
    sqlite3_str *const uri = sqlite3_str_new(NULL);
    sqlite3_str_appendall(uri, "file:");
    for (const char *at = path; *at != '\0'; at++) {
        bool const special = *at == '?' || *at == '#' || *at == '%';
        sqlite3_str_appendf(uri, special ? "%%%02x" : "%c", (unsigned char)*at);
    }
    sqlite3_str_appendall(uri, "?immutable=1");
    return sqlite3_str_finish(uri);
}

static pbt_status connect_file(struct pbti_sqlite *state, bool create, struct pbt_error *err)
{
    state->immutable = may_be_immutable(state);
    char *const target = state->immutable ? immutable_uri(state->path) : state->path;
    if (target == NULL) { return pbti_sqlite_fail(state, SQLITE_NOMEM, "could not open", err); }
    int const access_flags = state->read_only
                                 ? SQLITE_OPEN_READONLY
                                 : SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0);
    int const flags = access_flags | (state->immutable ? SQLITE_OPEN_URI : 0) |
                      SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int const code = sqlite3_open_v2(target, &state->db, flags, NULL);
    if (state->immutable) { sqlite3_free(target); }
    if (code != SQLITE_OK) { return pbti_sqlite_fail(state, code, "could not be opened", err); }
    (void)sqlite3_busy_handler(state->db, wait_for_lock, state);
    return pbti_sqlite_exec(state, settings, "could not be opened", err);
}

/* SQLite opens a file that it may not write for reading, without a word. */
static pbt_status check_writable(const struct pbti_sqlite *state, struct pbt_error *err)
{
    if (sqlite3_db_readonly(state->db, "main") == 0) { return PBT_OK; }
    return pbti_sqlite_fail(state, SQLITE_READONLY, "could not be opened", err);
}

static pbt_status enter_wal(struct pbti_sqlite *state, bool sync, struct pbt_error *err)
{
    sqlite3_stmt *row;
    PBTI_TRY(pbti_sqlite_query(state, "PRAGMA journal_mode=WAL", &row, err));
    const char *const mode = (const char *)sqlite3_column_text(row, 0);
    bool const entered = mode != NULL && strcmp(mode, "wal") == 0;
    (void)sqlite3_finalize(row);
    if (!entered) {
        (void)PBTI_FAIL(err, PBT_EIO, 0,
                        "journal \"%s\": its file system cannot share memory between processes",
                        state->name);
        pbti_fail_hint(err, "put the study on a local disk");
        return PBT_EIO;
    }
    return pbti_sqlite_exec(state, sync ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL",
                            "could not be opened", err);
}

static pbt_status prepare_statements(struct pbti_sqlite *state, struct pbt_error *err)
{
    for (int i = 0; i < PBTI_SQLITE_STATEMENTS; i++) {
        int const code = sqlite3_prepare_v3(state->db, statement_sql[i], -1,
                                            SQLITE_PREPARE_PERSISTENT, &state->statements[i], NULL);
        if (code != SQLITE_OK) { return pbti_sqlite_fail(state, code, "could not be opened", err); }
    }
    return PBT_OK;
}

pbt_status pbti_sqlite_attach(struct pbti_sqlite *state, const char *path,
                              const struct pbti_journal_opts *opts, struct pbt_error *err)
{
    state->lock_wait_ms = opts->lock_wait_ms;
    state->read_only = opts->read_only;
    PBTI_TRY(keep_path(state, path, err));
    PBTI_TRY(check_file_kind(state, opts->create, err));
    PBTI_TRY(connect_file(state, opts->create, err));
    if (opts->create) { PBTI_TRY(create_if_empty(state, err)); }
    PBTI_TRY(identify(state, err));
    if (!opts->read_only) {
        PBTI_TRY(check_writable(state, err));
        PBTI_TRY(enter_wal(state, opts->sync, err));
    }
    int64_t mark = 0;
    PBTI_TRY(query_integer(state, "SELECT last FROM mark", &mark, err));
    state->mark = (uint64_t)mark;
    return prepare_statements(state, err);
}

/* -------- closing -------- */

/*
 * The mark says how long the journal was when it was last closed, so that an end that was lost to
 * damage later is noticed; all else that may be missing leaves a gap in the numbering. Written at
 * close only: a second page in every commit would cost a third of the appends a second.
 */
static const char write_mark[] = "UPDATE mark SET last = (SELECT max(last) FROM batch) "
                                 "WHERE last < (SELECT max(last) FROM batch)";

/* Whoever closes while others have the journal open fails here at once and leaves it to them. */
static void leave_wal(struct pbti_sqlite *state)
{
    (void)sqlite3_busy_handler(state->db, NULL, NULL);
    (void)sqlite3_exec(state->db, write_mark, NULL, NULL, NULL);
    if (sqlite3_exec(state->db, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL) != SQLITE_OK) {
        /* A reader may be the last to go, and cannot do this: leave it as little as possible. */
        (void)sqlite3_exec(state->db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
    }
}

void pbti_sqlite_detach(struct pbti_sqlite *state)
{
    bool const study = state->statements[PBTI_SQLITE_STATEMENTS - 1] != NULL;
    for (int i = 0; i < PBTI_SQLITE_STATEMENTS; i++) {
        (void)sqlite3_finalize(state->statements[i]);
    }
    if (study && !state->read_only) { leave_wal(state); }
    int const code = sqlite3_close(state->db);
    assert(code == SQLITE_OK); /* all statements are finalized */
    (void)code;
    (void)XXH3_freeState(state->hasher);
    free(state->path);
    free(state->name);
}
