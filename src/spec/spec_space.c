/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec/spec_space.c - types of keys about hyperparameters: the space, and values of it (starting
 * points, schedules, decay).
 */
#include "core/grid.h"
#include "spec/spec_number.h"
#include "spec/spec_read.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -------- bounds -------- */

static pbt_status bound_read(struct pbti_read *read, const struct pbti_key *key,
                             const struct pbti_node *node, void *base)
{
    double value = 0.0;
    if (!pbti_node_number(node, &value)) { return pbti_read_wrong(read, key, node); }
    const struct pbti_hp *const hp = base;
    bool const whole = value == floor(value) && fabs(value) <= 0x1p53;
    if (hp->kind == PBTI_HP_INTEGER && !whole) {
        return pbti_read_refuse(read, node, "a whole number, at most 2^53, for type integer");
    }
    *(double *)((char *)base + key->offset) = value;
    return PBT_OK;
}

static void bound_write(struct pbti_out *out, const struct pbti_key *key,
                        const struct pbti_spec *spec, const void *base)
{
    (void)spec;
    pbti_out_number(out, *(const double *)((const char *)base + key->offset));
}

static void bound_describe(struct pbti_out *out, const struct pbti_key *key)
{
    (void)key;
    pbti_out_put(out, "a number");
}

const struct pbti_type_info pbti_bound_type = {bound_read, bound_write, bound_describe};

/* -------- values of ordinal and categorical -------- */

static bool is_same_value(const struct pbti_hp_value *a, const struct pbti_hp_value *b)
{
    return a->numeric == b->numeric && a->number == b->number && strcmp(a->text, b->text) == 0;
}

static pbt_status read_choice(struct pbti_read *read, const struct pbti_node *node,
                              struct pbti_hp_value *value)
{
    *value = (struct pbti_hp_value){0};
    if (pbti_node_number(node, &value->number)) {
        value->numeric = true;
        return PBT_OK;
    }
    bool const is_switch = pbti_node_is(node, "true") || pbti_node_is(node, "false");
    bool const is_number =
        node->kind == PBTI_NODE_SCALAR && node->plain && pbti_number_is(node->text);
    if (!pbti_node_is_text(node) || node->size >= sizeof value->text || is_switch || is_number) {
        pbt_status const status =
            pbti_read_refuse(read, node, "a finite number, or text of at most 63 bytes");
        if (is_switch) { pbti_fail_hint(read->err, "use type: boolean, or quote it to mean text"); }
        return status;
    }
    memcpy(value->text, node->text, node->size);
    return PBT_OK;
}

static pbt_status choices_read(struct pbti_read *read, const struct pbti_key *key,
                               const struct pbti_node *node, void *base)
{
    struct pbti_space *const space = &read->spec->config.space;
    struct pbti_hp *const hp = base;
    if (node->kind != PBTI_NODE_LIST || node->count < 1) {
        return pbti_read_wrong(read, key, node);
    }
    if (node->count > PBTI_SPACE_VALUES_MAX - space->values_count) {
        return pbti_node_fail(node, read->err, "%s: the space has more than %d values in all",
                              read->path, PBTI_SPACE_VALUES_MAX);
    }
    hp->first = space->values_count;
    for (const struct pbti_node *item = node->first; item != NULL; item = item->next) {
        struct pbti_hp_value *const value = &space->values[space->values_count];
        size_t const mark = pbti_read_enter_at(read, hp->count);
        PBTI_TRY(read_choice(read, item, value));
        for (uint32_t i = 0; i < hp->count; i++) {
            if (!is_same_value(value, &space->values[hp->first + i])) { continue; }
            char shown[PBTI_NODE_SHOWN_MAX];
            return pbti_node_fail(item, read->err, "%s is %s, which is there already", read->path,
                                  pbti_node_shown(item, shown));
        }
        pbti_read_leave(read, mark);
        space->values_count++;
        hp->count++;
    }
    return PBT_OK;
}

static void choices_write(struct pbti_out *out, const struct pbti_key *key,
                          const struct pbti_spec *spec, const void *base)
{
    (void)key;
    const struct pbti_space *const space = &spec->config.space;
    const struct pbti_hp *const hp = base;
    for (uint32_t i = 0; i < hp->count; i++) {
        pbti_out_put(out, i == 0 ? "[" : ", ");
        pbti_write_value(out, space, (uint32_t)(hp - space->hp), i);
    }
    pbti_out_put(out, "]");
}

