/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/check.c - trying out a trainer. See check.h.
 *
 * The segments that are run, each of n steps (but long: 3n), with the seed of its place:
 *
 *     process 1    first: fresh            saves 1
 *                  second: keep            saves 2
 *                  long: keep              saves 3    3n steps; with `second` it gives the time of
 *                  a step still: keep, zero steps            evaluation
 *     process 2    again: fresh            saves 4    as `first`: is the trainer deterministic?
 *                  reloaded: load 2, long  saves 5    as `long`: does it continue as if unbroken?
 *                  stored: load 2, zero steps
 *                  refreshed: fresh        saves 6    as `first`, in a process that has trained
 *                  before loaded: load 1                     what the following are compared with
 *                  reseeded: load 1                   as `loaded`, but for the seed
 *                  for each hyperparameter, moved to another value:
 *                  fresh                   saves 7    as `first`: does it have an effect?
 *                  load 1                             as `loaded`: is it in force after a load?
 *
 * For one_shot trainers `keep` is a load; there is nothing unbroken to compare with.
 */
#include "worker/check.h"

#include "base/fail.h"
#include "base/file_tree.h"
#include "core/rungs.h"
#include "worker/probe.h"
#include "worker/slots.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_MIN = 3 }; /* of a short segment, when `ready` has so many */

enum trial_name {
    FIRST,
    SECOND,
    LONG,
    STILL,
    AGAIN,
    RELOADED,
    STORED,
    REFRESHED,
    LOADED,
    RESEEDED,
    TRIALS
};

struct check {
    const struct pbti_spec *spec;
    const struct pbti_check_opts *opts;
    struct pbti_check_result *result;
    struct pbti_runner_sync solo;
    struct pbti_store *store;
    char folder[64];
    uint64_t steps;
    double values[PBTI_HP_MAX];
    struct pbti_probe trials[TRIALS];
    json_t *varying; /* metrics that differ from run to run */
    bool deterministic;
    struct pbti_finding spare; /* for when there is no memory for one more */
};

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

/* -------- findings -------- */

static struct pbti_finding *add_finding(struct check *check, uint8_t severity, const char *name,
                                        const char *format, ...) PBT_PRINTF(4, 5);

/* Never NULL: without memory the last one is overwritten. */
static struct pbti_finding *add_finding(struct check *check, uint8_t severity, const char *name,
                                        const char *format, ...)
{
    struct pbti_check_result *const result = check->result;
    struct pbti_finding *const more =
        realloc(result->findings, (result->count + 1) * sizeof *result->findings);
    if (more != NULL) {
        result->findings = more;
        result->count++;
    }
    struct pbti_finding *const finding =
        result->count > 0 ? &result->findings[result->count - 1] : &check->spare;
    *finding = (struct pbti_finding){.severity = severity};
    (void)snprintf(finding->name, sizeof finding->name, "%s", name);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(finding->text, sizeof finding->text, format, args);
    va_end(args);
    return finding;
}

static void hint(struct pbti_finding *finding, const char *format, ...) PBT_PRINTF(2, 3);

static void hint(struct pbti_finding *finding, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(finding->hint, sizeof finding->hint, format, args);
    va_end(args);
}

static void about(struct pbti_finding *finding, const char *hyperparameter)
{
    (void)snprintf(finding->hyperparameter, sizeof finding->hyperparameter, "%s", hyperparameter);
}

/* -------- running -------- */

static void say(const struct check *check, const char *what)
{
    if (check->opts->doing != NULL) { check->opts->doing(check->opts->context, what); }
}

static bool is_oneshot(const struct check *check)
{
    return check->spec->trainer.kind == PBTI_TRAINER_ONE_SHOT;
}

static pbt_status run_order(struct check *check, struct pbti_probe_order order,
                            struct pbti_probe *trial, struct pbt_error *err)
{
    order.keep = order.keep && !is_oneshot(check);
    if (order.values == NULL) { order.values = check->values; }
    return pbti_probe_run(&check->solo, check->store, check->spec, &order, trial, err);
}

