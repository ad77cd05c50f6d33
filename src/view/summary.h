/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view/summary.h - a study in a few numbers, as struct, as JSON (docs/json.md) and as text.
 */
#ifndef PBTI_VIEW_SUMMARY_H
#define PBTI_VIEW_SUMMARY_H

#include "view/study_reader.h"
#include "view/table.h"

#define PBTI_JSON_VERSION 1 /* of every document and line that --json prints; docs/json.md */

struct pbti_summary {
    const struct pbti_spec *spec; /* all three borrowed */
    const struct pbti_state *state;
    const struct pbti_study_stats *tally;
    const char *dir;
    uint8_t stop;                    /* enum pbti_stop */
    uint32_t workers;                /* that live, as far as can be known from here */
    uint32_t members, controls;      /* in the study now, controls not among the members */
    struct pbti_best best, best_now; /* of the population */
    struct pbti_best independent, selection_only; /* best of the controls */
    double first_best, first_mean; /* the population's first segments; NaN = none scored */
    uint64_t steps_done,
        steps_total;            /* of all members; total: what will be trained if nothing fails */
    int64_t worked_ms, left_ms; /* left: -1 = not known */
    struct pbti_counts counts;
    uint64_t checkpoints, checkpoint_bytes; /* on disk, as recorded */
    double final_score;                     /* of the final evaluation; NaN = none */
};

void pbti_summarize(struct pbti_summary *summary, const struct pbti_study_reader *reader);

/* Steps all members will have trained when the study is through. */
uint64_t pbti_steps_total(const struct pbti_state *state);

/* "running", "interrupted" or "ended". */
const char *pbti_summary_status(const struct pbti_summary *summary);

/* By how much `first` is better than `second`, whatever the goal. NaN: not known. */
double pbti_gain(const struct pbti_config *config, double first, double second);

/* -------- as JSON: new references, NULL when out of memory -------- */

/* A number, or null when it is NaN, or "Infinity", "-Infinity". */
json_t *pbti_json_number(double value);
/* A string; bytes that are not UTF-8 are escaped. */
json_t *pbti_json_text(const char *data, size_t size);
json_t *pbti_json_time(int64_t time_ms);                         /* "2026-01-31T12:00:00.123Z" */
json_t *pbti_json_checkpoint(struct pbti_checkpoint checkpoint); /* "m3.s12.a1" or null */
json_t *pbti_json_best(const struct pbti_best *best);            /* object or null */
json_t *pbti_summary_json(const struct pbti_summary *summary, uint32_t leaders);

/* -------- as text -------- */

#define PBTI_SUMMARY_HEAD UINT32_MAX /* the numbers alone: no leaders, no exploits */

/*
 * Several lines.
 *
 * leaders     how many members of the ranking to list, or PBTI_SUMMARY_HEAD
 * width       columns of the terminal; 0 = no limit
 */
void pbti_summary_text(struct pbti_str *str, const struct pbti_summary *summary, uint32_t leaders,
                       uint32_t width);

/* The `count` best of a group as a table, with their hyperparameters. */
void pbti_leaders_table(struct pbti_table *table, const struct pbti_state *state, uint8_t group,
                        uint32_t count);

#endif
