/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env_states_own.h - the state of each of the project's own games; see env_states.h, whose
 * conventions hold here too.
 */
#ifndef PBTI_TRAINERS_ENV_STATES_OWN_H
#define PBTI_TRAINERS_ENV_STATES_OWN_H

#include "env/env_states.h"

/* -------- units that are given orders; beacon -------- */

/* The board, and the blocks of 2 x 2 cells that an order can name: order b in 0..63 means the cell
 * (2 (b / 8), 2 (b % 8)). An `order` of a state is 1 + b, or 0 without one. */
enum { PBTI_ENV_FIELD_SIDE = 16, PBTI_ENV_ORDERS = 64 };

enum { PBTI_BEACON_MARINE, PBTI_BEACON_BEACON };

#define PBTI_BEACON_FIELDS(X)                                                                      \
    X(int8_t, y, 1, 0, 15) /* of the marine */                                                     \
    X(int8_t, x, 1, 0, 15)                                                                         \
    X(uint8_t, order, 1, 0, PBTI_ENV_ORDERS)                                                       \
    X(int8_t, beacon_y, 1, 1, 14) /* its centre; it covers 3 x 3 cells */                          \
    X(int8_t, beacon_x, 1, 1, 14)

struct pbti_beacon {
    PBTI_BEACON_FIELDS(PBTI_ENV_FIELD_POINTER)
};

/* -------- shards -------- */

enum { PBTI_SHARDS_MARINE, PBTI_SHARDS_OTHER_MARINE, PBTI_SHARDS_SHARD, PBTI_SHARDS_CHANNELS };
enum { PBTI_SHARDS_MARINES = 2, PBTI_SHARDS_COUNT = 20 };

#define PBTI_SHARDS_FIELDS(X)                                                                      \
    X(int8_t, y, PBTI_SHARDS_MARINES, 0, 15) /* of the marines */                                  \
    X(int8_t, x, PBTI_SHARDS_MARINES, 0, 15)                                                       \
    X(uint8_t, order, PBTI_SHARDS_MARINES, 0, PBTI_ENV_ORDERS)                                     \
    X(uint32_t, shards, PBTI_ENV_FIELD_SIDE, 0, 0xffff) /* bit x of value y: one is there */

struct pbti_shards {
    PBTI_SHARDS_FIELDS(PBTI_ENV_FIELD_POINTER)
};

/* -------- roaches -------- */

enum {
    PBTI_ROACHES_MARINE,
    PBTI_ROACHES_WEAK_MARINE, /* beside it: at half of its strength or less */
    PBTI_ROACHES_ROACH,
    PBTI_ROACHES_WEAK_ROACH,
    PBTI_ROACHES_CHANNELS,
};
enum { PBTI_ROACHES_MARINES = 9, PBTI_ROACHES_ROACHES = 4 };
enum { PBTI_ROACHES_MARINE_HP = 9, PBTI_ROACHES_ROACH_HP = 20 };

/* hp 0: dead, and its place means nothing. */
#define PBTI_ROACHES_FIELDS(X)                                                                     \
    X(int8_t, marine_y, PBTI_ROACHES_MARINES, 0, 15)                                               \
    X(int8_t, marine_x, PBTI_ROACHES_MARINES, 0, 15)                                               \
    X(uint8_t, marine_hp, PBTI_ROACHES_MARINES, 0, PBTI_ROACHES_MARINE_HP)                         \
    X(int8_t, roach_y, PBTI_ROACHES_ROACHES, 0, 15)                                                \
    X(int8_t, roach_x, PBTI_ROACHES_ROACHES, 0, 15)                                                \
    X(uint8_t, roach_hp, PBTI_ROACHES_ROACHES, 0, PBTI_ROACHES_ROACH_HP)                           \
    X(uint8_t, roach_wait, PBTI_ROACHES_ROACHES, 0, 2) /* frames until it can attack */            \
    X(uint8_t, order, 1, 0, 2 * PBTI_ENV_ORDERS)       /* 0: stand; 1 + b: walk; 65 + b: attack */ \
    X(uint8_t, left, 1, 0, 1)                          /* the roaches come from the left */

struct pbti_roaches {
    PBTI_ROACHES_FIELDS(PBTI_ENV_FIELD_POINTER)
};

/* -------- mazes -------- */

/* Directions, clockwise. */
enum { PBTI_MAZE_NORTH, PBTI_MAZE_EAST, PBTI_MAZE_SOUTH, PBTI_MAZE_WEST };

enum {
    PBTI_MAZE_FORWARD,
    PBTI_MAZE_TURN_LEFT,
    PBTI_MAZE_TURN_RIGHT,
    PBTI_MAZE_BACK,
    PBTI_MAZE_STRAFE_LEFT,
    PBTI_MAZE_STRAFE_RIGHT,
    PBTI_MAZE_ACTIONS,
};

/* What all mazes have, see env_maze_map.h. Room r of n a side is the cell (2 (r / n) + 1,
 * 2 (r % n) + 1), n = (size - 1) / 2. */
