/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_agent.c - stories of workers: what they append, start, cancel and delete, as a trace text.
 * Protects docs/design.md section 2, ideas 3 and 4, section 4, and rules 12, 13 and 15; the
 * same under all kinds of faults together is the simulator's business (tests/sim).
 *
 * Several workers share one true memory journal, each through a door that fails when told to. Each
 * durable event and each act in the world is a line of the trace.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "journal/batch.h"
#include "support/door.h"
#include "worker/agent.h"

enum { WORKERS_MAX = 3, SLOTS_MAX = 3, TRACE_MAX = 16384 };

struct story;

struct worker {
    struct story *story;
    char name; /* 'a', 'b', ... */
    bool dead; /* others find it so */
    bool slow; /* its proposals come later, from answer() */
    struct door door;
    struct pbti_journal *journal;
    struct pbti_follower *follower;
    struct pbti_agent *agent;
    struct pbti_task task[SLOTS_MAX]; /* the last one started; values are not kept */
};

struct story {
    struct pbti_journal *truth;
    struct pbti_config *config;
    struct pbti_follower *reader; /* tells the trace what is durable */
    struct worker worker[WORKERS_MAX];
    uint32_t workers;
    uint64_t steady_ms; /* the clock of pauses */
    uint8_t ids;
    char trace[TRACE_MAX];
    size_t size;
};

static void PBT_PRINTF(2, 3) say(struct story *story, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int const size = vsnprintf(story->trace + story->size, TRACE_MAX - story->size, format, args);
    va_end(args);
    assert_true(size >= 0 && (size_t)size < TRACE_MAX - story->size);
    story->size += (size_t)size;
}

/* -------- the journal's lines -------- */

static char name_of(const struct story *story, uint64_t worker)
{
    (void)story;
    return (char)('a' + (worker - 1));
}

/* A pbti_observer. */
static void tell(void *context, uint64_t seq, const struct pbti_event *event)
{
    (void)seq;
    struct story *const story = context;
    switch ((enum pbti_event_type)event->type) {
    case PBTI_CLAIM:
        say(story, "| claim m%u.s%u.a%u by %c%u\n", event->claim.member, event->claim.segment,
            event->claim.attempt, name_of(story, event->claim.worker), event->claim.slot);
        break;
    case PBTI_RELEASE:
        say(story, "| release m%u %s\n", event->release.member,
            pbti_release_name(event->release.reason));
        break;
    case PBTI_REPORT:
        say(story, "| report m%u.s%u.a%u %s\n", event->report.member, event->report.segment,
            event->report.attempt, pbti_outcome_name(event->report.outcome));
        break;
    case PBTI_DECISION:
        say(story, "| decision m%u %s\n", event->decision.member,
            pbti_decision_name(event->decision.kind));
        break;
    case PBTI_STOP: say(story, "| stop %s\n", pbti_stop_name(event->stop.reason)); break;
    case PBTI_WORKER: say(story, "| worker %c\n", name_of(story, event->worker.worker)); break;
    case PBTI_LEAVE: say(story, "| leave %c\n", name_of(story, event->worker.worker)); break;
    case PBTI_PROPOSAL: say(story, "| proposal m%u\n", event->proposal.member); break;
    case PBTI_NOTE:
        say(story, "| %.*s m%u.s%u.a%u %.*s\n", (int)event->note.topic.size, event->note.topic.data,
            event->note.checkpoint.member, event->note.checkpoint.segment,
            event->note.checkpoint.attempt, (int)event->note.detail.size, event->note.detail.data);
        break;
    case PBTI_STUDY:
    case PBTI_AMEND: say(story, "| %s\n", pbti_event_name(event->type)); break;
    }
}

/* Trace what is durable, up to now. */
static void look(struct story *story)
{
    assert_int_equal(pbti_follower_refresh(story->reader, NULL), PBT_OK);
}

/* -------- the world's lines -------- */

static int64_t world_now(void *context)
{
    (void)context;
    return 1000;
}

static uint64_t world_steady(void *context)
{
    return ((const struct worker *)context)->story->steady_ms;
}

static void world_random(void *context, void *bytes, size_t size)
{
    struct worker *const worker = context;
    memset(bytes, 0, size);
    ((unsigned char *)bytes)[0] = ++worker->story->ids;
}

static void world_start(void *context, uint32_t slot, const struct pbti_task *task)
{
    struct worker *const worker = context;
    look(worker->story); /* what is acted on must be there */
    say(worker->story, "%c%u: start m%u.s%u.a%u, %s", worker->name, slot, task->member,
        task->segment, task->attempt,
        task->keep                ? "keep"
        : task->from.segment == 0 ? "fresh"
                                  : "load");
    if (task->from.segment > 0) {
        say(worker->story, " m%u.s%u", task->from.member, task->from.segment);
    }
    say(worker->story, "\n");
    worker->task[slot] = *task;
    worker->task[slot].values = NULL;
}

static void world_cancel(void *context, uint32_t slot)
{
    struct worker *const worker = context;
    look(worker->story);
    say(worker->story, "%c%u: cancel\n", worker->name, slot);
}

static void world_drop(void *context, struct pbti_checkpoint checkpoint)
{
    struct worker *const worker = context;
    look(worker->story);
    say(worker->story, "%c: delete m%u.s%u.a%u\n", worker->name, checkpoint.member,
        checkpoint.segment, checkpoint.attempt);
    assert_false(pbti_state_reachable(pbti_follower_state(worker->story->reader), checkpoint));
}

