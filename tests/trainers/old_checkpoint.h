/* SPDX-License-Identifier: Apache-2.0 */
/* old_checkpoint.h - writing `network.bin`, which trainers only read today (nn/nn_checkpoint.h). */
#ifndef PBTI_TEST_OLD_CHECKPOINT_H
#define PBTI_TEST_OLD_CHECKPOINT_H

#include "nn/nn_block.h"

void old_checkpoint_write(const char *path, const struct pbti_nn_block *block, const void *extra,
                          uint32_t extra_size);

#endif
