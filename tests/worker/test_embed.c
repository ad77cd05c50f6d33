/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/worker/test_embed.c - the C API in memory: ask and tell.
 *
 * Protects rules 4 (a score that is not finite), 5 (failed members), 11 (generations), 13 (nothing
 * that is asked for was forgotten), 14 (the best network) and 17 (values handed over), and the
 * promises of pbt/study.h. Folders: test_embed_folder.c; the table of functions: test_embed_run.c.
 */
#include "propose/propose.h"
#include "worker/embed_lab.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define SPACE "space: {lr: {type: log, low: 1e-4, high: 1}}"
#define SMALL "{population: 3, steps: 20, max_age: 99, ready: 5, " SPACE "}"

static void next(struct pbt_study *study, struct pbt_task *task)
{
    struct pbt_error err;
    if (pbt_study_next(study, task, &err) != PBT_OK) { fail_msg("%s", err.message); }
}

static void report(struct pbt_study *study, const struct pbt_task *task, double score)
{
    struct pbt_error err;
    if (pbt_study_report(study, task, score, &err) != PBT_OK) { fail_msg("%s", err.message); }
}

static void fail_task(struct pbt_study *study, const struct pbt_task *task, const char *message)
{
    struct pbt_error err;
    if (pbt_study_fail(study, task, message, &err) != PBT_OK) { fail_msg("%s", err.message); }
}

/* -------- ask and tell -------- */

static void test_ask_and_tell_until_the_budget_is_used(void **unused)
{
    (void)unused;
    struct pbt_study *const study = embed_open(NULL, SMALL, 1);
    uint64_t steps[3] = {0};
    struct pbt_task task;
    unsigned tasks = 0;
    for (next(study, &task); task.id[0] != '\0'; next(study, &task)) {
        char id[PBT_ID_MAX];
        (void)snprintf(id, sizeof id, "m%u.s%u.a%u", task.member, task.segment, task.attempt);
        assert_string_equal(task.id, id);
        assert_true(task.member < 3);
        assert_int_equal(task.segment, steps[task.member] / 5 + 1);
        assert_int_equal(task.attempt, 1);
        assert_int_equal(task.steps, 5);
        assert_int_equal(task.slot, 0);
        assert_int_equal(task.from[0] == '\0', task.segment == 1);
        assert_true(task.age % 5 == 0);
        assert_false(pbt_study_is_over(study));
        steps[task.member] += task.steps;
        report(study, &task, (double)task.member + (double)task.segment);
        tasks++;
    }
    assert_int_equal(tasks, 12);
    assert_true(pbt_study_is_over(study));
    assert_true(pbt_study_best(study).score == 6.0);
    assert_string_equal(pbt_study_best(study).id, "m2.s4.a1");
    assert_int_equal(pbt_study_best(study).member, 2);
    assert_true(pbt_study_best(study).age >= 20);
    pbt_study_close(study);
    pbt_study_close(NULL);
}

static void test_a_slot_may_keep_what_it_trained(void **unused)
{
    (void)unused;
    struct pbt_study *const study =
        embed_open(NULL, "{population: 1, steps: 50, ready: 5, " SPACE "}", 1);
    struct pbt_task task;
    char last[PBT_ID_MAX] = "";
    for (next(study, &task); task.id[0] != '\0'; next(study, &task)) {
        assert_string_equal(task.from, last);
        assert_int_equal(task.keep, last[0] != '\0');
        memcpy(last, task.id, sizeof last);
        if (task.segment == 4 && task.attempt == 1) {
            fail_task(study, &task, "out of luck");
            (void)snprintf(last, sizeof last, "%s", task.from);
            next(study, &task);
            assert_string_equal(task.from, last);
            assert_false(task.keep); /* a failed task leaves nothing behind */
            memcpy(last, task.id, sizeof last);
        }
        report(study, &task, 1.0);
    }
    assert_string_equal(last, "m0.s10.a1");
    pbt_study_close(study);
}

