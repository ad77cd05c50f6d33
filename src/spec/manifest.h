/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec/manifest.h - every key of a spec, once: its type, field, range, default and meaning.
 *
 * The lists below drive reading, range checks, the "allowed here" of messages, the resolved spec
 * and docs/spec.md. A new key is a field in a struct and one X line here;
 * tests/spec/test_spec_keys.c fails until it is exercised there, too.
 *
 * Sentences are phrases in lower case without a full stop: they also appear inside messages.
 */
#ifndef PBTI_SPEC_MANIFEST_H
#define PBTI_SPEC_MANIFEST_H

#include "core/config.h"
#include "propose/acquisition.h"
#include "propose/kernel.h"
#include "spec/spec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* -------- words -------- */

#define PBTI_GOAL_LIST(X) X(PBTI_MINIMIZE, 0, "minimize") X(PBTI_MAXIMIZE, 1, "maximize")
#define PBTI_TIES_LIST(X) X(PBTI_TIES_KEEP, 0, "keep") X(PBTI_TIES_COPY, 1, "copy")
#define PBTI_SYNC_LIST(X) X(PBTI_SYNC_NORMAL, 0, "normal") X(PBTI_SYNC_FULL, 1, "full")
#define PBTI_SCALE_LIST(X) X(PBTI_SCALE_LINEAR, 0, "linear") X(PBTI_SCALE_LOG, 1, "log")
#define PBTI_SWITCH_LIST(X) X(PBTI_FALSE, 0, "false") X(PBTI_TRUE, 1, "true")
#define PBTI_COPY_LIST(X)                                                                          \
    X(PBTI_COPIES_WEIGHTS, PBTI_COPY_WEIGHTS, "weights")                                           \
    X(PBTI_COPIES_HYPERPARAMETERS, PBTI_COPY_HYPERPARAMETERS, "hyperparameters")                   \
    X(PBTI_COPIES_BOTH, PBTI_COPY_BOTH, "both")
#define PBTI_KEEP_LIST(X)                                                                          \
    X(PBTI_KEEP_FINAL, 0, "final")                                                                 \
    X(PBTI_KEEP_BEST_EVER, 1, "best_ever")                                                         \
    X(PBTI_KEEP_ALL, 2, "all")

#define PBTI_WORD_ENUM(id, value, text) id = (value),
enum pbti_goal_word { PBTI_GOAL_LIST(PBTI_WORD_ENUM) };
enum pbti_ties_word { PBTI_TIES_LIST(PBTI_WORD_ENUM) };
enum pbti_sync_word { PBTI_SYNC_LIST(PBTI_WORD_ENUM) };
enum pbti_scale_word { PBTI_SCALE_LIST(PBTI_WORD_ENUM) };
enum pbti_switch_word { PBTI_SWITCH_LIST(PBTI_WORD_ENUM) };
enum pbti_copy_word { PBTI_COPY_LIST(PBTI_WORD_ENUM) };
enum pbti_keep_word { PBTI_KEEP_LIST(PBTI_WORD_ENUM) };
#undef PBTI_WORD_ENUM

/* The two kinds of asha. */
#define PBTI_VARIANT_LIST(X)                                                                       \
    X(PBTI_VARIANT_PROMOTION, PBTI_RUNGS_PROMOTION, "promotion")                                   \
    X(PBTI_VARIANT_STOPPING, PBTI_RUNGS_STOPPING, "stopping")

/*
 * Strategies: X(id, value, name, exploits, explores, always, rungs, meaning). A strategy that does
 * not exploit (explore) sets exploit (explore) to none; `always` explores at every ready; `rungs`
 * is what config.rungs begins with.
 */
#define PBTI_STRATEGY_LIST(X)                                                                      \
    X(PBTI_STRATEGY_PBT, 0, "pbt", true, true, false, PBTI_RUNGS_NONE,                             \
      "population based training: exploit, then explore")                                          \
    X(PBTI_STRATEGY_SELECTION_ONLY, 1, "selection_only", true, false, false, PBTI_RUNGS_NONE,      \
      "exploit without explore")                                                                   \
    X(PBTI_STRATEGY_EXPLORE_ONLY, 2, "explore_only", false, true, true, PBTI_RUNGS_NONE,           \
      "explore at every ready without exploit")                                                    \
    X(PBTI_STRATEGY_RANDOM, 3, "random", false, false, false, PBTI_RUNGS_NONE,                     \
      "random search: every member trains alone with what it drew")                                \
    X(PBTI_STRATEGY_GRID, 4, "grid", false, false, false, PBTI_RUNGS_NONE,                         \
      "grid search: every member trains alone from one point of the product of values of every "   \
      "hyperparameter; asks for a population of as many as there are points")                      \
    X(PBTI_STRATEGY_HALVING, 5, "successive_halving", false, false, false, PBTI_RUNGS_HALVING,     \
      "all train to a rung, the best 1/`eta` of them to the next, and so on up to `steps`; asks "  \
      "for a population of which one gets there, if none is given")                                \
    X(PBTI_STRATEGY_HYPERBAND, 6, "hyperband", false, false, false, PBTI_RUNGS_HYPERBAND,          \
      "brackets of successive halving: from many members that begin at the lowest rung to a few "  \
      "that train to `steps` at once; asks for the population that they begin with, or that of "   \
      "fewer or more whole brackets")                                                              \
    X(PBTI_STRATEGY_ASHA, 7, "asha", false, false, false, PBTI_RUNGS_PROMOTION,                    \
      "successive halving without waiting: a member trains on as soon as it is among the best "    \
      "1/`eta` of those that reached its rung; asks for a population as successive_halving does")  \
    X(PBTI_STRATEGY_BAYES, 8, "bayes", false, false, false, PBTI_RUNGS_NONE,                       \
      "Bayesian optimisation: every member trains alone with what a Gaussian process, fitted to "  \
      "the others' last scores, hopes most from")                                                  \
    X(PBTI_STRATEGY_PBT_PAPER, 9, "pbt_paper", true, true, false, PBTI_RUNGS_NONE,                 \
      "pbt with the settings of the paper, whatever the defaults of pbt are: judged at each "      \
      "twentieth of `steps`, truncation of the worst and best fifth, factors 0.8 and 1.2, "        \
      "nothing "                                                                                   \
      "drawn from the prior again; written out as pbt with these settings")

