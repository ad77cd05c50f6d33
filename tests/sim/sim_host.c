/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/sim_host.c - the outside of a simulated agent: trainers that train numbers, clock, deletion,
 * death.
 *
 * How a segment ends is a function of the study, the member, the segment and how often it has
 * failed before, so that it is the same whatever the faults are; when it ends is up to the dice.
 */
#include "sim/sim_process.h"

#include <math.h>
#include <string.h>

enum {
    LIMIT_START_MS = 20000,
    LIMIT_SILENCE_MS = 40000,
    LIMIT_SEGMENT_MS = 80000,
    PROPOSAL_MS = 10000,
    DRAWS_PER_ATTEMPT = 64
};

static const struct pbti_faults *faults_of(const struct pbti_sim_state *sim)
{
    return &sim->storage.faults;
}

/* -------- trainers -------- */

/* Draws for an attempt: by what it is, not by when or where it runs. */
static struct pbti_sim_random outcome_dice(const struct pbti_sim_state *sim,
                                           const struct pbti_task *task)
{
    struct pbti_sim_random random =
        pbti_sim_random_of(sim->swarm->config.seed, PBTI_SIM_RANDOM_OUTCOME);
    random.stream.segment = (uint64_t)task->member << 32 | task->segment;
    const struct pbti_seen *const seen = &sim->checker.oracle->member[task->member];
    random.next = (uint64_t)(seen->failures + seen->withdrawals) * DRAWS_PER_ATTEMPT;
    return random;
}

/* The t-test's agents refuse segments with fewer scores than it wants. */
static void draw_scores(const struct pbti_sim_state *sim, struct pbti_sim_random *random,
                        uint64_t weights, struct pbti_answer *answer)
{
    const struct pbti_faults *const faults = &sim->swarm->faults;
    const struct pbti_config *const config = sim->checker.oracle->config;
    double const unit = (double)(weights >> 11) * 0x1p-53;
    double const level = floor(unit * faults->score_levels) / faults->score_levels;
    answer->scores_count = pbti_sim_random_between(random, faults->scores_min, faults->scores_max);
    if (config->exploit == PBTI_EXPLOIT_TTEST && answer->scores_count < config->scores_min) {
        answer->scores_count = config->scores_min;
    }
    for (uint32_t i = 0; i < answer->scores_count; i++) {
        bool const ties = faults->score_levels < 1000;
        answer->scores[i] = level + (ties ? 0.0 : 0.2 * (pbti_sim_random_unit(random) - 0.5));
    }
    if (pbti_sim_random_chance(random, faults->not_a_number)) {
        answer->scores[pbti_sim_random_below(random, answer->scores_count)] = NAN;
    }
    if (pbti_sim_random_chance(random, faults->infinite)) {
        answer->scores[answer->scores_count - 1] =
            pbti_sim_random_chance(random, 0.5) ? INFINITY : -INFINITY;
    }
    if (pbti_sim_random_chance(random, faults->missing)) { answer->scores_count = 0; }
}

/* How the attempt will end. Its weights are known when it ends. */
static uint8_t draw_outcome(const struct pbti_sim_state *sim, const struct pbti_task *task)
{
    struct pbti_sim_random random = outcome_dice(sim, task);
    if (!pbti_sim_random_chance(&random, sim->swarm->faults.fails)) { return PBTI_OUTCOME_DONE; }
    return (uint8_t)pbti_sim_random_between(&random, PBTI_OUTCOME_CRASH, PBTI_OUTCOME_CHECKPOINT);
}

/* When it will end: the part that a study must not depend on. */
static uint64_t draw_duration(struct pbti_sim_state *sim, uint8_t outcome)
{
    struct pbti_sim_random *const random = &sim->machines;
    if (outcome == PBTI_OUTCOME_START) { return LIMIT_START_MS; }
    if (outcome == PBTI_OUTCOME_SILENCE) { return LIMIT_SILENCE_MS; }
    if (outcome == PBTI_OUTCOME_SEGMENT) { return LIMIT_SEGMENT_MS; }
    uint64_t const usual = pbti_sim_random_between(random, 500, 5000);
    bool const straggles = pbti_sim_random_chance(random, faults_of(sim)->straggles);
    return straggles ? usual + pbti_sim_random_below(random, LIMIT_SEGMENT_MS / 2) : usual;
}

