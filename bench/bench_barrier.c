/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/bench_barrier.c - the barrier of a large generation: the last report of 100,000 members
 * makes the decisions on all of them, in one batch.
 *
 *     bench_barrier [MEMBERS [URL]]      of a journal; default: a file of SQLite in TMPDIR
 *
 * Prints how long it takes whoever reports to decide and to append, how large the batch is, and how
 * long another worker takes to read and fold it.
 */
#include "journal/follower.h"
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void stage(struct pbti_follower *follower, const struct pbti_event *event)
{
    struct pbt_error err;
    must(pbti_follower_stage(follower, event, &err), &err);
}

static void commit(struct pbti_follower *follower)
{
    static uint64_t number;
    struct pbti_batch_id id = {{0}};
    struct pbt_error err;
    number++;
    memcpy(id.bytes, &number, sizeof number);
    must(pbti_follower_commit(follower, id, &err), &err);
}

static struct pbti_config *make_config(uint32_t members)
{
    struct pbti_config *const config = malloc(sizeof *config);
    if (config == NULL) { exit(1); }
    pbti_config_default(config);
    config->members = members;
    config->mode = PBTI_GENERATIONAL;
    config->steps = config->max_age = 100;
    config->ready_every = 10;
    config->space.count = 3;
    for (uint32_t i = 0; i < 3; i++) {
        struct pbti_hp *const hp = &config->space.hp[i];
        *hp = (struct pbti_hp){.kind = PBTI_HP_LINEAR, .high = 1.0};
        (void)snprintf(hp->name, sizeof hp->name, "h%u", i);
    }
    return config;
}

/* Claim and report everybody's first segment; the last report is staged only. */
static void run_generation(struct pbti_follower *follower, uint32_t members)
{
    for (uint32_t i = 0; i < members; i++) {
        struct pbti_event event = {.type = PBTI_CLAIM, .claim = {i, 1, 1, 7, 0}};
        double const score = (double)(i * 2654435761u % 1000003u);
        uint64_t const claim = pbti_follower_next_seq(follower);
        stage(follower, &event);
        if (i % 1000 == 999) { commit(follower); }
        event = (struct pbti_event){.type = PBTI_REPORT,
                                    .report = {.member = i,
                                               .segment = 1,
                                               .attempt = 1,
                                               .claim = claim,
                                               .steps = 10,
                                               .scores = &score,
                                               .scores_count = 1}};
        if (i + 1 == members) { commit(follower); }
        double const began = seconds();
        stage(follower, &event);
        if (i + 1 == members) { (void)printf("decide  %.3f s\n", seconds() - began); }
    }
}

int main(int argc, char **argv)
{
    uint32_t const members = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 100000;
    const char *const temporary = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp";
    char path[4000], url[4096];
    (void)snprintf(path, sizeof path, "%s/pbt-barrier-%ld.db", temporary, (long)getpid());
    (void)snprintf(url, sizeof url, "%s", argc > 2 ? argv[2] : path);
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    struct pbti_journal *journal[2];
    struct pbti_follower *follower[2];
    struct pbt_error err;
    struct pbti_config *const config = make_config(members);
    opts.create = true;
    must(pbti_journal_open(url, &opts, &journal[0], &err), &err);
    must(pbti_follower_open(journal[0], NULL, NULL, &follower[0], &err), &err);
    struct pbti_event const study = {.type = PBTI_STUDY, .study = {.config = config}};
    stage(follower[0], &study);
    commit(follower[0]);
    must(pbti_journal_open(url, &opts, &journal[1], &err), &err);
    must(pbti_follower_open(journal[1], NULL, NULL, &follower[1], &err), &err);
    run_generation(follower[0], members);
    must(pbti_follower_refresh(follower[1], &err), &err);
    double began = seconds();
    commit(follower[0]);
    (void)printf("append  %.3f s\n", seconds() - began);
    began = seconds();
    must(pbti_follower_refresh(follower[1], &err), &err);
    (void)printf("follow  %.3f s\n", seconds() - began);
    for (int i = 0; i < 2; i++) {
        pbti_follower_close(follower[i]);
        pbti_journal_close(journal[i]);
    }
    free(config);
    if (argc <= 2) { (void)unlink(path); }
    return 0;
}
