/* SPDX-License-Identifier: Apache-2.0 */
/* view/history.c - recording attempts; walking back through them. */
#include "view/history.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Every array of records: X(field). */
/* clang-format off */
#define HISTORY_ARRAYS(X)                                                                          \
    X(member) X(segment) X(attempt) X(parent) X(previous) X(row) X(age) X(steps) X(score)          \
    X(claimed_ms) X(ended_ms) X(worker) X(slot) X(load_ms) X(train_ms) X(save_ms) X(bytes)         \
    X(decision_seq) X(opponent) X(outcome) X(decision) X(why)
/* clang-format on */

/* -------- growing -------- */

static bool resize(void **array, size_t count, size_t item)
{
    void *const larger = realloc(*array, count * item);
    if (larger == NULL) { return false; }
    *array = larger;
    return true;
}

/* Room for one more record. By a half, not by doubling: large studies should not take twice. */
static bool grow_records(struct pbti_history *history)
{
    if (history->count < history->capacity) { return true; }
    uint32_t const capacity = history->capacity + history->capacity / 2 + 256;
    bool good = true;
#define GROW(field)                                                                                \
    good = good && resize((void **)&history->field, capacity, sizeof *history->field);
    HISTORY_ARRAYS(GROW)
#undef GROW
    if (good) { history->capacity = capacity; }
    return good;
}

/* The latest record of each member, for as many members as the state has. */
static bool grow_members(struct pbti_history *history, uint32_t members)
{
    if (members <= history->members) { return true; }
    if (!resize((void **)&history->latest, members, sizeof *history->latest)) { return false; }
    for (uint32_t i = history->members; i < members; i++) {
        history->latest[i] = PBTI_NO_MEMBER;
    }
    history->members = members;
    return true;
}

/*
 * The row that holds `values`: `before` when that is equal, else a new one. PBTI_NO_MEMBER: no
 * room.
 */
static uint32_t row_of(struct pbti_history *history, const double *values, uint32_t before)
{
    size_t const stride = history->stride;
    if (stride == 0) { return 0; }
    if (before != PBTI_NO_MEMBER &&
        memcmp(history->rows + before * stride, values, stride * sizeof *values) == 0) {
        return before;
    }
    if (history->rows_count == history->rows_capacity) {
        uint32_t const capacity = history->rows_capacity + history->rows_capacity / 2 + 64;
        if (!resize((void **)&history->rows, capacity * stride, sizeof *history->rows)) {
            return PBTI_NO_MEMBER;
        }
        history->rows_capacity = capacity;
    }
    memcpy(history->rows + history->rows_count * stride, values, stride * sizeof *values);
    return history->rows_count++;
}

/* -------- recording -------- */

uint32_t pbti_history_find(const struct pbti_history *history, struct pbti_checkpoint checkpoint)
{
    if (checkpoint.segment == 0 || checkpoint.member >= history->members) { return PBTI_NO_MEMBER; }
    uint32_t record = history->latest[checkpoint.member];
    while (record != PBTI_NO_MEMBER && (history->segment[record] != checkpoint.segment ||
                                        history->attempt[record] != checkpoint.attempt)) {
        record = history->previous[record];
    }
    return record;
}

static bool add_record(struct pbti_history *history, const struct pbti_state *state,
                       const struct pbti_event *event)
{
    const struct pbti_event_claim *const claim = &event->claim;
    if (!grow_records(history) || !grow_members(history, pbti_state_members(state))) {
        return false;
    }
    const struct pbti_member *const member = pbti_state_member(state, claim->member);
    uint32_t const previous = history->latest[claim->member];
    uint32_t const row =
        row_of(history, pbti_state_values(state, claim->member),
               previous == PBTI_NO_MEMBER ? PBTI_NO_MEMBER : history->row[previous]);
    if (row == PBTI_NO_MEMBER) { return false; }
    uint32_t const i = history->count++;
    history->member[i] = claim->member;
    history->segment[i] = claim->segment;
    history->attempt[i] = claim->attempt;
    history->parent[i] = pbti_history_find(history, member->start);
    history->previous[i] = previous;
    history->row[i] = row;
    history->age[i] = member->age;
    history->steps[i] = 0;
    history->score[i] = NAN;
    history->claimed_ms[i] = event->time_ms;
    history->ended_ms[i] = 0;
    history->worker[i] = claim->worker;
    history->slot[i] = claim->slot;
    history->load_ms[i] = 0;
    history->train_ms[i] = 0;
    history->save_ms[i] = 0;
    history->bytes[i] = 0;
    history->decision_seq[i] = 0;
    history->opponent[i] = PBTI_NO_MEMBER;
    history->outcome[i] = PBTI_HISTORY_RUNNING;
    history->decision[i] = PBTI_HISTORY_UNDECIDED;
    history->why[i] = 0;
    history->latest[claim->member] = i;
    return true;
}

