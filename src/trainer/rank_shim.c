/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainer/rank_shim.c - a small process between the worker and a trainer that contains it.
 *
 *     pbt shim [--grace MS] [--status FD] [--parent PID] [--socket PATH] [--directory DIR]
 *              -- COMMAND ARGUMENT...
 *
 * What it promises:
 *  1 the command and everything it started are gone when the shim has ended: descendants that lost
 *    their parent come back to the shim, which is their subreaper, and are killed and reaped
 *  2 TERM to the shim: TERM to the command's process group, after the grace KILL to all descendants
 *  3 the worker's death is noticed (parent-death signal): everything is killed at once
 *  4 the shim's own death kills the command
 *  5 the shim ends as the command did: same exit code, same signal
 *  6 a command that could not be run is told by one line to the status descriptor, exit code 127
 *  7 when the worker died, its socket and the private folder around it are removed in its place
 *
 * It runs alone in its process, holds no lock and allocates nothing after the start, except what
 * opendir() does.
 */
#include "trainer/rank_shim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXIT_NOT_RUN 127
#define DEPTH_MAX 64    /* of a family tree that is walked at once; deeper ones come up later */
#define KILL_PAUSE_MS 5 /* between two rounds of killing */

struct shim {
    long grace_ms;
    int status; /* descriptor for a line that says why nothing was run; -1: none */
    pid_t parent;
    const char *directory;
    const char *socket;
    char **command;
    pid_t child;
    bool ended; /* the command itself has */
    int code;   /* as waitpid said, when it has ended */
};

/* -------- small things -------- */

static int64_t now_ms(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void say(int fd, const char *what, const char *name, int code)
{
    char line[512];
    int const size =
        snprintf(line, sizeof line, "could not %s \"%.300s\": %s\n", what, name, strerror(code));
    if (fd >= 0 && size > 0) {
        ssize_t const ignored = write(fd, line, (size_t)size);
        (void)ignored;
    }
}

static bool parse_number(const char *text, long *number)
{
    char *end;
    errno = 0;
    *number = strtol(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *number >= 0;
}

static bool parse(struct shim *shim, int argc, char **argv)
{
    *shim = (struct shim){.grace_ms = 10000, .status = -1};
    int at = 1;
    for (; at + 1 < argc && strcmp(argv[at], "--") != 0; at += 2) {
        long number = 0;
        bool const numeric = parse_number(argv[at + 1], &number);
        if (strcmp(argv[at], "--directory") == 0) {
            shim->directory = argv[at + 1];
        } else if (strcmp(argv[at], "--socket") == 0) {
            shim->socket = argv[at + 1];
        } else if (numeric && strcmp(argv[at], "--grace") == 0) {
            shim->grace_ms = number;
        } else if (numeric && strcmp(argv[at], "--status") == 0) {
            shim->status = (int)number;
        } else if (numeric && strcmp(argv[at], "--parent") == 0) {
            shim->parent = (pid_t)number;
        } else {
            return false;
        }
    }
    if (at + 1 >= argc || strcmp(argv[at], "--") != 0) { return false; }
    shim->command = argv + at + 1;
    return true;
}

/* -------- the command -------- */

/* In the child: become the command. Ends the process. */
static void run_command(const struct shim *shim, pid_t shim_pid)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != shim_pid) { _exit(EXIT_NOT_RUN); }
    (void)setpgid(0, 0);
    for (int number = 1; number < NSIG; number++) {
        (void)signal(number, SIG_DFL);
    }
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (shim->directory != NULL && chdir(shim->directory) != 0) {
        say(shim->status, "enter folder", shim->directory, errno);
        _exit(EXIT_NOT_RUN);
    }
    (void)execvp(shim->command[0], shim->command);
    say(shim->status, "run", shim->command[0], errno);
    _exit(EXIT_NOT_RUN);
}

/* Reap whoever has ended; false when there is no child left. */
static bool reap(struct shim *shim)
{
    for (;;) {
        int code;
        pid_t const pid = waitpid(-1, &code, WNOHANG);
        if (pid < 0 && errno == EINTR) { continue; }
        if (pid < 0) { return false; }
        if (pid == 0) { return true; }
        if (pid == shim->child) {
            shim->ended = true;
            shim->code = code;
        }
    }
}

/* -------- killing everything -------- */

/* Children of one thread of a process as the kernel lists them; the file may be missing (a kernel
 * built without it, or the process ended). */
static void kill_listed(const char *path, int depth);

/* Kill the descendants of `pid`, children before their parent is killed by the caller, so that they
 * are still found below it. Bounded by DEPTH_MAX. */
static void kill_below(pid_t pid, int depth)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%ld/task", (long)pid);
    DIR *const tasks = depth < DEPTH_MAX ? opendir(path) : NULL;
    if (tasks == NULL) { return; }
    const struct dirent *item;
    while ((item = readdir(tasks)) != NULL) {
        if (item->d_name[0] < '0' || item->d_name[0] > '9') { continue; }
        char file[384];
        (void)snprintf(file, sizeof file, "%s/%s/children", path, item->d_name);
        kill_listed(file, depth);
    }
    (void)closedir(tasks);
}

