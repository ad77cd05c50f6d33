/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/file_tree.h - directory trees as wholes: measure, make durable, copy, remove.
 *
 * A tree is walked breadth first into one flat list, parents before what is in them; nothing
 * recurses, so that its depth is bounded by PATH_MAX alone. Symbolic links are never followed. All
 * functions block and may be called from any thread.
 */
#ifndef PBTI_BASE_FILE_TREE_H
#define PBTI_BASE_FILE_TREE_H

#include "pbt/status.h"

#include <stdbool.h>
#include <stdint.h>

/* What a tree amounts to. A checkpoint's stands in its report, and verify compares with it. */
struct pbti_stored {
    uint32_t files;
    uint64_t bytes;
    uint64_t hash; /* XXH3-64 over paths, types, sizes and contents, in byte order of the paths */
};

/*
 * Measure the tree below `path` (see struct pbti_stored).
 *
 * sync        fsync every file and directory of it, too
 * Errors      PBT_ENOENT; PBT_EINVAL: it holds something else than regular files, directories and
 *             symbolic links that stay inside, whatever the tree is called; PBT_EIO
 */
PBT_NODISCARD pbt_status pbti_file_tree_measure(const char *path, bool sync,
                                                struct pbti_stored *stored, struct pbt_error *err);

/*
 * The files and bytes of pbti_file_tree_measure(), from the folders alone: no file is opened, and
 * the hash is 0. Errors: PBT_ENOENT, PBT_EIO.
 */
PBT_NODISCARD pbt_status pbti_file_tree_count(const char *path, struct pbti_stored *stored,
                                              struct pbt_error *err);

/* Bytes in the regular files below `path`; 0 when it is not there. Counts what it can read. */
uint64_t pbti_file_tree_bytes(const char *path);

/* Remove `path` and everything below it, however deep. What is not there is fine. */
PBT_NODISCARD pbt_status pbti_file_tree_remove(const char *path, struct pbt_error *err);

/*
 * Copy the tree below `from` to `to`, which must not exist. After an error nothing is left at `to`.
 *
 * hard        make hard links of the files, where the file system can
 */
PBT_NODISCARD pbt_status pbti_file_tree_copy(const char *from, const char *to, bool hard,
                                             struct pbt_error *err);

/* Make `path` and those of its parents that are not there. */
PBT_NODISCARD pbt_status pbti_folder_make(const char *path, struct pbt_error *err);

/* Write the file `path`, whole or not at all: a reader never sees half of it. */
PBT_NODISCARD pbt_status pbti_file_write(const char *path, const char *text, struct pbt_error *err);

#endif
