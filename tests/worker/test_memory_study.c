/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_memory_study.c - a generational study by eight processes over a file, and the same by eight
 * agents of one process over a journal in memory, to which each segment ends as it did before: they
 * decide the same. Protects rule 11 (tests/conformance/test_over_postgres.py does so for the
 * journals that processes can share).
 */
#include "base/bytes.h"
#include "support/door.h"
#include "worker/agent.h"
#include "worker/worker_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

enum { WORKERS = 8, MEMBERS = 8, SEGMENTS = 6, BYTES_MAX = 1024 };

/* -------- what came out -------- */

struct ending {
    bool there;
    double score;
    uint8_t decision[BYTES_MAX]; /* encoded, without its time */
    size_t size;
};

struct record {
    struct ending ending[MEMBERS][SEGMENTS];
    unsigned reports, decisions;
    uint64_t workers[WORKERS + 1]; /* that claimed */
    unsigned workers_count;
};

static void note_worker(struct record *record, uint64_t worker)
{
    for (unsigned i = 0; i < record->workers_count; i++) {
        if (record->workers[i] == worker) { return; }
    }
    assert_true(record->workers_count < WORKERS);
    record->workers[record->workers_count++] = worker;
}

/* A pbti_observer. */
static void take_down(void *context, uint64_t seq, const struct pbti_event *event)
{
    struct record *const record = context;
    (void)seq;
    if (event->type == PBTI_CLAIM) { note_worker(record, event->claim.worker); }
    if (event->type == PBTI_REPORT) {
        const struct pbti_event_report *const report = &event->report;
        struct ending *const it = &record->ending[report->member][report->segment - 1];
        assert_int_equal(report->outcome, PBTI_OUTCOME_DONE);
        assert_int_equal(report->scores_count, 1);
        assert_false(it->there);
        it->there = true;
        it->score = report->scores[0];
        record->reports++;
    }
    if (event->type == PBTI_DECISION) {
        struct pbti_event decision = *event;
        decision.time_ms = 0;
        struct ending *const it =
            &record->ending[event->decision.member][event->decision.segment - 1];
        struct pbti_writer writer = {.data = it->decision, .capacity = BYTES_MAX};
        pbti_event_encode(&decision, &writer);
        assert_false(writer.failed);
        it->size = writer.size;
        record->decisions++;
    }
}

/* -------- by processes -------- */

static struct pbti_journal *run_processes(struct lab *lab, struct record *record,
                                          struct pbti_follower **follower)
{
    const char *const source = getenv("PBT_SOURCE_DIR");
    char path[300];
    assert_non_null(source);
    (void)snprintf(path, sizeof path, "%s/python", source);
    assert_int_equal(setenv("PYTHONPATH", path, 1), 0);
    lab_study(lab,
              "study: eight\nseed: 3\npopulation: %d\nsteps: %d\nready: 20\nslots: 1\n"
              "sync: normal\ntrainer:\n"
              "  command: [/usr/bin/python3, -S, %s/tests/conformance/hill_trainer.py]\n"
              "space:\n  rate: {type: log, low: 1e-4, high: 1}\n"
              "  momentum: {type: linear, low: 0, high: 0.9}\n"
              "strategy: {name: pbt, mode: generational}\nfixed: {sleep: 0.05}\n",
              MEMBERS, SEGMENTS * 20, source);
    pid_t workers[WORKERS];
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i] = lab_start_worker(lab);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        int status;
        assert_int_equal(waitpid(workers[i], &status, 0), workers[i]);
        assert_int_equal(status, 0);
    }
    struct pbti_journal *journal;
    (void)snprintf(path, sizeof path, "sqlite:%s/journal.db", lab->study);
    assert_int_equal(pbti_journal_open(path, NULL, &journal, NULL), PBT_OK);
    assert_int_equal(pbti_follower_open(journal, take_down, record, follower, NULL), PBT_OK);
    return journal;
}

/* -------- by agents -------- */

struct worker {
    struct door door;
    struct pbti_journal *journal;
    struct pbti_follower *follower;
    struct pbti_agent *agent;
    bool running;
    struct pbti_task task; /* values are not kept */
};

static int64_t world_now(void *context)
{
    (void)context;
    return 1000;
}

static void world_random(void *context, void *bytes, size_t size)
{
    static uint64_t number;
    (void)context;
    memset(bytes, 0, size);
    number++;
    memcpy(bytes, &number, sizeof number);
}

static void world_start(void *context, uint32_t slot, const struct pbti_task *task)
{
    struct worker *const worker = context;
    assert_int_equal(slot, 0);
    worker->task = *task;
    worker->running = true;
}

