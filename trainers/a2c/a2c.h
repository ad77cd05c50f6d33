/* SPDX-License-Identifier: Apache-2.0 */
/*
 * a2c.h - `builtin: a2c` between segments: the agent, its games, and the episodes of the last
 * segment. Its steps are frames.
 *
 * Frames are played in rounds of B, one of each copy: as many as are needed for `steps`. What was
 * played beyond them is the surplus, which the next segment plays less; so after any number of
 * segments as many frames were played as asked for, and fewer than B more.
 *
 * The score of training is the mean return of the episodes that began and ended in the segment.
 * When these are fewer than PBTI_TALLY_ENOUGH, those of the segment before count, too.
 */
#ifndef PBTI_TRAINERS_A2C_H
#define PBTI_TRAINERS_A2C_H

#include "a2c/a2c_saved.h"
#include "host/builtin.h"

struct pbti_a2c_result {
    double score;                     /* mean return; NaN: diverged, or no episode was counted */
    struct pbti_a2c_tally counted;    /* the episodes of the score */
    uint64_t kept;                    /* those of them that are the segment's before */
    uint64_t unfinished;              /* those of an evaluation that were not over */
    bool trained;                     /* the next ones mean something: */
    double entropy, value_loss, norm; /* means over updates: nats, squared returns, of gradients */
    uint64_t replayed;                /* updates of UNREAL that had enough to replay: */
    struct pbti_a2c_extra_loss extra; /* means over them */
};

struct pbti_a2c {
    struct pbti_builtin_held held;
    struct pbti_a2c_agent agent;
    struct pbti_a2c_saved saved;
    struct pbti_a2c_result result; /* of the last segment */
};

extern const struct pbti_builtin pbti_builtin_a2c;

/* `pbt use STUDY`: print an episode, drawn, or the returns of several. Errors: PBT_ENOMEM.
 * a2c_use.c */
PBT_NODISCARD pbt_status pbti_a2c_use(void *state, const void *settings,
                                      struct pbti_builtin_use *use, struct pbt_error *err);

#endif
