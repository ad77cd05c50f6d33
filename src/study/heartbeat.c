/* SPDX-License-Identifier: Apache-2.0 */
/* study/heartbeat.c - see heartbeat.h. */
#include "study/heartbeat.h"

#include "base/fail.h"
#include "study/liveness.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* -------- making them -------- */

struct pbti_heart {
    char *path;
    uint32_t beat_ms;
    uint64_t count; /* the thread's own, after the first */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    bool stop; /* under the lock */
};

/* Opened and closed each time: closing is when NFS sends what was written. 0 or errno. */
static int beat(struct pbti_heart *heart)
{
    char text[64];
    int const size =
        snprintf(text, sizeof text, "%" PRIu64 " %" PRIu32 "\n", ++heart->count, heart->beat_ms);
    int const file = open(heart->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0) { return errno; }
    int cause = pwrite(file, text, (size_t)size, 0) == size ? 0 : errno; /* it only grows longer */
    if (close(file) != 0 && cause == 0) { cause = errno; }
    return cause;
}

static void *keep_beating(void *context)
{
    struct pbti_heart *const heart = context;
    struct timespec next;
    (void)clock_gettime(CLOCK_MONOTONIC, &next);
    (void)pthread_mutex_lock(&heart->lock);
    while (!heart->stop) {
        next.tv_sec += heart->beat_ms / 1000;
        next.tv_nsec += (long)(heart->beat_ms % 1000) * 1000000;
        if (next.tv_nsec >= 1000000000) {
            next.tv_nsec -= 1000000000;
            next.tv_sec++;
        }
        while (!heart->stop &&
               pthread_cond_timedwait(&heart->moved, &heart->lock, &next) != ETIMEDOUT) {}
        if (heart->stop) { break; }
        (void)pthread_mutex_unlock(&heart->lock);
        (void)beat(heart);
        (void)clock_gettime(CLOCK_MONOTONIC, &next); /* a slow file server is not caught up with */
        (void)pthread_mutex_lock(&heart->lock);
    }
    (void)pthread_mutex_unlock(&heart->lock);
    return NULL;
}

static int start_thread(struct pbti_heart *heart)
{
    pthread_condattr_t attributes;
    (void)pthread_mutex_init(&heart->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&heart->moved, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    sigset_t all; /* signals are for the threads of whoever opened the study */
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int const cause = pthread_create(&heart->thread, NULL, keep_beating, heart);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return cause;
}

static void destroy(struct pbti_heart *heart)
{
    (void)unlink(heart->path);
    free(heart->path);
    free(heart);
}

pbt_status pbti_heart_start(const char *path, uint32_t beat_ms, struct pbti_heart **out,
                            struct pbt_error *err)
{
    *out = NULL;
    struct pbti_heart *const heart = calloc(1, sizeof *heart);
    char *const copy = strdup(path);
    if (heart == NULL || copy == NULL) {
        free(heart);
        free(copy);
        return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory");
    }
    heart->path = copy;
    heart->beat_ms = beat_ms;
    int cause = beat(heart);
    if (cause != 0) {
        destroy(heart);
        return PBTI_FAIL(err, PBT_EIO, cause, "could not write \"%s\": %s", path, strerror(cause));
    }
    cause = start_thread(heart);
    if (cause != 0) {
        destroy(heart);
        (void)PBTI_FAIL(err, PBT_EIO, cause, "could not start a thread: %s", strerror(cause));
        pbti_fail_hint(err, "the limit of processes and threads may be reached (ulimit -u)");
        return PBT_EIO;
    }
    *out = heart;
    return PBT_OK;
}

void pbti_heart_stop(struct pbti_heart *heart)
{
    if (heart == NULL) { return; }
    (void)pthread_mutex_lock(&heart->lock);
    heart->stop = true;
    (void)pthread_cond_signal(&heart->moved);
    (void)pthread_mutex_unlock(&heart->lock);
    (void)pthread_join(heart->thread, NULL);
    (void)pthread_cond_destroy(&heart->moved);
    (void)pthread_mutex_destroy(&heart->lock);
    destroy(heart);
}

/* -------- listening -------- */

/* False: nothing can be known now. A file that is not there is a count of 0. */
static bool listen_to(const char *path, uint64_t *count, uint32_t *beat_ms)
{
    char text[64] = "";
    *count = 0;
    *beat_ms = PBTI_BEAT_MS;
    int const file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) { return errno == ENOENT; }
    ssize_t const size = read(file, text, sizeof text - 1);
    (void)close(file);
    return size >= 0 && (sscanf(text, "%" SCNu64 " %" SCNu32, count, beat_ms) == 2 || size == 0);
}

bool pbti_pulse_gone(struct pbti_pulse *pulse, const char *path, int64_t now_ms)
{
    bool const gone = pulse->missed >= PBTI_BEATS_MISSED;
    uint64_t count;
    uint32_t beat_ms;
    if ((pulse->heard && now_ms < pulse->next_ms && !gone) || !listen_to(path, &count, &beat_ms)) {
        return gone;
    }
    bool const same = pulse->heard && count == pulse->count;
    pulse->missed = same ? pulse->missed + 1 : 0;
    pulse->heard = true;
    pulse->count = count;
    pulse->next_ms = now_ms + beat_ms;
    return pulse->missed >= PBTI_BEATS_MISSED;
}