static void choices_describe(struct pbti_out *out, const struct pbti_key *key)
{
    (void)key;
    pbti_out_put(out, "a list of at least one number or text");
}

const struct pbti_type_info pbti_choices_type = {choices_read, choices_write, choices_describe};

/* -------- the space -------- */

static bool is_hp_name(const char *name)
{
    if (!isalpha((unsigned char)name[0]) && name[0] != '_') { return false; }
    for (const char *at = name; *at != '\0'; at++) {
        if (!isalnum((unsigned char)*at) && strchr("_-.", *at) == NULL) { return false; }
    }
    return strlen(name) < PBTI_HP_NAME_MAX;
}

/* A bound of a hyperparameter that breaks a rule of its type. */
static pbt_status wrong_bound(struct pbti_read *read, const struct pbti_node *map,
                              const char *bound, const char *rule)
{
    const struct pbti_node *const node = pbti_node_find(map, bound);
    char shown[PBTI_NODE_SHOWN_MAX];
    return pbti_node_fail(node, read->err, "%s.%s is %s, but %s", read->path, bound,
                          pbti_node_shown(node, shown), rule);
}

static pbt_status check_bounds(struct pbti_read *read, const struct pbti_node *map,
                               const struct pbti_hp *hp)
{
    if (hp->kind == PBTI_HP_LOG && !(hp->low > 0.0)) {
        return wrong_bound(read, map, "low", "a log hyperparameter needs low > 0");
    }
    if (hp->kind == PBTI_HP_LOGIT && !(hp->low > 0.0)) {
        return wrong_bound(read, map, "low", "a logit hyperparameter needs low > 0");
    }
    if (hp->kind == PBTI_HP_LOGIT && !(hp->high < 1.0)) {
        return wrong_bound(read, map, "high", "a logit hyperparameter needs high < 1");
    }
    if (hp->log_scale && hp->low < 1.0) {
        return wrong_bound(read, map, "low", "an integer with scale log needs low >= 1");
    }
    if (!(hp->low <= hp->high)) {
        char rule[80];
        struct pbti_out out = pbti_out_fixed(rule, sizeof rule);
        pbti_out_put(&out, "must be at least low, which is ");
        pbti_out_number(&out, hp->low);
        return wrong_bound(read, map, "high", rule);
    }
    if (!isfinite(hp->high - hp->low)) {
        return wrong_bound(read, map, "high", "high - low must fit a double");
    }
    return PBT_OK;
}

static pbt_status read_hp(struct pbti_read *read, const struct pbti_node *node)
{
    struct pbti_space *const space = &read->spec->config.space;
    const struct pbti_node *const name = node->key;
    if (!is_hp_name(name->text)) {
        char shown[PBTI_NODE_SHOWN_MAX];
        struct pbti_node quoted = *name;
        quoted.plain = false;
        return pbti_node_fail(name, read->err,
                              "%s names %s, but a hyperparameter has at most %d letters, digits, "
                              "\"_\", \"-\" and \".\", the first a letter or \"_\"",
                              read->path, pbti_node_shown(&quoted, shown), PBTI_HP_NAME_MAX - 1);
    }
    size_t const mark = pbti_read_enter(read, name->text);
    struct pbti_hp *const hp = &space->hp[space->count];
    *hp = (struct pbti_hp){0};
    memcpy(hp->name, name->text, name->size);
    PBTI_TRY(pbti_read_section(read, PBTI_SECTION_HYPERPARAMETER, node, hp));
    if ((PBTI_FOR(hp->kind) & PBTI_FOR_BOUNDED) != 0) {
        PBTI_TRY(check_bounds(read, node, hp));
    } else {
        hp->high = hp->kind == PBTI_HP_BOOLEAN ? 1.0 : (double)(hp->count - 1);
    }
    space->count++;
    pbti_read_leave(read, mark);
    return PBT_OK;
}

static pbt_status space_read(struct pbti_read *read, const struct pbti_key *key,
                             const struct pbti_node *node, void *base)
{
    (void)base;
    if (node->kind != PBTI_NODE_MAP) { return pbti_read_wrong(read, key, node); }
    if (node->count > PBTI_HP_MAX) {
        return pbti_node_fail(node, read->err,
                              "space has %u hyperparameters, but there may be at most %d",
                              node->count, PBTI_HP_MAX);
    }
    for (const struct pbti_node *item = node->first; item != NULL; item = item->next) {
        PBTI_TRY(read_hp(read, item));
    }
    return PBT_OK;
}

