/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/config.h - everything a decision depends on, besides the events: the space and the rules.
 *
 * Made from a spec (room spec), carried by the first event of a study and by every amend event, so
 * that a journal explains itself. Plain data without pointers. How the fields are called in a spec,
 * their ranges and their defaults: src/spec/manifest.h.
 */
#ifndef PBTI_CORE_CONFIG_H
#define PBTI_CORE_CONFIG_H

#include "core/decay.h"
#include "core/names.h"
#include "core/space.h"

/*
 * Which rules a study's decisions are made by. 2: only a strictly better member is copied, unless
 * the config says ties_copy; 1: a tie is broken by the members' index, and copied. A study
 * keeps the rules that it began with, for ever; one that never exploits is of version 1, which is
 * the same for it and which older programs read.
 */
#define PBTI_RULES_VERSION 2        /* of new studies; older ones are known, too */
#define PBTI_CONFIG_VERSION 4       /* the newest encoding of a config */
#define PBTI_MEMBERS_MAX 1000000u   /* population and controls together */
#define PBTI_RUNG_MEMBERS_MAX 4096u /* population of a study with rungs */
#define PBTI_ETA_MAX 1000u
#define PBTI_ETA_DEFAULT 3u           /* as in the papers */
#define PBTI_PLACES_DEFAULT 3u        /* of each hyperparameter in a grid */
#define PBTI_FACTORS_MAX 16           /* factors of explore: perturb */
#define PBTI_POINT_VALUES_MAX 16384   /* starting points times hyperparameters */
#define PBTI_SCHEDULE_MAX 4096        /* entries of a schedule */
#define PBTI_NAMED_FIELD_MAX 65536    /* bytes of a field that names itself */
#define PBTI_FOUNDERS_UNTIL 0.75      /* default of founders.until */
#define PBTI_SCORES_MAX 4096          /* scores in one report */
#define PBTI_KEEP_MAX 1000            /* keep: {top: K} */
#define PBTI_EQUAL_AGE_MAX (1u << 26) /* compare equal_age: members times intervals of max_age */
#define PBTI_STEPS_MAX (1ull << 53)   /* steps and ages are exact in a double */

/* The lists below are X(name, value, text); values are part of the journal's format. */
#define PBTI_MODE_LIST(X) X(PBTI_ASYNC, 0, "async") X(PBTI_GENERATIONAL, 1, "generational")

/*
 * Rules: X(Y, name, value, text, rule). `rule` is the suffix of the rule's table entry, which the
 * rule's own file defines: pbti_exploit_truncation in exploit_truncation.c (exploit.h), and so on.
 * Y is handed through, so that a list of rules is a list of words, too.
 */
#define PBTI_EXPLOIT_RULES(X, Y)                                                                   \
    X(Y, PBTI_EXPLOIT_NONE, 0, "none", none)                                                       \
    X(Y, PBTI_EXPLOIT_TRUNCATION, 1, "truncation", truncation)                                     \
    X(Y, PBTI_EXPLOIT_TOURNAMENT, 2, "tournament", tournament)                                     \
    X(Y, PBTI_EXPLOIT_TTEST, 3, "ttest", ttest)

#define PBTI_EXPLORE_RULES(X, Y)                                                                   \
    X(Y, PBTI_EXPLORE_NONE, 0, "none", none)                                                       \
    X(Y, PBTI_EXPLORE_PERTURB, 1, "perturb", perturb)                                              \
    X(Y, PBTI_EXPLORE_RESAMPLE, 2, "resample", resample)                                           \
    X(Y, PBTI_EXPLORE_BOTH, 3, "both", both)                                                       \
    X(Y, PBTI_EXPLORE_SCHEDULE, 4, "schedule", schedule)

#define PBTI_WORD_OF_RULE(Y, name, value, text, rule) Y(name, value, text)
#define PBTI_EXPLOIT_LIST(Y) PBTI_EXPLOIT_RULES(PBTI_WORD_OF_RULE, Y)
#define PBTI_EXPLORE_LIST(Y) PBTI_EXPLORE_RULES(PBTI_WORD_OF_RULE, Y)

/* How members are compared at rungs (rungs.h), if at all. */
#define PBTI_RUNGS_LIST(X)                                                                         \
    X(PBTI_RUNGS_NONE, 0, "none")                                                                  \
    X(PBTI_RUNGS_HALVING, 1, "successive_halving")                                                 \
    X(PBTI_RUNGS_HYPERBAND, 2, "hyperband")                                                        \
    X(PBTI_RUNGS_PROMOTION, 3, "promotion")                                                        \
    X(PBTI_RUNGS_STOPPING, 4, "stopping")

