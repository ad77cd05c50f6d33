/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/state_inside.h - the state of a study, for the files of core only.
 *
 * One block: this struct, then the arrays that its pointers name. The pointers are the only thing
 * that depends on where the block lies; pbti_state_lay() sets them.
 *
 * Checkpoints in use are held by *rings*. A node is whatever names a checkpoint: a member's start,
 * the outcome of a decision not yet in force, a place in keep. All nodes that name the same
 * checkpoint are one doubly linked ring, so a checkpoint is unreachable when the last node leaves
 * its ring: no table of checkpoints, no counting.
 *
 * Decisions of a generation are made from one snapshot: each is parked in `parked` and all come
 * into force when the last one is there. In async mode that is after each one.
 */
#ifndef PBTI_CORE_STATE_INSIDE_H
#define PBTI_CORE_STATE_INSIDE_H

#include "core/rank.h"
#include "core/state.h"

/* A decision that is recorded but not in force. */
struct pbti_pending {
    uint8_t kind;   /* enum pbti_decision_kind */
    uint8_t copied; /* PBTI_COPY_* */
    bool set;
    bool has_values;
    struct pbti_member donor; /* as it was; replace only */
};

struct pbti_group_state {
    uint32_t members;  /* that belong to it, in any phase */
    uint32_t active;   /* expecting, waiting or running */
    uint32_t reported; /* phase reported */
    uint32_t failed;   /* phase failed */
    uint32_t cursor;   /* generational: so far the decisions of this generation are recorded */
    uint32_t alive;    /* members that are neither given up nor taken out */
    uint32_t founders; /* whose weights one of them holds */
    uint32_t kept_count;
    struct pbti_rank_list ranking;
    struct pbti_best best;
    uint64_t reports_since_best;
};

struct pbti_ring {
    uint32_t next, previous; /* node */
};

struct pbti_state {
    size_t bytes; /* of the block */
    uint64_t seq;
    uint32_t members;      /* ever; those beyond the config's are out */
    uint32_t parked_count; /* places in `parked`: members when generational, else 1 */
    uint32_t stride;       /* space.count */
    uint32_t keep_top;     /* as in the config */
    uint32_t equal_rows;   /* rows of `equal`: 0 unless compare is equal_age */
    uint32_t rung_rows;    /* rows of `rung`: the number of rungs */
    uint32_t heap_count;
    uint32_t reporter; /* async: the member whose report is to be judged, or PBTI_NO_MEMBER */
    uint8_t stop;      /* enum pbti_stop */
    uint64_t proposal; /* sequence number of the last proposal; 0 = none */
    struct pbti_counts counts;
    struct pbti_group_state group[PBTI_GROUPS];
    struct pbti_rank rank;

    struct pbti_config *config;
    struct pbti_member *member;  /* shape (members) */
    double *values;              /* shape (members, stride) */
    struct pbti_pending *parked; /* shape (parked_count) */
    double *parked_values;       /* shape (parked_count, stride) */
    uint32_t *heap;              /* shape (members); waiting members, fewest steps first */
    uint32_t *heap_at;           /* shape (members); place in the heap, or PBTI_NO_MEMBER */
    struct pbti_best *kept;      /* shape (PBTI_GROUPS, keep_top); by place, not in order */
    uint32_t *kept_order;        /* shape (PBTI_GROUPS, keep_top); places, best first */
    struct pbti_ring *ring;      /* shape (members + parked_count + PBTI_GROUPS * keep_top) */
    uint32_t *line;              /* shape (members); members alive, by founder */
    double *equal;               /* shape (equal_rows, members); keys; NaN = never there */
    double *rung;                /* shape (rung_rows, members); keys; NaN = never there */
};

/* Set the pointers of a state whose counts are set; returns the block's bytes. `block` NULL: only
 * measure, and set them all to NULL. */
size_t pbti_state_lay(struct pbti_state *state, void *block);

/* -------- rings -------- */

static inline uint32_t pbti_node_member(uint32_t member)
{
    return member;
}

static inline uint32_t pbti_node_pending(const struct pbti_state *state, uint32_t parked)
{
    return state->members + parked;
}

static inline uint32_t pbti_node_kept(const struct pbti_state *state, uint8_t group, uint32_t place)
{
    return state->members + state->parked_count + group * state->keep_top + place;
}

/* Is the node alone, so that leaving would empty the ring? */
bool pbti_ring_alone(const struct pbti_state *state, uint32_t node);
void pbti_ring_leave(struct pbti_state *state, uint32_t node);
/* `node` must be alone. */
void pbti_ring_join(struct pbti_state *state, uint32_t node, uint32_t beside);

/* -------- runnable members -------- */

void pbti_heap_add(struct pbti_state *state, uint32_t member);
void pbti_heap_drop(struct pbti_state *state, uint32_t member);

/* -------- small questions -------- */

static inline double *pbti_values_of(const struct pbti_state *state, uint32_t member)
{
    return state->values + (size_t)member * state->stride;
}

/* The ranking's key of a score: larger is better; -INFINITY when not finite. */
double pbti_key(const struct pbti_config *config, double score);

/* May this member be copied from? A finite score of its own, a checkpoint, and age left to
 * train. */
bool pbti_may_donate(const struct pbti_config *config, const struct pbti_member *member);

/* Is its budget, or the age of its weights, used up? */
bool pbti_is_finished(const struct pbti_config *config, const struct pbti_member *member);

/* Does this group ever exploit? */
bool pbti_group_exploits(const struct pbti_config *config, uint8_t group);

/* Change a member's phase, and everything that counts phases. */
void pbti_enter(struct pbti_state *state, uint32_t member, uint8_t phase);

/* First hyperparameters of a member: the grid, the schedule, a starting point, or the
 * prior. */
void pbti_initial_values(const struct pbti_config *config, uint32_t member, uint8_t group,
                         double *values);

/* Set stop when nobody is left to train. */
void pbti_check_end(struct pbti_state *state);

/*
 * What must hold of one member between two events: the states that it can be in. NULL, or what does
 * not hold (static storage). O(1): asserted at each transition; pbti_state_check() asks it of all.
 */
const char *pbti_member_check(const struct pbti_state *state, uint32_t member);

/* Count a member in or out of those alive, with the founder of its weights. */
void pbti_line_join(struct pbti_state *state, uint8_t group, uint32_t founder);
void pbti_line_leave(struct pbti_state *state, uint8_t group, uint32_t founder);

/* -------- parts of a decision -------- */

/* The cursor of the member's group once its decision is recorded (generational). */
uint32_t pbti_cursor_after(const struct pbti_state *state, uint32_t member);

/* The member whose decision is owed, or PBTI_NO_MEMBER. */
uint32_t pbti_decision_due_member(const struct pbti_state *state);

/* promote.c: the paused member whose decision is owed, or PBTI_NO_MEMBER. */
uint32_t pbti_promotion_due(const struct pbti_state *state);

/* promote.c: what becomes of a member of a study with rungs that is not through its budget. */
void pbti_promotion_judge(const struct pbti_state *state, struct pbti_event_decision *decision);

/* The schedule's row for an age: the last one that is not later. */
const double *pbti_schedule_row(const struct pbti_config *config, uint64_t age);

#endif
