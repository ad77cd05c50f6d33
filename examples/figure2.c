/* SPDX-License-Identifier: Apache-2.0 */
/*
 * examples/figure2.c - figure 2 of "Population Based Training of Neural Networks" (Jaderberg et al.
 * 2017, arXiv:1711.09846) with the C API, in memory.
 *
 *     figure2 [--seeds N] [--csv]
 *
 * Two workers maximise Q = 1.2 - (a^2 + b^2), which they cannot differentiate. They climb a
 * surrogate that has weights h0 and h1 in front of a^2 and b^2: one worker begins with h = (1, 0),
 * the other with (0, 1), so that alone each improves one of the two only. Every 4 steps the worse
 * may copy the *solution* of the better and keep its own h, which is then changed a little.
 *
 * What the paper leaves open is chosen so: learning rate 0.01, 200 steps; synchronous (both reach
 * the same step, then both are judged from one snapshot); of two equal scores that of worker 1 is
 * the worse. Additive noise is clipped at 0; the upper bound of 10 is never reached.
 */
#include <pbt/pbt.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS 200
#define READY 4
#define RATE 0.01
#define POINTS (STEPS / READY + 1)

/* -------- the problem -------- */

/* A worker's solution, kept under the name of its checkpoint. */
struct solution {
    char id[PBT_ID_MAX]; /* "" = this place is free */
    double a, b;
};

/* What one study went through; index 0 is the start. */
struct curves {
    double a[2][POINTS], b[2][POINTS], h0[2][POINTS], h1[2][POINTS], q[2][POINTS];
};

static double quality(const struct solution *s)
{
    return 1.2 - (s->a * s->a + s->b * s->b);
}

static void climb(struct solution *s, const struct pbt_task *task)
{
    double const h0 = pbt_task_number(task, "h0");
    double const h1 = pbt_task_number(task, "h1");
    for (uint64_t i = 0; i < task->steps; i++) {
        s->a -= RATE * 2.0 * h0 * s->a;
        s->b -= RATE * 2.0 * h1 * s->b;
    }
}

/* -------- the shelf of solutions -------- */

#define SHELF_MAX 16 /* two workers, what they start from and the best: 5 at most */

static struct solution *find(struct solution shelf[SHELF_MAX], const char *id)
{
    for (size_t i = 0; i < SHELF_MAX; i++) {
        if (strcmp(shelf[i].id, id) == 0) { return &shelf[i]; }
    }
    return NULL;
}

static void forget(void *shelf, const char *id)
{
    struct solution *const solution = find(shelf, id);
    if (solution != NULL) { solution->id[0] = '\0'; }
}

/* -------- one study -------- */

struct variant {
    const char *name;
    const char *strategy; /* YAML */
    double high;          /* upper bound of h0 and h1 */
    const char *known; /* median (5 %, 95 %) of independent simulations; "" = none that compares */
};

static void write_spec(const struct variant *variant, unsigned seed, char *spec, size_t size)
{
    (void)snprintf(spec, size,
                   "study: figure2\n"
                   "seed: %u\n"
                   "population: 2\n"
                   "steps: %d\n"
                   "ready: %d\n"
                   "score: {name: Q, goal: maximize}\n"
                   "space:\n"
                   "  h0: {type: linear, low: 0, high: %g}\n"
                   "  h1: {type: linear, low: 0, high: %g}\n"
                   "initial: {points: [{h0: 1, h1: 0}, {h0: 0, h1: 1}]}\n"
                   "strategy: {mode: generational, %s}\n",
                   seed, STEPS, READY, variant->high, variant->high, variant->strategy);
}

static void record(struct curves *curves, const struct pbt_task *task, const struct solution *s)
{
    size_t const at = task->segment;
    curves->a[task->member][at] = s->a;
    curves->b[task->member][at] = s->b;
    curves->h0[task->member][at] = pbt_task_number(task, "h0");
    curves->h1[task->member][at] = pbt_task_number(task, "h1");
    curves->q[task->member][at] = quality(s);
    if (at > 1) { return; }
    curves->a[task->member][0] = curves->b[task->member][0] = 0.9;
    curves->h0[task->member][0] = curves->h0[task->member][1];
    curves->h1[task->member][0] = curves->h1[task->member][1];
    curves->q[task->member][0] = 1.2 - 2.0 * 0.9 * 0.9;
}

