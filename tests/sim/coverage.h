/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/coverage.h - which entries of core's tables a run of the simulator reached.
 *
 * "Nothing broken" says nothing about a rule that no seed drew. Each list of core that a decision
 * depends on has a set of bits here, filled from the events; after enough seeds an entry without a
 * bit is a failure.
 */
#ifndef PBTI_SIM_COVERAGE_H
#define PBTI_SIM_COVERAGE_H

#include "core/state.h"

/* X(list, count, name of an entry) */
#define PBTI_COVERAGE_LIST(X)                                                                      \
    X(mode, PBTI_MODES, pbti_mode_name)                                                            \
    X(compare, PBTI_COMPARES, pbti_compare_name)                                                   \
    X(reduce, PBTI_REDUCES, pbti_reduce_name)                                                      \
    X(exploit, PBTI_EXPLOITS, pbti_exploit_name)                                                   \
    X(explore, PBTI_EXPLORES, pbti_explore_name)                                                   \
    X(type, PBTI_HP_KINDS, pbti_hp_kind_name)                                                      \
    X(decision, PBTI_DECISIONS, pbti_decision_name)                                                \
    X(why, PBTI_WHYS, pbti_why_name)                                                               \
    X(move, PBTI_MOVES, pbti_move_name)                                                            \
    X(outcome, PBTI_OUTCOMES, pbti_outcome_name)

struct pbti_coverage {
#define PBTI_COVERAGE_FIELD(list, count, name) uint64_t list;
    PBTI_COVERAGE_LIST(PBTI_COVERAGE_FIELD)
#undef PBTI_COVERAGE_FIELD
};

/* An event, under the config that is in force. */
void pbti_coverage_event(struct pbti_coverage *coverage, const struct pbti_config *config,
                         const struct pbti_event *event);

void pbti_coverage_add(struct pbti_coverage *sum, const struct pbti_coverage *more);

/* The first entry that was not reached: its list and its name. False: all were. */
bool pbti_coverage_lacks(const struct pbti_coverage *coverage, const char **list,
                         const char **name);

#endif
