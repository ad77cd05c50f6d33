/* SPDX-License-Identifier: Apache-2.0 */
/* worker/signal_guard.c - leaving signals as they were. See signal_guard.h. */
#include "worker/signal_guard.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

static const int kept[PBTI_GUARDED_SIGNALS] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};

size_t pbti_ending_signals(int numbers[PBTI_ENDING_SIGNALS])
{
    static const struct {
        int number;
        bool always;
    } all[] = {{SIGTERM, true}, {SIGUSR1, true}, {SIGUSR2, true}, {SIGINT, false}, {SIGHUP, false}};
    size_t count = 0;
    for (size_t i = 0; i < PBTI_ENDING_SIGNALS; i++) {
        struct sigaction now;
        (void)sigaction(all[i].number, NULL, &now);
        bool const ignored = now.sa_handler == SIG_IGN;
        if (all[i].always || !ignored) { numbers[count++] = all[i].number; }
    }
    return count;
}

void pbti_signal_guard_begin(struct pbti_signal_guard *quiet)
{
    sigset_t block;
    (void)sigemptyset(&block);
    (void)sigaddset(&block, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &block, &quiet->mask);
    for (size_t i = 0; i < PBTI_GUARDED_SIGNALS; i++) {
        (void)sigaction(kept[i], NULL, &quiet->actions[i]);
    }
}

void pbti_signal_guard_end(const struct pbti_signal_guard *quiet)
{
    for (size_t i = 0; i < PBTI_GUARDED_SIGNALS; i++) {
        (void)sigaction(kept[i], &quiet->actions[i], NULL);
    }
    sigset_t waiting;
    (void)sigemptyset(&waiting);
    (void)sigaddset(&waiting, SIGPIPE);
    if (sigismember(&quiet->mask, SIGPIPE) == 0) {
        struct timespec const at_once = {0, 0};
        (void)sigtimedwait(&waiting, NULL, &at_once); /* ours: nobody else needs to hear of it */
    }
    (void)pthread_sigmask(SIG_SETMASK, &quiet->mask, NULL);
}
