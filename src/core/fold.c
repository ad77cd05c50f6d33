/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/fold.c - what each event does to the state. The only file that changes a state.
 *
 * Every event is checked against the state before anything is changed, so a refused event leaves no
 * trace. Decisions are applied as they were recorded, never recomputed: a value that went through
 * libm on another machine stays what it was there.
 */
#include "core/state_inside.h"

#include "base/fail.h"
#include "base/stats.h"
#include "core/rungs.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Where to tell of unreachable checkpoints. */
struct told {
    pbti_unreachable unreachable;
    void *context;
};

#define REFUSE(err, ...) PBTI_FAIL((err), PBT_ECORRUPT, 0, __VA_ARGS__)

/* -------- checkpoints -------- */

/* A node stops naming `checkpoint`; when it was the last, say so. */
static void let_go(struct pbti_state *state, uint32_t node, struct pbti_checkpoint checkpoint,
                   struct told told)
{
    if (checkpoint.segment == 0) { return; }
    bool const last = pbti_ring_alone(state, node);
    pbti_ring_leave(state, node);
    if (last && !state->config->keep_all && told.unreachable != NULL) {
        told.unreachable(told.context, checkpoint);
    }
}

/* Put a network among those kept for their score, next to the member node that names it. */
static void keep_best(struct pbti_state *state, uint8_t group, const struct pbti_best *best,
                      uint32_t beside, struct told told)
{
    struct pbti_group_state *const g = &state->group[group];
    size_t const base = (size_t)group * state->keep_top;
    uint32_t *const order = state->kept_order + base;
    uint32_t place = g->kept_count;
    if (state->keep_top == 0) { return; }
    if (g->kept_count == state->keep_top) {
        place = order[g->kept_count - 1];
        if (!pbti_better(state->config, best->score, state->kept[base + place].score)) { return; }
        let_go(state, pbti_node_kept(state, group, place), state->kept[base + place].checkpoint,
               told);
        g->kept_count--;
    }
    uint32_t at = g->kept_count;
    while (at > 0 &&
           pbti_better(state->config, best->score, state->kept[base + order[at - 1]].score)) {
        order[at] = order[at - 1];
        at--;
    }
    order[at] = place;
    state->kept[base + place] = *best;
    g->kept_count++;
    pbti_ring_join(state, pbti_node_kept(state, group, place), beside);
}

/* -------- ranking -------- */

static void rank_out(struct pbti_state *state, uint32_t member)
{
    if (state->rank.entry[member].in) {
        pbti_rank_remove(&state->rank, &state->group[state->member[member].group].ranking, member);
    }
}

/* Put the member where its score says. */
static void rank_in(struct pbti_state *state, uint32_t member)
{
    const struct pbti_member *const m = &state->member[member];
    rank_out(state, member);
    if (m->score_source == PBTI_SCORE_NONE) { return; }
    pbti_rank_insert(&state->rank, &state->group[m->group].ranking, member,
                     pbti_key(state->config, m->score), pbti_may_donate(state->config, m));
}

/* -------- claim, release -------- */

static pbt_status fold_claim(struct pbti_state *state, uint64_t seq,
                             const struct pbti_event_claim *claim, struct pbt_error *err)
{
    if (claim->member >= state->members) {
        return REFUSE(err, "a claim of member %u, which does not exist", claim->member);
    }
    struct pbti_member *const m = &state->member[claim->member];
    if (m->phase != PBTI_WAITING) {
        return REFUSE(err, "a claim of member %u, which is %s", claim->member,
                      pbti_phase_name(m->phase));
    }
    if (claim->segment != m->segment || claim->attempt != m->attempt + 1) {
        return REFUSE(err, "a claim of segment %u, attempt %u of member %u, which is at %u, %u",
                      claim->segment, claim->attempt, claim->member, m->segment, m->attempt + 1);
    }
    if (state->stop != PBTI_STOP_NONE) { return REFUSE(err, "a claim after the study's end"); }
    uint64_t const steps = pbti_segment_steps(state, claim->member);
    pbti_enter(state, claim->member, PBTI_RUNNING);
    m->attempt = claim->attempt;
    m->claim = seq;
    m->worker = claim->worker;
    m->slot = claim->slot;
    m->claimed_steps = steps;
    m->claimed_span = state->config->max_age;
    state->counts.attempts++;
    return PBT_OK;
}

