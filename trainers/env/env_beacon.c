/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env_beacon.c - a marine is ordered to a beacon, which then appears somewhere else.
 *
 * 16 x 16 cells. Action 0 gives no order, action 1 + b orders the marine to block b of 2 x 2 cells.
 * It walks one king's step a frame and forgets the order when it is there. After the walk a beacon
 * whose centre is a step away at most is worth 1, and the next appears, five steps away at least.
 * An episode is cut off after 240 frames.
 *
 * After StarCraft II's MoveToBeacon (Vinyals et al. 2017, arXiv:1708.04782), where a marine walks
 * continuously and orders name one of 64 x 64 places.
 */
#include "env/env_states_own.h"
#include "env/env_walk.h"

enum { FRAMES = 240, NEAR = 5, TOUCH = 1 };

static void place_beacon(const struct pbti_beacon *s, uint32_t copy, struct pbti_env_dice *dice)
{
    int y = 0, x = 0;
    do {
        y = 1 + (int)pbti_env_roll(dice, PBTI_ENV_FIELD_SIDE - 2);
        x = 1 + (int)pbti_env_roll(dice, PBTI_ENV_FIELD_SIDE - 2);
    } while (pbti_env_steps(y - s->y[copy], x - s->x[copy]) < NEAR);
    s->beacon_y[copy] = (int8_t)y;
    s->beacon_x[copy] = (int8_t)x;
}

static void begin(void *state, uint32_t copy, struct pbti_env_dice *dice)
{
    const struct pbti_beacon *const s = state;
    s->y[copy] = (int8_t)pbti_env_roll(dice, PBTI_ENV_FIELD_SIDE);
    s->x[copy] = (int8_t)pbti_env_roll(dice, PBTI_ENV_FIELD_SIDE);
    s->order[copy] = 0;
    place_beacon(s, copy, dice);
}

static void step(void *state, const struct pbti_env_frame *frame)
{
    const struct pbti_beacon *const s = state;
    for (uint32_t i = 0; i < frame->count; i++) {
        if (frame->actions[i] > 0) { s->order[i] = frame->actions[i]; }
        pbti_env_walk(&s->y[i], &s->x[i], &s->order[i]);
        bool const there =
            pbti_env_steps(s->y[i] - s->beacon_y[i], s->x[i] - s->beacon_x[i]) <= TOUCH;
        frame->rewards[i] = there ? 1.0f : 0.0f;
        frame->ends[i] = PBTI_ENV_GOES_ON;
        if (there) {
            struct pbti_env_dice dice = pbti_env_frame_dice(frame, i);
            place_beacon(s, i, &dice);
        }
    }
}

static void draw(const void *state, uint32_t copy, uint16_t *cells)
{
    const struct pbti_beacon *const s = state;
    uint16_t *const corner =
        cells + (s->beacon_y[copy] - 1) * PBTI_ENV_FIELD_SIDE + s->beacon_x[copy] - 1;
    for (uint32_t y = 0; y < 3; y++) {
        for (uint32_t x = 0; x < 3; x++) {
            corner[y * PBTI_ENV_FIELD_SIDE + x] |= 1u << PBTI_BEACON_BEACON;
        }
    }
    cells[s->y[copy] * PBTI_ENV_FIELD_SIDE + s->x[copy]] |= 1u << PBTI_BEACON_MARINE;
}

#define PBTI_ENV_STRUCT struct pbti_beacon
static const struct pbti_env_field fields[] = {PBTI_BEACON_FIELDS(PBTI_ENV_FIELD_ROW)};

static const struct pbti_env_rules rules = {
    .table = PBTI_ENV_TABLE(fields),
    .state_size = sizeof(struct pbti_beacon),
    .begin = begin,
    .step = step,
    .draw = draw,
};

const struct pbti_env_kind pbti_env_beacon = {
    .name = "beacon",
    .rows = PBTI_ENV_FIELD_SIDE,
    .columns = PBTI_ENV_FIELD_SIDE,
    .channels = 2,
    .cells = true,
    .actions = 1 + PBTI_ENV_ORDERS,
    .minimal_actions = 1 + PBTI_ENV_ORDERS,
    .frames_max = FRAMES,
    .scale = {0.871, 35.00},
    .rules = &rules,
};
