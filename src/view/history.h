/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view/history.h - every attempt at every segment of a study: lineage and schedule of any
 * checkpoint.
 *
 * A fold over the events beside the state's. One record an attempt, in the order of the claims,
 * as parallel arrays: about 130 bytes a record, plus a row of hyperparameters whenever a member's
 * differ from those it had before. A million segments take some 150 MB.
 *
 * Invariants
 *  1 parent[i] < i, or PBTI_NO_MEMBER when the record started afresh: the lineage has no cycle
 *  2 previous[i] < i is the same member's record before, or PBTI_NO_MEMBER
 *  3 a record whose outcome is PBTI_OUTCOME_DONE has a checkpoint; nobody starts from another one
 */
#ifndef PBTI_VIEW_HISTORY_H
#define PBTI_VIEW_HISTORY_H

#include "core/state.h"

/* Besides enum pbti_outcome: what became of an attempt without a report. */
#define PBTI_HISTORY_RUNNING 254  /* it runs */
#define PBTI_HISTORY_RELEASED 255 /* its worker gave it up or died */

/* Besides enum pbti_decision_kind. */
#define PBTI_HISTORY_UNDECIDED 255

struct pbti_history {
    uint32_t count, capacity; /* records */
    uint32_t stride;          /* hyperparameters */
    bool failed;              /* out of memory: nothing more was recorded */

    /* all of shape (count), owned */
    uint32_t *member, *segment, *attempt;
    uint32_t *parent;   /* record whose checkpoint it started from */
    uint32_t *previous; /* the same member's record before */
    uint32_t *row;      /* of `rows`: the hyperparameters, before decay */
    uint64_t *age;      /* of the weights at its start */
    uint64_t *steps;    /* trained */
    double *score;      /* reduced; NaN = none */
    int64_t *claimed_ms, *ended_ms;
    uint64_t *worker;                       /* that claimed it */
    uint32_t *slot;                         /* of that worker */
    uint32_t *load_ms, *train_ms, *save_ms; /* as the report says; 0 without one */
    uint64_t *bytes;                        /* of its checkpoint */
    uint64_t *decision_seq;                 /* of the decision that judged it; 0 = none */
    uint32_t *opponent;                     /* of that decision; PBTI_NO_MEMBER */
    uint8_t *outcome;                       /* enum pbti_outcome or PBTI_HISTORY_* */
    uint8_t *decision;                      /* enum pbti_decision_kind or PBTI_HISTORY_UNDECIDED */
    uint8_t *why;                           /* enum pbti_why */

    uint32_t rows_count, rows_capacity;
    double *rows; /* shape (rows_count, stride) */

    uint32_t members;
    uint32_t *latest; /* shape (members): record; PBTI_NO_MEMBER = none yet */
};

/* Before the fold of the event; `state` is NULL for the study event. */
void pbti_history_before(struct pbti_history *history, const struct pbti_state *state, uint64_t seq,
                         const struct pbti_event *event);
/* After it. */
void pbti_history_after(struct pbti_history *history, const struct pbti_state *state,
                        const struct pbti_event *event);
void pbti_history_deinit(struct pbti_history *history); /* accepts a zeroed one */

/* The record that made a checkpoint; PBTI_NO_MEMBER when there is none. */
uint32_t pbti_history_find(const struct pbti_history *history, struct pbti_checkpoint checkpoint);

/*
 * The lineage of a record, founder first: the records whose training its weights went through.
 * Returns an array owned by the caller, release with free(); NULL when out of memory.
 */
uint32_t *pbti_history_lineage(const struct pbti_history *history, uint32_t record,
                               uint32_t *count);

/* The hyperparameters of a record: shape (stride). */
const double *pbti_history_values(const struct pbti_history *history, uint32_t record);

/* One stretch of ages with the same hyperparameters. */
struct pbti_stretch {
    uint64_t from, to;    /* ages: from <= age < to */
    const double *values; /* shape (stride); borrowed from the history */
    uint32_t member;      /* that trained its first segment */
};

/*
 * The schedule along a lineage: equal neighbours are merged.
 * Returns an array owned by the caller, release with free(); NULL when out of memory.
 */
struct pbti_stretch *pbti_history_schedule(const struct pbti_history *history,
                                           const uint32_t *lineage, uint32_t lineage_count,
                                           uint32_t *count);

#endif
