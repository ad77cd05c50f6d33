/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/worker/test_run.c - whole runs of a worker with real processes.
 *
 * Protects rule 12 (killing loses and duplicates nothing; interrupts can be resumed), hot slots
 * (nothing is reloaded when the right weights are in memory), several workers on one study, trouble
 * with storage, stop.hours, proposals that hold up nobody, and that a run leaves the process as it
 * found it. Runs under the thread sanitizer, too: a worker publishes and proposes off its loop, by
 * uv_queue_work().
 */
#include "propose/propose.h"
#include "study/final_claim.h"
#include "study/study_append.h"
#include "study/study_handle.h"
#include "trainer/adopted.h"
#include "worker/worker_lab.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct lab lab;

static int setup(void **state)
{
    (void)state;
    lab_open(&lab);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    lab_close(&lab);
    return 0;
}

/* A study of `members` with `segments` each that take `sleep` seconds. */
static void make_study_of(const char *mode, int members, int segments, const char *sleep,
                          const char *more)
{
    char trainer[600], environment[80];
    (void)snprintf(environment, sizeof environment, "  environment: {BAD_SLEEP: \"%s\"}\n", sleep);
    lab_study(&lab,
              "study: run\n%s"
              "  limits: {grace: 500ms}\n"
              "population: %d\nsteps: %d\nready: 1\nsync: normal\n"
              "space:\n  lr: {type: log, low: 1e-3, high: 1e-1}\n%s",
              lab_bad_trainer(&lab, mode, environment, trainer, sizeof trainer), members, segments,
              more);
}

static void make_study(int members, int segments, const char *sleep, const char *more)
{
    make_study_of("good", members, segments, sleep, more);
}

