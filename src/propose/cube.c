/* SPDX-License-Identifier: Apache-2.0 */
/* propose/cube.c - hyperparameters to and from coordinates; see cube.h. */
#include "propose/cube.h"

#include <assert.h>
#include <math.h>

void pbti_cube_init(struct pbti_cube *cube, const struct pbti_space *space)
{
    cube->space = space;
    cube->dimensions = 0;
    for (uint32_t i = 0; i < space->count; i++) {
        const struct pbti_hp *const hp = &space->hp[i];
        bool const apart = hp->kind == PBTI_HP_CATEGORICAL && hp->count > 2;
        cube->first[i] = cube->dimensions;
        cube->width[i] = hp->low == hp->high ? 0 : apart ? hp->count : 1;
        cube->dimensions += cube->width[i];
    }
    assert(cube->dimensions <= PBTI_CUBE_DIMENSIONS_MAX);
}

/* -------- one hyperparameter -------- */

void pbti_cube_set(const struct pbti_cube *cube, uint32_t index, double value, double *point)
{
    double *const own = point + cube->first[index];
    if (cube->width[index] == 1) { own[0] = pbti_hp_unit(&cube->space->hp[index], value); }
    for (uint32_t k = 0; cube->width[index] > 1 && k < cube->width[index]; k++) {
        own[k] = (double)k == value ? 1.0 : 0.0;
    }
}

double pbti_cube_value(const struct pbti_cube *cube, uint32_t index, const double *point)
{
    const struct pbti_hp *const hp = &cube->space->hp[index];
    const double *const own = point + cube->first[index];
    if (cube->width[index] == 0) { return hp->low; }
    if (cube->width[index] == 1) {
        double const below_one = nextafter(1.0, 0.0);
        return pbti_hp_sample(hp, fmin(fmax(own[0], 0.0), below_one));
    }
    uint32_t largest = 0;
    for (uint32_t k = 1; k < cube->width[index]; k++) {
        if (own[k] > own[largest]) { largest = k; }
    }
    return (double)largest;
}

bool pbti_cube_is_continuous(const struct pbti_cube *cube, uint32_t index)
{
    uint8_t const kind = cube->space->hp[index].kind;
    return cube->width[index] == 1 &&
           (kind == PBTI_HP_LINEAR || kind == PBTI_HP_LOG || kind == PBTI_HP_LOGIT);
}

/* -------- all of them -------- */

void pbti_cube_from_values(const struct pbti_cube *cube, const double *values, double *point)
{
    for (uint32_t i = 0; i < cube->space->count; i++) {
        pbti_cube_set(cube, i, values[i], point);
    }
}

void pbti_cube_to_values(const struct pbti_cube *cube, const double *point, double *values)
{
    for (uint32_t i = 0; i < cube->space->count; i++) {
        values[i] = pbti_cube_value(cube, i, point);
    }
}

void pbti_cube_snap(const struct pbti_cube *cube, double *point)
{
    for (uint32_t i = 0; i < cube->space->count; i++) {
        if (pbti_cube_is_continuous(cube, i)) {
            double *const own = point + cube->first[i];
            *own = fmin(fmax(*own, 0.0), 1.0);
        } else {
            pbti_cube_set(cube, i, pbti_cube_value(cube, i, point), point);
        }
    }
}