/* Why a segment failed, as a finding. */
static void add_failure(struct check *check, const struct pbti_probe *trial, const char *what)
{
    static const struct {
        uint8_t outcome;
        const char *name;
    } names[] = {{PBTI_OUTCOME_START, "start"},
                 {PBTI_OUTCOME_PROTOCOL, "protocol"},
                 {PBTI_OUTCOME_IN_FORCE, "in_force"},
                 {PBTI_OUTCOME_CHECKPOINT, "checkpoint"}};
    const char *name = "segment";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].outcome == trial->outcome) { name = names[i].name; }
    }
    struct pbti_finding *const finding =
        add_finding(check, PBTI_FINDING_PROBLEM, name, "%s failed (%s): %.900s", what,
                    pbti_outcome_name(trial->outcome), trial->message);
    if (trial->outcome != PBTI_OUTCOME_START) { return; }
    if (strstr(trial->message, "start limit") != NULL) {
        hint(finding,
             "the trainer says hello when its loop over tasks begins; if it needs longer to "
             "get there, raise trainer.limits.start");
    } else {
        hint(finding, "trainer.command is run in the folder %.200s",
             check->spec->trainer.directory != NULL ? check->spec->trainer.directory : ".");
    }
}

struct planned {
    enum trial_name trial;
    const char *what;              /* for people */
    struct pbti_probe_order order; /* steps: in short segments */
};

/* Run trials in order; false: one failed, which is a finding. */
static pbt_status run_plan(struct check *check, const struct planned *plan, size_t count,
                           bool *good, struct pbt_error *err)
{
    *good = true;
    for (size_t i = 0; *good && i < count; i++) {
        struct pbti_probe_order order = plan[i].order;
        struct pbti_probe *const trial = &check->trials[plan[i].trial];
        order.steps *= check->steps;
        order.age *= check->steps;
        say(check, plan[i].what);
        PBTI_TRY(run_order(check, order, trial, err));
        *good = trial->outcome == PBTI_OUTCOME_DONE;
        if (!*good) { add_failure(check, trial, plan[i].what); }
    }
    return PBT_OK;
}

static const struct planned unbroken[] = {
    {FIRST, "training from scratch", {.steps = 1, .save = 1, .seed = 101}},
    {SECOND,
     "training on",
     {.steps = 1, .age = 1, .from = 1, .keep = true, .save = 2, .seed = 102}},
    {LONG,
     "training on for longer",
     {.steps = 3, .age = 2, .from = 2, .keep = true, .save = 3, .seed = 103}},
    {STILL, "evaluating (a task of zero steps)", {.age = 5, .from = 3, .keep = true, .seed = 104}},
};

static const struct planned reloaded[] = {
    {AGAIN, "training from scratch in a fresh process", {.steps = 1, .save = 4, .seed = 101}},
    {RELOADED,
     "training on from a checkpoint",
     {.steps = 3, .age = 2, .from = 2, .save = 5, .seed = 103}},
    {STORED, "evaluating a checkpoint", {.age = 2, .from = 2, .seed = 104}},
    {REFRESHED, "training from scratch in a used process", {.steps = 1, .save = 6, .seed = 101}},
    {LOADED, "training on from another checkpoint", {.steps = 1, .age = 1, .from = 1, .seed = 102}},
    {RESEEDED, "training with another seed", {.steps = 1, .age = 1, .from = 1, .seed = 999}},
};

/* -------- judging: scores, determinism, continuing -------- */