enum pbti_strategy_id {
#define PBTI_STRATEGY_ENUM(id, value, ...) id = (value),
    PBTI_STRATEGY_LIST(PBTI_STRATEGY_ENUM)
#undef PBTI_STRATEGY_ENUM
};

/* The lists of words that a key may name, besides the strategies: X(id, list). */
#define PBTI_WORDS_LIST(X)                                                                         \
    X(GOAL, PBTI_GOAL_LIST)                                                                        \
    X(TIES, PBTI_TIES_LIST)                                                                        \
    X(SYNC, PBTI_SYNC_LIST)                                                                        \
    X(SCALE, PBTI_SCALE_LIST)                                                                      \
    X(SWITCH, PBTI_SWITCH_LIST)                                                                    \
    X(COPY, PBTI_COPY_LIST)                                                                        \
    X(KEEP, PBTI_KEEP_LIST)                                                                        \
    X(REDUCE, PBTI_REDUCE_LIST)                                                                    \
    X(MODE, PBTI_MODE_LIST)                                                                        \
    X(COMPARE, PBTI_COMPARE_LIST)                                                                  \
    X(EXPLOIT, PBTI_EXPLOIT_LIST)                                                                  \
    X(EXPLORE, PBTI_EXPLORE_LIST)                                                                  \
    X(VARIANT, PBTI_VARIANT_LIST)                                                                  \
    X(DECAY, PBTI_DECAY_LIST)                                                                      \
    X(KERNEL, PBTI_KERNEL_LIST)                                                                    \
    X(ACQUISITION, PBTI_ACQUISITION_LIST)                                                          \
    X(HP_KIND, PBTI_HP_KIND_LIST)

/* -------- sections: the maps of a spec -------- */

/*
 * X(id, path, brief, block, meaning)
 *
 * brief       the key that a value stands for when it is written in place of the map (`ready: 500`
 *             is `ready: {every: 500}`); "" none; "-" the value is a word of its own (`keep: all`)
 * block       the resolved spec writes it over several lines
 */
#define PBTI_SECTION_LIST(X)                                                                       \
    X(SPEC, "", "", true, "the spec itself")                                                       \
    X(TRAINER, "trainer", "", true,                                                                \
      "the user's training code; one of `command`, `one_shot` and `builtin` must be there")        \
    X(RESOURCES, "trainer.resources", "", false, "what one member is given")                       \
    X(LIMITS, "trainer.limits", "", false,                                                         \
      "a trainer that exceeds one is stopped with everything it started, and the segment "         \
      "is tried again")                                                                            \
    X(READY, "ready", "every", false, "when a member is judged")                                   \
    X(SCORE, "score", "", false, "the number that selection uses")                                 \
    X(REDUCE, "score.reduce", "-", false,                                                          \
      "how a list of scores becomes one; the word alone takes all scores of the report")           \
    X(STOP, "stop", "", false, "ends of the study other than the members' budgets")                \
    X(HYPERPARAMETER, "space.NAME", "", false,                                                     \
      "one hyperparameter; its name has at most 63 letters, digits, `_`, `-` and `.`, the first "  \
      "a letter or `_`")                                                                           \
    X(INITIAL, "initial", "", true, "where the members begin")                                     \
    X(STRATEGY, "strategy", "name", true, "what a member does next when it is ready")              \
    X(ACQUISITION, "strategy.acquisition", "name", false,                                          \
      "what is hoped for from a point, given what the model expects there and how sure it is; "    \
      "the point with most of it is proposed")                                                     \
    X(EXPLOIT, "strategy.exploit", "name", false,                                                  \
      "when a member takes over a better one's weights and hyperparameters")                       \
    X(FOUNDERS, "strategy.exploit.founders", "keep", false,                                        \
      "a floor under the number of founders: a member that is the only one left with weights "     \
      "that "                                                                                      \
      "descend from its founder's is not replaced while no more founders are left than `keep` of " \
      "the population, a share that falls in a line to none at `until` of `steps`; for the "       \
      "population alone, not for controls")                                                        \
    X(EXPLORE, "strategy.explore", "name", false, "how hyperparameters change after that")         \
    X(NOISE, "strategy.explore.noise", "", false, "noise in place of factors")                     \
    X(SCHEDULE, "strategy.explore.schedule.N", "", false, "one entry of a schedule")               \
    X(DECAY, "strategy.decay.NAME", "shape", false,                                                \
      "how one hyperparameter falls, from what the member holds to a part of it at `max_age`; "    \
      "linear, log and logit ones that are not frozen")                                            \
    X(CONTROLS, "strategy.controls", "", false,                                                    \
      "members beside the population, to compare with; they share its slots")                      \
    X(KEEP, "keep", "-", false, "how many of the best checkpoints outlive the study")              \
    X(LOGS, "logs", "", false, "what the trainers write to stdout and stderr")

enum pbti_section {
#define PBTI_SECTION_ENUM(id, ...) PBTI_SECTION_##id,
    PBTI_SECTION_LIST(PBTI_SECTION_ENUM)
#undef PBTI_SECTION_ENUM
        PBTI_SECTIONS
};

/* -------- keys -------- */