/* The trainer restores `from`: rules 1 and 13. */
void pbti_world_load(struct pbti_process *process, struct pbti_trainer *trainer)
{
    struct pbti_sim_state *const sim = process->sim;
    const struct pbti_task *const task = &trainer->task;
    const struct pbti_fake_store_item *const item = pbti_fake_store_find(&sim->store, task->from);
    bool const valid = pbti_oracle_claimed(sim->checker.oracle, task->member, task->claim);
    if (item == NULL) {
        if (valid) {
            PBTI_BLAME(sim, "13: member %u is to load m%u.s%u.a%u, which is not there",
                       task->member, task->from.member, task->from.segment, task->from.attempt);
        }
        trainer->answer.outcome = PBTI_OUTCOME_CHECKPOINT;
        return;
    }
    trainer->start_weights = item->weights;
    if (valid && item->weights != sim->checker.oracle->member[task->member].weights) {
        PBTI_BLAME(sim, "1: the checkpoint that member %u loads has changed", task->member);
    }
}

/* Train, save, publish. */
void pbti_world_train(struct pbti_process *process, struct pbti_trainer *trainer)
{
    struct pbti_sim_state *const sim = process->sim;
    const struct pbti_task *const task = &trainer->task;
    struct pbti_answer *const answer = &trainer->answer;
    trainer->memory.segment = 0;
    if (answer->outcome != PBTI_OUTCOME_DONE) { return; }
    uint64_t const weights =
        pbti_weights(trainer->start_weights, task->seed, task->age, task->steps, trainer->values,
                     sim->swarm->config.space.count);
    struct pbti_sim_random random = outcome_dice(sim, task);
    random.next += DRAWS_PER_ATTEMPT / 4;
    draw_scores(sim, &random, weights, answer);
    answer->hash = weights;
    struct pbti_checkpoint save = task->checkpoint;
    if (sim->storage.plant == PBTI_PLANT_OVERWRITE) {
        save.attempt = 1;
        pbti_fake_store_drop(&sim->store, save);
    }
    if (!pbti_fake_store_publish(&sim->store, save, weights, process->life)) {
        PBTI_BLAME(sim, "1: m%u.s%u.a%u is published twice", save.member, save.segment,
                   save.attempt);
    }
    sim->touched = true;
    if (pbti_sim_random_chance(&sim->machines, faults_of(sim)->cold)) { return; }
    trainer->memory = task->checkpoint;
    trainer->memory_weights = weights;
}

/* -------- the world of an agent -------- */

static int64_t world_now(void *context)
{
    const struct pbti_process *const process = context;
    return (int64_t)process->sim->now_ms;
}

static void world_random(void *context, void *bytes, size_t size)
{
    struct pbti_process *const process = context;
    unsigned char *const out = bytes;
    for (size_t i = 0; i < size; i++) {
        out[i] = (unsigned char)pbti_sim_random_bits(&process->sim->ids);
    }
}

