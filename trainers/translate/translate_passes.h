/* SPDX-License-Identifier: Apache-2.0 */
/*
 * translate_passes.h - forward and backward through the Transformer, over the arrays that
 * translate_network.c has cut for the batch. Called by pbti_translate_network_run() alone.
 */
#ifndef PBTI_TRANSLATE_PASSES_H
#define PBTI_TRANSLATE_PASSES_H

#include "translate/translate_network.h"

/* Everything up to `decoded`, and the logits. `pass` NULL: no dropout. */
void pbti_translate_forward(struct pbti_translate_network *network,
                            const struct pbti_translate_batch *batch,
                            const struct pbti_translate_pass *pass);

/* The loss of the logits; with `pass` they become their gradients. */
struct pbti_translate_loss pbti_translate_loss_of(struct pbti_translate_network *network,
                                                  const struct pbti_translate_batch *batch,
                                                  const struct pbti_translate_pass *pass);

/* From the gradients of the logits to those of all weights. */
void pbti_translate_backward(struct pbti_translate_network *network,
                             const struct pbti_translate_batch *batch);

#endif
