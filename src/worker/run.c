/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/run.c - the run of a worker: opens everything, is the agent's world, ends in order.
 *
 * One libuv loop in the caller's thread. Appends to the journal are made on it, since they are
 * short; what may take long (publishing and deleting checkpoints, proposals) goes to libuv's thread
 * pool.
 *
 * The end: wind_down() says goodbye to the journal, every trainer is told to leave (or stopped),
 * and when the last one has, the remaining handles are closed and the loop runs out. It waits for a
 * proposal that is being computed, and drops it.
 */
#include "worker/run.h"

#include "base/fail.h"
#include "study/liveness.h"
#include "study/study_handle.h"
#include "trainer/adopted.h"
#include "worker/agent.h"
#include "worker/proposer.h"
#include "worker/retry.h"
#include "worker/signal_guard.h"
#include "worker/slot.h"
#include "worker/slots.h"
#include "worker/thread_pool.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#define POLL_MS 1000   /* from one look at the journal to the next */
#define POLL_MS_MIN 20 /* with a free slot: another worker's report may be what it waits for; ... */
#define POLL_OF_IDLE 16 /* ... later, this part of the time for which it has waited */
#define TICK_MS 200
#define PRUNE_MIN 256u         /* reports of checkpoints that may be kept */
#define DESCRIPTORS 40u        /* of a worker: journal, store, loop, its thread pool at work */
#define DESCRIPTORS_OF_SLOT 8u /* listener, connection, pipes, status, log */

struct run;

/* A proposal that is computed off the loop; there is one at a time. */
struct run_proposal {
    struct run *run;
    uv_work_t work;
    bool under_way; /* everything below is the work's */
    const struct pbti_observations
        *trials; /* the agent's, which keeps them as they are meanwhile */
    struct pbti_proposer proposer;
    double values[PBTI_HP_MAX];
    pbt_status status;
    struct pbt_error err;
};

struct run {
    struct pbti_run_opts opts;
    struct pbti_study study;
    struct pbti_liveness *liveness;
    struct pbti_agent *agent;
    struct run_proposal proposal;
    struct pbti_launch launch;
    struct pbti_checkpoint_sizes sizes;
    struct pbti_live_checkpoints reported; /* may hold some that are gone: prune() */
    size_t prune_at;                       /* when it holds so many */
    char logs[PATH_MAX];

    uv_loop_t loop;
    uv_work_t pool; /* in flight until the loop runs */
    uv_timer_t poll, tick, wake;
    uv_signal_t signals[PBTI_ENDING_SIGNALS];
    uint32_t slots_count;
    struct pbti_slots shared;     /* what the slots have in common */
    struct pbti_slot **slots;     /* owned, shape (slots_count) */
    struct pbti_slot_view *views; /* owned, shape (slots_count) */

    bool is_stopping; /* no new work; trainers are told to end */
    bool interrupted;
    bool sweep;       /* a worker was found dead: look for what it left behind */
    pbt_status fatal; /* why the run ends early, with `err` */
    struct pbt_error err;
    uint64_t trouble_ms; /* loop time since when storage fails; 0: it does not */
    bool trouble_again;  /* it did in this round */
    uint64_t idle_ms;    /* loop time since when a slot is free; 0: none is */
    int64_t began_ms;    /* time of the last study or amend event */
    uint64_t unscored;   /* segments done without a finite score, while there is none at all */
    bool scored;         /* some segment had one */
    bool warned_unscored;
};

static void after_agent(struct run *run, pbt_status status, const struct pbt_error *err);
static void wake(struct run *run);

struct pbti_run_opts pbti_run_opts_default(void)
{
    return (struct pbti_run_opts){.struct_size = sizeof(struct pbti_run_opts),
                                  .program = "/proc/self/exe",
                                  .give_up_ms = 60000};
}

static int64_t wall_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void warn(struct run *run, const char *format, ...) PBT_PRINTF(2, 3);

static void warn(struct run *run, const char *format, ...)
{
    if (run->opts.warn == NULL) { return; }
    char text[1500];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    run->opts.warn(run->opts.context, text);
}

