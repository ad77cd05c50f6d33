/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/event.c - the encoding of events; see event.h and docs/journal-format.md.
 *
 * An event is: type (u8), version of its payload (u8), time in milliseconds (zigzag varint),
 * payload. It is valid if and only if every number is in its range, every text within its limit,
 * and nothing is left over.
 */
#include "core/event.h"

#include "core/names.h"

#include <math.h>
#include <string.h>

#define EVENT_VERSION 1 /* of all payloads but those with a config, which has one of its own */

PBTI_NAME_FUNCTION(pbti_event_name, PBTI_EVENT_LIST)
PBTI_NAME_FUNCTION(pbti_outcome_name, PBTI_OUTCOME_LIST)
PBTI_NAME_FUNCTION(pbti_release_name, PBTI_RELEASE_LIST)
PBTI_NAME_FUNCTION(pbti_stop_name, PBTI_STOP_LIST)
PBTI_NAME_FUNCTION(pbti_decision_name, PBTI_DECISION_LIST)
PBTI_NAME_FUNCTION(pbti_why_name, PBTI_WHY_LIST)
PBTI_NAME_FUNCTION(pbti_move_name, PBTI_MOVE_LIST)

/* A byte that names one of `count` things. */
static uint8_t get_code(struct pbti_reader *reader, unsigned count)
{
    uint8_t const value = pbti_get_u8(reader);
    if (value >= count) { reader->failed = true; }
    return value;
}

/* -------- one pair of functions an event -------- */

static void put_study(const struct pbti_event_study *study, struct pbti_writer *writer)
{
    pbti_put_varint(writer, study->config->rules);
    pbti_config_encode(study->config, writer);
    pbti_put_text(writer, study->spec);
}

static void get_study(struct pbti_event_study *study, uint8_t version, struct pbti_reader *reader,
                      struct pbti_scratch *scratch)
{
    uint64_t const rules = pbti_get_varint(reader);
    if (rules < 1 || rules > PBTI_RULES_VERSION) { reader->failed = true; }
    if (!reader->failed) { pbti_config_decode(&scratch->config, version, reader); }
    scratch->config.rules = (uint32_t)rules;
    study->config = &scratch->config;
    study->spec = pbti_get_text(reader, PBTI_SPEC_TEXT_MAX);
}

static void put_claim(const struct pbti_event_claim *claim, struct pbti_writer *writer)
{
    pbti_put_varint(writer, claim->member);
    pbti_put_varint(writer, claim->segment);
    pbti_put_varint(writer, claim->attempt);
    pbti_put_u64(writer, claim->worker);
    pbti_put_varint(writer, claim->slot);
}

static void get_claim(struct pbti_event_claim *claim, struct pbti_reader *reader)
{
    claim->member = pbti_get_u32(reader);
    claim->segment = pbti_get_u32(reader);
    claim->attempt = pbti_get_u32(reader);
    claim->worker = pbti_get_u64(reader);
    claim->slot = pbti_get_u32(reader);
}

static void put_release(const struct pbti_event_release *release, struct pbti_writer *writer)
{
    pbti_put_varint(writer, release->member);
    pbti_put_varint(writer, release->claim);
    pbti_put_u8(writer, release->reason);
}

static void get_release(struct pbti_event_release *release, struct pbti_reader *reader)
{
    release->member = pbti_get_u32(reader);
    release->claim = pbti_get_varint(reader);
    release->reason = get_code(reader, PBTI_RELEASES);
}

static void put_report(const struct pbti_event_report *report, struct pbti_writer *writer)
{
    pbti_put_varint(writer, report->member);
    pbti_put_varint(writer, report->segment);
    pbti_put_varint(writer, report->attempt);
    pbti_put_varint(writer, report->claim);
    pbti_put_u8(writer, report->outcome);
    pbti_put_varint(writer, report->steps);
    pbti_put_varint(writer, report->scores_count);
    for (uint32_t i = 0; i < report->scores_count; i++) {
        pbti_put_double(writer, report->scores[i]);
    }
    pbti_put_varint(writer, report->files);
    pbti_put_varint(writer, report->bytes);
    pbti_put_u64(writer, report->hash);
    pbti_put_varint(writer, report->load_ms);
    pbti_put_varint(writer, report->train_ms);
    pbti_put_varint(writer, report->save_ms);
    pbti_put_text(writer, report->metrics);
    pbti_put_text(writer, report->message);
}

