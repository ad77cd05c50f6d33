/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/bench_appends.c - appends a second of several workers to one journal.
 *
 *     bench_appends URL WORKERS SECONDS       to the journal URL, which is made
 *     bench_appends raw:FOLDER 1 SECONDS      the bare system calls of a folder journal
 *
 * Each worker is a process that appends batches of 250 bytes as fast as it can; after a conflict it
 * tries again behind what was there. Prints one line: appends a second of all together, conflicts
 * for each append. bench/bench_cluster.py runs it beside its references.
 */
#include "journal/journal.h"
#include "measure.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAYLOAD = 250, WORKERS_MAX = 64 };

struct tally {
    uint64_t appends, conflicts;
};

static struct pbti_journal *open_journal(const char *url)
{
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.create = true;
    struct pbti_journal *journal = NULL;
    struct pbt_error err;
    need(pbti_journal_open(url, &opts, &journal, &err) == PBT_OK, err.message);
    return journal;
}

static void append_until(const char *url, unsigned worker, double end, struct tally *tally)
{
    struct pbti_journal *const journal = open_journal(url);
    uint8_t event[PAYLOAD];
    uint64_t last = 0;
    struct pbt_error err;
    memset(event, 7, sizeof event);
    need(pbti_journal_last(journal, &last, &err) == PBT_OK, err.message);
    while (seconds() < end) {
        uint64_t const name[2] = {worker, tally->appends};
        struct pbti_batch_id id;
        memcpy(&id, name, sizeof id);
        pbt_status const status =
            pbti_journal_append(journal, event, sizeof event, 1, last, id, &last, &err);
        tally->appends += status == PBT_OK;
        tally->conflicts += status == PBT_ECONFLICT;
        need(status == PBT_OK || status == PBT_ECONFLICT, err.message);
    }
    pbti_journal_close(journal);
}

/* What nobody who appends by link() can do without: write, sync, link, sync the folder, unlink. */
static void link_until(const char *folder, double end, struct tally *tally)
{
    char part[512];
    char name[512];
    uint8_t bytes[PAYLOAD];
    memset(bytes, 7, sizeof bytes);
    int const place = open(folder, O_RDONLY | O_DIRECTORY);
    need(place >= 0, "cannot open the folder");
    (void)snprintf(part, sizeof part, "%s/part", folder);
    while (seconds() < end) {
        (void)snprintf(name, sizeof name, "%s/%llu", folder, (unsigned long long)tally->appends);
        int const file = open(part, O_WRONLY | O_CREAT | O_EXCL, 0666);
        need(file >= 0 && write(file, bytes, sizeof bytes) == (ssize_t)sizeof bytes &&
                 fsync(file) == 0 && close(file) == 0 && link(part, name) == 0 &&
                 unlink(part) == 0 && fsync(place) == 0,
             "cannot write to the folder");
        tally->appends++;
    }
    (void)close(place);
}

int main(int argc, char **argv)
{
    if (argc == 1) { return 0; } /* one of all benchmarks: bench_cluster.py is the one to look at */
    need(argc == 4, "usage: bench_appends URL WORKERS SECONDS");
    bool const raw = strncmp(argv[1], "raw:", 4) == 0;
    long const workers = strtol(argv[2], NULL, 10);
    double const time = strtod(argv[3], NULL);
    need(workers >= 1 && workers <= WORKERS_MAX && time > 0, "1 to 64 workers, some seconds");
    struct tally *const tallies = mmap(NULL, WORKERS_MAX * sizeof *tallies, PROT_READ | PROT_WRITE,
                                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    need(tallies != MAP_FAILED, "no memory");
    if (!raw) { pbti_journal_close(open_journal(argv[1])); }
    double const end = seconds() + time;
    for (unsigned i = 0; i < (unsigned)workers; i++) {
        pid_t const child = fork();
        need(child >= 0, "cannot fork");
        if (child > 0) { continue; }
        if (raw) {
            link_until(argv[1] + 4, end, &tallies[i]);
        } else {
            append_until(argv[1], i, end, &tallies[i]);
        }
        _exit(0);
    }
    struct tally sum = {0, 0};
    for (long i = 0; i < workers; i++) {
        int status = 0;
        need(wait(&status) > 0 && status == 0, "a worker failed");
    }
    for (long i = 0; i < workers; i++) {
        sum.appends += tallies[i].appends;
        sum.conflicts += tallies[i].conflicts;
    }
    (void)printf("%.0f %.2f\n", (double)sum.appends / time,
                 (double)sum.conflicts / (double)(sum.appends > 0 ? sum.appends : 1));
    return 0;
}
