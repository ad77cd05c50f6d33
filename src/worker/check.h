/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/check.h - trying out a trainer before a long run (`pbt check SPEC`).
 *
 * The trainer is run for a few short segments in a temporary folder and asked the questions that a
 * study would otherwise answer days later. A question that cannot be answered (the trainer does not
 * give the same result twice for one seed) is said to be open, not guessed.
 */
#ifndef PBTI_WORKER_CHECK_H
#define PBTI_WORKER_CHECK_H

#include "spec/spec.h"

/* How much a finding matters. X(name, value, text) */
#define PBTI_SEVERITY_LIST(X)                                                                      \
    X(PBTI_FINDING_GOOD, 0, "good")       /* asked and answered well */                            \
    X(PBTI_FINDING_NOTE, 1, "note")       /* worth knowing, or could not be found out */           \
    X(PBTI_FINDING_WARNING, 2, "warning") /* probably not what was meant */                        \
    X(PBTI_FINDING_PROBLEM, 3, "problem") /* the study would be wrong, or not run at all */

enum pbti_severity {
#define PBTI_SEVERITY_ENUM(name, value, text) name = (value),
    PBTI_SEVERITY_LIST(PBTI_SEVERITY_ENUM)
#undef PBTI_SEVERITY_ENUM
};

const char *pbti_severity_name(uint8_t severity);

/*
 * Names of findings, stable: program, start, protocol, segment (a segment failed), score, metrics,
 * deterministic, continues, fresh_again, keep, load, initial, in_force, read, effect, restored,
 * seed, steps, evaluate, checkpoint.
 */
struct pbti_finding {
    uint8_t severity;
    char name[24];
    char hyperparameter[PBTI_HP_NAME_MAX]; /* that it is about; "" = none */
    char text[1200];                       /* a sentence or two: what was seen */
    char hint[300];                        /* what to do; may be empty */
};

struct pbti_check_result {
    struct pbti_finding *findings; /* owned */
    size_t count;
    bool complete;  /* false: a problem ended it early; the measurements are not there */
    uint64_t steps; /* of the short segments */

    /* measured, seconds */
    double start_s; /* from exec to hello */
    double step_s;
    double evaluate_s; /* a task of zero steps */
    double save_s;     /* in the trainer and by the worker */
    double load_s;
    uint32_t files; /* of a checkpoint */
    uint64_t bytes;

    /* what the study will cost, from the above */
    uint64_t member_steps; /* of all members together */
    uint64_t segments;
    uint32_t slots;
    double hours;
    uint64_t disk_bytes; /* at any time */
};

struct pbti_check_opts {
    size_t struct_size;  /* set by pbti_check_opts_default() */
    const char *program; /* as in struct pbti_run_opts */
    const char *clients;
    uint64_t steps;    /* of a short segment; 0 = a tenth of `ready`, at least 3 or
                      `ready`; five segments never go past max_age */
    double patience_s; /* hyperparameters are tried one by one if that takes less; default 120 */
    bool (*builtin_known)(const char *name);        /* may be NULL */
    void (*doing)(void *context, const char *what); /* "loading in a fresh process"; may be NULL */
    void *context;
};

struct pbti_check_opts pbti_check_opts_default(void);

/*
 * Try out the trainer of a spec. What is wrong with the trainer is a finding; an error is what kept
 * us from trying.
 *
 * result      out; owned by the caller, release with pbti_check_release(), also after an error
 * Errors      PBT_EIO, PBT_ENOMEM, PBT_EINVAL (unknown builtin, more cpus or gpus than there are)
 * Blocking    as long as the trainer takes
 */
PBT_NODISCARD pbt_status pbti_check(const struct pbti_spec *spec,
                                    const struct pbti_check_opts *opts,
                                    struct pbti_check_result *result, struct pbt_error *err);

void pbti_check_release(struct pbti_check_result *result);

#endif
