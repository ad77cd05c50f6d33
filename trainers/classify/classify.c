/* SPDX-License-Identifier: Apache-2.0 */
/*
 * classify.c - `builtin: classify`, the trainer's side of the protocol; see docs/classify.md.
 *
 * Reads the settings of a task, runs the segment (classify_run.c), reports.
 */
#include "classify/classify_run.h"
#include "pbt_client.h"
#include "trainer_loop.h"
#include "trainers.h"

/* Values as the optimiser and the network hold them after training, of those in the space. */
static void report_in_force(struct pbt_client *client, const struct pbti_classify *c)
{
    const struct {
        const char *name;
        double value;
    } live[] = {
        {"lr", c->sgd.lr},
        {"momentum", c->sgd.momentum},
        {"weight_decay", c->sgd.weight_decay},
        {"dropout", c->pass.dropout},
        {"label_smoothing", c->pass.label_smoothing},
        {"batch", c->batch},
        {"width", c->mlp.shape.sizes[1]},
    };
    for (size_t i = 0; i < sizeof live / sizeof live[0]; i++) {
        if (pbt_client_has(client, live[i].name)) {
            pbt_client_in_force(client, live[i].name, live[i].value);
        }
    }
}

static void answer(struct pbt_client *client, const struct pbti_classify *c,
                   const struct pbti_classify_result *result)
{
    pbt_client_metric(client, "loss", result->loss);
    pbt_client_metric(client, "accuracy", result->accuracy);
    if (c->pass.step > 0) { pbt_client_metric(client, "train_loss", result->train_loss); }
    report_in_force(client, c);
    (void)pbt_client_report(client, result->score);
}

static pbt_status train(void *state, struct pbt_client *client,
                        const struct pbti_trainer_task *task, struct pbt_error *err)
{
    struct pbti_classify *const c = state;
    struct pbti_classify_settings settings;
    struct pbti_classify_result result;
    pbt_status status = pbti_classify_settings_read(client, &settings, err);
    if (status == PBT_OK) { status = pbti_classify_run(c, &settings, task, &result, err); }
    if (status == PBT_OK) { answer(client, c, &result); }
    return status;
}

int pbt_trainer_classify(int argc, char **argv)
{
    (void)argv;
    struct pbti_classify classify;
    pbti_classify_init(&classify);
    struct pbti_trainer_job const job = {.name = "classify", .state = &classify, .train = train};
    int const code = pbti_trainer_loop(argc, &job);
    pbti_classify_deinit(&classify);
    return code;
}
