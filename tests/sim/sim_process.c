/* SPDX-License-Identifier: Apache-2.0 */
/* sim/sim_process.c - the life of simulated worker processes; see sim_process.h. */
#include "sim/sim_process.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { POLL_MS = 1000, WAKE_MS = 20 };

static const struct pbti_faults *faults_of(const struct pbti_sim_state *sim)
{
    return &sim->storage.faults;
}

void pbti_process_plan(struct pbti_process *process, uint64_t after, enum pbti_happening what,
                       uint32_t slot)
{
    struct pbti_plan const plan = {.what = what,
                                   .machine = process->machine,
                                   .life = process->life,
                                   .slot = slot,
                                   .run = process->trainer[slot].run};
    pbti_sim_state_plan(process->sim, after, plan);
}

static void plan_poll(struct pbti_process *process, uint64_t after)
{
    process->poll_at_ms = process->sim->now_ms + after;
    pbti_process_plan(process, after, PBTI_HAPPEN_POLL, 0);
}

void pbti_process_wake(struct pbti_sim_state *sim, uint32_t machine)
{
    struct pbti_process *const process = sim->process[machine];
    if (process == NULL || process->poll_at_ms <= sim->now_ms + WAKE_MS) { return; }
    plan_poll(process, pbti_sim_random_between(&sim->machines, 1, WAKE_MS));
}

bool pbti_process_settled(const struct pbti_sim_state *sim, uint32_t life)
{
    for (uint32_t i = 0; i < sim->swarm->machines; i++) {
        const struct pbti_process *const process = sim->process[i];
        if (process == NULL || process->life != life) { continue; }
        return !process->troubled && pbti_process_life(process)->state == PBTI_LIFE_ALIVE;
    }
    return false;
}

/* -------- end of a process -------- */

/* The process is gone, however that came; another may follow on its machine. */
static void end(struct pbti_process *process, bool follows)
{
    struct pbti_sim_state *const sim = process->sim;
    uint32_t const machine = process->machine;
    *pbti_process_life(process) =
        (struct pbti_life){pbti_process_life(process)->worker, PBTI_LIFE_OVER, sim->now_ms};
    pbti_agent_destroy(process->agent);
    pbti_follower_close(process->follower);
    pbti_journal_close(process->journal);
    free(process);
    sim->process[machine] = NULL;
    if (!follows) { return; }
    uint32_t const after =
        1 + pbti_sim_random_below(&sim->machines, sim->swarm->faults.restart_after);
    pbti_sim_state_plan(sim, after,
                        (struct pbti_plan){.what = PBTI_HAPPEN_JOIN, .machine = machine});
}

void pbti_process_kill(struct pbti_sim_state *sim, uint32_t machine)
{
    struct pbti_process *const process = sim->process[machine];
    if (process == NULL || process->inside) { return; }
    struct pbti_checkpoint const none = {0, 0, 0};
    pbti_sim_state_note(sim, "is killed", machine, 0, none);
    sim->counts.crashes++;
    end(process, true);
    pbti_sim_state_orphan(sim);
}

/* -------- calls into the agent -------- */

/* Somebody acts between our look at the journal and our append: another process, or a person who
 * leaves a note. */
static void overtake(void *context)
{
    struct pbti_process *const process = context;
    struct pbti_sim_state *const sim = process->sim;
    uint32_t const machine = pbti_sim_random_below(&sim->machines, sim->swarm->machines);
    const struct pbti_process *const other = sim->process[machine];
    sim->counts.overtaken++;
    bool const can =
        other != NULL && !other->inside && pbti_process_life(other)->state == PBTI_LIFE_ALIVE;
    if (!can || pbti_sim_random_chance(&sim->machines, 0.5)) {
        pbti_sim_state_remark(sim);
        return;
    }
    struct pbti_plan const plan = {.what = PBTI_HAPPEN_POLL,
                                   .time_ms = other->poll_at_ms,
                                   .machine = machine,
                                   .life = other->life};
    pbti_process_happen(sim, &plan);
}

/* What follows a call, whatever it answered. False when the process did not survive it. */
static bool after_call(struct pbti_process *process, pbt_status status)
{
    struct pbti_sim_state *const sim = process->sim;
    process->inside = false;
    process->troubled = status != PBT_OK;
    bool const dies = process->door.dead || process->door.burning;
    if (status != PBT_OK) { sim->counts.errors++; }
    if (status != PBT_OK && status != PBT_EIO && status != PBT_EUNKNOWN) {
        PBTI_BLAME(sim, "12: a call of an agent fails with %s", pbt_status_name(status));
    }
    pbti_sim_state_look(sim);
    if (dies) { pbti_process_kill(sim, process->machine); }
    return !dies;
}