static void get_report(struct pbti_event_report *report, struct pbti_reader *reader,
                       struct pbti_scratch *scratch)
{
    report->member = pbti_get_u32(reader);
    report->segment = pbti_get_u32(reader);
    report->attempt = pbti_get_u32(reader);
    report->claim = pbti_get_varint(reader);
    report->outcome = get_code(reader, PBTI_OUTCOMES);
    report->steps = pbti_get_varint(reader);
    report->scores_count = pbti_get_u32(reader);
    if (report->scores_count > PBTI_SCORES_MAX || report->steps > PBTI_STEPS_MAX) {
        reader->failed = true;
    }
    for (uint32_t i = 0; !reader->failed && i < report->scores_count; i++) {
        scratch->scores[i] = pbti_get_double(reader);
    }
    report->scores = scratch->scores;
    report->files = pbti_get_u32(reader);
    report->bytes = pbti_get_varint(reader);
    report->hash = pbti_get_u64(reader);
    report->load_ms = pbti_get_u32(reader);
    report->train_ms = pbti_get_u32(reader);
    report->save_ms = pbti_get_u32(reader);
    report->metrics = pbti_get_text(reader, PBTI_METRICS_TEXT_MAX);
    report->message = pbti_get_text(reader, PBTI_MESSAGE_MAX);
}

/* Optional parts of a decision, as bits, so that the common "train on" stays small. */
#define HAS_OPPONENT 1u
#define HAS_RANK 2u
#define HAS_P 4u
#define HAS_VALUES 8u
#define HAS_SCORE 16u
#define HAS_ALL 31u

static void put_decision(const struct pbti_event_decision *decision, struct pbti_writer *writer)
{
    unsigned parts = 0;
    if (decision->opponent != PBTI_NO_MEMBER) { parts |= HAS_OPPONENT; }
    if (decision->count > 0) { parts |= HAS_RANK; }
    if (!isnan(decision->p)) { parts |= HAS_P; }
    if (decision->values_count > 0) { parts |= HAS_VALUES; }
    if (!isnan(decision->score)) { parts |= HAS_SCORE; }
    pbti_put_varint(writer, decision->member);
    pbti_put_varint(writer, decision->segment);
    pbti_put_u8(writer, decision->kind);
    pbti_put_u8(writer, decision->why);
    pbti_put_u8(writer, decision->copied);
    pbti_put_u8(writer, (uint8_t)parts);
    if (parts & HAS_OPPONENT) {
        pbti_put_varint(writer, decision->opponent);
        pbti_put_varint(writer, decision->opponent_segment);
        pbti_put_varint(writer, decision->opponent_rank);
        pbti_put_double(writer, decision->opponent_score);
        pbti_put_u64(writer, decision->draw);
    }
    if (parts & HAS_RANK) {
        pbti_put_varint(writer, decision->rank);
        pbti_put_varint(writer, decision->count);
    }
    if (parts & HAS_SCORE) { pbti_put_double(writer, decision->score); }
    if (parts & HAS_P) { pbti_put_double(writer, decision->p); }
    if (parts & HAS_VALUES) {
        pbti_put_varint(writer, decision->values_count);
        for (uint32_t i = 0; i < decision->values_count; i++) {
            pbti_put_double(writer, decision->values[i]);
            pbti_put_u8(writer, decision->moves[i].kind);
            pbti_put_double(writer, decision->moves[i].amount);
        }
    }
}

static void get_moves(struct pbti_event_decision *decision, struct pbti_reader *reader,
                      struct pbti_scratch *scratch)
{
    decision->values_count = pbti_get_u32(reader);
    if (decision->values_count < 1 || decision->values_count > PBTI_HP_MAX) {
        reader->failed = true;
    }
    for (uint32_t i = 0; !reader->failed && i < decision->values_count; i++) {
        scratch->values[i] = pbti_get_double(reader);
        scratch->moves[i].kind = get_code(reader, PBTI_MOVES);
        scratch->moves[i].amount = pbti_get_double(reader);
    }
    decision->values = scratch->values;
    decision->moves = scratch->moves;
}

