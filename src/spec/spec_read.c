/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec/spec_read.c - walk the tree with the manifest.
 *
 * First every default of the manifest is read into the spec as if somebody had written it; then
 * what the user wrote, over it; then defaults that follow other keys are computed. So a default is
 * checked like any other value, and a key that is not there is a field that is not touched.
 *
 * tidy: allow-circle (the type of a key may be a section, and a section is read by the types of its
 * keys)
 */
#include "spec/spec_read.h"

#include "core/grid.h"
#include "core/rungs.h"
#include "spec/spec_number.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct pbti_type_info *const types[] = {
#define TYPE_ROW(id, name) [PBTI_TYPE_##id] = &pbti_##name##_type,
    PBTI_TYPE_LIST(TYPE_ROW)
#undef TYPE_ROW
};

const struct pbti_type_info *pbti_type(enum pbti_type type)
{
    return types[type];
}

/* -------- where we are -------- */

size_t pbti_read_enter(struct pbti_read *read, const char *name)
{
    size_t const mark = read->path_size;
    size_t const room = sizeof read->path - mark;
    int const size = snprintf(read->path + mark, room, mark == 0 ? "%s" : ".%s", name);
    size_t const wanted = size < 0 ? 0 : (size_t)size;
    read->path_size = mark + (wanted < room ? wanted : room - 1);
    return mark;
}

size_t pbti_read_enter_at(struct pbti_read *read, uint32_t index)
{
    char name[16];
    (void)snprintf(name, sizeof name, "%u", index);
    return pbti_read_enter(read, name);
}

void pbti_read_leave(struct pbti_read *read, size_t mark)
{
    read->path_size = mark;
    read->path[mark] = '\0';
}

/* -------- messages -------- */

pbt_status pbti_read_no_memory(struct pbti_read *read)
{
    return PBTI_FAIL(read->err, PBT_ENOMEM, 0, "out of memory while reading a spec");
}

pbt_status pbti_read_refuse(struct pbti_read *read, const struct pbti_node *node,
                            const char *must_be)
{
    char shown[PBTI_NODE_SHOWN_MAX];
    return pbti_node_fail(node, read->err, "%s is %s, but must be %s",
                          read->path_size == 0 ? "the spec" : read->path,
                          pbti_node_shown(node, shown), must_be);
}

pbt_status pbti_read_wrong(struct pbti_read *read, const struct pbti_key *key,
                           const struct pbti_node *node)
{
    char must_be[600];
    struct pbti_out out = pbti_out_fixed(must_be, sizeof must_be);
    pbti_type(key->type)->describe(&out, key);
    pbt_status const status = pbti_read_refuse(read, node, must_be);
    bool const quoted = node->kind == PBTI_NODE_SCALAR && !node->plain;
    if (quoted && key->allowed.list == PBTI_WORDS_NONE && pbti_number_is(node->text)) {
        pbti_fail_hint(read->err, "without quotes it is a number");
    }
    if (key->allowed.list != PBTI_WORDS_NONE && node->kind == PBTI_NODE_SCALAR) {
        struct pbti_nearest nearest = {.wanted = node->text};
        const struct pbti_words *const words = pbti_words(key->allowed.list);
        for (uint32_t i = 0; i < words->count; i++) {
            pbti_nearest_offer(&nearest, words->words[i].text);
        }
        if (nearest.found != NULL) {
            pbti_fail_hint(read->err, "did you mean \"%s\"?", nearest.found);
        }
    }
    return status;
}

void pbti_key_path(struct pbti_out *out, const struct pbti_key *key)
{
    const char *const section = pbti_sections[key->section].path;
    pbti_out_format(out, section[0] == '\0' ? "%s%s" : "%s.%s", section, key->name);
}

static bool goes_with(const struct pbti_key *key, uint32_t choice)
{
    return key->names == 0 || choice == 0 || (key->names & choice) != 0;
}