/* What is started must be in the journal, whole and for this slot (rules 9, 12, 13). */
static void check_task(struct pbti_process *process, uint32_t slot, const struct pbti_task *task)
{
    struct pbti_sim_state *const sim = process->sim;
    struct pbti_oracle *const oracle = sim->checker.oracle;
    pbti_sim_state_look(sim);
    if (!pbti_oracle_claimed(oracle, task->member, task->claim)) {
        PBTI_BLAME(sim, "12: member %u is started under a claim that is not in the journal",
                   task->member);
        return;
    }
    struct pbti_seen *const seen = &oracle->member[task->member];
    if (seen->worker != pbti_process_life(process)->worker || seen->slot != slot) {
        PBTI_BLAME(sim, "12: member %u is started on another slot than claimed", task->member);
    }
    bool const same = task->segment == seen->segment && task->attempt == seen->attempt &&
                      task->age == seen->age && task->steps == seen->claimed_steps &&
                      pbti_checkpoint_equal(task->from, seen->start);
    if (!same) { PBTI_BLAME(sim, "9: the task of member %u is not what is due", task->member); }
    for (uint32_t i = 0; i < oracle->config->space.count; i++) {
        seen->handed[i] = task->values[i];
        double const left = pbti_oracle_rules_left(oracle->config, seen, i);
        if (!seen->values_known) { seen->values[i] = task->values[i]; } /* at age 0: all of it */
        double const off = fabs(task->values[i] - seen->values[i] * left);
        if (!(off <= (left == 1.0 ? 0.0 : 1e-12 * fabs(seen->values[i]))) ||
            !pbti_hp_valid(&oracle->config->space.hp[i], seen->values[i])) {
            PBTI_BLAME(sim, "7: member %u is handed a wrong \"%s\"", task->member,
                       oracle->config->space.hp[i].name);
        }
    }
    seen->values_known = true;
}

/* What it says when it fails: letters, since digits are not told apart; about one in three says
 * what others say. */
static void word_failure(struct pbti_sim_state *sim, struct pbti_trainer *trainer)
{
    char *const text = trainer->answer.message;
    if (trainer->answer.bad_place || pbti_sim_random_chance(&sim->machines, 0.3)) {
        (void)snprintf(text, sizeof trainer->answer.message, "no such module");
        return;
    }
    uint64_t bits = pbti_sim_random_bits(&sim->machines);
    for (size_t i = 0; i < 8; i++, bits >>= 4) {
        text[i] = (char)('a' + (bits & 15));
    }
    text[8] = '\0';
}

static void world_start(void *context, uint32_t slot, const struct pbti_task *task)
{
    struct pbti_process *const process = context;
    struct pbti_sim_state *const sim = process->sim;
    struct pbti_trainer *const trainer = &process->trainer[slot];
    if (!pbti_door_act(&process->door)) { return; }
    pbti_sim_state_note(sim, task->keep ? "goes on with" : "starts", process->machine, slot,
                        task->checkpoint);
    check_task(process, slot, task);
    if (trainer->running || trainer->cancelling || trainer->broken) {
        PBTI_BLAME(sim, "12: a slot is to run two tasks at once");
    }
    if (task->keep && !pbti_checkpoint_equal(trainer->memory, task->from)) {
        PBTI_BLAME(sim, "1: member %u goes on with weights that are not in memory", task->member);
    }
    sim->counts.tasks++;
    sim->counts.hot += task->keep;
    trainer->running = true;
    trainer->run++;
    trainer->task = *task;
    memcpy(trainer->values, task->values, sim->swarm->config.space.count * sizeof *trainer->values);
    trainer->task.values = trainer->values;
    trainer->start_weights = task->keep ? trainer->memory_weights : 0;
    if (sim->storage.plant == PBTI_PLANT_WRONG_WEIGHTS && task->keep) { trainer->start_weights++; }
    bool const bad = sim->now_ms < process->bad_until_ms;
    trainer->answer = (struct pbti_answer){
        .claim = task->claim,
        .outcome = bad ? PBTI_OUTCOME_CRASH : draw_outcome(sim, task),
        .bad_place = bad,
    };
    word_failure(sim, trainer);
    uint64_t const loading = task->keep ? 0 : pbti_sim_random_between(&sim->machines, 1, 500);
    if (task->from.segment > 0 && !task->keep) {
        pbti_process_plan(process, loading, PBTI_HAPPEN_LOADED, slot);
    }
    if (sim->storage.plant == PBTI_PLANT_EARLY_DROP) {
        pbti_fake_store_drop(&sim->store, task->from);
    }
    bool const stuck = sim->storage.plant == PBTI_PLANT_NO_LIMITS &&
                       trainer->answer.outcome == PBTI_OUTCOME_SILENCE;
    uint64_t const training = bad ? 100 : draw_duration(sim, trainer->answer.outcome);
    if (!stuck) { pbti_process_plan(process, loading + training, PBTI_HAPPEN_ENDED, slot); }
}

