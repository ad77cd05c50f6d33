/* SPDX-License-Identifier: Apache-2.0 */
/* sim/sim.c - one seed from its beginning to its end; see sim.h. */
#include "sim/sim.h"

#include "journal/batch.h"
#include "journal/follower.h"
#include "sim/sim_state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    CALM_MS_MIN = 20000,
    CALM_MS_MAX = 90000,
    STEPS_MAX = 400000 /* a study that is not through by then never will be: rule 15 */
};

#define PATIENCE_MS (100ull * 1000 * 1000) /* of virtual time after the faults have stopped */

/* -------- small things -------- */

void pbti_sim_state_plan(struct pbti_sim_state *sim, uint64_t after, struct pbti_plan plan)
{
    plan.time_ms = sim->now_ms + after;
    pbti_event_queue_add(&sim->queue, plan);
}

void pbti_sim_state_look(struct pbti_sim_state *sim)
{
    sim->checker.now_ms = sim->now_ms;
    if (!pbti_checker_look(&sim->checker)) { return; }
    sim->touched = true;
    for (uint32_t i = 0; i < sim->swarm->machines; i++) {
        pbti_process_wake(sim, i);
    }
}

void pbti_sim_state_orphan(struct pbti_sim_state *sim)
{
    for (uint32_t i = 0; i < sim->store.count; i++) {
        struct pbti_fake_store_item *const item = &sim->store.items[i];
        if (!pbti_oracle_needs(sim->checker.oracle, item->id)) { item->orphan = true; }
    }
}

void pbti_sim_state_note(struct pbti_sim_state *sim, const char *what, uint32_t machine,
                         uint32_t slot, struct pbti_checkpoint checkpoint)
{
    pbti_checker_trace(&sim->checker, sim->now_ms);
    pbti_checker_trace(&sim->checker, (uint64_t)what[0] << 32 | machine << 16 | slot);
    pbti_checker_trace(&sim->checker, (uint64_t)checkpoint.member << 40 |
                                          (uint64_t)checkpoint.segment << 20 | checkpoint.attempt);
    if (sim->checker.log == NULL) { return; }
    (void)fprintf(sim->checker.log, "%9.3f       machine %u slot %u: %s m%u.s%u.a%u\n",
                  (double)sim->now_ms / 1000.0, machine, slot, what, checkpoint.member,
                  checkpoint.segment, checkpoint.attempt);
}

void pbti_sim_state_delete(struct pbti_sim_state *sim, uint32_t machine,
                           struct pbti_checkpoint checkpoint)
{
    pbti_sim_state_note(sim, "deletes", machine, 0, checkpoint);
    pbti_sim_state_look(sim);
    if (pbti_oracle_needs(sim->checker.oracle, checkpoint)) {
        PBTI_BLAME(sim, "13: m%u.s%u.a%u is deleted while it is needed", checkpoint.member,
                   checkpoint.segment, checkpoint.attempt);
    }
    sim->counts.drops++;
    sim->touched = true;
    pbti_fake_store_drop(&sim->store, checkpoint);
}

static bool is_broken(const struct pbti_sim_state *sim)
{
    return sim->checker.oracle->broken[0] != '\0';
}

/* Append one event to the true journal, past all faults. */
static void append_truly(struct pbti_sim_state *sim, struct pbti_event *event)
{
    struct pbti_batch batch = {0};
    struct pbti_batch_id id = {{0}};
    uint64_t last = 0;
    struct pbt_error err = {.message = ""};
    event->time_ms = (int64_t)sim->now_ms;
    pbt_status status = pbti_batch_add(&batch, event, &err);
    if (status == PBT_OK) { status = pbti_journal_last(sim->storage.journal, &last, &err); }
    if (status == PBT_OK) {
        status = pbti_journal_append(sim->storage.journal, batch.data, batch.size, batch.count,
                                     last, id, &last, &err);
    }
    if (status != PBT_OK) { PBTI_BLAME(sim, "12: the true journal fails: %s", err.message); }
    pbti_batch_deinit(&batch);
}

void pbti_sim_state_remark(struct pbti_sim_state *sim)
{
    struct pbti_event event = {.type = PBTI_NOTE, .note = {.topic = {"remark", 6}}};
    append_truly(sim, &event);
}

/* -------- what users do -------- */

