/* SPDX-License-Identifier: Apache-2.0 */
/* view/compare.c - what the studies of a comparison say together; see compare.h. */
#include "view/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool pbti_comparison_init(struct pbti_comparison *comparison, uint32_t strategies, uint32_t seeds)
{
    memset(comparison, 0, sizeof *comparison);
    comparison->strategies = strategies;
    comparison->seeds = seeds;
    comparison->studies = calloc((size_t)strategies * seeds, sizeof *comparison->studies);
    comparison->rows = calloc(strategies, sizeof *comparison->rows);
    return comparison->studies != NULL && comparison->rows != NULL;
}

void pbti_comparison_deinit(struct pbti_comparison *comparison)
{
    for (size_t i = 0;
         comparison->studies != NULL && i < (size_t)comparison->strategies * comparison->seeds;
         i++) {
        free(comparison->studies[i].points);
    }
    free(comparison->studies);
    free(comparison->rows);
    memset(comparison, 0, sizeof *comparison);
}

static const struct pbti_compare_study *studies_of(const struct pbti_comparison *comparison,
                                                   uint32_t strategy)
{
    return comparison->studies + (size_t)strategy * comparison->seeds;
}

/* -------- rows -------- */

/* The strategy's own scores and costs; values: scratch, (seeds). */
static void summarise(const struct pbti_comparison *comparison, uint32_t strategy, double *values)
{
    struct pbti_compare_row *const row = &comparison->rows[strategy];
    double const seeds = comparison->seeds;
    for (uint32_t i = 0; i < comparison->seeds; i++) {
        const struct pbti_compare_study *const study = &studies_of(comparison, strategy)[i];
        double const offered = study->wall_s * comparison->slots;
        if (isfinite(study->score)) { values[row->count++] = study->score; }
        row->steps += (double)study->steps; /* whole numbers until they are divided */
        row->evaluations += (double)study->evaluations / seeds;
        row->wall_s += study->wall_s / seeds;
        row->overhead += (offered > 0.0 ? fmax(0.0, 1.0 - study->train_s / offered) : 0.0) / seeds;
        if (study->steps > row->steps_max) { row->steps_max = study->steps; }
    }
    row->steps /= seeds;
    struct pbti_sample sample = {0, 0.0, 0.0};
    for (uint32_t i = 0; i < row->count; i++) {
        pbti_sample_add(&sample, values[i]);
    }
    row->mean = row->count > 0 ? sample.mean : NAN;
    row->interval = pbti_mean_interval(values, row->count);
}

/* Seed by seed against the reference. */
static void set_against(const struct pbti_comparison *comparison, uint32_t strategy, double *values)
{
    struct pbti_compare_row *const row = &comparison->rows[strategy];
    row->p = row->detectable = NAN;
    row->paired = (struct pbti_paired){NAN, NAN, NAN};
    row->distance = (struct pbti_interval){NAN, NAN};
    if (strategy == comparison->reference) { return; }
    for (uint32_t i = 0; i < comparison->seeds; i++) {
        double const own = studies_of(comparison, strategy)[i].score;
        double const other = studies_of(comparison, comparison->reference)[i].score;
        if (isfinite(own) && isfinite(other)) { values[row->pairs++] = own - other; }
    }
    row->paired = pbti_paired_test(values, row->pairs);
    row->distance = pbti_mean_interval(values, row->pairs);
    row->detectable = pbti_paired_detectable(row->paired.sd, row->pairs);
}

bool pbti_comparison_analyse(struct pbti_comparison *comparison)
{
    uint32_t const strategies = comparison->strategies;
    size_t const doubles = comparison->seeds + 2 * (size_t)strategies;
    double *const values = calloc(doubles, sizeof *values);
    if (values == NULL) { return false; }
    double *const raw = values + comparison->seeds;
    double *const adjusted = raw + strategies;
    memset(comparison->rows, 0, strategies * sizeof *comparison->rows);
    for (uint32_t i = 0; i < strategies; i++) {
        summarise(comparison, i, values);
        set_against(comparison, i, values);
        raw[i] = comparison->rows[i].paired.p;
    }
    pbti_holm(raw, strategies, adjusted);
    for (uint32_t i = 0; i < strategies; i++) {
        comparison->rows[i].p = adjusted[i];
    }
    free(values);
    return true;
}

bool pbti_comparison_over_budget(const struct pbti_comparison *comparison, uint32_t index)
{
    return comparison->rows[index].steps_max > comparison->contenders[index].budget;
}

double pbti_comparison_unused(const struct pbti_comparison *comparison, uint32_t index)
{
    return fmax(0.0, (double)comparison->contenders[index].budget - comparison->rows[index].steps);
}