static bool world_dead(void *context, const struct pbti_event_worker *event)
{
    const struct story *const story = ((const struct worker *)context)->story;
    assert_int_equal(event->host.size, 4);
    assert_memory_equal(event->host.data, "here", 4);
    return story->worker[event->worker - 1].dead;
}

/* Says what it was told, and proposes 0.25 after none, 0.5 after one; nothing after two. */
static enum pbti_proposed world_propose(void *context, const struct pbti_observations *trials,
                                        double *values)
{
    struct worker *const worker = context;
    look(worker->story);
    say(worker->story, "%c: propose after", worker->name);
    for (uint32_t i = 0; i < trials->count; i++) {
        say(worker->story, " %g at %g", trials->scores[i], trials->values[i]);
    }
    for (uint32_t i = 0; i < trials->pending_count; i++) {
        say(worker->story, ", tried %g", trials->pending[i]);
    }
    say(worker->story, "\n");
    if (worker->slow) { return PBTI_PROPOSED_LATER; }
    values[0] = 0.25 * (trials->count + 1);
    return trials->count < 2 ? PBTI_PROPOSED : PBTI_PROPOSED_NONE;
}

/* -------- telling a story -------- */

static struct story *begin(uint32_t members)
{
    struct story *const story = calloc(1, sizeof *story);
    assert_non_null(story);
    story->config = malloc(sizeof *story->config);
    assert_non_null(story->config);
    pbti_config_default(story->config);
    story->config->members = members;
    story->config->steps = story->config->max_age = 30;
    story->config->ready_every = 10;
    story->config->quantile = 0.5;
    story->config->retries = 1;
    story->config->keep_top = 0;
    story->config->lead = 0;
    return story;
}

/* The journal begins here: the config may be changed before. */
static void write_study(struct story *story)
{
    struct pbti_event const study = {.type = PBTI_STUDY, .study = {.config = story->config}};
    struct pbti_batch batch = {0};
    struct pbti_batch_id const id = {{0}};
    uint64_t last = 0;
    assert_int_equal(pbti_journal_open("memory:", NULL, &story->truth, NULL), PBT_OK);
    assert_int_equal(pbti_batch_add(&batch, &study, NULL), PBT_OK);
    assert_int_equal(
        pbti_journal_append(story->truth, batch.data, batch.size, 1, 0, id, &last, NULL), PBT_OK);
    pbti_batch_deinit(&batch);
    assert_int_equal(pbti_follower_open(story->truth, NULL, NULL, &story->reader, NULL), PBT_OK);
    assert_int_equal(pbti_follower_observe(story->reader, tell, story, NULL), PBT_OK);
    story->size = 0;
    story->trace[0] = '\0';
}

static struct worker *join(struct story *story, uint32_t slots, uint32_t only_member)
{
    struct worker *const worker = &story->worker[story->workers++];
    worker->story = story;
    worker->name = (char)('a' + story->workers - 1);
    worker->door.inner = story->truth;
    assert_int_equal(door_open(&worker->door, &worker->journal), PBT_OK);
    assert_int_equal(pbti_follower_open(worker->journal, NULL, NULL, &worker->follower, NULL),
                     PBT_OK);
    struct pbti_agent_opts opts = pbti_agent_opts_default();
    opts.slots = slots;
    opts.worker = story->workers;
    opts.host = "here";
    opts.only_member = only_member;
    struct pbti_world const world = {worker,      world_now,     world_random,
                                     world_start, world_cancel,  world_drop,
                                     world_dead,  world_propose, world_steady};
    assert_int_equal(pbti_agent_create(worker->follower, &world, &opts, &worker->agent, NULL),
                     PBT_OK);
    return worker;
}

static void end(struct story *story)
{
    for (uint32_t i = 0; i < story->workers; i++) {
        pbti_agent_destroy(story->worker[i].agent);
        pbti_follower_close(story->worker[i].follower);
        pbti_journal_close(story->worker[i].journal);
    }
    pbti_follower_close(story->reader);
    pbti_journal_close(story->truth);
    free(story->config);
    free(story);
}

static void poll(struct worker *worker)
{
    assert_int_equal(pbti_agent_poll(worker->agent, NULL), PBT_OK);
}

static pbt_status finish(struct worker *worker, uint32_t slot, uint8_t outcome, double score)
{
    struct pbti_result const result = {.claim = worker->task[slot].claim,
                                       .outcome = outcome,
                                       .held = true,
                                       .scores = &score,
                                       .scores_count = 1};
    return pbti_agent_finished(worker->agent, slot, &result, NULL);
}

static void done(struct worker *worker, uint32_t slot, double score)
{
    assert_int_equal(finish(worker, slot, PBTI_OUTCOME_DONE, score), PBT_OK);
}

/* What happened so far is no part of the story. */
static void forget(struct story *story)
{
    look(story);
    story->size = 0;
    story->trace[0] = '\0';
}

/* What happened since the last call of this. */
static void expect(struct story *story, const char *trace)
{
    look(story);
    assert_string_equal(story->trace, trace);
    forget(story);
}

/* -------- stories -------- */

