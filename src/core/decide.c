/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/decide.c - exploit: what becomes of a member that has reported or failed, and why.
 *
 * Source      Jaderberg et al. 2017, Algorithm 1; section 4.1.1: binary tournament, t-test
 *             selection, truncation selection.
 * Differences DESIGN section 5: clones and members without a finite score of their own are never
 * copied
 *             (rules 4, 5, 9); nobody is replaced at the end of its budget (rule 18); nobody copies
 *             weights that may not be trained further (rule 19); a failed member may start again
 *             from a donor. A clone is not evaluated again after the copy: it carries its donor's
 *             score until its own first report.
 * Purity      no I/O, no clock, no allocation, no change to the state.
 */
#include "core/state_inside.h"

#include "base/stats.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* -------- who is owed one -------- */

static bool is_hopeless(const struct pbti_state *state, const struct pbti_member *m)
{
    return !pbti_group_exploits(state->config, m->group) || m->revivals >= state->config->revivals;
}

static uint32_t donors_in(const struct pbti_state *state, uint8_t group)
{
    return state->group[group].ranking.donors;
}

/* A failed member waits until there is a donor; not when it is hopeless, or nobody else could
 * become one. */
static bool is_failed_owed(const struct pbti_state *state, const struct pbti_member *m)
{
    const struct pbti_group_state *const g = &state->group[m->group];
    return is_hopeless(state, m) || donors_in(state, m->group) > 0 ||
           (g->active == 0 && g->reported == 0);
}

/* Async: the reporter first, then the failed ones that need wait no longer, then the paused. */
static uint32_t owed_async(const struct pbti_state *state)
{
    if (state->reporter != PBTI_NO_MEMBER) { return state->reporter; }
    uint32_t failed = 0;
    for (uint8_t group = 0; group < PBTI_GROUPS; group++) {
        failed += state->group[group].failed;
    }
    if (failed == 0) { return pbti_promotion_due(state); }
    for (uint32_t i = 0; i < state->members; i++) { /* failures are rare: O(N) is fine */
        const struct pbti_member *const m = &state->member[i];
        if (m->phase == PBTI_FAILED && is_failed_owed(state, m)) { return i; }
    }
    return pbti_promotion_due(state);
}

/* Generational: all of a group, by index, once nobody of it is still training. */
static uint32_t owed_generational(const struct pbti_state *state)
{
    for (uint8_t group = 0; group < PBTI_GROUPS; group++) {
        const struct pbti_group_state *const g = &state->group[group];
        if (g->active > 0 || g->reported + g->failed == 0) { continue; }
        for (uint32_t i = g->cursor; i < state->members; i++) {
            const struct pbti_member *const m = &state->member[i];
            if (m->group != group) { continue; }
            if (m->phase == PBTI_REPORTED) { return i; }
            if (m->phase == PBTI_FAILED && is_failed_owed(state, m)) { return i; }
        }
    }
    return PBTI_NO_MEMBER;
}

uint32_t pbti_decision_due_member(const struct pbti_state *state)
{
    return state->config->mode == PBTI_GENERATIONAL ? owed_generational(state) : owed_async(state);
}

bool pbti_decision_due(const struct pbti_state *state)
{
    return pbti_decision_due_member(state) != PBTI_NO_MEMBER;
}

/* -------- truncation -------- */

/* Size of the bottom and of the top group (rule 2). */
static uint32_t truncation_size(double quantile, uint32_t count)
{
    double const wanted = ceil(quantile * (double)count - 1e-9); /* 0.2 * 15 is above 3 in binary */
    uint32_t const half = count / 2;
    return wanted < (double)half ? (uint32_t)wanted : half;
}

/* The bits that choose a donor or an opponent. */
static uint64_t choice_bits(const struct pbti_state *state, uint32_t member)
{
    struct pbti_stream const stream = {state->config->seed, PBTI_PURPOSE_EXPLOIT, member,
                                       state->member[member].segment};
    return pbti_draw_bits(&stream, 0);
}

