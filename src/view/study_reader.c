/* SPDX-License-Identifier: Apache-2.0 */
/* view/study_reader.c - folding a journal to look at it. */
#include "view/study_reader.h"

#include "base/fail.h"
#include "journal/batch.h"
#include "study/study_journal.h"
#include "view/cache.h"

#include <stdlib.h>
#include <string.h>

/* Fold at least so many events before a new cache is worth its writing. */
#define CACHE_WORTH 20000

struct pbti_study_reader {
    char *dir; /* owned */
    struct pbti_study_reader_opts opts;
    struct pbti_journal *journal; /* owned */
    struct pbti_spec *spec;       /* owned; made from known.spec */
    bool spec_stale;              /* an amend was folded since */
    struct pbti_cached known;     /* state, tally, alive, spec text, and the last batch */
    struct pbti_history history;
    uint64_t seq;                 /* of the last batch's last event */
    uint64_t cached_seq;          /* where the fold began */
    struct pbti_scratch *scratch; /* owned */
};

struct pbti_study_reader_opts pbti_study_reader_opts_default(void)
{
    return (struct pbti_study_reader_opts){.struct_size = sizeof(struct pbti_study_reader_opts)};
}

static pbt_status no_memory(struct pbt_error *err)
{
    return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory while reading the study");
}

/* -------- folding -------- */

static void forget(void *context, struct pbti_checkpoint checkpoint)
{
    struct pbti_study_reader *const reader = context;
    pbti_live_checkpoints_remove(&reader->known.alive, checkpoint);
}

static pbt_status keep_spec(struct pbti_study_reader *reader, struct pbti_text spec,
                            struct pbt_error *err)
{
    char *const copy = malloc(spec.size + 1);
    if (copy == NULL) { return no_memory(err); }
    if (spec.size > 0) { memcpy(copy, spec.data, spec.size); }
    copy[spec.size] = '\0';
    free(reader->known.spec);
    reader->known.spec = copy;
    reader->known.spec_size = spec.size;
    reader->spec_stale = true;
    return PBT_OK;
}

/* Fold a study or amend event, which needs a new block. */
static pbt_status fold_config(struct pbti_study_reader *reader, uint64_t seq,
                              const struct pbti_event *event, struct pbt_error *err)
{
    struct pbti_cached *const known = &reader->known;
    bool const first = event->type == PBTI_STUDY;
    if (first != (known->state == NULL)) {
        return PBTI_FAIL(err, PBT_ECORRUPT, 0,
                         "event %llu is a second study event, or comes before it",
                         (unsigned long long)seq);
    }
    size_t const bytes = first ? pbti_state_bytes(event->study.config)
                               : pbti_state_amend_bytes(known->state, event->study.config);
    void *const block = malloc(bytes);
    if (block == NULL) { return no_memory(err); }
    struct pbti_state *state = NULL;
    if (first) {
        state = pbti_state_init(block, event);
    } else {
        pbt_status const status = pbti_state_amend(known->state, seq, event, block, &state, err);
        if (status != PBT_OK) {
            free(block);
            return status;
        }
    }
    free(known->block);
    known->block = block;
    known->state = state;
    return keep_spec(reader, event->study.spec, err);
}

/* A checkpoint comes to life with its report. */
static pbt_status note_checkpoint(struct pbti_study_reader *reader, const struct pbti_event *event,
                                  struct pbt_error *err)
{
    return pbti_live_checkpoints_note(&reader->known.alive, event) ? PBT_OK : no_memory(err);
}

