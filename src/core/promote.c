/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/promote.c - who is promoted at a rung; what a rung is says rungs.h.
 *
 * successive_halving, hyperband: whoever reaches a rung pauses there. When nobody of the bracket is
 * below it any longer, the best train on and the others are through. Failed members are not waited
 * for: they have been given up by then.
 *
 * asha, promotion: whoever reaches a rung pauses there, and is promoted as soon as it is among the
 * best 1/eta of all that were ever there, whether it came in this way by its own report or by those
 * of others. When nobody is left to train, those that still wait are through.
 *
 * asha, stopping: nobody pauses. Whoever is below the quantile 1 - 1/eta (interpolated) of those
 * that were at the rung before it is through.
 *
 * A score that is not finite is never promoted. Ties go to the lower index.
 *
 * Source      Li et al. 2018 and 2020 (rungs.h); the stopping rule is that of Ray Tune's
 *             AsyncHyperBand
 * Differences promotions are decided when a report arrives, not when a worker asks for work; the
 *             order in which free slots take members (pbti_next) is that of the paper: a promoted
 *             one before a new one
 * Cost        O(members) a report for each rung, O(members^2) in the worst case:
 * PBTI_RUNG_MEMBERS_MAX
 */
#include "core/rungs.h"
#include "core/state_inside.h"

#include <assert.h>
#include <math.h>

/* -------- the scores of a rung -------- */

/* Keys that were measured at a rung; NaN = never there. Shape (members). */
static const double *row_of(const struct pbti_state *state, uint32_t rung)
{
    return state->rung + (size_t)rung * state->members;
}

struct place {
    uint32_t rank;  /* how many of the bracket are better, 0 = best */
    uint32_t count; /* how many were there */
};

static struct place place_of(const struct pbti_state *state, struct pbti_bracket bracket,
                             uint32_t rung, uint32_t member)
{
    const double *const keys = row_of(state, rung);
    struct place place = {0, 0};
    for (uint32_t i = bracket.first; i < bracket.first + bracket.count; i++) {
        if (isnan(keys[i])) { continue; }
        place.count++;
        bool const ahead = keys[i] > keys[member] || (keys[i] == keys[member] && i < member);
        if (ahead) { place.rank++; }
    }
    return place;
}

static bool is_live(uint8_t phase)
{
    return phase == PBTI_WAITING || phase == PBTI_RUNNING || phase == PBTI_REPORTED ||
           phase == PBTI_FAILED;
}

/* -------- successive halving, hyperband -------- */

/* The first member that pauses at a rung which nobody of the bracket has still to reach. */
static uint32_t owed_in_bracket(const struct pbti_state *state, struct pbti_bracket bracket)
{
    uint64_t behind = UINT64_MAX;
    uint32_t const end = bracket.first + bracket.count;
    for (uint32_t i = bracket.first; i < end; i++) {
        const struct pbti_member *const m = &state->member[i];
        if (is_live(m->phase) && m->steps < behind) { behind = m->steps; }
    }
    for (uint32_t i = bracket.first; i < end; i++) {
        const struct pbti_member *const m = &state->member[i];
        if (m->phase == PBTI_PAUSED && m->steps <= behind) { return i; }
    }
    return PBTI_NO_MEMBER;
}

static uint32_t owed_halving(const struct pbti_state *state)
{
    uint32_t owed = PBTI_NO_MEMBER;
    struct pbti_bracket bracket = pbti_bracket(state->config, 0);
    while (bracket.count > 0 && owed == PBTI_NO_MEMBER) {
        owed = owed_in_bracket(state, bracket);
        bracket = pbti_bracket(state->config, bracket.index + 1);
    }
    return owed;
}

/* -------- asha -------- */

/* Is a member that pauses among the best 1/eta of its rung? */
static bool is_promotable(const struct pbti_state *state, uint32_t member)
{
    struct pbti_bracket const bracket = pbti_bracket(state->config, 0);
    uint32_t const rung = pbti_rung_at(state->config, bracket, state->member[member].steps);
    struct place const place = place_of(state, bracket, rung, member);
    return place.rank < place.count / state->config->eta && isfinite(row_of(state, rung)[member]);
}

