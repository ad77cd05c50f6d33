/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env_states.h - the state of every game: a structure of arrays over the copies.
 *
 * For tests, which set scenes and read them back, and for whoever steps another implementation
 * beside ours. X(type, name, width, low, high): an array of shape (count, width), index
 * [copy * width + k], and the values it may take. Rows count from the top, columns from the left.
 */
#ifndef PBTI_TRAINERS_ENV_STATES_H
#define PBTI_TRAINERS_ENV_STATES_H

#include "env/env_kind.h"

/* All picture games have this many rows and columns. */
enum { PBTI_ENV_SIDE = 10, PBTI_ENV_CELLS = PBTI_ENV_SIDE * PBTI_ENV_SIDE };

/* -------- breakout -------- */

enum { PBTI_BREAKOUT_PADDLE, PBTI_BREAKOUT_BALL, PBTI_BREAKOUT_TRAIL, PBTI_BREAKOUT_BRICK };

/* Where the ball is going. */
enum {
    PBTI_BREAKOUT_UP_LEFT,
    PBTI_BREAKOUT_UP_RIGHT,
    PBTI_BREAKOUT_DOWN_RIGHT,
    PBTI_BREAKOUT_DOWN_LEFT,
};

/* Bit 10 (y - 1) + x of `bricks` is the brick at row y in 1..3. */
#define PBTI_BREAKOUT_WALL 0x3fffffffu

#define PBTI_BREAKOUT_FIELDS(X)                                                                    \
    X(int32_t, ball_y, 1, 0, 8)                                                                    \
    X(int32_t, ball_x, 1, 0, 9)                                                                    \
    X(int32_t, direction, 1, 0, 3) /* of the ball */                                               \
    X(int32_t, last_y, 1, 0, 8)    /* where the ball was a frame ago */                            \
    X(int32_t, last_x, 1, 0, 9)                                                                    \
    X(int32_t, paddle, 1, 0, 9) /* column; its row is 9 */                                         \
    X(int32_t, strike, 1, 0,                                                                       \
      1) /* a brick was met in the last frame: the next is passed through */                       \
    X(uint32_t, bricks, 1, 0, PBTI_BREAKOUT_WALL)

struct pbti_breakout {
    PBTI_BREAKOUT_FIELDS(PBTI_ENV_FIELD_POINTER)
};

#endif
