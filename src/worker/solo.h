/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/solo.h - a runner of its own with a loop of its own: run one order and wait for its
 * answer.
 *
 * For evaluating a checkpoint and for trying out a trainer, where nothing else is to be done
 * meanwhile.
 */
#ifndef PBTI_WORKER_SOLO_H
#define PBTI_WORKER_SOLO_H

#include "worker/quiet.h"
#include "worker/runner.h"

struct pbti_solo { /* begin with all zero */
    uv_loop_t loop;
    struct pbti_launch launch;
    struct pbti_runner *runner;
    struct pbti_quiet quiet;
    const struct pbti_answer *answer; /* of the last order, as long as there is no other */
    bool open, stopped, usable;
    bool heeds, interrupted;
    uv_signal_t signals[3];
};

/*
 * logs        folder of the trainer's output; NULL: keep none
 * Errors      PBT_EIO, PBT_ENOMEM. pbti_solo_close() is owed in any case
 */
PBT_NODISCARD pbt_status pbti_solo_open(struct pbti_solo *solo, const struct pbti_spec *spec,
                                        const char *program, const char *clients, const char *logs,
                                        struct pbt_error *err);

/* Let SIGINT, SIGTERM and SIGHUP interrupt: the order that runs and all later ones answer NULL. A
 * second one: no grace for the trainer. */
void pbti_solo_heed_signals(struct pbti_solo *solo);

/* Run an order to its end. Borrowed until the next call. NULL: interrupted. */
const struct pbti_answer *pbti_solo_run(struct pbti_solo *solo, const struct pbti_order *order);

/* End the trainer in order: the next order gets a fresh process. */
void pbti_solo_end_trainer(struct pbti_solo *solo);

void pbti_solo_close(struct pbti_solo *solo);

#endif
