/* SPDX-License-Identifier: Apache-2.0 */
/*
 * builtin.h - a builtin trainer as its host sees it: a struct of functions. trainers/README.md is
 * the guide to writing one.
 *
 * The host runs a segment in this order; what is in brackets is left out where it is not needed:
 *
 *     read settings, [check], [load_data], create     what is in memory already is kept
 *     [prepare]                                       for this segment
 *     fresh, or the checkpoint and decode             not when the network in memory goes on
 *     [train]                                         of 0 steps none
 *     encode and the checkpoint, [save_files]         when there is a folder to save in
 *     evaluate, report
 *
 * `state` is the trainer's own struct, whose first member is a struct pbti_builtin_held. `settings`
 * is the struct that its table of settings fills (builtin_setting.h).
 *
 * Each function that fails leaves the state such that `destroy` and `drop_data` work. What an error
 * means for the study:
 *
 *     PBT_ENOMEM   kind `oom`
 *     PBT_EIO      kind `other`: worth another try
 *     all others   kind `config`: the settings or the data are wrong, another try is useless
 */
#ifndef PBTI_TRAINERS_BUILTIN_H
#define PBTI_TRAINERS_BUILTIN_H

#include "host/builtin_setting.h"
#include "nn/nn_safetensors.h"
#include "trainers.h"

#include <stdio.h>

enum { PBTI_BUILTIN_BLOCKS_MAX = PBTI_NN_NAMED_BLOCKS_MAX };

/* The segment that a task asks for. */
struct pbti_builtin_task {
    uint64_t seed;  /* of everything that is drawn in the segment */
    uint64_t steps; /* to train, in the trainer's own unit; 0: evaluate only */
    enum pbt_client_start start;
    const char *load, *save; /* folders or NULL */
    /* Called by pbti_builtin_progress(); false stops the segment. May be NULL. */
    bool (*progress)(void *context, uint64_t step, double loss);
    void *context;
};

/* Where `report` puts the result. */
struct pbti_builtin_report {
    struct pbt_client *client; /* NULL: nothing is sent */
    bool is_list;              /* several scores, even if it is one */
    uint32_t count;
    double scores[PBT_CLIENT_SCORES_MAX]; /* shape (count) */
};

/* What the host keeps in a trainer's state between segments. */
struct pbti_builtin_held {
    void *made; /* the settings that data and network were made with */
    bool has_data, has_network;
};

/* A block of weights in the checkpoint: weights, optimiser slots and the count of updates. */
struct pbti_builtin_block {
    const char *name; /* tells several blocks apart, such as "generator"; "" for a single one */
    size_t offset;    /* of its struct pbti_nn_block in the trainer's state */
};

/* What `pbt use` hands over. */
struct pbti_builtin_use {
    int argc;
    char **argv;   /* shape (argc): what stands behind the study; NULL where it was taken */
    bool json;     /* --json: print JSON Lines */
    uint64_t seed; /* of everything that is drawn */
    FILE *out;     /* where results go */
};

struct pbti_builtin {
    struct pbt_trainer about;            /* name and summary; the first member */
    const struct pbti_setting *settings; /* ended by a setting without a name */
    size_t settings_size, state_size;    /* bytes of both structs */
    uint32_t block_count;                /* 1..PBTI_BUILTIN_BLOCKS_MAX */
    struct pbti_builtin_block blocks[PBTI_BUILTIN_BLOCKS_MAX];

    /* May be NULL. Refuse settings that do not go together. Errors: PBT_EINVAL. */
    pbt_status (*check)(const void *settings, struct pbt_error *err);

    /* Both may be NULL. Read the files that DATA settings name; release all of it, also what a
     * failed load_data() has left. */
    pbt_status (*load_data)(void *state, const void *settings, struct pbt_error *err);
    void (*drop_data)(void *state);

    /* Take the memory of the network, of the shape that NETWORK settings give; its weights are set
     * by `fresh` or from a checkpoint. On an error nothing is left to destroy. */
    pbt_status (*create)(void *state, const void *settings, struct pbt_error *err);
    void (*destroy)(void *state);

    /* May be NULL. Get ready for one segment: take the memory that HOT settings ask for, refuse
     * what this segment must not do. */
    pbt_status (*prepare)(void *state, const void *settings, const struct pbti_builtin_task *task,
                          struct pbt_error *err);

    /* New weights, drawn from the seed, and everything else as at the beginning. */
    void (*fresh)(void *state, uint64_t seed);

    /* Both may be NULL. What outlives a segment beside the blocks, such as the position in the
     * data: `encode` writes it to `bytes` unless that is NULL, and returns its size, at most
     * PBTI_NN_EXTRA_MAX. `decode` is called after the blocks were read. Errors: PBT_ECORRUPT,
     * PBT_EVERSION, PBT_EINVAL, PBT_ENOMEM. */
    size_t (*encode)(const void *state, uint8_t *bytes);
    pbt_status (*decode)(void *state, const uint8_t *bytes, size_t size, struct pbt_error *err);

    /* Train task->steps steps, at least 1, with the HOT settings; call pbti_builtin_progress()
     * after each update. A network that diverges is no error: its score is NaN. */
    pbt_status (*train)(void *state, const void *settings, const struct pbti_builtin_task *task,
                        struct pbt_error *err);

