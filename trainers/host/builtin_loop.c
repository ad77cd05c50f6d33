/* SPDX-License-Identifier: Apache-2.0 */
/*
 * builtin_loop.c - a builtin trainer as a process: connect, run task after task, leave. See
 * builtin.h and trainers.h.
 */
#include "host/builtin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* A trainer at work. */
struct process {
    const struct pbti_builtin *builtin;
    void *state, *settings;
    struct pbti_builtin_report report;
};

static void answer(struct process *p, struct pbt_client *client)
{
    p->report = (struct pbti_builtin_report){.client = client};
    p->builtin->report(p->state, p->settings, &p->report);
    if (p->report.is_list) {
        (void)pbt_client_report_scores(client, p->report.scores, p->report.count);
    } else {
        (void)pbt_client_report(client, p->report.scores[0]);
    }
}

/* Returns false when the process should end. */
static bool serve(struct process *p, struct pbt_client *client, const struct pbt_client_task *got)
{
    struct pbti_builtin_task const task = {.seed = got->seed,
                                           .steps = got->steps,
                                           .start = got->start,
                                           .load = got->load,
                                           .save = got->save,
                                           .progress = progress,
                                           .context = client};
    struct pbt_error err = {0};
    pbt_status status = pbti_settings_read(p->builtin->settings, client, p->settings, &err);
    if (status == PBT_OK) {
        status = pbti_builtin_run(p->builtin, p->state, p->settings, &task, &err);
    }
    if (status != PBT_OK) { return pbt_client_fail(client, kind_of(status), err.message) == 0; }
    answer(p, client);
    return true;
}

static int serve_all(struct process *p, struct pbt_client *client)
{
    struct pbt_client_task task;
    int got;
    do {
        got = pbt_client_next(client, &task);
    } while (got == 1 && serve(p, client, &task));
    if (got != 0) {
        const char *const trouble = pbt_client_error(client);
        (void)fprintf(stderr, "%s: %s\n", p->builtin->about.name,
                      trouble == NULL ? "stopped" : trouble);
    }
    return got == 0 ? 0 : 1;
}

static int run(struct process *p, int argc, char **argv)
{
    const char *const name = p->builtin->about.name;
    char title[64];
    char why[1024];
    (void)snprintf(title, sizeof title, "%s 0.1", name);
    struct pbt_client *const client = pbt_client_open(title, why, sizeof why);
    if (client == NULL) {
        (void)fprintf(stderr, "%s: %s\n", name, why);
        return 1;
    }
    pbti_nn_setup(threads_asked());
    int const code =
        argc == 0 ? serve_all(p, client)
                  : pbti_builtin_use_main(p->builtin, p->state, p->settings, client, argc, argv);
    pbt_client_close(client);
    return code;
}

int pbt_trainer_run(const struct pbt_trainer *trainer, int argc, char **argv)
{
    const struct pbti_builtin *const builtin = (const struct pbti_builtin *)(const void *)trainer;
    bool const use = argc > 3 && strcmp(argv[1], "use") == 0;
    if (argc > 1 && !use) {
        (void)fprintf(stderr, "%s: takes no arguments; it is started by pbt\n",
                      builtin->about.name);
        return 2;
    }
    struct process *const p = calloc(1, sizeof *p);
    void *const state = calloc(1, builtin->state_size);
    void *const settings = calloc(1, builtin->settings_size);
    int code = 1;
    if (p == NULL || state == NULL || settings == NULL) {
        (void)fprintf(stderr, "%s: no memory\n", builtin->about.name);
    } else {
        p->builtin = builtin;
        p->state = state;
        p->settings = settings;
        code = use ? run(p, argc - 2, argv + 2) : run(p, 0, NULL);
        pbti_builtin_deinit(builtin, state);
    }
    free(settings);
    free(state);
    free(p);
    return code;
}
