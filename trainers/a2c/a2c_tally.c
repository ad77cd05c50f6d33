/* SPDX-License-Identifier: Apache-2.0 */
/* a2c_tally.c - the returns of episodes, see a2c_tally.h. */
#include "a2c/a2c_tally.h"

#include <assert.h>
#include <math.h>

struct pbti_a2c_tally pbti_a2c_tally_none(void)
{
    return (struct pbti_a2c_tally){.per_entry = 1};
}

static void join_neighbours(struct pbti_a2c_tally *tally)
{
    assert(tally->complete == PBTI_TALLY_LIST_MAX && tally->filling == 0);
    for (uint32_t i = 0; i < PBTI_TALLY_LIST_MAX / 2; i++) {
        tally->list[i] = tally->list[2 * i] + tally->list[2 * i + 1];
    }
    tally->complete = PBTI_TALLY_LIST_MAX / 2;
    tally->per_entry *= 2;
}

void pbti_a2c_tally_add(struct pbti_a2c_tally *tally, double total, uint64_t frames)
{
    tally->episodes++;
    tally->returns += total;
    tally->frames += (double)frames;
    if (tally->complete == PBTI_TALLY_LIST_MAX) { join_neighbours(tally); }
    if (tally->filling == 0) { tally->list[tally->complete] = 0.0; }
    tally->list[tally->complete] += total;
    if (++tally->filling == tally->per_entry) {
        tally->complete++;
        tally->filling = 0;
    }
}

/* Let entries be as large as those of another list; an odd one at the end is left out. */
static void enlarge(struct pbti_a2c_tally *tally, uint64_t per_entry)
{
    tally->filling = 0;
    while (tally->per_entry < per_entry) {
        tally->complete /= 2;
        for (uint32_t i = 0; i < tally->complete; i++) {
            tally->list[i] = tally->list[2 * i] + tally->list[2 * i + 1];
        }
        tally->per_entry *= 2;
    }
}

void pbti_a2c_tally_join(struct pbti_a2c_tally *tally, const struct pbti_a2c_tally *other)
{
    struct pbti_a2c_tally more = *other;
    enlarge(tally, more.per_entry);
    enlarge(&more, tally->per_entry);
    if (tally->complete + more.complete > PBTI_TALLY_LIST_MAX) {
        enlarge(tally, 2 * tally->per_entry);
        enlarge(&more, 2 * more.per_entry);
    }
    for (uint32_t i = 0; i < more.complete; i++) {
        tally->list[tally->complete++] = more.list[i];
    }
    tally->episodes += more.episodes;
    tally->returns += more.returns;
    tally->frames += more.frames;
}

double pbti_a2c_tally_mean(const struct pbti_a2c_tally *tally)
{
    return tally->episodes == 0 ? NAN : tally->returns / (double)tally->episodes;
}

uint32_t pbti_a2c_tally_list(const struct pbti_a2c_tally *tally, double *list)
{
    for (uint32_t i = 0; i < tally->complete; i++) {
        list[i] = tally->list[i] / (double)tally->per_entry;
    }
    return tally->complete;
}
