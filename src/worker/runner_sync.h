/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/runner_sync.h - a runner of its own with a loop of its own: run one task and wait for its
 * result.
 *
 * For evaluating a checkpoint and for trying out a trainer, where nothing else is to be done
 * meanwhile.
 */
#ifndef PBTI_WORKER_RUNNER_SYNC_H
#define PBTI_WORKER_RUNNER_SYNC_H

#include "trainer/runner.h"
#include "worker/signal_guard.h"

struct pbti_runner_sync { /* begin with all zero */
    uv_loop_t loop;
    struct pbti_launch launch;
    struct pbti_runner *runner;
    struct pbti_signal_guard quiet;
    const struct pbti_result *result; /* of the last task, until the next one */
    bool open, stopped, usable;
    bool heeds, interrupted;
    uv_signal_t signals[PBTI_ENDING_SIGNALS];
    size_t signals_count;
};

/*
 * logs        folder of the trainer's output; NULL: keep none
 * Errors      PBT_EIO, PBT_ENOMEM. pbti_runner_sync_close() is owed in any case
 */
PBT_NODISCARD pbt_status pbti_runner_sync_open(struct pbti_runner_sync *solo,
                                               const struct pbti_spec *spec, const char *program,
                                               const char *clients, const char *logs,
                                               struct pbt_error *err);

/* Let SIGINT, SIGTERM and SIGHUP interrupt: the task that runs and all later ones give NULL. A
 * second one: no grace for the trainer. */
void pbti_runner_sync_heed_signals(struct pbti_runner_sync *solo);

/* Run a task to its end. Borrowed until the next call. NULL: interrupted. */
const struct pbti_result *pbti_runner_sync_run(struct pbti_runner_sync *solo,
                                               const struct pbti_task *task);

/* End the trainer in order: the next task gets a fresh process. */
void pbti_runner_sync_end_trainer(struct pbti_runner_sync *solo);

void pbti_runner_sync_close(struct pbti_runner_sync *solo);

#endif
