/* SPDX-License-Identifier: Apache-2.0 */
/* worker/probe.c - one short segment of a trainer that is being tried out. See probe.h. */
#include "worker/probe.h"

#include "base/fail.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double seconds_since(uint64_t ns)
{
    return (double)(uv_hrtime() - ns) * 1e-9;
}

/* -------- running -------- */

static pbt_status take_result(struct pbti_probe *trial, const struct pbti_result *result,
                              struct pbt_error *err)
{
    trial->outcome = result->outcome;
    (void)snprintf(trial->message, sizeof trial->message, "%.*s", (int)result->message.size,
                   result->message.data);
    trial->start_s = (double)result->start_ms / 1000.0;
    if (result->outcome != PBTI_OUTCOME_DONE) { return PBT_OK; }
    size_t const size = result->scores_count * sizeof *trial->scores;
    trial->scores = malloc(size > 0 ? size : 1);
    if (trial->scores == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    if (size > 0) { memcpy(trial->scores, result->scores, size); }
    trial->scores_count = result->scores_count;
    if (result->metrics.size > 0) {
        trial->metrics = json_loadb(result->metrics.data, result->metrics.size, 0, NULL);
    }
    trial->progress = json_deep_copy(result->progress);
    trial->progress_step = result->progress_step;
    trial->read = json_deep_copy(result->read);
    trial->in_force = json_deep_copy(result->in_force);
    return PBT_OK;
}

static pbt_status publish(struct pbti_store *store, struct pbti_checkpoint checkpoint,
                          struct pbti_probe *trial)
{
    struct pbt_error err;
    uint64_t const begin = uv_hrtime();
    pbt_status const status = pbti_store_publish(store, checkpoint, &trial->stored, &err);
    trial->publish_s = seconds_since(begin);
    if (status == PBT_OK) { return PBT_OK; }
    trial->outcome = PBTI_OUTCOME_CHECKPOINT;
    (void)snprintf(trial->message, sizeof trial->message, "%s", err.message);
    return PBT_OK;
}

pbt_status pbti_probe_run(struct pbti_runner_sync *solo, struct pbti_store *store,
                          const struct pbti_spec *spec, const struct pbti_probe_order *asked,
                          struct pbti_probe *trial, struct pbt_error *err)
{
    *trial = (struct pbti_probe){.steps = asked->steps};
    struct pbti_checkpoint const from = {0, asked->from, asked->from > 0 ? 1 : 0};
    struct pbti_checkpoint const save = {0, asked->save, 1};
    char load_path[PATH_MAX], save_path[PATH_MAX];
    const char *load = asked->plain ? NULL : spec->initial_checkpoint;
    if (asked->from > 0) {
        PBTI_TRY(pbti_store_path(store, from, load_path, err));
        load = load_path;
    }
    if (asked->save > 0) { PBTI_TRY(pbti_store_prepare(store, save, save_path, err)); }
    struct pbti_task const task = {.segment = asked->save > 0 ? asked->save : 1,
                                   .attempt = 1,
                                   .seed = asked->seed,
                                   .age = asked->age,
                                   .steps = asked->steps,
                                   .max_age = spec->config.max_age,
                                   .budget = spec->config.steps,
                                   .keep = asked->keep,
                                   .from = from,
                                   .checkpoint = save,
                                   .load = load,
                                   .save = asked->save > 0 ? save_path : NULL,
                                   .space = &spec->config.space,
                                   .values = asked->values,
                                   .fixed = spec->fixed};
    uint64_t const begin = uv_hrtime();
    const struct pbti_result *const result = pbti_runner_sync_run(solo, &task);
    trial->seconds = seconds_since(begin) - (double)result->start_ms / 1000.0;
    PBTI_TRY(take_result(trial, result, err));
    bool const saved = trial->outcome == PBTI_OUTCOME_DONE && asked->save > 0;
    return saved ? publish(store, save, trial) : PBT_OK;
}

void pbti_probe_release(struct pbti_probe *trial)
{
    free(trial->scores);
    json_decref(trial->metrics);
    json_decref(trial->progress);
    json_decref(trial->read);
    json_decref(trial->in_force);
    *trial = (struct pbti_probe){0};
}

/* -------- comparing -------- */

static enum pbti_likeness compare_numbers(double a, double b)
{
    if (a == b || (isnan(a) && isnan(b))) { return PBTI_SAME; }
    double const scale = fmax(fabs(a), fabs(b));
    return fabs(a - b) <= PBTI_CLOSE_TOLERANCE * scale ? PBTI_CLOSE : PBTI_DIFFERENT;
}

static enum pbti_likeness compare_metrics(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b)) {
        return compare_numbers(json_number_value(a), json_number_value(b));
    }
    return json_equal(a, b) ? PBTI_SAME : PBTI_DIFFERENT;
}

