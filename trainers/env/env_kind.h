/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env_kind.h - what a game is to env.c: a table of its fields and a few functions.
 *
 * A game's state is a structure of arrays: one array for each field, with one or more values a
 * copy. The fields are listed once, in env_states.h or env_states_own.h, as an X-macro from which
 * the structure and its table are made; memory, saving, loading and the checks of loaded values
 * follow from the table.
 * So a new game is a list of fields, a file with the beginning of an episode, a step and an
 * observation, and a line in the list of env.c.
 */
#ifndef PBTI_TRAINERS_ENV_KIND_H
#define PBTI_TRAINERS_ENV_KIND_H

#include "env/env.h"
#include "nn/nn_random.h"

/* -------- fields -------- */

enum pbti_env_type {
    PBTI_ENV_U8,
    PBTI_ENV_I8,
    PBTI_ENV_U32,
    PBTI_ENV_I32,
    PBTI_ENV_U64,
    PBTI_ENV_F64,
};

struct pbti_env_field {
    const char *name;
    enum pbti_env_type type;
    uint32_t width;   /* values a copy; the array has shape (count, width) */
    double low, high; /* the values it may take, ends included */
    size_t offset;    /* of the pointer to the array, in the game's structure */
};

/* A list of fields is LIST(X) with X(type, name, width, low, high). */
#define PBTI_ENV_FIELD_POINTER(type, name, width, low, high) type *name;

