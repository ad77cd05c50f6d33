/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/worker/test_signal_guard.c - which signals end a worker: what was ignored when it began
 * stays ignored (nohup, a command in the background), and what batch systems send is heard.
 */
#include "worker/signal_guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool hears(int number)
{
    int numbers[PBTI_ENDING_SIGNALS];
    size_t const count = pbti_ending_signals(numbers);
    for (size_t i = 0; i < count; i++) {
        if (numbers[i] == number) { return true; }
    }
    return false;
}

static void test_what_batch_systems_send_is_always_heard(void **state)
{
    static const int numbers[] = {SIGTERM, SIGUSR1, SIGUSR2};
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        assert_true(hears(numbers[i]));
        assert_true(signal(numbers[i], SIG_IGN) != SIG_ERR);
        assert_true(hears(numbers[i]));
        assert_true(signal(numbers[i], SIG_DFL) != SIG_ERR);
    }
}

static void test_what_was_ignored_stays_ignored(void **state)
{
    static const int numbers[] = {SIGINT, SIGHUP};
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        assert_true(signal(numbers[i], SIG_DFL) != SIG_ERR);
        assert_true(hears(numbers[i]));
        assert_true(signal(numbers[i], SIG_IGN) != SIG_ERR);
        assert_false(hears(numbers[i]));
        assert_true(signal(numbers[i], SIG_DFL) != SIG_ERR);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_batch_systems_send_is_always_heard),
        cmocka_unit_test(test_what_was_ignored_stays_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
