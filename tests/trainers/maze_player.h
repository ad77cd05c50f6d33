/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maze_player.h - players of `maze` that keep a map: from the pictures they are shown, or given.
 *
 * What is unknown counts as free. A player walks, by the fewest actions, to the goal as soon as it
 * is on its map, until then to the nearest cell that it has not seen and that is no wall in every
 * maze.
 */
#ifndef PBTI_TEST_MAZE_PLAYER_H
#define PBTI_TEST_MAZE_PLAYER_H

#include "env/env_maze_map.h"
#include "env_score.h"

enum { MAZE_UNSEEN, MAZE_OPEN, MAZE_WALL };

/* What a player of one copy knows. */
struct maze_known {
    uint8_t cells[PBTI_ENV_MAZE_SIZE_MAX][PBTI_ENV_MAZE_SIZE_MAX];
    int goal_y, goal_x; /* -1: not seen yet */
};

/* Everything there is to know; the first action of a shortest way (forward, or a turn). */
void maze_player_learn(struct maze_known *known, struct pbti_maze_map map);
uint8_t maze_player_next(const struct maze_known *known, int size, int y, int x, int direction);

/* The memory of a player: shape (copies). */
void maze_player_explores(struct env_turn *turn);
void maze_player_forgets(struct env_turn *turn); /* at every goal */
void maze_player_knows(struct env_turn *turn);   /* map and goal, from the beginning */

#endif
