/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/verb_attach.c - pbt attach DIR: what `pbt run` shows, of a study that runs elsewhere.
 *
 * It only looks: the workers do not know of it. How its job stands is asked of Slurm seldom, since
 * one controller serves a whole cluster.
 */
#include "cli/cli_slurm.h"
#include "cli/cli_work.h"
#include "cli/signal_pipe.h"
#include "view/progress.h"
#include "view/study_reader.h"
#include "worker/slurm.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define LOOK_MS 250         /* between two looks at the journal */
#define QUEUE_FIRST_MS 1000 /* between two looks at the queue, while something changes there */
#define QUEUE_MOST_MS 30000 /* ... and when nothing does: each pause is twice the one before */

struct follow {
    const struct pbti_call *call;
    const char *dir;
    struct pbti_progress *progress;
    struct pbti_study_reader *reader;
    char job[PBTI_SLURM_JOB_MAX]; /* "": none was submitted */
    struct pbti_slurm_queue queue;
    uint32_t absences; /* looks, one after the other, that did not find it in the queue */
    bool known;        /* the queue was seen */
    int64_t queue_at_ms, queue_pause_ms;
};

enum end { FOLLOW_ENDED, FOLLOW_INTERRUPTED, FOLLOW_LOST, FOLLOW_FAILED };

static pbt_status on_event(void *context, const struct pbti_state *state, uint64_t seq,
                           const struct pbti_event *event, struct pbt_error *err)
{
    const struct follow *const follow = context;
    (void)state;
    (void)err;
    pbti_progress_event(follow->progress, seq, event);
    return PBT_OK;
}

static struct pbti_progress_view view_of(const struct follow *follow)
{
    const struct pbti_spec *const spec = pbti_study_reader_spec(follow->reader);
    return (struct pbti_progress_view){
        .state = pbti_study_reader_state(follow->reader),
        .study = spec->study,
        .score_name = spec->score_name,
        .checkpoint_bytes = pbti_study_reader_alive(follow->reader)->bytes,
    };
}

static bool has_ended(const struct follow *follow)
{
    return pbti_state_stop(pbti_study_reader_state(follow->reader)) != PBTI_STOP_NONE;
}

/* -------- the queue -------- */

static bool is_empty(const struct pbti_slurm_queue *queue)
{
    return queue->running + queue->waiting + queue->leaving == 0;
}

static void say_queue(const struct follow *follow)
{
    const struct pbti_slurm_queue *const queue = &follow->queue;
    struct pbti_str line = {0};
    pbti_str_addf(&line, "job %s: ", follow->job);
    if (is_empty(queue)) {
        pbti_str_add(&line, "has left the queue");
    } else {
        pbti_str_addf(&line, "%" PRIu32 " running, %" PRIu32 " waiting", queue->running,
                      queue->waiting);
        if (queue->reason[0] != '\0') { pbti_str_addf(&line, " (%s)", queue->reason); }
    }
    pbti_progress_say(follow->progress, pbti_str_text(&line));
    pbti_str_deinit(&line);
}

static void take_queue(struct follow *follow, const struct pbti_slurm_queue *queue)
{
    follow->absences = is_empty(queue) ? follow->absences + 1 : 0;
    if (!follow->known || memcmp(queue, &follow->queue, sizeof *queue) != 0) {
        follow->queue = *queue;
        follow->known = true;
        follow->queue_pause_ms = QUEUE_FIRST_MS;
        say_queue(follow);
    } else if (follow->queue_pause_ms < QUEUE_MOST_MS) {
        follow->queue_pause_ms *= 2;
    }
}

/* A controller that does not answer is no reason to stop following; it is said once. */
static void miss_queue(struct follow *follow, const struct pbt_error *err)
{
    if (follow->queue_pause_ms < QUEUE_MOST_MS) {
        pbti_progress_warn(follow->progress, err->message);
    }
    follow->queue_pause_ms = QUEUE_MOST_MS;
    if (has_ended(follow)) { follow->job[0] = '\0'; } /* nothing to wait for that matters */
}

static void look_at_queue(struct follow *follow)
{
    struct pbti_slurm_queue queue;
    struct pbt_error err;
    if (follow->job[0] == '\0' || pbti_cli_steady_ms() < follow->queue_at_ms) { return; }
    if (pbti_slurm_look(follow->job, &queue, &err) == PBT_OK) {
        take_queue(follow, &queue);
    } else {
        miss_queue(follow, &err);
    }
    follow->queue_at_ms = pbti_cli_steady_ms() + follow->queue_pause_ms;
}

/*
 * Has every worker's process ended? One that leaves its node may go back into the queue as long as
 * the study goes on, and is looked for twice, lest it is missed on its way there.
 */
static bool has_left(const struct follow *follow)
{
    const struct pbti_slurm_queue *const queue = &follow->queue;
    if (follow->job[0] == '\0') { return has_ended(follow); }
    if (!has_ended(follow)) { return follow->absences >= 2; }
    return follow->known && queue->running + queue->waiting == 0;
}

