/* SPDX-License-Identifier: Apache-2.0 */
/* view/explain.c - events in words. */
#include "view/explain.h"

#include "view/study_stats.h"

#include "view/format.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

const char *pbti_explain_stop(uint8_t stop)
{
    switch (stop) {
    case PBTI_STOP_NONE: return "it goes on";
    case PBTI_STOP_BUDGET: return "every member is through";
    case PBTI_STOP_TARGET: return "the target score was reached";
    case PBTI_STOP_PLATEAU: return "the best score did not improve for long enough";
    case PBTI_STOP_HOURS: return "its time was used up";
    case PBTI_STOP_USER: return "somebody stopped it";
    case PBTI_STOP_FAILED: return "no member is left alive";
    default: return "for a reason that is not known";
    }
}

const char *pbti_explain_outcome(uint8_t outcome)
{
    switch (outcome) {
    case PBTI_OUTCOME_DONE: return "done";
    case PBTI_OUTCOME_CRASH: return "the trainer ended by itself";
    case PBTI_OUTCOME_START: return "the trainer did not start in time";
    case PBTI_OUTCOME_SILENCE: return "the trainer was silent for too long";
    case PBTI_OUTCOME_SEGMENT: return "the segment took too long";
    case PBTI_OUTCOME_PROTOCOL: return "the trainer broke the protocol";
    case PBTI_OUTCOME_ERROR: return "the trainer reported an error";
    case PBTI_OUTCOME_NAN: return "the trainer met a number that is not finite";
    case PBTI_OUTCOME_OOM: return "out of memory";
    case PBTI_OUTCOME_CONFIG: return "the trainer cannot work with what it was given";
    case PBTI_OUTCOME_IN_FORCE: return "other hyperparameters were in force than handed over";
    case PBTI_OUTCOME_CHECKPOINT: return "the checkpoint could not be published or is missing";
    default: return "for a reason that is not known";
    }
}

/* -------- decisions -------- */

/* "member 3 (rank 15 of 16, 0.8123)": what is known of it. */
static void add_member(struct pbti_str *str, uint32_t member, uint32_t rank, uint32_t count,
                       double score)
{
    pbti_str_addf(str, "member %" PRIu32, member);
    if (rank == 0 && isnan(score)) { return; }
    pbti_str_add(str, " (");
    if (rank > 0) { pbti_str_addf(str, "rank %" PRIu32, rank); }
    if (rank > 0 && count > 0) { pbti_str_addf(str, " of %" PRIu32, count); }
    if (!isnan(score)) {
        if (rank > 0) { pbti_str_add(str, ", "); }
        pbti_str_score(str, score);
    }
    pbti_str_add(str, ")");
}

static void add_self(struct pbti_str *str, const struct pbti_event_decision *decision)
{
    add_member(str, decision->member, decision->rank, decision->count, decision->score);
}

static void add_opponent(struct pbti_str *str, const struct pbti_event_decision *decision)
{
    add_member(str, decision->opponent, decision->opponent_rank, 0, decision->opponent_score);
}

/* How one value came about: "(x1.2)". */
static void add_move(struct pbti_str *str, const struct pbti_move *move)
{
    switch (move->kind) {
    case PBTI_MOVE_FACTOR: pbti_str_addf(str, " (x%.4g)", move->amount); break;
    case PBTI_MOVE_NOISE: pbti_str_addf(str, " (noise %+.3g)", move->amount); break;
    case PBTI_MOVE_RESAMPLED: pbti_str_add(str, " (drawn anew)"); break;
    case PBTI_MOVE_SCHEDULED: pbti_str_add(str, " (schedule)"); break;
    default: break;
    }
}

