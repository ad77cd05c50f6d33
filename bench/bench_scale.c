/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/bench_scale.c - a large study: 100,000 members, 1,000,000 reports in an SQLite journal.
 *
 * Makes the study in a temporary folder (synthetic scores, no trainer), then prints: the rate at
 * which a stored journal is folded, the memory a process needs for it, and how long `pbt show`
 * takes without and with its cache, and `pbt report` (medians of three). Durability of the journal
 * while it is made: sync normal, 1,000 reports a batch; it is not what is measured.
 *
 * usage: bench_scale [MEMBERS REPORTS [DIR]]      needs PBT_BIN for `show` and `report`; the study
 * stays in the new folder DIR, on the same file system as /tmp, when one is given
 */
#include "base/rng.h"
#include "journal/follower.h"
#include "measure.h"
#include "spec/spec.h"
#include "study/study_handle.h"
#include "worker/run.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BATCH 1000

static struct pbti_spec *make_spec(uint32_t members)
{
    struct pbt_error err = {0};
    struct pbti_spec *spec = NULL;
    char text[512];
    int const size = snprintf(text, sizeof text,
                              "trainer: {builtin: classify}\npopulation: %u\nsteps: 100000000\n"
                              "ready: 100\nsync: normal\nspace:\n"
                              "  lr: {type: log, low: 1e-5, high: 1}\n"
                              "  momentum: {type: logit, low: 0.1, high: 0.999}\n"
                              "  dropout: {type: linear, low: 0, high: 0.7}\n"
                              "  batch: {type: ordinal, values: [32, 64, 128]}\n",
                              members);
    must(pbti_spec_parse(text, (size_t)size, "scale.yaml", NULL, 0, &spec, &err), &err);
    return spec;
}

static struct pbti_journal *open_journal(const char *dir, bool read_only)
{
    struct pbt_error err = {0};
    struct pbti_journal *journal = NULL;
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    char url[PATH_MAX];
    opts.sync = false;
    opts.read_only = read_only;
    (void)snprintf(url, sizeof url, "sqlite:%s/journal.db", dir);
    must(pbti_journal_open(url, &opts, &journal, &err), &err);
    return journal;
}

static void stage_segment(struct pbti_follower *follower, const struct pbti_stream *draws,
                          uint64_t i)
{
    struct pbt_error err = {0};
    struct pbti_checkpoint const none = {0, 0, 0};
    const struct pbti_state *const state = pbti_follower_state(follower);
    uint32_t const member = pbti_next(state, PBTI_NO_MEMBER, none);
    uint32_t const segment = pbti_state_member(state, member)->segment;
    double const score = pbti_draw_unit(draws, i);
    int64_t const now_ms = pbti_state_counts(state).first_ms + (int64_t)i * 10;
    struct pbti_event claim = {.type = PBTI_CLAIM, .time_ms = now_ms};
    claim.claim = (struct pbti_event_claim){member, segment, 1, 1, 0};
    uint64_t const seq = pbti_follower_next_seq(follower);
    must(pbti_follower_stage(follower, &claim, &err), &err);
    struct pbti_event report = {.type = PBTI_REPORT, .time_ms = now_ms + 10};
    report.report = (struct pbti_event_report){.member = member,
                                               .segment = segment,
                                               .attempt = 1,
                                               .claim = seq,
                                               .steps = 100,
                                               .scores_count = 1,
                                               .scores = &score,
                                               .files = 1,
                                               .bytes = 1000,
                                               .load_ms = 1,
                                               .train_ms = 7,
                                               .save_ms = 1,
                                               .metrics = {"{\"loss\":0.25}", 13}};
    must(pbti_follower_stage(follower, &report, &err), &err);
}

static void fill(const char *dir, uint64_t reports)
{
    struct pbt_error err = {0};
    struct pbti_journal *const journal = open_journal(dir, false);
    struct pbti_follower *follower = NULL;
    struct pbti_stream const draws = {1, PBTI_PURPOSE_SIM, 0, 0};
    must(pbti_follower_open(journal, NULL, NULL, &follower, &err), &err);
    for (uint64_t i = 0; i < reports; i++) {
        stage_segment(follower, &draws, i);
        if (i % BATCH == BATCH - 1 || i + 1 == reports) {
            struct pbti_batch_id id = {{0}};
            memcpy(id.bytes, &i, sizeof i);
            must(pbti_follower_commit(follower, id, &err), &err);
        }
    }
    pbti_follower_close(follower);
    pbti_journal_close(journal);
}

