/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/slot.c - one slot of a run. See slot.h.
 *
 *     start -> (paths) -> task -> trainer -> result -> publish, off the loop -> result
 *
 * Two kinds of failure are kept apart. What the trainer did wrong is an outcome of the segment.
 * Storage that fails (a full disk) is not the trainer's fault: the step is tried again until the
 * run ends it, and nothing is reported.
 */
#include "worker/slot.h"

#include "base/fail.h"
#include "base/file_tree.h"

#include <assert.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum slot_phase {
    SLOT_FREE,        /* the agent has given it nothing */
    SLOT_PREPARING,   /* storage does not let it begin; tried again by the run's clock */
    SLOT_RUNNING,     /* the runner has the task */
    SLOT_PUBLISHING,  /* its checkpoint is being published */
    SLOT_UNPUBLISHED, /* storage does not let it be published; tried again likewise */
    SLOT_FINISHED,    /* its result is ready and is reported from the loop */
    SLOT_CANCELLING,  /* the agent took it back; the trainer is being stopped */
    SLOT_RETIRED      /* out of order */
};

struct pbti_slot {
    struct pbti_slots *shared;
    uint32_t index;
    struct pbti_runner *runner;
    enum slot_phase phase;
    bool cancelled; /* while publishing: the result is not wanted any more */
    bool stopping;  /* the run ends */
    bool quit;      /* the runner was told to end for good */
    bool ended;     /* ... and has */

    struct pbti_task task; /* values and paths point into the next */
    double values[PBTI_HP_MAX];
    char load[PATH_MAX], save[PATH_MAX];

    struct pbti_result result; /* borrows from the runner until its next task; but for: */
    char message[PBTI_MESSAGE_MAX];
    struct pbti_stored stored;

    bool no_space; /* its trainer failed and there was no room: it begins again when there is */
    uint64_t no_space_bytes; /* for so many */

    uv_work_t work; /* publishing */
    bool again;     /* ... failed for want of storage, and is not known to have succeeded since */
    pbt_status work_status;
    struct pbt_error work_err;

    uint64_t began_ns, first_ns, busy_ns, publish_ns;
    int64_t since_ms;
};

static void report(struct pbti_slot *slot);

static void warn(const struct pbti_slot *slot, const char *format, ...) PBT_PRINTF(2, 3);

static void warn(const struct pbti_slot *slot, const char *format, ...)
{
    char text[1500];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    slot->shared->warn(slot->shared->context, text);
}

static const struct pbti_spec *spec_of(const struct pbti_slot *slot)
{
    return slot->shared->spec;
}

/* -------- deleting checkpoints, off the loop -------- */

struct drop {
    uv_work_t work;
    struct pbti_store *store;
    struct pbti_checkpoint checkpoint;
};

static void drop_work(uv_work_t *work)
{
    const struct drop *const drop = work->data;
    pbti_store_drop(drop->store, drop->checkpoint);
}

static void drop_done(uv_work_t *work, int code)
{
    (void)code;
    free(work->data);
}

void pbti_slots_drop(struct pbti_slots *slots, struct pbti_checkpoint checkpoint)
{
    pbti_checkpoint_sizes_remove(slots->sizes, checkpoint);
    struct drop *const drop = malloc(sizeof *drop);
    if (drop == NULL) { return; } /* a later sweep finds it */
    *drop = (struct drop){.store = slots->store, .checkpoint = checkpoint};
    drop->work.data = drop;
    if (uv_queue_work(slots->loop, &drop->work, drop_work, drop_done) != 0) { free(drop); }
}

/* -------- beginning -------- */

/* The task ends without the trainer's help. */
static void finish_locally(struct pbti_slot *slot, uint8_t outcome, uint8_t origin,
                           const char *message)
{
    slot->result = (struct pbti_result){.outcome = outcome, .origin = origin};
    (void)snprintf(slot->message, sizeof slot->message, "%s", message);
    slot->phase = SLOT_FINISHED;
    slot->shared->wake(slot->shared->context);
}

