/* SPDX-License-Identifier: Apache-2.0 */
/* worker/observations.c - from a state to the input of a proposer; see observations.h. */
#include "worker/observations.h"

#include "base/fail.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct ended {
    uint64_t seq; /* of its last report */
    uint32_t member;
};

static int by_seq(const void *a, const void *b)
{
    const struct ended *const x = a;
    const struct ended *const y = b;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static double *copy_row(const struct pbti_state *state, uint32_t member, double *to)
{
    size_t const stride = pbti_state_config(state)->space.count;
    if (stride > 0) { memcpy(to, pbti_state_values(state, member), stride * sizeof *to); }
    return to + stride;
}

/* Sort the members into those that are over, and rows of those that are not. */
static uint32_t collect(struct pbti_observations *trials, const struct pbti_state *state,
                        struct ended *ended)
{
    uint32_t const members = pbti_state_members(state);
    uint32_t count = 0;
    double *row = trials->pending;
    for (uint32_t i = 0; i < members; i++) {
        const struct pbti_member *const m = pbti_state_member(state, i);
        bool const counts =
            m->group == PBTI_GROUP_POPULATION && m->phase != PBTI_EXPECTING && m->phase != PBTI_OUT;
        if (!counts) { continue; }
        if (m->phase == PBTI_DONE || m->phase == PBTI_GONE) {
            ended[count++] = (struct ended){m->reported, i};
        } else {
            row = copy_row(state, i, row);
            trials->pending_count++;
        }
    }
    return count;
}

pbt_status pbti_observations_init(struct pbti_observations *trials, const struct pbti_state *state,
                                  struct pbt_error *err)
{
    const struct pbti_config *const config = pbti_state_config(state);
    size_t const members = pbti_state_members(state);
    size_t const cells = members * config->space.count + 1; /* none is not NULL */
    *trials = (struct pbti_observations){
        .values = malloc(cells * sizeof *trials->values),
        .scores = malloc(members * sizeof *trials->scores),
        .pending = malloc(cells * sizeof *trials->pending),
    };
    struct ended *const ended = malloc(members * sizeof *ended);
    if (trials->values == NULL || trials->scores == NULL || trials->pending == NULL ||
        ended == NULL) {
        free(ended);
        pbti_observations_deinit(trials);
        return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory for %zu trials", members);
    }
    trials->count = collect(trials, state, ended);
    qsort(ended, trials->count, sizeof *ended, by_seq);
    double *row = trials->values;
    for (uint32_t i = 0; i < trials->count; i++) {
        const struct pbti_member *const m = pbti_state_member(state, ended[i].member);
        bool const good = m->phase == PBTI_DONE && isfinite(m->score);
        double const key = config->maximize ? m->score : -m->score;
        trials->scores[i] = good ? key : (double)NAN;
        row = copy_row(state, ended[i].member, row);
    }
    free(ended);
    return PBT_OK;
}

void pbti_observations_deinit(struct pbti_observations *trials)
{
    free(trials->values);
    free(trials->scores);
    free(trials->pending);
    *trials = (struct pbti_observations){0};
}
