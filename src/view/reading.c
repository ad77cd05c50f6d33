/* SPDX-License-Identifier: Apache-2.0 */
/* view/reading.c - folding a journal to look at it. */
#include "view/reading.h"

#include "base/fail.h"
#include "journal/batch.h"
#include "journal/study_journal.h"
#include "view/cache.h"

#include <stdlib.h>
#include <string.h>

/* Fold at least so many events before a new cache is worth its writing. */
#define CACHE_WORTH 20000

struct pbti_reading {
    char *dir; /* owned */
    struct pbti_reading_opts opts;
    struct pbti_journal *journal; /* owned */
    struct pbti_spec *spec;       /* owned; made from known.spec */
    bool spec_stale;              /* an amend was folded since */
    struct pbti_cached known;     /* state, tally, alive, spec text, and the last batch */
    struct pbti_history history;
    uint64_t seq;                 /* of the last batch's last event */
    uint64_t cached_seq;          /* where the fold began */
    struct pbti_scratch *scratch; /* owned */
};

struct pbti_reading_opts pbti_reading_opts_default(void)
{
    return (struct pbti_reading_opts){.struct_size = sizeof(struct pbti_reading_opts)};
}

static pbt_status no_memory(struct pbt_error *err)
{
    return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory while reading the study");
}

/* -------- folding -------- */

static void forget(void *context, struct pbti_checkpoint checkpoint)
{
    struct pbti_reading *const reading = context;
    pbti_alive_remove(&reading->known.alive, checkpoint);
}

static pbt_status keep_spec(struct pbti_reading *reading, struct pbti_text spec,
                            struct pbt_error *err)
{
    char *const copy = malloc(spec.size + 1);
    if (copy == NULL) { return no_memory(err); }
    if (spec.size > 0) { memcpy(copy, spec.data, spec.size); }
    copy[spec.size] = '\0';
    free(reading->known.spec);
    reading->known.spec = copy;
    reading->known.spec_size = spec.size;
    reading->spec_stale = true;
    return PBT_OK;
}

/* Fold a study or amend event, which needs a new block. */
static pbt_status fold_config(struct pbti_reading *reading, uint64_t seq,
                              const struct pbti_event *event, struct pbt_error *err)
{
    struct pbti_cached *const known = &reading->known;
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
    return keep_spec(reading, event->study.spec, err);
}

/* A checkpoint comes to life with its report. */
static pbt_status note_checkpoint(struct pbti_reading *reading, const struct pbti_event *event,
                                  struct pbt_error *err)
{
    const struct pbti_event_report *const report = &event->report;
    if (event->type != PBTI_REPORT || report->outcome != PBTI_OUTCOME_DONE) { return PBT_OK; }
    struct pbti_alive_entry const entry = {
        .checkpoint = {report->member, report->segment, report->attempt},
        .files = report->files,
        .bytes = report->bytes,
        .hash = report->hash};
    return pbti_alive_add(&reading->known.alive, entry) ? PBT_OK : no_memory(err);
}

static pbt_status fold_event(struct pbti_reading *reading, uint64_t seq,
                             const struct pbti_event *event, struct pbt_error *err)
{
    struct pbti_cached *const known = &reading->known;
    const struct pbti_reading_opts *const opts = &reading->opts;
    if (opts->visitor != NULL) {
        PBTI_TRY(opts->visitor(opts->context, known->state, seq, event, err));
    }
    pbti_tally_before(&known->tally, known->state, seq, event);
    if (opts->history) { pbti_history_before(&reading->history, known->state, seq, event); }
    PBTI_TRY(note_checkpoint(reading, event, err));
    if (event->type == PBTI_STUDY || event->type == PBTI_AMEND) {
        PBTI_TRY(fold_config(reading, seq, event, err));
    } else if (known->state == NULL) {
        return PBTI_FAIL(err, PBT_ECORRUPT, 0, "the journal does not begin with a study event");
    } else {
        PBTI_TRY(pbti_fold(known->state, seq, event, forget, reading, err));
    }
    pbti_tally_after(&known->tally, known->state, event);
    if (opts->history) {
        pbti_history_after(&reading->history, known->state, event);
        if (reading->history.failed) { return no_memory(err); }
    }
    return PBT_OK;
}

static pbt_status fold_batch(void *context, uint64_t first, uint32_t count, const void *bytes,
                             size_t size, struct pbti_batch_id id, struct pbt_error *err)
{
    struct pbti_reading *const reading = context;
    struct pbti_reader reader = {.data = bytes, .size = size};
    struct pbti_event event;
    uint64_t seq = first;
    for (;;) {
        bool more = false;
        pbt_status status = pbti_batch_next(&reader, &more, &event, reading->scratch, err);
        if (status == PBT_OK && !more) { break; }
        if (status == PBT_OK) { status = fold_event(reading, seq, &event, err); }
        if (status != PBT_OK) {
            return pbti_fail_context(err, status, "event %llu", (unsigned long long)seq);
        }
        seq++;
    }
    if (seq != first + count) {
        return PBTI_FAIL(err, PBT_ECORRUPT, 0, "the batch at event %llu holds %llu events, not %u",
                         (unsigned long long)first, (unsigned long long)(seq - first), count);
    }
    reading->known.expected = first - 1;
    reading->known.batch = id;
    reading->seq = seq - 1;
    return PBT_OK;
}

