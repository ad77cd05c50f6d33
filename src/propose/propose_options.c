/* SPDX-License-Identifier: Apache-2.0 */
/* propose/propose_options.c - defaults and the refit policy; see propose.h. */
#include "propose/propose.h"

#include <assert.h>

struct pbti_propose_options pbti_propose_options_default(void)
{
    return (struct pbti_propose_options){
        .kernel = PBTI_KERNEL_MATERN52,
        .acquisition = {.kind = PBTI_ACQUISITION_EI, .xi = 0.0, .kappa = 1.96},
        .initial = 10,
        .fit_starts = 3,
        .fit_points_max = 300,
        .candidates = 1000,
    };
}

uint32_t pbti_propose_fit_count(uint32_t count)
{
    assert(count >= 1);
    if (count <= 20) { return count; }
    uint32_t fit = 20;
    while (fit + fit / 10 <= count) {
        fit += fit / 10;
    }
    return fit;
}
