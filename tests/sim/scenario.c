/* SPDX-License-Identifier: Apache-2.0 */
/* sim/scenario.c - drawing a study and its faults; see scenario.h. */
#include "sim/scenario.h"

#include "core/grid.h"
#include "core/rungs.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SEGMENTS_MAX = 9, HPS_MAX = 5 };

/* -------- the space -------- */

static void draw_values(struct pbti_space *space, struct pbti_hp *hp,
                        struct pbti_sim_random *random)
{
    hp->first = space->values_count;
    hp->count = pbti_sim_random_between(random, 1, 5);
    hp->low = 0.0;
    hp->high = hp->count - 1;
    for (uint32_t i = 0; i < hp->count; i++) {
        struct pbti_hp_value *const value = &space->values[space->values_count++];
        *value = (struct pbti_hp_value){.numeric = hp->kind == PBTI_HP_ORDINAL, .number = i};
        if (!value->numeric) { (void)snprintf(value->text, sizeof value->text, "v%u", i); }
    }
}

static void draw_hp(struct pbti_space *space, struct pbti_sim_random *random)
{
    struct pbti_hp *const hp = &space->hp[space->count];
    *hp = (struct pbti_hp){.kind = (uint8_t)pbti_sim_random_below(random, PBTI_HP_KINDS),
                           .frozen = pbti_sim_random_chance(random, 0.2)};
    (void)snprintf(hp->name, sizeof hp->name, "h%u", space->count);
    space->count++;
    double const wide = pbti_sim_random_unit(random);
    switch ((enum pbti_hp_kind)hp->kind) {
    case PBTI_HP_LINEAR:
        hp->low = pbti_sim_random_chance(random, 0.5) ? 0.0 : -wide;
        hp->high = hp->low + (pbti_sim_random_chance(random, 0.1) ? 0.0 : 1.0 + wide);
        break;
    case PBTI_HP_LOG:
        hp->low = 1e-5;
        hp->high = 1e-5 * pow(10.0, 5.0 * wide);
        break;
    case PBTI_HP_LOGIT:
        hp->low = 0.01;
        hp->high = 0.01 + 0.98 * wide;
        break;
    case PBTI_HP_INTEGER:
        hp->log_scale = pbti_sim_random_chance(random, 0.5);
        hp->low = hp->log_scale ? 1.0 : -3.0;
        hp->high = hp->low + pbti_sim_random_below(random, 100);
        break;
    case PBTI_HP_ORDINAL:
    case PBTI_HP_CATEGORICAL: draw_values(space, hp, random); break;
    case PBTI_HP_BOOLEAN: hp->high = 1.0; break;
    }
}

/* A point of the space; with `lacks`, some of it is left to the prior. */
static void draw_point(const struct pbti_space *space, bool lacks, struct pbti_sim_random *random,
                       double *values)
{
    for (uint32_t i = 0; i < space->count; i++) {
        values[i] = pbti_hp_sample(&space->hp[i], pbti_sim_random_unit(random));
        if (lacks && pbti_sim_random_chance(random, 0.3)) { values[i] = NAN; }
    }
}

/* A grid of at most 12 points, where there is one. */
static void draw_grid(struct pbti_config *config, struct pbti_sim_random *random)
{
    for (uint32_t wanted = pbti_sim_random_between(random, 1, 4); wanted > 0; wanted--) {
        for (uint32_t i = 0; i < config->space.count; i++) {
            config->places[i] = pbti_grid_places(&config->space.hp[i], wanted);
        }
        if (pbti_grid_size(config) > 12) { continue; }
        config->grid = true;
        config->members = pbti_grid_size(config);
        return;
    }
    memset(config->places, 0, sizeof config->places);
}

