/* SPDX-License-Identifier: Apache-2.0 */
/* sim/process.c - the life of simulated worker processes; see process.h. */
#include "sim/process.h"

#include <math.h>
#include <stdlib.h>

enum { POLL_MS = 1000, WAKE_MS = 20 };

static const struct pbti_faults *faults_of(const struct pbti_scene *scene)
{
    return &scene->storage.faults;
}

void pbti_process_plan(struct pbti_process *process, uint64_t after, enum pbti_happening what,
                       uint32_t slot)
{
    struct pbti_plan const plan = {.what = what,
                                   .machine = process->machine,
                                   .life = process->life,
                                   .slot = slot,
                                   .run = process->trainer[slot].run};
    pbti_scene_plan(process->scene, after, plan);
}

static void plan_poll(struct pbti_process *process, uint64_t after)
{
    process->poll_at_ms = process->scene->now_ms + after;
    pbti_process_plan(process, after, PBTI_HAPPEN_POLL, 0);
}

void pbti_process_wake(struct pbti_scene *scene, uint32_t machine)
{
    struct pbti_process *const process = scene->process[machine];
    if (process == NULL || process->poll_at_ms <= scene->now_ms + WAKE_MS) { return; }
    plan_poll(process, pbti_dice_between(&scene->machines, 1, WAKE_MS));
}

bool pbti_process_settled(const struct pbti_scene *scene, uint32_t life)
{
    for (uint32_t i = 0; i < scene->swarm->machines; i++) {
        const struct pbti_process *const process = scene->process[i];
        if (process == NULL || process->life != life) { continue; }
        return !process->troubled && pbti_process_life(process)->state == PBTI_LIFE_ALIVE;
    }
    return false;
}

/* -------- end of a process -------- */

/* The process is gone, however that came; another may follow on its machine. */
static void end(struct pbti_process *process, bool follows)
{
    struct pbti_scene *const scene = process->scene;
    uint32_t const machine = process->machine;
    *pbti_process_life(process) =
        (struct pbti_life){pbti_process_life(process)->worker, PBTI_LIFE_OVER, scene->now_ms};
    pbti_agent_destroy(process->agent);
    pbti_replica_close(process->replica);
    pbti_journal_close(process->journal);
    free(process);
    scene->process[machine] = NULL;
    if (!follows) { return; }
    uint32_t const after =
        1 + pbti_dice_below(&scene->machines, scene->swarm->faults.restart_after);
    pbti_scene_plan(scene, after, (struct pbti_plan){.what = PBTI_HAPPEN_JOIN, .machine = machine});
}

void pbti_process_kill(struct pbti_scene *scene, uint32_t machine)
{
    struct pbti_process *const process = scene->process[machine];
    if (process == NULL || process->inside) { return; }
    struct pbti_checkpoint const none = {0, 0, 0};
    pbti_scene_note(scene, "is killed", machine, 0, none);
    scene->counts.crashes++;
    end(process, true);
    pbti_scene_orphan(scene);
}

/* -------- calls into the agent -------- */

/* Somebody acts between our look at the journal and our append: another process, or a person who
 * leaves a note. */
static void overtake(void *context)
{
    struct pbti_process *const process = context;
    struct pbti_scene *const scene = process->scene;
    uint32_t const machine = pbti_dice_below(&scene->machines, scene->swarm->machines);
    const struct pbti_process *const other = scene->process[machine];
    scene->counts.overtaken++;
    bool const can =
        other != NULL && !other->inside && pbti_process_life(other)->state == PBTI_LIFE_ALIVE;
    if (!can || pbti_dice_chance(&scene->machines, 0.5)) {
        pbti_scene_remark(scene);
        return;
    }
    struct pbti_plan const plan = {.what = PBTI_HAPPEN_POLL,
                                   .time_ms = other->poll_at_ms,
                                   .machine = machine,
                                   .life = other->life};
    pbti_process_happen(scene, &plan);
}

/* What follows a call, whatever it answered. False when the process did not survive it. */
static bool after_call(struct pbti_process *process, pbt_status status)
{
    struct pbti_scene *const scene = process->scene;
    process->inside = false;
    process->troubled = status != PBT_OK;
    bool const dies = process->door.dead || process->door.burning;
    if (status != PBT_OK) { scene->counts.errors++; }
    if (status != PBT_OK && status != PBT_EIO && status != PBT_EUNKNOWN) {
        PBTI_BLAME(scene, "12: a call of an agent fails with %s", pbt_status_name(status));
    }
    pbti_scene_look(scene);
    if (dies) { pbti_process_kill(scene, process->machine); }
    return !dies;
}