static void test_a_report_its_decision_and_the_next_claim_are_one_batch(void **state)
{
    (void)state;
    struct story *const story = begin(2);
    story->config->exploit = PBTI_EXPLOIT_NONE;
    write_study(story);
    struct worker *const a = join(story, 1, PBTI_NO_MEMBER);
    poll(a);
    expect(story, "| worker a\n"
                  "| claim m0.s1.a1 by a0\n"
                  "a0: start m0.s1.a1, fresh\n");
    assert_int_equal(a->door.batches, 1);
    done(a, 0, 0.5);
    expect(story, "| report m0.s1.a1 done\n"
                  "| decision m0 keep\n"
                  "| claim m1.s1.a1 by a0\n"
                  "a0: start m1.s1.a1, fresh\n");
    assert_int_equal(a->door.batches, 2);
    assert_int_equal(a->door.batch_events, 3);
    done(a, 0, 0.5);
    expect(story, "| report m1.s1.a1 done\n"
                  "| decision m1 keep\n"
                  "| claim m1.s2.a1 by a0\n"
                  "a0: start m1.s2.a1, keep m1.s1\n"); /* no more steps than m0, and in memory */
    done(a, 0, 0.5);
    expect(story, "| report m1.s2.a1 done\n"
                  "| decision m1 keep\n"
                  "| claim m0.s2.a1 by a0\n"
                  "a: delete m1.s1.a1\n"
                  "a0: start m0.s2.a1, load m0.s1\n");
    assert_int_equal(pbti_agent_busy(a->agent), 1);
    end(story);
}

/* Whoever runs the slots, a process or a program that embeds the study, is refused alike. */
static void test_too_few_scores_for_the_t_test_fail_the_segment(void **state)
{
    (void)state;
    struct story *const story = begin(2);
    story->config->exploit = PBTI_EXPLOIT_TTEST;
    story->config->scores_min = 2;
    story->config->retries = 0;
    write_study(story);
    struct worker *const a = join(story, 1, PBTI_NO_MEMBER);
    poll(a);
    done(a, 0, 0.5);
    look(story);
    assert_non_null(strstr(story->trace, "\"outcome\":\"config\""));
    assert_non_null(strstr(story->trace, "exploit ttest needs at least 2 scores a segment, and the "
                                         "trainer reports 1"));
    assert_non_null(strstr(story->trace, "a: delete m0.s1.a1\n"));
    end(story);
}

static void test_all_free_slots_are_filled_by_one_batch(void **state)
{
    (void)state;
    struct story *const story = begin(2);
    write_study(story);
    struct worker *const a = join(story, 3, PBTI_NO_MEMBER);
    poll(a);
    expect(story, "| worker a\n"
                  "| claim m0.s1.a1 by a0\n"
                  "| claim m1.s1.a1 by a1\n"
                  "a0: start m0.s1.a1, fresh\n"
                  "a1: start m1.s1.a1, fresh\n");
    assert_int_equal(a->door.batches, 1);
    poll(a); /* nothing to say: nothing is appended */
    expect(story, "");
    assert_int_equal(a->door.batches, 1);
    end(story);
}

static void test_weights_in_memory_are_kept_and_an_exploit_loads(void **state)
{
    (void)state;
    struct story *const story = begin(2);
    write_study(story);
    struct worker *const a = join(story, 2, PBTI_NO_MEMBER);
    poll(a);
    done(a, 0, 0.9);
    done(a, 1, 0.1);
    expect(story, "| worker a\n"
                  "| claim m0.s1.a1 by a0\n"
                  "| claim m1.s1.a1 by a1\n"
                  "a0: start m0.s1.a1, fresh\n"
                  "a1: start m1.s1.a1, fresh\n"
                  "| report m0.s1.a1 done\n"
                  "| decision m0 keep\n"
                  "| claim m0.s2.a1 by a0\n"
                  "a0: start m0.s2.a1, keep m0.s1\n"
                  "| report m1.s1.a1 done\n"
                  "| decision m1 replace\n"
                  "| claim m1.s2.a1 by a1\n"
                  "a: delete m1.s1.a1\n"
                  "a1: start m1.s2.a1, load m0.s1\n");
    struct pbti_result const cold = {.claim = a->task[0].claim, .outcome = PBTI_OUTCOME_DONE};
    assert_int_equal(pbti_agent_finished(a->agent, 0, &cold, NULL), PBT_OK); /* not held */
    expect(story, "| report m0.s2.a1 done\n"
                  "| decision m0 keep\n"
                  "| claim m0.s3.a1 by a0\n"
                  "a0: start m0.s3.a1, load m0.s2\n");
    end(story);
}

static void test_what_was_not_appended_is_not_acted_on(void **state)
{
    (void)state;
    struct story *const story = begin(2);
    write_study(story);
    struct worker *const a = join(story, 1, PBTI_NO_MEMBER);
    a->door.append = PBT_EIO;
    assert_int_equal(pbti_agent_poll(a->agent, NULL), PBT_EIO);
    expect(story, "");
    poll(a);
    expect(story, "| worker a\n| claim m0.s1.a1 by a0\na0: start m0.s1.a1, fresh\n");
    a->door.append = PBT_EBUSY;
    assert_int_equal(finish(a, 0, PBTI_OUTCOME_DONE, 0.5), PBT_EBUSY);
    expect(story, "");
    assert_int_equal(pbti_agent_busy(a->agent), 1); /* the result is kept */
    poll(a);
    expect(story, "| report m0.s1.a1 done\n"
                  "| decision m0 keep\n"
                  "| claim m1.s1.a1 by a0\n"
                  "a0: start m1.s1.a1, fresh\n");
    end(story);
}

