/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/observations.h - what a study with proposals has found out so far: the input of a
 * proposer.
 *
 * The population only: controls are no trials.
 */
#ifndef PBTI_WORKER_OBSERVATIONS_H
#define PBTI_WORKER_OBSERVATIONS_H

#include "core/state.h"

struct pbti_observations {
    /* Owned, shape (count, space.count) and (count): hyperparameters and keys (larger is better,
     * NaN = it failed), in the order in which the trials ended. */
    double *values;
    double *scores;
    uint32_t count;
    /* Owned, shape (pending_count, space.count): begun, or about to, and not over. By member. */
    double *pending;
    uint32_t pending_count;
};

/*
 * Errors      PBT_ENOMEM; release with pbti_observations_deinit(), which also takes a zeroed one.
 */
PBT_NODISCARD pbt_status pbti_observations_init(struct pbti_observations *trials,
                                                const struct pbti_state *state,
                                                struct pbt_error *err);
void pbti_observations_deinit(struct pbti_observations *trials);

#endif
