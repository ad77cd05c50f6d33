/* SPDX-License-Identifier: Apache-2.0 */
/* core/config.c - the rules of a study: defaults, validity, encoding; see config.h. */
#include "core/config.h"

#include "core/grid.h"
#include "core/rungs.h"

#include <math.h>
#include <string.h>

PBTI_NAME_FUNCTION(pbti_mode_name, PBTI_MODE_LIST)
PBTI_NAME_FUNCTION(pbti_exploit_name, PBTI_EXPLOIT_LIST)
PBTI_NAME_FUNCTION(pbti_explore_name, PBTI_EXPLORE_LIST)
PBTI_NAME_FUNCTION(pbti_reduce_name, PBTI_REDUCE_LIST)
PBTI_NAME_FUNCTION(pbti_compare_name, PBTI_COMPARE_LIST)

void pbti_config_default(struct pbti_config *config)
{
    memset(config, 0, sizeof *config);
    config->seed = 1;
    config->maximize = true;
    config->reduce = PBTI_REDUCE_LAST;
    config->mode = PBTI_ASYNC;
    config->compare = PBTI_COMPARE_LATEST;
    config->exploit = PBTI_EXPLOIT_TRUNCATION;
    config->explore = PBTI_EXPLORE_PERTURB;
    config->copy = PBTI_COPY_BOTH;
    config->quantile = 0.2;
    config->alpha = 0.05;
    config->scores_min = 5;
    config->factors_count = 2;
    config->factors[0] = 0.8;
    config->factors[1] = 1.2;
    config->resample = 0.25;
    config->retries = 2;
    config->revivals = 3;
    config->keep_top = 1;
}

uint32_t pbti_config_members(const struct pbti_config *config)
{
    return config->members + config->control_independent + config->control_selection_only;
}

/* -------- validity -------- */

static bool is_within(double value, double low, double high)
{
    return value >= low && value <= high;
}

static const char *population_invalid(const struct pbti_config *config)
{
    if (config->members < 1 || config->members > PBTI_MEMBERS_MAX ||
        config->control_independent > PBTI_MEMBERS_MAX ||
        config->control_selection_only > PBTI_MEMBERS_MAX ||
        pbti_config_members(config) > PBTI_MEMBERS_MAX) {
        return "members are out of range";
    }
    if (config->steps < 1 || config->steps > PBTI_STEPS_MAX) { return "steps are out of range"; }
    if (config->ready_every < 1 || config->ready_every > PBTI_STEPS_MAX) {
        return "ready is out of range";
    }
    if (config->burn_in > PBTI_STEPS_MAX) { return "burn_in is out of range"; }
    if (config->max_age < 1 || config->max_age > PBTI_STEPS_MAX) {
        return "max_age is out of range";
    }
    if (config->plateau > PBTI_STEPS_MAX) { return "plateau is out of range"; }
    if (config->keep_top > PBTI_KEEP_MAX) { return "keep is out of range"; }
    return NULL;
}

static const char *strategy_invalid(const struct pbti_config *config)
{
    if (config->has_target && !isfinite(config->target)) { return "target is not finite"; }
    if (config->reduce >= PBTI_REDUCES) { return "reduce is not known"; }
    if (config->reduce_last > PBTI_SCORES_MAX) { return "reduce is over too many scores"; }
    if (config->mode >= PBTI_MODES) { return "mode is not known"; }
    if (config->compare >= PBTI_COMPARES) { return "compare is not known"; }
    if (config->exploit >= PBTI_EXPLOITS) { return "exploit is not known"; }
    if (config->explore >= PBTI_EXPLORES) { return "explore is not known"; }
    if (config->copy < 1 || config->copy > PBTI_COPY_BOTH) { return "copy is not known"; }
    if (!is_within(config->quantile, 0.0, 0.5)) { return "quantile is out of range"; }
    if (!is_within(config->alpha, 0.0, 0.5)) { return "alpha is out of range"; }
    if (config->scores_min < 2 || config->scores_min > PBTI_SCORES_MAX) {
        return "scores is out of range";
    }
    if (!(config->gap_min >= 0.0) || isinf(config->gap_min)) { return "gap is out of range"; }
    if (!(config->noise >= 0.0) || isinf(config->noise)) { return "noise is out of range"; }
    if (!is_within(config->resample, 0.0, 1.0)) { return "resample is not a probability"; }
    if (config->factors_count > PBTI_FACTORS_MAX ||
        (config->factors_count == 0 && config->noise == 0.0)) {
        return "the number of factors is out of range";
    }
    if (config->compare == PBTI_COMPARE_EQUAL_AGE &&
        config->max_age / config->ready_every >= PBTI_EQUAL_AGE_MAX / pbti_config_members(config)) {
        return "equal_age has too many intervals for so many members";
    }
    for (uint32_t i = 0; i < config->factors_count; i++) {
        if (!(config->factors[i] > 0.0) || isinf(config->factors[i])) {
            return "a factor is not above 0";
        }
    }
    return NULL;
}

