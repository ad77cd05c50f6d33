/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/state.h - the state of a study: a fold over its events, and the decisions that follow.
 *
 *     state = init(study event)                  pbti_state_init()
 *     for each event: state = fold(state, event) pbti_fold()
 *     while a decision is owed:                  pbti_decision_due()
 *         event = decide(state)                  pbti_decide(): pure, changes nothing
 *         state = fold(state, event)             ... and the event goes into the same batch
 *
 * That is the whole engine. No clock, no I/O, no heap, no global: the caller gives one block of
 * memory of pbti_state_bytes() and moves to a larger one when an amend event adds members
 * (pbti_state_amend). The block holds no outside pointer, so a snapshot is the block
 * (pbti_state_save).
 *
 * A batch that was appended whole never ends while a decision is owed, and nothing but the owed
 * decision may follow: pbti_fold() refuses anything else as damage.
 *
 * Invariants (checked by pbti_state_check, after every step of the simulator):
 *  1 each member is in exactly one phase; a claim exists exactly while it is running
 *  2 every hyperparameter that a member holds is valid for its space
 *  3 a checkpoint is alive exactly while a member starts from it or `keep` asks for it
 *  4 the ranking holds exactly the scored members that are neither failed nor given up, in order
 *  5 the runnable heap holds exactly the waiting members
 *  6 steps <= the budget, age <= max_age, unless an amend lowered them afterwards
 *  7 a donor has a finite score of its own and a checkpoint
 */
#ifndef PBTI_CORE_STATE_H
#define PBTI_CORE_STATE_H

#include "core/event.h"
#include "pbt/status.h"

/* Where a member is. X(name, value, text) */
#define PBTI_PHASE_LIST(X)                                                                         \
    X(PBTI_WAITING, 0, "waiting") /* runnable: its next segment may be claimed */                  \
    X(PBTI_RUNNING, 1, "running") /* claimed */                                                    \
    X(PBTI_REPORTED, 2,                                                                            \
      "reported")               /* a decision is owed, now or when its generation is complete */   \
    X(PBTI_FAILED, 3, "failed") /* waits for a donor, or for its generation */                     \
    X(PBTI_DONE, 4, "done")     /* its budget is used, or it was eliminated at a rung */           \
    X(PBTI_GONE, 5, "gone")     /* given up */                                                     \
    X(PBTI_OUT, 6, "out")       /* taken out by an amend that lowered the population */            \
    X(PBTI_PAUSED, 7, "paused") /* at a rung, until it is promoted or through */                   \
    X(PBTI_EXPECTING, 8, "expecting") /* has not begun: waits for a proposal */
#define PBTI_PHASES PBTI_COUNT(PBTI_PHASE_LIST)

/* Where a member's score comes from. */
#define PBTI_SCORE_LIST(X)                                                                         \
    X(PBTI_SCORE_NONE, 0, "none")                                                                  \
    X(PBTI_SCORE_OWN, 1, "own") X(PBTI_SCORE_INHERITED, 2, "inherited")

/* Sub-populations that exploit among themselves. */
#define PBTI_GROUP_LIST(X)                                                                         \
    X(PBTI_GROUP_POPULATION, 0, "population")                                                      \
    X(PBTI_GROUP_INDEPENDENT, 1, "independent")                                                    \
    X(PBTI_GROUP_SELECTION_ONLY, 2, "selection_only")
#define PBTI_GROUPS PBTI_COUNT(PBTI_GROUP_LIST)

#define PBTI_ENUM_(name, value, text) name = (value),
enum pbti_phase { PBTI_PHASE_LIST(PBTI_ENUM_) };
enum pbti_score_source { PBTI_SCORE_LIST(PBTI_ENUM_) };
enum pbti_group { PBTI_GROUP_LIST(PBTI_ENUM_) };
#undef PBTI_ENUM_

const char *pbti_phase_name(uint8_t phase);
const char *pbti_score_source_name(uint8_t source);
const char *pbti_group_name(uint8_t group);