/* -------- the agent's world -------- */

static int64_t world_now(void *context)
{
    (void)context;
    return wall_ms();
}

static void world_random(void *context, void *bytes, size_t size)
{
    (void)context;
    while (getrandom(bytes, size, 0) != (ssize_t)size) { /* EINTR; small requests come whole */
    }
}

static void world_start(void *context, uint32_t slot, const struct pbti_task *task)
{
    struct run *const run = context;
    pbti_slot_start(run->slots[slot], task);
}

static void world_cancel(void *context, uint32_t slot)
{
    struct run *const run = context;
    pbti_slot_cancel(run->slots[slot]);
}

static void world_drop(void *context, struct pbti_checkpoint checkpoint)
{
    struct run *const run = context;
    pbti_slots_drop(&run->shared, checkpoint);
}

static bool world_dead(void *context, const struct pbti_event_worker *worker)
{
    struct run *const run = context;
    bool const dead = pbti_liveness_dead(run->liveness, worker);
    run->sweep = run->sweep || dead;
    return dead;
}

static uint64_t world_steady(void *context)
{
    (void)context;
    return uv_hrtime() / 1000000;
}

/* -------- proposals, off the loop -------- */

/* Reads the trials, which wait for it, and the spec, which nobody changes. */
static void propose_work(uv_work_t *work)
{
    struct run_proposal *const proposal = work->data;
    const struct run *const run = proposal->run;
    proposal->status = pbti_proposer_next(&proposal->proposer, run->study.spec, proposal->trials,
                                          proposal->values, &proposal->err);
}

static void propose_done(uv_work_t *work, int code)
{
    struct run_proposal *const proposal = work->data;
    struct run *const run = proposal->run;
    struct pbt_error err;
    proposal->under_way = false;
    if (code != 0 || run->is_stopping) { return; } /* nobody waits for it any longer */
    bool const good = proposal->status == PBT_OK;
    if (!good) {
        warn(run, "a member begins with what was drawn, for want of a proposal: %s",
             proposal->err.message);
    }
    after_agent(run, pbti_agent_proposed(run->agent, good ? proposal->values : NULL, &err), &err);
}

static enum pbti_proposed world_propose(void *context, const struct pbti_observations *trials,
                                        double *values)
{
    struct run *const run = context;
    struct run_proposal *const proposal = &run->proposal;
    (void)values; /* the agent's: its own are filled while the agent goes on */
    proposal->run = run;
    proposal->trials = trials;
    proposal->work.data = proposal;
    proposal->under_way =
        uv_queue_work(&run->loop, &proposal->work, propose_work, propose_done) == 0;
    return proposal->under_way ? PBTI_PROPOSED_LATER : PBTI_PROPOSED_NONE;
}

/* Selection needs scores: say once that the first round of a study brought none. */
static void count_scores(struct run *run, const struct pbti_event_report *report)
{
    if (report->outcome != PBTI_OUTCOME_DONE) { return; }
    for (uint32_t i = 0; i < report->scores_count; i++) {
        run->scored = run->scored || isfinite(report->scores[i]);
    }
    if (run->scored) { return; }
    run->unscored++;
    if (run->agent == NULL || run->warned_unscored ||
        run->unscored < run->study.spec->config.members) {
        return;
    }
    run->warned_unscored = true;
    warn(run,
         "no score yet: none of the %llu segments that were trained reported a finite number, so "
         "selection cannot work; the trainer has to report \"%s\" itself",
         (unsigned long long)run->unscored, run->study.spec->score_name);
}

static void on_event(void *context, uint64_t seq, const struct pbti_event *event)
{
    struct run *const run = context;
    if (event->type == PBTI_REPORT) { count_scores(run, &event->report); }
    if (event->type == PBTI_STUDY || event->type == PBTI_AMEND) { run->began_ms = event->time_ms; }
    /* without memory it is loaded as it is */
    (void)pbti_live_checkpoints_note(&run->reported, event);
    if (run->opts.observer != NULL) { run->opts.observer(run->opts.context, seq, event); }
}

