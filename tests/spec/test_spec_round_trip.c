/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/spec/test_spec_round_trip.c - parse(render(spec)) is the spec, for random specs and for
 * every example of the tree. The journal keeps the rendering, so whatever it loses is lost for
 * ever.
 */
#include "spec_fixture.h"

#include "base/rng.h"
#include "core/grid.h"
#include "core/rungs.h"
#include "spec/manifest.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RANDOM_SPECS 400

/* -------- random numbers -------- */

struct dice {
    struct pbti_stream stream;
    uint64_t index;
};

static uint64_t below(struct dice *dice, uint64_t count)
{
    return pbti_draw_below(&dice->stream, dice->index++, count);
}

static bool coin(struct dice *dice)
{
    return below(dice, 2) == 1;
}

/* 1 to `limit`, all magnitudes alike. */
static uint64_t whole(struct dice *dice, uint64_t limit)
{
    uint64_t const bits = below(dice, 64);
    uint64_t const value = pbti_draw_bits(&dice->stream, dice->index++) >> bits;
    return value % limit + 1;
}

static double unit(struct dice *dice)
{
    return pbti_draw_unit(&dice->stream, dice->index++);
}

/* Short and long decimals from 1e-200 to 1e200, above 0. */
static double positive(struct dice *dice)
{
    double const digits = coin(dice) ? (double)whole(dice, 999) : 1.0 + unit(dice);
    return digits * pow(10.0, (double)below(dice, 401) - 200.0);
}

/* -------- random text -------- */

static const char *const nasty[] = {
    "true",
    "null",
    "~",
    "none",
    "no",
    "1e5",
    "-1",
    ".inf",
    ".5",
    "<<",
    "=",
    "",
    " a",
    "a ",
    "a: b",
    "- x",
    "...",
    "---",
    "#a",
    "a #b",
    "*a",
    "&a",
    "!t",
    "{a}",
    "[a]",
    "'",
    "\"",
    "\\",
    "\\x41",
    "%Y",
    "@a",
    "`a`",
    "|",
    ">",
    "? a",
    ":",
    ",",
    "0x10",
    "\t",
    "a\nb",
    "a\n\n b\n",
    "\r\n",
    "2001-01-01",
    "1_000",
    "\xC2\x85",
    "\xE2\x80\xA8",
    "\xEF\xBB\xBF",
    "\xEF\xBF\xBE",
    "\xF0\x9F\x98\x80",
    "\x01\x7F\x1B",
    "\xC2\xA0",
};

static char *random_text(struct dice *dice, size_t size_max, bool visible)
{
    struct {
        char bytes[256];
        size_t size;
    } text = {0};
    uint64_t const pieces = below(dice, 4);
    for (uint64_t i = 0; i <= pieces; i++) {
        const char *piece = nasty[below(dice, sizeof nasty / sizeof nasty[0])];
        char single[2] = {(char)(' ' + below(dice, 95)), '\0'};
        if (coin(dice)) { piece = single; }
        bool hidden = false;
        for (const char *at = piece; *at != '\0'; at++) {
            hidden = hidden || (unsigned char)*at < 0x20 || *at == 0x7F;
        }
        if ((visible && hidden) || text.size + strlen(piece) > size_max) { continue; }
        memcpy(text.bytes + text.size, piece, strlen(piece));
        text.size += strlen(piece);
    }
    if (visible && text.size == 0) { text.bytes[0] = 'x'; }
    return strdup(text.bytes);
}

static json_t *random_json(struct dice *dice, uint32_t depth);

static json_t *random_object(struct dice *dice, uint32_t depth)
{
    json_t *const object = json_object();
    uint64_t const count = below(dice, 5);
    for (uint64_t i = 0; i < count; i++) {
        char *const name = random_text(dice, 60, false);
        if (name[0] != '\0') {
            assert_int_equal(json_object_set_new(object, name, random_json(dice, depth + 1)), 0);
        }
        free(name);
    }
    return object;
}