static void draw_space(struct pbti_config *config, struct pbti_sim_random *random)
{
    uint32_t const count = pbti_sim_random_below(random, HPS_MAX + 1);
    for (uint32_t i = 0; i < count; i++) {
        draw_hp(&config->space, random);
    }
    bool const decays = pbti_sim_random_chance(random, 0.3);
    for (uint32_t i = 0; i < count; i++) {
        bool const falls = decays && pbti_hp_may_decay(&config->space.hp[i]);
        if (!falls || pbti_sim_random_chance(random, 0.3)) { continue; }
        config->decay[i].shape = (uint8_t)pbti_sim_random_between(random, 1, PBTI_DECAYS - 1);
        config->decay[i].to =
            pbti_sim_random_chance(random, 0.5) ? 0.0 : pbti_sim_random_unit(random);
    }
    if (pbti_sim_random_chance(random, 0.2)) {
        config->points_count = pbti_sim_random_between(random, 1, 3);
    }
    for (uint32_t i = 0; i < config->points_count; i++) {
        draw_point(&config->space, true, random, config->points + i * count);
    }
    bool const alone = config->exploit == PBTI_EXPLOIT_NONE && config->explore == PBTI_EXPLORE_NONE;
    bool const free = config->points_count == 0 && config->rungs == PBTI_RUNGS_NONE;
    if (alone && free && pbti_sim_random_chance(random, 0.5)) { draw_grid(config, random); }
    bool const may_propose = alone && !config->grid && config->rungs == PBTI_RUNGS_NONE;
    config->proposals = may_propose && pbti_sim_random_chance(random, 0.7);
    if (config->explore != PBTI_EXPLORE_SCHEDULE) { return; }
    config->schedule_count = pbti_sim_random_between(random, 1, 4);
    for (uint32_t i = 0; i < config->schedule_count; i++) {
        config->schedule_age[i] = i * config->ready_every;
        draw_point(&config->space, false, random, config->schedule + i * count);
    }
}

/* -------- the study -------- */

static void draw_population(struct pbti_config *config, struct pbti_sim_random *random)
{
    config->members = pbti_sim_random_between(random, 1, 12);
    if (pbti_sim_random_chance(random, 0.2)) {
        config->control_independent = pbti_sim_random_below(random, 3);
    }
    if (pbti_sim_random_chance(random, 0.2)) {
        config->control_selection_only = pbti_sim_random_below(random, 5);
    }
    config->ready_every = pbti_sim_random_between(random, 1, 10);
    uint32_t const segments = pbti_sim_random_between(random, 1, SEGMENTS_MAX);
    config->steps = segments * config->ready_every;
    bool const divides = pbti_sim_random_chance(random, 0.5);
    if (!divides) { config->steps += pbti_sim_random_below(random, (uint32_t)config->ready_every); }
    config->max_age = config->steps;
    if (pbti_sim_random_chance(random, 0.2)) {
        config->max_age = 1 + pbti_sim_random_below(random, (uint32_t)(2 * config->steps));
    }
    if (pbti_sim_random_chance(random, 0.3)) {
        config->burn_in = pbti_sim_random_below(random, (uint32_t)config->steps + 1);
    }
}

static void draw_strategy(struct pbti_config *config, struct pbti_sim_random *random)
{
    config->maximize = pbti_sim_random_chance(random, 0.5);
    config->mode = pbti_sim_random_chance(random, 0.4) ? PBTI_GENERATIONAL : PBTI_ASYNC;
    config->compare =
        pbti_sim_random_chance(random, 0.2) ? PBTI_COMPARE_EQUAL_AGE : PBTI_COMPARE_LATEST;
    /* truncation more often, a rule that is not named here now and then */
    static const uint8_t often[] = {PBTI_EXPLOIT_TRUNCATION, PBTI_EXPLOIT_TRUNCATION,
                                    PBTI_EXPLOIT_TOURNAMENT};
    uint32_t const exploit = pbti_sim_random_below(random, PBTI_EXPLOITS + sizeof often);
    config->exploit = exploit < PBTI_EXPLOITS ? (uint8_t)exploit : often[exploit - PBTI_EXPLOITS];
    config->explore = (uint8_t)pbti_sim_random_below(random, PBTI_EXPLORES);
    config->explore_always = pbti_sim_random_chance(random, 0.15);
    config->copy = pbti_sim_random_chance(random, 0.6)
                       ? PBTI_COPY_BOTH
                       : (uint8_t)pbti_sim_random_between(random, 1, 2);
    config->quantile =
        pbti_sim_random_chance(random, 0.5) ? 0.2 : 0.5 * pbti_sim_random_unit(random);
    config->alpha = pbti_sim_random_chance(random, 0.5) ? 0.05 : 0.5;
    config->scores_min = pbti_sim_random_between(random, 2, 5);
    if (pbti_sim_random_chance(random, 0.2)) {
        config->gap_min = 0.3 * pbti_sim_random_unit(random);
    }
    if (pbti_sim_random_chance(random, 0.3)) { config->noise = pbti_sim_random_unit(random); }
    config->factors_count = pbti_sim_random_between(random, 1, 3);
    for (uint32_t i = 0; i < config->factors_count; i++) {
        config->factors[i] = 0.1 + 2.0 * pbti_sim_random_unit(random);
    }
    config->resample = pbti_sim_random_unit(random);
    config->lead = pbti_sim_random_chance(random, 0.4) ? pbti_sim_random_below(random, 4) : 0;
    config->reduce = (uint8_t)pbti_sim_random_below(random, PBTI_REDUCES);
    config->reduce_last = pbti_sim_random_below(random, 4);
}