static void space_write(struct pbti_out *out, const struct pbti_key *key,
                        const struct pbti_spec *spec, const void *base)
{
    (void)key;
    (void)base;
    const struct pbti_space *const space = &spec->config.space;
    if (space->count == 0) { pbti_out_put(out, "{}"); }
    for (uint32_t i = 0; i < space->count; i++) {
        pbti_out_line(out);
        pbti_out_yaml(out, space->hp[i].name);
        pbti_out_put(out, ": ");
        pbti_write_section(out, PBTI_SECTION_HYPERPARAMETER, spec, &space->hp[i]);
    }
}

static void space_describe(struct pbti_out *out, const struct pbti_key *key)
{
    (void)key;
    pbti_out_put(out, "a map from names to hyperparameters");
}

const struct pbti_type_info pbti_space_type = {space_read, space_write, space_describe};

/* -------- values of hyperparameters -------- */

/* What a value of `hp` must be. */
static void describe_value(struct pbti_out *out, const struct pbti_space *space, uint32_t index)
{
    const struct pbti_hp *const hp = &space->hp[index];
    if (hp->kind == PBTI_HP_BOOLEAN) {
        pbti_out_put(out, "true or false");
    } else if ((PBTI_FOR(hp->kind) & PBTI_FOR_LISTED) != 0) {
        pbti_out_put(out, "one of: ");
        for (uint32_t i = 0; i < hp->count; i++) {
            if (i > 0) { pbti_out_put(out, ", "); }
            pbti_write_value(out, space, index, i);
        }
    } else {
        pbti_out_put(out, hp->kind == PBTI_HP_INTEGER ? "a whole number from " : "a number from ");
        pbti_out_number(out, hp->low);
        pbti_out_put(out, " to ");
        pbti_out_number(out, hp->high);
    }
}

/* The place of a node's value among those of an ordinal or categorical; false: it is none. */
static bool find_choice(const struct pbti_space *space, const struct pbti_hp *hp,
                        const struct pbti_node *node, double *out)
{
    double number = 0.0;
    bool const numeric = pbti_node_number(node, &number);
    for (uint32_t i = 0; i < hp->count; i++) {
        const struct pbti_hp_value *const value = &space->values[hp->first + i];
        bool const same = numeric ? value->numeric && value->number == number
                                  : !value->numeric && pbti_node_is_text(node) &&
                                        strcmp(value->text, node->text) == 0;
        if (!same) { continue; }
        *out = i;
        return true;
    }
    return false;
}

static bool node_value(const struct pbti_space *space, const struct pbti_hp *hp,
                       const struct pbti_node *node, double *out)
{
    if (hp->kind == PBTI_HP_BOOLEAN) {
        *out = pbti_node_is(node, "true") ? 1.0 : 0.0;
        return pbti_node_is(node, "true") || pbti_node_is(node, "false");
    }
    if ((PBTI_FOR(hp->kind) & PBTI_FOR_LISTED) != 0) { return find_choice(space, hp, node, out); }
    return pbti_node_number(node, out) && pbti_hp_valid(hp, *out);
}

static pbt_status unknown_hp(struct pbti_read *read, const struct pbti_node *name)
{
    const struct pbti_space *const space = &read->spec->config.space;
    char shown[PBTI_NODE_SHOWN_MAX];
    char names[600];
    struct pbti_out out = pbti_out_fixed(names, sizeof names);
    struct pbti_node quoted = *name;
    quoted.plain = false;
    struct pbti_nearest nearest = {.wanted = name->text};
    for (uint32_t i = 0; i < space->count; i++) {
        pbti_out_format(&out, "%s%s", i == 0 ? "" : ", ", space->hp[i].name);
        pbti_nearest_offer(&nearest, space->hp[i].name);
    }
    (void)pbti_node_fail(name, read->err, "%s names %s, but the space has: %s", read->path,
                         pbti_node_shown(&quoted, shown), space->count == 0 ? "nothing" : names);
    if (nearest.found != NULL) { pbti_fail_hint(read->err, "did you mean \"%s\"?", nearest.found); }
    return PBT_ESPEC;
}

