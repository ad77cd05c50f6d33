/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/worker/test_figure2.c - the toy problem of the paper's figure 2, through the C API.
 *
 * Protects rules 1, 2, 3, 6, 10 and 18 end to end: a study is compared with a closed formula, with
 * a plain loop that shares no code with the library, and with published numbers. The numbers of
 * other conventions are reproduced by the loop alone, to know why they differ:
 *
 *     exploit only, at step 200                              Q of the better worker
 *     synchronous, worker 1 loses ties (ours)                1.1715075265
 *     synchronous, both copy at a tie                        1.1715075265
 *     worker 0 moves and is judged first, copies at a tie    1.1666352925
 *     hyperparameters copied too                             0.3897494379, as grid search
 */
#include "pbt/pbt.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STEPS 200
#define READY 4
#define RATE 0.01
#define SHELF_MAX 16
#define SEEDS 1000

/* -------- a study -------- */

struct solution {
    char id[PBT_ID_MAX];
    double theta[2];
};

struct study_run {
    struct solution shelf[SHELF_MAX];
    double last[2][2];        /* theta of each worker after its last segment */
    double best[STEPS + 1];   /* Q of the better worker by step, where somebody reported */
    double h_max;             /* the largest value any hyperparameter ever had */
    unsigned copies;          /* segments that began with another worker's solution */
    struct pbt_best reported; /* what the study calls the best */
};

static double quality(const double theta[2])
{
    return 1.2 - (theta[0] * theta[0] + theta[1] * theta[1]);
}

static struct solution *find(struct study_run *run, const char *id)
{
    for (size_t i = 0; i < SHELF_MAX; i++) {
        if (strcmp(run->shelf[i].id, id) == 0) { return &run->shelf[i]; }
    }
    fail_msg("checkpoint \"%s\" is not on the shelf", id);
    return NULL;
}

static void forget(void *context, const char *id)
{
    find(context, id)->id[0] = '\0';
}

static double train(struct study_run *run, const struct pbt_task *task)
{
    struct solution s = {.theta = {0.9, 0.9}};
    double const h[2] = {pbt_task_number(task, "h0"), pbt_task_number(task, "h1")};
    unsigned from_member = task->member;
    if (task->from[0] != '\0') {
        s = *find(run, task->from);
        assert_int_equal(sscanf(task->from, "m%u.", &from_member), 1);
    }
    if (from_member != task->member) { run->copies++; }
    for (uint64_t i = 0; i < task->steps; i++) {
        s.theta[0] *= 1.0 - 2.0 * RATE * h[0];
        s.theta[1] *= 1.0 - 2.0 * RATE * h[1];
    }
    run->h_max = fmax(run->h_max, fmax(h[0], h[1]));
    memcpy(s.id, task->id, sizeof s.id);
    *find(run, "") = s;
    memcpy(run->last[task->member], s.theta, sizeof s.theta);
    double const q = quality(s.theta);
    double *const best = &run->best[task->segment * task->steps];
    if (isnan(*best) || q > *best) { *best = q; }
    return q;
}

static void run_study(struct study_run *run, const char *strategy, unsigned ready, unsigned seed)
{
    char spec[1024];
    struct pbt_error err;
    struct pbt_study_opts opts = pbt_study_opts_default();
    struct pbt_study *study;
    struct pbt_task task;
    memset(run, 0, sizeof *run);
    for (size_t i = 0; i <= STEPS; i++) {
        run->best[i] = NAN;
    }
    (void)snprintf(spec, sizeof spec,
                   "{seed: %u, population: 2, steps: %d, ready: %u, space: {"
                   "h0: {type: linear, low: 0, high: 10}, h1: {type: linear, low: 0, high: 10}}, "
                   "initial: {points: [{h0: 1, h1: 0}, {h0: 0, h1: 1}]}, "
                   "strategy: {mode: generational, %s}}",
                   seed, STEPS, ready, strategy);
    opts.forget = forget;
    opts.context = run;
    if (pbt_study_open(NULL, spec, &opts, &study, &err) != PBT_OK) { fail_msg("%s", err.message); }
    while (!pbt_study_is_over(study)) {
        assert_int_equal(pbt_study_next(study, &task, &err), PBT_OK);
        assert_string_not_equal(task.id, "");
        double const score = train(run, &task);
        assert_int_equal(pbt_study_report(study, &task, score, &err), PBT_OK);
    }
    run->reported = pbt_study_best(study);
    pbt_study_close(study);
}

