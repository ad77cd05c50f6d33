/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/failures.h - whose failure is it? docs/failures.md is the model, this is its one place.
 *
 * A failure belongs to the member (its segment has failed: the journal gets a report), or to the
 * worker (its place is at fault: the claim is released, and no attempt is counted). Pure: no clock,
 * no journal; the caller gives the facts and does what the verdict says.
 */
#ifndef PBTI_WORKER_FAILURES_H
#define PBTI_WORKER_FAILURES_H

#include "pbt/status.h"
#include "trainer/task.h"

/* The constants of the model. Times are in pauses: of PBTI_PAUSE_MS, or what the caller says. */
#define PBTI_PAUSE_MS 1000u      /* a slot waits after a failure that is not the member's; ... */
#define PBTI_PAUSE_LONGEST 60u   /* ... doubled for each one in a row, up to so many pauses */
#define PBTI_PLACE_ROW 5u        /* a worker leaves after so many in a row ... */
#define PBTI_PLACE_PATIENCE 300u /* ... and so many pauses, once it has had a success */
#define PBTI_PLACE_TOGETHER 1u   /* those of several slots within this count as one */
#define PBTI_ALIKE_MIN 4u        /* first failures that stop a run; as many as slots where more */

/* X(name, value, text): whose a failure is. */
#define PBTI_OWNER_LIST(X)                                                                         \
    X(PBTI_OWNER_MEMBER, 0, "member") /* reported: an attempt that counts */                       \
    X(PBTI_OWNER_WORKER, 1, "worker") /* released: another worker may do better */                 \
    X(PBTI_OWNER_STUDY, 2, "study")   /* released: nothing has succeeded yet, and all fail alike */

/* X(name, value, text): what ends with it. */
#define PBTI_ENDING_LIST(X)                                                                        \
    X(PBTI_ENDS_NOTHING, 0, "nothing")                                                             \
    X(PBTI_ENDS_WORKER, 1, "worker") /* this worker leaves because of its place */                 \
    X(PBTI_ENDS_RUN, 2, "run")       /* the first segments of the study all failed alike */

#define PBTI_ENUM_(name, value, text) name = (value),
enum pbti_owner { PBTI_OWNER_LIST(PBTI_ENUM_) };
enum pbti_ending { PBTI_ENDING_LIST(PBTI_ENUM_) };
#undef PBTI_ENUM_

const char *pbti_owner_name(uint8_t owner);

/* What is known of a failure. */
struct pbti_failure {
    uint8_t outcome, origin; /* enum pbti_outcome, pbti_origin */
    uint32_t member;
    struct pbti_text message;
    bool is_last;           /* booked to the member, it would be its last attempt */
    bool study_succeeded;   /* some segment of the study has been done, by any worker */
    uint32_t members_left;  /* that still train */
    uint32_t slot_failures; /* of this slot in a row that were not the member's */
    uint64_t now_ms;        /* of a clock that never jumps */
};

struct pbti_failure_verdict {
    uint8_t owner;     /* enum pbti_owner */
    uint8_t ending;    /* enum pbti_ending */
    uint32_t pause_ms; /* before the slot may be given anything */
};

/* The failures of one worker. Begin with pbti_failures_init(). */
struct pbti_failures {
    uint32_t alike_max; /* first failures that stop a run */
    uint32_t unit_ms;   /* one pause */
    bool succeeded;     /* a segment of this worker was done */
    bool mixed;         /* its first failures were not all alike */

    uint32_t in_a_row;              /* failures of its place since the last success */
    uint64_t row_since_ms, last_ms; /* of the first and the last of them */

    uint32_t alike; /* failures in a row with the same outcome and last line */
    uint8_t outcome;
    char line[200];
    uint32_t *members; /* owned, shape (alike_max): the different members of those */
    uint32_t members_count;
};

/* unit_ms: one pause; 0: PBTI_PAUSE_MS. Errors: PBT_ENOMEM */
PBT_NODISCARD pbt_status pbti_failures_init(struct pbti_failures *failures, uint32_t slots,
                                            uint32_t unit_ms, struct pbt_error *err);
void pbti_failures_deinit(struct pbti_failures *failures);

void pbti_failures_success(struct pbti_failures *failures);

/* Is this member among those of the latest failures that were alike? */
bool pbti_failures_names(const struct pbti_failures *failures, uint32_t member);

/* A segment of this member was done, here or elsewhere: it is named no longer. */
void pbti_failures_forget(struct pbti_failures *failures, uint32_t member);

/* Judge a failure and remember it. */
struct pbti_failure_verdict pbti_failures_judge(struct pbti_failures *failures,
                                                const struct pbti_failure *failure);

#endif
