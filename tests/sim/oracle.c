/* SPDX-License-Identifier: Apache-2.0 */
/* sim/oracle.c - the oracle's account of a study; see oracle.h. */
#include "sim/oracle.h"

#include "sim/fake_store.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pbti_oracle_blame(struct pbti_oracle *oracle, const char *format, ...)
{
    if (oracle->broken[0] != '\0') { return; }
    va_list args;
    va_start(args, format);
    (void)vsnprintf(oracle->broken, sizeof oracle->broken, format, args);
    va_end(args);
}

struct pbti_oracle *pbti_oracle_create(void)
{
    struct pbti_oracle *const oracle = calloc(1, sizeof *oracle);
    struct pbti_config *const config = malloc(sizeof *config);
    if (oracle == NULL || config == NULL) { abort(); }
    oracle->config = config;
    return oracle;
}

void pbti_oracle_destroy(struct pbti_oracle *oracle)
{
    if (oracle == NULL) { return; }
    free(oracle->config);
    free(oracle);
}

bool pbti_oracle_claimed(const struct pbti_oracle *oracle, uint32_t member, uint64_t claim)
{
    return member < oracle->members && claim != 0 && oracle->member[member].claim == claim;
}

bool pbti_oracle_needs(const struct pbti_oracle *oracle, struct pbti_checkpoint checkpoint)
{
    for (uint32_t i = 0; i < oracle->members; i++) {
        if (pbti_checkpoint_equal(oracle->member[i].start, checkpoint)) { return true; }
    }
    for (uint32_t group = 0; group < PBTI_GROUPS; group++) {
        for (uint32_t i = 0; i < oracle->kept_count[group]; i++) {
            if (pbti_checkpoint_equal(oracle->kept[group][i].checkpoint, checkpoint)) {
                return true;
            }
        }
    }
    return false;
}

/* -------- beginning, amending, ending -------- */

static uint8_t group_of(const struct pbti_config *config, uint32_t member)
{
    bool const controls = config->control_independent > 0 || config->control_selection_only > 0;
    if (!controls || member < config->members) { return PBTI_GROUP_POPULATION; }
    return member - config->members < config->control_independent ? PBTI_GROUP_INDEPENDENT
                                                                  : PBTI_GROUP_SELECTION_ONLY;
}

static uint8_t first_phase(const struct pbti_config *config, uint32_t member)
{
    bool const given = member < config->points_count;
    bool const population = group_of(config, member) == PBTI_GROUP_POPULATION;
    return config->proposals && population && !given ? PBTI_EXPECTING : PBTI_WAITING;
}

static void begin_members(struct pbti_oracle *w)
{
    uint32_t const wanted = pbti_config_members(w->config);
    for (; w->members < wanted; w->members++) {
        w->member[w->members] = (struct pbti_seen){.phase = first_phase(w->config, w->members),
                                                   .group = group_of(w->config, w->members),
                                                   .segment = 1,
                                                   .founder = w->members,
                                                   .score = NAN};
    }
}

static void see_end(struct pbti_oracle *w)
{
    bool any_done = false;
    for (uint32_t i = 0; i < w->members; i++) {
        uint8_t const phase = w->member[i].phase;
        any_done = any_done || phase == PBTI_DONE;
        if (phase != PBTI_DONE && phase != PBTI_GONE && phase != PBTI_OUT) { return; }
    }
    if (w->stop == PBTI_STOP_NONE) { w->stop = any_done ? PBTI_STOP_BUDGET : PBTI_STOP_FAILED; }
}

/* Scores by age: as many rows as there are intervals; other intervals begin anew. */
static void resize_rows(struct pbti_oracle *w, bool begins_anew)
{
    const struct pbti_config *const config = w->config;
    uint64_t const before = begins_anew ? 0 : w->rows;
    bool const wanted = config->compare == PBTI_COMPARE_EQUAL_AGE;
    w->rows = wanted ? config->max_age / config->ready_every + 2 : 0;
    if (w->rows > PBTI_SEEN_ROWS_MAX) { abort(); }
    for (uint64_t row = before; row < w->rows; row++) {
        for (uint32_t i = 0; i < PBTI_SEEN_MEMBERS_MAX; i++) {
            w->at_age[row][i] = NAN;
        }
    }
}

