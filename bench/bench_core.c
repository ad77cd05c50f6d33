/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/bench_core.c - the engine alone, in memory: reports folded and decided per second.
 *
 * Two lines a population size. `core`: a claim and a report are folded, the owed decision is made
 * and folded. `journal`: the same through a follower, each report encoded with its claim and its
 * decision and appended as one batch to a memory journal. Prints reports per second, microseconds
 * per report and the bytes of the state. bench/core_vs_optuna.py puts 64 members beside Optuna's
 * in-memory ask and tell in the same run.
 *
 * usage: bench_core [MEMBERS REPORTS]...
 */
#include "base/rng.h"
#include "journal/follower.h"
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct pbti_config *new_config(uint32_t members)
{
    static const char *const names[] = {"lr", "momentum", "dropout"};
    struct pbti_config *const config = malloc(sizeof *config);
    if (config == NULL) { exit(1); }
    pbti_config_default(config);
    config->members = members;
    config->steps = config->max_age = PBTI_STEPS_MAX;
    config->ready_every = 1;
    config->space.count = 3;
    for (int i = 0; i < 3; i++) {
        config->space.hp[i] = (struct pbti_hp){.kind = PBTI_HP_LOG, .low = 1e-5, .high = 1.0};
        memcpy(config->space.hp[i].name, names[i], strlen(names[i]) + 1);
    }
    return config;
}

static struct pbti_batch_id batch_id(uint64_t number)
{
    struct pbti_batch_id id = {{0}};
    memcpy(id.bytes, &number, sizeof number);
    return id;
}

/* The next claim, and the report that answers it. */
static void make_segment(const struct pbti_state *state, uint64_t claim, const double *score,
                         struct pbti_event *events)
{
    struct pbti_checkpoint const none = {0, 0, 0};
    uint32_t const member = pbti_next(state, PBTI_NO_MEMBER, none);
    uint32_t const segment = pbti_state_member(state, member)->segment;
    events[0] = (struct pbti_event){.type = PBTI_CLAIM};
    events[0].claim = (struct pbti_event_claim){member, segment, 1, 1, 0};
    events[1] = (struct pbti_event){.type = PBTI_REPORT};
    events[1].report = (struct pbti_event_report){.member = member,
                                                  .segment = segment,
                                                  .attempt = 1,
                                                  .claim = claim,
                                                  .steps = 1,
                                                  .scores_count = 1,
                                                  .scores = score};
}

static void print_line(const char *what, const struct pbti_config *config, uint64_t reports,
                       double took, const struct pbti_state *state)
{
    printf(
        "%-8s members %7u  %9.0f reports/s  %6.3f us/report  exploits %4.1f %%  state %.1f MiB\n",
        what, config->members, (double)reports / took, took / (double)reports * 1e6,
        100.0 * (double)pbti_state_counts(state).exploits / (double)reports,
        (double)pbti_state_bytes(config) / 1048576.0);
    fflush(stdout);
}

static void run_core(const struct pbti_config *config, uint64_t reports)
{
    struct pbt_error err = {0};
    struct pbti_stream const draws = {1, PBTI_PURPOSE_SIM, 0, 0};
    void *const block = malloc(pbti_state_bytes(config));
    struct pbti_scratch *const scratch = malloc(sizeof *scratch);
    if (block == NULL || scratch == NULL) { exit(1); }
    struct pbti_event study = {.type = PBTI_STUDY};
    study.study.config = config;
    struct pbti_state *const state = pbti_state_init(block, &study);
    uint64_t seq = pbti_state_seq(state);
    double const before = seconds();
    for (uint64_t i = 0; i < reports; i++) {
        double const score = pbti_draw_unit(&draws, i);
        struct pbti_event events[2];
        make_segment(state, seq + 1, &score, events);
        must(pbti_fold(state, ++seq, &events[0], NULL, NULL, &err), &err);
        must(pbti_fold(state, ++seq, &events[1], NULL, NULL, &err), &err);
        while (pbti_decision_due(state)) {
            struct pbti_event decision;
            pbti_decide(state, &decision, scratch);
            must(pbti_fold(state, ++seq, &decision, NULL, NULL, &err), &err);
        }
    }
    print_line("core", config, reports, seconds() - before, state);
    free(scratch);
    free(block);
}

static void run_journal(const struct pbti_config *config, uint64_t reports)
{
    struct pbt_error err = {0};
    struct pbti_stream const draws = {1, PBTI_PURPOSE_SIM, 0, 0};
    struct pbti_journal *journal = NULL;
    struct pbti_follower *follower = NULL;
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.create = true;
    must(pbti_journal_open("memory:", &opts, &journal, &err), &err);
    must(pbti_follower_open(journal, NULL, NULL, &follower, &err), &err);
    struct pbti_event study = {.type = PBTI_STUDY};
    study.study.config = config;
    must(pbti_follower_stage(follower, &study, &err), &err);
    must(pbti_follower_commit(follower, batch_id(0), &err), &err);
    double const before = seconds();
    for (uint64_t i = 0; i < reports; i++) {
        double const score = pbti_draw_unit(&draws, i);
        struct pbti_event events[2];
        make_segment(pbti_follower_state(follower), pbti_follower_next_seq(follower), &score,
                     events);
        must(pbti_follower_stage(follower, &events[0], &err), &err);
        must(pbti_follower_stage(follower, &events[1], &err), &err);
        must(pbti_follower_commit(follower, batch_id(i + 1), &err), &err);
    }
    print_line("journal", config, reports, seconds() - before, pbti_follower_state(follower));
    pbti_follower_close(follower);
    pbti_journal_close(journal);
}

static void run(uint32_t members, uint64_t reports)
{
    struct pbti_config *const config = new_config(members);
    run_core(config, reports);
    run_journal(config, reports);
    free(config);
}

int main(int argc, char **argv)
{
    if (argc > 2) {
        for (int i = 1; i + 1 < argc; i += 2) {
            run((uint32_t)strtoul(argv[i], NULL, 10), strtoull(argv[i + 1], NULL, 10));
        }
        return 0;
    }
    run(64, 1000000);
    for (uint32_t members = 10; members <= 100000; members *= 10) {
        run(members, 1000000);
    }
    return 0;
}
