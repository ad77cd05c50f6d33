/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal/journal.c - the front of every journal: which backend a URL names, and the checks that
 * are the same for all of them. What is stored, and how, is the backend's business.
 */
#include "journal/journal.h"

#include "base/fail.h"
#include "base/module.h"
#include "journal/journal_backends.h"

#include <assert.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sequence numbers stay inside a signed 64-bit integer: databases have no other. */
#define SEQ_MAX ((uint64_t)INT64_MAX)

#define SCHEME_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789+.-"

static const struct pbti_journal_vtab *const backends[] = {
    &pbti_journal_memory,
    &pbti_journal_sqlite,
    &pbti_journal_dir,
};

/* The backend that needs libpq. */
static const struct pbti_module postgres_module = {
    .name = "postgres",
    .what = "journals in PostgreSQL",
    .hint = "install libpq (on Debian: libpq5), or build pbt where it is (libpq-dev)",
#ifdef PBT_LINKS_POSTGRES
    .builtin = &pbti_journal_postgres,
#endif
};

struct pbti_journal {
    const struct pbti_journal_vtab *vtab;
    bool read_only;
    alignas(max_align_t) unsigned char state[]; /* vtab->state_size bytes */
};

/* -------- opening and closing -------- */

/* Length of the scheme in front of the first colon; 0 for a bare path. */
static size_t scheme_size(const char *url)
{
    size_t const size = strspn(url, SCHEME_CHARACTERS);
    return url[size] == ':' ? size : 0;
}

static bool is_named(const char *url, size_t size, const char *scheme)
{
    return strlen(scheme) == size && memcmp(scheme, url, size) == 0;
}

static pbt_status fail_scheme(const char *url, size_t size, struct pbt_error *err)
{
    /* not the whole URL: there may be a password in it */
    (void)PBTI_FAIL(err, PBT_EINVAL, 0, "there is no kind of journal called \"%.*s\"", (int)size,
                    url);
    pbti_fail_hint(err, "write memory:, sqlite:PATH, dir:PATH, postgresql://... or a path; ./ in "
                        "front of a path with a colon");
    return PBT_EINVAL;
}

static pbt_status find_backend(const char *url, const struct pbti_journal_vtab **out,
                               const char **path, struct pbt_error *err)
{
    size_t const size = scheme_size(url);
    *path = size == 0 ? url : url + size + 1;
    *out = &pbti_journal_sqlite;
    if (size == 0) { return PBT_OK; }
    /* libpq knows both */
    if (is_named(url, size, "postgres") || is_named(url, size, "postgresql")) {
        const void *table = NULL;
        pbt_status const status = pbti_module_open(&postgres_module, &table, err);
        *out = table;
        return status;
    }
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        *out = backends[i];
        if (is_named(url, size, backends[i]->scheme)) { return PBT_OK; }
    }
    return fail_scheme(url, size, err);
}

pbt_status pbti_journal_open(const char *url, const struct pbti_journal_opts *opts,
                             struct pbti_journal **out, struct pbt_error *err)
{
    assert(url != NULL && out != NULL);
    *out = NULL;
    const struct pbti_journal_vtab *vtab;
    const char *path;
    PBTI_TRY(find_backend(url, &vtab, &path, err));
    return pbti_journal_open_vtab(vtab, path, opts, out, err);
}

pbt_status pbti_journal_name(const char *given, const char *study, char *url, size_t size,
                             struct pbt_error *err)
{
    const struct pbti_journal_vtab *vtab;
    const char *path;
    PBTI_TRY(find_backend(given, &vtab, &path, err));
    if (vtab->name != NULL) { return vtab->name(path, study, url, size, err); }
    if (path[0] != '/') {
        (void)PBTI_FAIL(err, PBT_EINVAL, 0, "journal \"%s\" cannot be used from everywhere", given);
        pbti_fail_hint(err, "write sqlite, dir, or a URL with an absolute path");
        return PBT_EINVAL;
    }
    int const length = snprintf(url, size, "%s:%s", vtab->scheme, path);
    if (length > 0 && (size_t)length < size) { return PBT_OK; }
    return PBTI_FAIL(err, PBT_ELIMIT, 0, "the journal's URL \"%.60s...\" is too long", given);
}

