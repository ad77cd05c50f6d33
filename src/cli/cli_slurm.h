/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cli_slurm.h - run and resume with --slurm, and following a study that runs elsewhere. */
#ifndef PBTI_CLI_CLI_SLURM_H
#define PBTI_CLI_CLI_SLURM_H

#include "cli/cli.h"

/*
 * Look at the options that are for Slurm, before anything is made: are they given with --slurm
 * only, may the journal be shared, is there Slurm?
 *
 * Returns     -1 when all is well, else the exit code
 */
int pbti_cli_slurm_check(const struct pbti_call *call);

/* Submit the workers of the study in `dir` as the options say, and follow it. Returns the exit
 * code. */
int pbti_cli_slurm_run(const struct pbti_call *call, const char *dir);

/*
 * Show a study as it goes on, until it has ended and its Slurm job, if there is one, has left the
 * queue. Ends earlier when a signal comes, or when the job is gone before the study has ended.
 * Returns the exit code.
 */
int pbti_cli_follow(const struct pbti_call *call, const char *dir);

#endif