/* `pbt resume --set ...`, at a quiet terminal: through a follower of its own, past all faults. */
static void amend(struct pbti_sim_state *sim, bool change)
{
    struct pbti_follower *follower = NULL;
    struct pbti_config *const config = malloc(sizeof *config);
    if (config == NULL) { abort(); }
    struct pbt_error err = {.message = ""};
    pbt_status status = pbti_follower_open(sim->storage.journal, NULL, NULL, &follower, &err);
    if (status == PBT_OK) {
        const struct pbti_config *const now = pbti_state_config(pbti_follower_state(follower));
        memcpy(config, now, sizeof *config);
        if (change) { pbti_scenario_amend(now, &sim->machines, config); }
        struct pbti_event const event = {.type = PBTI_AMEND,
                                         .time_ms = (int64_t)sim->now_ms,
                                         .study = {.config = config, .spec = {"amended", 7}}};
        struct pbti_batch_id const id = {{1}};
        status = pbti_follower_stage(follower, &event, &err);
        if (status == PBT_OK) { status = pbti_follower_commit(follower, id, &err); }
    }
    if (status != PBT_OK) { PBTI_BLAME(sim, "12: an amend fails: %s", err.message); }
    size_t count = 0; /* decisions may follow from it */
    const struct pbti_checkpoint *const gone =
        status == PBT_OK ? pbti_follower_unreachable(follower, &count) : NULL;
    for (size_t i = 0; i < count; i++) {
        pbti_sim_state_delete(sim, 0, gone[i]);
    }
    pbti_follower_close(follower);
    free(config);
    sim->counts.amends++;
    pbti_sim_state_look(sim);
    for (uint32_t i = 0; i < sim->swarm->machines; i++) {
        struct pbti_plan const plan = {.what = PBTI_HAPPEN_JOIN, .machine = i};
        pbti_sim_state_plan(sim, 1 + pbti_sim_random_below(&sim->machines, 1000), plan);
    }
}

static void stop(struct pbti_sim_state *sim)
{
    uint32_t const first = pbti_sim_random_below(&sim->machines, sim->swarm->machines);
    for (uint32_t i = 0; i < sim->swarm->machines; i++) {
        if (pbti_process_stop_study(sim, (first + i) % sim->swarm->machines)) { return; }
    }
}

/* -------- a step -------- */

/* From here on nothing fails but what trainers do. */
static void calm_down(struct pbti_sim_state *sim)
{
    sim->calm = true;
    sim->storage.faults = (struct pbti_faults){.restart_after = 1, .detect_after = 1};
    for (uint32_t i = 0; i < sim->swarm->machines; i++) {
        struct pbti_plan const plan = {.what = PBTI_HAPPEN_JOIN, .machine = i};
        pbti_sim_state_plan(sim, 1, plan);
    }
}

static void cut_power(struct pbti_sim_state *sim)
{
    if (sim->calm) { return; }
    for (uint32_t i = 0; i < sim->swarm->machines; i++) {
        pbti_process_kill(sim, i);
    }
    struct pbti_plan const plan = {.what = PBTI_HAPPEN_POWER};
    pbti_sim_state_plan(sim, sim->swarm->faults.power_every, plan);
}

static void happen(struct pbti_sim_state *sim, const struct pbti_plan *plan)
{
    switch (plan->what) {
    case PBTI_HAPPEN_CALM: calm_down(sim); break;
    case PBTI_HAPPEN_POWER: cut_power(sim); break;
    case PBTI_HAPPEN_JOIN: pbti_process_begin(sim, plan->machine); break;
    case PBTI_HAPPEN_AMEND:
    case PBTI_HAPPEN_RESUME:
        sim->user_plans--;
        amend(sim, plan->what == PBTI_HAPPEN_AMEND);
        break;
    case PBTI_HAPPEN_STOP: stop(sim); break;
    case PBTI_HAPPEN_POLL:
    case PBTI_HAPPEN_LOADED:
    case PBTI_HAPPEN_ENDED:
    case PBTI_HAPPEN_FREED:
    case PBTI_HAPPEN_PROPOSED:
    case PBTI_HAPPEN_AGAIN:
    case PBTI_HAPPEN_CRASH:
    case PBTI_HAPPEN_HANG:
    case PBTI_HAPPEN_WAKE:
    case PBTI_HAPPEN_LEAVE: pbti_process_happen(sim, plan); break;
    }
}

