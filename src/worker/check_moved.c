/* SPDX-License-Identifier: Apache-2.0 */
/* worker/check_moved.c - `pbt check` with changed hyperparameters. See check.c. */
#include "base/fail.h"
#include "worker/check_inside.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SEGMENT_ANY = 9, STEPS_ENOUGH = 3 }; /* momentum, and growth from step to step, need some */

/* The values of one hyperparameter that are tried: a little beside the middle, and far from it. */
struct moves {
    double near, far;
    bool numeric; /* near is nearer than far; otherwise there is far alone */
};

/* The middle times 1.01 and times 10, inside the bounds; where there is no such, another value.
 * False: it has one value only. */
static bool choose_moves(const struct pbti_hp *hp, double value, struct moves *moves)
{
    static const double units[] = {0.9, 0.1, 0.75, 0.25};
    bool const whole = pbti_hp_is_whole(hp);
    *moves = (struct moves){.far = value};
    if (pbti_hp_is_ordered(hp) && !pbti_hp_is_listed(hp)) {
        moves->far = pbti_hp_clip(hp, value * 10.0);
        if (fabs(moves->far - value) < 0.2 * fabs(value)) {
            moves->far = pbti_hp_clip(hp, value / 10.0);
        }
        double const up = moves->far > value ? 1.01 : 1.0 / 1.01;
        moves->near = whole ? value + (moves->far > value ? 1.0 : -1.0) : value * up;
        moves->numeric = moves->near >= hp->low && moves->near <= hp->high &&
                         moves->near != value &&
                         fabs(moves->far - value) > 2.0 * fabs(moves->near - value);
    }
    for (size_t i = 0; moves->far == value && i < sizeof units / sizeof units[0]; i++) {
        moves->far = pbti_hp_sample(hp, units[i]);
    }
    return moves->far != value;
}

enum action {
    ACTS,
    INERT, /* the same bytes; or the same numbers, where these tell weights apart */
    TIED   /* the same numbers, which do not say much; nothing else is known */
};

static enum action action_of(const struct pbti_check *check, const struct pbti_probe *base,
                             const struct pbti_probe *trial)
{
    bool const hashes = pbti_check_hashes(check, base, trial);
    if (!check->deterministic ||
        pbti_probe_compare(base, trial, &check->varying, NULL, 0) != PBTI_SAME) {
        return ACTS;
    }
    if (hashes && base->stored.hash == trial->stored.hash) { return INERT; }
    if (check->varying.scores) { return ACTS; } /* by its bytes; noise hides the rest */
    return pbti_check_informative(check) ? INERT : TIED;
}

static void add_no_effect(struct pbti_check *check, uint32_t hp, double moved,
                          const struct pbti_probe *trial, enum action action)
{
    const struct pbti_probe *const first = &check->trials[PBTI_TRIAL_FIRST];
    const struct pbti_space *const space = &check->spec->config.space;
    const char *const name = space->hp[hp].name;
    char was[PBTI_HP_NAME_MAX], is[PBTI_HP_NAME_MAX];
    (void)pbti_value_text(space, hp, check->values[hp], was, sizeof was);
    (void)pbti_value_text(space, hp, moved, is, sizeof is);
    bool const saved_alike = trial->stored.files > 0 && trial->stored.hash == first->stored.hash;
    uint8_t const severity = action == TIED                ? PBTI_FINDING_NOTE
                             : trial->steps < STEPS_ENOUGH ? PBTI_FINDING_WARNING
                                                           : PBTI_FINDING_PROBLEM;
    struct pbti_finding *const finding = pbti_check_add(
        check, severity, "effect",
        "hyperparameter \"%s\": %s instead of %s changes neither score nor metrics%s", name, is,
        was,
        saved_alike      ? ", nor a byte of the checkpoint"
        : action == TIED ? ", but these are coarse"
                         : "");
    pbti_check_about(finding, name);
    pbti_check_hint(finding,
                    "it %s ignored, or more than the %" PRIu64
                    " step%s tried are needed to see it: --steps",
                    severity == PBTI_FINDING_PROBLEM ? "seems to be" : "may be", check->steps,
                    check->steps == 1 ? "" : "s");
}