/* -------- the end -------- */

static void close_if_open(uv_handle_t *handle)
{
    if (handle->loop != NULL && !uv_is_closing(handle)) { uv_close(handle, NULL); }
}

static void close_handles(struct run *run)
{
    close_if_open((uv_handle_t *)&run->poll);
    close_if_open((uv_handle_t *)&run->tick);
    close_if_open((uv_handle_t *)&run->wake);
    for (size_t i = 0; i < sizeof run->signals / sizeof run->signals[0]; i++) {
        close_if_open((uv_handle_t *)&run->signals[i]);
    }
}

/* A trainer has ended for good: so has the run, with the last of them. */
static void on_slot_ended(void *context)
{
    struct run *const run = context;
    for (uint32_t i = 0; i < run->slots_count; i++) {
        if (!pbti_slot_has_ended(run->slots[i])) { return; }
    }
    for (uint32_t i = 0; i < run->slots_count; i++) {
        pbti_slot_destroy(run->slots[i]);
        run->slots[i] = NULL;
    }
    close_handles(run);
}

/* No new work; say goodbye, end all trainers. */
static void wind_down(struct run *run)
{
    if (run->is_stopping) { return; }
    run->is_stopping = true;
    (void)uv_timer_stop(&run->poll);
    (void)uv_timer_stop(&run->wake);
    if (run->proposal.under_way) { (void)uv_cancel((uv_req_t *)&run->proposal.work); }
    if (run->fatal == PBT_OK) {
        struct pbt_error err;
        pbt_status const status = pbti_agent_leave(run->agent, &err);
        /* the claims are then freed by whoever finds the lock of this worker free */
        if (status != PBT_OK) { warn(run, "could not say goodbye: %s", err.message); }
    }
    for (uint32_t i = 0; i < run->slots_count; i++) {
        pbti_slot_quit(run->slots[i]);
    }
}

static bool all_retired(const struct run *run)
{
    for (uint32_t i = 0; i < run->slots_count; i++) {
        if (!pbti_slot_is_retired(run->slots[i])) { return false; }
    }
    return true;
}

static bool is_over(const struct run *run)
{
    bool const done = pbti_agent_done(run->agent) && pbti_agent_busy(run->agent) == 0;
    bool const ends = pbti_agent_ending(run->agent, NULL) != PBTI_ENDS_NOTHING;
    return run->fatal != PBT_OK || run->interrupted || done || ends || all_retired(run);
}

/* -------- trouble -------- */

static void trouble(struct run *run, pbt_status status, const struct pbt_error *err)
{
    uint64_t const now = uv_now(&run->loop);
    run->trouble_again = true;
    if (run->trouble_ms == 0) {
        run->trouble_ms = now > 0 ? now : 1;
        warn(run, "%s; trying again for %u s", err != NULL ? err->message : pbt_status_text(status),
             run->opts.give_up_ms / 1000);
    }
    if (now - run->trouble_ms < run->opts.give_up_ms || run->fatal != PBT_OK) { return; }
    run->fatal = status;
    if (err != NULL) {
        run->err = *err;
    } else {
        run->fatal = PBTI_FAIL(&run->err, status, 0, "%s", pbt_status_text(status));
    }
    wake(run);
}

/* Is it worth trying again? */
static bool is_passing(pbt_status status)
{
    return status == PBT_EIO || status == PBT_EBUSY || status == PBT_EUNKNOWN ||
           status == PBT_ECONFLICT || status == PBT_ENOMEM;
}

/* -------- when to look at the journal -------- */

static bool has_free_slot(const struct run *run)
{
    for (uint32_t i = 0; i < run->slots_count; i++) {
        if (pbti_slot_is_free(run->slots[i])) { return true; }
    }
    return false;
}

static void on_poll(uv_timer_t *timer);

