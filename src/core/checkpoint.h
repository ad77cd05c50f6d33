/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/checkpoint.h - what a checkpoint is called, in memory and as text.
 */
#ifndef PBTI_CORE_CHECKPOINT_H
#define PBTI_CORE_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#define PBTI_CHECKPOINT_NAME_MAX 48 /* bytes of "m1.s2.a3", with the NUL */

/* The attempt that saved it: attempt `attempt` of segment `segment` of member `member`. Segments
 * count from 1; segment 0: none. */
struct pbti_checkpoint {
    uint32_t member;
    uint32_t segment;
    uint32_t attempt;
};

bool pbti_checkpoint_equal(struct pbti_checkpoint a, struct pbti_checkpoint b);

/* "m3.s12.a1", the name of its folder. Returns `name`. */
const char *pbti_checkpoint_name(struct pbti_checkpoint checkpoint,
                                 char name[PBTI_CHECKPOINT_NAME_MAX]);

/* The other way; false when it is not such a name. */
bool pbti_checkpoint_parse(const char *name, struct pbti_checkpoint *checkpoint);

/* Reads a name that something may follow, which is returned; NULL when there is none. */
const char *pbti_checkpoint_parse_first(const char *text, struct pbti_checkpoint *checkpoint);

#endif
