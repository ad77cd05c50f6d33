/* SPDX-License-Identifier: Apache-2.0 */
/* sim/sim.c - one seed from its beginning to its end; see sim.h. */
#include "sim/sim.h"

#include "journal/batch.h"
#include "journal/replica.h"
#include "sim/scene.h"

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

void pbti_scene_plan(struct pbti_scene *scene, uint64_t after, struct pbti_plan plan)
{
    plan.time_ms = scene->now_ms + after;
    pbti_timeline_add(&scene->timeline, plan);
}

void pbti_scene_look(struct pbti_scene *scene)
{
    scene->judge.now_ms = scene->now_ms;
    if (!pbti_judge_look(&scene->judge)) { return; }
    scene->touched = true;
    for (uint32_t i = 0; i < scene->swarm->machines; i++) {
        pbti_process_wake(scene, i);
    }
}

void pbti_scene_orphan(struct pbti_scene *scene)
{
    for (uint32_t i = 0; i < scene->shelf.count; i++) {
        struct pbti_shelf_item *const item = &scene->shelf.items[i];
        if (!pbti_witness_needs(scene->judge.witness, item->id)) { item->orphan = true; }
    }
}

void pbti_scene_note(struct pbti_scene *scene, const char *what, uint32_t machine, uint32_t slot,
                     struct pbti_checkpoint checkpoint)
{
    pbti_judge_trace(&scene->judge, scene->now_ms);
    pbti_judge_trace(&scene->judge, (uint64_t)what[0] << 32 | machine << 16 | slot);
    pbti_judge_trace(&scene->judge, (uint64_t)checkpoint.member << 40 |
                                        (uint64_t)checkpoint.segment << 20 | checkpoint.attempt);
    if (scene->judge.log == NULL) { return; }
    (void)fprintf(scene->judge.log, "%9.3f       machine %u slot %u: %s m%u.s%u.a%u\n",
                  (double)scene->now_ms / 1000.0, machine, slot, what, checkpoint.member,
                  checkpoint.segment, checkpoint.attempt);
}

void pbti_scene_delete(struct pbti_scene *scene, uint32_t machine,
                       struct pbti_checkpoint checkpoint)
{
    pbti_scene_note(scene, "deletes", machine, 0, checkpoint);
    pbti_scene_look(scene);
    if (pbti_witness_needs(scene->judge.witness, checkpoint)) {
        PBTI_BLAME(scene, "13: m%u.s%u.a%u is deleted while it is needed", checkpoint.member,
                   checkpoint.segment, checkpoint.attempt);
    }
    scene->counts.drops++;
    scene->touched = true;
    pbti_shelf_drop(&scene->shelf, checkpoint);
}

static bool is_broken(const struct pbti_scene *scene)
{
    return scene->judge.witness->broken[0] != '\0';
}

/* Append one event to the true journal, past all faults. */
static void append_truly(struct pbti_scene *scene, struct pbti_event *event)
{
    struct pbti_batch batch = {0};
    struct pbti_batch_id id = {{0}};
    uint64_t last = 0;
    struct pbt_error err = {.message = ""};
    event->time_ms = (int64_t)scene->now_ms;
    pbt_status status = pbti_batch_add(&batch, event, &err);
    if (status == PBT_OK) { status = pbti_journal_last(scene->storage.journal, &last, &err); }
    if (status == PBT_OK) {
        status = pbti_journal_append(scene->storage.journal, batch.data, batch.size, batch.count,
                                     last, id, &last, &err);
    }
    if (status != PBT_OK) { PBTI_BLAME(scene, "12: the true journal fails: %s", err.message); }
    pbti_batch_deinit(&batch);
}

void pbti_scene_remark(struct pbti_scene *scene)
{
    struct pbti_event event = {.type = PBTI_NOTE, .note = {.topic = {"remark", 6}}};
    append_truly(scene, &event);
}

/* -------- what users do -------- */

