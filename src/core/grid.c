/* SPDX-License-Identifier: Apache-2.0 */
/* core/grid.c - the points of a grid; see grid.h. */
#include "core/grid.h"

#include <assert.h>
#include <math.h>

uint32_t pbti_grid_places(const struct pbti_hp *hp, uint32_t wanted)
{
    switch ((enum pbti_hp_kind)hp->kind) {
    case PBTI_HP_ORDINAL:
    case PBTI_HP_CATEGORICAL: return hp->count;
    case PBTI_HP_BOOLEAN: return 2;
    case PBTI_HP_INTEGER: return (uint32_t)fmin(hp->high - hp->low + 1.0, (double)wanted);
    case PBTI_HP_LINEAR:
    case PBTI_HP_LOG:
    case PBTI_HP_LOGIT: break;
    }
    return hp->low < hp->high ? wanted : 1;
}

static double logit(double value)
{
    return log(value / (1.0 - value));
}

/* A part of the way from low to high on the hyperparameter's scale, not rounded. */
static double part_way(const struct pbti_hp *hp, double part)
{
    if (hp->kind == PBTI_HP_LOG || hp->log_scale) {
        return exp(log(hp->low) + (log(hp->high) - log(hp->low)) * part);
    }
    if (hp->kind == PBTI_HP_LOGIT) {
        double const low = logit(hp->low);
        return 1.0 / (1.0 + exp(-(low + (logit(hp->high) - low) * part)));
    }
    return hp->low + (hp->high - hp->low) * part;
}

double pbti_grid_value(const struct pbti_hp *hp, uint32_t place, uint32_t places)
{
    assert(place < places && pbti_grid_places(hp, places) == places);
    if (places == 1) { return pbti_hp_clip(hp, part_way(hp, 0.5)); }
    if (place == 0) { return hp->low; }
    if (place == places - 1) { return hp->high; }
    double value = part_way(hp, (double)place / (double)(places - 1));
    if (hp->kind == PBTI_HP_INTEGER) {
        /* near low, places on a log scale are closer than whole numbers: one after the other */
        value = fmax(round(value), hp->low + (double)place);
    }
    return pbti_hp_clip(hp, value);
}

uint32_t pbti_grid_size(const struct pbti_config *config)
{
    uint64_t size = 1;
    for (uint32_t i = 0; i < config->space.count; i++) {
        size *= config->places[i];
        if (size > PBTI_MEMBERS_MAX) { return PBTI_MEMBERS_MAX + 1; }
    }
    return (uint32_t)size;
}

void pbti_grid_point(const struct pbti_config *config, uint32_t member, double *values)
{
    assert(config->grid && member < pbti_grid_size(config));
    for (uint32_t i = config->space.count; i-- > 0;) {
        uint32_t const places = config->places[i];
        values[i] = pbti_grid_value(&config->space.hp[i], member % places, places);
        member /= places;
    }
}
