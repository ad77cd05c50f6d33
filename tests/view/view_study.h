/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/view/view_study.h - a small study with a real journal in a temporary folder, event by
 * event.
 *
 * No worker and no trainer: each call appends what a worker would, with the decisions that follow.
 */
#ifndef PBT_TESTS_VIEW_VIEW_STUDY_H
#define PBT_TESTS_VIEW_VIEW_STUDY_H

#include "journal/follower.h"
#include "spec/spec.h"

struct view_study {
    char dir[64];
    struct pbti_spec *spec;
    struct pbti_journal *journal;
    struct pbti_follower *follower;
    int64_t time_ms; /* of the next event; each takes a second */
    uint64_t bytes;  /* of the next checkpoint */
};

/* Four members, two hyperparameters, 100 steps, ready 10; `rest` is added to the YAML. */
void view_study_open(struct view_study *study, const char *rest);
/* Close the journal; the folder stays. */
void view_study_end(struct view_study *study);
/* Close and remove the folder. */
void view_study_remove(struct view_study *study);

const struct pbti_state *view_study_state(const struct view_study *study);
void view_study_append(struct view_study *study, const struct pbti_event *event);
void view_study_join(struct view_study *study, uint64_t worker, uint64_t process);
void view_study_leave(struct view_study *study, uint64_t worker);
void view_study_claim(struct view_study *study, uint32_t member);
void view_study_done(struct view_study *study, uint32_t member, double score);
void view_study_fail(struct view_study *study, uint32_t member, uint8_t outcome,
                     const char *message);
void view_study_release(struct view_study *study, uint32_t member);
/* claim and done */
void view_study_run(struct view_study *study, uint32_t member, double score);

#endif
