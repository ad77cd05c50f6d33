/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/check.c - trying out a trainer. See check.h.
 *
 * The trials, each of n steps (but long: 3n, stretched: 2n), with the seed of its place; none goes
 * past max_age, and all but `still` save:
 *
 *     process 1    first: fresh            saves 1
 *                  second: keep            saves 2
 *                  long: keep              saves 3    3n steps; with `second` it gives the time of
 *                  a step still: keep, zero steps            evaluation
 *                  paused: keep, zero steps           as `long`: do zero steps train?
 *     process 2    again: fresh                       as `first`: is the trainer deterministic?
 *                  reloaded: load 2, long             as `long`: does it continue as if unbroken?
 *                  stored: load 1, zero steps         as `first`: is that the checkpoint it loads?
 *                  refreshed: fresh                   as `first`, in a process that has trained
 *                  loaded: load 1                     as `second`; what follows is compared with it
 *                  reseeded: load 1                   as `loaded`, but for the seed
 *                  stretched: load 1, 2n steps        as `loaded`, but for the steps
 *                  other: fresh                       as `first`, with the seed of `second`
 *                  plain: fresh                       as `first`, without the initial checkpoint
 *                  for each hyperparameter, moved to another value: see check_moved.c
 *
 * For one_shot trainers, and those that decline `keep`, a keep is a load; there is nothing unbroken
 * to compare with.
 */
#include "worker/check_inside.h"

#include "base/fail.h"
#include "base/file_tree.h"
#include "core/rungs.h"
#include "worker/slots.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_MIN = 3 }; /* of a short segment, when `ready` has so many */

enum { SEGMENT_ANY = 9 };

const char *pbti_severity_name(uint8_t severity)
{
    switch (severity) {
#define SEVERITY_NAME(name, value, text)                                                           \
    case name: return text;
        PBTI_SEVERITY_LIST(SEVERITY_NAME)
#undef SEVERITY_NAME
    default: return "?";
    }
}

/* -------- running -------- */

struct planned {
    enum pbti_trial trial;
    const char *what;              /* for people */
    struct pbti_probe_order order; /* steps: in short segments */
};

/* Run one trial of the table; false: it failed, which is a finding. */
static pbt_status run_planned(struct pbti_check *check, const struct planned *planned, bool *good,
                              struct pbt_error *err)
{
    uint64_t const age_max = check->spec->config.max_age;
    struct pbti_probe_order order = planned->order;
    struct pbti_probe *const trial = &check->trials[planned->trial];
    order.age = order.age * check->steps < age_max ? order.age * check->steps : age_max;
    order.steps *= check->steps;
    if (order.steps > age_max - order.age) { order.steps = age_max - order.age; }
    pbti_check_say(check, planned->what);
    PBTI_TRY(pbti_check_run(check, order, trial, err));
    *good = trial->outcome == PBTI_OUTCOME_DONE;
    if (!*good) { pbti_check_add_failure(check, trial, planned->what); }
    return PBT_OK;
}

static pbt_status run_plan(struct pbti_check *check, const struct planned *plan, size_t count,
                           bool *good, struct pbt_error *err)
{
    *good = true;
    for (size_t i = 0; *good && i < count; i++) {
        PBTI_TRY(run_planned(check, &plan[i], good, err));
    }
    return PBT_OK;
}

static const struct planned unbroken[] = {
    {PBTI_TRIAL_FIRST, "training from scratch", {.steps = 1, .save = 1, .seed = 101}},
    {PBTI_TRIAL_SECOND,
     "training on",
     {.steps = 1, .age = 1, .from = 1, .keep = true, .save = 2, .seed = 102}},
    {PBTI_TRIAL_LONG,
     "training on for longer",
     {.steps = 3, .age = 2, .from = 2, .keep = true, .save = 3, .seed = 103}},
    {PBTI_TRIAL_STILL,
     "evaluating (a task of zero steps)",
     {.age = 5, .from = 3, .keep = true, .seed = 103}},
    {PBTI_TRIAL_PAUSED,
     "saving after zero steps",
     {.age = 5, .from = 3, .keep = true, .save = PBTI_CHECK_SEGMENT_PAUSED, .seed = 103}},
};

