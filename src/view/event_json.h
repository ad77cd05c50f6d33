/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view/event_json.h - one event as one JSON object: a line of `pbt log --json` (docs/json.md).
 */
#ifndef PBTI_VIEW_EVENT_JSON_H
#define PBTI_VIEW_EVENT_JSON_H

#include "core/state.h"

#include <jansson.h>

/*
 * New reference, NULL when out of memory.
 *
 * state       the state the event is about to be folded into; NULL for the study event
 */
json_t *pbti_event_json(const struct pbti_state *state, uint64_t seq,
                        const struct pbti_event *event);

#endif