/* A claim ends without a result: the segment is run again, unless an amend has lowered the budget
 * meanwhile. */
static void run_again(struct pbti_state *state, uint32_t member)
{
    bool const through = pbti_is_finished(state->config, &state->member[member]);
    pbti_enter(state, member, through ? PBTI_DONE : PBTI_WAITING);
    if (through) { pbti_check_end(state); }
}

/* The member that a claim's sequence number belongs to must be running under it. */
static pbt_status check_claim(const struct pbti_state *state, uint32_t member, uint64_t claim,
                              const char *what, struct pbt_error *err)
{
    if (member >= state->members) {
        return REFUSE(err, "a %s of member %u, which does not exist", what, member);
    }
    const struct pbti_member *const m = &state->member[member];
    if (m->phase != PBTI_RUNNING || m->claim != claim) {
        return REFUSE(err, "a %s of member %u under claim %llu, which it does not have", what,
                      member, (unsigned long long)claim);
    }
    return PBT_OK;
}

static pbt_status fold_release(struct pbti_state *state, const struct pbti_event_release *release,
                               struct pbt_error *err)
{
    PBTI_TRY(check_claim(state, release->member, release->claim, "release", err));
    run_again(state, release->member);
    state->counts.releases++;
    return PBT_OK;
}

/* -------- report -------- */

double pbti_reduce(const struct pbti_config *config, const double *scores, uint32_t count)
{
    if (count == 0) { return NAN; }
    if (config->reduce == PBTI_REDUCE_LAST) { return scores[count - 1]; }
    uint32_t const last = config->reduce_last;
    uint32_t const first = last == 0 || last >= count ? 0 : count - last;
    double sum = 0.0;
    double best = scores[first];
    for (uint32_t i = first; i < count; i++) {
        sum += scores[i];
        if (pbti_better(config, scores[i], best)) { best = scores[i]; }
    }
    return config->reduce == PBTI_REDUCE_MEAN ? sum / (double)(count - first) : best;
}

static void take_scores(struct pbti_state *state, struct pbti_member *m,
                        const struct pbti_event_report *report)
{
    struct pbti_sample sample = {0, 0.0, 0.0};
    for (uint32_t i = 0; i < report->scores_count; i++) {
        pbti_sample_add(&sample, report->scores[i]);
    }
    m->score = pbti_reduce(state->config, report->scores, report->scores_count);
    m->score_source = PBTI_SCORE_OWN;
    m->score_member = report->member;
    m->score_segment = report->segment;
    m->scores_count = report->scores_count;
    m->scores_mean = sample.mean;
    m->scores_squares = sample.squares;
}

/* Remember the score for comparisons at equal age. */
static void take_equal(struct pbti_state *state, uint32_t member)
{
    const struct pbti_member *const m = &state->member[member];
    uint64_t const row = m->age / state->config->ready_every;
    if (row < state->equal_rows) {
        state->equal[(size_t)row * state->members + member] = pbti_key(state->config, m->score);
    }
}

/* Remember the score for comparisons at a rung. */
static void take_rung(struct pbti_state *state, uint32_t member)
{
    const struct pbti_config *const config = state->config;
    const struct pbti_member *const m = &state->member[member];
    uint32_t const rung = pbti_rung_at(config, pbti_bracket_of(config, member), m->steps);
    if (rung == PBTI_NO_RUNG) { return; }
    state->rung[(size_t)rung * state->members + member] = pbti_key(config, m->score);
}

