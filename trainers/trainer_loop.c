/* SPDX-License-Identifier: Apache-2.0 */
/* trainer_loop.c - what all builtin trainers do alike, see trainer_loop.h. */
#include "trainer_loop.h"
#include "nn/nn_base.h"

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

/* The loss after so many steps, sent when it is time. */
static bool progress(void *client, uint64_t step, double loss)
{
    static const char *const names[] = {"train_loss"};
    return pbt_client_progress(client, step, names, &loss, 1) == 0;
}

/* Returns false when the process should end. */
static bool serve(const struct pbti_trainer_job *job, struct pbt_client *client,
                  const struct pbt_client_task *got)
{
    struct pbti_trainer_task const task = {.seed = got->seed,
                                           .steps = got->steps,
                                           .start = got->start,
                                           .load = got->load,
                                           .save = got->save,
                                           .progress = progress,
                                           .context = client};
    struct pbt_error err = {0};
    pbt_status const status = job->train(job->state, client, &task, &err);
    return status == PBT_OK || pbt_client_fail(client, kind_of(status), err.message) == 0;
}

int pbti_trainer_loop(int argc, const struct pbti_trainer_job *job)
{
    if (argc > 1) {
        (void)fprintf(stderr, "%s: takes no arguments; it is started by pbt\n", job->name);
        return 2;
    }
    char title[64];
    char why[1024];
    (void)snprintf(title, sizeof title, "%s 0.1", job->name);
    struct pbt_client *const client = pbt_client_open(title, why, sizeof why);
    if (client == NULL) {
        (void)fprintf(stderr, "%s: %s\n", job->name, why);
        return 1;
    }
    pbti_nn_setup(threads_asked());
    struct pbt_client_task task;
    int got;
    do {
        got = pbt_client_next(client, &task);
    } while (got == 1 && serve(job, client, &task));
    if (got != 0) {
        const char *const trouble = pbt_client_error(client);
        (void)fprintf(stderr, "%s: %s\n", job->name, trouble == NULL ? "stopped" : trouble);
    }
    pbt_client_close(client);
    return got == 0 ? 0 : 1;
}
