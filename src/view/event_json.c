/* SPDX-License-Identifier: Apache-2.0 */
/* view/event_json.c - events as JSON objects. */
#include "view/event_json.h"

#include "view/explain.h"
#include "view/summary.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static json_t *text_json(struct pbti_text text)
{
    return pbti_json_text(text.data, text.size);
}

static json_t *member_json(uint32_t member)
{
    return member == PBTI_NO_MEMBER ? json_null() : json_integer((json_int_t)member);
}

/* Ids of workers and hashes: 16 hexadecimal digits, since JSON numbers lose bits. */
static json_t *hex_json(uint64_t number)
{
    char text[17];
    (void)snprintf(text, sizeof text, "%016" PRIx64, number);
    return json_string(text);
}

/* A text that should be a JSON object; {} when it is empty. */
static json_t *object_json(struct pbti_text text)
{
    if (text.size == 0) { return json_object(); }
    json_t *const object = json_loadb(text.data, text.size, 0, NULL);
    return object != NULL ? object : text_json(text);
}

static json_t *study_json(const struct pbti_event_study *study)
{
    char seed[24];
    (void)snprintf(seed, sizeof seed, "%" PRIu64, study->config->seed);
    return json_pack("{s:s, s:I, s:I, s:I, s:o}", "seed", seed, "members",
                     (json_int_t)study->config->members, "controls",
                     (json_int_t)study->config->control_independent +
                         study->config->control_selection_only,
                     "steps", (json_int_t)study->config->steps, "spec", text_json(study->spec));
}

static json_t *claim_json(const struct pbti_state *state, const struct pbti_event_claim *claim)
{
    json_t *const json =
        json_pack("{s:I, s:I, s:I, s:o, s:I}", "member", (json_int_t)claim->member, "segment",
                  (json_int_t)claim->segment, "attempt", (json_int_t)claim->attempt, "worker",
                  hex_json(claim->worker), "slot", (json_int_t)claim->slot);
    if (state == NULL || claim->member >= pbti_state_members(state)) { return json; }
    const struct pbti_member *const member = pbti_state_member(state, claim->member);
    (void)json_object_set_new(json, "from", pbti_json_checkpoint(member->start));
    (void)json_object_set_new(json, "age", json_integer((json_int_t)member->age));
    double values[PBTI_HP_MAX];
    pbti_state_in_force(state, claim->member, values);
    (void)json_object_set_new(json, "hyperparameters",
                              pbti_values_json(&pbti_state_config(state)->space, values));
    return json;
}

static json_t *proposal_json(const struct pbti_state *state,
                             const struct pbti_event_proposal *proposal)
{
    json_t *const json = json_pack("{s:I, s:I}", "member", (json_int_t)proposal->member, "knows",
                                   (json_int_t)proposal->knows);
    if (state == NULL || proposal->values_count != pbti_state_config(state)->space.count) {
        return json;
    }
    (void)json_object_set_new(json, "hyperparameters",
                              pbti_values_json(&pbti_state_config(state)->space, proposal->values));
    return json;
}

static json_t *report_json(const struct pbti_state *state, const struct pbti_event_report *report)
{
    json_t *const scores = json_array();
    for (uint32_t i = 0; i < report->scores_count; i++) {
        (void)json_array_append_new(scores, pbti_json_number(report->scores[i]));
    }
    struct pbti_checkpoint const checkpoint = {
        report->member, report->outcome == PBTI_OUTCOME_DONE ? report->segment : 0,
        report->attempt};
    bool const known = state != NULL && report->member < pbti_state_members(state);
    json_int_t const age = known ? (json_int_t)pbti_state_member(state, report->member)->age : 0;
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:s, s:I, s:o, s:o, s:o, s:I, s:I, s:o, s:I, s:I, s:I, s:o, s:o}",
        "member", (json_int_t)report->member, "segment", (json_int_t)report->segment, "attempt",
        (json_int_t)report->attempt, "claim", (json_int_t)report->claim, "outcome",
        pbti_outcome_name(report->outcome), "steps", (json_int_t)report->steps, "age",
        known ? json_integer(age + (json_int_t)report->steps) : json_null(), "scores", scores,
        "checkpoint", pbti_json_checkpoint(checkpoint), "files", (json_int_t)report->files, "bytes",
        (json_int_t)report->bytes, "hash", hex_json(report->hash), "load_ms",
        (json_int_t)report->load_ms, "train_ms", (json_int_t)report->train_ms, "save_ms",
        (json_int_t)report->save_ms, "metrics", object_json(report->metrics), "message",
        text_json(report->message));
}

