/* SPDX-License-Identifier: Apache-2.0 */
/* view/summary_text.c - a summary as several lines of text. */
#include "view/summary.h"

#include "view/explain.h"
#include "view/format.h"
#include "view/workers.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

void pbti_leaders_table(struct pbti_table *table, const struct pbti_state *state, uint8_t group,
                        uint32_t count)
{
    static const char *const heads[] = {"rank", "member", "score", "age"};
    const struct pbti_space *const space = &pbti_state_config(state)->space;
    struct pbti_str *const text = &table->text;
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        pbti_str_add(text, heads[i]);
        pbti_table_cell(table);
    }
    for (uint32_t i = 0; i < space->count; i++) {
        pbti_str_escape(text, space->hp[i].name, strlen(space->hp[i].name));
        pbti_table_cell(table);
    }
    pbti_table_row(table);
    for (uint32_t rank = 0; rank < count; rank++) {
        uint32_t const index = pbti_state_ranked(state, group, rank);
        if (index == PBTI_NO_MEMBER) { break; }
        const struct pbti_member *const member = pbti_state_member(state, index);
        pbti_str_addf(text, "%" PRIu32, rank + 1);
        pbti_table_cell(table);
        pbti_str_addf(text, "%" PRIu32, index);
        pbti_table_cell(table);
        pbti_str_score(text, member->score);
        pbti_str_add(text, member->score_source == PBTI_SCORE_INHERITED ? "*" : " ");
        pbti_table_cell(table);
        pbti_str_count(text, member->age);
        pbti_table_cell(table);
        for (uint32_t i = 0; i < space->count; i++) {
            pbti_str_value(text, space, i, pbti_state_values(state, index)[i]);
            pbti_table_cell(table);
        }
        pbti_table_row(table);
    }
}

/* -------- lines -------- */

static void label(struct pbti_str *str, const char *name)
{
    pbti_str_addf(str, "  %-10s ", name);
}

static void add_best(struct pbti_str *str, const char *name, const struct pbti_best *best)
{
    if (best->checkpoint.segment == 0) { return; }
    label(str, name);
    pbti_str_score(str, best->score);
    pbti_str_addf(str, "  member %" PRIu32 " at age ", best->checkpoint.member);
    pbti_str_count(str, best->age);
    pbti_str_add(str, " (");
    pbti_str_checkpoint(str, best->checkpoint);
    pbti_str_add(str, ")\n");
}

static void add_gain(struct pbti_str *str, const struct pbti_config *config, double score,
                     double other)
{
    double const gain = pbti_gain(config, score, other);
    if (isnan(gain)) { return; }
    pbti_str_add(str, gain < 0 ? ", the best is worse by " : ", the best is better by ");
    pbti_str_score(str, fabs(gain));
}

/* The values of a JSON object between two texts: " (split test)"; nothing when there are none. */
static void add_object(struct pbti_str *str, json_t *object, const char *before, const char *after)
{
    const char *separator = before;
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach (object, key, value) {
        pbti_str_add(str, separator);
        separator = ", ";
        pbti_str_escape(str, key, strlen(key));
        pbti_str_add(str, " ");
        if (json_is_number(value)) {
            pbti_str_score(str, json_number_value(value));
        } else if (json_is_string(value)) {
            pbti_str_escape(str, json_string_value(value), json_string_length(value));
        } else {
            pbti_str_add(str, json_is_true(value) ? "true" : "...");
        }
    }
    if (separator != before) { pbti_str_add(str, after); }
}

static void add_final(struct pbti_str *str, const struct pbti_summary *summary)
{
    json_t *const detail = json_loads(summary->tally->final_detail, 0, NULL);
    label(str, "final");
    pbti_str_score(str, summary->final_score);
    pbti_str_add(str, "  final evaluation of ");
    pbti_str_checkpoint(str, summary->tally->final_checkpoint);
    add_object(str, summary->spec->final_evaluation, " (", ")");
    add_object(str, json_object_get(detail, "metrics"), ": ", "");
    pbti_str_add(str, "\n");
    json_decref(detail);
}