static uint32_t choose(uint64_t bits, uint32_t count)
{
    return (uint32_t)pbti_choose(bits, count);
}

static void name_opponent(const struct pbti_state *state, struct pbti_event_decision *decision,
                          uint32_t opponent, double score, uint64_t bits)
{
    decision->opponent = opponent;
    decision->opponent_segment = state->member[opponent].start.segment;
    decision->opponent_score = score;
    decision->draw = bits;
}

/* Is the named opponent better by the minimum gap? A score that is not finite is worse by any
 * gap. */
static bool is_gap_wide(const struct pbti_config *config,
                        const struct pbti_event_decision *decision)
{
    double const own = pbti_key(config, decision->score);
    double const other = pbti_key(config, decision->opponent_score);
    return config->gap_min == 0.0 || other - own >= config->gap_min;
}

/* Replace by the named opponent unless the gap forbids it. */
static void replace_across_gap(const struct pbti_state *state, struct pbti_event_decision *decision,
                               uint8_t why)
{
    bool const wide = is_gap_wide(state->config, decision);
    decision->kind = wide ? PBTI_REPLACE : PBTI_KEEP;
    decision->why = wide ? why : PBTI_WHY_GAP;
}

static void judge_truncation(const struct pbti_state *state, struct pbti_event_decision *decision)
{
    const struct pbti_rank_list *const ranking =
        &state->group[state->member[decision->member].group].ranking;
    decision->count = ranking->count;
    decision->rank = pbti_rank_of(&state->rank, ranking, decision->member) + 1;
    uint32_t const size = truncation_size(state->config->quantile, ranking->count);
    decision->why = PBTI_WHY_RANKED;
    if (decision->rank <= ranking->count - size) { return; }
    uint32_t const donors = pbti_rank_donors(&state->rank, ranking, size);
    decision->why = PBTI_WHY_NO_DONOR;
    if (donors == 0) { return; }
    uint64_t const bits = choice_bits(state, decision->member);
    uint32_t const donor = pbti_rank_donor_at(&state->rank, ranking, choose(bits, donors));
    name_opponent(state, decision, donor, state->member[donor].score, bits);
    decision->opponent_rank = pbti_rank_of(&state->rank, ranking, donor) + 1;
    replace_across_gap(state, decision, PBTI_WHY_TRUNCATED);
}

/* -------- tournament and t-test -------- */

/* The n-th donor of a group, `member` left out; a member that may donate is left out of the
 * draw. */
static uint32_t other_donor(const struct pbti_state *state, uint32_t member, uint64_t bits)
{
    const struct pbti_member *const m = &state->member[member];
    const struct pbti_rank_list *const ranking = &state->group[m->group].ranking;
    const struct pbti_rank_entry *const own = &state->rank.entry[member];
    bool const is_donor = own->in && own->donor;
    uint32_t const others = ranking->donors - (is_donor ? 1 : 0);
    if (others == 0) { return PBTI_NO_MEMBER; }
    uint32_t chosen = choose(bits, others);
    if (is_donor) {
        uint32_t const rank = pbti_rank_of(&state->rank, ranking, member);
        if (chosen >= pbti_rank_donors(&state->rank, ranking, rank)) { chosen++; }
    }
    return pbti_rank_donor_at(&state->rank, ranking, chosen);
}

static void judge_tournament(const struct pbti_state *state, struct pbti_event_decision *decision)
{
    uint64_t const bits = choice_bits(state, decision->member);
    uint32_t const opponent = other_donor(state, decision->member, bits);
    decision->why = PBTI_WHY_NO_DONOR;
    if (opponent == PBTI_NO_MEMBER) { return; }
    name_opponent(state, decision, opponent, state->member[opponent].score, bits);
    decision->why = PBTI_WHY_WON;
    if (pbti_better(state->config, decision->opponent_score, decision->score)) {
        replace_across_gap(state, decision, PBTI_WHY_LOST);
    }
}