/* Rows of values: all inside the space, NaN only where `may_lack`. */
static const char *rows_invalid(const struct pbti_config *config, const double *rows,
                                uint32_t rows_count, bool may_lack)
{
    uint32_t const stride = config->space.count;
    if ((uint64_t)rows_count * stride > PBTI_POINT_VALUES_MAX) {
        return "there are too many points";
    }
    for (uint32_t i = 0; i < rows_count * stride; i++) {
        bool const lacks = may_lack && isnan(rows[i]);
        if (!lacks && !pbti_hp_valid(&config->space.hp[i % stride], rows[i])) {
            return "a point is outside the space";
        }
    }
    return NULL;
}

static const char *schedule_invalid(const struct pbti_config *config)
{
    if (config->schedule_count > PBTI_SCHEDULE_MAX) { return "the schedule is too long"; }
    if (config->explore == PBTI_EXPLORE_SCHEDULE && config->schedule_count == 0) {
        return "the schedule is missing";
    }
    for (uint32_t i = 0; i < config->schedule_count; i++) {
        uint64_t const age = config->schedule_age[i];
        if (i == 0 ? age != 0 : age <= config->schedule_age[i - 1]) {
            return "the schedule's ages do not rise from 0";
        }
    }
    return rows_invalid(config, config->schedule, config->schedule_count, false);
}

bool pbti_hp_may_decay(const struct pbti_hp *hp)
{
    return !pbti_hp_is_whole(hp) && !hp->frozen;
}

static const char *decay_invalid(const struct pbti_config *config)
{
    for (uint32_t i = 0; i < PBTI_HP_MAX; i++) {
        const struct pbti_decay *const decay = &config->decay[i];
        bool const decays = decay->shape != PBTI_DECAY_NONE;
        if (decay->shape >= PBTI_DECAYS) { return "decay is not known"; }
        if (!is_within(decay->to, 0.0, decays ? 1.0 : 0.0)) { return "decay is out of range"; }
        if (decays && (i >= config->space.count || !pbti_hp_may_decay(&config->space.hp[i]))) {
            return "decay is of a hyperparameter that cannot have it";
        }
    }
    return NULL;
}

static const char *grid_invalid(const struct pbti_config *config)
{
    for (uint32_t i = 0; i < PBTI_HP_MAX; i++) {
        uint32_t const places = config->places[i];
        bool const has = config->grid && i < config->space.count;
        if (has ? places < 1 || pbti_grid_places(&config->space.hp[i], places) != places
                : places != 0) {
            return "places of a grid are out of range";
        }
    }
    if (!config->grid) { return NULL; }
    if (config->exploit != PBTI_EXPLOIT_NONE || config->explore != PBTI_EXPLORE_NONE) {
        return "a grid does not go with exploit and explore";
    }
    if (config->points_count > 0) { return "a grid does not go with starting points"; }
    if (config->members != pbti_grid_size(config)) {
        return "the population is not the size of the grid";
    }
    return NULL;
}