/* "lr 0.0012 -> 0.00144 (x1.2); dropout, batch kept" */
static void add_moves(struct pbti_str *str, const struct pbti_space *space,
                      const struct pbti_event_decision *decision, const double *before)
{
    uint32_t moved = 0;
    for (uint32_t i = 0; i < decision->values_count; i++) {
        if (decision->moves[i].kind == PBTI_MOVE_KEPT) { continue; }
        pbti_str_add(str, moved++ > 0 ? ", " : "");
        pbti_str_escape(str, space->hp[i].name, strlen(space->hp[i].name));
        pbti_str_add(str, " ");
        if (before != NULL) {
            pbti_str_value(str, space, i, before[i]);
            pbti_str_add(str, " -> ");
        }
        pbti_str_value(str, space, i, decision->values[i]);
        add_move(str, &decision->moves[i]);
    }
    if (moved == decision->values_count) { return; }
    if (moved == 0) {
        pbti_str_add(str, "all hyperparameters kept");
        return;
    }
    const char *separator = "; ";
    for (uint32_t i = 0; i < decision->values_count; i++) {
        if (decision->moves[i].kind != PBTI_MOVE_KEPT) { continue; }
        pbti_str_add(str, separator);
        pbti_str_escape(str, space->hp[i].name, strlen(space->hp[i].name));
        separator = ", ";
    }
    pbti_str_add(str, " kept");
}

/* Why a member trains on. */
static void add_keep(struct pbti_str *str, const struct pbti_event_decision *decision)
{
    switch (decision->why) {
    case PBTI_WHY_BURN_IN: pbti_str_add(str, "too young to be judged"); break;
    case PBTI_WHY_NO_EXPLOIT: pbti_str_add(str, "it copies from nobody"); break;
    case PBTI_WHY_RANKED: pbti_str_add(str, "not in the bottom group"); break;
    case PBTI_WHY_NO_DONOR: pbti_str_add(str, "there is nobody to copy from"); break;
    case PBTI_WHY_GAP:
        add_opponent(str, decision);
        pbti_str_add(str, " is not better by the minimum gap");
        break;
    case PBTI_WHY_WON:
        pbti_str_add(str, "at least as good as ");
        add_opponent(str, decision);
        break;
    case PBTI_WHY_INSIGNIFICANT:
        pbti_str_add(str, "not significantly worse than ");
        add_opponent(str, decision);
        if (!isnan(decision->p)) { pbti_str_addf(str, ", p = %.3g", decision->p); }
        break;
    case PBTI_WHY_FEW_SCORES:
        pbti_str_add(str, "too few scores to be compared");
        if (decision->opponent != PBTI_NO_MEMBER) {
            pbti_str_add(str, " with ");
            add_opponent(str, decision);
        }
        break;
    case PBTI_WHY_TIE:
        pbti_str_add(str, "not worse than ");
        add_opponent(str, decision);
        break;
    case PBTI_WHY_LAST_OF_LINE:
        pbti_str_add(str, "the last of its line, and no more founders may be lost now (instead of "
                          "a copy of ");
        add_opponent(str, decision);
        pbti_str_add(str, ")");
        break;
    case PBTI_WHY_BETWEEN_RUNGS: pbti_str_add(str, "it is between two rungs"); break;
    case PBTI_WHY_PROMOTED: pbti_str_add(str, "among the best of its rung"); break;
    default: pbti_str_add(str, pbti_why_name(decision->why)); break;
    }
}

static void add_replace(struct pbti_str *str, const struct pbti_event_decision *decision)
{
    switch (decision->why) {
    case PBTI_WHY_LOST: pbti_str_add(str, " lost against "); break;
    case PBTI_WHY_SIGNIFICANT: pbti_str_add(str, " significantly worse than "); break;
    case PBTI_WHY_REVIVED: pbti_str_add(str, " failed and restarts from "); break;
    default: pbti_str_add(str, " replaced by "); break;
    }
    add_opponent(str, decision);
    if (!isnan(decision->p)) { pbti_str_addf(str, ", p = %.3g", decision->p); }
    if (decision->copied == PBTI_COPY_WEIGHTS) { pbti_str_add(str, ", weights only"); }
    if (decision->copied == PBTI_COPY_HYPERPARAMETERS) {
        pbti_str_add(str, ", hyperparameters only");
    }
}

void pbti_explain_decision(struct pbti_str *str, const struct pbti_space *space,
                           const struct pbti_event_decision *decision, const double *before)
{
    add_self(str, decision);
    switch (decision->kind) {
    case PBTI_KEEP:
        pbti_str_add(str, " trains on: ");
        add_keep(str, decision);
        break;
    case PBTI_REPLACE: add_replace(str, decision); break;
    case PBTI_FINISH:
        pbti_str_add(str, decision->why == PBTI_WHY_ELIMINATED
                              ? " is through: not among the best of its rung"
                              : " is through: its budget is used");
        break;
    case PBTI_PAUSE: pbti_str_add(str, " waits at a rung"); break;
    case PBTI_GIVE_UP:
        pbti_str_add(str, decision->why == PBTI_WHY_NO_DONOR
                              ? " is given up: it failed, and there is nobody to restart it from"
                              : " is given up: it failed too often");
        break;
    default: pbti_str_add(str, " ?"); break;
    }
    if (decision->values_count == 0 || space == NULL) { return; }
    pbti_str_add(str, decision->kind == PBTI_REPLACE ? ": " : "; explores: ");
    add_moves(str, space, decision, before);
}

