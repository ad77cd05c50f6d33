/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/verb_compare.c - pbt compare SPEC: which strategy is best for this trainer?
 *
 * One folder, in it one ordinary study a strategy and seed, called STRATEGY-SEED. Whatever is
 * missing is done: a study that is not there is made, one that has not ended goes on, one without
 * evaluations gets them; so the same command resumes, and one with more seeds or strategies adds
 * to what is there. All studies of a seed are run before those of the next, so that a comparison
 * that is cut short is a fair one.
 */
#include "cli/cli_work.h"
#include "cli/compare_budget.h"
#include "cli/compare_evaluate.h"

#include "base/fail.h"
#include "study/study_handle.h"
#include "view/compare.h"
#include "view/format.h"
#include "worker/run.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEEDS_DEFAULT 5

struct plan {
    const struct pbti_call *call;
    struct pbti_compare_budget contenders;
    char dir[PATH_MAX]; /* of all studies */
    uint32_t seeds;
};

static uint64_t seed_of(const struct plan *plan, uint32_t place)
{
    return plan->contenders.spec->config.seed + place;
}

/* -------- the studies -------- */

static bool study_dir(const struct plan *plan, uint32_t strategy, uint64_t seed, char dir[PATH_MAX])
{
    return snprintf(dir, PATH_MAX, "%s/%s-%" PRIu64, plan->dir,
                    plan->contenders.contender[strategy].name, seed) < PATH_MAX;
}

/* A study that is there already: is it the one we would make? */
static pbt_status check_existing(const char *dir, const struct pbti_spec *spec, uint8_t *stop,
                                 struct pbt_error *err)
{
    struct pbti_study_reader *reader = NULL;
    PBTI_TRY(pbti_study_reader_open(dir, NULL, &reader, err));
    struct pbti_text const text = pbti_study_reader_spec_text(reader);
    char *const wanted = pbti_spec_render(spec);
    bool const known = wanted != NULL;
    bool const same =
        known && strlen(wanted) == text.size && memcmp(wanted, text.data, text.size) == 0;
    *stop = pbti_state_stop(pbti_study_reader_state(reader));
    pbti_study_reader_close(reader);
    free(wanted);
    if (same) { return PBT_OK; }
    if (!known) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    (void)PBTI_FAIL(err, PBT_EEXIST, 0, "\"%s\" is a study of another spec", dir);
    pbti_fail_hint(err, "give another folder with --dir");
    return PBT_EEXIST;
}

/* Make the study where it is missing. stop: out, how the study has ended so far. */
static pbt_status open_study(const struct plan *plan, uint32_t strategy, uint64_t seed,
                             const char *dir, uint8_t *stop, struct pbt_error *err)
{
    struct pbti_spec *spec = NULL;
    *stop = PBTI_STOP_NONE;
    pbt_status status = pbti_compare_budget_spec(&plan->contenders, strategy, seed, &spec, err);
    if (status == PBT_OK) { status = pbti_study_create(dir, NULL, spec, err); }
    if (status == PBT_EEXIST) { status = check_existing(dir, spec, stop, err); }
    pbti_spec_destroy(spec);
    return status;
}

static void say_progress(const struct plan *plan, uint32_t strategy, uint32_t place,
                         const char *dir)
{
    struct pbti_compare_study study;
    struct pbt_error ignored;
    if (pbti_cli_has(plan->call, PBTI_OPT_QUIET)) { return; }
    if (pbti_compare_read(&study, dir, &ignored) != PBT_OK) { return; }
    free(study.points);
    uint32_t const count = plan->contenders.count;
    struct pbti_str str = {0};
    pbti_str_addf(&str, "%" PRIu32 "/%" PRIu32 "  %s, seed %" PRIu64 ": ",
                  place * count + strategy + 1, count * plan->seeds,
                  plan->contenders.contender[strategy].name, seed_of(plan, place));
    pbti_str_score(&str, study.score);
    pbti_str_add(&str, " after ");
    pbti_str_duration(&str, llround(study.wall_s * 1e3));
    (void)fprintf(stderr, "%s\n", pbti_str_text(&str));
    pbti_str_deinit(&str);
}

/* Bring one study to its end. Returns -1 or the exit code. */
static int finish_study(const struct plan *plan, uint32_t strategy, uint32_t place)
{
    char dir[PATH_MAX];
    struct pbt_error err;
    uint8_t stop;
    uint64_t const seed = seed_of(plan, place);
    if (!study_dir(plan, strategy, seed, dir)) {
        return pbti_cli_complain(plan->call, PBTI_EXIT_USAGE, NULL,
                                 "the folder's path is too long");
    }
    if (open_study(plan, strategy, seed, dir, &stop, &err) != PBT_OK) {
        return pbti_cli_fail(plan->call, &err);
    }
    if (stop != PBTI_STOP_NONE && pbti_compare_evaluated(dir)) { return -1; }
    if (stop == PBTI_STOP_NONE) {
        struct pbti_call quiet = *plan->call;
        quiet.value[PBTI_OPT_QUIET] = "";
        int const code = pbti_cli_work(&quiet, dir);
        if (code >= 0) { return code; }
    }
    bool interrupted;
    if (pbti_compare_evaluate(dir, &interrupted, &err) != PBT_OK) {
        return pbti_cli_fail(plan->call, &err);
    }
    if (interrupted) { return PBTI_EXIT_INTERRUPTED; }
    say_progress(plan, strategy, place, dir);
    return -1;
}

/* -------- the result -------- */

