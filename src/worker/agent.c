/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/agent.c - the logic of a worker; see agent.h.
 *
 * Every call ends in settle(): look at what is durable, put everything that is to be said into one
 * batch, append it, act on what became durable; after a conflict all of it anew. Then ask for a
 * proposal if a slot lacks one, and say that in the next round, or when it is there. What a slot is
 * to run comes from one place only, watch(): a claim of ours that is in the journal. So it does not
 * matter how it got there, by an append that was acknowledged or by one whose answer was lost.
 *
 * A slot's life:
 *
 *     free --start--> running --finished--> holding a result --appended--> free
 *                        |                        `--its claim is gone--> free, result dropped
 *                        `--its claim is gone--> cancelled --freed--> free
 */
#include "worker/agent.h"

#include "base/fail.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TRIES_MAX = 100 /* conflicts in a row before a call gives up until the next one */
};

enum slot_phase { FREE, RUNNING, HOLDING, CANCELLED };

struct slot {
    enum slot_phase phase;
    bool retired; /* gets nothing more */
    /* claim 0: none; only the task that runs is whole, the others name an attempt */
    struct pbti_task granted; /* in the journal, not started yet */
    struct pbti_task task;    /* running, or holding its result */
    bool reported;            /* the result of the task is in the journal */
    bool withdrawn;           /* its failure is not the member's: to be released, with a note */
    struct pbti_failure_verdict verdict; /* on that failure */
    uint32_t failures;                   /* of that kind in a row */
    uint64_t resume_ms;                  /* nothing is claimed for it before; 0: no pause */
    struct pbti_task late;               /* its result came too late: to be noted in the journal */
    uint8_t late_outcome;

    uint32_t last;               /* member it ran last, or PBTI_NO_MEMBER */
    struct pbti_checkpoint held; /* what is in its memory; segment 0 = nothing */

    struct pbti_result result; /* while holding; scores and texts point into the two below */
    double *scores;            /* owned */
    size_t scores_capacity;
    char *texts; /* owned: metrics, then message */
    size_t texts_capacity;
};

/* Another worker. */
struct peer {
    struct pbti_event_worker worker; /* host points nowhere: see below */
    char host[PBTI_NAME_MAX];
    bool dead; /* found so by the last poll */
};

/* A proposal: one that was made is kept until it is in the journal or does not apply any longer, so
 * that an append that meets a conflict need not wait for another. */
struct proposal {
    enum { NOT_ASKED, ASKED, MADE } phase;
    uint32_t member;
    uint64_t knows;                  /* the last event when it was asked for */
    struct pbti_observations trials; /* while it is asked for */
    double values[PBTI_HP_MAX];
};

struct pbti_agent {
    struct pbti_follower *follower;
    struct pbti_world world;
    struct pbti_agent_opts opts;
    char host[PBTI_NAME_MAX];
    struct slot *slots; /* shape (opts.slots) */

    struct proposal proposal;
    struct pbti_failures failures;
    uint8_t ending;             /* enum pbti_ending: what a failure has ended ... */
    char why[PBTI_MESSAGE_MAX]; /* ... and its message */

    struct peer *peers; /* joined and not left */
    size_t peers_count, peers_capacity;

    bool joined;   /* our worker event is in the journal, and no leave after it */
    bool draining; /* claim nothing more */
    bool leaving;
    uint8_t stop;     /* enum pbti_stop that is to be said, or PBTI_STOP_NONE */
    bool stale;       /* an error left the follower behind the journal */
    bool peer_missed; /* no memory for a peer */
};

static const struct pbti_state *state_of(const struct pbti_agent *agent)
{
    return pbti_follower_state(agent->follower);
}

static uint64_t steady_ms(const struct pbti_agent *agent)
{
    const struct pbti_world *const world = &agent->world;
    return world->steady_ms != NULL ? world->steady_ms(world->context)
                                    : (uint64_t)world->now_ms(world->context);
}

/* -------- checkpoints -------- */

static struct pbti_checkpoint saved_by(const struct pbti_task *task)
{
    return (struct pbti_checkpoint){task->member, task->segment, task->attempt};
}

/* -------- what the journal says -------- */

static void forget_peer(struct pbti_agent *agent, uint64_t worker)
{
    for (size_t i = 0; i < agent->peers_count; i++) {
        if (agent->peers[i].worker.worker != worker) { continue; }
        agent->peers[i] = agent->peers[--agent->peers_count];
        return;
    }
}

static void add_peer(struct pbti_agent *agent, const struct pbti_event_worker *worker)
{
    forget_peer(agent, worker->worker);
    if (agent->peers_count == agent->peers_capacity) {
        size_t const capacity = agent->peers_capacity == 0 ? 8 : 2 * agent->peers_capacity;
        struct peer *const peers = realloc(agent->peers, capacity * sizeof *peers);
        agent->peer_missed = agent->peer_missed || peers == NULL;
        if (peers == NULL) { return; }
        agent->peers = peers;
        agent->peers_capacity = capacity;
    }
    struct peer *const peer = &agent->peers[agent->peers_count++];
    *peer = (struct peer){.worker = *worker};
    size_t const size =
        worker->host.size < sizeof peer->host ? worker->host.size : sizeof peer->host;
    if (size > 0) { memcpy(peer->host, worker->host.data, size); }
    peer->worker.host.size = size;
}