#define PBTI_REDUCE_LIST(X)                                                                        \
    X(PBTI_REDUCE_LAST, 0, "last") X(PBTI_REDUCE_MEAN, 1, "mean") X(PBTI_REDUCE_MAX, 2, "max")

#define PBTI_COMPARE_LIST(X)                                                                       \
    X(PBTI_COMPARE_LATEST, 0, "latest") X(PBTI_COMPARE_EQUAL_AGE, 1, "equal_age")

#define PBTI_ENUM_(name, value, text) name = (value),
enum pbti_mode { PBTI_MODE_LIST(PBTI_ENUM_) };
enum pbti_exploit { PBTI_EXPLOIT_LIST(PBTI_ENUM_) };
enum pbti_explore { PBTI_EXPLORE_LIST(PBTI_ENUM_) };
enum pbti_rungs { PBTI_RUNGS_LIST(PBTI_ENUM_) };
enum pbti_reduce { PBTI_REDUCE_LIST(PBTI_ENUM_) };
enum pbti_compare { PBTI_COMPARE_LIST(PBTI_ENUM_) };
#undef PBTI_ENUM_

#define PBTI_MODES PBTI_COUNT(PBTI_MODE_LIST)
#define PBTI_EXPLOITS PBTI_COUNT(PBTI_EXPLOIT_LIST)
#define PBTI_EXPLORES PBTI_COUNT(PBTI_EXPLORE_LIST)
#define PBTI_RUNGS_KINDS PBTI_COUNT(PBTI_RUNGS_LIST)
#define PBTI_REDUCES PBTI_COUNT(PBTI_REDUCE_LIST)
#define PBTI_COMPARES PBTI_COUNT(PBTI_COMPARE_LIST)

const char *pbti_mode_name(uint8_t mode);
const char *pbti_exploit_name(uint8_t exploit);
const char *pbti_explore_name(uint8_t explore);
const char *pbti_reduce_name(uint8_t reduce);
const char *pbti_compare_name(uint8_t compare);

/* What exploit copies; a set of bits. */
#define PBTI_COPY_WEIGHTS 1u
#define PBTI_COPY_HYPERPARAMETERS 2u
#define PBTI_COPY_BOTH 3u

/* Parts of a strategy that fields belong to (config_fields.h); a set of bits. */
#define PBTI_PART_NONE 0u
#define PBTI_PART_EXPLOIT 1u
#define PBTI_PART_EXPLORE 2u
#define PBTI_PART_BOTH 4u /* of a strategy that has either */

/* Plain fields are listed in config_fields.h, with default and range. */
struct pbti_config {
    uint32_t rules; /* 1 .. PBTI_RULES_VERSION */
    uint64_t seed;

    /* the population */
    uint32_t members;                /* 1 .. ; the population proper: members 0 .. members-1 */
    uint32_t control_independent;    /* members after it that only train */
    uint32_t control_selection_only; /* after those: exploit among themselves, no explore */

    /* time */
    uint64_t steps;       /* each member's budget, at least 1 */
    uint64_t ready_every; /* steps of a segment, 1 .. */
    uint64_t burn_in;     /* a member with fewer steps is not judged */
    uint64_t max_age;     /* weights are never trained beyond this age, at least 1 */

    /* score */
    bool maximize;
    bool has_target;
    double target;        /* stop when a score reaches it; finite */
    uint8_t reduce;       /* enum pbti_reduce: how a list of scores becomes one; max: the best */
    uint32_t reduce_last; /* mean, max: over this many last scores; 0 = all */

    /* strategy */
    uint8_t mode;           /* enum pbti_mode */
    uint8_t compare;        /* enum pbti_compare; truncation and tournament */
    uint8_t exploit;        /* enum pbti_exploit */
    uint8_t explore;        /* enum pbti_explore */
    bool explore_always;    /* explore at every ready, not only after an exploit (ablation) */
    uint8_t copy;           /* PBTI_COPY_* */
    double quantile;        /* truncation: [0, 0.5] */
    double alpha;           /* ttest: one-sided level, (0, 0.5] */
    uint32_t scores_min;    /* ttest: fewest scores on either side, at least 2 */
    bool ties_copy;         /* truncation: a donor that is as good as the member is copied, too */
    double gap_min;         /* replace only when the donor is better by at least this; >= 0 */
    double founders_keep;   /* floor under the founders, as a share of the population; 0 = none */
    double founders_until;  /* share of the budget at which the floor has fallen to 0, (0, 1] */
    bool founders_explore;  /* the last of a line explores in place instead */
    uint32_t factors_count; /* 1 .. PBTI_FACTORS_MAX unless noise > 0 */
    double factors[PBTI_FACTORS_MAX]; /* > 0, finite */
    double noise;                     /* standard deviation; > 0 takes the place of the factors */
    double resample;                  /* probability of drawing anew, [0, 1] */
    uint32_t lead;                    /* intervals that a member may run ahead to spare a reload */
    struct pbti_decay decay[PBTI_HP_MAX]; /* by hyperparameter; linear, log, logit, not frozen */

