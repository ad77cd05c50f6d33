/* SPDX-License-Identifier: Apache-2.0 */
/*
 * a2c_replay.h - the last frames that an agent has played, and draws from them.
 *
 * A ring of rounds; a round is one frame of each copy: what was seen, what the LSTM was told of the
 * frame before, the action, the reward that was learnt from, and whether the episode ended. Places
 * count from the oldest round that is left, 0, to the newest, stored - 1.
 *
 * It is empty at the beginning of every segment and no part of a checkpoint, so that an agent that
 * was loaded goes on as one that was kept.
 *
 * Source      Jaderberg et al. 2016, "Reinforcement learning with unsupervised auxiliary tasks",
 *             arXiv:1611.05397, section 3. Differences: sequences have a fixed length and may go
 *             over the end of an episode, where the LSTM begins anew and targets are cut.
 */
#ifndef PBTI_TRAINERS_A2C_REPLAY_H
#define PBTI_TRAINERS_A2C_REPLAY_H

#include "nn/nn_base.h"
#include "nn/nn_random.h"

#include <stddef.h>
#include <stdint.h>

enum { PBTI_A2C_WINDOW = 3 }; /* frames that a reward is predicted from */

struct pbti_a2c_replay {
    uint32_t copies, room; /* B; R, rounds */
    size_t seen_size;      /* bytes of an observation, see pbti_a2c_network_keep() */
    uint32_t stored, next; /* rounds; where the next one goes */
    uint8_t *seen;         /* (R, B, seen_size) */
    uint8_t *actions, *ends, *last_actions; /* (R, B) */
    float *rewards, *last_rewards;          /* (R, B) */
    uint32_t *found;                        /* (2, R B): scratch of the draw of windows */
};

/* A frame; or a sequence that begins there; or the frame whose reward follows a window. */
struct pbti_a2c_place {
    uint32_t copy, at;
};

/* Errors: PBT_ENOMEM; then nothing was taken. */
PBT_NODISCARD pbt_status pbti_a2c_replay_init(struct pbti_a2c_replay *replay, uint32_t copies,
                                              uint32_t room, size_t seen_size,
                                              struct pbt_error *err);
void pbti_a2c_replay_deinit(struct pbti_a2c_replay *replay);

/* Forget all rounds. */
void pbti_a2c_replay_clear(struct pbti_a2c_replay *replay);

/*
 * Add a round, in place of the oldest when there is no room. Returns where its observations go,
 * shape (B, seen_size), which the caller fills.
 *
 * actions, rewards, ends          in, shape (B)
 * last_actions, last_rewards      in, shape (B): what the LSTM was told
 */
uint8_t *pbti_a2c_replay_add(struct pbti_a2c_replay *replay, const uint8_t *actions,
                             const float *rewards, const uint8_t *ends, const float *last_actions,
                             const float *last_rewards);

/* The index of a frame in the arrays. */
size_t pbti_a2c_replay_index(const struct pbti_a2c_replay *replay, struct pbti_a2c_place place);

/* The observation of a frame. */
const uint8_t *pbti_a2c_replay_seen(const struct pbti_a2c_replay *replay,
                                    struct pbti_a2c_place place);

/*
 * Draw `count` sequences of `length` frames and one more: copies and beginnings uniform. Sequence i
 * is drawn from block i of the stream.
 *
 * Requires    stored > length
 */
void pbti_a2c_replay_sequences(const struct pbti_a2c_replay *replay,
                               const struct pbti_nn_stream *stream, uint32_t length, uint32_t count,
                               struct pbti_a2c_place *out);

/*
 * Draw `count` frames to predict the reward of, from the three frames before it: with probability
 * 1/2 uniform among those with a reward, else among those without; when there is none of the one
 * kind, of the other. Frames whose window goes over the end of an episode are left out.
 *
 * Returns     how many frames there are to choose from; 0: nothing was drawn
 */
uint32_t pbti_a2c_replay_windows(struct pbti_a2c_replay *replay,
                                 const struct pbti_nn_stream *stream, uint32_t count,
                                 struct pbti_a2c_place *out);

/* The class of a reward: 0 none, 1 positive, 2 negative. */
uint8_t pbti_a2c_reward_class(float reward);

#endif
