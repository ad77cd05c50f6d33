/* SPDX-License-Identifier: Apache-2.0 */
/* worker/command.c - a program that is run to its end. See command.h. */
#include "worker/command.h"

#include "base/fail.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct text { /* what came out of one pipe */
    char *data;
    size_t size, capacity; /* the last byte is kept for the NUL */
    int fd;                /* -1: closed */
};

static void close_fd(int *fd)
{
    if (*fd >= 0) { (void)close(*fd); }
    *fd = -1;
}

/* Read what there is. What does not fit is thrown away: the program must not wait for us. */
static void take(struct text *text)
{
    char rest[4096];
    size_t const room = text->capacity - 1 - text->size;
    ssize_t const size = room > 0 ? read(text->fd, text->data + text->size, room)
                                  : read(text->fd, rest, sizeof rest);
    if (size > 0 && room > 0) { text->size += (size_t)size; }
    if (size == 0 || (size < 0 && errno != EINTR)) { close_fd(&text->fd); }
}

/* Until both pipes are closed, which the program's end does. */
static void take_all(struct text texts[2])
{
    while (texts[0].fd >= 0 || texts[1].fd >= 0) {
        struct pollfd ready[2] = {{.fd = texts[0].fd, .events = POLLIN},
                                  {.fd = texts[1].fd, .events = POLLIN}};
        if (poll(ready, 2, -1) <= 0) { continue; }
        for (int i = 0; i < 2; i++) {
            if (ready[i].revents != 0) { take(&texts[i]); }
        }
    }
    for (int i = 0; i < 2; i++) {
        texts[i].data[texts[i].size] = '\0';
    }
}

/* Start it with these as standard output and error; returns 0 or an errno. */
static int start(char *const *command, int out, int errors, pid_t *process)
{
    posix_spawn_file_actions_t actions;
    int code = posix_spawn_file_actions_init(&actions);
    if (code != 0) { return code; }
    code = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (code == 0) { code = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO); }
    if (code == 0) { code = posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO); }
    if (code == 0) { code = posix_spawnp(process, command[0], &actions, NULL, command, environ); }
    (void)posix_spawn_file_actions_destroy(&actions);
    return code;
}

static int wait_for(pid_t process)
{
    int status = 0;
    while (waitpid(process, &status, 0) < 0 && errno == EINTR) {}
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

pbt_status pbti_command_run(char *const *command, struct pbti_command *tool, struct pbt_error *err)
{
    int out[2] = {-1, -1};
    int errors[2] = {-1, -1};
    pid_t process = 0;
    *tool = (struct pbti_command){.out = malloc(PBTI_COMMAND_OUT_MAX)};
    if (tool->out == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    bool const study = pipe2(out, O_CLOEXEC) == 0 && pipe2(errors, O_CLOEXEC) == 0;
    int const code = study ? start(command, out[1], errors[1], &process) : errno;
    close_fd(&out[1]);
    close_fd(&errors[1]);
    if (code != 0) {
        close_fd(&out[0]);
        close_fd(&errors[0]);
        free(tool->out);
        tool->out = NULL;
        return PBTI_FAIL(err, code == ENOENT ? PBT_ENOENT : PBT_EIO, code,
                         "could not run \"%s\": %s", command[0], strerror(code));
    }
    struct text texts[2] = {{tool->out, 0, PBTI_COMMAND_OUT_MAX, out[0]},
                            {tool->errors, 0, sizeof tool->errors, errors[0]}};
    take_all(texts);
    tool->code = wait_for(process);
    size_t const end = texts[1].size;
    if (end > 0 && tool->errors[end - 1] == '\n') { tool->errors[end - 1] = '\0'; }
    return PBT_OK;
}