static void see_study(struct pbti_oracle *w, const struct pbti_config *config)
{
    memcpy(w->config, config, sizeof *config);
    for (uint32_t group = 0; group < PBTI_GROUPS; group++) {
        w->best[group].score = NAN;
    }
    begin_members(w);
    resize_rows(w, true);
    for (uint32_t rung = 0; rung < PBTI_SEEN_RUNGS_MAX; rung++) {
        for (uint32_t i = 0; i < PBTI_SEEN_MEMBERS_MAX; i++) {
            w->at_rung[rung][i] = NAN;
        }
    }
}

static void end_claim(struct pbti_seen *seen, uint8_t phase)
{
    seen->phase = phase;
    seen->claim = 0;
    seen->claimed_steps = 0;
    seen->claimed_span = 0;
}

static void see_amend(struct pbti_oracle *w, const struct pbti_config *config)
{
    bool const begins_anew = config->ready_every != w->config->ready_every;
    memcpy(w->config, config, sizeof *config);
    w->config->revive = false; /* of this amend alone */
    resize_rows(w, begins_anew);
    uint32_t const wanted = pbti_config_members(config);
    for (uint32_t i = 0; i < w->members; i++) {
        struct pbti_seen *const seen = &w->member[i];
        uint8_t const before = seen->phase;
        if (before == PBTI_GONE && (i >= wanted || !config->revive)) { continue; }
        if (before == PBTI_GONE) {
            seen->phase = pbti_oracle_rules_through(config, seen) ? PBTI_DONE : PBTI_WAITING;
            seen->failures = seen->revivals = 0;
        } else if (i >= wanted) {
            end_claim(seen, PBTI_OUT);
            if (before == PBTI_REPORTED) {
                seen->segment++;
                seen->attempt = 0;
            }
        } else if (before == PBTI_OUT && !seen->reported) {
            seen->phase = first_phase(config, i);
            seen->failures = 0;
        } else if (before == PBTI_DONE && config->rungs != PBTI_RUNGS_NONE) {
            continue; /* eliminated for good */
        } else if (before == PBTI_WAITING || before == PBTI_DONE || before == PBTI_OUT) {
            seen->phase = pbti_oracle_rules_through(config, seen) ? PBTI_DONE : PBTI_WAITING;
            if (before == PBTI_OUT && seen->phase == PBTI_WAITING) { seen->failures = 0; }
        } else if (before == PBTI_FAILED && pbti_oracle_rules_through(config, seen)) {
            seen->phase = PBTI_DONE;
        }
    }
    begin_members(w);
    w->reports_since_best = 0;
    w->stop = PBTI_STOP_NONE;
    see_end(w);
}

/* -------- workers and claims -------- */

static bool is_joined(const struct pbti_oracle *w, uint64_t worker)
{
    for (uint32_t i = 0; i < w->workers_count; i++) {
        if (w->worker[i] == worker) { return true; }
    }
    return false;
}

static void see_worker(struct pbti_oracle *w, uint64_t worker)
{
    if (is_joined(w, worker)) { pbti_oracle_blame(w, "12: a worker joins twice"); }
    if (w->workers_count == PBTI_SEEN_WORKERS_MAX) { abort(); }
    w->worker[w->workers_count++] = worker;
}