/* Say goodbye. When that fails the claims stay until others find the process dead. */
static void leave(struct pbti_process *process, bool follows)
{
    struct pbti_scene *const scene = process->scene;
    process->inside = true;
    pbt_status const status = pbti_agent_leave(process->agent, NULL);
    if (!after_call(process, status)) { return; }
    struct pbti_checkpoint const none = {0, 0, 0};
    pbti_scene_note(scene, "leaves", process->machine, 0, none);
    end(process, follows);
    if (status != PBT_OK) { pbti_scene_orphan(scene); }
}

static void leave_when_done(struct pbti_process *process)
{
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
    struct pbti_scene *const scene = process->scene;
    struct pbti_trainer *const trainer = &process->trainer[slot];
    uint32_t const member = trainer->task.member;
    uint64_t const claim = trainer->task.claim;
    trainer->running = false;
    pbti_world_train(process, trainer);
    trainer->previous = trainer->answer;
    if (trainer->answer.outcome != PBTI_OUTCOME_DONE) { scene->counts.failures++; }
    const struct pbti_witness *const witness = scene->judge.witness;
    bool const late = !pbti_witness_claimed(witness, member, claim);
    uint64_t const noted = witness->late;
    scene->counts.zombies += late;
    pbti_scene_note(scene, "ends", process->machine, slot, trainer->task.save);
    pbt_status const status = hand_over(process, slot, &trainer->previous);
    if (!after_call(process, status)) { return; }
    if (status == PBT_OK && pbti_witness_claimed(witness, member, claim)) {
        PBTI_BLAME(scene, "12: the result of member %u was taken, and is not in the journal",
                   member);
    }
    if (status == PBT_OK && late && witness->late == noted) {
        PBTI_BLAME(scene, "12: the result of member %u came too late, and nothing says so", member);
    }
    if (pbti_dice_chance(&scene->machines, faults_of(scene)->late_twice)) {
        uint32_t const after = 1 + pbti_dice_below(&scene->machines, 5000);
        pbti_process_plan(process, after, PBTI_HAPPEN_AGAIN, slot);
    }
    leave_when_done(process);
}

static void happen_freed(struct pbti_process *process, uint32_t slot)
{
    struct pbti_scene *const scene = process->scene;
    struct pbti_trainer *const trainer = &process->trainer[slot];
    trainer->cancelling = false;
    trainer->broken = pbti_dice_chance(&scene->machines, faults_of(scene)->slot_breaks);
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
    process->scene->counts.repeats++;
    struct pbti_answer const previous = process->trainer[slot].previous;
    pbt_status const status = hand_over(process, slot, &previous);
    if (after_call(process, status)) { leave_when_done(process); }
}

static void happen_hang(struct pbti_process *process)
{
    struct pbti_scene *const scene = process->scene;
    uint32_t const longest = scene->swarm->faults.hang_for;
    struct pbti_life *const life = pbti_process_life(process);
    *life = (struct pbti_life){life->worker, PBTI_LIFE_HUNG, scene->now_ms};
    uint32_t const after = pbti_dice_between(&scene->machines, 1, longest);
    process->wake_at_ms = scene->now_ms + after;
    scene->counts.hangs++;
    pbti_process_plan(process, after, PBTI_HAPPEN_WAKE, 0);
}

static void happen_wake(struct pbti_process *process)
{
    struct pbti_life *const life = pbti_process_life(process);
    *life = (struct pbti_life){life->worker, PBTI_LIFE_ALIVE, process->scene->now_ms};
}

/* While it hangs nothing reaches it; later everything does, in the old order. */
static bool put_off(struct pbti_process *process, const struct pbti_plan *plan)
{
    struct pbti_scene *const scene = process->scene;
    bool const hung = pbti_process_life(process)->state == PBTI_LIFE_HUNG;
    if (!hung || plan->what == PBTI_HAPPEN_WAKE || plan->what == PBTI_HAPPEN_CRASH) {
        return false;
    }
    uint64_t const after = process->wake_at_ms - scene->now_ms + 1;
    if (plan->what == PBTI_HAPPEN_POLL) {
        plan_poll(process, after + pbti_dice_below(&scene->machines, POLL_MS));
    } else {
        pbti_scene_plan(scene, after, *plan);
    }
    return true;
}

