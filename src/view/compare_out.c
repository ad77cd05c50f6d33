/* SPDX-License-Identifier: Apache-2.0 */
/* view/compare_out.c - a comparison as text, JSON and CSV; see compare.h. */
#include "view/compare.h"

#include "view/format.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* -------- text -------- */

static void add_interval(struct pbti_str *str, struct pbti_interval interval)
{
    if (isnan(interval.low)) {
        pbti_str_add(str, "-");
        return;
    }
    pbti_str_add(str, "[");
    pbti_str_score(str, interval.low);
    pbti_str_add(str, ", ");
    pbti_str_score(str, interval.high);
    pbti_str_add(str, "]");
}

static void add_p(struct pbti_str *str, double p)
{
    if (isnan(p)) {
        pbti_str_add(str, "-");
    } else if (p < 0.0001) {
        pbti_str_add(str, "<0.0001");
    } else {
        pbti_str_addf(str, "%.4f", p);
    }
}

static void add_heading(struct pbti_table *table, const struct pbti_comparison *comparison)
{
    static const char *const words[] = {"95 % interval", "p (Holm)", "steps", "wall", "overhead"};
    pbti_str_add(&table->text, "strategy");
    pbti_table_cell(table);
    pbti_str_escape(&table->text, comparison->score_name, strlen(comparison->score_name));
    pbti_table_cell(table);
    pbti_str_add(&table->text, words[0]);
    pbti_table_cell(table);
    pbti_str_addf(&table->text, "minus %s", comparison->contenders[comparison->reference].name);
    pbti_table_cell(table);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        pbti_str_add(&table->text, words[i]);
        pbti_table_cell(table);
    }
    pbti_table_row(table);
}

static void add_row(struct pbti_table *table, const struct pbti_comparison *comparison,
                    uint32_t index)
{
    const struct pbti_compare_row *const row = &comparison->rows[index];
    struct pbti_str *const text = &table->text;
    pbti_str_add(text, comparison->contenders[index].name);
    pbti_table_cell(table);
    pbti_str_score(text, row->mean);
    pbti_table_cell(table);
    add_interval(text, row->interval);
    pbti_table_cell(table);
    pbti_str_score(text, row->paired.mean);
    pbti_table_cell(table);
    add_interval(text, row->distance);
    pbti_table_cell(table);
    add_p(text, row->p);
    pbti_table_cell(table);
    pbti_str_count(text, (uint64_t)llround(row->steps));
    pbti_table_cell(table);
    pbti_str_duration(text, llround(row->wall_s * 1e3));
    pbti_table_cell(table);
    pbti_str_addf(text, "%.0f %%", 100.0 * row->overhead);
    pbti_table_cell(table);
    pbti_table_row(table);
}

/* What can be said of each strategy against the reference, in words. */
static void add_verdict(struct pbti_str *str, const struct pbti_comparison *comparison,
                        uint32_t index)
{
    const struct pbti_compare_row *const row = &comparison->rows[index];
    const char *const reference = comparison->contenders[comparison->reference].name;
    pbti_str_addf(str, "  %s ", comparison->contenders[index].name);
    if (row->pairs < 2) {
        pbti_str_addf(str, "cannot be told from %s: %" PRIu32 " seed%s a score of both\n",
                      reference, row->pairs, row->pairs == 1 ? " has" : "s have");
    } else if (row->p <= 0.05) {
        bool const better = comparison->maximize == (row->paired.mean > 0.0);
        pbti_str_addf(str, "is %s than %s (p ", better ? "better" : "worse", reference);
        add_p(str, row->p);
        pbti_str_add(str, ")\n");
    } else {
        pbti_str_addf(str,
                      "is not told from %s: %" PRIu32 " seeds would mostly show a difference of ",
                      reference, row->pairs);
        pbti_str_score(str, row->detectable);
        pbti_str_add(str, ", not a smaller one\n");
    }
}

