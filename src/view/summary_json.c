/* SPDX-License-Identifier: Apache-2.0 */
/* view/summary_json.c - a summary as JSON; the schema is docs/json.md. */
#include "view/summary.h"
#include "view/workers.h"

#include "view/explain.h"
#include "view/format.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

json_t *pbti_json_number(double value)
{
    if (isnan(value)) { return json_null(); }
    if (isinf(value)) { return json_string(value > 0 ? "Infinity" : "-Infinity"); }
    return json_real(value);
}

/* A JSON string of what is in `str`, which is freed. */
static json_t *take_text(struct pbti_str *str)
{
    json_t *const json = str->failed ? NULL : json_stringn_nocheck(pbti_str_text(str), str->size);
    pbti_str_deinit(str);
    return json;
}

json_t *pbti_json_text(const char *data, size_t size)
{
    json_t *const json = json_stringn(size > 0 ? data : "", size);
    if (json != NULL) { return json; }
    struct pbti_str str = {0};
    pbti_str_escape(&str, data, size);
    return take_text(&str);
}

json_t *pbti_json_time(int64_t time_ms)
{
    struct pbti_str str = {0};
    pbti_str_time(&str, time_ms);
    return take_text(&str);
}

json_t *pbti_json_checkpoint(struct pbti_checkpoint checkpoint)
{
    if (checkpoint.segment == 0) { return json_null(); }
    struct pbti_str str = {0};
    pbti_str_checkpoint(&str, checkpoint);
    return take_text(&str);
}

json_t *pbti_json_best(const struct pbti_best *best)
{
    if (best->checkpoint.segment == 0) { return json_null(); }
    return json_pack("{s:o, s:I, s:I, s:I, s:o}", "score", pbti_json_number(best->score), "member",
                     (json_int_t)best->checkpoint.member, "age", (json_int_t)best->age, "seq",
                     (json_int_t)best->seq, "checkpoint", pbti_json_checkpoint(best->checkpoint));
}

