/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/slurm.h - workers that Slurm places: an array job whose tasks are one worker each.
 *
 *     DIR/slurm/job.sh         the batch script, the same for every study: what differs are its
 *                              arguments
 *     DIR/slurm/job            the number of the job that was submitted last
 *     DIR/slurm/JOB_TASK.out   what the workers said
 *
 * The job looks after itself. A task that is told that its time is nearly over lets its worker
 * leave in order and puts itself back into the queue; the first one that finds the study ended
 * takes those that still wait out of it. Nothing of ours runs where it was submitted.
 */
#ifndef PBTI_WORKER_SLURM_H
#define PBTI_WORKER_SLURM_H

#include "spec/spec.h"

#include <stdbool.h>

#define PBTI_SLURM_JOB_MAX 32 /* bytes of a job's number, with the NUL */

struct pbti_slurm_request {
    const char *dir;     /* the study folder; absolute, since it is read on other machines */
    const char *journal; /* the URL that the user named for its journal, or NULL */
    const char *program; /* the pbt binary there */
    const struct pbti_spec *spec;
    uint32_t nodes;             /* workers; each on one node */
    uint32_t slots;             /* of each; 0 = as the spec says */
    uint32_t gpus;              /* of each node; 0 = what the slots need */
    const char *time;           /* limit, in sbatch's own words; NULL = the partition's */
    const char *partition;      /* NULL = the cluster's default */
    const char *const *options; /* of sbatch, ended by NULL; the last word is theirs */
};

/*
 * Is there Slurm on this machine?
 *
 * Errors      PBT_ENOENT (no sbatch), those of pbti_command_run()
 */
PBT_NODISCARD pbt_status pbti_slurm_check(struct pbt_error *err);

/*
 * Submit the workers of a study.
 *
 * job         out: its number, which is kept in the study folder, too
 * Errors      PBT_EINVAL (refused, in sbatch's words; a journal that machines cannot share),
 *             PBT_EEXIST (an earlier job of the study is in the queue), PBT_EIO
 */
PBT_NODISCARD pbt_status pbti_slurm_submit(const struct pbti_slurm_request *request,
                                           char job[PBTI_SLURM_JOB_MAX], struct pbt_error *err);

/* The job that was submitted last for the study in `dir`. Errors: PBT_ENOENT (there was none) */
PBT_NODISCARD pbt_status pbti_slurm_job(const char *dir, char job[PBTI_SLURM_JOB_MAX],
                                        struct pbt_error *err);

/* Tasks of a job that have not ended. */
struct pbti_slurm_queue {
    uint32_t running;
    uint32_t waiting;
    uint32_t leaving; /* their processes have ended; the nodes are being cleaned up */
    char reason[64];  /* why one of them waits, in Slurm's words */
};

/* Look a job up in the queue. One that is not there has no tasks. Errors: PBT_EIO */
PBT_NODISCARD pbt_status pbti_slurm_look(const char *job, struct pbti_slurm_queue *queue,
                                         struct pbt_error *err);

#endif