/* Train one task; false when the study says no. */
static bool train(struct pbt_study *study, const struct pbt_task *task,
                  struct solution shelf[SHELF_MAX], struct curves *curves, struct pbt_error *err)
{
    struct solution s = {.a = 0.9, .b = 0.9};
    if (task->from[0] != '\0') { s = *find(shelf, task->from); }
    climb(&s, task);
    record(curves, task, &s);
    memcpy(s.id, task->id, sizeof s.id);
    *find(shelf, "") = s;
    return pbt_study_report(study, task, quality(&s), err) == PBT_OK;
}

/* Run one study of 2 x 50 segments. */
static bool run(const struct variant *variant, unsigned seed, struct curves *curves,
                struct pbt_error *err)
{
    char spec[1024];
    struct solution shelf[SHELF_MAX] = {{.id = ""}};
    struct pbt_study_opts opts = pbt_study_opts_default();
    struct pbt_study *study;
    struct pbt_task task;
    opts.forget = forget;
    opts.context = shelf;
    write_spec(variant, seed, spec, sizeof spec);
    if (pbt_study_open(NULL, spec, &opts, &study, err) != PBT_OK) { return false; }
    bool fine = true;
    while (fine && !pbt_study_is_over(study)) {
        fine =
            pbt_study_next(study, &task, err) == PBT_OK && train(study, &task, shelf, curves, err);
    }
    pbt_study_close(study);
    return fine;
}

static double best_at(const struct curves *curves, size_t at)
{
    return fmax(curves->q[0][at], curves->q[1][at]);
}

/* -------- the table -------- */

#define COPY "exploit: {name: truncation, quantile: 0.5, ties: copy}, copy: weights"
#define NOISE(sd) "explore: {name: perturb, noise: {normal: " sd "}}"
#define FACTORS "explore: {name: perturb, factors: [0.8, 1.2]}"

static const struct variant variants[] = {
    {"grid search", "name: random", 10.0, "0.390"},
    {"exploit only", "name: selection_only, " COPY, 10.0, "1.172 (*)"},
    {"explore only, N(0, 0.02)", "name: explore_only, " NOISE("0.02"), 10.0,
     "0.762 (0.557, 0.980)"},
    {"explore only, N(0, 0.05)", "name: explore_only, " NOISE("0.05"), 10.0,
     "1.024 (0.746, 1.169)"},
    {"explore only, N(0, 0.1)", "name: explore_only, " NOISE("0.1"), 10.0, "1.157 (0.942, 1.198)"},
    {"PBT, N(0, 0.02)", "name: pbt, " COPY ", " NOISE("0.02"), 10.0, "1.171 (1.165, 1.176)"},
    {"PBT, N(0, 0.05)", "name: pbt, " COPY ", " NOISE("0.05"), 10.0, "1.175 (1.161, 1.184)"},
    {"PBT, N(0, 0.1)", "name: pbt, " COPY ", " NOISE("0.1"), 10.0, "1.181 (1.156, 1.192)"},
    {"explore only, x0.8/1.2, h <= 2", "name: explore_only, " FACTORS, 2.0, ""},
    {"explore only, x0.8/1.2, h <= 10", "name: explore_only, " FACTORS, 10.0, ""},
    {"PBT, x0.8/1.2, h <= 2", "name: pbt, " COPY ", " FACTORS, 2.0, ""},
    {"PBT, x0.8/1.2, h <= 10", "name: pbt, " COPY ", " FACTORS, 10.0, ""},
};

/* The four of the figure, drawn as one run each: places in the list above, and their letters. */
static const size_t drawn[] = {0, 3, 1, 6};
static const char letters[] = "grxP";
#define DRAWN (sizeof drawn / sizeof *drawn)