static int wait_for(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* Until the journal holds so many events; returns how many there are. */
static uint64_t await_events(uint64_t count)
{
    char url[128];
    struct pbti_journal *journal;
    uint64_t last = 0;
    (void)snprintf(url, sizeof url, "sqlite:%s/journal.db", lab.study);
    struct pbti_journal_opts const opts = pbti_journal_opts_default();
    assert_int_equal(pbti_journal_open(url, &opts, &journal, NULL), PBT_OK);
    for (int i = 0; i < 100 && last < count; i++) {
        assert_int_equal(pbti_journal_wait(journal, count - 1, 100, &last, NULL), PBT_OK);
    }
    assert_true(last >= count);
    pbti_journal_close(journal);
    return last;
}

/* Every segment of every member was reported as done exactly once, and the checkpoints on disk are
 * those the state names. */
static void check_whole(uint32_t members, uint32_t segments)
{
    struct pbti_study study;
    struct pbti_store_listing listing;
    assert_int_equal(lab.stop, PBTI_STOP_BUDGET);
    assert_int_equal(pbti_study_open(&study, lab.study, NULL, true, NULL, NULL, NULL), PBT_OK);
    const struct pbti_state *const state = pbti_follower_state(study.follower);
    assert_null(pbti_state_check(state));
    struct pbti_counts const counts = pbti_state_counts(state);
    assert_int_equal(counts.segments_done, members * segments);
    assert_int_equal(counts.steps, members * segments);
    assert_int_equal(pbti_store_list(study.store, false, &listing, NULL), PBT_OK);
    for (size_t i = 0; i < listing.count; i++) {
        assert_true(pbti_state_reachable(state, listing.items[i]));
    }
    for (uint32_t i = 0; i < members; i++) {
        struct pbti_stored stored;
        assert_int_equal(
            pbti_store_measure(study.store, pbti_state_member(state, i)->start, &stored, NULL),
            PBT_OK);
        assert_int_equal(stored.files, 1);
    }
    free(listing.items);
    pbti_study_close(&study);
}

static void test_a_study_runs_to_its_end(void **state)
{
    (void)state;
    make_study(4, 5, "0", "slots: 2\n");
    assert_int_equal(lab_run(&lab), PBT_OK);
    assert_int_equal(lab.end, PBTI_RUN_ENDED);
    assert_int_equal(lab.reports_count, 20);
    assert_int_equal(lab.warnings_count, 0);
    check_whole(4, 5);
    assert_int_equal(lab_run(&lab), PBT_OK); /* once more: there is nothing left to do */
    assert_int_equal(lab.end, PBTI_RUN_ENDED);
    assert_int_equal(lab.reports_count, 20);
    check_whole(4, 5);
}

static void test_hot_slots_reload_nothing(void **state)
{
    long process = 0;
    (void)state;
    make_study(1, 6, "0", "slots: 1\nstrategy: random\n");
    assert_int_equal(lab_run(&lab), PBT_OK);
    assert_int_equal(lab.reports_count, 6);
    for (size_t i = 0; i < 6; i++) {
        json_t *const metrics = json_loads(lab.reports[i].metrics, 0, NULL);
        long const start = (long)json_integer_value(json_object_get(metrics, "start"));
        long const pid = (long)json_integer_value(json_object_get(metrics, "process"));
        assert_int_equal(start, i == 0 ? 0 : 2); /* fresh, then keep */
        assert_true(i == 0 || pid == process);
        process = pid;
        json_decref(metrics);
    }
}

/* -------- rule 12 -------- */

static void test_rule_12_an_interrupted_run_is_resumed(void **state)
{
    (void)state;
    make_study(3, 4, "0.03", "slots: 2\n");
    pid_t const pid = lab_start_worker(&lab);
    await_events(12);
    assert_int_equal(kill(pid, SIGINT), 0);
    int const status = wait_for(pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 10);
    assert_int_equal(lab_processes(&lab), 0);
    assert_int_equal(lab_run(&lab), PBT_OK);
    assert_true(lab.releases >= 1); /* it gave its claims back */
    check_whole(3, 4);
}

static void test_rule_12_a_killed_worker_loses_nothing(void **state)
{
    (void)state;
    make_study(3, 6, "0.03", "slots: 2\n");
    for (uint64_t kills = 0; kills < 3; kills++) {
        pid_t const pid = lab_start_worker(&lab);
        await_events(10 + 8 * kills);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_true(WIFSIGNALED(wait_for(pid)));
    }
    assert_int_equal(lab_run(&lab), PBT_OK);
    assert_true(lab.releases >= 3); /* by whoever found it dead */
    check_whole(3, 6);
}

static void test_rule_12_a_killed_trainer_costs_an_attempt(void **state)
{
    (void)state;
    make_study(2, 4, "0.1", "slots: 1\n");
    pid_t const pid = lab_start_worker(&lab);
    await_events(8);
    char command[200]; /* the trainer itself, not its shim */
    (void)snprintf(command, sizeof command,
                   "for p in $(pgrep -f 'bad_trainer.py good$'); do "
                   "tr '\\0' '\\n' </proc/$p/environ | grep -q '^PBT_LAB_MARK=%s$' && "
                   "tr '\\0' ' ' </proc/$p/cmdline | grep -qv shim && kill -9 $p; done",
                   lab.mark);
    assert_true(system(command) >= 0);
    assert_int_equal(wait_for(pid), 0);
    assert_int_equal(lab_run(&lab), PBT_OK);
    bool found = false;
    for (size_t i = 0; i < lab.reports_count; i++) {
        found = found || strstr(lab.reports[i].message, "killed by signal 9") != NULL;
    }
    assert_true(found);
    check_whole(2, 4);
}

/* ... and one whose shim was killed leaves no descendants to the machine. */
static void test_a_killed_shim_leaves_nothing_where_the_worker_adopts(void **state)
{
    (void)state;
    make_study_of("kill_shim", 1, 3, "0", "slots: 1\n");
    lab.opts.adopts = true;
    assert_int_equal(lab_run(&lab), PBT_OK);
    assert_int_equal(lab.end, PBTI_RUN_ENDED);
    assert_int_equal(lab_processes(&lab), 0);
    assert_true(lab.reports_count > 3);       /* it was killed */
    assert_false(pbti_adopted_expect(false)); /* as it was before */
    check_whole(1, 3);
}

static void test_two_workers_share_a_study(void **state)
{
    (void)state;
    make_study(6, 4, "0.02", "slots: 1\n");
    pid_t const other = lab_start_worker(&lab);
    await_events(4);
    assert_int_equal(lab_run(&lab), PBT_OK);
    assert_int_equal(wait_for(other), 0);
    check_whole(6, 4);
}

static void test_two_workers_share_generations(void **state)
{
    (void)state;
    make_study(4, 3, "0.02", "slots: 2\nstrategy: {name: pbt, mode: generational}\n");
    pid_t const other = lab_start_worker(&lab);
    assert_int_equal(lab_run(&lab), PBT_OK);
    assert_int_equal(wait_for(other), 0);
    check_whole(4, 3);
}

/* -------- trouble with storage -------- */

static int ticks;

static void store_path(char path[120], char away[120])
{
    (void)snprintf(path, 120, "%s/checkpoints", lab.study);
    (void)snprintf(away, 120, "%s/away", lab.study);
}

/* As if the store's disk were gone for a while. */
static void move_store(bool back)
{
    char path[120], away[120];
    store_path(path, away);
    assert_int_equal(back ? rename(away, path) : rename(path, away), 0);
}

static void tick_and_return(void *context, const struct pbti_run_view *view)
{
    (void)context;
    (void)view;
    ticks++;
    if (ticks == 2) { move_store(false); }
    if (ticks == 8) { move_store(true); }
}

static void tick_and_keep(void *context, const struct pbti_run_view *view)
{
    (void)context;
    (void)view;
    if (++ticks == 2) { move_store(false); }
}

static void tick_only(void *context, const struct pbti_run_view *view)
{
    (void)context;
    (void)view;
    ticks++;
}

static pbt_status run_with_tick(void (*tick)(void *, const struct pbti_run_view *),
                                struct pbt_error *err)
{
    struct pbti_run_opts opts = pbti_run_opts_default();
    enum pbti_run_end end;
    ticks = 0;
    opts.dir = lab.study;
    opts.give_up_ms = 1500;
    opts.tick = tick;
    return pbti_run(&opts, &end, err);
}

static void test_storage_that_comes_back_is_waited_for(void **state)
{
    struct pbt_error err;
    (void)state;
    make_study(2, 40, "0.02", "slots: 1\n");
    assert_int_equal(run_with_tick(tick_and_return, &err), PBT_OK);
    assert_int_equal(lab_run(&lab), PBT_OK);
    size_t failed = 0;
    for (size_t i = 0; i < lab.reports_count; i++) {
        failed += lab.reports[i].outcome != PBTI_OUTCOME_DONE;
    }
    assert_true(failed <= 1); /* a trainer that was just saving */
    assert_int_equal(lab.stop, PBTI_STOP_BUDGET);
}

static void test_storage_that_stays_away_ends_the_run(void **state)
{
    struct pbt_error err;
    (void)state;
    make_study(2, 40, "0.02", "slots: 1\n");
    assert_int_equal(run_with_tick(tick_and_keep, &err), PBT_EIO);
    assert_non_null(strstr(err.message, "checkpoints"));
    assert_int_equal(lab_processes(&lab), 0);
    move_store(true);
    assert_int_equal(lab_run(&lab), PBT_OK); /* and nothing is lost */
    assert_int_equal(lab.stop, PBTI_STOP_BUDGET);
}

/* Publishing is tried again off the loop: while that goes on, trouble is not over. */
static void test_storage_that_goes_while_publishing_ends_the_run(void **state)
{
    struct pbt_error err;
    (void)state;
    make_study_of("store_gone", 2, 3, "0.02", "slots: 1\n");
    assert_int_equal(run_with_tick(tick_only, &err), PBT_EIO);
    assert_true(ticks < 100);
    assert_int_equal(lab_processes(&lab), 0);
    move_store(true);
    assert_int_equal(lab_run(&lab), PBT_OK);
    assert_int_equal(lab.stop, PBTI_STOP_BUDGET);
}

/* -------- the rest -------- */

static void test_stop_hours(void **state)
{
    (void)state;
    make_study(1, 1000000, "0.01", "slots: 1\nstop: {hours: 0.0002}\n");
    assert_int_equal(lab_run(&lab), PBT_OK);
    assert_int_equal(lab.stop, PBTI_STOP_HOURS);
    assert_int_equal(lab.end, PBTI_RUN_ENDED);
}

/* -------- proposals -------- */

/* Members behind `initial` ones, whose proposals take a while. */
static void make_study_of_proposals(int initial, int later)
{
    char trainer[600];
    lab_study(&lab,
              "study: run\n%s"
              "  limits: {grace: 500ms}\n"
              "population: %d\nsteps: 1\nready: 1\nsync: normal\nslots: 2\n"
              "space:\n  lr: {type: log, low: 1e-3, high: 1e-1}\n"
              "  a: {type: linear, low: 0, high: 1}\n  b: {type: linear, low: 0, high: 1}\n"
              "  c: {type: linear, low: 0, high: 1}\n  d: {type: linear, low: 0, high: 1}\n"
              "strategy: {name: bayes, initial: %d}\n",
              lab_bad_trainer(&lab, "good", "", trainer, sizeof trainer), initial + later, initial);
}

struct proposals {
    uint64_t reports_at[512]; /* sequence numbers */
    uint32_t reports;
    uint32_t count;   /* proposals */
    uint32_t overlap; /* reports between the last event that a proposal knows of, and itself */
};

/* A pbti_observer. */
static void count_proposals(void *context, uint64_t seq, const struct pbti_event *event)
{
    struct proposals *const seen = context;
    if (event->type == PBTI_REPORT && seen->reports < 512) {
        seen->reports_at[seen->reports++] = seq;
    }
    if (event->type != PBTI_PROPOSAL) { return; }
    seen->count++;
    for (uint32_t i = 0; i < seen->reports; i++) {
        if (seen->reports_at[i] > event->proposal.knows) { seen->overlap++; }
    }
}

static void read_proposals(struct proposals *seen)
{
    struct pbti_study study;
    *seen = (struct proposals){.count = 0};
    assert_int_equal(pbti_study_open(&study, lab.study, NULL, true, count_proposals, seen, NULL),
                     PBT_OK);
    pbti_study_close(&study);
}

/* What the other slot trained meanwhile is in the journal before the proposal is. */
static void test_a_slow_proposal_holds_up_no_other_slot(void **state)
{
    (void)state;
    if (!PBT_HAVE_BAYES) { skip(); }
    struct proposals seen;
    make_study_of_proposals(200, 20);
    assert_int_equal(lab_run(&lab), PBT_OK);
    assert_int_equal(lab.end, PBTI_RUN_ENDED);
    read_proposals(&seen);
    assert_int_equal(seen.count, 220);
    assert_true(seen.overlap >= 5);
    check_whole(220, 1);
}

/* Interrupted at any time, also while a proposal is made, it ends in order and goes on. */
static void test_12_interrupted_proposals_are_made_again(void **state)
{
    (void)state;
    if (!PBT_HAVE_BAYES) { skip(); }
    struct proposals seen;
    make_study_of_proposals(100, 40);
    pid_t pid = lab_start_worker(&lab);
    (void)await_events(410); /* four of each of the first 100 members, and the worker's */
    for (int i = 0; i < 6; i++) {
        (void)usleep(3000 * (useconds_t)i);
        assert_int_equal(kill(pid, SIGINT), 0);
        int const status = wait_for(pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 10);
        uint64_t const last = await_events(1);
        pid = lab_start_worker(&lab);
        (void)await_events(last + 4); /* it is there, and has begun */
    }
    assert_true(WIFEXITED(wait_for(pid)));
    assert_int_equal(lab_run(&lab), PBT_OK);
    assert_int_equal(lab.end, PBTI_RUN_ENDED);
    assert_int_equal(lab_processes(&lab), 0);
    read_proposals(&seen);
    assert_int_equal(seen.count, 140);
    check_whole(140, 1);
}

static void test_a_run_leaves_the_process_as_it_was(void **state)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGPIPE};
    struct sigaction before[5], after;
    sigset_t mask_before, mask_after;
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(sigaction(numbers[i], NULL, &before[i]), 0);
    }
    assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &mask_before), 0);
    make_study(1, 2, "0", "slots: 1\n");
    lab.opts.signals = true;
    assert_int_equal(lab_run(&lab), PBT_OK);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(sigaction(numbers[i], NULL, &after), 0);
        assert_true(after.sa_handler == before[i].sa_handler);
    }
    assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &mask_after), 0);
    assert_int_equal(sigismember(&mask_after, SIGPIPE), sigismember(&mask_before, SIGPIPE));
}

