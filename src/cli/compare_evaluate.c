/* SPDX-License-Identifier: Apache-2.0 */
/* cli/compare_evaluate.c - evaluations on fresh seeds; see compare_evaluate.h. */
#include "cli/compare_evaluate.h"

#include "base/fail.h"
#include "view/compare.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FOR_CHOICE, FOR_REPORT }; /* which seeds */

struct finalist {
    struct pbti_best best;
    double scores[PBTI_FINALIST_SEEDS]; /* for the choice */
    double mean;
};

struct finals {
    const struct pbti_study_reader *reader;
    struct pbti_run_opts opts;
    struct finalist finalists[PBTI_COMPARE_EVALUATIONS];
    uint32_t count;
    uint32_t chosen;
    double scores[PBTI_FINALIST_SEEDS]; /* for the report */
    double mean;
    bool interrupted;
};

/* -------- who -------- */

/* Put a network in its place among the finalists, best first. */
static void enter(struct finals *finals, const struct pbti_best *best)
{
    const struct pbti_config *const config =
        pbti_state_config(pbti_study_reader_state(finals->reader));
    if (best->checkpoint.segment == 0 || !isfinite(best->score)) { return; }
    uint32_t place = finals->count;
    for (uint32_t i = 0; i < finals->count; i++) {
        if (pbti_checkpoint_equal(finals->finalists[i].best.checkpoint, best->checkpoint)) {
            return;
        }
    }
    while (place > 0 && pbti_better(config, best->score, finals->finalists[place - 1].best.score)) {
        place--;
    }
    if (place == PBTI_COMPARE_EVALUATIONS) { return; }
    if (finals->count < PBTI_COMPARE_EVALUATIONS) { finals->count++; }
    for (uint32_t i = finals->count - 1; i > place; i--) {
        finals->finalists[i] = finals->finalists[i - 1];
    }
    finals->finalists[place].best = *best;
}

/* The best checkpoints that are on disk: those the study keeps, and the members' latest best. */
static void find_finalists(struct finals *finals)
{
    const struct pbti_state *const state = pbti_study_reader_state(finals->reader);
    struct pbti_best best = pbti_state_best_now(state, PBTI_GROUP_POPULATION);
    enter(finals, &best);
    for (uint32_t i = 0; pbti_state_kept(state, i, &best) != 0; i++) {
        enter(finals, &best);
    }
}

/* -------- evaluating -------- */