static void note_report(struct pbti_agent *agent, uint64_t claim)
{
    for (uint32_t i = 0; i < agent->opts.slots; i++) {
        if (agent->slots[i].task.claim == claim) { agent->slots[i].reported = true; }
    }
}

/* We gave the claim up ourselves, because the failure is not the member's: nothing is late. */
static void note_withdrawal(struct pbti_agent *agent, uint64_t claim)
{
    for (uint32_t i = 0; i < agent->opts.slots; i++) {
        struct slot *const slot = &agent->slots[i];
        if (slot->task.claim == claim && slot->withdrawn) { slot->reported = true; }
    }
}

static const char late_topic[] = "late_report";

/* Is one of ours about a late result in the journal? An attempt is claimed once. */
static void note_noted(struct pbti_agent *agent, const struct pbti_event_note *note)
{
    bool const late = note->topic.size == sizeof late_topic - 1 &&
                      memcmp(note->topic.data, late_topic, note->topic.size) == 0;
    for (uint32_t i = 0; late && i < agent->opts.slots; i++) {
        struct pbti_task *const task = &agent->slots[i].late;
        if (pbti_checkpoint_equal(saved_by(task), note->checkpoint)) { task->claim = 0; }
    }
}

/* A pbti_observer: remembers who is there, and claims and reports of ours. Acts on nothing. */
static void watch(void *context, uint64_t seq, const struct pbti_event *event)
{
    struct pbti_agent *const agent = context;
    uint64_t const self = agent->opts.worker;
    if (event->type == PBTI_WORKER && event->worker.worker == self) {
        agent->joined = true;
    } else if (event->type == PBTI_WORKER) {
        add_peer(agent, &event->worker);
    } else if (event->type == PBTI_LEAVE && event->worker.worker == self) {
        agent->joined = false; /* said by ourselves, or by somebody who took us for dead */
    } else if (event->type == PBTI_LEAVE) {
        forget_peer(agent, event->worker.worker);
    } else if (event->type == PBTI_CLAIM && event->claim.worker == self) {
        const struct pbti_event_claim *const claim = &event->claim;
        assert(claim->slot < agent->opts.slots);
        agent->slots[claim->slot].granted = (struct pbti_task){.claim = seq,
                                                               .member = claim->member,
                                                               .segment = claim->segment,
                                                               .attempt = claim->attempt};
    } else if (event->type == PBTI_REPORT) {
        note_report(agent, event->report.claim);
        bool const done = event->report.outcome == PBTI_OUTCOME_DONE;
        if (done) { pbti_failures_forget(&agent->failures, event->report.member); }
    } else if (event->type == PBTI_RELEASE && event->release.reason == PBTI_RELEASE_DRAIN) {
        note_withdrawal(agent, event->release.claim);
    } else if (event->type == PBTI_NOTE) {
        note_noted(agent, &event->note);
    }
}

/* Is this claim, durable or staged, still in force? */
static bool is_ours(const struct pbti_agent *agent, const struct pbti_task *task)
{
    const struct pbti_state *const state = state_of(agent);
    if (task->claim == 0 || task->member >= pbti_state_members(state)) { return false; }
    return pbti_state_member(state, task->member)->claim == task->claim;
}

/* -------- slots -------- */

static void drop(const struct pbti_agent *agent, struct pbti_checkpoint checkpoint)
{
    agent->world.drop(agent->world.context, checkpoint);
}

/*
 * The claim of what the slot runs or holds is over: because its result was appended, or because
 * somebody else took it away. What a failed attempt saved, or one whose result came too late, is
 * named by nothing and never will be.
 */
static void let_go(struct pbti_agent *agent, uint32_t index)
{
    struct slot *const slot = &agent->slots[index];
    if (slot->phase == RUNNING) {
        slot->phase = CANCELLED;
        agent->world.cancel(agent->world.context, index);
        return;
    }
    bool const failed = slot->result.outcome != PBTI_OUTCOME_DONE;
    if (failed || !slot->reported) { drop(agent, saved_by(&slot->task)); }
    if (!slot->reported) {
        pbti_failures_forget(&agent->failures, slot->task.member);
        slot->late = slot->task;
        slot->late_outcome = slot->result.outcome;
    }
    slot->phase = FREE;
}

/* Bring all slots in step with the state. */
static void follow_state(struct pbti_agent *agent)
{
    for (uint32_t i = 0; i < agent->opts.slots; i++) {
        struct slot *const slot = &agent->slots[i];
        bool const occupied = slot->phase == RUNNING || slot->phase == HOLDING;
        if (occupied && !is_ours(agent, &slot->task)) { let_go(agent, i); }
        if (!is_ours(agent, &slot->granted)) { slot->granted.claim = 0; }
    }
}