static void judge_score(struct check *check)
{
    const struct pbti_probe *const first = &check->trials[FIRST];
    const struct pbti_config *const config = &check->spec->config;
    if (first->scores_count == 0) {
        struct pbti_finding *const finding =
            add_finding(check, PBTI_FINDING_PROBLEM, "score", "the trainer reports no score");
        hint(finding, "a member without a score is never copied from: report a number");
    } else if (pbti_exploit_refuses(config, first->scores_count) != NULL) {
        (void)add_finding(check, PBTI_FINDING_PROBLEM, "score",
                          "exploit %s needs at least %u scores of a segment, the trainer "
                          "reports %u",
                          pbti_exploit_name(config->exploit), config->scores_min,
                          first->scores_count);
    } else if (!isfinite(first->scores[first->scores_count - 1])) {
        (void)add_finding(check, PBTI_FINDING_WARNING, "score",
                          "the score of the first segment is not a finite number");
    } else {
        (void)add_finding(check, PBTI_FINDING_GOOD, "score", "it reports a score: %.6g",
                          first->scores[first->scores_count - 1]);
    }
}

static void judge_determinism(struct check *check)
{
    const struct pbti_probe *const first = &check->trials[FIRST];
    const struct pbti_probe *const again = &check->trials[AGAIN];
    char what[200] = "";
    pbti_probe_varying(first, again, check->varying);
    enum pbti_likeness const like =
        pbti_probe_compare(first, again, check->varying, what, sizeof what);
    check->deterministic = like != PBTI_DIFFERENT;
    if (check->deterministic) {
        (void)add_finding(check, PBTI_FINDING_GOOD, "deterministic",
                          "the same seed gives the same score in two processes%s",
                          like == PBTI_CLOSE ? " (to 1e-9)" : "");
        return;
    }
    struct pbti_finding *const finding =
        add_finding(check, PBTI_FINDING_NOTE, "deterministic",
                    "the same seed gives different results in two processes: %s", what);
    hint(finding, "seed every generator with task.seed, also those of data loading; some GPU "
                  "kernels are never deterministic. What follows could not be compared");
}

static void judge_continuing(struct check *check)
{
    char what[200] = "";
    if (is_oneshot(check)) { return; }
    if (!check->deterministic) {
        (void)add_finding(check, PBTI_FINDING_NOTE, "continues",
                          "whether it continues from a checkpoint as if there had been no break "
                          "could not be found out: it is not deterministic");
        return;
    }
    enum pbti_likeness const like = pbti_probe_compare(
        &check->trials[LONG], &check->trials[RELOADED], check->varying, what, sizeof what);
    if (like != PBTI_DIFFERENT) {
        (void)add_finding(check, PBTI_FINDING_GOOD, "continues",
                          "it continues from a checkpoint as if there had been no break%s",
                          like == PBTI_CLOSE ? " (to 1e-9)" : "");
        return;
    }
    struct pbti_finding *const finding =
        add_finding(check, PBTI_FINDING_PROBLEM, "continues",
                    "training on after loading a checkpoint in a fresh process is not the same as "
                    "training on without a break: %s",
                    what);
    hint(finding, "does it save and restore everything: the optimiser's state (momentum, Adam's "
                  "averages), learning-rate schedulers, running statistics, step counters?");
}

static void judge_fresh_again(struct check *check)
{
    char what[200] = "";
    if (!check->deterministic || is_oneshot(check)) { return; }
    if (pbti_probe_compare(&check->trials[FIRST], &check->trials[REFRESHED], check->varying, what,
                           sizeof what) != PBTI_DIFFERENT) {
        return;
    }
    struct pbti_finding *const finding =
        add_finding(check, PBTI_FINDING_PROBLEM, "fresh_again",
                    "starting fresh in a process that has trained before differs from starting "
                    "fresh in a new one: %s",
                    what);
    hint(finding, "start: fresh must build new weights and a new optimiser, and seed them with "
                  "task.seed");
}

