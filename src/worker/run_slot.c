/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/run_slot.c - one slot of a run: from the agent's task to the agent's result.
 *
 *     start -> (paths) -> order -> trainer -> answer -> publish, off the loop -> result
 *
 * Two kinds of trouble are kept apart. What the trainer did wrong is an outcome of the segment.
 * Storage that fails (a full disk) is not the trainer's fault: the step is tried again until the
 * run gives up, and nothing is reported.
 */
#include "worker/run_inside.h"

#include "base/fail.h"
#include "base/file_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void give_answer(struct run_slot *slot);

static const struct pbti_spec *spec_of(const struct run_slot *slot)
{
    return slot->run->study.spec;
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

void pbti_slot_drop(struct run *run, struct pbti_checkpoint checkpoint)
{
    pbti_checkpoint_sizes_remove(&run->sizes, checkpoint);
    struct drop *const drop = malloc(sizeof *drop);
    if (drop == NULL) { return; } /* a later sweep finds it */
    *drop = (struct drop){.store = run->study.store, .checkpoint = checkpoint};
    drop->work.data = drop;
    if (uv_queue_work(&run->loop, &drop->work, drop_work, drop_done) != 0) { free(drop); }
}

/* -------- beginning -------- */

/* The answer is there without a trainer's help. */
static void answer_locally(struct run_slot *slot, uint8_t outcome, const char *message)
{
    slot->answer = (struct pbti_answer){.usable = true};
    slot->outcome = outcome;
    (void)snprintf(slot->message, sizeof slot->message, "%s", message);
    slot->phase = SLOT_ANSWERED;
    pbti_run_wake(slot->run);
}

/* Make the folder to save into, with room for what goes there when that was missing before, and
 * find what to load: in this order, since storage that is gone as a whole must not look like a
 * checkpoint that is missing. */
static pbt_status find_paths(struct run_slot *slot, struct pbt_error *err)
{
    struct pbti_store *const store = slot->run->study.store;
    PBTI_TRY(pbti_store_prepare(store, slot->task.save, slot->save, err));
    if (slot->no_space) { PBTI_TRY(pbti_store_room(store, slot->no_space_bytes, err)); }
    slot->no_space = false;
    slot->load[0] = '\0';
    if (slot->task.from.segment != 0) {
        PBTI_TRY(pbti_store_path(store, slot->task.from, slot->load, err));
    } else if (spec_of(slot)->initial_checkpoint != NULL) {
        (void)snprintf(slot->load, sizeof slot->load, "%s", spec_of(slot)->initial_checkpoint);
    }
    return PBT_OK;
}

static void begin(struct run_slot *slot)
{
    const struct pbti_task *const task = &slot->task;
    struct pbt_error err;
    pbt_status const status = find_paths(slot, &err);
    if (status == PBT_ENOENT) {
        answer_locally(slot, PBTI_OUTCOME_CHECKPOINT, err.message);
        return;
    }
    if (status != PBT_OK) {
        slot->phase = SLOT_PREPARING;
        pbti_run_trouble(slot->run, status, &err);
        return;
    }
    struct pbti_order const order = {
        .member = task->member,
        .segment = task->segment,
        .attempt = task->attempt,
        .seed = task->seed,
        .age = task->age,
        .steps = task->steps,
        .keep = task->keep && pbti_runner_is_ready(slot->runner),
        .from = task->from,
        .checkpoint = task->save,
        .load = slot->load[0] != '\0' ? slot->load : NULL,
        .save = slot->save,
        .space = &spec_of(slot)->config.space,
        .values = slot->values,
        .fixed = spec_of(slot)->fixed,
    };
    slot->task.keep = order.keep;
    slot->phase = SLOT_RUNNING;
    pbti_runner_start(slot->runner, &order);
}

void pbti_slot_start(struct run_slot *slot, const struct pbti_task *task)
{
    slot->task = *task;
    uint32_t const count = spec_of(slot)->config.space.count;
    if (count > 0) { memcpy(slot->values, task->values, count * sizeof *slot->values); }
    slot->task.values = slot->values;
    slot->cancelled = slot->no_space = slot->again = false;
    slot->message[0] = '\0';
    slot->stored = (struct pbti_stored){0};
    slot->began_ns = uv_hrtime();
    slot->publish_ns = 0;
    if (slot->first_ns == 0) { slot->first_ns = slot->began_ns; }
    slot->since_ms = pbti_run_wall_ms();
    begin(slot);
}

/* -------- publishing -------- */

static void publish_work(uv_work_t *work)
{
    struct run_slot *const slot = work->data;
    slot->work_status =
        pbti_store_publish(slot->run->study.store, slot->task.save, &slot->stored, &slot->work_err);
}

/* The slot is the agent's again, without a result. */
static void free_slot(struct run_slot *slot, bool usable)
{
    struct run *const run = slot->run;
    slot->phase = usable ? SLOT_FREE : SLOT_RETIRED;
    slot->busy_ns += uv_hrtime() - slot->began_ns;
    pbti_agent_freed(run->agent, slot->index, usable);
    struct pbt_error err;
    pbti_run_after_agent(run, run->is_stopping ? PBT_OK : pbti_agent_poll(run->agent, &err), &err);
}

static void publish_done(uv_work_t *work, int code)
{
    (void)code;
    struct run_slot *const slot = work->data;
    struct run *const run = slot->run;
    if (slot->cancelled || run->is_stopping) {
        free_slot(slot, true);
        if (run->is_stopping) { pbti_slot_quit(slot); }
        return;
    }
    slot->again = slot->work_status == PBT_EIO || slot->work_status == PBT_ENOMEM;
    if (slot->again) {
        slot->phase = SLOT_UNPUBLISHED;
        pbti_run_trouble(run, slot->work_status, &slot->work_err);
        return;
    }
    if (slot->work_status != PBT_OK) {
        slot->outcome = PBTI_OUTCOME_CHECKPOINT;
        (void)snprintf(slot->message, sizeof slot->message, "%s", slot->work_err.message);
    }
    slot->publish_ns = uv_hrtime() - slot->publish_ns;
    give_answer(slot);
}

static void publish(struct run_slot *slot)
{
    slot->phase = SLOT_PUBLISHING;
    if (slot->publish_ns == 0) { slot->publish_ns = uv_hrtime(); }
    slot->work.data = slot;
    if (uv_queue_work(&slot->run->loop, &slot->work, publish_work, publish_done) != 0) {
        slot->phase = SLOT_UNPUBLISHED;
        pbti_run_trouble(slot->run, PBT_ENOMEM, NULL);
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
static void warn_unread(struct run_slot *slot)
{
    struct run *const run = slot->run;
    const struct pbti_space *const space = &spec_of(slot)->config.space;
    if (slot->answer.read == NULL || slot->task.keep) { return; }
    for (uint32_t i = 0; i < space->count; i++) {
        const char *const name = space->hp[i].name;
        if (run->warned_read[i] || names_it(slot->answer.read, name) ||
            json_object_get(slot->answer.in_force, name) != NULL) {
            continue;
        }
        run->warned_read[i] = true;
        size_t const used = strlen(slot->message);
        (void)snprintf(slot->message + used, sizeof slot->message - used,
                       "%shyperparameter \"%s\" was never read", used > 0 ? "; " : "", name);
        pbti_run_warn(run,
                      "hyperparameter \"%s\" was never read by the trainer: tuning it changes "
                      "nothing",
                      name);
    }
}

static void warn_empty(struct run_slot *slot)
{
    if (slot->run->warned_empty || slot->stored.files > 0) { return; }
    slot->run->warned_empty = true;
    pbti_run_warn(slot->run,
                  "the trainer saves nothing: its checkpoints are empty, so that exploit "
                  "cannot copy weights");
}

/* -------- answering -------- */

/*
 * The trainer failed: because there is no room for what it saves? Then it is not to blame. What it
 * had written of its checkpoint, which takes room, too, tells how much is needed at least.
 */
static bool is_cramped(struct run_slot *slot)
{
    struct run *const run = slot->run;
    if (slot->outcome != PBTI_OUTCOME_ERROR && slot->outcome != PBTI_OUTCOME_CRASH) {
        return false;
    }
    if (pbti_store_room(run->study.store, run->largest_bytes, NULL) == PBT_OK) { return false; }
    uint64_t const written = pbti_file_tree_bytes(slot->save);
    slot->no_space_bytes = written > run->largest_bytes ? written : run->largest_bytes;
    return true;
}

/* The t-test compares lists: a trainer that reports one number cannot be judged by it. */
static void refuse_few_scores(struct run_slot *slot)
{
    const struct pbti_config *const config =
        pbti_state_config(pbti_follower_state(slot->run->study.follower));
    uint32_t const count = slot->answer.scores_count;
    bool const few = config->exploit == PBTI_EXPLOIT_TTEST && count < config->scores_min;
    if (slot->outcome != PBTI_OUTCOME_DONE || !few || count == 0) { return; } /* 0: it is missing */
    slot->outcome = PBTI_OUTCOME_CONFIG;
    (void)snprintf(slot->message, sizeof slot->message,
                   "exploit ttest needs at least %u scores a segment, and the trainer reports %u: "
                   "report a list of scores, or choose another exploit",
                   config->scores_min, count);
}

static void on_answered(void *context, const struct pbti_answer *answer)
{
    struct run_slot *const slot = context;
    slot->answer = *answer;
    slot->outcome = answer->outcome;
    (void)snprintf(slot->message, sizeof slot->message, "%s", answer->message);
    slot->no_space = answer->usable && is_cramped(slot);
    if (slot->no_space) {
        begin(slot);
        return;
    }
    refuse_few_scores(slot);
    if (slot->outcome != PBTI_OUTCOME_DONE) {
        give_answer(slot);
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

/* Report to the agent, which starts the next task from within. */
static void give_answer(struct run_slot *slot)
{
    struct run *const run = slot->run;
    const struct pbti_answer *const answer = &slot->answer;
    bool const done = slot->outcome == PBTI_OUTCOME_DONE;
    struct pbti_result const result = {
        .claim = slot->task.claim,
        .outcome = slot->outcome,
        .held = done && pbti_runner_is_ready(slot->runner),
        .scores_count = done ? answer->scores_count : 0,
        .scores = answer->scores,
        .files = done ? slot->stored.files : 0,
        .bytes = done ? slot->stored.bytes : 0,
        .hash = done ? slot->stored.hash : 0,
        .load_ms = answer->start_ms + answer->load_ms,
        .train_ms = answer->train_ms,
        .save_ms = ms_of(slot->publish_ns),
        .metrics = {answer->metrics, answer->metrics != NULL ? strlen(answer->metrics) : 0},
        .message = {slot->message, strlen(slot->message)},
    };
    if (done) {
        pbti_checkpoint_sizes_add(&run->sizes, slot->task.save, slot->stored.bytes);
        if (slot->stored.bytes > run->largest_bytes) { run->largest_bytes = slot->stored.bytes; }
        warn_empty(slot);
    }
    slot->busy_ns += uv_hrtime() - slot->began_ns;
    slot->phase = answer->usable ? SLOT_FREE : SLOT_RETIRED;
    if (!answer->usable) {
        pbti_agent_freed(run->agent, slot->index, false);
        pbti_run_warn(run, "slot %u is out of order: its trainer could not be killed", slot->index);
    }
    struct pbt_error err;
    pbti_run_after_agent(run, pbti_agent_finished(run->agent, slot->index, &result, &err), &err);
}

/* The trainer is gone although nobody asked it to leave. What it had said stands, unless it spoke
 * out of turn. */
static void on_lost(void *context, uint8_t outcome, const char *why)
{
    struct run_slot *const slot = context;
    bool const publishing = slot->phase == SLOT_PUBLISHING || slot->phase == SLOT_UNPUBLISHED;
    if (publishing && outcome == PBTI_OUTCOME_PROTOCOL) {
        slot->outcome = outcome;
        (void)snprintf(slot->message, sizeof slot->message, "%s", why);
    } else if (!slot->run->is_stopping) {
        pbti_run_warn(slot->run, "slot %u: a waiting trainer was lost: %s", slot->index, why);
    }
}

/* -------- taking it back -------- */

void pbti_slot_cancel(struct run_slot *slot)
{
    switch (slot->phase) {
    case SLOT_RUNNING:
        slot->phase = SLOT_CANCELLING;
        pbti_runner_stop(slot->runner);
        break;
    case SLOT_PREPARING:
    case SLOT_UNPUBLISHED:
    case SLOT_ANSWERED:
        slot->cancelled = true;
        slot->phase = SLOT_ANSWERED;
        pbti_run_wake(slot->run); /* the agent may not be called from here */
        break;
    case SLOT_PUBLISHING: slot->cancelled = true; break;
    case SLOT_FREE:
    case SLOT_CANCELLING:
    case SLOT_RETIRED: break;
    }
}

static void on_stopped(void *context, bool usable)
{
    struct run_slot *const slot = context;
    if (slot->phase == SLOT_CANCELLING) {
        free_slot(slot, usable);
        if (slot->run->is_stopping) { pbti_slot_quit(slot); }
        return;
    }
    if (!slot->quit) { return; }
    slot->ended = true;
    pbti_run_slot_ended(slot->run);
}

void pbti_slot_tend(struct run_slot *slot)
{
    switch (slot->phase) {
    case SLOT_PREPARING: begin(slot); break;
    case SLOT_UNPUBLISHED: publish(slot); break;
    case SLOT_ANSWERED:
        if (slot->cancelled) {
            free_slot(slot, true);
        } else {
            give_answer(slot);
        }
        break;
    case SLOT_FREE:
    case SLOT_RUNNING:
    case SLOT_PUBLISHING:
    case SLOT_CANCELLING:
    case SLOT_RETIRED: break;
    }
}

void pbti_slot_quit(struct run_slot *slot)
{
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

void pbti_slot_show(const struct run_slot *slot, struct pbti_slot_view *view)
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

pbt_status pbti_slot_open(struct run *run, uint32_t index, const char *gpus, struct pbt_error *err)
{
    struct run_slot *const slot = &run->slots[index];
    slot->run = run;
    slot->index = index;
    struct pbti_runner_opts const opts = {.loop = &run->loop,
                                          .launch = &run->launch,
                                          .logs = run->logs,
                                          .gpus = gpus,
                                          .context = slot,
                                          .answered = on_answered,
                                          .stopped = on_stopped,
                                          .lost = on_lost};
    return pbti_runner_create(&opts, &slot->runner, err);
}
