/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainer_checkpoint.h - a builtin trainer's checkpoint: the file `network.bin`, of the format in
 * nn/nn_checkpoint.h, in the folder that a task names.
 */
#ifndef PBTI_TRAINERS_TRAINER_CHECKPOINT_H
#define PBTI_TRAINERS_TRAINER_CHECKPOINT_H

#include "nn/nn_block.h"

/*
 * Write the block and `extra`, what the trainer keeps beside its network.
 *
 * Errors      PBT_EIO, PBT_ENOMEM, PBT_ELIMIT (`extra` is larger than PBTI_NN_EXTRA_MAX)
 */
PBT_NODISCARD pbt_status pbti_trainer_save(const char *folder, const struct pbti_nn_block *block,
                                           const void *extra, size_t extra_size,
                                           struct pbt_error *err);

/* Take the extra data over into the trainer's state. Fails with PBT_ECORRUPT or PBT_EINVAL. */
typedef pbt_status pbti_trainer_decode(void *state, const void *extra, uint32_t size,
                                       struct pbt_error *err);

/*
 * Read the block, then let `decode` take over the rest.
 *
 * Errors      PBT_EIO: missing or damaged, which is the storage's fault and not the study's, so
 *             worth another try; PBT_EINVAL, PBT_EVERSION: of another network; PBT_ENOMEM
 */
PBT_NODISCARD pbt_status pbti_trainer_restore(const char *folder, struct pbti_nn_block *block,
                                              pbti_trainer_decode *decode, void *state,
                                              struct pbt_error *err);

#endif