    /* May be NULL. Write further files into the folder of the checkpoint, such as pictures. */
    pbt_status (*save_files)(void *state, const void *settings, const char *folder,
                             struct pbt_error *err);

    /* Measure the network; must not change what the next segment trains. */
    pbt_status (*evaluate)(void *state, const void *settings, const struct pbti_builtin_task *task,
                           struct pbt_error *err);

    /* Hand the result over: pbti_builtin_score() or _scores() once; metrics; what is in force. */
    void (*report)(const void *state, const void *settings, struct pbti_builtin_report *report);

    /* May be NULL. `pbt use STUDY ...`: put the restored network to use and print to use->out; take
     * all options first, then call pbti_builtin_use_end(). Errors: PBT_EINVAL for wrong usage. */
    pbt_status (*use)(void *state, const void *settings, struct pbti_builtin_use *use,
                      struct pbt_error *err);
};

/* -------- for trainers -------- */

/* Say that `step` steps of the task are done. Errors: PBT_EIO, to be returned at once. */
PBT_NODISCARD pbt_status pbti_builtin_progress(const struct pbti_builtin_task *task, uint64_t step,
                                               double loss, struct pbt_error *err);

/* The score, or the scores in order; NaN is allowed. count: 1..PBT_CLIENT_SCORES_MAX. */
void pbti_builtin_score(struct pbti_builtin_report *report, double score);
void pbti_builtin_scores(struct pbti_builtin_report *report, const double *scores, uint32_t count);

void pbti_builtin_metric(struct pbti_builtin_report *report, const char *name, double value);

/* A value as the optimiser or the network holds it after training, read from there and not from the
 * settings. It is sent when it is a hyperparameter of the task. */
void pbti_builtin_in_force(struct pbti_builtin_report *report, const char *name, double value);

/*
 * Options and arguments of `pbt use`, builtin_use.c.
 *
 * value       in/out, the default; untouched when there is no option --NAME
 * given       out, may be NULL
 *
 * Errors      PBT_EINVAL: no value, or no whole number from low to high
 */
PBT_NODISCARD pbt_status pbti_builtin_use_count(struct pbti_builtin_use *use, const char *name,
                                                uint64_t low, uint64_t high, uint64_t *value,
                                                bool *given, struct pbt_error *err);
/* The next argument that is no option, or NULL. Call it after the options were taken. */
const char *pbti_builtin_use_argument(struct pbti_builtin_use *use);
/* Everything must have been taken; `usage` is what may be given. Errors: PBT_EINVAL. */
PBT_NODISCARD pbt_status pbti_builtin_use_end(const struct pbti_builtin_use *use, const char *usage,
                                              struct pbt_error *err);

/* -------- for the host and its tests -------- */

/* Make a state of builtin->state_size bytes empty; release what it holds. */
void pbti_builtin_init(const struct pbti_builtin *builtin, void *state);
void pbti_builtin_deinit(const struct pbti_builtin *builtin, void *state);

/*
 * Have data and network for these settings, and the weights that the task starts from.
 *
 * Errors      of the trainer's functions; PBT_EINVAL: the task goes on with what is in memory, and
 *             that was made with other settings; those of pbti_builtin_load()
 */
PBT_NODISCARD pbt_status pbti_builtin_ready(const struct pbti_builtin *builtin, void *state,
                                            const void *settings,
                                            const struct pbti_builtin_task *task,
                                            struct pbt_error *err);

/* All of a segment but its report. Errors: as above, and those of training and saving. */
PBT_NODISCARD pbt_status pbti_builtin_run(const struct pbti_builtin *builtin, void *state,
                                          const void *settings,
                                          const struct pbti_builtin_task *task,
                                          struct pbt_error *err);

/*
 * Write the checkpoint into a folder, or read it. builtin_checkpoint.c
 *
 * Errors      PBT_EIO: cannot be written; missing or damaged, which is the storage's fault and not
 *             the study's; PBT_EINVAL, PBT_EVERSION: of another network; PBT_ENOMEM; PBT_ELIMIT:
 *             the trainer encodes more than PBTI_NN_EXTRA_MAX bytes
 */
PBT_NODISCARD pbt_status pbti_builtin_save(const struct pbti_builtin *builtin, void *state,
                                           const char *folder, struct pbt_error *err);
PBT_NODISCARD pbt_status pbti_builtin_load(const struct pbti_builtin *builtin, void *state,
                                           const char *folder, struct pbt_error *err);

/*
 * The process of `pbt use`: restore the client's one task, and use it. builtin_use.c
 *
 * argv        in, shape (argc): "--directory", the folder that settings are relative to, and what
 *             stands behind the study
 * settings    memory of builtin->settings_size bytes
 *
 * Returns     the exit code: 0; 2 wrong usage or settings, a missing file; 3 damaged files; 1
 *             everything else. Prints what went wrong to stderr
 */
int pbti_builtin_use_main(const struct pbti_builtin *builtin, void *state, void *settings,
                          struct pbt_client *client, int argc, char **argv);

#endif
