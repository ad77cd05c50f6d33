/* SPDX-License-Identifier: Apache-2.0 */
/* worker/evaluate.c - evaluations of a stored checkpoint: tasks of zero steps. See run.h. */
#include "worker/run.h"

#include "base/fail.h"
#include "worker/opened.h"
#include "worker/solo.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static pbt_status take_answer(const struct pbti_spec *spec, const struct pbti_answer *answer,
                              double *score, json_t **metrics, struct pbt_error *err)
{
    if (answer->outcome != PBTI_OUTCOME_DONE) {
        return PBTI_FAIL(err, PBT_ETRAINER, answer->outcome, "the trainer failed (%s): %s",
                         pbti_outcome_name(answer->outcome), answer->message);
    }
    *score = pbti_reduce(&spec->config, answer->scores, answer->scores_count);
    if (metrics == NULL) { return PBT_OK; }
    *metrics = answer->metrics != NULL ? json_loads(answer->metrics, 0, NULL) : json_object();
    return *metrics != NULL ? PBT_OK : PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory");
}

/* What is evaluated, and on which seeds. */
struct evaluation {
    const struct pbti_run_opts *opts;
    struct pbti_order order;
    const uint64_t *seeds;
    uint32_t count;
    double *scores;   /* (count) */
    json_t **metrics; /* of the last; NULL = not wanted */
};

static pbt_status evaluate(struct evaluation *evaluation, struct pbti_opened *opened,
                           struct pbti_solo *solo, struct pbt_error *err)
{
    const struct pbti_run_opts *const opts = evaluation->opts;
    struct pbti_order *const order = &evaluation->order;
    char load[PATH_MAX], logs[PATH_MAX];
    PBTI_TRY(pbti_opened_open(opened, opts->dir, true, NULL, NULL, err));
    PBTI_TRY(pbti_store_path(opened->store, order->from, load, err));
    (void)snprintf(logs, sizeof logs, "%s/logs", opts->dir);
    PBTI_TRY(pbti_solo_open(solo, opened->spec, opts->program, opts->clients, logs, err));
    order->load = load;
    order->space = &opened->spec->config.space;
    order->fixed = order->fixed != NULL ? order->fixed : opened->spec->fixed;
    for (uint32_t i = 0; i < evaluation->count; i++) {
        order->seed = evaluation->seeds[i];
        PBTI_TRY(take_answer(opened->spec, pbti_solo_run(solo, order), &evaluation->scores[i],
                             i + 1 == evaluation->count ? evaluation->metrics : NULL, err));
    }
    return PBT_OK;
}

static pbt_status evaluate_and_close(struct evaluation *evaluation, struct pbt_error *err)
{
    struct pbti_opened opened = {0};
    struct pbti_solo solo = {0};
    pbt_status const status = evaluate(evaluation, &opened, &solo, err);
    pbti_solo_close(&solo);
    pbti_opened_close(&opened);
    return status;
}

static struct pbti_order order_of(struct pbti_checkpoint checkpoint, const double *values,
                                  uint64_t age, const json_t *fixed)
{
    return (struct pbti_order){.member = checkpoint.member,
                               .segment = checkpoint.segment,
                               .attempt = checkpoint.attempt,
                               .age = age,
                               .from = checkpoint,
                               .values = values,
                               .fixed = fixed};
}

pbt_status pbti_evaluate(const struct pbti_run_opts *opts, struct pbti_checkpoint checkpoint,
                         const double *values, uint64_t age, const json_t *fixed, double *score,
                         json_t **metrics, struct pbt_error *err)
{
    uint64_t const seed = 1;
    struct evaluation evaluation = {
        opts, order_of(checkpoint, values, age, fixed), &seed, 1, score, metrics};
    *score = (double)NAN;
    if (metrics != NULL) { *metrics = NULL; }
    return evaluate_and_close(&evaluation, err);
}

pbt_status pbti_evaluate_seeds(const struct pbti_run_opts *opts, struct pbti_checkpoint checkpoint,
                               const double *values, uint64_t age, const json_t *fixed,
                               const uint64_t *seeds, uint32_t count, double *scores,
                               struct pbt_error *err)
{
    struct evaluation evaluation = {
        opts, order_of(checkpoint, values, age, fixed), seeds, count, scores, NULL};
    return evaluate_and_close(&evaluation, err);
}
