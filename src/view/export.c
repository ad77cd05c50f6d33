/* SPDX-License-Identifier: Apache-2.0 */
/* view/export.c - reading a study with its metrics; rows of CSV and JSON. */
#include "view/export.h"

#include "base/fail.h"
#include "view/format.h"
#include "view/summary.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -------- reading -------- */

static pbt_status no_memory(struct pbt_error *err)
{
    return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory while reading the study");
}

/* Records are numbered by their claims, as in the history. */
static pbt_status on_claim(struct pbti_export *export, const struct pbti_state *state,
                           uint32_t member, struct pbt_error *err)
{
    if (export->records == export->records_capacity) {
        uint32_t const capacity = export->records_capacity + export->records_capacity / 2 + 256;
        json_t **const larger = realloc(export->metrics, capacity * sizeof *export->metrics);
        if (larger == NULL) { return no_memory(err); }
        export->metrics = larger;
        export->records_capacity = capacity;
    }
    uint32_t const members = pbti_state_members(state);
    if (members > export->members) {
        uint32_t *const larger = realloc(export->latest, members * sizeof *export->latest);
        if (larger == NULL) { return no_memory(err); }
        for (uint32_t i = export->members; i < members; i++) {
            larger[i] = PBTI_NO_MEMBER;
        }
        export->latest = larger;
        export->members = members;
    }
    if (member >= export->members) { return PBT_OK; } /* the fold will refuse it */
    export->latest[member] = export->records;
    export->metrics[export->records++] = NULL;
    return PBT_OK;
}

static pbt_status add_names(struct pbti_export *export, json_t *metrics, struct pbt_error *err)
{
    const char *name;
    json_t *value;
    json_object_foreach (metrics, name, value) {
        if (json_object_get(export->names, name) != NULL) { continue; }
        if (json_object_set_new(export->names, name, json_true()) != 0) { return no_memory(err); }
        if (export->names_count == PBTI_EXPORT_METRICS) {
            export->names_left_out++;
            continue;
        }
        export->name[export->names_count++] =
            json_object_iter_key(json_object_iter_at(export->names, name));
    }
    return PBT_OK;
}

static pbt_status on_report(struct pbti_export *export, const struct pbti_event_report *report,
                            struct pbt_error *err)
{
    uint32_t const record =
        report->member < export->members ? export->latest[report->member] : PBTI_NO_MEMBER;
    if (record == PBTI_NO_MEMBER || report->metrics.size == 0) { return PBT_OK; }
    json_t *const metrics = json_loadb(report->metrics.data, report->metrics.size, 0, NULL);
    if (!json_is_object(metrics)) { /* another version of us knows what this is */
        json_decref(metrics);
        return PBT_OK;
    }
    json_decref(export->metrics[record]);
    export->metrics[record] = metrics;
    return add_names(export, metrics, err);
}

static pbt_status collect(void *context, const struct pbti_state *state, uint64_t seq,
                          const struct pbti_event *event, struct pbt_error *err)
{
    struct pbti_export *const export = context;
    (void)seq;
    if (state == NULL) { return PBT_OK; }
    if (event->type == PBTI_CLAIM) { return on_claim(export, state, event->claim.member, err); }
    if (event->type == PBTI_REPORT) { return on_report(export, &event->report, err); }
    return PBT_OK;
}

pbt_status pbti_export_open(struct pbti_export *export, const char *dir, const char *journal,
                            struct pbt_error *err)
{
    *export = (struct pbti_export){.names = json_object()};
    if (export->names == NULL) { return no_memory(err); }
    struct pbti_study_reader_opts opts = pbti_study_reader_opts_default();
    opts.journal = journal;
    opts.history = true;
    opts.visitor = collect;
    opts.context = export;
    return pbti_study_reader_open(dir, &opts, &export->reader, err);
}

void pbti_export_close(struct pbti_export *export)
{
    for (uint32_t i = 0; i < export->records; i++) {
        json_decref(export->metrics[i]);
    }
    free(export->metrics);
    free(export->latest);
    json_decref(export->names);
    pbti_study_reader_close(export->reader);
    memset(export, 0, sizeof *export);
}

