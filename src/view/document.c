/* SPDX-License-Identifier: Apache-2.0 */
/* view/document.c - reading a study, and writing the parts of its document. */
#include "view/document.h"

#include "base/fail.h"
#include "view/document_columns.h"
#include "view/recent_events.h"
#include "view/winner.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_TAIL 2000 /* bytes of a log's end */

struct pbti_document {
    struct pbti_document_opts opts;
    struct pbti_sayings said;
    struct pbti_study_reader *reader; /* owned; has a history */
};

struct pbti_document_opts pbti_document_opts_default(void)
{
    return (struct pbti_document_opts){.struct_size = sizeof(struct pbti_document_opts),
                                       .segments_max = PBTI_DOCUMENT_SEGMENTS};
}

/* -------- parts -------- */

/* Add a JSON value, whose reference is taken. */
static void add_json(struct pbti_str *text, json_t *json)
{
    char *const dump =
        json == NULL ? NULL
                     : json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(json);
    if (dump == NULL) {
        text->failed = true;
        return;
    }
    pbti_str_add(text, dump);
    free(dump);
}

static json_t *space_json(const struct pbti_space *space)
{
    json_t *const list = json_array();
    for (uint32_t i = 0; i < space->count; i++) {
        const struct pbti_hp *const hp = &space->hp[i];
        json_t *values = json_null();
        if (pbti_hp_is_listed(hp) || hp->kind == PBTI_HP_BOOLEAN) {
            values = json_array();
            for (uint32_t k = 0; k <= (uint32_t)hp->high; k++) {
                (void)json_array_append_new(values, pbti_value_json(space, i, k));
            }
        }
        bool const log = hp->kind == PBTI_HP_LOG || (hp->kind == PBTI_HP_INTEGER && hp->log_scale);
        (void)json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b, s:f, s:f, s:o}", "name",
                                                    hp->name, "type", pbti_hp_kind_name(hp->kind),
                                                    "scale",
                                                    log                         ? "log"
                                                    : hp->kind == PBTI_HP_LOGIT ? "logit"
                                                                                : "linear",
                                                    "frozen", (int)hp->frozen, "low", hp->low,
                                                    "high", hp->high, "values", values));
    }
    return list;
}

/* Names of what a column holds as numbers. */
static json_t *codes_json(void)
{
    json_t *const outcomes = json_object();
    json_t *const decisions = json_object();
    json_t *const whys = json_object();
    char key[8];
#define NAME(object, number, name)                                                                 \
    (void)snprintf(key, sizeof key, "%u", (unsigned)(number));                                     \
    (void)json_object_set_new(object, key, json_string(name));
#define OUTCOME(id, value, text) NAME(outcomes, value, text)
#define DECISION(id, value, text) NAME(decisions, value, text)
#define WHY(id, value, text) NAME(whys, value, text)
    PBTI_OUTCOME_LIST(OUTCOME)
    PBTI_DECISION_LIST(DECISION)
    PBTI_WHY_LIST(WHY)
    NAME(outcomes, PBTI_HISTORY_RUNNING, "running")
    NAME(outcomes, PBTI_HISTORY_RELEASED, "released")
    NAME(decisions, PBTI_HISTORY_UNDECIDED, "undecided")
#undef WHY
#undef DECISION
#undef OUTCOME
#undef NAME
    return json_pack("{s:o, s:o, s:o}", "outcome", outcomes, "decision", decisions, "why", whys);
}

/* On which bound of the space the winner's last values sit: [{"name", "bound"}]. */
static json_t *bounds_json(const struct pbti_space *space, const double *values)
{
    json_t *const list = json_array();
    for (uint32_t i = 0; i < space->count; i++) {
        const struct pbti_hp *const hp = &space->hp[i];
        bool const ordered = pbti_hp_is_ordered(hp) && hp->low < hp->high;
        if (!ordered || (values[i] > hp->low && values[i] < hp->high)) { continue; }
        (void)json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "name", hp->name, "bound",
                                                    values[i] <= hp->low ? "low" : "high", "value",
                                                    pbti_value_json(space, i, values[i])));
    }
    return list;
}

