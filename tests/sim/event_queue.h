/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/event_queue.h - what will happen, ordered by (time, order of planning): virtual time.
 */
#ifndef PBTI_SIM_EVENT_QUEUE_H
#define PBTI_SIM_EVENT_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

enum pbti_happening {
    PBTI_HAPPEN_POLL,     /* a process looks at the journal */
    PBTI_HAPPEN_LOADED,   /* a trainer has loaded what it starts from */
    PBTI_HAPPEN_ENDED,    /* a trainer has ended its segment */
    PBTI_HAPPEN_FREED,    /* a cancelled trainer is gone */
    PBTI_HAPPEN_PROPOSED, /* a proposal is there */
    PBTI_HAPPEN_AGAIN,    /* an old result is delivered once more */
    PBTI_HAPPEN_CRASH,    /* a process is killed */
    PBTI_HAPPEN_HANG,     /* a process stops doing anything, for a while */
    PBTI_HAPPEN_WAKE,
    PBTI_HAPPEN_LEAVE,  /* a process is asked to stop in order */
    PBTI_HAPPEN_JOIN,   /* a process begins on a machine */
    PBTI_HAPPEN_POWER,  /* all processes are killed */
    PBTI_HAPPEN_AMEND,  /* the user changes the spec */
    PBTI_HAPPEN_STOP,   /* the user stops the study */
    PBTI_HAPPEN_RESUME, /* the user resumes it */
    PBTI_HAPPEN_CALM    /* the faults stop */
};

struct pbti_plan {
    uint64_t time_ms;
    uint64_t order;
    enum pbti_happening what;
    uint32_t machine;
    uint32_t life; /* of the process that it is for; 0 = any */
    uint32_t slot;
    uint32_t run; /* of the slot */
};

struct pbti_event_queue {
    struct pbti_plan *plans; /* owned; a binary heap */
    uint32_t count, capacity;
    uint64_t planned;
};

/* `order` is set here. */
void pbti_event_queue_add(struct pbti_event_queue *queue, struct pbti_plan plan);
/* False when nothing is planned. */
bool pbti_event_queue_next(struct pbti_event_queue *queue, struct pbti_plan *plan);
void pbti_event_queue_deinit(struct pbti_event_queue *queue);

#endif
