/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/embed_run.c - pbt_study_run(): a table of functions, run on a thread a slot.
 *
 * A small program on top of ask and tell, with the checkpoint store. The threads share one struct
 * run; whichever fails first writes its error there, and all leave after the task they have.
 */
#include "worker/embed.h"

#include "base/fail.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* One call of pbt_study_run(). */
struct run {
    struct pbt_study *study;
    const struct pbt_trainer_vtab *trainer;
    void *context;
    struct pbt_error *err;
    pbt_status status; /* the first failure; under the study's lock */
};

/* One slot of it. */
struct lane {
    struct run *run;
    uint32_t slot;
    pthread_t thread;
    void *model;
    char held[PBT_ID_MAX]; /* whose weights the model is; "" = nobody's */
};

/* How a task went. */
struct ended {
    uint8_t outcome; /* enum pbti_outcome */
    double score;
    struct pbti_stored stored;
    uint32_t load_ms, train_ms, save_ms;
    char message[PBTI_MESSAGE_MAX];
};

static void end_run(struct run *run, pbt_status status, const struct pbt_error *why)
{
    (void)pthread_mutex_lock(&run->study->lock);
    if (run->status == PBT_OK) {
        run->status = status;
        if (run->err != NULL) { *run->err = *why; }
    }
    (void)pthread_cond_broadcast(&run->study->moved);
    (void)pthread_mutex_unlock(&run->study->lock);
}

/* The next task of a slot, when there is one; false: the run is over. */
static bool await_task(struct run *run, uint32_t slot, struct pbt_task *task)
{
    struct pbt_study *const study = run->study;
    struct pbt_error why = {0};
    pbt_status status = PBT_OK;
    (void)pthread_mutex_lock(&study->lock);
    while (run->status == PBT_OK) {
        status = pbti_embed_ask(study, slot, slot, task, &why);
        if (status != PBT_OK || task->id[0] != '\0' || pbti_agent_done(study->agent)) { break; }
        struct timespec until;
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += 1; /* another process may have moved the study on */
        (void)pthread_cond_timedwait(&study->moved, &study->lock, &until);
    }
    bool const ended = run->status != PBT_OK;
    (void)pthread_mutex_unlock(&study->lock);
    if (ended) { return false; }
    if (status != PBT_OK) { end_run(run, status, &why); }
    return status == PBT_OK && task->id[0] != '\0';
}

/* -------- one task -------- */