static void test_a_batch_whose_answer_was_lost_is_found_and_acted_on(void **state)
{
    (void)state;
    struct story *const story = begin(2);
    write_study(story);
    struct worker *const a = join(story, 1, PBTI_NO_MEMBER);
    poll(a);
    forget(story);
    a->door.append = PBT_EUNKNOWN;
    a->door.append_lands = true;
    a->door.landed_fails = 100;
    assert_int_equal(finish(a, 0, PBTI_OUTCOME_DONE, 0.5), PBT_EUNKNOWN);
    expect(story, "| report m0.s1.a1 done\n"
                  "| decision m0 keep\n"
                  "| claim m1.s1.a1 by a0\n"); /* durable, and nobody here knows */
    poll(a);
    expect(story, "a0: start m1.s1.a1, fresh\n"); /* reported once, claimed once, started once */
    end(story);
}

static void test_a_conflict_is_decided_anew(void **state)
{
    (void)state;
    struct story *const story = begin(3);
    write_study(story);
    struct worker *const a = join(story, 1, PBTI_NO_MEMBER);
    struct worker *const b = join(story, 1, PBTI_NO_MEMBER);
    poll(a);
    poll(b);
    forget(story);
    done(a, 0, 0.1); /* b does not look before it appends */
    done(b, 0, 0.9);
    expect(story, "| report m0.s1.a1 done\n"
                  "| decision m0 keep\n"
                  "| claim m2.s1.a1 by a0\n"
                  "a0: start m2.s1.a1, fresh\n"
                  "| report m1.s1.a1 done\n"
                  "| decision m1 keep\n"
                  "| claim m1.s2.a1 by b0\n" /* it had decided on m2 */
                  "b0: start m1.s2.a1, keep m1.s1\n");
    end(story);
}

static void test_a_dead_workers_claims_are_freed_and_a_zombie_is_harmless(void **state)
{
    (void)state;
    struct story *const story = begin(2);
    write_study(story);
    struct worker *const a = join(story, 1, PBTI_NO_MEMBER);
    struct worker *const b = join(story, 1, PBTI_NO_MEMBER);
    poll(a);
    poll(b);
    a->dead = true;
    forget(story);
    poll(b);
    expect(story, "| release m0 lost\n| leave a\n");
    done(b, 0, 0.5);
    expect(story, "| report m1.s1.a1 done\n"
                  "| decision m1 keep\n"
                  "| claim m0.s1.a2 by b0\n"
                  "b0: start m0.s1.a2, fresh\n");
    a->dead = false; /* it was alive after all, and reports late */
    done(a, 0, 0.7);
    expect(story, "a: delete m0.s1.a1\n"
                  "| late_report m0.s1.a1 {\"claim\":3,\"outcome\":\"done\"}\n"
                  "| worker a\n"
                  "| claim m1.s2.a1 by a0\n"
                  "a0: start m1.s2.a1, load m1.s1\n");
    end(story);
}

static void test_a_late_result_is_noted_once_although_the_answer_was_lost(void **state)
{
    (void)state;
    struct story *const story = begin(1);
    write_study(story);
    struct worker *const a = join(story, 1, PBTI_NO_MEMBER);
    struct worker *const b = join(story, 1, PBTI_NO_MEMBER);
    poll(a);
    a->dead = true;
    poll(b);
    a->dead = false;
    forget(story);
    a->door.append = PBT_EIO; /* it has not seen that its claim is gone */
    assert_int_equal(finish(a, 0, PBTI_OUTCOME_CRASH, NAN), PBT_EIO);
    expect(story, "");
    a->door.append = PBT_EUNKNOWN;
    a->door.append_lands = true;
    a->door.landed_fails = 100;
    assert_int_equal(pbti_agent_poll(a->agent, NULL), PBT_EUNKNOWN);
    expect(story, "a: delete m0.s1.a1\n"
                  "| late_report m0.s1.a1 {\"claim\":3,\"outcome\":\"crash\"}\n"
                  "| worker a\n");
    poll(a);
    expect(story, "");
    end(story);
}

static void test_a_zombie_that_looks_first_cancels(void **state)
{
    (void)state;
    struct story *const story = begin(1);
    write_study(story);
    struct worker *const a = join(story, 1, PBTI_NO_MEMBER);
    struct worker *const b = join(story, 1, PBTI_NO_MEMBER);
    poll(a);
    a->dead = true;
    poll(b);
    a->dead = false;
    forget(story);
    poll(a);
    expect(story, "a0: cancel\n| worker a\n");
    done(a, 0, 0.7); /* it had ended just before: nobody asks for it */
    expect(story, "");
    pbti_agent_freed(a->agent, 0, true);
    expect(story, "a: delete m0.s1.a1\n");
    end(story);
}

