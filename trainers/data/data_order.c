/* SPDX-License-Identifier: Apache-2.0 */
/* data_order.c - in which order training images are used, see data_order.h. */
#include "data/data_order.h"
#include "nn/nn_base.h"
#include "nn/nn_bytes.h"
#include "nn/nn_random.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_SIZE = 8 };

static size_t bitmap_size(uint32_t count)
{
    return ((size_t)count + 7) / 8;
}

pbt_status pbti_data_order_init(struct pbti_data_order *order, uint32_t count,
                                struct pbt_error *err)
{
    assert(count > 0);
    memset(order, 0, sizeof *order);
    order->count = count;
    order->used = calloc(bitmap_size(count), 1);
    order->queue = calloc(count, sizeof order->queue[0]);
    if (order->used == NULL || order->queue == NULL) {
        pbti_data_order_deinit(order);
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory for the order of %u images", count);
    }
    return PBT_OK;
}

void pbti_data_order_deinit(struct pbti_data_order *order)
{
    free(order->used);
    free(order->queue);
    memset(order, 0, sizeof *order);
}

void pbti_data_order_reset(struct pbti_data_order *order)
{
    memset(order->used, 0, bitmap_size(order->count));
    order->epoch = 0;
    order->queued = 0;
    order->at = 0;
}

/* Queue the images that this epoch has not used, in an order drawn from seed and epoch. */
static void shuffle_rest(struct pbti_data_order *order)
{
    order->queued = 0;
    order->at = 0;
    for (uint32_t i = 0; i < order->count; i++) {
        if ((order->used[i / 8] >> (i % 8) & 1) == 0) { order->queue[order->queued++] = i; }
    }
    struct pbti_nn_stream const stream = {
        .seed = order->seed, .purpose = PBTI_NN_PURPOSE_ORDER, .step = order->epoch};
    pbti_nn_shuffle(&stream, order->queue, order->queued);
}

void pbti_data_order_begin(struct pbti_data_order *order, uint64_t seed)
{
    order->seed = seed;
    shuffle_rest(order);
}

void pbti_data_order_take(struct pbti_data_order *order, uint32_t *indices, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (order->at == order->queued) {
            memset(order->used, 0, bitmap_size(order->count));
            order->epoch++;
            shuffle_rest(order);
        }
        uint32_t const item = order->queue[order->at++];
        order->used[item / 8] |= (uint8_t)(1u << (item % 8));
        indices[i] = item;
    }
}

/* -------- encoding -------- */

size_t pbti_data_order_size(const struct pbti_data_order *order)
{
    return HEADER_SIZE + bitmap_size(order->count);
}

void pbti_data_order_encode(const struct pbti_data_order *order, uint8_t *bytes)
{
    (void)pbti_nn_put(pbti_nn_put(bytes, order->count, 4), order->epoch, 4);
    memcpy(bytes + HEADER_SIZE, order->used, bitmap_size(order->count));
}

pbt_status pbti_data_order_decode(struct pbti_data_order *order, const uint8_t *bytes, size_t size,
                                  struct pbt_error *err)
{
    if (size < HEADER_SIZE || size != HEADER_SIZE + bitmap_size((uint32_t)pbti_nn_get(bytes, 4))) {
        return pbti_nn_fail(err, PBT_ECORRUPT,
                            "the data order in the checkpoint is damaged: %zu bytes", size);
    }
    if (pbti_nn_get(bytes, 4) != order->count) {
        pbti_data_order_reset(order);
        return PBT_OK;
    }
    order->epoch = (uint32_t)pbti_nn_get(bytes + 4, 4);
    memcpy(order->used, bytes + HEADER_SIZE, bitmap_size(order->count));
    order->queued = 0;
    order->at = 0;
    return PBT_OK;
}