/* Scores of a finalist and their mean. */
static pbt_status evaluate(struct finals *finals, const struct pbti_best *best, int purpose,
                           double *scores, double *mean, struct pbt_error *err)
{
    const struct pbti_history *const history = pbti_study_reader_history(finals->reader);
    const struct pbti_spec *const spec = pbti_study_reader_spec(finals->reader);
    uint32_t const record = pbti_history_find(history, best->checkpoint);
    struct pbti_stream const stream = {spec->config.seed, PBTI_PURPOSE_COMPARE, (uint64_t)purpose,
                                       0};
    uint64_t seeds[PBTI_FINALIST_SEEDS];
    for (uint32_t i = 0; i < PBTI_FINALIST_SEEDS; i++) {
        seeds[i] = pbti_draw_bits(&stream, i);
    }
    json_t *const fixed = json_copy(spec->fixed);
    if (fixed == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    if (purpose == FOR_REPORT) { (void)json_object_update(fixed, spec->final_evaluation); }
    struct pbti_evaluation evaluation = {.checkpoint = best->checkpoint,
                                         .values = pbti_history_values(history, record),
                                         .age = best->age,
                                         .fixed = fixed,
                                         .seeds = seeds,
                                         .count = PBTI_FINALIST_SEEDS,
                                         .scores = scores};
    pbt_status const status = pbti_evaluate(&finals->opts, &evaluation, err);
    finals->interrupted = evaluation.interrupted;
    json_decref(evaluation.metrics);
    json_decref(fixed);
    *mean = 0.0;
    for (uint32_t i = 0; i < PBTI_FINALIST_SEEDS; i++) {
        *mean += scores[i] / PBTI_FINALIST_SEEDS;
    }
    return status;
}

static pbt_status choose(struct finals *finals, struct pbt_error *err)
{
    const struct pbti_config *const config =
        pbti_state_config(pbti_study_reader_state(finals->reader));
    for (uint32_t i = 0; i < finals->count && !finals->interrupted; i++) {
        struct finalist *const one = &finals->finalists[i];
        PBTI_TRY(evaluate(finals, &one->best, FOR_CHOICE, one->scores, &one->mean, err));
        if (pbti_better(config, one->mean, finals->finalists[finals->chosen].mean)) {
            finals->chosen = i;
        }
    }
    if (finals->count == 0 || finals->interrupted) { return PBT_OK; }
    return evaluate(finals, &finals->finalists[finals->chosen].best, FOR_REPORT, finals->scores,
                    &finals->mean, err);
}

/* -------- compare.json -------- */

static json_t *scores_json(const double *scores)
{
    json_t *const list = json_array();
    for (uint32_t i = 0; i < PBTI_FINALIST_SEEDS; i++) {
        (void)json_array_append_new(list, pbti_json_number(scores[i]));
    }
    return list;
}

static json_t *finals_json(const struct finals *finals, int64_t took_ms)
{
    json_t *const finalists = json_array();
    for (uint32_t i = 0; i < finals->count; i++) {
        const struct finalist *const one = &finals->finalists[i];
        (void)json_array_append_new(finalists, json_pack("{s:o, s:o, s:o}", "checkpoint",
                                                         pbti_json_checkpoint(one->best.checkpoint),
                                                         "score_in_training",
                                                         pbti_json_number(one->best.score),
                                                         "scores", scores_json(one->scores)));
    }
    bool const scored = finals->count > 0 && isfinite(finals->mean);
    return json_pack(
        "{s:i, s:o, s:o, s:o, s:o, s:I}", "version", PBTI_JSON_VERSION, "finalists", finalists,
        "chosen",
        finals->count > 0 ? pbti_json_checkpoint(finals->finalists[finals->chosen].best.checkpoint)
                          : json_null(),
        "scores", finals->count > 0 ? scores_json(finals->scores) : json_array(), "score",
        scored ? json_real(finals->mean) : json_null(), "evaluating_ms", (json_int_t)took_ms);
}

static bool file_path(const char *dir, const char *ending, char path[PATH_MAX])
{
    return snprintf(path, PATH_MAX, "%s/" PBTI_COMPARE_FILE "%s", dir, ending) < PATH_MAX;
}

/* Whole or not at all. */
static pbt_status write_file(const char *dir, const json_t *json, struct pbt_error *err)
{
    char path[PATH_MAX];
    char fresh[PATH_MAX];
    if (!file_path(dir, "", path) || !file_path(dir, ".new", fresh)) {
        return PBTI_FAIL(err, PBT_EINVAL, 0, "the folder's path is too long");
    }
    if (json == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    if (json_dump_file(json, fresh, JSON_INDENT(2) | JSON_REAL_PRECISION(17)) != 0 ||
        rename(fresh, path) != 0) {
        return PBTI_FAIL(err, PBT_EIO, errno, "could not write \"%s\": %s", path, strerror(errno));
    }
    return PBT_OK;
}

bool pbti_compare_evaluated(const char *dir)
{
    char path[PATH_MAX];
    return file_path(dir, "", path) && access(path, F_OK) == 0;
}

pbt_status pbti_compare_evaluate(const char *dir, bool *interrupted, struct pbt_error *err)
{
    struct pbti_study_reader_opts opts = pbti_study_reader_opts_default();
    opts.history = true;
    struct pbti_study_reader *reader = NULL;
    PBTI_TRY(pbti_study_reader_open(dir, &opts, &reader, err));
    int64_t const began = pbti_cli_steady_ms();
    struct finals finals = {.reader = reader, .opts = pbti_run_opts_default(), .mean = NAN};
    finals.opts.dir = dir;
    finals.opts.signals = true;
    finals.opts.program = pbti_cli_program();
    finals.opts.clients = pbti_cli_clients();
    find_finalists(&finals);
    pbt_status status = choose(&finals, err);
    *interrupted = finals.interrupted;
    if (status == PBT_OK && !finals.interrupted) {
        json_t *const json = finals_json(&finals, pbti_cli_steady_ms() - began);
        status = write_file(dir, json, err);
        json_decref(json);
    }
    pbti_study_reader_close(reader);
    return status;
}