/* Successive halving, Hyperband or ASHA in place of the strategy that was drawn. */
static void draw_rungs(struct pbti_config *config, struct pbti_sim_random *random)
{
    config->rungs = (uint8_t)pbti_sim_random_between(random, 1, PBTI_RUNGS_KINDS - 1);
    config->eta = pbti_sim_random_between(random, 2, 4);
    config->rung_min = 1 + pbti_sim_random_below(random, (uint32_t)config->steps);
    config->exploit = PBTI_EXPLOIT_NONE;
    config->explore = PBTI_EXPLORE_NONE;
    config->explore_always = false;
    config->mode = PBTI_ASYNC;
    config->control_independent = 0;
    config->control_selection_only = 0;
    if (config->max_age < config->steps) { config->max_age = config->steps; }
    if (config->rungs != PBTI_RUNGS_HYPERBAND) { return; }
    while (pbti_rungs_population(config) > 20) {
        config->rung_min++; /* at last there is one rung, and one member */
    }
    uint32_t const whole = pbti_rungs_whole(config, pbti_sim_random_between(random, 1, 20));
    config->members = whole > 0 ? whole : pbti_rungs_population(config);
}

static void draw_ends(struct pbti_config *config, struct pbti_sim_random *random)
{
    config->retries = pbti_sim_random_below(random, 3);
    config->revivals = pbti_sim_random_below(random, 4);
    if (pbti_sim_random_chance(random, 0.15)) {
        config->plateau = pbti_sim_random_between(random, 1, 4);
    }
    if (pbti_sim_random_chance(random, 0.15)) {
        config->has_target = true;
        config->target = config->maximize ? 0.95 : 0.05;
    }
    config->keep_all = pbti_sim_random_chance(random, 0.1);
    config->keep_top = pbti_sim_random_chance(random, 0.5) ? 1 : pbti_sim_random_below(random, 4);
}

/* Rules of both versions, and the floor under the founders. */
static void draw_founders(struct pbti_config *config, struct pbti_sim_random *random)
{
    config->rules = pbti_sim_random_between(random, 1, PBTI_RULES_VERSION);
    config->ties_copy = pbti_sim_random_chance(random, 0.2);
    bool const copies =
        config->exploit != PBTI_EXPLOIT_NONE && (config->copy & PBTI_COPY_WEIGHTS) != 0;
    if (!copies || pbti_sim_random_chance(random, 0.6)) { return; }
    config->founders_keep = 1.0 - 0.7 * pbti_sim_random_unit(random);
    config->founders_until = 1.0 - 0.9 * pbti_sim_random_unit(random);
    config->founders_explore = pbti_sim_random_chance(random, 0.5);
}

