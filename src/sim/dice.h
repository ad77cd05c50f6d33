/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/dice.h - the simulator's luck: a stream of draws from base/rng.h that advances.
 *
 * Each concern has dice of its own, so that drawing once more for one of them leaves the others as
 * they were and a failure stays the same failure while one looks for it.
 */
#ifndef PBTI_SIM_DICE_H
#define PBTI_SIM_DICE_H

#include "base/rng.h"

#include <stdbool.h>

enum pbti_dice_use {
    PBTI_DICE_STUDY = 1, /* which study is run */
    PBTI_DICE_FAULTS,    /* which faults there are at all */
    PBTI_DICE_MACHINES,  /* when processes crash, hang, join; how long things take */
    PBTI_DICE_STORAGE,   /* what happens to an append */
    PBTI_DICE_IDS,       /* worker and batch ids */
    PBTI_DICE_OUTCOME    /* how segments end: drawn by member and segment, never advancing */
};

struct pbti_dice {
    struct pbti_stream stream;
    uint64_t next;
};

static inline struct pbti_dice pbti_dice_of(uint64_t seed, enum pbti_dice_use use)
{
    return (struct pbti_dice){{seed, PBTI_PURPOSE_SIM, (uint64_t)use, 0}, 0};
}

static inline uint64_t pbti_dice_bits(struct pbti_dice *dice)
{
    return pbti_draw_bits(&dice->stream, dice->next++);
}

static inline double pbti_dice_unit(struct pbti_dice *dice)
{
    return pbti_draw_unit(&dice->stream, dice->next++);
}

/* 0 .. count-1 */
static inline uint32_t pbti_dice_below(struct pbti_dice *dice, uint32_t count)
{
    return (uint32_t)pbti_draw_below(&dice->stream, dice->next++, count);
}

/* low .. high, both inclusive */
static inline uint32_t pbti_dice_between(struct pbti_dice *dice, uint32_t low, uint32_t high)
{
    return low + pbti_dice_below(dice, high - low + 1);
}

/* Draws nothing when it cannot happen: faults that are off leave the dice alone. */
static inline bool pbti_dice_chance(struct pbti_dice *dice, double probability)
{
    return probability > 0.0 && pbti_dice_unit(dice) < probability;
}

#endif
