/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view/document_columns.h - members and segments of a study as columns of a JSON document.
 *
 * Of a history with more than `max` records those of every k-th member are kept, and the winner's
 * lineage, and the rows of hyperparameters that those have; a record whose parent was left out
 * names its nearest ancestor that was kept.
 */
#ifndef PBTI_VIEW_DOCUMENT_COLUMNS_H
#define PBTI_VIEW_DOCUMENT_COLUMNS_H

#include "view/history.h"
#include "view/str.h"

struct pbti_columns {
    const struct pbti_history *history; /* borrowed */
    uint32_t every;                     /* k; 1: nothing is left out */
    uint32_t count;                     /* records kept */
    uint32_t *record;                   /* shape (count), owned: records kept, in order */
    uint32_t *place;       /* shape (history->count), owned: place of a record, or of its nearest
                         ancestor that was kept; PBTI_NO_MEMBER */
    uint32_t rows;         /* rows of hyperparameters that records kept are of */
    uint32_t *row;         /* shape (rows), owned: each one's row of the history, rising */
    uint32_t *row_place;   /* shape (history->rows_count), owned: place in `row`; PBTI_NO_MEMBER */
    uint32_t lanes;        /* slots of workers that ran something */
    uint32_t *lane_of;     /* shape (count), owned: lane of each record kept */
    uint64_t *lane_worker; /* shape (lanes), owned */
    uint32_t *lane_slot;
};

/* False: out of memory; to be deinitialised all the same. */
bool pbti_columns_init(struct pbti_columns *columns, const struct pbti_history *history,
                       const uint32_t *lineage, uint32_t lineage_count, uint32_t max);
void pbti_columns_deinit(struct pbti_columns *columns);

/* Each adds one JSON object or array. Times are in ms since `zero_ms`. */
void pbti_columns_members(struct pbti_str *text, const struct pbti_state *state);
void pbti_columns_segments(struct pbti_str *text, const struct pbti_columns *columns,
                           int64_t zero_ms);
void pbti_columns_values(struct pbti_str *text, const struct pbti_columns *columns);
void pbti_columns_lanes(struct pbti_str *text, const struct pbti_columns *columns);

#endif