static const json_t *metric_of(const struct pbti_probe *trial, const char *name)
{
    const json_t *const metric = json_object_get(trial->metrics, name);
    return metric != NULL ? metric : json_object_get(trial->progress, name);
}

/* A metric of the hyperparameter's own name, such as lr, that stays what it was. */
static bool reports_the_old(const struct pbti_check *check, uint32_t hp,
                            const struct pbti_probe *trial)
{
    const char *const name = check->spec->config.space.hp[hp].name;
    const json_t *const old = metric_of(&check->trials[PBTI_TRIAL_LOADED], name);
    const json_t *const scratch = metric_of(&check->trials[PBTI_TRIAL_FIRST], name);
    const json_t *const now = metric_of(trial, name);
    return old != NULL && now != NULL && scratch != NULL && json_equal(old, now);
}

static double last_score(const struct pbti_probe *trial)
{
    return trial->scores_count > 0 ? trial->scores[trial->scores_count - 1] : (double)NAN;
}

static double distance(const struct pbti_probe *a, const struct pbti_probe *b)
{
    return fabs(last_score(a) - last_score(b));
}

/* The trials of one hyperparameter. */
struct tried {
    struct pbti_probe scratch, near, far; /* near and far load 1 */
};

static void release(struct tried *tried)
{
    pbti_probe_release(&tried->scratch);
    pbti_probe_release(&tried->near);
    pbti_probe_release(&tried->far);
}

/* Where a trial begins, as in check.c's table. */
struct start {
    uint32_t from; /* 0: from scratch */
    uint64_t age, seed;
};

static pbt_status run_moved(struct pbti_check *check, uint32_t hp, double value, struct start start,
                            uint64_t steps, struct pbti_probe *trial, struct pbt_error *err)
{
    double values[PBTI_HP_MAX];
    memcpy(values, check->values, sizeof values);
    values[hp] = value;
    return pbti_check_run(check,
                          (struct pbti_probe_order){.steps = steps,
                                                    .age = start.age,
                                                    .from = start.from,
                                                    .seed = start.seed,
                                                    .save = SEGMENT_ANY,
                                                    .values = values},
                          trial, err);
}

/* -------- does a value act in every step? -------- */

/* What a changed value does to the score after the first step, and after all. */
struct growth {
    double first, all;
};

/* `base` is the trial with the value unchanged. */
static pbt_status run_growth(struct pbti_check *check, uint32_t hp, double value,
                             struct start start, const struct pbti_probe *base,
                             struct growth *growth, struct pbt_error *err)
{
    struct pbti_probe base1 = {0}, moved1 = {0}, moved = {0};
    pbt_status status = run_moved(check, hp, check->values[hp], start, 1, &base1, err);
    if (status == PBT_OK) { status = run_moved(check, hp, value, start, 1, &moved1, err); }
    if (status == PBT_OK) { status = run_moved(check, hp, value, start, base->steps, &moved, err); }
    *growth = (struct growth){distance(&base1, &moved1), distance(base, &moved)};
    pbti_probe_release(&base1);
    pbti_probe_release(&moved1);
    pbti_probe_release(&moved);
    return status;
}

static double ratio(struct growth growth)
{
    return growth.all / growth.first;
}

/*
 * A value that acts on the first step alone changes the score about as much after n steps as after
 * one; a value that acts on all of them, more: how much is seen from scratch. Only for what acts
 * smoothly: the first step's effect follows the size of the change (dropout's does not).
 */
