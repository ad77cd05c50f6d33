/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal/replica.c - following a journal and appending to it; see replica.h.
 *
 * What is where:
 *
 *     journal   1 ............ shadow_seq ............ folded
 *     shadow    [ a copy of the state ]
 *     state     [ ........................................ | staged ]
 *
 * The state holds every durable event up to `folded` and what is staged after it. Going back is
 * always the same: load the shadow, read the journal forward from it. `torn` says that the state is
 * not to be relied on and that the next refresh has to go back first.
 */
#include "journal/replica.h"

#include "base/fail.h"
#include "journal/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    OBSERVERS_MAX = 4,
    SHADOW_EVENTS_MIN = 64,   /* fewest events from one shadow to the next, and ... */
    SHADOW_BYTES_EVENT = 128, /* ... bytes of it for each of them: what an event pays for shadows */
    PAUSE_MS_MAX = 8192       /* longest pause while asking for an unknown outcome */
};

struct watcher {
    pbti_observer observer;
    void *context;
    uint64_t told; /* sequence number of the last event it was told of */
};

struct spec_text {
    char *data; /* owned */
    size_t size;
};

struct pbti_replica {
    struct pbti_journal *journal;
    struct watcher watchers[OBSERVERS_MAX];
    uint32_t watchers_count;

    void *block; /* holds `state`; owned */
    size_t block_size;
    struct pbti_state *state; /* NULL: no study yet */
    uint64_t folded;          /* last durable event in it */
    bool torn;                /* go back to the shadow before anything else */

    void *shadow; /* pbti_state_save(); owned */
    size_t shadow_size, shadow_capacity;
    uint64_t shadow_seq; /* 0: there is none */

    struct spec_text spec;
    struct spec_text spec_before; /* of the durable state, while an amend or study is staged */
    bool spec_staged;

    struct pbti_batch batch;      /* staged */
    struct pbti_checkpoint *gone; /* unreachable by what is staged, or by the last commit; owned */
    size_t gone_count, gone_capacity;

    struct pbti_scratch scratch;
};

/* -------- folding one event -------- */

/* Without memory the checkpoint stays on the disk until a worker that starts sweeps it away. */
static void note_gone(void *context, struct pbti_checkpoint checkpoint)
{
    struct pbti_replica *const replica = context;
    if (replica->gone_count == replica->gone_capacity) {
        size_t const capacity = replica->gone_capacity == 0 ? 16 : 2 * replica->gone_capacity;
        struct pbti_checkpoint *const gone = realloc(replica->gone, capacity * sizeof *gone);
        if (gone == NULL) { return; }
        replica->gone = gone;
        replica->gone_capacity = capacity;
    }
    replica->gone[replica->gone_count++] = checkpoint;
}