#define GRID "name: random"
#define COPY "exploit: {name: truncation, quantile: 0.5, ties: copy}, copy: weights"
#define EXPLOIT_ONLY "name: selection_only, " COPY

/* -------- the same without the library -------- */

enum convention {
    SYNC_INDEX,      /* judged at once; at a tie worker 1 copies */
    SYNC_BOTH,       /* judged at once; at a tie both copy */
    SEQUENTIAL_BOTH, /* worker 0 moves and is judged before worker 1 moves; both copy at a tie */
};

struct plain {
    double theta[2][2], h[2][2], q[2];
    double noise;    /* standard deviation */
    uint64_t random; /* state of the generator */
};

/* splitmix64 */
static double uniform(struct plain *plain)
{
    plain->random += 0x9e3779b97f4a7c15u;
    uint64_t z = plain->random;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return ((double)((z ^ (z >> 31)) >> 11) + 0.5) * 0x1p-53;
}

static double normal(struct plain *plain)
{
    double const radius = sqrt(-2.0 * log(uniform(plain)));
    return radius * cos(6.283185307179586 * uniform(plain));
}

static struct plain plain_start(double noise, uint64_t seed)
{
    return (struct plain){.theta = {{0.9, 0.9}, {0.9, 0.9}},
                          .h = {{1.0, 0.0}, {0.0, 1.0}},
                          .q = {-0.42, -0.42},
                          .noise = noise,
                          .random = seed};
}

static void plain_step(struct plain *plain, int worker)
{
    for (int d = 0; d < 2; d++) {
        plain->theta[worker][d] *= 1.0 - 2.0 * RATE * plain->h[worker][d];
    }
    plain->q[worker] = quality(plain->theta[worker]);
}

static void plain_explore(struct plain *plain, int worker)
{
    for (int d = 0; plain->noise > 0.0 && d < 2; d++) {
        plain->h[worker][d] = fmax(0.0, plain->h[worker][d] + plain->noise * normal(plain));
    }
}

static void plain_copy(struct plain *plain, int worker, const double theta[2], double q)
{
    memcpy(plain->theta[worker], theta, sizeof plain->theta[worker]);
    plain->q[worker] = q;
    plain_explore(plain, worker);
}

static void plain_judge(struct plain *plain, enum convention convention)
{
    struct plain const before = *plain;
    bool const tie = before.q[0] == before.q[1];
    bool const copies[2] = {before.q[0] < before.q[1] || (tie && convention == SYNC_BOTH),
                            before.q[1] < before.q[0] || tie};
    for (int worker = 0; worker < 2; worker++) {
        int const other = 1 - worker;
        if (copies[worker]) { plain_copy(plain, worker, before.theta[other], before.q[other]); }
    }
}

/* Q of the better worker at the end. Nobody is judged there: it would change nothing. */
static double plain_pbt(struct plain *plain, enum convention convention)
{
    for (int step = 1; step <= STEPS; step++) {
        bool const ready = step % READY == 0 && step < STEPS;
        for (int worker = 0; worker < 2; worker++) {
            int const other = 1 - worker;
            plain_step(plain, worker);
            bool const first = convention == SEQUENTIAL_BOTH && ready;
            if (first && plain->q[other] >= plain->q[worker]) {
                plain_copy(plain, worker, plain->theta[other], plain->q[other]);
            }
        }
        if (convention != SEQUENTIAL_BOTH && ready) { plain_judge(plain, convention); }
    }
    return fmax(plain->q[0], plain->q[1]);
}

