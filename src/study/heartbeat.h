/* SPDX-License-Identifier: Apache-2.0 */
/*
 * study/heartbeat.h - the beats of liveness.h: making them, and listening to those of others.
 *
 * A beat file holds two decimal numbers: how many beats there were, and the time from one to the
 * next in milliseconds, which is the beating worker's own.
 */
#ifndef PBTI_STUDY_HEARTBEAT_H
#define PBTI_STUDY_HEARTBEAT_H

#include "pbt/status.h"

#include <stdbool.h>
#include <stdint.h>

/* -------- making them -------- */

struct pbti_heart; /* opaque: a thread */

/* Write the first beat to the file `path`, and the others from a thread. A beat that cannot be
 * written is left out. Errors: PBT_EIO, PBT_ENOMEM */
PBT_NODISCARD pbt_status pbti_heart_start(const char *path, uint32_t beat_ms,
                                          struct pbti_heart **out, struct pbt_error *err);
/* Stop and remove the file. Accepts NULL. */
void pbti_heart_stop(struct pbti_heart *heart);

/* -------- listening -------- */

#define PBTI_BEATS_MISSED 3 /* so many in a row are a death */

/* What is known of one worker; begin with all zero. */
struct pbti_pulse {
    bool heard;     /* looked at least once */
    uint64_t count; /* as it was at the last look; 0: no file */
    uint32_t missed;
    int64_t next_ms; /* no look counts before */
};

/*
 * Look at a worker's beat file if it is time to.
 *
 * now_ms      of a clock that only goes forward, the observer's own
 * Returns     true when it was unchanged PBTI_BEATS_MISSED times in a row
 */
bool pbti_pulse_gone(struct pbti_pulse *pulse, const char *path, int64_t now_ms);

#endif
