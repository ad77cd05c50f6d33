/* SPDX-License-Identifier: Apache-2.0 */
/* sim/timeline.c - see timeline.h. */
#include "sim/timeline.h"

#include <stdlib.h>

static bool is_before(const struct pbti_plan *a, const struct pbti_plan *b)
{
    return a->time_ms != b->time_ms ? a->time_ms < b->time_ms : a->order < b->order;
}

void pbti_timeline_add(struct pbti_timeline *timeline, struct pbti_plan plan)
{
    if (timeline->count == timeline->capacity) {
        uint32_t const capacity = timeline->capacity == 0 ? 256 : 2 * timeline->capacity;
        struct pbti_plan *const plans = realloc(timeline->plans, capacity * sizeof *plans);
        if (plans == NULL) { abort(); } /* a simulator without memory has nothing to say */
        timeline->plans = plans;
        timeline->capacity = capacity;
    }
    plan.order = timeline->planned++;
    uint32_t at = timeline->count++;
    while (at > 0 && is_before(&plan, &timeline->plans[(at - 1) / 2])) {
        timeline->plans[at] = timeline->plans[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    timeline->plans[at] = plan;
}

bool pbti_timeline_next(struct pbti_timeline *timeline, struct pbti_plan *plan)
{
    if (timeline->count == 0) { return false; }
    *plan = timeline->plans[0];
    struct pbti_plan const last = timeline->plans[--timeline->count];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= timeline->count) { break; }
        bool const right = child + 1 < timeline->count;
        if (right && is_before(&timeline->plans[child + 1], &timeline->plans[child])) { child++; }
        if (!is_before(&timeline->plans[child], &last)) { break; }
        timeline->plans[at] = timeline->plans[child];
        at = child;
    }
    timeline->plans[at] = last;
    return true;
}

void pbti_timeline_deinit(struct pbti_timeline *timeline)
{
    free(timeline->plans);
    *timeline = (struct pbti_timeline){0};
}
