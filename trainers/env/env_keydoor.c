/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env_keydoor.c - a key in one room opens the door of another, behind which is a treasure.
 *
 * 10 x 10 cells; row 4 and column 4 are walls, so there are four rooms: 0 top left, where the agent
 * begins, 1 top right, 2 bottom left, 3 bottom right with the treasure. A gap leads from 0 to 1 and
 * one from 0 to 2. The door to 3 is in 1 and the key in 2, or the other way round. The agent does
 * nothing or moves left, up, right, down. It takes the key by walking on it; with the key it walks
 * through the door, which stays open, and the key is used up. On the treasure: 1, and a new stage
 * in the same frame. With the option `shaped` the key and the door are worth 0.1 each. An episode
 * is cut off after 300 frames.
 *
 * After the long ways of Montezuma's Revenge; everything is seen.
 */
#include "env/env_states_own.h"
#include "env/env_walk.h"

enum { FRAMES = 300, MIDDLE = PBTI_KEYDOOR_MIDDLE, NARROW = 4, BROAD = 5 };

#define SHAPED_REWARD 0.1f

/* -------- a stage -------- */

/* Draws in this order: gaps, where the door is, door, key, treasure, agent. */
static void begin(void *state, uint32_t copy, struct pbti_env_dice *dice)
{
    const struct pbti_keydoor *const s = state;
    s->gap_y[copy] = (int8_t)pbti_env_roll(dice, NARROW);
    s->gap_x[copy] = (int8_t)pbti_env_roll(dice, NARROW);
    s->door_low[copy] = (uint8_t)pbti_env_roll(dice, 2);
    s->door_at[copy] = (int8_t)(MIDDLE + 1 + pbti_env_roll(dice, BROAD));
    bool const low = s->door_low[copy];
    uint32_t const key_y = pbti_env_roll(dice, low ? BROAD : NARROW);
    uint32_t const key_x = pbti_env_roll(dice, low ? NARROW : BROAD);
    s->key_y[copy] = (int8_t)(low ? MIDDLE + 1 + key_y : key_y);
    s->key_x[copy] = (int8_t)(low ? key_x : MIDDLE + 1 + key_x);
    s->treasure_y[copy] = (int8_t)(MIDDLE + 1 + pbti_env_roll(dice, BROAD));
    s->treasure_x[copy] = (int8_t)(MIDDLE + 1 + pbti_env_roll(dice, BROAD));
    s->y[copy] = (int8_t)pbti_env_roll(dice, NARROW);
    s->x[copy] = (int8_t)pbti_env_roll(dice, NARROW);
    s->key[copy] = PBTI_KEYDOOR_LIES;
}

static bool is_door(const struct pbti_keydoor *s, uint32_t copy, int y, int x)
{
    return s->door_low[copy] ? y == MIDDLE && x == s->door_at[copy]
                             : x == MIDDLE && y == s->door_at[copy];
}

static bool is_wall(const struct pbti_keydoor *s, uint32_t copy, int y, int x)
{
    if (y != MIDDLE && x != MIDDLE) { return false; }
    bool const gap = (x == MIDDLE && y == s->gap_y[copy]) || (y == MIDDLE && x == s->gap_x[copy]);
    return !gap && !is_door(s, copy, y, x);
}

/* -------- a frame -------- */

/* Move the agent; what the door is worth. */
static float walk(const struct pbti_keydoor *s, uint32_t copy, uint8_t action, float shaped)
{
    int y = s->y[copy], x = s->x[copy];
    float worth = 0.0f;
    pbti_env_move(action, &y, &x);
    if (!pbti_env_on_board(y, x) || is_wall(s, copy, y, x)) { return 0.0f; }
    if (s->key[copy] != PBTI_KEYDOOR_USED && is_door(s, copy, y, x)) {
        if (s->key[copy] != PBTI_KEYDOOR_IN_HAND) { return 0.0f; }
        s->key[copy] = PBTI_KEYDOOR_USED;
        worth = shaped;
    }
    s->y[copy] = (int8_t)y;
    s->x[copy] = (int8_t)x;
    return worth;
}

