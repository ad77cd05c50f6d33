/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/explore_resample.c - explore: resample. Some values are drawn from the prior again.
 *
 * Source      Jaderberg et al. 2017, section 4.1.2: each hyperparameter is resampled from its prior
 *             with some probability.
 */
#include "core/explore.h"

void pbti_move_resample(const struct pbti_exploring *exploring, uint32_t hp, double *value,
                        struct pbti_move *move)
{
    const struct pbti_config *const config = exploring->config;
    struct pbti_stream const chances = pbti_explore_stream(exploring, PBTI_PURPOSE_RESAMPLE);
    struct pbti_stream const priors = pbti_explore_stream(exploring, PBTI_PURPOSE_PRIOR);
    if (pbti_draw_unit(&chances, hp) >= config->resample) { return; }
    double const unit = pbti_draw_unit(&priors, hp);
    *value = pbti_hp_sample(&config->space.hp[hp], unit);
    *move = (struct pbti_move){PBTI_MOVE_RESAMPLED, unit};
}

const struct pbti_explore_rule pbti_explore_resample = {
    .name = "resample",
    .statement = "a value is drawn from its prior with the given probability",
    .moves = PBTI_MOVE_BIT(PBTI_MOVE_RESAMPLED),
    .move = pbti_move_resample,
};
