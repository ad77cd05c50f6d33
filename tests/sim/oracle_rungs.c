/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/oracle_rungs.c - the rungs of a study in the oracle's own words: lists and sorting, no
 * formulas shared with core/rungs.c and core/promote.c.
 */
#include "sim/oracle.h"

#include <assert.h>
#include <math.h>

struct ladder {
    uint64_t
        steps[PBTI_SEEN_RUNGS_MAX]; /* of the bracket's rungs, rising; the last is the budget */
    uint32_t above;                 /* rungs of the study below the bracket's first */
    uint32_t count;
    uint32_t first, end; /* members of the bracket */
};

/* All rungs of the study, from the budget down. */
static uint32_t all_rungs(const struct pbti_config *config, uint64_t down[PBTI_SEEN_RUNGS_MAX])
{
    uint32_t count = 0;
    uint64_t share = 1;
    while (config->steps / share >= config->rung_min) {
        assert(count < PBTI_SEEN_RUNGS_MAX);
        down[count++] = config->steps / share;
        share *= config->eta;
    }
    return count;
}

static struct ladder ladder_of(const struct pbti_config *config, uint32_t member)
{
    uint64_t down[PBTI_SEEN_RUNGS_MAX];
    uint32_t const all = all_rungs(config, down);
    struct ladder ladder = {.count = all, .end = config->members};
    if (config->rungs == PBTI_RUNGS_HYPERBAND) {
        ladder.end = 0;
        for (uint32_t s = all; member >= ladder.end; s = s > 0 ? s : all) { /* and again */
            s--;
            double const size = (double)all / (s + 1) * pow(config->eta, s);
            ladder.first = ladder.end;
            ladder.end += (uint32_t)ceil(size - 1e-9);
            ladder.count = s + 1;
        }
    }
    ladder.above = all - ladder.count;
    for (uint32_t i = 0; i < ladder.count; i++) {
        ladder.steps[i] = down[ladder.count - 1 - i];
    }
    return ladder;
}

/* The rung of the ladder that is at so many steps; its count: none. */
static uint32_t rung_at(const struct ladder *ladder, uint64_t steps)
{
    uint32_t rung = 0;
    while (rung < ladder->count && ladder->steps[rung] != steps) {
        rung++;
    }
    return rung;
}

uint64_t pbti_oracle_rungs_left(const struct pbti_config *config, uint32_t member, uint64_t steps)
{
    struct ladder const ladder = ladder_of(config, member);
    uint32_t rung = 0;
    while (rung + 1 < ladder.count && ladder.steps[rung] <= steps) {
        rung++;
    }
    return ladder.steps[rung] - steps;
}

void pbti_oracle_rungs_reach(struct pbti_oracle *w, uint32_t member)
{
    struct ladder const ladder = ladder_of(w->config, member);
    uint32_t const rung = rung_at(&ladder, w->member[member].steps);
    if (rung == ladder.count) { return; }
    w->at_rung[ladder.above + rung][member] =
        pbti_oracle_rules_key(w->config, w->member[member].score);
}

/* Who was at a rung, best first. */
static uint32_t sorted(const struct pbti_oracle *w, const struct ladder *ladder, uint32_t rung,
                       uint32_t members[PBTI_SEEN_MEMBERS_MAX])
{
    const double *const keys = w->at_rung[ladder->above + rung];
    uint32_t count = 0;
    for (uint32_t i = ladder->first; i < ladder->end; i++) {
        if (isnan(keys[i])) { continue; }
        uint32_t at = count++;
        while (at > 0 && keys[i] > keys[members[at - 1]]) {
            members[at] = members[at - 1];
            at--;
        }
        members[at] = i;
    }
    return count;
}

/* Is the member among the first `places` of its rung, with a finite score? */
static bool is_top(const struct pbti_oracle *w, const struct ladder *ladder, uint32_t rung,
                   uint32_t member, uint32_t places)
{
    uint32_t members[PBTI_SEEN_MEMBERS_MAX];
    uint32_t const count = sorted(w, ladder, rung, members);
    for (uint32_t i = 0; i < places && i < count; i++) {
        if (members[i] == member) { return isfinite(w->member[member].score); }
    }
    return false;
}

