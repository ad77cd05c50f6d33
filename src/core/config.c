/* SPDX-License-Identifier: Apache-2.0 */
/* core/config.c - the rules of a study: defaults, validity, encoding; see config.h. */
#include "core/config.h"

#include "core/config_fields.h"
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
    config->rules = PBTI_RULES_VERSION;
#define SET(kind, field, fallback, ...) config->field = (fallback);
#define SET_NAMED(id, kind, field, fallback, ...) config->field = (fallback);
    PBTI_CONFIG_ALL_FIELDS(SET, SET_NAMED)
#undef SET
#undef SET_NAMED
    config->factors_count = 2;
    config->factors[0] = 0.8;
    config->factors[1] = 1.2;
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

static bool is_whole_within(uint64_t value, uint64_t low, uint64_t high)
{
    return value >= low && value <= high;
}

#define WITHIN_varint is_whole_within
#define WITHIN_u32 is_whole_within
#define WITHIN_code is_whole_within
#define WITHIN_flag is_whole_within
#define WITHIN_double is_within
#define WITHIN_any(value, low, high) true

/* Each field by itself. */
static const char *fields_invalid(const struct pbti_config *config)
{
#define CHECK(kind, field, fallback, low, high, refusal, ...)                                      \
    if (!WITHIN_##kind(config->field, low, high)) { return refusal; }
#define CHECK_NAMED(id, kind, field, fallback, low, high, refusal, ...)                            \
    CHECK(kind, field, fallback, low, high, refusal, )
    PBTI_CONFIG_ALL_FIELDS(CHECK, CHECK_NAMED)
#undef CHECK
#undef CHECK_NAMED
    return NULL;
}

static const char *strategy_invalid(const struct pbti_config *config)
{
    if (config->rules < 1 || config->rules > PBTI_RULES_VERSION) { return "rules are not known"; }
    if (pbti_config_members(config) > PBTI_MEMBERS_MAX) { return "members are out of range"; }
    if (config->has_target && !isfinite(config->target)) { return "target is not finite"; }
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

/* The floor under the founders: of weights that are copied, and nothing of it without it. */
static const char *founders_invalid(const struct pbti_config *config)
{
    bool const copies =
        config->exploit != PBTI_EXPLOIT_NONE && (config->copy & PBTI_COPY_WEIGHTS) != 0;
    if (config->founders_keep > 0.0) {
        if (!copies) { return "founders are counted where weights are copied"; }
        return config->founders_until > 0.0 ? NULL : "founders.until is out of range";
    }
    bool const plain = config->founders_until == PBTI_FOUNDERS_UNTIL && config->founders_explore;
    return plain ? NULL : "founders.until and explore need founders.keep";
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
    const char *reason = fields_invalid(config);
    if (reason == NULL) { reason = strategy_invalid(config); }
    if (reason == NULL) { reason = founders_invalid(config); }
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
    const char *fixed = NULL;
#define COMPARE(kind, field, fallback, low, high, refusal, what, part)                             \
    fixed = (what);                                                                                \
    if (fixed != NULL && now->field != next->field) { return fixed; }
#define COMPARE_NAMED(id, ...) COMPARE(__VA_ARGS__)
    PBTI_CONFIG_ALL_FIELDS(COMPARE, COMPARE_NAMED)
#undef COMPARE
#undef COMPARE_NAMED
    /* which rules: as long as nothing was judged by them, others may follow */
    if (now->exploit != PBTI_EXPLOIT_NONE && now->rules != next->rules) { return "the rules"; }
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

void pbti_config_keep_rules(const struct pbti_config *now, struct pbti_config *next)
{
    if (now->exploit != PBTI_EXPLOIT_NONE) { next->rules = now->rules; }
}

void pbti_config_take(struct pbti_config *config, const struct pbti_config *own, unsigned part)
{
#define TAKE(kind, field, fallback, low, high, refusal, fixed, whose)                              \
    if ((PBTI_PART_##whose & part) != 0) { config->field = own->field; }
#define TAKE_NAMED(id, ...) TAKE(__VA_ARGS__)
    PBTI_CONFIG_ALL_FIELDS(TAKE, TAKE_NAMED)
#undef TAKE
#undef TAKE_NAMED
    if ((part & PBTI_PART_EXPLORE) != 0) {
        config->factors_count = own->factors_count;
        memcpy(config->factors, own->factors, sizeof config->factors);
    }
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

#define PUT_code(value) pbti_put_u8(writer, value)
#define PUT_any(value) pbti_put_double(writer, value)
#define PUT_u32(value) pbti_put_varint(writer, value)
#define PUT_varint(value) pbti_put_varint(writer, value)
#define PUT_double(value) pbti_put_double(writer, value)
#define PUT_flag(value) pbti_put_bool(writer, value)
#define GET_code pbti_get_u8
#define GET_any pbti_get_double
#define GET_u32 pbti_get_u32
#define GET_varint pbti_get_varint
#define GET_double pbti_get_double
#define GET_flag pbti_get_bool

static uint32_t decays_count(const struct pbti_config *config)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < config->space.count; i++) {
        if (config->decay[i].shape != PBTI_DECAY_NONE) { count++; }
    }
    return count;
}

/* -------- fields that name themselves -------- */

static uint32_t named_count(const struct pbti_config *config)
{
    uint32_t count = 0;
#define COUNT(id, kind, field, fallback, ...)                                                      \
    if (config->field != (fallback)) { count++; }
    PBTI_CONFIG_NAMED_FIELDS(COUNT)
#undef COUNT
    return count;
}

/* A named field's bytes, in `buffer`. */
#define NAMED_BYTES_MAX 16
static void put_named(struct pbti_writer *writer, uint32_t id, const uint8_t *bytes, size_t size)
{
    pbti_put_varint(writer, id);
    pbti_put_varint(writer, size);
    pbti_put_bytes(writer, bytes, size);
}

static void put_all_named(const struct pbti_config *config, struct pbti_writer *out)
{
    pbti_put_varint(out, named_count(config));
#define PUT_NAMED(id, kind, field, fallback, ...)                                                  \
    if (config->field != (fallback)) {                                                             \
        uint8_t bytes[NAMED_BYTES_MAX];                                                            \
        struct pbti_writer inside = {.data = bytes, .capacity = sizeof bytes};                     \
        struct pbti_writer *const writer = &inside;                                                \
        PUT_##kind(config->field);                                                                 \
        put_named(out, id, bytes, inside.size);                                                    \
    }
    PBTI_CONFIG_NAMED_FIELDS(PUT_NAMED)
#undef PUT_NAMED
}

/* One field: false when its id is not known. A fallback is not written: one encoding only. */
static bool get_named(struct pbti_config *config, uint32_t id, struct pbti_reader *reader)
{
#define GET_NAMED(known, kind, field, fallback, ...)                                               \
    if (id == (known)) {                                                                           \
        config->field = GET_##kind(reader);                                                        \
        return config->field != (fallback);                                                        \
    }
    PBTI_CONFIG_NAMED_FIELDS(GET_NAMED)
#undef GET_NAMED
    return false;
}

/* The ids rise. */
static void get_all_named(struct pbti_config *config, struct pbti_reader *reader)
{
    uint32_t const count = pbti_get_u32(reader);
    uint32_t next = 1;
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        uint32_t const id = pbti_get_u32(reader);
        uint32_t const size = pbti_get_u32(reader);
        size_t const begin = reader->at;
        bool const good = id >= next && get_named(config, id, reader);
        if (!good || reader->at - begin != size) { reader->failed = true; }
        next = id + 1;
    }
}

bool pbti_config_unknown_field(struct pbti_reader *reader, uint32_t *unknown)
{
    uint32_t const count = pbti_get_u32(reader);
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        bool known = false;
        uint32_t const id = pbti_get_u32(reader);
        (void)pbti_get_text(reader, PBTI_NAMED_FIELD_MAX);
#define IS_KNOWN(which, ...) known = known || id == (which);
        PBTI_CONFIG_NAMED_FIELDS(IS_KNOWN)
#undef IS_KNOWN
        if (known || reader->failed) { continue; }
        *unknown = id;
        return true;
    }
    return false;
}

uint8_t pbti_config_version(const struct pbti_config *config)
{
    if (named_count(config) > 0) { return 4; }
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
    uint8_t const version = pbti_config_version(config);
    if (version >= 4) { put_all_named(config, writer); }
#define PUT_FIELD(kind, field, ...) PUT_##kind(config->field);
    PBTI_CONFIG_FIELDS(PUT_FIELD)
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
    if (version >= 2) { put_decays(config, writer); }
    if (version >= 3) { put_strategy(config, writer); }
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
    if (version >= 4) { get_all_named(config, reader); }
#define GET_FIELD(kind, field, ...) config->field = GET_##kind(reader);
    PBTI_CONFIG_FIELDS(GET_FIELD)
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
