/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view/explain.h - one line of words for each event; a decision with the reason it was taken for.
 *
 *     member 3 (rank 15 of 16, 0.8123) replaced by member 7 (rank 2, 0.8790): lr 0.0012 -> 0.00144
 *     (x1.2); dropout, batch kept
 *
 * Used by `pbt log`, `pbt show` and the live display. Foreign text is escaped.
 */
#ifndef PBTI_VIEW_EXPLAIN_H
#define PBTI_VIEW_EXPLAIN_H

#include "core/state.h"
#include "view/str.h"

/*
 * Explain a decision.
 *
 * before      the hyperparameters that explore started from: shape (space->count), or NULL when
 *             they are not known; then only the new values are named
 */
void pbti_explain_decision(struct pbti_str *str, const struct pbti_space *space,
                           const struct pbti_event_decision *decision, const double *before);

/*
 * Explain any event.
 *
 * state       the state it is about to be folded into; NULL when there is none yet (study), or
 *             when it is not at hand: then less is said. Needed for a decision's space: without it
 *             only the first sentence is given
 */
void pbti_explain_event(struct pbti_str *str, const struct pbti_state *state,
                        const struct pbti_event *event);

/* "the budget is used up": why a study ended (enum pbti_stop). */
const char *pbti_explain_stop(uint8_t stop);

/* "the trainer crashed": how an attempt ended (enum pbti_outcome). */
const char *pbti_explain_outcome(uint8_t outcome);

#endif
