/* SPDX-License-Identifier: Apache-2.0 */
/* propose/propose_without.c - what is said where LAPACKE and NLopt are missing; see propose.h. */
#include "propose/propose.h"

#include "base/fail.h"

bool pbti_propose_is_available(void)
{
    return false;
}

pbt_status pbti_propose_next(const struct pbti_space *space, const struct pbti_propose_data *data,
                             const struct pbti_propose_options *options, uint64_t seed,
                             struct pbti_propose_memo *memo, double *values, struct pbt_error *err)
{
    (void)space, (void)data, (void)options, (void)seed, (void)memo, (void)values;
    (void)PBTI_FAIL(err, PBT_EINVAL, 0, "this pbt was built without Bayesian optimisation");
    if (err != NULL) { pbti_fail_hint(err, "install LAPACKE and NLopt and build again"); }
    return PBT_EINVAL;
}
