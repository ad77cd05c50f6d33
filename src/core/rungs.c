/* SPDX-License-Identifier: Apache-2.0 */
/* core/rungs.c - the tables of rungs and brackets; see rungs.h. */
#include "core/rungs.h"

#include <assert.h>

static uint64_t power(uint64_t base, uint32_t exponent)
{
    uint64_t value = 1;
    for (uint32_t i = 0; i < exponent; i++) {
        value *= base; /* at most steps, below 2^53 */
    }
    return value;
}

uint32_t pbti_rungs_count(const struct pbti_config *config)
{
    assert(config->eta >= 2 && config->rung_min >= 1 && config->steps >= config->rung_min);
    uint32_t count = 1;
    uint64_t steps = config->steps / config->eta;
    while (steps >= config->rung_min) { /* floor(floor(a / b) / c) = floor(a / (b c)) */
        steps /= config->eta;
        count++;
    }
    return count;
}

uint64_t pbti_rung_steps(const struct pbti_config *config, uint32_t rung)
{
    uint32_t const count = pbti_rungs_count(config);
    assert(rung < count);
    return config->steps / power(config->eta, count - 1 - rung);
}

/* ceil(count / (s + 1) eta^s), s = count - 1 - index */
static uint64_t hyperband_size(const struct pbti_config *config, uint32_t index)
{
    uint32_t const count = pbti_rungs_count(config);
    uint64_t const halvings = count - 1 - index;
    uint64_t const all = count * power(config->eta, (uint32_t)halvings);
    return all / (halvings + 1) + (all % (halvings + 1) != 0 ? 1 : 0);
}

struct pbti_bracket pbti_bracket(const struct pbti_config *config, uint32_t index)
{
    if (config->rungs != PBTI_RUNGS_HYPERBAND) {
        return (struct pbti_bracket){index, 0, index == 0 ? config->members : 0};
    }
    struct pbti_bracket bracket = {index, 0, 0};
    uint32_t const count = pbti_rungs_count(config);
    for (uint32_t i = 0; i < index && i < count; i++) {
        bracket.first += (uint32_t)hyperband_size(config, i);
    }
    if (index < count) { bracket.count = (uint32_t)hyperband_size(config, index); }
    return bracket;
}

struct pbti_bracket pbti_bracket_of(const struct pbti_config *config, uint32_t member)
{
    assert(member < config->members);
    struct pbti_bracket bracket = pbti_bracket(config, 0);
    while (member >= bracket.first + bracket.count) {
        bracket = pbti_bracket(config, bracket.index + 1);
        assert(bracket.count > 0);
    }
    return bracket;
}

uint32_t pbti_rung_at(const struct pbti_config *config, struct pbti_bracket bracket, uint64_t steps)
{
    uint32_t const count = pbti_rungs_count(config);
    for (uint32_t rung = bracket.index; rung < count; rung++) {
        if (pbti_rung_steps(config, rung) == steps) { return rung; }
    }
    return PBTI_NO_RUNG;
}

uint64_t pbti_rung_after(const struct pbti_config *config, struct pbti_bracket bracket,
                         uint64_t steps)
{
    uint32_t const count = pbti_rungs_count(config);
    for (uint32_t rung = bracket.index; rung < count; rung++) {
        uint64_t const at = pbti_rung_steps(config, rung);
        if (at > steps) { return at; }
    }
    return config->steps;
}

uint32_t pbti_rung_keeps(const struct pbti_config *config, struct pbti_bracket bracket,
                         uint32_t rung)
{
    assert(rung >= bracket.index && rung + 1 < pbti_rungs_count(config));
    uint64_t const kept = bracket.count / power(config->eta, rung - bracket.index + 1);
    return kept > 0 ? (uint32_t)kept : 1;
}

uint32_t pbti_rungs_population(const struct pbti_config *config)
{
    uint32_t const count = pbti_rungs_count(config);
    if (config->rungs != PBTI_RUNGS_HYPERBAND) {
        uint64_t const size = power(config->eta, count - 1);
        return size > PBTI_RACERS_MAX ? PBTI_RACERS_MAX + 1 : (uint32_t)size;
    }
    uint64_t size = 0;
    for (uint32_t i = 0; i < count; i++) {
        size += hyperband_size(config, i);
        if (size > PBTI_RACERS_MAX) { return PBTI_RACERS_MAX + 1; }
    }
    return (uint32_t)size;
}

uint64_t pbti_rungs_steps_total(const struct pbti_config *config)
{
    uint32_t const count = pbti_rungs_count(config);
    uint64_t total = 0;
    for (uint32_t index = 0; index < count; index++) {
        struct pbti_bracket const bracket = pbti_bracket(config, index);
        uint64_t training = bracket.count;
        uint64_t before = 0;
        for (uint32_t rung = index; rung < count && bracket.count > 0; rung++) {
            uint64_t const at = pbti_rung_steps(config, rung);
            total += training * (at - before);
            before = at;
            if (rung + 1 < count) { training = pbti_rung_keeps(config, bracket, rung); }
        }
    }
    return total;
}