/* -------- following -------- */

static enum end watch(struct follow *follow, int signals, struct pbt_error *err)
{
    bool ended = false;
    struct pbti_progress_view view = view_of(follow);
    pbti_progress_tick(follow->progress, &view, pbti_cli_steady_ms());
    for (;;) {
        look_at_queue(follow); /* first: a job that is gone has appended all it ever will */
        if (pbti_study_reader_update(follow->reader, 0, err) != PBT_OK) { return FOLLOW_FAILED; }
        if (has_ended(follow) && !ended) {
            ended = true;
            follow->queue_at_ms = 0;
            follow->queue_pause_ms = QUEUE_FIRST_MS;
            continue;
        }
        view = view_of(follow);
        pbti_progress_tick(follow->progress, &view, pbti_cli_steady_ms());
        if (has_left(follow)) {
            pbti_progress_finish(follow->progress, &view, pbti_cli_steady_ms());
            return ended ? FOLLOW_ENDED : FOLLOW_LOST;
        }
        struct pollfd ready = {.fd = signals, .events = POLLIN};
        if (poll(&ready, 1, LOOK_MS) > 0) { return FOLLOW_INTERRUPTED; }
    }
}

static int say_interrupted(const struct follow *follow)
{
    if (pbti_cli_has(follow->call, PBTI_OPT_QUIET)) { return PBTI_EXIT_INTERRUPTED; }
    struct pbti_str text = {0};
    pbti_str_addf(&text, "pbt %s: the study goes on. To follow it again:\n  pbt attach ",
                  follow->call->verb->name);
    pbti_str_quote(&text, follow->dir);
    if (follow->job[0] != '\0') {
        pbti_str_addf(&text, "\nto cancel it:\n  scancel %s", follow->job);
    }
    pbti_str_add(&text, "\n");
    (void)fflush(stdout);
    (void)fputs(pbti_str_text(&text), stderr);
    pbti_str_deinit(&text);
    return PBTI_EXIT_INTERRUPTED;
}

static int say_lost(const struct follow *follow)
{
    struct pbti_str hint = {0};
    pbti_str_addf(&hint,
                  "what its workers said is in slurm/%s_*.out of the study folder; to go "
                  "on: pbt resume ",
                  follow->job);
    pbti_str_quote(&hint, follow->dir);
    pbti_str_add(&hint, " --slurm");
    int const code =
        pbti_cli_complain(follow->call, PBTI_EXIT_FAILED, pbti_str_text(&hint),
                          "job %s has left the queue, and the study has not ended", follow->job);
    pbti_str_deinit(&hint);
    return code;
}

/* Open the study and follow it; everything that was opened stays for the caller to close. */
static int follow_study(struct follow *follow, int signals)
{
    struct pbti_study_reader_opts opts = pbti_cli_reader_opts(follow->call);
    struct pbt_error err = {0};
    opts.visitor = on_event;
    opts.context = follow;
    if (pbti_study_reader_open(follow->dir, &opts, &follow->reader, &err) != PBT_OK) {
        return pbti_cli_fail(follow->call, &err);
    }
    switch (watch(follow, signals, &err)) {
    case FOLLOW_INTERRUPTED: return say_interrupted(follow);
    case FOLLOW_LOST: return say_lost(follow);
    case FOLLOW_FAILED: return pbti_cli_fail(follow->call, &err);
    case FOLLOW_ENDED: break;
    }
    return pbti_cli_close(follow->call, follow->dir, false);
}

int pbti_cli_follow(const struct pbti_call *call, const char *dir)
{
    static int const ending[] = {SIGINT, SIGTERM, SIGHUP};
    FILE *const stream = pbti_cli_has(call, PBTI_OPT_JSON) ? stderr : stdout;
    enum pbti_progress_kind const kind =
        pbti_cli_has(call, PBTI_OPT_QUIET) ? PBTI_PROGRESS_NONE : pbti_progress_kind_for(stream);
    struct follow follow = {.call = call,
                            .dir = dir,
                            .progress = pbti_progress_create(stream, kind, dir),
                            .queue_pause_ms = QUEUE_FIRST_MS};
    struct pbti_signal_pipe signals;
    if (follow.progress == NULL) { return pbti_cli_no_memory(call); }
    if (!pbti_signal_pipe_open(&signals, ending, sizeof ending / sizeof ending[0])) {
        pbti_progress_destroy(follow.progress);
        return pbti_cli_complain(call, PBTI_EXIT_STORAGE, NULL, "could not catch signals: %s",
                                 strerror(errno));
    }
    if (pbti_slurm_job(dir, follow.job, NULL) != PBT_OK) { follow.job[0] = '\0'; }
    int const code = follow_study(&follow, signals.descriptor);
    pbti_study_reader_close(follow.reader);
    pbti_progress_destroy(follow.progress);
    pbti_signal_pipe_close(&signals);
    return code;
}

int pbti_verb_attach(const struct pbti_call *call)
{
    return pbti_cli_follow(call, call->argument[0]);
}
