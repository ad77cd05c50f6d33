/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/proposer.h - strategy bayes: a worker's side of Bayesian optimisation.
 *
 * Between a study's trials (worker/observations.h) and the function that proposes
 * (propose/propose.h); it remembers what the last fit found, which saves time and changes no
 * proposal.
 */
#ifndef PBTI_WORKER_PROPOSER_H
#define PBTI_WORKER_PROPOSER_H

#include "propose/propose.h"
#include "spec/spec.h"
#include "worker/observations.h"

struct pbti_proposer {
    struct pbti_propose_memo memo; /* zeroed at first */
};

/*
 * As pbti_world.propose, but it takes its time: seconds after a thousand trials. It may run in any
 * thread, one at a time for a proposer. Errors: those of pbti_propose_next().
 */
PBT_NODISCARD pbt_status pbti_proposer_next(struct pbti_proposer *proposer,
                                            const struct pbti_spec *spec,
                                            const struct pbti_observations *trials, double *values,
                                            struct pbt_error *err);

#endif
