/* SPDX-License-Identifier: Apache-2.0 */
/* worker/thread_pool.c - start the event loop's thread pool where a failure can be reported. */
#include "worker/thread_pool.h"

#include "base/fail.h"

#include <stdlib.h>

#define THREADS_DEFAULT 4u /* of libuv */
#define THREADS_MAX 1024u

/* How many threads libuv's pool has: it reads the same variable. */
static unsigned pool_size(void)
{
    const char *const named = getenv("UV_THREADPOOL_SIZE");
    if (named == NULL) { return THREADS_DEFAULT; }
    unsigned long const size = strtoul(named, NULL, 10);
    if (size == 0) { return 1; }
    return size > THREADS_MAX ? THREADS_MAX : (unsigned)size;
}

/* Live until all threads are there. */
static void wait_for_all(void *mutex)
{
    uv_mutex_lock(mutex);
    uv_mutex_unlock(mutex);
}

/* Can so many threads live at once? 0, or why not. */
static int try_threads(uv_thread_t *thread, unsigned count)
{
    uv_mutex_t mutex;
    int code = uv_mutex_init(&mutex);
    if (code != 0) { return code; }
    unsigned started = 0;
    uv_mutex_lock(&mutex);
    while (code == 0 && started < count) {
        code = uv_thread_create(&thread[started], wait_for_all, &mutex);
        if (code == 0) { started++; }
    }
    uv_mutex_unlock(&mutex);
    for (unsigned i = 0; i < started; i++) {
        (void)uv_thread_join(&thread[i]);
    }
    uv_mutex_destroy(&mutex);
    return code;
}

static void nothing(uv_work_t *work)
{
    (void)work;
}

static void nothing_done(uv_work_t *work, int code)
{
    (void)work, (void)code;
}

pbt_status pbti_thread_pool_start(uv_loop_t *loop, uv_work_t *work, struct pbt_error *err)
{
    unsigned const count = pool_size();
    uv_thread_t *const thread = calloc(count, sizeof *thread);
    if (thread == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    int code = try_threads(thread, count);
    free(thread);
    if (code == 0) { code = uv_queue_work(loop, work, nothing, nothing_done); }
    if (code == 0) { return PBT_OK; }
    (void)PBTI_FAIL(err, PBT_EIO, -code, "could not start %u thread%s: %s", count,
                    count == 1 ? "" : "s", uv_strerror(code));
    pbti_fail_hint(err,
                   "the limit of processes and threads may be reached: raise it (ulimit -u), or "
                   "end other processes; the study is untouched");
    return PBT_EIO;
}
