/* SPDX-License-Identifier: Apache-2.0 */
/*
 * study/store.h - the checkpoint store: directories that are published whole and never changed
 * again.
 *
 * <study>/checkpoints/m<member>.s<segment>.a<attempt> is a published checkpoint; the same with
 * ".part" behind it is one being written. The store does not look into them: their content is the
 * trainer's. Deleting goes through a rename to ".gone", so that a half-deleted one is never taken
 * for whole. All functions may be called from any thread.
 */
#ifndef PBTI_STUDY_STORE_H
#define PBTI_STUDY_STORE_H

#include "base/file_tree.h"
#include "core/state.h"

struct pbti_store; /* opaque: the folder, and whether to sync */

PBT_NODISCARD pbt_status pbti_store_open(const char *study_dir, bool sync, bool create,
                                         struct pbti_store **out, struct pbt_error *err);
void pbti_store_close(struct pbti_store *store);

/* Make the empty directory to save into; what an earlier try left there is removed. `path`:
 * absolute, PATH_MAX bytes. */
PBT_NODISCARD pbt_status pbti_store_prepare(struct pbti_store *store,
                                            struct pbti_checkpoint checkpoint, char *path,
                                            struct pbt_error *err);
/*
 * Measure, sync (when the store syncs) and publish it under its name. Blocking, off-loop.
 *
 * Errors      PBT_EINVAL, PBT_ENOENT: what is in the folder, or in its place, is at fault: anything
 *             but readable regular files, directories and symbolic links that stay inside;
 *             PBT_EIO, PBT_ENOMEM: the storage is
 */
PBT_NODISCARD pbt_status pbti_store_publish(struct pbti_store *store,
                                            struct pbti_checkpoint checkpoint,
                                            struct pbti_stored *stored, struct pbt_error *err);
/* Absolute path of a published checkpoint. PBT_ENOENT when it is not there. */
PBT_NODISCARD pbt_status pbti_store_path(struct pbti_store *store,
                                         struct pbti_checkpoint checkpoint, char *path,
                                         struct pbt_error *err);
/*
 * pbti_store_path() of what is about to be loaded: its files and bytes are compared with those of
 * its report. Opens no file; the content is for pbti_store_measure().
 *
 * reported    the hash is not looked at
 * Errors      PBT_ENOENT: it is not there; PBT_ECORRUPT: it differs; PBT_EIO
 */
PBT_NODISCARD pbt_status pbti_store_check(struct pbti_store *store,
                                          struct pbti_checkpoint checkpoint,
                                          const struct pbti_stored *reported, char *path,
                                          struct pbt_error *err);
/*
 * Is there room for a checkpoint of so many bytes, and a little more? PBT_EIO when there is not.
 * What cannot be known (a quota, a file system that does not tell) counts as room.
 */
PBT_NODISCARD pbt_status pbti_store_room(struct pbti_store *store, uint64_t bytes,
                                         struct pbt_error *err);
/* Is nothing left of its file system? Writes a little to be sure when that is what it says. */
bool pbti_store_is_full(struct pbti_store *store);
/* Read it again and measure it. */
PBT_NODISCARD pbt_status pbti_store_measure(struct pbti_store *store,
                                            struct pbti_checkpoint checkpoint,
                                            struct pbti_stored *stored, struct pbt_error *err);
/* Delete a checkpoint, published or in part. What is not there is fine. */
void pbti_store_drop(struct pbti_store *store, struct pbti_checkpoint checkpoint);

/*
 * Delete what a crash left behind: every checkpoint in the folder that the state does not name,
 * unless it is the save of a claim that is running. The state must have been read after the folder:
 * give the listing first. See pbti_store_list().
 */
struct pbti_store_listing {
    struct pbti_checkpoint *items; /* owned; free() */
    size_t count;
    uint64_t bytes; /* of all of them on disk */
};
PBT_NODISCARD pbt_status pbti_store_list(struct pbti_store *store, bool measure_bytes,
                                         struct pbti_store_listing *listing, struct pbt_error *err);
/* Returns how many were deleted. */
size_t pbti_store_sweep(struct pbti_store *store, const struct pbti_store_listing *listing,
                        const struct pbti_state *state);

/* Copy a published checkpoint to `target`, which must not exist. */
PBT_NODISCARD pbt_status pbti_store_export(struct pbti_store *store,
                                           struct pbti_checkpoint checkpoint, const char *target,
                                           struct pbt_error *err);

#endif