static void test_a_task_is_reported_once(void **unused)
{
    (void)unused;
    struct pbt_study *const study = embed_open(NULL, SMALL, 2);
    struct pbt_study *const other = embed_open(NULL, SMALL, 2);
    struct pbt_error err;
    struct pbt_task task;
    next(study, &task);
    assert_int_equal(pbt_study_report(other, &task, 1.0, &err), PBT_EINVAL);
    report(study, &task, 1.0);
    assert_int_equal(pbt_study_report(study, &task, 1.0, &err), PBT_EINVAL);
    assert_string_equal(err.message, "task \"m0.s1.a1\" is not out");
    assert_int_equal(pbt_study_fail(study, &task, "late", &err), PBT_EINVAL);
    struct pbt_task nothing = {.id = ""};
    assert_int_equal(pbt_study_report(study, &nothing, 1.0, &err), PBT_EINVAL);
    pbt_study_close(study);
    pbt_study_close(other);
}

static void test_two_studies_at_once(void **unused)
{
    (void)unused;
    struct pbt_study *const a = embed_open(NULL, SMALL, 1);
    struct pbt_study *const b =
        embed_open(NULL, "{seed: 2, population: 3, steps: 20, ready: 5, " SPACE "}", 1);
    struct pbt_task x;
    struct pbt_task y;
    for (;;) {
        next(a, &x);
        next(b, &y);
        assert_string_equal(x.id[0] == '\0' ? "" : "task", y.id[0] == '\0' ? "" : "task");
        if (x.id[0] == '\0') { break; }
        assert_true(x.seed != y.seed);
        report(a, &x, 1.0);
        report(b, &y, 2.0);
    }
    assert_true(pbt_study_best(a).score == 1.0);
    assert_true(pbt_study_best(b).score == 2.0);
    pbt_study_close(a);
    pbt_study_close(b);
}

static void test_the_same_answers_give_the_same_study(void **unused)
{
    (void)unused;
    struct pbt_study *const a = embed_open(NULL, SMALL, 1);
    struct pbt_study *const b = embed_open(NULL, SMALL, 1);
    struct pbt_task x;
    struct pbt_task y;
    for (next(a, &x), next(b, &y); x.id[0] != '\0'; next(a, &x), next(b, &y)) {
        assert_string_equal(x.id, y.id);
        assert_string_equal(x.from, y.from);
        assert_true(x.seed == y.seed);
        assert_true(pbt_task_number(&x, "lr") == pbt_task_number(&y, "lr"));
        report(a, &x, embed_unit(x.seed));
        report(b, &y, embed_unit(y.seed));
    }
    pbt_study_close(a);
    pbt_study_close(b);
}

/* -------- hyperparameters -------- */

static void check_values(const struct pbt_task *task)
{
    double const lr = pbt_task_number(task, "lr");
    double const width = pbt_task_number(task, "width");
    double const batch = pbt_task_number(task, "batch");
    const char *const act = pbt_task_text(task, "act");
    double const on = pbt_task_number(task, "on");
    assert_true(lr >= 1e-4 && lr <= 1.0);
    assert_true(width >= 2.0 && width <= 9.0 && width == floor(width));
    assert_true(batch == 32.0 || batch == 64.0 || batch == 128.0);
    assert_non_null(act);
    assert_true(strcmp(act, "relu") == 0 || strcmp(act, "no") == 0);
    assert_true(on == 0.0 || on == 1.0);
    assert_int_equal(pbt_task_boolean(task, "on"), on == 1.0);
    /* of another type, or not there */
    assert_true(isnan(pbt_task_number(task, "act")));
    assert_null(pbt_task_text(task, "lr"));
    assert_null(pbt_task_text(task, "batch"));
    assert_null(pbt_task_text(task, "on"));
    assert_false(pbt_task_boolean(task, "lr"));
    assert_true(isnan(pbt_task_number(task, "rl")));
    assert_null(pbt_task_text(task, "rl"));
    assert_false(pbt_task_boolean(task, "rl"));
}

