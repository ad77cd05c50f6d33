/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/run.h - a worker on this machine: slots, trainer processes, the store, around an agent.
 *
 * Opens the study, runs until it has ended, it is told to stop, or storage fails for good. The
 * first interrupt drains nothing: it abandons the running segments (they will be run again), kills
 * the trainers with everything they started, and leaves. Prints nothing: people are told through
 * the callbacks.
 */
#ifndef PBTI_WORKER_RUN_H
#define PBTI_WORKER_RUN_H

#include "journal/follower.h"
#include "spec/spec.h"

/* What a slot is doing, for the live display. */
struct pbti_slot_view {
    bool usable;
    bool busy; /* a trainer is loading, training or saving */
    uint32_t member, segment, attempt;
    uint64_t step, steps; /* of the segment; from the trainer's progress */
    uint64_t wait_ms;     /* it waits so long after a failure of its place; 0: it does not */
    int64_t since_ms;     /* when the task started, same clock as events */
    double busy_share;    /* of the time since the slot first ran, 0..1 */
};

struct pbti_run_view {
    const struct pbti_state *state;
    const struct pbti_spec *spec;
    uint32_t slots_count;
    const struct pbti_slot_view *slots;
    uint64_t checkpoint_bytes; /* on disk now: published by this worker and alive; a lower bound */
};

struct pbti_run_opts {
    size_t struct_size;  /* set by pbti_run_opts_default() */
    const char *dir;     /* the study folder: study/study_journal.h */
    const char *journal; /* the URL that the user named for its journal, or NULL */
    const char *program; /* the pbt binary, for shims and builtin trainers; /proc/self/exe */
    const char *clients; /* folder of the Python package, put on PYTHONPATH; NULL = do not */
    uint32_t slots;      /* 0 = as the spec says */
    bool signals;        /* handle SIGINT, SIGTERM, SIGHUP here */
    bool adopts;         /* this process is for nothing else: be a subreaper, trainer/adopted.h */
    uint32_t give_up_ms; /* storage that fails for so long ends the run; default 60000 */
    uint32_t pause_ms;   /* the first pause after a failure of the place; 0: as failures.h says */
    /* Is there a builtin trainer of this name? NULL = do not ask: it shows when it is started. */
    bool (*builtin_known)(const char *name);
    pbti_observer observer; /* of durable events; may be NULL */
    void (*tick)(void *context,
                 const struct pbti_run_view *view); /* some times a second; may be NULL */
    void (*warn)(void *context, const char *text);  /* one line for people; may be NULL */
    void *context;                                  /* of the three above */
};

enum pbti_run_end {
    PBTI_RUN_ENDED,       /* the study has ended: pbti_state_stop says how */
    PBTI_RUN_INTERRUPTED, /* by a signal; may be resumed */
    PBTI_RUN_NO_SLOTS,    /* every slot is out of order */
    PBTI_RUN_BAD_PLACE,   /* this worker left because of its place: docs/failures.md */
    PBTI_RUN_ALIKE        /* the first segments all failed alike */
};

struct pbti_run_opts pbti_run_opts_default(void);

/*
 * Run a worker. The study must exist.
 *
 * end         out
 * err         out: also with PBT_OK when `end` is PBTI_RUN_BAD_PLACE or PBTI_RUN_ALIKE: why
 * Errors      the journal's and the store's; PBT_EINVAL (a trainer that can never start: unknown
 *             builtin, more cpus or gpus than there are)
 * Blocking    until the end
 */
PBT_NODISCARD pbt_status pbti_run(const struct pbti_run_opts *opts, enum pbti_run_end *end,
                                  struct pbt_error *err);

#define PBTI_RUN_SLOTS_MAX 4096u

/*
 * Can this machine run a study of this spec? Starts and writes nothing: the trainer's program and
 * directory, the initial checkpoint where a member begins with it, and what the slots need. Uses
 * opts->slots and opts->builtin_known.
 *
 * state       of the study; NULL: it is new
 * Errors      PBT_EINVAL: it cannot, and why
 */
PBT_NODISCARD pbt_status pbti_run_check(const struct pbti_run_opts *opts,
                                        const struct pbti_spec *spec,
                                        const struct pbti_state *state, struct pbt_error *err);

/* Only the builtin trainer and the slots: what pbti_run() asks itself. */
PBT_NODISCARD pbt_status pbti_run_check_machine(const struct pbti_run_opts *opts,
                                                const struct pbti_spec *spec,
                                                struct pbt_error *err);

/* Only what is the same on every machine of the study: for workers that run elsewhere. */
PBT_NODISCARD pbt_status pbti_run_check_paths(const struct pbti_spec *spec,
                                              const struct pbti_state *state,
                                              struct pbt_error *err);

/* What is evaluated, and what came of it. */
struct pbti_evaluation {
    struct pbti_checkpoint checkpoint;
    const double *values; /* hyperparameters, shape (space.count) */
    uint64_t age;
    const json_t *fixed;   /* NULL: the spec's */
    const uint64_t *seeds; /* of the tasks, shape (count) */
    uint32_t count;
    double *scores;   /* out, shape (count); NaN where the trainer sent none */
    json_t *metrics;  /* out: of the last seed, a new reference to an object; NULL = none */
    bool interrupted; /* out, with opts->signals: it was, and nothing else is of use */
};

/*
 * Evaluate a checkpoint: trains of zero steps on some seeds, one after the other in one trainer.
 * Needs no slot, appends nothing.
 *
 * Errors      PBT_ETRAINER, PBT_ECORRUPT (it is not what its report says), those of the study's
 *             folder
 */
PBT_NODISCARD pbt_status pbti_evaluate(const struct pbti_run_opts *opts,
                                       struct pbti_evaluation *evaluation, struct pbt_error *err);

/* Slots that `spec` gets on this machine when it says auto: from affinity, cgroup limits, visible
 * GPUs. */
uint32_t pbti_slots_auto(const struct pbti_spec *spec);

#endif
