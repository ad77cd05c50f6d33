/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/embed.h - the inside of a pbt_study, shared by embed_study.c (ask and tell), embed_look.c
 * (what a program sees) and embed_run.c (a table of functions).
 */
#ifndef PBTI_WORKER_EMBED_H
#define PBTI_WORKER_EMBED_H

#include "pbt/study.h"
#include "spec/spec.h"
#include "study/liveness.h"
#include "study/store.h"
#include "worker/agent.h"
#include "worker/proposer.h"

#include <pthread.h>

/* What a slot of the agent does here. */
struct pbti_embed_slot {
    bool started;   /* the agent gave it a task */
    bool out;       /* ... which the program has */
    bool cancelled; /* ... and whose claim is gone */
    bool scored;    /* ... or which was reported with a score: its weights are under its name */
    bool forgotten; /* ... and may be thrown away, as the program was told */
    uint64_t claim;
    struct pbt_task task;
    struct pbti_checkpoint from, save;
    double values[PBTI_HP_MAX];
};

struct pbt_study {
    pthread_mutex_t lock; /* of everything below, but for what never changes */
    pthread_cond_t moved; /* something was reported */
    struct pbt_study_opts opts;
    char *dir; /* NULL: in memory */
    struct pbti_journal *journal;
    struct pbti_follower *follower;
    struct pbti_agent *agent;
    struct pbti_proposer proposer; /* of the thread that makes a proposal; others leave it */
    const struct pbti_observations *asked; /* for a proposal that nobody makes yet, or NULL */
    struct pbti_liveness *liveness;        /* NULL in memory */
    struct pbti_store *store;              /* while pbt_study_run() runs */
    struct pbti_spec *spec;
    int64_t began_ms;              /* when the study began, or was last amended */
    struct pbti_embed_slot *slots; /* shape (opts.slots) */
};

/* The slot of a task that is out, or NULL. The lock is held. */
struct pbti_embed_slot *pbti_embed_slot_of(const struct pbt_task *task);

/* The next task of one of the slots `first` to `last`; id "" when there is none. Under the lock,
 * which is given away while a proposal is made. */
PBT_NODISCARD pbt_status pbti_embed_ask(struct pbt_study *study, uint32_t first, uint32_t last,
                                        struct pbt_task *task, struct pbt_error *err);

/* A task that is out has ended. Takes the lock. */
PBT_NODISCARD pbt_status pbti_embed_tell(struct pbt_study *study, const struct pbt_task *task,
                                         struct pbti_result result, struct pbt_error *err);

#endif