static void see_leave(struct pbti_oracle *w, uint64_t worker)
{
    if (!is_joined(w, worker)) { pbti_oracle_blame(w, "12: a worker leaves that never joined"); }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < w->workers_count; i++) {
        if (w->worker[i] != worker) { w->worker[kept++] = w->worker[i]; }
    }
    w->workers_count = kept;
    for (uint32_t i = 0; i < w->members; i++) {
        if (w->member[i].claim != 0 && w->member[i].worker == worker) {
            pbti_oracle_blame(w, "15: member %u is left claimed by a worker that is gone", i);
        }
    }
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Steps of a member's next segment: rules 18 and 19. */
static uint64_t steps_of(const struct pbti_oracle *w, uint32_t member)
{
    const struct pbti_config *const config = w->config;
    const struct pbti_seen *const seen = &w->member[member];
    uint64_t const budget = config->steps > seen->steps ? config->steps - seen->steps : 0;
    uint64_t const life = config->max_age > seen->age ? config->max_age - seen->age : 0;
    uint64_t const steps = least(config->ready_every, least(budget, life));
    bool const has_rungs = config->rungs != PBTI_RUNGS_NONE;
    return has_rungs ? least(steps, pbti_oracle_rungs_left(config, member, seen->steps)) : steps;
}

/* A free slot goes to the member with the fewest steps, or to one at most `lead` intervals ahead;
 * with rungs to the one with the most. */
static void check_order(struct pbti_oracle *w, uint32_t member)
{
    uint64_t fewest = UINT64_MAX;
    uint64_t most = 0;
    for (uint32_t i = 0; i < w->members; i++) {
        if (w->member[i].phase != PBTI_WAITING) { continue; }
        if (w->member[i].passed_over && i != member) { continue; } /* others may go first */
        fewest = least(fewest, w->member[i].steps);
        most = most > w->member[i].steps ? most : w->member[i].steps;
    }
    if (w->config->rungs != PBTI_RUNGS_NONE) {
        if (w->member[member].steps < most) {
            pbti_oracle_blame(w, "15: member %u runs before a promoted one", member);
        }
        return;
    }
    uint64_t const ahead = w->member[member].steps - fewest;
    if (ahead > w->config->lead * w->config->ready_every) {
        pbti_oracle_blame(w, "15: member %u runs %llu steps ahead of a waiting one", member,
                          (unsigned long long)ahead);
    }
}

static void see_claim(struct pbti_oracle *w, uint64_t seq, const struct pbti_event_claim *claim)
{
    struct pbti_seen *const seen = &w->member[claim->member];
    if (claim->member >= w->members || seen->phase != PBTI_WAITING) {
        pbti_oracle_blame(w, "12: a claim of member %u, which is not waiting", claim->member);
        return;
    }
    if (w->stop != PBTI_STOP_NONE) { pbti_oracle_blame(w, "12: a claim after the end"); }
    if (!is_joined(w, claim->worker)) {
        pbti_oracle_blame(w, "15: a claim by a worker that has not joined");
    }
    for (uint32_t i = 0; i < w->members; i++) {
        const struct pbti_seen *const other = &w->member[i];
        if (other->claim != 0 && other->worker == claim->worker && other->slot == claim->slot) {
            pbti_oracle_blame(w, "12: members %u and %u are claimed for one slot", i,
                              claim->member);
        }
    }
    check_order(w, claim->member);
    seen->phase = PBTI_RUNNING;
    seen->claim = seq;
    seen->worker = claim->worker;
    seen->slot = claim->slot;
    seen->attempt++;
    seen->claimed_steps = steps_of(w, claim->member);
    seen->claimed_span = w->config->max_age;
    if (claim->segment != seen->segment || claim->attempt != seen->attempt) {
        pbti_oracle_blame(w, "12: a claim of segment %u, attempt %u where %u, %u is next",
                          claim->segment, claim->attempt, seen->segment, seen->attempt);
    }
    if (seen->claimed_steps == 0) {
        pbti_oracle_blame(w, "18: member %u is claimed with nothing left to train", claim->member);
    }
}

