/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_checkpoint.h - reading a parameter block from a file of the format before nn_safetensors.h,
 * `network.bin`.
 *
 * Layout, little-endian, no padding but where said:
 *
 *     8  magic "PBTNNCKP"
 *     4  version, 2
 *     4  number of parts P          (at most PBTI_NN_PARTS_MAX)
 *     4  number of planes L         (weights and slots: 1 to 1 + PBTI_NN_SLOTS_MAX)
 *     4  bytes of extra data E      (at most PBTI_NN_EXTRA_MAX)
 *     8  floats of one plane F      (at most PBTI_NN_PLANE_FLOATS_MAX)
 *     8  steps the optimiser has done
 *     P times: 32 name, zero padded; 4 rows; 4 columns; 8 offset in floats
 *     E  extra data: what the task adds, such as its position in the data order
 *     L * F * 4  planes, IEEE 754 binary32
 *     8  XXH3-64 of all bytes before
 *
 * A file is valid if and only if its size is exactly the one that follows from its header, the
 * checksum agrees and every limit holds.
 */
#ifndef PBTI_NN_CHECKPOINT_H
#define PBTI_NN_CHECKPOINT_H

#include "nn/nn_block.h"

/*
 * Read weights, slots and the count of updates into `block`, whose table and number of slots must
 * be those of the file.
 *
 * extra       out, owned by the caller, release with free(); NULL when there is none
 *
 * Errors      PBT_ENOENT, PBT_EIO, PBT_ENOMEM, PBT_ECORRUPT (not a checkpoint, truncated, damaged),
 *             PBT_EVERSION, PBT_EINVAL (a network of another shape, or trained with another
 *             optimiser); `block` is unchanged then
 */
PBT_NODISCARD pbt_status pbti_nn_checkpoint_load(const char *path, struct pbti_nn_block *block,
                                                 void **extra, size_t *extra_size,
                                                 struct pbt_error *err);

#endif