/* Best, kept, target, plateau. */
static void take_best(struct pbti_state *state, uint64_t seq, uint32_t member, struct told told)
{
    const struct pbti_config *const config = state->config;
    const struct pbti_member *const m = &state->member[member];
    struct pbti_group_state *const g = &state->group[m->group];
    struct pbti_best const best = {m->score, m->age, seq, m->start};
    g->reports_since_best++;
    if (isfinite(m->score)) {
        if (pbti_better(config, m->score, g->best.score)) {
            g->best = best;
            g->reports_since_best = 0;
        }
        keep_best(state, m->group, &best, pbti_node_member(member), told);
    }
    bool const counts = m->group == PBTI_GROUP_POPULATION && state->stop == PBTI_STOP_NONE;
    if (!counts) { return; }
    bool const reached =
        config->has_target && isfinite(m->score) && !pbti_better(config, config->target, m->score);
    bool const stale =
        config->plateau > 0 && g->reports_since_best / config->members >= config->plateau;
    if (reached) {
        state->stop = PBTI_STOP_TARGET;
    } else if (stale) {
        state->stop = PBTI_STOP_PLATEAU;
    }
}

static void fold_done(struct pbti_state *state, uint64_t seq,
                      const struct pbti_event_report *report, struct told told)
{
    struct pbti_member *const m = &state->member[report->member];
    m->steps += report->steps;
    m->age += report->steps;
    m->failures = 0;
    m->revivals = 0;
    let_go(state, pbti_node_member(report->member), m->start, told);
    m->start = (struct pbti_checkpoint){report->member, report->segment, report->attempt};
    take_scores(state, m, report);
    pbti_enter(state, report->member, PBTI_REPORTED);
    rank_in(state, report->member);
    if (state->equal_rows > 0) { take_equal(state, report->member); }
    if (state->rung_rows > 0) { take_rung(state, report->member); }
    take_best(state, seq, report->member, told);
    state->reporter = report->member;
    state->counts.segments_done++;
    state->counts.steps += report->steps;
}

/* May another attempt with the same hyperparameters help? */
static bool is_retriable(uint8_t outcome)
{
    return outcome != PBTI_OUTCOME_NAN && outcome != PBTI_OUTCOME_OOM &&
           outcome != PBTI_OUTCOME_CONFIG && outcome != PBTI_OUTCOME_IN_FORCE;
}

bool pbti_is_last_attempt(const struct pbti_state *state, uint32_t member, uint8_t outcome)
{
    return !is_retriable(outcome) || state->member[member].failures >= state->config->retries;
}

static void fold_failure(struct pbti_state *state, const struct pbti_event_report *report)
{
    struct pbti_member *const m = &state->member[report->member];
    bool const again = !pbti_is_last_attempt(state, report->member, report->outcome);
    m->failures++;
    state->counts.failures++;
    if (again || pbti_is_finished(state->config, m)) {
        run_again(state, report->member);
        return;
    }
    rank_out(state, report->member);
    pbti_enter(state, report->member, PBTI_FAILED);
}

static pbt_status fold_report(struct pbti_state *state, uint64_t seq,
                              const struct pbti_event_report *report, struct told told,
                              struct pbt_error *err)
{
    PBTI_TRY(check_claim(state, report->member, report->claim, "report", err));
    struct pbti_member *const m = &state->member[report->member];
    if (report->segment != m->segment || report->attempt != m->attempt) {
        return REFUSE(err, "a report of segment %u, attempt %u of member %u, which runs %u, %u",
                      report->segment, report->attempt, report->member, m->segment, m->attempt);
    }
    bool const done = report->outcome == PBTI_OUTCOME_DONE;
    if (done && report->steps != m->claimed_steps) {
        return REFUSE(err, "a report of %llu steps of member %u, which was to train %llu",
                      (unsigned long long)report->steps, report->member,
                      (unsigned long long)m->claimed_steps);
    }
    state->counts.reports++;
    m->reported = seq;
    m->outcome = report->outcome;
    if (done) {
        fold_done(state, seq, report, told);
    } else {
        fold_failure(state, report);
    }
    return PBT_OK;
}

/* -------- decision -------- */

