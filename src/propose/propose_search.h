/* SPDX-License-Identifier: Apache-2.0 */
/*
 * propose/propose_search.h - where in the cube an acquisition function is largest.
 *
 * Random candidates, half of them all over the cube and half around the incumbent, are judged in
 * batches; the best few climb: NLopt's SLSQP moves what is continuous, and whole hyperparameters
 * try their neighbours, in turn. Every point judged is one that legal values have.
 */
#ifndef PBTI_PROPOSE_PROPOSE_SEARCH_H
#define PBTI_PROPOSE_PROPOSE_SEARCH_H

#include "propose/acquisition.h"
#include "propose/cube.h"
#include "propose/gp.h"

struct pbti_propose_search {
    struct pbti_gp *gp; /* updated; its points are those that were tried */
    const struct pbti_cube *cube;
    const struct pbti_acquisition *acquisition;
    double best;             /* what is to be improved on, in the model's scores */
    const double *incumbent; /* (dimensions) the point to look around */
    uint32_t candidates;     /* at least 1 */
    uint64_t seed;
    uint64_t round; /* which proposal this is: other candidates each time */
};

/*
 * point       out, shape (dimensions); a point of the model only when nothing else was met
 *
 * Errors      PBT_ENOMEM
 */
PBT_NODISCARD pbt_status pbti_propose_search(const struct pbti_propose_search *search,
                                             double *point, struct pbt_error *err);

#endif
