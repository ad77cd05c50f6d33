/* SPDX-License-Identifier: Apache-2.0 */
/*
 * builtin_checkpoint.c - a builtin trainer's checkpoint, see builtin.h: the file
 * `network.safetensors` of the format in nn/nn_safetensors.h. Of a trainer with one block a
 * `network.bin` (nn/nn_checkpoint.h) is read, too, where there is no such file.
 */
#include "host/builtin.h"
#include "nn/nn_checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATH_SIZE = 4096 };

static pbt_status path_in(const char *folder, const char *name, char path[PATH_SIZE],
                          struct pbt_error *err)
{
    int const length = snprintf(path, PATH_SIZE, "%s/%s", folder, name);
    if (length >= 0 && length < PATH_SIZE) { return PBT_OK; }
    return pbti_nn_fail(err, PBT_EIO, "the path \"%.200s...\" is too long", folder);
}

static void blocks_of(const struct pbti_builtin *builtin, void *state,
                      struct pbti_nn_named_block blocks[PBTI_BUILTIN_BLOCKS_MAX])
{
    for (uint32_t i = 0; i < builtin->block_count; i++) {
        void *const block = (char *)state + builtin->blocks[i].offset;
        blocks[i] = (struct pbti_nn_named_block){builtin->blocks[i].name, block};
    }
}

pbt_status pbti_builtin_save(const struct pbti_builtin *builtin, void *state, const char *folder,
                             struct pbt_error *err)
{
    struct pbti_nn_named_block blocks[PBTI_BUILTIN_BLOCKS_MAX];
    size_t const size = builtin->encode == NULL ? 0 : builtin->encode(state, NULL);
    if (size > PBTI_NN_EXTRA_MAX) {
        return pbti_nn_fail(err, PBT_ELIMIT, "%zu bytes beside a network are too many", size);
    }
    uint8_t *const extra = malloc(size + 1);
    if (extra == NULL) {
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory for the %zu bytes beside a network", size);
    }
    if (size > 0) { (void)builtin->encode(state, extra); }
    char path[PATH_SIZE];
    blocks_of(builtin, state, blocks);
    pbt_status status = path_in(folder, "network.safetensors", path, err);
    if (status == PBT_OK) {
        status = pbti_nn_safetensors_save(path, blocks, builtin->block_count, extra, size, err);
    }
    free(extra);
    return status;
}

static pbt_status load(const struct pbti_builtin *builtin, void *state, const char *folder,
                       struct pbt_error *err)
{
    struct pbti_nn_named_block blocks[PBTI_BUILTIN_BLOCKS_MAX];
    char path[PATH_SIZE], old[PATH_SIZE];
    pbt_status status = path_in(folder, "network.safetensors", path, err);
    if (status == PBT_OK) { status = path_in(folder, "network.bin", old, err); }
    if (status != PBT_OK) { return status; }
    void *extra = NULL;
    size_t size = 0;
    blocks_of(builtin, state, blocks);
    if (builtin->block_count == 1 && access(path, F_OK) != 0 && access(old, F_OK) == 0) {
        status = pbti_nn_checkpoint_load(old, blocks[0].block, &extra, &size, err);
    } else {
        status = pbti_nn_safetensors_load(path, blocks, builtin->block_count, &extra, &size, err);
    }
    if (status == PBT_OK && builtin->decode != NULL) {
        status = builtin->decode(state, extra, size, err);
    }
    free(extra);
    return status;
}

pbt_status pbti_builtin_load(const struct pbti_builtin *builtin, void *state, const char *folder,
                             struct pbt_error *err)
{
    pbt_status const status = load(builtin, state, folder, err);
    bool const of_storage = status == PBT_ENOENT || status == PBT_ECORRUPT;
    if (of_storage && err != NULL) { err->code = PBT_EIO; }
    return of_storage ? PBT_EIO : status;
}
