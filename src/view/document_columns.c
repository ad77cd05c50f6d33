/* SPDX-License-Identifier: Apache-2.0 */
/* view/document_columns.c - choosing what is kept; writing columns of numbers. */
#include "view/document_columns.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -------- what is kept -------- */

static void choose(struct pbti_columns *columns, const uint32_t *lineage, uint32_t lineage_count)
{
    const struct pbti_history *const history = columns->history;
    for (uint32_t i = 0; i < history->count; i++) {
        columns->place[i] = history->member[i] % columns->every == 0 ? 0 : PBTI_NO_MEMBER;
    }
    for (uint32_t i = 0; i < lineage_count; i++) {
        columns->place[lineage[i]] = 0;
    }
    for (uint32_t i = 0; i < history->count; i++) {
        if (columns->place[i] != PBTI_NO_MEMBER) {
            columns->record[columns->count] = i;
            columns->place[i] = columns->count++;
        } else if (history->parent[i] != PBTI_NO_MEMBER) {
            columns->place[i] = columns->place[history->parent[i]];
        }
    }
}

/* Rows of hyperparameters that nobody who is kept has are left out, too. */
static bool choose_rows(struct pbti_columns *columns)
{
    const struct pbti_history *const history = columns->history;
    size_t const count = history->rows_count;
    columns->row = malloc((count + 1) * sizeof *columns->row);
    columns->row_place = malloc((count + 1) * sizeof *columns->row_place);
    if (columns->row == NULL || columns->row_place == NULL) { return false; }
    for (size_t i = 0; i < count; i++) {
        columns->row_place[i] = PBTI_NO_MEMBER;
    }
    for (uint32_t i = 0; i < columns->count && count > 0; i++) {
        columns->row_place[history->row[columns->record[i]]] = 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (columns->row_place[i] == PBTI_NO_MEMBER) { continue; }
        columns->row_place[i] = columns->rows;
        columns->row[columns->rows++] = i;
    }
    return true;
}

/* -------- lanes -------- */

struct lane_key {
    uint64_t worker;
    uint32_t slot, at;
};

/* By worker in the order of their ids, then by slot. */
static int compare_keys(const void *a, const void *b)
{
    const struct lane_key *const x = a;
    const struct lane_key *const y = b;
    if (x->worker != y->worker) { return x->worker < y->worker ? -1 : 1; }
    if (x->slot != y->slot) { return x->slot < y->slot ? -1 : 1; }
    return (x->at > y->at) - (x->at < y->at);
}

static bool find_lanes(struct pbti_columns *columns)
{
    const struct pbti_history *const history = columns->history;
    uint32_t const count = columns->count;
    struct lane_key *const key = malloc((count + (size_t)1) * sizeof *key);
    columns->lane_of = malloc((count + (size_t)1) * sizeof *columns->lane_of);
    columns->lane_worker = malloc((count + (size_t)1) * sizeof *columns->lane_worker);
    columns->lane_slot = malloc((count + (size_t)1) * sizeof *columns->lane_slot);
    bool const room = key != NULL && columns->lane_of != NULL && columns->lane_worker != NULL &&
                      columns->lane_slot != NULL;
    for (uint32_t i = 0; room && i < count; i++) {
        uint32_t const record = columns->record[i];
        key[i] = (struct lane_key){history->worker[record], history->slot[record], i};
    }
    if (room) { qsort(key, count, sizeof *key, compare_keys); }
    for (uint32_t i = 0; room && i < count; i++) {
        if (i == 0 || key[i].worker != key[i - 1].worker || key[i].slot != key[i - 1].slot) {
            columns->lane_worker[columns->lanes] = key[i].worker;
            columns->lane_slot[columns->lanes++] = key[i].slot;
        }
        columns->lane_of[key[i].at] = columns->lanes - 1;
    }
    free(key);
    return room;
}

bool pbti_columns_init(struct pbti_columns *columns, const struct pbti_history *history,
                       const uint32_t *lineage, uint32_t lineage_count, uint32_t max)
{
    size_t const count = history->count;
    *columns = (struct pbti_columns){.history = history, .every = 1};
    if (max > 0 && count > max) { columns->every = (uint32_t)((count + max - 1) / max); }
    columns->record = malloc((count + 1) * sizeof *columns->record);
    columns->place = malloc((count + 1) * sizeof *columns->place);
    if (columns->record == NULL || columns->place == NULL) { return false; }
    choose(columns, lineage, lineage_count);
    return choose_rows(columns) && find_lanes(columns);
}

void pbti_columns_deinit(struct pbti_columns *columns)
{
    free(columns->record);
    free(columns->place);
    free(columns->row);
    free(columns->row_place);
    free(columns->lane_of);
    free(columns->lane_worker);
    free(columns->lane_slot);
    memset(columns, 0, sizeof *columns);
}

/* -------- writing -------- */

/* printf is most of the time that a large document takes: integers are written by hand. */
static void add_integer(struct pbti_str *text, int64_t value)
{
    char digits[24];
    size_t at = sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0) { digits[--at] = '-'; }
    pbti_str_add_bytes(text, digits + at, sizeof digits - at);
}

/* A double: null when it is not finite; nine digits, enough for what a float holds. */
static void add_number(struct pbti_str *text, double value)
{
    if (!isfinite(value)) {
        pbti_str_add(text, "null");
    } else if (value == floor(value) && fabs(value) < 1e9) {
        add_integer(text, (int64_t)value);
    } else {
        pbti_str_addf(text, "%.9g", value);
    }
}

