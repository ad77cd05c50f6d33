/* SPDX-License-Identifier: Apache-2.0 */
/* env_fixture.h - what the tests of trainers/env share: making games, playing them, scenes. */
#ifndef PBTI_TEST_ENV_FIXTURE_H
#define PBTI_TEST_ENV_FIXTURE_H

#include "env/env_states.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* `count` copies of a game; without `options`: not sticky, ramping, all actions. */
struct pbti_env *env_make(const char *name, uint32_t count, const struct pbti_env_options *options);

/* The place of a game in pbti_env_at(). */
uint32_t env_index(const char *name);

/* One frame in which every copy does `action`. The reward of copy 0; how its episode went on is
 * compared with `end`. */
float env_play(struct pbti_env *env, uint8_t action, enum pbti_env_end end);

/* Uniform actions for one frame of all copies, drawn apart from the game's own numbers.
 * actions: out, shape (count) */
void env_random_actions(const struct pbti_env *env, uint64_t seed, uint32_t frame,
                        uint8_t *actions);

/* The cell at row y, column x of the picture of copy 0. */
uint16_t env_cell(const struct pbti_env *env, uint32_t y, uint32_t x);

/* Cells of copy 0 in which `channel` is set. */
uint32_t env_cells_with(const struct pbti_env *env, uint32_t channel);

/* The game's structure of arrays. */
static inline const void *env_state(const struct pbti_env *env)
{
    return env->state;
}

/* Whole states; copies of the bytes are to be freed. */
uint8_t *env_saved(const struct pbti_env *env);
void assert_same_state(const struct pbti_env *a, const struct pbti_env *b);

#endif