enum { PBTI_MAZE_ROOMS_MAX = 49 };
#define PBTI_MAZE_MAP_FIELDS(X)                                                                    \
    X(uint8_t, size, 1, PBTI_ENV_MAZE_SIZE_MIN, PBTI_ENV_MAZE_SIZE_MAX) /* rows, and columns */    \
    X(uint32_t, walls, PBTI_ENV_MAZE_SIZE_MAX, 0, 0x7fff)        /* bit x of value y: a wall */    \
    X(uint8_t, goal, 1, 0, PBTI_MAZE_ROOMS_MAX - 1)              /* its room */                    \
    X(uint64_t, apples, 1, 0, (1ull << PBTI_MAZE_ROOMS_MAX) - 1) /* bit r: one is in room r */

/* -------- maze -------- */

enum { PBTI_MAZE_WALL, PBTI_MAZE_FLOOR, PBTI_MAZE_APPLE, PBTI_MAZE_GOAL, PBTI_MAZE_CHANNELS };

/* The view: own cell at row 6, column 3; up is ahead. */
enum { PBTI_MAZE_VIEW = 7, PBTI_MAZE_VIEW_CELLS = PBTI_MAZE_VIEW * PBTI_MAZE_VIEW };

#define PBTI_MAZE_FIELDS(X)                                                                        \
    PBTI_MAZE_MAP_FIELDS(X)                                                                        \
    X(int8_t, y, 1, 1, PBTI_ENV_MAZE_SIZE_MAX - 2) /* of the agent */                              \
    X(int8_t, x, 1, 1, PBTI_ENV_MAZE_SIZE_MAX - 2)                                                 \
    X(uint8_t, direction, 1, PBTI_MAZE_NORTH, PBTI_MAZE_WEST)

struct pbti_maze {
    PBTI_MAZE_FIELDS(PBTI_ENV_FIELD_POINTER)
};

/* -------- maze3d -------- */

enum { PBTI_MAZE3D_HEADINGS = 16 }; /* steps of 22.5 degrees, clockwise from north */

#define PBTI_MAZE3D_FIELDS(X)                                                                      \
    PBTI_MAZE_MAP_FIELDS(X)                                                                        \
    X(double, y, 1, 1.0, PBTI_ENV_MAZE_SIZE_MAX - 1) /* of the agent; a cell is 1 wide */          \
    X(double, x, 1, 1.0, PBTI_ENV_MAZE_SIZE_MAX - 1)                                               \
    X(uint8_t, heading, 1, 0, PBTI_MAZE3D_HEADINGS - 1)

struct pbti_maze3d {
    PBTI_MAZE3D_FIELDS(PBTI_ENV_FIELD_POINTER)
};

/* -------- watermaze -------- */

#define PBTI_WATERMAZE_FIELDS(X)                                                                   \
    X(int8_t, y, 1, 0, 9)                                                                          \
    X(int8_t, x, 1, 0, 9)                                                                          \
    X(int8_t, platform_y, 1, 0, 9) /* not where the agent is */                                    \
    X(int8_t, platform_x, 1, 0, 9)

struct pbti_watermaze {
    PBTI_WATERMAZE_FIELDS(PBTI_ENV_FIELD_POINTER)
};

/* -------- keydoor -------- */

enum {
    PBTI_KEYDOOR_WALL,
    PBTI_KEYDOOR_AGENT,
    PBTI_KEYDOOR_KEY,
    PBTI_KEYDOOR_DOOR, /* while it is locked */
    PBTI_KEYDOOR_TREASURE,
    PBTI_KEYDOOR_HELD, /* everywhere: the agent has the key */
    PBTI_KEYDOOR_CHANNELS,
};

/* The row and the column that are walls. */
enum { PBTI_KEYDOOR_MIDDLE = 4 };

/* What became of the key. */
enum { PBTI_KEYDOOR_LIES, PBTI_KEYDOOR_IN_HAND, PBTI_KEYDOOR_USED };

#define PBTI_KEYDOOR_FIELDS(X)                                                                     \
    X(int8_t, y, 1, 0, 9) /* of the agent; not in a wall nor in a locked door */                   \
    X(int8_t, x, 1, 0, 9)                                                                          \
    X(int8_t, gap_y, 1, 0, 3)     /* row of the gap in column 4 */                                 \
    X(int8_t, gap_x, 1, 0, 3)     /* column of the gap in row 4 */                                 \
    X(uint8_t, door_low, 1, 0, 1) /* the door is in row 4, from room 1; else in column 4 */        \
    X(int8_t, door_at, 1, 5, 9)   /* its column, or row */                                         \
    X(int8_t, key_y, 1, 0, 9)                                                                      \
    X(int8_t, key_x, 1, 0, 9)                                                                      \
    X(int8_t, treasure_y, 1, 5, 9)                                                                 \
    X(int8_t, treasure_x, 1, 5, 9)                                                                 \
    X(uint8_t, key, 1, 0, PBTI_KEYDOOR_USED)

struct pbti_keydoor {
    PBTI_KEYDOOR_FIELDS(PBTI_ENV_FIELD_POINTER)
};

#endif
