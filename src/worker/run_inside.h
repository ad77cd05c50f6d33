/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/run_inside.h - what run.c (the run) and run_slot.c (one slot of it) share.
 *
 * Everything belongs to the loop's thread, but for what a `work` reads and writes while it is
 * queued.
 */
#ifndef PBTI_WORKER_RUN_INSIDE_H
#define PBTI_WORKER_RUN_INSIDE_H

#include "study/liveness.h"
#include "study/study_handle.h"
#include "trainer/runner.h"
#include "worker/agent.h"
#include "worker/checkpoint_sizes.h"
#include "worker/proposer.h"
#include "worker/run.h"

#include <limits.h>
#include <uv.h>

struct run;

enum run_slot_phase {
    SLOT_FREE,        /* the agent has given it nothing */
    SLOT_PREPARING,   /* storage does not let it begin; tried again by the run's clock */
    SLOT_RUNNING,     /* the runner has the order */
    SLOT_PUBLISHING,  /* its checkpoint is being published */
    SLOT_UNPUBLISHED, /* storage does not let it be published; tried again likewise */
    SLOT_ANSWERED,    /* its result is ready and is reported from the loop */
    SLOT_CANCELLING,  /* the agent took it back; the trainer is being stopped */
    SLOT_RETIRED      /* out of order */
};

struct run_slot {
    struct run *run;
    uint32_t index;
    struct pbti_runner *runner;
    enum run_slot_phase phase;
    bool cancelled; /* while publishing: the result is not wanted any more */
    bool quit;      /* the runner was told to end for good */
    bool ended;     /* ... and has */

    struct pbti_task task; /* values point into the next */
    double values[PBTI_HP_MAX];
    char load[PATH_MAX], save[PATH_MAX];

    uint8_t outcome; /* of the answer, or what became of it since */
    char message[PBTI_MESSAGE_MAX];
    struct pbti_answer answer; /* borrows from the runner until its next order */
    struct pbti_stored stored;

    bool no_space; /* its trainer failed and there was no room: it begins again when there is */
    uint64_t no_space_bytes; /* for so many */

    uv_work_t work; /* publishing */
    bool again;     /* ... failed for want of storage, and is not known to have succeeded since */
    pbt_status work_status;
    struct pbt_error work_err;

    uint64_t began_ns, first_ns, busy_ns, publish_ns;
    int64_t since_ms;
};

/* A proposal that is computed off the loop; there is one at a time. */
struct run_proposal {
    struct run *run;
    uv_work_t work;
    bool under_way; /* everything below is the work's */
    const struct pbti_observations
        *trials; /* the agent's, which keeps them as they are meanwhile */
    struct pbti_proposer proposer;
    double values[PBTI_HP_MAX];
    pbt_status status;
    struct pbt_error err;
};

struct run {
    struct pbti_run_opts opts;
    struct pbti_study study;
    struct pbti_liveness *liveness;
    struct pbti_agent *agent;
    struct run_proposal proposal;
    struct pbti_launch launch;
    struct pbti_checkpoint_sizes sizes;
    char logs[PATH_MAX];

    uv_loop_t loop;
    uv_timer_t poll, tick, wake;
    uv_signal_t signals[3];
    uint32_t slots_count;
    struct run_slot *slots;       /* owned, shape (slots_count) */
    struct pbti_slot_view *views; /* owned, shape (slots_count) */

    bool is_stopping; /* no new work; trainers are told to end */
    bool interrupted;
    bool sweep;       /* a worker was found dead: look for what it left behind */
    pbt_status fatal; /* why the run ends early, with `err` */
    struct pbt_error err;
    uint64_t trouble_ms; /* loop time since when storage fails; 0: it does not */
    bool trouble_again;  /* it did in this round */
    uint64_t idle_ms;    /* loop time since when a slot is free; 0: none is */
    int64_t began_ms;    /* time of the last study or amend event */

    uint64_t largest_bytes; /* of the checkpoints that were published in this run */
    bool warned_read[PBTI_HP_MAX];
    bool warned_empty;
};

/* -------- run.c -------- */

void pbti_run_warn(struct run *run, const char *format, ...) PBT_PRINTF(2, 3);

/* Storage failed: what was to be done is tried again by the run's clock, until its patience ends.
 * */
void pbti_run_trouble(struct run *run, pbt_status status, const struct pbt_error *err);

/* An agent's call has answered. */
void pbti_run_after_agent(struct run *run, pbt_status status, const struct pbt_error *err);

/* Look after the slots from the loop, soon. */
void pbti_run_wake(struct run *run);

/* A runner that was told to end for good has done so. */
void pbti_run_slot_ended(struct run *run);

int64_t pbti_run_wall_ms(void);

/* -------- run_slot.c -------- */

PBT_NODISCARD pbt_status pbti_slot_open(struct run *run, uint32_t index, const char *gpus,
                                        struct pbt_error *err);
void pbti_slot_start(struct run_slot *slot, const struct pbti_task *task); /* world.start */
void pbti_slot_cancel(struct run_slot *slot);                              /* world.cancel */
void pbti_slot_drop(struct run *run, struct pbti_checkpoint checkpoint);   /* world.drop */
void pbti_slot_tend(struct run_slot *slot); /* try again, report: what was put off */
void pbti_slot_quit(struct run_slot *slot); /* end it for good; pbti_run_slot_ended() follows */
void pbti_slot_show(const struct run_slot *slot, struct pbti_slot_view *view);

#endif