uint32_t pbti_export_count(const struct pbti_export *export)
{
    return pbti_study_reader_history(export->reader)->count;
}

/* A metric is a number, or "NaN", "Infinity", "-Infinity". */
static double metric_number(const json_t *value)
{
    if (json_is_number(value)) { return json_number_value(value); }
    const char *const text = json_string_value(value);
    if (text == NULL) { return NAN; }
    if (strcmp(text, "Infinity") == 0) { return INFINITY; }
    return strcmp(text, "-Infinity") == 0 ? -INFINITY : NAN;
}

double pbti_export_metric(const struct pbti_export *export, uint32_t record, uint32_t name)
{
    return metric_number(json_object_get(export->metrics[record], export->name[name]));
}

/* -------- what CSV and JSON say -------- */

static const char *outcome_name(uint8_t outcome)
{
    if (outcome == PBTI_HISTORY_RUNNING) { return "running"; }
    return outcome == PBTI_HISTORY_RELEASED ? "released" : pbti_outcome_name(outcome);
}

static const char *group_name(const struct pbti_export *export, uint32_t record)
{
    const struct pbti_history *const history = pbti_study_reader_history(export->reader);
    return pbti_group_name(
        pbti_state_member(pbti_study_reader_state(export->reader), history->member[record])->group);
}

static const struct pbti_space *space_of(const struct pbti_export *export)
{
    return &pbti_state_config(pbti_study_reader_state(export->reader))->space;
}

/* The checkpoint that a record started from; segment 0: afresh. */
static struct pbti_checkpoint start_of(const struct pbti_history *history, uint32_t record)
{
    uint32_t const parent = history->parent[record];
    if (parent == PBTI_NO_MEMBER) { return (struct pbti_checkpoint){0}; }
    return (struct pbti_checkpoint){history->member[parent], history->segment[parent],
                                    history->attempt[parent]};
}

/* -------- CSV -------- */

/* A field as RFC 4180 has it: in quotes where it holds a comma, a quote or a break. */
static void add_field(struct pbti_str *str, const char *text)
{
    bool const quoted = strpbrk(text, ",\" \t\n\r") != NULL;
    pbti_str_add(str, quoted ? ",\"" : ",");
    for (const char *at = text; *at != '\0';) {
        size_t const plain = strcspn(at, "\"");
        pbti_str_add_bytes(str, at, plain);
        at += plain;
        if (*at == '"') {
            pbti_str_add(str, "\"\"");
            at++;
        }
    }
    if (quoted) { pbti_str_add(str, "\""); }
}

static void add_named(struct pbti_str *str, const char *kind, const char *name)
{
    struct pbti_str text = {0};
    pbti_str_addf(&text, "%s.%s", kind, name);
    add_field(str, pbti_str_text(&text));
    str->failed = str->failed || text.failed;
    pbti_str_deinit(&text);
}

/* Empty: there is none. */
static void add_number(struct pbti_str *str, double value)
{
    if (isnan(value)) {
        pbti_str_add(str, ",");
    } else {
        pbti_str_addf(str, ",%.17g", value);
    }
}

static void add_time(struct pbti_str *str, int64_t time_ms)
{
    pbti_str_add(str, ",");
    if (time_ms != 0) { pbti_str_time(str, time_ms); }
}

static void csv_head(const struct pbti_export *export, struct pbti_str *str)
{
    const struct pbti_space *const space = space_of(export);
    pbti_str_add(str, PBTI_EXPORT_CSV_HEAD);
    for (uint32_t i = 0; i < space->count; i++) {
        add_named(str, "hp", space->hp[i].name);
    }
    pbti_str_add(str, ",score");
    for (uint32_t i = 0; i < export->names_count; i++) {
        add_named(str, "metric", export->name[i]);
    }
    pbti_str_add(str, ",outcome,decision,began,ended,load_ms,train_ms,save_ms\n");
}