/* `pbt resume --set ...`, at a quiet terminal: through a replica of its own, past all faults. */
static void amend(struct pbti_scene *scene, bool change)
{
    struct pbti_replica *replica = NULL;
    struct pbti_config *const config = malloc(sizeof *config);
    if (config == NULL) { abort(); }
    struct pbt_error err = {.message = ""};
    pbt_status status = pbti_replica_open(scene->storage.journal, NULL, NULL, &replica, &err);
    if (status == PBT_OK) {
        const struct pbti_config *const now = pbti_state_config(pbti_replica_state(replica));
        memcpy(config, now, sizeof *config);
        if (change) { pbti_swarm_amend(now, &scene->machines, config); }
        struct pbti_event const event = {.type = PBTI_AMEND,
                                         .time_ms = (int64_t)scene->now_ms,
                                         .study = {.config = config, .spec = {"amended", 7}}};
        struct pbti_batch_id const id = {{1}};
        status = pbti_replica_stage(replica, &event, &err);
        if (status == PBT_OK) { status = pbti_replica_commit(replica, id, &err); }
    }
    if (status != PBT_OK) { PBTI_BLAME(scene, "12: an amend fails: %s", err.message); }
    size_t count = 0; /* decisions may follow from it */
    const struct pbti_checkpoint *const gone =
        status == PBT_OK ? pbti_replica_unreachable(replica, &count) : NULL;
    for (size_t i = 0; i < count; i++) {
        pbti_scene_delete(scene, 0, gone[i]);
    }
    pbti_replica_close(replica);
    free(config);
    scene->counts.amends++;
    pbti_scene_look(scene);
    for (uint32_t i = 0; i < scene->swarm->machines; i++) {
        struct pbti_plan const plan = {.what = PBTI_HAPPEN_JOIN, .machine = i};
        pbti_scene_plan(scene, 1 + pbti_dice_below(&scene->machines, 1000), plan);
    }
}

static void stop(struct pbti_scene *scene)
{
    uint32_t const first = pbti_dice_below(&scene->machines, scene->swarm->machines);
    for (uint32_t i = 0; i < scene->swarm->machines; i++) {
        if (pbti_process_stop_study(scene, (first + i) % scene->swarm->machines)) { return; }
    }
}

/* -------- a step -------- */

/* From here on nothing fails but what trainers do. */
static void calm_down(struct pbti_scene *scene)
{
    scene->calm = true;
    scene->storage.faults = (struct pbti_faults){.restart_after = 1, .detect_after = 1};
    for (uint32_t i = 0; i < scene->swarm->machines; i++) {
        struct pbti_plan const plan = {.what = PBTI_HAPPEN_JOIN, .machine = i};
        pbti_scene_plan(scene, 1, plan);
    }
}

static void cut_power(struct pbti_scene *scene)
{
    if (scene->calm) { return; }
    for (uint32_t i = 0; i < scene->swarm->machines; i++) {
        pbti_process_kill(scene, i);
    }
    struct pbti_plan const plan = {.what = PBTI_HAPPEN_POWER};
    pbti_scene_plan(scene, scene->swarm->faults.power_every, plan);
}

static void happen(struct pbti_scene *scene, const struct pbti_plan *plan)
{
    switch (plan->what) {
    case PBTI_HAPPEN_CALM: calm_down(scene); break;
    case PBTI_HAPPEN_POWER: cut_power(scene); break;
    case PBTI_HAPPEN_JOIN: pbti_process_begin(scene, plan->machine); break;
    case PBTI_HAPPEN_AMEND:
    case PBTI_HAPPEN_RESUME:
        scene->user_plans--;
        amend(scene, plan->what == PBTI_HAPPEN_AMEND);
        break;
    case PBTI_HAPPEN_STOP: stop(scene); break;
    case PBTI_HAPPEN_POLL:
    case PBTI_HAPPEN_LOADED:
    case PBTI_HAPPEN_ENDED:
    case PBTI_HAPPEN_FREED:
    case PBTI_HAPPEN_PROPOSED:
    case PBTI_HAPPEN_AGAIN:
    case PBTI_HAPPEN_CRASH:
    case PBTI_HAPPEN_HANG:
    case PBTI_HAPPEN_WAKE:
    case PBTI_HAPPEN_LEAVE: pbti_process_happen(scene, plan); break;
    }
}