/* When to look next: docs/decisions/0002-waiting.md. */
static void plan_poll(struct run *run)
{
    uint64_t const now = uv_now(&run->loop);
    bool const waiting = has_free_slot(run) && run->trouble_ms == 0;
    if (!waiting || run->idle_ms == 0) { run->idle_ms = waiting ? now : 0; }
    uint64_t wait_ms = POLL_MS;
    if (waiting) {
        wait_ms = (now - run->idle_ms) / POLL_OF_IDLE;
        wait_ms = wait_ms < POLL_MS_MIN ? POLL_MS_MIN : wait_ms > POLL_MS ? POLL_MS : wait_ms;
    }
    (void)uv_timer_start(&run->poll, on_poll, wait_ms, 0);
}

static void after_agent(struct run *run, pbt_status status, const struct pbt_error *err)
{
    if (status != PBT_OK && is_passing(status)) {
        trouble(run, status, err);
    } else if (status != PBT_OK && run->fatal == PBT_OK) {
        run->fatal = status;
        run->err = *err;
    }
    if (run->is_stopping) { return; }
    bool const starts_waiting = run->idle_ms == 0 && run->trouble_ms == 0 && has_free_slot(run);
    if (starts_waiting) { plan_poll(run); }
    /* this may be a call from deep inside a slot, and the end closes what it works with */
    if (is_over(run)) { wake(run); }
}

/* -------- the clock -------- */

static void sweep(struct run *run)
{
    struct pbti_store_listing listing;
    struct pbt_error err;
    run->sweep = false;
    pbt_status status = pbti_store_list(run->study.store, false, &listing, &err);
    if (status == PBT_OK) { status = pbti_follower_refresh(run->study.follower, &err); }
    if (status == PBT_OK) {
        (void)pbti_store_sweep(run->study.store, &listing,
                               pbti_follower_state(run->study.follower));
    }
    free(listing.items);
}

/* stop.hours: since the study began, or was last amended. */
static bool is_time_up(const struct run *run)
{
    double const hours = run->study.spec->stop_hours;
    return hours > 0.0 && (double)(wall_ms() - run->began_ms) >= hours * 3600.0 * 1000.0;
}

/* Forget the reports of checkpoints that are gone: all at once, when they may be half of it. */
static void prune(struct run *run)
{
    if (run->reported.count < run->prune_at) { return; }
    pbti_live_checkpoints_prune(&run->reported, pbti_follower_state(run->study.follower));
    run->prune_at = 2 * run->reported.count + PRUNE_MIN;
}

static void look(struct run *run)
{
    struct pbt_error err;
    prune(run);
    pbt_status status = PBT_OK;
    if (is_time_up(run) && !pbti_agent_done(run->agent)) {
        status = pbti_agent_stop(run->agent, PBTI_STOP_HOURS, &err);
    }
    if (status == PBT_OK) { status = pbti_agent_poll(run->agent, &err); }
    after_agent(run, status, &err);
    if (status == PBT_OK && run->sweep) { sweep(run); }
}

/* Publishing runs off the loop: whether it goes well this time is not known yet. */
static bool is_publishing_again(const struct run *run)
{
    for (uint32_t i = 0; i < run->slots_count; i++) {
        if (pbti_slot_is_publishing_again(run->slots[i])) { return true; }
    }
    return false;
}

static void on_poll(uv_timer_t *timer)
{
    struct run *const run = timer->data;
    if (run->is_stopping) { return; }
    run->trouble_again = false;
    for (uint32_t i = 0; i < run->slots_count; i++) {
        pbti_slot_tend(run->slots[i], false);
    }
    look(run);
    if (!run->trouble_again && !is_publishing_again(run)) { run->trouble_ms = 0; }
    if (!run->is_stopping) { plan_poll(run); }
}

static void on_wake(uv_timer_t *timer)
{
    struct run *const run = timer->data;
    for (uint32_t i = 0; i < run->slots_count && !run->is_stopping; i++) {
        pbti_slot_tend(run->slots[i], true);
    }
    if (!run->is_stopping && is_over(run)) { wind_down(run); }
}