static bool check_token(struct pbti_oracle *w, uint32_t member, uint64_t claim, const char *what)
{
    if (pbti_oracle_claimed(w, member, claim)) { return true; }
    pbti_oracle_blame(w, "12: a %s under a claim that is not in force", what);
    return false;
}

/* A claim ends without a result; an amend may have lowered the budget meanwhile (rule 18). */
static void run_again(struct pbti_oracle *w, struct pbti_seen *seen)
{
    end_claim(seen, pbti_oracle_rules_through(w->config, seen) ? PBTI_DONE : PBTI_WAITING);
    see_end(w);
}

/* -------- reports -------- */

/* The last `reduce_last` scores as one. */
static double reduce(const struct pbti_config *config, const struct pbti_event_report *report)
{
    if (report->scores_count == 0) { return NAN; }
    uint32_t used = report->scores_count;
    if (config->reduce_last > 0 && config->reduce_last < used) { used = config->reduce_last; }
    const double *const scores = report->scores + (report->scores_count - used);
    double sum = 0.0;
    double best = scores[0];
    for (uint32_t i = 0; i < used; i++) {
        sum += scores[i];
        if (pbti_oracle_rules_better(config, scores[i], best)) { best = scores[i]; }
    }
    switch ((enum pbti_reduce)config->reduce) {
    case PBTI_REDUCE_LAST: return scores[used - 1];
    case PBTI_REDUCE_MEAN: return sum / (double)used;
    case PBTI_REDUCE_MAX: break;
    }
    return best;
}

/* Best ever and keep: {top: K}; among equals the first stays (rule 14). */
static void see_best(struct pbti_oracle *w, const struct pbti_seen *seen)
{
    struct pbti_seen_best const now = {seen->score, seen->start};
    struct pbti_seen_best *const kept = w->kept[seen->group];
    uint32_t *const count = &w->kept_count[seen->group];
    bool const population = seen->group == PBTI_GROUP_POPULATION;
    if (population) { w->reports_since_best++; }
    if (!isfinite(seen->score)) { return; }
    if (pbti_oracle_rules_better(w->config, now.score, w->best[seen->group].score)) {
        w->best[seen->group] = now;
        if (population) { w->reports_since_best = 0; }
    }
    uint32_t place = *count;
    while (place > 0 && pbti_oracle_rules_better(w->config, now.score, kept[place - 1].score)) {
        place--;
    }
    if (place >= w->config->keep_top) { return; }
    uint32_t const full = w->config->keep_top;
    uint32_t const moved = *count < full ? *count : full - 1;
    memmove(kept + place + 1, kept + place, (moved - place) * sizeof *kept);
    kept[place] = now;
    *count = moved + 1;
}

static void see_target(struct pbti_oracle *w, const struct pbti_seen *seen)
{
    const struct pbti_config *const config = w->config;
    if (seen->group != PBTI_GROUP_POPULATION || w->stop != PBTI_STOP_NONE) { return; }
    bool const reached = config->has_target && isfinite(seen->score) &&
                         !pbti_oracle_rules_better(config, config->target, seen->score);
    bool const stale =
        config->plateau > 0 && w->reports_since_best / config->members >= config->plateau;
    if (reached) {
        w->stop = PBTI_STOP_TARGET;
    } else if (stale) {
        w->stop = PBTI_STOP_PLATEAU;
    }
}