static void begin_column(struct pbti_str *text, const char *name, bool first)
{
    pbti_str_addf(text, "%s\"%s\":[", first ? "" : ",", name);
}

/* One column: `expression` is about `i`, a place, and `at`, its record. */
#define COLUMN(name, add, expression)                                                              \
    begin_column(text, name, false);                                                               \
    for (uint32_t i = 0; i < columns->count; i++) {                                                \
        uint32_t const at = columns->record[i];                                                    \
        if (i > 0) { pbti_str_add_bytes(text, ",", 1); }                                           \
        add(text, expression);                                                                     \
        (void)at;                                                                                  \
    }                                                                                              \
    pbti_str_add(text, "]");

/* An index that may be PBTI_NO_MEMBER: -1 then. */
static int64_t or_none(uint32_t index)
{
    return index == PBTI_NO_MEMBER ? -1 : (int64_t)index;
}

static int64_t parent_place(const struct pbti_columns *columns, uint32_t record)
{
    uint32_t const parent = columns->history->parent[record];
    return parent == PBTI_NO_MEMBER ? -1 : or_none(columns->place[parent]);
}

void pbti_columns_segments(struct pbti_str *text, const struct pbti_columns *columns,
                           int64_t zero_ms)
{
    const struct pbti_history *const h = columns->history;
    pbti_str_addf(text, "{\"count\":%" PRIu32 ",\"total\":%" PRIu32 ",\"every\":%" PRIu32,
                  columns->count, h->count, columns->every);
    COLUMN("member", add_integer, h->member[at])
    COLUMN("segment", add_integer, h->segment[at])
    COLUMN("attempt", add_integer, h->attempt[at])
    COLUMN("parent", add_integer, parent_place(columns, at))
    COLUMN("from", add_integer, (int64_t)h->age[at])
    COLUMN("to", add_integer, (int64_t)(h->age[at] + h->steps[at]))
    COLUMN("row", add_integer, h->stride == 0 ? 0 : columns->row_place[h->row[at]])
    COLUMN("score", add_number, h->score[at])
    COLUMN("began", add_integer, h->claimed_ms[at] - zero_ms)
    COLUMN("ended", add_integer, h->ended_ms[at] == 0 ? -1 : h->ended_ms[at] - zero_ms)
    COLUMN("load_ms", add_integer, h->load_ms[at])
    COLUMN("train_ms", add_integer, h->train_ms[at])
    COLUMN("save_ms", add_integer, h->save_ms[at])
    COLUMN("lane", add_integer, columns->lane_of[i])
    COLUMN("outcome", add_integer, h->outcome[at])
    COLUMN("decision", add_integer, h->decision[at])
    COLUMN("why", add_integer, h->why[at])
    COLUMN("opponent", add_integer, or_none(h->opponent[at]))
    COLUMN("decision_seq", add_integer, (int64_t)h->decision_seq[at])
    pbti_str_add(text, "}");
}

void pbti_columns_values(struct pbti_str *text, const struct pbti_columns *columns)
{
    const struct pbti_history *const history = columns->history;
    pbti_str_add(text, "[");
    for (uint32_t hp = 0; hp < history->stride; hp++) {
        pbti_str_add(text, hp > 0 ? ",[" : "[");
        for (uint32_t i = 0; i < columns->rows; i++) {
            if (i > 0) { pbti_str_add_bytes(text, ",", 1); }
            add_number(text, history->rows[(size_t)columns->row[i] * history->stride + hp]);
        }
        pbti_str_add(text, "]");
    }
    pbti_str_add(text, "]");
}

void pbti_columns_lanes(struct pbti_str *text, const struct pbti_columns *columns)
{
    pbti_str_add(text, "[");
    for (uint32_t i = 0; i < columns->lanes; i++) {
        pbti_str_addf(text, "%s{\"worker\":\"%016" PRIx64 "\",\"slot\":%" PRIu32 "}",
                      i > 0 ? "," : "", columns->lane_worker[i], columns->lane_slot[i]);
    }
    pbti_str_add(text, "]");
}

#undef COLUMN
#define COLUMN(name, first, add, expression)                                                       \
    begin_column(text, name, first);                                                               \
    for (uint32_t i = 0; i < count; i++) {                                                         \
        const struct pbti_member *const member = pbti_state_member(state, i);                      \
        if (i > 0) { pbti_str_add_bytes(text, ",", 1); }                                           \
        add(text, expression);                                                                     \
    }                                                                                              \
    pbti_str_add(text, "]");

/* A name of ours: letters and underscores, nothing to escape. */
static void add_name(struct pbti_str *text, const char *name)
{
    pbti_str_add(text, "\"");
    pbti_str_add(text, name);
    pbti_str_add(text, "\"");
}

void pbti_columns_members(struct pbti_str *text, const struct pbti_state *state)
{
    uint32_t const count = pbti_state_members(state);
    pbti_str_add(text, "{");
    COLUMN("group", true, add_name, pbti_group_name(member->group))
    COLUMN("phase", false, add_name, pbti_phase_name(member->phase))
    COLUMN("score", false, add_number, member->score)
    COLUMN("score_source", false, add_name, pbti_score_source_name(member->score_source))
    COLUMN("age", false, add_integer, (int64_t)member->age)
    COLUMN("steps", false, add_integer, (int64_t)member->steps)
    pbti_str_add(text, "}");
}