static void wake(struct run *run)
{
    if (!uv_is_active((uv_handle_t *)&run->wake)) {
        (void)uv_timer_start(&run->wake, on_wake, 0, 0);
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct run *const run = timer->data;
    for (uint32_t i = 0; i < run->slots_count; i++) {
        if (run->slots[i] == NULL) { continue; }
        pbti_slot_show(run->slots[i], &run->views[i]);
        run->views[i].wait_ms = pbti_agent_wait_ms(run->agent, i);
    }
    struct pbti_run_view const view = {
        .state = pbti_follower_state(run->study.follower),
        .spec = run->study.spec,
        .slots_count = run->slots_count,
        .slots = run->views,
        .checkpoint_bytes = run->sizes.bytes,
    };
    run->opts.tick(run->opts.context, &view);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct run *const run = handle->data;
    (void)number;
    if (!run->interrupted) {
        run->interrupted = true;
        wind_down(run);
        return;
    }
    for (uint32_t i = 0; i < run->slots_count; i++) {
        if (run->slots[i] != NULL) { pbti_slot_hurry(run->slots[i]); }
    }
}

/* -------- what the slots call -------- */

static void on_slot_finished(void *context, uint32_t slot, const struct pbti_result *result)
{
    struct run *const run = context;
    struct pbt_error err;
    if (result->stuck) { pbti_agent_freed(run->agent, slot, false); }
    after_agent(run, pbti_agent_finished(run->agent, slot, result, &err), &err);
}

static void on_slot_freed(void *context, uint32_t slot, bool usable)
{
    struct run *const run = context;
    struct pbt_error err;
    pbti_agent_freed(run->agent, slot, usable);
    after_agent(run, run->is_stopping ? PBT_OK : pbti_agent_poll(run->agent, &err), &err);
}

static void on_slot_trouble(void *context, pbt_status status, const struct pbt_error *err)
{
    trouble(context, status, err);
}

static void on_slot_wake(void *context)
{
    wake(context);
}

static void on_slot_warn(void *context, const char *text)
{
    warn(context, "%s", text);
}

/* -------- the beginning -------- */

static pbt_status check_opts(const struct pbti_run_opts *opts, struct pbt_error *err)
{
    if (opts->struct_size != sizeof *opts) {
        return PBTI_FAIL(err, PBT_EINVAL, 0, "run options were not made by their default function");
    }
    if (opts->dir == NULL || opts->program == NULL) {
        return PBTI_FAIL(err, PBT_EINVAL, 0, "a run needs a study folder and the pbt program");
    }
    return PBT_OK;
}

/* Raise the soft limit of descriptors to what the slots need; refuse what the hard one forbids. */
static pbt_status check_descriptors(uint32_t slots, struct pbt_error *err)
{
    struct rlimit limit;
    rlim_t const need = DESCRIPTORS + (rlim_t)slots * DESCRIPTORS_OF_SLOT;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= need) { return PBT_OK; }
    rlim_t const hard = limit.rlim_max;
    limit.rlim_cur = need;
    if (hard >= need && setrlimit(RLIMIT_NOFILE, &limit) == 0) { return PBT_OK; }
    (void)PBTI_FAIL(err, PBT_EINVAL, 0,
                    "%u slot%s need %llu open files, the limit of this process is %llu", slots,
                    slots == 1 ? "" : "s", (unsigned long long)need, (unsigned long long)hard);
    pbti_fail_hint(err, "raise it (ulimit -n), or use fewer slots (--slots)");
    return PBT_EINVAL;
}