/* -------- the other events -------- */

static void explain_study(struct pbti_str *str, const struct pbti_event *event)
{
    const struct pbti_config *const config = event->study.config;
    pbti_str_add(str, event->type == PBTI_STUDY ? "the study begins: " : "the study was amended: ");
    pbti_str_count(str, config->members);
    pbti_str_add(str, " members");
    uint32_t const controls = config->control_independent + config->control_selection_only;
    if (controls > 0) { pbti_str_addf(str, " and %" PRIu32 " controls", controls); }
    pbti_str_add(str, ", ");
    pbti_str_budget(str, config);
    pbti_str_addf(str, ", %s, seed %" PRIu64, pbti_mode_name(config->mode), config->seed);
    if (config->revive) { pbti_str_add(str, "; members that were given up are tried again"); }
}

static void explain_claim(struct pbti_str *str, const struct pbti_state *state,
                          const struct pbti_event_claim *claim)
{
    pbti_str_addf(str, "member %" PRIu32 " starts segment %" PRIu32, claim->member, claim->segment);
    if (claim->attempt > 1) { pbti_str_addf(str, " (attempt %" PRIu32 ")", claim->attempt); }
    if (state != NULL && claim->member < pbti_state_members(state)) {
        const struct pbti_member *const member = pbti_state_member(state, claim->member);
        if (member->start.segment == 0) {
            pbti_str_add(str, " afresh");
        } else {
            pbti_str_add(str, " from ");
            pbti_str_checkpoint(str, member->start);
            pbti_str_add(str, " at age ");
            pbti_str_count(str, member->age);
        }
    }
    pbti_str_addf(str, " on slot %" PRIu32 " of worker %016" PRIx64, claim->slot, claim->worker);
}

static void explain_release(struct pbti_str *str, const struct pbti_state *state,
                            const struct pbti_event_release *release)
{
    static const char *const reasons[] = {"the worker stops", "the worker is dead",
                                          "the study has ended"};
    pbti_str_addf(str, "member %" PRIu32, release->member);
    if (state != NULL && release->member < pbti_state_members(state)) {
        pbti_str_addf(str, " gives up segment %" PRIu32,
                      pbti_state_member(state, release->member)->segment);
    } else {
        pbti_str_add(str, " gives up its segment");
    }
    pbti_str_addf(str, ": %s", release->reason < PBTI_RELEASES ? reasons[release->reason] : "?");
}

static void add_took(struct pbti_str *str, const struct pbti_event_report *report)
{
    pbti_str_add(str, " (");
    if (report->load_ms > 0) {
        pbti_str_add(str, "load ");
        pbti_str_duration(str, report->load_ms);
        pbti_str_add(str, ", ");
    }
    pbti_str_add(str, "train ");
    pbti_str_duration(str, report->train_ms);
    pbti_str_add(str, ", save ");
    pbti_str_duration(str, report->save_ms);
    pbti_str_add(str, ")");
}

static void explain_report(struct pbti_str *str, const struct pbti_state *state,
                           const struct pbti_event_report *report)
{
    pbti_str_addf(str, "member %" PRIu32 " segment %" PRIu32, report->member, report->segment);
    if (report->outcome != PBTI_OUTCOME_DONE) {
        pbti_str_addf(str, " attempt %" PRIu32 " failed: %s", report->attempt,
                      pbti_explain_outcome(report->outcome));
    } else {
        if (state != NULL && report->member < pbti_state_members(state)) {
            pbti_str_add(str, " at age ");
            pbti_str_count(str, pbti_state_member(state, report->member)->age + report->steps);
        }
        if (report->scores_count == 0) {
            pbti_str_add(str, ": no score");
        } else {
            pbti_str_add(str, report->scores_count == 1 ? ": score " : ": last score ");
            pbti_str_score(str, report->scores[report->scores_count - 1]);
        }
        if (report->scores_count > 1) { pbti_str_addf(str, " of %" PRIu32, report->scores_count); }
        add_took(str, report);
    }
    if (report->message.size > 0) {
        pbti_str_add(str, report->outcome == PBTI_OUTCOME_DONE ? "; warning: " : ": ");
        pbti_str_escape(str, report->message.data, report->message.size);
    }
}

