/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainer/runner.h - one place where a trainer runs: orders in, answers out.
 *
 * A runner keeps its trainer alive between orders (or starts one for each, for one_shot), watches
 * its limits, keeps its log and stops it when something is wrong. pbti_run() has one a slot;
 * evaluate and check have one alone.
 *
 *  1 each order that was started is answered by exactly one `answered`, unless stop() came first;
 *    then by exactly one `stopped`
 *  2 an answer that is not `done` comes after the trainer and all it started are gone
 *  3 callbacks come from the loop, never from inside a call of a function below
 *
 * Belongs to the thread of its loop.
 */
#ifndef PBTI_TRAINER_RUNNER_H
#define PBTI_TRAINER_RUNNER_H

#include "trainer/launch.h"
#include "trainer/message.h"
#include "trainer/trainer_log.h"

#include <uv.h>

struct pbti_runner; /* opaque */

/* How an order ended. Borrowed until the next order is started. */
struct pbti_answer {
    uint8_t outcome;       /* enum pbti_outcome */
    bool usable;           /* false: what ran could not be killed; give the runner nothing more */
    uint32_t scores_count; /* done */
    const double *scores;
    const char *metrics;    /* JSON object, or NULL */
    const json_t *read;     /* list of names that were read, or NULL: the trainer does not say */
    const json_t *in_force; /* object, or NULL: the trainer does not say */
    const char *message;    /* why it failed; or a warning; "" when all is well */
    uint32_t start_ms;      /* until every rank had said hello; 0: it was there already */
    uint32_t load_ms;       /* from the order to the first progress; 0 when there was none */
    uint32_t train_ms;      /* from there to done */
};

struct pbti_runner_opts {
    uv_loop_t *loop;
    struct pbti_launch *launch; /* borrowed */
    const char *logs;           /* folder, copied; NULL: no logs */
    const char *gpus;           /* CUDA_VISIBLE_DEVICES, copied; NULL: leave it alone */
    void *context;
    void (*answered)(void *context, const struct pbti_answer *answer);
    void (*stopped)(void *context, bool usable);
    /* The trainer was there, without an order, and has ended or misbehaved: what it had in memory
     * is gone. The next order starts another. */
    void (*lost)(void *context, uint8_t outcome, const char *why);
};

PBT_NODISCARD pbt_status pbti_runner_create(const struct pbti_runner_opts *opts,
                                            struct pbti_runner **out, struct pbt_error *err);

/* Run an order; there must be none. `order` is borrowed for the call. With order->keep and a
 * trainer that is not there any more, order->load is loaded instead. */
void pbti_runner_start(struct pbti_runner *runner, const struct pbti_order *order);

/* Stop the trainer; a running order is not answered. Ends in `stopped`, also when nothing ran. */
void pbti_runner_stop(struct pbti_runner *runner);

/* Tell a waiting trainer to leave, stop it when it does not within the grace. Ends in `stopped`. */
void pbti_runner_quit(struct pbti_runner *runner);

/* No grace any more for what is being stopped. */
void pbti_runner_hurry(struct pbti_runner *runner);

/* Does it hold weights: is there a trainer that waits for its next order? */
bool pbti_runner_is_ready(const struct pbti_runner *runner);

/* How far the running order is. */
uint64_t pbti_runner_step(const struct pbti_runner *runner);

/* Release it, without an order and after `stopped`. The loop must run on until its handles are
 * closed. Accepts NULL. */
void pbti_runner_destroy(struct pbti_runner *runner);

#endif
