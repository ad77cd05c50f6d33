/* SPDX-License-Identifier: Apache-2.0 */
/*
 * a2c_settings.h - the settings of `a2c` and their limits. docs/a2c.md lists them.
 */
#ifndef PBTI_TRAINERS_A2C_SETTINGS_H
#define PBTI_TRAINERS_A2C_SETTINGS_H

#include "env/env.h"
#include "host/builtin_setting.h"

/* See host/builtin_setting.h; the functions of words are in a2c.c. */
#define PBTI_A2C_SETTINGS(X)                                                                       \
    X(NUMBER, lr, HOT, 7e-3, 0.0, 10.0)                                                            \
    X(NUMBER, entropy_cost, HOT, 7e-3, 0.0, 10.0)                                                  \
    X(NUMBER, discount, HOT, 0.99, 0.0, 1.0)                                                       \
    X(NUMBER, trace_decay, HOT, 0.95, 0.0, 1.0)                                                    \
    X(NUMBER, value_cost, HOT, 1.0, 0.0, 100.0)                                                    \
    X(NUMBER, rmsprop_decay, HOT, 0.99, 0.0, 0.999999)                                             \
    X(NUMBER, rmsprop_epsilon, HOT, 1e-6, 1e-30, 1.0)                                              \
    X(NUMBER, clip, HOT, 1.0, 0.0, 1e6)                                                            \
    X(NUMBER, pixel_control, HOT, 0.002, 0.0, 100.0)                                               \
    X(NUMBER, value_replay, HOT, 0.1, 0.0, 100.0)                                                  \
    X(NUMBER, reward_prediction, HOT, 0.1, 0.0, 100.0)                                             \
    X(NUMBER, control_discount, HOT, 0.9, 0.0, 1.0)                                                \
    X(NUMBER, replay_ratio, HOT, 0.25, 0.0, 1.0)                                                   \
    X(NUMBER, reward_scale, HOT, 1.0, 1e-6, 1e6)                                                   \
    X(NUMBER, reward_clip, HOT, 0.0, 0.0, 1e6)                                                     \
    X(NUMBER, sticky, NETWORK, 0.1, 0.0, 1.0)                                                      \
    X(COUNT, unroll, HOT, 10, 1, 1000)                                                             \
    X(COUNT, envs, NETWORK, 32, 1, 4096)                                                           \
    X(COUNT, filters, NETWORK, 16, 16, 256)                                                        \
    X(COUNT, hidden, NETWORK, 128, 1, 4096)                                                        \
    X(COUNT, replay, NETWORK, 500, 10, 100000)                                                     \
    X(COUNT, size, NETWORK, 11, 7, 15)                                                             \
    X(COUNT, map, NETWORK, 0, 0, 65535)                                                            \
    X(COUNT, pixels, NETWORK, 24, 16, 84)                                                          \
    X(COUNT, episodes, HOT, 100, 1, 1000000)                                                       \
    X(SWITCH, lstm, NETWORK, false)                                                                \
    X(SWITCH, inputs, NETWORK, false)                                                              \
    X(SWITCH, shaped, NETWORK, false)                                                              \
    X(SWITCH, ramping, NETWORK, true)                                                              \
    X(SWITCH, minimal, NETWORK, false)                                                             \
    X(CHOICE, game, NETWORK, 0, game_word)   /* as in pbti_env_at() */                             \
    X(CHOICE, agent, NETWORK, 0, agent_word) /* enum pbti_a2c_kind */                              \
    X(CHOICE, score, HOT, 0, score_word)     /* 1: normalised */                                   \
    X(CHOICE, report, HOT, 0, report_word)   /* 1: a list of scores */

enum pbti_a2c_kind { PBTI_A2C_PLAIN, PBTI_A2C_UNREAL };

struct pbti_a2c_settings {
    PBTI_A2C_SETTINGS(PBTI_SETTING_FIELD)
};

#endif
