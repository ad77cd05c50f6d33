/* SPDX-License-Identifier: Apache-2.0 */
/* sim/swarm.c - drawing a study and its faults; see swarm.h. */
#include "sim/swarm.h"

#include "core/grid.h"
#include "core/rungs.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SEGMENTS_MAX = 9, HPS_MAX = 5 };

/* -------- the space -------- */

static void draw_values(struct pbti_space *space, struct pbti_hp *hp, struct pbti_dice *dice)
{
    hp->first = space->values_count;
    hp->count = pbti_dice_between(dice, 1, 5);
    hp->low = 0.0;
    hp->high = hp->count - 1;
    for (uint32_t i = 0; i < hp->count; i++) {
        struct pbti_hp_value *const value = &space->values[space->values_count++];
        *value = (struct pbti_hp_value){.numeric = hp->kind == PBTI_HP_ORDINAL, .number = i};
        if (!value->numeric) { (void)snprintf(value->text, sizeof value->text, "v%u", i); }
    }
}

static void draw_hp(struct pbti_space *space, struct pbti_dice *dice)
{
    struct pbti_hp *const hp = &space->hp[space->count];
    *hp = (struct pbti_hp){.kind = (uint8_t)pbti_dice_below(dice, 7),
                           .frozen = pbti_dice_chance(dice, 0.2)};
    (void)snprintf(hp->name, sizeof hp->name, "h%u", space->count);
    space->count++;
    double const wide = pbti_dice_unit(dice);
    switch ((enum pbti_hp_kind)hp->kind) {
    case PBTI_HP_LINEAR:
        hp->low = pbti_dice_chance(dice, 0.5) ? 0.0 : -wide;
        hp->high = hp->low + (pbti_dice_chance(dice, 0.1) ? 0.0 : 1.0 + wide);
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
        hp->log_scale = pbti_dice_chance(dice, 0.5);
        hp->low = hp->log_scale ? 1.0 : -3.0;
        hp->high = hp->low + pbti_dice_below(dice, 100);
        break;
    case PBTI_HP_ORDINAL:
    case PBTI_HP_CATEGORICAL: draw_values(space, hp, dice); break;
    case PBTI_HP_BOOLEAN: hp->high = 1.0; break;
    }
}

/* A point of the space; with `lacks`, some of it is left to the prior. */
static void draw_point(const struct pbti_space *space, bool lacks, struct pbti_dice *dice,
                       double *values)
{
    for (uint32_t i = 0; i < space->count; i++) {
        values[i] = pbti_hp_sample(&space->hp[i], pbti_dice_unit(dice));
        if (lacks && pbti_dice_chance(dice, 0.3)) { values[i] = NAN; }
    }
}