static json_t *winner_json(const struct pbti_study_reader *reader, const struct pbti_winner *winner,
                           const struct pbti_columns *columns)
{
    if (winner->record == PBTI_NO_MEMBER) { return json_null(); }
    const struct pbti_history *const history = pbti_study_reader_history(reader);
    const struct pbti_space *const space =
        &pbti_state_config(pbti_study_reader_state(reader))->space;
    const double *const values = pbti_history_values(history, winner->record);
    json_t *const lineage = json_array();
    for (uint32_t i = 0; i < winner->lineage_count; i++) {
        (void)json_array_append_new(lineage,
                                    json_integer((json_int_t)columns->place[winner->lineage[i]]));
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "best", pbti_json_best(&winner->best),
                     "hyperparameters", pbti_values_json(space, values), "lineage", lineage,
                     "schedule", pbti_winner_schedule_json(winner, space), "on_bounds",
                     bounds_json(space, values));
}

static json_t *ring_json(const struct pbti_ring *ring)
{
    json_t *const list = json_array();
    for (uint32_t i = 0; i < pbti_ring_size(ring); i++) {
        const struct pbti_recent_events *const said = pbti_ring_at(ring, i);
        const char *const text = said->text == NULL ? "" : said->text;
        (void)json_array_append_new(
            list,
            json_pack("{s:I, s:o, s:I, s:I, s:o}", "seq", (json_int_t)said->seq, "time",
                      pbti_json_time(said->time_ms), "member", (json_int_t)said->member, "segment",
                      (json_int_t)said->segment, "text", pbti_json_text(text, strlen(text))));
    }
    return list;
}

/* The end of a member's log, from its first whole line on; null when there is none. */
static json_t *log_json(const char *dir, uint32_t member)
{
    char path[PATH_MAX];
    char tail[LOG_TAIL + 1];
    if (snprintf(path, sizeof path, "%s/logs/m%u.log", dir, member) >= (int)sizeof path) {
        return json_null();
    }
    FILE *const file = fopen(path, "rb");
    if (file == NULL) { return json_null(); }
    bool const cut = fseek(file, -LOG_TAIL, SEEK_END) == 0;
    if (!cut) { rewind(file); }
    size_t const size = fread(tail, 1, LOG_TAIL, file);
    (void)fclose(file);
    const char *const line = cut ? memchr(tail, '\n', size) : NULL;
    const char *const from = line == NULL ? tail : line + 1;
    json_t *const json = json_array();
    const char *const end = tail + size;
    for (const char *at = from; at < end;) {
        const char *const stop = memchr(at, '\n', (size_t)(end - at));
        size_t const length = (size_t)((stop == NULL ? end : stop) - at);
        (void)json_array_append_new(json, pbti_json_text(at, length));
        at += length + 1;
    }
    return json;
}

static json_t *failures_json(const struct pbti_ring *ring, const char *dir)
{
    json_t *const list = ring_json(ring);
    uint32_t const count = pbti_ring_size(ring);
    for (uint32_t i = 0; i < count; i++) {
        const struct pbti_recent_events *const said = pbti_ring_at(ring, i);
        json_t *const item = json_array_get(list, i);
        (void)json_object_set_new(item, "attempt", json_integer((json_int_t)said->attempt));
        (void)json_object_set_new(item, "outcome", json_string(pbti_outcome_name(said->outcome)));
        (void)json_object_set_new(item, "log",
                                  i + PBTI_DOCUMENT_LOGS < count ? json_null()
                                                                 : log_json(dir, said->member));
    }
    return list;
}

static json_t *summary_json(const struct pbti_study_reader *reader)
{
    struct pbti_summary summary;
    pbti_summarize(&summary, reader);
    return pbti_summary_json(&summary, 8);
}

/* -------- all of it -------- */

