/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/explore.c - how hyperparameters change after an exploit.
 *
 * Source      Jaderberg et al. 2017, section 4.1.2: perturb (each independently times 0.8 or 1.2)
 *             and resample (each anew from its prior with some probability); both together as in
 *             Ray Tune.
 * Differences values obey their type and bounds (DESIGN section 5, rule 7); noise on the value's
 * scale
 *             may take the place of the factors; frozen hyperparameters never move.
 * Draws       every hyperparameter has its own, for each purpose: rule 6.
 */
#include "core/state_inside.h"

#include <assert.h>
#include <stddef.h>

static struct pbti_stream stream_for(const struct pbti_config *config, uint64_t purpose,
                                     uint32_t member, uint32_t segment)
{
    return (struct pbti_stream){config->seed, purpose, member, segment};
}

static void perturb(const struct pbti_config *config, const struct pbti_stream *stream, uint32_t hp,
                    double *value, struct pbti_move *move)
{
    const struct pbti_hp *const what = &config->space.hp[hp];
    if (what->kind == PBTI_HP_CATEGORICAL || what->kind == PBTI_HP_BOOLEAN) { return; }
    if (config->noise > 0.0) {
        double const noise = config->noise * pbti_draw_normal(stream, hp);
        *value = pbti_hp_add_noise(what, *value, noise);
        *move = (struct pbti_move){PBTI_MOVE_NOISE, noise};
        return;
    }
    double const factor = config->factors[pbti_draw_below(stream, hp, config->factors_count)];
    *value = pbti_hp_perturb(what, *value, factor);
    *move = (struct pbti_move){PBTI_MOVE_FACTOR, factor};
}

void pbti_explore(const struct pbti_config *config, uint32_t member, uint32_t segment,
                  double *values, struct pbti_move *moves)
{
    bool const may_perturb =
        config->explore == PBTI_EXPLORE_PERTURB || config->explore == PBTI_EXPLORE_BOTH;
    bool const may_resample =
        config->explore == PBTI_EXPLORE_RESAMPLE || config->explore == PBTI_EXPLORE_BOTH;
    struct pbti_stream const perturbs = stream_for(config, PBTI_PURPOSE_PERTURB, member, segment);
    struct pbti_stream const chances = stream_for(config, PBTI_PURPOSE_RESAMPLE, member, segment);
    struct pbti_stream const priors = stream_for(config, PBTI_PURPOSE_PRIOR, member, segment);
    for (uint32_t i = 0; i < config->space.count; i++) {
        moves[i] = (struct pbti_move){PBTI_MOVE_KEPT, 0.0};
        if (config->space.hp[i].frozen) { continue; }
        if (may_resample && pbti_draw_unit(&chances, i) < config->resample) {
            double const unit = pbti_draw_unit(&priors, i);
            values[i] = pbti_hp_sample(&config->space.hp[i], unit);
            moves[i] = (struct pbti_move){PBTI_MOVE_RESAMPLED, unit};
        } else if (may_perturb) {
            perturb(config, &perturbs, i, &values[i], &moves[i]);
        }
        assert(pbti_hp_valid(&config->space.hp[i], values[i]));
    }
}
