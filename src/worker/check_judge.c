/* SPDX-License-Identifier: Apache-2.0 */
/* worker/check_judge.c - what the trials of `pbt check` mean. See check.c for the trials. */
#include "worker/check_inside.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -------- findings -------- */

struct pbti_finding *pbti_check_add(struct pbti_check *check, uint8_t severity, const char *name,
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

void pbti_check_hint(struct pbti_finding *finding, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(finding->hint, sizeof finding->hint, format, args);
    va_end(args);
}

void pbti_check_about(struct pbti_finding *finding, const char *hyperparameter)
{
    (void)snprintf(finding->hyperparameter, sizeof finding->hyperparameter, "%s", hyperparameter);
}

/* -------- comparing -------- */

bool pbti_check_hashes(const struct pbti_check *check, const struct pbti_probe *a,
                       const struct pbti_probe *b)
{
    return check->hashes && a->stored.files > 0 && b->stored.files > 0;
}

enum pbti_verdict pbti_check_compare(const struct pbti_check *check, const struct pbti_probe *a,
                                     const struct pbti_probe *b, char *what, size_t size)
{
    bool const hashes = pbti_check_hashes(check, a, b);
    if (hashes && a->stored.hash == b->stored.hash) { return PBTI_ALIKE; }
    switch (pbti_probe_compare(a, b, &check->varying, what, size)) {
    case PBTI_SAME: return hashes ? PBTI_TIED : PBTI_ALIKE;
    case PBTI_CLOSE: return PBTI_ROUNDED;
    default: return PBTI_UNLIKE;
    }
}

static bool same_numbers(const struct pbti_check *check, enum pbti_trial a, enum pbti_trial b)
{
    return pbti_probe_compare(&check->trials[a], &check->trials[b], &check->varying, NULL, 0) ==
           PBTI_SAME;
}

bool pbti_check_informative(const struct pbti_check *check)
{
    static const enum pbti_trial trained[] = {PBTI_TRIAL_FIRST, PBTI_TRIAL_SECOND, PBTI_TRIAL_LONG,
                                              PBTI_TRIAL_STRETCHED};
    size_t const count = sizeof trained / sizeof trained[0];
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (same_numbers(check, trained[i], trained[k])) { return false; }
        }
    }
    return true;
}

/* Are these two not alike, though they should be? Other bytes under equal scores count where
 * scores do not tell weights apart. */
static bool broken(const struct pbti_check *check, enum pbti_trial a, enum pbti_trial b, char *what,
                   size_t size)
{
    enum pbti_verdict const verdict =
        pbti_check_compare(check, &check->trials[a], &check->trials[b], what, size);
    bool const tied = verdict == PBTI_TIED && !pbti_check_informative(check);
    if (tied && what != NULL) {
        (void)snprintf(what, size, "the checkpoints differ, the scores are tied");
    }
    return verdict == PBTI_UNLIKE || tied;
}

/* Are these two the same training beyond doubt: to the byte, or by numbers that tell? */
static bool identical(const struct pbti_check *check, enum pbti_trial a, enum pbti_trial b)
{
    const struct pbti_probe *const one = &check->trials[a];
    const struct pbti_probe *const other = &check->trials[b];
    if (pbti_check_hashes(check, one, other)) { return one->stored.hash == other->stored.hash; }
    return check->deterministic && !check->varying.scores && one->scores_count > 0 &&
           pbti_check_informative(check) && same_numbers(check, a, b);
}

/* -------- judging: scores, determinism, continuing -------- */

