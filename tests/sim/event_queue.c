/* SPDX-License-Identifier: Apache-2.0 */
/* sim/event_queue.c - see event_queue.h. */
#include "sim/event_queue.h"

#include <stdlib.h>

static bool is_before(const struct pbti_plan *a, const struct pbti_plan *b)
{
    return a->time_ms != b->time_ms ? a->time_ms < b->time_ms : a->order < b->order;
}

void pbti_event_queue_add(struct pbti_event_queue *queue, struct pbti_plan plan)
{
    if (queue->count == queue->capacity) {
        uint32_t const capacity = queue->capacity == 0 ? 256 : 2 * queue->capacity;
        struct pbti_plan *const plans = realloc(queue->plans, capacity * sizeof *plans);
        if (plans == NULL) { abort(); } /* a simulator without memory has nothing to say */
        queue->plans = plans;
        queue->capacity = capacity;
    }
    plan.order = queue->planned++;
    uint32_t at = queue->count++;
    while (at > 0 && is_before(&plan, &queue->plans[(at - 1) / 2])) {
        queue->plans[at] = queue->plans[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    queue->plans[at] = plan;
}

bool pbti_event_queue_next(struct pbti_event_queue *queue, struct pbti_plan *plan)
{
    if (queue->count == 0) { return false; }
    *plan = queue->plans[0];
    struct pbti_plan const last = queue->plans[--queue->count];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= queue->count) { break; }
        bool const right = child + 1 < queue->count;
        if (right && is_before(&queue->plans[child + 1], &queue->plans[child])) { child++; }
        if (!is_before(&queue->plans[child], &last)) { break; }
        queue->plans[at] = queue->plans[child];
        at = child;
    }
    queue->plans[at] = last;
    return true;
}

void pbti_event_queue_deinit(struct pbti_event_queue *queue)
{
    free(queue->plans);
    *queue = (struct pbti_event_queue){0};
}
