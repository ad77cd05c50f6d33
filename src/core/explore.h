/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/explore.h - the explore rules as a table: one file a rule, one line of PBTI_EXPLORE_RULES.
 *
 * A rule moves one hyperparameter at a time; which members explore and when, and that frozen
 * hyperparameters never move, is decided outside of it (decide.c, explore.c).
 */
#ifndef PBTI_CORE_EXPLORE_H
#define PBTI_CORE_EXPLORE_H

#include "core/event.h"

#define PBTI_MOVE_BIT(move) (1u << (move))

/* What a move may depend on besides the value. */
struct pbti_exploring {
    const struct pbti_config *config;
    uint32_t member, segment; /* the decision: draws are its own */
    uint64_t age;             /* of the weights that the member goes on with */
};

struct pbti_explore_rule {
    const char *name;
    const char *statement; /* what becomes of a value: one sentence */
    uint32_t moves;        /* PBTI_MOVE_BIT of the moves that it may make, besides kept */
    bool follows;          /* at every decision, not only after an exploit */

    /* Change `value` of hyperparameter `hp`, which is not frozen, and say how. Comes with the move
     * kept. NULL: no value changes. */
    void (*move)(const struct pbti_exploring *exploring, uint32_t hp, double *value,
                 struct pbti_move *move);
};

extern const struct pbti_explore_rule pbti_explore_none, pbti_explore_perturb,
    pbti_explore_resample, pbti_explore_both, pbti_explore_schedule;

/* The rule of a valid config's explore. */
const struct pbti_explore_rule *pbti_explore_rule(uint8_t explore);

/*
 * Change `values` in place as the config's rule says, and say how in `moves`; shapes (space.count).
 * Returns whether any was moved. Requires a rule that moves.
 */
bool pbti_explore(const struct pbti_exploring *exploring, double *values, struct pbti_move *moves);

/* The stream of draws of this decision for one purpose; every hyperparameter has its own draw in it
 * (rule 6). */
struct pbti_stream pbti_explore_stream(const struct pbti_exploring *exploring, uint64_t purpose);

/* Multiply by a drawn factor, or add noise. Categorical and boolean values stay. */
void pbti_move_perturb(const struct pbti_exploring *exploring, uint32_t hp, double *value,
                       struct pbti_move *move);

/* Draw from the prior with the config's probability. */
void pbti_move_resample(const struct pbti_exploring *exploring, uint32_t hp, double *value,
                        struct pbti_move *move);

#endif
