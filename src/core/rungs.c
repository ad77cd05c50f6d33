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

/* Members of a bracket that begins at a rung: ceil(count / (s + 1) eta^s), s = count - 1 - rung */
static uint64_t hyperband_size(const struct pbti_config *config, uint32_t rung)
{
    uint32_t const count = pbti_rungs_count(config);
    uint64_t const halvings = count - 1 - rung;
    uint64_t const all = count * power(config->eta, (uint32_t)halvings);
    return all / (halvings + 1) + (all % (halvings + 1) != 0 ? 1 : 0);
}

/* Members of the brackets of one round that begin below a rung. */
static uint64_t hyperband_below(const struct pbti_config *config, uint32_t rung)
{
    uint64_t size = 0;
    for (uint32_t i = 0; i < rung; i++) {
        size += hyperband_size(config, i);
    }
    return size;
}

struct pbti_bracket pbti_bracket(const struct pbti_config *config, uint32_t index)
{
    if (config->rungs != PBTI_RUNGS_HYPERBAND) {
        return (struct pbti_bracket){index, 0, 0, index == 0 ? config->members : 0};
    }
    uint32_t const count = pbti_rungs_count(config);
    uint32_t const rung = index % count;
    uint64_t const first =
        index / count * hyperband_below(config, count) + hyperband_below(config, rung);
    if (first >= config->members) { return (struct pbti_bracket){index, rung, config->members, 0}; }
    return (struct pbti_bracket){index, rung, (uint32_t)first,
                                 (uint32_t)hyperband_size(config, rung)};
}

struct pbti_bracket pbti_bracket_of(const struct pbti_config *config, uint32_t member)
{
    assert(member < config->members);
    uint32_t index = 0;
    if (config->rungs == PBTI_RUNGS_HYPERBAND) { /* of the round that it is in */
        uint32_t const count = pbti_rungs_count(config);
        index = (uint32_t)(member / hyperband_below(config, count)) * count;
    }
    struct pbti_bracket bracket = pbti_bracket(config, index);
    while (member >= bracket.first + bracket.count) {
        bracket = pbti_bracket(config, bracket.index + 1);
        assert(bracket.count > 0);
    }
    return bracket;
}

uint32_t pbti_rung_at(const struct pbti_config *config, struct pbti_bracket bracket, uint64_t steps)
{
    uint32_t const count = pbti_rungs_count(config);
    for (uint32_t rung = bracket.rung; rung < count; rung++) {
        if (pbti_rung_steps(config, rung) == steps) { return rung; }
    }
    return PBTI_NO_RUNG;
}

uint64_t pbti_rung_after(const struct pbti_config *config, struct pbti_bracket bracket,
                         uint64_t steps)
{
    uint32_t const count = pbti_rungs_count(config);
    for (uint32_t rung = bracket.rung; rung < count; rung++) {
        uint64_t const at = pbti_rung_steps(config, rung);
        if (at > steps) { return at; }
    }
    return config->steps;
}

uint32_t pbti_rung_keeps(const struct pbti_config *config, struct pbti_bracket bracket,
                         uint32_t rung)
{
    assert(rung >= bracket.rung && rung + 1 < pbti_rungs_count(config));
    uint64_t const kept = bracket.count / power(config->eta, rung - bracket.rung + 1);
    return kept > 0 ? (uint32_t)kept : 1;
}

uint32_t pbti_rungs_population(const struct pbti_config *config)
{
    uint32_t const count = pbti_rungs_count(config);
    uint64_t const size = config->rungs == PBTI_RUNGS_HYPERBAND ? hyperband_below(config, count)
                                                                : power(config->eta, count - 1);
    return size > PBTI_RUNG_MEMBERS_MAX ? PBTI_RUNG_MEMBERS_MAX + 1 : (uint32_t)size;
}

/* Steps that a bracket trains when nobody fails. */
static uint64_t bracket_steps(const struct pbti_config *config, struct pbti_bracket bracket)
{
    uint32_t const count = pbti_rungs_count(config);
    uint64_t total = 0;
    uint64_t training = bracket.count;
    uint64_t before = 0;
    for (uint32_t rung = bracket.rung; rung < count; rung++) {
        uint64_t const at = pbti_rung_steps(config, rung);
        total += training * (at - before);
        before = at;
        if (rung + 1 < count) { training = pbti_rung_keeps(config, bracket, rung); }
    }
    return total;
}

uint64_t pbti_rungs_steps_total(const struct pbti_config *config)
{
    uint64_t total = 0;
    struct pbti_bracket bracket = pbti_bracket(config, 0);
    while (bracket.count > 0) {
        total += bracket_steps(config, bracket);
        bracket = pbti_bracket(config, bracket.index + 1);
    }
    return total;
}

/* -------- populations -------- */

/* hyperband: members of as many brackets as have at most so many members and train at most so many
 * steps. */
static uint32_t whole_brackets(const struct pbti_config *config, uint32_t members, uint64_t steps)
{
    uint32_t const count = pbti_rungs_count(config);
    uint32_t whole = 0;
    for (uint32_t rung = 0;; rung = (rung + 1) % count) {
        uint64_t const size = hyperband_size(config, rung);
        if (size > members - whole) { return whole; }
        uint64_t const cost =
            bracket_steps(config, (struct pbti_bracket){0, rung, 0, (uint32_t)size});
        if (cost > steps) { return whole; }
        whole += (uint32_t)size;
        steps -= cost;
    }
}

uint32_t pbti_rungs_whole(const struct pbti_config *config, uint32_t members)
{
    assert(members <= PBTI_RUNG_MEMBERS_MAX);
    return whole_brackets(config, members, UINT64_MAX);
}

uint32_t pbti_rungs_affordable(const struct pbti_config *config, uint64_t steps)
{
    if (config->rungs == PBTI_RUNGS_HYPERBAND) {
        return whole_brackets(config, PBTI_RUNG_MEMBERS_MAX, steps);
    }
    if (config->rungs != PBTI_RUNGS_HALVING) {
        uint64_t const members = steps / config->steps;
        return members < PBTI_RUNG_MEMBERS_MAX ? (uint32_t)members : PBTI_RUNG_MEMBERS_MAX;
    }
    uint32_t low = 0; /* so many are affordable, and more than `high` are not */
    uint32_t high = PBTI_RUNG_MEMBERS_MAX;
    while (low < high) {
        uint32_t const middle = high - (high - low) / 2;
        bool const fits = bracket_steps(config, (struct pbti_bracket){0, 0, 0, middle}) <= steps;
        if (fits) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}