/* Find the checkpoint to load, and compare it with its report: not where the trainer that waits in
 * this slot holds it. */
static pbt_status find_load(struct pbti_slot *slot, struct pbt_error *err)
{
    const struct pbti_slots *const shared = slot->shared;
    struct pbti_checkpoint const from = slot->task.from;
    const struct pbti_live_checkpoints_entry *const entry =
        pbti_live_checkpoints_find(shared->reported, from);
    bool const is_held = slot->task.keep && pbti_runner_is_ready(slot->runner);
    if (entry == NULL || is_held) { return pbti_store_path(shared->store, from, slot->load, err); }
    struct pbti_stored const reported = {.files = entry->files, .bytes = entry->bytes};
    return pbti_store_check(shared->store, from, &reported, slot->load, err);
}

/* Make the folder to save into, with room for what goes there when that was missing before, and
 * find what to load: in this order, since storage that is gone as a whole must not look like a
 * checkpoint that is missing. */
static pbt_status find_paths(struct pbti_slot *slot, struct pbt_error *err)
{
    struct pbti_store *const store = slot->shared->store;
    PBTI_TRY(pbti_store_prepare(store, slot->task.checkpoint, slot->save, err));
    if (slot->no_space) { PBTI_TRY(pbti_store_room(store, slot->no_space_bytes, err)); }
    slot->no_space = false;
    slot->load[0] = '\0';
    if (slot->task.from.segment != 0) {
        PBTI_TRY(find_load(slot, err));
    } else if (spec_of(slot)->initial_checkpoint != NULL) {
        (void)snprintf(slot->load, sizeof slot->load, "%s", spec_of(slot)->initial_checkpoint);
    }
    return PBT_OK;
}

static void begin(struct pbti_slot *slot)
{
    struct pbt_error err;
    pbt_status const status = find_paths(slot, &err);
    if (status == PBT_ENOENT || status == PBT_ECORRUPT) {
        finish_locally(slot, PBTI_OUTCOME_CHECKPOINT, PBTI_ORIGIN_LOAD, err.message);
        return;
    }
    if (status != PBT_OK) {
        slot->phase = SLOT_PREPARING;
        slot->shared->trouble(slot->shared->context, status, &err);
        return;
    }
    slot->task.keep = slot->task.keep && pbti_runner_is_ready(slot->runner);
    slot->task.load = slot->load[0] != '\0' ? slot->load : NULL;
    slot->task.save = slot->save;
    slot->phase = SLOT_RUNNING;
    pbti_runner_start(slot->runner, &slot->task);
}

static int64_t wall_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void pbti_slot_start(struct pbti_slot *slot, const struct pbti_task *task)
{
    assert(slot->phase == SLOT_FREE);
    slot->task = *task;
    uint32_t const count = spec_of(slot)->config.space.count;
    if (count > 0) { memcpy(slot->values, task->values, count * sizeof *slot->values); }
    slot->task.values = slot->values;
    slot->task.space = &spec_of(slot)->config.space;
    slot->task.fixed = spec_of(slot)->fixed;
    slot->cancelled = slot->no_space = slot->again = false;
    slot->message[0] = '\0';
    slot->stored = (struct pbti_stored){0};
    slot->began_ns = uv_hrtime();
    slot->publish_ns = 0;
    if (slot->first_ns == 0) { slot->first_ns = slot->began_ns; }
    slot->since_ms = wall_ms();
    begin(slot);
}

/* -------- publishing -------- */

static void publish_work(uv_work_t *work)
{
    struct pbti_slot *const slot = work->data;
    slot->work_status = pbti_store_publish(slot->shared->store, slot->task.checkpoint,
                                           &slot->stored, &slot->work_err);
}

