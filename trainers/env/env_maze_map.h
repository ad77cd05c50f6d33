/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env_maze_map.h - what `maze` and `maze3d` have in common: a map with loops, a goal and apples.
 *
 * size x size cells; the cells of odd row and column are the rooms. A tree of corridors joins all
 * rooms, and some walls more are opened, so that there are ways round.
 */
#ifndef PBTI_TRAINERS_ENV_MAZE_MAP_H
#define PBTI_TRAINERS_ENV_MAZE_MAP_H

#include "env/env_states_own.h"

#define PBTI_MAZE_GOAL_REWARD 10.0f
#define PBTI_MAZE_APPLE_REWARD 1.0f

/* The map of one copy: into the arrays of a game's state. */
struct pbti_maze_map {
    uint8_t *size;
    uint32_t *walls; /* shape (15) */
    uint8_t *goal;
    uint64_t *apples;
};
#define PBTI_MAZE_MAP(s, copy)                                                                     \
    ((struct pbti_maze_map){(s)->size + (copy), (s)->walls + (copy)*PBTI_ENV_MAZE_SIZE_MAX,        \
                            (s)->goal + (copy), (s)->apples + (copy)})

/* Where an agent begins. */
struct pbti_maze_start {
    int y, x; /* a room's cell */
    uint8_t direction;
};

/* A new map, goal, start and apples, in this order; the map is the one of the option, if it names
 * one. */
struct pbti_maze_start pbti_maze_make(struct pbti_maze_map map, struct pbti_env_dice *dice);

/* Any room but the goal's. */
struct pbti_maze_start pbti_maze_start(struct pbti_maze_map map, struct pbti_env_dice *dice);

/* Being at a cell: take an apple that is there. What that, or the goal, is worth. */
float pbti_maze_visit(struct pbti_maze_map map, int y, int x);

/* What a ray from (y, x) along (dy, dx) meets: the first wall. (y, x) is in an open cell. */
struct pbti_maze_ray {
    double distance; /* in lengths of (dy, dx) */
    double along;    /* where the face is met, 0 to 1 */
    int y, x;        /* the wall's cell */
    bool along_y;    /* the face is crossed along y */
};
struct pbti_maze_ray pbti_maze_cast(struct pbti_maze_map map, double y, double x, double dy,
                                    double dx);

/* NULL, or what makes a map impossible: an open border, walls beyond it, a room that is not there,
 * an even size. */
const char *pbti_maze_flaw(struct pbti_maze_map map);

static inline int pbti_maze_rooms(struct pbti_maze_map map)
{
    return (*map.size - 1) / 2;
}

static inline bool pbti_maze_is_wall(struct pbti_maze_map map, int y, int x)
{
    return map.walls[y] >> x & 1u;
}

/* The step ahead in a direction: (dy, dx) is -1, 0 or 1 each. */
static inline int pbti_maze_dy(int direction)
{
    return (direction == PBTI_MAZE_SOUTH) - (direction == PBTI_MAZE_NORTH);
}
static inline int pbti_maze_dx(int direction)
{
    return (direction == PBTI_MAZE_EAST) - (direction == PBTI_MAZE_WEST);
}

#endif