static json_t *random_json(struct dice *dice, uint32_t depth)
{
    switch (below(dice, depth > 4 ? 6 : 8)) {
    case 0: return json_true();
    case 1: return json_false();
    case 2: return json_null();
    case 3: return json_integer((json_int_t)pbti_draw_bits(&dice->stream, dice->index++));
    case 4: return json_real(coin(dice) ? positive(dice) : -(double)below(dice, 100));
    case 5: {
        char *const text = random_text(dice, 200, false);
        json_t *const json = json_string(text);
        free(text);
        return json;
    }
    case 6: return random_object(dice, depth);
    default: {
        json_t *const array = json_array();
        uint64_t const count = below(dice, 4);
        for (uint64_t i = 0; i < count; i++) {
            assert_int_equal(json_array_append_new(array, random_json(dice, depth + 1)), 0);
        }
        return array;
    }
    }
}

/* -------- random specs -------- */

static void random_values(struct dice *dice, struct pbti_space *space, struct pbti_hp *hp)
{
    hp->first = space->values_count;
    hp->count = (uint32_t)whole(dice, 6);
    for (uint32_t i = 0; i < hp->count; i++) {
        struct pbti_hp_value *const value = &space->values[space->values_count++];
        *value = (struct pbti_hp_value){.numeric = coin(dice)};
        if (value->numeric) {
            value->number = (coin(dice) ? 1.0 : positive(dice)) * (i + 1.0); /* all differ */
        } else {
            char *const text = random_text(dice, 50, false);
            (void)snprintf(value->text, sizeof value->text, "%s%u", text, i);
            free(text);
        }
    }
    hp->high = (double)(hp->count - 1);
}

static void random_hp(struct dice *dice, struct pbti_space *space)
{
    static const char *const names[] = {"lr", "no", "true", "a.b", "x-1", "_", "null", "n"};
    struct pbti_hp *const hp = &space->hp[space->count];
    *hp = (struct pbti_hp){.kind = (uint8_t)below(dice, 7), .frozen = coin(dice)};
    (void)snprintf(hp->name, sizeof hp->name, "%s%.0u", names[below(dice, 8)], space->count);
    switch (hp->kind) {
    case PBTI_HP_LINEAR: hp->low = coin(dice) ? -positive(dice) : 0.0; break;
    case PBTI_HP_LOGIT: hp->low = 0.5 * unit(dice) + 1e-9; break;
    case PBTI_HP_INTEGER:
        hp->log_scale = coin(dice);
        hp->low = (double)whole(dice, 1000) * (coin(dice) && !hp->log_scale ? -1.0 : 1.0);
        break;
    default: hp->low = hp->kind == PBTI_HP_LOG ? positive(dice) : 0.0;
    }
    switch (hp->kind) {
    case PBTI_HP_INTEGER: hp->high = hp->low + (double)below(dice, 1u << 20); break;
    case PBTI_HP_LOGIT: hp->high = hp->low + 0.4 * unit(dice); break;
    case PBTI_HP_ORDINAL:
    case PBTI_HP_CATEGORICAL: random_values(dice, space, hp); break;
    case PBTI_HP_BOOLEAN: hp->high = 1.0; break;
    default: hp->high = hp->low + positive(dice);
    }
    space->count++;
}

static double random_value(struct dice *dice, const struct pbti_hp *hp)
{
    return pbti_hp_clip(hp, pbti_hp_sample(hp, unit(dice)));
}

static void random_points(struct dice *dice, struct pbti_config *config)
{
    config->points_count = (uint32_t)below(dice, 4);
    for (uint32_t i = 0; i < config->points_count * config->space.count; i++) {
        const struct pbti_hp *const hp = &config->space.hp[i % config->space.count];
        config->points[i] = coin(dice) ? NAN : random_value(dice, hp);
    }
}

static void random_schedule(struct dice *dice, struct pbti_config *config)
{
    config->schedule_count = (uint32_t)whole(dice, 3);
    for (uint32_t i = 0; i < config->schedule_count; i++) {
        config->schedule_age[i] = i == 0 ? 0 : config->schedule_age[i - 1] + whole(dice, 1000);
        for (uint32_t h = 0; h < config->space.count; h++) {
            config->schedule[i * config->space.count + h] =
                random_value(dice, &config->space.hp[h]);
        }
    }
}

