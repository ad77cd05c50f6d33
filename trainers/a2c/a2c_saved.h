/* SPDX-License-Identifier: Apache-2.0 */
/*
 * a2c_saved.h - what a checkpoint of `a2c` holds beside the network: games in the middle of their
 * episodes, the LSTM's state, frames played beyond the last segment's, and its episodes.
 *
 * Layout, little-endian, without gaps:
 *
 *     4   version, 1
 *     8   surplus
 *     8   episodes; 8 returns; 8 frames        of the last segment, as are the next
 *     4   entries of the list; 8 episodes an entry; 8 a sum of returns, each
 *     4   floats of the LSTM's state, and behind them, where it is told them, the last actions and
 *         the last rewards of all copies; 4 each
 *     the rest: pbti_env_save()
 *
 * Floating-point numbers are their IEEE 754 bits.
 */
#ifndef PBTI_TRAINERS_A2C_SAVED_H
#define PBTI_TRAINERS_A2C_SAVED_H

#include "a2c/a2c_agent.h"

#include <stddef.h>

/* Of a study, beside the agent. */
struct pbti_a2c_saved {
    uint64_t surplus;           /* frames played beyond what segments asked for; below B */
    struct pbti_a2c_tally last; /* episodes of the last segment */
};

size_t pbti_a2c_saved_size(const struct pbti_a2c_agent *agent, const struct pbti_a2c_saved *saved);
void pbti_a2c_saved_encode(const struct pbti_a2c_agent *agent, const struct pbti_a2c_saved *saved,
                           uint8_t *bytes);

/* Errors: PBT_ECORRUPT, PBT_EVERSION, PBT_EINVAL (another game, or copies), PBT_ENOMEM; nothing is
 * changed then. */
PBT_NODISCARD pbt_status pbti_a2c_saved_decode(struct pbti_a2c_agent *agent,
                                               struct pbti_a2c_saved *saved, const uint8_t *bytes,
                                               size_t size, struct pbt_error *err);

#endif
