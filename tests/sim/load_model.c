/* SPDX-License-Identifier: Apache-2.0 */
/* sim/load_model.c - see load_model.h. */
#include "sim/load_model.h"

#include "base/fail.h"
#include "sim/event_queue.h"
#include "sim/sim_random.h"
#include "worker/agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_EVERY_MS = 1000 };

struct fleet;

struct worker {
    struct fleet *fleet;
    struct pbti_follower *follower;
    struct pbti_agent *agent;
    uint64_t claim;    /* of the task that its slot runs */
    bool started;      /* the call that is under way started one */
    uint64_t ended_us; /* when the segment before it ended; 0: there was none */
};

struct fleet {
    const struct pbti_load_model_opts *opts;
    struct pbti_load_model_result *result;
    struct pbti_journal *journal;
    struct pbti_event_queue queue;
    struct pbti_sim_random ids, times;
    uint64_t last;          /* event of the journal */
    struct worker *workers; /* shape (opts->workers) */
    uint64_t now_us;
    uint64_t free_us; /* when the server has done all that it was asked for */
    uint64_t waits;
};

/* -------- what an agent sees -------- */

static int64_t fleet_now_ms(void *context)
{
    const struct worker *const worker = context;
    return (int64_t)(worker->fleet->now_us / 1000);
}

static void fleet_random(void *context, void *bytes, size_t size)
{
    struct fleet *const fleet = ((struct worker *)context)->fleet;
    unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++) {
        at[i] = (unsigned char)pbti_sim_random_bits(&fleet->ids);
    }
}

static void fleet_start(void *context, uint32_t slot, const struct pbti_task *task)
{
    struct worker *const worker = context;
    (void)slot;
    worker->claim = task->claim;
    worker->started = true;
}

static void fleet_cancel(void *context, uint32_t slot)
{
    (void)context;
    (void)slot;
}

static void fleet_drop(void *context, struct pbti_checkpoint checkpoint)
{
    (void)context;
    (void)checkpoint;
}

static bool fleet_dead(void *context, const struct pbti_event_worker *worker)
{
    (void)context;
    (void)worker;
    return false;
}

/* -------- what happens -------- */

static void plan(struct fleet *fleet, uint64_t at_us, enum pbti_happening what, uint32_t worker)
{
    pbti_event_queue_add(
        &fleet->queue,
        (struct pbti_plan){.time_ms = (at_us + 999) / 1000, .what = what, .machine = worker});
}

/* After a call, in which an agent appends at most once: a task that it started begins when the
 * server has made the append. */
static pbt_status after_call(struct fleet *fleet, uint32_t index, struct pbt_error *err)
{
    struct worker *const worker = &fleet->workers[index];
    struct pbti_load_model_result *const result = fleet->result;
    uint64_t const before = fleet->last;
    PBTI_TRY(pbti_journal_last(fleet->journal, &fleet->last, err));
    if (fleet->last != before) {
        result->appends++;
        fleet->free_us = fleet->free_us > fleet->now_us ? fleet->free_us : fleet->now_us;
        fleet->free_us += fleet->opts->append_us;
    }
    if (!worker->started) { return PBT_OK; }
    worker->started = false;
    uint64_t const tenth = fleet->opts->segment_us / 10;
    uint64_t const takes = fleet->opts->segment_us - tenth +
                           (uint64_t)(2.0 * (double)tenth * pbti_sim_random_unit(&fleet->times));
    plan(fleet, fleet->free_us + takes, PBTI_HAPPEN_ENDED, index);
    if (worker->ended_us == 0) { return PBT_OK; }
    uint64_t const waited = fleet->free_us - worker->ended_us;
    result->wait_us += ((double)waited - result->wait_us) / (double)++fleet->waits;
    result->longest_us = waited > result->longest_us ? waited : result->longest_us;
    return PBT_OK;
}

static pbt_status look(struct fleet *fleet, uint32_t index, struct pbt_error *err)
{
    struct worker *const worker = &fleet->workers[index];
    fleet->result->looks++;
    PBTI_TRY(pbti_agent_poll(worker->agent, err));
    PBTI_TRY(after_call(fleet, index, err));
    if (!pbti_agent_done(worker->agent)) {
        plan(fleet, fleet->now_us + LOOK_EVERY_MS * 1000, PBTI_HAPPEN_POLL, index);
    }
    return PBT_OK;
}

static pbt_status end_segment(struct fleet *fleet, uint32_t index, struct pbt_error *err)
{
    struct worker *const worker = &fleet->workers[index];
    double const score = pbti_sim_random_unit(&fleet->times);
    struct pbti_result const result = {.claim = worker->claim,
                                       .outcome = PBTI_OUTCOME_DONE,
                                       .held = true,
                                       .scores = &score,
                                       .scores_count = 1,
                                       .files = 1,
                                       .bytes = 8};
    worker->ended_us = fleet->now_us;
    fleet->result->segments++;
    PBTI_TRY(pbti_agent_finished(worker->agent, 0, &result, err));
    return after_call(fleet, index, err);
}

