/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pbt_client.h - makes a C or C++ program a trainer of pbt.
 *
 * A trainer keeps one promise: train for so many steps with these hyperparameters from this
 * checkpoint, save where told, report the score. Copy this header and pbt_client.c into a project;
 * they need POSIX (-std=gnu17, or -D_GNU_SOURCE with -std=c17) and Jansson (-ljansson).
 *
 *     char why[256];
 *     struct pbt_client *client = pbt_client_open("mine 1.0", why, sizeof why);
 *     if (client == NULL) { fprintf(stderr, "%s\n", why); return 1; }
 *     struct pbt_client_task task;
 *     int got;
 *     while ((got = pbt_client_next(client, &task)) == 1) {
 *         if (task.start == PBT_CLIENT_FRESH) { build(&net, task.seed); }
 *         if (task.load != NULL) { restore(&net, task.load); }
 *         net.lr = pbt_client_number(client, "lr");            // after the restore
 *         for (uint64_t step = 1; step <= task.steps; step++) {
 *             const double loss = train_step(&net);
 *             pbt_client_progress(client, step, (const char *[]){"loss"}, &loss, 1);
 *         }
 *         pbt_client_in_force(client, "lr", net.lr);
 *         if (task.save != NULL) { store(&net, task.save); }
 *         pbt_client_report(client, evaluate(&net));
 *     }
 *     if (got < 0) { fprintf(stderr, "%s\n", pbt_client_error(client)); }
 *     pbt_client_close(client);
 *     return got < 0 ? 1 : 0;
 *
 * The process stays alive between tasks: what it built (data, network) is kept. docs/protocol.md
 * is the normative text of what travels; docs/trainers.md is how to write a good trainer.
 *
 * Errors      Nothing here prints, exits or raises a signal. A call that goes wrong returns -1 (or
 *             the stated value) and pbt_client_error() says why. There are two sorts.
 *             The task's: a hyperparameter that does not exist or has another type, a step out of
 *             order, a name that is not UTF-8. The first is kept, and the next report sends it as
 *             `error` of kind config in place of a score: values may be read without checking each.
 *             The connection's: the worker is gone, or what it sent is not the protocol. It is
 *             final; every later call fails, and the program should end.
 *
 * Ranks       A member may be several processes (torchrun, mpirun, srun): each opens a client and
 *             gets every task. Rank and number of ranks come from the first pair that is set:
 *             PBT_RANK and PBT_RANKS, RANK and WORLD_SIZE, OMPI_COMM_WORLD_RANK and
 *             OMPI_COMM_WORLD_SIZE, PMI_RANK and PMI_SIZE, SLURM_PROCID and SLURM_STEP_NUM_TASKS
 *             (or SLURM_NTASKS); otherwise rank 0 of 1. Only rank 0 is heard: on the others
 *             progress and report send nothing (report still ends the task). Any rank may fail.
 *
 * Alone       Without PBT_SOCKET the program runs by itself: exactly one task, then 0 from
 *             pbt_client_next(). The task is
 *               PBT_TASK      a `train` message, when it is set and not empty; otherwise
 *               PBT_STEPS     needed; steps to train
 *               PBT_HP_NAME   the hyperparameter `name`: upper case, `-` and `.` become `_`
 *               PBT_FIXED_NAME the same for the spec's `fixed`
 *               PBT_LOAD, PBT_SAVE  directories; empty or absent for none
 *               PBT_START     fresh or load; default: load when PBT_LOAD is given
 *               PBT_SEED (1), PBT_AGE (0), PBT_MEMBER (0), PBT_SEGMENT (0), PBT_ATTEMPT (1)
 *             The result, what `done` would carry, goes as one line of JSON into the file that
 *             PBT_RESULT names, or else to standard output. So a program can be tried by hand,
 *                 PBT_STEPS=100 PBT_HP_LR=0.1 ./train
 *             and used as a `one_shot` trainer unchanged. After pbt_client_fail() nothing is
 *             written and pbt_client_next() returns -1: the program ends with another code than 0.
 *
 * Threads     A client belongs to one thread at a time. Two clients do not share anything.
 * Memory      Buffers are kept and reused; a task costs one write and one read.
 */
#ifndef PBT_CLIENT_H
#define PBT_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PBT_CLIENT_PROTOCOL 1          /* version of the protocol that is spoken */
#define PBT_CLIENT_LINE_MAX (4u << 20) /* bytes of one message, its newline included */
#define PBT_CLIENT_SCORES_MAX 4096u    /* scores of one report */
#define PBT_CLIENT_PROGRESS_MS 100     /* the shortest time between two progress messages */

struct pbt_client; /* opaque; made by pbt_client_open() */

/* What a task starts from. */
enum pbt_client_start {
    PBT_CLIENT_FRESH, /* new weights; from `load` when that is not NULL (the study's checkpoint) */
    PBT_CLIENT_LOAD,  /* restore `load`: weights, optimiser state and everything else it holds */
    PBT_CLIENT_KEEP   /* the weights in memory are the right ones: restore nothing */
};

/*
 * One segment to train. All strings are owned by the client until the next pbt_client_next() or
 * pbt_client_close().
 */