/* What happened to each hyperparameter: {"lr": {"kind": "factor", "amount": 1.2}, ...}. */
static json_t *moves_json(const struct pbti_space *space,
                          const struct pbti_event_decision *decision)
{
    json_t *const moves = json_object();
    for (uint32_t i = 0; i < decision->values_count && i < space->count; i++) {
        json_t *const move =
            json_pack("{s:s, s:o}", "kind", pbti_move_name(decision->moves[i].kind), "amount",
                      decision->moves[i].kind == PBTI_MOVE_KEPT
                          ? json_null()
                          : pbti_json_number(decision->moves[i].amount));
        (void)json_object_set_new(moves, space->hp[i].name, move);
    }
    return moves;
}

static const char *copied_name(uint8_t copied)
{
    switch (copied) {
    case PBTI_COPY_WEIGHTS: return "weights";
    case PBTI_COPY_HYPERPARAMETERS: return "hyperparameters";
    case PBTI_COPY_BOTH: return "both";
    default: return "nothing";
    }
}

static json_t *rank_json(uint32_t rank)
{
    return rank == 0 ? json_null() : json_integer((json_int_t)rank);
}

static json_t *decision_json(const struct pbti_state *state,
                             const struct pbti_event_decision *decision)
{
    json_t *const json = json_pack(
        "{s:I, s:I, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "member",
        (json_int_t)decision->member, "segment", (json_int_t)decision->segment, "kind",
        pbti_decision_name(decision->kind), "why", pbti_why_name(decision->why), "opponent",
        member_json(decision->opponent), "opponent_segment", rank_json(decision->opponent_segment),
        "rank", rank_json(decision->rank), "count", rank_json(decision->count), "opponent_rank",
        rank_json(decision->opponent_rank), "score", pbti_json_number(decision->score),
        "opponent_score", pbti_json_number(decision->opponent_score), "p",
        pbti_json_number(decision->p), "draw", hex_json(decision->draw), "copied",
        copied_name(decision->kind == PBTI_REPLACE ? decision->copied : 0));
    bool const explored = state != NULL && decision->values_count > 0 &&
                          decision->values_count == pbti_state_config(state)->space.count;
    if (!explored) { return json; }
    const struct pbti_space *const space = &pbti_state_config(state)->space;
    (void)json_object_set_new(json, "hyperparameters", pbti_values_json(space, decision->values));
    (void)json_object_set_new(json, "moves", moves_json(space, decision));
    return json;
}

static json_t *details_json(const struct pbti_state *state, const struct pbti_event *event)
{
    switch (event->type) {
    case PBTI_STUDY:
    case PBTI_AMEND: return study_json(&event->study);
    case PBTI_CLAIM: return claim_json(state, &event->claim);
    case PBTI_RELEASE:
        return json_pack("{s:I, s:I, s:s}", "member", (json_int_t)event->release.member, "claim",
                         (json_int_t)event->release.claim, "reason",
                         pbti_release_name(event->release.reason));
    case PBTI_REPORT: return report_json(state, &event->report);
    case PBTI_DECISION: return decision_json(state, &event->decision);
    case PBTI_STOP: return json_pack("{s:s}", "reason", pbti_stop_name(event->stop.reason));
    case PBTI_WORKER:
    case PBTI_LEAVE:
        return json_pack("{s:o, s:o, s:I, s:I}", "worker", hex_json(event->worker.worker), "host",
                         text_json(event->worker.host), "process",
                         (json_int_t)event->worker.process, "slots",
                         (json_int_t)event->worker.slots);
    case PBTI_NOTE:
        return json_pack("{s:o, s:o, s:o}", "topic", text_json(event->note.topic), "checkpoint",
                         pbti_json_checkpoint(event->note.checkpoint), "detail",
                         object_json(event->note.detail));
    case PBTI_PROPOSAL: return proposal_json(state, &event->proposal);
    default: return json_object();
    }
}

json_t *pbti_event_json(const struct pbti_state *state, uint64_t seq,
                        const struct pbti_event *event)
{
    struct pbti_str words = {0};
    pbti_explain_event(&words, state, event);
    json_t *const json =
        json_pack("{s:i, s:I, s:o, s:s, s:o}", "version", PBTI_JSON_VERSION, "seq", (json_int_t)seq,
                  "time", pbti_json_time(event->time_ms), "type", pbti_event_name(event->type),
                  "text", pbti_json_text(pbti_str_text(&words), words.size));
    pbti_str_deinit(&words);
    json_t *const details = details_json(state, event);
    if (json == NULL || details == NULL || json_object_update(json, details) != 0) {
        json_decref(json);
        json_decref(details);
        return NULL;
    }
    json_decref(details);
    return json;
}
