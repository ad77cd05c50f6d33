/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainers.h - the builtin trainers: `builtin: NAME` in a study's spec.
 *
 * A builtin trainer is the `pbt` program run again as a child process; it speaks the trainer
 * protocol like any other trainer (docs/protocol.md). README.md says how to add one.
 */
#ifndef PBT_TRAINERS_H
#define PBT_TRAINERS_H

#include <stddef.h>

/* The first member of a struct pbti_builtin (host/builtin.h). */
struct pbt_trainer {
    const char *name;    /* as in the spec */
    const char *summary; /* one line for people */
};

/* The trainer of this name, or NULL. Static storage. */
const struct pbt_trainer *pbt_trainer_find(const char *name);

/* The trainer at place `index` of the table, or NULL behind the last one. Static storage. */
const struct pbt_trainer *pbt_trainer_at(size_t index);

/*
 * The whole trainer, until the worker says exit; or, behind its name, `use --directory DIR` and
 * what a user gave to `pbt use`: restore the task that stands in the environment, and use its
 * network.
 *
 * argv        in, shape (argc), with the trainer's name
 *
 * Returns the exit code of the process; prints what went wrong to stderr, the trainer's log.
 */
int pbt_trainer_run(const struct pbt_trainer *trainer, int argc, char **argv);

/* What the module `trainers` offers: the functions above, under their names. */
struct pbt_trainers {
    const struct pbt_trainer *(*find)(const char *name);
    const struct pbt_trainer *(*at)(size_t index);
    int (*run)(const struct pbt_trainer *trainer, int argc, char **argv);
};
extern const struct pbt_trainers pbt_trainers; /* inside the module */

#endif