/* A claim is in force under which this checkpoint may still be reported. */
static bool is_awaited(const struct pbti_oracle *oracle, struct pbti_checkpoint checkpoint)
{
    const struct pbti_seen *const seen = &oracle->member[checkpoint.member];
    return seen->claim != 0 && seen->segment == checkpoint.segment &&
           seen->attempt == checkpoint.attempt;
}

/* Bounded disk: what nobody needs is deleted at once, by whoever published it or made it
 * unneeded. */
static void check_item(struct pbti_sim_state *sim, const struct pbti_fake_store_item *item)
{
    const struct pbti_oracle *const oracle = sim->checker.oracle;
    bool const needed = pbti_oracle_needs(oracle, item->id);
    if (needed != pbti_state_reachable(sim->checker.state, item->id)) {
        PBTI_BLAME(sim, "13: m%u.s%u.a%u is %sneeded, and the state says otherwise",
                   item->id.member, item->id.segment, item->id.attempt, needed ? "" : "not ");
    }
    bool const excused = item->orphan || !pbti_process_settled(sim, item->life);
    if (!needed && !excused && !is_awaited(oracle, item->id)) {
        PBTI_BLAME(sim, "disk: m%u.s%u.a%u is on the disk, and nobody needs it", item->id.member,
                   item->id.segment, item->id.attempt);
    }
}

/* What is on the shelf: all that is needed (rule 13), and no more. */
static void check_shelf(struct pbti_sim_state *sim)
{
    const struct pbti_oracle *const oracle = sim->checker.oracle;
    for (uint32_t i = 0; i < sim->store.count && !oracle->config->keep_all; i++) {
        check_item(sim, &sim->store.items[i]);
    }
    for (uint32_t i = 0; i < oracle->members; i++) {
        struct pbti_checkpoint const start = oracle->member[i].start;
        if (start.segment > 0 && pbti_fake_store_find(&sim->store, start) == NULL) {
            PBTI_BLAME(sim, "13: what member %u starts from is not there", i);
        }
    }
}

static bool is_over(const struct pbti_sim_state *sim)
{
    bool alone = true;
    for (uint32_t i = 0; i < sim->swarm->machines; i++) {
        alone = alone && sim->process[i] == NULL;
    }
    return alone && sim->user_plans == 0 && sim->checker.oracle->stop != PBTI_STOP_NONE;
}

/* One thing happens; false when the run is over, or a rule is broken. */
static bool step(struct pbti_sim_state *sim)
{
    struct pbti_plan plan;
    if (is_broken(sim) || is_over(sim)) { return false; }
    if (!pbti_event_queue_next(&sim->queue, &plan)) {
        PBTI_BLAME(sim, "15: nothing will happen any more, and the study has not ended");
        return false;
    }
    sim->now_ms = plan.time_ms;
    sim->touched = false;
    uint64_t const unanswered = sim->storage.unanswered;
    happen(sim, &plan);
    pbti_sim_state_look(sim);
    if (sim->storage.unanswered != unanswered) { pbti_sim_state_orphan(sim); }
    if (sim->touched && !is_broken(sim)) { check_shelf(sim); }
    return !is_broken(sim);
}

/* -------- the end -------- */

/* Rule 14: the best networks are there; and a sweep leaves exactly what is needed. */
static void check_kept(struct pbti_sim_state *sim)
{
    const struct pbti_oracle *const oracle = sim->checker.oracle;
    for (uint32_t group = 0; group < PBTI_GROUPS; group++) {
        for (uint32_t i = 0; i < oracle->kept_count[group]; i++) {
            struct pbti_checkpoint const kept = oracle->kept[group][i].checkpoint;
            if (pbti_fake_store_find(&sim->store, kept) == NULL) {
                PBTI_BLAME(sim, "14: m%u.s%u.a%u, among the best, is not there", kept.member,
                           kept.segment, kept.attempt);
            }
        }
        struct pbti_checkpoint const best = oracle->best[group].checkpoint;
        bool const promised = oracle->config->keep_top > 0 && best.segment > 0;
        if (promised && pbti_fake_store_find(&sim->store, best) == NULL) {
            PBTI_BLAME(sim, "14: the best network of a group is not there");
        }
    }
}

