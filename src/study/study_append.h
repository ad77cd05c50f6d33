/* SPDX-License-Identifier: Apache-2.0 */
/* study/study_append.h - one event, appended whatever others append meanwhile. */
#ifndef PBTI_STUDY_STUDY_APPEND_H
#define PBTI_STUDY_STUDY_APPEND_H

#include "journal/follower.h"

/*
 * Append the event after whatever others appended first. Errors: the journal's; PBT_EEXIST: it is
 * a study event, and another process has just begun this study.
 */
PBT_NODISCARD pbt_status pbti_study_append_to(struct pbti_follower *follower,
                                              const struct pbti_event *event,
                                              struct pbt_error *err);

/* Asked before each try, when everything that is in the journal has been folded. */
typedef bool (*pbti_still_wanted)(void *context);

/* The same, while it is wanted: PBT_EEXIST when it is not any more, and nothing was appended. */
PBT_NODISCARD pbt_status pbti_study_append_while(struct pbti_follower *follower,
                                                 const struct pbti_event *event,
                                                 pbti_still_wanted wanted, void *context,
                                                 struct pbt_error *err);

/* The same to the journal of the study in `dir`; named: study/study_journal.h. */
PBT_NODISCARD pbt_status pbti_study_append(const char *dir, const char *named,
                                           const struct pbti_event *event, struct pbt_error *err);

#endif