static void test_a_checkpoint_can_be_evaluated(void **state)
{
    struct pbti_study study;
    struct pbt_error err;
    (void)state;
    make_study(1, 2, "0", "slots: 1\n");
    assert_int_equal(lab_run(&lab), PBT_OK);
    assert_int_equal(pbti_study_open(&study, lab.study, NULL, true, NULL, NULL, NULL), PBT_OK);
    const struct pbti_state *const folded = pbti_follower_state(study.follower);
    uint64_t const seeds[] = {1, 2};
    double scores[] = {0.0, 0.0};
    struct pbti_evaluation evaluation = {.checkpoint = pbti_state_member(folded, 0)->start,
                                         .values = pbti_state_values(folded, 0),
                                         .age = 2,
                                         .seeds = seeds,
                                         .count = 2,
                                         .scores = scores};
    assert_int_equal(pbti_evaluate(&lab.opts, &evaluation, &err), PBT_OK);
    assert_false(evaluation.interrupted);
    assert_true(scores[0] == 0.5 && scores[1] == 0.5);
    assert_int_equal(json_integer_value(json_object_get(evaluation.metrics, "start")), 1);
    json_decref(evaluation.metrics);
    evaluation.checkpoint = (struct pbti_checkpoint){7, 7, 7};
    assert_int_equal(pbti_evaluate(&lab.opts, &evaluation, &err), PBT_ENOENT);
    assert_null(evaluation.metrics);
    assert_true(isnan(scores[0]) && isnan(scores[1]));
    pbti_study_close(&study);
}