static void draw_study(struct pbti_config *config, uint64_t seed)
{
    struct pbti_sim_random random = pbti_sim_random_of(seed, PBTI_SIM_RANDOM_STUDY);
    pbti_config_default(config);
    config->seed = pbti_sim_random_bits(&random);
    draw_population(config, &random);
    draw_strategy(config, &random);
    double const other = pbti_sim_random_unit(&random); /* than population based training */
    if (other < 0.25) {
        draw_rungs(config, &random);
    } else if (other < 0.4) {
        config->exploit = PBTI_EXPLOIT_NONE;
        config->explore = PBTI_EXPLORE_NONE;
    }
    draw_ends(config, &random);
    draw_space(config, &random);
    draw_founders(config, &random);
    assert(pbti_config_invalid(config) == NULL);
}

/* -------- the faults -------- */

/* On in `share` of all seeds, then up to `most`, weak more often than strong. */
static double strength(struct pbti_sim_random *random, double share, double most)
{
    double const unit = pbti_sim_random_unit(random);
    return pbti_sim_random_chance(random, share) ? most * unit * unit : 0.0;
}

static uint32_t interval(struct pbti_sim_random *random, double share, uint32_t low, uint32_t high)
{
    uint32_t const every = pbti_sim_random_between(random, low, high);
    return pbti_sim_random_chance(random, share) ? every : 0;
}

static void draw_faults(struct pbti_faults *faults, struct pbti_sim_random *random)
{
    faults->append_fails = strength(random, 0.3, 0.3);
    faults->landed_unknown = strength(random, 0.3, 0.3);
    faults->lost_unknown = strength(random, 0.3, 0.3);
    faults->landed_silent = pbti_sim_random_chance(random, 0.3) ? 0.97 : strength(random, 0.5, 0.9);
    faults->read_fails = strength(random, 0.2, 0.2);
    faults->overtaken = strength(random, 0.5, 0.7);
    faults->dies_appending = strength(random, 0.4, 0.1);
    faults->crash_every = interval(random, 0.3, 5000, 60000);
    faults->power_every = interval(random, 0.15, 10000, 60000);
    faults->hang_every = interval(random, 0.3, 5000, 60000);
    faults->leave_every = interval(random, 0.3, 10000, 60000);
    faults->restart_after = pbti_sim_random_between(random, 1, 5000);
    faults->hang_for = pbti_sim_random_between(random, 1000, 30000);
    faults->detect_after = pbti_sim_random_between(random, 1, 10000);
    faults->late_twice = strength(random, 0.3, 0.3);
    faults->slot_breaks = strength(random, 0.2, 0.3);
    faults->fails = strength(random, 0.5, 0.5);
    faults->not_a_number = strength(random, 0.3, 0.6);
    faults->infinite = strength(random, 0.2, 0.4);
    faults->missing = strength(random, 0.2, 0.6);
    faults->scores_min = pbti_sim_random_between(random, 1, 6);
    faults->scores_max = faults->scores_min + pbti_sim_random_below(random, 6);
    faults->score_levels =
        pbti_sim_random_chance(random, 0.3) ? pbti_sim_random_between(random, 1, 4) : 1000;
    faults->straggles = strength(random, 0.4, 0.5);
    faults->cold = pbti_sim_random_chance(random, 0.2) ? 1.0 : strength(random, 0.3, 0.5);
    faults->bad_place = strength(random, 0.3, 0.7);
    faults->bad_for = pbti_sim_random_between(random, 1000, 60000);
}

void pbti_scenario_draw(struct pbti_scenario *swarm, uint64_t seed)
{
    struct pbti_sim_random random = pbti_sim_random_of(seed, PBTI_SIM_RANDOM_FAULTS);
    *swarm = (struct pbti_scenario){.seed = seed};
    draw_study(&swarm->config, seed);
    draw_faults(&swarm->faults, &random);
    if (pbti_sim_random_chance(&random,
                               0.1)) { /* a quiet run: nothing fails but what trainers do */
        struct pbti_faults const all = swarm->faults;
        swarm->faults = (struct pbti_faults){.restart_after = 1,
                                             .detect_after = 1,
                                             .scores_min = all.scores_min,
                                             .scores_max = all.scores_max,
                                             .score_levels = all.score_levels};
    }
    swarm->machines = pbti_sim_random_between(&random, 1, PBTI_SIM_MACHINES_MAX);
    for (uint32_t i = 0; i < swarm->machines; i++) {
        swarm->slots[i] = pbti_sim_random_between(&random, 1, PBTI_SIM_SLOTS_MAX);
    }
    if (pbti_sim_random_chance(&random, 0.3)) {
        swarm->amends = pbti_sim_random_between(&random, 1, 2);
    }
    for (uint32_t i = 0; i < swarm->amends; i++) {
        swarm->amend_at[i] = pbti_sim_random_between(&random, 1000, 60000);
    }
    if (pbti_sim_random_chance(&random, 0.15)) {
        swarm->stop_at = pbti_sim_random_between(&random, 1000, 60000);
    }
}