void pbti_describe_keys(struct pbti_out *out, enum pbti_section section, uint32_t choice)
{
    bool first = true;
    for (uint32_t i = 0; i < PBTI_KEYS; i++) {
        if (pbti_keys[i].section != section || !goes_with(&pbti_keys[i], choice)) { continue; }
        pbti_out_format(out, "%s%s", first ? "" : ", ", pbti_keys[i].name);
        first = false;
    }
}

void pbti_describe_words(struct pbti_out *out, enum pbti_words_id id)
{
    const struct pbti_words *const words = pbti_words(id);
    for (uint32_t i = 0; i < words->count; i++) {
        pbti_out_format(out, "%s%s", i == 0 ? "" : ", ", words->words[i].text);
    }
}

/* -------- nodes as values -------- */

bool pbti_node_is(const struct pbti_node *node, const char *word)
{
    return node->kind == PBTI_NODE_SCALAR && node->plain && strcmp(node->text, word) == 0;
}

bool pbti_node_is_text(const struct pbti_node *node)
{
    return node->kind == PBTI_NODE_SCALAR && !(node->plain && node->size == 0);
}

bool pbti_node_number(const struct pbti_node *node, double *out)
{
    return node->kind == PBTI_NODE_SCALAR && node->plain && pbti_number_read(node->text, out);
}

bool pbti_node_whole(const struct pbti_node *node, uint64_t *out)
{
    return node->kind == PBTI_NODE_SCALAR && node->plain && pbti_number_is(node->text) &&
           pbti_number_whole(node->text, node->size, 1, out);
}

/* -------- sections -------- */

static pbt_status unknown_key(struct pbti_read *read, enum pbti_section section, uint32_t choice,
                              const struct pbti_node *name)
{
    char shown[PBTI_NODE_SHOWN_MAX];
    struct pbti_node quoted = *name;
    quoted.plain = false;
    char keys[600];
    struct pbti_out out = pbti_out_fixed(keys, sizeof keys);
    pbti_describe_keys(&out, section, choice);
    pbt_status const status = pbti_node_fail(
        name, read->err, "unknown key %s%s%s; allowed here: %s", pbti_node_shown(&quoted, shown),
        read->path_size == 0 ? "" : " in ", read->path, keys);
    struct pbti_nearest nearest = {.wanted = name->text};
    for (uint32_t i = 0; i < PBTI_KEYS; i++) {
        bool const here = pbti_keys[i].section == section && goes_with(&pbti_keys[i], choice);
        if (here) { pbti_nearest_offer(&nearest, pbti_keys[i].name); }
    }
    enum pbti_section const home = pbti_key_home(name->text);
    if (home != PBTI_SECTIONS) {
        struct pbti_out hint = pbti_out_fixed(keys, sizeof keys);
        pbti_key_path(&hint, pbti_key_find(home, name->text));
        pbti_fail_hint(read->err, "did you mean %s?", keys);
    } else if (nearest.found != NULL) {
        pbti_fail_hint(read->err, "did you mean \"%s\"?", nearest.found);
    }
    return status;
}

/* A key that is right, but not with this name (type). */
static pbt_status misplaced_key(struct pbti_read *read, const struct pbti_key *key, uint32_t choice,
                                const struct pbti_node *map, const struct pbti_node *name)
{
    const struct pbti_key *const selector = pbti_section_first(key->section);
    char owners[200];
    struct pbti_out out = pbti_out_fixed(owners, sizeof owners);
    const struct pbti_words *const words = pbti_words(selector->allowed.list);
    const char *chosen = "?";
    for (uint32_t i = 0; i < words->count; i++) {
        uint32_t const bit = PBTI_FOR(words->words[i].value);
        if (bit == choice) { chosen = words->words[i].text; }
        if ((key->names & bit) == 0) { continue; }
        pbti_out_format(&out, "%s%s", out.size == 0 ? "" : ", ", words->words[i].text);
    }
    (void)pbti_node_fail(name, read->err, "%s.%s does not go with %s \"%s\"; it belongs to: %s",
                         read->path, key->name, selector->name, chosen, owners);
    const struct pbti_node *const selected = pbti_node_find(map, selector->name);
    bool const overridden = selected != NULL && selected->line == 0 && name->line != 0;
    if (overridden && pbti_sections[key->section].brief[0] != '\0') {
        pbti_fail_hint(read->err, "to replace %s with all its keys: --set %s=%s", read->path,
                       read->path, chosen);
    }
    return PBT_ESPEC;
}

