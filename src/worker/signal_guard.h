/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/signal_guard.h - what a library that uses a libuv loop with children owes the process it
 * runs in.
 *
 * Between begin and end, SIGPIPE is blocked in this thread: writing to a trainer that is gone must
 * be an error, not the end of the process. At the end the thread's mask and the handlers that libuv
 * replaced are as they were before.
 */
#ifndef PBTI_WORKER_SIGNAL_GUARD_H
#define PBTI_WORKER_SIGNAL_GUARD_H

#include <signal.h>
#include <stddef.h>

#define PBTI_GUARDED_SIGNALS 6
#define PBTI_ENDING_SIGNALS 5 /* TERM, USR1, USR2, INT, HUP */

struct pbti_signal_guard {
    sigset_t mask;
    struct sigaction actions[PBTI_GUARDED_SIGNALS];
};

/*
 * The signals that end a worker in order: TERM, and USR1 and USR2, which batch systems send before
 * a time limit; INT and HUP unless they were ignored when the program began (nohup, `cmd &`).
 *
 * numbers     out
 * Returns     how many
 */
size_t pbti_ending_signals(int numbers[PBTI_ENDING_SIGNALS]);

void pbti_signal_guard_begin(struct pbti_signal_guard *quiet);
void pbti_signal_guard_end(const struct pbti_signal_guard *quiet);

#endif