static pbt_status fold_event(struct pbti_study_reader *reader, uint64_t seq,
                             const struct pbti_event *event, struct pbt_error *err)
{
    struct pbti_cached *const known = &reader->known;
    const struct pbti_study_reader_opts *const opts = &reader->opts;
    if (opts->visitor != NULL) {
        PBTI_TRY(opts->visitor(opts->context, known->state, seq, event, err));
    }
    pbti_study_stats_before(&known->tally, known->state, seq, event);
    if (opts->history) { pbti_history_before(&reader->history, known->state, seq, event); }
    PBTI_TRY(note_checkpoint(reader, event, err));
    if (event->type == PBTI_STUDY || event->type == PBTI_AMEND) {
        PBTI_TRY(fold_config(reader, seq, event, err));
    } else if (known->state == NULL) {
        return PBTI_FAIL(err, PBT_ECORRUPT, 0, "the journal does not begin with a study event");
    } else {
        PBTI_TRY(pbti_fold(known->state, seq, event, forget, reader, err));
    }
    pbti_study_stats_after(&known->tally, known->state, event);
    if (opts->history) {
        pbti_history_after(&reader->history, known->state, event);
        if (reader->history.failed) { return no_memory(err); }
    }
    return PBT_OK;
}

static pbt_status fold_batch(void *context, uint64_t first, uint32_t count, const void *bytes,
                             size_t size, struct pbti_batch_id id, struct pbt_error *err)
{
    struct pbti_study_reader *const reader = context;
    struct pbti_reader batch = {.data = bytes, .size = size};
    struct pbti_event event;
    uint64_t seq = first;
    for (;;) {
        bool more = false;
        pbt_status status = pbti_batch_next(&batch, &more, &event, reader->scratch, err);
        if (status == PBT_OK && !more) { break; }
        if (status == PBT_OK) { status = fold_event(reader, seq, &event, err); }
        if (status != PBT_OK) {
            return pbti_fail_context(err, status, "event %llu", (unsigned long long)seq);
        }
        seq++;
    }
    if (seq != first + count) {
        return PBTI_FAIL(err, PBT_ECORRUPT, 0, "the batch at event %llu holds %llu events, not %u",
                         (unsigned long long)first, (unsigned long long)(seq - first), count);
    }
    reader->known.expected = first - 1;
    reader->known.batch = id;
    reader->seq = seq - 1;
    return PBT_OK;
}

/* Make the spec from its text when it changed. */
static pbt_status refresh_spec(struct pbti_study_reader *reader, struct pbt_error *err)
{
    if (!reader->spec_stale || reader->known.spec == NULL) { return PBT_OK; }
    struct pbti_spec *spec = NULL;
    pbt_status const status =
        pbti_spec_amend(reader->known.spec, reader->known.spec_size, NULL, 0, &spec, err);
    if (status != PBT_OK) {
        return pbti_fail_context(err, PBT_ECORRUPT, "the study's own spec does not read");
    }
    pbti_spec_destroy(reader->spec);
    reader->spec = spec;
    reader->spec_stale = false;
    return PBT_OK;
}

static pbt_status catch_up(struct pbti_study_reader *reader, struct pbt_error *err)
{
    PBTI_TRY(pbti_journal_read(reader->journal, reader->seq, fold_batch, reader, err));
    return refresh_spec(reader, err);
}

/* -------- cache -------- */

/* Begin with the cache when the journal holds the batch at which it was taken. */
static void begin_with_cache(struct pbti_study_reader *reader)
{
    struct pbti_cached cached;
    if (!pbti_cache_load(reader->dir, &cached)) { return; }
    bool landed = false;
    struct pbt_error ignored;
    pbt_status const status =
        pbti_journal_landed(reader->journal, cached.expected, cached.batch, &landed, &ignored);
    if (status != PBT_OK || !landed) {
        pbti_cached_deinit(&cached);
        return;
    }
    reader->known = cached;
    reader->seq = pbti_state_seq(cached.state);
    reader->cached_seq = reader->seq;
    reader->spec_stale = true;
}

/* -------- life -------- */

static pbt_status open_journal(struct pbti_study_reader *reader, struct pbt_error *err)
{
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.read_only = true;
    return pbti_study_journal_open(reader->dir, reader->opts.journal, &opts, &reader->journal, err);
}