/* A map from hyperparameters to values; what it does not name is left alone. */
static pbt_status read_values(struct pbti_read *read, const struct pbti_node *map, double *values)
{
    const struct pbti_space *const space = &read->spec->config.space;
    if (map->kind != PBTI_NODE_MAP) {
        return pbti_read_refuse(read, map, "a map from hyperparameters to values");
    }
    for (const struct pbti_node *item = map->first; item != NULL; item = item->next) {
        int const index = pbti_space_find(space, item->key->text);
        if (index < 0) { return unknown_hp(read, item->key); }
        double value = 0.0;
        size_t const mark = pbti_read_enter(read, item->key->text);
        if (!node_value(space, &space->hp[index], item, &value)) {
            char must_be[600];
            struct pbti_out out = pbti_out_fixed(must_be, sizeof must_be);
            describe_value(&out, space, (uint32_t)index);
            return pbti_read_refuse(read, item, must_be);
        }
        values[index] = value == 0.0 ? 0.0 : value; /* no negative zero */
        pbti_read_leave(read, mark);
    }
    return PBT_OK;
}

static void write_values(struct pbti_out *out, const struct pbti_space *space, const double *values)
{
    const char *before = "{";
    for (uint32_t i = 0; i < space->count; i++) {
        if (isnan(values[i])) { continue; }
        pbti_out_put(out, before);
        pbti_out_yaml(out, space->hp[i].name);
        pbti_out_put(out, ": ");
        pbti_write_value(out, space, i, values[i]);
        before = ", ";
    }
    pbti_out_put(out, before[0] == '{' ? "{}" : "}");
}

/* -------- initial.points -------- */

/* Do so many rows fit a table of values? */
static pbt_status check_rows(struct pbti_read *read, const struct pbti_node *node,
                             uint32_t rows_max)
{
    uint32_t const stride = read->spec->config.space.count;
    bool const fits =
        node->count <= rows_max && (uint64_t)node->count * stride <= PBTI_POINT_VALUES_MAX;
    if (fits) { return PBT_OK; }
    return pbti_node_fail(node, read->err,
                          "%s has %u entries of %u hyperparameters, but may have at most %u "
                          "entries and %d values",
                          read->path, node->count, stride, rows_max, PBTI_POINT_VALUES_MAX);
}

static pbt_status points_read(struct pbti_read *read, const struct pbti_key *key,
                              const struct pbti_node *node, void *base)
{
    (void)base;
    struct pbti_config *const config = &read->spec->config;
    if (node->kind != PBTI_NODE_LIST) { return pbti_read_wrong(read, key, node); }
    PBTI_TRY(check_rows(read, node, PBTI_MEMBERS_MAX));
    config->points_count = 0;
    for (const struct pbti_node *item = node->first; item != NULL; item = item->next) {
        double *const point = config->points + (size_t)config->points_count * config->space.count;
        for (uint32_t i = 0; i < config->space.count; i++) {
            point[i] = NAN;
        }
        size_t const mark = pbti_read_enter_at(read, config->points_count);
        PBTI_TRY(read_values(read, item, point));
        pbti_read_leave(read, mark);
        config->points_count++;
    }
    return PBT_OK;
}

static void points_write(struct pbti_out *out, const struct pbti_key *key,
                         const struct pbti_spec *spec, const void *base)
{
    (void)key;
    (void)base;
    const struct pbti_config *const config = &spec->config;
    if (config->points_count == 0) { pbti_out_put(out, "[]"); }
    for (uint32_t i = 0; i < config->points_count; i++) {
        pbti_out_line(out);
        pbti_out_put(out, "- ");
        write_values(out, &config->space, config->points + (size_t)i * config->space.count);
    }
}

static void points_describe(struct pbti_out *out, const struct pbti_key *key)
{
    (void)key;
    pbti_out_put(out, "a list of maps from hyperparameters to values");
}

const struct pbti_type_info pbti_points_type = {points_read, points_write, points_describe};

/* -------- strategy.explore.schedule -------- */

static pbt_status point_read(struct pbti_read *read, const struct pbti_key *key,
                             const struct pbti_node *node, void *base)
{
    const struct pbti_space *const space = &read->spec->config.space;
    double *const values = (double *)(void *)((char *)base + key->offset);
    for (uint32_t i = 0; i < space->count; i++) {
        values[i] = NAN;
    }
    PBTI_TRY(read_values(read, node, values));
    for (uint32_t i = 0; i < space->count; i++) {
        if (!isnan(values[i])) { continue; }
        return pbti_node_fail(node, read->err, "\"%s.%s\" is missing: %s", read->path,
                              space->hp[i].name, key->meaning);
    }
    return PBT_OK;
}

