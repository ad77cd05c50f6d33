/* SPDX-License-Identifier: Apache-2.0 */
/*
 * a2c_run.h - one segment of `a2c`: get ready, train for so many frames or evaluate, save.
 */
#ifndef PBTI_TRAINERS_A2C_RUN_H
#define PBTI_TRAINERS_A2C_RUN_H

#include "a2c/a2c_saved.h"
#include "trainer_task.h"

struct pbti_a2c {
    bool has_agent;
    struct pbti_a2c_agent agent;
    struct pbti_a2c_saved saved;
    struct pbti_a2c_settings made; /* what the agent was made with */
};

struct pbti_a2c_result {
    double score;                     /* mean return; NaN: diverged, or no episode was counted */
    struct pbti_a2c_tally counted;    /* the episodes of the score */
    uint64_t kept;                    /* those of them that are the segment's before */
    uint64_t unfinished;              /* those of an evaluation that were not over */
    bool trained;                     /* the next ones mean something: */
    double entropy, value_loss, norm; /* means over updates: nats, squared returns, of gradients */
};

/* Make `a2c` empty; it holds nothing. */
void pbti_a2c_init(struct pbti_a2c *a2c);
void pbti_a2c_deinit(struct pbti_a2c *a2c);

/*
 * Run a segment; its steps are frames.
 *
 * Frames are played in rounds of B, one of each copy: as many as are needed for `steps`. What was
 * played beyond them is the surplus, which the next segment plays less; so after any number of
 * segments as many frames were played as asked for, and fewer than B more.
 *
 * The score of training is the mean return of the episodes that began and ended in the segment.
 * When these are fewer than PBTI_TALLY_ENOUGH, those of the segment before count, too.
 *
 * Errors      PBT_EINVAL (settings that do not go together), PBT_EIO, PBT_ENOMEM, PBT_EVERSION
 */
PBT_NODISCARD pbt_status pbti_a2c_run(struct pbti_a2c *a2c,
                                      const struct pbti_a2c_settings *settings,
                                      const struct pbti_trainer_task *task,
                                      struct pbti_a2c_result *result, struct pbt_error *err);

#endif