/* Take over `block`, and a copy of the event's spec. */
static pbt_status move_state(struct pbti_replica *replica, void *block, size_t size,
                             struct pbti_state *state, struct pbti_text text, bool staging,
                             struct pbt_error *err)
{
    char *const data = malloc(text.size + 1);
    if (data == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory for a spec"); }
    if (text.size > 0) { memcpy(data, text.data, text.size); }
    data[text.size] = '\0';
    if (staging && !replica->spec_staged) {
        replica->spec_before = replica->spec;
        replica->spec_staged = true;
    } else {
        free(replica->spec.data);
    }
    replica->spec = (struct spec_text){data, text.size};
    if (block != replica->block) { free(replica->block); }
    replica->block = block;
    replica->block_size = size;
    replica->state = state;
    return PBT_OK;
}

/* Study and amend: the state starts in, or moves to, a block of its own size. */
static pbt_status fold_study(struct pbti_replica *replica, uint64_t seq,
                             const struct pbti_event *event, bool staging, struct pbt_error *err)
{
    bool const first = event->type == PBTI_STUDY;
    if (first != (replica->state == NULL) || first != (seq == 1)) {
        return PBTI_FAIL(err, PBT_ECORRUPT, 0, "event %llu is of type \"%s\": %s",
                         (unsigned long long)seq, pbti_event_name(event->type),
                         first ? "only the first may be" : "the first must be a study");
    }
    size_t const size = first ? pbti_state_bytes(event->study.config)
                              : pbti_state_amend_bytes(replica->state, event->study.config);
    void *const block = malloc(size);
    if (block == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory for a study"); }
    struct pbti_state *state = NULL;
    pbt_status status = PBT_OK;
    if (first) {
        state = pbti_state_init(block, event);
    } else {
        status = pbti_state_amend(replica->state, seq, event, block, &state, err);
    }
    if (status == PBT_OK) {
        status = move_state(replica, block, size, state, event->study.spec, staging, err);
    }
    if (status != PBT_OK) { free(block); }
    return status;
}

static pbt_status fold_event(struct pbti_replica *replica, uint64_t seq,
                             const struct pbti_event *event, bool staging, struct pbt_error *err)
{
    if (event->type == PBTI_STUDY || event->type == PBTI_AMEND) {
        return fold_study(replica, seq, event, staging, err);
    }
    if (replica->state == NULL) {
        return PBTI_FAIL(err, PBT_ECORRUPT, 0,
                         "event %llu is of type \"%s\": the first must be "
                         "a study",
                         (unsigned long long)seq, pbti_event_name(event->type));
    }
    return pbti_fold(replica->state, seq, event, staging ? note_gone : NULL, replica, err);
}

/* -------- following -------- */

static void tell(struct pbti_replica *replica, uint64_t seq, const struct pbti_event *event)
{
    for (uint32_t i = 0; i < replica->watchers_count; i++) {
        struct watcher *const watcher = &replica->watchers[i];
        if (seq <= watcher->told) { continue; }
        watcher->told = seq;
        watcher->observer(watcher->context, seq, event);
    }
}

/* A pbti_batch_reader. Whatever goes wrong inside a batch leaves the replica torn. */
static pbt_status fold_batch(void *context, uint64_t first, uint32_t count, const void *bytes,
                             size_t size, struct pbti_batch_id id, struct pbt_error *err)
{
    (void)id;
    struct pbti_replica *const replica = context;
    if (first != replica->folded + 1) {
        return PBTI_FAIL(err, PBT_ECORRUPT, 0, "event %llu follows event %llu",
                         (unsigned long long)first, (unsigned long long)replica->folded);
    }
    replica->torn = true;
    struct pbti_reader reader = {bytes, size, 0, false};
    struct pbti_event event;
    bool more = true;
    uint64_t seq = first;
    for (;; seq++) {
        PBTI_TRY(pbti_batch_next(&reader, &more, &event, &replica->scratch, err));
        if (!more) { break; }
        PBTI_TRY(fold_event(replica, seq, &event, false, err));
        tell(replica, seq, &event);
    }
    if (seq != first + count || pbti_owed(replica->state)) {
        return PBTI_FAIL(err, PBT_ECORRUPT, 0, "batch of events %llu to %llu is not complete",
                         (unsigned long long)first, (unsigned long long)(first + count - 1));
    }
    replica->folded = seq - 1;
    replica->torn = false;
    return PBT_OK;
}

/* A failure costs nothing but a longer way back: the old shadow stays. */
static void take_shadow(struct pbti_replica *replica)
{
    if (replica->state == NULL || replica->torn) { return; }
    size_t const size = pbti_state_save_bytes(replica->state);
    uint64_t const events = SHADOW_EVENTS_MIN + size / SHADOW_BYTES_EVENT;
    if (replica->shadow_seq > 0 && replica->folded - replica->shadow_seq < events) { return; }
    if (size > replica->shadow_capacity) {
        void *const shadow = malloc(size);
        if (shadow == NULL) { return; }
        free(replica->shadow);
        replica->shadow = shadow;
        replica->shadow_capacity = size;
    }
    pbti_state_save(replica->state, replica->shadow);
    replica->shadow_size = size;
    replica->shadow_seq = replica->folded;
}

/* Drop what is staged and load the shadow; without one, back to before the first event. */
static pbt_status load_shadow(struct pbti_replica *replica, struct pbt_error *err)
{
    pbti_batch_clear(&replica->batch);
    replica->gone_count = 0;
    if (replica->spec_staged) {
        free(replica->spec.data);
        replica->spec = replica->spec_before;
        replica->spec_staged = false;
    }
    replica->torn = true;
    replica->folded = replica->shadow_seq;
    if (replica->shadow_seq == 0) {
        replica->state = NULL;
    } else {
        size_t const size = pbti_state_load_bytes(replica->shadow, replica->shadow_size);
        if (size > replica->block_size) {
            void *const block = malloc(size);
            if (block == NULL) {
                return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory for a study");
            }
            free(replica->block);
            replica->block = block;
            replica->block_size = size;
        }
        replica->state = pbti_state_load(replica->block, replica->shadow, replica->shadow_size);
        assert(replica->state != NULL);
    }
    replica->torn = false;
    return PBT_OK;
}

pbt_status pbti_replica_refresh(struct pbti_replica *replica, struct pbt_error *err)
{
    assert(replica->batch.count == 0);
    replica->gone_count = 0;
    if (replica->torn) { PBTI_TRY(load_shadow(replica, err)); }
    PBTI_TRY(pbti_journal_read(replica->journal, replica->folded, fold_batch, replica, err));
    take_shadow(replica);
    return PBT_OK;
}

pbt_status pbti_replica_rollback(struct pbti_replica *replica, struct pbt_error *err)
{
    if (replica->batch.count == 0 && !replica->torn) { return PBT_OK; }
    pbti_batch_clear(&replica->batch);
    replica->torn = true;
    return pbti_replica_refresh(replica, err);
}

/* -------- observers -------- */

struct history {
    struct watcher *watcher;
    struct pbti_scratch *scratch;
    uint64_t last;
};

/* A pbti_batch_reader that tells one watcher and folds nothing. */
static pbt_status tell_batch(void *context, uint64_t first, uint32_t count, const void *bytes,
                             size_t size, struct pbti_batch_id id, struct pbt_error *err)
{
    (void)count;
    (void)id;
    struct history *const history = context;
    struct watcher *const watcher = history->watcher;
    struct pbti_reader reader = {bytes, size, 0, false};
    struct pbti_event event;
    bool more = true;
    for (uint64_t seq = first; seq <= history->last; seq++) {
        PBTI_TRY(pbti_batch_next(&reader, &more, &event, history->scratch, err));
        if (!more) { break; }
        watcher->told = seq;
        watcher->observer(watcher->context, seq, &event);
    }
    return PBT_OK;
}

pbt_status pbti_replica_observe(struct pbti_replica *replica, pbti_observer observer, void *context,
                                struct pbt_error *err)
{
    assert(replica->batch.count == 0);
    if (replica->watchers_count == OBSERVERS_MAX) {
        return PBTI_FAIL(err, PBT_ELIMIT, 0, "replica has %d observers already", OBSERVERS_MAX);
    }
    struct watcher *const watcher = &replica->watchers[replica->watchers_count];
    *watcher = (struct watcher){observer, context, 0};
    if (replica->folded > 0) {
        struct history history = {watcher, &replica->scratch, replica->folded};
        PBTI_TRY(pbti_journal_read(replica->journal, 0, tell_batch, &history, err));
    }
    replica->watchers_count++;
    return PBT_OK;
}

void pbti_replica_ignore(struct pbti_replica *replica, const void *context)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < replica->watchers_count; i++) {
        if (replica->watchers[i].context == context) { continue; }
        replica->watchers[kept++] = replica->watchers[i];
    }
    replica->watchers_count = kept;
}