static pbt_status find_fading(struct pbti_check *check, uint32_t hp, const struct moves *moves,
                              struct start start, const struct pbti_probe *base, bool *faded,
                              struct pbt_error *err)
{
    const struct pbti_probe *const first = &check->trials[PBTI_TRIAL_FIRST];
    struct growth scratch, near, far;
    double const value = check->values[hp];
    *faded = false;
    PBTI_TRY(run_growth(check, hp, moves->near, start, base, &near, err));
    if (!(ratio(near) <= 2.0)) { return PBT_OK; }
    PBTI_TRY(run_growth(check, hp, moves->far, start, base, &far, err));
    PBTI_TRY(run_growth(check, hp, moves->far, (struct start){.seed = 101}, first, &scratch, err));
    double const asked = fabs(moves->far - value) / fabs(moves->near - value);
    double const seen = far.first / near.first;
    bool const smooth = seen > asked / 3.0 && seen < asked * 3.0;
    *faded = smooth && ratio(scratch) >= 2.0 && ratio(far) <= 2.0 &&
             fmax(ratio(near), ratio(far)) <= 0.4 * ratio(scratch);
    return PBT_OK;
}

/* Seen twice, from another checkpoint and over more steps the second time. */
static pbt_status fades(struct pbti_check *check, uint32_t hp, const struct moves *moves,
                        bool *faded, struct pbt_error *err)
{
    uint64_t const n = check->trials[PBTI_TRIAL_FIRST].steps;
    const struct pbti_probe *const loaded = &check->trials[PBTI_TRIAL_LOADED];
    const struct pbti_probe *const reloaded = &check->trials[PBTI_TRIAL_RELOADED];
    *faded = false;
    if (loaded->steps < STEPS_ENOUGH || reloaded->steps <= loaded->steps) { return PBT_OK; }
    PBTI_TRY(find_fading(check, hp, moves, (struct start){1, n, 102}, loaded, faded, err));
    if (!*faded) { return PBT_OK; }
    return find_fading(check, hp, moves, (struct start){2, 2 * n, 103}, reloaded, faded, err);
}

/* -------- one after the other -------- */

static void add_restored(struct pbti_check *check, uint32_t hp, uint8_t severity, const char *text)
{
    const char *const name = check->spec->config.space.hp[hp].name;
    struct pbti_finding *const finding =
        pbti_check_add(check, severity, "restored", "hyperparameter \"%s\": %s", name, text);
    pbti_check_about(finding, name);
    pbti_check_hint(finding,
                    "restoring an optimiser or a scheduler restores its old hyperparameters: set "
                    "them from task.hp after the restore, and build schedulers from task.age");
}

/* Why the segment that loads with a changed value failed; true: it did. */
static bool add_failed(struct pbti_check *check, uint32_t hp, const struct pbti_probe *trial)
{
    char text[700];
    if (trial->outcome == PBTI_OUTCOME_DONE) { return false; }
    if (trial->outcome == PBTI_OUTCOME_IN_FORCE) {
        (void)snprintf(text, sizeof text,
                       "after loading a checkpoint another value is in force than was handed "
                       "over: %.600s",
                       trial->message);
        add_restored(check, hp, PBTI_FINDING_PROBLEM, text);
    } else if (trial->outcome != PBTI_OUTCOME_NAN) { /* which is an effect, too */
        pbti_check_add_failure(check, trial,
                               "training on from a checkpoint with a changed hyperparameter");
    }
    return true;
}

static void add_inert(struct pbti_check *check, uint32_t hp, double moved, enum action action)
{
    char is[PBTI_HP_NAME_MAX], text[400];
    (void)pbti_value_text(&check->spec->config.space, hp, moved, is, sizeof is);
    (void)snprintf(text, sizeof text,
                   action == TIED
                       ? "changing it to %s while loading a checkpoint changes neither score nor "
                         "metrics, but these are coarse"
                       : "changing it to %s while loading a checkpoint changes nothing, although "
                         "it matters from scratch",
                   is);
    add_restored(check, hp, action == TIED ? PBTI_FINDING_NOTE : PBTI_FINDING_PROBLEM, text);
}

