/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/rungs.h - successive halving, Hyperband and ASHA: who trains on is decided at rungs.
 *
 * A *rung* is an amount of training at which members are compared. Rung i of `count` is at
 * floor(steps / eta^(count - 1 - i)) steps, so the last one is the whole budget, and the first is
 * the smallest that is not below `rung_min`. A *bracket* is a range of members that begin at one of
 * the rungs. Only Hyperband has more than one: a round of them begins at rung 0, 1, ... count - 1,
 * and then the next round does. Its population says how many brackets there are, all of them whole.
 *
 * A member is a configuration. It trains to its bracket's next rung, goes on from its checkpoint
 * when it is promoted, and never begins again. Between rungs it is not judged.
 *
 * All in whole numbers: floor(log_3 243) computed with logarithms is 4.
 *
 * Source      Jamieson and Talwalkar 2016 (successive halving); Li et al. 2018, "Hyperband", the
 *             algorithm in section 3; Li et al. 2020, "A System for Massively Parallel
 *             Hyperparameter Tuning" (ASHA), algorithm 2
 * Differences promoted members continue; rungs are rounded down from the budget, not up from the
 *             smallest one; the best of a rung that keeps nobody goes on all the same
 */
#ifndef PBTI_CORE_RUNGS_H
#define PBTI_CORE_RUNGS_H

#include "core/config.h"

/* How many rungs there are, 1 .. 53. Requires steps >= rung_min >= 1, eta >= 2. */
uint32_t pbti_rungs_count(const struct pbti_config *config);

/* Steps of a rung below the count. */
uint64_t pbti_rung_steps(const struct pbti_config *config, uint32_t rung);

/* The members of a bracket: the first, and how many; 0 beyond the last bracket. */
struct pbti_bracket {
    uint32_t index;
    uint32_t rung; /* at which they begin */
    uint32_t first;
    uint32_t count;
};

struct pbti_bracket pbti_bracket(const struct pbti_config *config, uint32_t index);

/* The bracket of a member of the population. */
struct pbti_bracket pbti_bracket_of(const struct pbti_config *config, uint32_t member);

/* The rung of the bracket that is at exactly so many steps, or PBTI_NO_RUNG. */
#define PBTI_NO_RUNG UINT32_MAX
uint32_t pbti_rung_at(const struct pbti_config *config, struct pbti_bracket bracket,
                      uint64_t steps);

/* Steps of the bracket's next rung above `steps`; the budget when there is none. */
uint64_t pbti_rung_after(const struct pbti_config *config, struct pbti_bracket bracket,
                         uint64_t steps);

/* successive_halving, hyperband: members of the bracket that train beyond a rung below the last. */
uint32_t pbti_rung_keeps(const struct pbti_config *config, struct pbti_bracket bracket,
                         uint32_t rung);

/*
 * The population that follows from the rungs: of Hyperband one round of brackets; of the others so
 * many that one member reaches the budget. More than PBTI_RUNG_MEMBERS_MAX are counted as one more
 * than that.
 */
uint32_t pbti_rungs_population(const struct pbti_config *config);

/*
 * hyperband: the largest population of whole brackets that is not above `members`; 0 = none is.
 * Requires members <= PBTI_RUNG_MEMBERS_MAX.
 */
uint32_t pbti_rungs_whole(const struct pbti_config *config, uint32_t members);

/*
 * The largest population whose members never train more than `steps` together; 0 = none. Of asha
 * every member may train to the end: in the worst order of arrival each is the best when it comes.
 */
uint32_t pbti_rungs_affordable(const struct pbti_config *config, uint64_t steps);

/* Steps that the population trains together when nobody fails; for asha about so many. */
uint64_t pbti_rungs_steps_total(const struct pbti_config *config);

#endif