static void get_decision(struct pbti_event_decision *decision, struct pbti_reader *reader,
                         struct pbti_scratch *scratch)
{
    *decision = (struct pbti_event_decision){
        .opponent = PBTI_NO_MEMBER, .score = NAN, .opponent_score = NAN, .p = NAN};
    decision->member = pbti_get_u32(reader);
    decision->segment = pbti_get_u32(reader);
    decision->kind = get_code(reader, PBTI_DECISIONS);
    decision->why = get_code(reader, PBTI_WHYS);
    decision->copied = get_code(reader, PBTI_COPY_BOTH + 1);
    uint8_t const parts = get_code(reader, HAS_ALL + 1);
    if (parts & HAS_OPPONENT) {
        decision->opponent = pbti_get_u32(reader);
        decision->opponent_segment = pbti_get_u32(reader);
        decision->opponent_rank = pbti_get_u32(reader);
        decision->opponent_score = pbti_get_double(reader);
        decision->draw = pbti_get_u64(reader);
    }
    if (parts & HAS_RANK) {
        decision->rank = pbti_get_u32(reader);
        decision->count = pbti_get_u32(reader);
    }
    if (parts & HAS_SCORE) { decision->score = pbti_get_double(reader); }
    if (parts & HAS_P) { decision->p = pbti_get_double(reader); }
    if (parts & HAS_VALUES) { get_moves(decision, reader, scratch); }
    /* a part that says that it is not there has a second encoding: refused */
    bool const empty = (parts & HAS_OPPONENT && decision->opponent == PBTI_NO_MEMBER) ||
                       (parts & HAS_RANK && decision->count == 0) ||
                       (parts & HAS_SCORE && isnan(decision->score)) ||
                       (parts & HAS_P && isnan(decision->p));
    if (empty) { reader->failed = true; }
}

/* Other ends follow from the events; nobody says them. */
static void get_stop(struct pbti_event_stop *stop, struct pbti_reader *reader)
{
    stop->reason = get_code(reader, PBTI_STOPS);
    bool const said = stop->reason == PBTI_STOP_HOURS || stop->reason == PBTI_STOP_USER;
    if (!said) { reader->failed = true; }
}

static void put_worker(const struct pbti_event_worker *worker, struct pbti_writer *writer)
{
    pbti_put_u64(writer, worker->worker);
    pbti_put_varint(writer, worker->slots);
    pbti_put_varint(writer, worker->process);
    pbti_put_text(writer, worker->host);
}

static void get_worker(struct pbti_event_worker *worker, struct pbti_reader *reader)
{
    worker->worker = pbti_get_u64(reader);
    worker->slots = pbti_get_u32(reader);
    worker->process = pbti_get_varint(reader);
    worker->host = pbti_get_text(reader, PBTI_NAME_MAX);
}

static void put_note(const struct pbti_event_note *note, struct pbti_writer *writer)
{
    pbti_put_varint(writer, note->checkpoint.member);
    pbti_put_varint(writer, note->checkpoint.segment);
    pbti_put_varint(writer, note->checkpoint.attempt);
    pbti_put_text(writer, note->topic);
    pbti_put_text(writer, note->detail);
}

static void get_note(struct pbti_event_note *note, struct pbti_reader *reader)
{
    note->checkpoint.member = pbti_get_u32(reader);
    note->checkpoint.segment = pbti_get_u32(reader);
    note->checkpoint.attempt = pbti_get_u32(reader);
    note->topic = pbti_get_text(reader, PBTI_NAME_MAX);
    note->detail = pbti_get_text(reader, PBTI_METRICS_TEXT_MAX);
}

static void put_proposal(const struct pbti_event_proposal *proposal, struct pbti_writer *writer)
{
    pbti_put_varint(writer, proposal->member);
    pbti_put_varint(writer, proposal->knows);
    pbti_put_varint(writer, proposal->values_count);
    for (uint32_t i = 0; i < proposal->values_count; i++) {
        pbti_put_double(writer, proposal->values[i]);
    }
}

