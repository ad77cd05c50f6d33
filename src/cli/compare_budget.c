/* SPDX-License-Identifier: Apache-2.0 */
/* cli/compare_budget.c - strategies of a comparison and their budgets; see compare_budget.h. */
#include "cli/compare_budget.h"

#include "base/fail.h"
#include "cli/cli_work.h"
#include "cli/compare_evaluate.h"
#include "core/grid.h"
#include "core/rungs.h"
#include "spec/spec_read.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRATEGIES_DEFAULT "pbt,random"
#define MULTIPLE_MAX 100

/* -------- which strategies -------- */

static int unknown_strategy(const struct pbti_call *call, const char *word)
{
    const char *names[PBTI_COMPARE_STRATEGIES_MAX];
    struct pbti_str hint = {0};
    pbti_str_add(&hint, "there are");
    uint32_t const count = pbti_strategies_count < PBTI_COMPARE_STRATEGIES_MAX
                               ? pbti_strategies_count
                               : PBTI_COMPARE_STRATEGIES_MAX;
    for (uint32_t i = 0; i < count; i++) {
        names[i] = pbti_strategies[i].name;
        pbti_str_addf(&hint, "%s %s", i == 0 ? "" : ",", names[i]);
    }
    const char *const near = pbti_cli_nearest(word, names, count);
    if (near != NULL) { pbti_str_addf(&hint, "; did you mean %s?", near); }
    int const code = pbti_cli_complain(call, PBTI_EXIT_USAGE, pbti_str_text(&hint),
                                       "there is no strategy \"%s\"", word);
    pbti_str_deinit(&hint);
    return code;
}

/* Cut "@4x" from a word. False: what is behind the @ is no such multiple. */
static bool cut_multiple(char *word, uint32_t *multiple)
{
    char *const at = strchr(word, '@');
    *multiple = 1;
    if (at == NULL) { return true; }
    char *end = NULL;
    unsigned long const value = at[1] >= '1' && at[1] <= '9' ? strtoul(at + 1, &end, 10) : 0;
    bool const good = end != NULL && strcmp(end, "x") == 0 && value >= 2 && value <= MULTIPLE_MAX;
    *multiple = good ? (uint32_t)value : 0;
    if (good) { *at = '\0'; }
    return good;
}

/* Add the strategy called `word`. Returns -1 or the exit code. */
static int add_strategy(struct pbti_compare_budget *contenders, char *word)
{
    const struct pbti_call *const call = contenders->call;
    char full[PBTI_CONTENDER_NAME_MAX];
    (void)snprintf(full, sizeof full, "%s", word);
    uint32_t multiple;
    if (!cut_multiple(word, &multiple)) {
        return pbti_cli_complain(call, PBTI_EXIT_USAGE,
                                 "bayes@2x is bayes with twice the budget; up to @100x",
                                 "\"%s\" is no strategy with a multiple of the budget", full);
    }
    uint32_t at = 0;
    while (at < pbti_strategies_count && strcmp(pbti_strategies[at].name, word) != 0) {
        at++;
    }
    if (at == pbti_strategies_count) { return unknown_strategy(call, word); }
    for (uint32_t i = 0; i < contenders->count; i++) {
        if (contenders->strategy[i] == at && contenders->multiple[i] == multiple) {
            return pbti_cli_complain(call, PBTI_EXIT_USAGE, NULL,
                                     "the strategy \"%s\" is there twice", full);
        }
    }
    if (contenders->count == PBTI_COMPARE_STRATEGIES_MAX) {
        return pbti_cli_complain(call, PBTI_EXIT_USAGE, NULL, "there are more than %d strategies",
                                 PBTI_COMPARE_STRATEGIES_MAX);
    }
    uint32_t const index = contenders->count++;
    contenders->strategy[index] = at;
    contenders->multiple[index] = multiple;
    memcpy(contenders->contender[index].name, full, sizeof full);
    return -1;
}

static int read_strategies(struct pbti_compare_budget *contenders)
{
    const char *const given = contenders->call->value[PBTI_OPT_STRATEGIES];
    const char *at = given != NULL ? given : STRATEGIES_DEFAULT;
    while (true) {
        char word[PBTI_CONTENDER_NAME_MAX];
        size_t const size = strcspn(at, ",");
        (void)snprintf(word, sizeof word, "%.*s", (int)(size < 63 ? size : 63), at);
        int const code = add_strategy(contenders, word);
        if (code >= 0) { return code; }
        if (at[size] == '\0') { return -1; }
        at += size + 1;
    }
}

/* -------- what they may train -------- */