static void add_comparisons(struct pbti_str *str, const struct pbti_summary *summary)
{
    const struct pbti_config *const config = pbti_state_config(summary->state);
    if (!isnan(summary->first_best)) {
        label(str, "first");
        pbti_str_score(str, summary->first_best);
        pbti_str_add(str, "  best of the first segments (mean ");
        pbti_str_score(str, summary->first_mean);
        pbti_str_add(str, ")");
        add_gain(str, config, summary->best.score, summary->first_best);
        pbti_str_add(str, "\n");
    }
    const struct pbti_best *const controls[] = {&summary->independent, &summary->selection_only};
    static const char *const names[] = {"  independent controls", "  selection-only controls"};
    for (size_t i = 0; i < 2; i++) {
        if (controls[i]->checkpoint.segment == 0) { continue; }
        label(str, "control");
        pbti_str_score(str, controls[i]->score);
        pbti_str_add(str, names[i]);
        add_gain(str, config, summary->best.score, controls[i]->score);
        pbti_str_add(str, "\n");
    }
    if (summary->tally->final_checkpoint.segment != 0) { add_final(str, summary); }
}

static void add_steps(struct pbti_str *str, const struct pbti_summary *summary)
{
    label(str, "steps");
    pbti_str_count(str, summary->steps_done);
    pbti_str_add(str, " of ");
    pbti_str_count(str, summary->steps_total);
    double const share =
        summary->steps_total == 0 ? 0 : (double)summary->steps_done / (double)summary->steps_total;
    pbti_str_addf(str, " (%.0f %%), ", floor(100 * share));
    pbti_str_count(str, summary->members);
    pbti_str_add(str, summary->members == 1 ? " member" : " members");
    if (summary->controls > 0) { pbti_str_addf(str, ", %" PRIu32 " controls", summary->controls); }
    pbti_str_add(str, "\n");
    label(str, "time");
    pbti_str_duration(str, summary->worked_ms);
    if (summary->left_ms >= 0) {
        pbti_str_add(str, ", about ");
        pbti_str_duration(str, summary->left_ms);
        pbti_str_add(str, " left");
    }
    pbti_str_add(str, "\n");
}

/* What went wrong last: the first thing that somebody whose study fails wants to know. */
static void add_failure(struct pbti_str *str, const struct pbti_study_stats *tally)
{
    if (tally->failed_segment == 0) { return; }
    label(str, "failed");
    pbti_str_addf(str, "member %" PRIu32 ", segment %" PRIu32 " (%s): ", tally->failed_member,
                  tally->failed_segment, pbti_outcome_name(tally->failed_outcome));
    pbti_str_escape(str, tally->failed_message, tally->failed_size);
    pbti_str_add(str, "\n");
}

/* Workers that wait after a failure of their place. */
static void add_waits(struct pbti_str *str, const struct pbti_summary *summary)
{
    const struct pbti_study_stats *const tally = summary->tally;
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    int64_t const now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    for (uint32_t i = 0; i < tally->workers_count && i < PBTI_STATS_WORKERS; i++) {
        const struct pbti_study_stats_worker *const worker = &tally->workers[i];
        if (worker->wait_until_ms <= now_ms || summary->stop != PBTI_STOP_NONE) { continue; }
        label(str, "waits");
        pbti_str_addf(str, "worker %" PRIu32 " waits %" PRId64 " s: ", i + 1,
                      (worker->wait_until_ms - now_ms + 999) / 1000);
        pbti_str_escape(str, worker->wait_text, strlen(worker->wait_text));
        pbti_str_add(str, "\n");
    }
}

static void add_counts(struct pbti_str *str, const struct pbti_summary *summary)
{
    const struct pbti_counts *const counts = &summary->counts;
    label(str, "segments");
    pbti_str_count(str, counts->segments_done);
    pbti_str_add(str, ", exploits ");
    pbti_str_count(str, counts->exploits);
    pbti_str_add(str, ", failures ");
    pbti_str_count(str, counts->failures);
    const char *separator = " (";
    for (uint8_t i = 1; i < PBTI_OUTCOMES; i++) {
        if (summary->tally->outcomes[i] == 0) { continue; }
        pbti_str_addf(str, "%s%" PRIu64 " %s", separator, summary->tally->outcomes[i],
                      pbti_outcome_name(i));
        separator = ", ";
    }
    if (separator[0] == ',') { pbti_str_add(str, ")"); }
    if (counts->phase[PBTI_GONE] > 0) {
        pbti_str_addf(str, ", given up %" PRIu64, counts->phase[PBTI_GONE]);
    }
    pbti_str_add(str, "\n");
    add_failure(str, summary->tally);
    label(str, "disk");
    pbti_str_bytes(str, summary->checkpoint_bytes);
    pbti_str_add(str, " in ");
    pbti_str_count(str, summary->checkpoints);
    pbti_str_add(str, " checkpoints\n");
}

