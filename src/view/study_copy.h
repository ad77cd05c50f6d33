/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view/study_copy.h - a copy of a study, also of one that runs.
 *
 * First the journal as of one moment, then the checkpoints that are alive in that copy, as hard
 * links where the file system can: they never change. A checkpoint that vanished meanwhile became
 * unreachable in the original: then the journal is copied again, later, and what it needs no more
 * is taken out. study.yaml is rendered from the journal. No symbolic link is followed.
 */
#ifndef PBTI_VIEW_STUDY_COPY_H
#define PBTI_VIEW_STUDY_COPY_H

#include "pbt/status.h"

#include <stdint.h>

struct pbti_study_copied {
    uint64_t seq;                /* of the last event */
    uint64_t checkpoints, bytes; /* alive as of that event */
};

/*
 * Copy the study in the folder `from` to the new folder `to`.
 *
 * named       the URL that the user named for its journal, or NULL: study/study_journal.h
 * Errors      PBT_EEXIST (`to` is there), those of the journal, PBT_EIO; nothing is left at `to`
 *             then
 */
PBT_NODISCARD pbt_status pbti_study_copy(const char *from, const char *named, const char *to,
                                         struct pbti_study_copied *copied, struct pbt_error *err);

#endif
