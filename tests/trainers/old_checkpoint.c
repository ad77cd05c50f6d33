/* SPDX-License-Identifier: Apache-2.0 */
/* old_checkpoint.c - see old_checkpoint.h. */
#include "old_checkpoint.h"
#include "nn/nn_bytes.h"
#include "trainer_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { VERSION = 2, HEADER_SIZE = 40, PART_SIZE = 48, CHECKSUM_SIZE = 8 };

void old_checkpoint_write(const char *path, const struct pbti_nn_block *block, const void *extra,
                          uint32_t extra_size)
{
    uint32_t const planes = 1 + block->slot_count;
    size_t const planes_size = (size_t)planes * (size_t)block->plane_floats * sizeof(float);
    size_t const size = HEADER_SIZE + (size_t)block->part_count * PART_SIZE + extra_size +
                        planes_size + CHECKSUM_SIZE;
    uint8_t *const bytes = malloc(size);
    assert_non_null(bytes);
    memcpy(bytes, "PBTNNCKP", 8);
    uint8_t *at = pbti_nn_put(bytes + 8, VERSION, 4);
    at = pbti_nn_put(at, block->part_count, 4);
    at = pbti_nn_put(at, planes, 4);
    at = pbti_nn_put(at, extra_size, 4);
    at = pbti_nn_put(at, block->plane_floats, 8);
    at = pbti_nn_put(at, block->updates, 8);
    for (uint32_t p = 0; p < block->part_count; p++) {
        const struct pbti_nn_part *const part = &block->parts[p];
        memcpy(at, part->name, PBTI_NN_PART_NAME_SIZE);
        at = pbti_nn_put(at + PBTI_NN_PART_NAME_SIZE, part->rows, 4);
        at = pbti_nn_put(at, part->columns, 4);
        at = pbti_nn_put(at, part->offset, 8);
    }
    if (extra_size > 0) { memcpy(at, extra, extra_size); }
    at += extra_size;
    memcpy(at, block->weights, planes_size); /* the slots follow the weights */
    at = pbti_nn_put(at + planes_size, XXH3_64bits(bytes, size - CHECKSUM_SIZE), CHECKSUM_SIZE);
    assert_ptr_equal(at, bytes + size);
    fixture_write(path, bytes, size);
    free(bytes);
}