/* What each may train, and who trained more. */
static void add_budget(struct pbti_str *str, const struct pbti_comparison *comparison)
{
    pbti_str_add(str, "\nEach study may train ");
    pbti_str_count(str, comparison->budget);
    pbti_str_add(str, " steps");
    bool over = false;
    for (uint32_t i = 0; i < comparison->strategies; i++) {
        const struct pbti_contender *const contender = &comparison->contenders[i];
        if (contender->budget == comparison->budget) { continue; }
        pbti_str_addf(str, ", of %s ", contender->name);
        pbti_str_count(str, contender->budget);
    }
    for (uint32_t i = 0; i < comparison->strategies; i++) {
        if (!pbti_comparison_over_budget(comparison, i)) { continue; }
        pbti_str_addf(str, "%s %s trained ",
                      over ? "," : "; MORE:", comparison->contenders[i].name);
        pbti_str_count(str, comparison->rows[i].steps_max);
        over = true;
    }
    pbti_str_add(str, over ? "\n" : "; none trained more.\n");
}

/* What a strategy did not make use of. */
static void add_unused(struct pbti_str *str, const struct pbti_comparison *comparison,
                       uint32_t index)
{
    const struct pbti_contender *const contender = &comparison->contenders[index];
    long long const unused = llround(pbti_comparison_unused(comparison, index));
    if (unused == 0) { return; }
    pbti_str_addf(str, "  %s left ", contender->name);
    pbti_str_count(str, (uint64_t)unused);
    pbti_str_add(str, " of ");
    pbti_str_count(str, contender->budget);
    pbti_str_add(str, " steps unused");
    if (contender->brackets > 0) {
        pbti_str_addf(str, ": %" PRIu32 " whole bracket%s fit%s", contender->brackets,
                      contender->brackets == 1 ? "" : "s", contender->brackets == 1 ? "s" : "");
    }
    pbti_str_add(str, "\n");
}

void pbti_comparison_text(struct pbti_str *str, const struct pbti_comparison *comparison,
                          uint32_t width)
{
    struct pbti_table table = {0};
    pbti_str_escape(str, comparison->study, strlen(comparison->study));
    pbti_str_addf(str, ": %" PRIu32 " %s, %" PRIu32 " seed%s, %" PRIu32 " slot%s; ",
                  comparison->strategies, comparison->strategies == 1 ? "strategy" : "strategies",
                  comparison->seeds, comparison->seeds == 1 ? "" : "s", comparison->slots,
                  comparison->slots == 1 ? "" : "s");
    pbti_str_escape(str, comparison->score_name, strlen(comparison->score_name));
    pbti_str_addf(str, " on fresh seeds, %s is better\n\n", comparison->maximize ? "more" : "less");
    add_heading(&table, comparison);
    for (uint32_t i = 0; i < comparison->strategies; i++) {
        add_row(&table, comparison, i);
    }
    pbti_table_print(&table, str, 2, width);
    str->failed |= table.failed;
    pbti_table_deinit(&table);
    add_budget(str, comparison);
    for (uint32_t i = 0; i < comparison->strategies; i++) {
        add_unused(str, comparison, i);
    }
    for (uint32_t i = 0; i < comparison->strategies; i++) {
        if (i != comparison->reference) { add_verdict(str, comparison, i); }
    }
}

/* -------- JSON -------- */

static json_t *interval_json(struct pbti_interval interval)
{
    return json_pack("[o, o]", pbti_json_number(interval.low), pbti_json_number(interval.high));
}

static json_int_t milliseconds(double seconds)
{
    return (json_int_t)llround(seconds * 1e3);
}

static json_t *study_json(const struct pbti_comparison *comparison, uint32_t strategy,
                          uint32_t place, bool curves)
{
    const struct pbti_compare_study *const study =
        &comparison->studies[(size_t)strategy * comparison->seeds + place];
    char seed[24];
    (void)snprintf(seed, sizeof seed, "%" PRIu64, comparison->first_seed + place);
    json_t *const json = json_pack(
        "{s:s, s:b, s:o, s:o, s:I, s:I, s:I, s:I, s:I}", "seed", seed, "ended", study->ended,
        "score", pbti_json_number(study->score), "best_in_training", pbti_json_number(study->best),
        "steps", (json_int_t)study->steps, "evaluations", (json_int_t)study->evaluations,
        "worked_ms", milliseconds(study->wall_s), "train_ms", milliseconds(study->train_s),
        "evaluating_ms", milliseconds(study->evaluating_s));
    if (!curves || json == NULL) { return json; }
    json_t *const points = json_array();
    for (uint32_t i = 0; i < study->points_count; i++) {
        const struct pbti_compare_point *const point = &study->points[i];
        (void)json_array_append_new(points, json_pack("[I, I, f]", (json_int_t)point->steps,
                                                      (json_int_t)point->ms, point->best));
    }
    (void)json_object_set_new(json, "best_so_far", points);
    return json;
}

