/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainer/launch.h - what a trainer process is started with: arguments, environment, its socket's
 * place.
 *
 * One pbti_launch serves all slots of a run. It owns a private folder (mode 0700) for sockets,
 * short enough for the 108 bytes of a Unix socket's address.
 */
#ifndef PBTI_TRAINER_LAUNCH_H
#define PBTI_TRAINER_LAUNCH_H

#include "spec/spec.h"

#define PBTI_SOCKET_PATH_MAX 100 /* bytes, with the NUL; sun_path has 108 */

struct pbti_launch {
    const struct pbti_spec *spec; /* borrowed */
    const char *program;          /* the pbt binary; borrowed */
    const char *clients;          /* put in front of PYTHONPATH; NULL: do not; borrowed */
    char sockets[84];             /* the private folder; "" before open */
    int lock;                     /* of that folder: a lock says that its owner lives; or -1 */
    bool adopts;                  /* this process is a subreaper: adopted.h; false after open */
    uint32_t count;               /* sockets made so far */
};

/* Makes the folder, and removes those of workers that were killed. */
PBT_NODISCARD pbt_status pbti_launch_open(struct pbti_launch *launch, const struct pbti_spec *spec,
                                          const char *program, const char *clients,
                                          struct pbt_error *err);
void pbti_launch_close(struct pbti_launch *launch); /* removes the folder; accepts a zeroed one */

/* A path for a new socket; never the same twice. */
void pbti_launch_socket(struct pbti_launch *launch, char path[PBTI_SOCKET_PATH_MAX]);

/* A NULL-terminated list of strings that grows. Begin with all zero. */
struct pbti_strings {
    char **items; /* owned, as are the strings */
    size_t count, capacity;
    bool failed; /* out of memory: check once, at the end */
};

void pbti_strings_add(struct pbti_strings *strings, const char *format, ...) PBT_PRINTF(2, 3);
/* For environments: take the place of the entry of the same name, or be added. */
void pbti_strings_set(struct pbti_strings *strings, const char *name, const char *value);
void pbti_strings_free(struct pbti_strings *strings);

/*
 * The command line of a shim that runs `command`.
 *
 * socket      path that the shim removes when the worker has died
 * status_fd   the number that the status pipe will have in the shim
 */
void pbti_launch_arguments(const struct pbti_launch *launch, char *const *command,
                           const char *socket, int status_fd, struct pbti_strings *arguments);

/* The trainer's command as the spec says: its argv, or the pbt binary itself for a builtin one. */
void pbti_launch_command(const struct pbti_launch *launch, struct pbti_strings *command);

/*
 * Which file runs when the trainer is started: argv[0], found in the PATH of its environment.
 * Returns `path`; the name itself when nothing is found.
 */
const char *pbti_launch_program(const struct pbti_launch *launch, char *path, size_t size);

/* The variables that choose GPUs: NVIDIA's, AMD's two, Intel's. Ends with NULL. */
extern const char *const pbti_gpu_variables[];

/*
 * The environment of a trainer: the worker's own, threads, GPUs, PYTHONPATH, what the spec adds.
 * If the program lies in a Python environment (pyvenv.cfg), its folder comes first in PATH.
 *
 * gpus        value of CUDA_VISIBLE_DEVICES, and of the other variables of the list above that
 *             are set; NULL: leave them alone
 */
void pbti_launch_environment(const struct pbti_launch *launch, const char *gpus,
                             struct pbti_strings *environment);

#endif