/* Claims that outlive the study belong to processes that are gone. */
static void check_claims(struct pbti_sim_state *sim)
{
    const struct pbti_oracle *const oracle = sim->checker.oracle;
    for (uint32_t i = 0; i < oracle->members; i++) {
        const struct pbti_seen *const seen = &oracle->member[i];
        for (uint32_t k = 0; k < sim->lives_count && seen->claim != 0; k++) {
            bool const alive = sim->lives[k].state != PBTI_LIFE_OVER;
            if (sim->lives[k].worker == seen->worker && alive) {
                PBTI_BLAME(sim, "15: member %u is still claimed at the end", i);
            }
        }
    }
}

/* Rule 11: a fresh follower that folds the journal arrives at the same state. */
static void check_replay(struct pbti_sim_state *sim)
{
    struct pbti_follower *follower = NULL;
    struct pbt_error err = {.message = ""};
    if (pbti_journal_check(sim->storage.journal, &err) != PBT_OK ||
        pbti_follower_open(sim->storage.journal, NULL, NULL, &follower, &err) != PBT_OK) {
        PBTI_BLAME(sim, "11: the journal cannot be read again: %s", err.message);
        return;
    }
    if (pbti_state_hash(pbti_follower_state(follower)) != pbti_state_hash(sim->checker.state)) {
        PBTI_BLAME(sim, "11: the journal folded anew gives another state");
    }
    pbti_follower_close(follower);
}

static void check_end(struct pbti_sim_state *sim)
{
    if (is_broken(sim)) { return; }
    check_kept(sim);
    check_claims(sim);
    check_replay(sim);
}

/* -------- one run -------- */

static void begin(struct pbti_sim_state *sim)
{
    struct pbti_scenario *const swarm = sim->swarm;
    struct pbti_event event = {.type = PBTI_STUDY,
                               .study = {.config = &swarm->config, .spec = {"simulated", 9}}};
    append_truly(sim, &event);
    pbti_sim_state_look(sim);
    struct pbti_sim_random *const random = &sim->machines;
    for (uint32_t i = 0; i < swarm->machines; i++) {
        struct pbti_plan const plan = {.what = PBTI_HAPPEN_JOIN, .machine = i};
        pbti_sim_state_plan(sim, i == 0 ? 0 : pbti_sim_random_below(random, 5000), plan);
    }
    struct pbti_plan const calm = {.what = PBTI_HAPPEN_CALM};
    pbti_sim_state_plan(sim, pbti_sim_random_between(random, CALM_MS_MIN, CALM_MS_MAX), calm);
    if (swarm->faults.power_every > 0) {
        struct pbti_plan const power = {.what = PBTI_HAPPEN_POWER};
        pbti_sim_state_plan(sim, swarm->faults.power_every, power);
    }
    for (uint32_t i = 0; i < swarm->amends; i++) {
        struct pbti_plan const plan = {.what = PBTI_HAPPEN_AMEND};
        pbti_sim_state_plan(sim, swarm->amend_at[i], plan);
        sim->user_plans++;
    }
    if (swarm->stop_at > 0) {
        struct pbti_plan const halt = {.what = PBTI_HAPPEN_STOP};
        struct pbti_plan const resume = {.what = PBTI_HAPPEN_RESUME};
        pbti_sim_state_plan(sim, swarm->stop_at, halt);
        pbti_sim_state_plan(sim, swarm->stop_at + pbti_sim_random_between(random, 1, 20000),
                            resume);
        sim->user_plans++;
    }
}

static void run(struct pbti_sim_state *sim, struct pbti_sim_result *result)
{
    begin(sim);
    uint64_t steps = 0;
    uint64_t const limit = CALM_MS_MAX + PATIENCE_MS;
    while (step(sim)) {
        steps++;
        if (steps > STEPS_MAX || sim->now_ms > limit) {
            PBTI_BLAME(sim, "15: the study does not finish although nothing fails any more");
        }
    }
    check_end(sim);
    result->steps += steps;
    result->events += sim->checker.seq;
    result->virtual_ms += sim->now_ms;
    pbti_checker_trace(&sim->checker, sim->now_ms);
    result->trace ^= sim->checker.trace;
    sim->counts.exploits =
        sim->checker.state == NULL ? 0 : pbti_state_counts(sim->checker.state).exploits;
}