static const char *rungs_invalid(const struct pbti_config *config)
{
    if (config->rungs == PBTI_RUNGS_NONE) {
        return config->eta != 0 || config->rung_min != 0 ? "there are no rungs" : NULL;
    }
    if (config->rungs >= PBTI_RUNGS_KINDS) { return "rungs are not known"; }
    if (config->eta < 2 || config->eta > PBTI_ETA_MAX) { return "eta is out of range"; }
    if (config->rung_min < 1 || config->rung_min > config->steps) {
        return "min_steps are out of range";
    }
    if (config->members > PBTI_RUNG_MEMBERS_MAX) { return "members are too many for rungs"; }
    if (config->rungs == PBTI_RUNGS_HYPERBAND &&
        config->members != pbti_rungs_whole(config, config->members)) {
        return "the population is not that of whole brackets";
    }
    bool const alone = config->exploit == PBTI_EXPLOIT_NONE && config->explore == PBTI_EXPLORE_NONE;
    if (!alone || config->grid || config->mode != PBTI_ASYNC) {
        return "rungs do not go with another strategy";
    }
    if (pbti_config_members(config) != config->members) { return "rungs do not go with controls"; }
    return config->max_age < config->steps ? "max_age is below the last rung" : NULL;
}

static const char *proposals_invalid(const struct pbti_config *config)
{
    bool const alone = config->exploit == PBTI_EXPLOIT_NONE &&
                       config->explore == PBTI_EXPLORE_NONE && !config->grid &&
                       config->rungs == PBTI_RUNGS_NONE;
    return config->proposals && !alone ? "proposals do not go with another strategy" : NULL;
}

const char *pbti_config_invalid(const struct pbti_config *config)
{
    const char *reason = population_invalid(config);
    if (reason == NULL) { reason = strategy_invalid(config); }
    if (reason == NULL) { reason = pbti_space_invalid(&config->space); }
    if (reason == NULL) { reason = schedule_invalid(config); }
    if (reason == NULL) { reason = decay_invalid(config); }
    if (reason == NULL) { reason = grid_invalid(config); }
    if (reason == NULL) { reason = rungs_invalid(config); }
    if (reason == NULL) { reason = proposals_invalid(config); }
    if (reason == NULL) {
        reason = rows_invalid(config, config->points, config->points_count, true);
    }
    return reason;
}

/* -------- amending -------- */

static bool is_same_value(const struct pbti_hp_value *a, const struct pbti_hp_value *b)
{
    return a->numeric == b->numeric && a->number == b->number && strcmp(a->text, b->text) == 0;
}

static bool is_same_space(const struct pbti_space *a, const struct pbti_space *b)
{
    if (a->count != b->count || a->values_count != b->values_count) { return false; }
    for (uint32_t i = 0; i < a->values_count; i++) {
        if (!is_same_value(&a->values[i], &b->values[i])) { return false; }
    }
    for (uint32_t i = 0; i < a->count; i++) {
        const struct pbti_hp *const x = &a->hp[i];
        const struct pbti_hp *const y = &b->hp[i];
        if (strcmp(x->name, y->name) != 0 || x->kind != y->kind || x->frozen != y->frozen ||
            x->log_scale != y->log_scale || x->low != y->low || x->high != y->high ||
            x->first != y->first || x->count != y->count) {
            return false;
        }
    }
    return true;
}

static bool is_same_row(const double *a, const double *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (a[i] != b[i] && !(isnan(a[i]) && isnan(b[i]))) { return false; }
    }
    return true;
}

static bool is_same_decay(const struct pbti_config *a, const struct pbti_config *b)
{
    for (uint32_t i = 0; i < PBTI_HP_MAX; i++) {
        if (a->decay[i].shape != b->decay[i].shape || a->decay[i].to != b->decay[i].to) {
            return false;
        }
    }
    return true;
}

const char *pbti_config_unamendable(const struct pbti_config *now, const struct pbti_config *next)
{
    if (now->seed != next->seed) { return "the seed"; }
    if (now->maximize != next->maximize) { return "the goal"; }
    if (now->reduce != next->reduce || now->reduce_last != next->reduce_last) {
        return "how scores are reduced";
    }
    if (now->mode != next->mode) { return "the mode"; }
    if (now->compare != next->compare) { return "what is compared"; }
    if (now->keep_top != next->keep_top) { return "what is kept"; }
    if (!is_same_space(&now->space, &next->space)) { return "the space"; }
    if (!is_same_decay(now, next)) { return "the decay"; }
    if (now->grid != next->grid || memcmp(now->places, next->places, sizeof now->places) != 0) {
        return "the grid";
    }
    if (now->rungs != next->rungs || now->eta != next->eta || now->rung_min != next->rung_min) {
        return "the rungs";
    }
    if (now->proposals != next->proposals) { return "the strategy"; }
    if (now->rungs != PBTI_RUNGS_NONE && now->steps != next->steps) {
        return "the steps of a study with rungs";
    }
    if (now->rungs != PBTI_RUNGS_NONE && now->members != next->members) {
        return "the population of a study with rungs";
    }
    if (now->control_independent != next->control_independent ||
        now->control_selection_only != next->control_selection_only) {
        return "the controls";
    }
    bool const has_controls = now->control_independent + now->control_selection_only > 0;
    if (has_controls && now->members != next->members) {
        return "the population of a study with controls";
    }
    if (now->points_count != next->points_count ||
        !is_same_row(now->points, next->points, now->points_count * now->space.count)) {
        return "the starting points";
    }
    return NULL;
}