static pbt_status check_keys(struct pbti_read *read, enum pbti_section section, uint32_t choice,
                             const struct pbti_node *map)
{
    for (const struct pbti_node *child = map->first; child != NULL; child = child->next) {
        const struct pbti_key *const key = pbti_key_find(section, child->key->text);
        if (key == NULL) { return unknown_key(read, section, choice, child->key); }
        if (!goes_with(key, choice)) { return misplaced_key(read, key, choice, map, child->key); }
    }
    return PBT_OK;
}

static pbt_status missing_key(struct pbti_read *read, const struct pbti_key *key,
                              const struct pbti_node *map)
{
    size_t const mark = pbti_read_enter(read, key->name);
    char words[200];
    struct pbti_out out = pbti_out_fixed(words, sizeof words);
    if (key->allowed.list != PBTI_WORDS_NONE) {
        pbti_out_put(&out, "; ");
        pbti_type(key->type)->describe(&out, key);
    }
    (void)pbti_node_fail(map, read->err, "\"%s\" is missing: %s%s", read->path, key->meaning,
                         words);
    pbti_read_leave(read, mark);
    return PBT_ESPEC;
}

pbt_status pbti_read_key(struct pbti_read *read, const struct pbti_key *key,
                         const struct pbti_node *node, void *base)
{
    size_t const mark = pbti_read_enter(read, key->name);
    if (!read->defaulting) { read->seen[key - pbti_keys] = node; }
    pbt_status const status = pbti_type(key->type)->read(read, key, node, base);
    pbti_read_leave(read, mark);
    return status;
}

/*
 * The bit of the name (type) that the section's first key has in this map; 0 when it has no words.
 */
static uint32_t choice_in(enum pbti_section section, const struct pbti_node *map)
{
    const struct pbti_key *const selector = pbti_section_first(section);
    const struct pbti_node *const node = pbti_node_find(map, selector->name);
    bool const scalar = node != NULL && node->kind == PBTI_NODE_SCALAR;
    uint32_t value = 0;
    bool const known =
        pbti_word_value(selector->allowed.list, scalar ? node->text : selector->fallback, &value);
    return known ? PBTI_FOR(value) : 0;
}

/* A value in the place of a map: it is the section's brief form. */
static pbt_status read_brief(struct pbti_read *read, enum pbti_section section,
                             const struct pbti_node *node, void *base)
{
    const char *const brief = pbti_sections[section].brief;
    if (brief[0] == '\0' || brief[0] == '-' || node->kind != PBTI_NODE_SCALAR) {
        char must_be[700];
        struct pbti_out out = pbti_out_fixed(must_be, sizeof must_be);
        pbti_out_put(&out, "a map of: ");
        pbti_describe_keys(&out, section, 0);
        return pbti_read_refuse(read, node, must_be);
    }
    const struct pbti_key *const key = pbti_key_find(section, brief);
    if (!read->defaulting) { read->seen[key - pbti_keys] = node; }
    PBTI_TRY(pbti_type(key->type)->read(read, key, node, base));
    uint32_t value = 0;
    bool const chosen = pbti_word_value(key->allowed.list, node->text, &value);
    for (uint32_t i = 0; i < PBTI_KEYS; i++) {
        const struct pbti_key *const other = &pbti_keys[i];
        bool const wanted = other->section == section && other != key && other->fallback[0] == '\0';
        if (!wanted || !goes_with(other, chosen ? PBTI_FOR(value) : 0)) { continue; }
        return missing_key(read, other, node);
    }
    return PBT_OK;
}

