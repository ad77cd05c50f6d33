/* SPDX-License-Identifier: Apache-2.0 */
/* view/workers.c - see workers.h. */
#include "view/workers.h"

#include "view/format.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

bool pbti_worker_is_dead(const char *dir, const struct pbti_study_stats_worker *worker)
{
    char host[PBTI_NAME_MAX + 1] = "";
    char path[PATH_MAX];
    if (gethostname(host, sizeof host - 1) != 0 || strcmp(worker->host, host) != 0 ||
        snprintf(path, sizeof path, "%s/workers/%016" PRIx64 ".lock", dir, worker->worker) >=
            (int)sizeof path) {
        return false;
    }
    int const lock = open(path, O_RDONLY | O_CLOEXEC);
    if (lock < 0) { return errno == ENOENT; }
    bool const dead = flock(lock, LOCK_SH | LOCK_NB) == 0;
    (void)close(lock);
    return dead;
}

int64_t pbti_worker_beat_ms(const char *dir, const struct pbti_study_stats_worker *worker)
{
    char path[PATH_MAX];
    struct stat info;
    struct timespec now;
    if (snprintf(path, sizeof path, "%s/workers/%016" PRIx64 ".beat", dir, worker->worker) >=
            (int)sizeof path ||
        stat(path, &info) != 0) {
        return -1;
    }
    (void)clock_gettime(CLOCK_REALTIME, &now);
    int64_t const age_ms = (int64_t)(now.tv_sec - info.st_mtim.tv_sec) * 1000 +
                           (now.tv_nsec - info.st_mtim.tv_nsec) / 1000000;
    return age_ms > 0 ? age_ms : 0;
}

static void add_beat(struct pbti_str *str, const char *dir,
                     const struct pbti_study_stats_worker *worker)
{
    int64_t const beat_ms = pbti_worker_beat_ms(dir, worker);
    if (pbti_worker_is_dead(dir, worker)) {
        pbti_str_add(str, "dead");
    } else if (beat_ms < 0) {
        pbti_str_add(str, "not known");
    } else {
        pbti_str_duration(str, beat_ms);
        pbti_str_add(str, " ago");
    }
}

void pbti_workers_table(struct pbti_table *table, const char *dir,
                        const struct pbti_study_stats *tally)
{
    static const char *const heads[] = {"worker", "host", "process", "slots", "last beat"};
    struct pbti_str *const text = &table->text;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        pbti_str_add(text, heads[i]);
        pbti_table_cell(table);
    }
    pbti_table_row(table);
    for (uint32_t i = 0; i < tally->workers_count && i < PBTI_STATS_WORKERS; i++) {
        const struct pbti_study_stats_worker *const worker = &tally->workers[i];
        pbti_str_addf(text, "%016" PRIx64, worker->worker);
        pbti_table_cell(table);
        pbti_str_escape(text, worker->host, strlen(worker->host));
        pbti_table_cell(table);
        pbti_str_addf(text, "%" PRIu64, worker->process);
        pbti_table_cell(table);
        pbti_str_addf(text, "%" PRIu32, worker->slots);
        pbti_table_cell(table);
        add_beat(text, dir, worker);
        pbti_table_cell(table);
        pbti_table_row(table);
    }
}
