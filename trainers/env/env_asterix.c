/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env_asterix.c - MinAtar's Asterix: collect gold, avoid enemies; both cross the board in rows.
 *
 * Gold is worth 1; touching an enemy ends the episode. One of both appears every `spawn_speed`
 * frames in a free row and all move together every `move_speed` frames. With ramping both numbers
 * fall, every 102 frames, to 1.
 *
 * Order of a frame: spawn, player, touch, move and touch, timers, ramping.
 *
 * Differences the count of ramps, of which MinAtar uses whether it is odd, is not kept: it is how
 *             far spawn_speed has fallen.
 */
#include "env/env_states.h"

enum { SLOTS = PBTI_ASTERIX_SLOTS, SPAWN_SPEED = 10, MOVE_SPEED = 5, RAMP_TIMER = 100 };
enum { TOP = 1, BOTTOM = 8, RIGHT_EDGE = 9 };

static void reset(void *state, uint32_t copy, const uint32_t bits[4])
{
    (void)bits;
    const struct pbti_asterix *const s = state;
    s->player_y[copy] = 5;
    s->player_x[copy] = 5;
    s->spawn_speed[copy] = s->spawn_timer[copy] = SPAWN_SPEED;
    s->move_speed[copy] = s->move_timer[copy] = MOVE_SPEED;
    s->ramp_timer[copy] = RAMP_TIMER;
    for (uint32_t k = 0; k < SLOTS; k++) {
        s->slot[copy * SLOTS + k] = PBTI_ASTERIX_FREE;
    }
}

/* -------- parts of a frame -------- */

/* Put gold (one time in three) or an enemy into a free slot, if there is one. */
static void spawn(const struct pbti_asterix *s, uint32_t copy, uint32_t what, uint32_t where)
{
    uint8_t *const slot = s->slot + copy * SLOTS;
    uint32_t const side_and_kind = pbti_env_die(what, 6);
    bool const right = side_and_kind & 1;
    bool const gold = side_and_kind < 2;
    uint32_t free_slots = 0;
    for (uint32_t k = 0; k < SLOTS; k++) {
        free_slots += slot[k] == PBTI_ASTERIX_FREE;
    }
    uint32_t skip = pbti_env_die(where, free_slots);
    for (uint32_t k = 0; k < SLOTS; k++) {
        if (slot[k] != PBTI_ASTERIX_FREE) { continue; }
        if (skip-- > 0) { continue; }
        slot[k] = gold ? PBTI_ASTERIX_HAS_GOLD : PBTI_ASTERIX_HAS_ENEMY;
        s->slot_x[copy * SLOTS + k] = right ? 0 : RIGHT_EDGE;
        s->slot_right[copy * SLOTS + k] = right;
        return;
    }
}

static void move_player(const struct pbti_asterix *s, uint32_t copy, uint8_t action)
{
    int8_t *const y = &s->player_y[copy], *const x = &s->player_x[copy];
    switch (action) {
    case PBTI_ENV_LEFT: *x = (int8_t)(*x > 0 ? *x - 1 : *x); break;
    case PBTI_ENV_RIGHT: *x = (int8_t)(*x < RIGHT_EDGE ? *x + 1 : *x); break;
    case PBTI_ENV_UP: *y = (int8_t)(*y > TOP ? *y - 1 : *y); break;
    case PBTI_ENV_DOWN: *y = (int8_t)(*y < BOTTOM ? *y + 1 : *y); break;
    default: break;
    }
}

/* Only what is in the player's row can touch it. */
static void touch(const struct pbti_asterix *s, uint32_t copy, float *reward, uint8_t *end)
{
    uint32_t const at = copy * SLOTS + (uint32_t)(s->player_y[copy] - TOP);
    if (s->slot[at] == PBTI_ASTERIX_FREE || s->slot_x[at] != s->player_x[copy]) { return; }
    if (s->slot[at] == PBTI_ASTERIX_HAS_GOLD) {
        s->slot[at] = PBTI_ASTERIX_FREE;
        *reward += 1.0f;
    } else {
        *end = PBTI_ENV_TERMINAL;
    }
}

