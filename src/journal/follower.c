/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal/follower.c - following a journal and appending to it; see follower.h.
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
#include "journal/follower.h"

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

struct pbti_follower {
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
    struct pbti_follower *const follower = context;
    if (follower->gone_count == follower->gone_capacity) {
        size_t const capacity = follower->gone_capacity == 0 ? 16 : 2 * follower->gone_capacity;
        struct pbti_checkpoint *const gone = realloc(follower->gone, capacity * sizeof *gone);
        if (gone == NULL) { return; }
        follower->gone = gone;
        follower->gone_capacity = capacity;
    }
    follower->gone[follower->gone_count++] = checkpoint;
}

/* Take over `block`, and a copy of the event's spec. */
static pbt_status move_state(struct pbti_follower *follower, void *block, size_t size,
                             struct pbti_state *state, struct pbti_text text, bool staging,
                             struct pbt_error *err)
{
    char *const data = malloc(text.size + 1);
    if (data == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory for a spec"); }
    if (text.size > 0) { memcpy(data, text.data, text.size); }
    data[text.size] = '\0';
    if (staging && !follower->spec_staged) {
        follower->spec_before = follower->spec;
        follower->spec_staged = true;
    } else {
        free(follower->spec.data);
    }
    follower->spec = (struct spec_text){data, text.size};
    if (block != follower->block) { free(follower->block); }
    follower->block = block;
    follower->block_size = size;
    follower->state = state;
    return PBT_OK;
}

/* Study and amend: the state starts in, or moves to, a block of its own size. */
static pbt_status fold_study(struct pbti_follower *follower, uint64_t seq,
                             const struct pbti_event *event, bool staging, struct pbt_error *err)
{
    bool const first = event->type == PBTI_STUDY;
    if (first != (follower->state == NULL) || first != (seq == 1)) {
        return PBTI_FAIL(err, PBT_ECORRUPT, 0, "event %llu is of type \"%s\": %s",
                         (unsigned long long)seq, pbti_event_name(event->type),
                         first ? "only the first may be" : "the first must be a study");
    }
    size_t const size = first ? pbti_state_bytes(event->study.config)
                              : pbti_state_amend_bytes(follower->state, event->study.config);
    void *const block = malloc(size);
    if (block == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory for a study"); }
    struct pbti_state *state = NULL;
    pbt_status status = PBT_OK;
    if (first) {
        state = pbti_state_init(block, event);
    } else {
        status = pbti_state_amend(follower->state, seq, event, block, &state, err);
    }
    if (status == PBT_OK) {
        status = move_state(follower, block, size, state, event->study.spec, staging, err);
    }
    if (status != PBT_OK) { free(block); }
    return status;
}

static pbt_status fold_event(struct pbti_follower *follower, uint64_t seq,
                             const struct pbti_event *event, bool staging, struct pbt_error *err)
{
    if (event->type == PBTI_STUDY || event->type == PBTI_AMEND) {
        return fold_study(follower, seq, event, staging, err);
    }
    if (follower->state == NULL) {
        return PBTI_FAIL(err, PBT_ECORRUPT, 0,
                         "event %llu is of type \"%s\": the first must be "
                         "a study",
                         (unsigned long long)seq, pbti_event_name(event->type));
    }
    return pbti_fold(follower->state, seq, event, staging ? note_gone : NULL, follower, err);
}

/* -------- following -------- */

static void tell(struct pbti_follower *follower, uint64_t seq, const struct pbti_event *event)
{
    for (uint32_t i = 0; i < follower->watchers_count; i++) {
        struct watcher *const watcher = &follower->watchers[i];
        if (seq <= watcher->told) { continue; }
        watcher->told = seq;
        watcher->observer(watcher->context, seq, event);
    }
}

/* A pbti_batch_reader. Whatever goes wrong inside a batch leaves the follower torn. */
static pbt_status fold_batch(void *context, uint64_t first, uint32_t count, const void *bytes,
                             size_t size, struct pbti_batch_id id, struct pbt_error *err)
{
    (void)id;
    struct pbti_follower *const follower = context;
    if (first != follower->folded + 1) {
        return PBTI_FAIL(err, PBT_ECORRUPT, 0, "event %llu follows event %llu",
                         (unsigned long long)first, (unsigned long long)follower->folded);
    }
    follower->torn = true;
    struct pbti_reader reader = {bytes, size, 0, false};
    struct pbti_event event;
    bool more = true;
    uint64_t seq = first;
    for (;; seq++) {
        PBTI_TRY(pbti_batch_next(&reader, &more, &event, &follower->scratch, err));
        if (!more) { break; }
        PBTI_TRY(fold_event(follower, seq, &event, false, err));
        tell(follower, seq, &event);
    }
    if (seq != first + count || pbti_decision_due(follower->state)) {
        return PBTI_FAIL(err, PBT_ECORRUPT, 0, "batch of events %llu to %llu is not complete",
                         (unsigned long long)first, (unsigned long long)(first + count - 1));
    }
    follower->folded = seq - 1;
    follower->torn = false;
    return PBT_OK;
}

/* A failure costs nothing but a longer way back: the old shadow stays. */
static void take_shadow(struct pbti_follower *follower)
{
    if (follower->state == NULL || follower->torn) { return; }
    size_t const size = pbti_state_save_bytes(follower->state);
    uint64_t const events = SHADOW_EVENTS_MIN + size / SHADOW_BYTES_EVENT;
    if (follower->shadow_seq > 0 && follower->folded - follower->shadow_seq < events) { return; }
    if (size > follower->shadow_capacity) {
        void *const shadow = malloc(size);
        if (shadow == NULL) { return; }
        free(follower->shadow);
        follower->shadow = shadow;
        follower->shadow_capacity = size;
    }
    pbti_state_save(follower->state, follower->shadow);
    follower->shadow_size = size;
    follower->shadow_seq = follower->folded;
}

/* Drop what is staged and load the shadow; without one, back to before the first event. */
static pbt_status load_shadow(struct pbti_follower *follower, struct pbt_error *err)
{
    pbti_batch_clear(&follower->batch);
    follower->gone_count = 0;
    if (follower->spec_staged) {
        free(follower->spec.data);
        follower->spec = follower->spec_before;
        follower->spec_staged = false;
    }
    follower->torn = true;
    follower->folded = follower->shadow_seq;
    if (follower->shadow_seq == 0) {
        follower->state = NULL;
    } else {
        size_t const size = pbti_state_load_bytes(follower->shadow, follower->shadow_size);
        if (size > follower->block_size) {
            void *const block = malloc(size);
            if (block == NULL) {
                return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory for a study");
            }
            free(follower->block);
            follower->block = block;
            follower->block_size = size;
        }
        follower->state = pbti_state_load(follower->block, follower->shadow, follower->shadow_size);
        assert(follower->state != NULL);
    }
    follower->torn = false;
    return PBT_OK;
}

pbt_status pbti_follower_refresh(struct pbti_follower *follower, struct pbt_error *err)
{
    assert(follower->batch.count == 0);
    follower->gone_count = 0;
    if (follower->torn) { PBTI_TRY(load_shadow(follower, err)); }
    PBTI_TRY(pbti_journal_read(follower->journal, follower->folded, fold_batch, follower, err));
    take_shadow(follower);
    return PBT_OK;
}

pbt_status pbti_follower_rollback(struct pbti_follower *follower, struct pbt_error *err)
{
    if (follower->batch.count == 0 && !follower->torn) { return PBT_OK; }
    pbti_batch_clear(&follower->batch);
    follower->torn = true;
    return pbti_follower_refresh(follower, err);
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

pbt_status pbti_follower_observe(struct pbti_follower *follower, pbti_observer observer,
                                 void *context, struct pbt_error *err)
{
    assert(follower->batch.count == 0);
    if (follower->watchers_count == OBSERVERS_MAX) {
        return PBTI_FAIL(err, PBT_ELIMIT, 0, "follower has %d observers already", OBSERVERS_MAX);
    }
    struct watcher *const watcher = &follower->watchers[follower->watchers_count];
    *watcher = (struct watcher){observer, context, 0};
    if (follower->folded > 0) {
        struct history history = {watcher, &follower->scratch, follower->folded};
        PBTI_TRY(pbti_journal_read(follower->journal, 0, tell_batch, &history, err));
    }
    follower->watchers_count++;
    return PBT_OK;
}

void pbti_follower_ignore(struct pbti_follower *follower, const void *context)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < follower->watchers_count; i++) {
        if (follower->watchers[i].context == context) { continue; }
        follower->watchers[kept++] = follower->watchers[i];
    }
    follower->watchers_count = kept;
}

/* -------- staging and committing -------- */

/* Unchanged after an error. */
static pbt_status stage_one(struct pbti_follower *follower, const struct pbti_event *event,
                            struct pbt_error *err)
{
    size_t const size = follower->batch.size;
    PBTI_TRY(pbti_batch_add(&follower->batch, event, err));
    uint64_t const seq = follower->folded + follower->batch.count;
    pbt_status const status = fold_event(follower, seq, event, true, err);
    if (status != PBT_OK) {
        follower->batch.size = size;
        follower->batch.count--;
    }
    return status;
}

pbt_status pbti_follower_stage(struct pbti_follower *follower, const struct pbti_event *event,
                               struct pbt_error *err)
{
    assert(!follower->torn);
    if (follower->batch.count == 0) { follower->gone_count = 0; }
    int64_t const time_ms = event->time_ms;
    PBTI_TRY(stage_one(follower, event, err));
    while (pbti_decision_due(follower->state)) {
        struct pbti_event decision;
        pbti_decide(follower->state, &decision, &follower->scratch);
        decision.time_ms = time_ms;
        pbt_status const status = stage_one(follower, &decision, err);
        if (status != PBT_OK) { /* half of what belongs together: take everything back */
            pbti_batch_clear(&follower->batch);
            follower->torn = true;
            return status;
        }
    }
    return PBT_OK;
}

/* What is staged has become durable: tell of it. */
static void settle(struct pbti_follower *follower)
{
    struct pbti_batch *const batch = &follower->batch;
    struct pbti_reader reader = {batch->data, batch->size, 0, false};
    struct pbti_event event;
    bool more = follower->watchers_count > 0;
    for (uint64_t seq = follower->folded + 1; more; seq++) {
        pbt_status const status = pbti_batch_next(&reader, &more, &event, &follower->scratch, NULL);
        assert(status == PBT_OK); /* we encoded it ourselves */
        if (status == PBT_OK && more) { tell(follower, seq, &event); }
    }
    follower->folded += batch->count;
    pbti_batch_clear(batch);
    if (follower->spec_staged) {
        free(follower->spec_before.data);
        follower->spec_staged = false;
    }
    take_shadow(follower);
}

/* Ask whether the append happened, with pauses that the journal makes: it owns the clock. */
static pbt_status find_out(struct pbti_follower *follower, struct pbti_batch_id id,
                           struct pbt_error *err)
{
    for (uint32_t pause_ms = 1; pause_ms <= PAUSE_MS_MAX; pause_ms *= 2) {
        bool landed = false;
        if (pbti_journal_landed(follower->journal, follower->folded, id, &landed, err) == PBT_OK) {
            if (landed) { return PBT_OK; }
            return PBTI_FAIL(err, PBT_EIO, 0, "the connection was lost, and nothing was appended");
        }
        uint64_t last = 0;
        uint64_t const ours = follower->folded + follower->batch.count;
        if (pbti_journal_wait(follower->journal, ours, pause_ms, &last, NULL) != PBT_OK) {
            continue; /* no pause then */
        }
    }
    return PBTI_FAIL(err, PBT_EUNKNOWN, 0,
                     "the connection was lost during an append, and the "
                     "journal does not answer");
}

pbt_status pbti_follower_commit(struct pbti_follower *follower, struct pbti_batch_id id,
                                struct pbt_error *err)
{
    if (follower->batch.count == 0) {
        follower->gone_count = 0;
        return PBT_OK;
    }
    uint64_t last = 0;
    pbt_status status =
        pbti_journal_append(follower->journal, follower->batch.data, follower->batch.size,
                            follower->batch.count, follower->folded, id, &last, err);
    if (status == PBT_EUNKNOWN) { status = find_out(follower, id, err); }
    if (status == PBT_OK) {
        settle(follower);
        return PBT_OK;
    }
    struct pbt_error inner;
    pbt_status const back = pbti_follower_rollback(follower, &inner);
    if (status == PBT_ECONFLICT && back != PBT_OK) { /* could not look: nothing to decide anew on */
        if (err != NULL) { *err = inner; }
        return back;
    }
    return status;
}

/* -------- life and looks -------- */

pbt_status pbti_follower_open(struct pbti_journal *journal, pbti_observer observer, void *context,
                              struct pbti_follower **out, struct pbt_error *err)
{
    *out = NULL;
    struct pbti_follower *const follower = calloc(1, sizeof *follower);
    if (follower == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory for a follower"); }
    follower->journal = journal;
    if (observer != NULL) {
        follower->watchers[follower->watchers_count++] = (struct watcher){observer, context, 0};
    }
    pbt_status const status = pbti_follower_refresh(follower, err);
    if (status != PBT_OK) {
        pbti_follower_close(follower);
        return status;
    }
    *out = follower;
    return PBT_OK;
}

void pbti_follower_close(struct pbti_follower *follower)
{
    if (follower == NULL) { return; }
    if (follower->spec_staged) { free(follower->spec_before.data); }
    free(follower->spec.data);
    free(follower->block);
    free(follower->shadow);
    free(follower->gone);
    pbti_batch_deinit(&follower->batch);
    free(follower);
}

const struct pbti_state *pbti_follower_state(const struct pbti_follower *follower)
{
    return follower->state;
}

struct pbti_text pbti_follower_spec(const struct pbti_follower *follower)
{
    return (struct pbti_text){follower->spec.data, follower->spec.size};
}

uint64_t pbti_follower_seq(const struct pbti_follower *follower)
{
    return follower->folded;
}

uint64_t pbti_follower_next_seq(const struct pbti_follower *follower)
{
    return follower->folded + follower->batch.count + 1;
}

const struct pbti_checkpoint *pbti_follower_unreachable(const struct pbti_follower *follower,
                                                        size_t *count)
{
    *count = follower->gone_count;
    return follower->gone;
}
