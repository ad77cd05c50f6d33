/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view/compare.h - strategies side by side: several studies of each, one a seed.
 *
 * The studies are ordinary ones. Beside its journal each holds compare.json, the evaluations on
 * fresh seeds that `pbt compare` made when it had ended; they give the study its one score here.
 * Strategies are compared seed by seed: studies of one seed begin with the same hyperparameters
 * and the same seeds of tasks.
 */
#ifndef PBTI_VIEW_COMPARE_H
#define PBTI_VIEW_COMPARE_H

#include "base/stats.h"
#include "view/summary.h"

#define PBTI_COMPARE_FILE "compare.json" /* in a study's folder */

#define PBTI_CONTENDER_NAME_MAX 64

/* A strategy that takes part, and what it may do. */
struct pbti_contender {
    char name[PBTI_CONTENDER_NAME_MAX]; /* "pbt"; "bayes@2x" has twice the others' budget */
    uint64_t budget;                    /* steps that each of its studies may train */
    uint32_t population;
    uint32_t brackets; /* hyperband: how many; else 0 */
};

/* The best score so far, when it changed. */
struct pbti_compare_point {
    uint64_t steps; /* of all members together, when it was reported */
    int64_t ms;     /* since the study began */
    double best;
};

struct pbti_compare_study {
    bool ended;
    uint64_t steps;                    /* that its members have trained, from its history */
    uint64_t evaluations;              /* segments that ended in a score */
    double wall_s;                     /* at work */
    double train_s;                    /* of all slots together, inside trainers */
    double evaluating_s;               /* evaluations on fresh seeds; not part of wall_s */
    double best;                       /* the best score reported while training; NaN = none */
    double score;                      /* of the network chosen, on fresh seeds; NaN = none yet */
    struct pbti_compare_point *points; /* owned */
    uint32_t points_count;
};

/* One strategy, over its seeds. Means are over the studies that have a score. */
struct pbti_compare_row {
    uint32_t count; /* studies with a score */
    double mean;
    struct pbti_interval interval;
    /* against the reference, over the seeds where both have a score; all NaN for itself */
    uint32_t pairs;
    struct pbti_paired paired;     /* this one's score minus the reference's */
    struct pbti_interval distance; /* 95 % interval of the mean difference */
    double p;                      /* two-sided, adjusted by Holm for the number of strategies */
    double detectable;             /* a true difference of so much would mostly have been found */
    /* means over all studies */
    double steps, evaluations, wall_s, overhead; /* overhead: see docs/compare.md; 0..1 */
    uint64_t steps_max;
};

struct pbti_comparison {
    const struct pbti_contender *contenders; /* (strategies), borrowed */
    uint32_t strategies, seeds;
    uint64_t first_seed;
    uint32_t reference; /* which strategy the others are compared with */
    uint32_t slots;
    uint64_t budget;                /* steps of a study of one that has no multiple */
    const char *study, *score_name; /* borrowed */
    bool maximize;
    struct pbti_compare_study *studies; /* (strategies, seeds), owned */
    struct pbti_compare_row *rows;      /* (strategies), owned */
};

/* Take the memory for `strategies` times `seeds` studies, all empty. False: out of memory, to be
 * deinitialised all the same. */
bool pbti_comparison_init(struct pbti_comparison *comparison, uint32_t strategies, uint32_t seeds);
void pbti_comparison_deinit(struct pbti_comparison *comparison);

/*
 * Fill one study from its folder.
 *
 * Errors      those of pbti_study_reader_open(); PBT_ECORRUPT (its compare.json is none),
 * PBT_ENOMEM
 */
PBT_NODISCARD pbt_status pbti_compare_read(struct pbti_compare_study *study, const char *dir,
                                           struct pbt_error *err);

/* Fill the rows from the studies. False: out of memory. */
bool pbti_comparison_analyse(struct pbti_comparison *comparison);

/* Did a study of strategy `index` train more than its budget? */
bool pbti_comparison_over_budget(const struct pbti_comparison *comparison, uint32_t index);

/* Steps of its budget that strategy `index` left, in the mean over its studies. */
double pbti_comparison_unused(const struct pbti_comparison *comparison, uint32_t index);

/* The table, and below it what it means. width: columns of the terminal, 0 = no limit. */
void pbti_comparison_text(struct pbti_str *str, const struct pbti_comparison *comparison,
                          uint32_t width);

/* docs/json.md; `curves`: with the points of every study. New reference, NULL: out of memory. */
json_t *pbti_comparison_json(const struct pbti_comparison *comparison, bool curves);

/* "strategy,seed,steps,seconds,best", one line a point. */
void pbti_comparison_csv(struct pbti_str *str, const struct pbti_comparison *comparison);

#endif