static pbt_status open_slots(struct run *run, struct pbt_error *err)
{
    const struct pbti_spec *const spec = run->study.spec;
    uint32_t count;
    PBTI_TRY(pbti_slots_count(spec, run->opts.slots, &count, err));
    PBTI_TRY(check_descriptors(count, err));
    PBTI_TRY(pbti_thread_pool_start(&run->loop, &run->pool, err));
    run->slots = calloc(count, sizeof *run->slots);
    run->views = calloc(count, sizeof *run->views);
    if (run->slots == NULL || run->views == NULL) {
        return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory for %u slots", count);
    }
    run->shared = (struct pbti_slots){.loop = &run->loop,
                                      .launch = &run->launch,
                                      .spec = spec,
                                      .store = run->study.store,
                                      .sizes = &run->sizes,
                                      .reported = &run->reported,
                                      .logs = run->logs,
                                      .context = run,
                                      .finished = on_slot_finished,
                                      .freed = on_slot_freed,
                                      .trouble = on_slot_trouble,
                                      .wake = on_slot_wake,
                                      .ended = on_slot_ended,
                                      .warn = on_slot_warn};
    struct pbti_strings gpus = {0};
    pbti_machine_gpus(&gpus);
    pbt_status status = PBT_OK;
    for (uint32_t i = 0; status == PBT_OK && i < count; i++) {
        char *const visible = pbti_slot_gpus(&gpus, i, spec->trainer.gpus);
        status = pbti_slot_create(&run->shared, i, visible, &run->slots[i], err);
        free(visible);
        run->slots_count = i + 1;
    }
    if (gpus.count > 0 && spec->trainer.gpus < 0.0) {
        warn(run,
             "this machine has %zu GPU%s and the spec names none: each trainer sees what this "
             "program sees; trainer.resources.gpus gives each its own",
             gpus.count, gpus.count == 1 ? "" : "s");
    }
    pbti_strings_free(&gpus);
    return status;
}

static pbt_status open_agent(struct run *run, struct pbt_error *err)
{
    struct pbti_world const world = {.context = run,
                                     .now_ms = world_now,
                                     .random = world_random,
                                     .start = world_start,
                                     .cancel = world_cancel,
                                     .drop = world_drop,
                                     .dead = world_dead,
                                     .propose = world_propose,
                                     .steady_ms = world_steady};
    struct pbti_agent_opts opts = pbti_agent_opts_default();
    if (run->study.spec->config.proposals) { PBTI_TRY(pbti_propose_open(err)); }
    PBTI_TRY(pbti_liveness_open(run->opts.dir, &opts.worker, &run->liveness, err));
    opts.slots = run->slots_count;
    opts.pause_ms = run->opts.pause_ms;
    opts.process = (uint64_t)getpid();
    opts.host = pbti_liveness_host(run->liveness);
    return pbti_agent_create(run->study.follower, &world, &opts, &run->agent, err);
}

static void open_timers(struct run *run)
{
    int numbers[PBTI_ENDING_SIGNALS];
    size_t const count = run->opts.signals ? pbti_ending_signals(numbers) : 0;
    run->poll.data = run->tick.data = run->wake.data = run;
    (void)uv_timer_init(&run->loop, &run->poll);
    (void)uv_timer_init(&run->loop, &run->tick);
    (void)uv_timer_init(&run->loop, &run->wake);
    plan_poll(run);
    if (run->opts.tick != NULL) { (void)uv_timer_start(&run->tick, on_tick, 0, TICK_MS); }
    for (size_t i = 0; i < count; i++) {
        run->signals[i].data = run;
        (void)uv_signal_init(&run->loop, &run->signals[i]);
        (void)uv_signal_start(&run->signals[i], on_signal, numbers[i]);
    }
}

static pbt_status open_study(struct run *run, struct pbt_error *err)
{
    struct pbti_retry patience = {.give_up_ms = run->opts.give_up_ms};
    pbt_status status;
    do {
        pbti_study_close(&run->study);
        status = pbti_study_open(&run->study, run->opts.dir, run->opts.journal, false, on_event,
                                 run, err);
    } while (pbti_retry_again(&patience, status));
    return status;
}

static pbt_status open_all(struct run *run, struct pbt_error *err)
{
    PBTI_TRY(open_study(run, err));
    PBTI_TRY(pbti_run_check_machine(&run->opts, run->study.spec, err));
    int const used = snprintf(run->logs, sizeof run->logs, "%s/logs", run->opts.dir);
    if (used < 0 || (size_t)used >= sizeof run->logs ||
        (mkdir(run->logs, 0777) != 0 && errno != EEXIST)) {
        return PBTI_FAIL(err, PBT_EIO, errno, "could not make folder \"%s\": %s", run->logs,
                         strerror(errno));
    }
    const struct pbti_run_opts *const opts = &run->opts;
    PBTI_TRY(pbti_launch_open(&run->launch, run->study.spec, opts->program, opts->clients, err));
    run->launch.adopts = opts->adopts;
    PBTI_TRY(open_slots(run, err));
    return open_agent(run, err);
}