/* The best of those that pause at a rung, or PBTI_NO_MEMBER. */
static uint32_t best_paused(const struct pbti_state *state, uint32_t rung)
{
    uint64_t const steps = pbti_rung_steps(state->config, rung);
    const double *const keys = row_of(state, rung);
    uint32_t best = PBTI_NO_MEMBER;
    for (uint32_t i = 0; i < state->config->members; i++) {
        const struct pbti_member *const m = &state->member[i];
        if (m->phase != PBTI_PAUSED || m->steps != steps) { continue; }
        if (best == PBTI_NO_MEMBER || keys[i] > keys[best]) { best = i; }
    }
    return best;
}

static uint32_t owed_promotion(const struct pbti_state *state)
{
    for (uint32_t rung = state->rung_rows - 1; rung-- > 0;) {
        uint32_t const best = best_paused(state, rung);
        if (best != PBTI_NO_MEMBER && is_promotable(state, best)) { return best; }
    }
    uint32_t paused = PBTI_NO_MEMBER;
    for (uint32_t i = state->config->members; i-- > 0;) {
        if (is_live(state->member[i].phase)) { return PBTI_NO_MEMBER; }
        if (state->member[i].phase == PBTI_PAUSED) { paused = i; }
    }
    return paused;
}

/* The finite key of a rung with `before` lower ones in front of it, `member` left out. */
static double nth_key(const struct pbti_state *state, const double *keys, uint32_t member,
                      uint32_t before)
{
    for (uint32_t i = 0; i < state->config->members; i++) {
        if (i == member || !isfinite(keys[i])) { continue; }
        uint32_t lower = 0;
        for (uint32_t j = 0; j < state->config->members; j++) {
            bool const counts = j != member && isfinite(keys[j]);
            if (counts && (keys[j] < keys[i] || (keys[j] == keys[i] && j < i))) { lower++; }
        }
        if (lower == before) { return keys[i]; }
    }
    return NAN;
}

/* Is a member below the quantile of those that were there before it? */
static bool is_stopped(const struct pbti_state *state, uint32_t rung, uint32_t member)
{
    const double *const keys = row_of(state, rung);
    uint64_t const eta = state->config->eta;
    if (!isfinite(keys[member])) { return true; }
    uint32_t count = 0;
    for (uint32_t i = 0; i < state->config->members; i++) {
        if (i != member && isfinite(keys[i])) { count++; }
    }
    if (count == 0) { return false; }
    uint64_t const at = (count - 1) * (eta - 1); /* in parts of eta */
    double const low = nth_key(state, keys, member, (uint32_t)(at / eta));
    if (at % eta == 0) { return keys[member] < low; }
    double const high = nth_key(state, keys, member, (uint32_t)(at / eta) + 1);
    double const part = (double)(at % eta) / (double)eta;
    return keys[member] < low + (high - low) * part;
}

/* -------- for decide.c -------- */

uint32_t pbti_promotion_due(const struct pbti_state *state)
{
    if (state->counts.phase[PBTI_PAUSED] == 0) { return PBTI_NO_MEMBER; }
    return state->config->rungs == PBTI_RUNGS_PROMOTION ? owed_promotion(state)
                                                        : owed_halving(state);
}

void pbti_promotion_judge(const struct pbti_state *state, struct pbti_event_decision *decision)
{
    const struct pbti_config *const config = state->config;
    const struct pbti_member *const m = &state->member[decision->member];
    struct pbti_bracket const bracket = pbti_bracket_of(config, decision->member);
    uint32_t const rung = pbti_rung_at(config, bracket, m->steps);
    decision->kind = PBTI_KEEP;
    decision->why = PBTI_WHY_BETWEEN_RUNGS;
    if (rung == PBTI_NO_RUNG) { return; }
    struct place const place = place_of(state, bracket, rung, decision->member);
    decision->rank = place.rank + 1;
    decision->count = place.count;
    bool const stopping = config->rungs == PBTI_RUNGS_STOPPING;
    if (m->phase == PBTI_REPORTED && !stopping) {
        decision->kind = PBTI_PAUSE;
        decision->why = PBTI_WHY_RUNG;
        return;
    }
    bool promoted;
    if (stopping) {
        promoted = !is_stopped(state, rung, decision->member);
    } else if (config->rungs == PBTI_RUNGS_PROMOTION) {
        promoted = is_promotable(state, decision->member);
    } else {
        promoted = place.rank < pbti_rung_keeps(config, bracket, rung) &&
                   isfinite(row_of(state, rung)[decision->member]);
    }
    decision->kind = promoted ? PBTI_KEEP : PBTI_FINISH;
    decision->why = promoted ? PBTI_WHY_PROMOTED : PBTI_WHY_ELIMINATED;
}
