/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainer/child.c - one contained process. See child.h; the containing is shim.c.
 *
 * The worker signals the shim only. A shim that does not end within the grace and SHIM_SPARE_MS
 * more is killed (which kills the command by its parent-death signal), and if even that does not
 * end it, the child is given up as not reaped.
 *
 * The end of a child that somebody else told to end is held back for a moment: when the worker is
 * told as well, it leaves, and the trainer has not failed.
 */
#include "trainer/child.h"

#include "base/fail.h"
#include "trainer/adopted.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATUS_FD 3
#define SHIM_SPARE_MS 5000
#define HOLD_MS 1000 /* for the signal that ended a child to reach the worker, too */
#define BUFFER_SIZE (64u << 10)
#define DRAIN_MAX (4u << 20) /* bytes read in one go from a child that floods */
#define PIPES 2              /* stdout, stderr */

struct pbti_child {
    struct pbti_child_opts opts;
    uv_process_t process;
    uv_timer_t timer;
    uv_pipe_t pipes[PIPES];
    int fds[PIPES]; /* of the pipes; -1: not there */
    int status;     /* descriptor of the status pipe */
    int handles;    /* not closed yet */
    bool spawned;   /* the process handle is one */
    bool killed;    /* by us */
    bool stopping;
    bool held; /* it is dead, and `end` is told in a moment */
    struct pbti_child_end end;
    bool ended; /* `ended` was called */
    char socket[PBTI_SOCKET_PATH_MAX];
    uint64_t oom_kills; /* of the kernel, before it started */
    char buffer[BUFFER_SIZE];
};

/* How often the kernel has killed for lack of memory. */
static uint64_t count_oom_kills(void)
{
    FILE *const file = fopen("/proc/vmstat", "re");
    unsigned long long count = 0;
    char line[128];
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "oom_kill %llu", &count) == 1) { break; }
    }
    if (file != NULL) { (void)fclose(file); }
    return count;
}

/* -------- output -------- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    struct pbti_child *const child = handle->data;
    *buffer = uv_buf_init(child->buffer, BUFFER_SIZE);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct pbti_child *const child = stream->data;
    if (size > 0) {
        bool const errors = stream == (uv_stream_t *)&child->pipes[1];
        child->opts.output(child->opts.context, errors, buffer->base, (size_t)size);
    } else if (size < 0) {
        (void)uv_read_stop(stream); /* closed by everybody; says nothing about their end */
    }
}

void pbti_child_drain(struct pbti_child *child)
{
    for (size_t i = 0; i < PIPES; i++) {
        size_t total = 0;
        while (child->fds[i] >= 0 && total < DRAIN_MAX) {
            ssize_t const size = read(child->fds[i], child->buffer, BUFFER_SIZE);
            if (size < 0 && errno == EINTR) { continue; }
            if (size <= 0) { break; }
            child->opts.output(child->opts.context, i == 1, child->buffer, (size_t)size);
            total += (size_t)size;
            if ((size_t)size < BUFFER_SIZE) { break; }
        }
    }
}

/* -------- the end -------- */

static void on_closed(uv_handle_t *handle)
{
    struct pbti_child *const child = handle->data;
    if (--child->handles == 0) { free(child); }
}

static void close_handles(struct pbti_child *child)
{
    for (size_t i = 0; i < PIPES; i++) {
        if (child->fds[i] >= 0) { uv_close((uv_handle_t *)&child->pipes[i], on_closed); }
        child->fds[i] = -1;
    }
    if (child->status >= 0) { (void)close(child->status); }
    child->status = -1;
    uv_close((uv_handle_t *)&child->timer, on_closed);
    if (child->spawned) { uv_close((uv_handle_t *)&child->process, on_closed); }
}

/* What the shim said about a command that it could not run. */
static bool read_status(const struct pbti_child *child, struct pbti_child_end *end)
{
    ssize_t const size = read(child->status, end->text, sizeof end->text - 1);
    if (size <= 0) { return false; }
    end->text[size] = '\0';
    end->text[strcspn(end->text, "\n")] = '\0';
    return true;
}

static void tell_end(struct pbti_child *child, const struct pbti_child_end *end)
{
    child->ended = true;
    pbti_child_drain(child);
    close_handles(child);
    child->opts.ended(child->opts.context, end);
}

static void tell_held(uv_timer_t *timer)
{
    struct pbti_child *const child = timer->data;
    tell_end(child, &child->end);
}

/*
 * Was it told to end by somebody else? A launcher that ends a job (Slurm) tells all its processes,
 * the worker among them, in some order; mpirun and shells pass on as 143 what ended a child.
 */
static bool is_told_to_end(const struct pbti_child *child, int64_t code, int number)
{
    return !child->stopping && (number == SIGTERM || (number == 0 && code == 128 + SIGTERM));
}

static void on_ended(uv_process_t *process, int64_t code, int number)
{
    struct pbti_child *const child = process->data;
    if (child->ended) { return; } /* given up before: too late */
    struct pbti_child_end end = {.reaped = true};
    /* the shim may have been killed itself, or ends as its command did */
    if (number != 0 && child->opts.launch->adopts) { pbti_adopted_kill(child->socket); }
    end.started = !read_status(child, &end);
    end.clean = end.started && number == 0 && code == 0;
    end.oom = number == SIGKILL && !child->stopping && count_oom_kills() > child->oom_kills;
    if (end.started && number != 0) {
        (void)snprintf(end.text, sizeof end.text, "was killed by signal %d (%s)", number,
                       strsignal(number));
    } else if (end.started) {
        (void)snprintf(end.text, sizeof end.text, "ended with exit code %lld", (long long)code);
    }
    if (is_told_to_end(child, code, number)) {
        child->held = true;
        child->end = end;
        (void)uv_timer_start(&child->timer, tell_held, HOLD_MS, 0);
        return;
    }
    tell_end(child, &end);
}

