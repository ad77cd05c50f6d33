/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view/workers.h - the workers of a study, as far as can be known from here: those that joined and
 * did not leave, and when each last beat (study/liveness.h).
 */
#ifndef PBTI_VIEW_WORKERS_H
#define PBTI_VIEW_WORKERS_H

#include "view/study_stats.h"
#include "view/table.h"

/*
 * Is a worker certainly dead: of this machine, and it does not hold its lock? A worker holds a
 * lock on <study>/workers/ID.lock as long as it lives; in a copy of a study there is none.
 */
bool pbti_worker_is_dead(const char *dir, const struct pbti_study_stats_worker *worker);

/* Milliseconds since its last beat; -1: not known. For people: the file server's clock is compared
 * with ours. */
int64_t pbti_worker_beat_ms(const char *dir, const struct pbti_study_stats_worker *worker);

/* Id, host, process, slots and last beat of each. */
void pbti_workers_table(struct pbti_table *table, const char *dir,
                        const struct pbti_study_stats *tally);

#endif