static void judge_score(struct pbti_check *check)
{
    const struct pbti_probe *const first = &check->trials[PBTI_TRIAL_FIRST];
    const struct pbti_config *const config = &check->spec->config;
    if (first->scores_count == 0) {
        struct pbti_finding *const finding =
            pbti_check_add(check, PBTI_FINDING_PROBLEM, "score", "the trainer reports no score");
        pbti_check_hint(finding, "a member without a score is never copied from: report a number");
    } else if (pbti_exploit_refuses(config, first->scores_count) != NULL) {
        (void)pbti_check_add(check, PBTI_FINDING_PROBLEM, "score",
                             "exploit %s needs at least %u scores of a segment, the trainer "
                             "reports %u",
                             pbti_exploit_name(config->exploit), config->scores_min,
                             first->scores_count);
    } else if (!isfinite(first->scores[first->scores_count - 1])) {
        (void)pbti_check_add(check, PBTI_FINDING_WARNING, "score",
                             "the score of the first segment is not a finite number");
    } else {
        (void)pbti_check_add(check, PBTI_FINDING_GOOD, "score", "it reports a score: %.6g",
                             first->scores[first->scores_count - 1]);
    }
}

static void judge_ties(struct pbti_check *check)
{
    static const uint8_t other_weights[] = {PBTI_TRIAL_SECOND, PBTI_TRIAL_LONG, PBTI_TRIAL_OTHER,
                                            PBTI_TRIAL_STRETCHED};
    size_t const count = sizeof other_weights / sizeof other_weights[0];
    size_t ties = 0;
    const struct pbti_probe *const first = &check->trials[PBTI_TRIAL_FIRST];
    for (size_t i = 0; i < count && first->scores_count > 0; i++) {
        const struct pbti_probe *const trial = &check->trials[other_weights[i]];
        ties += trial->scores_count == first->scores_count &&
                memcmp(trial->scores, first->scores, first->scores_count * sizeof(double)) == 0;
    }
    if (ties == 0) { return; }
    double const score = first->scores[first->scores_count - 1];
    if (ties < count) {
        (void)pbti_check_add(check, PBTI_FINDING_NOTE, "score",
                             "scores of different weights tie (%.6g): they are coarse, and "
                             "checkpoints are compared instead",
                             score);
        return;
    }
    struct pbti_finding *const finding =
        pbti_check_add(check, PBTI_FINDING_WARNING, "score",
                       "the score is always the same, %.6g, whatever was trained", score);
    pbti_check_hint(finding, "is it constant, or too coarse for so few steps? Selection sees "
                             "nothing else: --steps tries longer trials");
}

static void judge_determinism(struct pbti_check *check)
{
    const struct pbti_probe *const first = &check->trials[PBTI_TRIAL_FIRST];
    const struct pbti_probe *const again = &check->trials[PBTI_TRIAL_AGAIN];
    char what[200] = "";
    enum pbti_likeness const like = pbti_probe_compare(first, again, NULL, what, sizeof what);
    pbti_probe_varying(first, again, &check->varying);
    check->hashes = first->stored.files > 0 && first->stored.hash == again->stored.hash;
    check->deterministic = check->hashes || !check->varying.scores;
    if (!check->deterministic) {
        struct pbti_finding *const finding =
            pbti_check_add(check, PBTI_FINDING_NOTE, "deterministic",
                           "the same seed gives different results in two processes: %s", what);
        pbti_check_hint(finding,
                        "seed every generator with task.seed, also those of data loading; some GPU "
                        "kernels are never deterministic. What follows could not be compared");
    } else if (check->varying.scores) {
        (void)pbti_check_add(check, PBTI_FINDING_NOTE, "deterministic",
                             "the same seed gives the same checkpoint in two processes, but not "
                             "the same score: %s",
                             what);
    } else {
        (void)pbti_check_add(check, PBTI_FINDING_GOOD, "deterministic",
                             "the same seed gives the same %s in two processes%s",
                             check->hashes ? "checkpoint and score" : "score",
                             like == PBTI_CLOSE ? " (to 1e-9)" : "");
    }
}

/* Which checkpoint was loaded instead of `first`, as its own bytes say; NULL: the right one, or it
 * cannot be seen. */
