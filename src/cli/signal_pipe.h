/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/signal_pipe.h - signals as something to poll for.
 *
 * A handler writes the number of each signal into a pipe. A signalfd would need the signals to be
 * blocked in every thread, and libraries start threads of their own before main (OpenBLAS does when
 * it stands in for LAPACK): these would take the signal, and the process would die of it.
 */
#ifndef PBT_CLI_SIGNAL_PIPE_H
#define PBT_CLI_SIGNAL_PIPE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

enum { PBTI_SIGNAL_PIPE_MAX = 8 };

struct pbti_signal_pipe {
    int descriptor; /* to poll: readable when there is a signal to take */
    size_t count;
    int numbers[PBTI_SIGNAL_PIPE_MAX];
    struct sigaction before[PBTI_SIGNAL_PIPE_MAX];
};

/*
 * Catch these signals until pbti_signal_pipe_close(). One pipe at a time in a process.
 *
 * count       in, 1..PBTI_SIGNAL_PIPE_MAX
 *
 * Returns     false: errno says why, and nothing has changed
 */
bool pbti_signal_pipe_open(struct pbti_signal_pipe *pipe, const int *numbers, size_t count);
void pbti_signal_pipe_close(struct pbti_signal_pipe *pipe);

/* The next signal that came, or 0. Does not wait. */
int pbti_signal_pipe_take(const struct pbti_signal_pipe *pipe);

#endif
