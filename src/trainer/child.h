/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainer/child.h - one contained process: the shim, its pipes, its end.
 *
 * Every child that was started ends in exactly one call of `ended`, after all its output has been
 * handed over. Death is what waitpid says; an end-of-file on a pipe means nothing. Belongs to the
 * thread of its loop.
 */
#ifndef PBTI_TRAINER_CHILD_H
#define PBTI_TRAINER_CHILD_H

#include "trainer/launch.h"

#include <uv.h>

struct pbti_child; /* opaque */

struct pbti_child_end {
    bool reaped;    /* false: it could not be, something of it may still run */
    bool started;   /* false: the command could not be run */
    bool clean;     /* exit code 0 */
    bool oom;       /* killed while the kernel was out of memory */
    char text[400]; /* "ended with exit code 1", "could not run \"pythn3\": No such file ..." */
};

struct pbti_child_opts {
    uv_loop_t *loop;
    const struct pbti_launch *launch; /* borrowed until the end */
    char *const *command;             /* NULL-terminated */
    char *const *environment;         /* NULL-terminated */
    const char *socket;               /* its path, removed by the shim when the worker dies */
    void *context;
    /* What it printed. Borrowed for the call. `errors`: on stderr; both come as stdout unless
     * `separate`. */
    void (*output)(void *context, bool errors, const char *data, size_t size);
    void (*ended)(void *context, const struct pbti_child_end *end);
    bool separate; /* stdout and stderr in a pipe each: their order between them is lost */
};

/* Errors: PBT_EIO, PBT_ENOMEM: it was not started, `ended` will not be called. */
PBT_NODISCARD pbt_status pbti_child_start(const struct pbti_child_opts *opts,
                                          struct pbti_child **out, struct pbt_error *err);

/* Stop it: TERM, grace, KILL, all descendants. May be called again. */
void pbti_child_stop(struct pbti_child *child);

/* Without grace, for a second interrupt. */
void pbti_child_kill(struct pbti_child *child);

/* Hand over what it has printed until now. */
void pbti_child_drain(struct pbti_child *child);

#endif
