/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/worker/test_embed_run.c - the C API's second door: pbt_study_run() on a toy table of
 * functions.
 *
 * Protects rules 1 (a clone is its donor's checkpoint), 11 (the same study with 1 slot and with 4),
 * 12 (killed in the middle) and 14 (the best is kept), and the order of calls that pbt/study.h
 * promises. The threads are the library's: pthread_create() in worker/embed_run.c.
 */
#include "worker/embed_lab.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MEMBERS 6
#define SEGMENTS 8
#define SPEC(more)                                                                                 \
    "{population: 6, steps: 40, max_age: 999, ready: 5, sync: normal, " more                       \
    "space: {lr: {type: log, low: 1e-4, high: 1}}}"

static char folder[4096];

static int setup(void **unused)
{
    (void)unused;
    embed_folder_make(folder);
    return 0;
}

static int teardown(void **unused)
{
    (void)unused;
    embed_folder_remove(folder);
    return 0;
}

/* -------- the toy -------- */

struct model {
    char id[PBT_ID_MAX]; /* whose weights these are; "" = fresh or unsaved */
    uint64_t age;
    double weights; /* a digest of every segment that made them */
};

struct line { /* of the record: one segment that was trained */
    double lr, weights;
    uint64_t age;
    unsigned times;
};

struct toy {
    pthread_mutex_t lock;
    struct line line[MEMBERS][SEGMENTS + 1];
    unsigned creates, destroys, trains, saves, loads;
    bool broken; /* a promise was */
    /* which call fails: its number from 1 on, 0 = none; and with what */
    unsigned fail_create, fail_train, fail_save, fail_load;
    unsigned die_at; /* this call of train kills the process */
};

static int count(struct toy *toy, unsigned *calls, unsigned failing)
{
    (void)pthread_mutex_lock(&toy->lock);
    unsigned const number = ++*calls;
    bool const dies = calls == &toy->trains && number == toy->die_at;
    (void)pthread_mutex_unlock(&toy->lock);
    if (dies) { (void)raise(SIGKILL); }
    return number == failing ? 7 : 0;
}

static void check(struct toy *toy, bool kept)
{
    (void)pthread_mutex_lock(&toy->lock);
    toy->broken = toy->broken || !kept;
    (void)pthread_mutex_unlock(&toy->lock);
}

static int toy_create(void *context, uint32_t slot, void **model)
{
    struct toy *const toy = context;
    check(toy, slot < 4);
    int const failed = count(toy, &toy->creates, toy->fail_create);
    if (failed != 0) { return failed; }
    *model = calloc(1, sizeof(struct model));
    return *model == NULL ? ENOMEM : 0;
}

static int toy_train(void *context, void *model, const struct pbt_task *task, double *score)
{
    struct toy *const toy = context;
    struct model *const m = model;
    int const failed = count(toy, &toy->trains, toy->fail_train);
    if (task->from[0] == '\0') { *m = (struct model){.id = ""}; }
    check(toy, strcmp(m->id, task->from) == 0 && m->age == task->age);
    double const lr = pbt_task_number(task, "lr");
    m->weights = m->weights * 0.5 + lr + embed_unit(task->seed);
    m->age += task->steps;
    memcpy(m->id, task->id, sizeof m->id);
    *score = m->weights;
    if (failed != 0) { return failed; }
    (void)pthread_mutex_lock(&toy->lock);
    struct line *const line = &toy->line[task->member][task->segment];
    *line = (struct line){lr, m->weights, m->age, line->times + 1};
    (void)pthread_mutex_unlock(&toy->lock);
    return 0;
}

static int toy_save(void *context, void *model, const char *directory)
{
    struct toy *const toy = context;
    const struct model *const m = model;
    char path[8192];
    int const failed = count(toy, &toy->saves, toy->fail_save);
    (void)snprintf(path, sizeof path, "%s/weights", directory);
    FILE *const file = fopen(path, "wx"); /* the directory is empty */
    if (file == NULL) { return errno; }
    size_t const written = fwrite(m, sizeof *m, 1, file);
    return fclose(file) == 0 && written == 1 ? failed : EIO;
}

static int toy_load(void *context, void *model, const char *directory)
{
    struct toy *const toy = context;
    struct model *const m = model;
    char path[8192];
    int const failed = count(toy, &toy->loads, toy->fail_load);
    (void)snprintf(path, sizeof path, "%s/weights", directory);
    FILE *const file = fopen(path, "r");
    if (file == NULL) { return errno; }
    size_t const got = fread(m, sizeof *m, 1, file);
    (void)fclose(file);
    const char *const name = strrchr(directory, '/');
    check(toy, directory[0] == '/' && name != NULL && strcmp(name + 1, m->id) == 0);
    return got == 1 ? failed : EIO;
}

static void toy_destroy(void *context, void *model)
{
    struct toy *const toy = context;
    (void)count(toy, &toy->destroys, 0);
    free(model);
}

static const struct pbt_trainer_vtab table = {.version = 1,
                                              .create = toy_create,
                                              .train = toy_train,
                                              .save = toy_save,
                                              .load = toy_load,
                                              .destroy = toy_destroy};

static struct toy *new_toy(void)
{
    struct toy *const toy = calloc(1, sizeof *toy);
    assert_non_null(toy);
    (void)pthread_mutex_init(&toy->lock, NULL);
    return toy;
}

static void free_toy(struct toy *toy)
{
    (void)pthread_mutex_destroy(&toy->lock);
    free(toy);
}

static void run(struct toy *toy, const char *spec, uint32_t slots)
{
    struct pbt_error err;
    struct pbt_study *const study = embed_open(folder, spec, slots);
    if (pbt_study_run(study, &table, toy, &err) != PBT_OK) { fail_msg("%s", err.message); }
    assert_true(pbt_study_is_over(study));
    assert_false(toy->broken);
    assert_int_equal(toy->creates, toy->destroys);
    pbt_study_close(study);
}

/* Every segment was trained, and `again` of them once more. */
static void check_complete(const struct toy *toy, unsigned again)
{
    unsigned times = 0;
    for (int member = 0; member < MEMBERS; member++) {
        for (int segment = 1; segment <= SEGMENTS; segment++) {
            assert_true(toy->line[member][segment].times >= 1);
            times += toy->line[member][segment].times;
        }
    }
    assert_int_equal(times, MEMBERS * SEGMENTS + again);
}

/* -------- to the end -------- */

static void test_a_study_runs_to_its_end(void **unused)
{
    (void)unused;
    struct toy *const toy = new_toy();
    run(toy, SPEC(""), 1);
    assert_int_equal(toy->creates, 1);
    assert_int_equal(toy->trains, MEMBERS * SEGMENTS);
    assert_int_equal(toy->saves, MEMBERS * SEGMENTS);
    check_complete(toy, 0);
    /* what members start from and the best, nothing else */
    assert_true(embed_folder_count(folder, "checkpoints") <= MEMBERS + 1);
    struct pbt_study *const study = embed_open(folder, NULL, 1);
    struct pbt_best const best = pbt_study_best(study);
    char path[8192];
    (void)snprintf(path, sizeof path, "%s/checkpoints/%s/weights", folder, best.id);
    FILE *const file = fopen(path, "r");
    assert_non_null(file);
    struct model model;
    assert_int_equal(fread(&model, sizeof model, 1, file), 1);
    assert_int_equal(fclose(file), 0);
    assert_string_equal(model.id, best.id);
    assert_true(model.weights == best.score);
    assert_int_equal(model.age, best.age);
    pbt_study_close(study);
    free_toy(toy);
}

static void test_four_slots_run_at_once(void **unused)
{
    (void)unused;
    struct toy *const toy = new_toy();
    run(toy, SPEC(""), 4);
    assert_int_equal(toy->creates, 4);
    check_complete(toy, 0);
    free_toy(toy);
}

static void test_what_the_model_is_already_is_not_loaded(void **unused)
{
    (void)unused;
    struct toy *const toy = new_toy();
    run(toy, "{population: 1, steps: 40, ready: 5, space: {lr: {type: log, low: 1e-4, high: 1}}}",
        1);
    assert_int_equal(toy->trains, SEGMENTS);
    assert_int_equal(toy->loads, 0);
    free_toy(toy);
}

static void test_generations_are_the_same_with_one_slot_and_with_four(void **unused)
{
    (void)unused;
    static const char spec[] = SPEC("strategy: {mode: generational}, ");
    struct toy *const one = new_toy();
    struct toy *const four = new_toy();
    run(one, spec, 1);
    embed_folder_remove(folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    run(four, spec, 4);
    for (int member = 0; member < MEMBERS; member++) {
        for (int segment = 1; segment <= SEGMENTS; segment++) {
            const struct line *const a = &one->line[member][segment];
            const struct line *const b = &four->line[member][segment];
            assert_true(a->lr == b->lr && a->weights == b->weights && a->age == b->age);
        }
    }
    free_toy(one);
    free_toy(four);
}

/* -------- failures -------- */

static void test_a_failed_call_is_tried_again(void **unused)
{
    (void)unused;
    struct toy *const toy = new_toy();
    toy->fail_train = 5;
    toy->fail_save = 11;
    toy->fail_load = 3;
    run(toy, SPEC(""), 1);
    check_complete(toy, 1); /* what could not be saved */
    assert_int_equal(toy->trains, MEMBERS * SEGMENTS + 2);
    assert_int_equal(toy->saves, MEMBERS * SEGMENTS + 1);
    assert_true(embed_folder_count(folder, "checkpoints") <= MEMBERS + 1);
    free_toy(toy);
}

static void test_a_model_that_cannot_be_made_ends_the_run(void **unused)
{
    (void)unused;
    struct pbt_error err = {0};
    struct toy *const toy = new_toy();
    struct pbt_study *const study = embed_open(folder, SPEC(""), 3);
    toy->fail_create = 2;
    assert_int_equal(pbt_study_run(study, &table, toy, &err), PBT_EUSER);
    assert_int_equal(err.detail, 7);
    assert_string_equal(err.message, "create returned 7");
    assert_int_equal(toy->creates, 3);
    assert_int_equal(toy->destroys, 2);
    assert_false(pbt_study_is_over(study));
    /* the study is whole: another try finishes it, with models that hold nothing yet */
    if (pbt_study_run(study, &table, toy, &err) != PBT_OK) { fail_msg("%s", err.message); }
    assert_true(pbt_study_is_over(study));
    assert_false(toy->broken);
    check_complete(toy, 0);
    pbt_study_close(study);
    free_toy(toy);
}

static void test_what_cannot_run_is_refused(void **unused)
{
    (void)unused;
    struct pbt_error err;
    struct toy *const toy = new_toy();
    struct pbt_study *study = embed_open(NULL, SPEC(""), 1);
    assert_int_equal(pbt_study_run(study, &table, toy, &err), PBT_EINVAL);
    pbt_study_close(study);
    study = embed_open(folder, SPEC(""), 1);
    struct pbt_trainer_vtab later = table;
    later.version = 2;
    assert_int_equal(pbt_study_run(study, &later, toy, &err), PBT_EINVAL);
    assert_string_equal(err.message, "trainer table version 2 is not known; 1 is");
    assert_int_equal(toy->creates, 0);
    pbt_study_close(study);
    free_toy(toy);
}

/* -------- death -------- */

/* Run in a child that is killed in its n-th training. */
static void run_and_die(unsigned at)
{
    int status;
    (void)fflush(NULL);
    pid_t const pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct toy *const toy = new_toy();
        struct pbt_study *study;
        struct pbt_error err;
        struct pbt_study_opts opts = pbt_study_opts_default();
        opts.slots = 2;
        toy->die_at = at;
        if (pbt_study_open(folder, SPEC(""), &opts, &study, &err) != PBT_OK) { _exit(1); }
        _exit(pbt_study_run(study, &table, toy, &err) == PBT_OK ? 2 : 3);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void test_a_killed_run_goes_on(void **unused)
{
    (void)unused;
    for (unsigned at = 1; at < 12; at += 2) {
        run_and_die(at);
    }
    struct toy *const toy = new_toy();
    run(toy, NULL, 2);
    assert_true(toy->trains < MEMBERS * SEGMENTS); /* some of it was done before */
    /* what the killed ones left is gone */
    assert_true(embed_folder_count(folder, "checkpoints") <= MEMBERS + 1);
    free_toy(toy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_study_runs_to_its_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_four_slots_run_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_the_model_is_already_is_not_loaded, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_generations_are_the_same_with_one_slot_and_with_four,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_failed_call_is_tried_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_model_that_cannot_be_made_ends_the_run, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_what_cannot_run_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_killed_run_goes_on, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