static void test_a_failed_attempt_is_tried_again_and_its_save_deleted(void **state)
{
    (void)state;
    struct story *const story = begin(1);
    write_study(story);
    struct worker *const a = join(story, 1, PBTI_NO_MEMBER);
    poll(a);
    forget(story);
    assert_int_equal(finish(a, 0, PBTI_OUTCOME_CRASH, NAN), PBT_OK);
    expect(story, "| report m0.s1.a1 crash\n"
                  "| claim m0.s1.a2 by a0\n"
                  "a: delete m0.s1.a1\n"
                  "a0: start m0.s1.a2, fresh\n");
    assert_int_equal(finish(a, 0, PBTI_OUTCOME_NAN, NAN), PBT_OK); /* never again with these */
    expect(story, "| report m0.s1.a2 nan\n"
                  "| decision m0 give_up\n"
                  "a: delete m0.s1.a2\n");
    assert_true(pbti_agent_done(a->agent));
    assert_int_equal(pbti_state_stop(pbti_follower_state(a->follower)), PBTI_STOP_FAILED);
    end(story);
}

static void test_results_that_come_twice_count_once(void **state)
{
    (void)state;
    struct story *const story = begin(2);
    write_study(story);
    struct worker *const a = join(story, 1, PBTI_NO_MEMBER);
    poll(a);
    struct pbti_result const old = {.claim = a->task[0].claim, .outcome = PBTI_OUTCOME_DONE};
    done(a, 0, 0.5);
    forget(story);
    uint32_t const batches = a->door.batches;
    assert_int_equal(pbti_agent_finished(a->agent, 0, &old, NULL), PBT_OK);
    expect(story, "");
    assert_int_equal(a->door.batches, batches);
    assert_int_equal(pbti_agent_busy(a->agent), 1); /* the new task runs on */
    end(story);
}

static void test_a_stop_gives_up_claims_and_an_amend_goes_on(void **state)
{
    (void)state;
    struct story *const story = begin(2);
    write_study(story);
    struct worker *const a = join(story, 1, PBTI_NO_MEMBER);
    struct worker *const b = join(story, 1, PBTI_NO_MEMBER);
    poll(a);
    poll(b);
    forget(story);
    a->door.append = PBT_EIO;
    assert_int_equal(pbti_agent_stop(a->agent, PBTI_STOP_USER, NULL), PBT_EIO);
    poll(a); /* what was to be said is not forgotten */
    expect(story, "| stop user\n| release m0 stopped\na0: cancel\n");
    assert_true(pbti_agent_done(a->agent));
    assert_int_equal(pbti_agent_busy(a->agent), 1); /* its trainer is not gone yet */
    poll(b);
    expect(story, "| release m1 stopped\nb0: cancel\n");
    pbti_agent_freed(a->agent, 0, true);
    poll(a);
    expect(story, "a: delete m0.s1.a1\n");

    struct pbti_event const amend = {.type = PBTI_AMEND, .study = {.config = story->config}};
    struct pbti_batch_id const id = {{99}};
    assert_int_equal(pbti_follower_stage(story->reader, &amend, NULL), PBT_OK);
    assert_int_equal(pbti_follower_commit(story->reader, id, NULL), PBT_OK);
    poll(a);
    expect(story, "| amend\n| claim m0.s1.a2 by a0\na0: start m0.s1.a2, fresh\n");
    assert_false(pbti_agent_done(a->agent));
    end(story);
}

static void test_the_target_cancels_everybody_else(void **state)
{
    (void)state;
    struct story *const story = begin(3);
    story->config->has_target = true;
    story->config->target = 0.9;
    write_study(story);
    struct worker *const a = join(story, 2, PBTI_NO_MEMBER);
    poll(a);
    forget(story);
    done(a, 0, 0.95);
    expect(story, "| report m0.s1.a1 done\n"
                  "| decision m0 keep\n"
                  "| release m1 stopped\n"
                  "a1: cancel\n");
    end(story);
}

static void test_leaving_gives_everything_back(void **state)
{
    (void)state;
    struct story *const story = begin(3);
    write_study(story);
    struct worker *const a = join(story, 2, PBTI_NO_MEMBER);
    poll(a);
    forget(story);
    a->door.append = PBT_EIO;
    assert_int_equal(finish(a, 0, PBTI_OUTCOME_DONE, 0.5), PBT_EIO);
    assert_int_equal(pbti_agent_leave(a->agent, NULL), PBT_OK);
    expect(story, "| report m0.s1.a1 done\n"
                  "| decision m0 keep\n"
                  "| release m1 drain\n"
                  "| leave a\n"
                  "a1: cancel\n");
    poll(a);
    expect(story, "");
    end(story);
}

static void test_a_draining_worker_ends_what_it_runs(void **state)
{
    (void)state;
    struct story *const story = begin(3);
    write_study(story);
    struct worker *const a = join(story, 2, PBTI_NO_MEMBER);
    poll(a);
    forget(story);
    pbti_agent_drain(a->agent);
    poll(a);
    done(a, 0, 0.5);
    expect(story, "| report m0.s1.a1 done\n| decision m0 keep\n");
    done(a, 1, 0.4);
    expect(story, "| report m1.s1.a1 done\n| decision m1 replace\na: delete m1.s1.a1\n");
    assert_int_equal(pbti_agent_busy(a->agent), 0);
    end(story);
}

