/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainer_loop.h - what all builtin trainers do alike: connect, train task after task, leave.
 */
#ifndef PBTI_TRAINERS_TRAINER_LOOP_H
#define PBTI_TRAINERS_TRAINER_LOOP_H

#include "pbt/status.h"
#include "trainer_task.h"

struct pbti_trainer_job {
    const char *name; /* as in the spec */
    void *state;      /* handed to `train` */
    /*
     * Read the settings of a task, run it and report its score.
     *
     * On an error nothing was reported, and it is sent to the worker: PBT_ENOMEM as `oom`, PBT_EIO
     * as `other`, worth another try, and everything else as `config`, which is not.
     */
    pbt_status (*train)(void *state, struct pbt_client *client,
                        const struct pbti_trainer_task *task, struct pbt_error *err);
};

/* Run the trainer until the worker says exit. Returns the exit code of the process; prints what
 * went wrong to stderr, the trainer's log. */
int pbti_trainer_loop(int argc, const struct pbti_trainer_job *job);

#endif
