/* SPDX-License-Identifier: Apache-2.0 */
/* worker/evaluate.c - one evaluation of a stored checkpoint: a task of zero steps. See run.h. */
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

static pbt_status evaluate(const struct pbti_run_opts *opts, struct pbti_opened *opened,
                           struct pbti_solo *solo, struct pbti_order *order, double *score,
                           json_t **metrics, struct pbt_error *err)
{
    char load[PATH_MAX], logs[PATH_MAX];
    PBTI_TRY(pbti_opened_open(opened, opts->dir, true, NULL, NULL, err));
    PBTI_TRY(pbti_store_path(opened->store, order->from, load, err));
    (void)snprintf(logs, sizeof logs, "%s/logs", opts->dir);
    PBTI_TRY(pbti_solo_open(solo, opened->spec, opts->program, opts->clients, logs, err));
    order->load = load;
    order->space = &opened->spec->config.space;
    order->fixed = order->fixed != NULL ? order->fixed : opened->spec->fixed;
    return take_answer(opened->spec, pbti_solo_run(solo, order), score, metrics, err);
}

pbt_status pbti_evaluate(const struct pbti_run_opts *opts, struct pbti_checkpoint checkpoint,
                         const double *values, uint64_t age, const json_t *fixed, double *score,
                         json_t **metrics, struct pbt_error *err)
{
    *score = (double)NAN;
    if (metrics != NULL) { *metrics = NULL; }
    struct pbti_opened opened = {0};
    struct pbti_solo solo = {0};
    struct pbti_order order = {.member = checkpoint.member,
                               .segment = checkpoint.segment,
                               .attempt = checkpoint.attempt,
                               .seed = 1,
                               .age = age,
                               .from = checkpoint,
                               .values = values,
                               .fixed = fixed};
    pbt_status const status = evaluate(opts, &opened, &solo, &order, score, metrics, err);
    pbti_solo_close(&solo);
    pbti_opened_close(&opened);
    return status;
}