/* -------- the whole -------- */

static pbt_status begin_study(struct fleet *fleet, struct pbt_error *err)
{
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.create = true;
    PBTI_TRY(pbti_journal_open("memory:", &opts, &fleet->journal, err));
    struct pbti_config *const config = malloc(sizeof *config);
    if (config == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    pbti_config_default(config);
    config->seed = fleet->opts->seed;
    config->members = fleet->opts->workers;
    config->ready_every = 1;
    config->steps = config->max_age = fleet->opts->segments;
    config->space.count = 1;
    config->space.hp[0] = (struct pbti_hp){.kind = PBTI_HP_LOG, .low = 1e-4, .high = 1.0};
    (void)snprintf(config->space.hp[0].name, sizeof config->space.hp[0].name, "lr");
    struct pbti_event const event = {.type = PBTI_STUDY,
                                     .study = {.config = config, .spec = {"simulated", 9}}};
    struct pbti_follower *follower = NULL;
    struct pbti_batch_id const id = {{1}};
    pbt_status status = pbti_follower_open(fleet->journal, NULL, NULL, &follower, err);
    if (status == PBT_OK) { status = pbti_follower_stage(follower, &event, err); }
    if (status == PBT_OK) { status = pbti_follower_commit(follower, id, err); }
    pbti_follower_close(follower);
    free(config);
    return status;
}

/* Workers come within one segment of each other, as jobs do that a queue starts. */
static pbt_status add_worker(struct fleet *fleet, uint32_t index, struct pbt_error *err)
{
    struct worker *const worker = &fleet->workers[index];
    struct pbti_world const world = {.context = worker,
                                     .now_ms = fleet_now_ms,
                                     .random = fleet_random,
                                     .start = fleet_start,
                                     .cancel = fleet_cancel,
                                     .drop = fleet_drop,
                                     .dead = fleet_dead};
    struct pbti_agent_opts opts = pbti_agent_opts_default();
    opts.slots = 1;
    opts.worker = index + 1;
    opts.process = index + 1;
    opts.host = "simulated";
    worker->fleet = fleet;
    PBTI_TRY(pbti_follower_open(fleet->journal, NULL, NULL, &worker->follower, err));
    PBTI_TRY(pbti_agent_create(worker->follower, &world, &opts, &worker->agent, err));
    double const after = pbti_sim_random_unit(&fleet->times) * (double)fleet->opts->segment_us;
    plan(fleet, (uint64_t)after, PBTI_HAPPEN_POLL, index);
    return PBT_OK;
}

static pbt_status run(struct fleet *fleet, struct pbt_error *err)
{
    struct pbti_plan next;
    PBTI_TRY(begin_study(fleet, err));
    for (uint32_t i = 0; i < fleet->opts->workers; i++) {
        PBTI_TRY(add_worker(fleet, i, err));
    }
    while (pbti_event_queue_next(&fleet->queue, &next)) {
        fleet->now_us = next.time_ms * 1000;
        PBTI_TRY(next.what == PBTI_HAPPEN_ENDED ? end_segment(fleet, next.machine, err)
                                                : look(fleet, next.machine, err));
    }
    struct pbti_load_model_result *const result = fleet->result;
    double const work = (double)result->appends * (double)fleet->opts->append_us +
                        (double)result->looks * (double)fleet->opts->look_us;
    result->virtual_us = fleet->now_us;
    result->busy = work / (double)(fleet->now_us > 0 ? fleet->now_us : 1);
    result->events = fleet->last;
    return PBT_OK;
}

pbt_status pbti_load_model_run(const struct pbti_load_model_opts *opts,
                               struct pbti_load_model_result *result, struct pbt_error *err)
{
    struct fleet fleet = {.opts = opts,
                          .result = result,
                          .ids = pbti_sim_random_of(opts->seed, PBTI_SIM_RANDOM_IDS),
                          .times = pbti_sim_random_of(opts->seed, PBTI_SIM_RANDOM_MACHINES),
                          .workers = calloc(opts->workers, sizeof(struct worker))};
    *result = (struct pbti_load_model_result){0};
    if (fleet.workers == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    pbt_status const status = run(&fleet, err);
    for (uint32_t i = 0; i < opts->workers; i++) {
        pbti_agent_destroy(fleet.workers[i].agent);
        pbti_follower_close(fleet.workers[i].follower);
    }
    pbti_journal_close(fleet.journal);
    pbti_event_queue_deinit(&fleet.queue);
    free(fleet.workers);
    return status;
}