/* X(id, name): types of keys. For each, pbti_NAME_type (spec_read.h) reads, writes and names it. */
#define PBTI_TYPE_LIST(X)                                                                          \
    X(WHOLE32, whole32)         /* uint32_t */                                                     \
    X(WHOLE64, whole64)         /* uint64_t */                                                     \
    X(SHARE, share)             /* uint64_t, or a share of `steps` */                              \
    X(NUMBER, number)           /* double */                                                       \
    X(OPTIONAL, optional)       /* the target: a double and whether it is there */                 \
    X(GPUS, gpus)               /* double: 0, a share of one, or whole; below 0 = unset */         \
    X(WORD, word)               /* one byte: enum or bool, from a list of words */                 \
    X(STRATEGY, strategy)       /* sets exploit, explore and explore_always */                     \
    X(DURATION, duration)       /* uint64_t milliseconds; 0 = none */                              \
    X(SIZE, size)               /* uint64_t bytes */                                               \
    X(NAME, name)               /* char *: letters, digits, . _ - */                               \
    X(TEXT, text)               /* char * */                                                       \
    X(PATH, path)               /* char *, made absolute; NULL = none */                           \
    X(ARGUMENTS, arguments)     /* char ** and the trainer's kind */                               \
    X(SECTION, section)         /* a map with keys of its own */                                   \
    X(REDUCE, reduce)           /* uint8_t and how many */                                         \
    X(REDUCE_OVER, reduce_over) /* its mean and max */                                             \
    X(KEEP, keep)               /* keep_all and keep_top */                                        \
    X(FACTORS, factors)         /* list of numbers */                                              \
    X(SCHEDULE, schedule)       /* list of ages and values */                                      \
    X(DECAYS, decays)           /* map from hyperparameter to shape */                             \
    X(RESOLUTION, resolution)   /* places of every hyperparameter */                               \
    X(ENVIRONMENT, environment) /* json_t object of strings */                                     \
    X(FIXED, fixed)             /* json_t object of anything */                                    \
    X(SPACE, space)             /* map of hyperparameters */                                       \
    X(BOUND, bound)             /* double of a hyperparameter */                                   \
    X(CHOICES, choices)         /* values of a hyperparameter */                                   \
    X(POINTS, points)           /* list of maps from hyperparameter to value */                    \
    X(POINT, point)             /* one such map that lacks none */

enum pbti_type {
#define PBTI_TYPE_ENUM(id, name) PBTI_TYPE_##id,
    PBTI_TYPE_LIST(PBTI_TYPE_ENUM)
#undef PBTI_TYPE_ENUM
};

/* An entry of a schedule while it is read. */
struct pbti_schedule_entry {
    uint64_t age;
    double values[PBTI_HP_MAX];
};

/* Where a value goes: a field of the spec, of a hyperparameter, of a schedule's entry. */
#define PBTI_AT(field) offsetof(struct pbti_spec, field)
#define PBTI_AT_HP(field) offsetof(struct pbti_hp, field)
#define PBTI_AT_DECAY(field) offsetof(struct pbti_decay, field)
#define PBTI_AT_ENTRY(field) offsetof(struct pbti_schedule_entry, field)
#define PBTI_NOWHERE 0

/* What is allowed. */
#define PBTI_ANY                                                                                   \
    {                                                                                              \
        .whole_low = 0                                                                             \
    }
#define PBTI_WHOLE(from, to)                                                                       \
    {                                                                                              \
        .whole_low = (from), .whole_high = (to)                                                    \
    }
#define PBTI_WHOLE_OR(text, from, to)                                                              \
    {                                                                                              \
        .word = text, .whole_low = (from), .whole_high = (to)                                      \
    }
#define PBTI_REAL(from, to)                                                                        \
    {                                                                                              \
        .low = (from), .high = (to)                                                                \
    }
#define PBTI_ABOVE(from, to)                                                                       \
    {                                                                                              \
        .low = (from), .high = (to), .above = true                                                 \
    }
#define PBTI_ABOVE_OR(text, from, to)                                                              \
    {                                                                                              \
        .word = text, .low = (from), .high = (to), .above = true                                   \
    }
#define PBTI_ONE_OF(words)                                                                         \
    {                                                                                              \
        .list = PBTI_WORDS_##words                                                                 \
    }
#define PBTI_MAP_OF(id)                                                                            \
    {                                                                                              \
        .section = PBTI_SECTION_##id                                                               \
    }
#define PBTI_RUNS(kind)                                                                            \
    {                                                                                              \
        .trainer = PBTI_TRAINER_##kind                                                             \
    }
#define PBTI_UNBOUNDED 1.7976931348623157e308 /* DBL_MAX */

/* For which names (types) of its section a key is; 0 = all. */
#define PBTI_FOR_ALL 0u
#define PBTI_FOR(value) (1u << (value))
#define PBTI_FOR_BOUNDED                                                                           \
    (PBTI_FOR(PBTI_HP_LINEAR) | PBTI_FOR(PBTI_HP_LOG) | PBTI_FOR(PBTI_HP_LOGIT) |                  \
     PBTI_FOR(PBTI_HP_INTEGER))
#define PBTI_FOR_LISTED (PBTI_FOR(PBTI_HP_ORDINAL) | PBTI_FOR(PBTI_HP_CATEGORICAL))
#define PBTI_FOR_EXPLOITING                                                                        \
    (PBTI_FOR(PBTI_STRATEGY_PBT) | PBTI_FOR(PBTI_STRATEGY_PBT_PAPER) |                             \
     PBTI_FOR(PBTI_STRATEGY_SELECTION_ONLY))
#define PBTI_FOR_EXPLORING                                                                         \
    (PBTI_FOR(PBTI_STRATEGY_PBT) | PBTI_FOR(PBTI_STRATEGY_PBT_PAPER) |                             \
     PBTI_FOR(PBTI_STRATEGY_EXPLORE_ONLY))
#define PBTI_FOR_RACING                                                                            \
    (PBTI_FOR(PBTI_STRATEGY_HALVING) | PBTI_FOR(PBTI_STRATEGY_HYPERBAND) |                         \
     PBTI_FOR(PBTI_STRATEGY_ASHA))