static void random_exploit(struct dice *dice, struct pbti_config *config)
{
    config->exploit = (uint8_t)below(dice, PBTI_EXPLOITS);
    if (config->exploit == PBTI_EXPLOIT_NONE) { return; }
    if (coin(dice)) { config->gap_min = positive(dice); }
    if (config->exploit == PBTI_EXPLOIT_TRUNCATION) { config->quantile = 0.5 * unit(dice); }
    if (config->exploit == PBTI_EXPLOIT_TTEST) {
        config->alpha = 0.5 * (1.0 - unit(dice));
        config->scores_min = 1 + (uint32_t)whole(dice, PBTI_SCORES_MAX - 1);
    } else if (config->max_age / config->ready_every < 1000) {
        config->compare = (uint8_t)below(dice, 2);
    }
    config->copy = (uint8_t)whole(dice, 3);
    if (config->exploit == PBTI_EXPLOIT_TRUNCATION) { config->ties_copy = coin(dice); }
    if ((config->copy & PBTI_COPY_WEIGHTS) != 0 && coin(dice)) {
        config->founders_keep = 1.0 - unit(dice);
        config->founders_until = 1.0 - unit(dice);
        config->founders_explore = coin(dice);
    }
    config->control_selection_only = (uint32_t)below(dice, 3);
}

static void random_explore(struct dice *dice, struct pbti_config *config)
{
    config->explore = (uint8_t)below(dice, PBTI_EXPLORES);
    bool const perturbs =
        config->explore == PBTI_EXPLORE_PERTURB || config->explore == PBTI_EXPLORE_BOTH;
    bool const resamples =
        config->explore == PBTI_EXPLORE_RESAMPLE || config->explore == PBTI_EXPLORE_BOTH;
    if (perturbs && coin(dice)) {
        config->noise = positive(dice);
        config->factors_count = 0;
    } else if (perturbs) {
        config->factors_count = (uint32_t)whole(dice, PBTI_FACTORS_MAX);
        for (uint32_t i = 0; i < config->factors_count; i++) {
            config->factors[i] = positive(dice);
        }
    }
    if (resamples) { config->resample = unit(dice); }
    if (perturbs || resamples) { config->explore_always = coin(dice); }
    if (config->explore == PBTI_EXPLORE_SCHEDULE) { random_schedule(dice, config); }
}

static void random_grid(struct dice *dice, struct pbti_config *config)
{
    config->grid = true;
    for (uint32_t i = 0; i < config->space.count; i++) {
        uint32_t const wanted = (uint32_t)whole(dice, 4);
        config->places[i] = pbti_grid_places(&config->space.hp[i], wanted);
    }
    config->members = pbti_grid_size(config);
    config->points_count = 0;
    memset(config->points, 0, sizeof config->points);
}

static void random_rungs(struct dice *dice, struct pbti_config *config)
{
    config->rungs = (uint8_t)whole(dice, PBTI_RUNGS_STOPPING);
    config->eta = 1 + (uint32_t)whole(dice, PBTI_ETA_MAX - 1);
    config->rung_min = config->steps / whole(dice, 50);
    if (config->rung_min == 0) { config->rung_min = 1; }
    config->mode = PBTI_ASYNC;
    config->burn_in = 0;
    config->control_independent = config->control_selection_only = 0;
    if (config->max_age < config->steps) { config->max_age = config->steps; }
    if (config->rungs == PBTI_RUNGS_HYPERBAND) { config->members = pbti_rungs_population(config); }
}

