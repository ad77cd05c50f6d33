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

#define ROUNDS_MAX 100 /* generations of descendants */
#define WAITS_MAX 10   /* for one that was killed to end */
#define WAIT_MS 2

bool pbti_adopted_expect(bool expect)
{
    int was = 0;
    (void)prctl(PR_GET_CHILD_SUBREAPER, &was);
    (void)prctl(PR_SET_CHILD_SUBREAPER, expect ? 1 : 0);
    return was != 0;
}

static bool is_child(const char *number)
{
    char path[64], line[512];
    (void)snprintf(path, sizeof path, "/proc/%.20s/stat", number);
    FILE *const file = fopen(path, "re");
    if (file == NULL) { return false; }
    /* the name is in parentheses and may hold anything */
    const char *const end = fgets(line, sizeof line, file) != NULL ? strrchr(line, ')') : NULL;
    (void)fclose(file);
    char *rest;
    if (end == NULL || strlen(end) < 5) { return false; }
    return strtol(end + 4, &rest, 10) == (long)getpid(); /* ") S PARENT" */
}

static bool has_value(const char *number, const char *value)
{
    char path[64];
    char *entry = NULL;
    size_t size = 0;
    bool found = false;
    (void)snprintf(path, sizeof path, "/proc/%.20s/environ", number);
    FILE *const file = fopen(path, "re");
    while (!found && file != NULL && getdelim(&entry, &size, '\0', file) > 0) {
        const char *const sign = strchr(entry, '=');
        found = sign != NULL && strcmp(sign + 1, value) == 0;
    }
    free(entry);
    if (file != NULL) { (void)fclose(file); }
    return found;
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

/* Kill all that are children now; false when there was none. */
static bool kill_round(const char *socket)
{
    DIR *const proc = opendir("/proc");
    const struct dirent *item;
    bool any = false;
    while (proc != NULL && (item = readdir(proc)) != NULL) {
        const char *const number = item->d_name;
        if (number[0] < '1' || number[0] > '9' || !is_child(number)) { continue; }
        if (!has_value(number, socket)) { continue; }
        end_child((pid_t)strtol(number, NULL, 10));
        any = true;
    }
    if (proc != NULL) { (void)closedir(proc); }
    return any;
}

void pbti_adopted_kill(const char *socket)
{
    for (int i = 0; i < ROUNDS_MAX && kill_round(socket); i++) {}
}