/* -------- staging and committing -------- */

/* Unchanged after an error. */
static pbt_status stage_one(struct pbti_replica *replica, const struct pbti_event *event,
                            struct pbt_error *err)
{
    size_t const size = replica->batch.size;
    PBTI_TRY(pbti_batch_add(&replica->batch, event, err));
    uint64_t const seq = replica->folded + replica->batch.count;
    pbt_status const status = fold_event(replica, seq, event, true, err);
    if (status != PBT_OK) {
        replica->batch.size = size;
        replica->batch.count--;
    }
    return status;
}

pbt_status pbti_replica_stage(struct pbti_replica *replica, const struct pbti_event *event,
                              struct pbt_error *err)
{
    assert(!replica->torn);
    if (replica->batch.count == 0) { replica->gone_count = 0; }
    int64_t const time_ms = event->time_ms;
    PBTI_TRY(stage_one(replica, event, err));
    while (pbti_owed(replica->state)) {
        struct pbti_event decision;
        pbti_decide(replica->state, &decision, &replica->scratch);
        decision.time_ms = time_ms;
        pbt_status const status = stage_one(replica, &decision, err);
        if (status != PBT_OK) { /* half of what belongs together: take everything back */
            pbti_batch_clear(&replica->batch);
            replica->torn = true;
            return status;
        }
    }
    return PBT_OK;
}

