/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/spec/test_spec_memory.c - out of memory: every allocation fails in turn, ours and those of
 * libyaml and Jansson, and each time the call reports it and leaks nothing.
 *
 * The allocator is exchanged by defining malloc and its like here, on top of glibc's own names for
 * them. Sanitizers, valgrind and other C libraries bring their own allocator: skipped there.
 */
#include "spec_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CAN_FAIL 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) ||                         \
    __has_feature(thread_sanitizer)
#define CAN_FAIL 0
#endif
#endif
#if !defined(CAN_FAIL) && defined(__GLIBC__)
#define CAN_FAIL 1
#elif !defined(CAN_FAIL)
#define CAN_FAIL 0
#endif

#if CAN_FAIL

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *memory);

static bool counting;
static uint64_t calls;   /* allocations since counting began */
static uint64_t fail_at; /* which of them fails; 0: none */
static int64_t live;     /* blocks allocated minus freed while counting */

static bool fails(void)
{
    if (!counting) { return false; }
    calls++;
    if (calls == fail_at) { errno = ENOMEM; }
    return calls == fail_at;
}

static void *count_in(void *memory)
{
    if (counting && memory != NULL) { live++; }
    return memory;
}

void *malloc(size_t size)
{
    return fails() ? NULL : count_in(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : count_in(__libc_calloc(count, size));
}

void *realloc(void *old, size_t size)
{
    if (fails()) { return NULL; }
    void *const memory = __libc_realloc(old, size);
    return old == NULL ? count_in(memory) : memory;
}

void free(void *memory)
{
    if (counting && memory != NULL) { live--; }
    __libc_free(memory);
}

static const char text[] =
    "trainer:\n  one_shot: [./t, \"{lr}\"]\n  environment: {A: b}\n  directory: ./x\n"
    "population: 4\nsteps: 100\nspace:\n"
    "  lr: {type: log, low: 1e-5, high: 0.1}\n"
    "  act: {type: categorical, values: [relu, tanh]}\n"
    "initial: {checkpoint: ./base, points: [{lr: 1e-3, act: tanh}]}\n"
    "strategy: {explore: {name: schedule, schedule: [{age: 0, values: {lr: 0.1, act: relu}}]}}\n"
    "fixed: {a: [1, 2.5, x, {b: null}], c: true}\n";

static struct pbti_override const override = {.key = "score.reduce.mean", .value = "3"};

/* Run `attempt` with each allocation failing in turn, until none is left to fail. */
static uint64_t fail_each(bool (*attempt)(void))
{
    for (fail_at = 1;; fail_at++) {
        calls = 0;
        live = 0;
        counting = true;
        bool const done = attempt();
        counting = false;
        assert_int_equal(live, 0);
        if (calls < fail_at) {
            assert_true(done);
            return fail_at;
        }
        if (done) { continue; } /* somebody could do without */
        assert_true(fail_at < 100000);
    }
}

/* Are the functions above what everybody calls? Not under valgrind, which has its own. */
static bool is_in_charge(void)
{
    calls = 0;
    fail_at = 0;
    counting = true;
    json_t *const probe = json_object();
    counting = false;
    json_decref(probe);
    return calls > 0;
}

static bool attempt_parse(void)
{
    struct pbti_spec *spec = NULL;
    struct pbt_error err;
    pbt_status const status =
        pbti_spec_parse(text, sizeof text - 1, "/tmp/x.yaml", &override, 1, &spec, &err);
    if (status != PBT_OK && (status != PBT_ENOMEM || err.code != PBT_ENOMEM || spec != NULL)) {
        counting = false;
        fail_msg("allocation %u: %s", (unsigned)fail_at, err.message);
    }
    pbti_spec_destroy(spec);
    return status == PBT_OK;
}

static struct pbti_spec *rendered;

static bool attempt_render(void)
{
    char *const yaml = pbti_spec_render(rendered);
    free(yaml);
    return yaml != NULL;
}

static bool attempt_values(void)
{
    json_t *const json = pbti_values_json(&rendered->config.space, rendered->config.points);
    json_decref(json);
    return json != NULL;
}

static bool attempt_manual(void)
{
    char *const manual = pbti_spec_manual();
    free(manual);
    return manual != NULL;
}

static void test_parse_survives_every_failed_allocation(void **state)
{
    (void)state;
    if (!is_in_charge()) {
        skip();
        return;
    }
    uint64_t const tried = fail_each(attempt_parse);
    print_message("%u allocations\n", (unsigned)tried);
    assert_true(tried > 100);
}

static void test_others_survive_every_failed_allocation(void **state)
{
    (void)state;
    if (!is_in_charge()) {
        skip();
        return;
    }
    rendered = spec_good(text, NULL);
    assert_true(fail_each(attempt_render) > 3);
    assert_true(fail_each(attempt_values) > 3);
    assert_true(fail_each(attempt_manual) > 3);
    pbti_spec_destroy(rendered);
}

#else

static void test_parse_survives_every_failed_allocation(void **state)
{
    (void)state;
    skip();
}

static void test_others_survive_every_failed_allocation(void **state)
{
    (void)state;
    skip();
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_survives_every_failed_allocation),
        cmocka_unit_test(test_others_survive_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