/* -------- encoding -------- */

static void put_doubles(struct pbti_writer *writer, const double *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        pbti_put_double(writer, values[i]);
    }
}

static void get_doubles(struct pbti_reader *reader, double *values, uint32_t count)
{
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        values[i] = pbti_get_double(reader);
    }
}

/*
 * The plain fields of version 1, in the order of the encoding. X(kind, field): kinds are the
 * suffixes of pbti_put_ and pbti_get_ below. A new field goes into a new version
 * (docs/journal-format.md), whose part follows what was there before.
 */
#define CONFIG_FIELDS(X)                                                                           \
    X(varint, seed)                                                                                \
    X(u32, members)                                                                                \
    X(u32, control_independent)                                                                    \
    X(u32, control_selection_only)                                                                 \
    X(varint, steps)                                                                               \
    X(varint, ready_every)                                                                         \
    X(varint, burn_in)                                                                             \
    X(varint, max_age)                                                                             \
    X(bool, maximize)                                                                              \
    X(bool, has_target)                                                                            \
    X(double, target)                                                                              \
    X(u8, reduce)                                                                                  \
    X(u32, reduce_last)                                                                            \
    X(u8, mode)                                                                                    \
    X(u8, compare)                                                                                 \
    X(u8, exploit)                                                                                 \
    X(u8, explore)                                                                                 \
    X(bool, explore_always)                                                                        \
    X(u8, copy)                                                                                    \
    X(double, quantile)                                                                            \
    X(double, alpha)                                                                               \
    X(u32, scores_min)                                                                             \
    X(double, gap_min)                                                                             \
    X(double, noise)                                                                               \
    X(double, resample)                                                                            \
    X(u32, lead)                                                                                   \
    X(u32, retries)                                                                                \
    X(u32, revivals)                                                                               \
    X(varint, plateau)                                                                             \
    X(bool, keep_all)                                                                              \
    X(u32, keep_top)

#define PUT_u8(value) pbti_put_u8(writer, value)
#define PUT_u32(value) pbti_put_varint(writer, value)
#define PUT_varint(value) pbti_put_varint(writer, value)
#define PUT_double(value) pbti_put_double(writer, value)
#define PUT_bool(value) pbti_put_bool(writer, value)
#define GET_u8 pbti_get_u8
#define GET_u32 pbti_get_u32
#define GET_varint pbti_get_varint
#define GET_double pbti_get_double
#define GET_bool pbti_get_bool

static uint32_t decays_count(const struct pbti_config *config)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < config->space.count; i++) {
        if (config->decay[i].shape != PBTI_DECAY_NONE) { count++; }
    }
    return count;
}

uint8_t pbti_config_version(const struct pbti_config *config)
{
    if (config->proposals || config->grid || config->rungs != PBTI_RUNGS_NONE) { return 3; }
    return decays_count(config) > 0 ? 2 : 1;
}

static void put_decays(const struct pbti_config *config, struct pbti_writer *writer)
{
    pbti_put_varint(writer, decays_count(config));
    for (uint32_t i = 0; i < config->space.count; i++) {
        const struct pbti_decay *const decay = &config->decay[i];
        if (decay->shape == PBTI_DECAY_NONE) { continue; }
        pbti_put_varint(writer, i);
        pbti_put_u8(writer, decay->shape);
        pbti_put_double(writer, decay->to);
    }
}

