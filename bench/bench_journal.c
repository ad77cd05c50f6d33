/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/bench_journal.c - appends and reads a second of the journal's backends.
 *
 * memory      appends of one batch
 * sqlite      appends of one batch, each durable by itself, in both durability modes, against raw
 *             SQLite in the same run, turn by turn: a plain table, a prepared INSERT of the same
 *             payload between BEGIN IMMEDIATE and COMMIT, the same pragmas. The ratio of the
 *             medians must be at least 0.5 (exit code 1 otherwise).
 * read        batches and megabytes a second, checksums verified, from a warm page cache
 *
 * Files are made under TMPDIR (default /tmp): what `sync` costs is what that disk costs.
 */
#include "journal/journal.h"
#include "measure.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAYLOAD = 250, ROUNDS = 9, MEMORY_APPENDS = 500000, READ_BATCHES = 200000 };

static const double ratio_min = 0.5;

/* -------- measuring -------- */

/* -------- our side -------- */

static struct pbti_journal *open_journal(const char *url, bool sync)
{
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.create = true;
    opts.sync = sync;
    struct pbti_journal *journal = NULL;
    struct pbt_error err;
    must(pbti_journal_open(url, &opts, &journal, &err), &err);
    return journal;
}

/* Append `appends` batches of one event; appends a second. */
static double append_batches(struct pbti_journal *journal, unsigned appends)
{
    uint8_t event[PAYLOAD];
    memset(event, 7, sizeof event);
    struct pbt_error err;
    uint64_t last = 0;
    must(pbti_journal_last(journal, &last, &err), &err);
    double const start = seconds();
    for (unsigned i = 0; i < appends; i++) {
        struct pbti_batch_id id = {{0}};
        memcpy(id.bytes, &last, sizeof last);
        must(pbti_journal_append(journal, event, sizeof event, 1, last, id, &last, &err), &err);
    }
    return appends / (seconds() - start);
}

/* -------- raw SQLite -------- */

struct raw {
    sqlite3 *db;
    sqlite3_stmt *begin, *insert, *commit;
};

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    need(sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK, sqlite3_errmsg(db));
    return statement;
}

static struct raw open_raw(const char *path, bool sync)
{
    struct raw raw = {0};
    need(sqlite3_open(path, &raw.db) == SQLITE_OK, "cannot open a database");
    char sql[256];
    (void)snprintf(sql, sizeof sql,
                   "PRAGMA page_size=4096; PRAGMA cache_size=-2048; PRAGMA journal_mode=WAL;"
                   "PRAGMA wal_autocheckpoint=1000; PRAGMA synchronous=%s;"
                   "CREATE TABLE raw(k INTEGER PRIMARY KEY, v BLOB NOT NULL)",
                   sync ? "FULL" : "NORMAL");
    need(sqlite3_exec(raw.db, sql, NULL, NULL, NULL) == SQLITE_OK, sqlite3_errmsg(raw.db));
    raw.begin = prepare(raw.db, "BEGIN IMMEDIATE");
    raw.insert = prepare(raw.db, "INSERT INTO raw(v) VALUES(?1)");
    raw.commit = prepare(raw.db, "COMMIT");
    return raw;
}

static void step(struct raw *raw, sqlite3_stmt *statement)
{
    need(sqlite3_step(statement) == SQLITE_DONE, sqlite3_errmsg(raw->db));
    (void)sqlite3_reset(statement);
}

static double commit_rows(struct raw *raw, unsigned rows)
{
    uint8_t value[PAYLOAD];
    memset(value, 7, sizeof value);
    double const start = seconds();
    for (unsigned i = 0; i < rows; i++) {
        step(raw, raw->begin);
        (void)sqlite3_bind_blob(raw->insert, 1, value, sizeof value, SQLITE_STATIC);
        step(raw, raw->insert);
        step(raw, raw->commit);
    }
    return rows / (seconds() - start);
}

