/* SPDX-License-Identifier: Apache-2.0 */
/* journal/batch_hash.c - see batch_hash.h. */
#include "journal/batch_hash.h"

#include "base/bytes.h"

#include <assert.h>

uint64_t pbti_batch_hash(XXH3_state_t *hasher, uint64_t last, uint32_t count,
                         struct pbti_batch_id id, const void *events, size_t size)
{
    uint8_t head[28];
    struct pbti_writer writer = {.data = head, .capacity = sizeof head};
    pbti_put_u64(&writer, last);
    for (unsigned i = 0; i < 4; i++) {
        pbti_put_u8(&writer, (uint8_t)(count >> (8 * i)));
    }
    pbti_put_bytes(&writer, id.bytes, sizeof id.bytes);
    assert(writer.size == sizeof head && !writer.failed);
    (void)XXH3_64bits_reset(hasher);
    (void)XXH3_64bits_update(hasher, head, sizeof head);
    (void)XXH3_64bits_update(hasher, events, size);
    return XXH3_64bits_digest(hasher);
}
