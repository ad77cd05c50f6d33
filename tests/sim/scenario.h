/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/scenario.h - what one seed runs: its own study, and its own mix of faults.
 *
 * Swarm testing (Groce et al. 2012): a run with a few kinds of faults, switched on at random and
 * set to a random strength, goes deeper than one in which everything fails a little all the time.
 */
#ifndef PBTI_SIM_SCENARIO_H
#define PBTI_SIM_SCENARIO_H

#include "core/config.h"
#include "sim/sim_random.h"

#define PBTI_SIM_MACHINES_MAX 4
#define PBTI_SIM_SLOTS_MAX 3
#define PBTI_SIM_AMENDS_MAX 2

/* Probabilities are per opportunity; 0 = this fault does not happen. Times are virtual
 * milliseconds. */
struct pbti_faults {
    /* storage, per append, query or read */
    double append_fails;   /* nothing is appended, and the journal says so */
    double landed_unknown; /* it is appended, and the answer is lost */
    double lost_unknown;   /* it is not appended, and the answer is lost */
    double landed_silent;  /* the question "did it land?" fails */
    double read_fails;     /* a read fails */
    double overtaken;      /* another process acts first */
    double dies_appending; /* the process is killed before, after or while acting on the append */

    /* processes */
    uint32_t crash_every, power_every, hang_every, leave_every; /* mean interval; 0 = never */
    uint32_t restart_after; /* a process that is gone is followed by another, about then */
    uint32_t hang_for;
    uint32_t detect_after; /* others find a dead or hung process dead after this */
    double late_twice;     /* a result is delivered twice, or an old one again */
    double slot_breaks;    /* a cancelled slot does not come back */
    double bad_place;      /* a process is where no trainer can start, for ... */
    uint32_t bad_for;      /* ... up to this */

    /* trainers: the first group decides how a segment ends, the second only when */
    double fails, not_a_number, infinite, missing;
    uint32_t scores_min, scores_max; /* how many scores a report has */
    uint32_t score_levels;           /* few levels give ties */
    double straggles;
    double cold; /* the slot does not keep its weights in memory */
};

struct pbti_scenario {
    uint64_t seed;
    uint32_t machines;
    uint32_t slots[PBTI_SIM_MACHINES_MAX];
    uint32_t amends; /* amended specs to come */
    uint32_t amend_at[PBTI_SIM_AMENDS_MAX];
    uint32_t stop_at; /* a user stops the study, and resumes it later; 0 = no */
    struct pbti_faults faults;
    struct pbti_config config;
};

/* Draw everything from the seed. */
void pbti_scenario_draw(struct pbti_scenario *swarm, uint64_t seed);

/* Change what an amend may change, at random. */
void pbti_scenario_amend(const struct pbti_config *now, struct pbti_sim_random *random,
                         struct pbti_config *next);

/* The same study with one machine, one slot and no fault that could change its course. */
void pbti_scenario_still(struct pbti_scenario *swarm);

#endif
