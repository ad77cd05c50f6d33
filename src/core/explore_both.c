/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/explore_both.c - explore: both. Some values are drawn from the prior again, the others are
 * perturbed.
 *
 * Source      Jaderberg et al. 2017, section 4.1.2, both explorations; together as in Ray Tune.
 */
#include "core/explore.h"

static void move_both(const struct pbti_exploring *exploring, uint32_t hp, double *value,
                      struct pbti_move *move)
{
    pbti_move_resample(exploring, hp, value, move);
    if (move->kind == PBTI_MOVE_KEPT) { pbti_move_perturb(exploring, hp, value, move); }
}

const struct pbti_explore_rule pbti_explore_both = {
    .name = "both",
    .statement = "a value is drawn from its prior with the given probability, else perturbed",
    .moves = PBTI_MOVE_BIT(PBTI_MOVE_FACTOR) | PBTI_MOVE_BIT(PBTI_MOVE_NOISE) |
             PBTI_MOVE_BIT(PBTI_MOVE_RESAMPLED),
    .move = move_both,
};
