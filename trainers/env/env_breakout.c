/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env_breakout.c - MinAtar's Breakout: a paddle returns a ball that breaks three rows of bricks.
 *
 * A brick is worth 1. The ball moves one cell diagonally a frame; it turns round at a brick, unless
 * it met one in the frame before, whereupon it passes through. The wall comes back when the ball
 * reaches the bottom row and no brick is left. The episode ends when the paddle misses the ball.
 *
 * The step is free of branches, so that compilers play several copies at a time.
 */
#include "env/env_states.h"
#include "nn/nn_base.h"

enum { TOP_BRICKS = 1, BOTTOM_BRICKS = 3, BOTTOM = 9, RIGHT_EDGE = 9 };

/* A direction with its horizontal, vertical or both parts turned. */
enum { TURN_X = 1, TURN_Y = 3, TURN_BOTH = 2 };

static void reset(void *state, uint32_t copy, const uint32_t bits[4])
{
    const struct pbti_breakout *const s = state;
    bool const right = bits[0] >> 31;
    s->ball_y[copy] = 3;
    s->ball_x[copy] = right ? RIGHT_EDGE : 0;
    s->direction[copy] = right ? PBTI_BREAKOUT_DOWN_LEFT : PBTI_BREAKOUT_DOWN_RIGHT;
    s->last_y[copy] = s->ball_y[copy];
    s->last_x[copy] = s->ball_x[copy];
    s->paddle[copy] = 4;
    s->strike[copy] = 0;
    s->bricks[copy] = PBTI_BREAKOUT_WALL;
}

PBTI_NN_INLINE int32_t clamp(int32_t value)
{
    int32_t const raised = value < 0 ? 0 : value;
    return raised > RIGHT_EDGE ? RIGHT_EDGE : raised;
}

PBTI_NN_WIDE
static void step_all(const struct pbti_breakout *s, uint32_t count, const uint8_t *restrict actions,
                     float *restrict rewards, uint8_t *restrict ends)
{
    int32_t *restrict const ball_y = s->ball_y, *restrict const ball_x = s->ball_x;
    int32_t *restrict const last_y = s->last_y, *restrict const last_x = s->last_x;
    int32_t *restrict const directions = s->direction, *restrict const paddles = s->paddle;
    int32_t *restrict const strikes = s->strike;
    uint32_t *restrict const walls = s->bricks;
    for (uint32_t i = 0; i < count; i++) {
        int32_t const action = actions[i];
        int32_t const paddle =
            clamp(paddles[i] + (action == PBTI_ENV_RIGHT) - (action == PBTI_ENV_LEFT));

        /* the ball moves, and turns at the sides */
        int32_t const old_y = ball_y[i], old_x = ball_x[i];
        int32_t direction = directions[i];
        int32_t const down = direction >> 1, right = (direction ^ down) & 1;
        int32_t const free_x = old_x + 2 * right - 1;
        int32_t const y = old_y + 2 * down - 1, x = clamp(free_x);
        direction ^= x == free_x ? 0 : TURN_X;

        /* what it meets: the ceiling, a brick, or the row of the paddle */
        uint32_t const wall = walls[i];
        int32_t const place = PBTI_ENV_SIDE * (y - TOP_BRICKS) + x;
        int32_t const in_wall = (y >= TOP_BRICKS) & (y <= BOTTOM_BRICKS);
        uint32_t const brick = wall & (uint32_t)in_wall << (place & 31);
        int32_t const top = y < 0, hit = brick != 0, broken = hit & (strikes[i] == 0);
        int32_t const low = y == BOTTOM;
        int32_t const under = low & (old_x == paddle);
        int32_t const corner = low & (x == paddle); /* counts where it is not under */
        direction ^= (top | broken | under) ? TURN_Y : corner ? TURN_BOTH : 0;

        paddles[i] = paddle;
        last_y[i] = old_y;
        last_x[i] = old_x;
        ball_y[i] = top ? 0 : (broken | under | corner) ? old_y : y;
        ball_x[i] = x;
        directions[i] = direction;
        strikes[i] = hit;
        walls[i] = low & (wall == 0) ? PBTI_BREAKOUT_WALL : broken ? wall & ~brick : wall;
        rewards[i] = (float)broken;
        ends[i] = (uint8_t)(low & !(under | corner));
    }
}

static void step(void *state, const struct pbti_env_frame *frame)
{
    step_all(state, frame->count, frame->actions, frame->rewards, frame->ends);
}

static void draw(const void *state, uint32_t copy, uint16_t *cells)
{
    const struct pbti_breakout *const s = state;
    cells[BOTTOM * PBTI_ENV_SIDE + s->paddle[copy]] |= 1u << PBTI_BREAKOUT_PADDLE;
    cells[s->ball_y[copy] * PBTI_ENV_SIDE + s->ball_x[copy]] |= 1u << PBTI_BREAKOUT_BALL;
    cells[s->last_y[copy] * PBTI_ENV_SIDE + s->last_x[copy]] |= 1u << PBTI_BREAKOUT_TRAIL;
    uint16_t *const wall = cells + TOP_BRICKS * PBTI_ENV_SIDE;
    for (uint32_t place = 0; place < 3 * PBTI_ENV_SIDE; place++) {
        uint32_t const brick = s->bricks[copy] >> place & 1u;
        wall[place] = (uint16_t)(wall[place] | brick << PBTI_BREAKOUT_BRICK);
    }
}

#define PBTI_ENV_STRUCT struct pbti_breakout
static const struct pbti_env_field fields[] = {PBTI_BREAKOUT_FIELDS(PBTI_ENV_FIELD_ROW)};

static const struct pbti_env_rules rules = {
    .table = PBTI_ENV_TABLE(fields),
    .state_size = sizeof(struct pbti_breakout),
    .sticky = true,
    .reset = reset,
    .step = step,
    .draw = draw,
};

static const uint8_t minimal[] = {PBTI_ENV_NOOP, PBTI_ENV_LEFT, PBTI_ENV_RIGHT};

const struct pbti_env_kind pbti_env_breakout = {
    .name = "breakout",
    .rows = PBTI_ENV_SIDE,
    .columns = PBTI_ENV_SIDE,
    .channels = 4,
    .cells = true,
    .actions = 6,
    .minimal_actions = sizeof minimal,
    .minimal = minimal,
    .rules = &rules,
};
