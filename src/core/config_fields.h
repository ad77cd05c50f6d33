/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/config_fields.h - the plain fields of a config, once: default, range, what an amend may do,
 * which part of a strategy a field belongs to, and its place in the encoding.
 *
 *     X(kind, field, fallback, low, high, refusal, fixed, part)
 *
 * kind        how it is encoded: varint (uint64_t), u32, code (uint8_t), flag (bool), double; any:
 *             a double that is not checked here
 * fallback    the default, which pbti_config_default() sets; 0 where a spec must say it
 * low, high   the range, both ends included; NaN is outside
 * refusal     what pbti_config_invalid() says of a value that is outside
 * fixed       what pbti_config_unamendable() calls a field that no amend may change; NULL: it may
 * part        PBTI_PART_*: whose option it is (pbti_config_take)
 *
 * The key of a spec that sets a field, and its sentence, are in src/spec/manifest.h, with a range
 * and a default of their own: a change here is a change there.
 */
#ifndef PBTI_CORE_CONFIG_FIELDS_H
#define PBTI_CORE_CONFIG_FIELDS_H

#include <float.h>

/* Version 1, in the order of the encoding. Nothing is ever added here: see below. */
/* clang-format off */
#define PBTI_CONFIG_FIELDS(X)                                                                      \
    X(varint, seed, 1, 0, UINT64_MAX, "seed is out of range", "the seed", NONE)                    \
    X(u32, members, 0, 1, PBTI_MEMBERS_MAX, "members are out of range", NULL, NONE)                \
    X(u32, control_independent, 0, 0, PBTI_MEMBERS_MAX, "members are out of range",                \
      "the controls", NONE)                                                                        \
    X(u32, control_selection_only, 0, 0, PBTI_MEMBERS_MAX, "members are out of range",             \
      "the controls", NONE)                                                                        \
    X(varint, steps, 0, 1, PBTI_STEPS_MAX, "steps are out of range", NULL, NONE)                   \
    X(varint, ready_every, 0, 1, PBTI_STEPS_MAX, "ready is out of range", NULL, NONE)              \
    X(varint, burn_in, 0, 0, PBTI_STEPS_MAX, "burn_in is out of range", NULL, NONE)                \
    X(varint, max_age, 0, 1, PBTI_STEPS_MAX, "max_age is out of range", NULL, NONE)                \
    X(flag, maximize, true, 0, 1, "goal is not known", "the goal", NONE)                           \
    X(flag, has_target, false, 0, 1, "target is not known", NULL, NONE)                            \
    X(any, target, 0.0, 0.0, 0.0, "target is not finite", NULL, NONE)                              \
    X(code, reduce, PBTI_REDUCE_LAST, 0, PBTI_REDUCES - 1, "reduce is not known",                  \
      "how scores are reduced", NONE)                                                              \
    X(u32, reduce_last, 0, 0, PBTI_SCORES_MAX, "reduce is over too many scores",                   \
      "how scores are reduced", NONE)                                                              \
    X(code, mode, PBTI_ASYNC, 0, PBTI_MODES - 1, "mode is not known", "the mode", BOTH)            \
    X(code, compare, PBTI_COMPARE_LATEST, 0, PBTI_COMPARES - 1, "compare is not known",            \
      "what is compared", EXPLOIT)                                                                 \
    X(code, exploit, PBTI_EXPLOIT_TRUNCATION, 0, PBTI_EXPLOITS - 1, "exploit is not known", NULL,  \
      EXPLOIT)                                                                                     \
    X(code, explore, PBTI_EXPLORE_PERTURB, 0, PBTI_EXPLORES - 1, "explore is not known", NULL,     \
      EXPLORE)                                                                                     \
    X(flag, explore_always, false, 0, 1, "explore is not known", NULL, NONE)                       \
    X(code, copy, PBTI_COPY_BOTH, 1, PBTI_COPY_BOTH, "copy is not known", NULL, EXPLOIT)           \
    X(double, quantile, 0.2, 0.0, 0.5, "quantile is out of range", NULL, EXPLOIT)                  \
    X(double, alpha, 0.05, 0.0, 0.5, "alpha is out of range", NULL, EXPLOIT)                       \
    X(u32, scores_min, 5, 2, PBTI_SCORES_MAX, "scores is out of range", NULL, EXPLOIT)             \
    X(double, gap_min, 0.0, 0.0, DBL_MAX, "gap is out of range", NULL, EXPLOIT)                    \
    X(double, noise, 0.0, 0.0, DBL_MAX, "noise is out of range", NULL, EXPLORE)                    \
    X(double, resample, 0.25, 0.0, 1.0, "resample is not a probability", NULL, EXPLORE)            \
    X(u32, lead, 0, 0, UINT32_MAX, "lead is out of range", NULL, BOTH)                             \
    X(u32, retries, 2, 0, UINT32_MAX, "retries are out of range", NULL, NONE)                      \
    X(u32, revivals, 3, 0, UINT32_MAX, "revivals are out of range", NULL, NONE)                    \
    X(varint, plateau, 0, 0, PBTI_STEPS_MAX, "plateau is out of range", NULL, NONE)                \
    X(flag, keep_all, false, 0, 1, "keep is out of range", NULL, NONE)                             \
    X(u32, keep_top, 1, 0, PBTI_KEEP_MAX, "keep is out of range", "what is kept", NONE)

/*
 * Fields that name themselves, since version 4: X(id, ...) and the columns above. An encoded config
 * has those that differ from their fallback, each with its id and its size, and is of version 4 if
 * it has any. So a study that uses none is written as before, two branches that add a field each
 * merge, and a program that does not know a field says which. Ids are never used again.
 */
#define PBTI_CONFIG_NAMED_FIELDS(X)                                                                \
    X(1, double, founders_keep, 0.0, 0.0, 1.0, "founders.keep is out of range", NULL, EXPLOIT)     \
    X(2, double, founders_until, PBTI_FOUNDERS_UNTIL, 0.0, 1.0,                                    \
      "founders.until is out of range", NULL, EXPLOIT)                                             \
    X(3, flag, founders_explore, true, 0, 1, "founders.explore is out of range", NULL, EXPLOIT)    \
    X(4, flag, ties_copy, false, 0, 1, "ties is not known", NULL, EXPLOIT)                         \
    X(5, flag, revive, false, 0, 1, "revive is not known", NULL, NONE)
/* clang-format on */

/* Both lists as one. */
#define PBTI_CONFIG_ALL_FIELDS(X, Y) PBTI_CONFIG_FIELDS(X) PBTI_CONFIG_NAMED_FIELDS(Y)

#endif
