/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/grid.h - grid search: the members of the population are the points of a product.
 *
 * Every hyperparameter has so many *places* on its own scale, both bounds among them; a single
 * place is the middle. What has a list of values has all of them, and an integer has no more places
 * than whole numbers. Members count through the product, the last hyperparameter fastest. After
 * that a grid is random search: every member trains alone with what it began with.
 */
#ifndef PBTI_CORE_GRID_H
#define PBTI_CORE_GRID_H

#include "core/config.h"

/* Places that a hyperparameter can have when `wanted` (1 ..) are asked for. */
uint32_t pbti_grid_places(const struct pbti_hp *hp, uint32_t wanted);

/*
 * The value of a place.
 *
 * Requires    place < places, and places is what pbti_grid_places() gives for itself
 */
double pbti_grid_value(const struct pbti_hp *hp, uint32_t place, uint32_t places);

/* Points of the product: 1 or more; more than PBTI_MEMBERS_MAX are counted as one more than that.
 */
uint32_t pbti_grid_size(const struct pbti_config *config);

/* The point of a member: shape (space.count). Requires config->grid, member < the size. */
void pbti_grid_point(const struct pbti_config *config, uint32_t member, double *values);

#endif
