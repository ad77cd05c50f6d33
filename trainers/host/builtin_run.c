/* SPDX-License-Identifier: Apache-2.0 */
/*
 * builtin_run.c - one segment of any builtin trainer, see builtin.h. Knows no protocol.
 *
 * Invariants
 * 1. held->has_network implies held->has_data, and held->made are the settings of both.
 * 2. A task that is to go on with the network in memory never makes another one.
 */
#include "host/builtin.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void pbti_builtin_init(const struct pbti_builtin *builtin, void *state)
{
    memset(state, 0, builtin->state_size);
}

static void drop_network(const struct pbti_builtin *builtin, void *state)
{
    struct pbti_builtin_held *const held = state;
    if (held->has_network) { builtin->destroy(state); }
    held->has_network = false;
}

static void drop_data(const struct pbti_builtin *builtin, void *state)
{
    struct pbti_builtin_held *const held = state;
    drop_network(builtin, state);
    if (held->has_data && builtin->drop_data != NULL) { builtin->drop_data(state); }
    held->has_data = false;
}

void pbti_builtin_deinit(const struct pbti_builtin *builtin, void *state)
{
    struct pbti_builtin_held *const held = state;
    drop_data(builtin, state);
    free(held->made);
    pbti_builtin_init(builtin, state);
}

/* -------- getting ready -------- */

/* Release what these settings cannot go on with; refuse it when the task must go on with it. */
static pbt_status drop_others(const struct pbti_builtin *builtin, void *state, const void *settings,
                              const struct pbti_builtin_task *task, struct pbt_error *err)
{
    const struct pbti_builtin_held *const held = state;
    bool const keep = task->start == PBT_CLIENT_KEEP;
    if (!held->has_network && keep) {
        return pbti_nn_fail(err, PBT_EINVAL, "there is no network in memory to go on with");
    }
    if (held->made == NULL) { return PBT_OK; }
    const char *const data =
        pbti_settings_changed(builtin->settings, PBTI_SETTING_DATA, held->made, settings);
    const char *const network =
        pbti_settings_changed(builtin->settings, PBTI_SETTING_NETWORK, held->made, settings);
    const char *const name = data != NULL ? data : network;
    if (name != NULL && keep) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "\"%s\" is not what the network in memory was made with; it must be "
                            "`frozen` or in `fixed`",
                            name);
    }
    if (network != NULL) { drop_network(builtin, state); }
    if (data != NULL) { drop_data(builtin, state); }
    return PBT_OK;
}

/* Load and create what is not there. */
static pbt_status make(const struct pbti_builtin *builtin, void *state, const void *settings,
                       struct pbt_error *err)
{
    struct pbti_builtin_held *const held = state;
    if (held->made == NULL) { held->made = malloc(builtin->settings_size); }
    if (held->made == NULL) { return pbti_nn_fail(err, PBT_ENOMEM, "no memory for the settings"); }
    memcpy(held->made, settings, builtin->settings_size);
    if (!held->has_data) {
        held->has_data = true;
        pbt_status const status =
            builtin->load_data == NULL ? PBT_OK : builtin->load_data(state, settings, err);
        if (status != PBT_OK) {
            drop_data(builtin, state);
            return status;
        }
    }
    if (held->has_network) { return PBT_OK; }
    pbt_status const status = builtin->create(state, settings, err);
    held->has_network = status == PBT_OK;
    return status;
}

pbt_status pbti_builtin_ready(const struct pbti_builtin *builtin, void *state, const void *settings,
                              const struct pbti_builtin_task *task, struct pbt_error *err)
{
    pbt_status status = builtin->check == NULL ? PBT_OK : builtin->check(settings, err);
    if (status == PBT_OK) { status = drop_others(builtin, state, settings, task, err); }
    if (status == PBT_OK) { status = make(builtin, state, settings, err); }
    if (status == PBT_OK && builtin->prepare != NULL) {
        status = builtin->prepare(state, settings, task, err);
    }
    if (status != PBT_OK || task->start == PBT_CLIENT_KEEP) { return status; }
    /* a fresh start has a checkpoint, too, when the study begins with one */
    if (task->load != NULL) { return pbti_builtin_load(builtin, state, task->load, err); }
    builtin->fresh(state, task->seed);
    return PBT_OK;
}

/* -------- a segment -------- */

pbt_status pbti_builtin_run(const struct pbti_builtin *builtin, void *state, const void *settings,
                            const struct pbti_builtin_task *task, struct pbt_error *err)
{
    pbt_status status = pbti_builtin_ready(builtin, state, settings, task, err);
    if (status == PBT_OK && task->steps > 0) {
        status = builtin->train(state, settings, task, err);
    }
    if (status == PBT_OK && task->save != NULL) {
        status = pbti_builtin_save(builtin, state, task->save, err);
        if (status == PBT_OK && builtin->save_files != NULL) {
            status = builtin->save_files(state, settings, task->save, err);
        }
    }
    return status == PBT_OK ? builtin->evaluate(state, settings, task, err) : status;
}

pbt_status pbti_builtin_progress(const struct pbti_builtin_task *task, uint64_t step, double loss,
                                 struct pbt_error *err)
{
    if (task->progress == NULL || task->progress(task->context, step, loss)) { return PBT_OK; }
    return pbti_nn_fail(err, PBT_EIO, "progress could not be sent");
}

/* -------- the report -------- */

void pbti_builtin_score(struct pbti_builtin_report *report, double score)
{
    report->count = 1;
    report->scores[0] = score;
}

void pbti_builtin_scores(struct pbti_builtin_report *report, const double *scores, uint32_t count)
{
    assert(count >= 1 && count <= PBT_CLIENT_SCORES_MAX);
    report->is_list = true;
    report->count = count;
    memcpy(report->scores, scores, count * sizeof scores[0]);
}

void pbti_builtin_metric(struct pbti_builtin_report *report, const char *name, double value)
{
    if (report->client != NULL) { pbt_client_metric(report->client, name, value); }
}

void pbti_builtin_in_force(struct pbti_builtin_report *report, const char *name, double value)
{
    if (report->client != NULL && pbt_client_has(report->client, name)) {
        pbt_client_in_force(report->client, name, value);
    }
}