static const struct planned paused_again = {
    PBTI_TRIAL_PAUSED_AGAIN,
    "saving after zero steps once more",
    {.age = 5, .from = PBTI_CHECK_SEGMENT_PAUSED, .keep = true, .save = SEGMENT_ANY, .seed = 103}};

static const struct planned reloaded[] = {
    {PBTI_TRIAL_AGAIN,
     "training from scratch in a fresh process",
     {.steps = 1, .save = SEGMENT_ANY, .seed = 101}},
    {PBTI_TRIAL_RELOADED,
     "training on from a checkpoint",
     {.steps = 3, .age = 2, .from = 2, .save = SEGMENT_ANY, .seed = 103}},
    {PBTI_TRIAL_STORED,
     "evaluating a checkpoint",
     {.age = 1, .from = 1, .save = SEGMENT_ANY, .seed = 101}},
    {PBTI_TRIAL_REFRESHED,
     "training from scratch in a used process",
     {.steps = 1, .save = SEGMENT_ANY, .seed = 101}},
    {PBTI_TRIAL_LOADED,
     "training on from another checkpoint",
     {.steps = 1, .age = 1, .from = 1, .save = SEGMENT_ANY, .seed = 102}},
    {PBTI_TRIAL_RESEEDED,
     "training with another seed",
     {.steps = 1, .age = 1, .from = 1, .save = SEGMENT_ANY, .seed = 999}},
    {PBTI_TRIAL_STRETCHED,
     "training for twice the steps",
     {.steps = 2, .age = 1, .from = 1, .save = SEGMENT_ANY, .seed = 102}},
    {PBTI_TRIAL_OTHER,
     "training from scratch with another seed",
     {.steps = 1, .save = SEGMENT_ANY, .seed = 102}},
};

static const struct planned plain = {PBTI_TRIAL_PLAIN,
                                     "training from scratch without the initial checkpoint",
                                     {.steps = 1, .save = SEGMENT_ANY, .seed = 101, .plain = true}};

/* The first process: from scratch and on, without a break. */
static pbt_status run_unbroken(struct pbti_check *check, bool *good, struct pbt_error *err)
{
    PBTI_TRY(run_planned(check, &unbroken[0], good, err));
    check->declines =
        *good && !pbti_check_is_oneshot(check) && !pbti_runner_is_ready(check->solo.runner);
    if (*good) {
        PBTI_TRY(
            run_plan(check, unbroken + 1, sizeof unbroken / sizeof unbroken[0] - 1, good, err));
    }
    const struct pbti_stored *const last = &check->trials[PBTI_TRIAL_LONG].stored;
    const struct pbti_stored *const paused = &check->trials[PBTI_TRIAL_PAUSED].stored;
    if (!*good || paused->files == 0 || paused->hash == last->hash) { return PBT_OK; }
    return run_planned(check, &paused_again, good, err);
}

/* What is not a finding yet is good. */
static void praise(struct pbti_check *check)
{
    static const struct {
        const char *name, *text;
    } good[] = {{"effect", "every hyperparameter has an effect"},
                {"restored", "changed hyperparameters are in force after loading a checkpoint"}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        bool found = false;
        for (size_t k = 0; k < check->result->count; k++) {
            found = found || strcmp(check->result->findings[k].name, good[i].name) == 0;
        }
        if (!found && check->deterministic && check->spec->config.space.count > 0) {
            (void)pbti_check_add(check, PBTI_FINDING_GOOD, good[i].name, "%s", good[i].text);
        }
    }
}

/* -------- measuring -------- */

static double positive(double seconds)
{
    return seconds > 0.0 ? seconds : 0.0;
}

