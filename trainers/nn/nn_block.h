/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_block.h - everything a network learns, in one contiguous block with a table of parts.
 *
 * A part is one matrix or vector of weights. The block has planes of the same layout: the weights,
 * what the optimiser remembers about each of them (its slots), and their gradients. Saving, loading
 * and comparing a network are therefore operations on one array (nn_safetensors.h), and an
 * optimiser is a loop over it. The optimiser says how many slots it needs and what they mean:
 *
 *     nn_sgd.h      1: velocity
 *     nn_rmsprop.h  1 to 3: mean square, mean when centred, velocity when there is momentum
 *     nn_adam.h     2: mean, mean square
 *
 *     | weights: part 0, part 1, ... | slot 0: part 0, ... | ... | gradients: part 0, ... |
 *       <-------------- saved in a checkpoint ---------------->   <----- not saved ---->
 *
 * Parts are padded to PBTI_NN_ALIGN_FLOATS; the padding is 0 in all planes and stays so.
 */
#ifndef PBTI_NN_BLOCK_H
#define PBTI_NN_BLOCK_H

#include "nn/nn_base.h"

#include <stdbool.h>

enum {
    PBTI_NN_PARTS_MAX = 256,
    PBTI_NN_PART_NAME_SIZE = 32,
    PBTI_NN_SLOTS_MAX = 3,
};

/* More floats than this in one plane are refused: 16 GiB. */
#define PBTI_NN_PLANE_FLOATS_MAX (UINT64_C(1) << 32)

struct pbti_nn_part {
    char name[PBTI_NN_PART_NAME_SIZE]; /* "layers.0.weight"; zero padded */
    uint32_t rows, columns;            /* a vector of n has shape (n, 1) */
    uint64_t offset;                   /* in floats, of its first value in each plane */
    bool decay;                        /* weight decay applies (weights, not biases) */
};

struct pbti_nn_block {
    struct pbti_nn_part parts[PBTI_NN_PARTS_MAX];
    uint32_t part_count;
    uint64_t plane_floats;
    uint32_t slot_count;             /* 0..PBTI_NN_SLOTS_MAX */
    uint64_t updates;                /* steps that an optimiser has done; saved in a checkpoint */
    float *weights;                  /* shape (plane_floats); owns the memory of all planes */
    float *slots[PBTI_NN_SLOTS_MAX]; /* each of shape (plane_floats); NULL from slot_count on */
    float *gradients;                /* shape (plane_floats) */
};

/* Make `block` empty. */
void pbti_nn_block_init(struct pbti_nn_block *block);

/*
 * Add a part; returns its index.
 *
 * Errors      PBT_ELIMIT (too many parts, or more than PBTI_NN_PLANE_FLOATS_MAX values)
 * Requires    pbti_nn_block_allocate() was not called yet
 */
PBT_NODISCARD pbt_status pbti_nn_block_add(struct pbti_nn_block *block, const char *name,
                                           uint32_t rows, uint32_t columns, bool decay,
                                           uint32_t *index, struct pbt_error *err);

/*
 * Take the memory of all planes, zeroed.
 *
 * slot_count  in, 0..PBTI_NN_SLOTS_MAX, what the optimiser asks for; 0: nothing will be trained
 *
 * Errors      PBT_ENOMEM
 */
PBT_NODISCARD pbt_status pbti_nn_block_allocate(struct pbti_nn_block *block, uint32_t slot_count,
                                                struct pbt_error *err);

/* Let every plane and the count of updates be 0 again, as pbti_nn_block_allocate() left them. */
void pbti_nn_block_clear(struct pbti_nn_block *block);

/* Values of one part in a plane (`block->weights`, `->slots[k]`, `->gradients`). */
float *pbti_nn_block_part(const struct pbti_nn_block *block, float *plane, uint32_t index);

/* Release the memory; `block` is empty afterwards. */
void pbti_nn_block_deinit(struct pbti_nn_block *block);

#endif
