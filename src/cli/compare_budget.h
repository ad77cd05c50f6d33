/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/compare_budget.h - who takes part in a comparison: strategies, what each may train, and the
 * spec of each study.
 *
 * A study may train the population of the spec times its steps; NAME@2x may train twice that. What
 * a strategy makes of it is its population, chosen here so that no order of arrival exceeds the
 * budget:
 *
 *     hyperband               as many whole brackets as fit, in their order and then again
 *     successive_halving      the largest population that fits
 *     asha                    the spec's times the multiple: every member may train to the end
 *     grid                    the finest one, equal in all hyperparameters, of at most so many
 *     all others              the spec's times the multiple
 *
 * The strategy that the spec itself names has the spec's own population. A spec of successive
 * halving or Hyperband trains less than population times steps; then that is the budget, and the
 * others' population is what it pays for.
 */
#ifndef PBTI_CLI_COMPARE_BUDGET_H
#define PBTI_CLI_COMPARE_BUDGET_H

#include "cli/cli.h"
#include "spec/spec.h"
#include "view/compare.h"

#define PBTI_COMPARE_STRATEGIES_MAX 16

struct pbti_compare_budget {
    const struct pbti_call *call;
    struct pbti_spec *spec; /* as its user wrote it; owned */
    uint64_t budget;        /* steps of a study */
    uint32_t population;    /* that many times the steps are the budget */
    uint32_t count;
    uint32_t strategy[PBTI_COMPARE_STRATEGIES_MAX];               /* enum pbti_strategy_id */
    uint32_t multiple[PBTI_COMPARE_STRATEGIES_MAX];               /* of the budget, at least 1 */
    uint32_t resolution[PBTI_COMPARE_STRATEGIES_MAX];             /* of a grid; 0 = the spec's */
    struct pbti_contender contender[PBTI_COMPARE_STRATEGIES_MAX]; /* what is shown of them */
};

/*
 * Read the spec and the list of --strategies, and try the spec of every contender, so that nothing
 * is refused when others have trained already. Complains.
 *
 * Returns     -1 or the exit code; pbti_compare_budget_close() is owed in any case
 */
int pbti_compare_budget_open(struct pbti_compare_budget *contenders, const struct pbti_call *call);
void pbti_compare_budget_close(struct pbti_compare_budget *contenders);

/* The spec of one study, owned by the caller. Errors: those of pbti_spec_load(), PBT_ELIMIT. */
PBT_NODISCARD pbt_status pbti_compare_budget_spec(const struct pbti_compare_budget *contenders,
                                                  uint32_t index, uint64_t seed,
                                                  struct pbti_spec **out, struct pbt_error *err);

#endif