/* A grid of at most 12 points, where there is one. */
static void draw_grid(struct pbti_config *config, struct pbti_dice *dice)
{
    for (uint32_t wanted = pbti_dice_between(dice, 1, 4); wanted > 0; wanted--) {
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

static void draw_space(struct pbti_config *config, struct pbti_dice *dice)
{
    uint32_t const count = pbti_dice_below(dice, HPS_MAX + 1);
    for (uint32_t i = 0; i < count; i++) {
        draw_hp(&config->space, dice);
    }
    bool const decays = pbti_dice_chance(dice, 0.3);
    for (uint32_t i = 0; i < count; i++) {
        bool const falls = decays && pbti_hp_may_decay(&config->space.hp[i]);
        if (!falls || pbti_dice_chance(dice, 0.3)) { continue; }
        config->decay[i].shape = (uint8_t)pbti_dice_between(dice, 1, 2);
        config->decay[i].to = pbti_dice_chance(dice, 0.5) ? 0.0 : pbti_dice_unit(dice);
    }
    if (pbti_dice_chance(dice, 0.2)) { config->points_count = pbti_dice_between(dice, 1, 3); }
    for (uint32_t i = 0; i < config->points_count; i++) {
        draw_point(&config->space, true, dice, config->points + i * count);
    }
    bool const alone = config->exploit == PBTI_EXPLOIT_NONE && config->explore == PBTI_EXPLORE_NONE;
    bool const free = config->points_count == 0 && config->rungs == PBTI_RUNGS_NONE;
    if (alone && free && pbti_dice_chance(dice, 0.5)) { draw_grid(config, dice); }
    bool const may_propose = alone && !config->grid && config->rungs == PBTI_RUNGS_NONE;
    config->proposals = may_propose && pbti_dice_chance(dice, 0.7);
    if (config->explore != PBTI_EXPLORE_SCHEDULE) { return; }
    config->schedule_count = pbti_dice_between(dice, 1, 4);
    for (uint32_t i = 0; i < config->schedule_count; i++) {
        config->schedule_age[i] = i * config->ready_every;
        draw_point(&config->space, false, dice, config->schedule + i * count);
    }
}

/* -------- the study -------- */

static void draw_population(struct pbti_config *config, struct pbti_dice *dice)
{
    config->members = pbti_dice_between(dice, 1, 12);
    if (pbti_dice_chance(dice, 0.2)) { config->control_independent = pbti_dice_below(dice, 3); }
    if (pbti_dice_chance(dice, 0.2)) { config->control_selection_only = pbti_dice_below(dice, 5); }
    config->ready_every = pbti_dice_between(dice, 1, 10);
    uint32_t const segments = pbti_dice_between(dice, 1, SEGMENTS_MAX);
    config->steps = segments * config->ready_every;
    bool const divides = pbti_dice_chance(dice, 0.5);
    if (!divides) { config->steps += pbti_dice_below(dice, (uint32_t)config->ready_every); }
    config->max_age = config->steps;
    if (pbti_dice_chance(dice, 0.2)) {
        config->max_age = 1 + pbti_dice_below(dice, (uint32_t)(2 * config->steps));
    }
    if (pbti_dice_chance(dice, 0.3)) {
        config->burn_in = pbti_dice_below(dice, (uint32_t)config->steps + 1);
    }
}

static void draw_strategy(struct pbti_config *config, struct pbti_dice *dice)
{
    config->maximize = pbti_dice_chance(dice, 0.5);
    config->mode = pbti_dice_chance(dice, 0.4) ? PBTI_GENERATIONAL : PBTI_ASYNC;
    config->compare = pbti_dice_chance(dice, 0.2) ? PBTI_COMPARE_EQUAL_AGE : PBTI_COMPARE_LATEST;
    static const uint8_t exploits[] = {PBTI_EXPLOIT_TRUNCATION, PBTI_EXPLOIT_TRUNCATION,
                                       PBTI_EXPLOIT_TRUNCATION, PBTI_EXPLOIT_TOURNAMENT,
                                       PBTI_EXPLOIT_TOURNAMENT, PBTI_EXPLOIT_TTEST,
                                       PBTI_EXPLOIT_NONE};
    config->exploit = exploits[pbti_dice_below(dice, sizeof exploits)];
    config->explore = (uint8_t)pbti_dice_below(dice, 5);
    config->explore_always = pbti_dice_chance(dice, 0.15);
    config->copy =
        pbti_dice_chance(dice, 0.6) ? PBTI_COPY_BOTH : (uint8_t)pbti_dice_between(dice, 1, 2);
    config->quantile = pbti_dice_chance(dice, 0.5) ? 0.2 : 0.5 * pbti_dice_unit(dice);
    config->alpha = pbti_dice_chance(dice, 0.5) ? 0.05 : 0.5;
    config->scores_min = pbti_dice_between(dice, 2, 5);
    if (pbti_dice_chance(dice, 0.2)) { config->gap_min = 0.3 * pbti_dice_unit(dice); }
    if (pbti_dice_chance(dice, 0.3)) { config->noise = pbti_dice_unit(dice); }
    config->factors_count = pbti_dice_between(dice, 1, 3);
    for (uint32_t i = 0; i < config->factors_count; i++) {
        config->factors[i] = 0.1 + 2.0 * pbti_dice_unit(dice);
    }
    config->resample = pbti_dice_unit(dice);
    config->lead = pbti_dice_chance(dice, 0.4) ? pbti_dice_below(dice, 4) : 0;
    config->reduce = (uint8_t)pbti_dice_below(dice, 3);
    config->reduce_last = pbti_dice_below(dice, 4);
}

/* Successive halving, Hyperband or ASHA in place of the strategy that was drawn. */
static void draw_rungs(struct pbti_config *config, struct pbti_dice *dice)
{
    config->rungs = (uint8_t)pbti_dice_between(dice, 1, 4);
    config->eta = pbti_dice_between(dice, 2, 4);
    config->rung_min = 1 + pbti_dice_below(dice, (uint32_t)config->steps);
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
    uint32_t const whole = pbti_rungs_whole(config, pbti_dice_between(dice, 1, 20));
    config->members = whole > 0 ? whole : pbti_rungs_population(config);
}

static void draw_ends(struct pbti_config *config, struct pbti_dice *dice)
{
    config->retries = pbti_dice_below(dice, 3);
    config->revivals = pbti_dice_below(dice, 4);
    if (pbti_dice_chance(dice, 0.15)) { config->plateau = pbti_dice_between(dice, 1, 4); }
    if (pbti_dice_chance(dice, 0.15)) {
        config->has_target = true;
        config->target = config->maximize ? 0.95 : 0.05;
    }
    config->keep_all = pbti_dice_chance(dice, 0.1);
    config->keep_top = pbti_dice_chance(dice, 0.5) ? 1 : pbti_dice_below(dice, 4);
}

static void draw_study(struct pbti_config *config, uint64_t seed)
{
    struct pbti_dice dice = pbti_dice_of(seed, PBTI_DICE_STUDY);
    pbti_config_default(config);
    config->seed = pbti_dice_bits(&dice);
    draw_population(config, &dice);
    draw_strategy(config, &dice);
    double const other = pbti_dice_unit(&dice); /* than population based training */
    if (other < 0.25) {
        draw_rungs(config, &dice);
    } else if (other < 0.4) {
        config->exploit = PBTI_EXPLOIT_NONE;
        config->explore = PBTI_EXPLORE_NONE;
    }
    draw_ends(config, &dice);
    draw_space(config, &dice);
    assert(pbti_config_invalid(config) == NULL);
}

/* -------- the faults -------- */

/* On in `share` of all seeds, then up to `most`, weak more often than strong. */
static double strength(struct pbti_dice *dice, double share, double most)
{
    double const unit = pbti_dice_unit(dice);
    return pbti_dice_chance(dice, share) ? most * unit * unit : 0.0;
}

static uint32_t interval(struct pbti_dice *dice, double share, uint32_t low, uint32_t high)
{
    uint32_t const every = pbti_dice_between(dice, low, high);
    return pbti_dice_chance(dice, share) ? every : 0;
}

static void draw_faults(struct pbti_faults *faults, struct pbti_dice *dice)
{
    faults->append_fails = strength(dice, 0.3, 0.3);
    faults->landed_unknown = strength(dice, 0.3, 0.3);
    faults->lost_unknown = strength(dice, 0.3, 0.3);
    faults->landed_silent = pbti_dice_chance(dice, 0.3) ? 0.97 : strength(dice, 0.5, 0.9);
    faults->read_fails = strength(dice, 0.2, 0.2);
    faults->overtaken = strength(dice, 0.5, 0.7);
    faults->dies_appending = strength(dice, 0.4, 0.1);
    faults->crash_every = interval(dice, 0.3, 5000, 60000);
    faults->power_every = interval(dice, 0.15, 10000, 60000);
    faults->hang_every = interval(dice, 0.3, 5000, 60000);
    faults->leave_every = interval(dice, 0.3, 10000, 60000);
    faults->restart_after = pbti_dice_between(dice, 1, 5000);
    faults->hang_for = pbti_dice_between(dice, 1000, 30000);
    faults->detect_after = pbti_dice_between(dice, 1, 10000);
    faults->late_twice = strength(dice, 0.3, 0.3);
    faults->slot_breaks = strength(dice, 0.2, 0.3);
    faults->fails = strength(dice, 0.5, 0.5);
    faults->not_a_number = strength(dice, 0.3, 0.6);
    faults->infinite = strength(dice, 0.2, 0.4);
    faults->missing = strength(dice, 0.2, 0.6);
    faults->scores_min = pbti_dice_between(dice, 1, 6);
    faults->scores_max = faults->scores_min + pbti_dice_below(dice, 6);
    faults->score_levels = pbti_dice_chance(dice, 0.3) ? pbti_dice_between(dice, 1, 4) : 1000;
    faults->straggles = strength(dice, 0.4, 0.5);
    faults->cold = pbti_dice_chance(dice, 0.2) ? 1.0 : strength(dice, 0.3, 0.5);
}

void pbti_swarm_draw(struct pbti_swarm *swarm, uint64_t seed)
{
    struct pbti_dice dice = pbti_dice_of(seed, PBTI_DICE_FAULTS);
    *swarm = (struct pbti_swarm){.seed = seed};
    draw_study(&swarm->config, seed);
    draw_faults(&swarm->faults, &dice);
    if (pbti_dice_chance(&dice, 0.1)) { /* a quiet run: nothing fails but what trainers do */
        struct pbti_faults const all = swarm->faults;
        swarm->faults = (struct pbti_faults){.restart_after = 1,
                                             .detect_after = 1,
                                             .scores_min = all.scores_min,
                                             .scores_max = all.scores_max,
                                             .score_levels = all.score_levels};
    }
    swarm->machines = pbti_dice_between(&dice, 1, PBTI_SIM_MACHINES_MAX);
    for (uint32_t i = 0; i < swarm->machines; i++) {
        swarm->slots[i] = pbti_dice_between(&dice, 1, PBTI_SIM_SLOTS_MAX);
    }
    if (pbti_dice_chance(&dice, 0.3)) { swarm->amends = pbti_dice_between(&dice, 1, 2); }
    for (uint32_t i = 0; i < swarm->amends; i++) {
        swarm->amend_at[i] = pbti_dice_between(&dice, 1000, 60000);
    }
    if (pbti_dice_chance(&dice, 0.15)) { swarm->stop_at = pbti_dice_between(&dice, 1000, 60000); }
}

void pbti_swarm_amend(const struct pbti_config *now, struct pbti_dice *dice,
                      struct pbti_config *next)
{
    memcpy(next, now, sizeof *next);
    bool const has_rungs = now->rungs != PBTI_RUNGS_NONE;
    bool const alone =
        now->grid || has_rungs || now->proposals; /* another strategy is out of the question */
    bool const fixed =
        now->control_independent + now->control_selection_only > 0 || now->grid || has_rungs;
    if (!fixed && pbti_dice_chance(dice, 0.6)) { next->members = pbti_dice_between(dice, 1, 12); }
    if (!has_rungs && pbti_dice_chance(dice, 0.6)) {
        next->steps = 1 + now->steps / 2 + pbti_dice_below(dice, (uint32_t)now->steps + 1);
        if (pbti_dice_chance(dice, 0.7)) { next->max_age = next->steps; }
    }
    if (pbti_dice_chance(dice, 0.2)) { next->ready_every = pbti_dice_between(dice, 1, 10); }
    if (pbti_dice_chance(dice, 0.3)) { next->burn_in = pbti_dice_below(dice, 10); }
    if (pbti_dice_chance(dice, 0.3)) { next->quantile = 0.5 * pbti_dice_unit(dice); }
    if (!alone) {
        if (pbti_dice_chance(dice, 0.3)) { next->exploit = (uint8_t)pbti_dice_below(dice, 4); }
        if (pbti_dice_chance(dice, 0.3)) { next->explore = (uint8_t)pbti_dice_below(dice, 4); }
    }
    if (pbti_dice_chance(dice, 0.2)) { next->retries = pbti_dice_below(dice, 3); }
    if (pbti_dice_chance(dice, 0.2)) { next->plateau = pbti_dice_below(dice, 4); }
    if (pbti_dice_chance(dice, 0.3)) { next->has_target = false; }
    assert(pbti_config_invalid(next) == NULL && pbti_config_unamendable(now, next) == NULL);
}

void pbti_swarm_still(struct pbti_swarm *swarm)
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
