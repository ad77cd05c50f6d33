/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/slots.h - what this machine has: processors and GPUs, and how many trainers fit on it.
 *
 * Processors: those this process may run on (affinity), less when a cgroup (v1 or v2) limits its
 * share, or when Slurm says that the job has less. GPUs: the entries of CUDA_VISIBLE_DEVICES,
 * HIP_VISIBLE_DEVICES, ROCR_VISIBLE_DEVICES or ZE_AFFINITY_MASK, the first that is set, as they are
 * (indices or UUIDs); without any those that the NVIDIA driver lists, or the device of WSL 2.
 */
#ifndef PBTI_WORKER_SLOTS_H
#define PBTI_WORKER_SLOTS_H

#include "spec/spec.h"
#include "trainer/launch.h"

uint32_t pbti_machine_cpus(void); /* at least 1 */

/* The GPUs that this process may use, by name. `gpus` begins with all zero; pbti_strings_free(). */
void pbti_machine_gpus(struct pbti_strings *gpus);

/*
 * CUDA_VISIBLE_DEVICES of a slot: the slot's own `per_slot` of them (spec: trainer.resources.gpus).
 * A share of one is given to as many slots as fit on it, in order: with 0.5 the slots 0 and 1 get
 * the first GPU.
 *
 * Returns     owned by the caller; "" to hide those that are there; NULL: leave the variable alone,
 *             or out of memory
 */
char *pbti_slot_gpus(const struct pbti_strings *gpus, uint32_t slot, double per_slot);

/* GPUs that so many slots need, and slots that so many GPUs have room for (per_slot > 0). */
uint64_t pbti_gpus_needed(uint64_t slots, double per_slot);
uint64_t pbti_slots_on(uint64_t gpus, double per_slot);

/* How many slots, in order: what was asked for (0 = as the spec says), the spec, the machine.
 * PBT_EINVAL when a member needs more than there is. */
PBT_NODISCARD pbt_status pbti_slots_count(const struct pbti_spec *spec, uint32_t asked,
                                          uint32_t *count, struct pbt_error *err);

/* The processors that a quota allows, rounded down but at least 1; for text as in cpu.max ("150000
 * 100000", "max 100000"). UINT32_MAX: no limit. */
uint32_t pbti_quota_cpus(const char *text);

#endif
