/* SPDX-License-Identifier: Apache-2.0 */
/* view/recent_events.c - collecting words while a journal is folded. */
#include "view/recent_events.h"

#include "base/fail.h"
#include "view/explain.h"
#include "view/study_stats.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool ring_init(struct pbti_ring *ring, uint32_t limit)
{
    *ring = (struct pbti_ring){.limit = limit, .item = calloc(limit, sizeof *ring->item)};
    return ring->item != NULL;
}

static void ring_deinit(struct pbti_ring *ring)
{
    for (uint32_t i = 0; ring->item != NULL && i < ring->limit; i++) {
        free(ring->item[i].text);
    }
    free(ring->item);
    *ring = (struct pbti_ring){0};
}

/* Take over the text of `said`. */
static void ring_add(struct pbti_ring *ring, const struct pbti_recent_events *said)
{
    struct pbti_recent_events *const item = &ring->item[ring->count++ % ring->limit];
    free(item->text);
    *item = *said;
}

uint32_t pbti_ring_size(const struct pbti_ring *ring)
{
    return ring->count < ring->limit ? (uint32_t)ring->count : ring->limit;
}

const struct pbti_recent_events *pbti_ring_at(const struct pbti_ring *ring, uint32_t place)
{
    return &ring->item[(ring->count - pbti_ring_size(ring) + place) % ring->limit];
}

bool pbti_sayings_init(struct pbti_sayings *sayings, uint32_t decisions, uint32_t failures)
{
    bool const first = ring_init(&sayings->decisions, decisions);
    bool const second = ring_init(&sayings->failures, failures);
    return first && second;
}

void pbti_sayings_deinit(struct pbti_sayings *sayings)
{
    ring_deinit(&sayings->decisions);
    ring_deinit(&sayings->failures);
}

/* A decision that says more than "trains on": it copied, explored, gave up, or judged at a rung. */
static bool is_told(const struct pbti_event *event)
{
    const struct pbti_event_decision *const decision = &event->decision;
    return event->type == PBTI_DECISION &&
           (decision->kind == PBTI_REPLACE || decision->kind == PBTI_GIVE_UP ||
            decision->values_count > 0 || decision->why == PBTI_WHY_PROMOTED ||
            decision->why == PBTI_WHY_ELIMINATED);
}

static uint8_t outcome_of(const char *name)
{
    for (uint8_t i = 0; i < PBTI_OUTCOMES; i++) {
        if (strcmp(pbti_outcome_name(i), name) == 0) { return i; }
    }
    return PBTI_OUTCOME_ERROR;
}

pbt_status pbti_sayings_visit(void *context, const struct pbti_state *state, uint64_t seq,
                              const struct pbti_event *event, struct pbt_error *err)
{
    struct pbti_sayings *const sayings = context;
    struct pbti_recent_events said = {.seq = seq, .time_ms = event->time_ms};
    struct pbti_ring *ring = NULL;
    struct pbti_str str = {0};
    struct pbti_withdrawal withdrawal;
    if (is_told(event)) {
        ring = &sayings->decisions;
        said.member = event->decision.member;
        said.segment = event->decision.segment;
        pbti_explain_event(&str, state, event);
    } else if (event->type == PBTI_REPORT && event->report.outcome != PBTI_OUTCOME_DONE) {
        ring = &sayings->failures;
        said.member = event->report.member;
        said.segment = event->report.segment;
        said.attempt = event->report.attempt;
        said.outcome = event->report.outcome;
        pbti_str_add_bytes(&str, event->report.message.data, event->report.message.size);
    } else if (event->type == PBTI_NOTE && pbti_withdrawal_read(&event->note, &withdrawal)) {
        ring = &sayings->failures;
        said.member = event->note.checkpoint.member;
        said.segment = event->note.checkpoint.segment;
        said.attempt = event->note.checkpoint.attempt;
        said.outcome = outcome_of(withdrawal.outcome);
        pbti_str_addf(&str, "not counted, the slot waits %" PRId64 " s: %s",
                      withdrawal.wait_ms / 1000, withdrawal.message);
    } else {
        return PBT_OK;
    }
    if (str.failed) {
        pbti_str_deinit(&str);
        return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory");
    }
    said.text = str.data;
    ring_add(ring, &said);
    return PBT_OK;
}