/* The slot is the agent's again, without a result. */
static void free_slot(struct pbti_slot *slot, bool usable)
{
    slot->phase = usable ? SLOT_FREE : SLOT_RETIRED;
    slot->busy_ns += uv_hrtime() - slot->began_ns;
    slot->shared->freed(slot->shared->context, slot->index, usable);
}

static void publish_done(uv_work_t *work, int code)
{
    (void)code;
    struct pbti_slot *const slot = work->data;
    if (slot->cancelled || slot->stopping) {
        free_slot(slot, true);
        if (slot->stopping) { pbti_slot_quit(slot); }
        return;
    }
    slot->again = slot->work_status == PBT_EIO || slot->work_status == PBT_ENOMEM;
    if (slot->again) {
        slot->phase = SLOT_UNPUBLISHED;
        slot->shared->trouble(slot->shared->context, slot->work_status, &slot->work_err);
        return;
    }
    if (slot->work_status != PBT_OK) {
        slot->result.outcome = PBTI_OUTCOME_CHECKPOINT;
        (void)snprintf(slot->message, sizeof slot->message, "%s", slot->work_err.message);
    }
    slot->publish_ns = uv_hrtime() - slot->publish_ns;
    report(slot);
}

static void publish(struct pbti_slot *slot)
{
    slot->phase = SLOT_PUBLISHING;
    if (slot->publish_ns == 0) { slot->publish_ns = uv_hrtime(); }
    slot->work.data = slot;
    if (uv_queue_work(slot->shared->loop, &slot->work, publish_work, publish_done) != 0) {
        slot->phase = SLOT_UNPUBLISHED;
        slot->shared->trouble(slot->shared->context, PBT_ENOMEM, NULL);
    }
}

/* -------- warnings -------- */

static bool names_it(const json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (strcmp(json_string_value(json_array_get(list, i)), name) == 0) { return true; }
    }
    return false;
}

/* Hyperparameters that a trainer built its network with are not read again for a `keep`, so only a
 * segment that starts anew says which are never read. */
static void warn_unread(struct pbti_slot *slot)
{
    struct pbti_slots *const shared = slot->shared;
    const struct pbti_space *const space = &spec_of(slot)->config.space;
    if (slot->result.read == NULL || slot->task.keep) { return; }
    for (uint32_t i = 0; i < space->count; i++) {
        const char *const name = space->hp[i].name;
        if (shared->warned_read[i] || names_it(slot->result.read, name) ||
            json_object_get(slot->result.in_force, name) != NULL) {
            continue;
        }
        shared->warned_read[i] = true;
        size_t const used = strlen(slot->message);
        (void)snprintf(slot->message + used, sizeof slot->message - used,
                       "%shyperparameter \"%s\" was never read", used > 0 ? "; " : "", name);
        warn(slot, "hyperparameter \"%s\" was never read by the trainer: tuning it changes nothing",
             name);
    }
}

static void warn_empty(struct pbti_slot *slot)
{
    if (slot->shared->warned_empty || slot->stored.files > 0) { return; }
    slot->shared->warned_empty = true;
    warn(slot, "the trainer saves nothing: its checkpoints are empty, so that exploit cannot copy "
               "weights");
}

/* -------- the result -------- */

/*
 * The trainer failed: because there is no room for what it saves? Then it is not to blame. What it
 * had written of its checkpoint, which takes room, too, tells how much is needed at least. A
 * trainer that is done, but saved while the disk was full, may not have noticed: that is not taken
 * for whole, either.
 */
