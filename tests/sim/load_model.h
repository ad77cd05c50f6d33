/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/load_model.h - how many workers a journal carries: a study without faults under virtual time.
 *
 * Real: core, an agent and a follower for each worker, the memory journal. Modelled: the journal's
 * server, which makes one append after another, each taking the same time; trainers, whose
 * segments take the same time but for a tenth up or down; a look at the journal once a second by
 * each worker, which takes the server's time and delays nobody.
 */
#ifndef PBTI_SIM_LOAD_MODEL_H
#define PBTI_SIM_LOAD_MODEL_H

#include "pbt/status.h"

#include <stdint.h>

struct pbti_load_model_opts {
    uint32_t workers; /* of one slot each; as many members */
    uint32_t segments;
    uint64_t segment_us;
    uint64_t append_us, look_us; /* of the server */
    uint64_t seed;
};

struct pbti_load_model_result {
    uint64_t segments, appends, looks, events;
    uint64_t virtual_us;
    double busy;         /* share of the time in which the server works */
    double wait_us;      /* mean, from the end of a segment until the slot's next one begins */
    uint64_t longest_us; /* of these */
};

PBT_NODISCARD pbt_status pbti_load_model_run(const struct pbti_load_model_opts *opts,
                                             struct pbti_load_model_result *result,
                                             struct pbt_error *err);

#endif
