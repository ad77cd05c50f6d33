/* SPDX-License-Identifier: Apache-2.0 */
/* nn_block.c - the parameter block, see nn_block.h. */
#include "nn/nn_block.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pbti_nn_block_init(struct pbti_nn_block *block)
{
    memset(block, 0, sizeof *block);
}

pbt_status pbti_nn_block_add(struct pbti_nn_block *block, const char *name, uint32_t rows,
                             uint32_t columns, bool decay, uint32_t *index, struct pbt_error *err)
{
    assert(block->weights == NULL);
    assert(rows > 0 && columns > 0);
    assert(strlen(name) < PBTI_NN_PART_NAME_SIZE);
    if (block->part_count == PBTI_NN_PARTS_MAX) {
        return pbti_nn_fail(err, PBT_ELIMIT, "the network has more than %d parts",
                            (int)PBTI_NN_PARTS_MAX);
    }
    uint64_t const room = PBTI_NN_PLANE_FLOATS_MAX - block->plane_floats;
    uint64_t const values = (uint64_t)rows * columns;
    if (values > room || pbti_nn_padded((size_t)values) > room) {
        return pbti_nn_fail(err, PBT_ELIMIT,
                            "part \"%s\" (%u x %u) makes the network larger than %llu weights",
                            name, rows, columns, (unsigned long long)PBTI_NN_PLANE_FLOATS_MAX);
    }
    struct pbti_nn_part *const part = &block->parts[block->part_count];
    (void)snprintf(part->name, sizeof part->name, "%s", name);
    part->rows = rows;
    part->columns = columns;
    part->offset = block->plane_floats;
    part->decay = decay;
    block->plane_floats += pbti_nn_padded((size_t)values);
    *index = block->part_count++;
    return PBT_OK;
}

pbt_status pbti_nn_block_allocate(struct pbti_nn_block *block, uint32_t slot_count,
                                  struct pbt_error *err)
{
    assert(block->weights == NULL && block->plane_floats > 0);
    assert(slot_count <= PBTI_NN_SLOTS_MAX);
    size_t const plane = (size_t)block->plane_floats;
    block->weights = pbti_nn_floats((2 + (size_t)slot_count) * plane);
    if (block->weights == NULL) {
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory for a network of %zu weights", plane);
    }
    block->slot_count = slot_count;
    for (uint32_t k = 0; k < slot_count; k++) {
        block->slots[k] = block->weights + (1 + k) * plane;
    }
    block->gradients = block->weights + (1 + slot_count) * plane;
    return PBT_OK;
}

void pbti_nn_block_clear(struct pbti_nn_block *block)
{
    assert(block->weights != NULL);
    size_t const planes = 2 + block->slot_count;
    memset(block->weights, 0, planes * (size_t)block->plane_floats * sizeof(float));
    block->updates = 0;
}

float *pbti_nn_block_part(const struct pbti_nn_block *block, float *plane, uint32_t index)
{
    assert(index < block->part_count);
    return plane + block->parts[index].offset;
}

void pbti_nn_block_deinit(struct pbti_nn_block *block)
{
    free(block->weights);
    pbti_nn_block_init(block);
}