static void see_done(struct pbti_oracle *w, const struct pbti_event_report *report)
{
    struct pbti_seen *const seen = &w->member[report->member];
    uint64_t const seed = pbti_task_seed(w->config, report->member, report->segment);
    uint64_t const weights =
        pbti_weights(seen->start.segment > 0 ? seen->weights : 0, seed, seen->age, report->steps,
                     seen->handed, w->config->space.count);
    if (report->steps != seen->claimed_steps) {
        pbti_oracle_blame(w, "9: member %u trained %llu steps instead of %llu", report->member,
                          (unsigned long long)report->steps,
                          (unsigned long long)seen->claimed_steps);
    }
    if (report->hash != weights) {
        pbti_oracle_blame(w,
                          "1: the weights of member %u, segment %u are not what its lineage, "
                          "seed and hyperparameters make",
                          report->member, report->segment);
    }
    seen->steps += report->steps;
    seen->age += report->steps;
    seen->failures = seen->revivals = 0;
    seen->start = (struct pbti_checkpoint){report->member, report->segment, report->attempt};
    seen->weights = weights;
    seen->score = reduce(w->config, report);
    seen->source = PBTI_SCORE_OWN;
    seen->scores_count = report->scores_count;
    end_claim(seen, PBTI_REPORTED);
    uint64_t const row = seen->age / w->config->ready_every;
    if (row < w->rows) {
        w->at_age[row][report->member] = pbti_oracle_rules_key(w->config, seen->score);
    }
    if (w->config->rungs != PBTI_RUNGS_NONE) { pbti_oracle_rungs_reach(w, report->member); }
    see_best(w, seen);
    see_target(w, seen);
}

static bool is_hopeless(uint8_t outcome) /* with the same hyperparameters: rule 15 */
{
    return outcome == PBTI_OUTCOME_NAN || outcome == PBTI_OUTCOME_OOM ||
           outcome == PBTI_OUTCOME_CONFIG || outcome == PBTI_OUTCOME_IN_FORCE;
}

static void see_report(struct pbti_oracle *w, const struct pbti_event_report *report)
{
    if (!check_token(w, report->member, report->claim, "report")) { return; }
    struct pbti_seen *const seen = &w->member[report->member];
    if (report->segment != seen->segment || report->attempt != seen->attempt) {
        pbti_oracle_blame(w, "12: a report of another attempt than the claimed one");
    }
    seen->reported = true;
    seen->passed_over = report->outcome != PBTI_OUTCOME_DONE;
    if (report->outcome == PBTI_OUTCOME_DONE) {
        seen->withdrawals = 0;
        see_done(w, report);
        return;
    }
    seen->failures++;
    bool const again = !is_hopeless(report->outcome) && seen->failures <= w->config->retries;
    if (again || pbti_oracle_rules_through(w->config, seen)) {
        run_again(w, seen);
    } else {
        end_claim(seen, PBTI_FAILED);
    }
}

/* -------- decisions -------- */

static void see_decision(struct pbti_oracle *w, const struct pbti_event_decision *decision)
{
    pbti_oracle_rules_check(w, decision);
    if (w->broken[0] != '\0' || w->pending_count == PBTI_SEEN_MEMBERS_MAX) { return; }
    struct pbti_seen_decision *const pending = &w->pending[w->pending_count++];
    *pending = (struct pbti_seen_decision){.member = decision->member,
                                           .kind = decision->kind,
                                           .copied = decision->copied,
                                           .has_values = decision->values_count > 0};
    for (uint32_t i = 0; i < decision->values_count; i++) {
        pending->values[i] = decision->values[i];
    }
    if (decision->kind == PBTI_REPLACE) { pending->donor = w->member[decision->opponent]; }
    /* async: at once; generational: all from one snapshot, when no more decisions follow */
    if (w->config->mode == PBTI_ASYNC) { pbti_oracle_batch(w); }
}

static void replace(struct pbti_seen *seen, const struct pbti_seen_decision *decision)
{
    const struct pbti_seen *const donor = &decision->donor;
    if (seen->phase == PBTI_FAILED) {
        seen->revivals++;
        seen->score = NAN;
        seen->source = PBTI_SCORE_NONE;
        seen->scores_count = 0;
    }
    if ((decision->copied & PBTI_COPY_WEIGHTS) == 0) { return; }
    seen->start = donor->start;
    seen->weights = donor->weights;
    seen->age = donor->age;
    seen->founder = donor->founder;
    seen->score = donor->score;
    seen->source = PBTI_SCORE_INHERITED;
    seen->scores_count = 0;
}

