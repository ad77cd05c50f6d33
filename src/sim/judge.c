/* SPDX-License-Identifier: Apache-2.0 */
/* sim/judge.c - see judge.h. */
#include "sim/judge.h"

#include "base/fail.h"
#include "journal/batch.h"

#include <stdlib.h>
#include <string.h>

void pbti_judge_init(struct pbti_judge *judge, struct pbti_journal *journal, FILE *log)
{
    *judge = (struct pbti_judge){.journal = journal, .log = log};
    judge->witness = pbti_witness_create();
    judge->read = malloc(sizeof *judge->read);
    judge->made = malloc(sizeof *judge->made);
    if (judge->read == NULL || judge->made == NULL) { abort(); }
}

void pbti_judge_deinit(struct pbti_judge *judge)
{
    pbti_witness_destroy(judge->witness);
    free(judge->block);
    free(judge->read);
    free(judge->made);
    free(judge->verdicts);
}

void pbti_judge_trace(struct pbti_judge *judge, uint64_t value)
{
    judge->trace = (judge->trace ^ value) * 0x9e3779b97f4a7c15u;
    judge->trace ^= judge->trace >> 31;
}

static uint64_t hash_bytes(const uint8_t *bytes, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    }
    return hash;
}

static void remember(struct pbti_judge *judge, const struct pbti_event *event)
{
    uint8_t bytes[4096];
    struct pbti_writer writer = {bytes, sizeof bytes, 0, false};
    struct pbti_event timeless = *event;
    timeless.time_ms = 0;
    pbti_event_encode(&timeless, &writer);
    if (writer.failed) { abort(); }
    if (judge->verdicts_count == judge->verdicts_capacity) {
        uint32_t const capacity =
            judge->verdicts_capacity == 0 ? 128 : 2 * judge->verdicts_capacity;
        struct pbti_verdict *const verdicts = realloc(judge->verdicts, capacity * sizeof *verdicts);
        if (verdicts == NULL) { abort(); }
        judge->verdicts = verdicts;
        judge->verdicts_capacity = capacity;
    }
    judge->verdicts[judge->verdicts_count++] = (struct pbti_verdict){
        event->decision.member, event->decision.segment, hash_bytes(bytes, writer.size)};
}

/* -------- the log -------- */

static void log_event(const struct pbti_judge *judge, uint64_t seq, const struct pbti_event *event)
{
    FILE *const log = judge->log;
    (void)fprintf(log, "%9.3f %5llu %-8s ", (double)judge->now_ms / 1000.0, (unsigned long long)seq,
                  pbti_event_name(event->type));
    switch ((enum pbti_event_type)event->type) {
    case PBTI_CLAIM:
        (void)fprintf(log, "m%u.s%u.a%u worker %llx slot %u", event->claim.member,
                      event->claim.segment, event->claim.attempt,
                      (unsigned long long)event->claim.worker, event->claim.slot);
        break;
    case PBTI_RELEASE:
        (void)fprintf(log, "m%u claim %llu: %s", event->release.member,
                      (unsigned long long)event->release.claim,
                      pbti_release_name(event->release.reason));
        break;
    case PBTI_REPORT:
        (void)fprintf(
            log, "m%u.s%u.a%u claim %llu: %s, %llu steps, %u scores, last %g", event->report.member,
            event->report.segment, event->report.attempt, (unsigned long long)event->report.claim,
            pbti_outcome_name(event->report.outcome), (unsigned long long)event->report.steps,
            event->report.scores_count,
            event->report.scores_count > 0 ? event->report.scores[event->report.scores_count - 1]
                                           : 0.0);
        break;
    case PBTI_DECISION:
        (void)fprintf(log, "m%u.s%u: %s (%s), rank %u of %u, opponent %d, score %g, opponent's %g",
                      event->decision.member, event->decision.segment,
                      pbti_decision_name(event->decision.kind), pbti_why_name(event->decision.why),
                      event->decision.rank, event->decision.count, (int)event->decision.opponent,
                      event->decision.score, event->decision.opponent_score);
        break;
    case PBTI_STOP: (void)fprintf(log, "%s", pbti_stop_name(event->stop.reason)); break;
    case PBTI_WORKER:
    case PBTI_LEAVE:
        (void)fprintf(log, "%llx, %u slots", (unsigned long long)event->worker.worker,
                      event->worker.slots);
        break;
    case PBTI_STUDY:
    case PBTI_AMEND: {
        const struct pbti_config *const config = event->study.config;
        (void)fprintf(log, "%u+%u+%u members, %llu steps, ready %llu, max_age %llu, %s, %s, %s",
                      config->members, config->control_independent, config->control_selection_only,
                      (unsigned long long)config->steps, (unsigned long long)config->ready_every,
                      (unsigned long long)config->max_age, pbti_mode_name(config->mode),
                      pbti_exploit_name(config->exploit), pbti_explore_name(config->explore));
        break;
    }
    case PBTI_PROPOSAL:
        (void)fprintf(log, "m%u, knows %llu", event->proposal.member,
                      (unsigned long long)event->proposal.knows);
        break;
    case PBTI_NOTE: break;
    }
    (void)fprintf(log, "\n");
}

