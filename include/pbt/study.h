/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pbt/study.h - tune something inside your own program: ask for a task, train, report.
 *
 *     struct pbt_study *study;
 *     pbt_study_open(NULL, spec_yaml, NULL, &study, &err);
 *     struct pbt_task task;
 *     while (pbt_study_next(study, &task, &err) == PBT_OK && task.id[0] != '\0') {
 *         double lr = pbt_task_number(&task, "lr");
 *         ... restore the weights task.from, train task.steps steps, keep them as task.id ...
 *         pbt_study_report(study, &task, score, &err);
 *     }
 *     pbt_study_close(study);
 *
 * There are two doors. *Ask and tell*, above: the program owns its loop, its threads and its
 * weights, and keeps them under the names the study gives. *pbt_study_run()*: the library runs a
 * table of five functions (create, train, save, load, destroy) on as many threads as there are
 * slots, and keeps checkpoints as directories in the study folder. Trainers run inside the program,
 * so a time limit cannot be enforced and a crash is the program's own; where that matters, use the
 * command `pbt` and a trainer process.
 *
 * The spec is the one of the command (docs/spec.md) without its `trainer`, which is the program.
 *
 * Threads     all functions may be called from any thread; calls on one study are serialised
 * Errors      nothing is printed; every failure is a pbt_status and a message in `err`
 * Since       0.1  [Unstable]
 */
#ifndef PBT_STUDY_H
#define PBT_STUDY_H

#include "pbt/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pbt_study; /* opaque */

/* Names of checkpoints: "m3.s12.a1", member, segment, attempt. "" = none. */
#define PBT_ID_MAX 48

struct pbt_study_opts {
    size_t struct_size; /* set by pbt_study_opts_default(); do not set */
    uint32_t slots;     /* tasks that may be out at the same time; default 1, at most 4096 */
    /* Called once for each checkpoint that was reported with a score, when nothing will ever ask
     * for it again: its weights may be thrown away. From within the call on the study that decided
     * so (in a folder it may be another process's); may make none itself. default NULL */
    void (*forget)(void *context, const char *id);
    void *context; /* of forget */
};

PBT_API struct pbt_study_opts pbt_study_opts_default(void);

/* One segment to train. Plain data, good until it is reported. */
struct pbt_task {
    char id[PBT_ID_MAX];   /* name of the checkpoint this task makes; "" = no task */
    char from[PBT_ID_MAX]; /* name of the checkpoint to start from; "" = start fresh */
    uint32_t slot;         /* 0 .. slots-1; each has one task at a time */
    uint32_t member, segment, attempt;
    uint64_t seed;  /* seed every generator with it */
    uint64_t age;   /* steps the weights have had */
    uint64_t steps; /* to train, at least 1 */
    bool keep;      /* the slot trained `from` in its last task: it may still hold those weights */
    const struct pbt_study *study;
};

/*
 * Open a study, or begin one.
 *
 * dir         in, a study folder, made when it is not there; NULL = in memory, gone when closed
 * spec        in, YAML; needed to begin a study; an existing one goes on as it was begun, and
 *             `spec` may be NULL
 * opts        in, may be NULL; copied
 * out         out, owned by the caller, release with pbt_study_close(); NULL on error
 * Errors      PBT_ESPEC (message with line and column), PBT_ENOENT (no study and no spec), PBT_EIO,
 *             PBT_ECORRUPT, PBT_EVERSION, PBT_EBUSY, PBT_ENOMEM, PBT_EINVAL
 */
PBT_API PBT_NODISCARD pbt_status pbt_study_open(const char *dir, const char *spec,
                                                const struct pbt_study_opts *opts,
                                                struct pbt_study **out, struct pbt_error *err);

/* Give back what is out, and release the study. Accepts NULL. */
PBT_API void pbt_study_close(struct pbt_study *study);

