/* SPDX-License-Identifier: Apache-2.0 */
/* nn_file.h - a whole file in memory. */
#ifndef PBTI_NN_FILE_H
#define PBTI_NN_FILE_H

#include "nn/nn_base.h"

/*
 * Read the checkpoint `path`, of at most `size_max` bytes.
 *
 * bytes       out, shape (size), owned by the caller, release with free(); NULL on an error
 *
 * Errors      PBT_ENOENT, PBT_EIO (also: no regular file), PBT_EINVAL (larger), PBT_ENOMEM
 */
PBT_NODISCARD pbt_status pbti_nn_read_file(const char *path, uint64_t size_max, uint8_t **bytes,
                                           size_t *size, struct pbt_error *err);

#endif