/* Fold the stored journal in a process of its own, so that its memory can be told. */
static void measure_fold(const char *dir)
{
    fflush(stdout);
    pid_t const child = fork();
    if (child == 0) {
        struct pbt_error err = {0};
        struct pbti_journal *const journal = open_journal(dir, true);
        struct pbti_follower *follower = NULL;
        double const before = seconds();
        must(pbti_follower_open(journal, NULL, NULL, &follower, &err), &err);
        double const took = seconds() - before;
        uint64_t const events = pbti_follower_seq(follower);
        printf("fold     %llu events in %.2f s: %.0f events/s (wanted: 1000000)\n",
               (unsigned long long)events, took, (double)events / took);
        fflush(stdout);
        pbti_follower_close(follower);
        pbti_journal_close(journal);
        _exit(0);
    }
    int status = 0;
    struct rusage usage;
    if (wait4(child, &status, 0, &usage) < 0 || status != 0) { exit(1); }
    printf("memory   %.0f MiB to follow it (wanted: below 1024)\n",
           (double)usage.ru_maxrss / 1024.0);
}

static double run_show(const char *program, const char *dir, long *memory_kib)
{
    double const before = seconds();
    fflush(stdout);
    pid_t const child = fork();
    if (child == 0) {
        if (freopen("/dev/null", "w", stdout) == NULL) { _exit(126); }
        execl(program, program, "show", dir, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    struct rusage usage;
    if (wait4(child, &status, 0, &usage) < 0 || status != 0) {
        fprintf(stderr, "bench_scale: %s show ended with %d\n", program, status);
        exit(1);
    }
    *memory_kib = usage.ru_maxrss;
    return seconds() - before;
}

static int compare_doubles(const void *a, const void *b)
{
    double const x = *(const double *)a;
    double const y = *(const double *)b;
    return (x > y) - (x < y);
}

/* `pbt report`, the median of three: time and size. */
static void measure_report(const char *program, const char *dir)
{
    double took[3];
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/report.html", dir);
    for (int i = 0; i < 3; i++) {
        double const before = seconds();
        fflush(stdout);
        pid_t const child = fork();
        if (child == 0) {
            execl(program, program, "report", dir, "-q", (char *)NULL);
            _exit(127);
        }
        int status = 0;
        if (waitpid(child, &status, 0) < 0 || status != 0) { exit(1); }
        took[i] = seconds() - before;
    }
    qsort(took, 3, sizeof *took, compare_doubles);
    struct stat info;
    if (stat(path, &info) != 0) { exit(1); }
    printf("report   %.2f s (wanted for 100,000 segments: below 2), %.1f MiB (below 20)\n", took[1],
           (double)info.st_size / 1048576.0);
}

static void measure_show(const char *program, const char *dir, bool cached)
{
    double took[3];
    long memory = 0;
    char command[PATH_MAX];
    for (int i = 0; i < 3; i++) {
        (void)snprintf(command, sizeof command, "%s/cache/summary", dir);
        if (!cached) { (void)unlink(command); }
        took[i] = run_show(program, dir, &memory);
    }
    qsort(took, 3, sizeof *took, compare_doubles);
    printf("show     %.2f s %s its cache (wanted: below %d), %ld MiB\n", took[1],
           cached ? "with" : "without", cached ? 1 : 5, memory / 1024);
}

static void remove_study(const char *dir)
{
    pid_t const child = fork();
    if (child == 0) {
        execlp("rm", "rm", "-r", "-f", "--", dir, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    (void)waitpid(child, &status, 0);
}

int main(int argc, char **argv)
{
    uint32_t const members = argc > 2 ? (uint32_t)strtoul(argv[1], NULL, 10) : 100000;
    uint64_t const reports = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
    struct pbt_error err = {0};
    char dir[] = "/tmp/pbt-scale-XXXXXX";
    if (mkdtemp(dir) == NULL) { return 1; }
    char study[PATH_MAX];
    (void)snprintf(study, sizeof study, "%s/study", dir);
    struct pbti_spec *const spec = make_spec(members);
    must(pbti_study_create(study, NULL, spec, &err), &err);
    printf("study    %u members, %llu reports\n", members, (unsigned long long)reports);
    double const before = seconds();
    fill(study, reports);
    printf("made     in %.1f s: staged, decided, appended in batches of %d reports\n",
           seconds() - before, BATCH);
    measure_fold(study);
    const char *const program = getenv("PBT_BIN");
    if (program != NULL && program[0] != '\0') {
        measure_show(program, study, false);
        measure_show(program, study, true);
        measure_report(program, study);
    } else {
        printf("show     not measured: PBT_BIN is not set\n");
    }
    pbti_spec_destroy(spec);
    bool const kept = argc <= 3 || rename(study, argv[3]) == 0;
    remove_study(dir);
    return kept ? 0 : 1;
}