static struct pbti_final_claim claim_final(struct pbti_checkpoint checkpoint)
{
    struct pbti_final_claim claim;
    struct pbt_error err;
    pbt_status const status =
        pbti_final_claim_take(lab.study, NULL, checkpoint, 1000, (uint64_t)getpid(), &claim, &err);
    if (status != PBT_OK) { fail_msg("%s", err.message); }
    return claim;
}

/* Another process that has the claim and does not end. */
static pid_t claim_elsewhere(struct pbti_checkpoint checkpoint)
{
    int ends[2];
    char byte = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t const pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        byte = claim_final(checkpoint).taken ? 1 : 2;
        if (write(ends[1], &byte, 1) == 1) { (void)pause(); }
        _exit(1);
    }
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(byte, 1);
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(close(ends[1]), 0);
    return pid;
}

static void test_the_final_evaluation_is_claimed_by_one(void **state)
{
    (void)state;
#ifdef __SANITIZE_THREAD__
    skip(); /* it forks beside threads of earlier tests, which the sanitizer does not bear */
#endif
    struct pbti_checkpoint const checkpoint = {0, 1, 1}, other = {0, 2, 1};
    make_study(1, 2, "0", "slots: 1\n");
    assert_int_equal(lab_run(&lab), PBT_OK);
    pid_t const pid = claim_elsewhere(checkpoint);
    struct pbti_final_claim claim = claim_final(checkpoint);
    assert_false(claim.taken || claim.done);
    assert_int_equal(claim.process, pid);
    claim = claim_final(other); /* of another best network */
    assert_true(claim.taken);
    pbti_final_claim_release(&claim);
    assert_int_equal(kill(pid, SIGKILL), 0);
    (void)wait_for(pid);
    claim = claim_final(checkpoint); /* its owner is dead */
    assert_true(claim.taken);
    pbti_final_claim_release(&claim);
    claim = claim_final(checkpoint); /* its owner had no result */
    assert_true(claim.taken);
    struct pbti_event const result = {
        .type = PBTI_NOTE,
        .time_ms = 1000,
        .note = {.checkpoint = checkpoint, .topic = {"final_evaluation", 16}, .detail = {"{}", 2}}};
    assert_int_equal(pbti_study_append(lab.study, NULL, &result, NULL), PBT_OK);
    pbti_final_claim_release(&claim);
    claim = claim_final(checkpoint);
    assert_true(!claim.taken && claim.done);
}

