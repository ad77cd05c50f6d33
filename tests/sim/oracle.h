/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/oracle.h - an independent observer: the rules of docs/rules.md, derived again from the
 * events.
 *
 * The witness reads the journal's events and nothing else of core: it keeps its own plain account
 * of every member (arrays, sorting, loops) and says which rule an event breaks. The judge compares
 * the account with core's state after every batch, so a mistake has to be made twice, in two
 * different ways, to go unnoticed.
 *
 * Rules by their numbers, and where they are watched:
 *     1 weights after exploit    a report's hash is what the lineage makes of it   (oracle.c)
 *     2, 3 truncation groups     sorted anew for every decision                    (oracle_rules.c)
 *     4, 5, 9 who may be a donor                                                   (oracle_rules.c)
 *     6, 7, 8 explore            start values, moves, bounds, frozen               (oracle_rules.c)
 *     10 the best is kept                                                          (oracle_rules.c)
 *     11 same journal, same decisions; any order in generational mode              (judge.c, sim.c)
 *     12 nothing lost or twice   claims, tokens, acknowledged results   (oracle.c, process.c)
 *     13 no checkpoint missing   at each start, load and deletion                  (process.c)
 *     14 the best network stays  at the end                                        (sim.c)
 *     15 nobody waits for ever   the study finishes once the faults stop           (sim.c)
 *     18, 19 budget and age                                             (oracle_rules.c, oracle.c)
 */
#ifndef PBTI_SIM_ORACLE_H
#define PBTI_SIM_ORACLE_H

#include "core/state.h"

#define PBTI_SEEN_MEMBERS_MAX 32
#define PBTI_SEEN_HPS_MAX 8
#define PBTI_SEEN_KEPT_MAX 4
#define PBTI_SEEN_WORKERS_MAX 256
#define PBTI_SEEN_ROWS_MAX 512
#define PBTI_SEEN_RUNGS_MAX 32

/* What the witness knows of a member. */
struct pbti_seen {
    uint8_t phase, group, source; /* enum pbti_phase, pbti_group, pbti_score_source */
    bool values_known;            /* the first ones are learnt from the first task */
    bool reported;                /* anything, ever */
    bool passed_over;             /* its last attempt failed: others may be claimed before it */
    uint32_t withdrawals;         /* such attempts of its segment */
    uint32_t segment, attempt, failures, revivals, slot;
    uint32_t scores_count; /* of its own last segment, since the weights changed */
    uint64_t steps, age, claim, worker, claimed_steps, claimed_span;
    uint32_t founder; /* whose first weights these descend from */
    double score;
    struct pbti_checkpoint start;
    uint64_t weights;                 /* of `start` */
    double values[PBTI_SEEN_HPS_MAX]; /* held: before decay */
    double handed[PBTI_SEEN_HPS_MAX]; /* to the segment that was started last */
};

struct pbti_seen_best {
    double score;
    struct pbti_checkpoint checkpoint;
};

/* A decision that is not in force yet. */
struct pbti_seen_decision {
    uint32_t member;
    uint8_t kind, copied;
    bool has_values;
    double values[PBTI_SEEN_HPS_MAX];
    struct pbti_seen donor; /* as it was */
};

struct pbti_oracle {
    struct pbti_config *config; /* owned; what is in force */
    uint32_t members;
    struct pbti_seen member[PBTI_SEEN_MEMBERS_MAX];
    struct pbti_seen_decision pending[PBTI_SEEN_MEMBERS_MAX];
    uint32_t pending_count;
    uint64_t worker[PBTI_SEEN_WORKERS_MAX]; /* joined and not left */
    uint32_t workers_count;
    struct pbti_seen_best best[PBTI_GROUPS];
    struct pbti_seen_best kept[PBTI_GROUPS][PBTI_SEEN_KEPT_MAX]; /* best first */
    uint32_t kept_count[PBTI_GROUPS];
    uint64_t reports_since_best;
    uint64_t rows;                                            /* compare: equal_age; else 0 */
    double at_age[PBTI_SEEN_ROWS_MAX][PBTI_SEEN_MEMBERS_MAX]; /* keys by intervals of age; or NaN */
    double at_rung[PBTI_SEEN_RUNGS_MAX][PBTI_SEEN_MEMBERS_MAX]; /* keys; NaN: was never there */
    uint64_t proposed;  /* sequence number of the last proposal */
    uint64_t late;      /* notes of results that came too late */
    uint64_t withdrawn; /* notes of failures that are not the member's */
    uint8_t stop;       /* enum pbti_stop */
    char broken[256];   /* the first rule that was broken, in words; empty: none */
};

struct pbti_oracle *pbti_oracle_create(void);
void pbti_oracle_destroy(struct pbti_oracle *oracle);

/* An event of the journal. */
void pbti_oracle_event(struct pbti_oracle *oracle, uint64_t seq, const struct pbti_event *event);
/* The end of a batch. */
void pbti_oracle_batch(struct pbti_oracle *oracle);

/* Does the account agree with core's state? */
void pbti_oracle_compare(struct pbti_oracle *oracle, const struct pbti_state *state);

/* Is this claim in force? */
bool pbti_oracle_claimed(const struct pbti_oracle *oracle, uint32_t member, uint64_t claim);
/* Does anything start from this checkpoint, or ask to keep it? */
bool pbti_oracle_needs(const struct pbti_oracle *oracle, struct pbti_checkpoint checkpoint);

/* Remember the first broken rule. */
void pbti_oracle_blame(struct pbti_oracle *oracle, const char *format, ...) PBT_PRINTF(2, 3);

/*
 * oracle_rungs.c: steps to a member's next rung. Studies with rungs only, as all of oracle_rungs.c.
 */
uint64_t pbti_oracle_rungs_left(const struct pbti_config *config, uint32_t member, uint64_t steps);
/* oracle_rungs.c: a member that has reported may have reached a rung. */
void pbti_oracle_rungs_reach(struct pbti_oracle *oracle, uint32_t member);
/*
 * oracle_rungs.c: the kind that a decision on a member which is not through its budget must have.
 */
uint8_t pbti_oracle_rungs_verdict(const struct pbti_oracle *oracle,
                                  const struct pbti_event_decision *decision);
/* oracle_rungs.c: between two batches nobody waits at a rung without reason. */
void pbti_oracle_rungs_settled(struct pbti_oracle *oracle);

/* oracle_rules.c: is this decision what the rules ask for? Before it comes into force. */
void pbti_oracle_rules_check(struct pbti_oracle *oracle,
                             const struct pbti_event_decision *decision);
/* oracle_rules.c: what is compared: larger is better, and whatever is not finite is worst. */
double pbti_oracle_rules_key(const struct pbti_config *config, double score);
/* oracle_rules.c: is `a` better than `b`? */
bool pbti_oracle_rules_better(const struct pbti_config *config, double a, double b);
/* oracle_rules.c: has the member used its budget or the age of its weights? */
bool pbti_oracle_rules_through(const struct pbti_config *config, const struct pbti_seen *seen);
/* oracle_rules.c: what is left of a hyperparameter in the segment that is claimed */
double pbti_oracle_rules_left(const struct pbti_config *config, const struct pbti_seen *seen,
                              uint32_t hp);
/* oracle_rules.c: may it be copied from? */
bool pbti_oracle_rules_donor(const struct pbti_config *config, const struct pbti_seen *seen);

#endif
