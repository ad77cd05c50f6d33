/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/explore.c - the table of explore rules, and what holds for all of them; see explore.h.
 *
 * Source      Jaderberg et al. 2017, section 4.1.2.
 * Differences values obey their type and bounds (docs/rules.md, rule 7); frozen hyperparameters
 *             never move.
 */
#include "core/explore.h"

#include <assert.h>
#include <stddef.h>

static const struct pbti_explore_rule *const rules[] = {
#define RULE_ROW(unused, name, value, text, rule) [value] = &pbti_explore_##rule,
    PBTI_EXPLORE_RULES(RULE_ROW, )
#undef RULE_ROW
};
_Static_assert(sizeof rules / sizeof *rules == PBTI_EXPLORES, "values of explore count from 0");

const struct pbti_explore_rule *pbti_explore_rule(uint8_t explore)
{
    assert(explore < PBTI_EXPLORES);
    return rules[explore];
}

struct pbti_stream pbti_explore_stream(const struct pbti_exploring *exploring, uint64_t purpose)
{
    return (struct pbti_stream){exploring->config->seed, purpose, exploring->member,
                                exploring->segment};
}

bool pbti_explore(const struct pbti_exploring *exploring, double *values, struct pbti_move *moves)
{
    const struct pbti_config *const config = exploring->config;
    const struct pbti_explore_rule *const rule = pbti_explore_rule(config->explore);
    bool moved = false;
    assert(rule->move != NULL);
    for (uint32_t i = 0; i < config->space.count; i++) {
        moves[i] = (struct pbti_move){PBTI_MOVE_KEPT, 0.0};
        if (config->space.hp[i].frozen) { continue; }
        rule->move(exploring, i, &values[i], &moves[i]);
        assert(pbti_hp_valid(&config->space.hp[i], values[i]));
        assert((PBTI_MOVE_BIT(moves[i].kind) & (rule->moves | PBTI_MOVE_BIT(PBTI_MOVE_KEPT))) != 0);
        moved = moved || moves[i].kind != PBTI_MOVE_KEPT;
    }
    return moved;
}

const struct pbti_explore_rule pbti_explore_none = {
    .name = "none",
    .statement = "no value changes but by a copy",
};