pbt_status pbti_read_section(struct pbti_read *read, enum pbti_section section,
                             const struct pbti_node *node, void *base)
{
    if (node->kind != PBTI_NODE_MAP) { return read_brief(read, section, node, base); }
    const struct pbti_key *const selector = pbti_section_first(section);
    const struct pbti_node *const selected = pbti_node_find(node, selector->name);
    uint32_t const choice = choice_in(section, node);
    if (choice == 0 && selector->allowed.list != PBTI_WORDS_NONE && selected != NULL) {
        return pbti_read_key(read, selector, selected, base); /* fails: not one of the words */
    }
    PBTI_TRY(check_keys(read, section, choice, node));
    for (uint32_t i = 0; i < PBTI_KEYS; i++) {
        const struct pbti_key *const key = &pbti_keys[i];
        if (key->section != section || !goes_with(key, choice)) { continue; }
        const struct pbti_node *const child = pbti_node_find(node, key->name);
        if (child != NULL) {
            PBTI_TRY(pbti_read_key(read, key, child, base));
        } else if (key->fallback[0] == '\0') {
            return missing_key(read, key, node);
        }
    }
    return PBT_OK;
}

/* -------- the spec -------- */

/* Sections that are read into something other than the spec, any number of times. */
static bool is_repeated(enum pbti_section section)
{
    return section == PBTI_SECTION_HYPERPARAMETER || section == PBTI_SECTION_SCHEDULE ||
           section == PBTI_SECTION_DECAY;
}

static pbt_status read_defaults(struct pbti_read *read)
{
    read->defaulting = true;
    for (uint32_t i = 0; i < PBTI_KEYS; i++) {
        const struct pbti_key *const key = &pbti_keys[i];
        bool const computed =
            key->fallback[0] == '\0' || key->fallback[0] == '=' || strcmp(key->fallback, "-") == 0;
        if (computed || is_repeated(key->section)) { continue; }
        struct pbti_node *node = NULL;
        PBTI_TRY(pbti_tree_read(read->tree, key->fallback, strlen(key->fallback), "the manifest",
                                false, &node, read->err));
        PBTI_TRY(pbti_read_key(read, key, node, read->spec));
    }
    read->defaulting = false;
    return PBT_OK;
}

/* How many members a strategy asks for; 0: the user says it. */
static uint32_t population_of(const struct pbti_config *config)
{
    if (config->grid) { return pbti_grid_size(config); }
    if (config->rungs == PBTI_RUNGS_NONE) { return 0; }
    bool const fits = config->rung_min <= config->steps; /* spec_check.c says so */
    return fits ? pbti_rungs_population(config) : 1;
}

static pbt_status compute_population(struct pbti_read *read)
{
    struct pbti_config *const config = &read->spec->config;
    if (read->seen[PBTI_KEY_SPEC_population] != NULL) { return PBT_OK; }
    config->members = population_of(config);
    if (config->members > 0) { return PBT_OK; }
    return missing_key(read, &pbti_keys[PBTI_KEY_SPEC_population], read->root);
}

static pbt_status compute_defaults(struct pbti_read *read, const char *study_default)
{
    struct pbti_spec *const spec = read->spec;
    struct pbti_config *const config = &spec->config;
    if (read->seen[PBTI_KEY_READY_every] == NULL) {
        config->ready_every = config->steps / 20 + (config->steps % 20 != 0 ? 1 : 0);
    }
    if (read->seen[PBTI_KEY_SPEC_max_age] == NULL) { config->max_age = config->steps; }
    if (config->noise > 0.0) { /* it takes the place of the factors */
        memset(config->factors, 0, sizeof config->factors);
        config->factors_count = 0;
    }
    if (config->exploit == PBTI_EXPLOIT_NONE) { config->rules = 1; } /* older programs read it */
    if (!(config->founders_keep > 0.0)) {
        config->founders_until = PBTI_FOUNDERS_UNTIL;
        config->founders_explore = true;
    }
    bool const has_rungs = config->rungs != PBTI_RUNGS_NONE;
    if (has_rungs && config->rung_min == 0) { config->rung_min = config->ready_every; }
    PBTI_TRY(compute_population(read));
    if (spec->study == NULL) { spec->study = strdup(study_default); }
    if (spec->trainer.directory == NULL) { spec->trainer.directory = strdup(read->folder); }
    bool const complete = spec->study != NULL && spec->trainer.directory != NULL;
    return complete ? PBT_OK : pbti_read_no_memory(read);
}