static void write_parts(struct pbti_str *text, const struct pbti_study_reader *reader,
                        const struct pbti_sayings *said, const struct pbti_winner *winner,
                        const struct pbti_columns *columns)
{
    const struct pbti_state *const state = pbti_study_reader_state(reader);
    struct pbti_text const spec = pbti_study_reader_spec_text(reader);
    pbti_str_addf(text, "{\"version\":%d,\"summary\":", PBTI_JSON_VERSION);
    add_json(text, summary_json(reader));
    pbti_str_add(text, ",\"space\":");
    add_json(text, space_json(&pbti_state_config(state)->space));
    pbti_str_add(text, ",\"codes\":");
    add_json(text, codes_json());
    pbti_str_add(text, ",\"members\":");
    pbti_columns_members(text, state);
    pbti_str_add(text, ",\"segments\":");
    pbti_columns_segments(text, columns, pbti_study_reader_tally(reader)->first_ms);
    pbti_str_add(text, ",\"values\":");
    pbti_columns_values(text, columns);
    pbti_str_add(text, ",\"lanes\":");
    pbti_columns_lanes(text, columns);
    pbti_str_add(text, ",\"winner\":");
    add_json(text, winner_json(reader, winner, columns));
    pbti_str_addf(text, ",\"decisions_total\":%llu,\"decisions\":",
                  (unsigned long long)said->decisions.count);
    add_json(text, ring_json(&said->decisions));
    pbti_str_addf(
        text, ",\"failures_total\":%llu,\"failures\":", (unsigned long long)said->failures.count);
    add_json(text, failures_json(&said->failures, pbti_study_reader_dir(reader)));
    pbti_str_add(text, ",\"spec\":");
    add_json(text, pbti_json_text(spec.data, spec.size));
    pbti_str_add(text, "}\n");
}

/* -------- life -------- */

pbt_status pbti_document_open(const char *dir, const struct pbti_document_opts *opts,
                              struct pbti_document **out, struct pbt_error *err)
{
    *out = NULL;
    struct pbti_document *const document = calloc(1, sizeof *document);
    if (document == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    document->opts = opts == NULL ? pbti_document_opts_default() : *opts;
    struct pbti_study_reader_opts reading_opts = pbti_study_reader_opts_default();
    reading_opts.journal = document->opts.journal;
    reading_opts.history = true;
    reading_opts.visitor = pbti_sayings_visit;
    reading_opts.context = &document->said;
    pbt_status const status =
        pbti_sayings_init(&document->said, PBTI_DOCUMENT_EXPLANATIONS, PBTI_DOCUMENT_FAILURES)
            ? pbti_study_reader_open(dir, &reading_opts, &document->reader, err)
            : PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory");
    if (status != PBT_OK) {
        pbti_document_close(document);
        return status;
    }
    *out = document;
    return PBT_OK;
}

void pbti_document_close(struct pbti_document *document)
{
    if (document == NULL) { return; }
    pbti_study_reader_close(document->reader);
    pbti_sayings_deinit(&document->said);
    free(document);
}

struct pbti_study_reader *pbti_document_reading(struct pbti_document *document)
{
    return document->reader;
}

pbt_status pbti_document_add(const struct pbti_document *document, struct pbti_str *text,
                             struct pbt_error *err)
{
    struct pbti_winner winner;
    struct pbti_columns columns;
    size_t const before = text->size;
    (void)pbti_winner_find(&winner, document->reader, false);
    bool const room =
        pbti_columns_init(&columns, pbti_study_reader_history(document->reader), winner.lineage,
                          winner.lineage_count, document->opts.segments_max);
    if (room) { write_parts(text, document->reader, &document->said, &winner, &columns); }
    pbti_columns_deinit(&columns);
    pbti_winner_deinit(&winner);
    if (room && !text->failed) { return PBT_OK; }
    pbti_str_cut(text, before);
    return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory while writing the study's document");
}

pbt_status pbti_document_write(const char *dir, const struct pbti_document_opts *opts,
                               struct pbti_str *text, struct pbt_error *err)
{
    struct pbti_document *document = NULL;
    PBTI_TRY(pbti_document_open(dir, opts, &document, err));
    pbt_status const status = pbti_document_add(document, text, err);
    pbti_document_close(document);
    return status;
}
