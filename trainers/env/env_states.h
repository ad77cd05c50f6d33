/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env_states.h - the state of every game: a structure of arrays over the copies; those of the
 * project's own games are in env_states_own.h.
 *
 * For tests, which set scenes and read them back, and for whoever steps another implementation
 * beside ours. X(type, name, width, low, high): an array of shape (count, width), index
 * [copy * width + k], and the values it may take. Rows count from the top, columns from the left.
 */
#ifndef PBTI_TRAINERS_ENV_STATES_H
#define PBTI_TRAINERS_ENV_STATES_H

#include "env/env_kind.h"

/* MinAtar's games have this many rows and columns, and so have those in which one walks. */
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
    X(int32_t, strike, 1, 0, 1) /* a brick was met last: the next is passed through */             \
    X(uint32_t, bricks, 1, 0, PBTI_BREAKOUT_WALL)

struct pbti_breakout {
    PBTI_BREAKOUT_FIELDS(PBTI_ENV_FIELD_POINTER)
};

/* -------- asterix -------- */

enum { PBTI_ASTERIX_PLAYER, PBTI_ASTERIX_ENEMY, PBTI_ASTERIX_TRAIL, PBTI_ASTERIX_GOLD };

/* What is in a slot; slot k is row k + 1. */
enum { PBTI_ASTERIX_SLOTS = 8 };
enum { PBTI_ASTERIX_FREE, PBTI_ASTERIX_HAS_ENEMY, PBTI_ASTERIX_HAS_GOLD };

#define PBTI_ASTERIX_FIELDS(X)                                                                     \
    X(int8_t, player_y, 1, 1, 8)                                                                   \
    X(int8_t, player_x, 1, 0, 9)                                                                   \
    X(uint8_t, slot, PBTI_ASTERIX_SLOTS, 0, 2)                                                     \
    X(int8_t, slot_x, PBTI_ASTERIX_SLOTS, 0, 9)      /* any where the slot is free */              \
    X(uint8_t, slot_right, PBTI_ASTERIX_SLOTS, 0, 1) /* moves to the right */                      \
    X(int8_t, spawn_speed, 1, 1, 10)                 /* frames from one to the next */             \
    X(int8_t, spawn_timer, 1, 0, 10)                                                               \
    X(int8_t, move_speed, 1, 1, 5)                                                                 \
    X(int8_t, move_timer, 1, 0, 5)                                                                 \
    X(int8_t, ramp_timer, 1, -1, 100)

struct pbti_asterix {
    PBTI_ASTERIX_FIELDS(PBTI_ENV_FIELD_POINTER)
};

/* -------- freeway -------- */

/* The last five are the trails of cars of speed 1 to 5: channel PBTI_FREEWAY_CAR + speed. */
enum { PBTI_FREEWAY_CHICKEN, PBTI_FREEWAY_CAR };
enum { PBTI_FREEWAY_CHANNELS = 7, PBTI_FREEWAY_COLUMN = 4 }; /* column of the chicken */

enum { PBTI_FREEWAY_CARS = 8 }; /* car k is in row k + 1 */

#define PBTI_FREEWAY_FIELDS(X)                                                                     \
    X(int8_t, chicken_y, 1, 1, 9)                                                                  \
    X(int8_t, move_timer, 1, 0, 3) /* frames until the chicken may move again */                   \
    X(int8_t, car_x, PBTI_FREEWAY_CARS, 0, 9)                                                      \
    X(int8_t, car_speed, PBTI_FREEWAY_CARS, -5, 5) /* frames it rests; < 0: to the left; not 0 */  \
    X(int8_t, car_timer, PBTI_FREEWAY_CARS, 0, 5)                                                  \
    X(int32_t, frames_left, 1, 0, 2500)

struct pbti_freeway {
    PBTI_FREEWAY_FIELDS(PBTI_ENV_FIELD_POINTER)
};

/* -------- space invaders -------- */

enum {
    PBTI_INVADERS_CANNON,
    PBTI_INVADERS_ALIEN,
    PBTI_INVADERS_ALIEN_LEFT, /* aliens again, while they move to the left */
    PBTI_INVADERS_ALIEN_RIGHT,
    PBTI_INVADERS_FRIENDLY_BULLET,
    PBTI_INVADERS_ENEMY_BULLET,
    PBTI_INVADERS_CHANNELS,
};