static void enforce(struct pbti_oracle *w, const struct pbti_seen_decision *decision)
{
    struct pbti_seen *const seen = &w->member[decision->member];
    if (decision->has_values) {
        memcpy(seen->values, decision->values, sizeof seen->values);
        seen->values_known = true;
    }
    if (decision->kind == PBTI_GIVE_UP || decision->kind == PBTI_PAUSE) {
        seen->phase = decision->kind == PBTI_PAUSE ? PBTI_PAUSED : PBTI_GONE;
        return;
    }
    if (decision->kind == PBTI_REPLACE) { replace(seen, decision); }
    seen->segment++;
    seen->attempt = seen->failures = 0;
    seen->phase = decision->kind == PBTI_FINISH ? PBTI_DONE : PBTI_WAITING;
}

void pbti_oracle_batch(struct pbti_oracle *w)
{
    if (w->pending_count == 0) { return; }
    for (uint32_t i = 0; i < w->pending_count; i++) {
        enforce(w, &w->pending[i]);
    }
    w->pending_count = 0;
    see_end(w);
}

/* -------- proposals -------- */

static void see_proposal(struct pbti_oracle *w, uint64_t seq,
                         const struct pbti_event_proposal *proposal)
{
    struct pbti_seen *const seen = &w->member[proposal->member];
    if (proposal->member >= w->members || seen->phase != PBTI_EXPECTING) {
        pbti_oracle_blame(w, "11: a proposal for member %u, which expects none", proposal->member);
        return;
    }
    if (w->stop != PBTI_STOP_NONE) { pbti_oracle_blame(w, "11: a proposal after the end"); }
    if (proposal->knows < w->proposed || proposal->knows >= seq) {
        pbti_oracle_blame(w, "11: a proposal for member %u that does not know of the one before",
                          proposal->member);
    }
    for (uint32_t i = 0; i < proposal->values_count; i++) {
        if (!pbti_hp_valid(&w->config->space.hp[i], proposal->values[i])) {
            pbti_oracle_blame(w, "7: a proposal is out of bounds");
        }
        seen->values[i] = proposal->values[i];
    }
    seen->values_known = true;
    seen->phase = PBTI_WAITING;
    w->proposed = seq;
}

/* -------- notes -------- */

/* A failure that is not the member's: its claim was released, and nothing was reported. */
static void see_withdrawal(struct pbti_oracle *w, const struct pbti_event_note *note)
{
    uint32_t const member = note->checkpoint.member;
    if (member >= w->members) { return; }
    struct pbti_seen *const seen = &w->member[member];
    bool const attempt = seen->segment == note->checkpoint.segment &&
                         seen->attempt == note->checkpoint.attempt && seen->claim == 0;
    if (!attempt) {
        pbti_oracle_blame(w, "15: an attempt of member %u is withdrawn and not released", member);
    }
    w->withdrawn++;
    seen->passed_over = true;
    seen->withdrawals++;
}

/* What came too late is noted of an attempt that is over, and was not reported. */
static void see_note(struct pbti_oracle *w, const struct pbti_event_note *note)
{
    static const char late[] = "late_report", withdrawn[] = "not_the_member";
    uint32_t const member = note->checkpoint.member;
    if (note->topic.size == sizeof withdrawn - 1 &&
        memcmp(note->topic.data, withdrawn, sizeof withdrawn - 1) == 0) {
        see_withdrawal(w, note);
        return;
    }
    if (note->topic.size != sizeof late - 1 || memcmp(note->topic.data, late, sizeof late - 1)) {
        return;
    }
    w->late++;
    if (member < w->members && pbti_checkpoint_equal(w->member[member].start, note->checkpoint)) {
        pbti_oracle_blame(w, "12: a report of member %u was taken and called late", member);
    }
}

/* -------- all of them -------- */

