/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/presence.h - being seen to be alive by the other workers of this machine.
 *
 * A worker holds a lock (flock) on <study>/workers/<id>.lock for as long as it lives. The kernel
 * lets go of the lock when the process dies, however it dies, so another worker that gets the lock
 * knows for certain: no clock, no process ids that are used again. Nothing is known of workers on
 * other hosts.
 */
#ifndef PBTI_WORKER_PRESENCE_H
#define PBTI_WORKER_PRESENCE_H

#include "core/event.h"
#include "pbt/status.h"

struct pbti_presence; /* opaque */

/* Take the lock of a new worker. `*worker` is its random id, never 0. */
PBT_NODISCARD pbt_status pbti_presence_open(const char *study_dir, uint64_t *worker,
                                            struct pbti_presence **out, struct pbt_error *err);

/* Let go of the lock and remove its file. Accepts NULL. */
void pbti_presence_close(struct pbti_presence *presence);

/* Is this worker certainly dead? false when it lives, is on another host, or nothing is known. The
 * lock file of a dead one is removed. */
bool pbti_presence_dead(const struct pbti_presence *presence,
                        const struct pbti_event_worker *worker);

/* The name of this host, as in worker events. */
const char *pbti_presence_host(const struct pbti_presence *presence);

#endif