static const char *loaded_instead(const struct pbti_check *check)
{
    static const struct {
        uint8_t trial;
        const char *name;
    } others[] = {{PBTI_TRIAL_SECOND, "the segment after it"},
                  {PBTI_TRIAL_LONG, "the last segment of a process before"},
                  {PBTI_TRIAL_RELOADED, "what this process saved last"}};
    const struct pbti_probe *const stored = &check->trials[PBTI_TRIAL_STORED];
    const struct pbti_probe *const first = &check->trials[PBTI_TRIAL_FIRST];
    if (!pbti_check_hashes(check, stored, first) || stored->stored.hash == first->stored.hash) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        const struct pbti_probe *const other = &check->trials[others[i].trial];
        if (other->stored.files > 0 && other->stored.hash == stored->stored.hash) {
            return others[i].name;
        }
    }
    return NULL;
}

/* Of `keep` and `load`: which weights do they begin with? */
static void judge_start(struct pbti_check *check)
{
    const char *const instead = loaded_instead(check);
    struct pbti_finding *finding = NULL;
    if (!pbti_check_is_oneshot(check) && !check->declines &&
        identical(check, PBTI_TRIAL_SECOND, PBTI_TRIAL_OTHER) &&
        !identical(check, PBTI_TRIAL_FIRST, PBTI_TRIAL_SECOND)) {
        finding = pbti_check_add(check, PBTI_FINDING_PROBLEM, "keep",
                                 "a task with start \"keep\" gives what a fresh one gives: the "
                                 "weights in memory are not kept");
        pbti_check_hint(finding, "build new weights only when start is not keep");
    }
    if (identical(check, PBTI_TRIAL_LOADED, PBTI_TRIAL_OTHER) &&
        !identical(check, PBTI_TRIAL_FIRST, PBTI_TRIAL_LOADED)) {
        finding = pbti_check_add(check, PBTI_FINDING_PROBLEM, "load",
                                 "a task that loads a checkpoint gives what a fresh one gives: "
                                 "task.load is not restored, or nothing is in it");
        pbti_check_hint(finding, "are the weights saved into task.save, and restored from "
                                 "task.load?");
    } else if (instead != NULL) {
        finding = pbti_check_add(check, PBTI_FINDING_PROBLEM, "load",
                                 "after loading a checkpoint, the weights are not those in it, but "
                                 "those of %s: it loads another folder than task.load",
                                 instead);
        pbti_check_hint(finding, "restore from the folder task.load, which changes with each task");
    }
}

static void judge_continuing(struct pbti_check *check)
{
    char what[200] = "";
    if (pbti_check_is_oneshot(check)) { return; }
    if (!check->deterministic || check->declines) {
        (void)pbti_check_add(check, PBTI_FINDING_NOTE, "continues",
                             "whether it continues from a checkpoint as if there had been no break "
                             "could not be found out: it %s",
                             check->declines ? "does not go on from its memory (keep: false)"
                                             : "is not deterministic");
        return;
    }
    bool other = broken(check, PBTI_TRIAL_LONG, PBTI_TRIAL_RELOADED, what, sizeof what);
    if (!other) { other = broken(check, PBTI_TRIAL_SECOND, PBTI_TRIAL_LOADED, what, sizeof what); }
    if (!other) {
        (void)pbti_check_add(check, PBTI_FINDING_GOOD, "continues",
                             "it continues from a checkpoint as if there had been no break");
        return;
    }
    struct pbti_finding *const finding = pbti_check_add(
        check, PBTI_FINDING_PROBLEM, "continues",
        "training on after loading a checkpoint in a fresh process is not the same as "
        "training on without a break: %s",
        what);
    pbti_check_hint(finding,
                    "does it save and restore everything: the optimiser's state (momentum, Adam's "
                    "averages), learning-rate schedulers, running statistics, step counters?");
}

static void judge_fresh_again(struct pbti_check *check)
{
    char what[200] = "";
    if (!check->deterministic || pbti_check_is_oneshot(check) ||
        !broken(check, PBTI_TRIAL_FIRST, PBTI_TRIAL_REFRESHED, what, sizeof what)) {
        return;
    }
    struct pbti_finding *const finding =
        pbti_check_add(check, PBTI_FINDING_PROBLEM, "fresh_again",
                       "starting fresh in a process that has trained before differs from starting "
                       "fresh in a new one: %s",
                       what);
    pbti_check_hint(finding,
                    "start: fresh must build new weights and a new optimiser, and seed them with "
                    "task.seed");
}