/* Say goodbye. When that fails the claims stay until others find the process dead. */
static void leave(struct pbti_process *process, bool follows)
{
    struct pbti_sim_state *const sim = process->sim;
    process->inside = true;
    pbt_status const status = pbti_agent_leave(process->agent, NULL);
    if (!after_call(process, status)) { return; }
    struct pbti_checkpoint const none = {0, 0, 0};
    pbti_sim_state_note(sim, "leaves", process->machine, 0, none);
    end(process, follows);
    if (status != PBT_OK) { pbti_sim_state_orphan(sim); }
}

static void leave_when_done(struct pbti_process *process)
{
    process->draining =
        process->draining || pbti_agent_ending(process->agent, NULL) != PBTI_ENDS_NOTHING;
    if (pbti_agent_busy(process->agent) > 0) { return; }
    bool worn_out = true;
    for (uint32_t i = 0; i < process->slots; i++) {
        worn_out = worn_out && process->trainer[i].broken;
    }
    if (process->draining || worn_out) {
        leave(process, true);
    } else if (pbti_agent_done(process->agent)) {
        leave(process, false);
    }
}

static void poll(struct pbti_process *process)
{
    process->inside = true;
    pbt_status const status = pbti_agent_poll(process->agent, NULL);
    if (after_call(process, status)) { leave_when_done(process); }
}

static pbt_status hand_over(struct pbti_process *process, uint32_t slot,
                            const struct pbti_answer *answer)
{
    struct pbti_result const result = {.claim = answer->claim,
                                       .outcome = answer->outcome,
                                       .origin = answer->bad_place ? PBTI_ORIGIN_START
                                                                   : PBTI_ORIGIN_TRAINER,
                                       .message = {answer->message, strlen(answer->message)},
                                       .held = process->trainer[slot].memory.segment > 0,
                                       .scores_count = answer->scores_count,
                                       .scores = answer->scores,
                                       .files = 1,
                                       .bytes = 8,
                                       .hash = answer->hash};
    process->inside = true;
    return pbti_agent_finished(process->agent, slot, &result, NULL);
}

/* -------- what happens to it -------- */

static void happen_ended(struct pbti_process *process, uint32_t slot)
{
    struct pbti_sim_state *const sim = process->sim;
    struct pbti_trainer *const trainer = &process->trainer[slot];
    uint32_t const member = trainer->task.member;
    uint64_t const claim = trainer->task.claim;
    trainer->running = false;
    pbti_world_train(process, trainer);
    trainer->previous = trainer->answer;
    if (trainer->answer.outcome != PBTI_OUTCOME_DONE) { sim->counts.failures++; }
    const struct pbti_oracle *const oracle = sim->checker.oracle;
    bool const late = !pbti_oracle_claimed(oracle, member, claim);
    uint64_t const noted = oracle->late;
    uint64_t const withdrawn = oracle->withdrawn;
    sim->counts.zombies += late;
    pbti_sim_state_note(sim, "ends", process->machine, slot, trainer->task.checkpoint);
    pbt_status const status = hand_over(process, slot, &trainer->previous);
    if (!after_call(process, status)) { return; }
    if (status == PBT_OK && pbti_oracle_claimed(oracle, member, claim)) {
        PBTI_BLAME(sim, "12: the result of member %u was taken, and is not in the journal", member);
    }
    if (status == PBT_OK && late && oracle->late == noted) {
        PBTI_BLAME(sim, "12: the result of member %u came too late, and nothing says so", member);
    }
    sim->counts.withdrawn += oracle->withdrawn - withdrawn;
    bool const bad = status == PBT_OK && !late && trainer->previous.bad_place;
    if (bad && oracle->withdrawn == withdrawn) {
        PBTI_BLAME(sim, "15: a failure of the place is counted against member %u", member);
    }
    if (pbti_sim_random_chance(&sim->machines, faults_of(sim)->late_twice)) {
        uint32_t const after = 1 + pbti_sim_random_below(&sim->machines, 5000);
        pbti_process_plan(process, after, PBTI_HAPPEN_AGAIN, slot);
    }
    leave_when_done(process);
}

static void happen_freed(struct pbti_process *process, uint32_t slot)
{
    struct pbti_sim_state *const sim = process->sim;
    struct pbti_trainer *const trainer = &process->trainer[slot];
    trainer->cancelling = false;
    trainer->broken = pbti_sim_random_chance(&sim->machines, faults_of(sim)->slot_breaks);
    process->inside = true;
    pbti_agent_freed(process->agent, slot, !trainer->broken);
    if (after_call(process, PBT_OK)) { poll(process); }
}

