/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainer_setting.h - reading the settings of a task: from its hyperparameters, else from `fixed`,
 * else what the variable holds already, its default.
 *
 * Each call checks the limits and names the setting, its value and what is allowed. A value of the
 * wrong type reads as NaN or ""; the client's own words about it are clearer, so end with
 * pbti_setting_end(), which prefers them.
 *
 *     pbt_status status = pbti_setting_number(client, "lr", 0.0, 1e6, &s->lr, err);
 *     if (status == PBT_OK) { status = pbti_setting_count(client, "batch", 1, 8192, ...); }
 *     return pbti_setting_end(client, status, err);
 *
 * Errors      PBT_EINVAL: beyond the limits, or none of the words; the variable is unchanged
 */
#ifndef PBTI_TRAINERS_TRAINER_SETTING_H
#define PBTI_TRAINERS_TRAINER_SETTING_H

#include "pbt/status.h"
#include "pbt_client.h"

#include <stdbool.h>
#include <stdint.h>

/* A number from low to high. */
PBT_NODISCARD pbt_status pbti_setting_number(struct pbt_client *client, const char *name,
                                             double low, double high, double *value,
                                             struct pbt_error *err);

/* A whole number from low to high. */
PBT_NODISCARD pbt_status pbti_setting_count(struct pbt_client *client, const char *name,
                                            uint32_t low, uint32_t high, uint32_t *value,
                                            struct pbt_error *err);

/* True or false: a boolean of the space; in `fixed` also 1 or 0. */
PBT_NODISCARD pbt_status pbti_setting_switch(struct pbt_client *client, const char *name,
                                             bool *value, struct pbt_error *err);

/* Any text; owned by the client until its next task. */
const char *pbti_setting_text(struct pbt_client *client, const char *name, const char *otherwise);

/* Which of two words? The first is the default. */
PBT_NODISCARD pbt_status pbti_setting_choice(struct pbt_client *client, const char *name,
                                             const char *first, const char *second, bool *is_second,
                                             struct pbt_error *err);

/* `status`, or PBT_EINVAL with the client's words when it has noted a mistake. */
PBT_NODISCARD pbt_status pbti_setting_end(struct pbt_client *client, pbt_status status,
                                          struct pbt_error *err);

#endif