#define PBTI_FOR_IMPROVING (PBTI_FOR(PBTI_ACQUISITION_EI) | PBTI_FOR(PBTI_ACQUISITION_PI))
#define PBTI_FOR_COPYING                                                                           \
    (PBTI_FOR(PBTI_EXPLOIT_TRUNCATION) | PBTI_FOR(PBTI_EXPLOIT_TOURNAMENT) |                       \
     PBTI_FOR(PBTI_EXPLOIT_TTEST))
#define PBTI_FOR_PERTURBING (PBTI_FOR(PBTI_EXPLORE_PERTURB) | PBTI_FOR(PBTI_EXPLORE_BOTH))
#define PBTI_FOR_RESAMPLING (PBTI_FOR(PBTI_EXPLORE_RESAMPLE) | PBTI_FOR(PBTI_EXPLORE_BOTH))
#define PBTI_FOR_FALLING (PBTI_FOR(PBTI_DECAY_COSINE) | PBTI_FOR(PBTI_DECAY_LINEAR))
#define PBTI_FOR_DRAWING (PBTI_FOR_PERTURBING | PBTI_FOR_RESAMPLING)

/*
 * X(section, key, type, where, allowed, for, default, meaning)
 *
 * default     YAML; "" the key must be there; "=..." computed, the words say how; "-" none: the key
 *             is a map with defaults of its own, or a choice that is not taken
 *
 * The order is that of the resolved spec and of reading: the name or type that others depend on
 * stands first in its section, and the space before whatever names hyperparameters.
 */