/* The hyperparameters rise: one encoding only. */
static void get_decays(struct pbti_config *config, struct pbti_reader *reader)
{
    uint32_t const count = pbti_get_u32(reader);
    uint32_t next = 0;
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        uint32_t const hp = pbti_get_u32(reader);
        if (hp < next || hp >= config->space.count) {
            reader->failed = true;
            return;
        }
        struct pbti_decay *const decay = &config->decay[hp];
        decay->shape = pbti_get_u8(reader);
        decay->to = pbti_get_double(reader);
        if (decay->shape == PBTI_DECAY_NONE) { reader->failed = true; }
        next = hp + 1;
    }
}

static void put_strategy(const struct pbti_config *config, struct pbti_writer *writer)
{
    pbti_put_bool(writer, config->grid);
    for (uint32_t i = 0; config->grid && i < config->space.count; i++) {
        pbti_put_varint(writer, config->places[i]);
    }
    pbti_put_bool(writer, config->proposals);
    pbti_put_u8(writer, config->rungs);
    if (config->rungs == PBTI_RUNGS_NONE) { return; }
    pbti_put_varint(writer, config->eta);
    pbti_put_varint(writer, config->rung_min);
}

static void get_strategy(struct pbti_config *config, struct pbti_reader *reader)
{
    config->grid = pbti_get_bool(reader);
    for (uint32_t i = 0; config->grid && i < config->space.count; i++) {
        config->places[i] = pbti_get_u32(reader);
    }
    config->proposals = pbti_get_bool(reader);
    config->rungs = pbti_get_u8(reader);
    if (config->rungs == PBTI_RUNGS_NONE) { return; }
    config->eta = pbti_get_u32(reader);
    config->rung_min = pbti_get_varint(reader);
}

void pbti_config_encode(const struct pbti_config *config, struct pbti_writer *writer)
{
#define PUT_FIELD(kind, field) PUT_##kind(config->field);
    CONFIG_FIELDS(PUT_FIELD)
#undef PUT_FIELD
    pbti_put_varint(writer, config->factors_count);
    put_doubles(writer, config->factors, config->factors_count);
    pbti_space_encode(&config->space, writer);
    pbti_put_varint(writer, config->schedule_count);
    for (uint32_t i = 0; i < config->schedule_count; i++) {
        pbti_put_varint(writer, config->schedule_age[i]);
    }
    put_doubles(writer, config->schedule, config->schedule_count * config->space.count);
    pbti_put_varint(writer, config->points_count);
    put_doubles(writer, config->points, config->points_count * config->space.count);
    if (pbti_config_version(config) >= 2) { put_decays(config, writer); }
    if (pbti_config_version(config) >= 3) { put_strategy(config, writer); }
}

/* A count of rows of `stride` values that fits PBTI_POINT_VALUES_MAX. */
static uint32_t get_rows(struct pbti_reader *reader, uint32_t stride, uint32_t rows_max)
{
    uint32_t const rows = pbti_get_u32(reader);
    bool const fits = rows <= rows_max && (uint64_t)rows * stride <= PBTI_POINT_VALUES_MAX;
    if (!fits) { reader->failed = true; }
    return fits ? rows : 0;
}

void pbti_config_decode(struct pbti_config *config, uint8_t version, struct pbti_reader *reader)
{
    pbti_config_default(config);
#define GET_FIELD(kind, field) config->field = GET_##kind(reader);
    CONFIG_FIELDS(GET_FIELD)
#undef GET_FIELD
    config->factors_count = pbti_get_u32(reader);
    if (config->factors_count > PBTI_FACTORS_MAX) { reader->failed = true; }
    if (reader->failed) { config->factors_count = 0; }
    get_doubles(reader, config->factors, config->factors_count);
    pbti_space_decode(&config->space, reader);
    config->schedule_count = get_rows(reader, config->space.count, PBTI_SCHEDULE_MAX);
    for (uint32_t i = 0; i < config->schedule_count; i++) {
        config->schedule_age[i] = pbti_get_varint(reader);
    }
    get_doubles(reader, config->schedule, config->schedule_count * config->space.count);
    config->points_count = get_rows(reader, config->space.count, PBTI_MEMBERS_MAX);
    get_doubles(reader, config->points, config->points_count * config->space.count);
    if (version >= 2) { get_decays(config, reader); }
    if (version >= 3) { get_strategy(config, reader); }
    bool const good = !reader->failed && pbti_config_version(config) == version &&
                      pbti_config_invalid(config) == NULL;
    if (!good) { reader->failed = true; }
}
