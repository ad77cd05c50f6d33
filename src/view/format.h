/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view/format.h - numbers as people read them. For exact values see pbti_value_text().
 */
#ifndef PBTI_VIEW_FORMAT_H
#define PBTI_VIEW_FORMAT_H

#include "core/event.h"
#include "view/str.h"

void pbti_str_score(struct pbti_str *str, double score);   /* 0.8790, 27.351, nan, none: - */
void pbti_str_count(struct pbti_str *str, uint64_t count); /* 1,234,567 */
void pbti_str_bytes(struct pbti_str *str, uint64_t bytes); /* 12.3 MiB */
void pbti_str_duration(struct pbti_str *str, int64_t ms);  /* 3d 4h, 2h 05m, 4m 07s, 12 s */
void pbti_str_time(struct pbti_str *str, int64_t time_ms); /* 2026-01-31T12:00:00.123Z */
/* "name 0.00121": four significant digits. */
void pbti_str_value(struct pbti_str *str, const struct pbti_space *space, uint32_t hp,
                    double value);
/* All of them: "lr 0.00121, batch 64". The names are escaped. */
void pbti_str_values(struct pbti_str *str, const struct pbti_space *space, const double *values);
/* What members train: "2,000 steps each"; with rungs "up to 81 steps each, 1,581 in all". */
void pbti_str_budget(struct pbti_str *str, const struct pbti_config *config);
/* Names a checkpoint: m3.s12.a1. */
void pbti_str_checkpoint(struct pbti_str *str, struct pbti_checkpoint checkpoint);

#endif