static struct pbti_sample sample_of(const struct pbti_state *state, const struct pbti_member *m)
{
    double const sign = state->config->maximize ? 1.0 : -1.0;
    return (struct pbti_sample){m->scores_count, sign * m->scores_mean, m->scores_squares};
}

/*
 * Welch's test over the scores of the last segments. The opponent must be better by its score, too,
 * so that the best member is never replaced by a worse one (rule 10) however scores are reduced.
 */
static void judge_ttest(const struct pbti_state *state, struct pbti_event_decision *decision)
{
    judge_tournament(state, decision);
    if (decision->opponent == PBTI_NO_MEMBER || !isfinite(decision->score)) { return; }
    bool const better = pbti_better(state->config, decision->opponent_score, decision->score);
    struct pbti_sample const own = sample_of(state, &state->member[decision->member]);
    struct pbti_sample const other = sample_of(state, &state->member[decision->opponent]);
    decision->kind = PBTI_KEEP;
    if (own.count < state->config->scores_min || other.count < state->config->scores_min) {
        decision->why = PBTI_WHY_FEW_SCORES;
        return;
    }
    decision->p = pbti_welch_greater(&other, &own).p;
    decision->why = PBTI_WHY_INSIGNIFICANT;
    if (better && other.mean > own.mean && decision->p <= state->config->alpha) {
        replace_across_gap(state, decision, PBTI_WHY_SIGNIFICANT);
    }
}

/* -------- at equal age -------- */

/*
 * With compare: equal_age a member is judged by the scores that the others had at its own age.
 * Whoever has not been there yet is not compared. Costs O(N) a decision, 64 times that when a donor
 * is looked for.
 */
struct peers {
    const struct pbti_state *state;
    const double *keys; /* shape (members); NaN = never there */
    uint8_t group;
};

static bool peers_of(const struct pbti_state *state, uint32_t member, struct peers *peers)
{
    const struct pbti_member *const m = &state->member[member];
    uint64_t const row = m->age / state->config->ready_every;
    if (row >= state->equal_rows) { return false; }
    *peers = (struct peers){state, state->equal + (size_t)row * state->members, m->group};
    return !isnan(peers->keys[member]);
}

static bool is_peer(const struct peers *peers, uint32_t member)
{
    const struct pbti_member *const m = &peers->state->member[member];
    return m->group == peers->group && !isnan(peers->keys[member]) && m->phase != PBTI_FAILED &&
           m->phase != PBTI_GONE && m->phase != PBTI_OUT;
}

/* Members in front of (key, member) in the order of rule 3. */
static uint32_t peers_before(const struct peers *peers, double key, uint32_t member)
{
    uint32_t before = 0;
    for (uint32_t i = 0; i < peers->state->members; i++) {
        bool const ahead = peers->keys[i] > key || (peers->keys[i] == key && i < member);
        if (ahead && is_peer(peers, i)) { before++; }
    }
    return before;
}

/* A number that is ordered as its keys are. */
static uint64_t ordered_bits(double key)
{
    uint64_t bits;
    memcpy(&bits, &key, sizeof bits);
    return bits >> 63 != 0 ? ~bits : bits | 1ull << 63;
}

static uint32_t peers_from(const struct peers *peers, uint64_t lowest)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < peers->state->members; i++) {
        if (is_peer(peers, i) && ordered_bits(peers->keys[i]) >= lowest) { count++; }
    }
    return count;
}

/* The key of the peer in place `places`, bit by bit from the top: needs no memory and no
 * sorting. */
static uint64_t cutoff(const struct peers *peers, uint32_t places)
{
    uint64_t lowest = 0;
    for (uint64_t bit = 1ull << 63; bit != 0; bit >>= 1) {
        if (peers_from(peers, lowest | bit) >= places) { lowest |= bit; }
    }
    return lowest;
}

