/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/sim_process.h - a simulated worker process and its trainers; shared by process.c and world.c.
 *
 * A process is what kill -9 takes away: follower, agent, trainers and what is in their memory. Its
 * claims in the journal and its checkpoints on the shelf stay. While it hangs, everything that
 * would happen to it happens when it wakes up; others may have found it dead by then, so it is a
 * zombie that reports late.
 */
#ifndef PBTI_SIM_SIM_PROCESS_H
#define PBTI_SIM_SIM_PROCESS_H

#include "sim/sim_state.h"
#include "worker/agent.h"

#define PBTI_SIM_SCORES_MAX 16

/* A result that was handed over, to hand it over again. */
struct pbti_answer {
    uint64_t claim;
    uint8_t outcome;
    bool bad_place; /* it failed because of where it ran */
    char message[32];
    uint64_t hash;
    uint32_t scores_count;
    double scores[PBTI_SIM_SCORES_MAX];
};

struct pbti_trainer {
    bool running, cancelling, broken;
    uint32_t run; /* counts tasks and cancels: what is planned for an older one is void */
    struct pbti_task task;
    double values[PBTI_SEEN_HPS_MAX];
    uint64_t start_weights;
    struct pbti_checkpoint memory; /* what it has in memory; segment 0: nothing */
    uint64_t memory_weights;
    struct pbti_answer answer, previous;
};

struct pbti_process {
    struct pbti_sim_state *sim;
    uint32_t machine, life;
    struct pbti_door door;
    struct pbti_journal *journal;
    struct pbti_follower *follower;
    struct pbti_agent *agent;
    bool inside; /* one of its calls is under way */
    bool draining;
    bool troubled;       /* its last call failed: what it wanted is still to be done */
    uint64_t wake_at_ms; /* while it hangs */
    uint64_t poll_at_ms;
    bool proposing;        /* a proposal is being made */
    uint64_t bad_until_ms; /* its place lets no trainer start before */
    uint32_t slots;
    struct pbti_trainer trainer[PBTI_SIM_SLOTS_MAX];
};

/* Plan something for this process, `after` ms from now. */
void pbti_process_plan(struct pbti_process *process, uint64_t after, enum pbti_happening what,
                       uint32_t slot);

static inline struct pbti_life *pbti_process_life(const struct pbti_process *process)
{
    return &process->sim->lives[process->life - 1];
}

/* -------- world.c -------- */

/* What its agent sees of the world. */
struct pbti_world pbti_world_of(struct pbti_process *process);
/* Make a proposal: false when there is none. values: out, shape (space.count). */
bool pbti_world_propose(struct pbti_process *process, double *values);
/* The trainer restores what its task starts from. */
void pbti_world_load(struct pbti_process *process, struct pbti_trainer *trainer);
/* The trainer has trained, saved and published; its answer is complete. */
void pbti_world_train(struct pbti_process *process, struct pbti_trainer *trainer);

#endif