static double plain_explore_only(struct plain *plain)
{
    for (int step = 1; step <= STEPS; step++) {
        for (int worker = 0; worker < 2; worker++) {
            plain_step(plain, worker);
            if (step % READY == 0) { plain_explore(plain, worker); }
        }
    }
    return fmax(plain->q[0], plain->q[1]);
}

/* -------- without chance -------- */

static void test_grid_search_follows_its_formula(void **unused)
{
    (void)unused;
    static const struct {
        int step;
        double q;
    } listed[] = {{1, -0.387924}, {4, -0.299118},  {8, -0.196276}, {20, 0.028983},
                  {40, 0.229094}, {100, 0.375754}, {200, 0.389749}};
    struct study_run run;
    run_study(&run, GRID, 1, 1);
    for (int step = 1; step <= STEPS; step++) {
        double const formula = 1.2 - 0.81 - 0.81 * pow(1.0 - 2.0 * RATE, 2.0 * step);
        assert_true(fabs(run.best[step] - formula) < 1e-12);
    }
    for (size_t i = 0; i < sizeof listed / sizeof *listed; i++) {
        assert_true(fabs(run.best[listed[i].step] - listed[i].q) < 1e-6);
    }
    run_study(&run, GRID, READY, 1);
    assert_true(fabs(run.best[STEPS] - 0.389749) < 1e-6);
    assert_int_equal(run.copies, 0);
}

static void test_exploit_only_is_the_synchronous_loop(void **unused)
{
    (void)unused;
    struct study_run run;
    struct plain plain = plain_start(0.0, 0);
    double const expected = plain_pbt(&plain, SYNC_INDEX);
    run_study(&run, EXPLOIT_ONLY, READY, 1);
    for (int worker = 0; worker < 2; worker++) {
        for (int d = 0; d < 2; d++) {
            assert_true(fabs(run.last[worker][d] - plain.theta[worker][d]) < 1e-12);
        }
    }
    assert_true(fabs(run.best[STEPS] - expected) < 1e-12);
    assert_true(fabs(run.best[STEPS] - 1.1715075265) < 1e-9);
    assert_true(run.reported.score == run.best[STEPS]);
    /* one copies at every judgement but the last (rule 18) */
    assert_int_equal(run.copies, STEPS / READY - 1);
}

static void test_other_conventions_are_known(void **unused)
{
    (void)unused;
    struct study_run run;
    struct plain plain = plain_start(0.0, 0);
    assert_true(fabs(plain_pbt(&plain, SYNC_BOTH) - 1.1715075265) < 1e-9);
    plain = plain_start(0.0, 0);
    assert_true(fabs(plain_pbt(&plain, SEQUENTIAL_BOTH) - 1.1666352925) < 1e-9);
    run_study(&run, "name: selection_only, exploit: {name: truncation, quantile: 0.5}, copy: both",
              READY, 1);
    assert_true(fabs(run.best[STEPS] - 0.3897494379) < 1e-9);
}

/* -------- with chance -------- */

struct distribution {
    double median, error; /* and the standard error of the median */
    double h_max;
};

