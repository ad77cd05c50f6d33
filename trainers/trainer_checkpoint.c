/* SPDX-License-Identifier: Apache-2.0 */
/* trainer_checkpoint.c - a builtin trainer's checkpoint, see trainer_checkpoint.h. */
#include "trainer_checkpoint.h"
#include "nn/nn_checkpoint.h"

#include <stdio.h>
#include <stdlib.h>

enum { PATH_SIZE = 4096 };

static pbt_status path_in(const char *folder, char path[PATH_SIZE], struct pbt_error *err)
{
    int const length = snprintf(path, PATH_SIZE, "%s/network.bin", folder);
    if (length >= 0 && length < PATH_SIZE) { return PBT_OK; }
    return pbti_nn_fail(err, PBT_EIO, "the path \"%.200s...\" is too long", folder);
}

pbt_status pbti_trainer_save(const char *folder, const struct pbti_nn_block *block,
                             const void *extra, size_t extra_size, struct pbt_error *err)
{
    char path[PATH_SIZE];
    if (extra_size > PBTI_NN_EXTRA_MAX) {
        return pbti_nn_fail(err, PBT_ELIMIT, "%zu bytes beside a network are too many", extra_size);
    }
    pbt_status const status = path_in(folder, path, err);
    if (status != PBT_OK) { return status; }
    return pbti_nn_checkpoint_save(path, block, extra, (uint32_t)extra_size, err);
}

pbt_status pbti_trainer_restore(const char *folder, struct pbti_nn_block *block,
                                pbti_trainer_decode *decode, void *state, struct pbt_error *err)
{
    char path[PATH_SIZE];
    pbt_status status = path_in(folder, path, err);
    if (status != PBT_OK) { return status; }
    void *extra = NULL;
    uint32_t size = 0;
    status = pbti_nn_checkpoint_load(path, block, &extra, &size, err);
    if (status == PBT_OK) { status = decode(state, extra, size, err); }
    free(extra);
    bool const of_storage = status == PBT_ENOENT || status == PBT_ECORRUPT;
    if (of_storage && err != NULL) { err->code = PBT_EIO; }
    return of_storage ? PBT_EIO : status;
}