/* The n-th (by index) donor among the first `places` peers; `*count` of them in all. */
static uint32_t peer_donor(const struct peers *peers, uint32_t places, uint32_t left_out,
                           uint32_t nth, uint32_t *count)
{
    uint64_t const lowest = cutoff(peers, places);
    uint32_t ties = places - peers_from(peers, lowest + 1); /* of the last place that are inside */
    uint32_t found = PBTI_NO_MEMBER;
    *count = 0;
    for (uint32_t i = 0; i < peers->state->members; i++) {
        uint64_t const bits = is_peer(peers, i) ? ordered_bits(peers->keys[i]) : 0;
        if (bits == 0 || bits < lowest || (bits == lowest && ties == 0)) { continue; }
        if (bits == lowest) { ties--; }
        bool const may = i != left_out && isfinite(peers->keys[i]) &&
                         pbti_may_donate(peers->state->config, &peers->state->member[i]);
        if (!may) { continue; }
        if (*count == nth) { found = i; }
        (*count)++;
    }
    return found;
}

/* Choose among the donors of the first `places` peers; false when there is none. */
static bool choose_peer(const struct peers *peers, struct pbti_event_decision *decision,
                        uint32_t places)
{
    uint32_t count;
    if (places == 0) { return false; }
    (void)peer_donor(peers, places, decision->member, PBTI_NO_MEMBER, &count);
    if (count == 0) { return false; }
    uint64_t const bits = choice_bits(peers->state, decision->member);
    uint32_t const nth = choose(bits, count);
    uint32_t const donor = peer_donor(peers, places, decision->member, nth, &count);
    double const key = peers->keys[donor];
    name_opponent(peers->state, decision, donor, peers->state->config->maximize ? key : -key, bits);
    decision->opponent_rank = peers_before(peers, key, donor) + 1;
    return true;
}

static void judge_equal_age(const struct pbti_state *state, struct pbti_event_decision *decision)
{
    struct peers peers;
    decision->why = PBTI_WHY_NO_DONOR;
    if (!peers_of(state, decision->member, &peers)) { return; }
    double const key = peers.keys[decision->member];
    decision->count = peers_before(&peers, -INFINITY, PBTI_NO_MEMBER);
    decision->rank = peers_before(&peers, key, decision->member) + 1;
    if (state->config->exploit == PBTI_EXPLOIT_TRUNCATION) {
        uint32_t const size = truncation_size(state->config->quantile, decision->count);
        if (decision->rank <= decision->count - size) {
            decision->why = PBTI_WHY_RANKED;
        } else if (choose_peer(&peers, decision, size)) {
            replace_across_gap(state, decision, PBTI_WHY_TRUNCATED);
        }
        return;
    }
    if (!choose_peer(&peers, decision, decision->count)) { return; }
    decision->why = PBTI_WHY_WON;
    if (pbti_better(state->config, decision->opponent_score, decision->score)) {
        replace_across_gap(state, decision, PBTI_WHY_LOST);
    }
}

/* -------- a failed member -------- */

/* Restart from a donor: of the top group under truncation, else from anyone that may donate. */
static void judge_failed(const struct pbti_state *state, struct pbti_event_decision *decision)
{
    const struct pbti_member *const m = &state->member[decision->member];
    const struct pbti_rank_list *const ranking = &state->group[m->group].ranking;
    decision->kind = PBTI_GIVE_UP;
    decision->why = is_hopeless(state, m) ? PBTI_WHY_FAILURES : PBTI_WHY_NO_DONOR;
    if (is_hopeless(state, m) || ranking->donors == 0) { return; }
    uint32_t donors = ranking->donors;
    if (state->config->exploit == PBTI_EXPLOIT_TRUNCATION) {
        uint32_t const size = truncation_size(state->config->quantile, ranking->count);
        uint32_t const top = pbti_rank_donors(&state->rank, ranking, size);
        donors = top > 0 ? top : 1; /* nobody of the top group can be copied: the best who can */
    }
    uint64_t const bits = choice_bits(state, decision->member);
    uint32_t const donor = pbti_rank_donor_at(&state->rank, ranking, choose(bits, donors));
    name_opponent(state, decision, donor, state->member[donor].score, bits);
    decision->opponent_rank = pbti_rank_of(&state->rank, ranking, donor) + 1;
    decision->count = ranking->count;
    decision->kind = PBTI_REPLACE;
    decision->why = PBTI_WHY_REVIVED;
}