struct pbt_client_task {
    const char *id;              /* names this attempt, e.g. "3.12.1"; never NULL */
    uint32_t member;             /* the place in the population, from 0 */
    uint32_t segment;            /* which segment of that member */
    uint32_t attempt;            /* which try at the segment, from 1 */
    uint64_t seed;               /* of this segment, the same in every attempt: seed everything */
    uint64_t age;                /* steps the weights have had before, through all ancestors */
    uint64_t steps;              /* steps to train now, at most 2^53; 0: evaluate only */
    uint64_t max_age;            /* no weights are trained beyond this age; 0: no bound */
    uint64_t budget;             /* steps of the member in the whole study; 0: not known */
    enum pbt_client_start start; /* see above */
    const char *load;            /* absolute path of a directory, read only; NULL: none */
    const char *save;            /* absolute path of an empty directory, to be complete when the
                                    report is sent; NULL: save nothing */
    const char *from;            /* id of the checkpoint the task starts from; NULL: none */
    const char *checkpoint;      /* the id `save` will have; NULL: none */
};

/*
 * Connect to the worker and say hello, or get ready to run alone (see above).
 *
 * name        in, what to show people, e.g. "classify 0.1"; copied; NULL: "c"
 * error       out, why not, ended by NUL and cut to fit; untouched on success; may be NULL
 * error_size  bytes of `error`
 *
 * Returns     the client, owned by the caller, release with pbt_client_close(); NULL on error
 * Blocking    while connecting
 */
struct pbt_client *pbt_client_open(const char *name, char *error, size_t error_size);

/* The same for a trainer that can start from files only, never from what it has in memory: no task
 * says PBT_CLIENT_KEEP. */
struct pbt_client *pbt_client_open_from_files(const char *name, char *error, size_t error_size);

/*
 * Wait for the next task.
 *
 * A task that was neither reported nor failed is an error of the trainer: it is sent to the worker
 * as such, and -1 is returned.
 *
 * task        out; untouched unless 1 is returned
 *
 * Returns     1 a task; 0 the worker says exit (or the one task of a lone run is done): leave with
 *             exit code 0; -1 error
 * Blocking    until the worker has something to say
 */
int pbt_client_next(struct pbt_client *client, struct pbt_client_task *task);

/*
 * The value of a hyperparameter of the current task. Reading is noted, and the names that were read
 * go with the report, so that `pbt` can warn of one that nobody obeys.
 *
 * name        in, as in the spec
 *
 * Returns     the value; text is owned by the client until the next pbt_client_next().
 *             Where there is no such hyperparameter or it is of another type: NaN, "" or false, and
 *             the error is set (the next report sends it).
 */
double pbt_client_number(struct pbt_client *client, const char *name);
const char *pbt_client_text(struct pbt_client *client, const char *name);
bool pbt_client_boolean(struct pbt_client *client, const char *name);

/* Is there a hyperparameter of this name? Does not count as reading it and sets no error. */
bool pbt_client_has(struct pbt_client *client, const char *name);

/*
 * A value of the spec's `fixed`, or `otherwise` where it is absent or null. A boolean reads as the
 * number 1 or 0. One of another type sets the error and gives `otherwise`. Text is owned by the
 * client until the next pbt_client_next().
 */
double pbt_client_fixed_number(struct pbt_client *client, const char *name, double otherwise);
const char *pbt_client_fixed_text(struct pbt_client *client, const char *name,
                                  const char *otherwise);

/*
 * Say how far the task is. Call it after every step: it costs a look at the clock, and a message is
 * sent only when PBT_CLIENT_PROGRESS_MS have passed since the last. It proves that the trainer is
 * alive (limit `silence`) and feeds the live display.
 *
 * step        steps of this task that are done: 1..task.steps, never less than before
 * names       in, shape (count), borrowed; may be NULL when count is 0
 * values      in, shape (count), borrowed; may hold NaN and infinities
 *
 * Returns     0, or -1
 */
int pbt_client_progress(struct pbt_client *client, uint64_t step, const char *const *names,
                        const double *values, size_t count);

/* Add a metric to the next report; the last value of a name counts. `name` is copied. */
void pbt_client_metric(struct pbt_client *client, const char *name, double value);

/*
 * Add a hyperparameter as it was read back from the live optimiser to the next report; the last
 * value of a name counts. `name` is copied. One that differs from what was handed over by more than
 * 1e-6 relative fails the segment: the trainer restored an old value over the new one.
 */
void pbt_client_in_force(struct pbt_client *client, const char *name, double value);

/*
 * End the task with its score, which may be NaN or infinite (it then ranks below every finite one),
 * or with several, in order (episodes, evaluations), which the spec's `score.reduce` makes one and
 * the t-test uses. `save` must be complete.
 *
 * scores      in, shape (count), borrowed
 * count       1..PBT_CLIENT_SCORES_MAX
 *
 * Returns     0; or -1: there was no task, the connection is lost, or an error of the task was sent
 *             in place of the score
 */
int pbt_client_report(struct pbt_client *client, double score);
int pbt_client_report_scores(struct pbt_client *client, const double *scores, size_t count);

/*
 * End the task as failed; the worker stops the trainer afterwards.
 *
 * kind        in: "nan", "oom", "config" (never tried again with the same hyperparameters) or
 *             "other" (tried again); anything else and NULL count as "other"
 * message     in, for people; NULL: none; cut at 4,000 bytes
 *
 * Returns     0, or -1: there was no task, or the connection is lost
 */
int pbt_client_fail(struct pbt_client *client, const char *kind, const char *message);

/* The error, or NULL when all is well; owned by the client until its next call. */
const char *pbt_client_error(struct pbt_client *client);

/* Release the client; a task in hand is sent as failed. Accepts NULL. Never fails. */
void pbt_client_close(struct pbt_client *client);

#ifdef __cplusplus
}
#endif

#endif
