/* SPDX-License-Identifier: Apache-2.0 */
/*
 * classify.c - `builtin: classify`, the trainer's side of the protocol; see docs/classify.md.
 *
 * A thin loop: read a task and its settings, run the segment (classify_run.c), report.
 */
#include "classify/classify_run.h"
#include "pbt_client.h"
#include "trainers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Threads are part of the spec; the worker hands them over in the environment. Default 1. */
static uint32_t threads_asked(void)
{
    const char *const text = getenv("OMP_NUM_THREADS");
    char *end = NULL;
    unsigned long const threads = text == NULL ? 1 : strtoul(text, &end, 10);
    return threads >= 1 && threads <= 1024 && (end == NULL || *end == '\0') ? (uint32_t)threads : 1;
}

static const char *kind_of(pbt_status status)
{
    switch (status) {
    case PBT_ENOMEM: return "oom";
    case PBT_EIO: return "other";
    default: return "config";
    }
}

static bool send_progress(void *context, uint64_t step, double loss)
{
    static const char *const names[] = {"train_loss"};
    return pbt_client_progress(context, step, names, &loss, 1) == 0;
}

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

static int answer(struct pbt_client *client, const struct pbti_classify *c,
                  const struct pbti_classify_result *result)
{
    pbt_client_metric(client, "loss", result->loss);
    pbt_client_metric(client, "accuracy", result->accuracy);
    if (c->pass.step > 0) { pbt_client_metric(client, "train_loss", result->train_loss); }
    report_in_force(client, c);
    return pbt_client_report(client, result->score);
}

/* Returns false when the process should end. */
static bool serve(struct pbt_client *client, struct pbti_classify *c,
                  const struct pbt_client_task *got)
{
    struct pbt_error err = {0};
    struct pbti_classify_settings settings;
    struct pbti_classify_result result;
    struct pbti_classify_task const task = {.seed = got->seed,
                                            .steps = got->steps,
                                            .start = got->start,
                                            .load = got->load,
                                            .save = got->save,
                                            .progress = send_progress,
                                            .context = client};
    pbt_status status = pbti_classify_settings_read(client, &settings, &err);
    if (status == PBT_OK) { status = pbti_classify_run(c, &settings, &task, &result, &err); }
    if (status == PBT_OK) { return answer(client, c, &result) == 0; }
    return pbt_client_fail(client, kind_of(status), err.message) == 0;
}

int pbt_trainer_classify(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        (void)fprintf(stderr, "classify: takes no arguments; it is started by pbt\n");
        return 2;
    }
    char why[1024];
    struct pbt_client *const client = pbt_client_open("classify 0.1", why, sizeof why);
    if (client == NULL) {
        (void)fprintf(stderr, "classify: %s\n", why);
        return 1;
    }
    pbti_nn_setup(threads_asked());
    struct pbti_classify classify;
    pbti_classify_init(&classify);
    struct pbt_client_task task;
    int got;
    do {
        got = pbt_client_next(client, &task);
    } while (got == 1 && serve(client, &classify, &task));
    if (got != 0) {
        const char *const trouble = pbt_client_error(client);
        (void)fprintf(stderr, "classify: %s\n", trouble == NULL ? "stopped" : trouble);
    }
    pbti_classify_deinit(&classify);
    pbt_client_close(client);
    return got == 0 ? 0 : 1;
}