static void test_a_slot_out_of_order_gets_nothing_more(void **state)
{
    (void)state;
    struct story *const story = begin(3);
    write_study(story);
    struct worker *const a = join(story, 2, PBTI_NO_MEMBER);
    poll(a);
    forget(story);
    pbti_agent_freed(a->agent, 0, false);
    assert_int_equal(finish(a, 0, PBTI_OUTCOME_SILENCE, NAN), PBT_OK);
    expect(story, "| report m0.s1.a1 silence_limit\na: delete m0.s1.a1\n");
    done(a, 1, 0.5);
    expect(story, "| report m1.s1.a1 done\n"
                  "| decision m1 keep\n"
                  "| claim m0.s1.a2 by a1\n"
                  "a1: start m0.s1.a2, fresh\n");
    end(story);
}

static void test_one_member_alone(void **state)
{
    (void)state;
    struct story *const story = begin(3);
    story->config->steps = 10;
    write_study(story);
    struct worker *const a = join(story, 2, 1);
    poll(a);
    expect(story, "| worker a\n| claim m1.s1.a1 by a0\na0: start m1.s1.a1, fresh\n");
    assert_false(pbti_agent_done(a->agent));
    done(a, 0, 0.5);
    expect(story, "| report m1.s1.a1 done\n| decision m1 finish\n");
    assert_true(pbti_agent_done(a->agent));
    end(story);
}

static void test_a_finished_study_is_left_alone(void **state)
{
    (void)state;
    struct story *const story = begin(1);
    story->config->steps = 10;
    write_study(story);
    struct worker *const a = join(story, 1, PBTI_NO_MEMBER);
    poll(a);
    done(a, 0, 0.5);
    forget(story);
    struct worker *const b = join(story, 1, PBTI_NO_MEMBER);
    poll(b);
    assert_true(pbti_agent_done(b->agent));
    assert_int_equal(pbti_agent_leave(b->agent, NULL), PBT_OK);
    expect(story, "");
    assert_int_equal(b->door.batches, 0);
    end(story);
}

static void test_a_generation_is_judged_by_whoever_completes_it(void **state)
{
    (void)state;
    struct story *const story = begin(2);
    story->config->mode = PBTI_GENERATIONAL;
    write_study(story);
    struct worker *const a = join(story, 1, PBTI_NO_MEMBER);
    struct worker *const b = join(story, 1, PBTI_NO_MEMBER);
    poll(a);
    poll(b);
    forget(story);
    done(a, 0, 0.9);
    expect(story, "| report m0.s1.a1 done\n"); /* a waits */
    done(b, 0, 0.1);
    poll(a);
    expect(story, "| report m1.s1.a1 done\n"
                  "| decision m0 keep\n"
                  "| decision m1 replace\n"
                  "| claim m0.s2.a1 by b0\n"
                  "b: delete m1.s1.a1\n"
                  "b0: start m0.s2.a1, load m0.s1\n"
                  "| claim m1.s2.a1 by a0\n"
                  "a0: start m1.s2.a1, keep m0.s1\n"); /* the donor's weights are in a's memory */
    end(story);
}

/* Remembers the last report. */
static void catch_report(void *context, uint64_t seq, const struct pbti_event *event)
{
    (void)seq;
    struct pbti_event_report *const report = context;
    if (event->type == PBTI_REPORT) { *report = event->report; }
}

static void test_what_is_too_long_is_cut(void **state)
{
    (void)state;
    struct story *const story = begin(2);
    write_study(story);
    struct worker *const a = join(story, 1, PBTI_NO_MEMBER);
    poll(a);
    size_t const size = PBTI_METRICS_TEXT_MAX + 1;
    char *const text = malloc(size);
    double *const scores = calloc(PBTI_SCORES_MAX + 1, sizeof *scores);
    assert_true(text != NULL && scores != NULL);
    memset(text, 'x', size);
    scores[PBTI_SCORES_MAX] = 0.5;
    struct pbti_result const result = {.outcome = PBTI_OUTCOME_DONE,
                                       .scores = scores,
                                       .scores_count = PBTI_SCORES_MAX + 1,
                                       .metrics = {text, size},
                                       .message = {text, size}};
    struct pbti_event_report report = {.scores_count = 0};
    assert_int_equal(pbti_follower_observe(a->follower, catch_report, &report, NULL), PBT_OK);
    assert_int_equal(pbti_agent_finished(a->agent, 0, &result, NULL), PBT_OK);
    assert_int_equal(report.scores_count, PBTI_SCORES_MAX);
    assert_int_equal(report.metrics.size, 0);
    assert_int_equal(report.message.size, PBTI_MESSAGE_MAX);
    assert_true(pbti_state_member(pbti_follower_state(a->follower), 0)->score == 0.5);
    free(text);
    free(scores);
    end(story);
}

/* -------- proposals -------- */

/* One segment each; the first `given` members have a starting point, 0.1, 0.2, ... */
static struct story *begin_proposals(uint32_t members, uint32_t given)
{
    struct story *const story = begin(members);
    struct pbti_config *const config = story->config;
    config->steps = config->max_age = 10;
    config->exploit = PBTI_EXPLOIT_NONE;
    config->explore = PBTI_EXPLORE_NONE;
    config->maximize = false;
    config->proposals = true;
    config->space.count = 1;
    config->space.hp[0] = (struct pbti_hp){.name = "h", .kind = PBTI_HP_LINEAR, .high = 1.0};
    config->points_count = given;
    for (uint32_t i = 0; i < given; i++) {
        config->points[i] = (i + 1) / 10.0;
    }
    write_study(story);
    return story;
}