/* A claim is in force under which this checkpoint may still be reported. */
static bool is_awaited(const struct pbti_witness *witness, struct pbti_checkpoint checkpoint)
{
    const struct pbti_seen *const seen = &witness->member[checkpoint.member];
    return seen->claim != 0 && seen->segment == checkpoint.segment &&
           seen->attempt == checkpoint.attempt;
}

/* Bounded disk: what nobody needs is deleted at once, by whoever published it or made it
 * unneeded. */
static void check_item(struct pbti_scene *scene, const struct pbti_shelf_item *item)
{
    const struct pbti_witness *const witness = scene->judge.witness;
    bool const needed = pbti_witness_needs(witness, item->id);
    if (needed != pbti_state_reachable(scene->judge.state, item->id)) {
        PBTI_BLAME(scene, "13: m%u.s%u.a%u is %sneeded, and the state says otherwise",
                   item->id.member, item->id.segment, item->id.attempt, needed ? "" : "not ");
    }
    bool const excused = item->orphan || !pbti_process_settled(scene, item->life);
    if (!needed && !excused && !is_awaited(witness, item->id)) {
        PBTI_BLAME(scene, "disk: m%u.s%u.a%u is on the disk, and nobody needs it", item->id.member,
                   item->id.segment, item->id.attempt);
    }
}

/* What is on the shelf: all that is needed (rule 13), and no more. */
static void check_shelf(struct pbti_scene *scene)
{
    const struct pbti_witness *const witness = scene->judge.witness;
    for (uint32_t i = 0; i < scene->shelf.count && !witness->config->keep_all; i++) {
        check_item(scene, &scene->shelf.items[i]);
    }
    for (uint32_t i = 0; i < witness->members; i++) {
        struct pbti_checkpoint const start = witness->member[i].start;
        if (start.segment > 0 && pbti_shelf_find(&scene->shelf, start) == NULL) {
            PBTI_BLAME(scene, "13: what member %u starts from is not there", i);
        }
    }
}

static bool is_over(const struct pbti_scene *scene)
{
    bool alone = true;
    for (uint32_t i = 0; i < scene->swarm->machines; i++) {
        alone = alone && scene->process[i] == NULL;
    }
    return alone && scene->user_plans == 0 && scene->judge.witness->stop != PBTI_STOP_NONE;
}

/* One thing happens; false when the run is over, or a rule is broken. */
static bool step(struct pbti_scene *scene)
{
    struct pbti_plan plan;
    if (is_broken(scene) || is_over(scene)) { return false; }
    if (!pbti_timeline_next(&scene->timeline, &plan)) {
        PBTI_BLAME(scene, "15: nothing will happen any more, and the study has not ended");
        return false;
    }
    scene->now_ms = plan.time_ms;
    scene->touched = false;
    uint64_t const unanswered = scene->storage.unanswered;
    happen(scene, &plan);
    pbti_scene_look(scene);
    if (scene->storage.unanswered != unanswered) { pbti_scene_orphan(scene); }
    if (scene->touched && !is_broken(scene)) { check_shelf(scene); }
    return !is_broken(scene);
}

/* -------- the end -------- */

/* Rule 14: the best networks are there; and a sweep leaves exactly what is needed. */
static void check_kept(struct pbti_scene *scene)
{
    const struct pbti_witness *const witness = scene->judge.witness;
    for (uint32_t group = 0; group < PBTI_GROUPS; group++) {
        for (uint32_t i = 0; i < witness->kept_count[group]; i++) {
            struct pbti_checkpoint const kept = witness->kept[group][i].checkpoint;
            if (pbti_shelf_find(&scene->shelf, kept) == NULL) {
                PBTI_BLAME(scene, "14: m%u.s%u.a%u, among the best, is not there", kept.member,
                           kept.segment, kept.attempt);
            }
        }
        struct pbti_checkpoint const best = witness->best[group].checkpoint;
        bool const promised = witness->config->keep_top > 0 && best.segment > 0;
        if (promised && pbti_shelf_find(&scene->shelf, best) == NULL) {
            PBTI_BLAME(scene, "14: the best network of a group is not there");
        }
    }
}