static void test_values_of_every_type(void **unused)
{
    (void)unused;
    static const char spec[] = "population: 8\n"
                               "steps: 30\n"
                               "ready: 5\n"
                               "space:\n"
                               "  lr: {type: log, low: 1e-4, high: 1}\n"
                               "  width: {type: integer, low: 2, high: 9}\n"
                               "  batch: {type: ordinal, values: [32, 64, 128]}\n"
                               "  act: {type: categorical, values: [relu, no]}\n"
                               "  on: {type: boolean}\n";
    struct pbt_study *const study = embed_open(NULL, spec, 1);
    struct pbt_task task;
    unsigned on = 0;
    unsigned tasks = 0;
    for (next(study, &task); task.id[0] != '\0'; next(study, &task), tasks++) {
        check_values(&task);
        on += pbt_task_boolean(&task, "on") ? 1 : 0;
        report(study, &task, embed_unit(task.seed));
        assert_true(isnan(pbt_task_number(&task, "lr"))); /* it is not out any longer */
        assert_null(pbt_task_text(&task, "act"));
    }
    assert_true(on > 0 && on < tasks);
    pbt_study_close(study);
}

/* -------- what is refused -------- */

static void test_wrong_specs_are_refused_with_line_and_column(void **unused)
{
    (void)unused;
    static const struct {
        const char *spec;
        const char *message; /* its beginning */
    } wrong[] = {
        {"population: 3\nsteps: 20\nspace:\n  lr: {type: log, low: 0, high: 1}\n", "spec:4:24: "},
        {"population: 3\nsteps: 20\npopulatoin: 4\n" SPACE "\n", "spec:3:1: "},
        {"population: many\nsteps: 20\n" SPACE "\n", "spec:1:13: "},
        {"population: 3\n  steps: [\n", "spec:"},
        {"population: 3\nsteps: 20\n", "spec:"},
        {"", "spec:"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct pbt_error err = {0};
        struct pbt_study *study = (struct pbt_study *)&err; /* anything but NULL */
        assert_int_equal(pbt_study_open(NULL, wrong[i].spec, NULL, &study, &err), PBT_ESPEC);
        assert_null(study);
        assert_int_equal(err.code, PBT_ESPEC);
        if (strncmp(err.message, wrong[i].message, strlen(wrong[i].message)) != 0) {
            fail_msg("\"%s\" does not begin with \"%s\"", err.message, wrong[i].message);
        }
    }
}

static void test_weights_to_start_from_are_the_programs_own(void **unused)
{
    (void)unused;
    struct pbt_error err = {0};
    struct pbt_study *study;
    assert_int_equal(
        pbt_study_open(NULL, "{population: 1, steps: 5, " SPACE ", initial: {checkpoint: /base}}",
                       NULL, &study, &err),
        PBT_ESPEC);
    assert_non_null(strstr(err.message, "initial.checkpoint is \"/base\""));
}

static void test_wrong_arguments_are_refused(void **unused)
{
    (void)unused;
    struct pbt_error err;
    struct pbt_study *study;
    struct pbt_study_opts opts = pbt_study_opts_default();
    assert_int_equal(pbt_study_open(NULL, NULL, NULL, &study, &err), PBT_EINVAL);
    opts.slots = 0;
    assert_int_equal(pbt_study_open(NULL, SMALL, &opts, &study, &err), PBT_EINVAL);
    opts.slots = 4097;
    assert_int_equal(pbt_study_open(NULL, SMALL, &opts, &study, &err), PBT_EINVAL);
    assert_string_equal(err.message, "slots is 4097, but must be from 1 to 4096");
    opts = (struct pbt_study_opts){.slots = 1};
    assert_int_equal(pbt_study_open(NULL, SMALL, &opts, &study, &err), PBT_EINVAL);
    assert_null(study);

    static double scores[4097];
    struct pbt_task task;
    study = embed_open(NULL, SMALL, 1);
    next(study, &task);
    assert_int_equal(pbt_study_report_scores(study, &task, scores, 0, &err), PBT_EINVAL);
    assert_int_equal(pbt_study_report_scores(study, &task, scores, 4097, &err), PBT_EINVAL);
    assert_int_equal(pbt_study_report_scores(study, &task, scores, 4096, &err), PBT_OK);
    assert_int_equal(pbt_study_report(study, &task, 1.0, NULL), PBT_EINVAL); /* err may be NULL */
    pbt_study_close(study);
}

/* -------- slots -------- */

static void test_a_generation_waits_for_all_of_its_members(void **unused)
{
    (void)unused;
    struct pbt_study *const study = embed_open(
        NULL, "{population: 4, steps: 10, ready: 5, strategy: {mode: generational}, " SPACE "}", 3);
    struct pbt_task task[4];
    struct pbt_task none;
    for (uint32_t i = 0; i < 3; i++) {
        next(study, &task[i]);
        assert_int_equal(task[i].member, i);
        assert_int_equal(task[i].slot, i);
    }
    next(study, &none); /* all slots are busy */
    assert_string_equal(none.id, "");
    report(study, &task[1], 1.0);
    next(study, &task[3]);
    assert_int_equal(task[3].member, 3);
    assert_int_equal(task[3].slot, 1);
    report(study, &task[0], 0.0);
    report(study, &task[3], 3.0);
    next(study, &none); /* two slots are free, but member 2 is still training */
    assert_string_equal(none.id, "");
    assert_false(pbt_study_is_over(study));
    report(study, &task[2], 2.0);
    for (uint32_t i = 0; i < 3; i++) {
        next(study, &task[i]);
        assert_int_equal(task[i].segment, 2);
    }
    assert_string_equal(task[0].from, "m3.s1.a1"); /* the worst copied the best */
    pbt_study_close(study);
}

/* A program of four threads. */
struct crowd {
    struct pbt_study *study;
    pthread_mutex_t lock;
    unsigned seen[16][21]; /* by member and segment */
    unsigned out, out_max;
    bool broken;
};

static void *crowd_member(void *context)
{
    struct crowd *const crowd = context;
    struct pbt_error err;
    struct pbt_task task;
    while (!pbt_study_is_over(crowd->study)) {
        if (pbt_study_next(crowd->study, &task, &err) != PBT_OK) { crowd->broken = true; }
        if (task.id[0] == '\0') { continue; }
        (void)pthread_mutex_lock(&crowd->lock);
        crowd->seen[task.member][task.segment]++;
        crowd->out++;
        crowd->out_max = crowd->out > crowd->out_max ? crowd->out : crowd->out_max;
        (void)pthread_mutex_unlock(&crowd->lock);
        double const lr = pbt_task_number(&task, "lr");
        (void)pthread_mutex_lock(&crowd->lock);
        crowd->broken = crowd->broken || !(lr >= 1e-4 && lr <= 1.0);
        crowd->out--;
        (void)pthread_mutex_unlock(&crowd->lock);
        struct pbt_best const best = pbt_study_best(crowd->study);
        double const score = isfinite(best.score) && best.score > lr ? best.score : lr;
        if (pbt_study_report(crowd->study, &task, score, &err) != PBT_OK) { crowd->broken = true; }
    }
    return NULL;
}

static void run_crowd(const char *mode)
{
    char spec[256];
    static struct crowd crowd;
    pthread_t threads[4];
    (void)snprintf(
        spec, sizeof spec,
        "{population: 16, steps: 100, max_age: 999, ready: 5, strategy: {mode: %s}, " SPACE "}",
        mode);
    crowd = (struct crowd){.study = embed_open(NULL, spec, 4)};
    (void)pthread_mutex_init(&crowd.lock, NULL);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, crowd_member, &crowd), 0);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_false(crowd.broken);
    assert_true(crowd.out_max >= 1 && crowd.out_max <= 4);
    for (int member = 0; member < 16; member++) {
        for (int segment = 1; segment <= 20; segment++) {
            assert_int_equal(crowd.seen[member][segment], 1);
        }
    }
    pbt_study_close(crowd.study);
    (void)pthread_mutex_destroy(&crowd.lock);
}

