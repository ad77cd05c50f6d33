/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/quiet.h - what a library that uses a libuv loop with children owes the process it runs in.
 *
 * Between begin and end, SIGPIPE is blocked in this thread: writing to a trainer that is gone must
 * be an error, not the end of the process. At the end the thread's mask and the handlers that libuv
 * replaced are as they were before.
 */
#ifndef PBTI_WORKER_QUIET_H
#define PBTI_WORKER_QUIET_H

#include <signal.h>

#define PBTI_QUIET_SIGNALS 4

struct pbti_quiet {
    sigset_t mask;
    struct sigaction actions[PBTI_QUIET_SIGNALS];
};

void pbti_quiet_begin(struct pbti_quiet *quiet);
void pbti_quiet_end(const struct pbti_quiet *quiet);

#endif
