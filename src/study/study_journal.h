/* SPDX-License-Identifier: Apache-2.0 */
/*
 * study/study_journal.h - where a study folder keeps its journal. The one place that knows.
 *
 *     DIR/journal.url   a line with the URL of a journal that is elsewhere
 *     DIR/journal/      a folder journal
 *     DIR/journal.db    an SQLite journal, the default
 *
 * Looked for in this order; a folder has one of them.
 *
 * What leads out of the folder is followed only where the user wrote it: journal.url, and a
 * symbolic link in the place of the journal, must belong to the user of this process, or the user
 * names the URL in `named`. A folder that somebody else made can otherwise send a command to any
 * server, or to any other study of the user (docs/security.md).
 */
#ifndef PBTI_STUDY_STUDY_JOURNAL_H
#define PBTI_STUDY_STUDY_JOURNAL_H

#include "journal/journal.h"

#include <limits.h>

#define PBTI_JOURNAL_URL_MAX 4608 /* bytes, with the NUL: a path and some more */

/* Does the folder `dir` have a journal of any form? Opens nothing, and follows no URL. */
bool pbti_study_is_at(const char *dir);

/*
 * The study folder that `path` stands for: itself, or the folder that it is the journal of
 * ("study/journal.db"). Errors: PBT_ELIMIT
 */
PBT_NODISCARD pbt_status pbti_study_folder_of(const char *path, char dir[PATH_MAX],
                                              struct pbt_error *err);

/*
 * The URL of the journal of the study folder `dir`.
 *
 * named       the URL that the user named for it, or NULL. It must be the one that the folder has
 * Errors      PBT_ENOENT (there is none), PBT_EIO, PBT_ECORRUPT (journal.url says nothing),
 *             PBT_ELIMIT, PBT_EINVAL (it leads out of the folder and is not this user's; `named` is
 *             another one)
 */
PBT_NODISCARD pbt_status pbti_study_journal_url(const char *dir, const char *named,
                                                char url[PBTI_JOURNAL_URL_MAX],
                                                struct pbt_error *err);

/* Open it. With opts->create, SQLite where there is none. Errors: both functions'. */
PBT_NODISCARD pbt_status pbti_study_journal_open(const char *dir, const char *named,
                                                 const struct pbti_journal_opts *opts,
                                                 struct pbti_journal **out, struct pbt_error *err);

/* Could the journal of a new study be at `wanted`? Makes nothing. Errors: PBT_EINVAL, PBT_ELIMIT */
PBT_NODISCARD pbt_status pbti_study_journal_check(const char *dir, const char *wanted,
                                                  const char *study, struct pbt_error *err);

/*
 * Settle where the journal of a new study goes, before it is opened with opts->create.
 *
 * dir         the study folder; exists
 * wanted      "sqlite", "dir", or a URL, whose path must be absolute; NULL: what is there, else
 *             SQLite
 * study       the study's name, for journals that are named after it
 * made        out: something was made in the folder
 * Errors      PBT_EEXIST (the folder has another one), PBT_EINVAL (no journal can be there),
 *             PBT_EIO
 */
PBT_NODISCARD pbt_status pbti_study_journal_choose(const char *dir, const char *wanted,
                                                   const char *study, bool *made,
                                                   struct pbt_error *err);

/*
 * Refuse a journal outside of the folder that holds a study already: that study has a folder of its
 * own, with the checkpoints that the journal names. Looks only, and makes nothing.
 *
 * Errors      PBT_EEXIST, and those of opening it
 */
PBT_NODISCARD pbt_status pbti_study_journal_is_free(const char *dir, const char *wanted,
                                                    const char *study, struct pbt_error *err);

/* Undo what pbti_study_journal_choose() made in `dir`. */
void pbti_study_journal_unmake(const char *dir, const char *wanted);

/*
 * Copy the journal of one study folder, as of now, into another, which has none. The copy is
 * DIR/journal.db whatever the original is: complete by itself.
 */
PBT_NODISCARD pbt_status pbti_study_journal_copy(const char *from, const char *named,
                                                 const char *to, struct pbt_error *err);

#endif
