/* SPDX-License-Identifier: Apache-2.0 */
/* a2c_replay.c - the last frames that an agent has played, see a2c_replay.h. */
#include "a2c/a2c_replay.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

pbt_status pbti_a2c_replay_init(struct pbti_a2c_replay *replay, uint32_t copies, uint32_t room,
                                size_t seen_size, struct pbt_error *err)
{
    *replay = (struct pbti_a2c_replay){.copies = copies, .room = room, .seen_size = seen_size};
    size_t const frames = (size_t)room * copies;
    replay->seen = malloc(frames * seen_size);
    replay->actions = malloc(3 * frames);
    replay->rewards = malloc(2 * frames * sizeof replay->rewards[0]);
    replay->found = malloc(2 * frames * sizeof replay->found[0]);
    if (replay->seen == NULL || replay->actions == NULL || replay->rewards == NULL ||
        replay->found == NULL) {
        pbti_a2c_replay_deinit(replay);
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory to replay %u frames of %u copies", room,
                            copies);
    }
    replay->ends = replay->actions + frames;
    replay->last_actions = replay->ends + frames;
    replay->last_rewards = replay->rewards + frames;
    return PBT_OK;
}

void pbti_a2c_replay_deinit(struct pbti_a2c_replay *replay)
{
    free(replay->seen);
    free(replay->actions);
    free(replay->rewards);
    free(replay->found);
    memset(replay, 0, sizeof *replay);
}

void pbti_a2c_replay_clear(struct pbti_a2c_replay *replay)
{
    replay->stored = 0;
    replay->next = 0;
}

uint8_t *pbti_a2c_replay_add(struct pbti_a2c_replay *replay, const uint8_t *actions,
                             const float *rewards, const uint8_t *ends, const float *last_actions,
                             const float *last_rewards)
{
    uint32_t const copies = replay->copies;
    size_t const at = (size_t)replay->next * copies;
    memcpy(replay->actions + at, actions, copies);
    memcpy(replay->ends + at, ends, copies);
    memcpy(replay->rewards + at, rewards, copies * sizeof rewards[0]);
    memcpy(replay->last_rewards + at, last_rewards, copies * sizeof last_rewards[0]);
    for (uint32_t i = 0; i < copies; i++) {
        replay->last_actions[at + i] = (uint8_t)last_actions[i];
    }
    replay->next = (replay->next + 1) % replay->room;
    replay->stored += replay->stored < replay->room;
    return replay->seen + at * replay->seen_size;
}

/* -------- places -------- */

size_t pbti_a2c_replay_index(const struct pbti_a2c_replay *replay, struct pbti_a2c_place place)
{
    assert(place.at < replay->stored && place.copy < replay->copies);
    uint32_t const oldest = replay->stored < replay->room ? 0 : replay->next;
    return (size_t)((oldest + place.at) % replay->room) * replay->copies + place.copy;
}

const uint8_t *pbti_a2c_replay_seen(const struct pbti_a2c_replay *replay,
                                    struct pbti_a2c_place place)
{
    return replay->seen + pbti_a2c_replay_index(replay, place) * replay->seen_size;
}

/* -------- draws -------- */

/* A number below `sides`; its bias is below sides / 2^32. */
static uint32_t below(uint32_t bits, uint32_t sides)
{
    return (uint32_t)((uint64_t)bits * sides >> 32);
}

void pbti_a2c_replay_sequences(const struct pbti_a2c_replay *replay,
                               const struct pbti_nn_stream *stream, uint32_t length, uint32_t count,
                               struct pbti_a2c_place *out)
{
    assert(replay->stored > length);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t bits[4];
        pbti_nn_random_block(stream, i, bits);
        out[i] = (struct pbti_a2c_place){below(bits[0], replay->copies),
                                         below(bits[1], replay->stored - length)};
    }
}

uint8_t pbti_a2c_reward_class(float reward)
{
    return reward > 0.0f ? 1 : reward < 0.0f ? 2 : 0;
}

/* Frames of a copy that have three of their episode before them, by whether they have a reward:
 * `found` has two rows, and counts[0] and [1] how many are in them. */
static void find_windows(struct pbti_a2c_replay *replay, uint32_t copy, uint32_t *counts)
{
    size_t const row = (size_t)replay->room * replay->copies;
    uint32_t since = 0; /* frames of this episode that were seen */
    for (uint32_t at = 0; at < replay->stored; at++) {
        size_t const index = pbti_a2c_replay_index(replay, (struct pbti_a2c_place){copy, at});
        if (since >= PBTI_A2C_WINDOW) {
            uint32_t const kind = replay->rewards[index] != 0.0f;
            replay->found[kind * row + counts[kind]++] = at * replay->copies + copy;
        }
        since = replay->ends[index] != 0 ? 0 : since + 1;
    }
}

uint32_t pbti_a2c_replay_windows(struct pbti_a2c_replay *replay,
                                 const struct pbti_nn_stream *stream, uint32_t count,
                                 struct pbti_a2c_place *out)
{
    size_t const row = (size_t)replay->room * replay->copies;
    uint32_t counts[2] = {0, 0};
    for (uint32_t copy = 0; copy < replay->copies; copy++) {
        find_windows(replay, copy, counts);
    }
    if (counts[0] + counts[1] == 0) { return 0; }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t bits[4];
        pbti_nn_random_block(stream, i, bits);
        uint32_t const coin = bits[0] >> 31;
        uint32_t const kind = counts[coin] > 0 ? coin : 1 - coin;
        uint32_t const frame = replay->found[kind * row + below(bits[1], counts[kind])];
        out[i] = (struct pbti_a2c_place){frame % replay->copies, frame / replay->copies};
    }
    return counts[0] + counts[1];
}