static void test_four_threads_share_a_study(void **unused)
{
    (void)unused;
    run_crowd("async");
    run_crowd("generational");
}

/* Looks at a study all the time, and remembers how long it had to wait at most. */
struct visitor {
    struct pbt_study *study;
    atomic_bool stop;
    _Atomic double began;   /* the look that lasts */
    _Atomic double longest; /* of those that are over, in seconds */
};

static double seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void *visit(void *context)
{
    struct visitor *const visitor = context;
    while (!atomic_load(&visitor->stop)) {
        double const since = seconds();
        atomic_store(&visitor->began, since);
        (void)pbt_study_best(visitor->study);
        double const took = seconds() - since;
        if (took > atomic_load(&visitor->longest)) { atomic_store(&visitor->longest, took); }
    }
    return NULL;
}

/* The longest look as a share of a call that makes a proposal; the least of some calls, since the
 * visitor may have to wait for a processor, too. */
static double share_waited(struct visitor *visitor)
{
    double least = INFINITY;
    struct pbt_task task;
    for (int i = 0; i < 8; i++) {
        atomic_store(&visitor->longest, 0.0);
        double const since = seconds();
        next(visitor->study, &task);
        double const lasts = seconds() - atomic_load(&visitor->began);
        double const longest = fmax(lasts, atomic_load(&visitor->longest));
        double const share = longest / (seconds() - since);
        least = share < least ? share : least;
        report(visitor->study, &task, pbt_task_number(&task, "lr"));
    }
    return least;
}