/* Claims that outlive the study belong to processes that are gone. */
static void check_claims(struct pbti_scene *scene)
{
    const struct pbti_witness *const witness = scene->judge.witness;
    for (uint32_t i = 0; i < witness->members; i++) {
        const struct pbti_seen *const seen = &witness->member[i];
        for (uint32_t k = 0; k < scene->lives_count && seen->claim != 0; k++) {
            bool const alive = scene->lives[k].state != PBTI_LIFE_OVER;
            if (scene->lives[k].worker == seen->worker && alive) {
                PBTI_BLAME(scene, "15: member %u is still claimed at the end", i);
            }
        }
    }
}

/* Rule 11: a fresh replica that folds the journal arrives at the same state. */
static void check_replay(struct pbti_scene *scene)
{
    struct pbti_replica *replica = NULL;
    struct pbt_error err = {.message = ""};
    if (pbti_journal_check(scene->storage.journal, &err) != PBT_OK ||
        pbti_replica_open(scene->storage.journal, NULL, NULL, &replica, &err) != PBT_OK) {
        PBTI_BLAME(scene, "11: the journal cannot be read again: %s", err.message);
        return;
    }
    if (pbti_state_hash(pbti_replica_state(replica)) != pbti_state_hash(scene->judge.state)) {
        PBTI_BLAME(scene, "11: the journal folded anew gives another state");
    }
    pbti_replica_close(replica);
}

static void check_end(struct pbti_scene *scene)
{
    if (is_broken(scene)) { return; }
    check_kept(scene);
    check_claims(scene);
    check_replay(scene);
}

/* -------- one run -------- */

static void begin(struct pbti_scene *scene)
{
    struct pbti_swarm *const swarm = scene->swarm;
    struct pbti_event event = {.type = PBTI_STUDY,
                               .study = {.config = &swarm->config, .spec = {"simulated", 9}}};
    append_truly(scene, &event);
    pbti_scene_look(scene);
    struct pbti_dice *const dice = &scene->machines;
    for (uint32_t i = 0; i < swarm->machines; i++) {
        struct pbti_plan const plan = {.what = PBTI_HAPPEN_JOIN, .machine = i};
        pbti_scene_plan(scene, i == 0 ? 0 : pbti_dice_below(dice, 5000), plan);
    }
    struct pbti_plan const calm = {.what = PBTI_HAPPEN_CALM};
    pbti_scene_plan(scene, pbti_dice_between(dice, CALM_MS_MIN, CALM_MS_MAX), calm);
    if (swarm->faults.power_every > 0) {
        struct pbti_plan const power = {.what = PBTI_HAPPEN_POWER};
        pbti_scene_plan(scene, swarm->faults.power_every, power);
    }
    for (uint32_t i = 0; i < swarm->amends; i++) {
        struct pbti_plan const plan = {.what = PBTI_HAPPEN_AMEND};
        pbti_scene_plan(scene, swarm->amend_at[i], plan);
        scene->user_plans++;
    }
    if (swarm->stop_at > 0) {
        struct pbti_plan const halt = {.what = PBTI_HAPPEN_STOP};
        struct pbti_plan const resume = {.what = PBTI_HAPPEN_RESUME};
        pbti_scene_plan(scene, swarm->stop_at, halt);
        pbti_scene_plan(scene, swarm->stop_at + pbti_dice_between(dice, 1, 20000), resume);
        scene->user_plans++;
    }
}

static void run(struct pbti_scene *scene, struct pbti_sim_result *result)
{
    begin(scene);
    uint64_t steps = 0;
    uint64_t const limit = CALM_MS_MAX + PATIENCE_MS;
    while (step(scene)) {
        steps++;
        if (steps > STEPS_MAX || scene->now_ms > limit) {
            PBTI_BLAME(scene, "15: the study does not finish although nothing fails any more");
        }
    }
    check_end(scene);
    result->steps += steps;
    result->events += scene->judge.seq;
    result->virtual_ms += scene->now_ms;
    pbti_judge_trace(&scene->judge, scene->now_ms);
    result->trace ^= scene->judge.trace;
    scene->counts.exploits =
        scene->judge.state == NULL ? 0 : pbti_state_counts(scene->judge.state).exploits;
}