/* After a load: does the value act, the larger change more, and in every step? */
static pbt_status try_loaded(struct pbti_check *check, uint32_t hp, const struct moves *moves,
                             struct tried *tried, struct pbt_error *err)
{
    const struct pbti_probe *const loaded = &check->trials[PBTI_TRIAL_LOADED];
    bool const scored = check->deterministic && !check->varying.scores &&
                        pbti_check_informative(check) &&
                        tried->scratch.outcome == PBTI_OUTCOME_DONE;
    struct start const start = {1, check->trials[PBTI_TRIAL_FIRST].steps, 102};
    PBTI_TRY(run_moved(check, hp, moves->far, start, loaded->steps, &tried->far, err));
    if (add_failed(check, hp, &tried->far)) { return PBT_OK; }
    enum action const action = action_of(check, loaded, &tried->far);
    if (action != ACTS) {
        add_inert(check, hp, moves->far, action);
        return PBT_OK;
    }
    if (reports_the_old(check, hp, &tried->far) &&
        !json_equal(
            metric_of(&tried->scratch, check->spec->config.space.hp[hp].name),
            metric_of(&check->trials[PBTI_TRIAL_FIRST], check->spec->config.space.hp[hp].name))) {
        add_restored(check, hp, PBTI_FINDING_PROBLEM,
                     "the metric of this name says the old value after loading a checkpoint with "
                     "another one");
        return PBT_OK;
    }
    if (!moves->numeric) { return PBT_OK; }
    PBTI_TRY(run_moved(check, hp, moves->near, start, loaded->steps, &tried->near, err));
    if (add_failed(check, hp, &tried->near) || !scored) { return PBT_OK; }
    bool faded;
    PBTI_TRY(fades(check, hp, moves, &faded, err));
    if (faded) {
        add_restored(check, hp, PBTI_FINDING_PROBLEM,
                     "after loading a checkpoint, another value acts on the first step only, "
                     "although it acts on all of them from scratch: a scheduler brings the old "
                     "one back");
    } else if (distance(&tried->near, loaded) > distance(&tried->far, loaded)) {
        add_restored(check, hp, PBTI_FINDING_NOTE,
                     "after loading a checkpoint, a small change of it changes the score by more "
                     "than a large one");
    }
    return PBT_OK;
}

static pbt_status try_hyperparameter(struct pbti_check *check, uint32_t hp, struct tried *tried,
                                     struct pbt_error *err)
{
    const struct pbti_hp *const it = &check->spec->config.space.hp[hp];
    const struct pbti_probe *const first = &check->trials[PBTI_TRIAL_FIRST];
    struct moves moves;
    char what[128];
    if (!choose_moves(it, check->values[hp], &moves)) { return PBT_OK; }
    (void)snprintf(what, sizeof what, "changing hyperparameter \"%s\"", it->name);
    pbti_check_say(check, what);
    PBTI_TRY(run_moved(check, hp, moves.far, (struct start){.seed = 101}, first->steps,
                       &tried->scratch, err));
    bool const diverged = tried->scratch.outcome == PBTI_OUTCOME_NAN; /* an effect, too */
    if (tried->scratch.outcome != PBTI_OUTCOME_DONE && !diverged) {
        pbti_check_add_failure(check, &tried->scratch, what);
        return PBT_OK;
    }
    enum action const action = diverged ? ACTS : action_of(check, first, &tried->scratch);
    if (action != ACTS) {
        add_no_effect(check, hp, moves.far, &tried->scratch, action);
        if (action == INERT) { return PBT_OK; }
    }
    return it->frozen ? PBT_OK : try_loaded(check, hp, &moves, tried, err);
}

pbt_status pbti_check_move(struct pbti_check *check, struct pbt_error *err)
{
    uint32_t const count = check->spec->config.space.count;
    double const expected = 5.0 * check->trials[PBTI_TRIAL_AGAIN].seconds * count;
    if (expected > check->opts->patience_s) {
        (void)pbti_check_add(check, PBTI_FINDING_NOTE, "effect",
                             "the effect of each hyperparameter was not tried: it would take about "
                             "%.0f s",
                             expected);
        return PBT_OK;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct tried tried = {0};
        pbt_status const status = try_hyperparameter(check, i, &tried, err);
        release(&tried);
        if (status != PBT_OK) { return status; }
    }
    return PBT_OK;
}
