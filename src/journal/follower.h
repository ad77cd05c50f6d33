/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal/follower.h - a study's state, kept in step with its journal, and the way to change it.
 *
 *     begin:   pbti_follower_refresh()      fold what others appended
 *              pbti_follower_stage(event)   fold an event of ours and every decision owed after it
 *              ...                         more events of the same batch
 *     end:     pbti_follower_commit()       append them all, or take them all back
 *
 * Staging folds ahead of the journal. When the append fails or somebody else was first, the
 * follower goes back: to a shadow copy of the state, taken now and then, and from there forward
 * through the journal. So a failed commit costs a copy and a short read, and a successful one costs
 * nothing.
 *
 * Only what pbti_follower_commit() answered PBT_OK to may be acted on.
 */
#ifndef PBTI_JOURNAL_FOLLOWER_H
#define PBTI_JOURNAL_FOLLOWER_H

#include "core/state.h"
#include "journal/journal.h"

struct pbti_follower; /* opaque */

/* Told every event that is durable, once, in order, ours and others'. Borrowed for the call. */
typedef void (*pbti_observer)(void *context, uint64_t seq, const struct pbti_event *event);

/*
 * Follow `journal`, which may be empty (then state is NULL until a study event is there).
 *
 * journal     borrowed until pbti_follower_close()
 * observer    may be NULL; told of the events that are there already, too. It must not call the
 *             follower or the journal, and sees a state that may be further than the event
 */
PBT_NODISCARD pbt_status pbti_follower_open(struct pbti_journal *journal, pbti_observer observer,
                                            void *context, struct pbti_follower **out,
                                            struct pbt_error *err);
void pbti_follower_close(
    struct pbti_follower *follower); /* accepts NULL; what is staged is dropped */

/*
 * Tell one more observer of every durable event, beginning with those that are there already: for
 * them the journal is read once more. Requires nothing staged.
 *
 * Errors      those of reading; PBT_ELIMIT (four observers already); then it is told nothing more
 */
PBT_NODISCARD pbt_status pbti_follower_observe(struct pbti_follower *follower,
                                               pbti_observer observer, void *context,
                                               struct pbt_error *err);
/* Tell the observers with this context nothing more. */
void pbti_follower_ignore(struct pbti_follower *follower, const void *context);

/* NULL while the journal is empty. Borrowed until the next refresh, stage or commit. Includes what
 * is staged. */
const struct pbti_state *pbti_follower_state(const struct pbti_follower *follower);

/* The resolved spec of the last study or amend event. Borrowed likewise. */
struct pbti_text pbti_follower_spec(const struct pbti_follower *follower);

/* Sequence number of the last durable event. */
uint64_t pbti_follower_seq(const struct pbti_follower *follower);

/* Fold what was appended since. Requires nothing staged. */
PBT_NODISCARD pbt_status pbti_follower_refresh(struct pbti_follower *follower,
                                               struct pbt_error *err);

/*
 * Fold `event` and all decisions owed after it into the state, and add them to the batch. The
 * decisions get the event's time. A study event starts an empty journal; amend moves the state.
 *
 * Errors      PBT_ECORRUPT (it does not fit the state), PBT_EINVAL (an amend that is not allowed),
 *             PBT_ELIMIT, PBT_ENOMEM. What was staged before is still there; only when memory ends
 *             in the middle of the decisions, all that was staged is lost: roll back
 */
PBT_NODISCARD pbt_status pbti_follower_stage(struct pbti_follower *follower,
                                             const struct pbti_event *event, struct pbt_error *err);

/* The sequence number the next staged event will have. */
uint64_t pbti_follower_next_seq(const struct pbti_follower *follower);

/* Take back what is staged. */
PBT_NODISCARD pbt_status pbti_follower_rollback(struct pbti_follower *follower,
                                                struct pbt_error *err);

/*
 * Append what is staged as one batch; nothing when nothing is staged. After PBT_EUNKNOWN from the
 * journal it asks whether the batch landed, a dozen times with growing pauses.
 *
 * id          names the batch; random
 * Errors      PBT_ECONFLICT: taken back and refreshed: look again and decide anew;
 *             PBT_EUNKNOWN: the journal did not answer: taken back; whether the batch was appended
 *             shows in the next refresh, and its observers are told of it then;
 *             others: taken back, nothing was appended
 * After any error but PBT_ECONFLICT a refresh has to succeed before the state is relied on again.
 */
PBT_NODISCARD pbt_status pbti_follower_commit(struct pbti_follower *follower,
                                              struct pbti_batch_id id, struct pbt_error *err);

/*
 * Checkpoints that became unreachable by the last successful commit: whoever committed deletes
 * them. Borrowed until the next stage or refresh.
 */
const struct pbti_checkpoint *pbti_follower_unreachable(const struct pbti_follower *follower,
                                                        size_t *count);

#endif