static void step(void *state, const struct pbti_env_frame *frame)
{
    const struct pbti_keydoor *const s = state;
    float const shaped = frame->options->shaped ? SHAPED_REWARD : 0.0f;
    for (uint32_t i = 0; i < frame->count; i++) {
        frame->rewards[i] = walk(s, i, frame->actions[i], shaped);
        frame->ends[i] = PBTI_ENV_GOES_ON;
        if (s->key[i] == PBTI_KEYDOOR_LIES && s->y[i] == s->key_y[i] && s->x[i] == s->key_x[i]) {
            s->key[i] = PBTI_KEYDOOR_IN_HAND;
            frame->rewards[i] = shaped;
        }
        if (s->y[i] == s->treasure_y[i] && s->x[i] == s->treasure_x[i]) {
            frame->rewards[i] = 1.0f;
            struct pbti_env_dice dice = pbti_env_frame_dice(frame, i);
            begin(state, i, &dice);
        }
    }
}

static const char *flaw(const void *state, uint32_t copy)
{
    const struct pbti_keydoor *const s = state;
    int const y = s->y[copy], x = s->x[copy];
    if (is_wall(s, copy, y, x)) { return "an agent in a wall"; }
    if (s->key[copy] != PBTI_KEYDOOR_USED && is_door(s, copy, y, x)) {
        return "an agent in a locked door";
    }
    return NULL;
}

static void draw(const void *state, uint32_t copy, uint16_t *cells)
{
    const struct pbti_keydoor *const s = state;
    uint16_t const wall = 1u << PBTI_KEYDOOR_WALL;
    for (uint32_t k = 0; k < PBTI_ENV_SIDE; k++) {
        cells[MIDDLE * PBTI_ENV_SIDE + k] = wall;
        cells[k * PBTI_ENV_SIDE + MIDDLE] = wall;
    }
    cells[s->gap_y[copy] * PBTI_ENV_SIDE + MIDDLE] = 0;
    cells[MIDDLE * PBTI_ENV_SIDE + s->gap_x[copy]] = 0;
    uint32_t const at = (uint32_t)s->door_at[copy];
    bool const locked = s->key[copy] != PBTI_KEYDOOR_USED;
    cells[s->door_low[copy] ? MIDDLE * PBTI_ENV_SIDE + at : at * PBTI_ENV_SIDE + MIDDLE] =
        locked ? 1u << PBTI_KEYDOOR_DOOR : 0;
    if (s->key[copy] == PBTI_KEYDOOR_LIES) {
        cells[s->key_y[copy] * PBTI_ENV_SIDE + s->key_x[copy]] |= 1u << PBTI_KEYDOOR_KEY;
    }
    cells[s->treasure_y[copy] * PBTI_ENV_SIDE + s->treasure_x[copy]] |= 1u << PBTI_KEYDOOR_TREASURE;
    cells[s->y[copy] * PBTI_ENV_SIDE + s->x[copy]] |= 1u << PBTI_KEYDOOR_AGENT;
    uint16_t const held = s->key[copy] == PBTI_KEYDOOR_IN_HAND ? 1u << PBTI_KEYDOOR_HELD : 0;
    for (uint32_t k = 0; k < PBTI_ENV_CELLS; k++) {
        cells[k] = (uint16_t)(cells[k] | held);
    }
}

#define PBTI_ENV_STRUCT struct pbti_keydoor
static const struct pbti_env_field fields[] = {PBTI_KEYDOOR_FIELDS(PBTI_ENV_FIELD_ROW)};

static const struct pbti_env_rules rules = {
    .table = PBTI_ENV_TABLE(fields),
    .state_size = sizeof(struct pbti_keydoor),
    .begin = begin,
    .step = step,
    .flaw = flaw,
    .draw = draw,
};

const struct pbti_env_kind pbti_env_keydoor = {
    .name = "keydoor",
    .rows = PBTI_ENV_SIDE,
    .columns = PBTI_ENV_SIDE,
    .channels = PBTI_KEYDOOR_CHANNELS,
    .cells = true,
    .actions = 5,
    .minimal_actions = 5,
    .frames_max = FRAMES,
    .constant = 1u << PBTI_KEYDOOR_HELD,
    .scale = {0.0035, 10.51},
    .scale_shaped = {0.0459, 12.69},
    .rules = &rules,
};
