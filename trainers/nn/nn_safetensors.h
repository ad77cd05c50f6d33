/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_safetensors.h - parameter blocks in a file of the safetensors format, which numpy, PyTorch and
 * JAX open in a line.
 *
 *     8  size N of the head, little-endian
 *     N  head, JSON: the tensors' names, types, shapes and places, and `__metadata__`
 *     the values of all tensors, without gaps, in the order of the head
 *
 * Tensors: the weights under the names of their parts ("layers.0.weight", shape (rows, columns), or
 * (rows) for a vector), then what the optimiser remembers of each ("optimiser.0.layers.0.weight"),
 * F32; of a block with a name all with "NAME." before. Last "pbt.state", U8: what the trainer keeps
 * beside its blocks; absent when there is none.
 *
 * Metadata, all text: `hash` comes first, 16 hexadecimal digits of XXH3-64 over the whole file in
 * which these digits are 0; `version`, "1"; of each block `updates`, the steps its optimiser has
 * done, with "NAME." before.
 *
 * A file is valid if the hash agrees, its tensors are exactly those of the blocks and each lies
 * where the order of the head puts it. Files are written under the name PATH.part and renamed, so
 * a file of the right name is complete.
 *
 * Source      the format: https://github.com/huggingface/safetensors, README, "Format". Difference:
 *             files that other programs have written are refused, since they have no hash.
 */
#ifndef PBTI_NN_SAFETENSORS_H
#define PBTI_NN_SAFETENSORS_H

#include "nn/nn_block.h"

/* Bytes of a head, and of what a trainer keeps beside its blocks, at most. */
#define PBTI_NN_HEAD_MAX (UINT32_C(1) << 22)
#define PBTI_NN_EXTRA_MAX (UINT32_C(1) << 26)

enum { PBTI_NN_NAMED_BLOCKS_MAX = 8 }; /* in a file */

/* What each file begins with behind the size of its head; the digits of the hash follow. */
#define PBTI_NN_SAFETENSORS_BEGIN "{\"__metadata__\":{\"hash\":\""

struct pbti_nn_named_block {
    const char *name; /* tells several blocks of a file apart; "" for a single one */
    struct pbti_nn_block *block;
};

/*
 * Write blocks and `extra` to the file `path`.
 *
 * blocks      in, shape (count), 1..PBTI_NN_NAMED_BLOCKS_MAX
 * extra       in, shape (extra_size); NULL when that is 0
 * extra_size  0..PBTI_NN_EXTRA_MAX
 *
 * Errors      PBT_EIO, PBT_ENOMEM; then no file `path` was made
 */
PBT_NODISCARD pbt_status pbti_nn_safetensors_save(const char *path,
                                                  const struct pbti_nn_named_block *blocks,
                                                  uint32_t count, const void *extra,
                                                  size_t extra_size, struct pbt_error *err);

/*
 * Read blocks, whose names, parts and numbers of slots must be those of the file.
 *
 * extra       out, owned by the caller, release with free(); NULL when there is none
 *
 * Errors      PBT_ENOENT, PBT_EIO, PBT_ENOMEM, PBT_ECORRUPT (not such a file, truncated, damaged),
 *             PBT_EVERSION, PBT_EINVAL (a network of another shape, or trained with another
 *             optimiser); the blocks are unchanged then
 */
PBT_NODISCARD pbt_status pbti_nn_safetensors_load(const char *path,
                                                  const struct pbti_nn_named_block *blocks,
                                                  uint32_t count, void **extra, size_t *extra_size,
                                                  struct pbt_error *err);

/* The same from the bytes of a whole file; `path` is for messages. */
PBT_NODISCARD pbt_status pbti_nn_safetensors_decode(const uint8_t *bytes, size_t size,
                                                    const char *path,
                                                    const struct pbti_nn_named_block *blocks,
                                                    uint32_t count, void **extra,
                                                    size_t *extra_size, struct pbt_error *err);

#endif
