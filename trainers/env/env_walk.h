/* SPDX-License-Identifier: Apache-2.0 */
/* env_walk.h - how things move on a board: units towards an ordered cell, agents by one cell. */
#ifndef PBTI_TRAINERS_ENV_WALK_H
#define PBTI_TRAINERS_ENV_WALK_H

#include "env/env_states_own.h"
#include "nn/nn_base.h"

PBTI_NN_INLINE int pbti_env_sign(int value)
{
    return (value > 0) - (value < 0);
}

PBTI_NN_INLINE int pbti_env_abs(int value)
{
    return value < 0 ? -value : value;
}

/* Steps of a king between two cells that are (dy, dx) apart. */
PBTI_NN_INLINE int pbti_env_steps(int dy, int dx)
{
    int const a = pbti_env_abs(dy), b = pbti_env_abs(dx);
    return a > b ? a : b;
}

/* One king's step towards the cell that is ordered; the order is forgotten there. */
PBTI_NN_INLINE void pbti_env_walk(int8_t *y, int8_t *x, uint8_t *order)
{
    if (*order == 0) { return; }
    int const to_y = 2 * ((*order - 1) / 8), to_x = 2 * ((*order - 1) % 8);
    *y = (int8_t)(*y + pbti_env_sign(to_y - *y));
    *x = (int8_t)(*x + pbti_env_sign(to_x - *x));
    if (*y == to_y && *x == to_x) { *order = 0; }
}

/* Where one of MinAtar's moves leads to; any other action leads nowhere. */
PBTI_NN_INLINE void pbti_env_move(uint8_t action, int *y, int *x)
{
    *y += (action == PBTI_ENV_DOWN) - (action == PBTI_ENV_UP);
    *x += (action == PBTI_ENV_RIGHT) - (action == PBTI_ENV_LEFT);
}

/* Is the cell on MinAtar's board? */
PBTI_NN_INLINE bool pbti_env_on_board(int y, int x)
{
    return y >= 0 && y < PBTI_ENV_SIDE && x >= 0 && x < PBTI_ENV_SIDE;
}

#endif
