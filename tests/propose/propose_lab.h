/* SPDX-License-Identifier: Apache-2.0 */
/* tests/propose/propose_lab.h - known functions, and a loop that optimises them by proposals. */
#ifndef PBT_TESTS_PROPOSE_LAB_H
#define PBT_TESTS_PROPOSE_LAB_H

#include "propose/propose.h"

double lab_branin(const double *x);    /* [-5, 10] x [0, 15]; minimum 0.397887357730 */
double lab_hartmann6(const double *x); /* [0, 1]^6; minimum -3.322368011387 */

/* `count` linear hyperparameters, each in low..high. */
void lab_space(struct pbti_space *space, uint32_t count, double low, double high);

/*
 * Minimise `at` by `evaluations` proposals, of which `workers` are always under way; returns the
 * smallest value met.
 */
double lab_minimise(const struct pbti_space *space, double (*at)(const double *x),
                    const struct pbti_propose_options *options, uint32_t evaluations,
                    uint32_t workers, uint64_t seed);

/* The same by random search. */
double lab_random(const struct pbti_space *space, double (*at)(const double *x),
                  uint32_t evaluations, uint64_t seed);

double lab_median(double *values, uint32_t count); /* sorts them */

#endif