/* Milliseconds since `*since`, which becomes now. */
static uint32_t lap_ms(struct timespec *since)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t const ms =
        (int64_t)(now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
    *since = now;
    return ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

static bool fail_call(struct ended *ended, const char *what, int number)
{
    ended->outcome = PBTI_OUTCOME_ERROR;
    (void)snprintf(ended->message, sizeof ended->message, "%s returned %d", what, number);
    return false;
}

static bool fail_store(struct ended *ended, const struct pbt_error *why)
{
    ended->outcome = PBTI_OUTCOME_CHECKPOINT;
    (void)snprintf(ended->message, sizeof ended->message, "%s", why->message);
    return false;
}

/* Make the model what the task starts from. */
static bool load(struct lane *lane, const struct pbt_task *task, struct ended *ended)
{
    struct run *const run = lane->run;
    struct pbt_error why = {0};
    char path[PATH_MAX];
    bool const is_there = task->from[0] == '\0' || strcmp(lane->held, task->from) == 0;
    lane->held[0] = '\0'; /* until it is saved */
    if (is_there) { return true; }
    struct pbti_checkpoint const from = run->study->slots[task->slot].from;
    if (pbti_store_path(run->study->store, from, path, &why) != PBT_OK) {
        return fail_store(ended, &why);
    }
    int const number = run->trainer->load(run->context, lane->model, path);
    return number == 0 || fail_call(ended, "load", number);
}

static bool save(struct lane *lane, const struct pbt_task *task, struct ended *ended)
{
    struct run *const run = lane->run;
    struct pbti_store *const store = run->study->store;
    struct pbti_checkpoint const to = run->study->slots[task->slot].save;
    struct pbt_error why = {0};
    char path[PATH_MAX];
    if (pbti_store_prepare(store, to, path, &why) != PBT_OK) { return fail_store(ended, &why); }
    int const number = run->trainer->save(run->context, lane->model, path);
    if (number != 0) { return fail_call(ended, "save", number); }
    if (pbti_store_publish(store, to, &ended->stored, &why) != PBT_OK) {
        return fail_store(ended, &why);
    }
    memcpy(lane->held, task->id, sizeof lane->held);
    return true;
}

/* Load, train, save. */
static bool run_task(struct lane *lane, const struct pbt_task *task, struct ended *ended)
{
    struct run *const run = lane->run;
    struct timespec since;
    (void)clock_gettime(CLOCK_MONOTONIC, &since);
    if (!load(lane, task, ended)) { return false; }
    ended->load_ms = lap_ms(&since);
    int const number = run->trainer->train(run->context, lane->model, task, &ended->score);
    if (number != 0) { return fail_call(ended, "train", number); }
    ended->train_ms = lap_ms(&since);
    if (!save(lane, task, ended)) { return false; }
    ended->save_ms = lap_ms(&since);
    return true;
}

static pbt_status report(struct run *run, const struct pbt_task *task, bool done,
                         const struct ended *ended, struct pbt_error *err)
{
    struct pbti_result const result = {
        .outcome = ended->outcome,
        .held = done,
        .scores = &ended->score,
        .scores_count = done ? 1 : 0,
        .files = ended->stored.files,
        .bytes = ended->stored.bytes,
        .hash = ended->stored.hash,
        .load_ms = ended->load_ms,
        .train_ms = ended->train_ms,
        .save_ms = ended->save_ms,
        .message = {ended->message, strlen(ended->message)},
    };
    return pbti_embed_tell(run->study, task, result, err);
}

/* -------- the threads -------- */

static void *lane_thread(void *context)
{
    struct lane *const lane = context;
    struct run *const run = lane->run;
    struct pbt_error why = {0};
    struct pbt_task task;
    int const number = run->trainer->create(run->context, lane->slot, &lane->model);
    if (number != 0) {
        end_run(run, PBTI_FAIL(&why, PBT_EUSER, number, "create returned %d", number), &why);
        return NULL;
    }
    while (await_task(run, lane->slot, &task)) {
        struct ended ended = {.outcome = PBTI_OUTCOME_DONE, .score = NAN};
        bool const done = run_task(lane, &task, &ended);
        pbt_status const status = report(run, &task, done, &ended, &why);
        if (status != PBT_OK) { end_run(run, status, &why); }
    }
    run->trainer->destroy(run->context, lane->model);
    return NULL;
}

static void run_lanes(struct run *run, struct lane *lanes, uint32_t count)
{
    uint32_t started = 0;
    while (started < count) {
        struct lane *const lane = &lanes[started];
        *lane = (struct lane){.run = run, .slot = started};
        int const number = pthread_create(&lane->thread, NULL, lane_thread, lane);
        if (number != 0) {
            struct pbt_error why = {0};
            end_run(run, PBTI_FAIL(&why, PBT_ENOMEM, number, "no thread: %s", strerror(number)),
                    &why);
            break;
        }
        started++;
    }
    for (uint32_t i = 0; i < started; i++) {
        (void)pthread_join(lanes[i].thread, NULL);
    }
}

/* Delete what a program that was killed left in the folder: list first, then take its claims away
 * (poll), then see what the state still names. */
static pbt_status sweep(struct pbt_study *study, struct pbt_error *err)
{
    struct pbti_store_listing listing;
    PBTI_TRY(pbti_store_list(study->store, false, &listing, err));
    (void)pthread_mutex_lock(&study->lock);
    pbt_status const status = pbti_agent_poll(study->agent, err);
    if (status == PBT_OK) {
        (void)pbti_store_sweep(study->store, &listing, pbti_follower_state(study->follower));
    }
    (void)pthread_mutex_unlock(&study->lock);
    free(listing.items);
    return status;
}

pbt_status pbt_study_run(struct pbt_study *study, const struct pbt_trainer_vtab *trainer,
                         void *context, struct pbt_error *err)
{
    if (study->dir == NULL) {
        return PBTI_FAIL(err, PBT_EINVAL, 0,
                         "a study in memory cannot keep checkpoints: open it with a folder");
    }
    if (trainer->version != 1) {
        return PBTI_FAIL(err, PBT_EINVAL, 0, "trainer table version %d is not known; 1 is",
                         trainer->version);
    }
    PBTI_TRY(pbti_store_open(study->dir, study->spec->sync_full, true, &study->store, err));
    struct run run = {study, trainer, context, err, PBT_OK};
    struct lane *const lanes = calloc(study->opts.slots, sizeof *lanes);
    run.status = lanes == NULL ? PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory") : sweep(study, err);
    if (run.status == PBT_OK) { run_lanes(&run, lanes, study->opts.slots); }
    free(lanes);
    pbti_store_close(study->store);
    study->store = NULL;
    return run.status;
}