static void judge_seed(struct check *check)
{
    const struct pbti_probe *const loaded = &check->trials[LOADED];
    const struct pbti_probe *const other = &check->trials[RESEEDED];
    if (!check->deterministic || loaded->scores_count == 0 ||
        pbti_probe_compare(loaded, other, check->varying, NULL, 0) != PBTI_SAME) {
        return;
    }
    struct pbti_finding *const finding =
        add_finding(check, PBTI_FINDING_WARNING, "seed",
                    "another seed gives exactly the same result: task.seed seems not to be used");
    hint(finding, "clones would then see the same data in the same order as their donors, and "
                  "differ by their hyperparameters alone");
}

static void judge_evaluation(struct check *check)
{
    const struct pbti_probe *const second = &check->trials[SECOND];
    const struct pbti_probe *const stored = &check->trials[STORED];
    if (second->scores_count == 0 || stored->scores_count == 0) { return; }
    double const reported = second->scores[second->scores_count - 1];
    double const evaluated = stored->scores[stored->scores_count - 1];
    double const scale = fmax(fabs(reported), fabs(evaluated));
    if (reported == evaluated || fabs(reported - evaluated) <= PBTI_CLOSE_TOLERANCE * scale) {
        (void)add_finding(check, PBTI_FINDING_GOOD, "evaluate",
                          "evaluating a checkpoint gives the score that was reported for it");
        return;
    }
    struct pbti_finding *const finding = add_finding(
        check, PBTI_FINDING_NOTE, "evaluate",
        "evaluating a checkpoint gave %.9g, its segment reported %.9g", evaluated, reported);
    hint(finding, "to be expected when the score is an average over the segment or an evaluation "
                  "draws at random; otherwise something is missing in the checkpoint");
}

static void judge_checkpoint(struct check *check)
{
    if (check->trials[FIRST].stored.files > 0) { return; }
    struct pbti_finding *const finding =
        add_finding(check, PBTI_FINDING_PROBLEM, "checkpoint", "the checkpoint is empty");
    hint(finding, "save weights and optimiser state into the folder task.save before reporting");
}

/* -------- judging: one hyperparameter after the other -------- */

static bool names_it(const json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (strcmp(json_string_value(json_array_get(list, i)), name) == 0) { return true; }
    }
    return false;
}

static void judge_read(struct check *check)
{
    const struct pbti_probe *const first = &check->trials[FIRST];
    const struct pbti_space *const space = &check->spec->config.space;
    for (uint32_t i = 0; first->read != NULL && i < space->count; i++) {
        const char *const name = space->hp[i].name;
        if (names_it(first->read, name) || json_object_get(first->in_force, name) != NULL) {
            continue;
        }
        struct pbti_finding *const finding =
            add_finding(check, PBTI_FINDING_PROBLEM, "read",
                        "hyperparameter \"%s\" is never read by the trainer", name);
        about(finding, name);
        hint(finding, "use task.hp[\"%s\"], or take it out of the space", name);
    }
}

/* Another value than `value`, far from the middle but inside the range; false: there is none. */
static bool move_value(const struct pbti_hp *hp, double value, double *moved)
{
    static const double units[] = {0.9, 0.1, 0.75, 0.25};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        *moved = pbti_hp_sample(hp, units[i]);
        if (*moved != value) { return true; }
    }
    return false;
}

static void add_no_effect(struct check *check, uint32_t hp, double moved,
                          const struct pbti_probe *trial)
{
    const struct pbti_space *const space = &check->spec->config.space;
    const char *const name = space->hp[hp].name;
    char was[PBTI_HP_NAME_MAX], is[PBTI_HP_NAME_MAX];
    (void)pbti_value_text(space, hp, check->values[hp], was, sizeof was);
    (void)pbti_value_text(space, hp, moved, is, sizeof is);
    bool const saved_alike = trial->stored.hash == check->trials[FIRST].stored.hash;
    struct pbti_finding *const finding =
        add_finding(check, saved_alike ? PBTI_FINDING_PROBLEM : PBTI_FINDING_WARNING, "effect",
                    "hyperparameter \"%s\": %s instead of %s changes neither score nor metrics%s",
                    name, is, was, saved_alike ? ", nor a byte of the checkpoint" : "");
    about(finding, name);
    hint(finding,
         "it %s ignored, or more than the %" PRIu64 " step%s tried are needed to see it: --steps",
         saved_alike ? "seems to be" : "may be", check->steps, check->steps == 1 ? "" : "s");
}