/*
 * Ask: the next task of a free slot.
 *
 * task        out; id "" when there is none: the study has ended (pbt_study_is_over()), all slots
 *             are busy, every runnable member is out (a generation waits for them), or another
 *             thread is making the proposal that is needed
 * Errors      those of the journal; the study stays usable
 * Blocking    no; but strategy bayes makes a proposal here, which takes seconds when there are a
 *             thousand members. Other threads may report meanwhile
 */
PBT_API PBT_NODISCARD pbt_status pbt_study_next(struct pbt_study *study, struct pbt_task *task,
                                                struct pbt_error *err);

/*
 * Tell: the task is done. What becomes of its member is decided and recorded before this returns.
 *
 * score       any number; one that is not finite ranks below all others
 * Errors      PBT_EINVAL (no such task is out), those of the journal (nothing is lost: it is
 *             appended by a later call)
 */
PBT_API PBT_NODISCARD pbt_status pbt_study_report(struct pbt_study *study,
                                                  const struct pbt_task *task, double score,
                                                  struct pbt_error *err);

/* The same with a list of 1 to 4096 scores, in order (episodes, evaluations): for score.reduce and
 * for exploit: ttest. Shape (count); borrowed. */
PBT_API PBT_NODISCARD pbt_status pbt_study_report_scores(struct pbt_study *study,
                                                         const struct pbt_task *task,
                                                         const double *scores, size_t count,
                                                         struct pbt_error *err);

/* Tell: the task failed. It is tried again as `trainer.retries` says, then its member counts as
 * failed.
 * message     why; copied */
PBT_API PBT_NODISCARD pbt_status pbt_study_fail(struct pbt_study *study,
                                                const struct pbt_task *task, const char *message,
                                                struct pbt_error *err);

/* Hyperparameters of a task that is out. NaN, NULL or false when there is none of that name and
 * type. Texts live as long as the study. A boolean is also the number 0 or 1. */
PBT_API double pbt_task_number(const struct pbt_task *task, const char *name);
PBT_API const char *pbt_task_text(const struct pbt_task *task, const char *name);
PBT_API bool pbt_task_boolean(const struct pbt_task *task, const char *name);

/* Has the study ended (budget, target, plateau, or nobody left alive)? */
PBT_API bool pbt_study_is_over(const struct pbt_study *study);

/* The best network ever reported. Never forgotten, unless the spec says `keep: final`. */
struct pbt_best {
    char id[PBT_ID_MAX]; /* "" = nobody has a finite score yet */
    double score;
    uint64_t age;
    uint32_t member;
};
PBT_API struct pbt_best pbt_study_best(const struct pbt_study *study);

/* -------- the second door: a table of functions -------- */

/*
 * A trainer inside the program. Each slot has one model; calls for one slot come from one thread,
 * in the order create, (load?, train, save)*, destroy; calls for different slots at the same time.
 * Each returns 0, or a number that fails the segment (create: the run) and is shown with it.
 */
struct pbt_trainer_vtab {
    int version; /* 1 */
    /* Make a model for a slot. */
    int (*create)(void *context, uint32_t slot, void **model);
    /* Train `task->steps` steps, then set *score. Fresh weights when task->from is "". */
    int (*train)(void *context, void *model, const struct pbt_task *task, double *score);
    /* Write everything that training needs to go on into the empty directory. */
    int (*save)(void *context, void *model, const char *directory);
    /* Make the model what was saved there. Not called when the model is already that. */
    int (*load)(void *context, void *model, const char *directory);
    void (*destroy)(void *context, void *model);
};

/*
 * Run the study on the table until it ends.
 *
 * study       opened with a folder
 * Errors      PBT_EINVAL (a study in memory), PBT_EUSER (create failed; its number in err->detail),
 *             those of the journal and the store
 * Blocking    until the study has ended
 */
PBT_API PBT_NODISCARD pbt_status pbt_study_run(struct pbt_study *study,
                                               const struct pbt_trainer_vtab *trainer,
                                               void *context, struct pbt_error *err);

#ifdef __cplusplus
}
#endif

#endif
