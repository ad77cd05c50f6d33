/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal/poll.h - waiting for a journal that tells nobody when it grows: look, nap, look again.
 */
#ifndef PBTI_JOURNAL_POLL_H
#define PBTI_JOURNAL_POLL_H

#include "journal/journal.h"

/* A backend's `last`. */
typedef pbt_status (*pbti_look)(void *state, uint64_t *last, struct pbt_error *err);

/*
 * A backend's `wait` by its `last`: naps of 1 ms, growing to `nap_ms_max`.
 *
 * stubborn    an error of the look is no end of the waiting: it is returned only when the time ran
 *             out with it
 */
PBT_NODISCARD pbt_status pbti_wait_looking(pbti_look look, void *state, bool stubborn,
                                           uint32_t nap_ms_max, uint64_t since, uint32_t timeout_ms,
                                           uint64_t *last, struct pbt_error *err);

/* Milliseconds of a clock that only goes forward. */
int64_t pbti_steady_ms(void);

#endif
