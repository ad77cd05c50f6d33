/* SPDX-License-Identifier: Apache-2.0 */
/* tests/propose/propose_lab.c - see propose_lab.h. */
#include "propose/propose_lab.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

double lab_branin(const double *x)
{
    double const pi = 3.14159265358979323846;
    double const bend = x[1] - 5.1 / (4.0 * pi * pi) * x[0] * x[0] + 5.0 / pi * x[0] - 6.0;
    return bend * bend + 10.0 * (1.0 - 1.0 / (8.0 * pi)) * cos(x[0]) + 10.0;
}

double lab_hartmann6(const double *x)
{
    static double const alpha[4] = {1.0, 1.2, 3.0, 3.2};
    static double const a[4][6] = {{10, 3, 17, 3.5, 1.7, 8},
                                   {0.05, 10, 17, 0.1, 8, 14},
                                   {3, 3.5, 1.7, 10, 17, 8},
                                   {17, 8, 0.05, 10, 0.1, 14}};
    static double const p[4][6] = {{.1312, .1696, .5569, .0124, .8283, .5886},
                                   {.2329, .4135, .8307, .3736, .1004, .9991},
                                   {.2348, .1451, .3522, .2883, .3047, .6650},
                                   {.4047, .8828, .8732, .5743, .1091, .0381}};
    double value = 0.0;
    for (int i = 0; i < 4; i++) {
        double sum = 0.0;
        for (int d = 0; d < 6; d++) {
            sum += a[i][d] * (x[d] - p[i][d]) * (x[d] - p[i][d]);
        }
        value -= alpha[i] * exp(-sum);
    }
    return value;
}

void lab_space(struct pbti_space *space, uint32_t count, double low, double high)
{
    memset(space, 0, sizeof *space);
    space->count = count;
    for (uint32_t i = 0; i < count; i++) {
        space->hp[i] = (struct pbti_hp){.kind = PBTI_HP_LINEAR, .low = low, .high = high};
        snprintf(space->hp[i].name, sizeof space->hp[i].name, "x%u", i);
    }
}

double lab_minimise(const struct pbti_space *space, double (*at)(const double *x),
                    const struct pbti_propose_options *options, uint32_t evaluations,
                    uint32_t workers, uint64_t seed)
{
    size_t const width = space->count;
    double *const values = calloc(evaluations * width, sizeof *values);
    double *const scores = calloc(evaluations, sizeof *scores);
    struct pbti_propose_memo *const memo = calloc(1, sizeof *memo);
    assert_true(values != NULL && scores != NULL && memo != NULL);
    double best = INFINITY;
    /* rows 0 .. told-1 are known, told .. asked-1 are under way */
    for (uint32_t asked = 0; asked < evaluations; asked++) {
        uint32_t const told = asked < workers ? 0 : asked - workers + 1;
        struct pbti_propose_data const data = {values, scores, told, values + told * width,
                                               asked - told};
        double *const row = values + asked * width;
        struct pbt_error err;
        assert_int_equal(pbti_propose_next(space, &data, options, seed, memo, row, &err), PBT_OK);
        double const value = at(row);
        scores[asked] = -value; /* read once it is told */
        best = fmin(best, value);
    }
    free(memo);
    free(scores);
    free(values);
    return best;
}

double lab_random(const struct pbti_space *space, double (*at)(const double *x),
                  uint32_t evaluations, uint64_t seed)
{
    double best = INFINITY;
    for (uint32_t k = 0; k < evaluations; k++) {
        struct pbti_stream const stream = {seed, PBTI_PURPOSE_SIM, k, 0};
        double values[PBTI_HP_MAX];
        for (uint32_t i = 0; i < space->count; i++) {
            values[i] = pbti_hp_sample(&space->hp[i], pbti_draw_unit(&stream, i));
        }
        best = fmin(best, at(values));
    }
    return best;
}

static int compare(const void *a, const void *b)
{
    double const left = *(const double *)a;
    double const right = *(const double *)b;
    return (left > right) - (left < right);
}

double lab_median(double *values, uint32_t count)
{
    qsort(values, count, sizeof *values, compare);
    return (values[(count - 1) / 2] + values[count / 2]) / 2.0;
}
