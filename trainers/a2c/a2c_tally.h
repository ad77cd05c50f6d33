/* SPDX-License-Identifier: Apache-2.0 */
/*
 * a2c_tally.h - the returns of episodes, in the order in which they ended.
 *
 * Counts and sums are exact. For the t-test, which wants a list, consecutive episodes are put
 * together: at first each makes an entry of its own; when the list is full, neighbours are joined
 * and each entry stands for twice as many. So the list is short however many episodes there are,
 * its entries weigh the same, and memory is fixed.
 */
#ifndef PBTI_TRAINERS_A2C_TALLY_H
#define PBTI_TRAINERS_A2C_TALLY_H

#include <stdint.h>

enum {
    PBTI_TALLY_LIST_MAX = 64, /* entries; between half of it and all when there were as many */
    PBTI_TALLY_ENOUGH = 30,   /* episodes that make a score worth reporting */
};

struct pbti_a2c_tally {
    uint64_t episodes;
    double returns;                   /* sum */
    double frames;                    /* sum of their lengths */
    double list[PBTI_TALLY_LIST_MAX]; /* sums of returns; entry `complete` is being filled */
    uint32_t complete;                /* entries with `per_entry` episodes each */
    uint64_t per_entry;               /* episodes of an entry; a power of 2 */
    uint64_t filling;                 /* episodes in the entry being filled */
};

/* Nothing yet. */
struct pbti_a2c_tally pbti_a2c_tally_none(void);

/* Count an episode. */
void pbti_a2c_tally_add(struct pbti_a2c_tally *tally, double total, uint64_t frames);

/* Add what another has counted; of an entry that was being filled only the sums. */
void pbti_a2c_tally_join(struct pbti_a2c_tally *tally, const struct pbti_a2c_tally *other);

/* Mean return of all episodes; NaN when there are none. */
double pbti_a2c_tally_mean(const struct pbti_a2c_tally *tally);

/* Mean returns of the complete entries, in order; out, shape (PBTI_TALLY_LIST_MAX). Returns how
 * many. */
uint32_t pbti_a2c_tally_list(const struct pbti_a2c_tally *tally, double *list);

#endif