/* The kinds of decision on a member, by its phase. */
static bool may_become(const struct pbti_state *state, uint8_t phase, uint8_t kind)
{
    switch ((enum pbti_decision_kind)kind) {
    case PBTI_KEEP:
    case PBTI_FINISH: return phase != PBTI_FAILED;
    case PBTI_REPLACE: return phase != PBTI_PAUSED;
    case PBTI_GIVE_UP: return phase == PBTI_FAILED;
    case PBTI_PAUSE: return phase == PBTI_REPORTED && state->rung_rows > 0;
    }
    return false;
}

/* Would the decision let a member wait that has nothing left to train? */
static bool leaves_nothing(const struct pbti_state *state,
                           const struct pbti_event_decision *decision)
{
    if (decision->kind != PBTI_KEEP && decision->kind != PBTI_REPLACE) { return false; }
    struct pbti_member after = state->member[decision->member];
    if (decision->kind == PBTI_REPLACE && (decision->copied & PBTI_COPY_WEIGHTS) != 0) {
        after.age = state->member[decision->opponent].age;
    }
    return pbti_is_finished(state->config, &after);
}

static pbt_status check_decision(const struct pbti_state *state,
                                 const struct pbti_event_decision *decision, struct pbt_error *err)
{
    uint32_t const owed = pbti_decision_due_member(state);
    if (owed == PBTI_NO_MEMBER || owed != decision->member ||
        decision->segment != state->member[owed].segment) {
        return REFUSE(err, "a decision on member %u, segment %u, which is not owed",
                      decision->member, decision->segment);
    }
    const struct pbti_member *const m = &state->member[owed];
    bool const foreign =
        (decision->why == PBTI_WHY_TIE && state->config->rules < 2) ||
        (decision->why == PBTI_WHY_LAST_OF_LINE && !(state->config->founders_keep > 0.0));
    if (foreign) {
        return REFUSE(err, "a decision for the reason \"%s\", which the study's rules do not give",
                      pbti_why_name(decision->why));
    }
    if (!may_become(state, m->phase, decision->kind)) {
        return REFUSE(err, "a decision to %s member %u, which is %s",
                      pbti_decision_name(decision->kind), owed, pbti_phase_name(m->phase));
    }
    uint32_t const opponent = decision->opponent;
    if (opponent != PBTI_NO_MEMBER && opponent >= state->members) {
        return REFUSE(err, "a decision on member %u and member %u, which does not exist", owed,
                      opponent);
    }
    if (decision->kind == PBTI_REPLACE &&
        (opponent == PBTI_NO_MEMBER || opponent == owed || decision->copied == 0 ||
         state->member[opponent].group != m->group || !state->rank.entry[opponent].in ||
         !state->rank.entry[opponent].donor)) {
        return REFUSE(err, "a decision to replace member %u by member %u, which is no donor", owed,
                      opponent);
    }
    if (leaves_nothing(state, decision)) {
        return REFUSE(err, "a decision to %s member %u, which has nothing left to train",
                      pbti_decision_name(decision->kind), owed);
    }
    bool const needs_values = decision->kind == PBTI_REPLACE;
    if (decision->values_count != state->stride && (needs_values || decision->values_count != 0)) {
        return REFUSE(err, "a decision with %u hyperparameters where there are %u",
                      decision->values_count, state->stride);
    }
    for (uint32_t i = 0; i < decision->values_count; i++) {
        if (!pbti_hp_valid(&state->config->space.hp[i], decision->values[i])) {
            return REFUSE(err, "a decision that sets \"%s\" of member %u to %.17g, out of bounds",
                          state->config->space.hp[i].name, owed, decision->values[i]);
        }
    }
    return PBT_OK;
}

static uint32_t parked_place(const struct pbti_state *state, uint32_t member)
{
    return state->parked_count == 1 ? 0 : member;
}

