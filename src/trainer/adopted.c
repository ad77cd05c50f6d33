/* SPDX-License-Identifier: Apache-2.0 */
/* trainer/adopted.c - what a shim that was killed leaves behind. See adopted.h. */
#include "trainer/adopted.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GENERATIONS_MAX 100 /* of descendants */
#define IDLE_MAX 500        /* a process that is ending takes a while on a busy machine */
#define WAITS_MAX 10        /* for one that was killed to end */
#define WAIT_MS 2

bool pbti_adopted_expect(bool expect)
{
    int was = 0;
    (void)prctl(PR_GET_CHILD_SUBREAPER, &was);
    (void)prctl(PR_SET_CHILD_SUBREAPER, expect ? 1 : 0);
    return was != 0;
}

/* The state of a child of ours as in proc(5), 'Z' for one that has ended; 0: no child of ours. */
static char child_state(const char *number)
{
    char path[64], line[512];
    (void)snprintf(path, sizeof path, "/proc/%.20s/stat", number);
    FILE *const file = fopen(path, "re");
    if (file == NULL) { return 0; }
    /* the name is in parentheses and may hold anything */
    const char *const end = fgets(line, sizeof line, file) != NULL ? strrchr(line, ')') : NULL;
    (void)fclose(file);
    char *rest;
    if (end == NULL || strlen(end) < 5) { return 0; }
    return strtol(end + 4, &rest, 10) == (long)getpid() ? end[2] : 0; /* ") S PARENT" */
}

enum whose { OURS, ANOTHERS, UNKNOWN };

/* Does the environment hold the value? An empty one is that of a process that is ending, which
 * may have children that have not been handed to us yet. */
static enum whose whose_is(const char *number, const char *value)
{
    char path[64];
    char *entry = NULL;
    size_t size = 0;
    enum whose whose = UNKNOWN;
    (void)snprintf(path, sizeof path, "/proc/%.20s/environ", number);
    FILE *const file = fopen(path, "re");
    while (whose != OURS && file != NULL && getdelim(&entry, &size, '\0', file) > 0) {
        const char *const sign = strchr(entry, '=');
        whose = sign != NULL && strcmp(sign + 1, value) == 0 ? OURS : ANOTHERS;
    }
    free(entry);
    if (file != NULL) { (void)fclose(file); }
    return whose;
}

static void nap(void)
{
    struct timespec const pause = {.tv_nsec = WAIT_MS * 1000000L};
    (void)nanosleep(&pause, NULL);
}

static void end_child(pid_t pid)
{
    (void)kill(pid, SIGKILL); /* a child that was not waited for: the number is still its own */
    for (int i = 0; i < WAITS_MAX && waitpid(pid, NULL, WNOHANG) == 0; i++) {
        nap();
    }
}

/* Kill all that are children now. Returns whether to look again: one was killed (`killed` is set),
 * whose own children come to us, or it is not known yet whose one is. */
static bool kill_round(const char *socket, bool *killed)
{
    DIR *const proc = opendir("/proc");
    const struct dirent *item;
    bool again = false;
    while (proc != NULL && (item = readdir(proc)) != NULL) {
        const char *const number = item->d_name;
        char const state = number[0] >= '1' && number[0] <= '9' ? child_state(number) : 0;
        if (state == 0 || state == 'Z') { continue; }
        enum whose const whose = whose_is(number, socket);
        again = again || whose != ANOTHERS;
        if (whose != OURS) { continue; }
        end_child((pid_t)strtol(number, NULL, 10));
        *killed = true;
    }
    if (proc != NULL) { (void)closedir(proc); }
    return again;
}

void pbti_adopted_kill(const char *socket)
{
    int generations = 0;
    int idle = 0; /* rounds in a row that only waited for a process to end */
    while (generations < GENERATIONS_MAX && idle < IDLE_MAX) {
        bool killed = false;
        if (!kill_round(socket, &killed)) { return; }
        generations += killed ? 1 : 0;
        idle = killed ? 0 : idle + 1;
        if (!killed) { nap(); }
    }
}