/* clang-format off */
#define PBTI_KEY_LIST(X)                                                                           \
    X(SPEC, study, NAME, PBTI_AT(study), PBTI_ANY, PBTI_FOR_ALL,                                   \
      "=the file's name without its ending", "name of the study")                                  \
    X(SPEC, seed, WHOLE64, PBTI_AT(config.seed), PBTI_WHOLE(0, UINT64_MAX), PBTI_FOR_ALL,          \
      "1", "all random numbers follow from it")                                                    \
    X(SPEC, trainer, SECTION, PBTI_NOWHERE, PBTI_MAP_OF(TRAINER), PBTI_FOR_ALL,                    \
      "", "the training code to run")                                                              \
    X(TRAINER, command, ARGUMENTS, PBTI_NOWHERE, PBTI_RUNS(COMMAND), PBTI_FOR_ALL,                 \
      "-", "a program that speaks the trainer protocol and stays alive between segments")          \
    X(TRAINER, one_shot, ARGUMENTS, PBTI_NOWHERE, PBTI_RUNS(ONE_SHOT), PBTI_FOR_ALL,               \
      "-", "a program that is run anew for every segment; `{lr}`, `{steps}`, `{load}`, `{save}` "  \
      "and the like are replaced in its arguments")                                                \
    X(TRAINER, builtin, ARGUMENTS, PBTI_NOWHERE, PBTI_RUNS(BUILTIN), PBTI_FOR_ALL,                 \
      "-", "name of a trainer that comes with pbt")                                                \
    X(TRAINER, directory, PATH, PBTI_AT(trainer.directory), PBTI_ANY, PBTI_FOR_ALL,                \
      "=the folder of the spec file", "where it runs; relative to the folder of the spec file")    \
    X(TRAINER, resources, SECTION, PBTI_NOWHERE, PBTI_MAP_OF(RESOURCES), PBTI_FOR_ALL,             \
      "-", "what one member is given")                                                             \
    X(RESOURCES, cpus, WHOLE32, PBTI_AT(trainer.cpus), PBTI_WHOLE(1, 4096), PBTI_FOR_ALL,          \
      "1", "processors of one member")                                                             \
    X(RESOURCES, gpus, GPUS, PBTI_AT(trainer.gpus), PBTI_REAL(0.0, 1024.0), PBTI_FOR_ALL,          \
      "unset", "GPUs of one member; 0.25 lets four share one; with 0 it is shown none; unset, it " \
      "sees what the worker sees")                                                                 \
    X(RESOURCES, threads, WHOLE32, PBTI_AT(trainer.threads), PBTI_WHOLE(1, 4096), PBTI_FOR_ALL,    \
      "1", "threads that it may use (`OMP_NUM_THREADS` and its like); part of the spec because "   \
      "results can depend on it")                                                                  \
    X(TRAINER, limits, SECTION, PBTI_NOWHERE, PBTI_MAP_OF(LIMITS), PBTI_FOR_ALL,                   \
      "-", "how long it may take")                                                                 \
    X(LIMITS, start, DURATION, PBTI_AT(trainer.start_ms), PBTI_WHOLE_OR("none", 1, 315360000000),  \
      PBTI_FOR_ALL, "5m", "from its start until every rank has said hello")                        \
    X(LIMITS, silence, DURATION, PBTI_AT(trainer.silence_ms),                                      \
      PBTI_WHOLE_OR("none", 1, 315360000000), PBTI_FOR_ALL, "10m",                                 \
      "between two messages while a segment runs; a one-shot trainer sends none and is not bound " \
      "by it")                                                                                     \
    X(LIMITS, segment, DURATION, PBTI_AT(trainer.segment_ms),                                      \
      PBTI_WHOLE_OR("none", 1, 315360000000), PBTI_FOR_ALL, "1d", "a whole segment")               \
    X(LIMITS, grace, DURATION, PBTI_AT(trainer.grace_ms), PBTI_WHOLE_OR("none", 1, 315360000000),  \
      PBTI_FOR_ALL, "10s", "between being asked to end (TERM) and being killed")                   \
    X(TRAINER, retries, WHOLE32, PBTI_AT(config.retries), PBTI_WHOLE(0, 1000), PBTI_FOR_ALL,       \
      "2", "further attempts of a segment that failed, with the same seed")                        \
    X(TRAINER, revivals, WHOLE32, PBTI_AT(config.revivals), PBTI_WHOLE(0, 1000), PBTI_FOR_ALL,     \
      "3", "times in a row that a failed member may be restarted from another one")                \
    X(TRAINER, environment, ENVIRONMENT, PBTI_AT(trainer.environment), PBTI_ANY, PBTI_FOR_ALL,     \
      "{}", "variables added to the environment of the worker")                                    \
    X(SPEC, population, WHOLE32, PBTI_AT(config.members), PBTI_WHOLE(1, PBTI_MEMBERS_MAX),         \
      PBTI_FOR_ALL, "=what the strategy asks for; must be there when it asks for none",            \
      "how many members are trained")                                                              \
    X(SPEC, steps, WHOLE64, PBTI_AT(config.steps), PBTI_WHOLE(1, PBTI_STEPS_MAX), PBTI_FOR_ALL,    \
      "", "each member's budget")                                                                  \
    X(SPEC, ready, SECTION, PBTI_NOWHERE, PBTI_MAP_OF(READY), PBTI_FOR_ALL,                        \
      "-", "when a member is judged")                                                              \
    X(READY, every, SHARE, PBTI_AT(config.ready_every), PBTI_WHOLE(1, PBTI_STEPS_MAX),             \
      PBTI_FOR_ALL, "=`steps` / 20, rounded up",                                                   \
      "steps between judgements, the length of a segment; or a share of `steps`, such as 10%, "    \
      "rounded up")                                                                                \
    X(READY, burn_in, SHARE, PBTI_AT(config.burn_in), PBTI_WHOLE(0, PBTI_STEPS_MAX),               \
      PBTI_FOR_ALL, "0",                                                                           \
      "a member with fewer steps is not judged; or a share of `steps`, such as 25%, rounded up")   \
    X(SPEC, max_age, WHOLE64, PBTI_AT(config.max_age), PBTI_WHOLE(1, PBTI_STEPS_MAX),              \
      PBTI_FOR_ALL, "=`steps`", "weights are never trained for more steps than this, counted "     \
      "through all their ancestors")                                                               \
    X(SPEC, score, SECTION, PBTI_NOWHERE, PBTI_MAP_OF(SCORE), PBTI_FOR_ALL,                        \
      "-", "the number that selection uses")                                                       \
    X(SCORE, name, TEXT, PBTI_AT(score_name), PBTI_ANY, PBTI_FOR_ALL,                              \
      "score", "what it is called in what people see")                                             \
    X(SCORE, goal, WORD, PBTI_AT(config.maximize), PBTI_ONE_OF(GOAL), PBTI_FOR_ALL,                \
      "maximize", "which direction is better")                                                     \
    X(SCORE, target, OPTIONAL, PBTI_AT(config.target), PBTI_REAL(-PBTI_UNBOUNDED, PBTI_UNBOUNDED), \
      PBTI_FOR_ALL, "none", "the study ends when a score reaches it")                              \
    X(SCORE, reduce, REDUCE, PBTI_AT(config.reduce), PBTI_ONE_OF(REDUCE), PBTI_FOR_ALL,            \
      "last", "how a list of scores becomes one")                                                  \
    X(REDUCE, mean, REDUCE_OVER, PBTI_AT(config.reduce_last), PBTI_WHOLE(1, PBTI_SCORES_MAX),      \
      PBTI_FOR_ALL, "-", "the mean of so many last scores")                                        \
    X(REDUCE, max, REDUCE_OVER, PBTI_AT(config.reduce_last), PBTI_WHOLE(1, PBTI_SCORES_MAX),       \
      PBTI_FOR_ALL, "-", "the largest of so many last scores")                                     \
    X(SPEC, stop, SECTION, PBTI_NOWHERE, PBTI_MAP_OF(STOP), PBTI_FOR_ALL,                          \
      "-", "when to end early")                                                                    \
    X(STOP, hours, NUMBER, PBTI_AT(stop_hours), PBTI_ABOVE_OR("none", 0, 1000000), PBTI_FOR_ALL,   \
      "none", "hours by the clock since the study began or was last amended, pauses included")     \
    X(STOP, plateau, WHOLE64, PBTI_AT(config.plateau), PBTI_WHOLE_OR("none", 1, PBTI_STEPS_MAX),   \
      PBTI_FOR_ALL, "none", "intervals (of `ready`) without a new best score")                     \
    X(SPEC, space, SPACE, PBTI_AT(config.space), PBTI_ANY, PBTI_FOR_ALL,                           \
      "", "the hyperparameters and their bounds")                                                  \
    X(HYPERPARAMETER, type, WORD, PBTI_AT_HP(kind), PBTI_ONE_OF(HP_KIND), PBTI_FOR_ALL,            \
      "", "what its values are, and the scale on which they are drawn and changed")                \
    X(HYPERPARAMETER, low, BOUND, PBTI_AT_HP(low), PBTI_ANY, PBTI_FOR_BOUNDED,                     \
      "", "the smallest value; log: above 0, logit: above 0")                                      \
    X(HYPERPARAMETER, high, BOUND, PBTI_AT_HP(high), PBTI_ANY, PBTI_FOR_BOUNDED,                   \
      "", "the largest value; logit: below 1")                                                     \
    X(HYPERPARAMETER, scale, WORD, PBTI_AT_HP(log_scale), PBTI_ONE_OF(SCALE),                      \
      PBTI_FOR(PBTI_HP_INTEGER), "linear",                                                         \
      "log: drawn uniformly in its logarithm; low is at least 1")                                  \
    X(HYPERPARAMETER, values, CHOICES, PBTI_NOWHERE, PBTI_ANY, PBTI_FOR_LISTED,                    \
      "", "the values: numbers or text; for ordinal in their order")                               \
    X(HYPERPARAMETER, frozen, WORD, PBTI_AT_HP(frozen), PBTI_ONE_OF(SWITCH), PBTI_FOR_ALL,         \
      "false", "structural, such as a layer's width: never changed, travels with the weights")     \
    X(SPEC, initial, SECTION, PBTI_NOWHERE, PBTI_MAP_OF(INITIAL), PBTI_FOR_ALL,                    \
      "-", "where the members begin")                                                              \
    X(INITIAL, checkpoint, PATH, PBTI_AT(initial_checkpoint), {.word = "none"}, PBTI_FOR_ALL,      \
      "none", "folder with weights that all members start from; relative to the folder of the "    \
      "spec file")                                                                                 \
    X(INITIAL, points, POINTS, PBTI_NOWHERE, PBTI_ANY, PBTI_FOR_ALL,                               \
      "[]", "hyperparameters of the first members; what a point does not name is drawn")           \
    X(SPEC, strategy, SECTION, PBTI_NOWHERE, PBTI_MAP_OF(STRATEGY), PBTI_FOR_ALL,                  \
      "-", "what a member does when it is ready")                                                  \
    X(STRATEGY, name, STRATEGY, PBTI_NOWHERE, PBTI_ONE_OF(STRATEGY), PBTI_FOR_ALL,                 \
      "pbt", "which strategy")                                                                     \
    X(STRATEGY, variant, WORD, PBTI_AT(config.rungs), PBTI_ONE_OF(VARIANT),                        \
      PBTI_FOR(PBTI_STRATEGY_ASHA), "=promotion",                                                  \
      "promotion: a member waits at a rung until it is among the best of it; stopping: it trains " \
      "on unless it is below the others' quantile 1 - 1/`eta`, and waits for nobody")              \
    X(STRATEGY, eta, WHOLE32, PBTI_AT(config.eta), PBTI_WHOLE(2, PBTI_ETA_MAX), PBTI_FOR_RACING,   \
      "=3", "one in so many trains on beyond a rung, for so many times the steps")                 \
    X(STRATEGY, min_steps, WHOLE64, PBTI_AT(config.rung_min), PBTI_WHOLE(1, PBTI_STEPS_MAX),       \
      PBTI_FOR_RACING, "=`ready.every`",                                                           \
      "no rung is lower; rungs are `steps`, `steps` / `eta`, and so on")                           \
    X(STRATEGY, initial, WHOLE32, PBTI_AT(bayes.initial), PBTI_WHOLE(1, PBTI_MEMBERS_MAX),         \
      PBTI_FOR(PBTI_STRATEGY_BAYES), "10",                                                         \
      "members that begin spread over the space, before there is a model")                         \
    X(STRATEGY, kernel, WORD, PBTI_AT(bayes.kernel), PBTI_ONE_OF(KERNEL),                          \
      PBTI_FOR(PBTI_STRATEGY_BAYES), "matern52",                                                   \
      "how the model expects scores to vary over the space: rbf very smoothly, matern52 less so, " \
      "matern32 roughly")                                                                          \
    X(STRATEGY, acquisition, SECTION, PBTI_NOWHERE, PBTI_MAP_OF(ACQUISITION),                      \
      PBTI_FOR(PBTI_STRATEGY_BAYES), "-", "what is hoped for from a point")                        \
    X(ACQUISITION, name, WORD, PBTI_AT(bayes.acquisition), PBTI_ONE_OF(ACQUISITION), PBTI_FOR_ALL, \
      "ei", "ei: expected improvement; pi: probability of one; ucb: upper confidence bound")       \
    X(ACQUISITION, xi, NUMBER, PBTI_AT(bayes.xi), PBTI_REAL(0, PBTI_UNBOUNDED), PBTI_FOR_IMPROVING,\
      "0", "so much improvement does not count, in standard deviations of the scores")             \
    X(ACQUISITION, kappa, NUMBER, PBTI_AT(bayes.kappa), PBTI_REAL(0, PBTI_UNBOUNDED),              \
      PBTI_FOR(PBTI_ACQUISITION_UCB), "1.96",                                                      \
      "so many standard deviations of the model are added; more looks further away")               \
    X(STRATEGY, resolution, RESOLUTION, PBTI_NOWHERE, PBTI_WHOLE(1, PBTI_MEMBERS_MAX),             \
      PBTI_FOR(PBTI_STRATEGY_GRID), "=3",                                                          \
      "values of every hyperparameter with bounds, which are among them, at equal distances on "   \
      "its scale; one: the middle; those with a list have all of it")                              \
    X(STRATEGY, mode, WORD, PBTI_AT(config.mode), PBTI_ONE_OF(MODE), PBTI_FOR_ALL,                 \
      "async", "async: a member is judged when it reports; generational: all reach the same "      \
      "step, then all are judged at once")                                                         \
    X(STRATEGY, compare, WORD, PBTI_AT(config.compare), PBTI_ONE_OF(COMPARE), PBTI_FOR_ALL,        \
      "latest", "with which scores of the others a member is compared: their latest, or those at " \
      "equal age; not for ttest")                                                                  \
    X(STRATEGY, exploit, SECTION, PBTI_NOWHERE, PBTI_MAP_OF(EXPLOIT), PBTI_FOR_EXPLOITING,         \
      "-", "when a member takes over a better one")                                                \
    X(EXPLOIT, name, WORD, PBTI_AT(config.exploit), PBTI_ONE_OF(EXPLOIT), PBTI_FOR_ALL,            \
      "truncation", "truncation: the worst copy from the best; tournament: from one drawn "        \
      "opponent that is better; ttest: from one that is significantly better (Welch)")             \
    X(EXPLOIT, quantile, NUMBER, PBTI_AT(config.quantile), PBTI_REAL(0, 0.5),                      \
      PBTI_FOR(PBTI_EXPLOIT_TRUNCATION), "0.2", "part of the population that is worst, and best")  \
    X(EXPLOIT, alpha, NUMBER, PBTI_AT(config.alpha), PBTI_ABOVE(0, 0.5),                           \
      PBTI_FOR(PBTI_EXPLOIT_TTEST), "0.05", "one-sided level of the test")                         \
    X(EXPLOIT, scores, WHOLE32, PBTI_AT(config.scores_min), PBTI_WHOLE(2, PBTI_SCORES_MAX),        \
      PBTI_FOR(PBTI_EXPLOIT_TTEST), "5", "fewest scores on either side")                           \
    X(EXPLOIT, gap, NUMBER, PBTI_AT(config.gap_min), PBTI_REAL(0, PBTI_UNBOUNDED),                 \
      PBTI_FOR_COPYING, "0", "copy only when the other is better by at least this")                \
    X(EXPLOIT, ties, WORD, PBTI_AT(config.ties_copy), PBTI_ONE_OF(TIES),                           \
      PBTI_FOR(PBTI_EXPLOIT_TRUNCATION), "keep",                                                   \
      "keep: a donor that is exactly as good is not copied; copy: it is")                          \
    X(EXPLOIT, founders, SECTION, PBTI_NOWHERE, PBTI_MAP_OF(FOUNDERS), PBTI_FOR_COPYING,           \
      "-", "a floor under the number of founders")                                                 \
    X(FOUNDERS, keep, NUMBER, PBTI_AT(config.founders_keep), PBTI_REAL(0, 1), PBTI_FOR_ALL,        \
      "", "share of the population that the floor begins with; 0: there is none")                  \
    X(FOUNDERS, until, NUMBER, PBTI_AT(config.founders_until), PBTI_ABOVE(0, 1), PBTI_FOR_ALL,     \
      "0.75", "share of `steps` at which the floor has fallen to none")                            \
    X(FOUNDERS, explore, WORD, PBTI_AT(config.founders_explore), PBTI_ONE_OF(SWITCH), PBTI_FOR_ALL,\
      "true", "a member that is kept so explores, as if it had been replaced by itself")           \
    X(STRATEGY, explore, SECTION, PBTI_NOWHERE, PBTI_MAP_OF(EXPLORE), PBTI_FOR_EXPLORING,          \
      "-", "how hyperparameters change")                                                           \
    X(EXPLORE, name, WORD, PBTI_AT(config.explore), PBTI_ONE_OF(EXPLORE), PBTI_FOR_ALL,            \
      "perturb", "perturb: change each a little; resample: draw some anew; both: resample some, "  \
      "perturb the others; schedule: follow given values")                                         \
    X(EXPLORE, factors, FACTORS, PBTI_NOWHERE, PBTI_ABOVE(0, PBTI_UNBOUNDED), PBTI_FOR_PERTURBING, \
      "[0.8, 1.2]", "each value is multiplied by one of them, drawn")                              \
    X(EXPLORE, noise, SECTION, PBTI_NOWHERE, PBTI_MAP_OF(NOISE), PBTI_FOR_PERTURBING,              \
      "-", "noise in place of factors")                                                            \
    X(NOISE, normal, NUMBER, PBTI_AT(config.noise), PBTI_ABOVE(0, PBTI_UNBOUNDED), PBTI_FOR_ALL,   \
      "", "standard deviation of normal noise, added on the hyperparameter's own scale")           \
    X(EXPLORE, probability, NUMBER, PBTI_AT(config.resample), PBTI_REAL(0, 1),                     \
      PBTI_FOR_RESAMPLING, "0.25", "with which each hyperparameter is drawn anew")                 \
    X(EXPLORE, schedule, SCHEDULE, PBTI_NOWHERE, PBTI_ANY, PBTI_FOR(PBTI_EXPLORE_SCHEDULE),        \
      "", "values by age of the weights, such as those of an earlier study's winner")              \
    X(SCHEDULE, age, WHOLE64, PBTI_AT_ENTRY(age), PBTI_WHOLE(0, PBTI_STEPS_MAX), PBTI_FOR_ALL,     \
      "", "from which age on; the first is 0, and they rise")                                      \
    X(SCHEDULE, values, POINT, PBTI_AT_ENTRY(values), PBTI_ANY, PBTI_FOR_ALL,                      \
      "", "every hyperparameter's value from that age on")                                         \
    X(EXPLORE, always, WORD, PBTI_AT(config.explore_always), PBTI_ONE_OF(SWITCH),                  \
      PBTI_FOR_DRAWING, "false",                                                                   \
      "explore at every ready, not only after an exploit; explore_only sets it")                   \
    X(STRATEGY, copy, WORD, PBTI_AT(config.copy), PBTI_ONE_OF(COPY), PBTI_FOR_ALL,                 \
      "both", "what exploit copies")                                                               \
    X(STRATEGY, lead, WHOLE32, PBTI_AT(config.lead), PBTI_WHOLE(0, PBTI_MEMBERS_MAX),              \
      PBTI_FOR_ALL, "0",                                                                           \
      "intervals that a member may run ahead of the others to spare a reload; async only")         \
    X(STRATEGY, decay, DECAYS, PBTI_NOWHERE, PBTI_ANY, PBTI_FOR_ALL,                               \
      "{}", "hyperparameters that fall with the age of the weights; bounds, copies and explore "   \
      "are of the value before the fall")                                                          \
    X(DECAY, shape, WORD, PBTI_AT_DECAY(shape), PBTI_ONE_OF(DECAY), PBTI_FOR_ALL,                  \
      "", "what is left of the value at the age at which a segment begins; cosine: half a wave; "  \
      "linear: a straight line; none: all of it")                                                  \
    X(DECAY, to, NUMBER, PBTI_AT_DECAY(to), PBTI_REAL(0, 1), PBTI_FOR_FALLING,                     \
      "0", "what is left of it at `max_age`")                                                      \
    X(STRATEGY, controls, SECTION, PBTI_NOWHERE, PBTI_MAP_OF(CONTROLS), PBTI_FOR_ALL,              \
      "-", "members beside the population, to compare with")                                       \
    X(CONTROLS, independent, WHOLE32, PBTI_AT(config.control_independent),                         \
      PBTI_WHOLE(0, PBTI_MEMBERS_MAX), PBTI_FOR_ALL, "0", "members that only train")               \
    X(CONTROLS, selection_only, WHOLE32, PBTI_AT(config.control_selection_only),                   \
      PBTI_WHOLE(0, PBTI_MEMBERS_MAX), PBTI_FOR_ALL, "0",                                          \
      "members that exploit among themselves and do not explore")                                  \
    X(SPEC, fixed, FIXED, PBTI_AT(fixed), PBTI_ANY, PBTI_FOR_ALL,                                  \
      "{}", "handed to the trainer unchanged")                                                     \
    X(SPEC, final_evaluation, FIXED, PBTI_AT(final_evaluation), PBTI_ANY, PBTI_FOR_ALL,            \
      "{}", "put over `fixed` for one more evaluation of the best network when the study has "     \
      "ended, on a test set for example; empty: none")                                             \
    X(SPEC, slots, WHOLE32, PBTI_AT(slots), PBTI_WHOLE_OR("auto", 1, 4096), PBTI_FOR_ALL,         \
      "auto", "trainers that run at once; auto: what processors, limits and GPUs allow")           \
    X(SPEC, keep, KEEP, PBTI_NOWHERE, PBTI_ONE_OF(KEEP), PBTI_FOR_ALL,                             \
      "best_ever", "which checkpoints are kept besides those in use: the best ever reported, the " \
      "members' last ones only, or all")                                                           \
    X(KEEP, top, WHOLE32, PBTI_AT(config.keep_top), PBTI_WHOLE(1, PBTI_KEEP_MAX), PBTI_FOR_ALL,    \
      "-", "so many of the best ever reported")                                                    \
    X(SPEC, sync, WORD, PBTI_AT(sync_full), PBTI_ONE_OF(SYNC), PBTI_FOR_ALL,                       \
      "full", "full: a report that was accepted survives power loss; normal: it survives a crash " \
      "of pbt, and is faster")                                                                     \
    X(SPEC, logs, SECTION, PBTI_NOWHERE, PBTI_MAP_OF(LOGS), PBTI_FOR_ALL,                          \
      "-", "what the trainers print")                                                              \
    X(LOGS, size, SIZE, PBTI_AT(log_bytes), PBTI_WHOLE(4096, 1ull << 40), PBTI_FOR_ALL,            \
      "10MiB", "of each member's log; the oldest part goes first")
