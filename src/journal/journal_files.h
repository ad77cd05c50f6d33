/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal/journal_files.h - what backends that keep files do with them beside reading and writing.
 * All answer 0 or an errno.
 */
#ifndef PBTI_JOURNAL_JOURNAL_FILES_H
#define PBTI_JOURNAL_JOURNAL_FILES_H

#include "pbt/status.h"

/* Make a file, or the entries of a folder, survive power loss. */
int pbti_sync_path(const char *path);
int pbti_sync_folder_of(const char *path);

/* Rename without replacing. */
int pbti_give_name(const char *temporary, const char *path);

/* The error of a copy to `path` that failed with an errno: PBT_EEXIST or PBT_EIO. */
pbt_status pbti_fail_copy(const char *path, int cause, struct pbt_error *err);

#endif
