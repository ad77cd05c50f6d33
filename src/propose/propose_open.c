/* SPDX-License-Identifier: Apache-2.0 */
/* propose/propose_open.c - the way to the module that proposes; see propose.h. */
#include "base/module.h"
#include "propose/propose.h"

static pbt_status open_module(const struct pbti_propose_table **table, struct pbt_error *err)
{
    static const struct pbti_module module = {
        .name = "bayes",
        .what = "Bayesian optimisation",
        .hint = "install LAPACKE and NLopt (on Debian: liblapacke libnlopt0), or build pbt where "
                "they are",
#ifdef PBT_LINKS_BAYES
        .builtin = &pbti_propose_table,
#endif
    };
    const void *found = NULL;
    pbt_status const status = pbti_module_open(&module, &found, err);
    *table = found;
    return status;
}

pbt_status pbti_propose_open(struct pbt_error *err)
{
    const struct pbti_propose_table *table;
    return open_module(&table, err);
}

pbt_status pbti_propose_next(const struct pbti_space *space, const struct pbti_propose_data *data,
                             const struct pbti_propose_options *options, uint64_t seed,
                             struct pbti_propose_memo *memo, double *values, struct pbt_error *err)
{
    const struct pbti_propose_table *table;
    pbt_status const status = open_module(&table, err);
    if (status != PBT_OK) { return status; }
    return table->next(space, data, options, seed, memo, values, err);
}