/* -------- stopping -------- */

static void on_timer(uv_timer_t *timer)
{
    struct pbti_child *const child = timer->data;
    if (!child->killed) {
        pbti_child_kill(child);
        return;
    }
    struct pbti_child_end end = {.started = true};
    (void)snprintf(end.text, sizeof end.text, "could not be killed (process %d)",
                   child->process.pid);
    tell_end(child, &end);
}

void pbti_child_stop(struct pbti_child *child)
{
    if (child->stopping || child->ended) { return; }
    child->stopping = true;
    if (child->held) {
        (void)uv_timer_start(&child->timer, tell_held, 0, 0);
        return;
    }
    (void)uv_process_kill(&child->process, SIGTERM);
    uint64_t const grace = child->opts.launch->spec->trainer.grace_ms;
    (void)uv_timer_start(&child->timer, on_timer, grace + SHIM_SPARE_MS, 0);
}

void pbti_child_kill(struct pbti_child *child)
{
    if (child->killed || child->ended || child->held) { return; }
    child->stopping = child->killed = true;
    (void)uv_process_kill(&child->process, SIGKILL);
    (void)uv_timer_start(&child->timer, on_timer, SHIM_SPARE_MS, 0);
}

/* -------- starting -------- */

struct ends { /* of the pipes: [0] ours, [1] the child's */
    int out[2], errors[2], status[2];
};

static void close_pair(int pair[2])
{
    if (pair[0] >= 0) { (void)close(pair[0]); }
    if (pair[1] >= 0) { (void)close(pair[1]); }
    pair[0] = pair[1] = -1;
}

static bool open_ends(struct ends *ends, bool separate)
{
    *ends = (struct ends){{-1, -1}, {-1, -1}, {-1, -1}};
    return pipe2(ends->out, O_CLOEXEC) == 0 && pipe2(ends->status, O_CLOEXEC) == 0 &&
           fcntl(ends->status[0], F_SETFL, O_NONBLOCK) == 0 &&
           (!separate || pipe2(ends->errors, O_CLOEXEC) == 0);
}

static int spawn(struct pbti_child *child, struct ends *ends)
{
    struct pbti_strings arguments = {0};
    pbti_launch_arguments(child->opts.launch, child->opts.command, child->opts.socket, STATUS_FD,
                          &arguments);
    if (arguments.failed) {
        pbti_strings_free(&arguments);
        return UV_ENOMEM;
    }
    int const errors = ends->errors[1] >= 0 ? ends->errors[1] : ends->out[1];
    uv_stdio_container_t stdio[] = {{.flags = UV_IGNORE},
                                    {.flags = UV_INHERIT_FD, .data.fd = ends->out[1]},
                                    {.flags = UV_INHERIT_FD, .data.fd = errors},
                                    {.flags = UV_INHERIT_FD, .data.fd = ends->status[1]}};
    uv_process_options_t options = {
        .exit_cb = on_ended,
        .file = child->opts.launch->program,
        .args = arguments.items,
        .env = (char **)(uintptr_t)child->opts.environment,
        .stdio_count = 4,
        .stdio = stdio,
    };
    child->spawned = true;
    child->handles++;
    int const code = uv_spawn(child->opts.loop, &child->process, &options);
    pbti_strings_free(&arguments);
    return code;
}

static void listen_to(struct pbti_child *child, size_t index, int *fd)
{
    if (*fd < 0) { return; }
    (void)uv_pipe_init(child->opts.loop, &child->pipes[index], 0);
    child->pipes[index].data = child;
    child->handles++;
    (void)uv_pipe_open(&child->pipes[index], *fd); /* takes the descriptor over */
    (void)uv_read_start((uv_stream_t *)&child->pipes[index], on_alloc, on_read);
    child->fds[index] = *fd;
    *fd = -1;
}

pbt_status pbti_child_start(const struct pbti_child_opts *opts, struct pbti_child **out,
                            struct pbt_error *err)
{
    *out = NULL;
    struct pbti_child *const child = calloc(1, sizeof *child);
    struct ends ends;
    if (!open_ends(&ends, opts->separate) || child == NULL) {
        int const code = errno;
        close_pair(ends.out);
        close_pair(ends.errors);
        close_pair(ends.status);
        free(child);
        return PBTI_FAIL(err, PBT_EIO, code, "could not make a pipe: %s", strerror(code));
    }
    child->opts = *opts;
    (void)snprintf(child->socket, sizeof child->socket, "%s", opts->socket);
    child->fds[0] = child->fds[1] = -1;
    child->oom_kills = count_oom_kills();
    child->process.data = child->timer.data = child;
    (void)uv_timer_init(opts->loop, &child->timer);
    child->handles = 1;
    int const code = spawn(child, &ends);
    child->status = ends.status[0];
    ends.status[0] = -1;
    if (code == 0) {
        listen_to(child, 0, &ends.out[0]);
        listen_to(child, 1, &ends.errors[0]);
    }
    close_pair(ends.out);
    close_pair(ends.errors);
    close_pair(ends.status);
    if (code == 0) {
        *out = child;
        return PBT_OK;
    }
    child->ended = true;
    close_handles(child);
    return PBTI_FAIL(err, code == UV_ENOMEM ? PBT_ENOMEM : PBT_EIO, -code,
                     "could not start \"%s\": %s", opts->launch->program, uv_strerror(code));
}
