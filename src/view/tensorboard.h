/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view/tensorboard.h - scalars as a TensorBoard event file.
 *
 * The file is a chain of TFRecords: length (8 bytes, little-endian), masked CRC-32C of the length,
 * the bytes, masked CRC-32C of the bytes. Each holds one protocol buffer `Event`; of it only what
 * scalars need is written: wall_time (1), step (2), file_version (3), summary (5) with values of
 * tag (1) and simple_value (2), a float.
 *
 * TensorBoard's fast reader forgets the points of a run that a later point does not exceed in its
 * step: a file's steps must grow.
 *
 * Source      TensorFlow's core/lib/io/record_writer.h, TensorBoard's compat/proto/event.proto and
 *             summary.proto
 */
#ifndef PBTI_VIEW_TENSORBOARD_H
#define PBTI_VIEW_TENSORBOARD_H

#include "view/str.h"

struct pbti_events {
    struct pbti_str summary; /* of the event being made */
    struct pbti_str scratch, event;
    uint32_t crc[256]; /* table of CRC-32C */
};

void pbti_events_init(struct pbti_events *events);
void pbti_events_deinit(struct pbti_events *events);

/* Add what a file begins with. */
void pbti_events_begin(struct pbti_events *events, struct pbti_str *file, int64_t time_ms);

/* Put a scalar into the event being made. `tag` is UTF-8. */
void pbti_events_scalar(struct pbti_events *events, const char *tag, double value);

/* Add the event that was made to a file. */
void pbti_events_end(struct pbti_events *events, struct pbti_str *file, int64_t time_ms,
                     uint64_t step);

/* Add `group/name` as a tag: what would make another group, or harm a terminal, is escaped. */
void pbti_events_tag(struct pbti_str *str, const char *group, const char *name);

#endif