static void world_cancel(void *context, uint32_t slot)
{
    struct pbti_process *const process = context;
    struct pbti_sim_state *const sim = process->sim;
    struct pbti_trainer *const trainer = &process->trainer[slot];
    if (!pbti_door_act(&process->door)) { return; }
    pbti_sim_state_note(sim, "cancels", process->machine, slot, trainer->task.checkpoint);
    if (!trainer->running) { PBTI_BLAME(sim, "12: a slot that runs nothing is cancelled"); }
    pbti_sim_state_look(sim);
    if (pbti_oracle_claimed(sim->checker.oracle, trainer->task.member, trainer->task.claim)) {
        PBTI_BLAME(sim, "12: member %u is cancelled while its claim is in force",
                   trainer->task.member);
    }
    sim->counts.cancels++;
    trainer->running = false;
    trainer->cancelling = true;
    trainer->run++;
    trainer->memory.segment = 0;
    pbti_process_plan(process, pbti_sim_random_between(&sim->machines, 1, 2000), PBTI_HAPPEN_FREED,
                      slot);
}

static void world_drop(void *context, struct pbti_checkpoint checkpoint)
{
    struct pbti_process *const process = context;
    if (pbti_door_act(&process->door)) {
        pbti_sim_state_delete(process->sim, process->machine, checkpoint);
    }
}

static bool world_dead(void *context, const struct pbti_event_worker *worker)
{
    const struct pbti_process *const process = context;
    const struct pbti_sim_state *const sim = process->sim;
    for (uint32_t i = 0; i < sim->lives_count; i++) {
        const struct pbti_life *const life = &sim->lives[i];
        if (life->worker != worker->worker) { continue; }
        return life->state != PBTI_LIFE_ALIVE &&
               sim->now_ms >= life->since_ms + sim->swarm->faults.detect_after;
    }
    return false;
}

/* A proposer that draws from the prior, each time something else. */
bool pbti_world_propose(struct pbti_process *process, double *values)
{
    struct pbti_sim_state *const sim = process->sim;
    const struct pbti_space *const space = &sim->swarm->config.space;
    for (uint32_t i = 0; i < space->count; i++) {
        values[i] = pbti_hp_sample(&space->hp[i], pbti_sim_random_unit(&sim->machines));
    }
    return pbti_sim_random_chance(&sim->machines, 0.9);
}

/*
 * At once, or after seconds in which everything else goes on. It is told of everybody who has
 * begun, once, and of those who are over in the order in which they ended: their keys are what the
 * witness has of them.
 */
static enum pbti_proposed world_propose(void *context, const struct pbti_observations *trials,
                                        double *values)
{
    struct pbti_process *const process = context;
    struct pbti_sim_state *const sim = process->sim;
    uint32_t const members = sim->checker.oracle->config->members;
    if (process->proposing) { PBTI_BLAME(sim, "11: two proposals are asked for at once"); }
    if (trials->count + trials->pending_count > members) {
        PBTI_BLAME(sim, "11: a proposer is told of %u trials of %u members",
                   trials->count + trials->pending_count, members);
    }
    if (pbti_sim_random_chance(&sim->machines, 0.3)) {
        return pbti_world_propose(process, values) ? PBTI_PROPOSED : PBTI_PROPOSED_NONE;
    }
    process->proposing = true;
    pbti_process_plan(process, pbti_sim_random_between(&sim->machines, 1, PROPOSAL_MS),
                      PBTI_HAPPEN_PROPOSED, 0);
    return PBTI_PROPOSED_LATER;
}

struct pbti_world pbti_world_of(struct pbti_process *process)
{
    return (struct pbti_world){.context = process,
                               .now_ms = world_now,
                               .random = world_random,
                               .start = world_start,
                               .cancel = world_cancel,
                               .drop = world_drop,
                               .dead = world_dead,
                               .propose = world_propose};
}