static void judge_loaded(struct check *check, uint32_t hp, double moved,
                         const struct pbti_probe *trial)
{
    const struct pbti_space *const space = &check->spec->config.space;
    const char *const name = space->hp[hp].name;
    struct pbti_finding *finding = NULL;
    if (trial->outcome == PBTI_OUTCOME_IN_FORCE) {
        finding =
            add_finding(check, PBTI_FINDING_PROBLEM, "restored",
                        "after loading a checkpoint another value is in force than was handed "
                        "over: %.600s",
                        trial->message);
    } else if (trial->outcome != PBTI_OUTCOME_DONE) {
        add_failure(check, trial, "training on from a checkpoint with a changed hyperparameter");
    } else if (check->deterministic && pbti_probe_compare(&check->trials[LOADED], trial,
                                                          check->varying, NULL, 0) == PBTI_SAME) {
        char is[PBTI_HP_NAME_MAX];
        (void)pbti_value_text(space, hp, moved, is, sizeof is);
        finding = add_finding(check, PBTI_FINDING_PROBLEM, "restored",
                              "hyperparameter \"%s\": changing it to %s while loading a checkpoint "
                              "changes nothing, although it matters from scratch",
                              name, is);
    }
    if (finding == NULL) { return; }
    about(finding, name);
    hint(finding, "restoring an optimiser restores its old hyperparameters: set them from task.hp "
                  "after the restore");
}

static pbt_status try_moved(struct check *check, uint32_t hp, struct pbt_error *err)
{
    const struct pbti_hp *const it = &check->spec->config.space.hp[hp];
    double values[PBTI_HP_MAX], moved;
    memcpy(values, check->values, sizeof values);
    if (!move_value(it, values[hp], &moved)) { return PBT_OK; }
    values[hp] = moved;
    char what[128];
    (void)snprintf(what, sizeof what, "changing hyperparameter \"%s\"", it->name);
    say(check, what);
    struct pbti_probe trial;
    struct pbti_probe_order order = {
        .steps = check->steps, .save = 7, .seed = 101, .values = values};
    pbt_status status = run_order(check, order, &trial, err);
    pbti_store_drop(check->store, (struct pbti_checkpoint){0, 7, 1});
    bool effect = status == PBT_OK && trial.outcome == PBTI_OUTCOME_DONE;
    bool const diverged =
        status == PBT_OK && trial.outcome == PBTI_OUTCOME_NAN; /* an effect, too */
    if (status == PBT_OK && !effect && !diverged) {
        add_failure(check, &trial, what);
    } else if (effect && check->deterministic &&
               pbti_probe_compare(&check->trials[FIRST], &trial, check->varying, NULL, 0) ==
                   PBTI_SAME) {
        add_no_effect(check, hp, moved, &trial);
        effect = false;
    }
    pbti_probe_release(&trial);
    if (status != PBT_OK || !effect || it->frozen) { return status; }
    order = (struct pbti_probe_order){
        .steps = check->steps, .age = check->steps, .from = 1, .seed = 102, .values = values};
    status = run_order(check, order, &trial, err);
    if (status == PBT_OK) { judge_loaded(check, hp, moved, &trial); }
    pbti_probe_release(&trial);
    return status;
}