static double held(const struct story *story, uint32_t member)
{
    return pbti_state_values(pbti_follower_state(story->reader), member)[0];
}

static void test_a_member_begins_with_what_was_proposed(void **state)
{
    (void)state;
    struct story *const story = begin_proposals(4, 1);
    struct worker *const a = join(story, 2, PBTI_NO_MEMBER);
    poll(a);
    expect(story, "| worker a\n"
                  "| claim m0.s1.a1 by a0\n"
                  "a0: start m0.s1.a1, fresh\n"
                  "a: propose after, tried 0.1\n"
                  "| proposal m1\n"
                  "| claim m1.s1.a1 by a1\n"
                  "a1: start m1.s1.a1, fresh\n");
    assert_true(held(story, 1) == 0.25);
    assert_int_equal(a->door.batches, 2);
    done(a, 1, 7.0); /* minimised: its key is -7 */
    expect(story, "| report m1.s1.a1 done\n"
                  "| decision m1 finish\n"
                  "a: propose after -7 at 0.25, tried 0.1\n"
                  "| proposal m2\n"
                  "| claim m2.s1.a1 by a1\n"
                  "a1: start m2.s1.a1, fresh\n");
    assert_true(held(story, 2) == 0.5);
    forget(story);
    double const drawn = held(story, 3);
    assert_int_equal(finish(a, 0, PBTI_OUTCOME_NAN, 0.0), PBT_OK);
    expect(story, "| report m0.s1.a1 nan\n"
                  "| decision m0 give_up\n"
                  "a: delete m0.s1.a1\n"
                  "a: propose after -7 at 0.25 nan at 0.1, tried 0.5\n" /* in order of their ends */
                  "| proposal m3\n"
                  "| claim m3.s1.a1 by a0\n"
                  "a0: start m3.s1.a1, fresh\n");
    assert_true(held(story, 3) == drawn); /* nothing was proposed: what it drew */
    end(story);
}

/* The answer that world_propose() put off. */
static void answer(struct worker *worker, double value)
{
    assert_int_equal(pbti_agent_proposed(worker->agent, &value, NULL), PBT_OK);
}

/* While a proposal is made the other slot reports, and nobody asks for another. */
static void test_a_slow_proposal_holds_up_nobody(void **state)
{
    (void)state;
    struct story *const story = begin_proposals(4, 2);
    struct worker *const a = join(story, 2, PBTI_NO_MEMBER);
    a->slow = true;
    poll(a);
    forget(story);
    done(a, 0, 1.0);
    expect(story, "| report m0.s1.a1 done\n"
                  "| decision m0 finish\n"
                  "a: propose after -1 at 0.1, tried 0.2\n");
    done(a, 1, 2.0);
    poll(a);
    expect(story, "| report m1.s1.a1 done\n"
                  "| decision m1 finish\n");
    assert_int_equal(pbti_agent_busy(a->agent), 0);
    assert_false(pbti_agent_done(a->agent));
    answer(a, 0.7);
    expect(story, "| proposal m2\n"
                  "| claim m2.s1.a1 by a0\n"
                  "a0: start m2.s1.a1, fresh\n"
                  "a: propose after -1 at 0.1 -2 at 0.2, tried 0.7\n"); /* for the other slot */
    assert_true(held(story, 2) == 0.7);
    double const drawn = held(story, 3);
    assert_int_equal(pbti_agent_proposed(a->agent, NULL, NULL), PBT_OK);
    expect(story, "| proposal m3\n"
                  "| claim m3.s1.a1 by a1\n"
                  "a1: start m3.s1.a1, fresh\n");
    assert_true(held(story, 3) == drawn);
    end(story);
}

/* A proposal that took its time is not made again because somebody else was faster with a report;
 * but it is when somebody else was faster with a proposal. */
static void test_a_proposal_outlives_a_conflict_unless_there_is_another(void **state)
{
    (void)state;
    struct story *const story = begin_proposals(4, 2);
    struct worker *const a = join(story, 1, PBTI_NO_MEMBER);
    struct worker *const b = join(story, 1, PBTI_NO_MEMBER);
    a->slow = b->slow = true;
    poll(a);
    poll(b);
    done(a, 0, 1.0);
    forget(story);
    done(b, 0, 2.0);
    expect(story, "| report m1.s1.a1 done\n"
                  "| decision m1 finish\n"
                  "b: propose after -1 at 0.1 -2 at 0.2\n");
    answer(a, 0.5); /* it has not looked since it asked */
    expect(story, "| proposal m2\n"
                  "| claim m2.s1.a1 by a0\n"
                  "a0: start m2.s1.a1, fresh\n");
    assert_true(held(story, 2) == 0.5);
    answer(b, 0.6); /* for m2, too */
    expect(story, "b: propose after -1 at 0.1 -2 at 0.2, tried 0.5\n");
    answer(b, 0.9);
    expect(story, "| proposal m3\n"
                  "| claim m3.s1.a1 by b0\n"
                  "b0: start m3.s1.a1, fresh\n");
    assert_true(held(story, 3) == 0.9);
    struct worker *const c = join(story, 1, PBTI_NO_MEMBER);
    poll(c); /* nobody expects one any longer */
    expect(story, "| worker c\n");
    end(story);
}