static bool may_promote(const struct pbti_oracle *w, const struct ladder *ladder, uint32_t rung,
                        uint32_t member)
{
    uint32_t members[PBTI_SEEN_MEMBERS_MAX];
    double places = sorted(w, ladder, rung, members) / (double)w->config->eta;
    if (w->config->rungs != PBTI_RUNGS_PROMOTION) {
        places = fmax(1.0, (ladder->end - ladder->first) / pow(w->config->eta, rung + 1));
    }
    return is_top(w, ladder, rung, member, (uint32_t)floor(places + 1e-9));
}

static bool is_training(const struct pbti_seen *seen)
{
    return seen->phase == PBTI_WAITING || seen->phase == PBTI_RUNNING ||
           seen->phase == PBTI_REPORTED;
}

/* Has every member of the bracket that still trains been at the rung? asha: does nobody train? */
static bool is_complete(const struct pbti_oracle *w, const struct ladder *ladder, uint32_t rung)
{
    for (uint32_t i = ladder->first; i < ladder->end; i++) {
        bool const asha = w->config->rungs == PBTI_RUNGS_PROMOTION;
        bool const below = asha || w->member[i].steps < ladder->steps[rung];
        if (below && is_training(&w->member[i])) { return false; }
    }
    return true;
}

/* asha stopping: below the quantile of those that were there before? */
static bool is_below(const struct pbti_oracle *w, const struct ladder *ladder, uint32_t rung,
                     uint32_t member)
{
    const double *const keys = w->at_rung[ladder->above + rung];
    uint32_t members[PBTI_SEEN_MEMBERS_MAX];
    double rising[PBTI_SEEN_MEMBERS_MAX];
    uint32_t count = 0;
    for (uint32_t i = sorted(w, ladder, rung, members); i-- > 0;) {
        bool const counts = members[i] != member && isfinite(keys[members[i]]);
        if (counts) { rising[count++] = keys[members[i]]; }
    }
    if (!isfinite(keys[member])) { return true; }
    if (count == 0) { return false; }
    uint32_t const at = (count - 1) * (w->config->eta - 1);
    uint32_t const low = at / w->config->eta;
    uint32_t const high = low + 1 < count ? low + 1 : low;
    double const part = (double)(at % w->config->eta) / (double)w->config->eta;
    return keys[member] < rising[low] + (rising[high] - rising[low]) * part;
}

uint8_t pbti_oracle_rungs_verdict(const struct pbti_oracle *w,
                                  const struct pbti_event_decision *decision)
{
    uint32_t const member = decision->member;
    const struct pbti_seen *const seen = &w->member[member];
    struct ladder const ladder = ladder_of(w->config, member);
    uint32_t const rung = rung_at(&ladder, seen->steps);
    if (rung == ladder.count) { return PBTI_KEEP; }
    if (w->config->rungs == PBTI_RUNGS_STOPPING) {
        return is_below(w, &ladder, rung, member) ? PBTI_FINISH : PBTI_KEEP;
    }
    if (seen->phase != PBTI_PAUSED) { return PBTI_PAUSE; }
    bool const asha = w->config->rungs == PBTI_RUNGS_PROMOTION;
    bool const complete = is_complete(w, &ladder, rung);
    if (may_promote(w, &ladder, rung, member) && (asha || complete)) { return PBTI_KEEP; }
    return complete ? PBTI_FINISH : PBTI_PAUSE; /* a decision that was not owed */
}

void pbti_oracle_rungs_settled(struct pbti_oracle *w)
{
    for (uint32_t i = 0; i < w->members; i++) {
        if (w->member[i].phase != PBTI_PAUSED) { continue; }
        struct ladder const ladder = ladder_of(w->config, i);
        uint32_t const rung = rung_at(&ladder, w->member[i].steps);
        bool const asha = w->config->rungs == PBTI_RUNGS_PROMOTION;
        bool const overlooked = asha && may_promote(w, &ladder, rung, i);
        if (overlooked || is_complete(w, &ladder, rung)) {
            pbti_oracle_blame(w, "15: member %u waits at a rung for nobody", i);
        }
    }
}