void pbti_oracle_event(struct pbti_oracle *w, uint64_t seq, const struct pbti_event *event)
{
    if (event->type != PBTI_DECISION) { pbti_oracle_batch(w); }
    switch ((enum pbti_event_type)event->type) {
    case PBTI_STUDY: see_study(w, event->study.config); break;
    case PBTI_AMEND: see_amend(w, event->study.config); break;
    case PBTI_CLAIM: see_claim(w, seq, &event->claim); break;
    case PBTI_PROPOSAL: see_proposal(w, seq, &event->proposal); break;
    case PBTI_RELEASE:
        if (check_token(w, event->release.member, event->release.claim, "release")) {
            run_again(w, &w->member[event->release.member]);
        }
        break;
    case PBTI_REPORT: see_report(w, &event->report); break;
    case PBTI_DECISION: see_decision(w, &event->decision); break;
    case PBTI_STOP:
        if (w->stop == PBTI_STOP_NONE) { w->stop = event->stop.reason; }
        break;
    case PBTI_WORKER: see_worker(w, event->worker.worker); break;
    case PBTI_LEAVE: see_leave(w, event->worker.worker); break;
    case PBTI_NOTE: see_note(w, &event->note); break;
    }
}

/* -------- comparing with core -------- */

static bool is_same_number(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

/* The first field that differs, or NULL. */
static const char *member_differs(const struct pbti_seen *seen, const struct pbti_member *m)
{
    if (seen->phase != m->phase) { return "phase"; }
    if (seen->group != m->group) { return "group"; }
    if (seen->steps != m->steps || seen->age != m->age) { return "steps or age"; }
    if (seen->segment != m->segment || seen->attempt != m->attempt) { return "segment"; }
    if (seen->failures != m->failures || seen->revivals != m->revivals) { return "failures"; }
    if (seen->claim != m->claim || seen->claimed_steps != m->claimed_steps) { return "claim"; }
    if (seen->source != m->score_source) { return "source of the score"; }
    if (!is_same_number(seen->score, m->score)) { return "score"; }
    if (seen->scores_count != m->scores_count) { return "number of scores"; }
    if (!pbti_checkpoint_equal(seen->start, m->start)) { return "start"; }
    if (seen->founder != m->founder) { return "founder"; }
    return NULL;
}

void pbti_oracle_compare(struct pbti_oracle *w, const struct pbti_state *state)
{
    if (w->members != pbti_state_members(state)) {
        pbti_oracle_blame(w, "12: the state has %u members instead of %u",
                          pbti_state_members(state), w->members);
        return;
    }
    if (w->stop != pbti_state_stop(state)) {
        pbti_oracle_blame(w, "15: the state stops for \"%s\" instead of \"%s\"",
                          pbti_stop_name(pbti_state_stop(state)), pbti_stop_name(w->stop));
    }
    for (uint32_t i = 0; i < w->members; i++) {
        const struct pbti_seen *const seen = &w->member[i];
        const char *const field = member_differs(seen, pbti_state_member(state, i));
        if (field != NULL) { pbti_oracle_blame(w, "12: the %s of member %u differs", field, i); }
        const double *const values = pbti_state_values(state, i);
        for (uint32_t k = 0; k < w->config->space.count && seen->values_known; k++) {
            if (values[k] != seen->values[k]) {
                pbti_oracle_blame(w, "6: hyperparameter %u of member %u differs", k, i);
            }
        }
    }
    if (w->config->rungs != PBTI_RUNGS_NONE) { pbti_oracle_rungs_settled(w); }
    for (uint8_t group = 0; group < PBTI_GROUPS; group++) {
        struct pbti_best const best = pbti_state_best(state, group);
        if (!is_same_number(best.score, w->best[group].score) ||
            !pbti_checkpoint_equal(best.checkpoint, w->best[group].checkpoint)) {
            pbti_oracle_blame(w, "14: the best network of a group differs");
        }
    }
}