/* A board is two masks of 50 bits: bit 10 y + x of the first is the cell at row y in 0..4, that of
 * the second the cell at row y + 5. */
#define PBTI_INVADERS_HALF ((UINT64_C(1) << 50) - 1)

#define PBTI_INVADERS_FIELDS(X)                                                                    \
    X(int8_t, cannon, 1, 0, 9)     /* column; its row is 9 */                                      \
    X(int8_t, direction, 1, -1, 1) /* of the aliens; not 0 */                                      \
    X(int8_t, interval, 1, 6, 12)  /* frames from move to move of 12 or more aliens */             \
    X(int8_t, move_timer, 1, 0, 12)                                                                \
    X(int8_t, alien_shot_timer, 1, 0, 10)                                                          \
    X(int8_t, shot_timer, 1, 0, 5)                                                                 \
    X(uint64_t, aliens, 2, 0, PBTI_INVADERS_HALF) /* one at least */                               \
    X(uint64_t, friendly, 2, 0, PBTI_INVADERS_HALF)                                                \
    X(uint64_t, enemy, 2, 0, PBTI_INVADERS_HALF)

struct pbti_invaders {
    PBTI_INVADERS_FIELDS(PBTI_ENV_FIELD_POINTER)
};

/* -------- seaquest -------- */

enum {
    PBTI_SEAQUEST_SUB_FRONT,
    PBTI_SEAQUEST_SUB_BACK,
    PBTI_SEAQUEST_FRIENDLY_BULLET,
    PBTI_SEAQUEST_TRAIL, /* behind fish, enemy submarines and divers */
    PBTI_SEAQUEST_ENEMY_BULLET,
    PBTI_SEAQUEST_ENEMY_FISH,
    PBTI_SEAQUEST_ENEMY_SUB,
    PBTI_SEAQUEST_OXYGEN_GAUGE,
    PBTI_SEAQUEST_DIVER_GAUGE,
    PBTI_SEAQUEST_DIVER,
    PBTI_SEAQUEST_CHANNELS,
};

/*
 * Room in the lists. No play fills them: an enemy crosses the board in 10 (move_speed + 1) frames,
 * 30 at the highest difficulty, where one appears a frame at most; a diver takes 60 and one appears
 * every 30; a shot takes 10, and a submarine shoots every 11 frames, ours every 5.
 */
enum {
    PBTI_SEAQUEST_ENEMIES_MAX = 48,
    PBTI_SEAQUEST_DIVERS_MAX = 4,
    PBTI_SEAQUEST_FRIENDLY_MAX = 4,
    PBTI_SEAQUEST_SHOTS_MAX = 96,
};

