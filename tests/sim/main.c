/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/main.c - pbt_sim: run simulated studies, many or one, and say which seed breaks which rule.
 *
 *     pbt_sim --count 10000              seeds 1 to 10000
 *     pbt_sim --seeds 5000..6000         these seeds
 *     pbt_sim --seed 123 --verbose       one seed, everything that happens
 *     pbt_sim --fleet 1000               what so many workers ask of a journal (fleet.h)
 *
 * Exit code: 0 nothing broken, 1 a rule is broken, 2 usage.
 */
#include "sim/load_model.h"
#include "sim/sim.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { COVERING_SEEDS = 2000 }; /* so many reach every entry of core's tables */
enum { JOBS_MAX = 64, EXIT_BROKEN = 1, EXIT_USAGE = 2 };

struct options {
    uint64_t first, last;
    uint32_t jobs;
    bool single, verbose, counts;
    enum pbti_plant plant;
    struct pbti_load_model_opts fleet; /* workers 0: none was asked for */
};

/* What a job has done. */
struct tally {
    uint64_t seeds, steps, events, virtual_ms, trace;
    uint64_t broken_seed;
    struct pbti_sim_result broken; /* ok: nothing was */
    struct pbti_sim_counts counts;
    struct pbti_coverage coverage;
};

static const char *const plant_names[] = {
#define PLANT_NAME(name, value, text) text,
    PBTI_PLANT_LIST(PLANT_NAME)
#undef PLANT_NAME
};

static void print_usage(FILE *out)
{
    (void)fprintf(out, "usage: pbt_sim [--count N] [--start S] [--seeds FROM..TO] [--seed S] "
                       "[--verbose] [--jobs J] [--counts] [--plant NAME]\n"
                       "       pbt_sim --fleet WORKERS [--segments N] [--segment-us T] "
                       "[--append-us T] [--look-us T]\n"
                       "plants:");
    for (size_t i = 0; i < sizeof plant_names / sizeof *plant_names; i++) {
        (void)fprintf(out, " %s", plant_names[i]);
    }
    (void)fprintf(out, "\n");
}

/* -------- options -------- */

static bool parse_number(const char *text, char stop, uint64_t *out)
{
    char *end = NULL;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && end != text && text[0] != '-' && *end == stop;
}

static bool parse_range(const char *text, struct options *options)
{
    const char *const dots = strstr(text, "..");
    return dots != NULL && parse_number(text, '.', &options->first) &&
           parse_number(dots + 2, '\0', &options->last) && options->first <= options->last;
}

static bool parse_plant(const char *text, enum pbti_plant *out)
{
    for (size_t i = 0; i < sizeof plant_names / sizeof *plant_names; i++) {
        if (strcmp(plant_names[i], text) != 0) { continue; }
        *out = (enum pbti_plant)i;
        return true;
    }
    return false;
}

static bool parse_fleet(const char *name, uint64_t number, struct pbti_load_model_opts *fleet)
{
    uint64_t const small = number <= UINT32_MAX ? number : 0;
    if (strcmp(name, "--fleet") == 0) {
        fleet->workers = (uint32_t)small;
        return small > 0;
    }
    if (strcmp(name, "--segments") == 0) {
        fleet->segments = (uint32_t)small;
        return small > 0;
    }
    if (strcmp(name, "--segment-us") == 0) {
        fleet->segment_us = number;
    } else if (strcmp(name, "--append-us") == 0) {
        fleet->append_us = number;
    } else if (strcmp(name, "--look-us") == 0) {
        fleet->look_us = number;
    } else {
        return false;
    }
    return true;
}

/* One option that takes a value. */
static bool parse_valued(const char *name, const char *value, struct options *options,
                         uint64_t *start, uint64_t *count)
{
    uint64_t number = 0;
    if (strcmp(name, "--seeds") == 0) { return parse_range(value, options); }
    if (strcmp(name, "--plant") == 0) { return parse_plant(value, &options->plant); }
    if (!parse_number(value, '\0', &number)) { return false; }
    if (strcmp(name, "--count") == 0) {
        *count = number;
        return number > 0;
    }
    if (strcmp(name, "--start") == 0) {
        *start = number;
        return true;
    }
    if (strcmp(name, "--seed") == 0) {
        options->single = true;
        options->first = options->last = number;
        return true;
    }
    if (strcmp(name, "--jobs") == 0 && number >= 1 && number <= JOBS_MAX) {
        options->jobs = (uint32_t)number;
        return true;
    }
    return parse_fleet(name, number, &options->fleet);
}

