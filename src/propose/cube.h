/* SPDX-License-Identifier: Apache-2.0 */
/*
 * propose/cube.h - a space as a unit cube, in which a Gaussian process measures distances.
 *
 * A hyperparameter's coordinate is where its value lies in its prior, so that the cube is filled
 * evenly by random search: linear, log and logit are even on their own scale; integer, ordinal and
 * boolean sit in the middle of their share. A categorical of three and more values takes one
 * coordinate a value, 1 for the value it has and 0 for the others: no two are nearer than others.
 * What has one value only takes none. Frozen hyperparameters are like the others here.
 */
#ifndef PBTI_PROPOSE_CUBE_H
#define PBTI_PROPOSE_CUBE_H

#include "core/space.h"

#include <stdbool.h>
#include <stdint.h>

#define PBTI_CUBE_DIMENSIONS_MAX (PBTI_HP_MAX + PBTI_SPACE_VALUES_MAX)

struct pbti_cube {
    const struct pbti_space *space; /* borrowed: must outlive the cube */
    uint32_t dimensions;            /* 0 when every hyperparameter has one value */
    uint32_t first[PBTI_HP_MAX];    /* first coordinate of each hyperparameter */
    uint32_t width[PBTI_HP_MAX];    /* how many it has: 0, 1, or the values of a categorical */
};

void pbti_cube_init(struct pbti_cube *cube, const struct pbti_space *space);

/* The point of valid `values`, in, shape (space->count); point: out, shape (dimensions). */
void pbti_cube_from_values(const struct pbti_cube *cube, const double *values, double *point);

/* The legal values nearest to a point of the cube: the inverse. */
void pbti_cube_to_values(const struct pbti_cube *cube, const double *point, double *values);

/* Value of hyperparameter `index` at a point; and the point's coordinates of it set to a value. */
double pbti_cube_value(const struct pbti_cube *cube, uint32_t index, const double *point);
void pbti_cube_set(const struct pbti_cube *cube, uint32_t index, double value, double *point);

/* Is hyperparameter `index` continuous, one whose coordinate may be anything in [0, 1]? */
bool pbti_cube_is_continuous(const struct pbti_cube *cube, uint32_t index);

/* Move a point to where the legal values nearest to it are, in and out, shape (dimensions). */
void pbti_cube_snap(const struct pbti_cube *cube, double *point);

#endif
