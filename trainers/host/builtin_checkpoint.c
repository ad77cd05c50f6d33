/* SPDX-License-Identifier: Apache-2.0 */
/*
 * builtin_checkpoint.c - a builtin trainer's checkpoint, see builtin.h: a file of the format in
 * nn/nn_checkpoint.h for each block, `network.bin` for the first and NAME.bin for the others. The
 * first holds what the trainer encodes.
 */
#include "host/builtin.h"
#include "nn/nn_checkpoint.h"

#include <stdio.h>
#include <stdlib.h>

enum { PATH_SIZE = 4096 };

static struct pbti_nn_block *block_of(const struct pbti_builtin *builtin, void *state, uint32_t i)
{
    return (struct pbti_nn_block *)(void *)((char *)state + builtin->blocks[i].offset);
}

static pbt_status path_of(const struct pbti_builtin *builtin, const char *folder, uint32_t i,
                          char path[PATH_SIZE], struct pbt_error *err)
{
    const char *const name = i == 0 ? "network" : builtin->blocks[i].name;
    int const length = snprintf(path, PATH_SIZE, "%s/%s.bin", folder, name);
    if (length >= 0 && length < PATH_SIZE) { return PBT_OK; }
    return pbti_nn_fail(err, PBT_EIO, "the path \"%.200s...\" is too long", folder);
}

pbt_status pbti_builtin_save(const struct pbti_builtin *builtin, void *state, const char *folder,
                             struct pbt_error *err)
{
    size_t const size = builtin->encode == NULL ? 0 : builtin->encode(state, NULL);
    if (size > PBTI_NN_EXTRA_MAX) {
        return pbti_nn_fail(err, PBT_ELIMIT, "%zu bytes beside a network are too many", size);
    }
    uint8_t *const extra = malloc(size + 1);
    if (extra == NULL) {
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory for the %zu bytes beside a network", size);
    }
    if (size > 0) { (void)builtin->encode(state, extra); }
    pbt_status status = PBT_OK;
    for (uint32_t i = 0; i < builtin->block_count && status == PBT_OK; i++) {
        char path[PATH_SIZE];
        status = path_of(builtin, folder, i, path, err);
        if (status == PBT_OK) {
            status = pbti_nn_checkpoint_save(path, block_of(builtin, state, i), extra,
                                             i == 0 ? (uint32_t)size : 0, err);
        }
    }
    free(extra);
    return status;
}

static pbt_status load(const struct pbti_builtin *builtin, void *state, const char *folder,
                       struct pbt_error *err)
{
    void *extra = NULL;
    uint32_t size = 0;
    pbt_status status = PBT_OK;
    for (uint32_t i = builtin->block_count; i-- > 0 && status == PBT_OK;) {
        char path[PATH_SIZE];
        free(extra); /* the last to be read is the first block */
        extra = NULL;
        status = path_of(builtin, folder, i, path, err);
        if (status == PBT_OK) {
            status = pbti_nn_checkpoint_load(path, block_of(builtin, state, i), &extra, &size, err);
        }
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
