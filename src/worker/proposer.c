/* SPDX-License-Identifier: Apache-2.0 */
/* worker/proposer.c - the next point of a study; see proposer.h. */
#include "worker/proposer.h"

pbt_status pbti_proposer_next(struct pbti_proposer *proposer, const struct pbti_spec *spec,
                              const struct pbti_observations *trials, double *values,
                              struct pbt_error *err)
{
    struct pbti_propose_options options = pbti_propose_options_default();
    const struct pbti_bayes *const bayes = &spec->bayes;
    options.initial = bayes->initial;
    options.kernel = (enum pbti_kernel)bayes->kernel;
    options.acquisition = (struct pbti_acquisition){
        .kind = (enum pbti_acquisition_kind)bayes->acquisition,
        .xi = bayes->xi,
        .kappa = bayes->kappa,
    };
    struct pbti_propose_data const data = {
        .values = trials->values,
        .scores = trials->scores,
        .count = trials->count,
        .pending = trials->pending,
        .pending_count = trials->pending_count,
    };
    return pbti_propose_next(&spec->config.space, &data, &options, spec->config.seed,
                             &proposer->memo, values, err);
}
