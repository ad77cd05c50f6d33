/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env.h - small games to learn, many copies at a time: MinAtar's five, four of classic control, and
 * the project's own.
 *
 * A picture game is seen as rows x columns cells of up to 16 binary channels, the others as a
 * short vector of features, or as a picture of bytes. What each game's actions, channels and
 * features are: env_states.h and env_states_own.h, which a trainer need not read, and
 * docs/environments.md.
 *
 * All copies of a `struct pbti_env` take one frame together. A copy whose episode ends begins the
 * next at once, so every copy always has an observation to act on.
 *
 * Random numbers are counter based: draws are f(seed, copy, frames since pbti_env_seed(), place),
 * so a copy plays the same whatever the number of other copies, and no generator has to be saved.
 *
 * Threads     one env belongs to one thread at a time; different ones are independent
 * Source      Young & Tian 2019, "MinAtar: An Atari-Inspired Testbed for Thorough and Reproducible
 *             Reinforcement Learning Experiments", arXiv:1903.03176; Gymnasium's classic control.
 *             Written from the behaviour of those games; each file names its differences. The
 *             project's own games are defined in docs/environments.md.
 */
#ifndef PBTI_TRAINERS_ENV_H
#define PBTI_TRAINERS_ENV_H

#include "pbt/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PBTI_ENV_ACTIONS_MAX = 129, PBTI_ENV_CHANNELS_MAX = 16, PBTI_ENV_CELLS_MAX = 256 };

/* Rows and columns of a maze: the option `size`. */
enum { PBTI_ENV_MAZE_SIZE = 11, PBTI_ENV_MAZE_SIZE_MIN = 7, PBTI_ENV_MAZE_SIZE_MAX = 15 };
enum { PBTI_ENV_MAP_MAX = 65535 };

/* Rows and columns of a picture of bytes: the option `pixels`. */
enum { PBTI_ENV_PIXELS_MIN = 16, PBTI_ENV_PIXELS_MAX = 84 };

/* Copies of one env; what a checkpoint of them may claim. */
#define PBTI_ENV_COUNT_MAX (UINT32_C(1) << 20)

/* What a frame did to the episode of a copy. */
enum pbti_env_end {
    PBTI_ENV_GOES_ON = 0,
    PBTI_ENV_TERMINAL = 1,  /* the game is over */
    PBTI_ENV_TRUNCATED = 2, /* cut off by the game's limit of frames */
};

struct pbti_env_options {
    double sticky; /* [0, 1]: probability that a copy repeats what it did last; default 0.1, as in
                      MinAtar. Classic control has none and ignores it */
    bool ramping;  /* asterix, seaquest and space_invaders become harder with time; default true */
    bool minimal;  /* only the actions that do something in the game, not all six; default false */
    bool shaped;   /* keydoor: the key and the door are worth 0.1 each; default false */
    uint32_t size; /* mazes: rows and columns, odd, 7 to 15; 0, the default: 11 */
    uint32_t map;  /* mazes: 0, the default: a new map each episode; up to 65535: the map of this
                      number, in every episode */
    uint32_t pixels; /* maze3d: rows and columns of the picture, a multiple of 4, 16 to 84; 0, the
                        default: 24 */
};
struct pbti_env_options pbti_env_options_default(void);

/* Returns that make a scale: 0 is what uniformly random actions give, 1 what the scripted player of
 * docs/environments.md gets. */
struct pbti_env_scale {
    double random, reference; /* both 0: there is none */
};

/* What a trainer may know of a game; the games themselves fill it (env_kind.h). Static storage. */
struct pbti_env_kind {
    const char *name;                 /* "breakout" */
    uint32_t rows, columns, channels; /* of an observation; 1 x 1 x features without `cells` */
    bool cells;                       /* a picture of binary channels */
    bool bytes;                       /* a picture of bytes; rows and columns by the option */
    uint32_t actions;                 /* all, as numbered in the original */
    uint32_t minimal_actions;         /* those that do something: the option `minimal` */
    const uint8_t *minimal;           /* shape (minimal_actions): their numbers; NULL: all do */
    uint32_t frames_max;              /* episodes are cut off after so many; 0: never */
    uint16_t constant;                /* channels that are the same in all cells */
    struct pbti_env_scale scale, scale_minimal, scale_shaped; /* by options; see pbti_env_scale() */
    const struct pbti_env_rules *rules;
};

