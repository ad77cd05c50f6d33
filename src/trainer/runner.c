/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainer/runner.c - one place where a trainer runs. See runner.h.
 *
 *     EMPTY --start--> STARTING --every rank said hello--> BUSY --done--> READY --start--> BUSY
 *                         |                                 |               |
 *                         `-----------------failed, stopped, ended----------+--> ENDING --> EMPTY
 *
 * A one_shot trainer goes EMPTY -> BUSY -> EMPTY: its result is read when it has ended.
 *
 * A failure is noted when it is seen (the first one counts), then the trainer is stopped, and the
 * answer is given when the shim has been reaped. A trainer that closes its connection has LINGER_MS
 * to end by itself, so that a crash is told as a crash.
 */
#include "trainer/runner.h"

#include "base/fail.h"
#include "trainer/child.h"
#include "trainer/oneshot.h"
#include "trainer/trainer_socket.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINGER_MS 2000
#define NEVER UINT64_MAX
#define LOOK_MS 1000 /* at least so often it is looked at the limits */
#define GAP_MS 500   /* a timer that is later than this was not late by load alone */

enum runner_phase { EMPTY, STARTING, READY, BUSY, ENDING };

struct pbti_runner {
    struct pbti_runner_opts opts;
    char *gpus;
    struct pbti_trainer_log *log;
    struct pbti_child *child;
    struct pbti_trainer_socket *talk;
    uv_timer_t timer; /* the nearest limit, or 0: deliver() is owed */
    uv_timer_t soon;
    int handles;
    enum runner_phase phase;

    uint32_t tasks; /* started so far */
    bool has_task;
    bool failed;    /* answer.outcome and the message are those of a failure */
    bool answering; /* an answer is to be given as soon as the trainer has ended */
    bool stopping;  /* `stopped` is to be called when the trainer has ended */
    bool exit_sent;
    bool loads_only; /* this trainer cannot go on from its memory */
    bool usable;
    struct pbti_task task; /* without load and save; values point into the next */
    double values[PBTI_HP_MAX];
    char task_name[PBTI_TASK_NAME_MAX];
    char *line; /* the train message; owned */
    size_t line_size;

    struct pbti_message done; /* the answer borrows from it */
    char *metrics;
    json_t *progress; /* metrics of the last progress, owned */
    char message[PBTI_MESSAGE_MAX];
    struct pbti_result result;
    uint64_t step;

    char result_path[PBTI_SOCKET_PATH_MAX]; /* one_shot */
    struct pbti_last_line last_line;

    /* loop times, ms */
    uint64_t launched, ordered, progressed, heard;
    uint64_t linger_until; /* a rank has closed its connection; 0: none has */
    uint64_t due;          /* when the timer is to fire */
};

static const struct pbti_trainer *trainer_of(const struct pbti_runner *runner)
{
    return &runner->opts.launch->spec->trainer;
}

static bool is_oneshot(const struct pbti_runner *runner)
{
    return trainer_of(runner)->kind == PBTI_TRAINER_ONE_SHOT;
}

static uint64_t now(const struct pbti_runner *runner)
{
    return uv_now(runner->opts.loop);
}

static uint32_t elapsed(uint64_t from, uint64_t to)
{
    uint64_t const ms = to > from ? to - from : 0;
    return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

static uint64_t after(uint64_t from, uint64_t limit)
{
    return limit > 0 && limit < NEVER - from ? from + limit : NEVER;
}

/* -------- answering -------- */

static void on_soon(uv_timer_t *timer);
static void begin_trainer(struct pbti_runner *runner, const struct pbti_task *task);

/* Callbacks go out from the loop: see runner.h, 3. */
static void deliver_soon(struct pbti_runner *runner)
{
    (void)uv_timer_start(&runner->soon, on_soon, 0, 0);
}

static void answer_now(struct pbti_runner *runner)
{
    runner->has_task = runner->answering = runner->failed = false;
    runner->result.message = (struct pbti_text){runner->message, strlen(runner->message)};
    runner->result.stuck = !runner->usable;
    runner->opts.finished(runner->opts.context, &runner->result);
}

static void on_soon(uv_timer_t *timer)
{
    struct pbti_runner *const runner = timer->data;
    if (runner->child != NULL && runner->phase == ENDING) { return; } /* when it has ended */
    if (runner->stopping) {
        runner->stopping = runner->has_task = runner->answering = runner->failed = false;
        runner->opts.stopped(runner->opts.context, runner->usable);
    } else if (runner->answering) {
        answer_now(runner);
    } else if (runner->has_task && runner->phase == EMPTY) {
        begin_trainer(runner, NULL);
    }
}

/* -------- ending a trainer -------- */

static void close_talk(struct pbti_runner *runner)
{
    pbti_trainer_socket_close(runner->talk);
    runner->talk = NULL;
}

/* Whatever comes from the trainer from now on is not heard. */
static void end_trainer(struct pbti_runner *runner)
{
    close_talk(runner);
    (void)uv_timer_stop(&runner->timer);
    runner->phase = runner->child != NULL ? ENDING : EMPTY;
    if (runner->child != NULL) {
        pbti_child_stop(runner->child);
    } else {
        deliver_soon(runner);
    }
}

/* Note why the order failed; the first reason counts. */
static void note_failure(struct pbti_runner *runner, uint8_t outcome, uint8_t origin,
                         const char *text)
{
    if (runner->failed) { return; }
    runner->failed = true;
    runner->result.outcome = outcome;
    runner->result.origin = origin;
    (void)snprintf(runner->message, sizeof runner->message, "%s", text);
    char line[PBTI_MESSAGE_MAX + 64];
    (void)snprintf(line, sizeof line, "%s: %s", pbti_outcome_name(outcome), text);
    pbti_trainer_log_note(runner->log, line);
}

/* Where what happens now comes from: what a trainer does before hello is never the member's. */
static uint8_t origin_now(const struct pbti_runner *runner)
{
    return is_oneshot(runner)          ? PBTI_ORIGIN_ONE_SHOT
           : runner->phase == STARTING ? PBTI_ORIGIN_START
                                       : PBTI_ORIGIN_TRAINER;
}

static void fail_from(struct pbti_runner *runner, uint8_t outcome, uint8_t origin,
                      const char *format, ...) PBT_PRINTF(4, 5);
#define fail(runner, outcome, ...) fail_from(runner, outcome, origin_now(runner), __VA_ARGS__)

/* The trainer is of no more use: for the task in hand, or for the one after. */
static void fail_from(struct pbti_runner *runner, uint8_t outcome, uint8_t origin,
                      const char *format, ...)
{
    char text[PBTI_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    bool const had_task = runner->has_task;
    if (had_task) {
        note_failure(runner, outcome, origin, text);
        runner->answering = true;
    }
    end_trainer(runner);
    if (!had_task && !runner->stopping) { runner->opts.lost(runner->opts.context, outcome, text); }
}

/* "; its last line: ..." or nothing. */
static const char *last_words(const struct pbti_runner *runner, char text[400])
{
    char line[320];
    if (pbti_trainer_log_last(runner->log, line, sizeof line)[0] == '\0') {
        text[0] = '\0';
        return text;
    }
    (void)snprintf(text, 400, "; the last thing it printed: %s", line);
    return text;
}

/* -------- limits -------- */

static void on_limit(uv_timer_t *timer);

/* Wake up at the nearest limit. */
static void arm(struct pbti_runner *runner)
{
    const struct pbti_trainer *const limits = trainer_of(runner);
    uint64_t next = NEVER, segment = NEVER;
    if (runner->phase == STARTING) { next = after(runner->launched, limits->start_ms); }
    if (runner->phase == BUSY) {
        segment = after(runner->ordered, limits->segment_ms);
        if (!is_oneshot(runner)) { next = after(runner->heard, limits->silence_ms); }
    }
    if (segment < next) { next = segment; }
    if (runner->linger_until > 0 && runner->linger_until < next) { next = runner->linger_until; }
    if (next == NEVER) {
        (void)uv_timer_stop(&runner->timer);
        return;
    }
    uint64_t const time = now(runner);
    uint64_t const wait = next > time ? next - time : 0;
    runner->due = time + (wait < LOOK_MS ? wait : LOOK_MS); /* often enough to notice a gap */
    (void)uv_timer_start(&runner->timer, on_limit, runner->due - time, 0);
}

/* Time in which the loop did not run (the worker was stopped, or its storage stalled) is no time in
 * which the trainer could be heard. */
static void leave_out_gap(struct pbti_runner *runner)
{
    uint64_t const time = now(runner);
    uint64_t const gap = time > runner->due + GAP_MS ? time - runner->due : 0;
    runner->launched += gap;
    runner->ordered += gap;
    runner->heard += gap;
    if (runner->linger_until > 0) { runner->linger_until += gap; }
}

static void on_limit(uv_timer_t *timer)
{
    struct pbti_runner *const runner = timer->data;
    const struct pbti_trainer *const limits = trainer_of(runner);
    leave_out_gap(runner);
    /* what lies in the sockets counts; reading it may end the task, or the trainer */
    uint32_t const tasks = runner->tasks;
    if (runner->talk != NULL) { pbti_trainer_socket_drain(runner->talk); }
    bool const waits = runner->phase == STARTING || runner->phase == BUSY || runner->phase == READY;
    if (runner->tasks != tasks || !waits) { return; }
    uint64_t const time = now(runner);
    char words[400];
    if (runner->linger_until > 0 && time >= runner->linger_until) {
        fail(runner, PBTI_OUTCOME_PROTOCOL,
             "the trainer closed its connection and went on running");
    } else if (runner->phase == STARTING && time >= after(runner->launched, limits->start_ms)) {
        fail(runner, PBTI_OUTCOME_START,
             "no hello from every rank within the start limit of %g s%s",
             (double)limits->start_ms / 1000.0, last_words(runner, words));
    } else if (runner->phase == BUSY && time >= after(runner->ordered, limits->segment_ms)) {
        fail(runner, PBTI_OUTCOME_SEGMENT, "not done within the segment limit of %g s%s",
             (double)limits->segment_ms / 1000.0, last_words(runner, words));
    } else if (runner->phase == BUSY && !is_oneshot(runner) &&
               time >= after(runner->heard, limits->silence_ms)) {
        fail(runner, PBTI_OUTCOME_SILENCE,
             "no message within the silence limit of %g s, at step %llu of %llu%s",
             (double)limits->silence_ms / 1000.0, (unsigned long long)runner->step,
             (unsigned long long)runner->task.steps, last_words(runner, words));
    } else {
        arm(runner);
    }
}

/* -------- what the trainer says -------- */

static void send_task(struct pbti_runner *runner)
{
    runner->phase = BUSY;
    runner->ordered = runner->heard = now(runner);
    arm(runner);
    pbti_trainer_socket_send(runner->talk, runner->line, runner->line_size);
}

static void on_ready(void *context, bool loads_only)
{
    struct pbti_runner *const runner = context;
    runner->loads_only = loads_only;
    runner->result.start_ms = elapsed(runner->launched, now(runner));
    runner->phase = READY;
    if (runner->has_task) { send_task(runner); }
}

static void on_progress(struct pbti_runner *runner, const struct pbti_message *message)
{
    if (message->step < runner->step || message->step > runner->task.steps) {
        fail(runner, PBTI_OUTCOME_PROTOCOL,
             "progress says step %llu after step %llu of %llu: steps must not decrease nor go past "
             "the end",
             (unsigned long long)message->step, (unsigned long long)runner->step,
             (unsigned long long)runner->task.steps);
        return;
    }
    if (runner->progressed == 0) { runner->progressed = now(runner); }
    runner->step = message->step;
    if (message->metrics == NULL) { return; }
    json_decref(runner->progress);
    runner->progress = json_deep_copy(message->metrics);
    runner->result.progress = runner->progress;
    runner->result.progress_step = message->step;
}

/* A done whose answer is good, but for the checkpoint. */
static void accept_done(struct pbti_runner *runner, struct pbti_message *message)
{
    struct pbti_result *const result = &runner->result;
    uint64_t const time = now(runner);
    uint64_t const trained_from = runner->progressed > 0 ? runner->progressed : runner->ordered;
    pbti_message_move(&runner->done, message);
    result->outcome = PBTI_OUTCOME_DONE;
    result->scores = runner->done.scores;
    result->scores_count = runner->done.scores_count;
    result->read = runner->done.read;
    result->in_force = runner->done.in_force;
    result->metrics =
        (struct pbti_text){runner->metrics, runner->metrics != NULL ? strlen(runner->metrics) : 0};
    result->load_ms = elapsed(runner->ordered, trained_from);
    result->train_ms = elapsed(trained_from, time);
    runner->step = runner->task.steps;
}

/* Is what it reports in order? Notes the failure if not. */
static bool check_done(struct pbti_runner *runner, const struct pbti_message *message)
{
    char text[400];
    const char *unknown = NULL;
    const struct pbti_task *const task = &runner->task;
    if (message->in_force != NULL &&
        pbti_in_force_differs(task->space, task->values, message->in_force, &unknown, text,
                              sizeof text) != 0) {
        note_failure(runner, PBTI_OUTCOME_IN_FORCE, PBTI_ORIGIN_TRAINER, text);
        return false;
    }
    if (unknown != NULL) {
        (void)snprintf(runner->message, sizeof runner->message,
                       "in_force names \"%.100s\", which is no hyperparameter", unknown);
    }
    if (message->metrics == NULL) { return true; }
    runner->metrics = json_dumps(message->metrics, JSON_COMPACT);
    size_t const size = runner->metrics != NULL ? strlen(runner->metrics) : 0;
    if (size <= PBTI_METRICS_TEXT_MAX) { return true; }
    (void)snprintf(text, sizeof text, "metrics of %zu bytes, allowed are %u", size,
                   PBTI_METRICS_TEXT_MAX);
    note_failure(runner, PBTI_OUTCOME_PROTOCOL, PBTI_ORIGIN_TRAINER, text);
    return false;
}

static void on_done(struct pbti_runner *runner, struct pbti_message *message)
{
    if (!check_done(runner, message)) {
        runner->answering = true;
        end_trainer(runner);
        return;
    }
    accept_done(runner, message);
    if (runner->child != NULL) { pbti_child_drain(runner->child); }
    runner->phase = READY;
    (void)uv_timer_stop(&runner->timer);
    if (runner->linger_until > 0) { arm(runner); }
    answer_now(runner);
}

static void on_said(void *context, uint32_t rank, struct pbti_message *message)
{
    static const char *const names[] = {"hello", "progress", "done", "error"};
    struct pbti_runner *const runner = context;
    runner->heard = now(runner);
    if (runner->phase != BUSY) {
        fail(runner, PBTI_OUTCOME_PROTOCOL,
             "%s for task \"%.60s\" out of turn: no task was running", names[message->kind],
             message->task);
    } else if (strcmp(message->task, runner->task_name) != 0) {
        fail(runner, PBTI_OUTCOME_PROTOCOL, "%s for task \"%.60s\" while task \"%s\" was running",
             names[message->kind], message->task, runner->task_name);
    } else if (message->kind == PBTI_SAYS_ERROR) {
        fail(runner, message->outcome, "%s",
             message->text[0] != '\0' ? message->text : "the trainer gave no reason");
    } else if (rank != 0) {
        fail(runner, PBTI_OUTCOME_PROTOCOL, "rank %u sent %s: only rank 0 reports", rank,
             names[message->kind]);
    } else if (message->kind == PBTI_SAYS_PROGRESS) {
        on_progress(runner, message);
    } else {
        on_done(runner, message);
    }
}

static void on_broken(void *context, const char *why)
{
    struct pbti_runner *const runner = context;
    fail(runner, PBTI_OUTCOME_PROTOCOL, "%s", why);
}

static void on_unable(void *context, const char *why)
{
    struct pbti_runner *const runner = context;
    fail_from(runner, PBTI_OUTCOME_START, PBTI_ORIGIN_MACHINE, "%s", why);
}

static void on_rank_closed(void *context, uint32_t rank)
{
    struct pbti_runner *const runner = context;
    (void)rank;
    if (runner->exit_sent || runner->linger_until > 0) { return; }
    runner->linger_until = now(runner) + LINGER_MS;
    arm(runner);
}

/* -------- the end of the process -------- */

static void on_output(void *context, bool errors, const char *data, size_t size)
{
    struct pbti_runner *const runner = context;
    pbti_trainer_log_write(runner->log, data, size);
    if (is_oneshot(runner) && !errors) { pbti_last_line_add(&runner->last_line, data, size); }
}

/* The trainer ended by itself: why the order failed, or what was lost. */
static void ended_by_itself(struct pbti_runner *runner, const struct pbti_child_end *end)
{
    char words[400];
    uint8_t const outcome = !end->started ? PBTI_OUTCOME_START
                            : end->oom    ? PBTI_OUTCOME_OOM
                                          : PBTI_OUTCOME_CRASH;
    if (!end->started) {
        fail_from(runner, outcome, PBTI_ORIGIN_PROGRAM, "%s", end->text);
    } else if (runner->phase == STARTING) {
        fail(runner, outcome, "the trainer %s before it said hello%s", end->text,
             last_words(runner, words));
    } else if (end->oom) {
        fail(runner, outcome, "the trainer %s: the machine was out of memory", end->text);
    } else {
        fail(runner, outcome, "the trainer %s%s%s", end->text,
             end->clean && runner->has_task ? " before the segment was done" : "",
             last_words(runner, words));
    }
}

static void oneshot_ended(struct pbti_runner *runner, const struct pbti_child_end *end)
{
    struct pbti_message message;
    struct pbt_error err;
    if (!end->clean) {
        ended_by_itself(runner, end);
    } else if (pbti_oneshot_result(runner->result_path, pbti_last_line_end(&runner->last_line),
                                   &message, &err) != PBT_OK) {
        fail(runner, PBTI_OUTCOME_PROTOCOL, "%s", err.message);
    } else {
        if (check_done(runner, &message)) { accept_done(runner, &message); }
        pbti_message_release(&message);
        runner->answering = true;
        end_trainer(runner);
    }
    (void)unlink(runner->result_path);
}

static void on_child_ended(void *context, const struct pbti_child_end *end)
{
    struct pbti_runner *const runner = context;
    runner->child = NULL;
    runner->usable = runner->usable && end->reaped;
    if (runner->talk != NULL && runner->phase == BUSY) {
        runner->linger_until = now(runner) + LINGER_MS; /* whoever is called back sees it as gone */
        pbti_trainer_socket_drain(runner->talk);
        if (runner->phase == EMPTY) { return; }
    }
    if (runner->phase == ENDING || runner->exit_sent) {
        end_trainer(runner);
    } else if (is_oneshot(runner)) {
        oneshot_ended(runner, end);
    } else {
        ended_by_itself(runner, end);
    }
    if (is_oneshot(runner)) { (void)unlink(runner->result_path); }
}

/* -------- starting one -------- */

static pbt_status open_talk(struct pbti_runner *runner, const char *path, struct pbt_error *err)
{
    struct pbti_trainer_socket_opts const opts = {.loop = runner->opts.loop,
                                                  .path = path,
                                                  .context = runner,
                                                  .ready = on_ready,
                                                  .said = on_said,
                                                  .broken = on_broken,
                                                  .unable = on_unable,
                                                  .closed = on_rank_closed};
    return pbti_trainer_socket_open(&opts, &runner->talk, err);
}

static pbt_status start_child(struct pbti_runner *runner, const char *path,
                              struct pbti_strings *command, struct pbti_strings *environment,
                              struct pbt_error *err)
{
    if (command->failed || environment->failed) {
        return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory");
    }
    struct pbti_child_opts const opts = {.loop = runner->opts.loop,
                                         .launch = runner->opts.launch,
                                         .command = command->items,
                                         .environment = environment->items,
                                         .socket = path,
                                         .context = runner,
                                         .output = on_output,
                                         .ended = on_child_ended,
                                         .separate = is_oneshot(runner)};
    return pbti_child_start(&opts, &runner->child, err);
}

/* Start the trainer; `task`: only for one_shot. */
static pbt_status launch(struct pbti_runner *runner, const struct pbti_task *task,
                         struct pbt_error *err)
{
    struct pbti_launch *const launch = runner->opts.launch;
    struct pbti_strings command = {0}, environment = {0};
    char path[PBTI_SOCKET_PATH_MAX];
    pbt_status status = PBT_OK;
    pbti_launch_socket(launch, path);
    pbti_launch_environment(launch, runner->gpus, &environment);
    if (is_oneshot(runner)) {
        (void)snprintf(runner->result_path, sizeof runner->result_path, "%s", path);
        status = pbti_oneshot_command(launch, task, path, &command, err);
        pbti_oneshot_environment(task, path, &environment);
        pbti_last_line_free(&runner->last_line);
    } else {
        pbti_launch_command(launch, &command);
        pbti_strings_set(&environment, "PBT_SOCKET", path);
        status = open_talk(runner, path, err);
    }
    if (status == PBT_OK) { status = start_child(runner, path, &command, &environment, err); }
    pbti_strings_free(&command);
    pbti_strings_free(&environment);
    runner->launched = runner->ordered = now(runner);
    runner->linger_until = 0;
    return status;
}

static void begin_trainer(struct pbti_runner *runner, const struct pbti_task *task)
{
    struct pbt_error err;
    runner->exit_sent = runner->loads_only = false;
    uv_update_time(runner->opts.loop);
    if (launch(runner, task, &err) != PBT_OK) {
        bool const wrong = err.code == PBT_EINVAL;
        fail_from(runner, wrong ? PBTI_OUTCOME_CONFIG : PBTI_OUTCOME_START,
                  wrong ? PBTI_ORIGIN_TRAINER : PBTI_ORIGIN_MACHINE, "%s", err.message);
        return;
    }
    runner->phase = is_oneshot(runner) ? BUSY : STARTING;
    arm(runner);
}

static bool copy_task(struct pbti_runner *runner, const struct pbti_task *task)
{
    runner->task = *task;
    runner->task.load = runner->task.save = NULL;
    runner->task.fixed = NULL;
    runner->task.values = runner->values;
    if (task->space->count > 0) {
        memcpy(runner->values, task->values, task->space->count * sizeof *task->values);
    }
    (void)pbti_task_name(task, runner->task_name);
    free(runner->line);
    runner->line = is_oneshot(runner) ? NULL : pbti_message_train(task, &runner->line_size);
    return runner->line != NULL || is_oneshot(runner);
}

void pbti_runner_start(struct pbti_runner *runner, const struct pbti_task *task)
{
    assert(!runner->has_task && !runner->stopping);
    struct pbti_task adjusted = *task;
    adjusted.keep = task->keep && pbti_runner_is_ready(runner);
    pbti_message_release(&runner->done);
    free(runner->metrics);
    json_decref(runner->progress);
    runner->metrics = NULL;
    runner->progress = NULL;
    runner->message[0] = '\0';
    runner->result = (struct pbti_result){0};
    runner->has_task = true;
    runner->tasks++;
    runner->failed = runner->answering = false;
    runner->step = 0;
    runner->progressed = 0;
    pbti_trainer_log_task(runner->log, task->member, task->segment, task->attempt);
    uv_update_time(runner->opts.loop);
    if (!copy_task(runner, &adjusted)) {
        fail_from(runner, PBTI_OUTCOME_ERROR, PBTI_ORIGIN_MACHINE, "out of memory");
    } else if (runner->phase == READY && runner->linger_until == 0) {
        send_task(runner);
    } else if (runner->phase == EMPTY) {
        begin_trainer(runner, &adjusted);
    } else if (runner->phase == READY) {
        end_trainer(runner); /* it has left us; the next one is started when it has ended */
    }
}

/* -------- stopping -------- */

void pbti_runner_stop(struct pbti_runner *runner)
{
    runner->stopping = true;
    runner->answering = false;
    end_trainer(runner);
}

static void on_grace(uv_timer_t *timer)
{
    end_trainer(timer->data);
}

void pbti_runner_quit(struct pbti_runner *runner)
{
    static const char message[] = "{\"type\":\"exit\"}";
    if (runner->phase != READY || runner->has_task || runner->linger_until > 0) {
        pbti_runner_stop(runner);
        return;
    }
    runner->stopping = runner->exit_sent = true;
    (void)uv_timer_start(&runner->timer, on_grace, trainer_of(runner)->grace_ms, 0);
    pbti_trainer_socket_send(runner->talk, message, sizeof message - 1);
}

void pbti_runner_hurry(struct pbti_runner *runner)
{
    if (runner->child != NULL) { pbti_child_kill(runner->child); }
}

/* -------- life -------- */

bool pbti_runner_is_ready(const struct pbti_runner *runner)
{
    return runner->phase == READY && runner->linger_until == 0 && !runner->loads_only;
}

uint64_t pbti_runner_step(const struct pbti_runner *runner)
{
    return runner->step;
}

pbt_status pbti_runner_create(const struct pbti_runner_opts *opts, struct pbti_runner **out,
                              struct pbt_error *err)
{
    *out = NULL;
    struct pbti_runner *const runner = calloc(1, sizeof *runner);
    uint64_t const cap = opts->launch->spec->log_bytes;
    struct pbti_trainer_log *const log = pbti_trainer_log_create(opts->logs, cap);
    char *const gpus = opts->gpus != NULL ? strdup(opts->gpus) : NULL;
    if (runner == NULL || log == NULL || (opts->gpus != NULL && gpus == NULL)) {
        free(runner);
        free(gpus);
        pbti_trainer_log_destroy(log);
        return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory");
    }
    runner->opts = *opts;
    runner->gpus = gpus;
    runner->log = log;
    runner->usable = true;
    runner->timer.data = runner->soon.data = runner;
    (void)uv_timer_init(opts->loop, &runner->timer);
    (void)uv_timer_init(opts->loop, &runner->soon);
    runner->handles = 2;
    *out = runner;
    return PBT_OK;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct pbti_runner *const runner = handle->data;
    if (--runner->handles == 0) { free(runner); }
}

void pbti_runner_destroy(struct pbti_runner *runner)
{
    if (runner == NULL) { return; }
    assert(runner->child == NULL);
    close_talk(runner);
    pbti_message_release(&runner->done);
    pbti_last_line_free(&runner->last_line);
    pbti_trainer_log_destroy(runner->log);
    free(runner->line);
    free(runner->metrics);
    json_decref(runner->progress);
    free(runner->gpus);
    uv_close((uv_handle_t *)&runner->timer, on_timer_closed);
    uv_close((uv_handle_t *)&runner->soon, on_timer_closed);
}
