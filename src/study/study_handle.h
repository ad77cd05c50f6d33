/* SPDX-License-Identifier: Apache-2.0 */
/*
 * study/study_handle.h - a study folder, opened to work in: journal, follower, resolved spec,
 * store.
 */
#ifndef PBTI_STUDY_STUDY_HANDLE_H
#define PBTI_STUDY_STUDY_HANDLE_H

#include "journal/follower.h"
#include "spec/spec.h"
#include "study/store.h"

struct pbti_study { /* all owned; begin with all zero */
    struct pbti_journal *journal;
    struct pbti_follower *follower;
    struct pbti_spec *spec;
    struct pbti_store *store;
};

/*
 * named       the URL that the user named for the journal, or NULL: study/study_journal.h
 * read_only   nothing is written; the store is there to read from
 * Errors      the journal's and the store's; PBT_ENOENT: there is no study. pbti_study_close() is
 *             owed in any case
 */
PBT_NODISCARD pbt_status pbti_study_open(struct pbti_study *study, const char *dir,
                                         const char *named, bool read_only, pbti_observer observer,
                                         void *context, struct pbt_error *err);
void pbti_study_close(struct pbti_study *study);

/*
 * Make a new study folder: journal with the study event, study.yaml, checkpoints/, logs/. After an
 * error the folder is as it was before, apart from what another process made in it meanwhile.
 *
 * dir         must not hold a study; is made, with its parents, when it is not there
 * journal     where its journal goes: study/study_journal.h; NULL: an SQLite file in the folder
 * Errors      PBT_EEXIST (holds a study already), PBT_EINVAL (no such journal), PBT_EIO
 */
PBT_NODISCARD pbt_status pbti_study_create(const char *dir, const char *journal,
                                           const struct pbti_spec *spec, struct pbt_error *err);

/* Append the study event of `spec` to the empty journal that `follower` follows. */
PBT_NODISCARD pbt_status pbti_study_begin(struct pbti_follower *follower,
                                          const struct pbti_spec *spec, struct pbt_error *err);

/* Was study.yaml in `dir` edited? It is a rendering of `spec`, the one in force, and never read.
 * False also where there is none. */
bool pbti_study_is_edited(const char *dir, const struct pbti_spec *spec);

/* Append an amend event with `spec`, which is set to the rules that the study has, and render
 * study.yaml anew; nothing when nothing changed and the study has not ended. `revive`: members that
 * were given up are tried again. */
PBT_NODISCARD pbt_status pbti_study_amend(const char *dir, const char *named,
                                          struct pbti_spec *spec, bool revive,
                                          struct pbt_error *err);

#endif
