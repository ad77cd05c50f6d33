/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/agent.h - the logic of a worker: what its slots run, what it appends, what it may delete.
 *
 * Reads the journal, claims members for free slots, hands out tasks, turns results into reports
 * with the decisions and the next claim in the same batch, and starts again. Knows no process, file
 * or clock: those are the `world`, real in worker/run.c and simulated in sim/.
 *
 * Rules it keeps:
 *  - it acts (starts a task, deletes a checkpoint) only on what has been appended;
 *  - a result whose claim is no longer its own is dropped and noted: the token is the claim's
 *    sequence number;
 *  - a slot runs one task at a time; each start is answered by exactly one pbti_agent_finished();
 *  - a batch that meets a conflict is decided anew, never appended as it was;
 *  - a failure is the member's or the worker's (failures.h): what is the worker's releases the
 *    claim with a note, and the slot waits before it gets anything.
 */
#ifndef PBTI_WORKER_AGENT_H
#define PBTI_WORKER_AGENT_H

#include "journal/follower.h"
#include "trainer/task.h"
#include "worker/failures.h"
#include "worker/observations.h"

/* The answer to a question for a proposal. */
enum pbti_proposed {
    PBTI_PROPOSED,
    PBTI_PROPOSED_NONE, /* the world has said why to whom it concerns; the member begins with what
                           it drew from the prior */
    PBTI_PROPOSED_LATER /* by pbti_agent_proposed(), or never when the agent is destroyed first */
};

/* The outside. All slots are called from within agent calls; they may not call the agent back. */
struct pbti_world {
    void *context;
    /* Milliseconds since 1970, for the events' times only. */
    int64_t (*now_ms)(void *context);
    /* Random bytes for batch ids. */
    void (*random)(void *context, void *bytes, size_t size);
    /* Run the task on the slot. The answer comes later, through pbti_agent_finished(). */
    void (*start)(void *context, uint32_t slot, const struct pbti_task *task);
    /* Stop what the slot runs: its claim is gone or the study has ended. No answer is expected; the
     * slot is free again when the world says pbti_agent_freed(). */
    void (*cancel)(void *context, uint32_t slot);
    /* Delete a checkpoint that is unreachable, or what a failed attempt saved. It may be gone
     * already, or never have been there. */
    void (*drop)(void *context, struct pbti_checkpoint checkpoint);
    /* Is the worker with this id certainly dead? false when alive or not known. */
    bool (*dead)(void *context, const struct pbti_event_worker *worker);
    /*
     * What should a member begin with, after these trials? There is one such question at a time.
     * NULL: this world cannot propose, and works on no study that asks for it.
     *
     * trials      borrowed until there is an answer; nobody changes them meanwhile
     * values      out, shape (space.count), valid values; filled when the answer is PBTI_PROPOSED
     */
    enum pbti_proposed (*propose)(void *context, const struct pbti_observations *trials,
                                  double *values);
    /* Milliseconds of a clock that never jumps, for pauses. NULL: now_ms. */
    uint64_t (*steady_ms)(void *context);
};

struct pbti_agent; /* opaque */

struct pbti_agent_opts {
    size_t struct_size;   /* set by pbti_agent_opts_default() */
    uint32_t slots;       /* at least 1 */
    uint64_t worker;      /* this worker's id: random, not 0 */
    uint64_t process;     /* process id */
    const char *host;     /* copied */
    uint32_t only_member; /* run this member alone; PBTI_NO_MEMBER (default) = whoever is next */
    uint32_t pause_ms;    /* the first pause after a failure of the place; 0: as failures.h says */
    bool no_place;        /* slots are no processes with a place: each failure is its member's */
};

struct pbti_agent_opts pbti_agent_opts_default(void);

/* follower and world are borrowed until destroy. The journal must hold a study. */
PBT_NODISCARD pbt_status pbti_agent_create(struct pbti_follower *follower,
                                           const struct pbti_world *world,
                                           const struct pbti_agent_opts *opts,
                                           struct pbti_agent **out, struct pbt_error *err);
void pbti_agent_destroy(struct pbti_agent *agent); /* accepts NULL; appends nothing */

/*
 * Look at the journal and act: join (the first time), free the claims of dead workers, cancel slots
 * whose claim is gone, retry appends that failed, claim for free slots and start them. Call it at
 * the start, after pbti_agent_freed(), when the journal grew, and at least once a second.
 *
 * Errors      those of the journal; nothing is lost: what was to be appended is kept and tried
 *             again by the next call
 */
PBT_NODISCARD pbt_status pbti_agent_poll(struct pbti_agent *agent, struct pbt_error *err);

/*
 * A slot's task has ended: report it, decide, claim the slot's next member, start it. A result of
 * another task than the slot's is dropped. Texts and lists that are longer than an event may hold
 * are cut: a message at its end, scores to the last ones, metrics altogether.
 *
 * Errors      as pbti_agent_poll(); the result is kept and appended by a later poll. PBT_ENOMEM
 *             while keeping it: the slot still runs its task; call again
 */
PBT_NODISCARD pbt_status pbti_agent_finished(struct pbti_agent *agent, uint32_t slot,
                                             const struct pbti_result *result,
                                             struct pbt_error *err);

/* A cancelled slot is free again (`usable`), or a slot is out of order for good: it gets nothing
 * more after what it runs. */
void pbti_agent_freed(struct pbti_agent *agent, uint32_t slot, bool usable);

/*
 * The answer that propose() put off. It is appended if it still applies.
 *
 * values      in, shape (space.count); NULL: there is no proposal
 * Errors      as pbti_agent_poll(); the proposal is kept and appended by a later poll
 */
PBT_NODISCARD pbt_status pbti_agent_proposed(struct pbti_agent *agent, const double *values,
                                             struct pbt_error *err);

/* Claim nothing more; tasks that run may finish and are reported. */
void pbti_agent_drain(struct pbti_agent *agent);

/* Give up all claims (release, drain), cancel the slots and say goodbye (leave). Errors: the
 * journal's; the claims are then freed by whoever finds this worker dead. */
PBT_NODISCARD pbt_status pbti_agent_leave(struct pbti_agent *agent, struct pbt_error *err);

/* Append a stop event (PBTI_STOP_HOURS, PBTI_STOP_USER). */
PBT_NODISCARD pbt_status pbti_agent_stop(struct pbti_agent *agent, uint8_t reason,
                                         struct pbt_error *err);

/* What a failure has ended (enum pbti_ending). `why`: its message, for people; borrowed until the
 * next call. The caller then leaves. */
uint8_t pbti_agent_ending(const struct pbti_agent *agent, const char **why);

/* Milliseconds that a slot still waits after a failure of its place; 0: it does not. */
uint64_t pbti_agent_wait_ms(const struct pbti_agent *agent, uint32_t slot);

/* Slots that run something, or hold a result that is not appended yet. */
uint32_t pbti_agent_busy(const struct pbti_agent *agent);

/* Has the study ended (pbti_state_stop), or is no member left for this agent (only_member)? */
bool pbti_agent_done(const struct pbti_agent *agent);

#endif
