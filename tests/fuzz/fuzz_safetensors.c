/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_safetensors.c - whatever may be in a checkpoint of a builtin trainer
 * (nn/nn_safetensors.h).
 *
 * The first byte of the input says whether the hash is to be made right (bit 0), so that what is
 * behind it is reached; the rest is the file. It is read into a network of one matrix and one
 * vector, or refused with a reason and the network left alone.
 */
#include "nn/nn_safetensors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HASH_AT = 8 + sizeof PBTI_NN_SAFETENSORS_BEGIN - 1, HASH_DIGITS = 16 };

static void require(bool condition)
{
    if (!condition) { abort(); }
}

static void repair(uint8_t *bytes, size_t size)
{
    if (size < HASH_AT + HASH_DIGITS) { return; }
    char digits[HASH_DIGITS + 1];
    memset(bytes + HASH_AT, '0', HASH_DIGITS);
    (void)snprintf(digits, sizeof digits, "%016" PRIx64, XXH3_64bits(bytes, size));
    memcpy(bytes + HASH_AT, digits, HASH_DIGITS);
}

static void make(struct pbti_nn_block *block)
{
    uint32_t index;
    pbti_nn_block_init(block);
    require(pbti_nn_block_add(block, "weight", 2, 3, true, &index, NULL) == PBT_OK);
    require(pbti_nn_block_add(block, "bias", 2, 1, false, &index, NULL) == PBT_OK);
    require(pbti_nn_block_allocate(block, 1, NULL) == PBT_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) { return 0; }
    uint8_t *const bytes = malloc(size);
    require(bytes != NULL);
    memcpy(bytes, data + 1, size - 1);
    if (data[0] & 1) { repair(bytes, size - 1); }
    struct pbti_nn_block block;
    struct pbt_error err = {0};
    void *extra = NULL;
    size_t extra_size = 0;
    make(&block);
    struct pbti_nn_named_block const named = {"", &block};
    pbt_status const status =
        pbti_nn_safetensors_decode(bytes, size - 1, "input", &named, 1, &extra, &extra_size, &err);
    require((extra == NULL) == (extra_size == 0) && extra_size < size);
    if (status != PBT_OK) {
        require(status == PBT_ECORRUPT || status == PBT_EVERSION || status == PBT_EINVAL);
        require(err.code == status && err.message[0] != '\0' && extra == NULL);
        for (size_t i = 0; i < 2 * block.plane_floats; i++) {
            require(block.weights[i] == 0.0f);
        }
        require(block.updates == 0);
    }
    free(extra);
    pbti_nn_block_deinit(&block);
    free(bytes);
    return 0;
}
