/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainer/runner.h - one place where a trainer runs: tasks in, results out.
 *
 * A runner keeps its trainer alive between tasks (or starts one for each, for one_shot), watches
 * its limits, keeps its log and stops it when something is wrong. pbti_run() has one a slot;
 * evaluate and check have one alone.
 *
 *  1 each task that was started ends in exactly one `finished`, unless stop() came first;
 *    then by exactly one `stopped`
 *  2 a result that is not `done` comes after the trainer and all it started are gone
 *  3 callbacks come from the loop, never from inside a call of a function below
 *
 * Belongs to the thread of its loop.
 */
#ifndef PBTI_TRAINER_RUNNER_H
#define PBTI_TRAINER_RUNNER_H

#include "trainer/launch.h"
#include "trainer/message.h"
#include "trainer/trainer_log.h"

#include <uv.h>

struct pbti_runner; /* opaque */

struct pbti_runner_opts {
    uv_loop_t *loop;
    struct pbti_launch *launch; /* borrowed */
    const char *logs;           /* folder, copied; NULL: no logs */
    const char *gpus;           /* CUDA_VISIBLE_DEVICES, copied; NULL: leave it alone */
    void *context;
    void (*finished)(void *context, const struct pbti_result *result);
    void (*stopped)(void *context, bool usable);
    /* The trainer was there, without a task, and has ended or misbehaved: what it had in memory
     * is gone. The next task starts another. */
    void (*lost)(void *context, uint8_t outcome, const char *why);
};

PBT_NODISCARD pbt_status pbti_runner_create(const struct pbti_runner_opts *opts,
                                            struct pbti_runner **out, struct pbt_error *err);

/* Run a task; none may run. `task` is borrowed for the call. With task->keep and a
 * trainer that is not there any more, task->load is loaded instead. */
void pbti_runner_start(struct pbti_runner *runner, const struct pbti_task *task);

/* Stop the trainer; a running task gives no result. Ends in `stopped`, also when nothing ran. */
void pbti_runner_stop(struct pbti_runner *runner);

/* Tell a waiting trainer to leave, stop it when it does not within the grace. Ends in `stopped`. */
void pbti_runner_quit(struct pbti_runner *runner);

/* No grace any more for what is being stopped. */
void pbti_runner_hurry(struct pbti_runner *runner);

/* Does it hold weights: is there a trainer that waits for its next task? */
bool pbti_runner_is_ready(const struct pbti_runner *runner);

/* How far the running task is. */
uint64_t pbti_runner_step(const struct pbti_runner *runner);

/* Release it, without a task and after `stopped`. The loop must run on until its handles are
 * closed. Accepts NULL. */
void pbti_runner_destroy(struct pbti_runner *runner);

#endif
