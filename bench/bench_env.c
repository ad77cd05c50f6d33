/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/bench_env.c - frames a second of every game of trainers/env, on one core.
 *
 * A frame is one step of one copy, with sticky actions, ramping and all actions; uniform
 * actions, drawn before the clock starts; the beginning of the next episode is included. `seen`
 * takes an observation of each frame beside it: cells or bytes of picture games, floats of the
 * others. The reference of the same run draws one Philox block a copy and frame and does nothing
 * else, which is what sticky actions need at least. Medians of seven rounds.
 *
 * usage: bench_env [COPIES [FRAMES]]
 */
#include "env/env.h"
#include "measure.h"
#include "nn/nn_random.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 7, TABLE = 64 /* frames of actions */ };

/* What a game reads and writes. */
struct desk {
    struct pbti_env *env;
    uint32_t copies, frames;
    uint8_t *actions; /* shape (TABLE, copies) */
    uint8_t *ends;
    float *rewards, *x;
    uint16_t *cells;
    uint8_t *pixels;
    uint32_t *draws; /* shape (4, copies) */
};

static void *taken(void *memory)
{
    need(memory != NULL, "no memory");
    return memory;
}

static struct desk desk_make(const struct pbti_env_kind *kind, uint32_t copies, uint32_t frames)
{
    struct desk d = {.copies = copies, .frames = frames};
    struct pbt_error err = {0};
    if (pbti_env_create(kind, copies, NULL, &d.env, &err) != PBT_OK) {
        fprintf(stderr, "bench_env: %s\n", err.message);
        exit(1);
    }
    size_t const cells = (size_t)kind->rows * kind->columns;
    d.actions = taken(malloc((size_t)TABLE * copies));
    d.ends = taken(malloc(copies));
    d.rewards = taken(malloc(copies * sizeof d.rewards[0]));
    d.cells = taken(malloc(copies * cells * sizeof d.cells[0]));
    d.pixels = taken(malloc(copies * cells * kind->channels));
    d.x = taken(malloc(copies * cells * kind->channels * sizeof d.x[0]));
    d.draws = taken(malloc((size_t)4 * copies * sizeof d.draws[0]));
    struct pbti_nn_stream const stream = {.seed = 1, .purpose = PBTI_NN_PURPOSE_INIT};
    for (uint32_t i = 0; i < TABLE * copies; i++) {
        uint32_t bits[4];
        pbti_nn_random_block(&stream, i, bits);
        d.actions[i] = (uint8_t)((uint64_t)bits[0] * pbti_env_actions(d.env) >> 32);
    }
    return d;
}

static void desk_free(struct desk *d)
{
    pbti_env_destroy(d->env);
    free(d->actions);
    free(d->ends);
    free(d->rewards);
    free(d->cells);
    free(d->pixels);
    free(d->x);
    free(d->draws);
}

/* -------- what is timed: all frames of one round -------- */

static void draw(struct desk *d)
{
    for (uint32_t frame = 0; frame < d->frames; frame++) {
        struct pbti_nn_stream const stream = {
            .seed = 2, .purpose = PBTI_NN_PURPOSE_ENV, .step = frame};
        pbti_nn_random_planes(&stream, d->draws, d->copies);
    }
}

static void play(struct desk *d)
{
    for (uint32_t frame = 0; frame < d->frames; frame++) {
        const uint8_t *const actions = d->actions + (size_t)(frame % TABLE) * d->copies;
        pbti_env_step(d->env, actions, d->rewards, d->ends);
    }
}

static void see(struct desk *d)
{
    for (uint32_t frame = 0; frame < d->frames; frame++) {
        const uint8_t *const actions = d->actions + (size_t)(frame % TABLE) * d->copies;
        pbti_env_step(d->env, actions, d->rewards, d->ends);
        if (pbti_env_kind(d->env)->cells) {
            pbti_env_observe_cells(d->env, d->cells);
        } else if (pbti_env_kind(d->env)->bytes) {
            pbti_env_observe_bytes(d->env, d->pixels);
        } else {
            pbti_env_observe(d->env, d->x);
        }
    }
}

/* Million frames a second, the median. */
static double rate(struct desk *d, void (*work)(struct desk *d))
{
    double rates[ROUNDS];
    work(d); /* warm */
    for (int round = 0; round < ROUNDS; round++) {
        double const start = seconds();
        work(d);
        rates[round] = (double)d->copies * d->frames / (seconds() - start) / 1e6;
    }
    return median(rates, ROUNDS);
}

int main(int argc, char **argv)
{
    uint32_t const copies = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1024;
    uint32_t const frames = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 500;
    const struct pbti_env_kind *kind = NULL;
    printf("%u copies, million frames a second on one core\n", copies);
    printf("%-14s %8s %8s %10s %7s\n", "game", "played", "seen", "reference", "ratio");
    for (size_t i = 0; (kind = pbti_env_at(i)) != NULL; i++) {
        struct desk d = desk_make(kind, copies, frames);
        double const floor = rate(&d, draw), played = rate(&d, play), seen = rate(&d, see);
        printf("%-14s %8.1f %8.1f %10.1f %7.2f\n", kind->name, played, seen, floor, played / floor);
        fflush(stdout);
        desk_free(&d);
    }
    return 0;
}
