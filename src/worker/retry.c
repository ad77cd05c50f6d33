/* SPDX-License-Identifier: Apache-2.0 */
/* worker/retry.c - see retry.h. */
#include "worker/retry.h"

#include "journal/poll.h"

#include <time.h>

#define NAP_MS 200

bool pbti_retry_again(struct pbti_retry *retry, pbt_status status)
{
    if (status != PBT_EBUSY) { return false; }
    int64_t const now_ms = pbti_steady_ms();
    if (retry->since_ms == 0) { retry->since_ms = now_ms; }
    if (now_ms - retry->since_ms >= retry->give_up_ms) { return false; }
    struct timespec const nap = {0, NAP_MS * 1000000L};
    (void)nanosleep(&nap, NULL);
    return true;
}
