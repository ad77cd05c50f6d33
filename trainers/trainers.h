/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainers.h - the builtin trainers: `builtin: NAME` in a study's spec.
 *
 * A builtin trainer is the `pbt` program run again as a child process; it speaks the trainer
 * protocol like any other trainer (docs/protocol.md). Adding one is a folder here and a line in the
 * table of trainers.c.
 */
#ifndef PBT_TRAINERS_H
#define PBT_TRAINERS_H

#include <stddef.h>

struct pbt_trainer {
    const char *name;    /* as in the spec */
    const char *summary; /* one line for people */
    /* The whole trainer, until the worker says exit. Returns the exit code of the process. */
    int (*run)(int argc, char **argv);
};

/* The trainer of this name, or NULL. Static storage. */
const struct pbt_trainer *pbt_trainer_find(const char *name);

/* The trainer at place `index` of the table, or NULL behind the last one. Static storage. */
const struct pbt_trainer *pbt_trainer_at(size_t index);

/* `builtin: classify`: a multilayer perceptron on images, docs/classify.md. Takes no arguments. */
int pbt_trainer_classify(int argc, char **argv);
/* `builtin: a2c`: an advantage actor-critic on small games, docs/a2c.md. Takes no arguments. */
int pbt_trainer_a2c(int argc, char **argv);

#endif
