/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/sim_state.h - everything there is in one simulated run; shared by sim.c and process.c.
 */
#ifndef PBTI_SIM_SIM_STATE_H
#define PBTI_SIM_SIM_STATE_H

#include "sim/checker.h"
#include "sim/event_queue.h"
#include "sim/fake_store.h"
#include "sim/faulty_journal.h"
#include "sim/sim.h"

struct pbti_process; /* process.c */

enum pbti_life_state { PBTI_LIFE_ALIVE, PBTI_LIFE_HUNG, PBTI_LIFE_OVER };

/* A process that exists or existed, by its number. */
struct pbti_life {
    uint64_t worker; /* id */
    enum pbti_life_state state;
    uint64_t since_ms; /* in this state */
};

struct pbti_sim_state {
    struct pbti_scenario *swarm; /* owned */
    struct pbti_storage storage;
    struct pbti_fake_store store;
    struct pbti_checker checker;
    struct pbti_event_queue queue;
    struct pbti_sim_random machines, ids;
    struct pbti_process *process[PBTI_SIM_MACHINES_MAX]; /* NULL: none runs there */
    struct pbti_life *lives;                             /* owned; number - 1 is the index */
    uint32_t lives_count, lives_capacity;
    uint64_t now_ms;
    uint64_t user_plans; /* amends and resumes still to come */
    bool calm;           /* the faults have stopped */
    bool touched;        /* something happened to the shelf or the journal in this step */
    struct pbti_sim_counts counts;
};

/* Plan something `after` ms from now. */
void pbti_sim_state_plan(struct pbti_sim_state *sim, uint64_t after, struct pbti_plan plan);

/* Something in the scene breaks a rule. */
#define PBTI_BLAME(sim, ...) pbti_oracle_blame((sim)->checker.oracle, __VA_ARGS__)

/* Let the judge read what was appended; wakes all processes when there was something. */
void pbti_sim_state_look(struct pbti_sim_state *sim);

/* Write an act into log and trace. */
void pbti_sim_state_note(struct pbti_sim_state *sim, const char *what, uint32_t machine,
                         uint32_t slot, struct pbti_checkpoint checkpoint);

/* Delete a checkpoint. Rule 13: nothing that is needed, as far as the journal goes, ever is. */
void pbti_sim_state_delete(struct pbti_sim_state *sim, uint32_t machine,
                           struct pbti_checkpoint checkpoint);

/* A person writes a note into the journal. */
void pbti_sim_state_remark(struct pbti_sim_state *sim);

/* Whatever lies on the shelf unneeded now was to be deleted by somebody who is gone. */
void pbti_sim_state_orphan(struct pbti_sim_state *sim);

/* -------- process.c -------- */

/* Begin a process on a machine that has none. */
void pbti_process_begin(struct pbti_sim_state *sim, uint32_t machine);
/* kill -9 */
void pbti_process_kill(struct pbti_sim_state *sim, uint32_t machine);
/* Something planned for this process happens. */
void pbti_process_happen(struct pbti_sim_state *sim, const struct pbti_plan *plan);
/* Let it look at the journal soon. */
void pbti_process_wake(struct pbti_sim_state *sim, uint32_t machine);
/* Ask it to stop the study; false when nobody can. */
bool pbti_process_stop_study(struct pbti_sim_state *sim, uint32_t machine);
/* Is this life's process there, and did its last call end well, so that it owes nothing? */
bool pbti_process_settled(const struct pbti_sim_state *sim, uint32_t life);

#endif
