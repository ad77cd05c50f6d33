/* SPDX-License-Identifier: Apache-2.0 */
/* env_score.h - what a player scores in a game, with its standard error, beside a reference. */
#ifndef PBTI_TEST_ENV_SCORE_H
#define PBTI_TEST_ENV_SCORE_H

#include "env_fixture.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { ENV_SHARE = 8 }; /* of the copies, one in so many */
#else
enum { ENV_SHARE = 1 };
#endif

/* What a player is shown. All arrays have shape (copies). */
struct env_turn {
    const struct pbti_env *env;
    uint32_t frame;
    const uint8_t *ends;  /* of the frame before; at the first, as if one had just ended */
    const float *rewards; /* of the frame before */
    uint8_t *actions;     /* out: what the player does */
    void *memory;         /* the player's own */
};
typedef void env_player(struct env_turn *turn);

struct env_score {
    double mean, error; /* of the return of an episode */
    double length;      /* mean, in frames */
};

/* Every copy plays the same number of episodes. `copies` are divided by ENV_SHARE. */
struct env_score env_score(const char *name, const struct pbti_env_options *options,
                           uint32_t copies, uint32_t episodes, env_player *player, void *memory);

/* Uniform actions. */
void env_player_random(struct env_turn *turn);

/* Prints both; the means are within three standard errors of their difference. */
void assert_score(const char *what, struct env_score score, double mean, double error);

#endif
