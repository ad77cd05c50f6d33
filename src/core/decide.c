/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/decide.c - what becomes of a member that has reported or failed, and why.
 *
 * Whose turn it is, what holds under every rule (budget, burn-in, failures, copied and explored
 * values), and the comparison of a decision with the one made again. Whether a member is replaced,
 * and by whom, is the exploit rule's (exploit.h).
 *
 * Source      Jaderberg et al. 2017, Algorithm 1.
 * Differences docs/rules.md: clones and members without a finite score of their own are never
 *             copied (rules 4, 5, 9); nobody is replaced at the end of its budget (rule 18); nobody
 *             copies weights that may not be trained further (rule 19); a failed member may start
 *             again from a donor. A clone is not evaluated again after the copy: it carries its
 *             donor's score until its own first report.
 * Circle      tidy: allow-circle (decide applies a rule, a rule asks the state about members, and
 *             the state asks decide whose decision is due)
 * Purity      no I/O, no clock, no allocation, no change to the state.
 */
#include "core/exploit.h"
#include "core/explore.h"

#include <assert.h>
#include <math.h>

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

static bool is_owed(const struct pbti_state *state, uint32_t member)
{
    const struct pbti_member *const m = &state->member[member];
    return m->phase == PBTI_REPORTED || (m->phase == PBTI_FAILED && is_failed_owed(state, m));
}

/* By index. */
static uint32_t owed_by_index(const struct pbti_state *state, uint8_t group, uint32_t from)
{
    for (uint32_t i = from; i < state->members; i++) {
        if (state->member[i].group == group && is_owed(state, i)) { return i; }
    }
    return PBTI_NO_MEMBER;
}

/* From the worst to the best, then the failed ones, which are not ranked, by index: with a floor
 * under the founders each decision depends on those before it, and the worst should go first. */
static uint32_t owed_by_rank(const struct pbti_state *state, uint8_t group)
{
    const struct pbti_group_state *const g = &state->group[group];
    for (uint32_t i = g->cursor; i < g->ranking.count; i++) {
        uint32_t const member = pbti_rank_at(&state->rank, &g->ranking, g->ranking.count - 1 - i);
        if (state->member[member].phase == PBTI_REPORTED) { return member; }
    }
    uint32_t const from = g->cursor > g->ranking.count ? g->cursor - g->ranking.count : 0;
    for (uint32_t i = from; g->failed > 0 && i < state->members; i++) {
        const struct pbti_member *const m = &state->member[i];
        bool const failed = m->group == group && m->phase == PBTI_FAILED;
        if (failed && is_failed_owed(state, m)) { return i; }
    }
    return PBTI_NO_MEMBER;
}

static bool goes_by_rank(const struct pbti_state *state)
{
    return state->config->founders_keep > 0.0;
}

uint32_t pbti_cursor_after(const struct pbti_state *state, uint32_t member)
{
    const struct pbti_rank_list *const ranking = &state->group[state->member[member].group].ranking;
    if (!goes_by_rank(state)) { return member + 1; }
    bool const ranked = state->rank.entry[member].in;
    return ranked ? ranking->count - pbti_rank_of(&state->rank, ranking, member)
                  : ranking->count + member + 1;
}

