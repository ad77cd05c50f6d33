/* SPDX-License-Identifier: Apache-2.0 */
/* cli/init_templates.h - what `pbt init` writes: a spec and a trainer for each kind. */
#ifndef PBTI_CLI_INIT_TEMPLATES_H
#define PBTI_CLI_INIT_TEMPLATES_H

#include <stdbool.h>

struct pbti_template {
    const char *kind;     /* as in --trainer */
    const char *spec;     /* the whole spec; NULL: made of the parts that follow */
    const char *trainer;  /* lines of the spec under `trainer:` */
    const char *space;    /* lines of the spec under `space:` */
    const char *rest;     /* further lines of the spec */
    const char *steps;    /* lines of the spec: steps and ready */
    const char *skeleton; /* name of the trainer's file; NULL: there is none */
    const char *skeleton_text;
    bool executable;
    const char *next; /* what to do before `pbt run`, or NULL; %s is the folder of the client */
};

/* Those of the table; NULL past its end. */
const struct pbti_template *pbti_template_at(unsigned index);

/* Of examples/, made by cmake/templates.cmake: trainers, and specs of frameworks. */
extern const char pbti_example_loop_trainer[];
#define PBTI_EXAMPLE(name)                                                                         \
    extern const char pbti_example_##name##_trainer[];                                             \
    extern const char pbti_example_##name##_spec[]
PBTI_EXAMPLE(digits);
PBTI_EXAMPLE(transformers);
PBTI_EXAMPLE(lightning);
PBTI_EXAMPLE(sb3);
PBTI_EXAMPLE(boosting);
PBTI_EXAMPLE(sklearn);
PBTI_EXAMPLE(jax);

/* The spec around them. */
extern const char pbti_template_head[];
extern const char pbti_template_tail[];

#endif