/* -------- the decision -------- */

static void judge(const struct pbti_state *state, struct pbti_event_decision *decision)
{
    const struct pbti_config *const config = state->config;
    const struct pbti_member *const m = &state->member[decision->member];
    decision->kind = PBTI_KEEP;
    if (m->phase == PBTI_FAILED) {
        judge_failed(state, decision);
    } else if (pbti_is_finished(config, m)) {
        decision->kind = PBTI_FINISH;
        decision->why = PBTI_WHY_BUDGET;
    } else if (state->rung_rows > 0) {
        pbti_promotion_judge(state, decision);
    } else if (m->steps < config->burn_in) {
        decision->why = PBTI_WHY_BURN_IN;
    } else if (!pbti_group_exploits(config, m->group)) {
        decision->why = PBTI_WHY_NO_EXPLOIT;
    } else if (state->equal_rows > 0 && config->exploit != PBTI_EXPLOIT_TTEST) {
        judge_equal_age(state, decision);
    } else {
        switch ((enum pbti_exploit)config->exploit) {
        case PBTI_EXPLOIT_TRUNCATION: judge_truncation(state, decision); break;
        case PBTI_EXPLOIT_TOURNAMENT: judge_tournament(state, decision); break;
        case PBTI_EXPLOIT_TTEST: judge_ttest(state, decision); break;
        case PBTI_EXPLOIT_NONE: break;
        }
    }
}

/* What the member holds after the copy (rules 6, 8): frozen ones travel with the weights. */
static void copy_values(const struct pbti_state *state, const struct pbti_event_decision *decision,
                        double *values)
{
    const double *const own = pbti_values_of(state, decision->member);
    const double *const donor =
        decision->kind == PBTI_REPLACE ? pbti_values_of(state, decision->opponent) : own;
    for (uint32_t i = 0; i < state->stride; i++) {
        bool const frozen = state->config->space.hp[i].frozen;
        unsigned const part = frozen ? PBTI_COPY_WEIGHTS : PBTI_COPY_HYPERPARAMETERS;
        values[i] = (decision->copied & part) != 0 ? donor[i] : own[i];
    }
}

/* Follow the schedule from an age on; true when a value changes. */
static bool follow_schedule(const struct pbti_state *state, uint64_t age, double *values,
                            struct pbti_move *moves)
{
    const double *const row = pbti_schedule_row(state->config, age);
    bool changed = false;
    for (uint32_t i = 0; i < state->stride; i++) {
        bool const moves_on = !state->config->space.hp[i].frozen && row[i] != values[i];
        moves[i] = moves_on ? (struct pbti_move){PBTI_MOVE_SCHEDULED, (double)age}
                            : (struct pbti_move){PBTI_MOVE_KEPT, 0.0};
        if (moves_on) { values[i] = row[i]; }
        changed = changed || moves_on;
    }
    return changed;
}