/* A row of the table; `PBTI_ENV_STRUCT` is the structure it belongs to. */
#define PBTI_ENV_FIELD_ROW(type, name, width, low, high)                                           \
    {#name, PBTI_ENV_TYPE(type), width, low, high, offsetof(PBTI_ENV_STRUCT, name)},
#define PBTI_ENV_TYPE(type)                                                                        \
    _Generic((type)0, uint8_t                                                                      \
             : PBTI_ENV_U8, int8_t                                                                 \
             : PBTI_ENV_I8, uint32_t                                                               \
             : PBTI_ENV_U32, int32_t                                                               \
             : PBTI_ENV_I32, uint64_t                                                              \
             : PBTI_ENV_U64, double                                                                \
             : PBTI_ENV_F64)

struct pbti_env_table {
    const struct pbti_env_field *fields;
    size_t count;
};
#define PBTI_ENV_TABLE(fields)                                                                     \
    {                                                                                              \
        fields, sizeof(fields) / sizeof((fields)[0])                                               \
    }

/* Bytes of all arrays, each at a multiple of 64. When `state` is not NULL its pointers are set to
 * the arrays' places in `memory`. */
size_t pbti_env_layout(const struct pbti_env_table *table, uint32_t count, void *state,
                       unsigned char *memory);

/* Bytes of all values without gaps; write them, and read them back. Reading checks nothing. */
size_t pbti_env_packed_size(const struct pbti_env_table *table, uint32_t count);
unsigned char *pbti_env_pack(const struct pbti_env_table *table, uint32_t count, const void *state,
                             unsigned char *at);
const unsigned char *pbti_env_unpack(const struct pbti_env_table *table, uint32_t count,
                                     void *state, const unsigned char *at);

/* Whether every value is inside its limits, with a message that names the one that is not.
 * Errors: PBT_ECORRUPT. */
PBT_NODISCARD pbt_status pbti_env_check(const struct pbti_env_table *table, uint32_t count,
                                        const void *state, struct pbt_error *err);

/* -------- rules -------- */

/* The actions of MinAtar; the first five are those of every game in which one walks. */
enum { PBTI_ENV_NOOP, PBTI_ENV_LEFT, PBTI_ENV_UP, PBTI_ENV_RIGHT, PBTI_ENV_DOWN, PBTI_ENV_FIRE };

/*
 * Random numbers of one copy in one frame, as many as are asked for: word k of an episode's
 * beginning, or of a frame, is f(seed, frame, copy, k).
 */
struct pbti_env_dice {
    struct pbti_nn_stream from;
    const struct pbti_env_options *options;
    uint32_t copy, used; /* words so far */
    uint32_t bits[4];
};

/* The next word as a number below `sides`. Blocks of one copy are PBTI_ENV_COUNT_MAX apart. */
static inline uint32_t pbti_env_roll(struct pbti_env_dice *dice, uint32_t sides)
{
    if (dice->used % 4 == 0) {
        uint32_t const block = dice->copy + dice->used / 4 * PBTI_ENV_COUNT_MAX;
        pbti_nn_random_block(&dice->from, block, dice->bits);
    }
    return (uint32_t)((uint64_t)dice->bits[dice->used++ % 4] * sides >> 32);
}

/* What a game is handed for one frame of all copies. */
struct pbti_env_frame {
    uint32_t count;
    bool ramping;
    const struct pbti_env_options *options;
    struct pbti_nn_stream from; /* of this frame, for pbti_env_frame_dice() */
    const uint8_t *actions;     /* shape (count): executed, numbered as in the original */
    const uint32_t *draws[3];   /* shape (count) each: random bits, when the rules ask for them */
    float *rewards;             /* shape (count), to be written */
    uint8_t *ends;              /* shape (count), to be written: PBTI_ENV_GOES_ON or _TERMINAL */
};

/* Dice for one copy in this frame; word 0 of its block is the one for `sticky`, so they begin with
 * the block after it. */
static inline struct pbti_env_dice pbti_env_frame_dice(const struct pbti_env_frame *frame,
                                                       uint32_t copy)
{
    return (struct pbti_env_dice){
        .from = frame->from, .options = frame->options, .copy = copy, .used = 4};
}

struct pbti_env_rules {
    struct pbti_env_table table;
    size_t state_size; /* of the structure of pointers */
    bool sticky;       /* the option holds here */
    bool draws;        /* frame.draws are wanted */
    bool maze;         /* the options `size` and `map` hold here */

    /* Begin an episode of one copy: one of the two, `begin` where four words are too few. */
    void (*reset)(void *state, uint32_t copy, const uint32_t bits[4]);
    void (*begin)(void *state, uint32_t copy, struct pbti_env_dice *dice);
    /* One frame of all copies. A frame is played to its end, after the episode's end, too. */
    void (*step)(void *state, const struct pbti_env_frame *frame);
    /* (optional) What cannot be although every value is inside its limits; NULL when all is well.
     * Static storage. */
    const char *(*flaw)(const void *state, uint32_t copy);
    /* Add the picture of one copy to `cells`, which are 0. Games with cells. */
    void (*draw)(const void *state, uint32_t copy, uint16_t *cells);
    /* Write the picture of one copy, of side x side pixels, three bytes each. Games with bytes. */
    void (*paint)(const void *state, uint32_t copy, uint32_t side, uint8_t *pixels);
    /* Write the features of one copy. The other games. */
    void (*features)(const void *state, uint32_t copy, float *x);
};

/* A number below `sides` from 32 random bits; its bias is below sides / 2^32. */
static inline uint32_t pbti_env_die(uint32_t bits, uint32_t sides)
{
    return (uint32_t)((uint64_t)bits * sides >> 32);
}

/* Uniform in the open interval (low, high) from 32 random bits. */
static inline double pbti_env_uniform(uint32_t bits, double low, double high)
{
    return low + (high - low) * pbti_nn_unit(bits);
}

/* -------- the copies -------- */

/* What every game has; a table like the games' own. Limits that depend on the game are checked
 * apart. */
#define PBTI_ENV_COMMON(X)                                                                         \
    X(uint8_t, last, 1, 0, PBTI_ENV_ACTIONS_MAX - 1) /* the action executed last */                \
    X(uint32_t, frames, 1, 0, UINT32_MAX)            /* of this episode, where they are limited */

struct pbti_env_common {
    PBTI_ENV_COMMON(PBTI_ENV_FIELD_POINTER)
};
extern const struct pbti_env_table pbti_env_common_table;

struct pbti_env {
    const struct pbti_env_kind *kind;
    struct pbti_env_options options;
    uint32_t count;
    uint64_t seed;
    uint32_t frame; /* since pbti_env_seed(), modulo 2^32 */

    struct pbti_env_common common;
    void *state;           /* the game's structure */
    unsigned char *memory; /* the arrays of both, `common` first */
    size_t memory_size;
    uint32_t *draws; /* shape (4, count); the first plane is for `sticky` */
};

/* The games; each has its file. */
extern const struct pbti_env_kind pbti_env_breakout;
extern const struct pbti_env_kind pbti_env_asterix;
extern const struct pbti_env_kind pbti_env_freeway;
extern const struct pbti_env_kind pbti_env_seaquest;
extern const struct pbti_env_kind pbti_env_space_invaders;
extern const struct pbti_env_kind pbti_env_cartpole;
extern const struct pbti_env_kind pbti_env_mountain_car;
extern const struct pbti_env_kind pbti_env_acrobot;
extern const struct pbti_env_kind pbti_env_pendulum;
extern const struct pbti_env_kind pbti_env_beacon;
extern const struct pbti_env_kind pbti_env_watermaze;
extern const struct pbti_env_kind pbti_env_keydoor;
extern const struct pbti_env_kind pbti_env_maze;
extern const struct pbti_env_kind pbti_env_shards;
extern const struct pbti_env_kind pbti_env_roaches;
extern const struct pbti_env_kind pbti_env_maze3d;

#endif