    /* grid: the population is the product of so many places of each hyperparameter (grid.h) */
    bool grid;
    uint32_t places[PBTI_HP_MAX]; /* 1 .. when there is a grid, else 0 */

    /* rungs: whether a member trains on is decided there; steps is the largest resource */
    uint8_t rungs;     /* enum pbti_rungs */
    uint32_t eta;      /* 2 .. PBTI_ETA_MAX with rungs, else 0; one in eta trains on */
    uint64_t rung_min; /* no rung is below so many steps; 1 .. steps with rungs, else 0 */

    /* proposals: a member of the population begins with values that a worker proposed, in an event
     * of their own; those with a starting point begin with that */
    bool proposals;

    /* trouble, ends, what is kept */
    uint32_t retries;  /* further attempts of a segment that failed */
    uint32_t revivals; /* times in a row that a failed member may be restarted from another */
    bool revive;       /* amend only, and of it alone: members given up are tried again */
    uint64_t plateau;  /* stop when the best score is this many intervals old; 0 = never */
    bool keep_all;     /* delete no checkpoint */
    uint32_t keep_top; /* best checkpoints ever reported to keep; best_ever: 1, final: 0 */

    /* explore: schedule: from age schedule_age[i] on, values schedule[i * space.count + hp]; the
     * ages rise strictly from 0; the controls do not follow it */
    uint32_t schedule_count;
    uint64_t schedule_age[PBTI_SCHEDULE_MAX];
    double schedule[PBTI_POINT_VALUES_MAX];

    /* starting points: values[point * space.count + hp]; NaN = draw from the prior */
    uint32_t points_count;
    struct pbti_space space;
    double points[PBTI_POINT_VALUES_MAX];
};

/* Fill with the defaults of config_fields.h: no members, no space, no steps. */
void pbti_config_default(struct pbti_config *config);

/* NULL when every field obeys the comments above, else the rule that is broken (static storage). */
const char *pbti_config_invalid(const struct pbti_config *config);

/*
 * NULL when a study that runs under `now` may go on under `next`, else what may not be changed:
 * rules, seed, goal, reduce, mode, compare, keep, the space, the decay, the grid, the starting
 * points, and the population of a study with controls stay; with rungs the steps and the
 * population, too.
 */
const char *pbti_config_unamendable(const struct pbti_config *now, const struct pbti_config *next);

/* An amended config, made by today's defaults, goes on under the rules that the study has. */
void pbti_config_keep_rules(const struct pbti_config *now, struct pbti_config *next);

/* Take over the options of some parts (PBTI_PART_*) from another config. */
void pbti_config_take(struct pbti_config *config, const struct pbti_config *own, unsigned part);

/* May members be compared at equal age under this rule? */
bool pbti_exploit_compares(uint8_t exploit);

/*
 * NULL when a report of `count` scores can be judged by the config's exploit rule, else what is
 * missing (static storage). No score at all is always allowed: the member ranks last.
 */
const char *pbti_exploit_refuses(const struct pbti_config *config, uint32_t count);

/* All members, controls included. */
uint32_t pbti_config_members(const struct pbti_config *config);

/* Decay is for numbers that a trainer may get at any age: linear, log, logit, and not frozen. */
bool pbti_hp_may_decay(const struct pbti_hp *hp);

/*
 * The version of the encoding: the lowest that holds all that the config says, so that a study that
 * uses nothing new is read by older programs, too, and has one encoding only.
 */
uint8_t pbti_config_version(const struct pbti_config *config);
/* Without the rules, which stand in front of it. */
void pbti_config_encode(const struct pbti_config *config, struct pbti_writer *writer);
/* Reads what encode wrote in that version; sets reader->failed on another version than the config's
 * own, and on anything pbti_config_invalid() would refuse. */
void pbti_config_decode(struct pbti_config *config, uint8_t version, struct pbti_reader *reader);

/* Of an encoded config of version 4 or later: does it have a field that is not known here? */
bool pbti_config_unknown_field(struct pbti_reader *reader, uint32_t *unknown);

#endif