/* clang-format on */

enum pbti_key_id {
#define PBTI_KEY_ENUM(section, key, ...) PBTI_KEY_##section##_##key,
    PBTI_KEY_LIST(PBTI_KEY_ENUM)
#undef PBTI_KEY_ENUM
        PBTI_KEYS
};

/* -------- the lists as tables (spec_keys.c) -------- */

struct pbti_word {
    uint32_t value;
    const char *text;
};

struct pbti_words {
    const struct pbti_word *words;
    uint32_t count;
};

enum pbti_words_id {
    PBTI_WORDS_NONE,
#define PBTI_WORDS_ENUM(id, list) PBTI_WORDS_##id,
    PBTI_WORDS_LIST(PBTI_WORDS_ENUM) PBTI_WORDS_STRATEGY,
#undef PBTI_WORDS_ENUM
};

struct pbti_allowed {
    uint64_t whole_low, whole_high;
    double low, high;
    bool above;                     /* `low` itself is not allowed */
    const char *word;               /* a word that stands for 0 or nothing */
    enum pbti_words_id list;        /* WORD and its like */
    enum pbti_section section;      /* SECTION */
    enum pbti_trainer_kind trainer; /* ARGUMENTS */
};

struct pbti_key {
    enum pbti_section section;
    const char *name;
    enum pbti_type type;
    size_t offset;
    struct pbti_allowed allowed;
    uint32_t names; /* bits: for which names of the section; 0 = all */
    const char *fallback;
    const char *meaning;
};