static bool parse(int argc, char **argv, struct options *options)
{
    uint64_t start = 1;
    uint64_t count = 0;
    *options = (struct options){.first = 1, .last = 1000, .jobs = 1};
    options->fleet = (struct pbti_load_model_opts){
        .segments = 5, .segment_us = 60000000, .append_us = 1000, .look_us = 100};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--verbose") == 0) {
            options->verbose = true;
        } else if (strcmp(argv[i], "--counts") == 0) {
            options->counts = true;
        } else if (i + 1 < argc && parse_valued(argv[i], argv[i + 1], options, &start, &count)) {
            i++;
        } else {
            return false;
        }
    }
    if (count > 0) {
        options->first = start;
        options->last = start + count - 1;
    }
    return true;
}

/* -------- running -------- */

/* What to say when an assertion fails in the middle of a seed: written down before each. */
static char last_words[128];

static void say_last_words(int number)
{
    size_t const size = strlen(last_words);
    if (write(STDOUT_FILENO, last_words, size) != (ssize_t)size) { _exit(EXIT_BROKEN); }
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static void add_counts(struct pbti_sim_counts *sum, const struct pbti_sim_counts *more)
{
#define ADD_COUNT(name, text) sum->name += more->name;
    PBTI_SIM_COUNT_LIST(ADD_COUNT)
#undef ADD_COUNT
}

/* Every jobs-th seed, until one breaks a rule. */
static void run_share(const struct options *options, uint32_t job, struct tally *tally)
{
    *tally = (struct tally){.broken = {.ok = true}};
    for (uint64_t seed = options->first + job; seed <= options->last; seed += options->jobs) {
        struct pbti_sim_opts const opts = {seed, options->plant, options->verbose ? stdout : NULL};
        struct pbti_sim_result result;
        (void)snprintf(last_words, sizeof last_words,
                       "seed %llu: an assertion failed, or worse\nrepeat it: pbt_sim --seed %llu\n",
                       (unsigned long long)seed, (unsigned long long)seed);
        pbti_sim_run(&opts, &result);
        tally->seeds++;
        tally->steps += result.steps;
        tally->events += result.events;
        tally->virtual_ms += result.virtual_ms;
        tally->trace ^= result.trace * (2 * seed + 1);
        add_counts(&tally->counts, &result.counts);
        pbti_coverage_add(&tally->coverage, &result.coverage);
        if (!result.ok) {
            tally->broken = result;
            tally->broken_seed = seed;
            return;
        }
    }
}

static bool write_all(int fd, const void *data, size_t size)
{
    const char *at = data;
    while (size > 0) {
        ssize_t const written = write(fd, at, size);
        if (written <= 0) { return false; }
        at += written;
        size -= (size_t)written;
    }
    return true;
}

static bool read_all(int fd, void *data, size_t size)
{
    char *at = data;
    while (size > 0) {
        ssize_t const got = read(fd, at, size);
        if (got <= 0) { return false; }
        at += got;
        size -= (size_t)got;
    }
    return true;
}

/* A job of its own process; its tally comes through the pipe. -1: it could not be started. */
static int begin_job(const struct options *options, uint32_t job)
{
    int ends[2];
    if (pipe(ends) != 0) { return -1; }
    pid_t const child = fork();
    if (child == 0) {
        static struct tally tally;
        (void)close(ends[0]);
        run_share(options, job, &tally);
        _exit(write_all(ends[1], &tally, sizeof tally) ? 0 : 1);
    }
    (void)close(ends[1]);
    if (child > 0) { return ends[0]; }
    (void)close(ends[0]);
    return -1;
}

static void add_tally(struct tally *sum, const struct tally *more)
{
    sum->seeds += more->seeds;
    sum->steps += more->steps;
    sum->events += more->events;
    sum->virtual_ms += more->virtual_ms;
    sum->trace ^= more->trace;
    add_counts(&sum->counts, &more->counts);
    pbti_coverage_add(&sum->coverage, &more->coverage);
    bool const earlier = sum->broken.ok || more->broken_seed < sum->broken_seed;
    if (!more->broken.ok && earlier) {
        sum->broken = more->broken;
        sum->broken_seed = more->broken_seed;
    }
}

/* False when a job died. */
static bool run_all(const struct options *options, struct tally *sum)
{
    *sum = (struct tally){.broken = {.ok = true}};
    if (options->jobs == 1) {
        run_share(options, 0, sum);
        return true;
    }
    int pipes[JOBS_MAX];
    bool well = true;
    for (uint32_t i = 0; i < options->jobs; i++) {
        pipes[i] = begin_job(options, i);
    }
    for (uint32_t i = 0; i < options->jobs; i++) {
        static struct tally tally;
        int code = 0;
        bool const got = pipes[i] >= 0 && read_all(pipes[i], &tally, sizeof tally);
        if (got) { add_tally(sum, &tally); }
        if (pipes[i] >= 0) {
            (void)close(pipes[i]);
            (void)wait(&code);
        }
        well = well && got;
    }
    return well;
}

/* -------- telling -------- */

static double seconds_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void print_broken(const struct options *options, const struct tally *tally)
{
    (void)printf("seed %llu, step %llu, %.3f virtual seconds: rule %s\n",
                 (unsigned long long)tally->broken_seed, (unsigned long long)tally->broken.steps,
                 (double)tally->broken.virtual_ms / 1000.0, tally->broken.broken);
    (void)printf("repeat it: pbt_sim --seed %llu --verbose",
                 (unsigned long long)tally->broken_seed);
    if (options->plant != PBTI_PLANT_NONE) {
        (void)printf(" --plant %s", plant_names[options->plant]);
    }
    (void)printf("\n");
}

static void print_counts(const struct pbti_sim_counts *counts)
{
#define PRINT_COUNT(name, text) (void)printf("%12llu %s\n", (unsigned long long)counts->name, text);
    PBTI_SIM_COUNT_LIST(PRINT_COUNT)
#undef PRINT_COUNT
}

static int run_fleet(struct options *options)
{
    struct pbti_load_model_opts *const opts = &options->fleet;
    struct pbti_load_model_result result;
    struct pbt_error err;
    opts->seed = options->first;
    if (pbti_load_model_run(opts, &result, &err) != PBT_OK) {
        (void)fprintf(stderr, "pbt_sim: %s\n", err.message);
        return EXIT_BROKEN;
    }
    double const seconds = (double)result.virtual_us / 1e6;
    (void)printf("%llu segments in %.1f virtual seconds; %llu appends, %.2f a second; %llu looks\n",
                 (unsigned long long)result.segments, seconds, (unsigned long long)result.appends,
                 (double)result.appends / seconds, (unsigned long long)result.looks);
    (void)printf("server busy %.2f %%; between two segments a slot waits %.3f ms in the mean, "
                 "%.3f ms at most: %.3f %% of a segment\n",
                 100.0 * result.busy, result.wait_us / 1000.0, (double)result.longest_us / 1000.0,
                 100.0 * result.wait_us / (double)opts->segment_us);
    return 0;
}

int main(int argc, char **argv)
{
    struct options options;
    if (!parse(argc, argv, &options)) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    if (options.fleet.workers > 0) { return run_fleet(&options); }
    (void)signal(SIGABRT, say_last_words);
    (void)signal(SIGSEGV, say_last_words);
    /* every seed takes and frees the same large blocks: keep them */
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 26);
    (void)mallopt(M_TRIM_THRESHOLD, 1 << 28);
    static struct tally tally;
    double const begun = seconds_now();
    bool const well = run_all(&options, &tally);
    double const seconds = seconds_now() - begun;
    if (options.counts) { print_counts(&tally.counts); }
    if (!tally.broken.ok) {
        print_broken(&options, &tally);
        return EXIT_BROKEN;
    }
    if (!well) {
        (void)fprintf(stderr, "pbt_sim: a job died: repeat with --jobs 1\n");
        return EXIT_BROKEN;
    }
    const char *list = NULL;
    const char *entry = NULL;
    if (tally.seeds >= COVERING_SEEDS && pbti_coverage_lacks(&tally.coverage, &list, &entry)) {
        (void)printf("no seed reached %s \"%s\": nothing is known about it\n", list, entry);
        return EXIT_BROKEN;
    }
    (void)printf("%llu seeds, %llu steps, %llu events, %.0f virtual hours: nothing broken; trace "
                 "%016llx\n",
                 (unsigned long long)tally.seeds, (unsigned long long)tally.steps,
                 (unsigned long long)tally.events, (double)tally.virtual_ms / 3.6e6,
                 (unsigned long long)tally.trace);
    (void)fprintf(stderr, "%.1f s, %.0f seeds a second\n", seconds,
                  (double)tally.seeds / (seconds > 0.0 ? seconds : 1.0));
    return 0;
}
