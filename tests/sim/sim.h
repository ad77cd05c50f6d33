/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/sim.h - deterministic simulation of a whole study.
 *
 * Goal        under crashes, hangs, lost workers, late and doubled reports, lost answers and
 *             failing storage, a study keeps the rules of docs/rules.md, and finishes once the
 *             faults stop.
 * Method      one thread, virtual time, one seed. Real: core, the agent, the follower, the memory
 *             journal. Simulated: processes, trainers, checkpoints, clock, and the way to the
 *             journal. After every step the judge checks what was appended; at the end the journal
 *             is folded anew.
 * See         docs/simulator.md
 */
#ifndef PBTI_SIM_SIM_H
#define PBTI_SIM_SIM_H

#include "sim/coverage.h"
#include "sim/faulty_journal.h"

#include <stdio.h>

/* What happened, to see that the swarm reaches everything. X(name, text) */
#define PBTI_SIM_COUNT_LIST(X)                                                                     \
    X(processes, "processes")                                                                      \
    X(tasks, "tasks started")                                                                      \
    X(hot, "tasks started hot")                                                                    \
    X(cancels, "tasks cancelled")                                                                  \
    X(crashes, "processes killed")                                                                 \
    X(hangs, "processes hung")                                                                     \
    X(zombies, "results of zombies")                                                               \
    X(withdrawn, "failures that are not the member's")                                             \
    X(repeats, "results delivered again")                                                          \
    X(overtaken, "appends overtaken")                                                              \
    X(errors, "calls that failed")                                                                 \
    X(amends, "amends")                                                                            \
    X(drops, "checkpoints deleted")                                                                \
    X(exploits, "exploits")                                                                        \
    X(failures, "failed attempts")                                                                 \
    X(compared, "studies run again in another order")

struct pbti_sim_counts {
#define PBTI_SIM_COUNT_FIELD(name, text) uint64_t name;
    PBTI_SIM_COUNT_LIST(PBTI_SIM_COUNT_FIELD)
#undef PBTI_SIM_COUNT_FIELD
};

struct pbti_sim_opts {
    uint64_t seed;
    enum pbti_plant plant;
    FILE *log; /* every event and act; NULL = none */
};

struct pbti_sim_result {
    bool ok;
    uint64_t steps;  /* until the end, or until the rule was broken */
    uint64_t events; /* in the journal */
    uint64_t virtual_ms;
    uint64_t trace;   /* equal for equal runs */
    char broken[320]; /* which rule, and how; empty when ok */
    struct pbti_sim_counts counts;
    struct pbti_coverage coverage; /* entries of core's tables that were reached */
};

void pbti_sim_run(const struct pbti_sim_opts *opts, struct pbti_sim_result *result);

#endif