static int compare(const void *a, const void *b)
{
    double const x = *(const double *)a;
    double const y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The error from the 95 % interval of the order statistics around the median. */
static struct distribution summarise(double *ends, unsigned count)
{
    unsigned const half = (unsigned)lround(0.98 * sqrt((double)count));
    qsort(ends, count, sizeof *ends, compare);
    double const width = ends[count / 2 + half] - ends[count / 2 - half];
    return (struct distribution){.median = ends[count / 2], .error = width / (2.0 * 1.96)};
}

static struct distribution measure(const char *strategy)
{
    static double ends[SEEDS];
    static struct study_run run;
    double h_max = 0.0;
    for (unsigned i = 0; i < SEEDS; i++) {
        run_study(&run, strategy, READY, i + 1);
        ends[i] = run.best[STEPS];
        h_max = fmax(h_max, run.h_max);
    }
    struct distribution result = summarise(ends, SEEDS);
    result.h_max = h_max;
    return result;
}

static struct distribution simulate(double noise, bool exploits, enum convention convention)
{
    static double ends[4 * SEEDS];
    for (unsigned i = 0; i < 4 * SEEDS; i++) {
        struct plain plain = plain_start(noise, (uint64_t)i << 32);
        ends[i] = exploits ? plain_pbt(&plain, convention) : plain_explore_only(&plain);
    }
    return summarise(ends, 4 * SEEDS);
}

/* Equal up to chance: four standard errors of the difference. */
static void assert_agree(struct distribution a, struct distribution b)
{
    double const allowed = 4.0 * hypot(a.error, b.error);
    if (fabs(a.median - b.median) > allowed) {
        fail_msg("medians %.4f and %.4f differ by more than %.4f", a.median, b.median, allowed);
    }
}

static void check_noise(double noise, double known_pbt, double known_explore_only)
{
    char pbt[256];
    char explore_only[256];
    (void)snprintf(pbt, sizeof pbt,
                   "name: pbt, " COPY ", explore: {name: perturb, noise: {normal: %g}}", noise);
    (void)snprintf(explore_only, sizeof explore_only,
                   "name: explore_only, explore: {name: perturb, noise: {normal: %g}}", noise);
    struct distribution const p = measure(pbt);
    struct distribution const e = measure(explore_only);
    print_message("N(0, %g): PBT %.4f +- %.4f, explore only %.4f +- %.4f, h <= %.2f\n", noise,
                  p.median, p.error, e.median, e.error, fmax(p.h_max, e.h_max));
    assert_true(p.h_max < 10.0 && e.h_max < 10.0); /* clipped at 0 alone */
    assert_agree(p, simulate(noise, true, SYNC_INDEX));
    assert_agree(e, simulate(noise, false, SYNC_INDEX));
    /* the known medians: PBT's are sequential, explore only knows no order; both of 1000 seeds or
     * more, rounded to 0.001 */
    struct distribution const sequential = simulate(noise, true, SEQUENTIAL_BOTH);
    print_message("    sequential PBT %.4f +- %.4f, known %.3f\n", sequential.median,
                  sequential.error, known_pbt);
    assert_true(fabs(sequential.median - known_pbt) < 0.003);
    assert_true(fabs(p.median - known_pbt) < 0.01);
    assert_true(fabs(e.median - known_explore_only) < 4.0 * e.error * sqrt(2.0) + 0.0005);
    /* the order of the figure, beyond chance: grid < explore only << exploit only < PBT */
    if (noise > 0.05) { return; }
    struct plain plain = plain_start(0.0, 0);
    double const exploit_only = plain_pbt(&plain, SYNC_INDEX);
    assert_true(0.389749 + 0.1 < e.median);
    assert_true(e.median + 0.1 < exploit_only);
    assert_true(exploit_only + 4.0 * p.error < p.median);
}

static void test_medians_with_noise_of_0_02(void **unused)
{
    (void)unused;
    check_noise(0.02, 1.171, 0.762);
}

static void test_medians_with_noise_of_0_05(void **unused)
{
    (void)unused;
    check_noise(0.05, 1.175, 1.024);
}

static void test_medians_with_noise_of_0_1(void **unused)
{
    (void)unused;
    check_noise(0.1, 1.181, 1.157);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grid_search_follows_its_formula),
        cmocka_unit_test(test_exploit_only_is_the_synchronous_loop),
        cmocka_unit_test(test_other_conventions_are_known),
        cmocka_unit_test(test_medians_with_noise_of_0_02),
        cmocka_unit_test(test_medians_with_noise_of_0_05),
        cmocka_unit_test(test_medians_with_noise_of_0_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