static bool is_cramped(struct pbti_slot *slot)
{
    const struct pbti_slots *const shared = slot->shared;
    uint8_t const outcome = slot->result.outcome;
    bool const done = outcome == PBTI_OUTCOME_DONE;
    if (!done && outcome != PBTI_OUTCOME_ERROR && outcome != PBTI_OUTCOME_CRASH) { return false; }
    if (done ? !pbti_store_is_full(shared->store)
             : pbti_store_room(shared->store, shared->largest_bytes, NULL) == PBT_OK) {
        return false;
    }
    uint64_t const written = pbti_file_tree_bytes(slot->save);
    if (done && written == 0 && shared->largest_bytes == 0) { return false; } /* it saves nothing */
    slot->no_space_bytes = written > shared->largest_bytes ? written : shared->largest_bytes;
    return true;
}

static void on_finished(void *context, const struct pbti_result *result)
{
    struct pbti_slot *const slot = context;
    slot->result = *result;
    (void)snprintf(slot->message, sizeof slot->message, "%.*s", (int)result->message.size,
                   result->message.data);
    slot->no_space = !result->stuck && is_cramped(slot);
    if (slot->no_space) {
        begin(slot);
        return;
    }
    if (slot->result.outcome != PBTI_OUTCOME_DONE) {
        report(slot);
        return;
    }
    warn_unread(slot);
    publish(slot);
}