void pbti_process_happen(struct pbti_scene *scene, const struct pbti_plan *plan)
{
    struct pbti_process *const process = scene->process[plan->machine];
    if (process == NULL || process->life != plan->life || process->inside) { return; }
    bool const of_slot = plan->what == PBTI_HAPPEN_LOADED || plan->what == PBTI_HAPPEN_ENDED ||
                         plan->what == PBTI_HAPPEN_FREED;
    if (of_slot && process->trainer[plan->slot].run != plan->run) { return; }
    bool const is_old_poll = plan->what == PBTI_HAPPEN_POLL && plan->time_ms != process->poll_at_ms;
    if (is_old_poll || put_off(process, plan)) { return; }
    switch (plan->what) {
    case PBTI_HAPPEN_POLL:
        plan_poll(process, POLL_MS / 2 + pbti_dice_below(&scene->machines, POLL_MS));
        poll(process);
        break;
    case PBTI_HAPPEN_LOADED: pbti_world_load(process, &process->trainer[plan->slot]); break;
    case PBTI_HAPPEN_ENDED: happen_ended(process, plan->slot); break;
    case PBTI_HAPPEN_FREED: happen_freed(process, plan->slot); break;
    case PBTI_HAPPEN_PROPOSED: happen_proposed(process); break;
    case PBTI_HAPPEN_AGAIN: happen_again(process, plan->slot); break;
    case PBTI_HAPPEN_HANG:
        if (!scene->calm) { happen_hang(process); }
        break;
    case PBTI_HAPPEN_WAKE: happen_wake(process); break;
    case PBTI_HAPPEN_CRASH:
        if (!scene->calm) { pbti_process_kill(scene, plan->machine); }
        break;
    case PBTI_HAPPEN_LEAVE:
        if (scene->calm) { break; }
        if (pbti_dice_chance(&scene->machines, 0.5)) {
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

bool pbti_process_stop_study(struct pbti_scene *scene, uint32_t machine)
{
    struct pbti_process *const process = scene->process[machine];
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
    const struct pbti_state *const state = pbti_replica_state(process->replica);
    struct pbti_shelf *const shelf = &process->scene->shelf;
    for (uint32_t i = 0; i < shelf->count;) {
        struct pbti_checkpoint const id = shelf->items[i].id;
        const struct pbti_member *const m = pbti_state_member(state, id.member);
        bool const awaited =
            m->phase == PBTI_RUNNING && m->segment == id.segment && m->attempt == id.attempt;
        if (awaited || pbti_state_reachable(state, id)) {
            i++;
        } else {
            pbti_scene_delete(process->scene, process->machine, id); /* another takes its place */
        }
    }
}

static pbt_status open_process(struct pbti_process *process)
{
    struct pbti_scene *const scene = process->scene;
    pbt_status status = pbti_door_open(&process->door, &process->journal, NULL);
    if (status == PBT_OK) {
        status = pbti_replica_open(process->journal, NULL, NULL, &process->replica, NULL);
    }
    if (status != PBT_OK) { return status; }
    struct pbti_agent_opts opts = pbti_agent_opts_default();
    opts.slots = process->slots;
    opts.worker = pbti_process_life(process)->worker;
    opts.process = process->life;
    opts.host = "simulated";
    struct pbti_world const world = pbti_world_of(process);
    status = pbti_agent_create(process->replica, &world, &opts, &process->agent, NULL);
    if (status == PBT_OK && pbti_dice_chance(&scene->machines, 0.5)) { sweep(process); }
    return status;
}

static uint32_t add_life(struct pbti_scene *scene)
{
    if (scene->lives_count == scene->lives_capacity) {
        uint32_t const capacity = scene->lives_capacity == 0 ? 16 : 2 * scene->lives_capacity;
        struct pbti_life *const lives = realloc(scene->lives, capacity * sizeof *lives);
        if (lives == NULL) { abort(); } /* a simulator without memory has nothing to say */
        scene->lives = lives;
        scene->lives_capacity = capacity;
    }
    uint64_t const worker = pbti_dice_bits(&scene->ids) | 1;
    scene->lives[scene->lives_count++] = (struct pbti_life){worker, PBTI_LIFE_ALIVE, scene->now_ms};
    return scene->lives_count;
}

/* Something that happens once in `every` ms, to this process. */
static void plan_fault(struct pbti_process *process, uint32_t every, enum pbti_happening what)
{
    struct pbti_scene *const scene = process->scene;
    if (every == 0 || scene->calm) { return; }
    double const after = -log(1.0 - pbti_dice_unit(&scene->machines)) * every;
    pbti_process_plan(process, (uint64_t)after, what, 0);
}

void pbti_process_begin(struct pbti_scene *scene, uint32_t machine)
{
    if (scene->process[machine] != NULL) { return; }
    struct pbti_process *const process = calloc(1, sizeof *process);
    if (process == NULL) { abort(); }
    process->scene = scene;
    process->machine = machine;
    process->slots = scene->swarm->slots[machine];
    process->life = add_life(scene);
    process->door =
        (struct pbti_door){.storage = &scene->storage, .overtake = overtake, .context = process};
    scene->process[machine] = process;
    scene->counts.processes++;
    if (open_process(process) != PBT_OK) {
        end(process, true);
        return;
    }
    const struct pbti_faults *const faults = faults_of(scene);
    plan_fault(process, faults->crash_every, PBTI_HAPPEN_CRASH);
    plan_fault(process, faults->hang_every, PBTI_HAPPEN_HANG);
    plan_fault(process, faults->leave_every, PBTI_HAPPEN_LEAVE);
    plan_poll(process, 0);
}