pbt_status pbti_read_spec(struct pbti_read *read, const struct pbti_node *root,
                          const char *study_default)
{
    read->root = root;
    PBTI_TRY(read_defaults(read));
    PBTI_TRY(pbti_read_section(read, PBTI_SECTION_SPEC, root, read->spec));
    PBTI_TRY(compute_defaults(read, study_default));
    return pbti_read_check(read);
}

/* -------- writing -------- */

uint32_t pbti_strategy_of(const struct pbti_config *config)
{
    bool const exploits = config->exploit != PBTI_EXPLOIT_NONE;
    bool const explores = config->explore != PBTI_EXPLORE_NONE;
    if (config->grid) { return PBTI_STRATEGY_GRID; }
    if (config->proposals) { return PBTI_STRATEGY_BAYES; }
    if (config->rungs == PBTI_RUNGS_HALVING) { return PBTI_STRATEGY_HALVING; }
    if (config->rungs == PBTI_RUNGS_HYPERBAND) { return PBTI_STRATEGY_HYPERBAND; }
    if (config->rungs != PBTI_RUNGS_NONE) { return PBTI_STRATEGY_ASHA; }
    if (!exploits && !explores) { return PBTI_STRATEGY_RANDOM; }
    if (!explores) { return PBTI_STRATEGY_SELECTION_ONLY; }
    if (!exploits && config->explore_always) { return PBTI_STRATEGY_EXPLORE_ONLY; }
    return PBTI_STRATEGY_PBT;
}

uint32_t pbti_section_choice(enum pbti_section section, const struct pbti_spec *spec,
                             const void *base)
{
    switch (section) {
    case PBTI_SECTION_STRATEGY: return PBTI_FOR(pbti_strategy_of(&spec->config));
    case PBTI_SECTION_ACQUISITION: return PBTI_FOR(spec->bayes.acquisition);
    case PBTI_SECTION_EXPLOIT: return PBTI_FOR(spec->config.exploit);
    case PBTI_SECTION_EXPLORE: return PBTI_FOR(spec->config.explore);
    case PBTI_SECTION_DECAY: return PBTI_FOR(((const struct pbti_decay *)base)->shape);
    case PBTI_SECTION_HYPERPARAMETER: return PBTI_FOR(((const struct pbti_hp *)base)->kind);
    default: return 0;
    }
}

/* Choices that are not taken are not written. */
static bool is_written(const struct pbti_key *key, const struct pbti_spec *spec, uint32_t choice)
{
    if (!goes_with(key, choice)) { return false; }
    if (key->type == PBTI_TYPE_ARGUMENTS) { return key->allowed.trainer == spec->trainer.kind; }
    if (key->type == PBTI_TYPE_FACTORS) { return !(spec->config.noise > 0.0); }
    if (key == &pbti_keys[PBTI_KEY_EXPLORE_noise]) { return spec->config.noise > 0.0; }
    if (key == &pbti_keys[PBTI_KEY_EXPLOIT_founders]) { return spec->config.founders_keep > 0.0; }
    if (key == &pbti_keys[PBTI_KEY_EXPLOIT_ties]) { return spec->config.ties_copy; }
    return true;
}

void pbti_write_section(struct pbti_out *out, enum pbti_section section,
                        const struct pbti_spec *spec, const void *base)
{
    bool const block = pbti_sections[section].block;
    uint32_t const choice = pbti_section_choice(section, spec, base);
    const char *before = "{";
    for (uint32_t i = 0; i < PBTI_KEYS; i++) {
        const struct pbti_key *const key = &pbti_keys[i];
        if (key->section != section || !is_written(key, spec, choice)) { continue; }
        if (block) {
            pbti_out_line(out);
        } else {
            pbti_out_put(out, before);
            before = ", ";
        }
        pbti_out_format(out, "%s: ", key->name);
        out->indent += 2;
        pbti_type(key->type)->write(out, key, spec, base);
        out->indent -= 2;
    }
    if (!block) { pbti_out_put(out, "}"); }
}
