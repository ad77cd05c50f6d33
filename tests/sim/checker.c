/* SPDX-License-Identifier: Apache-2.0 */
/* sim/checker.c - see checker.h. */
#include "sim/checker.h"

#include "base/fail.h"
#include "journal/batch.h"

#include <stdlib.h>
#include <string.h>

void pbti_checker_init(struct pbti_checker *checker, struct pbti_journal *journal, FILE *log)
{
    *checker = (struct pbti_checker){.journal = journal, .log = log};
    checker->oracle = pbti_oracle_create();
    checker->read = malloc(sizeof *checker->read);
    checker->made = malloc(sizeof *checker->made);
    if (checker->read == NULL || checker->made == NULL) { abort(); }
}

void pbti_checker_deinit(struct pbti_checker *checker)
{
    pbti_oracle_destroy(checker->oracle);
    free(checker->block);
    free(checker->read);
    free(checker->made);
    free(checker->verdicts);
}

void pbti_checker_trace(struct pbti_checker *checker, uint64_t value)
{
    checker->trace = (checker->trace ^ value) * 0x9e3779b97f4a7c15u;
    checker->trace ^= checker->trace >> 31;
}

static uint64_t hash_bytes(const uint8_t *bytes, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    }
    return hash;
}

static void remember(struct pbti_checker *checker, const struct pbti_event *event)
{
    uint8_t bytes[4096];
    struct pbti_writer writer = {bytes, sizeof bytes, 0, false};
    struct pbti_event timeless = *event;
    timeless.time_ms = 0;
    pbti_event_encode(&timeless, &writer);
    if (writer.failed) { abort(); }
    if (checker->verdicts_count == checker->verdicts_capacity) {
        uint32_t const capacity =
            checker->verdicts_capacity == 0 ? 128 : 2 * checker->verdicts_capacity;
        struct pbti_verdict *const verdicts =
            realloc(checker->verdicts, capacity * sizeof *verdicts);
        if (verdicts == NULL) { abort(); }
        checker->verdicts = verdicts;
        checker->verdicts_capacity = capacity;
    }
    checker->verdicts[checker->verdicts_count++] = (struct pbti_verdict){
        event->decision.member, event->decision.segment, hash_bytes(bytes, writer.size)};
}

/* -------- the log -------- */

static void log_event(const struct pbti_checker *checker, uint64_t seq,
                      const struct pbti_event *event)
{
    FILE *const log = checker->log;
    (void)fprintf(log, "%9.3f %5llu %-8s ", (double)checker->now_ms / 1000.0,
                  (unsigned long long)seq, pbti_event_name(event->type));
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
static pbt_status fold_study(struct pbti_checker *checker, uint64_t seq,
                             const struct pbti_event *event, struct pbt_error *err)
{
    bool const first = event->type == PBTI_STUDY;
    if (first != (checker->state == NULL)) {
        return PBTI_FAIL(err, PBT_ECORRUPT, 0, "a study event in the wrong place");
    }
    void *const block = malloc(first ? pbti_state_bytes(event->study.config)
                                     : pbti_state_amend_bytes(checker->state, event->study.config));
    if (block == NULL) { abort(); }
    struct pbti_state *state = NULL;
    pbt_status status = PBT_OK;
    if (first) {
        state = pbti_state_init(block, event);
    } else {
        status = pbti_state_amend(checker->state, seq, event, block, &state, err);
    }
    if (status != PBT_OK) {
        free(block);
        return status;
    }
    free(checker->block);
    checker->block = block;
    checker->state = state;
    return PBT_OK;
}

/* Rule 11: the recorded decision is the one that core makes. */
static void check_decision(struct pbti_checker *checker, const struct pbti_event *event)
{
    struct pbti_event again;
    if (checker->state == NULL || !pbti_decision_due(checker->state)) {
        pbti_oracle_blame(checker->oracle, "11: a decision that is not owed");
        return;
    }
    pbti_decide(checker->state, &again, checker->made);
    const char *const field = pbti_decision_differs(event, &again);
    if (field != NULL) {
        pbti_oracle_blame(checker->oracle, "11: a decision is made anew with another \"%s\"",
                          field);
    }
    remember(checker, event);
}

static pbt_status see_event(struct pbti_checker *checker, uint64_t seq,
                            const struct pbti_event *event, struct pbt_error *err)
{
    if (checker->log != NULL) { log_event(checker, seq, event); }
    if (event->type == PBTI_DECISION) { check_decision(checker, event); }
    pbti_oracle_event(checker->oracle, seq, event);
    if (checker->oracle->broken[0] != '\0') { return PBT_EUSER; }
    pbti_coverage_event(&checker->coverage, checker->oracle->config, event);
    if (event->type == PBTI_STUDY || event->type == PBTI_AMEND) {
        return fold_study(checker, seq, event, err);
    }
    if (checker->state == NULL) {
        return PBTI_FAIL(err, PBT_ECORRUPT, 0, "an event before the study");
    }
    return pbti_fold(checker->state, seq, event, NULL, NULL, err);
}

/* A pbti_batch_reader. */
static pbt_status see_batch(void *context, uint64_t first, uint32_t count, const void *bytes,
                            size_t size, struct pbti_batch_id id, struct pbt_error *err)
{
    (void)id;
    (void)count;
    struct pbti_checker *const checker = context;
    struct pbti_reader reader = {bytes, size, 0, false};
    struct pbti_event event;
    bool more = true;
    pbti_checker_trace(checker, hash_bytes(bytes, size));
    for (uint64_t seq = first;; seq++) {
        PBTI_TRY(pbti_batch_next(&reader, &more, &event, checker->read, err));
        if (!more) { break; }
        PBTI_TRY(see_event(checker, seq, &event, err));
        checker->seq = seq;
    }
    pbti_oracle_batch(checker->oracle);
    if (pbti_decision_due(checker->state)) {
        return PBTI_FAIL(err, PBT_ECORRUPT, 0, "a batch ends while a decision is owed");
    }
    const char *const broken = pbti_state_check(checker->state);
    if (broken != NULL) {
        pbti_oracle_blame(checker->oracle, "state.h, invariant %s", broken);
        return PBT_EUSER;
    }
    pbti_oracle_compare(checker->oracle, checker->state);
    return checker->oracle->broken[0] == '\0' ? PBT_OK : PBT_EUSER;
}

bool pbti_checker_look(struct pbti_checker *checker)
{
    uint64_t const before = checker->seq;
    if (checker->oracle->broken[0] != '\0') { return false; }
    struct pbt_error err = {.message = ""};
    pbt_status const status =
        pbti_journal_read(checker->journal, checker->seq, see_batch, checker, &err);
    if (status != PBT_OK) {
        pbti_oracle_blame(checker->oracle, "12: the journal does not fold: %s", err.message);
    }
    return checker->seq != before;
}