static pbt_status try_hyperparameters(struct check *check, struct pbt_error *err)
{
    uint32_t const count = check->spec->config.space.count;
    const struct pbti_probe *const again = &check->trials[AGAIN];
    double const expected = 2.5 * again->seconds * count;
    if (expected > check->opts->patience_s) {
        (void)add_finding(check, PBTI_FINDING_NOTE, "effect",
                          "the effect of each hyperparameter was not tried: it would take about "
                          "%.0f s",
                          expected);
        return PBT_OK;
    }
    for (uint32_t i = 0; i < count; i++) {
        PBTI_TRY(try_moved(check, i, err));
    }
    return PBT_OK;
}

/* What is not a finding yet is good. */
static void praise(struct check *check)
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
            (void)add_finding(check, PBTI_FINDING_GOOD, good[i].name, "%s", good[i].text);
        }
    }
}

/* -------- measuring -------- */

static double positive(double seconds)
{
    return seconds > 0.0 ? seconds : 0.0;
}

static void measure(struct check *check)
{
    struct pbti_check_result *const result = check->result;
    const struct pbti_probe *const trials = check->trials;
    double const n = (double)check->steps;
    result->start_s = trials[FIRST].start_s;
    result->step_s = positive(trials[LONG].seconds - trials[SECOND].seconds) / (2.0 * n);
    result->evaluate_s = trials[STILL].seconds;
    result->load_s = positive(trials[STORED].seconds - trials[STILL].seconds);
    result->save_s = positive(trials[SECOND].seconds - n * result->step_s - trials[STILL].seconds) +
                     trials[SECOND].publish_s;
    result->files = trials[FIRST].stored.files;
    result->bytes = trials[FIRST].stored.bytes;
}

static void estimate(struct check *check, uint32_t slots)
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
static void choose_values(struct check *check)
{
    const struct pbti_config *const config = &check->spec->config;
    for (uint32_t i = 0; i < config->space.count; i++) {
        double const point = config->points_count > 0 ? config->points[i] : (double)NAN;
        check->values[i] = isnan(point) ? pbti_hp_sample(&config->space.hp[i], 0.5) : point;
    }
}

static pbt_status open_check(struct check *check, struct pbt_error *err)
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
    check->varying = json_object();
    PBTI_TRY(pbti_store_open(check->folder, false, true, &check->store, err));
    return pbti_runner_sync_open(&check->solo, check->spec, opts->program, opts->clients,
                                 check->folder, err);
}

static void close_check(struct check *check)
{
    pbti_runner_sync_close(&check->solo);
    pbti_store_close(check->store);
    for (size_t i = 0; i < TRIALS; i++) {
        pbti_probe_release(&check->trials[i]);
    }
    json_decref(check->varying);
    if (check->folder[0] == '\0') { return; }
    pbt_status const status = pbti_file_tree_remove(check->folder, NULL);
    (void)status; /* a temporary folder that stays harms nobody */
}

static pbt_status run_check(struct check *check, struct pbt_error *err)
{
    uint32_t slots;
    bool good;
    PBTI_TRY(pbti_slots_count(check->spec, 0, &slots, err));
    PBTI_TRY(open_check(check, err));
    choose_values(check);
    PBTI_TRY(run_plan(check, unbroken, sizeof unbroken / sizeof unbroken[0], &good, err));
    if (!good) { return PBT_OK; }
    judge_score(check);
    judge_checkpoint(check);
    judge_read(check);
    pbti_runner_sync_end_trainer(&check->solo);
    PBTI_TRY(run_plan(check, reloaded, sizeof reloaded / sizeof reloaded[0], &good, err));
    if (!good) { return PBT_OK; }
    judge_determinism(check);
    judge_continuing(check);
    judge_fresh_again(check);
    judge_seed(check);
    judge_evaluation(check);
    PBTI_TRY(try_hyperparameters(check, err));
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
    struct check *const check = calloc(1, sizeof *check);
    if (check == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    check->spec = spec;
    check->opts = opts;
    check->result = result;
    check->steps = opts->steps > 0 ? opts->steps : steps_default(spec->config.ready_every);
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