/* The shape of an observation of one copy, under these options; NULL for the defaults. */
struct pbti_env_view {
    uint32_t rows, columns, channels;
    size_t size; /* values */
};
struct pbti_env_view pbti_env_view(const struct pbti_env_kind *kind,
                                   const struct pbti_env_options *options);

/* The scale of a game under these options; false when it was not measured. */
bool pbti_env_scale(const struct pbti_env_kind *kind, const struct pbti_env_options *options,
                    struct pbti_env_scale *out);

/* The game of a name, or the one at a place in the list of all; NULL when there is none. */
const struct pbti_env_kind *pbti_env_find(const char *name);
const struct pbti_env_kind *pbti_env_at(size_t index);

struct pbti_env; /* `count` copies of one game */

/*
 * Make `count` copies of a game, each at the beginning of an episode, drawn with seed 0.
 *
 * count       in, 1..PBTI_ENV_COUNT_MAX
 * options     in, NULL for the defaults; copied
 * out         out, owned by the caller, release with pbti_env_destroy(); NULL on error
 *
 * Errors      PBT_EINVAL (an option or the count beyond its limits), PBT_ENOMEM
 */
PBT_NODISCARD pbt_status pbti_env_create(const struct pbti_env_kind *kind, uint32_t count,
                                         const struct pbti_env_options *options,
                                         struct pbti_env **out, struct pbt_error *err);
void pbti_env_destroy(struct pbti_env *env); /* accepts NULL */

const struct pbti_env_kind *pbti_env_kind(const struct pbti_env *env);
uint32_t pbti_env_count(const struct pbti_env *env);
uint32_t pbti_env_actions(const struct pbti_env *env); /* to choose from, under `minimal` or not */

/*
 * Count frames from 0 again and draw from `seed` from now on. Episodes go on where they are.
 *
 * A trainer calls it at the start of each segment with the seed of the segment: a clone then
 * plays differently from its donor, and an env that was kept plays like one that was loaded.
 */
void pbti_env_seed(struct pbti_env *env, uint64_t seed);

/*
 * Begin a new episode in every copy. Nothing is left of what was played: with the seed and frame
 * of a new env all that follows is the same.
 */
void pbti_env_reset(struct pbti_env *env);

/*
 * One frame of every copy. Where the episode ends, the next begins at once: what is observed after
 * the call is its first frame.
 *
 * With `sticky` the action that a copy executed last is repeated instead of the given one. As in
 * MinAtar it is remembered from one episode to the next; before the first it is action 0.
 *
 * actions     in, shape (count), each below pbti_env_actions()
 * rewards     out, shape (count)
 * ends        out, shape (count), enum pbti_env_end
 */
void pbti_env_step(struct pbti_env *env, const uint8_t *actions, float *rewards, uint8_t *ends);

/*
 * Observe a picture game.
 *
 * cells       out, shape (count, rows * columns): bit c of cell y * columns + x is channel c
 *
 * Requires    kind->cells
 */
void pbti_env_observe_cells(const struct pbti_env *env, uint16_t *cells);

/*
 * Observe a game with a picture of bytes.
 *
 * pixels      out, shape (count, rows, columns, channels) of pbti_env_view(): red, green, blue
 *
 * Requires    kind->bytes
 */
void pbti_env_observe_bytes(const struct pbti_env *env, uint8_t *pixels);

/*
 * Observe any game as floats.
 *
 * x           out, shape (count, rows * columns * channels), index [y][x][channel]; 0 and 1 for
 *             games with cells, bytes / 255 for those with bytes, features of about [-1, 1] for the
 *             others
 */
void pbti_env_observe(const struct pbti_env *env, float *x);

/*
 * The state of all copies as bytes. The layout stands in env_save.c; it is versioned, the same on
 * every machine and ends with a checksum. What pbti_env_seed() sets is not part of it.
 *
 * bytes       out, shape (pbti_env_save_size(env))
 */
size_t pbti_env_save_size(const struct pbti_env *env);
void pbti_env_save(const struct pbti_env *env, uint8_t *bytes);

/*
 * Take over a state that was saved by an env of the same game, count and options. Call
 * pbti_env_seed() afterwards. The bytes need not be trusted: every value is checked.
 *
 * Errors      PBT_ECORRUPT (not a state, truncated, damaged), PBT_EVERSION, PBT_EINVAL (another
 *             game, count or options), PBT_ENOMEM; the env is unchanged then
 */
PBT_NODISCARD pbt_status pbti_env_load(struct pbti_env *env, const uint8_t *bytes, size_t size,
                                       struct pbt_error *err);

#endif
