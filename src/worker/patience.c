/* SPDX-License-Identifier: Apache-2.0 */
/* worker/patience.c - see patience.h. */
#include "worker/patience.h"

#include "journal/looking.h"

#include <time.h>

#define NAP_MS 200

bool pbti_patience_again(struct pbti_patience *patience, pbt_status status)
{
    if (status != PBT_EBUSY) { return false; }
    int64_t const now_ms = pbti_steady_ms();
    if (patience->since_ms == 0) { patience->since_ms = now_ms; }
    if (now_ms - patience->since_ms >= patience->give_up_ms) { return false; }
    struct timespec const nap = {0, NAP_MS * 1000000L};
    (void)nanosleep(&nap, NULL);
    return true;
}
