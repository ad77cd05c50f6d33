/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainer/trainer_log.h - what trainers print, one capped log a member: <study>/logs/m<member>.log.
 *
 * A trainer serves several members, so the worker owns the pipe and sorts the output. A log keeps
 * how it began and how it ended: the first quarter of the cap in m3.log.0, then m3.log, which turns
 * into m3.log.1 when it is full. A line in front of each task's output says what it belongs to; a
 * task that prints nothing leaves nothing. Trouble with a log is never trouble for a study: output
 * that cannot be written is dropped.
 */
#ifndef PBTI_TRAINER_TRAINER_LOG_H
#define PBTI_TRAINER_TRAINER_LOG_H

#include "pbt/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pbti_trainer_log; /* opaque: one slot's */

/*
 * folder      where the logs are, copied; NULL: write none, only remember the last lines
 * cap         bytes of one member's log, all its files together
 *
 * Returns     NULL: out of memory
 */
struct pbti_trainer_log *pbti_trainer_log_create(const char *folder, uint64_t cap);
void pbti_trainer_log_destroy(struct pbti_trainer_log *log); /* accepts NULL */

/* What is written from now on belongs to this attempt. */
void pbti_trainer_log_task(struct pbti_trainer_log *log, uint32_t member, uint32_t segment,
                           uint32_t attempt);

/* Output of the trainer. */
void pbti_trainer_log_write(struct pbti_trainer_log *log, const char *data, size_t size);

/* A line of the worker's own. */
void pbti_trainer_log_note(struct pbti_trainer_log *log, const char *text);

/* The last line with something in it that the current task printed; "" when there is none. Returns
 * `text`. */
const char *pbti_trainer_log_last(const struct pbti_trainer_log *log, char *text, size_t size);

#endif
