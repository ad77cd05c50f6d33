/* SPDX-License-Identifier: Apache-2.0 */
/* worker/signal_guard.c - leaving signals as they were. See quiet.h. */
#include "worker/signal_guard.h"

#include <pthread.h>
#include <stddef.h>
#include <time.h>

static const int kept[PBTI_GUARDED_SIGNALS] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP};

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