static pbt_status start(struct pbti_study_reader *reader, struct pbt_error *err)
{
    if (reader->dir == NULL || reader->scratch == NULL) { return no_memory(err); }
    PBTI_TRY(open_journal(reader, err));
    bool const cache = reader->opts.cache && !reader->opts.history && reader->opts.visitor == NULL;
    if (cache) { begin_with_cache(reader); }
    PBTI_TRY(catch_up(reader, err));
    if (reader->known.state == NULL) {
        return PBTI_FAIL(err, PBT_ENOENT, 0, "the study in \"%s\" has not begun yet", reader->dir);
    }
    if (cache && reader->seq - reader->cached_seq >= CACHE_WORTH) {
        (void)pbti_cache_save(reader->dir, &reader->known);
    }
    return PBT_OK;
}

pbt_status pbti_study_reader_open(const char *dir, const struct pbti_study_reader_opts *opts,
                                  struct pbti_study_reader **out, struct pbt_error *err)
{
    *out = NULL;
    struct pbti_study_reader *const reader = calloc(1, sizeof *reader);
    if (reader == NULL) { return no_memory(err); }
    reader->opts = opts != NULL ? *opts : pbti_study_reader_opts_default();
    reader->dir = strdup(dir);
    reader->scratch = malloc(sizeof *reader->scratch);
    pbt_status const status = start(reader, err);
    if (status != PBT_OK) {
        pbti_study_reader_close(reader);
        return status;
    }
    *out = reader;
    return PBT_OK;
}

void pbti_study_reader_close(struct pbti_study_reader *reader)
{
    if (reader == NULL) { return; }
    pbti_journal_close(reader->journal);
    pbti_spec_destroy(reader->spec);
    pbti_cached_deinit(&reader->known);
    pbti_history_deinit(&reader->history);
    free(reader->scratch);
    free(reader->dir);
    free(reader);
}

pbt_status pbti_study_reader_update(struct pbti_study_reader *reader, uint32_t wait_ms,
                                    struct pbt_error *err)
{
    uint64_t last = 0;
    if (wait_ms > 0) {
        PBTI_TRY(pbti_journal_wait(reader->journal, reader->seq, wait_ms, &last, err));
    }
    return catch_up(reader, err);
}

/* -------- looking -------- */

const char *pbti_study_reader_dir(const struct pbti_study_reader *reader)
{
    return reader->dir;
}

const struct pbti_state *pbti_study_reader_state(const struct pbti_study_reader *reader)
{
    return reader->known.state;
}

const struct pbti_spec *pbti_study_reader_spec(const struct pbti_study_reader *reader)
{
    return reader->spec;
}

struct pbti_text pbti_study_reader_spec_text(const struct pbti_study_reader *reader)
{
    return (struct pbti_text){reader->known.spec, reader->known.spec_size};
}

const struct pbti_study_stats *pbti_study_reader_tally(const struct pbti_study_reader *reader)
{
    return &reader->known.tally;
}

pbt_status pbti_study_reader_check(const struct pbti_study_reader *reader, struct pbti_store *store,
                                   struct pbti_checkpoint checkpoint, char *path,
                                   struct pbt_error *err)
{
    const struct pbti_live_checkpoints_entry *const entry =
        pbti_live_checkpoints_find(&reader->known.alive, checkpoint);
    if (entry == NULL) { return pbti_store_path(store, checkpoint, path, err); }
    struct pbti_stored const reported = {.files = entry->files, .bytes = entry->bytes};
    return pbti_store_check(store, checkpoint, &reported, path, err);
}

const struct pbti_live_checkpoints *pbti_study_reader_alive(const struct pbti_study_reader *reader)
{
    return &reader->known.alive;
}

const struct pbti_history *pbti_study_reader_history(const struct pbti_study_reader *reader)
{
    return &reader->history;
}

struct pbti_journal *pbti_study_reader_journal(const struct pbti_study_reader *reader)
{
    return reader->journal;
}

uint64_t pbti_study_reader_cached_seq(const struct pbti_study_reader *reader)
{
    return reader->cached_seq;
}