static void park(struct pbti_state *state, const struct pbti_event_decision *decision)
{
    uint32_t const place = parked_place(state, decision->member);
    struct pbti_pending *const parked = &state->parked[place];
    parked->set = true;
    parked->kind = decision->kind;
    struct pbti_member *const m = &state->member[decision->member];
    bool const copies =
        decision->kind == PBTI_REPLACE && (decision->copied & PBTI_COPY_WEIGHTS) != 0;
    if (copies || decision->kind == PBTI_GIVE_UP) { pbti_line_leave(state, m->group, m->founder); }
    if (copies) { pbti_line_join(state, m->group, state->member[decision->opponent].founder); }
    parked->copied = decision->copied;
    parked->has_values = decision->values_count > 0;
    if (parked->has_values) {
        memcpy(state->parked_values + (size_t)place * state->stride, decision->values,
               state->stride * sizeof *decision->values);
    }
    if (decision->kind != PBTI_REPLACE) { return; }
    parked->donor = state->member[decision->opponent];
    if (copies) {
        pbti_ring_join(state, pbti_node_pending(state, place),
                       pbti_node_member(decision->opponent));
    }
}

/* The copied weights, and what is known of them. */
static void take_weights(struct pbti_state *state, uint32_t member, struct told told)
{
    uint32_t const place = parked_place(state, member);
    const struct pbti_member *const donor = &state->parked[place].donor;
    struct pbti_member *const m = &state->member[member];
    let_go(state, pbti_node_member(member), m->start, told);
    m->start = donor->start;
    pbti_ring_join(state, pbti_node_member(member), pbti_node_pending(state, place));
    pbti_ring_leave(state, pbti_node_pending(state, place));
    m->age = donor->age;
    m->founder = donor->founder;
    m->score = donor->score;
    m->score_source = PBTI_SCORE_INHERITED;
    m->score_member = donor->score_member;
    m->score_segment = donor->score_segment;
    m->scores_count = 0;
    m->scores_mean = m->scores_squares = 0.0;
}

/* A decision comes into force. */
static void enforce(struct pbti_state *state, uint32_t member, struct told told)
{
    uint32_t const place = parked_place(state, member);
    struct pbti_pending *const parked = &state->parked[place];
    struct pbti_member *const m = &state->member[member];
    assert(parked->set);
    parked->set = false;
    if (parked->has_values && state->stride > 0) {
        memcpy(pbti_values_of(state, member), state->parked_values + (size_t)place * state->stride,
               state->stride * sizeof *state->values);
    }
    if (parked->kind == PBTI_GIVE_UP || parked->kind == PBTI_PAUSE) {
        pbti_enter(state, member, parked->kind == PBTI_PAUSE ? PBTI_PAUSED : PBTI_GONE);
        return;
    }
    if (parked->kind == PBTI_REPLACE) {
        bool const was_failed = m->phase == PBTI_FAILED;
        if (was_failed) {
            m->revivals++;
            m->score = NAN;
            m->score_source = PBTI_SCORE_NONE;
            m->scores_count = 0;
        }
        if (parked->copied & PBTI_COPY_WEIGHTS) { take_weights(state, member, told); }
        rank_in(state, member);
    }
    m->segment++;
    m->attempt = 0;
    m->failures = 0;
    pbti_enter(state, member, parked->kind == PBTI_FINISH ? PBTI_DONE : PBTI_WAITING);
    assert(pbti_member_check(state, member) == NULL);
}

/* Put all decisions of a generation into force. */
static void enforce_generation(struct pbti_state *state, uint8_t group, struct told told)
{
    for (uint32_t i = 0; i < state->members; i++) {
        if (state->member[i].group == group && state->parked[i].set) { enforce(state, i, told); }
    }
    state->group[group].cursor = 0;
}

static pbt_status fold_decision(struct pbti_state *state,
                                const struct pbti_event_decision *decision, struct told told,
                                struct pbt_error *err)
{
    PBTI_TRY(check_decision(state, decision, err));
    uint32_t const member = decision->member;
    uint8_t const group = state->member[member].group;
    if (decision->kind == PBTI_REPLACE) { state->counts.exploits++; }
    for (uint32_t i = 0; i < decision->values_count; i++) {
        uint8_t const move = decision->moves[i].kind;
        if (move != PBTI_MOVE_KEPT) {
            state->counts.explored++;
            break;
        }
    }
    park(state, decision);
    if (state->config->mode == PBTI_GENERATIONAL) {
        state->group[group].cursor = pbti_cursor_after(state, member);
        if (pbti_decision_due_member(state) != PBTI_NO_MEMBER &&
            state->member[pbti_decision_due_member(state)].group == group) {
            return PBT_OK;
        }
        enforce_generation(state, group, told);
    } else {
        if (state->reporter == member) { state->reporter = PBTI_NO_MEMBER; }
        enforce(state, member, told);
    }
    pbti_check_end(state);
    return PBT_OK;
}