static void point_write(struct pbti_out *out, const struct pbti_key *key,
                        const struct pbti_spec *spec, const void *base)
{
    const char *const at = (const char *)base + key->offset;
    write_values(out, &spec->config.space, (const double *)(const void *)at);
}

static void point_describe(struct pbti_out *out, const struct pbti_key *key)
{
    (void)key;
    pbti_out_put(out, "a map from every hyperparameter to a value");
}

const struct pbti_type_info pbti_point_type = {point_read, point_write, point_describe};

static pbt_status read_entry(struct pbti_read *read, const struct pbti_node *node)
{
    struct pbti_config *const config = &read->spec->config;
    struct pbti_schedule_entry entry = {0};
    uint32_t const index = config->schedule_count;
    PBTI_TRY(pbti_read_section(read, PBTI_SECTION_SCHEDULE, node, &entry));
    const struct pbti_node *const age = pbti_node_find(node, "age");
    size_t const mark = pbti_read_enter(read, "age");
    if (index == 0 && entry.age != 0) {
        return pbti_read_refuse(read, age, "0 in the first entry");
    }
    if (index > 0 && entry.age <= config->schedule_age[index - 1]) {
        return pbti_read_refuse(read, age, "above the age of the entry before it");
    }
    pbti_read_leave(read, mark);
    config->schedule_age[index] = entry.age;
    memcpy(config->schedule + (size_t)index * config->space.count, entry.values,
           config->space.count * sizeof entry.values[0]);
    config->schedule_count++;
    return PBT_OK;
}

static pbt_status schedule_read(struct pbti_read *read, const struct pbti_key *key,
                                const struct pbti_node *node, void *base)
{
    (void)base;
    if (node->kind != PBTI_NODE_LIST || node->count < 1) {
        return pbti_read_wrong(read, key, node);
    }
    PBTI_TRY(check_rows(read, node, PBTI_SCHEDULE_MAX));
    for (const struct pbti_node *item = node->first; item != NULL; item = item->next) {
        size_t const mark = pbti_read_enter_at(read, read->spec->config.schedule_count);
        PBTI_TRY(read_entry(read, item));
        pbti_read_leave(read, mark);
    }
    return PBT_OK;
}

static void schedule_write(struct pbti_out *out, const struct pbti_key *key,
                           const struct pbti_spec *spec, const void *base)
{
    (void)key;
    (void)base;
    const struct pbti_config *const config = &spec->config;
    uint32_t const stride = config->space.count;
    for (uint32_t i = 0; i < config->schedule_count; i++) {
        struct pbti_schedule_entry entry = {.age = config->schedule_age[i]};
        memcpy(entry.values, config->schedule + (size_t)i * stride,
               stride * sizeof entry.values[0]);
        pbti_out_put(out, i == 0 ? "[" : ", ");
        pbti_write_section(out, PBTI_SECTION_SCHEDULE, spec, &entry);
    }
    pbti_out_put(out, "]");
}

static void schedule_describe(struct pbti_out *out, const struct pbti_key *key)
{
    (void)key;
    pbti_out_put(out, "a list of at least one {age: A, values: {...}}");
}

const struct pbti_type_info pbti_schedule_type = {schedule_read, schedule_write, schedule_describe};

/* -------- strategy.decay -------- */

static pbt_status read_decay(struct pbti_read *read, const struct pbti_node *node)
{
    struct pbti_config *const config = &read->spec->config;
    int const index = pbti_space_find(&config->space, node->key->text);
    if (index < 0) { return unknown_hp(read, node->key); }
    const struct pbti_hp *const hp = &config->space.hp[index];
    struct pbti_decay *const decay = &config->decay[index];
    size_t const mark = pbti_read_enter(read, node->key->text);
    PBTI_TRY(pbti_read_section(read, PBTI_SECTION_DECAY, node, decay));
    if (decay->shape != PBTI_DECAY_NONE && !pbti_hp_may_decay(hp)) {
        return pbti_node_fail(node->key, read->err,
                              "%s is of a hyperparameter that is %s, but must be of one that is "
                              "linear, log or logit and not frozen",
                              read->path, hp->frozen ? "frozen" : pbti_hp_kind_name(hp->kind));
    }
    pbti_read_leave(read, mark);
    return PBT_OK;
}