/* -------- following -------- */

/* The event that began the study, or changed it, moves the state. */
static pbt_status fold_study(struct pbti_judge *judge, uint64_t seq, const struct pbti_event *event,
                             struct pbt_error *err)
{
    bool const first = event->type == PBTI_STUDY;
    if (first != (judge->state == NULL)) {
        return PBTI_FAIL(err, PBT_ECORRUPT, 0, "a study event in the wrong place");
    }
    void *const block = malloc(first ? pbti_state_bytes(event->study.config)
                                     : pbti_state_amend_bytes(judge->state, event->study.config));
    if (block == NULL) { abort(); }
    struct pbti_state *state = NULL;
    pbt_status status = PBT_OK;
    if (first) {
        state = pbti_state_init(block, event);
    } else {
        status = pbti_state_amend(judge->state, seq, event, block, &state, err);
    }
    if (status != PBT_OK) {
        free(block);
        return status;
    }
    free(judge->block);
    judge->block = block;
    judge->state = state;
    return PBT_OK;
}

/* Rule 11: the recorded decision is the one that core makes. */
static void check_decision(struct pbti_judge *judge, const struct pbti_event *event)
{
    struct pbti_event again;
    if (judge->state == NULL || !pbti_owed(judge->state)) {
        pbti_witness_blame(judge->witness, "11: a decision that is not owed");
        return;
    }
    pbti_decide(judge->state, &again, judge->made);
    const char *const field = pbti_decision_differs(event, &again);
    if (field != NULL) {
        pbti_witness_blame(judge->witness, "11: a decision is made anew with another \"%s\"",
                           field);
    }
    remember(judge, event);
}

static pbt_status see_event(struct pbti_judge *judge, uint64_t seq, const struct pbti_event *event,
                            struct pbt_error *err)
{
    if (judge->log != NULL) { log_event(judge, seq, event); }
    if (event->type == PBTI_DECISION) { check_decision(judge, event); }
    pbti_witness_event(judge->witness, seq, event);
    if (judge->witness->broken[0] != '\0') { return PBT_EUSER; }
    if (event->type == PBTI_STUDY || event->type == PBTI_AMEND) {
        return fold_study(judge, seq, event, err);
    }
    if (judge->state == NULL) {
        return PBTI_FAIL(err, PBT_ECORRUPT, 0, "an event before the study");
    }
    return pbti_fold(judge->state, seq, event, NULL, NULL, err);
}

/* A pbti_batch_reader. */
static pbt_status see_batch(void *context, uint64_t first, uint32_t count, const void *bytes,
                            size_t size, struct pbti_batch_id id, struct pbt_error *err)
{
    (void)id;
    (void)count;
    struct pbti_judge *const judge = context;
    struct pbti_reader reader = {bytes, size, 0, false};
    struct pbti_event event;
    bool more = true;
    pbti_judge_trace(judge, hash_bytes(bytes, size));
    for (uint64_t seq = first;; seq++) {
        PBTI_TRY(pbti_batch_next(&reader, &more, &event, judge->read, err));
        if (!more) { break; }
        PBTI_TRY(see_event(judge, seq, &event, err));
        judge->seq = seq;
    }
    pbti_witness_batch(judge->witness);
    if (pbti_owed(judge->state)) {
        return PBTI_FAIL(err, PBT_ECORRUPT, 0, "a batch ends while a decision is owed");
    }
    const char *const broken = pbti_state_check(judge->state);
    if (broken != NULL) {
        pbti_witness_blame(judge->witness, "state.h, invariant %s", broken);
        return PBT_EUSER;
    }
    pbti_witness_compare(judge->witness, judge->state);
    return judge->witness->broken[0] == '\0' ? PBT_OK : PBT_EUSER;
}

bool pbti_judge_look(struct pbti_judge *judge)
{
    uint64_t const before = judge->seq;
    if (judge->witness->broken[0] != '\0') { return false; }
    struct pbt_error err = {.message = ""};
    pbt_status const status = pbti_journal_read(judge->journal, judge->seq, see_batch, judge, &err);
    if (status != PBT_OK) {
        pbti_witness_blame(judge->witness, "12: the journal does not fold: %s", err.message);
    }
    return judge->seq != before;
}