/* -------- proposal -------- */

static pbt_status fold_proposal(struct pbti_state *state, uint64_t seq,
                                const struct pbti_event_proposal *proposal, struct pbt_error *err)
{
    uint32_t const member = proposal->member;
    if (!pbti_proposal_applies(state, member, proposal->knows)) {
        return REFUSE(err, "a proposal for member %u that does not apply", member);
    }
    if (proposal->values_count != state->stride) {
        return REFUSE(err, "a proposal of %u hyperparameters where there are %u",
                      proposal->values_count, state->stride);
    }
    for (uint32_t i = 0; i < state->stride; i++) {
        if (!pbti_hp_valid(&state->config->space.hp[i], proposal->values[i])) {
            return REFUSE(err, "a proposal of %.17g for \"%s\" of member %u, out of bounds",
                          proposal->values[i], state->config->space.hp[i].name, member);
        }
    }
    for (uint32_t i = 0; i < state->stride; i++) {
        pbti_values_of(state, member)[i] = proposal->values[i];
    }
    state->proposal = seq;
    pbti_enter(state, member, PBTI_WAITING);
    return PBT_OK;
}

/* -------- all of them -------- */

/* The member that an event is about, or PBTI_NO_MEMBER. */
static uint32_t member_of(const struct pbti_event *event)
{
    switch ((enum pbti_event_type)event->type) {
    case PBTI_CLAIM: return event->claim.member;
    case PBTI_RELEASE: return event->release.member;
    case PBTI_REPORT: return event->report.member;
    case PBTI_DECISION: return event->decision.member;
    case PBTI_PROPOSAL: return event->proposal.member;
    case PBTI_STUDY:
    case PBTI_AMEND:
    case PBTI_STOP:
    case PBTI_WORKER:
    case PBTI_LEAVE:
    case PBTI_NOTE: break;
    }
    return PBTI_NO_MEMBER;
}

pbt_status pbti_fold(struct pbti_state *state, uint64_t seq, const struct pbti_event *event,
                     pbti_unreachable unreachable, void *context, struct pbt_error *err)
{
    struct told const told = {unreachable, context};
    if (seq != state->seq + 1) {
        return REFUSE(err, "event %llu after event %llu", (unsigned long long)seq,
                      (unsigned long long)state->seq);
    }
    if (event->type != PBTI_DECISION && pbti_decision_due(state)) {
        return REFUSE(err, "a %s event where a decision is owed", pbti_event_name(event->type));
    }
    pbt_status status = PBT_OK;
    switch ((enum pbti_event_type)event->type) {
    case PBTI_CLAIM: status = fold_claim(state, seq, &event->claim, err); break;
    case PBTI_RELEASE: status = fold_release(state, &event->release, err); break;
    case PBTI_REPORT: status = fold_report(state, seq, &event->report, told, err); break;
    case PBTI_DECISION: status = fold_decision(state, &event->decision, told, err); break;
    case PBTI_PROPOSAL: status = fold_proposal(state, seq, &event->proposal, err); break;
    case PBTI_STOP:
        if (state->stop == PBTI_STOP_NONE) { state->stop = event->stop.reason; }
        break;
    case PBTI_WORKER:
    case PBTI_LEAVE:
    case PBTI_NOTE: break; /* for people and workers; no part of the state */
    case PBTI_STUDY:
    case PBTI_AMEND:
        status = REFUSE(err, "a %s event in the wrong place", pbti_event_name(event->type));
        break;
    }
    if (status != PBT_OK) { return status; }
    uint32_t const member = member_of(event);
    assert(member == PBTI_NO_MEMBER || pbti_member_check(state, member) == NULL);
    state->seq = seq;
    state->counts.last_ms = event->time_ms;
    return PBT_OK;
}
