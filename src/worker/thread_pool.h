/* SPDX-License-Identifier: Apache-2.0 */
/* worker/thread_pool.h - start the event loop's thread pool where a failure can be reported. */
#ifndef PBTI_WORKER_THREAD_POOL_H
#define PBTI_WORKER_THREAD_POOL_H

#include "pbt/status.h"

#include <uv.h>

/*
 * Start the pool of libuv, which is one for the process and aborts it when a thread cannot be
 * created. As many threads as it has are created and joined first, so that a limit is found here;
 * a process that takes the last threads between the two still ends this one.
 *
 * work        a request that is in flight until the loop has run; the caller's
 * Errors      PBT_EIO: the threads cannot be created; PBT_ENOMEM
 */
PBT_NODISCARD pbt_status pbti_thread_pool_start(uv_loop_t *loop, uv_work_t *work,
                                                struct pbt_error *err);

#endif
