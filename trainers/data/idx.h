/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idx.h - reading idx files, the format of MNIST and its relatives, plain or gzip compressed.
 *
 * The format: a big-endian 32-bit magic (two zero bytes, 0x08 for unsigned bytes, the number of
 * dimensions), one big-endian 32-bit size for each dimension, then the values. Only unsigned bytes
 * are read, which is what images and labels are.
 */
#ifndef PBTI_TRAINERS_IDX_H
#define PBTI_TRAINERS_IDX_H

#include "pbt/status.h"

#include <stddef.h>
#include <stdint.h>

enum { PBTI_IDX_DIMENSIONS_MAX = 4 };

/* Values beyond this are refused before memory is taken: 4 GiB. */
#define PBTI_IDX_BYTES_MAX (UINT64_C(1) << 32)

struct pbti_idx {
    uint32_t dimensions;                     /* 1..4 */
    uint32_t sizes[PBTI_IDX_DIMENSIONS_MAX]; /* sizes[0] = number of items; the rest 1 */
    size_t item_bytes;                       /* product of sizes[1..] */
    uint8_t *bytes;                          /* shape (sizes[0], item_bytes); owned */
};

/*
 * Read the file `folder`/`name`, or, when there is none, `folder`/`name`.gz.
 *
 * dimensions_min, dimensions_max   in, how many dimensions are accepted
 *
 * Errors      PBT_ENOENT (neither exists; the message names the path), PBT_EIO, PBT_ENOMEM,
 *             PBT_ECORRUPT (not idx, wrong number of dimensions, truncated, too long, empty),
 *             PBT_ELIMIT; *idx is empty then
 */
PBT_NODISCARD pbt_status pbti_idx_read(const char *folder, const char *name,
                                       uint32_t dimensions_min, uint32_t dimensions_max,
                                       struct pbti_idx *idx, struct pbt_error *err);

/* The same of the file `path` itself, plain or compressed. */
PBT_NODISCARD pbt_status pbti_idx_read_file(const char *path, uint32_t dimensions_min,
                                            uint32_t dimensions_max, struct pbti_idx *idx,
                                            struct pbt_error *err);

/* Release the memory. */
void pbti_idx_deinit(struct pbti_idx *idx);

#endif
