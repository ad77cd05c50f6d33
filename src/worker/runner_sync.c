/* SPDX-License-Identifier: Apache-2.0 */
/* worker/runner_sync.c - a runner of its own. see runner_sync.h. */
#include "worker/runner_sync.h"

#include "base/fail.h"
#include "worker/slots.h"

#include <stdlib.h>

/*
 * What is waited for stops the loop: a timer's callback comes before the loop waits for the rest of
 * the world, and signals alone would keep it waiting for ever.
 */
static void on_finished(void *context, const struct pbti_result *result)
{
    struct pbti_runner_sync *const solo = context;
    solo->result = result;
    uv_stop(&solo->loop);
}

static void on_stopped(void *context, bool usable)
{
    struct pbti_runner_sync *const solo = context;
    solo->stopped = true;
    solo->usable = usable;
    uv_stop(&solo->loop);
}

static void on_lost(void *context, uint8_t outcome, const char *why)
{
    (void)context; /* the next task starts another trainer */
    (void)outcome;
    (void)why;
}

static pbt_status open_runner(struct pbti_runner_sync *solo, const struct pbti_spec *spec,
                              const char *logs, struct pbt_error *err)
{
    struct pbti_strings gpus = {0};
    pbti_machine_gpus(&gpus);
    char *const visible = pbti_slot_gpus(&gpus, 0, spec->trainer.gpus);
    pbti_strings_free(&gpus);
    struct pbti_runner_opts const opts = {.loop = &solo->loop,
                                          .launch = &solo->launch,
                                          .logs = logs,
                                          .gpus = visible,
                                          .context = solo,
                                          .finished = on_finished,
                                          .stopped = on_stopped,
                                          .lost = on_lost};
    pbt_status const status = pbti_runner_create(&opts, &solo->runner, err);
    free(visible);
    return status;
}

pbt_status pbti_runner_sync_open(struct pbti_runner_sync *solo, const struct pbti_spec *spec,
                                 const char *program, const char *clients, const char *logs,
                                 struct pbt_error *err)
{
    *solo = (struct pbti_runner_sync){0};
    int const code = uv_loop_init(&solo->loop);
    if (code != 0) {
        return PBTI_FAIL(err, PBT_EIO, -code, "could not make a loop: %s", uv_strerror(code));
    }
    pbti_signal_guard_begin(&solo->quiet);
    solo->open = true;
    PBTI_TRY(pbti_launch_open(&solo->launch, spec, program, clients, err));
    return open_runner(solo, spec, logs, err);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct pbti_runner_sync *const solo = handle->data;
    (void)number;
    if (solo->interrupted) { pbti_runner_hurry(solo->runner); }
    solo->interrupted = true;
    uv_stop(&solo->loop);
}

void pbti_runner_sync_heed_signals(struct pbti_runner_sync *solo)
{
    int numbers[PBTI_ENDING_SIGNALS];
    solo->signals_count = pbti_ending_signals(numbers);
    solo->heeds = true;
    for (size_t i = 0; i < solo->signals_count; i++) {
        solo->signals[i].data = solo;
        (void)uv_signal_init(&solo->loop, &solo->signals[i]);
        (void)uv_signal_start(&solo->signals[i], on_signal, numbers[i]);
    }
}

const struct pbti_result *pbti_runner_sync_run(struct pbti_runner_sync *solo,
                                               const struct pbti_task *task)
{
    solo->result = NULL;
    if (solo->interrupted) { return NULL; }
    pbti_runner_start(solo->runner, task);
    while (solo->result == NULL && !solo->interrupted) {
        (void)uv_run(&solo->loop, UV_RUN_DEFAULT);
    }
    return solo->result;
}

void pbti_runner_sync_end_trainer(struct pbti_runner_sync *solo)
{
    solo->stopped = false;
    pbti_runner_quit(solo->runner);
    while (!solo->stopped) {
        (void)uv_run(&solo->loop, UV_RUN_DEFAULT);
    }
}

void pbti_runner_sync_close(struct pbti_runner_sync *solo)
{
    if (!solo->open) { return; }
    if (solo->runner != NULL) { pbti_runner_sync_end_trainer(solo); }
    pbti_runner_destroy(solo->runner);
    for (size_t i = 0; solo->heeds && i < solo->signals_count; i++) {
        uv_close((uv_handle_t *)&solo->signals[i], NULL);
    }
    (void)uv_run(&solo->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&solo->loop);
    pbti_launch_close(&solo->launch);
    pbti_signal_guard_end(&solo->quiet);
    *solo = (struct pbti_runner_sync){0};
}
