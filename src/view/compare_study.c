/* SPDX-License-Identifier: Apache-2.0 */
/* view/compare_study.c - what a comparison wants to know of one study; see compare.h. */
#include "view/compare.h"

#include "base/fail.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -------- the curve -------- */

struct ended {
    int64_t ms;
    uint32_t record;
};

static int compare_ended(const void *a, const void *b)
{
    const struct ended *const left = a;
    const struct ended *const right = b;
    if (left->ms != right->ms) { return left->ms < right->ms ? -1 : 1; }
    return (left->record > right->record) - (left->record < right->record);
}

/* Best so far over the segments in the order in which they ended. */
static bool draw_curve(struct pbti_compare_study *study, const struct pbti_study_reader *reader)
{
    const struct pbti_history *const history = pbti_study_reader_history(reader);
    const struct pbti_config *const config = pbti_state_config(pbti_study_reader_state(reader));
    int64_t const began = pbti_study_reader_tally(reader)->first_ms;
    struct ended *const order = calloc((size_t)history->count + 1, sizeof *order);
    study->points = calloc((size_t)history->count + 1, sizeof *study->points);
    if (order == NULL || study->points == NULL) {
        free(order);
        return false;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < history->count; i++) {
        study->steps += history->steps[i];
        if (history->outcome[i] != PBTI_OUTCOME_DONE) { continue; }
        order[count++] = (struct ended){history->ended_ms[i], i};
    }
    qsort(order, count, sizeof *order, compare_ended);
    uint64_t steps = 0;
    study->best = NAN;
    for (uint32_t i = 0; i < count; i++) {
        double const score = history->score[order[i].record];
        steps += history->steps[order[i].record];
        if (!isfinite(score)) { continue; }
        study->evaluations++;
        if (!isnan(study->best) && !pbti_better(config, score, study->best)) { continue; }
        study->best = score;
        study->points[study->points_count++] =
            (struct pbti_compare_point){steps, order[i].ms - began, score};
    }
    free(order);
    return true;
}

/* -------- the evaluations -------- */

/* The score in compare.json; none where there is no such file. */
static pbt_status read_score(struct pbti_compare_study *study, const char *dir,
                             struct pbt_error *err)
{
    char path[PATH_MAX];
    study->score = NAN;
    if (snprintf(path, sizeof path, "%s/" PBTI_COMPARE_FILE, dir) >= (int)sizeof path) {
        return PBTI_FAIL(err, PBT_EINVAL, 0, "the folder's path is too long");
    }
    FILE *const file = fopen(path, "re");
    if (file == NULL) { return PBT_OK; }
    json_error_t where;
    json_t *const json = json_loadf(file, 0, &where);
    (void)fclose(file);
    const json_t *const score = json_object_get(json, "score");
    const json_t *const took = json_object_get(json, "evaluating_ms");
    bool const good = (json_is_number(score) || json_is_null(score)) && json_is_integer(took);
    if (json_is_number(score)) { study->score = json_number_value(score); }
    if (good) { study->evaluating_s = json_number_value(took) / 1e3; }
    json_decref(json);
    if (good) { return PBT_OK; }
    return PBTI_FAIL(err, PBT_ECORRUPT, 0, "\"%s\" does not hold the evaluations of a study", path);
}

pbt_status pbti_compare_read(struct pbti_compare_study *study, const char *dir,
                             struct pbt_error *err)
{
    memset(study, 0, sizeof *study);
    struct pbti_study_reader_opts opts = pbti_study_reader_opts_default();
    opts.history = true;
    struct pbti_study_reader *reader = NULL;
    PBTI_TRY(pbti_study_reader_open(dir, &opts, &reader, err));
    const struct pbti_study_stats *const tally = pbti_study_reader_tally(reader);
    study->ended = pbti_state_stop(pbti_study_reader_state(reader)) != PBTI_STOP_NONE;
    study->wall_s = (double)pbti_study_stats_worked_ms(tally) / 1e3;
    study->train_s = (double)tally->train_ms / 1e3;
    bool const drawn = draw_curve(study, reader);
    pbti_study_reader_close(reader);
    if (!drawn) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    return read_score(study, dir, err);
}
