/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainer_task.h - a segment as a builtin trainer's own code is given it. Knows no protocol.
 */
#ifndef PBTI_TRAINERS_TRAINER_TASK_H
#define PBTI_TRAINERS_TRAINER_TASK_H

#include "pbt_client.h"

#include <stdbool.h>
#include <stdint.h>

struct pbti_trainer_task {
    uint64_t seed;
    uint64_t steps; /* to train, in the trainer's own unit; 0: evaluate only */
    enum pbt_client_start start;
    const char *load, *save; /* folders or NULL */
    /* Called after each update; false stops the segment with PBT_EIO. May be NULL. */
    bool (*progress)(void *context, uint64_t step, double loss);
    void *context;
};

#endif
