/* SPDX-License-Identifier: Apache-2.0 */
/* spec/spec_check.c - what the keys of a spec demand of each other. */
#include "core/grid.h"
#include "core/rungs.h"
#include "spec/spec_read.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Where a key was written, or the spec when it was not. */
static const struct pbti_node *place(const struct pbti_read *read, enum pbti_key_id key)
{
    return read->seen[key] != NULL ? read->seen[key] : read->root;
}

static pbt_status check_trainer(const struct pbti_read *read)
{
    static const enum pbti_key_id kinds[] = {PBTI_KEY_TRAINER_command, PBTI_KEY_TRAINER_one_shot,
                                             PBTI_KEY_TRAINER_builtin};
    const struct pbti_node *found = NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct pbti_node *const node = read->seen[kinds[i]];
        if (node != NULL && found != NULL) {
            return pbti_node_fail(node, read->err,
                                  "trainer has \"%s\" besides \"%s\", but must have one of: "
                                  "command, one_shot, builtin",
                                  node->key->text, found->key->text);
        }
        if (node != NULL) { found = node; }
    }
    if (found != NULL) { return PBT_OK; }
    return pbti_node_fail(place(read, PBTI_KEY_SPEC_trainer), read->err,
                          "trainer must have one of: command, one_shot, builtin");
}

/* Does `name` hold `word` (lower case)? alone: only as a word of its own, not inside another. */
static bool has_word(const char *name, const char *word, bool alone)
{
    size_t const size = strlen(word);
    for (const char *at = name; *at != '\0'; at++) {
        if (strncasecmp(at, word, size) != 0) { continue; }
        bool const begins = at == name || !isalpha((unsigned char)at[-1]);
        bool const ends = !isalpha((unsigned char)at[size]);
        if (!alone || (begins && ends)) { return true; }
    }
    return false;
}

/* The default is to maximize, which is wrong for a score that is better when it is less. */
static pbt_status check_score(const struct pbti_read *read)
{
    static const struct {
        const char *word;
        bool alone;
    } less[] = {{"loss", false}, {"error", false}, {"perplexity", false}, {"nll", true},
                {"mse", true},   {"mae", true},    {"rmse", true},        {"wer", true}};
    if (read->seen[PBTI_KEY_SCORE_goal] != NULL) { return PBT_OK; }
    for (size_t i = 0; i < sizeof less / sizeof less[0]; i++) {
        if (!has_word(read->spec->score_name, less[i].word, less[i].alone)) { continue; }
        return pbti_node_fail(place(read, PBTI_KEY_SCORE_name), read->err,
                              "score.name is \"%s\", which seems to be better when it is less, "
                              "but there is no score.goal: must be minimize or maximize",
                              read->spec->score_name);
    }
    return PBT_OK;
}

static pbt_status check_time(const struct pbti_read *read)
{
    const struct pbti_config *const config = &read->spec->config;
    if (config->ready_every > config->steps) {
        return pbti_node_fail(place(read, PBTI_KEY_READY_every), read->err,
                              "ready.every is %llu, but must be at most steps, which is %llu",
                              (unsigned long long)config->ready_every,
                              (unsigned long long)config->steps);
    }
    if (config->burn_in > config->steps) {
        return pbti_node_fail(place(read, PBTI_KEY_READY_burn_in), read->err,
                              "ready.burn_in is %llu, but must be at most steps, which is %llu",
                              (unsigned long long)config->burn_in,
                              (unsigned long long)config->steps);
    }
    return PBT_OK;
}

static pbt_status check_members(const struct pbti_read *read)
{
    const struct pbti_config *const config = &read->spec->config;
    uint64_t const members =
        (uint64_t)config->members + config->control_independent + config->control_selection_only;
    if (members > PBTI_MEMBERS_MAX) {
        return pbti_node_fail(place(read, PBTI_KEY_STRATEGY_controls), read->err,
                              "population and controls are %llu members, but there may be at most "
                              "%u",
                              (unsigned long long)members, PBTI_MEMBERS_MAX);
    }
    if (config->control_selection_only > 0 && config->exploit == PBTI_EXPLOIT_NONE) {
        return pbti_node_fail(place(read, PBTI_KEY_CONTROLS_selection_only), read->err,
                              "strategy.controls.selection_only is %u, but nothing is exploited "
                              "in this study",
                              config->control_selection_only);
    }
    return PBT_OK;
}

