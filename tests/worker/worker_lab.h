/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/worker/worker_lab.h - whole studies with real processes, in a temporary folder.
 *
 * The test program is its own shim: its main calls lab_main() first. Every trainer that is started
 * carries an environment variable of this lab, by which lab_processes() finds what was left behind.
 */
#ifndef PBT_TESTS_WORKER_LAB_H
#define PBT_TESTS_WORKER_LAB_H

#include "worker/run.h"

#include <sys/types.h>

#define LAB_REPORTS_MAX 256
#define LAB_WARNINGS_MAX 32

struct lab_report {
    uint32_t member, segment, attempt;
    uint8_t outcome;
    bool withdrawn; /* a note instead of a report: the failure is not the member's */
    uint32_t scores_count;
    double score; /* the last of them */
    uint32_t files;
    uint64_t bytes;
    uint32_t train_ms;
    char message[512];
    char metrics[256];
};

struct lab {
    char dir[64];   /* temporary; removed by lab_close() */
    char study[80]; /* the study folder in it */
    char mark[40];  /* value of PBT_LAB_MARK */
    size_t reports_count;
    struct lab_report reports[LAB_REPORTS_MAX];
    size_t warnings_count;
    char warnings[LAB_WARNINGS_MAX][300];
    size_t decisions, releases, claims;
    uint8_t stop; /* enum pbti_stop, after a run */
    enum pbti_run_end end;
    struct pbt_error err;
    struct pbti_run_opts opts;
};

/* Be the shim, or a worker of lab_start_worker(), when called as one; else returns. */
void lab_main(int argc, char **argv);

/* Another worker on the study, in a process of its own. Its exit code: 0 ended, 10 interrupted, 20
 * error. */
pid_t lab_start_worker(const struct lab *lab);

void lab_open(struct lab *lab);
void lab_close(struct lab *lab); /* fails the test when a process was left behind */

/* Parse the spec and make the study. `format` is YAML; its trainer section is made by the caller.
 * */
void lab_study(struct lab *lab, const char *format, ...) PBT_PRINTF(2, 3);

/* The trainer section for bad_trainer.py in `mode`, with `more` lines (indented by two) behind it.
 * */
const char *lab_bad_trainer(const struct lab *lab, const char *mode, const char *more, char *text,
                            size_t size);

/* Run the study; what happened is in the lab. */
pbt_status lab_run(struct lab *lab);

/* Processes that carry the lab's mark, the calling one left out. */
int lab_processes(const struct lab *lab);

/* Write a file into the lab's folder. */
void lab_file(const struct lab *lab, const char *name, const char *text);

#endif