/* Where an append fails, what was proposed is said by the next poll. */
static void test_a_proposal_that_was_not_appended_is_kept(void **state)
{
    (void)state;
    struct story *const story = begin_proposals(2, 1);
    struct worker *const a = join(story, 1, PBTI_NO_MEMBER);
    a->slow = true;
    poll(a);
    done(a, 0, 1.0);
    forget(story);
    a->door.append = PBT_EIO;
    double const value = 0.4;
    assert_int_equal(pbti_agent_proposed(a->agent, &value, NULL), PBT_EIO);
    expect(story, "");
    poll(a);
    expect(story, "| proposal m1\n"
                  "| claim m1.s1.a1 by a0\n"
                  "a0: start m1.s1.a1, fresh\n");
    assert_true(held(story, 1) == 0.4);
    end(story);
}

static void test_who_leaves_does_not_wait_for_a_proposal(void **state)
{
    (void)state;
    struct story *const story = begin_proposals(3, 1);
    struct worker *const a = join(story, 1, PBTI_NO_MEMBER);
    struct worker *const b = join(story, 1, PBTI_NO_MEMBER);
    a->slow = b->slow = true;
    poll(a);
    poll(b);
    forget(story);
    pbti_agent_drain(b->agent);
    answer(b, 0.4);
    expect(story, "");
    done(a, 0, 1.0);
    forget(story);
    assert_int_equal(pbti_agent_leave(a->agent, NULL), PBT_OK);
    expect(story, "| leave a\n");
    end(story); /* without an answer */
}

static void test_a_world_that_cannot_propose_is_refused(void **state)
{
    (void)state;
    struct story *const story = begin_proposals(1, 0);
    struct pbti_world const world = {.context = NULL};
    struct pbti_agent_opts opts = pbti_agent_opts_default();
    opts.worker = 1;
    struct pbti_agent *agent = NULL;
    struct pbt_error err;
    assert_int_equal(pbti_agent_create(story->reader, &world, &opts, &agent, &err), PBT_EINVAL);
    assert_string_equal(err.message,
                        "the study asks for proposals, which this program cannot make");
    assert_null(agent);
    end(story);
}

static void test_wrong_options_are_refused(void **state)
{
    (void)state;
    struct story *const story = begin(1);
    write_study(story);
    struct pbti_world const world = {.context = NULL};
    struct pbti_agent *agent = NULL;
    struct pbti_agent_opts opts = pbti_agent_opts_default();
    assert_int_equal(pbti_agent_create(story->reader, &world, &opts, &agent, NULL), PBT_EINVAL);
    opts.worker = 1;
    opts.slots = 0;
    assert_int_equal(pbti_agent_create(story->reader, &world, &opts, &agent, NULL), PBT_EINVAL);
    opts.slots = 1;
    opts.struct_size = 0;
    assert_int_equal(pbti_agent_create(story->reader, &world, &opts, &agent, NULL), PBT_EINVAL);
    assert_null(agent);
    end(story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_report_its_decision_and_the_next_claim_are_one_batch),
        cmocka_unit_test(test_too_few_scores_for_the_t_test_fail_the_segment),
        cmocka_unit_test(test_all_free_slots_are_filled_by_one_batch),
        cmocka_unit_test(test_weights_in_memory_are_kept_and_an_exploit_loads),
        cmocka_unit_test(test_what_was_not_appended_is_not_acted_on),
        cmocka_unit_test(test_a_batch_whose_answer_was_lost_is_found_and_acted_on),
        cmocka_unit_test(test_a_conflict_is_decided_anew),
        cmocka_unit_test(test_a_dead_workers_claims_are_freed_and_a_zombie_is_harmless),
        cmocka_unit_test(test_a_late_result_is_noted_once_although_the_answer_was_lost),
        cmocka_unit_test(test_a_zombie_that_looks_first_cancels),
        cmocka_unit_test(test_a_failed_attempt_is_tried_again_and_its_save_deleted),
        cmocka_unit_test(test_results_that_come_twice_count_once),
        cmocka_unit_test(test_a_stop_gives_up_claims_and_an_amend_goes_on),
        cmocka_unit_test(test_the_target_cancels_everybody_else),
        cmocka_unit_test(test_leaving_gives_everything_back),
        cmocka_unit_test(test_a_draining_worker_ends_what_it_runs),
        cmocka_unit_test(test_a_slot_out_of_order_gets_nothing_more),
        cmocka_unit_test(test_one_member_alone),
        cmocka_unit_test(test_a_finished_study_is_left_alone),
        cmocka_unit_test(test_a_generation_is_judged_by_whoever_completes_it),
        cmocka_unit_test(test_what_is_too_long_is_cut),
        cmocka_unit_test(test_a_member_begins_with_what_was_proposed),
        cmocka_unit_test(test_a_slow_proposal_holds_up_nobody),
        cmocka_unit_test(test_a_proposal_outlives_a_conflict_unless_there_is_another),
        cmocka_unit_test(test_a_proposal_that_was_not_appended_is_kept),
        cmocka_unit_test(test_who_leaves_does_not_wait_for_a_proposal),
        cmocka_unit_test(test_a_world_that_cannot_propose_is_refused),
        cmocka_unit_test(test_wrong_options_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