static void set_budget(struct pbti_compare_budget *contenders)
{
    const struct pbti_config *const config = &contenders->spec->config;
    bool const planned =
        config->rungs == PBTI_RUNGS_HALVING || config->rungs == PBTI_RUNGS_HYPERBAND;
    contenders->budget = planned ? pbti_rungs_steps_total(config) : config->members * config->steps;
    contenders->population = (uint32_t)(contenders->budget / config->steps);
}

static bool is_own(const struct pbti_compare_budget *contenders, uint32_t index)
{
    return contenders->strategy[index] == pbti_strategy_of(&contenders->spec->config);
}

/* The options of rungs are the spec's where it has some, else their defaults. */
static void set_rungs(struct pbti_config *config, uint8_t rungs)
{
    if (config->rungs == PBTI_RUNGS_NONE) {
        config->eta = PBTI_ETA_DEFAULT;
        config->rung_min = config->ready_every;
    }
    config->rungs = rungs;
}

static int fit_rungs(struct pbti_compare_budget *contenders, uint32_t index,
                     struct pbti_config *config)
{
    struct pbti_contender *const contender = &contenders->contender[index];
    if (!is_own(contenders, index)) {
        set_rungs(config, pbti_strategies[contenders->strategy[index]].rungs);
    }
    contender->population = config->members = pbti_rungs_affordable(config, contender->budget);
    if (contender->population == 0) { /* hyperband: a member that trains to the end is affordable */
        return pbti_cli_complain(contenders->call, PBTI_EXIT_USAGE,
                                 "a larger population, or a larger ready.every for fewer rungs",
                                 "no bracket of %s fits into the %" PRIu64 " steps of a study",
                                 contender->name, contender->budget);
    }
    return -1;
}

static int fit_grid(struct pbti_compare_budget *contenders, uint32_t index,
                    struct pbti_config *config)
{
    struct pbti_contender *const contender = &contenders->contender[index];
    uint64_t const most = (uint64_t)contenders->population * contenders->multiple[index];
    uint32_t *const resolution = &contenders->resolution[index];
    for (uint32_t wanted = 1; wanted <= most; wanted++) {
        for (uint32_t i = 0; i < config->space.count; i++) {
            config->places[i] = pbti_grid_places(&config->space.hp[i], wanted);
        }
        uint32_t const size = pbti_grid_size(config);
        if (size > most) { break; }
        *resolution = wanted;
        contender->population = size;
    }
    if (*resolution > 0) { return -1; }
    return pbti_cli_complain(
        contenders->call, PBTI_EXIT_USAGE, "a larger population",
        "the smallest grid has more points than the %" PRIu64 " that a study may train", most);
}

/* Choose the population of a contender. config: scratch, a copy of the spec's. */
static int fit(struct pbti_compare_budget *contenders, uint32_t index, struct pbti_config *config)
{
    struct pbti_contender *const contender = &contenders->contender[index];
    uint32_t const strategy = contenders->strategy[index];
    uint32_t const multiple = contenders->multiple[index];
    contender->budget = contenders->budget * multiple;
    contender->population = config->members;
    if (is_own(contenders, index) && multiple == 1) { return -1; }
    if (pbti_strategies[strategy].rungs != PBTI_RUNGS_NONE) {
        return fit_rungs(contenders, index, config);
    }
    if (strategy == PBTI_STRATEGY_GRID) { return fit_grid(contenders, index, config); }
    contender->population = contenders->population * multiple;
    return -1;
}

/* -------- their specs -------- */

/*
 * What the spec says of exploit and explore holds for every strategy that does these: an ablation
 * differs from PBT in what it leaves out, and in nothing else.
 */
static void keep_options(struct pbti_config *config, const struct pbti_config *own,
                         const struct pbti_strategy *strategy)
{
    bool const paper = strategy == &pbti_strategies[PBTI_STRATEGY_PBT_PAPER]; /* has its own */
    unsigned part = 0;
    if (!paper && strategy->exploits && own->exploit != PBTI_EXPLOIT_NONE) {
        part |= PBTI_PART_EXPLOIT;
    }
    if (!paper && strategy->explores && own->explore != PBTI_EXPLORE_NONE) {
        part |= PBTI_PART_EXPLORE;
    }
    if (strategy->exploits || strategy->explores) { part |= PBTI_PART_BOTH; }
    pbti_config_take(config, own, part);
}

