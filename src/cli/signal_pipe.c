/* SPDX-License-Identifier: Apache-2.0 */
/* cli/signal_pipe.c - signals as something to poll for. */
#include "cli/signal_pipe.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* A handler gets nothing but the number. */
static volatile sig_atomic_t write_end = -1;

static void on_signal(int number)
{
    int const code = errno;
    unsigned char const byte = (unsigned char)number;
    ssize_t const written = write(write_end, &byte, 1);
    (void)written; /* when the pipe is full, there is something to take anyway */
    errno = code;
}

bool pbti_signal_pipe_open(struct pbti_signal_pipe *pipe, const int *numbers, size_t count)
{
    int ends[2];
    struct sigaction action;
    assert(write_end < 0 && count <= PBTI_SIGNAL_PIPE_MAX);
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) { return false; }
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    (void)sigfillset(&action.sa_mask);
    write_end = ends[1];
    pipe->descriptor = ends[0];
    pipe->count = count;
    for (size_t i = 0; i < count; i++) {
        pipe->numbers[i] = numbers[i];
        (void)sigaction(numbers[i], NULL, &pipe->before[i]);
        bool const ignored = pipe->before[i].sa_handler == SIG_IGN; /* nohup: it stays so */
        if (!ignored) { (void)sigaction(numbers[i], &action, NULL); }
    }
    return true;
}

void pbti_signal_pipe_close(struct pbti_signal_pipe *pipe)
{
    for (size_t i = 0; i < pipe->count; i++) {
        (void)sigaction(pipe->numbers[i], &pipe->before[i], NULL);
    }
    (void)close(write_end);
    (void)close(pipe->descriptor);
    write_end = -1;
    pipe->descriptor = -1;
}

int pbti_signal_pipe_take(const struct pbti_signal_pipe *pipe)
{
    unsigned char byte;
    return read(pipe->descriptor, &byte, 1) == 1 ? byte : 0;
}