struct pbti_member {
    uint64_t steps;         /* training this member has done */
    uint64_t age;           /* training its weights have had */
    uint64_t claimed_steps; /* what the running claim was told to train; else 0 */
    uint64_t claimed_span;  /* decay: max_age when it was claimed; else 0 */
    uint64_t claim;         /* sequence number of the claim while running, else 0 */
    uint64_t worker;        /* who holds it */
    uint64_t reported;      /* sequence number of its last report; 0 = none */
    uint32_t slot;          /* of that worker */
    uint32_t segment;       /* the next, running or just reported one; from 1 */
    uint32_t attempt;       /* claims of this segment so far */
    uint32_t failures;      /* failed attempts of this segment */
    uint32_t revivals;      /* since the last segment that was done */
    uint8_t phase;          /* enum pbti_phase */
    uint8_t group;          /* enum pbti_group */
    uint8_t score_source;   /* enum pbti_score_source */
    uint8_t outcome;        /* enum pbti_outcome of the last attempt */
    double score;           /* the latest one, already reduced; NaN = none, or not a number */
    uint32_t score_segment; /* of whose `score_member`'s segments it is; 0 = none */
    uint32_t score_member;
    uint32_t founder;      /* the member whose first weights its weights descend from */
    uint32_t scores_count; /* ttest: scores of the last own segment since the weights changed */
    double scores_mean;
    double scores_squares;        /* sum of squared differences from the mean */
    struct pbti_checkpoint start; /* what the next segment starts from; segment 0: fresh */
};

/* A network worth naming. segment 0: nobody yet. */
struct pbti_best {
    double score;
    uint64_t age;
    uint64_t seq; /* of the report */
    struct pbti_checkpoint checkpoint;
};

struct pbti_counts { /* of events and phases, for people; kept by the fold */
    uint64_t reports, segments_done, failures, exploits, explored, releases;
    uint64_t phase[PBTI_PHASES]; /* members in each phase */
    uint64_t steps;              /* trained by all members together, wasted attempts not counted */
    uint64_t attempts;           /* claims */
    int64_t first_ms, last_ms;   /* times of the first and the last event */
};

struct pbti_state; /* opaque outside core: state_inside.h */

/* -------- life -------- */

/* Bytes of the block that holds the state of a study with this config. */
size_t pbti_state_bytes(const struct pbti_config *config);

/*
 * Fold the study event: lay out an empty state in `block` and apply `event` to it.
 *
 * block       pbti_state_bytes(event->study.config) bytes, aligned like max_align_t; the caller's,
 *             and in use until it drops it; any content
 * Requires    event->type == PBTI_STUDY
 */
struct pbti_state *pbti_state_init(void *block, const struct pbti_event *event);

/* Bytes that a state needs when it is amended to `config`: members are never forgotten. */
size_t pbti_state_amend_bytes(const struct pbti_state *state, const struct pbti_config *config);

/*
 * Fold an amend event (sequence number `seq`) into a state that moves to `block`.
 *
 * block       pbti_state_amend_bytes() bytes; not the old one
 * out         out: the new state; the old one is unchanged and may be dropped
 * Errors      PBT_EINVAL: pbti_config_unamendable(); PBT_ECORRUPT: a decision is owed
 */
PBT_NODISCARD pbt_status pbti_state_amend(const struct pbti_state *state, uint64_t seq,
                                          const struct pbti_event *event, void *block,
                                          struct pbti_state **out, struct pbt_error *err);

/* A snapshot: bytes that pbti_state_load() takes back. Same build and machine only: a cache. */
size_t pbti_state_save_bytes(const struct pbti_state *state);
void pbti_state_save(const struct pbti_state *state, void *bytes);
/* NULL when the bytes are not a snapshot of this build. `block` needs pbti_state_load_bytes(). */
size_t pbti_state_load_bytes(const void *bytes, size_t size);
struct pbti_state *pbti_state_load(void *block, const void *bytes, size_t size);

/* -------- fold and decide -------- */

/* Called for every checkpoint that nothing in the state names any longer, and never will again.
 * From inside the fold: the state may not be looked at. */
typedef void (*pbti_unreachable)(void *context, struct pbti_checkpoint checkpoint);

/*
 * Apply an event that is in the journal at `seq`: any but study and amend.
 *
 * unreachable may be NULL
 * Errors      PBT_ECORRUPT: the event does not fit the state; the state is unchanged
 */
PBT_NODISCARD pbt_status pbti_fold(struct pbti_state *state, uint64_t seq,
                                   const struct pbti_event *event, pbti_unreachable unreachable,
                                   void *context, struct pbt_error *err);

/* Is a decision owed? */
bool pbti_decision_due(const struct pbti_state *state);

/*
 * Make the decision that is owed. Pure; borrows from `scratch`; time_ms is left 0 for the caller.
 *
 * Requires    pbti_decision_due(state)
 * Source      Jaderberg et al. 2017, Algorithm 1 and section 4.1; docs/rules.md
 */
void pbti_decide(const struct pbti_state *state, struct pbti_event *event,
                 struct pbti_scratch *scratch);

/*
 * Compare a recorded decision with the one made anew: values that go through libm to 1e-12
 * relative, everything else exactly. NULL when they agree, else the name of the first field that
 * differs.
 */
const char *pbti_decision_differs(const struct pbti_event *recorded,
                                  const struct pbti_event *again);

