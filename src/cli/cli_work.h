/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/cli_work.h - running a worker with the live display, and what is said when it has ended.
 * Shared by run, resume, worker and replay.
 */
#ifndef PBTI_CLI_CLI_WORK_H
#define PBTI_CLI_CLI_WORK_H

#include "cli/cli.h"
#include "view/winner.h"

/*
 * Run a worker in the study folder `dir` until the study has ended or it is stopped. Obeys --slots,
 * --quiet and --json. Says what has to be said when it was interrupted or failed.
 *
 * Returns     -1 when the study has ended: go on; else the exit code
 */
int pbti_cli_work(const struct pbti_call *call, const char *dir);

/* The same, then the final evaluation where the spec asks for one, and the closing summary. */
int pbti_cli_work_and_close(const struct pbti_call *call, const char *dir);

/* Say how to go on with a study that was interrupted. Returns the exit code. */
int pbti_cli_interrupted(const struct pbti_call *call, const char *dir);

/*
 * Print the closing summary of a study that has ended: best network, schedule, lineage, what to do
 * next. Returns the exit code.
 *
 * evaluate_best  run the final evaluation first, where the spec asks for one that is missing
 */
int pbti_cli_close(const struct pbti_call *call, const char *dir, bool evaluate_best);

/*
 * Open a study to work on it: a journal whose server is away for a moment is waited for, as long as
 * PBT_PATIENCE says. Returns -1, or the exit code: it has complained.
 */
int pbti_cli_open(const struct pbti_call *call, const char *dir,
                  const struct pbti_study_reader_opts *opts, struct pbti_study_reader **reader);

/* Read the overrides of --set; then "key=value" of the verb's own. False: too many. */
bool pbti_cli_override(struct pbti_call *call, const char *key, const char *value);

#endif