static void world_cancel(void *context, uint32_t slot)
{
    (void)context, (void)slot;
    fail_msg("nobody takes a claim away here");
}

static void world_drop(void *context, struct pbti_checkpoint checkpoint)
{
    (void)context, (void)checkpoint;
}

static bool world_dead(void *context, const struct pbti_event_worker *event)
{
    (void)context, (void)event;
    return false;
}

static void join(struct worker *worker, struct pbti_journal *truth, uint64_t id)
{
    worker->door.inner = truth;
    assert_int_equal(door_open(&worker->door, &worker->journal), PBT_OK);
    assert_int_equal(pbti_follower_open(worker->journal, NULL, NULL, &worker->follower, NULL),
                     PBT_OK);
    struct pbti_agent_opts opts = pbti_agent_opts_default();
    opts.worker = id;
    struct pbti_world const world = {worker,      world_now,    world_random,
                                     world_start, world_cancel, world_drop,
                                     world_dead,  NULL,         NULL};
    assert_int_equal(pbti_agent_create(worker->follower, &world, &opts, &worker->agent, NULL),
                     PBT_OK);
}

static void leave(struct worker *worker)
{
    pbti_agent_destroy(worker->agent);
    pbti_follower_close(worker->follower);
    pbti_journal_close(worker->journal);
}

/* Look, or end what runs as the same segment ended before. */
static void act(struct worker *worker, const struct record *before)
{
    if (!worker->running) {
        assert_int_equal(pbti_agent_poll(worker->agent, NULL), PBT_OK);
        return;
    }
    const struct ending *const ending =
        &before->ending[worker->task.member][worker->task.segment - 1];
    assert_true(ending->there);
    struct pbti_result const result = {.claim = worker->task.claim,
                                       .outcome = PBTI_OUTCOME_DONE,
                                       .held = true,
                                       .scores = &ending->score,
                                       .scores_count = 1};
    worker->running = false;
    assert_int_equal(pbti_agent_finished(worker->agent, 0, &result, NULL), PBT_OK);
}

static void run_agents(const struct pbti_follower *model, const struct record *before,
                       uint64_t order, struct record *record)
{
    struct pbti_journal *truth;
    struct pbti_follower *reader;
    assert_int_equal(pbti_journal_open("memory:", NULL, &truth, NULL), PBT_OK);
    assert_int_equal(pbti_follower_open(truth, take_down, record, &reader, NULL), PBT_OK);
    struct pbti_event const study = {
        .type = PBTI_STUDY,
        .study = {.config = pbti_state_config(pbti_follower_state(model)),
                  .spec = pbti_follower_spec(model)}};
    assert_int_equal(pbti_follower_stage(reader, &study, NULL), PBT_OK);
    assert_int_equal(pbti_follower_commit(reader, (struct pbti_batch_id){{0}}, NULL), PBT_OK);
    struct worker workers[WORKERS] = {0};
    for (unsigned i = 0; i < WORKERS; i++) {
        join(&workers[i], truth, i + 1);
    }
    for (unsigned turns = 0; !pbti_agent_done(workers[0].agent); turns++) {
        assert_true(turns < 100000);
        order = order * 6364136223846793005u + 1442695040888963407u;
        act(&workers[order >> 61], before); /* 3 bits: one of eight */
        if (turns % WORKERS == 0) { act(&workers[0], before); }
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        leave(&workers[i]);
    }
    assert_int_equal(pbti_follower_refresh(reader, NULL), PBT_OK);
    pbti_follower_close(reader);
    pbti_journal_close(truth);
}

/* -------- the test -------- */

static void test_rule_11_eight_workers_decide_the_same_in_memory(void **state)
{
    (void)state;
    struct lab *const lab = calloc(1, sizeof *lab);
    struct record *const real = calloc(1, sizeof *real);
    assert_non_null(lab);
    assert_non_null(real);
    lab_open(lab);
    struct pbti_follower *follower;
    struct pbti_journal *const journal = run_processes(lab, real, &follower);
    assert_int_equal(real->decisions, MEMBERS * SEGMENTS);
    assert_int_equal(real->reports, MEMBERS * SEGMENTS);
    assert_true(real->workers_count > 4);
    for (uint64_t order = 1; order <= 20; order++) {
        struct record *const record = calloc(1, sizeof *record);
        assert_non_null(record);
        run_agents(follower, real, order, record);
        assert_true(record->workers_count > 4);
        assert_memory_equal(record->ending, real->ending, sizeof real->ending);
        free(record);
    }
    pbti_follower_close(follower);
    pbti_journal_close(journal);
    lab_close(lab);
    free(real);
    free(lab);
}

int main(int argc, char **argv)
{
    lab_main(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rule_11_eight_workers_decide_the_same_in_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
