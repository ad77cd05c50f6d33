/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/core/lab.h - a study without journal, worker or trainer: events go straight into the state.
 *
 * Every decision that becomes owed is made, checked by pbti_state_check() with everything else,
 * folded and remembered in `last`.
 */
#ifndef PBT_TESTS_CORE_LAB_H
#define PBT_TESTS_CORE_LAB_H

#include "core/state.h"

#define LAB_GONE_MAX 4096

struct lab {
    struct pbti_state *state;
    void *block;
    struct pbti_config *config;
    struct pbti_scratch *scratch;              /* what the last decision borrows from */
    struct pbti_event last;                    /* the last decision; values are in scratch */
    uint32_t decisions;                        /* made by the last report */
    struct pbti_checkpoint gone[LAB_GONE_MAX]; /* unreachable, in order */
    uint32_t gone_count;
    /* called for each decision before it is folded; may be NULL */
    void (*watch)(struct lab *lab, const struct pbti_event_decision *decision);
    void *watch_context;
};

/* A config with `members` members, one linear and one log hyperparameter, 100 steps, ready 10. */
void lab_config(struct pbti_config *config, uint32_t members);

struct lab *lab_open(const struct pbti_config *config);
void lab_close(struct lab *lab);

void lab_claim(struct lab *lab, uint32_t member);
void lab_done_list(struct lab *lab, uint32_t member, const double *scores, uint32_t count);
void lab_done(struct lab *lab, uint32_t member, double score);
void lab_fail(struct lab *lab, uint32_t member, uint8_t outcome);
void lab_release(struct lab *lab, uint32_t member);
void lab_amend(struct lab *lab, const struct pbti_config *config);
/* claim and done */
void lab_run(struct lab *lab, uint32_t member, double score);
/* claim, then fail as often as it takes to be counted as failed */
void lab_break(struct lab *lab, uint32_t member);

const struct pbti_member *lab_member(const struct lab *lab, uint32_t member);

#endif