struct pbti_section_info {
    const char *path;
    const char *brief;
    bool block;
    const char *meaning;
};

struct pbti_strategy {
    const char *name;
    bool exploits, explores, always;
    uint8_t rungs; /* enum pbti_rungs */
    const char *meaning;
};

extern const struct pbti_key pbti_keys[PBTI_KEYS];
extern const struct pbti_section_info pbti_sections[PBTI_SECTIONS];
extern const struct pbti_strategy pbti_strategies[];
extern const uint32_t pbti_strategies_count;

const struct pbti_words *pbti_words(enum pbti_words_id id);

/* The text of a value; "?" when it is none of the words. */
const char *pbti_word_text(enum pbti_words_id id, uint32_t value);

/* The value of a text; false when it is none of the words. */
bool pbti_word_value(enum pbti_words_id id, const char *text, uint32_t *value);

/* The first key of a section, whose value other keys may depend on. */
const struct pbti_key *pbti_section_first(enum pbti_section section);

/* The key of that name in a section, or NULL. */
const struct pbti_key *pbti_key_find(enum pbti_section section, const char *name);

/* The section of the map (or of its entries) that a key holds; PBTI_SECTIONS: it holds none. */
enum pbti_section pbti_key_section(const struct pbti_key *key);

/* The only section that has a key of that name; PBTI_SECTIONS when there is none or several. */
enum pbti_section pbti_key_home(const char *name);

/*
 * Edits (insert, delete, replace, swap of neighbours) between two texts of at most 64 bytes; the
 * optimal string alignment distance. Longer texts are infinitely far apart: UINT32_MAX.
 */
uint32_t pbti_edits(const char *a, const char *b);

/* Keeps the nearest of the candidates offered; at most a third of the longer one's length away. */
struct pbti_nearest {
    const char *wanted;
    const char *found; /* NULL: none is near */
    uint32_t edits;
};
void pbti_nearest_offer(struct pbti_nearest *nearest, const char *candidate);

#endif