/* Make the spec from its text when it changed. */
static pbt_status refresh_spec(struct pbti_reading *reading, struct pbt_error *err)
{
    if (!reading->spec_stale || reading->known.spec == NULL) { return PBT_OK; }
    struct pbti_spec *spec = NULL;
    pbt_status const status =
        pbti_spec_amend(reading->known.spec, reading->known.spec_size, NULL, 0, &spec, err);
    if (status != PBT_OK) {
        return pbti_fail_context(err, PBT_ECORRUPT, "the study's own spec does not read");
    }
    pbti_spec_destroy(reading->spec);
    reading->spec = spec;
    reading->spec_stale = false;
    return PBT_OK;
}

static pbt_status catch_up(struct pbti_reading *reading, struct pbt_error *err)
{
    PBTI_TRY(pbti_journal_read(reading->journal, reading->seq, fold_batch, reading, err));
    return refresh_spec(reading, err);
}

/* -------- cache -------- */

/* Begin with the cache when the journal holds the batch at which it was taken. */
static void begin_with_cache(struct pbti_reading *reading)
{
    struct pbti_cached cached;
    if (!pbti_cache_load(reading->dir, &cached)) { return; }
    bool landed = false;
    struct pbt_error ignored;
    pbt_status const status =
        pbti_journal_landed(reading->journal, cached.expected, cached.batch, &landed, &ignored);
    if (status != PBT_OK || !landed) {
        pbti_cached_deinit(&cached);
        return;
    }
    reading->known = cached;
    reading->seq = pbti_state_seq(cached.state);
    reading->cached_seq = reading->seq;
    reading->spec_stale = true;
}

/* -------- life -------- */

static pbt_status open_journal(struct pbti_reading *reading, struct pbt_error *err)
{
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.read_only = true;
    return pbti_study_journal_open(reading->dir, &opts, &reading->journal, err);
}

static pbt_status start(struct pbti_reading *reading, struct pbt_error *err)
{
    if (reading->dir == NULL || reading->scratch == NULL) { return no_memory(err); }
    PBTI_TRY(open_journal(reading, err));
    bool const cache =
        reading->opts.cache && !reading->opts.history && reading->opts.visitor == NULL;
    if (cache) { begin_with_cache(reading); }
    PBTI_TRY(catch_up(reading, err));
    if (reading->known.state == NULL) {
        return PBTI_FAIL(err, PBT_ENOENT, 0, "the study in \"%s\" has not begun yet", reading->dir);
    }
    if (cache && reading->seq - reading->cached_seq >= CACHE_WORTH) {
        (void)pbti_cache_save(reading->dir, &reading->known);
    }
    return PBT_OK;
}

pbt_status pbti_reading_open(const char *dir, const struct pbti_reading_opts *opts,
                             struct pbti_reading **out, struct pbt_error *err)
{
    *out = NULL;
    struct pbti_reading *const reading = calloc(1, sizeof *reading);
    if (reading == NULL) { return no_memory(err); }
    reading->opts = opts != NULL ? *opts : pbti_reading_opts_default();
    reading->dir = strdup(dir);
    reading->scratch = malloc(sizeof *reading->scratch);
    pbt_status const status = start(reading, err);
    if (status != PBT_OK) {
        pbti_reading_close(reading);
        return status;
    }
    *out = reading;
    return PBT_OK;
}

void pbti_reading_close(struct pbti_reading *reading)
{
    if (reading == NULL) { return; }
    pbti_journal_close(reading->journal);
    pbti_spec_destroy(reading->spec);
    pbti_cached_deinit(&reading->known);
    pbti_history_deinit(&reading->history);
    free(reading->scratch);
    free(reading->dir);
    free(reading);
}

pbt_status pbti_reading_update(struct pbti_reading *reading, uint32_t wait_ms,
                               struct pbt_error *err)
{
    uint64_t last = 0;
    if (wait_ms > 0) {
        PBTI_TRY(pbti_journal_wait(reading->journal, reading->seq, wait_ms, &last, err));
    }
    return catch_up(reading, err);
}

/* -------- looking -------- */

const char *pbti_reading_dir(const struct pbti_reading *reading)
{
    return reading->dir;
}

const struct pbti_state *pbti_reading_state(const struct pbti_reading *reading)
{
    return reading->known.state;
}

const struct pbti_spec *pbti_reading_spec(const struct pbti_reading *reading)
{
    return reading->spec;
}

struct pbti_text pbti_reading_spec_text(const struct pbti_reading *reading)
{
    return (struct pbti_text){reading->known.spec, reading->known.spec_size};
}

const struct pbti_tally *pbti_reading_tally(const struct pbti_reading *reading)
{
    return &reading->known.tally;
}

const struct pbti_alive *pbti_reading_alive(const struct pbti_reading *reading)
{
    return &reading->known.alive;
}

const struct pbti_history *pbti_reading_history(const struct pbti_reading *reading)
{
    return &reading->history;
}

struct pbti_journal *pbti_reading_journal(const struct pbti_reading *reading)
{
    return reading->journal;
}

uint64_t pbti_reading_cached_seq(const struct pbti_reading *reading)
{
    return reading->cached_seq;
}