static void explain_decision(struct pbti_str *str, const struct pbti_state *state,
                             const struct pbti_event_decision *decision)
{
    if (state == NULL || decision->member >= pbti_state_members(state)) {
        pbti_explain_decision(str, NULL, decision, NULL);
        return;
    }
    bool const copied = decision->kind == PBTI_REPLACE &&
                        (decision->copied & PBTI_COPY_HYPERPARAMETERS) != 0 &&
                        decision->opponent < pbti_state_members(state);
    uint32_t const from = copied ? decision->opponent : decision->member;
    pbti_explain_decision(str, &pbti_state_config(state)->space, decision,
                          pbti_state_values(state, from));
}

static void explain_worker(struct pbti_str *str, const struct pbti_event *event)
{
    const struct pbti_event_worker *const worker = &event->worker;
    pbti_str_addf(str, "worker %016" PRIx64 " %s: process %" PRIu64 " on ", worker->worker,
                  event->type == PBTI_WORKER ? "joined" : "left", worker->process);
    pbti_str_escape(str, worker->host.data, worker->host.size);
    if (event->type == PBTI_WORKER) { pbti_str_addf(str, ", %" PRIu32 " slots", worker->slots); }
}

static void explain_proposal(struct pbti_str *str, const struct pbti_state *state,
                             const struct pbti_event_proposal *proposal)
{
    pbti_str_addf(str, "member %" PRIu32 " shall begin with what was proposed", proposal->member);
    if (state == NULL || proposal->values_count != pbti_state_config(state)->space.count) {
        return;
    }
    pbti_str_add(str, ": ");
    pbti_str_values(str, &pbti_state_config(state)->space, proposal->values);
}

/* A failure of a place, and how long its slot waits. */
static void explain_withdrawal(struct pbti_str *str, const struct pbti_event_note *note,
                               const struct pbti_withdrawal *withdrawal)
{
    pbti_str_addf(str, "worker %016" PRIx64 " waits %g s, ", withdrawal->worker,
                  (double)withdrawal->wait_ms / 1000.0);
    pbti_str_checkpoint(str, note->checkpoint);
    pbti_str_addf(str, " is not counted (%s): ", withdrawal->outcome);
    pbti_str_escape(str, withdrawal->message, strlen(withdrawal->message));
}

static void explain_note(struct pbti_str *str, const struct pbti_event_note *note)
{
    struct pbti_withdrawal withdrawal;
    if (pbti_withdrawal_read(note, &withdrawal)) {
        explain_withdrawal(str, note, &withdrawal);
        return;
    }
    pbti_str_escape(str, note->topic.data, note->topic.size);
    if (note->checkpoint.segment != 0) {
        pbti_str_add(str, " of ");
        pbti_str_checkpoint(str, note->checkpoint);
    }
    pbti_str_add(str, ": ");
    pbti_str_escape(str, note->detail.data, note->detail.size);
}

void pbti_explain_event(struct pbti_str *str, const struct pbti_state *state,
                        const struct pbti_event *event)
{
    switch (event->type) {
    case PBTI_STUDY:
    case PBTI_AMEND: explain_study(str, event); break;
    case PBTI_CLAIM: explain_claim(str, state, &event->claim); break;
    case PBTI_RELEASE: explain_release(str, state, &event->release); break;
    case PBTI_REPORT: explain_report(str, state, &event->report); break;
    case PBTI_DECISION: explain_decision(str, state, &event->decision); break;
    case PBTI_STOP:
        pbti_str_addf(str, "the study ends: %s", pbti_explain_stop(event->stop.reason));
        break;
    case PBTI_WORKER:
    case PBTI_LEAVE: explain_worker(str, event); break;
    case PBTI_NOTE: explain_note(str, &event->note); break;
    case PBTI_PROPOSAL: explain_proposal(str, state, &event->proposal); break;
    default: pbti_str_add(str, "an event that is not known"); break;
    }
}
