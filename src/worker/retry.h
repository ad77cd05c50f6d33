/* SPDX-License-Identifier: Apache-2.0 */
/* worker/retry.h - opening what is away for a moment, such as a server that starts again. */
#ifndef PBTI_WORKER_RETRY_H
#define PBTI_WORKER_RETRY_H

#include "pbt/status.h"

#include <stdbool.h>
#include <stdint.h>

struct pbti_retry {
    uint32_t give_up_ms; /* for so long it is tried again */
    int64_t since_ms;    /* of a clock that never jumps; 0: nothing has failed yet */
};

/* After an attempt: is there to be another? Only after PBT_EBUSY, and naps before it says so. */
bool pbti_retry_again(struct pbti_retry *retry, pbt_status status);

#endif
