/* SPDX-License-Identifier: Apache-2.0 */
/*
 * a2c_settings.h - what a task of `a2c` can be told: hyperparameters of the space, or the spec's
 * `fixed`. docs/a2c.md is the page for users.
 */
#ifndef PBTI_TRAINERS_A2C_SETTINGS_H
#define PBTI_TRAINERS_A2C_SETTINGS_H

#include "env/env.h"
#include "pbt_client.h"

#include <stdbool.h>
#include <stdint.h>

/* X(name, default, least, greatest): numbers. All but `sticky` may change at any segment. */
#define PBTI_A2C_NUMBERS(X)                                                                        \
    X(lr, 7e-3, 0.0, 10.0)                                                                         \
    X(entropy_cost, 7e-3, 0.0, 10.0)                                                               \
    X(discount, 0.99, 0.0, 1.0)                                                                    \
    X(trace_decay, 0.95, 0.0, 1.0)                                                                 \
    X(value_cost, 1.0, 0.0, 100.0)                                                                 \
    X(rmsprop_decay, 0.99, 0.0, 0.999999)                                                          \
    X(rmsprop_epsilon, 1e-6, 1e-30, 1.0)                                                           \
    X(clip, 1.0, 0.0, 1e6)                                                                         \
    X(sticky, 0.1, 0.0, 1.0)

/* X(name, default, least, greatest): whole numbers. `unroll` and `episodes` may change at any
 * segment; the others belong to the network and the games that were made. */
#define PBTI_A2C_COUNTS(X)                                                                         \
    X(unroll, 10, 1, 1000)                                                                         \
    X(envs, 32, 1, 4096)                                                                           \
    X(filters, 16, 16, 256)                                                                        \
    X(hidden, 128, 1, 4096)                                                                        \
    X(episodes, 100, 1, 1000000)

/* X(name, default): true or false. */
#define PBTI_A2C_SWITCHES(X)                                                                       \
    X(lstm, false)                                                                                 \
    X(ramping, true)                                                                               \
    X(minimal, false)

struct pbti_a2c_settings {
#define SETTING_NUMBER(name, otherwise, low, high) double name;
#define SETTING_COUNT(name, otherwise, low, high) uint32_t name;
#define SETTING_SWITCH(name, otherwise) bool name;
    PBTI_A2C_NUMBERS(SETTING_NUMBER)
    PBTI_A2C_COUNTS(SETTING_COUNT)
    PBTI_A2C_SWITCHES(SETTING_SWITCH)
#undef SETTING_NUMBER
#undef SETTING_COUNT
#undef SETTING_SWITCH
    const struct pbti_env_kind *game; /* setting `game`; default breakout */
    bool list;                        /* setting `report`: "mean" or "list" */
};

struct pbti_a2c_settings pbti_a2c_settings_default(void);

/* Read the settings of the current task. Errors: PBT_EINVAL, naming the setting, what it is and
 * what is allowed. */
PBT_NODISCARD pbt_status pbti_a2c_settings_read(struct pbt_client *client,
                                                struct pbti_a2c_settings *settings,
                                                struct pbt_error *err);

#endif