static void open_scene(struct pbti_scene *scene, struct pbti_swarm *swarm, enum pbti_plant plant,
                       FILE *log)
{
    *scene = (struct pbti_scene){.swarm = swarm};
    scene->machines = pbti_dice_of(swarm->seed, PBTI_DICE_MACHINES);
    scene->ids = pbti_dice_of(swarm->seed, PBTI_DICE_IDS);
    if (pbti_storage_open(&scene->storage, swarm, plant, NULL) != PBT_OK) { abort(); }
    pbti_judge_init(&scene->judge, scene->storage.journal, log);
}

static void close_scene(struct pbti_scene *scene)
{
    for (uint32_t i = 0; i < scene->swarm->machines; i++) {
        pbti_process_kill(scene, i);
    }
    pbti_judge_deinit(&scene->judge);
    pbti_timeline_deinit(&scene->timeline);
    pbti_shelf_deinit(&scene->shelf);
    pbti_storage_close(&scene->storage);
    free(scene->lives);
}

/* -------- another order of arrival -------- */

static const struct pbti_verdict *find_verdict(const struct pbti_judge *judge, uint32_t member,
                                               uint32_t segment)
{
    for (uint32_t i = 0; i < judge->verdicts_count; i++) {
        const struct pbti_verdict *const verdict = &judge->verdicts[i];
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
static void compare(struct pbti_scene *scene, const struct pbti_scene *other)
{
    const struct pbti_judge *const judge = &scene->judge;
    for (uint32_t i = 0; i < judge->verdicts_count; i++) {
        const struct pbti_verdict *const verdict = &judge->verdicts[i];
        const struct pbti_verdict *const twin =
            find_verdict(&other->judge, verdict->member, verdict->segment);
        if (twin != NULL && twin->hash != verdict->hash) {
            PBTI_BLAME(scene, "11: in another order of arrival the decision on m%u.s%u differs",
                       verdict->member, verdict->segment);
        }
    }
    bool const both = is_through(judge->witness->stop) && is_through(other->judge.witness->stop);
    if (both && judge->verdicts_count != other->judge.verdicts_count) {
        PBTI_BLAME(scene, "11: in another order of arrival there are %u decisions instead of %u",
                   other->judge.verdicts_count, judge->verdicts_count);
    }
}

static void run_in_order(struct pbti_scene *scene, struct pbti_sim_result *result)
{
    struct pbti_swarm *const still = malloc(sizeof *still);
    if (still == NULL) { abort(); }
    struct pbti_scene other;
    memcpy(still, scene->swarm, sizeof *still);
    pbti_swarm_still(still);
    open_scene(&other, still, PBTI_PLANT_NONE, scene->judge.log);
    run(&other, result);
    if (is_broken(&other)) {
        PBTI_BLAME(scene, "%s (one machine, one slot, no faults)", other.judge.witness->broken);
    }
    compare(scene, &other);
    scene->counts.compared++;
    close_scene(&other);
    free(still);
}

void pbti_sim_run(const struct pbti_sim_opts *opts, struct pbti_sim_result *result)
{
    *result = (struct pbti_sim_result){.ok = false};
    struct pbti_swarm *const swarm = malloc(sizeof *swarm);
    if (swarm == NULL) { abort(); }
    pbti_swarm_draw(swarm, opts->seed);
    struct pbti_scene scene;
    open_scene(&scene, swarm, opts->plant, opts->log);
    run(&scene, result);
    bool const any_order = swarm->config.mode == PBTI_GENERATIONAL && swarm->amends == 0 &&
                           !swarm->config.proposals && /* made from what is known by then */

                           swarm->stop_at == 0 && opts->plant == PBTI_PLANT_NONE;
    if (any_order && !is_broken(&scene)) { run_in_order(&scene, result); }
    result->ok = !is_broken(&scene);
    result->counts = scene.counts;
    memcpy(result->broken, scene.judge.witness->broken, sizeof scene.judge.witness->broken);
    close_scene(&scene);
    free(swarm);
}
