/* SPDX-License-Identifier: Apache-2.0 */
/* worker/evaluate.c - evaluations of a stored checkpoint: tasks of zero steps. See run.h. */
#include "worker/run.h"

#include "base/fail.h"
#include "study/study_handle.h"
#include "worker/runner_sync.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static pbt_status take_result(const struct pbti_spec *spec, const struct pbti_result *result,
                              double *score, struct pbt_error *err)
{
    if (result->outcome != PBTI_OUTCOME_DONE) {
        return PBTI_FAIL(err, PBT_ETRAINER, result->outcome, "the trainer failed (%s): %.*s",
                         pbti_outcome_name(result->outcome), (int)result->message.size,
                         result->message.data);
    }
    *score = pbti_reduce(&spec->config, result->scores, result->scores_count);
    return PBT_OK;
}

static pbt_status take_metrics(struct pbti_evaluation *evaluation, struct pbti_text metrics,
                               struct pbt_error *err)
{
    evaluation->metrics =
        metrics.size > 0 ? json_loadb(metrics.data, metrics.size, 0, NULL) : json_object();
    return evaluation->metrics != NULL ? PBT_OK : PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory");
}

static pbt_status run_seeds(struct pbti_evaluation *evaluation, const struct pbti_spec *spec,
                            struct pbti_runner_sync *solo, struct pbti_task *task,
                            struct pbt_error *err)
{
    for (uint32_t i = 0; i < evaluation->count; i++) {
        task->seed = evaluation->seeds[i];
        const struct pbti_result *const result = pbti_runner_sync_run(solo, task);
        evaluation->interrupted = result == NULL;
        if (result == NULL) { return PBT_OK; }
        PBTI_TRY(take_result(spec, result, &evaluation->scores[i], err));
        if (i + 1 == evaluation->count) {
            PBTI_TRY(take_metrics(evaluation, result->metrics, err));
        }
    }
    return PBT_OK;
}

/* A checkpoint, and what the journal says of it. */
struct wanted {
    struct pbti_checkpoint checkpoint;
    bool is_known;
    struct pbti_stored reported;
};

/* A pbti_observer. */
static void find_report(void *context, uint64_t seq, const struct pbti_event *event)
{
    struct wanted *const wanted = context;
    const struct pbti_event_report *const report = &event->report;
    (void)seq;
    if (event->type != PBTI_REPORT || report->outcome != PBTI_OUTCOME_DONE) { return; }
    struct pbti_checkpoint const made = {report->member, report->segment, report->attempt};
    if (!pbti_checkpoint_equal(made, wanted->checkpoint)) { return; }
    wanted->is_known = true;
    wanted->reported = (struct pbti_stored){.files = report->files, .bytes = report->bytes};
}

static pbt_status find_load(struct pbti_store *store, const struct wanted *wanted, char *path,
                            struct pbt_error *err)
{
    return wanted->is_known
               ? pbti_store_check(store, wanted->checkpoint, &wanted->reported, path, err)
               : pbti_store_path(store, wanted->checkpoint, path, err);
}

static pbt_status evaluate(const struct pbti_run_opts *opts, struct pbti_evaluation *evaluation,
                           struct pbti_study *study, struct pbti_runner_sync *solo,
                           struct pbt_error *err)
{
    struct pbti_checkpoint const checkpoint = evaluation->checkpoint;
    char load[PATH_MAX], logs[PATH_MAX];
    struct wanted wanted = {.checkpoint = checkpoint};
    PBTI_TRY(pbti_study_open(study, opts->dir, opts->journal, true, find_report, &wanted, err));
    pbti_follower_ignore(study->follower, &wanted);
    PBTI_TRY(find_load(study->store, &wanted, load, err));
    (void)snprintf(logs, sizeof logs, "%s/logs", opts->dir);
    PBTI_TRY(pbti_runner_sync_open(solo, study->spec, opts->program, opts->clients, logs, err));
    if (opts->signals) { pbti_runner_sync_heed_signals(solo); }
    struct pbti_task task = {.member = checkpoint.member,
                             .segment = checkpoint.segment,
                             .attempt = checkpoint.attempt,
                             .age = evaluation->age,
                             .from = checkpoint,
                             .load = load,
                             .space = &study->spec->config.space,
                             .values = evaluation->values,
                             .fixed = evaluation->fixed};
    if (task.fixed == NULL) { task.fixed = study->spec->fixed; }
    return run_seeds(evaluation, study->spec, solo, &task, err);
}

pbt_status pbti_evaluate(const struct pbti_run_opts *opts, struct pbti_evaluation *evaluation,
                         struct pbt_error *err)
{
    struct pbti_study study = {0};
    struct pbti_runner_sync solo = {0};
    evaluation->metrics = NULL;
    evaluation->interrupted = false;
    for (uint32_t i = 0; i < evaluation->count; i++) {
        evaluation->scores[i] = (double)NAN;
    }
    pbt_status const status = evaluate(opts, evaluation, &study, &solo, err);
    pbti_runner_sync_close(&solo);
    pbti_study_close(&study);
    return status;
}
