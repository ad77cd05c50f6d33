/* SPDX-License-Identifier: Apache-2.0 */
/*
 * a2c_agent.h - an actor-critic at work: B copies of a game, its network, and rollouts.
 *
 * One update, with T = unroll rounds:
 *
 *     for t in 0 .. T - 1:  act (network, draw), step (games)
 *     look once more, for the value of what comes next
 *     returns, loss, backward, [what is replayed: a2c_unreal.h,] clip, RMSProp
 *
 * Acting is the forward pass of training: rows of time t stay where they are until the way back.
 * All memory is taken by pbti_a2c_agent_init() and _reserve(); the others allocate nothing.
 */
#ifndef PBTI_TRAINERS_A2C_AGENT_H
#define PBTI_TRAINERS_A2C_AGENT_H

#include "a2c/a2c_network.h"
#include "a2c/a2c_policy.h"
#include "a2c/a2c_settings.h"
#include "a2c/a2c_tally.h"
#include "a2c/a2c_unreal.h"
#include "nn/nn_rmsprop.h"

struct pbti_a2c_agent {
    struct pbti_a2c_network net;
    struct pbti_env *env;
    uint32_t copies;                /* B */
    struct pbti_a2c_unreal *unreal; /* NULL: a plain actor-critic */

    /* What the next update uses; written at the start of each segment. */
    struct pbti_nn_rmsprop rmsprop;
    double entropy_cost, value_cost, discount, trace_decay, clip;
    double reward_scale, reward_clip; /* of what is learnt from; clip 0: none */
    uint32_t unroll;
    uint64_t seed; /* of actions */

    uint32_t rounds;             /* done since pbti_a2c_agent_begin() */
    uint32_t capacity;           /* rounds that the arrays below have room for */
    uint8_t *chosen;             /* (T, B) */
    uint8_t *ends;               /* (T, B) */
    float *rewards;              /* (T, B): scaled and clipped */
    float *advantages;           /* (T, B) */
    float *targets;              /* (T, B) */
    double *totals;              /* (B): return of the episode so far */
    uint64_t *frames;            /* (B): its length so far */
    uint8_t *whole;              /* (B): it began since pbti_a2c_agent_begin() */
    uint64_t *quotas;            /* (B): episodes still to be counted, in pbti_a2c_agent_play() */
    struct pbti_a2c_tally tally; /* episodes that began and ended since then */
};

/* What an update says of itself. */
struct pbti_a2c_update {
    struct pbti_a2c_loss loss;
    struct pbti_a2c_extra_loss extra; /* of UNREAL */
    double norm;   /* of the gradient before clipping; not finite: the weights were left alone */
    bool diverged; /* there is nothing to step along */
};

/* The options of the games that these settings ask for. */
struct pbti_env_options pbti_a2c_options(const struct pbti_a2c_settings *settings);

/*
 * Make an agent with zero weights; its games are at the beginning of an episode.
 *
 * Errors      PBT_ENOMEM, PBT_EINVAL, PBT_ELIMIT; then nothing was taken
 */
PBT_NODISCARD pbt_status pbti_a2c_agent_init(struct pbti_a2c_agent *agent,
                                             const struct pbti_a2c_settings *settings,
                                             struct pbt_error *err);
void pbti_a2c_agent_deinit(struct pbti_a2c_agent *agent);

/* Make room for what a segment with these settings does. Errors: PBT_ENOMEM. */
PBT_NODISCARD pbt_status pbti_a2c_agent_reserve(struct pbti_a2c_agent *agent,
                                                const struct pbti_a2c_settings *settings,
                                                struct pbt_error *err);

/* New weights, new episodes. */
void pbti_a2c_agent_randomise(struct pbti_a2c_agent *agent, uint64_t seed);

/*
 * Begin a segment: draw from `seed` from now on, count no episode that is under way, and take what
 * may change between segments from the settings.
 *
 * fresh       in, every copy is at the beginning of an episode
 *
 * Requires    pbti_a2c_agent_reserve() with these settings
 */
void pbti_a2c_agent_begin(struct pbti_a2c_agent *agent, const struct pbti_a2c_settings *settings,
                          uint64_t seed, bool fresh);

/* The parts of an update, for rounds t = 0 .. rounds - 1: act and step, then learn. */
void pbti_a2c_agent_act(struct pbti_a2c_agent *agent, uint32_t t);
void pbti_a2c_agent_step(struct pbti_a2c_agent *agent, uint32_t t);
/* Look at what comes next, and go back from the loss: the gradients are in the block. */
struct pbti_a2c_loss pbti_a2c_agent_backward(struct pbti_a2c_agent *agent, uint32_t rounds);
/* Clip and change the weights; returns the norm. */
double pbti_a2c_agent_optimise(struct pbti_a2c_agent *agent);

/* All of an update. rounds: 1..agent->unroll. */
struct pbti_a2c_update pbti_a2c_agent_update(struct pbti_a2c_agent *agent, uint32_t rounds);

/* After pbti_a2c_agent_act() for round 0, step without learning: agent->totals and ->frames count
 * on, of rewards as the game gives them, and are the caller's to reset where an episode ends. */
void pbti_a2c_agent_play_step(struct pbti_a2c_agent *agent);

/*
 * Play without learning until `episodes` whole ones are counted, in games of their own: each copy
 * plays its share (rounded up), so that long episodes are not missed. What is not over after
 * PBTI_A2C_PLAY_ROUNDS_MAX rounds is counted as far as it has come.
 *
 * out         out, tally of returns; unfinished: how many were not over
 *
 * The agent's games and the state of its LSTM are as before afterwards.
 *
 * Errors      PBT_ENOMEM
 */
#define PBTI_A2C_PLAY_ROUNDS_MAX 200000u
PBT_NODISCARD pbt_status pbti_a2c_agent_play(struct pbti_a2c_agent *agent,
                                             const struct pbti_a2c_settings *settings,
                                             uint64_t seed, struct pbti_a2c_tally *out,
                                             uint64_t *unfinished, struct pbt_error *err);

#endif