static void close_raw(struct raw *raw)
{
    (void)sqlite3_finalize(raw->begin);
    (void)sqlite3_finalize(raw->insert);
    (void)sqlite3_finalize(raw->commit);
    (void)sqlite3_close(raw->db);
}

/* -------- the three measurements -------- */

static void measure_memory(void)
{
    double rates[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        struct pbti_journal *const journal = open_journal("memory:", true);
        rates[round] = append_batches(journal, MEMORY_APPENDS);
        pbti_journal_close(journal);
    }
    double const rate = median(rates, ROUNDS);
    (void)printf("memory                append %10.0f /s  (%.0f ns)\n", rate, 1e9 / rate);
}

static void path_in(const char *folder, const char *name, char *path, size_t size)
{
    need(snprintf(path, size, "%s/%s", folder, name) < (int)size, "TMPDIR is too long");
}

/* The ratio of ours to raw. */
static double measure_sqlite(const char *folder, bool sync, unsigned appends)
{
    char ours_path[512];
    char raw_path[512];
    path_in(folder, sync ? "full.db" : "normal.db", ours_path, sizeof ours_path);
    path_in(folder, sync ? "raw-full.db" : "raw-normal.db", raw_path, sizeof raw_path);
    struct pbti_journal *const journal = open_journal(ours_path, sync);
    struct raw raw = open_raw(raw_path, sync);
    double ours[ROUNDS];
    double bare[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        ours[round] = append_batches(journal, appends);
        bare[round] = commit_rows(&raw, appends);
    }
    pbti_journal_close(journal);
    close_raw(&raw);
    (void)unlink(ours_path);
    (void)unlink(raw_path);
    double const rate = median(ours, ROUNDS);
    double const reference = median(bare, ROUNDS);
    (void)printf("sqlite, %s  append %10.0f /s  raw commits %10.0f /s  ratio %.2f\n",
                 sync ? "sync: full  " : "sync: normal", rate, reference, rate / reference);
    return rate / reference;
}

struct total {
    uint64_t batches, bytes;
};

static pbt_status add_up(void *context, uint64_t first, uint32_t count, const void *bytes,
                         size_t size, struct pbti_batch_id id, struct pbt_error *err)
{
    (void)first, (void)count, (void)bytes, (void)id, (void)err;
    struct total *const total = context;
    total->batches++;
    total->bytes += size;
    return PBT_OK;
}

static void measure_reading(const char *path)
{
    struct pbti_journal *const journal = open_journal(path, false);
    (void)append_batches(journal, READ_BATCHES);
    double rates[ROUNDS];
    struct total total = {0, 0};
    for (int round = 0; round < ROUNDS; round++) {
        total = (struct total){0, 0};
        struct pbt_error err;
        double const start = seconds();
        must(pbti_journal_read(journal, 0, add_up, &total, &err), &err);
        rates[round] = (double)total.batches / (seconds() - start);
    }
    double const rate = median(rates, ROUNDS);
    double const size = (double)total.bytes / (double)total.batches;
    (void)printf("sqlite                read   %10.0f batches/s  %.0f MB/s\n", rate,
                 rate * size * 1e-6);
    pbti_journal_close(journal);
    (void)unlink(path);
}

int main(void)
{
    const char *const base = getenv("TMPDIR");
    char folder[400];
    path_in(base != NULL ? base : "/tmp", "pbt-bench-XXXXXX", folder, sizeof folder);
    need(mkdtemp(folder) != NULL, "cannot make a folder under TMPDIR");
    (void)printf("batches of %d bytes, medians of %d rounds, files in %s\n", PAYLOAD, ROUNDS,
                 folder);
    measure_memory();
    double const normal = measure_sqlite(folder, false, 5000);
    double const full = measure_sqlite(folder, true, 250);
    char path[512];
    path_in(folder, "read.db", path, sizeof path);
    measure_reading(path);
    (void)rmdir(folder);
    bool const good = normal >= ratio_min && full >= ratio_min;
    (void)printf("%s: at least %.1f of raw SQLite wanted\n", good ? "met" : "MISSED", ratio_min);
    return good ? 0 : 1;
}