/* The latest record of a member; PBTI_NO_MEMBER when there is none. */
static uint32_t latest(const struct pbti_history *history, uint32_t member)
{
    return member < history->members ? history->latest[member] : PBTI_NO_MEMBER;
}

static void end_record(struct pbti_history *history, uint32_t member, uint8_t outcome,
                       int64_t time_ms)
{
    uint32_t const i = latest(history, member);
    if (i == PBTI_NO_MEMBER) { return; }
    history->outcome[i] = outcome;
    history->ended_ms[i] = time_ms;
}

static void add_report(struct pbti_history *history, const struct pbti_event_report *report,
                       int64_t time_ms)
{
    end_record(history, report->member, report->outcome, time_ms);
    uint32_t const i = latest(history, report->member);
    if (i == PBTI_NO_MEMBER) { return; }
    history->load_ms[i] = report->load_ms;
    history->train_ms[i] = report->train_ms;
    history->save_ms[i] = report->save_ms;
    if (report->outcome != PBTI_OUTCOME_DONE) { return; }
    history->steps[i] = report->steps;
    history->bytes[i] = report->bytes;
}

static void add_decision(struct pbti_history *history, uint64_t seq,
                         const struct pbti_event_decision *decision)
{
    uint32_t const i = latest(history, decision->member);
    if (i == PBTI_NO_MEMBER) { return; }
    history->decision_seq[i] = seq;
    history->decision[i] = decision->kind;
    history->why[i] = decision->why;
    history->opponent[i] = decision->opponent;
}

void pbti_history_before(struct pbti_history *history, const struct pbti_state *state, uint64_t seq,
                         const struct pbti_event *event)
{
    if (event->type == PBTI_STUDY) {
        pbti_history_deinit(history);
        history->stride = event->study.config->space.count;
    }
    if (history->failed || state == NULL) { return; }
    switch (event->type) {
    case PBTI_CLAIM:
        if (event->claim.member < pbti_state_members(state)) {
            history->failed = !add_record(history, state, event);
        }
        break;
    case PBTI_RELEASE:
        end_record(history, event->release.member, PBTI_HISTORY_RELEASED, event->time_ms);
        break;
    case PBTI_REPORT: add_report(history, &event->report, event->time_ms); break;
    case PBTI_DECISION: add_decision(history, seq, &event->decision); break;
    default: break;
    }
}

void pbti_history_after(struct pbti_history *history, const struct pbti_state *state,
                        const struct pbti_event *event)
{
    if (history->failed || event->type != PBTI_REPORT ||
        event->report.outcome != PBTI_OUTCOME_DONE) {
        return;
    }
    uint32_t const i = latest(history, event->report.member);
    if (i != PBTI_NO_MEMBER) {
        history->score[i] = pbti_state_member(state, event->report.member)->score;
    }
}

void pbti_history_deinit(struct pbti_history *history)
{
#define FREE(field) free(history->field);
    HISTORY_ARRAYS(FREE)
#undef FREE
    free(history->rows);
    free(history->latest);
    memset(history, 0, sizeof *history);
}

/* -------- walking back -------- */

uint32_t *pbti_history_lineage(const struct pbti_history *history, uint32_t record, uint32_t *count)
{
    *count = 0;
    for (uint32_t i = record; i != PBTI_NO_MEMBER; i = history->parent[i]) {
        assert(history->parent[i] == PBTI_NO_MEMBER || history->parent[i] < i);
        (*count)++;
    }
    uint32_t *const lineage = malloc(((size_t)*count + 1) * sizeof *lineage);
    if (lineage == NULL) { return NULL; }
    uint32_t at = *count;
    for (uint32_t i = record; i != PBTI_NO_MEMBER; i = history->parent[i]) {
        lineage[--at] = i;
    }
    return lineage;
}

const double *pbti_history_values(const struct pbti_history *history, uint32_t record)
{
    return history->rows + (size_t)history->row[record] * history->stride;
}

struct pbti_stretch *pbti_history_schedule(const struct pbti_history *history,
                                           const uint32_t *lineage, uint32_t lineage_count,
                                           uint32_t *count)
{
    *count = 0;
    struct pbti_stretch *const schedule = malloc(((size_t)lineage_count + 1) * sizeof *schedule);
    if (schedule == NULL) { return NULL; }
    for (uint32_t i = 0; i < lineage_count; i++) {
        uint32_t const record = lineage[i];
        const double *const values = pbti_history_values(history, record);
        uint64_t const to = history->age[record] + history->steps[record];
        struct pbti_stretch *const last = *count > 0 ? &schedule[*count - 1] : NULL;
        if (last != NULL && (history->stride == 0 ||
                             memcmp(last->values, values, history->stride * sizeof *values) == 0)) {
            last->to = to;
            continue;
        }
        schedule[(*count)++] =
            (struct pbti_stretch){history->age[record], to, values, history->member[record]};
    }
    return schedule;
}