static void happen_proposed(struct pbti_process *process)
{
    double values[PBTI_SEEN_HPS_MAX];
    bool const made = pbti_world_propose(process, values);
    process->proposing = false;
    process->inside = true;
    pbt_status const status = pbti_agent_proposed(process->agent, made ? values : NULL, NULL);
    if (after_call(process, status)) { leave_when_done(process); }
}

static void happen_again(struct pbti_process *process, uint32_t slot)
{
    process->sim->counts.repeats++;
    struct pbti_answer const previous = process->trainer[slot].previous;
    pbt_status const status = hand_over(process, slot, &previous);
    if (after_call(process, status)) { leave_when_done(process); }
}

static void happen_hang(struct pbti_process *process)
{
    struct pbti_sim_state *const sim = process->sim;
    uint32_t const longest = sim->swarm->faults.hang_for;
    struct pbti_life *const life = pbti_process_life(process);
    *life = (struct pbti_life){life->worker, PBTI_LIFE_HUNG, sim->now_ms};
    uint32_t const after = pbti_sim_random_between(&sim->machines, 1, longest);
    process->wake_at_ms = sim->now_ms + after;
    sim->counts.hangs++;
    pbti_process_plan(process, after, PBTI_HAPPEN_WAKE, 0);
}

static void happen_wake(struct pbti_process *process)
{
    struct pbti_life *const life = pbti_process_life(process);
    *life = (struct pbti_life){life->worker, PBTI_LIFE_ALIVE, process->sim->now_ms};
}

/* While it hangs nothing reaches it; later everything does, in the old order. */
static bool put_off(struct pbti_process *process, const struct pbti_plan *plan)
{
    struct pbti_sim_state *const sim = process->sim;
    bool const hung = pbti_process_life(process)->state == PBTI_LIFE_HUNG;
    if (!hung || plan->what == PBTI_HAPPEN_WAKE || plan->what == PBTI_HAPPEN_CRASH) {
        return false;
    }
    uint64_t const after = process->wake_at_ms - sim->now_ms + 1;
    if (plan->what == PBTI_HAPPEN_POLL) {
        plan_poll(process, after + pbti_sim_random_below(&sim->machines, POLL_MS));
    } else {
        pbti_sim_state_plan(sim, after, *plan);
    }
    return true;
}

void pbti_process_happen(struct pbti_sim_state *sim, const struct pbti_plan *plan)
{
    struct pbti_process *const process = sim->process[plan->machine];
    if (process == NULL || process->life != plan->life || process->inside) { return; }
    bool const of_slot = plan->what == PBTI_HAPPEN_LOADED || plan->what == PBTI_HAPPEN_ENDED ||
                         plan->what == PBTI_HAPPEN_FREED;
    if (of_slot && process->trainer[plan->slot].run != plan->run) { return; }
    bool const is_old_poll = plan->what == PBTI_HAPPEN_POLL && plan->time_ms != process->poll_at_ms;
    if (is_old_poll || put_off(process, plan)) { return; }
    switch (plan->what) {
    case PBTI_HAPPEN_POLL:
        plan_poll(process, POLL_MS / 2 + pbti_sim_random_below(&sim->machines, POLL_MS));
        poll(process);
        break;
    case PBTI_HAPPEN_LOADED: pbti_world_load(process, &process->trainer[plan->slot]); break;
    case PBTI_HAPPEN_ENDED: happen_ended(process, plan->slot); break;
    case PBTI_HAPPEN_FREED: happen_freed(process, plan->slot); break;
    case PBTI_HAPPEN_PROPOSED: happen_proposed(process); break;
    case PBTI_HAPPEN_AGAIN: happen_again(process, plan->slot); break;
    case PBTI_HAPPEN_HANG:
        if (!sim->calm) { happen_hang(process); }
        break;
    case PBTI_HAPPEN_WAKE: happen_wake(process); break;
    case PBTI_HAPPEN_CRASH:
        if (!sim->calm) { pbti_process_kill(sim, plan->machine); }
        break;
    case PBTI_HAPPEN_LEAVE:
        if (sim->calm) { break; }
        if (pbti_sim_random_chance(&sim->machines, 0.5)) {
            leave(process, true);
        } else {
            pbti_agent_drain(process->agent);
            process->draining = true;
        }
        break;
    case PBTI_HAPPEN_JOIN:
    case PBTI_HAPPEN_POWER:
    case PBTI_HAPPEN_AMEND:
    case PBTI_HAPPEN_STOP:
    case PBTI_HAPPEN_RESUME:
    case PBTI_HAPPEN_CALM: break; /* not for a process */
    }
}

