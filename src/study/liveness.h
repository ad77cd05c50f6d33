/* SPDX-License-Identifier: Apache-2.0 */
/*
 * study/liveness.h - being seen to be alive by the other workers.
 *
 * On one machine: a worker holds a lock (flock) on <study>/workers/<id>.lock for as long as it
 * lives. The kernel lets go of the lock when the process dies, however it dies, so another worker
 * that gets the lock knows for certain: no clock, no process ids that are used again.
 *
 * Between machines: a worker has a thread that beats, which is to write a number that grows into
 * <study>/workers/<id>.beat. Whoever finds it unchanged three times in a row, each a beat's time
 * after the last, takes the worker for dead. Only the observer's own clock is used, for the time
 * between its looks; an observer that was asleep itself starts to count when it wakes. This may be
 * wrong (a machine that is cut off lives on), and is harmless then: the claims of a worker that was
 * found dead are released, and a result whose claim is released is dropped.
 */
#ifndef PBTI_STUDY_LIVENESS_H
#define PBTI_STUDY_LIVENESS_H

#include "core/event.h"
#include "pbt/status.h"

struct pbti_liveness; /* opaque */

/* From one beat to the next, unless PBT_BEAT of the environment says otherwise, in seconds. */
#define PBTI_BEAT_MS 10000u

/*
 * Take the lock of a new worker and begin to beat.
 *
 * worker      out: its random id, never 0
 * Errors      PBT_EIO, PBT_ENOMEM, PBT_EINVAL (PBT_BEAT is no number from 0.05 to 3600)
 */
PBT_NODISCARD pbt_status pbti_liveness_open(const char *study_dir, uint64_t *worker,
                                            struct pbti_liveness **out, struct pbt_error *err);

/* Let go of the lock, stop beating and remove the files. Accepts NULL. */
void pbti_liveness_close(struct pbti_liveness *liveness);

/* Is this worker dead: for certain on this host, silent for three beats on another? Call it some
 * times in a beat's time. false when it lives or nothing is known yet. The files of one of
 * this host are removed. */
bool pbti_liveness_dead(struct pbti_liveness *liveness, const struct pbti_event_worker *worker);

/* Are the files of this worker gone: it left in order, or was found dead? On another host it may
 * have begun so lately that they are not seen here yet. */
bool pbti_liveness_left(const struct pbti_liveness *liveness, uint64_t worker);

/* The name of this host, as in worker events. */
const char *pbti_liveness_host(const struct pbti_liveness *liveness);

#endif