/* Half of what was saved, in the place of all of it. */
static void halve(struct pbti_study *study, struct pbti_checkpoint checkpoint)
{
    char path[PATH_MAX];
    struct pbti_stored stored;
    assert_int_equal(pbti_store_path(study->store, checkpoint, path, NULL), PBT_OK);
    DIR *const dir = opendir(path);
    assert_non_null(dir);
    const struct dirent *item;
    while ((item = readdir(dir)) != NULL) {
        if (item->d_type != DT_REG) { continue; }
        assert_int_equal(pbti_store_measure(study->store, checkpoint, &stored, NULL), PBT_OK);
        int const file = openat(dirfd(dir), item->d_name, O_WRONLY | O_CLOEXEC);
        assert_true(file >= 0 && stored.bytes > 0);
        assert_int_equal(ftruncate(file, (off_t)stored.bytes / 2), 0);
        assert_int_equal(close(file), 0);
    }
    assert_int_equal(closedir(dir), 0);
}

static void test_an_altered_checkpoint_is_not_evaluated(void **state)
{
    struct pbti_study study;
    struct pbt_error err;
    (void)state;
    make_study(1, 1, "0", "slots: 1\n");
    assert_int_equal(lab_run(&lab), PBT_OK);
    assert_int_equal(pbti_study_open(&study, lab.study, NULL, true, NULL, NULL, NULL), PBT_OK);
    const struct pbti_state *const folded = pbti_follower_state(study.follower);
    uint64_t const seed = 1;
    double score;
    struct pbti_evaluation evaluation = {.checkpoint = pbti_state_member(folded, 0)->start,
                                         .values = pbti_state_values(folded, 0),
                                         .age = 1,
                                         .seeds = &seed,
                                         .count = 1,
                                         .scores = &score};
    halve(&study, evaluation.checkpoint);
    assert_int_equal(pbti_evaluate(&lab.opts, &evaluation, &err), PBT_ECORRUPT);
    assert_non_null(strstr(err.message, "that were reported"));
    pbti_study_close(&study);
}

