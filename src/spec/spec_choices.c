/* SPDX-License-Identifier: Apache-2.0 */
/* spec/spec_choices.c - types of keys whose words set several fields: strategy, reduce, keep. */
#include "core/grid.h"
#include "spec/spec_read.h"

/* -------- strategy -------- */

/*
 * Jaderberg et al. 2017, appendix A: truncation of 20 %, each value times 0.8 or 1.2. The interval
 * is set with the other defaults that follow `steps` (spec_read.c). Keys of the spec that are read
 * after this hold.
 */
static void set_paper(struct pbti_config *config)
{
    config->exploit = PBTI_EXPLOIT_TRUNCATION;
    config->quantile = 0.2;
    config->explore = PBTI_EXPLORE_PERTURB;
    config->factors_count = 2;
    config->factors[0] = 0.8;
    config->factors[1] = 1.2;
}

static pbt_status strategy_read(struct pbti_read *read, const struct pbti_key *key,
                                const struct pbti_node *node, void *base)
{
    (void)base;
    uint32_t value = 0;
    if (!pbti_node_is_text(node) || !pbti_word_value(key->allowed.list, node->text, &value)) {
        return pbti_read_wrong(read, key, node);
    }
    const struct pbti_strategy *const strategy = &pbti_strategies[value];
    struct pbti_config *const config = &read->spec->config;
    if (!strategy->exploits) { config->exploit = PBTI_EXPLOIT_NONE; }
    if (!strategy->explores) { config->explore = PBTI_EXPLORE_NONE; }
    if (value == PBTI_STRATEGY_PBT_PAPER) { set_paper(config); }
    config->explore_always = strategy->always;
    config->rungs = strategy->rungs;
    config->proposals = value == PBTI_STRATEGY_BAYES;
    config->eta = strategy->rungs == PBTI_RUNGS_NONE ? 0 : PBTI_ETA_DEFAULT;
    config->rung_min = 0; /* compute_defaults() */
    config->grid = value == PBTI_STRATEGY_GRID;
    for (uint32_t i = 0; i < config->space.count; i++) {
        config->places[i] =
            config->grid ? pbti_grid_places(&config->space.hp[i], PBTI_PLACES_DEFAULT) : 0;
    }
    read->strategy = value;
    return PBT_OK;
}

static void strategy_write(struct pbti_out *out, const struct pbti_key *key,
                           const struct pbti_spec *spec, const void *base)
{
    (void)base;
    pbti_out_put(out, pbti_word_text(key->allowed.list, pbti_strategy_of(&spec->config)));
}

static void strategy_describe(struct pbti_out *out, const struct pbti_key *key)
{
    pbti_out_put(out, "one of: ");
    pbti_describe_words(out, key->allowed.list);
}

const struct pbti_type_info pbti_strategy_type = {strategy_read, strategy_write, strategy_describe};

/* -------- score.reduce -------- */

static pbt_status reduce_read(struct pbti_read *read, const struct pbti_key *key,
                              const struct pbti_node *node, void *base)
{
    struct pbti_config *const config = &read->spec->config;
    uint32_t value = 0;
    if (node->kind == PBTI_NODE_MAP && node->count == 1) {
        return pbti_read_section(read, PBTI_SECTION_REDUCE, node, base);
    }
    if (!pbti_node_is_text(node) || !pbti_word_value(key->allowed.list, node->text, &value)) {
        return pbti_read_wrong(read, key, node);
    }
    config->reduce = (uint8_t)value;
    config->reduce_last = 0;
    return PBT_OK;
}

static void reduce_write(struct pbti_out *out, const struct pbti_key *key,
                         const struct pbti_spec *spec, const void *base)
{
    (void)base;
    const char *const word = pbti_word_text(key->allowed.list, spec->config.reduce);
    if (spec->config.reduce_last == 0) {
        pbti_out_put(out, word);
    } else {
        pbti_out_format(out, "{%s: %u}", word, spec->config.reduce_last);
    }
}

static void reduce_describe(struct pbti_out *out, const struct pbti_key *key)
{
    pbti_out_put(out, "one of: ");
    pbti_describe_words(out, key->allowed.list);
    pbti_out_put(out, ", or {mean: K} or {max: K}");
}

const struct pbti_type_info pbti_reduce_type = {reduce_read, reduce_write, reduce_describe};

/* {mean: 5}: the key is the word, the value how many last scores. */
static pbt_status reduce_over_read(struct pbti_read *read, const struct pbti_key *key,
                                   const struct pbti_node *node, void *base)
{
    uint32_t value = PBTI_REDUCE_LAST;
    (void)pbti_word_value(PBTI_WORDS_REDUCE, key->name, &value);
    read->spec->config.reduce = (uint8_t)value;
    return pbti_whole32_type.read(read, key, node, base);
}

static void reduce_over_write(struct pbti_out *out, const struct pbti_key *key,
                              const struct pbti_spec *spec, const void *base)
{
    pbti_whole32_type.write(out, key, spec, base);
}

static void reduce_over_describe(struct pbti_out *out, const struct pbti_key *key)
{
    pbti_whole32_type.describe(out, key);
}

const struct pbti_type_info pbti_reduce_over_type = {reduce_over_read, reduce_over_write,
                                                     reduce_over_describe};

/* -------- keep -------- */

static pbt_status keep_read(struct pbti_read *read, const struct pbti_key *key,
                            const struct pbti_node *node, void *base)
{
    struct pbti_config *const config = &read->spec->config;
    uint32_t value = 0;
    if (node->kind == PBTI_NODE_MAP && node->count == 1) {
        config->keep_all = false;
        return pbti_read_section(read, PBTI_SECTION_KEEP, node, base);
    }
    if (!pbti_node_is_text(node) || !pbti_word_value(key->allowed.list, node->text, &value)) {
        return pbti_read_wrong(read, key, node);
    }
    config->keep_all = value == PBTI_KEEP_ALL;
    config->keep_top = value == PBTI_KEEP_FINAL ? 0 : 1;
    return PBT_OK;
}

static void keep_write(struct pbti_out *out, const struct pbti_key *key,
                       const struct pbti_spec *spec, const void *base)
{
    (void)key;
    (void)base;
    uint32_t const top = spec->config.keep_top;
    if (spec->config.keep_all) {
        pbti_out_put(out, pbti_word_text(PBTI_WORDS_KEEP, PBTI_KEEP_ALL));
    } else if (top > 1) {
        pbti_out_format(out, "{top: %u}", top);
    } else {
        pbti_out_put(
            out, pbti_word_text(PBTI_WORDS_KEEP, top == 1 ? PBTI_KEEP_BEST_EVER : PBTI_KEEP_FINAL));
    }
}

static void keep_describe(struct pbti_out *out, const struct pbti_key *key)
{
    pbti_out_put(out, "one of: ");
    pbti_describe_words(out, key->allowed.list);
    pbti_out_put(out, ", or {top: K}");
}

const struct pbti_type_info pbti_keep_type = {keep_read, keep_write, keep_describe};