static void describe(char *what, size_t size, const char *name, double a, double b)
{
    if (what != NULL) { (void)snprintf(what, size, "%s %.9g and %.9g", name, a, b); }
}

struct comparison {
    enum pbti_likeness worst;
    char *what;
    size_t size;
};

static void compare_scores(const struct pbti_probe *a, const struct pbti_probe *b,
                           struct comparison *so_far)
{
    if (a->scores_count != b->scores_count) {
        describe(so_far->what, so_far->size, "numbers of scores", a->scores_count, b->scores_count);
        so_far->worst = PBTI_DIFFERENT;
        return;
    }
    for (uint32_t i = 0; i < a->scores_count; i++) {
        enum pbti_likeness const like = compare_numbers(a->scores[i], b->scores[i]);
        if (like <= so_far->worst) { continue; }
        describe(so_far->what, so_far->size, "scores", a->scores[i], b->scores[i]);
        so_far->worst = like;
    }
}

/* Those of both; without the names in `without`, and only those in `only`, where it is given. */
static void compare_objects(json_t *a, const json_t *b, const json_t *without, const json_t *only,
                            struct comparison *so_far)
{
    const char *name;
    json_t *value;
    json_object_foreach (a, name, value) {
        const json_t *const other = json_object_get(b, name);
        bool const counts = json_object_get(without, name) == NULL &&
                            (only == NULL || json_object_get(only, name) != NULL);
        if (other == NULL || !counts) { continue; }
        enum pbti_likeness const like = compare_metrics(value, other);
        if (like <= so_far->worst) { continue; }
        char label[120];
        (void)snprintf(label, sizeof label, "metric \"%.80s\"", name);
        describe(so_far->what, so_far->size, label, json_number_value(value),
                 json_number_value(other));
        so_far->worst = like;
    }
}

enum pbti_likeness pbti_probe_compare(const struct pbti_probe *a, const struct pbti_probe *b,
                                      const struct pbti_varying *varying, char *what, size_t size)
{
    struct comparison so_far = {PBTI_SAME, what, size};
    if (varying == NULL || !varying->scores) { compare_scores(a, b, &so_far); }
    compare_objects(a->metrics, b->metrics, varying != NULL ? varying->metrics : NULL, NULL,
                    &so_far);
    if (varying != NULL && a->progress_step == b->progress_step) {
        compare_objects(a->progress, b->progress, NULL, varying->progress, &so_far);
    }
    return so_far.worst;
}

void pbti_probe_varying(const struct pbti_probe *a, const struct pbti_probe *b,
                        struct pbti_varying *varying)
{
    const char *name;
    json_t *value;
    struct comparison scores = {PBTI_SAME, NULL, 0};
    compare_scores(a, b, &scores);
    varying->scores = scores.worst == PBTI_DIFFERENT;
    json_object_foreach (a->metrics, name, value) {
        const json_t *const other = json_object_get(b->metrics, name);
        if (other == NULL || compare_metrics(value, other) != PBTI_SAME) {
            (void)json_object_set_new(varying->metrics, name, json_true());
        }
    }
    json_object_foreach (a->progress, name, value) {
        const json_t *const other = json_object_get(b->progress, name);
        if (a->progress_step == b->progress_step && other != NULL &&
            compare_metrics(value, other) == PBTI_SAME) {
            (void)json_object_set_new(varying->progress, name, json_true());
        }
    }
}