static void measure(struct pbti_check *check)
{
    struct pbti_check_result *const result = check->result;
    const struct pbti_probe *const trials = check->trials;
    uint64_t const more = trials[PBTI_TRIAL_LONG].steps > trials[PBTI_TRIAL_SECOND].steps
                              ? trials[PBTI_TRIAL_LONG].steps - trials[PBTI_TRIAL_SECOND].steps
                              : 0;
    result->start_s = trials[PBTI_TRIAL_FIRST].start_s;
    /* without two lengths (max_age is small): all of it, saving and evaluating too */
    result->step_s =
        more > 0 ? positive(trials[PBTI_TRIAL_LONG].seconds - trials[PBTI_TRIAL_SECOND].seconds) /
                       (double)more
                 : trials[PBTI_TRIAL_FIRST].seconds / (double)trials[PBTI_TRIAL_FIRST].steps;
    result->evaluate_s = trials[PBTI_TRIAL_STILL].seconds;
    result->load_s =
        positive(trials[PBTI_TRIAL_STORED].seconds - trials[PBTI_TRIAL_PAUSED].seconds);
    result->save_s =
        positive(trials[PBTI_TRIAL_PAUSED].seconds - trials[PBTI_TRIAL_STILL].seconds) +
        trials[PBTI_TRIAL_SECOND].publish_s;
    result->files = trials[PBTI_TRIAL_FIRST].stored.files;
    result->bytes = trials[PBTI_TRIAL_FIRST].stored.bytes;
}

static void estimate(struct pbti_check *check, uint32_t slots)
{
    struct pbti_check_result *const result = check->result;
    const struct pbti_config *const config = &check->spec->config;
    uint64_t const members = pbti_config_members(config);
    uint64_t const each = (config->steps + config->ready_every - 1) / config->ready_every;
    result->slots = slots;
    result->member_steps = members * config->steps;
    result->segments = members * each;
    if (config->rungs != PBTI_RUNGS_NONE) { /* a segment ends at a rung, too: about one each */
        result->member_steps = pbti_rungs_steps_total(config);
        result->segments = result->member_steps / config->ready_every + members;
    }
    /* a slot seldom has the member in memory that is next, unless there is a slot for each */
    double const reloads = members <= slots ? 0.3 : 1.0;
    double const overhead = result->evaluate_s + result->save_s + reloads * result->load_s;
    double const seconds = (double)result->member_steps * result->step_s +
                           (double)result->segments * overhead + slots * result->start_s;
    uint32_t const parallel = slots < members ? slots : (uint32_t)members;
    result->hours = seconds / 3600.0 / (double)(parallel > 0 ? parallel : 1);
    uint64_t const kept = config->keep_all ? result->segments : config->keep_top;
    result->disk_bytes = (2 * members + slots + kept) * result->bytes;
}

/* -------- the whole -------- */

/* The middle of the prior, or the first starting point. */
static void choose_values(struct pbti_check *check)
{
    const struct pbti_config *const config = &check->spec->config;
    for (uint32_t i = 0; i < config->space.count; i++) {
        double const point = config->points_count > 0 ? config->points[i] : (double)NAN;
        check->values[i] = isnan(point) ? pbti_hp_sample(&config->space.hp[i], 0.5) : point;
    }
}

static pbt_status open_check(struct pbti_check *check, struct pbt_error *err)
{
    const struct pbti_trainer *const trainer = &check->spec->trainer;
    const struct pbti_check_opts *const opts = check->opts;
    if (trainer->kind == PBTI_TRAINER_BUILTIN && opts->builtin_known != NULL &&
        !opts->builtin_known(trainer->argv[0])) {
        return PBTI_FAIL(err, PBT_EINVAL, 0, "there is no builtin trainer \"%s\"",
                         trainer->argv[0]);
    }
    const char *const base = getenv("TMPDIR");
    int const used = snprintf(check->folder, sizeof check->folder, "%s/pbt-check-XXXXXX",
                              base != NULL && strlen(base) < 32 ? base : "/tmp");
    if (used < 0 || mkdtemp(check->folder) == NULL) {
        check->folder[0] = '\0';
        return PBTI_FAIL(err, PBT_EIO, 0, "could not make a temporary folder");
    }
    check->varying.metrics = json_object();
    check->varying.progress = json_object();
    PBTI_TRY(pbti_store_open(check->folder, false, true, &check->store, err));
    return pbti_runner_sync_open(&check->solo, check->spec, opts->program, opts->clients,
                                 check->folder, err);
}