/* A list, oldest first; entries from the count on mean nothing. */
#define PBTI_SEAQUEST_LIST(X, list, room)                                                          \
    X(uint8_t, list##_count, 1, 0, room)                                                           \
    X(int8_t, list##_y, room, 0, 8)                                                                \
    X(int8_t, list##_x, room, 0, 9)                                                                \
    X(uint8_t, list##_right, room, 0, 1) /* moves to the right */

#define PBTI_SEAQUEST_FIELDS(X)                                                                    \
    X(int8_t, sub_y, 1, 0, 8)                                                                      \
    X(int8_t, sub_x, 1, 0, 9) /* its front */                                                      \
    X(uint8_t, sub_right, 1, 0, 1)                                                                 \
    X(int32_t, oxygen, 1, 0, 200)                                                                  \
    X(int32_t, divers_aboard, 1, -0x40000000, 6) /* each rise takes one, even where none is */     \
    X(int8_t, shot_timer, 1, 0, 5)                                                                 \
    X(int8_t, spawn_speed, 1, 1, 20) /* frames from one enemy to the next */                       \
    X(int8_t, spawn_timer, 1, 0, 20)                                                               \
    X(int8_t, diver_spawn_timer, 1, 0, 30)                                                         \
    X(int8_t, move_speed, 1, 2, 5) /* frames an enemy rests, for those that come */                \
    PBTI_SEAQUEST_LIST(X, fish, PBTI_SEAQUEST_ENEMIES_MAX)                                         \
    X(int8_t, fish_timer, PBTI_SEAQUEST_ENEMIES_MAX, 0, 5)                                         \
    PBTI_SEAQUEST_LIST(X, subs, PBTI_SEAQUEST_ENEMIES_MAX)                                         \
    X(int8_t, subs_timer, PBTI_SEAQUEST_ENEMIES_MAX, 0, 5)                                         \
    X(int8_t, subs_shot, PBTI_SEAQUEST_ENEMIES_MAX, 0, 10)                                         \
    PBTI_SEAQUEST_LIST(X, divers, PBTI_SEAQUEST_DIVERS_MAX)                                        \
    X(int8_t, divers_timer, PBTI_SEAQUEST_DIVERS_MAX, 0, 5)                                        \
    PBTI_SEAQUEST_LIST(X, friendly, PBTI_SEAQUEST_FRIENDLY_MAX)                                    \
    PBTI_SEAQUEST_LIST(X, shots, PBTI_SEAQUEST_SHOTS_MAX)

struct pbti_seaquest {
    PBTI_SEAQUEST_FIELDS(PBTI_ENV_FIELD_POINTER)
};

/* -------- classic control; SI units, angles in radians -------- */

#define PBTI_ENV_PI 3.14159265358979323846

/* The same angle in [-pi, pi]. */
static inline double pbti_env_wrap(double angle)
{
    while (angle > PBTI_ENV_PI) {
        angle -= 2.0 * PBTI_ENV_PI;
    }
    while (angle < -PBTI_ENV_PI) {
        angle += 2.0 * PBTI_ENV_PI;
    }
    return angle;
}

#define PBTI_CARTPOLE_X_MAX 2.4
#define PBTI_CARTPOLE_ANGLE_MAX (12.0 * PBTI_ENV_PI / 180.0)

/* Features: x / 2.4, velocity / 2, angle / 12 degrees, angular velocity / 2. */
#define PBTI_CARTPOLE_FIELDS(X)                                                                    \
    X(double, x, 1, -PBTI_CARTPOLE_X_MAX, PBTI_CARTPOLE_X_MAX)                                     \
    X(double, velocity, 1, -1000.0, 1000.0)                                                        \
    X(double, angle, 1, -PBTI_CARTPOLE_ANGLE_MAX, PBTI_CARTPOLE_ANGLE_MAX) /* 0: upright */        \
    X(double, angular_velocity, 1, -1000.0, 1000.0)

struct pbti_cartpole {
    PBTI_CARTPOLE_FIELDS(PBTI_ENV_FIELD_POINTER)
};

/* Features: (x + 0.3) / 0.9, velocity / 0.07. */
#define PBTI_MOUNTAIN_CAR_FIELDS(X)                                                                \
    X(double, x, 1, -1.2, 0.6)                                                                     \
    X(double, velocity, 1, -0.07, 0.07)

struct pbti_mountain_car {
    PBTI_MOUNTAIN_CAR_FIELDS(PBTI_ENV_FIELD_POINTER)
};

#define PBTI_ACROBOT_VELOCITY1_MAX (4.0 * PBTI_ENV_PI)
#define PBTI_ACROBOT_VELOCITY2_MAX (9.0 * PBTI_ENV_PI)

/* Features: cosine and sine of both angles, velocities over their limits. */
#define PBTI_ACROBOT_FIELDS(X)                                                                     \
    X(double, angle1, 1, -PBTI_ENV_PI, PBTI_ENV_PI) /* of the first link; 0: hangs down */         \
    X(double, angle2, 1, -PBTI_ENV_PI, PBTI_ENV_PI) /* of the second, from the first */            \
    X(double, velocity1, 1, -PBTI_ACROBOT_VELOCITY1_MAX, PBTI_ACROBOT_VELOCITY1_MAX)               \
    X(double, velocity2, 1, -PBTI_ACROBOT_VELOCITY2_MAX, PBTI_ACROBOT_VELOCITY2_MAX)

struct pbti_acrobot {
    PBTI_ACROBOT_FIELDS(PBTI_ENV_FIELD_POINTER)
};

/* Features: cosine and sine of the angle, velocity / 8. */
#define PBTI_PENDULUM_FIELDS(X)                                                                    \
    X(double, angle, 1, -PBTI_ENV_PI, PBTI_ENV_PI) /* 0: upright */                                \
    X(double, velocity, 1, -8.0, 8.0)

struct pbti_pendulum {
    PBTI_PENDULUM_FIELDS(PBTI_ENV_FIELD_POINTER)
};

#endif