/* Member 1 alters what member 0 has saved: the next segment of member 0 does not begin with it. */
static void test_an_altered_checkpoint_is_not_loaded(void **state)
{
    (void)state;
    lab_study(&lab,
              "study: altered\n"
              "trainer:\n"
              "  one_shot: [/bin/sh, -c, 'echo weights > $0/w; case $1 in 1) for f in "
              "$0/../m0.*.a?/w; do echo x >> $f; done;; esac; echo $1', '{save}', '{member}']\n"
              "  retries: 0\n"
              "population: 2\nsteps: 2\nready: 1\nsync: normal\nslots: 1\n"
              "strategy: random\n"
              "space:\n  lr: {type: log, low: 1e-3, high: 1e-1}\n");
    assert_int_equal(lab_run(&lab), PBT_OK);
    size_t refused = 0;
    for (size_t i = 0; i < lab.reports_count; i++) {
        if (lab.reports[i].outcome != PBTI_OUTCOME_CHECKPOINT) { continue; }
        assert_non_null(strstr(lab.reports[i].message, "that were reported"));
        refused++;
    }
    assert_int_equal(refused, 1);
}

/* However a trainer leaves its folder, the segment has failed and the run goes on. */
static void test_a_spoilt_save_folder_is_the_trainers_fault(void **state)
{
    (void)state;
    lab_study(&lab,
              "study: spoilt\n"
              "trainer:\n"
              "  one_shot: [/bin/sh, -c, 'case $1 in 1) rmdir $0; echo x > $0;; esac; echo $1', "
              "'{save}', '{member}']\n"
              "  retries: 0\n"
              "population: 2\nsteps: 1\nready: 1\nsync: normal\nslots: 1\n"
              "strategy: random\n"
              "space:\n  lr: {type: log, low: 1e-3, high: 1e-1}\n");
    assert_int_equal(lab_run(&lab), PBT_OK);
    assert_int_equal(lab.end, PBTI_RUN_ENDED);
    size_t refused = 0;
    for (size_t i = 0; i < lab.reports_count; i++) {
        refused += lab.reports[i].outcome == PBTI_OUTCOME_CHECKPOINT ? 1 : 0;
    }
    assert_int_equal(refused, 1);
}