static uint32_t ms_of(uint64_t ns)
{
    uint64_t const ms = (ns + 500000) / 1000000;
    return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

/* Complete the result and hand it over; the next task may be started from within. */
static void report(struct pbti_slot *slot)
{
    struct pbti_slots *const shared = slot->shared;
    struct pbti_result result = slot->result;
    result.claim = slot->task.claim;
    result.load_ms += result.start_ms;
    result.save_ms = ms_of(slot->publish_ns);
    result.message = (struct pbti_text){slot->message, strlen(slot->message)};
    if (result.outcome == PBTI_OUTCOME_DONE) {
        result.held = pbti_runner_is_ready(slot->runner);
        result.files = slot->stored.files;
        result.bytes = slot->stored.bytes;
        result.hash = slot->stored.hash;
        pbti_checkpoint_sizes_add(shared->sizes, slot->task.checkpoint, result.bytes);
        if (result.bytes > shared->largest_bytes) { shared->largest_bytes = result.bytes; }
        warn_empty(slot);
    } else {
        result.scores_count = 0;
    }
    slot->busy_ns += uv_hrtime() - slot->began_ns;
    slot->phase = result.stuck ? SLOT_RETIRED : SLOT_FREE;
    if (result.stuck) {
        warn(slot, "slot %u is out of order: its trainer could not be killed", slot->index);
    }
    shared->finished(shared->context, slot->index, &result);
}

/* The trainer is gone although nothing asked it to leave. What it had reported stands, unless it
 * sent something out of turn. */
static void on_lost(void *context, uint8_t outcome, const char *why)
{
    struct pbti_slot *const slot = context;
    bool const publishing = slot->phase == SLOT_PUBLISHING || slot->phase == SLOT_UNPUBLISHED;
    if (publishing && outcome == PBTI_OUTCOME_PROTOCOL) {
        slot->result.outcome = outcome;
        (void)snprintf(slot->message, sizeof slot->message, "%s", why);
    } else if (!slot->stopping) {
        warn(slot, "slot %u: a waiting trainer was lost: %s", slot->index, why);
    }
}

/* -------- taking it back -------- */

void pbti_slot_cancel(struct pbti_slot *slot)
{
    switch (slot->phase) {
    case SLOT_RUNNING:
        slot->phase = SLOT_CANCELLING;
        pbti_runner_stop(slot->runner);
        break;
    case SLOT_PREPARING:
    case SLOT_UNPUBLISHED:
    case SLOT_FINISHED:
        slot->cancelled = true;
        slot->phase = SLOT_FINISHED;
        slot->shared->wake(slot->shared->context); /* the agent may not be called from here */
        break;
    case SLOT_PUBLISHING: slot->cancelled = true; break;
    case SLOT_FREE:
    case SLOT_CANCELLING:
    case SLOT_RETIRED: break;
    }
}

static void on_stopped(void *context, bool usable)
{
    struct pbti_slot *const slot = context;
    if (slot->phase == SLOT_CANCELLING) {
        free_slot(slot, usable);
        if (slot->stopping) { pbti_slot_quit(slot); }
        return;
    }
    if (!slot->quit) { return; }
    slot->ended = true;
    slot->shared->ended(slot->shared->context);
}

void pbti_slot_tend(struct pbti_slot *slot, bool finished_only)
{
    if (finished_only != (slot->phase == SLOT_FINISHED)) { return; }
    switch (slot->phase) {
    case SLOT_PREPARING: begin(slot); break;
    case SLOT_UNPUBLISHED: publish(slot); break;
    case SLOT_FINISHED:
        if (slot->cancelled) {
            free_slot(slot, true);
        } else {
            report(slot);
        }
        break;
    case SLOT_FREE:
    case SLOT_RUNNING:
    case SLOT_PUBLISHING:
    case SLOT_CANCELLING:
    case SLOT_RETIRED: break;
    }
}

void pbti_slot_quit(struct pbti_slot *slot)
{
    slot->stopping = true;
    bool const later = slot->phase == SLOT_CANCELLING || slot->phase == SLOT_PUBLISHING;
    if (slot->quit || later) { return; }
    slot->quit = true;
    if (slot->phase == SLOT_RUNNING) {
        pbti_runner_stop(slot->runner);
    } else {
        pbti_runner_quit(slot->runner);
    }
}

/* -------- the rest -------- */

void pbti_slot_show(const struct pbti_slot *slot, struct pbti_slot_view *view)
{
    bool const busy = slot->phase != SLOT_FREE && slot->phase != SLOT_RETIRED;
    uint64_t const now = uv_hrtime();
    uint64_t const working = slot->busy_ns + (busy ? now - slot->began_ns : 0);
    uint64_t const total = slot->first_ns > 0 ? now - slot->first_ns : 0;
    *view = (struct pbti_slot_view){
        .usable = slot->phase != SLOT_RETIRED,
        .busy = busy,
        .member = slot->task.member,
        .segment = slot->task.segment,
        .attempt = slot->task.attempt,
        .step = busy ? pbti_runner_step(slot->runner) : 0,
        .steps = slot->task.steps,
        .since_ms = slot->since_ms,
        .busy_share = total > 0 ? (double)working / (double)total : 0.0,
    };
}

void pbti_slot_hurry(struct pbti_slot *slot)
{
    pbti_runner_hurry(slot->runner);
}

bool pbti_slot_is_free(const struct pbti_slot *slot)
{
    return slot->phase == SLOT_FREE;
}

bool pbti_slot_is_retired(const struct pbti_slot *slot)
{
    return slot->phase == SLOT_RETIRED;
}

bool pbti_slot_has_ended(const struct pbti_slot *slot)
{
    return slot->ended;
}

bool pbti_slot_is_publishing_again(const struct pbti_slot *slot)
{
    return slot->again && slot->phase == SLOT_PUBLISHING;
}

pbt_status pbti_slot_create(struct pbti_slots *slots, uint32_t index, const char *gpus,
                            struct pbti_slot **out, struct pbt_error *err)
{
    struct pbti_slot *const slot = calloc(1, sizeof *slot);
    *out = slot;
    if (slot == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory for a slot"); }
    slot->shared = slots;
    slot->index = index;
    struct pbti_runner_opts const opts = {.loop = slots->loop,
                                          .launch = slots->launch,
                                          .logs = slots->logs,
                                          .gpus = gpus,
                                          .context = slot,
                                          .finished = on_finished,
                                          .stopped = on_stopped,
                                          .lost = on_lost};
    return pbti_runner_create(&opts, &slot->runner, err);
}

void pbti_slot_destroy(struct pbti_slot *slot)
{
    if (slot == NULL) { return; }
    pbti_runner_destroy(slot->runner);
    free(slot);
}