static pbt_status check_grid(const struct pbti_read *read)
{
    const struct pbti_config *const config = &read->spec->config;
    if (!config->grid) { return PBT_OK; }
    uint32_t const size = pbti_grid_size(config);
    if (size > PBTI_MEMBERS_MAX) {
        return pbti_node_fail(place(read, PBTI_KEY_STRATEGY_resolution), read->err,
                              "the grid has more than %u points", PBTI_MEMBERS_MAX);
    }
    if (config->members != size) {
        return pbti_node_fail(place(read, PBTI_KEY_SPEC_population), read->err,
                              "population is %u, but the grid has %u points; leave it out",
                              config->members, size);
    }
    if (config->points_count > 0) {
        return pbti_node_fail(place(read, PBTI_KEY_INITIAL_points), read->err,
                              "initial.points does not go with strategy \"grid\"");
    }
    return PBT_OK;
}

/* With rungs: is the population one that they can have? */
static pbt_status check_racers(const struct pbti_read *read, const char *strategy)
{
    const struct pbti_config *const config = &read->spec->config;
    if (config->rung_min > config->steps) {
        return pbti_node_fail(place(read, PBTI_KEY_STRATEGY_min_steps), read->err,
                              "strategy.min_steps is %llu, but must be at most steps, which is "
                              "%llu",
                              (unsigned long long)config->rung_min,
                              (unsigned long long)config->steps);
    }
    if (config->members > PBTI_RUNG_MEMBERS_MAX && read->seen[PBTI_KEY_SPEC_population] != NULL) {
        return pbti_node_fail(place(read, PBTI_KEY_SPEC_population), read->err,
                              "population is %u, but strategy \"%s\" has at most %u members",
                              config->members, strategy, PBTI_RUNG_MEMBERS_MAX);
    }
    if (config->members > PBTI_RUNG_MEMBERS_MAX) {
        return pbti_node_fail(place(read, PBTI_KEY_STRATEGY_name), read->err,
                              "strategy \"%s\" would have more than %u members; a larger "
                              "strategy.min_steps makes them fewer",
                              strategy, PBTI_RUNG_MEMBERS_MAX);
    }
    if (config->rungs != PBTI_RUNGS_HYPERBAND) { return PBT_OK; }
    uint32_t const whole = pbti_rungs_whole(config, config->members);
    if (config->members == whole) { return PBT_OK; }
    return pbti_node_fail(place(read, PBTI_KEY_SPEC_population), read->err,
                          "population is %u, but must be that of whole brackets, such as %u; leave "
                          "it out for each bracket once",
                          config->members, whole > 0 ? whole : pbti_rungs_population(config));
}

static pbt_status check_rungs(const struct pbti_read *read)
{
    const struct pbti_config *const config = &read->spec->config;
    const char *const strategy = pbti_strategies[read->strategy].name;
    if (config->rungs == PBTI_RUNGS_NONE) { return PBT_OK; }
    PBTI_TRY(check_racers(read, strategy));
    if (config->mode != PBTI_ASYNC) {
        return pbti_node_fail(place(read, PBTI_KEY_STRATEGY_mode), read->err,
                              "strategy.mode is \"generational\", but strategy \"%s\" compares at "
                              "its rungs",
                              strategy);
    }
    if (config->burn_in > 0) {
        return pbti_node_fail(place(read, PBTI_KEY_READY_burn_in), read->err,
                              "ready.burn_in does not go with strategy \"%s\"; its first rung is "
                              "strategy.min_steps",
                              strategy);
    }
    if (pbti_config_members(config) != config->members) {
        return pbti_node_fail(place(read, PBTI_KEY_STRATEGY_controls), read->err,
                              "strategy.controls does not go with strategy \"%s\"", strategy);
    }
    if (config->max_age < config->steps) {
        return pbti_node_fail(place(read, PBTI_KEY_SPEC_max_age), read->err,
                              "max_age is %llu, but strategy \"%s\" trains to steps, which is %llu",
                              (unsigned long long)config->max_age, strategy,
                              (unsigned long long)config->steps);
    }
    return PBT_OK;
}

