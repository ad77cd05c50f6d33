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

static pbt_status take_answer(const struct pbti_spec *spec, const struct pbti_answer *answer,
                              double *score, struct pbt_error *err)
{
    if (answer->outcome != PBTI_OUTCOME_DONE) {
        return PBTI_FAIL(err, PBT_ETRAINER, answer->outcome, "the trainer failed (%s): %s",
                         pbti_outcome_name(answer->outcome), answer->message);
    }
    *score = pbti_reduce(&spec->config, answer->scores, answer->scores_count);
    return PBT_OK;
}

static pbt_status take_metrics(struct pbti_evaluation *evaluation, const char *metrics,
                               struct pbt_error *err)
{
    evaluation->metrics = metrics != NULL ? json_loads(metrics, 0, NULL) : json_object();
    return evaluation->metrics != NULL ? PBT_OK : PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory");
}

static pbt_status run_seeds(struct pbti_evaluation *evaluation, const struct pbti_spec *spec,
                            struct pbti_runner_sync *solo, struct pbti_order *order,
                            struct pbt_error *err)
{
    for (uint32_t i = 0; i < evaluation->count; i++) {
        order->seed = evaluation->seeds[i];
        const struct pbti_answer *const answer = pbti_runner_sync_run(solo, order);
        evaluation->interrupted = answer == NULL;
        if (answer == NULL) { return PBT_OK; }
        PBTI_TRY(take_answer(spec, answer, &evaluation->scores[i], err));
        if (i + 1 == evaluation->count) {
            PBTI_TRY(take_metrics(evaluation, answer->metrics, err));
        }
    }
    return PBT_OK;
}

static pbt_status evaluate(const struct pbti_run_opts *opts, struct pbti_evaluation *evaluation,
                           struct pbti_study *study, struct pbti_runner_sync *solo,
                           struct pbt_error *err)
{
    struct pbti_checkpoint const checkpoint = evaluation->checkpoint;
    char load[PATH_MAX], logs[PATH_MAX];
    PBTI_TRY(pbti_study_open(study, opts->dir, true, NULL, NULL, err));
    PBTI_TRY(pbti_store_path(study->store, checkpoint, load, err));
    (void)snprintf(logs, sizeof logs, "%s/logs", opts->dir);
    PBTI_TRY(pbti_runner_sync_open(solo, study->spec, opts->program, opts->clients, logs, err));
    if (opts->signals) { pbti_runner_sync_heed_signals(solo); }
    struct pbti_order order = {.member = checkpoint.member,
                               .segment = checkpoint.segment,
                               .attempt = checkpoint.attempt,
                               .age = evaluation->age,
                               .from = checkpoint,
                               .load = load,
                               .space = &study->spec->config.space,
                               .values = evaluation->values,
                               .fixed = evaluation->fixed};
    if (order.fixed == NULL) { order.fixed = study->spec->fixed; }
    return run_seeds(evaluation, study->spec, solo, &order, err);
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