/* Hyperparameters of the next segment; true when they are part of the decision. */
static bool set_values(const struct pbti_state *state, const struct pbti_event_decision *decision,
                       double *values, struct pbti_move *moves)
{
    const struct pbti_config *const config = state->config;
    bool const replaced = decision->kind == PBTI_REPLACE;
    if (decision->kind == PBTI_FINISH || decision->kind == PBTI_GIVE_UP) { return false; }
    copy_values(state, decision, values);
    for (uint32_t i = 0; i < state->stride; i++) {
        moves[i] = (struct pbti_move){PBTI_MOVE_KEPT, 0.0};
    }
    if (state->member[decision->member].group != PBTI_GROUP_POPULATION) { return replaced; }
    if (config->explore == PBTI_EXPLORE_SCHEDULE) {
        bool const copied = (decision->copied & PBTI_COPY_WEIGHTS) != 0;
        uint32_t const whose = copied ? decision->opponent : decision->member;
        return follow_schedule(state, state->member[whose].age, values, moves) || replaced;
    }
    bool const explores = replaced || (config->explore_always && decision->why != PBTI_WHY_BURN_IN);
    bool const changes = explores && config->explore != PBTI_EXPLORE_NONE;
    if (changes) { pbti_explore(config, decision->member, decision->segment, values, moves); }
    return replaced || changes;
}

void pbti_decide(const struct pbti_state *state, struct pbti_event *event,
                 struct pbti_scratch *scratch)
{
    uint32_t const member = pbti_decision_due_member(state);
    assert(member != PBTI_NO_MEMBER);
    const struct pbti_member *const m = &state->member[member];
    event->type = PBTI_DECISION;
    event->time_ms = 0;
    struct pbti_event_decision *const decision = &event->decision;
    *decision = (struct pbti_event_decision){.member = member,
                                             .segment = m->segment,
                                             .opponent = PBTI_NO_MEMBER,
                                             .score = m->phase == PBTI_FAILED ? NAN : m->score,
                                             .opponent_score = NAN,
                                             .p = NAN,
                                             .values = scratch->values,
                                             .moves = scratch->moves};
    judge(state, decision);
    decision->copied = decision->kind == PBTI_REPLACE ? state->config->copy : 0;
    if (set_values(state, decision, scratch->values, scratch->moves)) {
        decision->values_count = state->stride;
    }
}

/* -------- comparing -------- */

static bool is_close(double a, double b)
{
    if (isnan(a) || isnan(b)) { return isnan(a) && isnan(b); }
    return a == b || fabs(a - b) <= 1e-12 * fmax(fabs(a), fabs(b));
}

const char *pbti_decision_differs(const struct pbti_event *recorded, const struct pbti_event *again)
{
    const struct pbti_event_decision *const a = &recorded->decision;
    const struct pbti_event_decision *const b = &again->decision;
    if (recorded->type != PBTI_DECISION || again->type != PBTI_DECISION) { return "type"; }
    if (a->member != b->member) { return "member"; }
    if (a->segment != b->segment) { return "segment"; }
    if (a->kind != b->kind) { return "kind"; }
    if (a->why != b->why) { return "why"; }
    if (a->opponent != b->opponent) { return "opponent"; }
    if (a->opponent_segment != b->opponent_segment) { return "opponent's segment"; }
    if (a->rank != b->rank || a->count != b->count) { return "rank"; }
    if (a->opponent_rank != b->opponent_rank) { return "opponent's rank"; }
    if (!is_close(a->score, b->score)) { return "score"; }
    if (!is_close(a->opponent_score, b->opponent_score)) { return "opponent's score"; }
    if (!is_close(a->p, b->p)) { return "p"; }
    if (a->draw != b->draw) { return "draw"; }
    if (a->copied != b->copied) { return "what is copied"; }
    if (a->values_count != b->values_count) { return "number of hyperparameters"; }
    for (uint32_t i = 0; i < a->values_count; i++) {
        if (!is_close(a->values[i], b->values[i])) { return "hyperparameters"; }
        if (a->moves[i].kind != b->moves[i].kind ||
            !is_close(a->moves[i].amount, b->moves[i].amount)) {
            return "moves";
        }
    }
    return NULL;
}
