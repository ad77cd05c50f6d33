/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data_order.h - in which order training images are used.
 *
 * Each image is used once an epoch, along the whole ancestry of the weights: the set of images that
 * the current epoch has used is a bitmap, saved with the weights. At the start of a segment the
 * images not yet used are shuffled with the segment's seed, so that a clone and its donor go on
 * in different orders, and a run that was reloaded in the same order as an unbroken one.
 */
#ifndef PBTI_TRAINERS_DATA_ORDER_H
#define PBTI_TRAINERS_DATA_ORDER_H

#include "pbt/status.h"

#include <stddef.h>
#include <stdint.h>

struct pbti_data_order {
    uint32_t count;      /* images */
    uint32_t epoch;      /* complete passes over the data */
    uint8_t *used;       /* shape (count + 7) / 8; bit i: image i was used in this epoch */
    uint32_t *queue;     /* shape (count): what is left of this epoch, shuffled */
    uint32_t queued, at; /* length of the queue; next place in it */
    uint64_t seed;       /* of the segment */
};

/* Take memory for `count` images; nothing is used yet. Errors: PBT_ENOMEM. */
PBT_NODISCARD pbt_status pbti_data_order_init(struct pbti_data_order *order, uint32_t count,
                                              struct pbt_error *err);
void pbti_data_order_deinit(struct pbti_data_order *order);

/* Forget what was used: epoch 0. */
void pbti_data_order_reset(struct pbti_data_order *order);

/* Begin a segment: shuffle what is left of the epoch. */
void pbti_data_order_begin(struct pbti_data_order *order, uint64_t seed);

/* Write the next `count` images to `indices`, going on into the next epoch when one is complete. */
void pbti_data_order_take(struct pbti_data_order *order, uint32_t *indices, uint32_t count);

/* Bytes that encode() writes. */
size_t pbti_data_order_size(const struct pbti_data_order *order);

/* What a checkpoint holds: 4 count, 4 epoch, the bitmap; little-endian. */
void pbti_data_order_encode(const struct pbti_data_order *order, uint8_t *bytes);

/*
 * The inverse. Bytes of another number of images (the setting was changed between two runs)
 * begin a new epoch.
 *
 * Errors      PBT_ECORRUPT; `order` is unchanged then
 */
PBT_NODISCARD pbt_status pbti_data_order_decode(struct pbti_data_order *order, const uint8_t *bytes,
                                                size_t size, struct pbt_error *err);

#endif