pbt_status pbti_journal_open_vtab(const struct pbti_journal_vtab *vtab, const char *path,
                                  const struct pbti_journal_opts *opts, struct pbti_journal **out,
                                  struct pbt_error *err)
{
    assert(vtab != NULL && vtab->version == 1 && path != NULL && out != NULL);
    *out = NULL;
    struct pbti_journal_opts const options = opts != NULL ? *opts : pbti_journal_opts_default();
    if (options.struct_size != sizeof options) {
        return PBTI_FAIL(err, PBT_EINVAL, 0,
                         "journal options were not made by pbti_journal_opts_default()");
    }
    if (options.read_only && options.create) {
        return PBTI_FAIL(err, PBT_EINVAL, 0, "journal \"%s\" cannot be both created and read-only",
                         path);
    }
    struct pbti_journal *const journal = calloc(1, sizeof *journal + vtab->state_size);
    if (journal == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "no memory for a journal"); }
    journal->vtab = vtab;
    journal->read_only = options.read_only;
    pbt_status const status = vtab->open(journal->state, path, &options, err);
    if (status != PBT_OK) {
        pbti_journal_close(journal);
        return status;
    }
    *out = journal;
    return PBT_OK;
}

void pbti_journal_close(struct pbti_journal *journal)
{
    if (journal == NULL) { return; }
    journal->vtab->close(journal->state);
    free(journal);
}

/* -------- what one does with it -------- */

static pbt_status check_batch(const struct pbti_journal *journal, size_t size, uint32_t count,
                              uint64_t expected, struct pbt_error *err)
{
    if (journal->read_only) {
        return PBTI_FAIL(err, PBT_EINVAL, 0, "the journal was opened to be read only");
    }
    if (count == 0 || size < count) { /* an event has at least the byte that says its size */
        return PBTI_FAIL(err, PBT_EINVAL, 0, "a batch of %zu bytes cannot hold %u events", size,
                         (unsigned)count);
    }
    if (size > PBTI_BATCH_MAX) {
        return PBTI_FAIL(err, PBT_ELIMIT, 0, "a batch of %zu bytes is larger than allowed (%u)",
                         size, PBTI_BATCH_MAX);
    }
    if (expected > SEQ_MAX - count) {
        return PBTI_FAIL(err, PBT_ELIMIT, 0, "a journal cannot have %llu events",
                         (unsigned long long)expected + count);
    }
    return PBT_OK;
}

pbt_status pbti_journal_append(struct pbti_journal *journal, const void *bytes, size_t size,
                               uint32_t count, uint64_t expected, struct pbti_batch_id id,
                               uint64_t *last, struct pbt_error *err)
{
    assert(journal != NULL && bytes != NULL && last != NULL);
    *last = 0;
    PBTI_TRY(check_batch(journal, size, count, expected, err));
    return journal->vtab->append(journal->state, bytes, size, count, expected, id, last, err);
}

pbt_status pbti_journal_landed(struct pbti_journal *journal, uint64_t expected,
                               struct pbti_batch_id id, bool *landed, struct pbt_error *err)
{
    assert(journal != NULL && landed != NULL);
    *landed = false;
    return journal->vtab->landed(journal->state, expected, id, landed, err);
}

pbt_status pbti_journal_read(struct pbti_journal *journal, uint64_t since, pbti_batch_reader reader,
                             void *context, struct pbt_error *err)
{
    assert(journal != NULL && reader != NULL);
    return journal->vtab->read(journal->state, since, reader, context, err);
}

pbt_status pbti_journal_last(struct pbti_journal *journal, uint64_t *last, struct pbt_error *err)
{
    assert(journal != NULL && last != NULL);
    *last = 0;
    return journal->vtab->last(journal->state, last, err);
}

pbt_status pbti_journal_wait(struct pbti_journal *journal, uint64_t since, uint32_t timeout_ms,
                             uint64_t *last, struct pbt_error *err)
{
    assert(journal != NULL && last != NULL);
    *last = 0;
    return journal->vtab->wait(journal->state, since, timeout_ms, last, err);
}

pbt_status pbti_journal_check(struct pbti_journal *journal, struct pbt_error *err)
{
    assert(journal != NULL);
    return journal->vtab->check(journal->state, err);
}

pbt_status pbti_journal_copy(struct pbti_journal *journal, const char *path, struct pbt_error *err)
{
    assert(journal != NULL && path != NULL);
    return journal->vtab->copy(journal->state, path, err);
}