static void get_proposal(struct pbti_event_proposal *proposal, struct pbti_reader *reader,
                         struct pbti_scratch *scratch)
{
    proposal->member = pbti_get_u32(reader);
    proposal->knows = pbti_get_varint(reader);
    proposal->values_count = pbti_get_u32(reader);
    if (proposal->values_count > PBTI_HP_MAX) { reader->failed = true; }
    for (uint32_t i = 0; !reader->failed && i < proposal->values_count; i++) {
        scratch->values[i] = pbti_get_double(reader);
    }
    proposal->values = scratch->values;
}

/* -------- all of them -------- */

static bool has_config(uint8_t type)
{
    return type == PBTI_STUDY || type == PBTI_AMEND;
}

void pbti_event_encode(const struct pbti_event *event, struct pbti_writer *writer)
{
    pbti_put_u8(writer, event->type);
    pbti_put_u8(writer,
                has_config(event->type) ? pbti_config_version(event->study.config) : EVENT_VERSION);
    pbti_put_signed(writer, event->time_ms);
    switch ((enum pbti_event_type)event->type) {
    case PBTI_STUDY:
    case PBTI_AMEND: put_study(&event->study, writer); break;
    case PBTI_CLAIM: put_claim(&event->claim, writer); break;
    case PBTI_RELEASE: put_release(&event->release, writer); break;
    case PBTI_REPORT: put_report(&event->report, writer); break;
    case PBTI_DECISION: put_decision(&event->decision, writer); break;
    case PBTI_STOP: pbti_put_u8(writer, event->stop.reason); break;
    case PBTI_WORKER:
    case PBTI_LEAVE: put_worker(&event->worker, writer); break;
    case PBTI_NOTE: put_note(&event->note, writer); break;
    case PBTI_PROPOSAL: put_proposal(&event->proposal, writer); break;
    }
}

bool pbti_event_decode(struct pbti_event *event, struct pbti_reader *reader,
                       struct pbti_scratch *scratch)
{
    event->type = pbti_get_u8(reader);
    uint8_t const version = pbti_get_u8(reader);
    if (version != EVENT_VERSION && !has_config(event->type)) { return false; }
    event->time_ms = pbti_get_signed(reader);
    switch ((enum pbti_event_type)event->type) {
    case PBTI_STUDY:
    case PBTI_AMEND:
        get_study(&event->study, version, reader, scratch);
        if (event->type == PBTI_STUDY && scratch->config.revive) { return false; }
        break;
    case PBTI_CLAIM: get_claim(&event->claim, reader); break;
    case PBTI_RELEASE: get_release(&event->release, reader); break;
    case PBTI_REPORT: get_report(&event->report, reader, scratch); break;
    case PBTI_DECISION: get_decision(&event->decision, reader, scratch); break;
    case PBTI_STOP: get_stop(&event->stop, reader); break;
    case PBTI_WORKER:
    case PBTI_LEAVE: get_worker(&event->worker, reader); break;
    case PBTI_NOTE: get_note(&event->note, reader); break;
    case PBTI_PROPOSAL: get_proposal(&event->proposal, reader, scratch); break;
    default: return false;
    }
    return !reader->failed && reader->at == reader->size;
}

const char *pbti_event_unknown(const void *bytes, size_t size, uint64_t *value)
{
    struct pbti_reader reader = {bytes, size, 0, false};
    uint8_t const type = pbti_get_u8(&reader);
    uint8_t const version = pbti_get_u8(&reader);
    (void)pbti_get_signed(&reader);
    bool const config = has_config(type);
    uint64_t const rules = config ? pbti_get_varint(&reader) : PBTI_RULES_VERSION;
    uint32_t field = 0;
    if (reader.failed) { return NULL; }
    *value = type;
    if (type > PBTI_EVENT_TYPES) { return "type"; }
    *value = version;
    if (version > (config ? PBTI_CONFIG_VERSION : EVENT_VERSION)) { return "version"; }
    *value = rules;
    if (rules < 1 || rules > PBTI_RULES_VERSION) { return "rules"; }
    if (!config || version < 4 || !pbti_config_unknown_field(&reader, &field)) { return NULL; }
    *value = field;
    return "config field";
}
