/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/fake_store.h - the simulated checkpoint store: which checkpoints are published, and what is
 * in them.
 *
 * Weights are one number, a pure function of everything that went into them: the weights they
 * started from, the seed, the age, the steps and the hyperparameters. Two networks of the same
 * lineage are equal, all others differ.
 */
#ifndef PBTI_SIM_FAKE_STORE_H
#define PBTI_SIM_FAKE_STORE_H

#include "core/event.h"

struct pbti_fake_store_item {
    struct pbti_checkpoint id;
    uint64_t weights;
    uint32_t life; /* of the process that published it */
    bool orphan;   /* whoever was to delete it is gone */
};

struct pbti_fake_store {
    struct pbti_fake_store_item *items; /* owned */
    uint32_t count, capacity;
};

/* Weights after training; `start` is 0 for fresh ones. values: shape (count). */
uint64_t pbti_weights(uint64_t start, uint64_t seed, uint64_t age, uint64_t steps,
                      const double *values, uint32_t count);

/* NULL when it is not there. */
struct pbti_fake_store_item *pbti_fake_store_find(const struct pbti_fake_store *store,
                                                  struct pbti_checkpoint id);
/* False when a checkpoint of this name is there already: it must never be written twice. */
bool pbti_fake_store_publish(struct pbti_fake_store *store, struct pbti_checkpoint id,
                             uint64_t weights, uint32_t life);
void pbti_fake_store_drop(struct pbti_fake_store *store, struct pbti_checkpoint id);
void pbti_fake_store_deinit(struct pbti_fake_store *store);

#endif