static json_t *row_json(const struct pbti_comparison *comparison, uint32_t index, bool curves)
{
    const struct pbti_compare_row *const row = &comparison->rows[index];
    json_t *const studies = json_array();
    for (uint32_t i = 0; i < comparison->seeds; i++) {
        (void)json_array_append_new(studies, study_json(comparison, index, i, curves));
    }
    json_t *const against =
        index == comparison->reference
            ? json_null()
            : json_pack("{s:I, s:o, s:o, s:o, s:o, s:o}", "pairs", (json_int_t)row->pairs,
                        "difference", pbti_json_number(row->paired.mean), "interval",
                        interval_json(row->distance), "p", pbti_json_number(row->paired.p),
                        "p_holm", pbti_json_number(row->p), "detectable",
                        pbti_json_number(row->detectable));
    const struct pbti_contender *const contender = &comparison->contenders[index];
    return json_pack("{s:s, s:I, s:I, s:o, s:f, s:o, s:o, s:o, s:f, s:f, s:I, s:f, s:b, s:o}",
                     "strategy", contender->name, "population", (json_int_t)contender->population,
                     "budget_steps", (json_int_t)contender->budget, "brackets",
                     contender->brackets > 0 ? json_integer(contender->brackets) : json_null(),
                     "unused_steps", pbti_comparison_unused(comparison, index), "mean",
                     pbti_json_number(row->mean), "interval", interval_json(row->interval),
                     "against_reference", against, "steps", row->steps, "evaluations",
                     row->evaluations, "worked_ms", milliseconds(row->wall_s), "overhead",
                     row->overhead, "over_budget", pbti_comparison_over_budget(comparison, index),
                     "studies", studies);
}

json_t *pbti_comparison_json(const struct pbti_comparison *comparison, bool curves)
{
    json_t *const rows = json_array();
    for (uint32_t i = 0; i < comparison->strategies; i++) {
        (void)json_array_append_new(rows, row_json(comparison, i, curves));
    }
    return json_pack("{s:i, s:o, s:o, s:s, s:s, s:I, s:I, s:I, s:o}", "version", PBTI_JSON_VERSION,
                     "study", pbti_json_text(comparison->study, strlen(comparison->study)),
                     "score_name",
                     pbti_json_text(comparison->score_name, strlen(comparison->score_name)), "goal",
                     comparison->maximize ? "maximize" : "minimize", "reference",
                     comparison->contenders[comparison->reference].name, "seeds",
                     (json_int_t)comparison->seeds, "slots", (json_int_t)comparison->slots,
                     "budget_steps", (json_int_t)comparison->budget, "strategies", rows);
}

/* -------- CSV -------- */

void pbti_comparison_csv(struct pbti_str *str, const struct pbti_comparison *comparison)
{
    pbti_str_add(str, "strategy,seed,steps,seconds,best\n");
    for (uint32_t i = 0; i < comparison->strategies; i++) {
        for (uint32_t k = 0; k < comparison->seeds; k++) {
            const struct pbti_compare_study *const study =
                &comparison->studies[(size_t)i * comparison->seeds + k];
            for (uint32_t at = 0; at < study->points_count; at++) {
                const struct pbti_compare_point *const point = &study->points[at];
                pbti_str_addf(str, "%s,%" PRIu64 ",%" PRIu64 ",%.3f,%.17g\n",
                              comparison->contenders[i].name, comparison->first_seed + k,
                              point->steps, (double)point->ms / 1e3, point->best);
            }
        }
    }
}