/* -------- the run -------- */

/* Run the loop until the last handle is closed. */
static void run_loop(struct run *run)
{
    open_timers(run);
    sweep(run);
    look(run);
    (void)uv_run(&run->loop, UV_RUN_DEFAULT);
}

static void close_all(struct run *run)
{
    for (uint32_t i = 0; i < run->slots_count; i++) {
        pbti_slot_destroy(run->slots[i]); /* only those of a run that never began */
    }
    close_handles(run);
    (void)uv_run(&run->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&run->loop);
    pbti_agent_destroy(run->agent);
    pbti_study_close(&run->study);
    pbti_liveness_close(run->liveness);
    pbti_launch_close(&run->launch);
    pbti_checkpoint_sizes_free(&run->sizes);
    pbti_live_checkpoints_deinit(&run->reported);
    free(run->slots);
    free(run->views);
}

/* Why the worker ends, and what it ran. */
static void explain_ending(const struct run *run, uint8_t ending, struct pbt_error *err)
{
    char path[PATH_MAX];
    const char *why;
    const struct pbti_trainer *const trainer = &run->study.spec->trainer;
    (void)pbti_agent_ending(run->agent, &why);
    const char *const program = pbti_launch_program(&run->launch, path, sizeof path);
    const char *const folder = trainer->directory != NULL ? trainer->directory : ".";
    const char *const what = ending == PBTI_ENDS_WORKER
                                 ? "this worker leaves after failures in a row that are no member's"
                                 : "the first segments all failed alike, so the run stops";
    (void)PBTI_FAIL(err, PBT_ETRAINER, 0, "%s: %.300s (it ran \"%.100s\" in \"%.100s\")", what, why,
                    program, folder);
    pbti_fail_hint(err, "%s",
                   ending == PBTI_ENDS_WORKER
                       ? "the study is untouched: repair what is missing, then resume it"
                       : "no member was given up: repair the trainer, then resume; its "
                         "output is in the folder logs/");
}

static enum pbti_run_end end_of(const struct run *run, struct pbt_error *err)
{
    if (run->interrupted) { return PBTI_RUN_INTERRUPTED; }
    uint8_t const ending = pbti_agent_ending(run->agent, NULL);
    if (ending != PBTI_ENDS_NOTHING && !pbti_agent_done(run->agent)) {
        explain_ending(run, ending, err);
        return ending == PBTI_ENDS_WORKER ? PBTI_RUN_BAD_PLACE : PBTI_RUN_ALIKE;
    }
    return pbti_agent_done(run->agent) ? PBTI_RUN_ENDED : PBTI_RUN_NO_SLOTS;
}

pbt_status pbti_run(const struct pbti_run_opts *opts, enum pbti_run_end *end, struct pbt_error *err)
{
    PBTI_TRY(check_opts(opts, err));
    struct run *const run = calloc(1, sizeof *run);
    if (run == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    run->opts = *opts;
    struct pbti_signal_guard quiet;
    pbti_signal_guard_begin(&quiet);
    bool const was_subreaper = opts->adopts && pbti_adopted_expect(true);
    int const code = uv_loop_init(&run->loop);
    pbt_status status =
        code == 0 ? PBT_OK
                  : PBTI_FAIL(err, PBT_EIO, -code, "could not make a loop: %s", uv_strerror(code));
    if (status == PBT_OK) {
        status = open_all(run, err);
        if (status == PBT_OK) {
            run_loop(run);
            *end = end_of(run, err);
            status = run->fatal;
            if (status != PBT_OK && err != NULL) { *err = run->err; }
        }
        close_all(run);
    }
    if (opts->adopts) { (void)pbti_adopted_expect(was_subreaper); }
    pbti_signal_guard_end(&quiet);
    free(run);
    return status;
}