static void start(struct pbti_agent *agent, uint32_t index)
{
    struct slot *const slot = &agent->slots[index];
    const struct pbti_state *const state = state_of(agent);
    slot->task = slot->granted;
    slot->reported = slot->withdrawn = false;
    slot->granted.claim = 0;
    slot->phase = RUNNING;
    const struct pbti_config *const config = pbti_state_config(state);
    struct pbti_task *const task = &slot->task;
    const struct pbti_member *const m = pbti_state_member(state, task->member);
    double values[PBTI_HP_MAX];
    pbti_state_in_force(state, task->member, values);
    task->seed = pbti_task_seed(config, task->member, task->segment);
    task->age = m->age;
    task->steps = pbti_segment_steps(state, task->member);
    task->max_age = config->max_age;
    task->budget = config->steps;
    task->keep = m->start.segment > 0 && pbti_checkpoint_equal(m->start, slot->held);
    task->from = m->start;
    task->checkpoint = saved_by(task);
    task->space = &config->space;
    task->values = values;
    slot->held.segment = 0; /* until it has ended well */
    agent->world.start(agent->world.context, index, task);
    task->values = NULL;
    task->space = NULL; /* an amend event moves it */
}

/* -------- keeping a result -------- */

static pbt_status keep_scores(struct slot *slot, struct pbt_error *err)
{
    struct pbti_result *const result = &slot->result;
    uint32_t const count =
        result->scores_count < PBTI_SCORES_MAX ? result->scores_count : PBTI_SCORES_MAX;
    if (count > slot->scores_capacity) {
        double *const scores = realloc(slot->scores, count * sizeof *scores);
        if (scores == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory for scores"); }
        slot->scores = scores;
        slot->scores_capacity = count;
    }
    if (count > 0) {
        memcpy(slot->scores, result->scores + (result->scores_count - count),
               count * sizeof *slot->scores);
    }
    result->scores = slot->scores;
    result->scores_count = count;
    return PBT_OK;
}

static pbt_status keep_texts(struct slot *slot, struct pbt_error *err)
{
    struct pbti_text *const metrics = &slot->result.metrics;
    struct pbti_text *const message = &slot->result.message;
    if (metrics->size > PBTI_METRICS_TEXT_MAX) {
        metrics->size = 0;
    } /* half of an object is none */
    if (message->size > PBTI_MESSAGE_MAX) { message->size = PBTI_MESSAGE_MAX; }
    size_t const size = metrics->size + message->size;
    if (size > slot->texts_capacity) {
        char *const texts = realloc(slot->texts, size);
        if (texts == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory for texts"); }
        slot->texts = texts;
        slot->texts_capacity = size;
    }
    if (metrics->size > 0) { memcpy(slot->texts, metrics->data, metrics->size); }
    if (message->size > 0) { memcpy(slot->texts + metrics->size, message->data, message->size); }
    metrics->data = slot->texts;
    message->data = size > 0 ? slot->texts + metrics->size : NULL;
    return PBT_OK;
}

/* -------- what is to be said -------- */

static pbt_status stage(struct pbti_agent *agent, struct pbti_event *event, struct pbt_error *err)
{
    event->time_ms = agent->world.now_ms(agent->world.context);
    return pbti_follower_stage(agent->follower, event, err);
}

static pbt_status stage_self(struct pbti_agent *agent, uint8_t type, struct pbt_error *err)
{
    struct pbti_event event = {
        .type = type,
        .worker = {.worker = agent->opts.worker,
                   .slots = agent->opts.slots,
                   .process = agent->opts.process,
                   .host = {agent->host, strlen(agent->host)}},
    };
    return stage(agent, &event, err);
}

static pbt_status stage_release(struct pbti_agent *agent, uint32_t member, uint64_t claim,
                                uint8_t reason, struct pbt_error *err)
{
    struct pbti_event event = {.type = PBTI_RELEASE, .release = {member, claim, reason}};
    return stage(agent, &event, err);
}

/* A dead worker's claims are free again, and it has left. */
static pbt_status stage_burial(struct pbti_agent *agent, const struct peer *peer,
                               struct pbt_error *err)
{
    uint32_t const members = pbti_state_members(state_of(agent));
    for (uint32_t i = 0; i < members; i++) {
        const struct pbti_member *const m = pbti_state_member(state_of(agent), i);
        if (m->claim == 0 || m->worker != peer->worker.worker) { continue; }
        PBTI_TRY(stage_release(agent, i, m->claim, PBTI_RELEASE_LOST, err));
    }
    struct pbti_event event = {.type = PBTI_LEAVE, .worker = peer->worker};
    event.worker.host.data = peer->host;
    return stage(agent, &event, err);
}

/* With every decision that is owed after it. */
static pbt_status stage_report(struct pbti_agent *agent, const struct slot *slot,
                               struct pbt_error *err)
{
    const struct pbti_result *const result = &slot->result;
    struct pbti_event event = {
        .type = PBTI_REPORT,
        .report = {.member = slot->task.member,
                   .segment = slot->task.segment,
                   .attempt = slot->task.attempt,
                   .claim = slot->task.claim,
                   .outcome = result->outcome,
                   .steps = result->outcome == PBTI_OUTCOME_DONE ? slot->task.steps : 0,
                   .scores_count = result->scores_count,
                   .scores = result->scores,
                   .files = result->files,
                   .bytes = result->bytes,
                   .hash = result->hash,
                   .load_ms = result->load_ms,
                   .train_ms = result->train_ms,
                   .save_ms = result->save_ms,
                   .metrics = result->metrics,
                   .message = result->message},
    };
    return stage(agent, &event, err);
}

static const char withdrawn_topic[] = "not_the_member";
#define WITHDRAWN_TEXT_MAX 1000 /* bytes of a failure's message in a note */

/* A failure that is not the member's: its claim is free again, and a note tells people why. */
static pbt_status stage_withdrawal(struct pbti_agent *agent, uint32_t index, struct pbt_error *err)
{
    const struct slot *const slot = &agent->slots[index];
    struct pbti_text const message = slot->result.message;
    size_t const size = message.size < WITHDRAWN_TEXT_MAX ? message.size : WITHDRAWN_TEXT_MAX;
    char worker[24];
    (void)snprintf(worker, sizeof worker, "%016" PRIx64, agent->opts.worker);
    json_t *text = json_stringn(size > 0 ? message.data : "", size);
    if (text == NULL) { text = json_string("(not UTF-8)"); }
    json_t *const detail = json_pack(
        "{s:s, s:I, s:s, s:s, s:I, s:o}", "worker", worker, "slot", (json_int_t)index, "owner",
        pbti_owner_name(slot->verdict.owner), "outcome", pbti_outcome_name(slot->result.outcome),
        "wait_ms", (json_int_t)slot->verdict.pause_ms, "message", text);
    char *const dumped = detail != NULL ? json_dumps(detail, JSON_COMPACT) : NULL;
    json_decref(detail);
    if (dumped == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory for a note"); }
    struct pbti_event event = {.type = PBTI_NOTE,
                               .note = {.checkpoint = saved_by(&slot->task),
                                        .topic = {withdrawn_topic, sizeof withdrawn_topic - 1},
                                        .detail = {dumped, strlen(dumped)}}};
    pbt_status status =
        stage_release(agent, slot->task.member, slot->task.claim, PBTI_RELEASE_DRAIN, err);
    if (status == PBT_OK) { status = stage(agent, &event, err); }
    free(dumped);
    return status;
}

/* What came too late is no report, and no decision depends on it: people are told. */
static pbt_status stage_late(struct pbti_agent *agent, struct pbt_error *err)
{
    for (uint32_t i = 0; i < agent->opts.slots; i++) {
        const struct slot *const slot = &agent->slots[i];
        if (slot->late.claim == 0) { continue; }
        char detail[80];
        int const size =
            snprintf(detail, sizeof detail, "{\"claim\":%" PRIu64 ",\"outcome\":\"%s\"}",
                     slot->late.claim, pbti_outcome_name(slot->late_outcome));
        struct pbti_event event = {.type = PBTI_NOTE,
                                   .note = {.checkpoint = saved_by(&slot->late),
                                            .topic = {late_topic, sizeof late_topic - 1},
                                            .detail = {detail, (size_t)size}}};
        PBTI_TRY(stage(agent, &event, err));
    }
    return PBT_OK;
}

static pbt_status stage_stop(struct pbti_agent *agent, struct pbt_error *err)
{
    if (agent->stop == PBTI_STOP_NONE || pbti_state_stop(state_of(agent)) != PBTI_STOP_NONE) {
        return PBT_OK;
    }
    struct pbti_event event = {.type = PBTI_STOP, .stop = {agent->stop}};
    return stage(agent, &event, err);
}

/* Give up the claims that nobody is to run: all of them, or those not started yet. */
static pbt_status stage_releases(struct pbti_agent *agent, bool all, uint8_t reason,
                                 struct pbt_error *err)
{
    for (uint32_t i = 0; i < agent->opts.slots; i++) {
        const struct slot *const slot = &agent->slots[i];
        const struct pbti_task *const tasks[] = {
            &slot->granted, all && slot->phase == RUNNING ? &slot->task : NULL};
        for (size_t k = 0; k < 2; k++) {
            if (tasks[k] == NULL || !is_ours(agent, tasks[k])) { continue; }
            PBTI_TRY(stage_release(agent, tasks[k]->member, tasks[k]->claim, reason, err));
        }
    }
    return PBT_OK;
}

/* `member`, but one that has not just failed here where there is one: whether all fail alike shows
 * sooner, and another worker may do better. */
static uint32_t prefer_others(const struct pbti_agent *agent, uint32_t member)
{
    const struct pbti_state *const state = state_of(agent);
    if (member == PBTI_NO_MEMBER || !pbti_failures_names(&agent->failures, member)) {
        return member;
    }
    bool const rungs = pbti_state_config(state)->rungs != PBTI_RUNGS_NONE;
    uint32_t best = PBTI_NO_MEMBER;
    for (uint32_t i = 0; i < pbti_state_members(state); i++) {
        const struct pbti_member *const m = pbti_state_member(state, i);
        if (m->phase != PBTI_WAITING || pbti_failures_names(&agent->failures, i)) { continue; }
        uint64_t const steps =
            best != PBTI_NO_MEMBER ? pbti_state_member(state, best)->steps : m->steps;
        bool const before = rungs ? m->steps > steps : m->steps < steps;
        if (best == PBTI_NO_MEMBER || before) { best = i; }
    }
    return best != PBTI_NO_MEMBER ? best : member;
}

/* Does the slot wait after a failure of its place? */
static bool is_pausing(const struct pbti_agent *agent, const struct slot *slot)
{
    return slot->resume_ms > 0 && steady_ms(agent) < slot->resume_ms;
}

/* The member that a slot should run next, or PBTI_NO_MEMBER. */
static uint32_t next_for(const struct pbti_agent *agent, const struct slot *slot)
{
    const struct pbti_state *const state = state_of(agent);
    uint32_t const only = agent->opts.only_member;
    if (only == PBTI_NO_MEMBER) {
        return prefer_others(agent, pbti_next(state, slot->last, slot->held));
    }
    bool const may = pbti_state_stop(state) == PBTI_STOP_NONE && only < pbti_state_members(state) &&
                     pbti_state_member(state, only)->phase == PBTI_WAITING;
    return may ? only : PBTI_NO_MEMBER;
}

/* The member that may run on the slot's next claim once it has a proposal, or PBTI_NO_MEMBER. */
static uint32_t expecting_for(const struct pbti_agent *agent)
{
    const struct pbti_state *const state = state_of(agent);
    uint32_t const only = agent->opts.only_member;
    if (only == PBTI_NO_MEMBER) { return pbti_expecting(state); }
    return pbti_proposal_applies(state, only, pbti_state_seq(state)) ? only : PBTI_NO_MEMBER;
}

/* Is there a proposal for the member that may be appended? */
static bool is_proposed(const struct pbti_agent *agent, uint32_t member)
{
    const struct proposal *const proposal = &agent->proposal;
    return member != PBTI_NO_MEMBER && proposal->phase == MADE && proposal->member == member &&
           pbti_proposal_applies(state_of(agent), member, proposal->knows);
}

static pbt_status stage_proposal(struct pbti_agent *agent, struct pbt_error *err)
{
    const struct proposal *const proposal = &agent->proposal;
    struct pbti_event event = {
        .type = PBTI_PROPOSAL,
        .proposal = {proposal->member, proposal->knows,
                     pbti_state_config(state_of(agent))->space.count, proposal->values},
    };
    return stage(agent, &event, err);
}

static pbt_status stage_claims(struct pbti_agent *agent, struct pbt_error *err)
{
    for (uint32_t i = 0; i < agent->opts.slots; i++) {
        const struct slot *const slot = &agent->slots[i];
        bool const idle = slot->phase == FREE || slot->phase == HOLDING; /* its report is staged */
        if (!idle || slot->retired || slot->granted.claim != 0) { continue; }
        if (is_pausing(agent, slot)) { continue; }
        uint32_t member = next_for(agent, slot);
        if (member == PBTI_NO_MEMBER) {
            member = expecting_for(agent);
            if (!is_proposed(agent, member)) { return PBT_OK; }
            PBTI_TRY(stage_proposal(agent, err));
        }
        const struct pbti_member *const m = pbti_state_member(state_of(agent), member);
        struct pbti_event event = {
            .type = PBTI_CLAIM,
            .claim = {member, m->segment, m->attempt + 1, agent->opts.worker, i},
        };
        PBTI_TRY(stage(agent, &event, err));
    }
    return PBT_OK;
}

/* One batch: results first, since everything else may follow from them. */
static pbt_status stage_all(struct pbti_agent *agent, struct pbt_error *err)
{
    for (uint32_t i = 0; i < agent->opts.slots; i++) {
        if (agent->slots[i].phase != HOLDING) { continue; }
        PBTI_TRY(agent->slots[i].withdrawn ? stage_withdrawal(agent, i, err)
                                           : stage_report(agent, &agent->slots[i], err));
    }
    PBTI_TRY(stage_late(agent, err));
    PBTI_TRY(stage_stop(agent, err));
    for (size_t i = 0; i < agent->peers_count; i++) {
        if (agent->peers[i].dead) { PBTI_TRY(stage_burial(agent, &agent->peers[i], err)); }
    }
    bool const stopped = pbti_state_stop(state_of(agent)) != PBTI_STOP_NONE;
    if (stopped || agent->leaving || agent->draining) {
        uint8_t const reason = stopped ? PBTI_RELEASE_STOPPED : PBTI_RELEASE_DRAIN;
        PBTI_TRY(stage_releases(agent, stopped || agent->leaving, reason, err));
    } else {
        if (!agent->joined) { PBTI_TRY(stage_self(agent, PBTI_WORKER, err)); }
        PBTI_TRY(stage_claims(agent, err));
    }
    if (agent->leaving && agent->joined) { PBTI_TRY(stage_self(agent, PBTI_LEAVE, err)); }
    return PBT_OK;
}

/* -------- saying it, and acting on it -------- */

static pbt_status append_all(struct pbti_agent *agent, struct pbt_error *err)
{
    pbt_status const status = stage_all(agent, err);
    if (status != PBT_OK) {
        struct pbt_error ignored; /* the next call looks again, whatever this says */
        agent->stale = pbti_follower_rollback(agent->follower, &ignored) != PBT_OK;
        return status;
    }
    struct pbti_batch_id id;
    agent->world.random(agent->world.context, &id, sizeof id);
    return pbti_follower_commit(agent->follower, id, err);
}

/* What was appended may be acted on. */
static void act(struct pbti_agent *agent)
{
    size_t count = 0;
    const struct pbti_checkpoint *const gone = pbti_follower_unreachable(agent->follower, &count);
    for (size_t i = 0; i < count; i++) {
        drop(agent, gone[i]);
    }
    follow_state(agent);
    bool const stopped = pbti_state_stop(state_of(agent)) != PBTI_STOP_NONE;
    if (stopped) { agent->stop = PBTI_STOP_NONE; }
    for (uint32_t i = 0; i < agent->opts.slots; i++) {
        const struct slot *const slot = &agent->slots[i];
        if (slot->phase == FREE && slot->granted.claim != 0) { start(agent, i); }
    }
}

static pbt_status look(struct pbti_agent *agent, struct pbt_error *err)
{
    agent->stale = true;
    PBTI_TRY(pbti_follower_refresh(agent->follower, err));
    agent->stale = false;
    return PBT_OK;
}

static pbt_status say_and_act(struct pbti_agent *agent, struct pbt_error *err)
{
    if (agent->stale) { PBTI_TRY(look(agent, err)); }
    if (agent->peer_missed) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory for workers"); }
    pbt_status status = PBT_ECONFLICT;
    for (uint32_t tries = 0; status == PBT_ECONFLICT && tries < TRIES_MAX; tries++) {
        follow_state(agent);
        status = append_all(agent, err);
    }
    if (status != PBT_OK) {
        agent->stale = true;
        return status;
    }
    act(agent);
    return PBT_OK;
}

/* -------- proposals -------- */

/* The member that a slot could run if there were a proposal for it, or PBTI_NO_MEMBER. */
static uint32_t wanting(const struct pbti_agent *agent)
{
    if (agent->leaving || agent->draining || !agent->joined) { return PBTI_NO_MEMBER; }
    for (uint32_t i = 0; i < agent->opts.slots; i++) {
        const struct slot *const slot = &agent->slots[i];
        bool const idle = slot->phase == FREE && !slot->retired && slot->granted.claim == 0 &&
                          !is_pausing(agent, slot);
        if (idle) { return expecting_for(agent); } /* nobody waits, or it would have a claim */
    }
    return PBTI_NO_MEMBER;
}

/* values: NULL = none; the member then begins with what it drew. */
static void take_proposal(struct pbti_agent *agent, const double *values)
{
    struct proposal *const proposal = &agent->proposal;
    const struct pbti_state *const state = state_of(agent);
    uint32_t const count = pbti_state_config(state)->space.count;
    if (values == NULL) { values = pbti_state_values(state, proposal->member); }
    memmove(proposal->values, values, count * sizeof *values);
    pbti_observations_deinit(&proposal->trials);
    proposal->phase = MADE;
}

/* Ask for a proposal where one is wanted. made: out, it is there already. */
static pbt_status ask(struct pbti_agent *agent, bool *made, struct pbt_error *err)
{
    struct proposal *const proposal = &agent->proposal;
    uint32_t const member = wanting(agent);
    *made = false;
    if (member == PBTI_NO_MEMBER || proposal->phase == ASKED || is_proposed(agent, member)) {
        return PBT_OK;
    }
    PBTI_TRY(pbti_observations_init(&proposal->trials, state_of(agent), err));
    proposal->phase = ASKED;
    proposal->member = member;
    proposal->knows = pbti_follower_seq(agent->follower);
    enum pbti_proposed const answer =
        agent->world.propose(agent->world.context, &proposal->trials, proposal->values);
    if (answer == PBTI_PROPOSED_LATER) { return PBT_OK; }
    take_proposal(agent, answer == PBTI_PROPOSED ? proposal->values : NULL);
    *made = true;
    return PBT_OK;
}

static pbt_status settle(struct pbti_agent *agent, struct pbt_error *err)
{
    bool made = true;
    while (made) {
        PBTI_TRY(say_and_act(agent, err));
        PBTI_TRY(ask(agent, &made, err));
    }
    return PBT_OK;
}

/* -------- the calls -------- */

struct pbti_agent_opts pbti_agent_opts_default(void)
{
    return (struct pbti_agent_opts){
        .struct_size = sizeof(struct pbti_agent_opts),
        .slots = 1,
        .host = "",
        .only_member = PBTI_NO_MEMBER,
    };
}

static pbt_status check_opts(const struct pbti_agent_opts *opts, struct pbt_error *err)
{
    if (opts->struct_size != sizeof *opts) {
        return PBTI_FAIL(err, PBT_EINVAL, 0,
                         "agent options were not made by their default function");
    }
    if (opts->slots == 0 || opts->worker == 0) {
        return PBTI_FAIL(err, PBT_EINVAL, 0, "an agent needs a worker id and at least one slot");
    }
    if (strlen(opts->host) >= PBTI_NAME_MAX) {
        return PBTI_FAIL(err, PBT_ELIMIT, 0, "host name \"%s\" is longer than %u bytes", opts->host,
                         PBTI_NAME_MAX - 1);
    }
    return PBT_OK;
}

pbt_status pbti_agent_create(struct pbti_follower *follower, const struct pbti_world *world,
                             const struct pbti_agent_opts *opts, struct pbti_agent **out,
                             struct pbt_error *err)
{
    *out = NULL;
    assert(pbti_follower_state(follower) != NULL);
    PBTI_TRY(check_opts(opts, err));
    bool const proposes = world->propose != NULL;
    if (pbti_state_config(pbti_follower_state(follower))->proposals && !proposes) {
        return PBTI_FAIL(err, PBT_EINVAL, 0,
                         "the study asks for proposals, which this program cannot make");
    }
    struct pbti_agent *const agent = calloc(1, sizeof *agent);
    struct slot *const slots = calloc(opts->slots, sizeof *slots);
    if (agent == NULL || slots == NULL) {
        free(agent);
        free(slots);
        return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory for %u slots", opts->slots);
    }
    agent->follower = follower;
    agent->world = *world;
    agent->opts = *opts;
    agent->slots = slots;
    memcpy(agent->host, opts->host, strlen(opts->host) + 1);
    agent->opts.host = agent->host;
    for (uint32_t i = 0; i < opts->slots; i++) {
        slots[i].last = PBTI_NO_MEMBER;
    }
    pbt_status status = pbti_failures_init(&agent->failures, opts->slots, opts->pause_ms, err);
    if (status == PBT_OK) { status = pbti_follower_observe(follower, watch, agent, err); }
    if (status != PBT_OK) {
        pbti_agent_destroy(agent);
        return status;
    }
    *out = agent;
    return PBT_OK;
}

void pbti_agent_destroy(struct pbti_agent *agent)
{
    if (agent == NULL) { return; }
    pbti_follower_ignore(agent->follower, agent);
    for (uint32_t i = 0; i < agent->opts.slots; i++) {
        free(agent->slots[i].scores);
        free(agent->slots[i].texts);
    }
    pbti_observations_deinit(&agent->proposal.trials);
    pbti_failures_deinit(&agent->failures);
    free(agent->slots);
    free(agent->peers);
    free(agent);
}

pbt_status pbti_agent_poll(struct pbti_agent *agent, struct pbt_error *err)
{
    PBTI_TRY(look(agent, err));
    for (size_t i = 0; i < agent->peers_count; i++) {
        struct peer *const peer = &agent->peers[i];
        struct pbti_event_worker worker = peer->worker;
        worker.host.data = peer->host;
        peer->dead = agent->world.dead(agent->world.context, &worker);
    }
    return settle(agent, err);
}

/* Some exploit rules compare lists of scores: a segment with too few cannot be judged by them.
 * `text` is what the result's message points into afterwards. */
static void refuse_few_scores(const struct pbti_agent *agent, struct pbti_result *result,
                              char *text, size_t size)
{
    const struct pbti_config *const config = pbti_state_config(state_of(agent));
    uint32_t const count = result->scores_count;
    bool const few = pbti_exploit_refuses(config, count) != NULL;
    if (result->outcome != PBTI_OUTCOME_DONE || !few) { return; }
    int const used = snprintf(text, size,
                              "exploit %s needs at least %u scores a segment, and the trainer "
                              "reports %u: report a list of scores, or choose another exploit",
                              pbti_exploit_name(config->exploit), config->scores_min, count);
    result->outcome = PBTI_OUTCOME_CONFIG;
    result->scores_count = 0;
    result->message = (struct pbti_text){text, (size_t)used};
}

/* Members that still train. */
static uint32_t count_left(const struct pbti_state *state)
{
    struct pbti_counts const counts = pbti_state_counts(state);
    uint64_t const ended =
        counts.phase[PBTI_DONE] + counts.phase[PBTI_GONE] + counts.phase[PBTI_OUT];
    return pbti_state_members(state) - (uint32_t)ended;
}

/* Whose failure is it? Only asked while the claim is still ours. */
static void judge(struct pbti_agent *agent, struct slot *slot)
{
    const struct pbti_result *const result = &slot->result;
    const struct pbti_state *const state = state_of(agent);
    if (result->outcome == PBTI_OUTCOME_DONE) {
        pbti_failures_success(&agent->failures);
        slot->failures = 0;
        slot->resume_ms = 0;
    }
    if (result->outcome == PBTI_OUTCOME_DONE || agent->opts.no_place) { return; }
    if (!is_ours(agent, &slot->task)) { return; }
    struct pbti_failure const failure = {
        .outcome = result->outcome,
        .origin = result->origin,
        .member = slot->task.member,
        .message = result->message,
        .is_last = pbti_is_last_attempt(state, slot->task.member, result->outcome),
        .study_succeeded = pbti_state_counts(state).segments_done > 0,
        .members_left = count_left(state),
        .slot_failures = slot->failures,
        .now_ms = steady_ms(agent),
    };
    slot->verdict = pbti_failures_judge(&agent->failures, &failure);
    slot->withdrawn = slot->verdict.owner != PBTI_OWNER_MEMBER;
    if (!slot->withdrawn) { return; }
    slot->failures++;
    slot->resume_ms = failure.now_ms + slot->verdict.pause_ms;
    bool const ends = slot->verdict.ending != PBTI_ENDS_NOTHING;
    if (!ends || agent->ending != PBTI_ENDS_NOTHING) { return; }
    agent->ending = slot->verdict.ending;
    agent->draining = true;
    (void)snprintf(agent->why, sizeof agent->why, "%.*s", (int)result->message.size,
                   result->message.size > 0 ? result->message.data : "");
}

uint8_t pbti_agent_ending(const struct pbti_agent *agent, const char **why)
{
    if (why != NULL) { *why = agent->why; }
    return agent->ending;
}

uint64_t pbti_agent_wait_ms(const struct pbti_agent *agent, uint32_t index)
{
    assert(index < agent->opts.slots);
    const struct slot *const slot = &agent->slots[index];
    return is_pausing(agent, slot) ? slot->resume_ms - steady_ms(agent) : 0;
}

pbt_status pbti_agent_finished(struct pbti_agent *agent, uint32_t index,
                               const struct pbti_result *result, struct pbt_error *err)
{
    assert(index < agent->opts.slots);
    struct slot *const slot = &agent->slots[index];
    bool const known =
        slot->phase == RUNNING && (result->claim == 0 || result->claim == slot->task.claim);
    if (!known) { return PBT_OK; }
    slot->result = *result;
    char text[300];
    refuse_few_scores(agent, &slot->result, text, sizeof text);
    PBTI_TRY(keep_scores(slot, err));
    PBTI_TRY(keep_texts(slot, err));
    judge(agent, slot);
    slot->phase = HOLDING;
    slot->last = slot->task.member;
    if (slot->result.outcome == PBTI_OUTCOME_DONE && result->held) {
        slot->held = saved_by(&slot->task);
    }
    return settle(agent, err);
}

void pbti_agent_freed(struct pbti_agent *agent, uint32_t index, bool usable)
{
    assert(index < agent->opts.slots);
    struct slot *const slot = &agent->slots[index];
    slot->retired = slot->retired || !usable;
    if (slot->phase != CANCELLED) { return; }
    drop(agent, saved_by(&slot->task)); /* never reported, so never named */
    slot->phase = FREE;
}

pbt_status pbti_agent_proposed(struct pbti_agent *agent, const double *values,
                               struct pbt_error *err)
{
    assert(agent->proposal.phase == ASKED);
    take_proposal(agent, values);
    return settle(agent, err);
}

void pbti_agent_drain(struct pbti_agent *agent)
{
    agent->draining = true;
}

pbt_status pbti_agent_leave(struct pbti_agent *agent, struct pbt_error *err)
{
    agent->leaving = true;
    return settle(agent, err);
}

pbt_status pbti_agent_stop(struct pbti_agent *agent, uint8_t reason, struct pbt_error *err)
{
    assert(reason == PBTI_STOP_HOURS || reason == PBTI_STOP_USER);
    agent->stop = reason;
    return settle(agent, err);
}

uint32_t pbti_agent_busy(const struct pbti_agent *agent)
{
    uint32_t busy = 0;
    for (uint32_t i = 0; i < agent->opts.slots; i++) {
        if (agent->slots[i].phase != FREE) { busy++; }
    }
    return busy;
}

bool pbti_agent_done(const struct pbti_agent *agent)
{
    const struct pbti_state *const state = state_of(agent);
    uint32_t const only = agent->opts.only_member;
    if (state == NULL || agent->stale) { return false; } /* not before we have looked again */
    if (pbti_state_stop(state) != PBTI_STOP_NONE) { return true; }
    if (only == PBTI_NO_MEMBER || only >= pbti_state_members(state)) {
        return only != PBTI_NO_MEMBER;
    }
    uint8_t const phase = pbti_state_member(state, only)->phase;
    return phase == PBTI_DONE || phase == PBTI_GONE || phase == PBTI_OUT;
}
