/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_coverage.c - how often an interval that claims 95 % holds the true mean.
 *
 * Each cell of the printed table draws SAMPLES samples of `count` scores and counts the intervals
 * that hold the mean of the distribution. Normal scores must come out between 94 and 96 %: the
 * standard error of a cell is 0.2 %. The other two rows are what skewed scores do to any interval
 * of a mean; docs/compare.md quotes them.
 */
#include "base/rng.h"
#include "base/stats.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { SAMPLES = 12000, LARGEST = 20 };

static uint32_t const counts[] = {2, 3, 5, 10, 20};

static double draw_normal(const struct pbti_stream *stream, uint32_t index)
{
    return pbti_draw_normal(stream, index);
}

static double draw_lognormal(const struct pbti_stream *stream, uint32_t index)
{
    return exp(pbti_draw_normal(stream, index));
}

/* Three studies of ten end near 6, the others near 16 with a standard deviation of 4. */
static double draw_two_heaps(const struct pbti_stream *stream, uint32_t index)
{
    bool const stuck = pbti_draw_unit(stream, LARGEST + index) < 0.3;
    return stuck ? 6.0 + 0.5 * pbti_draw_normal(stream, index)
                 : 16.0 + 4.0 * pbti_draw_normal(stream, index);
}

typedef double draw_function(const struct pbti_stream *stream, uint32_t index);

/* The share of intervals of `count` scores that hold `mean`. */
static double coverage(draw_function *draw, double mean, uint32_t count)
{
    uint32_t held = 0;
    for (uint32_t sample = 0; sample < SAMPLES; sample++) {
        struct pbti_stream const stream = {1, PBTI_PURPOSE_SIM, sample, count};
        double values[LARGEST];
        for (uint32_t i = 0; i < count; i++) {
            values[i] = draw(&stream, i);
        }
        struct pbti_interval const interval = pbti_mean_interval(values, count);
        held += interval.low <= mean && mean <= interval.high ? 1 : 0;
    }
    return (double)held / SAMPLES;
}

static void test_intervals_hold_the_mean_as_often_as_they_claim(void **state)
{
    (void)state;
    static struct {
        const char *name;
        draw_function *draw;
        double mean;
    } const rows[] = {
        {"normal", draw_normal, 0.0},
        {"lognormal", draw_lognormal, 1.6487212707001282},
        {"two heaps", draw_two_heaps, 0.3 * 6.0 + 0.7 * 16.0},
    };
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        printf("%-10s", rows[row].name);
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
            double const share = coverage(rows[row].draw, rows[row].mean, counts[i]);
            printf("  %2u: %.1f %%", counts[i], 100.0 * share);
            if (row == 0) { assert_true(share > 0.94 && share < 0.96); }
            assert_true(share > 0.7);
        }
        printf("\n");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_intervals_hold_the_mean_as_often_as_they_claim),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
