/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/checker.h - follows the true journal, checks everything in it, and remembers what was
 * decided.
 *
 * For every event: a decision is made anew by core and must be the same (rule 11); the witness
 * looks at it; core folds it. After every batch: core's own invariants hold (pbti_state_check), no
 * decision is owed, and the witness's account agrees with core's state.
 */
#ifndef PBTI_SIM_CHECKER_H
#define PBTI_SIM_CHECKER_H

#include "journal/journal.h"
#include "sim/coverage.h"
#include "sim/oracle.h"

#include <stdio.h>

struct pbti_verdict { /* a decision, as far as it must not depend on the order of arrival */
    uint32_t member, segment;
    uint64_t hash;
};

struct pbti_checker {
    struct pbti_journal *journal;     /* the true one; borrowed */
    struct pbti_state *state;         /* NULL before the first event */
    void *block;                      /* owned */
    struct pbti_oracle *oracle;       /* owned */
    struct pbti_scratch *read, *made; /* owned */
    struct pbti_verdict *verdicts;    /* owned; in the order of the journal */
    uint32_t verdicts_count, verdicts_capacity;
    uint64_t seq;
    struct pbti_coverage coverage;
    uint64_t trace;  /* hash of everything that was seen */
    FILE *log;       /* may be NULL */
    uint64_t now_ms; /* for the log */
};

void pbti_checker_init(struct pbti_checker *checker, struct pbti_journal *journal, FILE *log);
void pbti_checker_deinit(struct pbti_checker *checker);

/* Read what was appended since. True when there was something. What is wrong is in
 * witness->broken. */
bool pbti_checker_look(struct pbti_checker *checker);

/* Mix into the trace. */
void pbti_checker_trace(struct pbti_checker *checker, uint64_t value);

#endif
