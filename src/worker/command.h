/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/command.h - run another program to its end and keep what it says. For tools that answer at
 * once (sbatch, squeue); trainers are started by child.h.
 */
#ifndef PBTI_WORKER_COMMAND_H
#define PBTI_WORKER_COMMAND_H

#include "pbt/status.h"

#define PBTI_COMMAND_OUT_MAX (1u << 20) /* bytes of standard output that are kept */

struct pbti_command {
    int code;          /* exit code; 128 + the signal that ended it */
    char *out;         /* standard output, ended by NUL; owned, free() it */
    char errors[1024]; /* the beginning of standard error, its last line break cut off */
};

/*
 * Run a program with nothing on its standard input. No shell is involved.
 *
 * command     in, ended by NULL; the program is looked for in PATH
 * tool        out; `out` is NULL after an error
 *
 * Errors      PBT_ENOENT (there is no such program), PBT_EIO, PBT_ENOMEM. An exit code is none.
 * Blocking    until the program has ended
 */
PBT_NODISCARD pbt_status pbti_command_run(char *const *command, struct pbti_command *tool,
                                          struct pbt_error *err);

#endif