static void test_a_proposal_is_made_without_the_lock(void **unused)
{
    (void)unused;
    if (!PBT_HAVE_BAYES) { skip(); }
    struct visitor visitor = {.study = embed_open(NULL,
                                                  "{population: 310, steps: 1, ready: 1, " SPACE
                                                  ", strategy: {name: bayes, initial: 300}}",
                                                  1)};
    pthread_t thread;
    struct pbt_task task;
    for (int i = 0; i < 300; i++) {
        next(visitor.study, &task);
        report(visitor.study, &task, pbt_task_number(&task, "lr"));
    }
    assert_int_equal(pthread_create(&thread, NULL, visit, &visitor), 0);
    double const share = share_waited(&visitor);
    atomic_store(&visitor.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(share < 0.5);
    pbt_study_close(visitor.study);
}

/* -------- checkpoints -------- */

/* A study whose program keeps the sum of steps and compares it with the age that is handed over. */
static void run_with_shelf(const char *spec, uint32_t slots, bool fails, unsigned alive_max)
{
    static struct embed_shelf shelf;
    struct pbt_error err;
    struct pbt_study *study = NULL;
    struct pbt_study_opts opts = pbt_study_opts_default();
    memset(&shelf, 0, sizeof shelf);
    opts.slots = slots;
    opts.forget = embed_shelf_forget;
    opts.context = &shelf;
    assert_int_equal(pbt_study_open(NULL, spec, &opts, &study, &err), PBT_OK);
    struct pbt_task out[8];
    uint32_t count = 0;
    for (uint64_t turn = 0; !pbt_study_is_over(study); turn++) {
        struct pbt_task task;
        next(study, &task);
        if (task.id[0] != '\0') { out[count++] = task; }
        if (count == 0 || (task.id[0] != '\0' && count < slots)) { continue; }
        uint32_t const which = (uint32_t)(embed_unit(turn) * count); /* in any order */
        task = out[which];
        out[which] = out[--count];
        double weights = 0.0;
        if (task.from[0] != '\0') {
            weights = shelf.item[embed_shelf_find(&shelf, task.from)].weights;
        }
        assert_true(weights == (double)task.age);
        if (fails && embed_unit(task.seed + task.attempt) < 0.3) {
            fail_task(study, &task, "bad luck");
            continue;
        }
        embed_shelf_put(&shelf, task.id, weights + (double)task.steps);
        report(study, &task, embed_unit(task.seed * 3));
        assert_true(embed_shelf_alive(&shelf) <= alive_max);
    }
    struct pbt_best const best = pbt_study_best(study);
    if (strstr(spec, "keep: final") == NULL) { /* rule 14 */
        unsigned const place = embed_shelf_find(&shelf, best.id);
        assert_true(shelf.item[place].weights == (double)best.age);
    }
    pbt_study_close(study);
    assert_true(shelf.count > 20);
    assert_true(embed_shelf_alive(&shelf) <= alive_max);
}

#define WORK "population: 8, steps: 60, ready: 5, " SPACE

static void test_forget_tells_of_each_checkpoint_once(void **unused)
{
    (void)unused;
    static const char generational[] = "{" WORK ", strategy: {mode: generational}}";
    static const char top[] = "{" WORK ", keep: {top: 3}}";
    static const char tournament[] = "{" WORK ", strategy: {exploit: tournament}}";
    run_with_shelf("{" WORK "}", 1, false, 9);
    run_with_shelf("{" WORK "}", 5, true, 9);
    run_with_shelf(generational, 1, false, 9);
    run_with_shelf(generational, 5, true, 9);
    run_with_shelf(top, 3, true, 11);
    run_with_shelf(tournament, 3, true, 9);
    run_with_shelf("{" WORK ", keep: final}", 3, true, 8);
}

static void test_nothing_is_forgotten_when_all_is_kept(void **unused)
{
    (void)unused;
    run_with_shelf("{" WORK ", keep: all}", 2, false, EMBED_SHELF_MAX);
}

/* -------- failures -------- */

static void test_a_failed_task_is_tried_again_with_its_seed(void **unused)
{
    (void)unused;
    struct pbt_study *const study = embed_open(
        NULL, "{population: 1, steps: 10, ready: 5, trainer: {retries: 2}, " SPACE "}", 1);
    struct pbt_task task;
    uint64_t seed = 0;
    double lr = 0.0;
    for (uint32_t attempt = 1; attempt <= 3; attempt++) {
        next(study, &task);
        assert_int_equal(task.segment, 1);
        assert_int_equal(task.attempt, attempt);
        if (attempt > 1) {
            assert_true(task.seed == seed);
            assert_true(pbt_task_number(&task, "lr") == lr);
        }
        seed = task.seed;
        lr = pbt_task_number(&task, "lr");
        fail_task(study, &task, "cannot");
    }
    assert_true(pbt_study_is_over(study)); /* nobody is left alive */
    assert_string_equal(pbt_study_best(study).id, "");
    assert_true(isnan(pbt_study_best(study).score));
    next(study, &task);
    assert_string_equal(task.id, "");
    pbt_study_close(study);
}

static void test_a_failed_member_starts_again_from_another(void **unused)
{
    (void)unused;
    struct pbt_study *const study = embed_open(
        NULL, "{population: 2, steps: 10, ready: 5, trainer: {retries: 0}, " SPACE "}", 1);
    struct pbt_task task;
    next(study, &task);
    assert_int_equal(task.member, 0);
    fail_task(study, &task, "");
    next(study, &task);
    assert_int_equal(task.member, 1);
    report(study, &task, 1.0);
    next(study, &task);
    assert_int_equal(task.member, 0);
    assert_string_equal(task.from, "m1.s1.a1");
    assert_int_equal(task.age, 5);
    pbt_study_close(study);
}

/* -------- scores -------- */

static void test_scores_that_are_not_finite_are_worst(void **unused)
{
    (void)unused;
    static const double scores[] = {NAN, INFINITY, 5.0, -INFINITY};
    struct pbt_study *const study =
        embed_open(NULL,
                   "{population: 4, steps: 10, ready: 5, score: {goal: minimize}, " SPACE
                   ", strategy: {mode: generational, exploit: {name: truncation, quantile: 0.5}}}",
                   1);
    struct pbt_task task;
    for (int i = 0; i < 4; i++) {
        next(study, &task);
        report(study, &task, scores[task.member]);
    }
    assert_string_equal(pbt_study_best(study).id, "m2.s1.a1");
    assert_true(pbt_study_best(study).score == 5.0);
    for (int i = 0; i < 4; i++) {
        next(study, &task);
        if (task.member == 1 || task.member == 3) { assert_string_equal(task.from, "m2.s1.a1"); }
        report(study, &task, NAN);
    }
    assert_true(pbt_study_is_over(study));
    assert_true(pbt_study_best(study).score == 5.0);
    pbt_study_close(study);
}

static void test_lists_of_scores_are_reduced(void **unused)
{
    (void)unused;
    struct pbt_study *const study = embed_open(
        NULL, "{population: 1, steps: 5, score: {reduce: {mean: 2}}, ready: 5, " SPACE "}", 1);
    static const double scores[] = {100.0, 1.0, 2.0};
    struct pbt_task task;
    next(study, &task);
    assert_int_equal(pbt_study_report_scores(study, &task, scores, 3, NULL), PBT_OK);
    assert_true(pbt_study_best(study).score == 1.5);
    pbt_study_close(study);
}

static void test_a_target_ends_the_study(void **unused)
{
    (void)unused;
    struct pbt_study *const study = embed_open(
        NULL, "{population: 3, steps: 100, ready: 5, score: {target: 0.9}, " SPACE "}", 2);
    struct pbt_task first;
    struct pbt_task second;
    next(study, &first);
    next(study, &second);
    report(study, &first, 0.95);
    assert_true(pbt_study_is_over(study));
    report(study, &second, 0.99); /* it was out: nobody's any longer, and no error */
    assert_true(pbt_study_best(study).score == 0.95);
    next(study, &first);
    assert_string_equal(first.id, "");
    pbt_study_close(study);
}

static void test_its_time_ends_the_study(void **unused)
{
    (void)unused;
    struct pbt_study *const study = embed_open(
        NULL, "{population: 3, steps: 100, ready: 5, stop: {hours: 5e-5}, " SPACE "}", 2);
    struct pbt_task first;
    struct pbt_task second;
    next(study, &first);
    assert_string_not_equal(first.id, "");
    assert_int_equal(usleep(200000), 0); /* of 180 ms */
    next(study, &second);
    assert_string_equal(second.id, "");
    assert_true(pbt_study_is_over(study));
    report(study, &first, 1.0);
    pbt_study_close(study);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ask_and_tell_until_the_budget_is_used),
        cmocka_unit_test(test_a_slot_may_keep_what_it_trained),
        cmocka_unit_test(test_a_task_is_reported_once),
        cmocka_unit_test(test_two_studies_at_once),
        cmocka_unit_test(test_the_same_answers_give_the_same_study),
        cmocka_unit_test(test_values_of_every_type),
        cmocka_unit_test(test_wrong_specs_are_refused_with_line_and_column),
        cmocka_unit_test(test_weights_to_start_from_are_the_programs_own),
        cmocka_unit_test(test_wrong_arguments_are_refused),
        cmocka_unit_test(test_a_generation_waits_for_all_of_its_members),
        cmocka_unit_test(test_four_threads_share_a_study),
        cmocka_unit_test(test_a_proposal_is_made_without_the_lock),
        cmocka_unit_test(test_forget_tells_of_each_checkpoint_once),
        cmocka_unit_test(test_nothing_is_forgotten_when_all_is_kept),
        cmocka_unit_test(test_a_failed_task_is_tried_again_with_its_seed),
        cmocka_unit_test(test_a_failed_member_starts_again_from_another),
        cmocka_unit_test(test_scores_that_are_not_finite_are_worst),
        cmocka_unit_test(test_lists_of_scores_are_reduced),
        cmocka_unit_test(test_a_target_ends_the_study),
        cmocka_unit_test(test_its_time_ends_the_study),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