static void open_scene(struct pbti_sim_state *sim, struct pbti_scenario *swarm,
                       enum pbti_plant plant, FILE *log)
{
    *sim = (struct pbti_sim_state){.swarm = swarm};
    sim->machines = pbti_sim_random_of(swarm->seed, PBTI_SIM_RANDOM_MACHINES);
    sim->ids = pbti_sim_random_of(swarm->seed, PBTI_SIM_RANDOM_IDS);
    if (pbti_storage_open(&sim->storage, swarm, plant, NULL) != PBT_OK) { abort(); }
    pbti_checker_init(&sim->checker, sim->storage.journal, log);
}

static void close_scene(struct pbti_sim_state *sim)
{
    for (uint32_t i = 0; i < sim->swarm->machines; i++) {
        pbti_process_kill(sim, i);
    }
    pbti_checker_deinit(&sim->checker);
    pbti_event_queue_deinit(&sim->queue);
    pbti_fake_store_deinit(&sim->store);
    pbti_storage_close(&sim->storage);
    free(sim->lives);
}

/* -------- another order of arrival -------- */

static const struct pbti_verdict *find_verdict(const struct pbti_checker *checker, uint32_t member,
                                               uint32_t segment)
{
    for (uint32_t i = 0; i < checker->verdicts_count; i++) {
        const struct pbti_verdict *const verdict = &checker->verdicts[i];
        if (verdict->member == member && verdict->segment == segment) { return verdict; }
    }
    return NULL;
}

static bool is_through(uint8_t stop_reason)
{
    return stop_reason == PBTI_STOP_BUDGET || stop_reason == PBTI_STOP_FAILED;
}

/* Rule 11: what was decided in both is the same; and it is all the same when both went to the
 * end. */
static void compare(struct pbti_sim_state *sim, const struct pbti_sim_state *other)
{
    const struct pbti_checker *const checker = &sim->checker;
    for (uint32_t i = 0; i < checker->verdicts_count; i++) {
        const struct pbti_verdict *const verdict = &checker->verdicts[i];
        const struct pbti_verdict *const twin =
            find_verdict(&other->checker, verdict->member, verdict->segment);
        if (twin != NULL && twin->hash != verdict->hash) {
            PBTI_BLAME(sim, "11: in another order of arrival the decision on m%u.s%u differs",
                       verdict->member, verdict->segment);
        }
    }
    bool const both = is_through(checker->oracle->stop) && is_through(other->checker.oracle->stop);
    if (both && checker->verdicts_count != other->checker.verdicts_count) {
        PBTI_BLAME(sim, "11: in another order of arrival there are %u decisions instead of %u",
                   other->checker.verdicts_count, checker->verdicts_count);
    }
}

static void run_in_order(struct pbti_sim_state *sim, struct pbti_sim_result *result)
{
    struct pbti_scenario *const still = malloc(sizeof *still);
    if (still == NULL) { abort(); }
    struct pbti_sim_state other;
    memcpy(still, sim->swarm, sizeof *still);
    pbti_scenario_still(still);
    open_scene(&other, still, PBTI_PLANT_NONE, sim->checker.log);
    run(&other, result);
    if (is_broken(&other)) {
        PBTI_BLAME(sim, "%s (one machine, one slot, no faults)", other.checker.oracle->broken);
    }
    /* what a withdrawn attempt is followed by depends on when it was: only others are compared */
    bool const alike = sim->checker.oracle->withdrawn + other.checker.oracle->withdrawn == 0;
    if (alike) { compare(sim, &other); }
    sim->counts.compared += alike;
    close_scene(&other);
    free(still);
}

void pbti_sim_run(const struct pbti_sim_opts *opts, struct pbti_sim_result *result)
{
    *result = (struct pbti_sim_result){.ok = false};
    struct pbti_scenario *const swarm = malloc(sizeof *swarm);
    if (swarm == NULL) { abort(); }
    pbti_scenario_draw(swarm, opts->seed);
    struct pbti_sim_state sim;
    open_scene(&sim, swarm, opts->plant, opts->log);
    run(&sim, result);
    bool const any_order = swarm->config.mode == PBTI_GENERATIONAL && swarm->amends == 0 &&
                           !swarm->config.proposals && /* made from what is known by then */

                           swarm->stop_at == 0 && opts->plant == PBTI_PLANT_NONE;
    if (any_order && !is_broken(&sim)) { run_in_order(&sim, result); }
    result->ok = !is_broken(&sim);
    result->counts = sim.counts;
    result->coverage = sim.checker.coverage;
    memcpy(result->broken, sim.checker.oracle->broken, sizeof sim.checker.oracle->broken);
    close_scene(&sim);
    free(swarm);
}