static void move_slots(const struct pbti_asterix *s, uint32_t copy)
{
    for (uint32_t at = copy * SLOTS; at < (copy + 1) * SLOTS; at++) {
        int const x = s->slot_x[at] + (s->slot_right[at] ? 1 : -1);
        if (x < 0 || x > RIGHT_EDGE) {
            s->slot[at] = PBTI_ASTERIX_FREE;
        } else {
            s->slot_x[at] = (int8_t)x;
        }
    }
}

static void ramp(const struct pbti_asterix *s, uint32_t copy)
{
    if (s->spawn_speed[copy] <= 1 && s->move_speed[copy] <= 1) { return; }
    if (s->ramp_timer[copy] >= 0) {
        s->ramp_timer[copy]--;
        return;
    }
    bool const odd = (SPAWN_SPEED - s->spawn_speed[copy]) & 1;
    if (odd && s->move_speed[copy] > 1) { s->move_speed[copy]--; }
    if (s->spawn_speed[copy] > 1) { s->spawn_speed[copy]--; }
    s->ramp_timer[copy] = RAMP_TIMER;
}

/* -------- a frame -------- */

static void step(void *state, const struct pbti_env_frame *frame)
{
    const struct pbti_asterix *const s = state;
    for (uint32_t i = 0; i < frame->count; i++) {
        float *const reward = &frame->rewards[i];
        uint8_t *const end = &frame->ends[i];
        *reward = 0.0f;
        *end = PBTI_ENV_GOES_ON;
        if (s->spawn_timer[i] == 0) {
            spawn(s, i, frame->draws[0][i], frame->draws[1][i]);
            s->spawn_timer[i] = s->spawn_speed[i];
        }
        move_player(s, i, frame->actions[i]);
        touch(s, i, reward, end);
        if (s->move_timer[i] == 0) {
            s->move_timer[i] = s->move_speed[i];
            move_slots(s, i);
            touch(s, i, reward, end);
        }
        s->spawn_timer[i]--;
        s->move_timer[i]--;
        if (frame->ramping) { ramp(s, i); }
    }
}

static void draw(const void *state, uint32_t copy, uint16_t *cells)
{
    const struct pbti_asterix *const s = state;
    cells[s->player_y[copy] * PBTI_ENV_SIDE + s->player_x[copy]] |= 1u << PBTI_ASTERIX_PLAYER;
    for (uint32_t k = 0; k < SLOTS; k++) {
        uint32_t const at = copy * SLOTS + k;
        if (s->slot[at] == PBTI_ASTERIX_FREE) { continue; }
        uint16_t *const row = cells + (TOP + k) * PBTI_ENV_SIDE;
        bool const gold = s->slot[at] == PBTI_ASTERIX_HAS_GOLD;
        int const behind = s->slot_x[at] + (s->slot_right[at] ? -1 : 1);
        row[s->slot_x[at]] |= gold ? 1u << PBTI_ASTERIX_GOLD : 1u << PBTI_ASTERIX_ENEMY;
        if (behind >= 0 && behind <= RIGHT_EDGE) { row[behind] |= 1u << PBTI_ASTERIX_TRAIL; }
    }
}

#define PBTI_ENV_STRUCT struct pbti_asterix
static const struct pbti_env_field fields[] = {PBTI_ASTERIX_FIELDS(PBTI_ENV_FIELD_ROW)};

static const struct pbti_env_rules rules = {
    .table = PBTI_ENV_TABLE(fields),
    .state_size = sizeof(struct pbti_asterix),
    .sticky = true,
    .draws = true,
    .reset = reset,
    .step = step,
    .draw = draw,
};

static const uint8_t minimal[] = {PBTI_ENV_NOOP, PBTI_ENV_LEFT, PBTI_ENV_UP, PBTI_ENV_RIGHT,
                                  PBTI_ENV_DOWN};

const struct pbti_env_kind pbti_env_asterix = {
    .name = "asterix",
    .rows = PBTI_ENV_SIDE,
    .columns = PBTI_ENV_SIDE,
    .channels = 4,
    .cells = true,
    .actions = 6,
    .minimal_actions = sizeof minimal,
    .minimal = minimal,
    .rules = &rules,
};
