/* SPDX-License-Identifier: Apache-2.0 */
/* view/study_stats.c - counting beside the fold. */
#include "view/study_stats.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -------- workers, and the time without any -------- */

static void worker_joined(struct pbti_study_stats *tally, const struct pbti_event *event)
{
    uint32_t const index = tally->workers_count++;
    if (index >= PBTI_STATS_WORKERS) { return; }
    struct pbti_study_stats_worker *const worker = &tally->workers[index];
    memset(worker, 0, sizeof *worker);
    worker->worker = event->worker.worker;
    worker->process = event->worker.process;
    worker->slots = event->worker.slots;
    worker->joined_ms = event->time_ms;
    worker->before_ms = tally->last_ms;
    worker->active_ms = event->time_ms;
    size_t const size =
        event->worker.host.size < PBTI_NAME_MAX ? event->worker.host.size : PBTI_NAME_MAX;
    if (size > 0) { memcpy(worker->host, event->worker.host.data, size); }
    if (index == 0) {
        tally->idle_ms += event->time_ms - tally->last_ms;
        tally->rates_count = 0;
    }
}

static uint32_t find_worker(const struct pbti_study_stats *tally, uint64_t id)
{
    uint32_t const known =
        tally->workers_count < PBTI_STATS_WORKERS ? tally->workers_count : PBTI_STATS_WORKERS;
    for (uint32_t i = 0; i < known; i++) {
        if (tally->workers[i].worker == id) { return i; }
    }
    return PBTI_NO_MEMBER;
}

/*
 * A worker left. When it was the oldest, and did nothing any more after the next one joined, then
 * it was dead already and nobody worked until that one came.
 */
static void worker_left(struct pbti_study_stats *tally, uint64_t id)
{
    uint32_t const index = find_worker(tally, id);
    if (tally->workers_count > 0) { tally->workers_count--; }
    if (index == PBTI_NO_MEMBER) { return; }
    int64_t const active_ms = tally->workers[index].active_ms;
    uint32_t const kept = tally->workers_count < PBTI_STATS_WORKERS - 1 ? tally->workers_count
                                                                        : PBTI_STATS_WORKERS - 1;
    if (index < kept) {
        memmove(&tally->workers[index], &tally->workers[index + 1],
                (kept - index) * sizeof tally->workers[0]);
    }
    const struct pbti_study_stats_worker *const next = &tally->workers[0];
    if (index == 0 && kept > 0 && active_ms <= next->before_ms) {
        tally->idle_ms += next->joined_ms - next->before_ms;
        tally->rates_count = 0;
    }
}

/* -------- events -------- */

static void keep_failure(struct pbti_study_stats *tally, const struct pbti_event_report *report)
{
    size_t const size =
        report->message.size < PBTI_STATS_MESSAGE ? report->message.size : PBTI_STATS_MESSAGE;
    tally->failed_member = report->member;
    tally->failed_segment = report->segment;
    tally->failed_outcome = report->outcome;
    tally->failed_size = (uint32_t)size;
    if (size > 0) { memcpy(tally->failed_message, report->message.data, size); }
}

static void count_report(struct pbti_study_stats *tally, const struct pbti_event_report *report)
{
    if (report->outcome < PBTI_OUTCOMES) { tally->outcomes[report->outcome]++; }
    if (report->outcome != PBTI_OUTCOME_DONE) { keep_failure(tally, report); }
    tally->train_ms += report->train_ms;
    tally->overhead_ms += (uint64_t)report->load_ms + report->save_ms;
}

static void keep_exploit(struct pbti_study_stats *tally, const struct pbti_state *state,
                         uint64_t seq, const struct pbti_event *event)
{
    const struct pbti_event_decision *const decision = &event->decision;
    struct pbti_study_stats_exploit *const exploit =
        &tally->exploits[tally->exploits_count++ % PBTI_STATS_EXPLOITS];
    exploit->seq = seq;
    exploit->time_ms = event->time_ms;
    exploit->decision = *decision;
    exploit->decision.values = NULL;
    exploit->decision.moves = NULL;
    exploit->before_known = false;
    if (decision->values_count == 0) { return; }
    memcpy(exploit->values, decision->values, decision->values_count * sizeof(double));
    for (uint32_t i = 0; i < decision->values_count; i++) { /* not its padding: it goes to a file */
        exploit->moves[i].kind = decision->moves[i].kind;
        exploit->moves[i].amount = decision->moves[i].amount;
    }
    if (state == NULL) { return; }
    bool const copied = (decision->copied & PBTI_COPY_HYPERPARAMETERS) != 0;
    uint32_t const from = copied ? decision->opponent : decision->member;
    if (from >= pbti_state_members(state)) { return; }
    memcpy(exploit->before, pbti_state_values(state, from),
           decision->values_count * sizeof(double));
    exploit->before_known = true;
}

bool pbti_withdrawal_read(const struct pbti_event_note *note, struct pbti_withdrawal *withdrawal)
{
    static const char topic[] = "not_the_member";
    if (note->topic.size != sizeof topic - 1 ||
        memcmp(note->topic.data, topic, sizeof topic - 1) != 0) {
        return false;
    }
    json_t *const detail = json_loadb(note->detail.data, note->detail.size, 0, NULL);
    const char *worker, *owner, *outcome, *message;
    json_int_t wait_ms = 0;
    bool const whole =
        json_unpack(detail, "{s:s, s:s, s:s, s:s, s:I}", "worker", &worker, "owner", &owner,
                    "outcome", &outcome, "message", &message, "wait_ms", &wait_ms) == 0;
    if (whole) {
        *withdrawal = (struct pbti_withdrawal){.worker = strtoull(worker, NULL, 16),
                                               .wait_ms = (int64_t)wait_ms};
        (void)snprintf(withdrawal->owner, sizeof withdrawal->owner, "%s", owner);
        (void)snprintf(withdrawal->outcome, sizeof withdrawal->outcome, "%s", outcome);
        (void)snprintf(withdrawal->message, sizeof withdrawal->message, "%s", message);
    }
    json_decref(detail);
    return whole;
}

