/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/slot.h - one slot of a run: from the agent's task to the agent's result.
 *
 * A slot has one runner. It finds the paths of a task, hands it to the runner, publishes what the
 * trainer saved, and reports through the callbacks. It knows nothing of the run that owns it.
 * Belongs to the loop's thread, except for what its publishing works on while it is queued.
 */
#ifndef PBTI_WORKER_SLOT_H
#define PBTI_WORKER_SLOT_H

#include "study/live_checkpoints.h"
#include "study/store.h"
#include "trainer/runner.h"
#include "worker/checkpoint_sizes.h"
#include "worker/run.h"

/* What the slots of a run share. All pointers are borrowed until the slots are destroyed. */
struct pbti_slots {
    uv_loop_t *loop;
    struct pbti_launch *launch;
    const struct pbti_spec *spec;
    struct pbti_store *store;
    struct pbti_checkpoint_sizes *sizes;          /* of the checkpoints on disk */
    const struct pbti_live_checkpoints *reported; /* what the journal says of them */
    const char *logs;

    /* The run. `started`, `finished` and `freed` never come from inside a call of a function below,
     * except pbti_slot_tend(). */
    void *context;
    /* The task has ended. The slot is free, or retired when result->stuck. */
    void (*finished)(void *context, uint32_t slot, const struct pbti_result *result);
    /* A cancelled slot is free again (`usable`) or retired. */
    void (*freed)(void *context, uint32_t slot, bool usable);
    /* Storage fails: the step is tried again by pbti_slot_tend(). `err` may be NULL. */
    void (*trouble)(void *context, pbt_status status, const struct pbt_error *err);
    void (*wake)(void *context);  /* call pbti_slot_tend() from the loop, soon */
    void (*ended)(void *context); /* after pbti_slot_quit(): the trainer is gone */
    void (*warn)(void *context, const char *text);

    uint64_t largest_bytes; /* of the checkpoints that were published in this run */
    bool warned_read[PBTI_HP_MAX];
    bool warned_empty;
};

struct pbti_slot; /* opaque */

/* gpus        value of CUDA_VISIBLE_DEVICES, copied; NULL: leave it alone */
PBT_NODISCARD pbt_status pbti_slot_create(struct pbti_slots *slots, uint32_t index,
                                          const char *gpus, struct pbti_slot **out,
                                          struct pbt_error *err);
/* Release it: after `ended`, or when it never ran. Accepts NULL. */
void pbti_slot_destroy(struct pbti_slot *slot);

void pbti_slot_start(struct pbti_slot *slot, const struct pbti_task *task);
void pbti_slot_cancel(struct pbti_slot *slot);
/* Do what was put off: `finished_only` leaves alone what waits for storage. */
void pbti_slot_tend(struct pbti_slot *slot, bool finished_only);
void pbti_slot_quit(struct pbti_slot *slot);  /* end it for good; `ended` follows */
void pbti_slot_hurry(struct pbti_slot *slot); /* no grace for its trainer any more */

bool pbti_slot_is_free(const struct pbti_slot *slot);
bool pbti_slot_is_retired(const struct pbti_slot *slot);
bool pbti_slot_has_ended(const struct pbti_slot *slot);
/* Is it publishing, after storage failed at it before? */
bool pbti_slot_is_publishing_again(const struct pbti_slot *slot);
void pbti_slot_show(const struct pbti_slot *slot, struct pbti_slot_view *view);

/* Delete a checkpoint, off the loop. */
void pbti_slots_drop(struct pbti_slots *slots, struct pbti_checkpoint checkpoint);

#endif