static pbt_status decays_read(struct pbti_read *read, const struct pbti_key *key,
                              const struct pbti_node *node, void *base)
{
    (void)base;
    struct pbti_config *const config = &read->spec->config;
    if (node->kind != PBTI_NODE_MAP) { return pbti_read_wrong(read, key, node); }
    memset(config->decay, 0, sizeof config->decay);
    for (const struct pbti_node *item = node->first; item != NULL; item = item->next) {
        PBTI_TRY(read_decay(read, item));
    }
    return PBT_OK;
}

static void decays_write(struct pbti_out *out, const struct pbti_key *key,
                         const struct pbti_spec *spec, const void *base)
{
    (void)key;
    (void)base;
    const char *before = "{";
    for (uint32_t i = 0; i < spec->config.space.count; i++) {
        const struct pbti_decay *const decay = &spec->config.decay[i];
        if (decay->shape == PBTI_DECAY_NONE) { continue; }
        pbti_out_put(out, before);
        pbti_out_yaml(out, spec->config.space.hp[i].name);
        pbti_out_put(out, ": ");
        pbti_write_section(out, PBTI_SECTION_DECAY, spec, decay);
        before = ", ";
    }
    pbti_out_put(out, before[0] == '{' ? "{}" : "}");
}

static void decays_describe(struct pbti_out *out, const struct pbti_key *key)
{
    (void)key;
    pbti_out_put(out, "a map from hyperparameters to shapes");
}

const struct pbti_type_info pbti_decays_type = {decays_read, decays_write, decays_describe};

/* -------- strategy.resolution -------- */

static pbt_status read_places(struct pbti_read *read, const struct pbti_key *key,
                              const struct pbti_node *node, uint32_t hp)
{
    struct pbti_config *const config = &read->spec->config;
    uint32_t wanted = 0;
    PBTI_TRY(pbti_whole32_type.read(read, key, node, &wanted));
    config->places[hp] = pbti_grid_places(&config->space.hp[hp], wanted);
    return PBT_OK;
}

static bool has_bounds(const struct pbti_hp *hp)
{
    return (PBTI_FOR(hp->kind) & PBTI_FOR_BOUNDED) != 0;
}

static pbt_status resolution_read(struct pbti_read *read, const struct pbti_key *key,
                                  const struct pbti_node *node, void *base)
{
    (void)base;
    const struct pbti_space *const space = &read->spec->config.space;
    if (node->kind == PBTI_NODE_LIST) { return pbti_read_wrong(read, key, node); }
    for (uint32_t i = 0; node->kind == PBTI_NODE_SCALAR && i < space->count; i++) {
        if (has_bounds(&space->hp[i])) { PBTI_TRY(read_places(read, key, node, i)); }
    }
    for (const struct pbti_node *item = node->first; item != NULL; item = item->next) {
        int const index = pbti_space_find(space, item->key->text);
        if (index < 0) { return unknown_hp(read, item->key); }
        size_t const mark = pbti_read_enter(read, item->key->text);
        if (!has_bounds(&space->hp[index])) {
            return pbti_node_fail(item->key, read->err,
                                  "%s is of a hyperparameter that is %s, of which a grid has all "
                                  "values",
                                  read->path, pbti_hp_kind_name(space->hp[index].kind));
        }
        PBTI_TRY(read_places(read, key, item, (uint32_t)index));
        pbti_read_leave(read, mark);
    }
    return PBT_OK;
}

static void resolution_write(struct pbti_out *out, const struct pbti_key *key,
                             const struct pbti_spec *spec, const void *base)
{
    (void)key;
    (void)base;
    const struct pbti_space *const space = &spec->config.space;
    const char *before = "{";
    for (uint32_t i = 0; i < space->count; i++) {
        if (!has_bounds(&space->hp[i])) { continue; }
        pbti_out_put(out, before);
        pbti_out_yaml(out, space->hp[i].name);
        pbti_out_format(out, ": %u", spec->config.places[i]);
        before = ", ";
    }
    pbti_out_put(out, before[0] == '{' ? "{}" : "}");
}

static void resolution_describe(struct pbti_out *out, const struct pbti_key *key)
{
    pbti_whole32_type.describe(out, key);
    pbti_out_put(out, ", or a map from hyperparameters to such");
}

const struct pbti_type_info pbti_resolution_type = {resolution_read, resolution_write,
                                                    resolution_describe};
