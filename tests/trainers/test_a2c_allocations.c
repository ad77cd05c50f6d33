/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_a2c_allocations.c - rules: rollouts, updates and playing on take no memory from the heap;
 * what they need was reserved before.
 *
 * The linker sends the calls of our own objects here (cmake/tests.cmake, `__wrap_`). What the
 * library of matrix products does inside is its own affair.
 */
#include "a2c/a2c.h"
#include "env_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdlib.h>

static uint64_t allocations;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    allocations++;
    return __real_malloc(size);
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
    allocations++;
    return __real_calloc(count, size);
}

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size)
{
    allocations++;
    return __real_realloc(old, size);
}

void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    allocations++;
    return __real_aligned_alloc(alignment, size);
}

static void check_updates(const char *game, bool lstm, uint32_t kind)
{
    struct pbti_a2c_agent agent;
    struct pbti_a2c_settings s;
    pbti_settings_default(pbti_builtin_a2c.settings, &s);
    s.game = env_index(game);
    s.envs = 8;
    s.hidden = 16;
    s.unroll = 5;
    s.lstm = lstm;
    s.agent = kind;
    s.replay = 40;
    allocations = 0;
    assert_int_equal(pbti_a2c_agent_init(&agent, &s, NULL), PBT_OK);
    assert_true(allocations > 0); /* they are counted */
    allocations = 0;
    assert_int_equal(pbti_a2c_agent_reserve(&agent, &s, NULL), PBT_OK);
    assert_true(allocations > 0);
    allocations = 0;
    struct pbti_a2c_settings shorter = s;
    shorter.unroll--;
    assert_int_equal(pbti_a2c_agent_reserve(&agent, &shorter, NULL), PBT_OK);
    assert_int_equal(pbti_a2c_agent_reserve(&agent, &s, NULL), PBT_OK);
    pbti_a2c_agent_randomise(&agent, 1);
    pbti_a2c_agent_begin(&agent, &s, 1, true);
    for (int i = 0; i < 50; i++) {
        assert_false(pbti_a2c_agent_update(&agent, i % 2 == 0 ? s.unroll : 1).diverged);
    }
    assert_true(agent.tally.episodes > 0); /* their ends are among what was tried */
    assert_int_equal(allocations, 0);
    pbti_a2c_agent_deinit(&agent);
}

static void test_updates_allocate_nothing(void **state)
{
    (void)state;
    check_updates("cartpole", false, PBTI_A2C_PLAIN);
    check_updates("cartpole", true, PBTI_A2C_PLAIN);
    check_updates("breakout", false, PBTI_A2C_PLAIN);
    check_updates("breakout", true, PBTI_A2C_PLAIN);
    check_updates("breakout", true, PBTI_A2C_UNREAL);
}

/* However many rounds an evaluation plays, it takes as many pieces of memory. */
static uint64_t allocations_of_playing(uint32_t episodes)
{
    struct pbti_a2c_agent agent;
    struct pbti_a2c_settings s;
    pbti_settings_default(pbti_builtin_a2c.settings, &s);
    s.game = env_index("cartpole");
    s.envs = 8;
    s.hidden = 16;
    s.lstm = true;
    s.episodes = episodes;
    assert_int_equal(pbti_a2c_agent_init(&agent, &s, NULL), PBT_OK);
    assert_int_equal(pbti_a2c_agent_reserve(&agent, &s, NULL), PBT_OK);
    pbti_a2c_agent_randomise(&agent, 1);
    pbti_a2c_agent_begin(&agent, &s, 1, true);
    struct pbti_a2c_tally tally;
    uint64_t unfinished;
    allocations = 0;
    assert_int_equal(pbti_a2c_agent_play(&agent, &s, 2, &tally, &unfinished, NULL), PBT_OK);
    uint64_t const count = allocations;
    pbti_a2c_agent_deinit(&agent);
    return count;
}

static void test_playing_allocates_its_games_only(void **state)
{
    (void)state;
    uint64_t const few = allocations_of_playing(8);
    assert_true(few > 0 && few < 20);
    assert_int_equal(allocations_of_playing(800), few);
}

int main(void)
{
    pbti_nn_setup(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_updates_allocate_nothing),
        cmocka_unit_test(test_playing_allocates_its_games_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