void pbti_scenario_amend(const struct pbti_config *now, struct pbti_sim_random *random,
                         struct pbti_config *next)
{
    memcpy(next, now, sizeof *next);
    bool const has_rungs = now->rungs != PBTI_RUNGS_NONE;
    bool const alone =
        now->grid || has_rungs || now->proposals; /* another strategy is out of the question */
    bool const fixed =
        now->control_independent + now->control_selection_only > 0 || now->grid || has_rungs;
    if (!fixed && pbti_sim_random_chance(random, 0.6)) {
        next->members = pbti_sim_random_between(random, 1, 12);
    }
    if (!has_rungs && pbti_sim_random_chance(random, 0.6)) {
        next->steps = 1 + now->steps / 2 + pbti_sim_random_below(random, (uint32_t)now->steps + 1);
        if (pbti_sim_random_chance(random, 0.7)) { next->max_age = next->steps; }
    }
    if (pbti_sim_random_chance(random, 0.2)) {
        next->ready_every = pbti_sim_random_between(random, 1, 10);
    }
    if (pbti_sim_random_chance(random, 0.3)) { next->burn_in = pbti_sim_random_below(random, 10); }
    if (pbti_sim_random_chance(random, 0.3)) {
        next->quantile = 0.5 * pbti_sim_random_unit(random);
    }
    if (!alone) {
        if (pbti_sim_random_chance(random, 0.3)) {
            next->exploit = (uint8_t)pbti_sim_random_below(random, PBTI_EXPLOITS);
        }
        if (pbti_sim_random_chance(random, 0.3)) {
            uint32_t const explores = /* a schedule stays what it was */
                next->schedule_count > 0 ? PBTI_EXPLORES : PBTI_EXPLORE_SCHEDULE;
            next->explore = (uint8_t)pbti_sim_random_below(random, explores);
        }
    }
    bool const copies = next->exploit != PBTI_EXPLOIT_NONE && (next->copy & PBTI_COPY_WEIGHTS) != 0;
    if (!copies || pbti_sim_random_chance(random, 0.2)) {
        next->founders_keep = 0.0;
        next->founders_until = PBTI_FOUNDERS_UNTIL;
        next->founders_explore = true;
    }
    if (pbti_sim_random_chance(random, 0.2)) { next->retries = pbti_sim_random_below(random, 3); }
    if (pbti_sim_random_chance(random, 0.2)) { next->plateau = pbti_sim_random_below(random, 4); }
    if (pbti_sim_random_chance(random, 0.3)) { next->has_target = false; }
    next->revive = pbti_sim_random_chance(random, 0.5);
    assert(pbti_config_invalid(next) == NULL && pbti_config_unamendable(now, next) == NULL);
}

void pbti_scenario_still(struct pbti_scenario *swarm)
{
    struct pbti_faults const all = swarm->faults;
    swarm->faults = (struct pbti_faults){.restart_after = 1,
                                         .detect_after = 1,
                                         .fails = all.fails,
                                         .not_a_number = all.not_a_number,
                                         .infinite = all.infinite,
                                         .missing = all.missing,
                                         .scores_min = all.scores_min,
                                         .scores_max = all.scores_max,
                                         .score_levels = all.score_levels};
    swarm->machines = 1;
    swarm->slots[0] = 1;
    swarm->amends = 0;
    swarm->stop_at = 0;
}
