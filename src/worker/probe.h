/* SPDX-License-Identifier: Apache-2.0 */
/* worker/probe.h - one short segment of a trainer that is being tried out, and comparing two of
 * them. */
#ifndef PBTI_WORKER_PROBE_H
#define PBTI_WORKER_PROBE_H

#include "study/store.h"
#include "worker/runner_sync.h"

/* Two results of the same question. */
enum pbti_likeness {
    PBTI_SAME,  /* scores and metrics to the last bit */
    PBTI_CLOSE, /* to PBTI_CLOSE_TOLERANCE, relative */
    PBTI_DIFFERENT
};
#define PBTI_CLOSE_TOLERANCE 1e-9

struct pbti_probe {
    uint8_t outcome; /* enum pbti_outcome */
    char message[PBTI_MESSAGE_MAX];
    uint32_t scores_count;
    double *scores;            /* owned */
    json_t *metrics;           /* owned; NULL: none */
    json_t *progress;          /* of the last progress with metrics; owned; NULL: none */
    uint64_t progress_step;    /* which it came with: a client sends some ten a second */
    json_t *read;              /* owned; NULL: the trainer does not say */
    json_t *in_force;          /* owned; NULL likewise */
    struct pbti_stored stored; /* when it saved */
    double seconds;            /* from the order to the answer, the start of the trainer left out */
    double publish_s;
    uint64_t steps; /* that were asked for */
    double start_s; /* 0: it was there already */
};

struct pbti_probe_order {
    uint64_t steps;
    uint32_t from; /* segment whose checkpoint it starts from; 0: fresh */
    bool keep;     /* the trainer has it in memory */
    uint32_t save; /* segment number of what it saves; 0: saves nothing */
    uint64_t age;
    uint64_t seed;
    const double *values;
    bool plain; /* fresh, and without the study's initial checkpoint */
};

/* Run one. What it saved is published; a trial whose checkpoint cannot be is not done. */
PBT_NODISCARD pbt_status pbti_probe_run(struct pbti_runner_sync *solo, struct pbti_store *store,
                                        const struct pbti_spec *spec,
                                        const struct pbti_probe_order *order,
                                        struct pbti_probe *trial, struct pbt_error *err);
void pbti_probe_release(struct pbti_probe *trial); /* accepts a zeroed one */

/* What differs between two runs of one order, and so says nothing. */
struct pbti_varying {
    bool scores;
    json_t *metrics;  /* names that differ; an object, owned */
    json_t *progress; /* names that were the same, at the same step; an object, owned */
};

/*
 * Compare scores, metrics that are in both, and progress metrics that are proven not to vary and
 * came with the same step.
 *
 * varying     may be NULL: nothing varies, and progress is left out
 * what        out: the first difference, for people; may be NULL
 */
enum pbti_likeness pbti_probe_compare(const struct pbti_probe *a, const struct pbti_probe *b,
                                      const struct pbti_varying *varying, char *what, size_t size);

/* Note what differs between two runs of one order. */
void pbti_probe_varying(const struct pbti_probe *a, const struct pbti_probe *b,
                        struct pbti_varying *varying);

#endif