static void keep_wait(struct pbti_study_stats *tally, const struct pbti_event *event)
{
    struct pbti_withdrawal withdrawal;
    if (!pbti_withdrawal_read(&event->note, &withdrawal)) { return; }
    uint32_t const index = find_worker(tally, withdrawal.worker);
    if (index == PBTI_NO_MEMBER) { return; }
    struct pbti_study_stats_worker *const worker = &tally->workers[index];
    worker->wait_until_ms = event->time_ms + withdrawal.wait_ms;
    (void)snprintf(worker->wait_text, sizeof worker->wait_text, "%s", withdrawal.message);
}

static void keep_note(struct pbti_study_stats *tally, const struct pbti_event_note *note)
{
    static const char topic[] = "final_evaluation";
    if (note->topic.size != sizeof topic - 1 ||
        memcmp(note->topic.data, topic, note->topic.size) != 0 ||
        note->detail.size >= sizeof tally->final_detail) {
        return;
    }
    tally->final_checkpoint = note->checkpoint;
    memcpy(tally->final_detail, note->detail.data, note->detail.size);
    tally->final_detail[note->detail.size] = '\0';
}

/* A worker did something. */
static void touch_worker(struct pbti_study_stats *tally, uint64_t id, int64_t time_ms)
{
    uint32_t const index = find_worker(tally, id);
    if (index != PBTI_NO_MEMBER) { tally->workers[index].active_ms = time_ms; }
}

void pbti_study_stats_before(struct pbti_study_stats *tally, const struct pbti_state *state,
                             uint64_t seq, const struct pbti_event *event)
{
    if (event->type == PBTI_STUDY) {
        memset(tally, 0, sizeof *tally);
        tally->first_ms = event->time_ms;
        tally->last_ms = event->time_ms;
    }
    switch (event->type) {
    case PBTI_AMEND: tally->amends++; break;
    case PBTI_CLAIM: touch_worker(tally, event->claim.worker, event->time_ms); break;
    case PBTI_REPORT:
        count_report(tally, &event->report);
        if (state != NULL && event->report.member < pbti_state_members(state)) {
            touch_worker(tally, pbti_state_member(state, event->report.member)->worker,
                         event->time_ms);
        }
        break;
    case PBTI_DECISION:
        if (event->decision.kind < PBTI_DECISIONS) { tally->decisions[event->decision.kind]++; }
        if (event->decision.why == PBTI_WHY_REVIVED) { tally->revivals++; }
        if (event->decision.kind == PBTI_REPLACE) { keep_exploit(tally, state, seq, event); }
        break;
    case PBTI_WORKER: worker_joined(tally, event); break;
    case PBTI_LEAVE: worker_left(tally, event->worker.worker); break;
    case PBTI_NOTE:
        keep_note(tally, &event->note);
        keep_wait(tally, event);
        break;
    default: break;
    }
    tally->last_ms = event->time_ms;
}

void pbti_study_stats_after(struct pbti_study_stats *tally, const struct pbti_state *state,
                            const struct pbti_event *event)
{
    if (event->type != PBTI_REPORT || event->report.outcome != PBTI_OUTCOME_DONE) { return; }
    uint64_t const at = tally->rates_count++ % PBTI_STATS_RATES;
    tally->rate_ms[at] = event->time_ms;
    tally->rate_steps[at] = pbti_state_counts(state).steps;
    const struct pbti_member *const member = pbti_state_member(state, event->report.member);
    if (event->report.segment != 1 || member->group != PBTI_GROUP_POPULATION ||
        !isfinite(member->score)) {
        return;
    }
    if (tally->first_count == 0 ||
        pbti_better(pbti_state_config(state), member->score, tally->first_best)) {
        tally->first_best = member->score;
    }
    tally->first_count++;
    tally->first_sum += member->score;
}

/* -------- questions -------- */

double pbti_study_stats_rate(const struct pbti_study_stats *tally)
{
    if (tally->rates_count < 2) { return 0; }
    uint64_t const span =
        tally->rates_count < PBTI_STATS_RATES ? tally->rates_count : PBTI_STATS_RATES;
    uint64_t const first = (tally->rates_count - span) % PBTI_STATS_RATES;
    uint64_t const last = (tally->rates_count - 1) % PBTI_STATS_RATES;
    int64_t const ms = tally->rate_ms[last] - tally->rate_ms[first];
    uint64_t const steps = tally->rate_steps[last] - tally->rate_steps[first];
    return ms <= 0 ? 0 : 1000.0 * (double)steps / (double)ms;
}

int64_t pbti_study_stats_worked_ms(const struct pbti_study_stats *tally)
{
    int64_t const ms = tally->last_ms - tally->first_ms - tally->idle_ms;
    return ms < 0 ? 0 : ms;
}

const struct pbti_study_stats_exploit *pbti_study_stats_exploit(
    const struct pbti_study_stats *tally, uint32_t back)
{
    if (back >= PBTI_STATS_EXPLOITS || back >= tally->exploits_count) { return NULL; }
    return &tally->exploits[(tally->exploits_count - 1 - back) % PBTI_STATS_EXPLOITS];
}
