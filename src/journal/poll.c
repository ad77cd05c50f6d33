/* SPDX-License-Identifier: Apache-2.0 */
/* journal/poll.c - see poll.h. */
#include "journal/poll.h"

#include <time.h>

int64_t pbti_steady_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

pbt_status pbti_wait_looking(pbti_look look, void *state, bool stubborn, uint32_t nap_ms_max,
                             uint64_t since, uint32_t timeout_ms, uint64_t *last,
                             struct pbt_error *err)
{
    int64_t const deadline_ms = pbti_steady_ms() + timeout_ms;
    struct pbt_error trouble; /* err stays untouched when a later look succeeds */
    for (int64_t nap_ms = 1;; nap_ms = smaller(2 * nap_ms, nap_ms_max)) {
        pbt_status const status = look(state, last, &trouble);
        if (status == PBT_OK && *last > since) { return PBT_OK; }
        int64_t const left_ms = deadline_ms - pbti_steady_ms();
        if (status != PBT_OK && (!stubborn || left_ms <= 0)) {
            if (err != NULL) { *err = trouble; }
            return status;
        }
        if (left_ms <= 0) {
            *last = since;
            return PBT_OK;
        }
        int64_t const now_ms = smaller(nap_ms, left_ms);
        struct timespec const nap = {now_ms / 1000, (long)(now_ms % 1000) * 1000000};
        (void)nanosleep(&nap, NULL);
    }
}