static void judge_seed(struct pbti_check *check)
{
    bool const scratch = identical(check, PBTI_TRIAL_FIRST, PBTI_TRIAL_OTHER);
    if (!identical(check, PBTI_TRIAL_LOADED, PBTI_TRIAL_RESEEDED)) { return; }
    struct pbti_finding *const finding = pbti_check_add(
        check, PBTI_FINDING_WARNING, "seed",
        "another seed gives exactly the same result%s: task.seed seems not to be used%s",
        scratch ? ", from scratch, too" : " after loading a checkpoint", scratch ? "" : " there");
    pbti_check_hint(finding,
                    "clones would then see the same data in the same order as their "
                    "donors; %s",
                    scratch ? "seed every generator with task.seed"
                            : "do not restore generators from the checkpoint, seed them after it");
}

static void judge_steps(struct pbti_check *check)
{
    const struct pbti_probe *const loaded = &check->trials[PBTI_TRIAL_LOADED];
    const struct pbti_probe *const stretched = &check->trials[PBTI_TRIAL_STRETCHED];
    if (stretched->steps <= loaded->steps || loaded->steps == 0 ||
        !identical(check, PBTI_TRIAL_LOADED, PBTI_TRIAL_STRETCHED)) {
        return;
    }
    struct pbti_finding *const finding =
        pbti_check_add(check, PBTI_FINDING_PROBLEM, "steps",
                       "%" PRIu64 " and %" PRIu64 " steps give exactly the same result: "
                       "task.steps seems not to be used",
                       loaded->steps, stretched->steps);
    pbti_check_hint(finding, "train for as many steps as the task says, no more and no fewer");
}

/* A checkpoint may say more than the weights (the last loss, which zero steps do not have); but
 * what does not train settles, and what trains does not. */
static bool evaluation_trains(const struct pbti_check *check)
{
    const struct pbti_probe *const last = &check->trials[PBTI_TRIAL_LONG];
    const struct pbti_probe *const paused = &check->trials[PBTI_TRIAL_PAUSED];
    const struct pbti_probe *const again = &check->trials[PBTI_TRIAL_PAUSED_AGAIN];
    return pbti_check_hashes(check, last, paused) && again->stored.files > 0 &&
           last->stored.hash != paused->stored.hash && paused->stored.hash != again->stored.hash;
}

static void judge_evaluation(struct pbti_check *check)
{
    const struct pbti_probe *const first = &check->trials[PBTI_TRIAL_FIRST];
    const struct pbti_probe *const stored = &check->trials[PBTI_TRIAL_STORED];
    struct pbti_finding *finding;
    if (evaluation_trains(check)) {
        finding = pbti_check_add(check, PBTI_FINDING_PROBLEM, "evaluate",
                                 "a task of zero steps changes the weights, each time");
        pbti_check_hint(finding, "the evaluation must not train, nor change running statistics");
        return;
    }
    if (first->scores_count == 0 || stored->scores_count == 0) { return; }
    double const reported = first->scores[first->scores_count - 1];
    double const evaluated = stored->scores[stored->scores_count - 1];
    double const scale = fmax(fabs(reported), fabs(evaluated));
    if (reported == evaluated || fabs(reported - evaluated) <= PBTI_CLOSE_TOLERANCE * scale) {
        (void)pbti_check_add(check, PBTI_FINDING_GOOD, "evaluate",
                             "evaluating a checkpoint gives the score that was reported for it");
        return;
    }
    finding = pbti_check_add(check, PBTI_FINDING_NOTE, "evaluate",
                             "evaluating a checkpoint gave %.9g, its segment reported %.9g",
                             evaluated, reported);
    pbti_check_hint(finding,
                    "to be expected when the score is an average over the segment or an evaluation "
                    "draws at random; otherwise something is missing in the checkpoint");
}