static pbt_status read_studies(const struct plan *plan, struct pbti_comparison *comparison,
                               struct pbt_error *err)
{
    for (uint32_t i = 0; i < plan->contenders.count; i++) {
        for (uint32_t k = 0; k < plan->seeds; k++) {
            char dir[PATH_MAX];
            (void)study_dir(plan, i, seed_of(plan, k), dir);
            PBTI_TRY(
                pbti_compare_read(&comparison->studies[(size_t)i * plan->seeds + k], dir, err));
        }
    }
    if (!pbti_comparison_analyse(comparison)) {
        return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory");
    }
    return PBT_OK;
}

static pbt_status write_text(const struct plan *plan, const char *name, const char *text,
                             struct pbt_error *err)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", plan->dir, name) >= (int)sizeof path) {
        return PBTI_FAIL(err, PBT_EINVAL, 0, "the folder's path is too long");
    }
    FILE *const file = fopen(path, "we");
    bool good = file != NULL && fputs(text, file) >= 0;
    good = (file == NULL || fclose(file) == 0) && good;
    if (good) { return PBT_OK; }
    return PBTI_FAIL(err, PBT_EIO, errno, "could not write \"%s\": %s", path, strerror(errno));
}

/* comparison.json, with the curves, and curves.csv. */
static pbt_status write_files(const struct plan *plan, const struct pbti_comparison *comparison,
                              struct pbt_error *err)
{
    struct pbti_str csv = {0};
    json_t *const json = pbti_comparison_json(comparison, true);
    char *const text =
        json == NULL ? NULL : json_dumps(json, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
    json_decref(json);
    pbti_comparison_csv(&csv, comparison);
    pbt_status status = text == NULL || csv.failed ? PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory")
                                                   : write_text(plan, "comparison.json", text, err);
    if (status == PBT_OK) { status = write_text(plan, "curves.csv", pbti_str_text(&csv), err); }
    free(text);
    pbti_str_deinit(&csv);
    return status;
}

/* Failed: a study trained too much, or has nothing to show. */
static int exit_code(const struct pbti_comparison *comparison)
{
    for (uint32_t i = 0; i < comparison->strategies; i++) {
        if (pbti_comparison_over_budget(comparison, i) ||
            comparison->rows[i].count < comparison->seeds) {
            return PBTI_EXIT_FAILED;
        }
    }
    return PBTI_EXIT_DONE;
}

static int print(const struct plan *plan, const struct pbti_comparison *comparison)
{
    int const code = exit_code(comparison);
    if (pbti_cli_has(plan->call, PBTI_OPT_JSON)) {
        return pbti_cli_print_json(plan->call, pbti_comparison_json(comparison, false), code);
    }
    if (pbti_cli_has(plan->call, PBTI_OPT_QUIET)) { return code; }
    struct pbti_str str = {0};
    pbti_comparison_text(&str, comparison, pbti_cli_width());
    pbti_str_add(&str, "\ncurves and all numbers: ");
    pbti_str_quote(&str, plan->dir);
    pbti_str_add(&str, "/curves.csv, comparison.json\n");
    return pbti_cli_print(plan->call, &str, code);
}

static int conclude(const struct plan *plan)
{
    const struct pbti_spec *const spec = plan->contenders.spec;
    struct pbti_comparison comparison;
    struct pbt_error err;
    if (!pbti_comparison_init(&comparison, plan->contenders.count, plan->seeds)) {
        pbti_comparison_deinit(&comparison);
        return pbti_cli_no_memory(plan->call);
    }
    uint32_t const asked = (uint32_t)plan->call->number[PBTI_OPT_SLOTS];
    comparison.contenders = plan->contenders.contender;
    comparison.first_seed = spec->config.seed;
    comparison.slots = asked > 0 ? asked : spec->slots > 0 ? spec->slots : pbti_slots_auto(spec);
    comparison.budget = plan->contenders.budget;
    comparison.study = spec->study;
    comparison.score_name = spec->score_name;
    comparison.maximize = spec->config.maximize;
    pbt_status status = read_studies(plan, &comparison, &err);
    if (status == PBT_OK) { status = write_files(plan, &comparison, &err); }
    int const code = status == PBT_OK ? print(plan, &comparison) : pbti_cli_fail(plan->call, &err);
    pbti_comparison_deinit(&comparison);
    return code;
}

/* -------- the verb -------- */

static int say_interrupted(const struct plan *plan)
{
    if (!pbti_cli_has(plan->call, PBTI_OPT_QUIET)) {
        (void)fputs("pbt compare: interrupted; the same command goes on\n", stderr);
    }
    return PBTI_EXIT_INTERRUPTED;
}

static int compare(struct plan *plan)
{
    const char *const wanted = plan->call->value[PBTI_OPT_DIR];
    int const size = wanted != NULL ? snprintf(plan->dir, sizeof plan->dir, "%s", wanted)
                                    : snprintf(plan->dir, sizeof plan->dir, "./%s-compare",
                                               plan->contenders.spec->study);
    if (size >= (int)sizeof plan->dir) {
        return pbti_cli_complain(plan->call, PBTI_EXIT_USAGE, NULL,
                                 "the folder's path is too long");
    }
    for (uint32_t k = 0; k < plan->seeds; k++) {
        for (uint32_t i = 0; i < plan->contenders.count; i++) {
            int const code = finish_study(plan, i, k);
            if (code == PBTI_EXIT_INTERRUPTED) { return say_interrupted(plan); }
            if (code >= 0) { return code; }
        }
    }
    return conclude(plan);
}

int pbti_verb_compare(const struct pbti_call *call)
{
    struct plan plan = {.call = call, .seeds = SEEDS_DEFAULT};
    if (pbti_cli_has(call, PBTI_OPT_SEEDS)) { plan.seeds = (uint32_t)call->number[PBTI_OPT_SEEDS]; }
    int code = pbti_compare_budget_open(&plan.contenders, call);
    if (code < 0) { code = compare(&plan); }
    pbti_compare_budget_close(&plan.contenders);
    return code;
}
