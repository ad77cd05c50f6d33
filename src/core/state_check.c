/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/state_check.c - the invariants of state.h: of one member, asserted at each transition, and
 * of the whole state, the slow and plain way, for tests.
 */
#include "core/state_inside.h"

#include <math.h>
#include <stddef.h>

static bool should_rank(const struct pbti_member *m)
{
    return m->score_source != PBTI_SCORE_NONE && m->phase != PBTI_FAILED && m->phase != PBTI_GONE &&
           m->phase != PBTI_OUT;
}

static const char *check_progress(const struct pbti_state *state, const struct pbti_member *m)
{
    bool const running = m->phase == PBTI_RUNNING;
    if (running != (m->claim != 0)) {
        return "1: a claim exists without its member running, or the other way";
    }
    if (running != (m->claimed_steps != 0) || running != (m->claimed_span != 0)) {
        return "1: a claim has no steps, or steps no claim";
    }
    if (m->segment < 1 || (running && m->attempt < 1)) { return "1: a segment is not counted"; }
    if (m->phase == PBTI_WAITING && pbti_is_finished(state->config, m)) {
        return "1: a member waits with nothing left to train";
    }
    if (m->phase == PBTI_EXPECTING && (m->steps != 0 || m->start.segment != 0)) {
        return "1: a member expects its first values after it has begun";
    }
    if (m->phase == PBTI_PAUSED && state->rung_rows == 0) { return "1: a pause without rungs"; }
    if ((m->age > 0) != (m->start.segment > 0)) { return "3: weights without a checkpoint"; }
    return NULL;
}

static const char *check_score(const struct pbti_state *state, uint32_t member)
{
    const struct pbti_member *const m = &state->member[member];
    const struct pbti_rank_entry *const entry = &state->rank.entry[member];
    bool const own = m->score_source == PBTI_SCORE_OWN;
    if (!own && m->scores_count != 0) { return "9: scores were measured before the copy"; }
    if (m->score_source == PBTI_SCORE_NONE && !isnan(m->score)) { return "9: a score of nobody"; }
    if (entry->in != should_rank(m)) { return "4: the ranking holds the wrong members"; }
    if (!entry->in) { return NULL; }
    if (entry->key != pbti_key(state->config, m->score)) { return "4: a rank is out of date"; }
    return entry->donor == pbti_may_donate(state->config, m)
               ? NULL
               : "7: a donor is none, or the other way";
}

const char *pbti_member_check(const struct pbti_state *state, uint32_t member)
{
    const struct pbti_member *const m = &state->member[member];
    if (m->phase >= PBTI_PHASES || m->group >= PBTI_GROUPS) { return "1: a phase is unknown"; }
    bool const waiting = m->phase == PBTI_WAITING;
    if (waiting != (state->heap_at[member] != PBTI_NO_MEMBER)) {
        return "5: the runnable heap does not hold exactly the waiting members";
    }
    if (waiting && state->heap[state->heap_at[member]] != member) {
        return "5: the runnable heap has lost a member";
    }
    if (m->founder >= state->members) { return "8: a founder does not exist"; }
    const char *const broken = check_progress(state, m);
    return broken != NULL ? broken : check_score(state, member);
}

static const char *check_phases(const struct pbti_state *state)
{
    uint64_t phase[PBTI_PHASES] = {0};
    uint32_t active[PBTI_GROUPS] = {0};
    uint32_t waiting = 0;
    for (uint32_t i = 0; i < state->members; i++) {
        const struct pbti_member *const m = &state->member[i];
        const char *const broken = pbti_member_check(state, i);
        if (broken != NULL) { return broken; }
        phase[m->phase]++;
        bool const is_active =
            m->phase == PBTI_WAITING || m->phase == PBTI_RUNNING || m->phase == PBTI_EXPECTING;
        if (is_active) { active[m->group]++; }
        if (m->phase == PBTI_WAITING) { waiting++; }
    }
    if (waiting != state->heap_count) { return "5: the runnable heap has the wrong size"; }
    for (uint32_t i = 0; i < PBTI_PHASES; i++) {
        if (phase[i] != state->counts.phase[i]) { return "1: phases are miscounted"; }
    }
    for (uint32_t i = 0; i < PBTI_GROUPS; i++) {
        if (active[i] != state->group[i].active) { return "1: active members are miscounted"; }
    }
    return NULL;
}

static const char *check_heap(const struct pbti_state *state)
{
    for (uint32_t i = 1; i < state->heap_count; i++) {
        uint32_t const parent = state->heap[(i - 1) / 2];
        uint32_t const child = state->heap[i];
        uint64_t const a = state->member[parent].steps;
        uint64_t const b = state->member[child].steps;
        bool const wrong = state->rung_rows > 0 ? a < b : a > b;
        if (wrong || (a == b && parent > child)) { return "5: the runnable heap is out of order"; }
    }
    return NULL;
}

static const char *check_values(const struct pbti_state *state)
{
    for (uint32_t i = 0; i < state->members; i++) {
        for (uint32_t hp = 0; hp < state->stride; hp++) {
            if (!pbti_hp_valid(&state->config->space.hp[hp], pbti_values_of(state, i)[hp])) {
                return "2: a hyperparameter is outside its bounds or type";
            }
        }
    }
    return NULL;
}

