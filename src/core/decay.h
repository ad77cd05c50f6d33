/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/decay.h - hyperparameters that shrink with the age of the weights, under any strategy.
 *
 * A member holds a *base* value: what it drew, copied or explored. What a segment is handed, and
 * what is therefore in force, is the base times a shape that falls from 1 at age 0 to `to` at
 * max_age. A copied base goes on along the same shape, because the age travels with the weights.
 *
 * The shape is taken at the age at which the segment begins, as a scheduler that steps once an
 * epoch does: the first segment trains with the base itself. An amended max_age stretches what is
 * left of the shape; a segment that is running goes on with what it was handed.
 *
 * The bounds of the space are those of the base. What is in force may go below them, or a decay to
 * 0 would end at the smallest value that may be drawn.
 *
 * Without libm: the same bits on every machine, so that nothing of it has to be recorded.
 */
#ifndef PBTI_CORE_DECAY_H
#define PBTI_CORE_DECAY_H

#include "core/names.h"

#include <stdint.h>

/* X(name, value, text); values are part of the journal's format. x is age / max_age. */
#define PBTI_DECAY_LIST(X)                                                                         \
    X(PBTI_DECAY_NONE, 0, "none")                                                                  \
    X(PBTI_DECAY_COSINE, 1, "cosine") /* to + (1 - to) (1 + cos(pi x)) / 2 */                      \
    X(PBTI_DECAY_LINEAR, 2, "linear") /* to + (1 - to) (1 - x) */

enum pbti_decay_shape {
#define PBTI_DECAY_ENUM(name, value, text) name = (value),
    PBTI_DECAY_LIST(PBTI_DECAY_ENUM)
#undef PBTI_DECAY_ENUM
};
#define PBTI_DECAYS PBTI_COUNT(PBTI_DECAY_LIST)

struct pbti_decay {
    uint8_t shape; /* enum pbti_decay_shape */
    double to;     /* what is left of the base at max_age, [0, 1]; 0 without a shape */
};

/*
 * What is left of the base at an age, [to, 1].
 *
 * span        the age at which it ends: max_age when the segment was claimed, at least 1; beyond it
 *             `to` is left
 * Source      cosine: Loshchilov and Hutter 2017, "SGDR", equation 5, one cycle without restarts
 */
double pbti_decay_left(const struct pbti_decay *decay, uint64_t age, uint64_t span);

#endif
