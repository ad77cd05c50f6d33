/* SPDX-License-Identifier: Apache-2.0 */
/* study/final_claim.c - the right to run the final evaluation. See final_claim.h. */
#include "study/final_claim.h"

#include "base/fail.h"
#include "study/study_append.h"
#include "study/study_journal.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TOPIC "evaluation_claim"
#define RESULT "final_evaluation"
#define LOOK_MS 250
#define BEATS 4 /* until a worker of another host is known to be dead */

/* What the journal says of it. */
struct known {
    struct pbti_checkpoint checkpoint;
    int64_t now_ms;
    struct pbti_liveness *liveness;
    bool done;
    uint64_t worker, process; /* of the last claim; worker 0: there is none */
    int64_t claimed_ms;
    char host[PBTI_NAME_MAX + 1];
};

static bool is_topic(const struct pbti_event_note *note, const char *topic)
{
    return note->topic.size == strlen(topic) &&
           memcmp(note->topic.data, topic, note->topic.size) == 0;
}

/* A pbti_observer. */
static void on_event(void *context, uint64_t seq, const struct pbti_event *event)
{
    struct known *const known = context;
    const struct pbti_event_note *const note = &event->note;
    (void)seq;
    if (event->type != PBTI_NOTE || !pbti_checkpoint_equal(note->checkpoint, known->checkpoint)) {
        return;
    }
    known->done = known->done || is_topic(note, RESULT);
    if (!is_topic(note, TOPIC)) { return; }
    json_t *const detail = json_loadb(note->detail.data, note->detail.size, 0, NULL);
    const char *const worker = json_string_value(json_object_get(detail, "worker"));
    const char *const host = json_string_value(json_object_get(detail, "host"));
    known->worker = worker != NULL ? strtoull(worker, NULL, 16) : 0;
    known->process = (uint64_t)json_integer_value(json_object_get(detail, "process"));
    known->claimed_ms = event->time_ms;
    (void)snprintf(known->host, sizeof known->host, "%s", host != NULL ? host : "");
    json_decref(detail);
}

static bool is_of_this_host(const struct known *known)
{
    return strcmp(known->host, pbti_liveness_host(known->liveness)) == 0;
}

/* Files of the owner that were made on another host may not be seen here yet. */
static bool is_fresh(const struct known *known)
{
    int64_t const age = known->now_ms - known->claimed_ms;
    return !is_of_this_host(known) && age > -PBTI_FINAL_CLAIM_FRESH_MS &&
           age < PBTI_FINAL_CLAIM_FRESH_MS;
}

/* A pbti_still_wanted: nobody has done it or is at it. */
static bool is_free(void *context)
{
    struct known *const known = context;
    if (known->done) { return false; }
    if (known->worker == 0) { return true; }
    if (is_fresh(known)) { return false; }
    struct pbti_event_worker const owner = {.worker = known->worker,
                                            .process = known->process,
                                            .host = {known->host, strlen(known->host)}};
    return pbti_liveness_left(known->liveness, owner.worker) ||
           pbti_liveness_dead(known->liveness, &owner);
}

static pbt_status claim_once(struct pbti_follower *follower, struct known *known, uint64_t worker,
                             uint64_t process, struct pbt_error *err)
{
    char id[17];
    (void)snprintf(id, sizeof id, "%016" PRIx64, worker);
    json_t *const detail =
        json_pack("{s:s, s:s, s:I}", "worker", id, "host", pbti_liveness_host(known->liveness),
                  "process", (json_int_t)process);
    char *const text = detail == NULL ? NULL : json_dumps(detail, JSON_COMPACT);
    json_decref(detail);
    if (text == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    struct pbti_event const event = {.type = PBTI_NOTE,
                                     .time_ms = known->now_ms,
                                     .note = {.checkpoint = known->checkpoint,
                                              .topic = {TOPIC, sizeof TOPIC - 1},
                                              .detail = {text, strlen(text)}}};
    pbt_status const status = pbti_study_append_while(follower, &event, is_free, known, err);
    free(text);
    return status;
}

/* Claim it, or watch who has it for as long as it takes to know whether they live. */
static pbt_status claim(struct pbti_follower *follower, struct known *known, uint64_t worker,
                        uint64_t process, struct pbt_error *err)
{
    pbt_status status = claim_once(follower, known, worker, process, err);
    for (uint32_t waited = 0; waited < BEATS * PBTI_BEAT_MS; waited += LOOK_MS) {
        bool const unsure =
            status == PBT_EEXIST && !known->done && !is_of_this_host(known) && !is_fresh(known);
        if (!unsure) { break; }
        struct timespec const pause = {.tv_nsec = LOOK_MS * 1000000L};
        (void)nanosleep(&pause, NULL);
        PBTI_TRY(pbti_follower_refresh(follower, err));
        status = claim_once(follower, known, worker, process, err);
    }
    return status;
}

pbt_status pbti_final_claim_take(const char *dir, const char *named,
                                 struct pbti_checkpoint checkpoint, int64_t now_ms,
                                 uint64_t process, struct pbti_final_claim *taken,
                                 struct pbt_error *err)
{
    struct pbti_journal_opts const opts = pbti_journal_opts_default();
    struct pbti_journal *journal = NULL;
    struct pbti_follower *follower = NULL;
    struct known known = {.checkpoint = checkpoint, .now_ms = now_ms};
    uint64_t worker = 0;
    *taken = (struct pbti_final_claim){0};
    pbt_status status = pbti_liveness_open(dir, &worker, &known.liveness, err);
    if (status == PBT_OK) { status = pbti_study_journal_open(dir, named, &opts, &journal, err); }
    if (status == PBT_OK) {
        status = pbti_follower_open(journal, on_event, &known, &follower, err);
    }
    if (status == PBT_OK) { status = claim(follower, &known, worker, process, err); }
    pbti_follower_close(follower);
    pbti_journal_close(journal);
    taken->taken = status == PBT_OK;
    taken->done = known.done;
    taken->process = known.process;
    memcpy(taken->host, known.host, sizeof taken->host);
    if (taken->taken) {
        taken->liveness = known.liveness;
    } else {
        pbti_liveness_close(known.liveness);
    }
    return status == PBT_EEXIST ? PBT_OK : status;
}

void pbti_final_claim_release(struct pbti_final_claim *taken)
{
    pbti_liveness_close(taken->liveness);
    *taken = (struct pbti_final_claim){0};
}