/* What is staged has become durable: tell of it. */
static void settle(struct pbti_replica *replica)
{
    struct pbti_batch *const batch = &replica->batch;
    struct pbti_reader reader = {batch->data, batch->size, 0, false};
    struct pbti_event event;
    bool more = replica->watchers_count > 0;
    for (uint64_t seq = replica->folded + 1; more; seq++) {
        pbt_status const status = pbti_batch_next(&reader, &more, &event, &replica->scratch, NULL);
        assert(status == PBT_OK); /* we encoded it ourselves */
        if (status == PBT_OK && more) { tell(replica, seq, &event); }
    }
    replica->folded += batch->count;
    pbti_batch_clear(batch);
    if (replica->spec_staged) {
        free(replica->spec_before.data);
        replica->spec_staged = false;
    }
    take_shadow(replica);
}

/* Ask whether the append happened, with pauses that the journal makes: it owns the clock. */
static pbt_status find_out(struct pbti_replica *replica, struct pbti_batch_id id,
                           struct pbt_error *err)
{
    for (uint32_t pause_ms = 1; pause_ms <= PAUSE_MS_MAX; pause_ms *= 2) {
        bool landed = false;
        if (pbti_journal_landed(replica->journal, replica->folded, id, &landed, err) == PBT_OK) {
            if (landed) { return PBT_OK; }
            return PBTI_FAIL(err, PBT_EIO, 0, "the connection was lost, and nothing was appended");
        }
        uint64_t last = 0;
        uint64_t const ours = replica->folded + replica->batch.count;
        if (pbti_journal_wait(replica->journal, ours, pause_ms, &last, NULL) != PBT_OK) {
            continue; /* no pause then */
        }
    }
    return PBTI_FAIL(err, PBT_EUNKNOWN, 0,
                     "the connection was lost during an append, and the "
                     "journal does not answer");
}

pbt_status pbti_replica_commit(struct pbti_replica *replica, struct pbti_batch_id id,
                               struct pbt_error *err)
{
    if (replica->batch.count == 0) {
        replica->gone_count = 0;
        return PBT_OK;
    }
    uint64_t last = 0;
    pbt_status status =
        pbti_journal_append(replica->journal, replica->batch.data, replica->batch.size,
                            replica->batch.count, replica->folded, id, &last, err);
    if (status == PBT_EUNKNOWN) { status = find_out(replica, id, err); }
    if (status == PBT_OK) {
        settle(replica);
        return PBT_OK;
    }
    struct pbt_error inner;
    pbt_status const back = pbti_replica_rollback(replica, &inner);
    if (status == PBT_ECONFLICT && back != PBT_OK) { /* could not look: nothing to decide anew on */
        if (err != NULL) { *err = inner; }
        return back;
    }
    return status;
}

/* -------- life and looks -------- */

pbt_status pbti_replica_open(struct pbti_journal *journal, pbti_observer observer, void *context,
                             struct pbti_replica **out, struct pbt_error *err)
{
    *out = NULL;
    struct pbti_replica *const replica = calloc(1, sizeof *replica);
    if (replica == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory for a replica"); }
    replica->journal = journal;
    if (observer != NULL) {
        replica->watchers[replica->watchers_count++] = (struct watcher){observer, context, 0};
    }
    pbt_status const status = pbti_replica_refresh(replica, err);
    if (status != PBT_OK) {
        pbti_replica_close(replica);
        return status;
    }
    *out = replica;
    return PBT_OK;
}

void pbti_replica_close(struct pbti_replica *replica)
{
    if (replica == NULL) { return; }
    if (replica->spec_staged) { free(replica->spec_before.data); }
    free(replica->spec.data);
    free(replica->block);
    free(replica->shadow);
    free(replica->gone);
    pbti_batch_deinit(&replica->batch);
    free(replica);
}

const struct pbti_state *pbti_replica_state(const struct pbti_replica *replica)
{
    return replica->state;
}

struct pbti_text pbti_replica_spec(const struct pbti_replica *replica)
{
    return (struct pbti_text){replica->spec.data, replica->spec.size};
}

uint64_t pbti_replica_seq(const struct pbti_replica *replica)
{
    return replica->folded;
}

uint64_t pbti_replica_next_seq(const struct pbti_replica *replica)
{
    return replica->folded + replica->batch.count + 1;
}

const struct pbti_checkpoint *pbti_replica_unreachable(const struct pbti_replica *replica,
                                                       size_t *count)
{
    *count = replica->gone_count;
    return replica->gone;
}