static void csv_row(const struct pbti_export *export, struct pbti_str *str, uint32_t record)
{
    const struct pbti_history *const history = pbti_study_reader_history(export->reader);
    const struct pbti_space *const space = space_of(export);
    const double *const values = pbti_history_values(history, record);
    uint64_t const from = history->age[record];
    pbti_str_addf(str, "%" PRIu32 ",%s,%" PRIu32 ",%" PRIu32 ",%" PRIu64 ",%" PRIu64 ",",
                  history->member[record], group_name(export, record), history->segment[record],
                  history->attempt[record], from, from + history->steps[record]);
    struct pbti_checkpoint const start = start_of(history, record);
    if (start.segment != 0) { pbti_str_checkpoint(str, start); }
    for (uint32_t i = 0; i < space->count; i++) {
        char text[PBTI_HP_NAME_MAX];
        add_field(str, pbti_value_text(space, i, values[i], text, sizeof text));
    }
    add_number(str, history->score[record]);
    for (uint32_t i = 0; i < export->names_count; i++) {
        add_number(str, pbti_export_metric(export, record, i));
    }
    uint8_t const decision = history->decision[record];
    pbti_str_addf(str, ",%s,%s", outcome_name(history->outcome[record]),
                  decision == PBTI_HISTORY_UNDECIDED ? "" : pbti_decision_name(decision));
    add_time(str, history->claimed_ms[record]);
    add_time(str, history->ended_ms[record]);
    pbti_str_addf(str, ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 "\n", history->load_ms[record],
                  history->train_ms[record], history->save_ms[record]);
}

void pbti_export_csv(const struct pbti_export *export, struct pbti_str *str)
{
    csv_head(export, str);
    for (uint32_t i = 0; i < pbti_export_count(export); i++) {
        csv_row(export, str, i);
    }
}

/* -------- JSON -------- */

static json_t *segment_json(const struct pbti_export *export, uint32_t record)
{
    const struct pbti_history *const history = pbti_study_reader_history(export->reader);
    uint64_t const from = history->age[record];
    uint8_t const decision = history->decision[record];
    int64_t const ended = history->ended_ms[record];
    json_t *const metrics = export->metrics[record];
    return json_pack(
        "{s:I, s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:I, s:I, s:I}",
        "member", (json_int_t)history->member[record], "group", group_name(export, record),
        "segment", (json_int_t)history->segment[record], "attempt",
        (json_int_t)history->attempt[record], "from", (json_int_t)from, "to",
        (json_int_t)(from + history->steps[record]), "parent",
        pbti_json_checkpoint(start_of(history, record)), "hyperparameters",
        pbti_values_json(space_of(export), pbti_history_values(history, record)), "score",
        pbti_json_number(history->score[record]), "metrics",
        metrics == NULL ? json_object() : json_incref(metrics), "outcome",
        outcome_name(history->outcome[record]), "decision",
        decision == PBTI_HISTORY_UNDECIDED ? json_null()
                                           : json_string(pbti_decision_name(decision)),
        "began", pbti_json_time(history->claimed_ms[record]), "ended",
        ended == 0 ? json_null() : pbti_json_time(ended), "load_ms",
        (json_int_t)history->load_ms[record], "train_ms", (json_int_t)history->train_ms[record],
        "save_ms", (json_int_t)history->save_ms[record]);
}

/* Add a JSON value, whose reference is taken. */
static void add_json(struct pbti_str *str, json_t *json)
{
    char *const text =
        json == NULL ? NULL
                     : json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(json);
    if (text == NULL) {
        str->failed = true;
        return;
    }
    pbti_str_add(str, text);
    free(text);
}

void pbti_export_json(const struct pbti_export *export, struct pbti_str *str)
{
    const struct pbti_spec *const spec = pbti_study_reader_spec(export->reader);
    pbti_str_add(str, PBTI_EXPORT_JSON_HEAD "\"study\":");
    add_json(str, pbti_json_text(spec->study, strlen(spec->study)));
    pbti_str_addf(str, ",\"goal\":\"%s\",\"score_name\":",
                  pbti_state_config(pbti_study_reader_state(export->reader))->maximize
                      ? "maximize"
                      : "minimize");
    add_json(str, pbti_json_text(spec->score_name, strlen(spec->score_name)));
    pbti_str_add(str, ",\"segments\":[");
    for (uint32_t i = 0; i < pbti_export_count(export); i++) {
        pbti_str_add(str, i > 0 ? ",\n" : "\n");
        add_json(str, segment_json(export, i));
    }
    pbti_str_add(str, "\n]}\n");
}