/* Generational: all of a group, once nobody of it is still training. */
static uint32_t owed_generational(const struct pbti_state *state)
{
    for (uint8_t group = 0; group < PBTI_GROUPS; group++) {
        const struct pbti_group_state *const g = &state->group[group];
        if (g->active > 0 || g->reported + g->failed == 0) { continue; }
        uint32_t const owed = goes_by_rank(state) ? owed_by_rank(state, group)
                                                  : owed_by_index(state, group, g->cursor);
        if (owed != PBTI_NO_MEMBER) { return owed; }
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

/* -------- a failed member -------- */

/* Restart from a donor that the rule draws from. */
static void judge_failed(const struct pbti_state *state, struct pbti_event_decision *decision)
{
    const struct pbti_member *const m = &state->member[decision->member];
    const struct pbti_exploit_rule *const rule = pbti_exploit_rule(state->config->exploit);
    const struct pbti_rank_list *const ranking = &state->group[m->group].ranking;
    decision->kind = PBTI_GIVE_UP;
    decision->why = is_hopeless(state, m) ? PBTI_WHY_FAILURES : PBTI_WHY_NO_DONOR;
    if (is_hopeless(state, m) || ranking->donors == 0) { return; }
    uint32_t const donors =
        rule->revivers != NULL ? rule->revivers(state, ranking) : ranking->donors;
    uint64_t const bits = pbti_exploit_bits(state, decision->member);
    uint32_t const donor =
        pbti_rank_donor_at(&state->rank, ranking, pbti_exploit_choose(bits, donors));
    pbti_exploit_oppose(state, decision, donor, state->member[donor].score, bits);
    decision->opponent_rank = pbti_rank_of(&state->rank, ranking, donor) + 1;
    decision->count = ranking->count;
    decision->kind = PBTI_REPLACE;
    decision->why = PBTI_WHY_REVIVED;
}

/* -------- the decision -------- */

/*
 * The last member with the weights of its founder is not replaced while so few founders are left:
 * `founders`. A failed member is: it has lost its weights' future anyway.
 */
static void keep_last_of_line(const struct pbti_state *state, struct pbti_event_decision *decision)
{
    const struct pbti_member *const m = &state->member[decision->member];
    bool const bound = decision->kind == PBTI_REPLACE && m->group == PBTI_GROUP_POPULATION &&
                       state->config->founders_keep > 0.0;
    if (!bound || state->line[m->founder] > 1) { return; }
    if (pbti_state_founders(state, m->group) > pbti_state_founders_floor(state, m->steps)) {
        return;
    }
    decision->kind = PBTI_KEEP;
    decision->why = PBTI_WHY_LAST_OF_LINE;
}

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
    } else {
        const struct pbti_exploit_rule *const rule = pbti_exploit_rule(config->exploit);
        bool const equal_age = state->equal_rows > 0 && rule->judge_equal_age != NULL;
        (equal_age ? rule->judge_equal_age : rule->judge)(state, decision);
        assert((PBTI_WHY_BIT(decision->why) & rule->why) != 0);
        keep_last_of_line(state, decision);
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

/* Hyperparameters of the next segment; true when they are part of the decision. */
static bool set_values(const struct pbti_state *state, const struct pbti_event_decision *decision,
                       double *values, struct pbti_move *moves)
{
    const struct pbti_config *const config = state->config;
    const struct pbti_explore_rule *const rule = pbti_explore_rule(config->explore);
    bool const replaced = decision->kind == PBTI_REPLACE;
    if (decision->kind == PBTI_FINISH || decision->kind == PBTI_GIVE_UP) { return false; }
    copy_values(state, decision, values);
    for (uint32_t i = 0; i < state->stride; i++) {
        moves[i] = (struct pbti_move){PBTI_MOVE_KEPT, 0.0};
    }
    bool const population = state->member[decision->member].group == PBTI_GROUP_POPULATION;
    if (!population || rule->move == NULL) { return replaced; }
    bool const copied = (decision->copied & PBTI_COPY_WEIGHTS) != 0;
    struct pbti_exploring const exploring = {
        .config = config,
        .member = decision->member,
        .segment = decision->segment,
        .age = state->member[copied ? decision->opponent : decision->member].age};
    if (rule->follows) { return pbti_explore(&exploring, values, moves) || replaced; }
    bool const in_place = decision->why == PBTI_WHY_LAST_OF_LINE && config->founders_explore;
    bool const always = config->explore_always && decision->why != PBTI_WHY_BURN_IN;
    bool const explores = replaced || in_place || always;
    if (explores) { (void)pbti_explore(&exploring, values, moves); }
    return explores;
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
