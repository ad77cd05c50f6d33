/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/faulty_journal.h - a journal that fails: the memory journal behind doors that lose calls and
 * answers.
 *
 * The storage is one true journal. Each simulated process has a door of its own to it, an ordinary
 * pbti_journal. What a door does to a call is drawn from the faults; the true journal never fails,
 * so that the judge (sim/checker.h) always sees what is really there.
 */
#ifndef PBTI_SIM_FAULTY_JOURNAL_H
#define PBTI_SIM_FAULTY_JOURNAL_H

#include "journal/journal.h"
#include "sim/scenario.h"

/* Bugs that may be planted at the seams, to see that the simulator finds them. */
#define PBTI_PLANT_LIST(X)                                                                         \
    X(PBTI_PLANT_NONE, 0, "none")                                                                  \
    X(PBTI_PLANT_STALE_APPEND, 1, "stale_append")   /* the journal ignores `expected` */           \
    X(PBTI_PLANT_LOST_ACK, 2, "lost_ack")           /* an acknowledged batch is not there */       \
    X(PBTI_PLANT_TORN_BATCH, 3, "torn_batch")       /* only the first event of a batch is there */ \
    X(PBTI_PLANT_LANDED_LIES, 4, "landed_lies")     /* every batch is said to have landed */       \
    X(PBTI_PLANT_EARLY_DROP, 5, "early_drop")       /* a claim deletes what it starts from */      \
    X(PBTI_PLANT_WRONG_WEIGHTS, 6, "wrong_weights") /* a slot mistakes what is in its memory */    \
    X(PBTI_PLANT_NO_LIMITS, 7, "no_limits")         /* a trainer that hangs is never stopped */    \
    X(PBTI_PLANT_OVERWRITE, 8, "overwrite")         /* an attempt saves over the one before it */

enum pbti_plant {
#define PBTI_PLANT_ENUM(name, value, text) name = (value),
    PBTI_PLANT_LIST(PBTI_PLANT_ENUM)
#undef PBTI_PLANT_ENUM
};

struct pbti_storage {
    struct pbti_journal *journal; /* the true one; owned */
    struct pbti_faults faults;    /* zeroed when the faults stop */
    struct pbti_sim_random random;
    enum pbti_plant plant;
    uint64_t unanswered; /* appends whose outcome a process could not learn */
};

struct pbti_door {
    struct pbti_storage *storage;
    bool dead;     /* its process was killed: every call fails and does nothing */
    uint32_t fuse; /* acts that the process will still do after it was mortally hit */
    bool burning;  /* the fuse is lit */
    void (*overtake)(void *context); /* let somebody else act first */
    void *context;
};

PBT_NODISCARD pbt_status pbti_storage_open(struct pbti_storage *storage,
                                           const struct pbti_scenario *swarm, enum pbti_plant plant,
                                           struct pbt_error *err);
void pbti_storage_close(struct pbti_storage *storage);

/* An ordinary journal handle. door is borrowed until it is closed. */
PBT_NODISCARD pbt_status pbti_door_open(struct pbti_door *door, struct pbti_journal **out,
                                        struct pbt_error *err);

/* May the process of this door do one thing more? False once it has been killed. */
bool pbti_door_act(struct pbti_door *door);

#endif
