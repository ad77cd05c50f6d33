/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/explore_perturb.c - explore: perturb. Each value is multiplied by a drawn factor.
 *
 * Source      Jaderberg et al. 2017, section 4.1.2: each hyperparameter independently times 0.8 or
 *             1.2.
 * Differences any list of factors; noise on the value's own scale may take their place.
 */
#include "core/explore.h"

void pbti_move_perturb(const struct pbti_exploring *exploring, uint32_t hp, double *value,
                       struct pbti_move *move)
{
    const struct pbti_config *const config = exploring->config;
    const struct pbti_hp *const what = &config->space.hp[hp];
    struct pbti_stream const stream = pbti_explore_stream(exploring, PBTI_PURPOSE_PERTURB);
    if (!pbti_hp_is_ordered(what)) { return; }
    if (config->noise > 0.0) {
        double const noise = config->noise * pbti_draw_normal(&stream, hp);
        *value = pbti_hp_add_noise(what, *value, noise);
        *move = (struct pbti_move){PBTI_MOVE_NOISE, noise};
        return;
    }
    double const factor = config->factors[pbti_draw_below(&stream, hp, config->factors_count)];
    *value = pbti_hp_perturb(what, *value, factor);
    *move = (struct pbti_move){PBTI_MOVE_FACTOR, factor};
}

const struct pbti_explore_rule pbti_explore_perturb = {
    .name = "perturb",
    .statement = "a value is multiplied by one of the factors, drawn, or noise is added to it",
    .moves = PBTI_MOVE_BIT(PBTI_MOVE_FACTOR) | PBTI_MOVE_BIT(PBTI_MOVE_NOISE),
    .move = pbti_move_perturb,
};
