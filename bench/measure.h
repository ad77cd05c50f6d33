/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/measure.h - what all benchmarks do alike: read a clock, take a median, give up.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "pbt/status.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline double seconds_of(clockid_t clock)
{
    struct timespec time = {0, 0};
    (void)clock_gettime(clock, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static inline double seconds(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

static inline int by_value(const void *a, const void *b)
{
    double const x = *(const double *)a;
    double const y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median of an odd number of values, which are sorted. */
static inline double median(double *values, size_t count)
{
    qsort(values, count, sizeof values[0], by_value);
    return values[count / 2];
}

static inline void need(bool good, const char *what)
{
    if (good) { return; }
    (void)fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
    exit(1);
}

static inline void must(pbt_status status, const struct pbt_error *err)
{
    need(status == PBT_OK, err->message);
}

#endif