static void kill_listed(const char *path, int depth)
{
    FILE *const file = fopen(path, "re");
    if (file == NULL) { return; }
    long pid;
    while (fscanf(file, "%ld", &pid) == 1) {
        (void)kill((pid_t)pid, SIGSTOP); /* it starts nothing more while we look below it */
        kill_below((pid_t)pid, depth + 1);
        (void)kill((pid_t)pid, SIGKILL);
    }
    (void)fclose(file);
}

/* For kernels without the lists: kill whoever names us as parent. Deeper ones come up in the next
 * round, when their parents are gone. */
static void kill_children_by_scan(void)
{
    DIR *const proc = opendir("/proc");
    const struct dirent *item;
    while (proc != NULL && (item = readdir(proc)) != NULL) {
        char path[300], line[512];
        (void)snprintf(path, sizeof path, "/proc/%s/stat", item->d_name);
        FILE *const file =
            item->d_name[0] >= '0' && item->d_name[0] <= '9' ? fopen(path, "re") : NULL;
        if (file == NULL) { continue; }
        const char *const end = fgets(line, sizeof line, file) != NULL ? strrchr(line, ')') : NULL;
        long parent = 0;
        if (end != NULL && sscanf(end, ") %*c %ld", &parent) == 1 && parent == (long)getpid()) {
            (void)kill((pid_t)strtol(item->d_name, NULL, 10), SIGKILL);
        }
        (void)fclose(file);
    }
    if (proc != NULL) { (void)closedir(proc); }
}

static void kill_everything(struct shim *shim)
{
    for (int round = 0; reap(shim); round++) {
        if (!shim->ended) { (void)kill(-shim->child, SIGKILL); }
        kill_below(getpid(), 0);
        if (round >= 3) { kill_children_by_scan(); }
        struct timespec const pause = {.tv_nsec = KILL_PAUSE_MS * 1000000L};
        sigset_t child;
        (void)sigemptyset(&child);
        (void)sigaddset(&child, SIGCHLD);
        (void)sigtimedwait(&child, NULL, &pause);
    }
}

/* -------- the life of the shim -------- */

static bool is_orphan(const struct shim *shim)
{
    return shim->parent != 0 && getppid() != shim->parent;
}

/* The last shim of a dead worker finds the folder empty. */
static void tidy_up(const struct shim *shim)
{
    char folder[256];
    const char *const slash = shim->socket != NULL ? strrchr(shim->socket, '/') : NULL;
    if (slash == NULL || !is_orphan(shim)) { return; }
    (void)unlink(shim->socket);
    (void)snprintf(folder, sizeof folder, "%.*s", (int)(slash - shim->socket), shim->socket);
    (void)rmdir(folder);
}

/* Wait for the command to end, or for the order to stop it and its grace to pass. */
static void watch(struct shim *shim, const sigset_t *signals)
{
    int64_t deadline = -1;
    while (reap(shim) && !shim->ended) {
        int64_t const left = deadline < 0 ? 60000 : deadline - now_ms();
        if (left <= 0) { return; }
        struct timespec const wait = {.tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000};
        int const number = sigtimedwait(signals, NULL, &wait);
        if (number < 0 || number == SIGCHLD) { continue; }
        if (is_orphan(shim)) { return; } /* nobody to wait for */
        if (deadline < 0) {
            (void)kill(-shim->child, SIGTERM);
            deadline = now_ms() + shim->grace_ms;
        }
    }
}

/* End as the command did. */
static int finish(const struct shim *shim)
{
    if (!shim->ended) { return EXIT_FAILURE; }
    if (!WIFSIGNALED(shim->code)) { return WEXITSTATUS(shim->code); }
    int const number = WTERMSIG(shim->code);
    struct rlimit const none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)signal(number, SIG_DFL);
    sigset_t open;
    (void)sigemptyset(&open);
    (void)sigaddset(&open, number);
    (void)raise(number);
    (void)sigprocmask(SIG_UNBLOCK, &open, NULL);
    return 128 + number;
}

int pbti_shim_main(int argc, char **argv)
{
    struct shim shim;
    if (!parse(&shim, argc, argv)) {
        static const char usage[] = "usage: pbt shim [--grace MS] [--status FD] [--parent PID] "
                                    "[--socket PATH] [--directory DIR] -- COMMAND...\n";
        ssize_t const ignored = write(STDERR_FILENO, usage, sizeof usage - 1);
        (void)ignored;
        return 2;
    }
    static const int handled[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
    sigset_t signals;
    (void)sigemptyset(&signals);
    for (size_t i = 0; i < sizeof handled / sizeof handled[0]; i++) {
        (void)sigaddset(&signals, handled[i]);
        (void)signal(handled[i], SIG_DFL); /* an ignored SIGCHLD would hide the command's end */
    }
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)setsid();
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    /* the worker may have died before it was asked for */
    if (is_orphan(&shim)) {
        tidy_up(&shim);
        return EXIT_FAILURE;
    }
    if (shim.status >= 0) { (void)fcntl(shim.status, F_SETFD, FD_CLOEXEC); }

    pid_t const self = getpid();
    shim.child = fork();
    if (shim.child == 0) { run_command(&shim, self); }
    if (shim.child < 0) {
        say(shim.status, "start a process for", shim.command[0], errno);
        return EXIT_NOT_RUN;
    }
    (void)setpgid(shim.child, shim.child); /* whoever of the two is first */
    watch(&shim, &signals);
    kill_everything(&shim);
    tidy_up(&shim);
    return finish(&shim);
}