static void random_config(struct dice *dice, struct pbti_config *config)
{
    pbti_config_default(config);
    config->seed = whole(dice, UINT64_MAX);
    config->members = (uint32_t)whole(dice, 1000);
    config->control_independent = (uint32_t)below(dice, 3);
    config->steps = whole(dice, PBTI_STEPS_MAX);
    config->ready_every = whole(dice, config->steps);
    config->burn_in = below(dice, config->steps);
    config->max_age = whole(dice, PBTI_STEPS_MAX);
    config->maximize = coin(dice);
    config->has_target = coin(dice);
    if (config->has_target) { config->target = coin(dice) ? positive(dice) : -positive(dice); }
    config->reduce = (uint8_t)below(dice, 3);
    if (config->reduce != PBTI_REDUCE_LAST && coin(dice)) {
        config->reduce_last = (uint32_t)whole(dice, PBTI_SCORES_MAX);
    }
    uint64_t const hps = below(dice, 6);
    for (uint64_t i = 0; i < hps; i++) {
        random_hp(dice, &config->space);
    }
    config->mode = (uint8_t)below(dice, 2);
    config->lead = config->mode == PBTI_ASYNC ? (uint32_t)below(dice, 4) : 0;
    random_exploit(dice, config);
    random_explore(dice, config);
    random_points(dice, config);
    for (uint32_t i = 0; i < config->space.count; i++) {
        if (!pbti_hp_may_decay(&config->space.hp[i]) || coin(dice)) { continue; }
        config->decay[i].shape = (uint8_t)whole(dice, 2);
        if (coin(dice)) { config->decay[i].to = unit(dice); }
    }
    bool const alone = config->exploit == PBTI_EXPLOIT_NONE && config->explore == PBTI_EXPLORE_NONE;
    if (alone && coin(dice)) { random_grid(dice, config); }
    if (alone && !config->grid && coin(dice)) { random_rungs(dice, config); }
    config->proposals = alone && !config->grid && config->rungs == PBTI_RUNGS_NONE && coin(dice);
    config->retries = (uint32_t)below(dice, 5);
    config->revivals = (uint32_t)below(dice, 5);
    if (coin(dice)) { config->plateau = whole(dice, PBTI_STEPS_MAX); }
    config->keep_all = below(dice, 4) == 0;
    if (!config->keep_all) { config->keep_top = (uint32_t)below(dice, PBTI_KEEP_MAX + 1); }
}

static void random_trainer(struct dice *dice, struct pbti_trainer *trainer)
{
    trainer->kind = (enum pbti_trainer_kind)below(dice, 3);
    uint64_t const count = trainer->kind == PBTI_TRAINER_BUILTIN ? 1 : whole(dice, 4);
    trainer->argv = calloc(count + 1, sizeof *trainer->argv);
    assert_non_null(trainer->argv);
    trainer->argv[0] = random_text(dice, 100, true);
    for (uint64_t i = 1; i < count; i++) {
        trainer->argv[i] = random_text(dice, 200, false);
    }
    char directory[256];
    char *const name = random_text(dice, 50, true);
    for (char *at = name; *at != '\0'; at++) {
        *at = *at == '/' ? '_' : *at;
    }
    (void)snprintf(directory, sizeof directory, "/%s!", name);
    free(name);
    trainer->directory = strdup(directory);
    trainer->cpus = (uint32_t)whole(dice, 4096);
    static double const gpus[] = {-1.0, 0.0, 0.25, 0.5, 1.0, 8.0};
    trainer->gpus = gpus[below(dice, 6)];
    trainer->threads = (uint32_t)whole(dice, 4096);
    uint64_t *const limits[] = {&trainer->start_ms, &trainer->silence_ms, &trainer->segment_ms,
                                &trainer->grace_ms};
    for (size_t i = 0; i < 4; i++) {
        uint64_t const units[] = {1, 1000, 60000, 3600000, 86400000};
        *limits[i] = coin(dice) ? 0 : below(dice, 3650) * units[below(dice, 5)];
    }
    trainer->environment = json_object();
    for (uint64_t i = below(dice, 3); i > 0; i--) {
        char variable[16];
        (void)snprintf(variable, sizeof variable, "V_%u", (unsigned)i);
        char *const text = random_text(dice, 100, false);
        (void)json_object_set_new(trainer->environment, variable, json_string(text));
        free(text);
    }
}