/* One score from the list of a segment, as the config says; NaN when there is none. Shape
 * (count). */
double pbti_reduce(const struct pbti_config *config, const double *scores, uint32_t count);

/* -------- what to run -------- */

/*
 * The member that a free slot should run: of those waiting, the one with the fewest steps (with
 * rungs: the most), then the lowest index; `last` instead when it is waiting, at most `lead`
 * intervals ahead of that one, and its start is `held`, the checkpoint whose weights the slot has
 * in memory. PBTI_NO_MEMBER: nobody is waiting, or the study has ended.
 *
 * last        the member the slot ran last, or PBTI_NO_MEMBER
 * held        what the slot has in memory; segment 0 = nothing
 */
uint32_t pbti_next(const struct pbti_state *state, uint32_t last, struct pbti_checkpoint held);

/* The member that a proposal should be made for when nobody waits: the first that expects one.
 * PBTI_NO_MEMBER: nobody does, or the study has ended. */
uint32_t pbti_expecting(const struct pbti_state *state);

/*
 * Does a proposal for a member still apply, when it was made with knowledge of the events up to
 * `knows`? The member must expect one, and no other proposal may have been recorded since: two that
 * do not know of each other may be the same. What was reported since does not matter, or a slow
 * proposer would never be heard.
 */
bool pbti_proposal_applies(const struct pbti_state *state, uint32_t member, uint64_t knows);

/* Would a failure with this outcome be the last of the member's segment: is it never tried again,
 * or are the retries used up? */
bool pbti_is_last_attempt(const struct pbti_state *state, uint32_t member, uint8_t outcome);

/* Steps of a member's next (or running) segment: ready_every, less at the end of budget or
 * max_age. */
uint64_t pbti_segment_steps(const struct pbti_state *state, uint32_t member);

/* task.seed of a member's segment. */
uint64_t pbti_task_seed(const struct pbti_config *config, uint32_t member, uint32_t segment);

/* -------- look -------- */

const struct pbti_config *pbti_state_config(const struct pbti_state *state);
uint64_t pbti_state_seq(const struct pbti_state *state);     /* of the last event folded */
uint32_t pbti_state_members(const struct pbti_state *state); /* controls included */
const struct pbti_member *pbti_state_member(const struct pbti_state *state, uint32_t member);
/* Base values (decay.h), inside the space: what the member holds, copies and explores. Shape
 * (space.count). */
const double *pbti_state_values(const struct pbti_state *state, uint32_t member);
/* What its running or next segment is handed, and its trainer must have in force. Shape
 * (space.count). */
void pbti_state_in_force(const struct pbti_state *state, uint32_t member, double *values);
uint8_t pbti_state_stop(const struct pbti_state *state); /* enum pbti_stop; NONE: going on */
struct pbti_counts pbti_state_counts(const struct pbti_state *state);
/* Members that were given up and that an amend with `revive` would try again. */
uint32_t pbti_state_given_up(const struct pbti_state *state);
/* Best network ever reported in a group; .checkpoint.segment 0 when there is none. */
struct pbti_best pbti_state_best(const struct pbti_state *state, uint8_t group);
/* Best network that is some member's latest, now (the paper's answer). */
struct pbti_best pbti_state_best_now(const struct pbti_state *state, uint8_t group);
/* Founders whose weights some member of a group still holds; members given up or taken out do not
 * count. Of a generation, decisions that are recorded count already. */
uint32_t pbti_state_founders(const struct pbti_state *state, uint8_t group);
/* The floor under them for a member of the population with so many steps (config.founders_keep). */
uint32_t pbti_state_founders_floor(const struct pbti_state *state, uint64_t steps);
/* Members of a group in the order of the ranking: `rank` 0 = best; PBTI_NO_MEMBER past the end. */
uint32_t pbti_state_ranked(const struct pbti_state *state, uint8_t group, uint32_t rank);
/* Kept for their score, best first: keep.top of them, fewer at first. */
uint32_t pbti_state_kept(const struct pbti_state *state, uint32_t index, struct pbti_best *best);
/* Is the checkpoint alive (named by a member's start or by keep)? */
bool pbti_state_reachable(const struct pbti_state *state, struct pbti_checkpoint checkpoint);
/* Is `a` better than `b` under the goal? NaN and infinities are worse than every finite score. */
bool pbti_better(const struct pbti_config *config, double a, double b);

/* A number that is equal for equal states: to compare followers and replays. */
uint64_t pbti_state_hash(const struct pbti_state *state);

/* NULL when all invariants above hold, else the first that does not (static storage). Slow:
 * O(N). */
const char *pbti_state_check(const struct pbti_state *state);

#endif