static void test_the_log_belongs_to_the_member(void **state)
{
    char path[120], text[2000] = "";
    (void)state;
    lab_study(&lab, "study: log\n"
                    "trainer: {one_shot: [/bin/sh, -c, 'echo I am member {member}; echo 1']}\n"
                    "population: 2\nsteps: 1\nready: 1\nsync: normal\nslots: 2\n"
                    "space:\n  lr: {type: log, low: 1e-3, high: 1e-1}\n");
    assert_int_equal(lab_run(&lab), PBT_OK);
    (void)snprintf(path, sizeof path, "%s/logs/m1.log", lab.study);
    FILE *const file = fopen(path, "re");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    (void)fclose(file);
    assert_non_null(strstr(text, "member 1 segment 1 attempt 1\nI am member 1\n"));
    assert_null(strstr(text, "I am member 0"));
}

int main(int argc, char **argv)
{
    lab_main(argc, argv);
#define RUN_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        RUN_TEST(test_a_study_runs_to_its_end),
        RUN_TEST(test_hot_slots_reload_nothing),
        RUN_TEST(test_rule_12_an_interrupted_run_is_resumed),
        RUN_TEST(test_rule_12_a_killed_worker_loses_nothing),
        RUN_TEST(test_rule_12_a_killed_trainer_costs_an_attempt),
        RUN_TEST(test_a_killed_shim_leaves_nothing_where_the_worker_adopts),
        RUN_TEST(test_two_workers_share_a_study),
        RUN_TEST(test_two_workers_share_generations),
        RUN_TEST(test_storage_that_comes_back_is_waited_for),
        RUN_TEST(test_storage_that_stays_away_ends_the_run),
        RUN_TEST(test_storage_that_goes_while_publishing_ends_the_run),
        RUN_TEST(test_stop_hours),
        RUN_TEST(test_a_slow_proposal_holds_up_no_other_slot),
        RUN_TEST(test_12_interrupted_proposals_are_made_again),
        RUN_TEST(test_a_run_leaves_the_process_as_it_was),
        RUN_TEST(test_a_checkpoint_can_be_evaluated),
        RUN_TEST(test_the_final_evaluation_is_claimed_by_one),
        RUN_TEST(test_an_altered_checkpoint_is_not_evaluated),
        RUN_TEST(test_an_altered_checkpoint_is_not_loaded),
        RUN_TEST(test_a_spoilt_save_folder_is_the_trainers_fault),
        RUN_TEST(test_the_log_belongs_to_the_member),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