static void judge_initial(struct pbti_check *check)
{
    if (check->spec->initial_checkpoint == NULL ||
        !identical(check, PBTI_TRIAL_FIRST, PBTI_TRIAL_PLAIN)) {
        return;
    }
    struct pbti_finding *const finding =
        pbti_check_add(check, PBTI_FINDING_PROBLEM, "initial",
                       "training from scratch is the same with and without the study's initial "
                       "checkpoint: it is not loaded");
    pbti_check_hint(finding, "restore task.load whenever it is set, also when start is fresh");
}

static void judge_checkpoint(struct pbti_check *check)
{
    const struct pbti_probe *const first = &check->trials[PBTI_TRIAL_FIRST];
    const struct pbti_probe *const second = &check->trials[PBTI_TRIAL_SECOND];
    struct pbti_finding *finding = NULL;
    if (first->stored.files == 0) {
        finding =
            pbti_check_add(check, PBTI_FINDING_PROBLEM, "checkpoint", "the checkpoint is empty");
    } else if (second->steps > 0 && second->stored.files > 0 &&
               first->stored.hash == second->stored.hash) {
        finding = pbti_check_add(check, PBTI_FINDING_PROBLEM, "checkpoint",
                                 "two segments saved exactly the same bytes: nothing that was "
                                 "trained is in the checkpoint");
    }
    if (finding == NULL) { return; }
    pbti_check_hint(finding,
                    "save weights and optimiser state into the folder task.save before reporting");
}

/* -------- judging: what it reads, what it says is in force -------- */

static bool names_it(const json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (strcmp(json_string_value(json_array_get(list, i)), name) == 0) { return true; }
    }
    return false;
}

static void judge_read(struct pbti_check *check)
{
    const struct pbti_probe *const first = &check->trials[PBTI_TRIAL_FIRST];
    const struct pbti_space *const space = &check->spec->config.space;
    for (uint32_t i = 0; first->read != NULL && i < space->count; i++) {
        const char *const name = space->hp[i].name;
        if (names_it(first->read, name) || json_object_get(first->in_force, name) != NULL) {
            continue;
        }
        struct pbti_finding *const finding =
            pbti_check_add(check, PBTI_FINDING_PROBLEM, "read",
                           "hyperparameter \"%s\" is never read by the trainer", name);
        pbti_check_about(finding, name);
        pbti_check_hint(finding, "use task.hp[\"%s\"], or take it out of the space", name);
    }
}

static void judge_in_force(struct pbti_check *check)
{
    const struct pbti_probe *const first = &check->trials[PBTI_TRIAL_FIRST];
    const struct pbti_space *const space = &check->spec->config.space;
    char names[300] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < space->count && used < sizeof names; i++) {
        if (json_object_get(first->in_force, space->hp[i].name) != NULL) { continue; }
        int const more = snprintf(names + used, sizeof names - used, "%s%s", used > 0 ? ", " : "",
                                  space->hp[i].name);
        used += more > 0 ? (size_t)more : 0;
    }
    if (names[0] == '\0') { return; }
    struct pbti_finding *const finding =
        pbti_check_add(check, PBTI_FINDING_NOTE, "in_force",
                       "not proved: the trainer does not say what is in force for %s", names);
    pbti_check_hint(finding, "task.in_force(name=value) with what the live optimiser holds makes "
                             "a segment fail when an old value came back");
}

void pbti_check_judge_first(struct pbti_check *check)
{
    if (check->trials[PBTI_TRIAL_FIRST].outcome != PBTI_OUTCOME_DONE) { return; }
    judge_score(check);
    judge_checkpoint(check);
    judge_read(check);
    judge_in_force(check);
}

void pbti_check_judge(struct pbti_check *check)
{
    judge_determinism(check);
    judge_ties(check);
    judge_start(check);
    judge_continuing(check);
    judge_fresh_again(check);
    judge_seed(check);
    judge_steps(check);
    judge_evaluation(check);
    judge_initial(check);
}
