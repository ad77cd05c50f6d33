/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/sim_random.h - the simulator's luck: a stream of draws from base/rng.h that advances.
 *
 * Each concern has dice of its own, so that drawing once more for one of them leaves the others as
 * they were and a failure stays the same failure while one looks for it.
 */
#ifndef PBTI_SIM_SIM_RANDOM_H
#define PBTI_SIM_SIM_RANDOM_H

#include "base/rng.h"

#include <stdbool.h>

enum pbti_sim_random_use {
    PBTI_SIM_RANDOM_STUDY = 1, /* which study is run */
    PBTI_SIM_RANDOM_FAULTS,    /* which faults there are at all */
    PBTI_SIM_RANDOM_MACHINES,  /* when processes crash, hang, join; how long things take */
    PBTI_SIM_RANDOM_STORAGE,   /* what happens to an append */
    PBTI_SIM_RANDOM_IDS,       /* worker and batch ids */
    PBTI_SIM_RANDOM_OUTCOME    /* how segments end: drawn by member and segment, never advancing */
};

struct pbti_sim_random {
    struct pbti_stream stream;
    uint64_t next;
};

static inline struct pbti_sim_random pbti_sim_random_of(uint64_t seed, enum pbti_sim_random_use use)
{
    return (struct pbti_sim_random){{seed, PBTI_PURPOSE_SIM, (uint64_t)use, 0}, 0};
}

static inline uint64_t pbti_sim_random_bits(struct pbti_sim_random *random)
{
    return pbti_draw_bits(&random->stream, random->next++);
}

static inline double pbti_sim_random_unit(struct pbti_sim_random *random)
{
    return pbti_draw_unit(&random->stream, random->next++);
}

/* 0 .. count-1 */
static inline uint32_t pbti_sim_random_below(struct pbti_sim_random *random, uint32_t count)
{
    return (uint32_t)pbti_draw_below(&random->stream, random->next++, count);
}

/* low .. high, both inclusive */
static inline uint32_t pbti_sim_random_between(struct pbti_sim_random *random, uint32_t low,
                                               uint32_t high)
{
    return low + pbti_sim_random_below(random, high - low + 1);
}

/* Draws nothing when it cannot happen: faults that are off leave the dice alone. */
static inline bool pbti_sim_random_chance(struct pbti_sim_random *random, double probability)
{
    return probability > 0.0 && pbti_sim_random_unit(random) < probability;
}

#endif