bool pbti_process_stop_study(struct pbti_sim_state *sim, uint32_t machine)
{
    struct pbti_process *const process = sim->process[machine];
    if (process == NULL || pbti_process_life(process)->state != PBTI_LIFE_ALIVE) { return false; }
    process->inside = true;
    pbt_status const status = pbti_agent_stop(process->agent, PBTI_STOP_USER, NULL);
    (void)after_call(process, status);
    return true;
}

/* -------- beginning -------- */

/* Delete what lies about from earlier lives: what the state does not name, and no claim in force is
 * about to name. */
static void sweep(struct pbti_process *process)
{
    const struct pbti_state *const state = pbti_follower_state(process->follower);
    struct pbti_fake_store *const store = &process->sim->store;
    for (uint32_t i = 0; i < store->count;) {
        struct pbti_checkpoint const id = store->items[i].id;
        const struct pbti_member *const m = pbti_state_member(state, id.member);
        bool const awaited =
            m->phase == PBTI_RUNNING && m->segment == id.segment && m->attempt == id.attempt;
        if (awaited || pbti_state_reachable(state, id)) {
            i++;
        } else {
            pbti_sim_state_delete(process->sim, process->machine, id); /* another takes its place */
        }
    }
}

static pbt_status open_process(struct pbti_process *process)
{
    struct pbti_sim_state *const sim = process->sim;
    pbt_status status = pbti_door_open(&process->door, &process->journal, NULL);
    if (status == PBT_OK) {
        status = pbti_follower_open(process->journal, NULL, NULL, &process->follower, NULL);
    }
    if (status != PBT_OK) { return status; }
    if (pbti_sim_random_chance(&sim->machines, faults_of(sim)->bad_place)) {
        process->bad_until_ms =
            sim->now_ms + pbti_sim_random_between(&sim->machines, 1, faults_of(sim)->bad_for);
    }
    struct pbti_agent_opts opts = pbti_agent_opts_default();
    opts.slots = process->slots;
    opts.worker = pbti_process_life(process)->worker;
    opts.process = process->life;
    opts.host = "simulated";
    struct pbti_world const world = pbti_world_of(process);
    status = pbti_agent_create(process->follower, &world, &opts, &process->agent, NULL);
    if (status == PBT_OK && pbti_sim_random_chance(&sim->machines, 0.5)) { sweep(process); }
    return status;
}

static uint32_t add_life(struct pbti_sim_state *sim)
{
    if (sim->lives_count == sim->lives_capacity) {
        uint32_t const capacity = sim->lives_capacity == 0 ? 16 : 2 * sim->lives_capacity;
        struct pbti_life *const lives = realloc(sim->lives, capacity * sizeof *lives);
        if (lives == NULL) { abort(); } /* a simulator without memory has nothing to say */
        sim->lives = lives;
        sim->lives_capacity = capacity;
    }
    uint64_t const worker = pbti_sim_random_bits(&sim->ids) | 1;
    sim->lives[sim->lives_count++] = (struct pbti_life){worker, PBTI_LIFE_ALIVE, sim->now_ms};
    return sim->lives_count;
}

/* Something that happens once in `every` ms, to this process. */
static void plan_fault(struct pbti_process *process, uint32_t every, enum pbti_happening what)
{
    struct pbti_sim_state *const sim = process->sim;
    if (every == 0 || sim->calm) { return; }
    double const after = -log(1.0 - pbti_sim_random_unit(&sim->machines)) * every;
    pbti_process_plan(process, (uint64_t)after, what, 0);
}

void pbti_process_begin(struct pbti_sim_state *sim, uint32_t machine)
{
    if (sim->process[machine] != NULL) { return; }
    struct pbti_process *const process = calloc(1, sizeof *process);
    if (process == NULL) { abort(); }
    process->sim = sim;
    process->machine = machine;
    process->slots = sim->swarm->slots[machine];
    process->life = add_life(sim);
    process->door =
        (struct pbti_door){.storage = &sim->storage, .overtake = overtake, .context = process};
    sim->process[machine] = process;
    sim->counts.processes++;
    if (open_process(process) != PBT_OK) {
        end(process, true);
        return;
    }
    const struct pbti_faults *const faults = faults_of(sim);
    plan_fault(process, faults->crash_every, PBTI_HAPPEN_CRASH);
    plan_fault(process, faults->hang_every, PBTI_HAPPEN_HANG);
    plan_fault(process, faults->leave_every, PBTI_HAPPEN_LEAVE);
    plan_poll(process, 0);
}
