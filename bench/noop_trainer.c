/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/noop_trainer.c - a trainer that does nothing, with the C client: what is left is the
 * engine.
 *
 *     bench_noop_trainer [SLEEP_MS [CHECKPOINT_BYTES]]
 *
 * Each segment takes SLEEP_MS (default 0) and saves a file of CHECKPOINT_BYTES (default 0: an empty
 * checkpoint), which is written as a hole, so that its size costs the worker, not the trainer.
 */
#include "pbt_client.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static bool save(const char *folder, long size)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/weights", folder);
    int const fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool const saved = fd >= 0 && ftruncate(fd, size) == 0;
    return fd >= 0 && close(fd) == 0 && saved;
}

int main(int argc, char **argv)
{
    long const sleep_ms = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    long const size = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
    if (getenv("PBT_SOCKET") == NULL) {
        (void)printf("a trainer for bench_segments.py, which measures\n");
        return 0;
    }
    char why[256];
    struct pbt_client *const client = pbt_client_open("noop", why, sizeof why);
    if (client == NULL) {
        (void)fprintf(stderr, "%s\n", why);
        return 1;
    }
    struct pbt_client_task task;
    int got;
    while ((got = pbt_client_next(client, &task)) == 1) {
        struct timespec const pause = {sleep_ms / 1000, sleep_ms % 1000 * 1000000};
        if (sleep_ms > 0) { (void)nanosleep(&pause, NULL); }
        if (size > 0 && task.save != NULL && !save(task.save, size)) {
            (void)pbt_client_fail(client, "other", "could not save");
            continue;
        }
        (void)pbt_client_report(client, pbt_client_number(client, "x") + (double)task.segment);
    }
    pbt_client_close(client);
    return got < 0 ? 1 : 0;
}