static struct pbti_spec *random_spec(struct dice *dice)
{
    struct pbti_spec *const spec = calloc(1, sizeof *spec);
    assert_non_null(spec);
    char study[32];
    (void)snprintf(study, sizeof study, "%s%u", coin(dice) ? "s-" : "",
                   (unsigned)whole(dice, 9999));
    spec->study = strdup(study);
    random_trainer(dice, &spec->trainer);
    random_config(dice, &spec->config);
    spec->score_name = random_text(dice, 100, true);
    if (coin(dice)) { spec->initial_checkpoint = strdup("/no ne/.x"); }
    spec->fixed = random_object(dice, 0);
    spec->final_evaluation = random_object(dice, 0);
    spec->slots = (uint32_t)below(dice, 100);
    spec->bayes = (struct pbti_bayes){.initial = 1 + (uint32_t)below(dice, 100),
                                      .kernel = (uint8_t)below(dice, 3),
                                      .acquisition = (uint8_t)below(dice, 3),
                                      .xi = unit(dice),
                                      .kappa = 10.0 * unit(dice)};
    spec->stop_hours = coin(dice) ? 0.0 : 1000.0 * (1.0 - unit(dice));
    spec->sync_full = coin(dice);
    spec->log_bytes = 4095 + whole(dice, 1ull << 39);
    return spec;
}

static void test_random_specs(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < RANDOM_SPECS; seed++) {
        struct dice dice = {.stream = {.seed = seed, .purpose = PBTI_PURPOSE_SIM}};
        struct pbti_spec *const spec = random_spec(&dice);
        const char *const invalid = pbti_config_invalid(&spec->config);
        if (invalid != NULL) { fail_msg("seed %u: %s", (unsigned)seed, invalid); }
        spec_assert_round_trip(spec);
        pbti_spec_destroy(spec);
    }
}

/* -------- examples -------- */

static uint32_t check_folder(const char *path, uint32_t depth)
{
    uint32_t specs = 0;
    DIR *const dir = opendir(path);
    assert_non_null(dir);
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char full[4096];
        (void)snprintf(full, sizeof full, "%s/%s", path, entry->d_name);
        const char *const ending = strrchr(entry->d_name, '.');
        if (entry->d_name[0] == '.') { continue; }
        if (entry->d_type == DT_DIR && depth > 0) { specs += check_folder(full, depth - 1); }
        if (ending == NULL || strcmp(ending, ".yaml") != 0) { continue; }
        struct pbti_spec *spec = NULL;
        struct pbt_error err;
        if (pbti_spec_load(full, NULL, 0, &spec, &err) != PBT_OK) { fail_msg("%s", err.message); }
        spec_assert_round_trip(spec);
        pbti_spec_destroy(spec);
        specs++;
    }
    (void)closedir(dir);
    return specs;
}

static void test_examples(void **state)
{
    (void)state;
    char path[4096];
    assert_true(check_folder(spec_source_path("examples", path, sizeof path), 2) >= 4);
}

/* The largest space, points and values: what fits must fit its rendering, too. */
static void test_largest_spec(void **state)
{
    (void)state;
    struct dice dice = {.stream = {.seed = 77, .purpose = PBTI_PURPOSE_SIM}};
    struct pbti_spec *const spec = random_spec(&dice);
    struct pbti_config *const config = &spec->config;
    pbti_config_default(config);
    config->members = 1000;
    config->steps = 1000;
    config->ready_every = 10;
    config->max_age = 1000;
    for (uint32_t i = 0; i < PBTI_HP_MAX; i++) {
        struct pbti_hp *const hp = &config->space.hp[i];
        (void)snprintf(hp->name, sizeof hp->name, "a_rather_long_name_of_a_hyperparameter_%u", i);
        hp->kind = PBTI_HP_LINEAR;
        hp->high = 1.0;
    }
    config->space.count = PBTI_HP_MAX;
    config->points_count = PBTI_POINT_VALUES_MAX / PBTI_HP_MAX;
    for (uint32_t i = 0; i < PBTI_POINT_VALUES_MAX; i++) {
        config->points[i] = unit(&dice);
    }
    config->explore = PBTI_EXPLORE_SCHEDULE;
    config->schedule_count = PBTI_POINT_VALUES_MAX / PBTI_HP_MAX;
    for (uint32_t i = 0; i < config->schedule_count; i++) {
        config->schedule_age[i] = i;
    }
    memcpy(config->schedule, config->points, sizeof config->schedule);
    spec_assert_round_trip(spec);
    pbti_spec_destroy(spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_specs),
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_largest_spec),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
