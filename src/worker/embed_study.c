/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/embed_study.c - the C API: an agent whose slots are filled by the program that embeds the
 * library.
 *
 * The agent's world here starts nothing: a started task waits in its slot until pbt_study_next()
 * hands it out, and the report of the program is the task's result. Looking at a study is in
 * embed_look.c, the other door in embed_run.c.
 *
 * Names are forgotten once: the agent may drop what a task saved twice, as unreachable and as the
 * result of a task that is over, so each slot remembers whether the program was told.
 */
#include "study/study_handle.h"
#include "worker/embed.h"

#include "base/fail.h"
#include "study/study_journal.h"
#include "worker/run.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

_Static_assert(PBT_ID_MAX == PBTI_CHECKPOINT_NAME_MAX,
               "the public name of a checkpoint is its name");

#define SLOTS_MAX 4096u

/* -------- the agent's world -------- */

static int64_t embed_now_ms(void *context)
{
    (void)context;
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void embed_random(void *context, void *bytes, size_t size)
{
    (void)context;
    unsigned char *at = bytes;
    while (size > 0) {
        ssize_t const got = getrandom(at, size, 0);
        if (got <= 0) { continue; } /* EINTR; nothing else happens to small requests */
        at += got;
        size -= (size_t)got;
    }
}

static void embed_start(void *context, uint32_t index, const struct pbti_task *task)
{
    struct pbt_study *const study = context;
    struct pbti_embed_slot *const slot = &study->slots[index];
    *slot = (struct pbti_embed_slot){
        .started = true, .claim = task->claim, .from = task->from, .save = task->checkpoint};
    slot->task = (struct pbt_task){.slot = index,
                                   .member = task->member,
                                   .segment = task->segment,
                                   .attempt = task->attempt,
                                   .seed = task->seed,
                                   .age = task->age,
                                   .steps = task->steps,
                                   .keep = task->keep,
                                   .study = study};
    (void)pbti_checkpoint_name(task->checkpoint, slot->task.id);
    if (task->from.segment > 0) { (void)pbti_checkpoint_name(task->from, slot->task.from); }
    memcpy(slot->values, task->values, study->spec->config.space.count * sizeof *slot->values);
}

static void embed_cancel(void *context, uint32_t index)
{
    struct pbt_study *const study = context;
    study->slots[index].cancelled = true;
}

/* The slot whose last task makes this checkpoint, or NULL: then it is an older one. */
static struct pbti_embed_slot *maker(const struct pbt_study *study,
                                     struct pbti_checkpoint checkpoint)
{
    for (uint32_t i = 0; i < study->opts.slots; i++) {
        if (pbti_checkpoint_equal(study->slots[i].save, checkpoint)) { return &study->slots[i]; }
    }
    return NULL;
}

static void embed_drop(void *context, struct pbti_checkpoint checkpoint)
{
    struct pbt_study *const study = context;
    if (study->store != NULL) { pbti_store_drop(study->store, checkpoint); }
    if (study->opts.forget == NULL) { return; }
    struct pbti_embed_slot *const slot = maker(study, checkpoint);
    if (slot != NULL) {
        if (!slot->scored || slot->forgotten) { return; }
        slot->forgotten = true;
    }
    char name[PBTI_CHECKPOINT_NAME_MAX];
    study->opts.forget(study->opts.context, pbti_checkpoint_name(checkpoint, name));
}

static bool embed_dead(void *context, const struct pbti_event_worker *worker)
{
    struct pbt_study *const study = context;
    return study->liveness != NULL && pbti_liveness_dead(study->liveness, worker);
}

/* Slots whose claim went away and which the program does not have are free at once. */
static void free_cancelled(struct pbt_study *study)
{
    for (uint32_t i = 0; i < study->opts.slots; i++) {
        struct pbti_embed_slot *const slot = &study->slots[i];
        if (!slot->cancelled || slot->out) { continue; }
        slot->started = slot->cancelled = false;
        pbti_agent_freed(study->agent, i, true);
    }
}

/* A pbti_observer. */
static void watch(void *context, uint64_t seq, const struct pbti_event *event)
{
    struct pbt_study *const study = context;
    (void)seq;
    if (event->type == PBTI_STUDY || event->type == PBTI_AMEND) {
        study->began_ms = event->time_ms;
    }
}

/* -------- opening -------- */

struct pbt_study_opts pbt_study_opts_default(void)
{
    return (struct pbt_study_opts){.struct_size = sizeof(struct pbt_study_opts), .slots = 1};
}

/* The program is the trainer; the spec says so for whoever reads the journal. */
static pbt_status parse_spec(const char *text, struct pbti_spec **spec, struct pbt_error *err)
{
    struct pbti_override const embedded = {"trainer.builtin", "embedded"};
    PBTI_TRY(pbti_spec_parse(text, strlen(text), "spec", &embedded, 1, spec, err));
    if ((*spec)->initial_checkpoint == NULL) { return PBT_OK; }
    return PBTI_FAIL(err, PBT_ESPEC, 0,
                     "spec: initial.checkpoint is \"%s\", but weights are the program's own here: "
                     "it starts from them where a task starts fresh",
                     (*spec)->initial_checkpoint);
}

static pbt_status begin_in_memory(struct pbt_study *study, const char *text, struct pbt_error *err)
{
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.create = true;
    PBTI_TRY(parse_spec(text, &study->spec, err));
    PBTI_TRY(pbti_journal_open("memory:", &opts, &study->journal, err));
    PBTI_TRY(pbti_follower_open(study->journal, watch, study, &study->follower, err));
    return pbti_study_begin(study->follower, study->spec, err);
}

static pbt_status open_journal(struct pbt_study *study, bool sync, struct pbt_error *err)
{
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.sync = sync;
    PBTI_TRY(pbti_study_journal_open(study->dir, NULL, &opts, &study->journal, err));
    return pbti_follower_open(study->journal, watch, study, &study->follower, err);
}

static void close_journal(struct pbt_study *study)
{
    pbti_follower_close(study->follower);
    pbti_journal_close(study->journal);
    study->follower = NULL;
    study->journal = NULL;
}

/* SQLite makes its file before it writes to it. */
static bool is_empty_file(const char *url)
{
    struct stat info;
    const char *const path = strchr(url, ':');
    return path != NULL && stat(path + 1, &info) == 0 && S_ISREG(info.st_mode) && info.st_size == 0;
}

/* Is there a study? A journal that is empty was left by a crash while it was begun, or somebody is
 * just beginning it. */
static pbt_status look_for_study(struct pbt_study *study, bool *found, struct pbt_error *err)
{
    char url[PBTI_JOURNAL_URL_MAX];
    struct pbt_error why;
    *found = false;
    pbt_status const status = pbti_study_journal_url(study->dir, NULL, url, &why);
    if (status == PBT_ENOENT || is_empty_file(url)) { return PBT_OK; }
    if (status != PBT_OK) {
        if (err != NULL) { *err = why; }
        return status;
    }
    PBTI_TRY(open_journal(study, true, err));
    *found = pbti_follower_state(study->follower) != NULL;
    if (!*found) { close_journal(study); }
    return PBT_OK;
}

/* Begin a study in the folder. Somebody else may be faster: then it is theirs that is opened. */
static pbt_status begin_in_folder(struct pbt_study *study, const char *text, struct pbt_error *err)
{
    struct pbt_error why = {0};
    struct pbti_spec *spec = NULL;
    pbt_status status = parse_spec(text, &spec, &why);
    if (status == PBT_OK) { status = pbti_study_create(study->dir, NULL, spec, &why); }
    pbti_spec_destroy(spec);
    if (status != PBT_OK && status != PBT_EEXIST) {
        if (err != NULL) { *err = why; }
        return status;
    }
    return open_journal(study, true, err);
}

static pbt_status open_folder(struct pbt_study *study, const char *dir, const char *text,
                              struct pbt_error *err)
{
    bool found;
    study->dir = strdup(dir);
    if (study->dir == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    PBTI_TRY(look_for_study(study, &found, err));
    if (!found) {
        if (text == NULL) {
            return PBTI_FAIL(err, PBT_ENOENT, 0, "\"%s\" holds no study and there is no spec", dir);
        }
        PBTI_TRY(begin_in_folder(study, text, err));
    }
    struct pbti_text const resolved = pbti_follower_spec(study->follower);
    PBTI_TRY(pbti_spec_amend(resolved.data, resolved.size, NULL, 0, &study->spec, err));
    if (study->spec->sync_full) { return PBT_OK; }
    close_journal(study);
    return open_journal(study, false, err);
}

/* A proposal takes its time, so it is made by whoever asks for a task next; see propose(). */
static enum pbti_proposed embed_propose(void *context, const struct pbti_observations *trials,
                                        double *values)
{
    struct pbt_study *const study = context;
    (void)values;
    study->asked = trials;
    return PBTI_PROPOSED_LATER;
}

static pbt_status start_agent(struct pbt_study *study, struct pbt_error *err)
{
    struct pbti_world const world = {.context = study,
                                     .now_ms = embed_now_ms,
                                     .random = embed_random,
                                     .start = embed_start,
                                     .cancel = embed_cancel,
                                     .drop = embed_drop,
                                     .dead = embed_dead,
                                     .propose = embed_propose};
    struct pbti_agent_opts opts = pbti_agent_opts_default();
    if (study->spec->config.proposals) { PBTI_TRY(pbti_propose_open(err)); }
    opts.no_place = true;
    opts.slots = study->opts.slots;
    opts.process = (uint64_t)getpid();
    if (study->dir != NULL) {
        PBTI_TRY(pbti_liveness_open(study->dir, &opts.worker, &study->liveness, err));
        opts.host = pbti_liveness_host(study->liveness);
    } else {
        opts.worker = 1;
    }
    return pbti_agent_create(study->follower, &world, &opts, &study->agent, err);
}

static pbt_status check_opts(const char *dir, const char *spec, const struct pbt_study_opts *opts,
                             struct pbt_error *err)
{
    if (opts->struct_size != sizeof *opts) {
        return PBTI_FAIL(err, PBT_EINVAL, 0,
                         "study options were not made by their default function");
    }
    if (opts->slots < 1 || opts->slots > SLOTS_MAX) {
        return PBTI_FAIL(err, PBT_EINVAL, 0, "slots is %u, but must be from 1 to %u", opts->slots,
                         SLOTS_MAX);
    }
    if (dir == NULL && spec == NULL) {
        return PBTI_FAIL(err, PBT_EINVAL, 0, "a study in memory needs a spec");
    }
    return PBT_OK;
}

pbt_status pbt_study_open(const char *dir, const char *spec, const struct pbt_study_opts *opts,
                          struct pbt_study **out, struct pbt_error *err)
{
    *out = NULL;
    struct pbt_study_opts const chosen = opts != NULL ? *opts : pbt_study_opts_default();
    PBTI_TRY(check_opts(dir, spec, &chosen, err));
    struct pbt_study *const study = calloc(1, sizeof *study);
    if (study == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    study->opts = chosen;
    (void)pthread_mutex_init(&study->lock, NULL);
    (void)pthread_cond_init(&study->moved, NULL);
    study->slots = calloc(chosen.slots, sizeof *study->slots);
    pbt_status status =
        study->slots == NULL ? PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory") : PBT_OK;
    if (status == PBT_OK) {
        status =
            dir == NULL ? begin_in_memory(study, spec, err) : open_folder(study, dir, spec, err);
    }
    if (status == PBT_OK) { status = start_agent(study, err); }
    if (status != PBT_OK) {
        pbt_study_close(study);
        return status;
    }
    *out = study;
    return PBT_OK;
}

void pbt_study_close(struct pbt_study *study)
{
    if (study == NULL) { return; }
    if (study->agent != NULL) {
        struct pbt_error ignored; /* claims that could not be given up: presence tells of our end */
        pbt_status const status = pbti_agent_leave(study->agent, &ignored);
        (void)status;
    }
    pbti_agent_destroy(study->agent);
    pbti_liveness_close(study->liveness);
    close_journal(study);
    pbti_spec_destroy(study->spec);
    (void)pthread_cond_destroy(&study->moved);
    (void)pthread_mutex_destroy(&study->lock);
    free(study->slots);
    free(study->dir);
    free(study);
}

/* -------- ask -------- */

/* A task that waits in some slot from `first` to `last`; hands it out. */
static bool hand_out(struct pbt_study *study, uint32_t first, uint32_t last, struct pbt_task *task)
{
    for (uint32_t i = first; i <= last; i++) {
        struct pbti_embed_slot *const slot = &study->slots[i];
        if (!slot->started || slot->out) { continue; }
        slot->out = true;
        *task = slot->task;
        return true;
    }
    return false;
}

/* stop.hours: since the study began, or was last amended. */
static bool is_time_up(const struct pbt_study *study)
{
    double const hours = study->spec->stop_hours;
    return hours > 0.0 && (double)(embed_now_ms(NULL) - study->began_ms) >= hours * 3600.0 * 1000.0;
}

/*
 * Make the proposal that the agent asked for, without the lock: others report meanwhile, and find
 * no task that needs it. The agent leaves the trials alone until it is answered. There is nobody to
 * warn: without a proposal the member begins with what it drew.
 */
static pbt_status propose(struct pbt_study *study, struct pbt_error *err)
{
    double values[PBTI_HP_MAX];
    const struct pbti_observations *const trials = study->asked;
    study->asked = NULL;
    (void)pthread_mutex_unlock(&study->lock);
    pbt_status const status =
        pbti_proposer_next(&study->proposer, study->spec, trials, values, NULL);
    (void)pthread_mutex_lock(&study->lock);
    (void)pthread_cond_broadcast(&study->moved);
    return pbti_agent_proposed(study->agent, status == PBT_OK ? values : NULL, err);
}

pbt_status pbti_embed_ask(struct pbt_study *study, uint32_t first, uint32_t last,
                          struct pbt_task *task, struct pbt_error *err)
{
    *task = (struct pbt_task){.id = ""};
    free_cancelled(study);
    pbt_status status = PBT_OK;
    if (is_time_up(study) && !pbti_agent_done(study->agent)) {
        status = pbti_agent_stop(study->agent, PBTI_STOP_HOURS, err);
        free_cancelled(study);
    }
    if (status == PBT_OK && hand_out(study, first, last, task)) { return PBT_OK; }
    if (status == PBT_OK) { status = pbti_agent_poll(study->agent, err); }
    while (status == PBT_OK && study->asked != NULL) {
        status = propose(study, err);
    }
    free_cancelled(study);
    if (status == PBT_OK) { (void)hand_out(study, first, last, task); }
    return status;
}

pbt_status pbt_study_next(struct pbt_study *study, struct pbt_task *task, struct pbt_error *err)
{
    (void)pthread_mutex_lock(&study->lock);
    pbt_status const status = pbti_embed_ask(study, 0, study->opts.slots - 1, task, err);
    (void)pthread_mutex_unlock(&study->lock);
    return status;
}

/* -------- tell -------- */

struct pbti_embed_slot *pbti_embed_slot_of(const struct pbt_task *task)
{
    const struct pbt_study *const study = task->study;
    if (study == NULL || task->slot >= study->opts.slots) { return NULL; }
    struct pbti_embed_slot *const slot = &study->slots[task->slot];
    return slot->out && strcmp(slot->task.id, task->id) == 0 ? slot : NULL;
}

static pbt_status finish(struct pbt_study *study, struct pbti_embed_slot *slot,
                         const struct pbti_result *result, struct pbt_error *err)
{
    uint64_t const claim = slot->claim;
    slot->out = false;
    slot->scored = result->outcome == PBTI_OUTCOME_DONE;
    if (slot->cancelled) { return PBT_OK; } /* its claim is gone: the result is nobody's */
    slot->started = false;
    pbt_status const status = pbti_agent_finished(study->agent, slot->task.slot, result, err);
    /* perhaps there was no room to keep the result: it may be reported again: that does no harm */
    if (status == PBT_ENOMEM && slot->claim == claim) { slot->out = slot->started = true; }
    return status;
}

pbt_status pbti_embed_tell(struct pbt_study *study, const struct pbt_task *task,
                           struct pbti_result result, struct pbt_error *err)
{
    (void)pthread_mutex_lock(&study->lock);
    struct pbti_embed_slot *const slot = task->study == study ? pbti_embed_slot_of(task) : NULL;
    pbt_status status = PBT_OK;
    if (slot == NULL) {
        status = PBTI_FAIL(err, PBT_EINVAL, 0, "task \"%s\" is not out", task->id);
    } else {
        result.claim = slot->claim;
        status = finish(study, slot, &result, err);
        free_cancelled(study);
    }
    (void)pthread_cond_broadcast(&study->moved);
    (void)pthread_mutex_unlock(&study->lock);
    return status;
}

pbt_status pbt_study_report_scores(struct pbt_study *study, const struct pbt_task *task,
                                   const double *scores, size_t count, struct pbt_error *err)
{
    if (count < 1 || count > PBTI_SCORES_MAX) {
        return PBTI_FAIL(err, PBT_EINVAL, 0, "%zu scores, but a report has 1 to %d", count,
                         PBTI_SCORES_MAX);
    }
    struct pbti_result const result = {.outcome = PBTI_OUTCOME_DONE,
                                       .held = true,
                                       .scores = scores,
                                       .scores_count = (uint32_t)count};
    return pbti_embed_tell(study, task, result, err);
}

pbt_status pbt_study_report(struct pbt_study *study, const struct pbt_task *task, double score,
                            struct pbt_error *err)
{
    return pbt_study_report_scores(study, task, &score, 1, err);
}

pbt_status pbt_study_fail(struct pbt_study *study, const struct pbt_task *task, const char *message,
                          struct pbt_error *err)
{
    struct pbti_result const result = {.outcome = PBTI_OUTCOME_ERROR,
                                       .message = {message, strlen(message)}};
    return pbti_embed_tell(study, task, result, err);
}
