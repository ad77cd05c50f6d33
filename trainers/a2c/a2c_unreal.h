/* SPDX-License-Identifier: Apache-2.0 */
/*
 * a2c_unreal.h - UNREAL: what an actor-critic learns beside its own loss, from frames it has kept.
 *
 *     L = L_base + pixel_control L_pc + value_replay L_vr + reward_prediction L_rp
 *
 *     L_pc   pixel control (a2c_control.h), on sequences drawn from the replay
 *     L_vr   (V - G)^2 / 2 on other sequences; G: n-step return, with V at the end of the sequence
 *     L_rp   reward prediction (a2c_prediction.h), on windows of three frames
 *
 * in one backward pass and one step of the optimiser. Sequences are as long as a rollout, and there
 * are replay_ratio B of them for each of the two losses; windows are one for each 20 frames of
 * these, and eight at least. The LSTM begins a sequence with a state of 0. Nothing is drawn before
 * 100 rounds are kept, or as many as there is room for. A loss whose cost is 0 is not computed.
 *
 * Source      Jaderberg et al. 2016, "Reinforcement learning with unsupervised auxiliary tasks",
 *             arXiv:1611.05397. Differences: synchronous, losses are means over frames (pixel
 *             control: sums over cells), rewards have one scale in rollout and replay; see also
 *             a2c_replay.h, a2c_control.h and a2c_prediction.h.
 */
#ifndef PBTI_TRAINERS_A2C_UNREAL_H
#define PBTI_TRAINERS_A2C_UNREAL_H

#include "a2c/a2c_control.h"
#include "a2c/a2c_network.h"
#include "a2c/a2c_policy.h"
#include "a2c/a2c_prediction.h"
#include "a2c/a2c_replay.h"
#include "a2c/a2c_settings.h"

/* What is learnt from in one update. */
struct pbti_a2c_plan {
    uint32_t length;                    /* T: frames of a sequence, and one more */
    uint32_t controls, values, windows; /* how many */
    struct pbti_a2c_place *sequences;   /* (controls + values): those of pixel control first */
    struct pbti_a2c_place *predicted;   /* (windows): frames whose reward is to be predicted */
};

/* The losses of one update, before their costs; 0 where none was computed. */
struct pbti_a2c_extra_loss {
    bool computed; /* there was enough to replay */
    double control, value, prediction;
};

struct pbti_a2c_unreal {
    /* of the segment */
    double control_cost, value_cost, prediction_cost, discount, control_discount;
    struct pbti_a2c_plan plan;
    uint32_t warm; /* rounds before anything is drawn */
    uint64_t seed;
    uint32_t updates; /* since its beginning */

    bool pictures;       /* there is something to control */
    uint16_t mask;       /* channels that count for it */
    uint32_t base_parts; /* parts of the block that the base agent has, too: the first ones */
    struct pbti_a2c_replay replay;
    struct pbti_a2c_control control;
    struct pbti_a2c_prediction prediction;
    struct pbti_a2c_network twin;    /* the same weights; its rows are those of the sequences */
    struct pbti_a2c_network glances; /* the same; rows of windows */
    float *scratch;                  /* a plane: the gradients of twin and glances */

    uint32_t capacity, window_capacity;     /* frames of sequences; windows */
    uint8_t *chosen, *ends;                 /* (T, controls + values) */
    uint8_t *control_chosen, *control_ends; /* (T, controls) */
    float *rewards, *advantages, *targets;  /* (T, controls + values) */
    uint8_t *labels;                        /* (windows) */
};

/*
 * Get ready for a network that is planned, and add to its block the weights of pixel control and
 * reward prediction.
 *
 * constant    in, channels that say nothing about cells (pbti_env_kind)
 * maps        in, of pixel control: PBTI_A2C_CONTROL_MAPS but in tests
 *
 * Errors      as pbti_nn_block_add()
 */
PBT_NODISCARD pbt_status pbti_a2c_unreal_init(struct pbti_a2c_unreal *unreal,
                                              struct pbti_a2c_network *net, uint16_t constant,
                                              uint32_t maps, struct pbt_error *err);
void pbti_a2c_unreal_deinit(struct pbti_a2c_unreal *unreal);

/* Take what depends on the network's memory, which is allocated now; the network must outlive it.
 * room: rounds to keep. Errors: PBT_ENOMEM; then call pbti_a2c_unreal_deinit(). */
PBT_NODISCARD pbt_status pbti_a2c_unreal_join(struct pbti_a2c_unreal *unreal,
                                              const struct pbti_a2c_network *net, uint32_t copies,
                                              uint32_t room, struct pbt_error *err);

/* Take the settings of a segment, and the memory for its sequences. Errors: PBT_ENOMEM. */
PBT_NODISCARD pbt_status pbti_a2c_unreal_reserve(struct pbti_a2c_unreal *unreal,
                                                 const struct pbti_a2c_settings *settings,
                                                 struct pbt_error *err);

void pbti_a2c_unreal_randomise(struct pbti_a2c_unreal *unreal, struct pbti_a2c_network *net,
                               uint64_t seed);

/* Begin a segment: nothing is kept, draws are from `seed`. */
void pbti_a2c_unreal_begin(struct pbti_a2c_unreal *unreal, uint64_t seed);

/*
 * Keep a round. Its observations are rows first .. first + B - 1 of the network, whose LSTM has not
 * been told yet what it did.
 *
 * actions, rewards, ends   in, shape (B)
 */
void pbti_a2c_unreal_keep(struct pbti_a2c_unreal *unreal, const struct pbti_a2c_network *net,
                          uint32_t first, const uint8_t *actions, const float *rewards,
                          const uint8_t *ends);

/* Draw what to learn from, and add its gradients to those of the network's block. */
struct pbti_a2c_extra_loss pbti_a2c_unreal_learn(struct pbti_a2c_unreal *unreal,
                                                 struct pbti_a2c_network *net);

/* The same from what was drawn: unreal->plan. */
struct pbti_a2c_extra_loss pbti_a2c_unreal_follow(struct pbti_a2c_unreal *unreal,
                                                  struct pbti_a2c_network *net);

#endif