static json_t *leaders_json(const struct pbti_state *state, uint32_t count)
{
    json_t *const list = json_array();
    const struct pbti_space *const space = &pbti_state_config(state)->space;
    for (uint32_t rank = 0; rank < count; rank++) {
        uint32_t const index = pbti_state_ranked(state, PBTI_GROUP_POPULATION, rank);
        if (index == PBTI_NO_MEMBER) { break; }
        const struct pbti_member *const member = pbti_state_member(state, index);
        json_t *const row = json_pack(
            "{s:I, s:I, s:o, s:s, s:I, s:I, s:I, s:s, s:o, s:o}", "rank", (json_int_t)rank + 1,
            "member", (json_int_t)index, "score", pbti_json_number(member->score), "score_source",
            pbti_score_source_name(member->score_source), "age", (json_int_t)member->age, "steps",
            (json_int_t)member->steps, "segment", (json_int_t)member->segment, "phase",
            pbti_phase_name(member->phase), "checkpoint", pbti_json_checkpoint(member->start),
            "hyperparameters", pbti_values_json(space, pbti_state_values(state, index)));
        if (json_array_append_new(list, row) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *failures_json(const struct pbti_study_stats *tally)
{
    json_t *const causes = json_object();
    for (uint8_t i = 1; i < PBTI_OUTCOMES; i++) {
        if (tally->outcomes[i] == 0) { continue; }
        (void)json_object_set_new(causes, pbti_outcome_name(i),
                                  json_integer((json_int_t)tally->outcomes[i]));
    }
    return causes;
}

static json_t *workers_json(const char *dir, const struct pbti_study_stats *tally)
{
    json_t *const list = json_array();
    for (uint32_t i = 0; i < tally->workers_count && i < PBTI_STATS_WORKERS; i++) {
        const struct pbti_study_stats_worker *const worker = &tally->workers[i];
        struct pbti_str id = {0};
        pbti_str_addf(&id, "%016" PRIx64, worker->worker);
        int64_t const beat_ms = pbti_worker_beat_ms(dir, worker);
        json_t *const row =
            json_pack("{s:o, s:o, s:I, s:I, s:o, s:o}", "worker", take_text(&id), "host",
                      pbti_json_text(worker->host, strlen(worker->host)), "process",
                      (json_int_t)worker->process, "slots", (json_int_t)worker->slots, "joined",
                      pbti_json_time(worker->joined_ms), "beat_ms",
                      beat_ms < 0 ? json_null() : json_integer((json_int_t)beat_ms));
        (void)json_array_append_new(list, row);
    }
    return list;
}

static json_t *running_json(const struct pbti_state *state)
{
    json_t *const list = json_array();
    uint32_t const members = pbti_state_members(state);
    for (uint32_t i = 0; i < members; i++) {
        const struct pbti_member *const member = pbti_state_member(state, i);
        if (member->phase != PBTI_RUNNING) { continue; }
        struct pbti_str id = {0};
        pbti_str_addf(&id, "%016" PRIx64, member->worker);
        json_t *const row =
            json_pack("{s:I, s:I, s:I, s:o, s:I}", "member", (json_int_t)i, "segment",
                      (json_int_t)member->segment, "attempt", (json_int_t)member->attempt, "worker",
                      take_text(&id), "slot", (json_int_t)member->slot);
        (void)json_array_append_new(list, row);
    }
    return list;
}

static json_t *final_json(const struct pbti_study_stats *tally)
{
    if (tally->final_checkpoint.segment == 0) { return json_null(); }
    json_t *detail = json_loads(tally->final_detail, 0, NULL);
    if (!json_is_object(detail)) {
        json_decref(detail);
        detail = json_object();
    }
    (void)json_object_set_new(detail, "checkpoint", pbti_json_checkpoint(tally->final_checkpoint));
    return detail;
}

/* The numbers that count something. */
static json_t *counts_json(const struct pbti_summary *summary)
{
    const struct pbti_counts *const counts = &summary->counts;
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "segments",
                     (json_int_t)counts->segments_done, "attempts", (json_int_t)counts->attempts,
                     "exploits", (json_int_t)counts->exploits, "explored",
                     (json_int_t)counts->explored, "revivals", (json_int_t)summary->tally->revivals,
                     "releases", (json_int_t)counts->releases, "given_up",
                     (json_int_t)counts->phase[PBTI_GONE], "failures", (json_int_t)counts->failures,
                     "failures_by_cause", failures_json(summary->tally));
}

json_t *pbti_summary_json(const struct pbti_summary *summary, uint32_t leaders)
{
    const struct pbti_config *const config = pbti_state_config(summary->state);
    struct pbti_best const *const best = &summary->best;
    double const controls =
        pbti_better(config, summary->independent.score, summary->selection_only.score)
            ? summary->independent.score
            : summary->selection_only.score;
    bool const has_controls = summary->independent.checkpoint.segment != 0 ||
                              summary->selection_only.checkpoint.segment != 0;
    double const score = best->checkpoint.segment != 0 ? best->score : NAN;
    return json_pack(
        "{s:i, s:s, s:o, s:I, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, "
        "s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:{s:I, s:I}, s:o, s:o, s:o, s:o, s:o}",
        "version", PBTI_JSON_VERSION, "study", summary->spec->study, "dir",
        pbti_json_text(summary->dir, strlen(summary->dir)), "seq",
        (json_int_t)pbti_state_seq(summary->state), "status", pbti_summary_status(summary), "stop",
        pbti_stop_name(summary->stop), "goal", config->maximize ? "maximize" : "minimize",
        "score_name", summary->spec->score_name, "members", (json_int_t)summary->members,
        "controls", (json_int_t)summary->controls, "steps_done", (json_int_t)summary->steps_done,
        "steps_total", (json_int_t)summary->steps_total, "best", pbti_json_best(best), "best_now",
        pbti_json_best(&summary->best_now), "best_independent",
        pbti_json_best(&summary->independent), "best_selection_only",
        pbti_json_best(&summary->selection_only), "first_generation_best",
        pbti_json_number(summary->first_best), "first_generation_mean",
        pbti_json_number(summary->first_mean), "gain_over_first_generation",
        pbti_json_number(pbti_gain(config, score, summary->first_best)), "gain_over_controls",
        pbti_json_number(has_controls ? pbti_gain(config, score, controls) : NAN), "worked_ms",
        (json_int_t)summary->worked_ms, "left_ms",
        summary->left_ms < 0 ? json_null() : json_integer((json_int_t)summary->left_ms), "began",
        pbti_json_time(summary->tally->first_ms), "last", pbti_json_time(summary->tally->last_ms),
        "checkpoints", "count", (json_int_t)summary->checkpoints, "bytes",
        (json_int_t)summary->checkpoint_bytes, "counts", counts_json(summary), "final_evaluation",
        final_json(summary->tally), "workers", workers_json(summary->dir, summary->tally),
        "running", running_json(summary->state), "leaders", leaders_json(summary->state, leaders));
}