/* The parts that a strategy's name promises are there. */
static pbt_status check_strategy(const struct pbti_read *read)
{
    const struct pbti_config *const config = &read->spec->config;
    const struct pbti_strategy *const strategy = &pbti_strategies[read->strategy];
    if (read->strategy == PBTI_STRATEGY_SELECTION_ONLY && config->exploit == PBTI_EXPLOIT_NONE) {
        return pbti_node_fail(place(read, PBTI_KEY_EXPLOIT_name), read->err,
                              "strategy.exploit is \"none\", but strategy \"%s\" needs one",
                              strategy->name);
    }
    if (read->strategy == PBTI_STRATEGY_EXPLORE_ONLY && config->explore == PBTI_EXPLORE_NONE) {
        return pbti_node_fail(place(read, PBTI_KEY_EXPLORE_name), read->err,
                              "strategy.explore is \"none\", but strategy \"%s\" needs one",
                              strategy->name);
    }
    if (strategy->always && !config->explore_always) {
        return pbti_node_fail(place(read, PBTI_KEY_EXPLORE_always), read->err,
                              "strategy.explore.always is false, but strategy \"%s\" explores at "
                              "every ready",
                              strategy->name);
    }
    return PBT_OK;
}

/* Comparing at equal age keeps one score for every member and interval. */
static pbt_status check_equal_age(const struct pbti_read *read)
{
    const struct pbti_config *const config = &read->spec->config;
    if (config->compare != PBTI_COMPARE_EQUAL_AGE) { return PBT_OK; }
    uint64_t const intervals = config->max_age / config->ready_every;
    uint32_t const members = pbti_config_members(config);
    if (intervals < PBTI_EQUAL_AGE_MAX / members) { return PBT_OK; }
    return pbti_node_fail(place(read, PBTI_KEY_STRATEGY_compare), read->err,
                          "strategy.compare is \"equal_age\", but %u members times %llu intervals "
                          "of ready in max_age must be below %u",
                          members, (unsigned long long)intervals, PBTI_EQUAL_AGE_MAX);
}

static pbt_status check_rules(const struct pbti_read *read)
{
    const struct pbti_config *const config = &read->spec->config;
    if (read->seen[PBTI_KEY_EXPLORE_factors] != NULL && config->noise > 0.0) {
        return pbti_node_fail(place(read, PBTI_KEY_EXPLORE_noise), read->err,
                              "strategy.explore has \"noise\" besides \"factors\", but must have "
                              "one of them");
    }
    if (config->exploit == PBTI_EXPLOIT_NONE && config->copy != PBTI_COPY_BOTH) {
        return pbti_node_fail(place(read, PBTI_KEY_STRATEGY_copy), read->err,
                              "strategy.copy is \"%s\", but nothing is copied without exploit",
                              pbti_word_text(PBTI_WORDS_COPY, config->copy));
    }
    if (config->founders_keep > 0.0 && (config->copy & PBTI_COPY_WEIGHTS) == 0) {
        return pbti_node_fail(place(read, PBTI_KEY_EXPLOIT_founders), read->err,
                              "strategy.exploit.founders counts whose weights are copied, but "
                              "strategy.copy is \"%s\"",
                              pbti_word_text(PBTI_WORDS_COPY, config->copy));
    }
    bool const compares = pbti_exploit_compares(config->exploit);
    if (!compares && config->compare != PBTI_COMPARE_LATEST) {
        return pbti_node_fail(place(read, PBTI_KEY_STRATEGY_compare), read->err,
                              "strategy.compare is \"%s\", but goes with exploit truncation and "
                              "tournament only",
                              pbti_compare_name(config->compare));
    }
    PBTI_TRY(check_equal_age(read));
    if (config->mode == PBTI_GENERATIONAL && config->lead > 0) {
        return pbti_node_fail(place(read, PBTI_KEY_STRATEGY_lead), read->err,
                              "strategy.lead is %u, but must be 0 in mode generational",
                              config->lead);
    }
    return PBT_OK;
}

pbt_status pbti_read_check(struct pbti_read *read)
{
    PBTI_TRY(check_trainer(read));
    PBTI_TRY(check_score(read));
    PBTI_TRY(check_time(read));
    PBTI_TRY(check_grid(read));
    PBTI_TRY(check_rungs(read));
    PBTI_TRY(check_strategy(read));
    PBTI_TRY(check_members(read));
    PBTI_TRY(check_rules(read));
    const char *const broken = pbti_config_invalid(&read->spec->config);
    if (broken == NULL) { return PBT_OK; }
    return pbti_node_fail(read->root, read->err, "%s", broken); /* the checks above say more */
}