static void add_running(struct pbti_str *str, const struct pbti_summary *summary)
{
    if (summary->stop != PBTI_STOP_NONE || summary->counts.phase[PBTI_RUNNING] == 0) { return; }
    label(str, "running");
    uint32_t shown = 0;
    uint32_t const members = pbti_state_members(summary->state);
    for (uint32_t i = 0; i < members && shown < 8; i++) {
        const struct pbti_member *const member = pbti_state_member(summary->state, i);
        if (member->phase != PBTI_RUNNING) { continue; }
        pbti_str_addf(str, "%smember %" PRIu32 " segment %" PRIu32, shown++ > 0 ? ", " : "", i,
                      member->segment);
    }
    if (summary->counts.phase[PBTI_RUNNING] > shown) {
        pbti_str_addf(str, " and %" PRIu64 " more", summary->counts.phase[PBTI_RUNNING] - shown);
    }
    pbti_str_add(str, "\n");
}

static void add_exploits(struct pbti_str *str, const struct pbti_summary *summary, uint32_t width)
{
    if (pbti_study_stats_exploit(summary->tally, 0) == NULL) { return; }
    pbti_str_add(str, "\nlatest exploits\n");
    for (uint32_t back = 0; back < PBTI_STATS_EXPLOITS; back++) {
        const struct pbti_study_stats_exploit *const exploit =
            pbti_study_stats_exploit(summary->tally, back);
        if (exploit == NULL) { break; }
        struct pbti_event_decision decision = exploit->decision;
        decision.values = exploit->values;
        decision.moves = exploit->moves;
        size_t const from = str->size;
        pbti_str_add(str, "  ");
        pbti_explain_decision(str, &pbti_state_config(summary->state)->space, &decision,
                              exploit->before_known ? exploit->before : NULL);
        if (width > 0) { pbti_str_clip(str, from, width); }
        pbti_str_add(str, "\n");
    }
}

void pbti_summary_text(struct pbti_str *str, const struct pbti_summary *summary, uint32_t leaders,
                       uint32_t width)
{
    pbti_str_escape(str, summary->spec->study, strlen(summary->spec->study));
    pbti_str_add(str, ": ");
    pbti_str_add(str, pbti_summary_status(summary));
    if (summary->stop != PBTI_STOP_NONE) {
        pbti_str_addf(str, ", %s", pbti_explain_stop(summary->stop));
    }
    pbti_str_add(str, "\n");
    add_best(str, "best", &summary->best);
    if (summary->best_now.score != summary->best.score) {
        add_best(str, "best now", &summary->best_now);
    }
    add_comparisons(str, summary);
    add_steps(str, summary);
    add_counts(str, summary);
    add_running(str, summary);
    add_waits(str, summary);
    if (leaders == PBTI_SUMMARY_HEAD) { return; }
    if (leaders > 0 &&
        pbti_state_ranked(summary->state, PBTI_GROUP_POPULATION, 0) != PBTI_NO_MEMBER) {
        struct pbti_table table = {0};
        pbti_leaders_table(&table, summary->state, PBTI_GROUP_POPULATION, leaders);
        pbti_str_add(str, "\nleaders\n");
        pbti_table_print(&table, str, 2, width);
        pbti_table_deinit(&table);
    }
    add_exploits(str, summary, width);
    if (summary->stop == PBTI_STOP_NONE && summary->tally->workers_count > 0) {
        struct pbti_table table = {0};
        pbti_workers_table(&table, summary->dir, summary->tally);
        pbti_str_add(str, "\nworkers\n");
        pbti_table_print(&table, str, 2, width);
        pbti_table_deinit(&table);
    }
}