static void close_check(struct pbti_check *check)
{
    pbti_runner_sync_close(&check->solo);
    pbti_store_close(check->store);
    for (size_t i = 0; i < PBTI_TRIALS; i++) {
        pbti_probe_release(&check->trials[i]);
    }
    json_decref(check->varying.metrics);
    json_decref(check->varying.progress);
    if (check->folder[0] == '\0') { return; }
    pbt_status const status = pbti_file_tree_remove(check->folder, NULL);
    (void)status; /* a temporary folder that stays harms nobody */
}

/* Which file runs: the first thing to know when an environment is not the one that was meant. */
static void name_program(struct pbti_check *check)
{
    char path[PATH_MAX];
    if (check->spec->trainer.kind == PBTI_TRAINER_BUILTIN) { return; }
    (void)pbti_check_add(check, PBTI_FINDING_GOOD, "program", "the program that runs: %.900s",
                         pbti_launch_program(&check->solo.launch, path, sizeof path));
}

static pbt_status run_check(struct pbti_check *check, struct pbt_error *err)
{
    uint32_t slots;
    bool good;
    PBTI_TRY(pbti_slots_count(check->spec, 0, &slots, err));
    PBTI_TRY(open_check(check, err));
    choose_values(check);
    name_program(check);
    if (check->opts->steps > check->steps) {
        (void)pbti_check_add(check, PBTI_FINDING_NOTE, "steps",
                             "trials have %" PRIu64 " steps instead of %" PRIu64
                             ": five of them must fit into max_age, %" PRIu64,
                             check->steps, check->opts->steps, check->spec->config.max_age);
    }
    PBTI_TRY(run_unbroken(check, &good, err));
    pbti_check_judge_first(check);
    if (!good) { return PBT_OK; }
    pbti_runner_sync_end_trainer(&check->solo);
    PBTI_TRY(run_plan(check, reloaded, sizeof reloaded / sizeof reloaded[0], &good, err));
    if (good && check->spec->initial_checkpoint != NULL) {
        PBTI_TRY(run_planned(check, &plain, &good, err));
    }
    if (!good) { return PBT_OK; }
    pbti_check_judge(check);
    PBTI_TRY(pbti_check_move(check, err));
    praise(check);
    measure(check);
    estimate(check, slots);
    check->result->complete = true;
    return PBT_OK;
}

/* A tenth of `ready`, but more than one where there are more: momentum needs a second step. */
static uint64_t steps_default(uint64_t ready)
{
    uint64_t const least = ready < STEPS_MIN ? ready : STEPS_MIN;
    return ready / 10 > least ? ready / 10 : least;
}

/* The trials go to an age of five short segments: so many steps that this is not past max_age. */
static uint64_t steps_within(const struct pbti_check *check)
{
    const struct pbti_config *const config = &check->spec->config;
    uint64_t const wanted =
        check->opts->steps > 0 ? check->opts->steps : steps_default(config->ready_every);
    uint64_t const most = config->max_age / 5 > 0 ? config->max_age / 5 : 1;
    return wanted < most ? wanted : most;
}

struct pbti_check_opts pbti_check_opts_default(void)
{
    return (struct pbti_check_opts){.struct_size = sizeof(struct pbti_check_opts),
                                    .program = "/proc/self/exe",
                                    .patience_s = 120.0};
}

pbt_status pbti_check(const struct pbti_spec *spec, const struct pbti_check_opts *opts,
                      struct pbti_check_result *result, struct pbt_error *err)
{
    *result = (struct pbti_check_result){0};
    if (opts->struct_size != sizeof *opts) {
        return PBTI_FAIL(err, PBT_EINVAL, 0,
                         "check options were not made by their default function");
    }
    struct pbti_check *const check = calloc(1, sizeof *check);
    if (check == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    check->spec = spec;
    check->opts = opts;
    check->result = result;
    check->steps = steps_within(check);
    result->steps = check->steps;
    pbt_status const status = run_check(check, err);
    close_check(check);
    free(check);
    return status;
}

void pbti_check_release(struct pbti_check_result *result)
{
    free(result->findings);
    *result = (struct pbti_check_result){0};
}
