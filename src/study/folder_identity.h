/* SPDX-License-Identifier: Apache-2.0 */
/*
 * study/folder_identity.h - which folder is the study's, where the journal is elsewhere.
 *
 * A journal on a server or in another place can be reached from a copy of the folder, too, and a
 * worker there finds none of the checkpoints that the journal names: it gives up member after
 * member. So such a study's folder has a random id, in DIR/folder.id, and the journal has a note
 * (topic "folder") with the id and the inode of that file. A folder that was moved or renamed keeps
 * both; a copy, a restored folder or one on another file system has another inode, and is refused
 * until the user says that it takes over. A journal inside of its folder needs none of this.
 */
#ifndef PBTI_STUDY_FOLDER_IDENTITY_H
#define PBTI_STUDY_FOLDER_IDENTITY_H

#include "core/event.h"
#include "pbt/status.h"

#define PBTI_FOLDER_ID 32 /* characters */

/* What the journal says; set: false for a study of a version that had no identity. */
struct pbti_folder_identity {
    bool set;
    char id[PBTI_FOLDER_ID + 1];
    uint64_t inode;
};

/* Take up what the event says of it: the last note counts. Other events change nothing. */
void pbti_folder_identity_fold(struct pbti_folder_identity *recorded,
                               const struct pbti_event *event);

/* Does the study in `dir` need an identity: is its journal elsewhere? */
bool pbti_folder_identity_is_needed(const char *dir);

/*
 * Is `dir` the folder that the journal means? PBT_OK also where nothing is recorded or needed.
 * File systems that make up their inode numbers (FUSE, SMB) are asked for the id only.
 *
 * Errors      PBT_EINVAL (it is another one), PBT_EIO
 */
PBT_NODISCARD pbt_status pbti_folder_identity_check(const char *dir,
                                                    const struct pbti_folder_identity *recorded,
                                                    struct pbt_error *err);

/*
 * Make `dir` the study's folder: write folder.id where it is missing, and append the note.
 *
 * named       the URL that the user named for the journal, or NULL: study/study_journal.h
 * recorded    in/out: what the journal says; its id is kept where there is one
 * Errors      PBT_EIO, those of the journal
 */
PBT_NODISCARD pbt_status pbti_folder_identity_take(const char *dir, const char *named,
                                                   struct pbti_folder_identity *recorded,
                                                   struct pbt_error *err);

#endif