/* `strategy` as a value of --set: with the spec's own options of rungs, where both have them. */
static void write_strategy(const struct pbti_compare_budget *contenders, uint32_t index,
                           char text[160])
{
    const struct pbti_config *const own = &contenders->spec->config;
    const struct pbti_strategy *const strategy = &pbti_strategies[contenders->strategy[index]];
    if (strategy->rungs == PBTI_RUNGS_NONE || own->rungs == PBTI_RUNGS_NONE) {
        (void)snprintf(text, 160, "%s", strategy->name);
        return;
    }
    (void)snprintf(text, 160, "{name: %s, eta: %" PRIu32 ", min_steps: %" PRIu64 "}",
                   strategy->name, own->eta, own->rung_min);
}

/* The overrides that make the spec that of the study. The texts must outlive the call. */
struct overrides {
    char seed[24], strategy[160], population[16], resolution[16];
};

static bool override(const struct pbti_compare_budget *contenders, uint32_t index, uint64_t seed,
                     struct overrides *texts, struct pbti_call *call)
{
    uint32_t const resolution = contenders->resolution[index];
    (void)snprintf(texts->seed, sizeof texts->seed, "%" PRIu64, seed);
    bool fits = pbti_cli_override(call, "seed", texts->seed);
    if (!is_own(contenders, index)) {
        write_strategy(contenders, index, texts->strategy);
        fits = fits && pbti_cli_override(call, "strategy", texts->strategy);
    } else if (contenders->multiple[index] == 1) {
        return fits;
    }
    (void)snprintf(texts->population, sizeof texts->population, "%" PRIu32,
                   contenders->contender[index].population);
    fits = fits && pbti_cli_override(call, "population", texts->population);
    if (resolution > 0) {
        (void)snprintf(texts->resolution, sizeof texts->resolution, "%" PRIu32, resolution);
        fits = fits && pbti_cli_override(call, "strategy.resolution", texts->resolution);
    }
    return fits;
}

pbt_status pbti_compare_budget_spec(const struct pbti_compare_budget *contenders, uint32_t index,
                                    uint64_t seed, struct pbti_spec **out, struct pbt_error *err)
{
    struct pbti_call call = *contenders->call;
    struct overrides texts;
    if (!override(contenders, index, seed, &texts, &call)) {
        return PBTI_FAIL(err, PBT_ELIMIT, 0, "too many --set options");
    }
    PBTI_TRY(pbti_spec_load(call.argument[0], call.set, call.set_count, out, err));
    struct pbti_config *const config = &(*out)->config;
    keep_options(config, &contenders->spec->config, &pbti_strategies[contenders->strategy[index]]);
    config->control_independent = config->control_selection_only = 0;
    if (!config->keep_all && config->keep_top < PBTI_COMPARE_EVALUATIONS) {
        config->keep_top = PBTI_COMPARE_EVALUATIONS;
    }
    return PBT_OK;
}

/* -------- opening -------- */

static uint32_t brackets_of(const struct pbti_config *config)
{
    uint32_t count = 0;
    while (config->rungs == PBTI_RUNGS_HYPERBAND && pbti_bracket(config, count).count > 0) {
        count++;
    }
    return count;
}

static int fit_all(struct pbti_compare_budget *contenders, struct pbti_config *scratch)
{
    for (uint32_t i = 0; i < contenders->count; i++) {
        *scratch = contenders->spec->config;
        int const code = fit(contenders, i, scratch);
        if (code >= 0) { return code; }
        struct pbti_spec *spec = NULL;
        struct pbt_error err;
        uint64_t const seed = contenders->spec->config.seed;
        if (pbti_compare_budget_spec(contenders, i, seed, &spec, &err) != PBT_OK) {
            return pbti_cli_fail(contenders->call, &err);
        }
        contenders->contender[i].brackets = brackets_of(&spec->config);
        pbti_spec_destroy(spec);
    }
    return -1;
}

int pbti_compare_budget_open(struct pbti_compare_budget *contenders, const struct pbti_call *call)
{
    *contenders = (struct pbti_compare_budget){.call = call};
    struct pbt_error err;
    int code = read_strategies(contenders);
    if (code >= 0) { return code; }
    if (pbti_spec_load(call->argument[0], call->set, call->set_count, &contenders->spec, &err) !=
        PBT_OK) {
        return pbti_cli_fail(call, &err);
    }
    struct pbti_config *const scratch = malloc(sizeof *scratch);
    if (scratch == NULL) { return pbti_cli_no_memory(call); }
    set_budget(contenders);
    code = fit_all(contenders, scratch);
    free(scratch);
    return code;
}

void pbti_compare_budget_close(struct pbti_compare_budget *contenders)
{
    pbti_spec_destroy(contenders->spec);
}
