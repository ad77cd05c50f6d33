/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainer/task.h - one segment of training, and how it ended.
 *
 * A task is made by the agent from a claim, completed by the slot (paths, fixed) and handed to the
 * trainer. A result is made from what the trainer reports and completed by the slot (the published
 * checkpoint).
 */
#ifndef PBTI_TRAINER_TASK_H
#define PBTI_TRAINER_TASK_H

#include "core/event.h"
#include "core/space.h"

#include <jansson.h>

/* What a trainer is asked to do. All pointers are borrowed. */
struct pbti_task {
    uint32_t member, segment, attempt;
    uint64_t claim; /* sequence number of the claim; 0: none */
    uint64_t seed;
    uint64_t age;                /* steps the weights have had before */
    uint64_t steps;              /* to train now; 0: evaluate only */
    uint64_t max_age;            /* the largest age any weights reach; 0: no bound */
    uint64_t budget;             /* steps the member trains in the whole study; 0: not known */
    bool keep;                   /* the weights in the trainer's memory are `from`: load nothing */
    struct pbti_checkpoint from; /* segment 0: start fresh */
    struct pbti_checkpoint checkpoint; /* what it will save */
    const char *load;                  /* absolute path; NULL: nothing to load */
    const char *save;                  /* absolute path; NULL: save nothing */
    const struct pbti_space *space;
    const double *values; /* hyperparameters, shape (space->count) */
    const json_t *fixed;
};

/* Where a failure happened. Whose it is follows from it: worker/failures.h. */
#define PBTI_ORIGIN_LIST(X)                                                                        \
    X(PBTI_ORIGIN_TRAINER, 0, "trainer")   /* it had said hello: what it did since */              \
    X(PBTI_ORIGIN_START, 1, "start")       /* it ended, or was stopped, before it said hello */    \
    X(PBTI_ORIGIN_PROGRAM, 2, "program")   /* it could not be run at all */                        \
    X(PBTI_ORIGIN_MACHINE, 3, "machine")   /* no process, pipe, socket, thread or memory */        \
    X(PBTI_ORIGIN_ONE_SHOT, 4, "one_shot") /* a one_shot, which never says hello, ended badly */   \
    X(PBTI_ORIGIN_LOAD, 5, "load")         /* the checkpoint to load is missing or altered */

#define PBTI_ENUM_(name, value, text) name = (value),
enum pbti_origin { PBTI_ORIGIN_LIST(PBTI_ENUM_) };
#undef PBTI_ENUM_

/* How a task ended. All pointers are borrowed: from the runner, until its next task is started. */
struct pbti_result {
    uint64_t claim;  /* of the task that ended: task.claim; 0 = the one the slot runs now */
    uint8_t outcome; /* enum pbti_outcome */
    uint8_t origin;  /* enum pbti_origin; of a failure */
    bool held;       /* the trainer still has the weights it saved in memory */
    bool stuck;      /* what ran could not be killed: nothing more may run there */
    uint32_t scores_count;
    const double *scores; /* shape (scores_count) */
    uint32_t files;
    uint64_t bytes, hash;     /* of the published checkpoint */
    uint32_t start_ms;        /* until every rank had said hello; 0: it was there already */
    uint32_t load_ms;         /* from the order to the first progress; 0: there was none */
    uint32_t train_ms;        /* from there to done */
    uint32_t save_ms;         /* publishing */
    const json_t *read;       /* list of names that were read, or NULL: the trainer does not say */
    const json_t *in_force;   /* object, or NULL: the trainer does not say */
    const json_t *progress;   /* metrics of the last progress that had any, or NULL */
    uint64_t progress_step;   /* the step it came with */
    struct pbti_text metrics; /* JSON object; size 0: none */
    struct pbti_text message; /* why it failed, or a warning; size 0: all is well */
};

#endif