/* What a node names; segment 0: nothing. */
static struct pbti_checkpoint named_by(const struct pbti_state *state, uint32_t node)
{
    struct pbti_checkpoint const none = {0, 0, 0};
    if (node < state->members) { return state->member[node].start; }
    node -= state->members;
    if (node < state->parked_count) {
        const struct pbti_pending *const parked = &state->parked[node];
        bool const names = parked->set && parked->kind == PBTI_REPLACE &&
                           (parked->copied & PBTI_COPY_WEIGHTS) != 0;
        return names ? parked->donor.start : none;
    }
    node -= state->parked_count;
    uint32_t const group = node / state->keep_top;
    for (uint32_t i = 0; i < state->group[group].kept_count; i++) {
        size_t const base = (size_t)group * state->keep_top;
        if (state->kept_order[base + i] == node % state->keep_top) {
            return state->kept[node].checkpoint;
        }
    }
    return none;
}

/* All nodes of a ring name the same checkpoint, and nodes that name nothing are alone. That equal
 * names are in one ring is seen by the simulator's store: no checkpoint in use is ever reported
 * unreachable. */
static const char *check_rings(const struct pbti_state *state)
{
    uint32_t const nodes = state->members + state->parked_count + PBTI_GROUPS * state->keep_top;
    for (uint32_t node = 0; node < nodes; node++) {
        struct pbti_checkpoint const a = named_by(state, node);
        struct pbti_checkpoint const b = named_by(state, state->ring[node].next);
        if (state->ring[state->ring[node].next].previous != node) { return "3: a ring is broken"; }
        if (a.member != b.member || a.segment != b.segment || a.attempt != b.attempt) {
            return "3: a ring holds different checkpoints";
        }
        if (a.segment == 0 && !pbti_ring_alone(state, node)) {
            return "3: a ring holds nodes without a checkpoint";
        }
    }
    return NULL;
}

static const char *check_ranking(const struct pbti_state *state)
{
    uint32_t ranked[PBTI_GROUPS] = {0};
    uint32_t donors[PBTI_GROUPS] = {0};
    for (uint32_t i = 0; i < state->members; i++) {
        const struct pbti_member *const m = &state->member[i];
        const struct pbti_rank_entry *const entry = &state->rank.entry[i];
        if (!entry->in) { continue; }
        ranked[m->group]++;
        if (entry->donor) { donors[m->group]++; }
    }
    for (uint8_t group = 0; group < PBTI_GROUPS; group++) {
        const struct pbti_rank_list *const list = &state->group[group].ranking;
        if (list->count != ranked[group] || list->donors != donors[group]) {
            return "4: the ranking is miscounted";
        }
        uint32_t before = PBTI_NO_MEMBER;
        uint32_t donors_before = 0;
        for (uint32_t rank = 0; rank < list->count; rank++) {
            uint32_t const member = pbti_state_ranked(state, group, rank);
            if (pbti_rank_of(&state->rank, list, member) != rank ||
                pbti_rank_donors(&state->rank, list, rank) != donors_before) {
                return "4: the ranking's counts are wrong";
            }
            if (before != PBTI_NO_MEMBER) {
                double const a = state->rank.entry[before].key;
                double const b = state->rank.entry[member].key;
                if (a < b || (a == b && before > member)) {
                    return "4: the ranking is out of order";
                }
            }
            if (state->rank.entry[member].donor) {
                if (pbti_rank_donor_at(&state->rank, list, donors_before) != member) {
                    return "4: the ranking's donors are wrong";
                }
                donors_before++;
            }
            before = member;
        }
    }
    return NULL;
}

/* Between two events of a generation, what is recorded counts already. */
static const char *check_founders(const struct pbti_state *state)
{
    uint32_t alive[PBTI_GROUPS] = {0};
    uint32_t founders[PBTI_GROUPS] = {0};
    uint64_t in_lines = 0;
    for (uint32_t i = 0; i < state->members; i++) {
        const struct pbti_member *const m = &state->member[i];
        const struct pbti_pending *const parked =
            state->parked_count == 1 ? NULL : &state->parked[i];
        bool const given_up = parked != NULL && parked->set && parked->kind == PBTI_GIVE_UP;
        if (state->member[m->founder].group != m->group) { return "8: a founder is of elsewhere"; }
        if (state->line[i] > 0) { founders[m->group]++; }
        in_lines += state->line[i];
        if (m->phase != PBTI_GONE && m->phase != PBTI_OUT && !given_up) { alive[m->group]++; }
    }
    for (uint8_t group = 0; group < PBTI_GROUPS; group++) {
        if (state->group[group].alive != alive[group] ||
            state->group[group].founders != founders[group]) {
            return "8: members alive, or founders, are miscounted";
        }
        in_lines -= alive[group];
    }
    return in_lines == 0 ? NULL : "8: lines have another number of members";
}

const char *pbti_state_check(const struct pbti_state *state)
{
    const char *(*const checks[])(const struct pbti_state *) = {
        check_phases, check_heap, check_values, check_rings, check_ranking, check_founders};
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        const char *const broken = checks[i](state);
        if (broken != NULL) { return broken; }
    }
    return NULL;
}