static int compare(const void *a, const void *b)
{
    double const x = *(const double *)a;
    double const y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Does chance matter for this variant? */
static bool is_random(const struct variant *variant)
{
    return strstr(variant->strategy, "explore:") != NULL;
}

static bool print_row(const struct variant *variant, unsigned seeds, double *ends,
                      struct pbt_error *err)
{
    unsigned const runs = is_random(variant) ? seeds : 1;
    for (unsigned i = 0; i < runs; i++) {
        struct curves curves;
        if (!run(variant, i + 1, &curves, err)) { return false; }
        ends[i] = best_at(&curves, POINTS - 1);
    }
    qsort(ends, runs, sizeof *ends, compare);
    char here[64];
    if (runs == 1) {
        (void)snprintf(here, sizeof here, "%.3f", ends[0]);
    } else {
        (void)snprintf(here, sizeof here, "%.3f (%.3f, %.3f)", ends[runs / 2], ends[runs / 20],
                       ends[runs - 1 - runs / 20]);
    }
    printf("%-33s %-22s %s\n", variant->name, here, variant->known);
    return true;
}

static void print_notes(void)
{
    puts("\n"
         "Q of the better worker at step 200: median (5 %, 95 %) over the seeds. The last column\n"
         "holds simulations made without this library. Their PBT judges worker 0 before worker 1\n"
         "has moved, which costs a little; (*) is synchronous with the tie rule used here.\n"
         "\n"
         "The rows with factors have nothing to compare with. Elsewhere 0 times a factor stays 0,\n"
         "half of the hyperparameters are 0 for ever, and explore only ends at 0.390 as grid\n"
         "search does, PBT at 1.153. Here 0 is no trap: from exactly 0 a factor f moves by f - 1\n"
         "of the range, so what comes out depends on the upper bound, and the first step off 0 is\n"
         "the larger the wider the range is.");
}

static bool print_table(unsigned seeds, struct pbt_error *err)
{
    double *const ends = calloc(seeds, sizeof *ends);
    bool fine = ends != NULL;
    printf("%-33s %-22s %s\n", "", "measured", "elsewhere");
    for (size_t i = 0; fine && i < sizeof variants / sizeof *variants; i++) {
        fine = print_row(&variants[i], seeds, ends, err);
    }
    free(ends);
    if (fine) { print_notes(); }
    return fine;
}

/* -------- the curves of one run -------- */

static bool run_drawn(struct curves curves[DRAWN], struct pbt_error *err)
{
    for (size_t i = 0; i < DRAWN; i++) {
        if (!run(&variants[drawn[i]], 1, &curves[i], err)) { return false; }
    }
    return true;
}

static void print_csv(const struct curves curves[DRAWN])
{
    puts("variant,worker,step,theta0,theta1,h0,h1,Q");
    for (size_t i = 0; i < DRAWN; i++) {
        for (int worker = 0; worker < 2; worker++) {
            for (size_t at = 0; at < POINTS; at++) {
                printf("\"%s\",%d,%zu,%.17g,%.17g,%.17g,%.17g,%.17g\n", variants[drawn[i]].name,
                       worker, at * READY, curves[i].a[worker][at], curves[i].b[worker][at],
                       curves[i].h0[worker][at], curves[i].h1[worker][at], curves[i].q[worker][at]);
            }
        }
    }
}

static void print_plot(const struct curves curves[DRAWN])
{
    enum { ROWS = 18 };
    double const low = -0.5;
    double const high = 1.2;
    char canvas[ROWS][POINTS + 1];
    for (size_t row = 0; row < ROWS; row++) {
        memset(canvas[row], ' ', POINTS);
        canvas[row][POINTS] = '\0';
    }
    for (size_t i = 0; i < DRAWN; i++) {
        for (size_t at = 0; at < POINTS; at++) {
            double const part = (high - best_at(&curves[i], at)) / (high - low);
            canvas[(size_t)lround(part * (ROWS - 1))][at] = letters[i];
        }
    }
    puts("\nQ of the better worker, one run each:");
    for (size_t row = 0; row < ROWS; row++) {
        printf("%5.1f |%s\n", high - (high - low) * (double)row / (ROWS - 1), canvas[row]);
    }
    puts("      0           50          100          150         200 steps");
    for (size_t i = 0; i < DRAWN; i++) {
        printf("      %c  %s\n", letters[i], variants[drawn[i]].name);
    }
}

/* -------- main -------- */

/* A number of seeds from 1 to 1000000, or 0. */
static unsigned seeds_from(const char *text)
{
    char *end;
    errno = 0;
    unsigned long const number = strtoul(text, &end, 10);
    bool const good = errno == 0 && end != text && *end == '\0' && number <= 1000000;
    return good ? (unsigned)number : 0;
}

int main(int argc, char **argv)
{
    static struct curves curves[DRAWN];
    struct pbt_error err = {.message = "out of memory"};
    unsigned seeds = 1000;
    bool csv = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--csv") == 0) {
            csv = true;
        } else if (strcmp(argv[i], "--seeds") == 0 && i + 1 < argc) {
            seeds = seeds_from(argv[++i]);
        } else {
            seeds = 0;
        }
    }
    if (seeds == 0) {
        (void)fputs("usage: figure2 [--seeds 1..1000000] [--csv]\n", stderr);
        return 2;
    }
    bool fine = run_drawn(curves, &err);
    if (fine && csv) {
        print_csv(curves);
    } else if (fine) {
        fine = print_table(seeds, &err);
        if (fine) { print_plot(curves); }
    }
    if (!fine) { (void)fprintf(stderr, "figure2: %s\n", err.message); }
    return fine ? 0 : 1;
}
