/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env_shards.c - two marines are ordered about to collect twenty shards, and twenty more.
 *
 * 16 x 16 cells. Action 0 gives no order, 1 + b orders the first marine to block b of 2 x 2 cells,
 * 65 + b the second. After both have walked one king's step, every shard within a step of a marine
 * is worth 1 and gone. When none is left, twenty new ones appear at the end of the frame, on
 * different cells that are no marine's nor beside one. An episode is cut off after 240 frames.
 *
 * After StarCraft II's CollectMineralShards (Vinyals et al. 2017, arXiv:1708.04782).
 */
#include "env/env_states_own.h"
#include "env/env_walk.h"

enum { FRAMES = 240, SIDE = PBTI_ENV_FIELD_SIDE, MARINES = PBTI_SHARDS_MARINES };

static bool is_near_a_marine(const struct pbti_shards *s, uint32_t copy, int y, int x)
{
    for (uint32_t m = copy * MARINES; m < (copy + 1) * MARINES; m++) {
        if (pbti_env_steps(y - s->y[m], x - s->x[m]) <= 1) { return true; }
    }
    return false;
}

static void place_shards(const struct pbti_shards *s, uint32_t copy, struct pbti_env_dice *dice)
{
    uint32_t *const rows = s->shards + copy * SIDE;
    for (int k = 0; k < PBTI_SHARDS_COUNT;) {
        uint32_t const cell = pbti_env_roll(dice, SIDE * SIDE), y = cell / SIDE, x = cell % SIDE;
        if ((rows[y] >> x & 1u) != 0 || is_near_a_marine(s, copy, (int)y, (int)x)) { continue; }
        rows[y] |= 1u << x;
        k++;
    }
}

static void begin(void *state, uint32_t copy, struct pbti_env_dice *dice)
{
    const struct pbti_shards *const s = state;
    for (uint32_t m = copy * MARINES; m < (copy + 1) * MARINES; m++) {
        s->y[m] = (int8_t)pbti_env_roll(dice, SIDE);
        s->x[m] = (int8_t)pbti_env_roll(dice, SIDE);
        s->order[m] = 0;
    }
    for (uint32_t y = 0; y < SIDE; y++) {
        s->shards[copy * SIDE + y] = 0;
    }
    place_shards(s, copy, dice);
}

/* -------- a frame -------- */

/* Take the shards around a marine; how many. */
static int collect(uint32_t *rows, int y, int x)
{
    uint32_t const reach = x == 0 ? 3u : 7u << (x - 1);
    int count = 0;
    for (int v = y > 0 ? y - 1 : 0; v <= y + 1 && v < SIDE; v++) {
        count += __builtin_popcount(rows[v] & reach);
        rows[v] &= ~reach;
    }
    return count;
}

static bool is_empty(const uint32_t *rows)
{
    uint32_t any = 0;
    for (uint32_t y = 0; y < SIDE; y++) {
        any |= rows[y];
    }
    return any == 0;
}

static void step(void *state, const struct pbti_env_frame *frame)
{
    const struct pbti_shards *const s = state;
    for (uint32_t i = 0; i < frame->count; i++) {
        uint32_t *const rows = s->shards + i * SIDE;
        uint32_t const action = frame->actions[i], first = i * MARINES;
        int count = 0;
        if (action > 0) {
            s->order[first + (action - 1) / PBTI_ENV_ORDERS] =
                (uint8_t)(1 + (action - 1) % PBTI_ENV_ORDERS);
        }
        for (uint32_t m = first; m < first + MARINES; m++) {
            pbti_env_walk(&s->y[m], &s->x[m], &s->order[m]);
        }
        for (uint32_t m = first; m < first + MARINES; m++) {
            count += collect(rows, s->y[m], s->x[m]);
        }
        frame->rewards[i] = (float)count;
        frame->ends[i] = PBTI_ENV_GOES_ON;
        if (count > 0 && is_empty(rows)) {
            struct pbti_env_dice dice = pbti_env_frame_dice(frame, i);
            place_shards(s, i, &dice);
        }
    }
}

static const char *flaw(const void *state, uint32_t copy)
{
    const struct pbti_shards *const s = state;
    return is_empty(s->shards + copy * SIDE) ? "no shards" : NULL;
}

static void draw(const void *state, uint32_t copy, uint16_t *cells)
{
    const struct pbti_shards *const s = state;
    for (uint32_t y = 0; y < SIDE; y++) {
        for (uint32_t left = s->shards[copy * SIDE + y]; left != 0; left &= left - 1) {
            cells[y * SIDE + (uint32_t)__builtin_ctz(left)] = 1u << PBTI_SHARDS_SHARD;
        }
    }
    for (uint32_t k = 0; k < MARINES; k++) {
        uint32_t const m = copy * MARINES + k;
        uint16_t *const cell = cells + s->y[m] * SIDE + s->x[m];
        *cell = (uint16_t)(*cell | 1u << (PBTI_SHARDS_MARINE + k));
    }
}

#define PBTI_ENV_STRUCT struct pbti_shards
static const struct pbti_env_field fields[] = {PBTI_SHARDS_FIELDS(PBTI_ENV_FIELD_ROW)};

static const struct pbti_env_rules rules = {
    .table = PBTI_ENV_TABLE(fields),
    .state_size = sizeof(struct pbti_shards),
    .begin = begin,
    .step = step,
    .flaw = flaw,
    .draw = draw,
};

const struct pbti_env_kind pbti_env_shards = {
    .name = "shards",
    .rows = SIDE,
    .columns = SIDE,
    .channels = PBTI_SHARDS_CHANNELS,
    .cells = true,
    .actions = 1 + MARINES * PBTI_ENV_ORDERS,
    .minimal_actions = 1 + MARINES * PBTI_ENV_ORDERS,
    .frames_max = FRAMES,
    .scale = {16.22, 173.15},
    .rules = &rules,
};
