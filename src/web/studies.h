/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web/studies.h - the studies that a dashboard shows: found in a folder, read, and followed.
 *
 * Only looks. A study is opened when somebody asks for it, and stays open.
 */
#ifndef PBTI_WEB_STUDIES_H
#define PBTI_WEB_STUDIES_H

#include "view/document.h"

#define PBTI_STUDIES_MAX 256u /* of a folder; more are left out */

struct pbti_watched {
    char *name, *dir;                /* owned; the name is that of the folder */
    const char *journal;             /* borrowed; NULL: not named by the user */
    struct pbti_document *document;  /* owned; NULL: not opened yet */
    struct pbti_str text;            /* its document as of text_seq */
    uint64_t text_seq;               /* 0: none yet */
    uint64_t seq;                    /* of the last event that was folded; 0: not opened yet */
    struct pbti_study_reader *brief; /* owned; for the list, without a history; NULL: not opened */
};

struct pbti_studies {
    char *path;          /* owned */
    const char *journal; /* of the study at `path`, that the user named; borrowed; NULL: none */
    bool many;           /* a folder of studies, not a study */
    size_t count;
    struct pbti_watched *study;          /* owned, shape (PBTI_STUDIES_MAX) */
    const char *names[PBTI_STUDIES_MAX]; /* borrowed from study[] */
};

/*
 * Find the study, or the studies in the folders of the folder, at `path`; a journal's file stands
 * for the study that it is of.
 *
 * journal     that the user named for the study: view/study_reader.h; NULL: none; borrowed
 * Errors      PBT_ENOENT (there is none), PBT_EIO, PBT_ENOMEM; to be closed all the same
 */
PBT_NODISCARD pbt_status pbti_studies_open(struct pbti_studies *studies, const char *path,
                                           const char *journal, struct pbt_error *err);
void pbti_studies_close(struct pbti_studies *studies); /* accepts zeroed ones */

/* Look for studies that were begun since; those known keep their places. */
PBT_NODISCARD pbt_status pbti_studies_scan(struct pbti_studies *studies, struct pbt_error *err);

/* Bring a study's `seq` up to date. Opens it. */
PBT_NODISCARD pbt_status pbti_watched_update(struct pbti_watched *study, struct pbt_error *err);

/* Bring its `text` up to date, too. */
PBT_NODISCARD pbt_status pbti_watched_document(struct pbti_watched *study, struct pbt_error *err);

/* Bring its `brief` up to date. */
PBT_NODISCARD pbt_status pbti_watched_brief(struct pbti_watched *study, struct pbt_error *err);

#endif
