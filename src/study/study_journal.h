/* SPDX-License-Identifier: Apache-2.0 */
/*
 * study/study_journal.h - where a study folder keeps its journal. The one place that knows.
 *
 *     DIR/journal.url   a line with the URL of a journal that is elsewhere
 *     DIR/journal/      a folder journal
 *     DIR/journal.db    an SQLite journal, the default
 *
 * Looked for in this order; a folder has one of them.
 */
#ifndef PBTI_STUDY_STUDY_JOURNAL_H
#define PBTI_STUDY_STUDY_JOURNAL_H

#include "journal/journal.h"

#define PBTI_JOURNAL_URL_MAX 4608 /* bytes, with the NUL: a path and some more */

/*
 * The URL of the journal of the study folder `dir`.
 *
 * Errors      PBT_ENOENT (there is none), PBT_EIO, PBT_ECORRUPT (journal.url says nothing),
 *             PBT_ELIMIT
 */
PBT_NODISCARD pbt_status pbti_study_journal_url(const char *dir, char url[PBTI_JOURNAL_URL_MAX],
                                                struct pbt_error *err);

/* Open it. With opts->create, SQLite where there is none. Errors: both functions'. */
PBT_NODISCARD pbt_status pbti_study_journal_open(const char *dir,
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
 * Errors      PBT_EEXIST (the folder has another one), PBT_EINVAL (no journal can be there),
 *             PBT_EIO
 */
PBT_NODISCARD pbt_status pbti_study_journal_choose(const char *dir, const char *wanted,
                                                   const char *study, struct pbt_error *err);

/*
 * Copy the journal of one study folder, as of now, into another, which has none. The copy is
 * DIR/journal.db whatever the original is: complete by itself.
 */
PBT_NODISCARD pbt_status pbti_study_journal_copy(const char *from, const char *to,
                                                 struct pbt_error *err);

#endif
