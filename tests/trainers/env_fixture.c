/* SPDX-License-Identifier: Apache-2.0 */
/* env_fixture.c - see env_fixture.h. */
#include "env_fixture.h"

#include <stdlib.h>
#include <string.h>

struct pbti_env *env_make(const char *name, uint32_t count, const struct pbti_env_options *options)
{
    struct pbti_env_options const plain = {.sticky = 0.0, .ramping = true, .minimal = false};
    const struct pbti_env_kind *const kind = pbti_env_find(name);
    struct pbti_env *env = NULL;
    assert_non_null(kind);
    assert_int_equal(pbti_env_create(kind, count, options == NULL ? &plain : options, &env, NULL),
                     PBT_OK);
    return env;
}

uint32_t env_index(const char *name)
{
    const struct pbti_env_kind *const kind = pbti_env_find(name);
    uint32_t index = 0;
    assert_non_null(kind);
    while (pbti_env_at(index) != kind) {
        index++;
    }
    return index;
}

float env_play(struct pbti_env *env, uint8_t action, enum pbti_env_end end)
{
    uint32_t const count = pbti_env_count(env);
    uint8_t *const actions = malloc(count), *const ends = malloc(count);
    float *const rewards = malloc(count * sizeof rewards[0]);
    assert_true(actions != NULL && ends != NULL && rewards != NULL);
    memset(actions, action, count);
    pbti_env_step(env, actions, rewards, ends);
    float const reward = rewards[0];
    assert_int_equal(ends[0], end);
    free(actions);
    free(ends);
    free(rewards);
    return reward;
}

void env_random_actions(const struct pbti_env *env, uint64_t seed, uint32_t frame, uint8_t *actions)
{
    struct pbti_nn_stream const stream = {
        .seed = ~seed, .purpose = PBTI_NN_PURPOSE_INIT, .step = frame};
    uint32_t const sides = pbti_env_actions(env), count = pbti_env_count(env);
    uint32_t bits[4] = {0};
    for (uint32_t i = 0; i < count; i++) {
        if (i % 4 == 0) { pbti_nn_random_block(&stream, i / 4, bits); }
        actions[i] = (uint8_t)pbti_env_die(bits[i % 4], sides);
    }
}

static uint16_t *picture(const struct pbti_env *env)
{
    uint16_t *const cells = malloc(pbti_env_count(env) * PBTI_ENV_CELLS * sizeof cells[0]);
    assert_non_null(cells);
    pbti_env_observe_cells(env, cells);
    return cells;
}

uint16_t env_cell(const struct pbti_env *env, uint32_t y, uint32_t x)
{
    uint16_t *const cells = picture(env);
    uint16_t const cell = cells[y * PBTI_ENV_SIDE + x];
    free(cells);
    return cell;
}

uint32_t env_cells_with(const struct pbti_env *env, uint32_t channel)
{
    uint16_t *const cells = picture(env);
    uint32_t count = 0;
    for (uint32_t i = 0; i < PBTI_ENV_CELLS; i++) {
        count += (uint32_t)cells[i] >> channel & 1u;
    }
    free(cells);
    return count;
}

uint8_t *env_saved(const struct pbti_env *env)
{
    uint8_t *const bytes = malloc(pbti_env_save_size(env));
    assert_non_null(bytes);
    pbti_env_save(env, bytes);
    return bytes;
}

void assert_same_state(const struct pbti_env *a, const struct pbti_env *b)
{
    size_t const size = pbti_env_save_size(a);
    assert_int_equal(size, pbti_env_save_size(b));
    uint8_t *const of_a = env_saved(a), *const of_b = env_saved(b);
    assert_memory_equal(of_a, of_b, size);
    free(of_a);
    free(of_b);
}
