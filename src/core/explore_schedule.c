/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/explore_schedule.c - explore: schedule. The population follows given values, by the age of
 * the weights.
 *
 * Source      Jaderberg et al. 2017, section 4.4 and figure 5: the schedule of an earlier study's
 *             winner, run again.
 */
#include "core/explore.h"
#include "core/state_inside.h"

static void follow(const struct pbti_exploring *exploring, uint32_t hp, double *value,
                   struct pbti_move *move)
{
    double const wanted = pbti_schedule_row(exploring->config, exploring->age)[hp];
    if (wanted == *value) { return; }
    *value = wanted;
    *move = (struct pbti_move){PBTI_MOVE_SCHEDULED, (double)exploring->age};
}

const struct pbti_explore_rule pbti_explore_schedule = {
    .name = "schedule",
    .statement = "a value is what the schedule says for the age of the weights",
    .moves = PBTI_MOVE_BIT(PBTI_MOVE_SCHEDULED),
    .follows = true,
    .move = follow,
};
