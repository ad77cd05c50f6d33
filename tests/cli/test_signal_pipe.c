/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_signal_pipe.c - rules: a signal arrives whatever thread it is given to, once for each time,
 * in order; afterwards everything is as it was.
 */
#include "cli/signal_pipe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

/* In poll: the thread sanitizer holds a signal back from a thread that waits in read. */
static void *wait_for_end(void *end)
{
    struct pollfd ready = {.fd = *(int *)end, .events = POLLIN};
    while (poll(&ready, 1, -1) < 0) {
        if (errno != EINTR) { return end; }
    }
    return NULL;
}

static bool is_readable(const struct pbti_signal_pipe *pipe)
{
    struct pollfd ready = {.fd = pipe->descriptor, .events = POLLIN};
    return poll(&ready, 1, 5000) == 1;
}

/* The main thread blocks the signal, so that the other one, as a library might have it, gets it. */
static void test_a_signal_to_another_thread_arrives(void **state)
{
    static int const caught[] = {SIGTERM, SIGUSR1};
    struct pbti_signal_pipe signals;
    int ends[2];
    pthread_t thread;
    sigset_t set, before;
    void *result;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(pthread_create(&thread, NULL, wait_for_end, &ends[0]), 0);
    assert_true(pbti_signal_pipe_open(&signals, caught, 2));
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGUSR1);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &set, &before), 0);
    assert_int_equal(pbti_signal_pipe_take(&signals), 0);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(kill(getpid(), caught[i]), 0);
        assert_true(is_readable(&signals));
        assert_int_equal(pbti_signal_pipe_take(&signals), caught[i]);
    }
    assert_int_equal(pbti_signal_pipe_take(&signals), 0);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
    pbti_signal_pipe_close(&signals);
    assert_int_equal(close(ends[1]), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_null(result);
    assert_int_equal(close(ends[0]), 0);
}

static void test_handlers_are_put_back(void **state)
{
    static int const caught[] = {SIGUSR2};
    struct pbti_signal_pipe signals;
    struct sigaction action;
    (void)state;
    for (int round = 0; round < 2; round++) {
        assert_true(pbti_signal_pipe_open(&signals, caught, 1));
        assert_int_equal(sigaction(SIGUSR2, NULL, &action), 0);
        assert_true(action.sa_handler != SIG_DFL);
        pbti_signal_pipe_close(&signals);
        assert_int_equal(sigaction(SIGUSR2, NULL, &action), 0);
        assert_true(action.sa_handler == SIG_DFL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_signal_to_another_thread_arrives),
        cmocka_unit_test(test_handlers_are_put_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
