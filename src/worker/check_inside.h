/* SPDX-License-Identifier: Apache-2.0 */
/* worker/check_inside.h - what the files check*.c share. See check.h. */
#ifndef PBTI_WORKER_CHECK_INSIDE_H
#define PBTI_WORKER_CHECK_INSIDE_H

#include "worker/check.h"
#include "worker/probe.h"

/* What later trials load, and what a trainer that loads the wrong one may find; all other
 * checkpoints are dropped at once. */
enum { PBTI_CHECK_SEGMENTS_KEPT = 3, PBTI_CHECK_SEGMENT_PAUSED = 8 };

/* The trials of check.c's table, in the order in which they are run. */
enum pbti_trial {
    PBTI_TRIAL_FIRST,
    PBTI_TRIAL_SECOND,
    PBTI_TRIAL_LONG,
    PBTI_TRIAL_STILL,
    PBTI_TRIAL_PAUSED,
    PBTI_TRIAL_AGAIN,
    PBTI_TRIAL_RELOADED,
    PBTI_TRIAL_STORED,
    PBTI_TRIAL_REFRESHED,
    PBTI_TRIAL_LOADED,
    PBTI_TRIAL_RESEEDED,
    PBTI_TRIAL_STRETCHED,
    PBTI_TRIAL_OTHER,
    PBTI_TRIAL_PAUSED_AGAIN, /* these only where they are needed */
    PBTI_TRIAL_PLAIN,
    PBTI_TRIALS
};

struct pbti_check {
    const struct pbti_spec *spec;
    const struct pbti_check_opts *opts;
    struct pbti_check_result *result;
    struct pbti_runner_sync solo;
    struct pbti_store *store;
    char folder[64];
    uint64_t steps;
    double values[PBTI_HP_MAX];
    struct pbti_probe trials[PBTI_TRIALS];
    struct pbti_varying varying;
    bool hashes;               /* the same order gives the same bytes: hashes can be compared */
    bool deterministic;        /* hashes, or at least the scores are the same */
    bool declines;             /* it cannot go on from its memory */
    struct pbti_finding spare; /* for when there is no memory for one more */
};

/* Two trials that should be alike, or should not be. Hashes of checkpoints come first; scores and
 * metrics decide where there are no two checkpoints, or where their bytes are never the same. */
enum pbti_verdict {
    PBTI_ALIKE,
    PBTI_ROUNDED, /* other bytes, but the numbers are the same to PBTI_CLOSE_TOLERANCE */
    PBTI_TIED,    /* other bytes, the same numbers */
    PBTI_UNLIKE
};

enum pbti_verdict pbti_check_compare(const struct pbti_check *check, const struct pbti_probe *a,
                                     const struct pbti_probe *b, char *what, size_t size);

/* Are the hashes of both there, and to be trusted? */
bool pbti_check_hashes(const struct pbti_check *check, const struct pbti_probe *a,
                       const struct pbti_probe *b);

/* Do scores or metrics tell different weights apart? Not if any two that were trained for
 * another time tie. */
bool pbti_check_informative(const struct pbti_check *check);

/* Add a finding. Never NULL: without memory the last one is overwritten. */
struct pbti_finding *pbti_check_add(struct pbti_check *check, uint8_t severity, const char *name,
                                    const char *format, ...) PBT_PRINTF(4, 5);
void pbti_check_hint(struct pbti_finding *finding, const char *format, ...) PBT_PRINTF(2, 3);
void pbti_check_about(struct pbti_finding *finding, const char *hyperparameter);

/* Why a segment failed, as a finding. */
void pbti_check_add_failure(struct pbti_check *check, const struct pbti_probe *trial,
                            const char *what);

void pbti_check_say(const struct pbti_check *check, const char *what);

static inline bool pbti_check_is_oneshot(const struct pbti_check *check)
{
    return check->spec->trainer.kind == PBTI_TRAINER_ONE_SHOT;
}

/* Run one trial. What it saves is dropped at once, except segments up to 3. */
PBT_NODISCARD pbt_status pbti_check_run(struct pbti_check *check, struct pbti_probe_order order,
                                        struct pbti_probe *trial, struct pbt_error *err);

/* check_judge.c: what the trials of the table mean. */
void pbti_check_judge_first(struct pbti_check *check); /* after the first process */
void pbti_check_judge(struct pbti_check *check);       /* after the second */

/* check_moved.c: one hyperparameter after the other. */
PBT_NODISCARD pbt_status pbti_check_move(struct pbti_check *check, struct pbt_error *err);

#endif
