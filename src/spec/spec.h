/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec/spec.h - a study as its user wrote it: YAML text in, a validated study spec out, and back.
 *
 * Every key, type, range, default and sentence of documentation is written once, in manifest.h.
 * pbti_spec_render() gives the resolved spec: all defaults filled in, as YAML that
 * pbti_spec_parse() reads back to the same spec. It is what the journal keeps.
 */
#ifndef PBTI_SPEC_SPEC_H
#define PBTI_SPEC_SPEC_H

#include "core/event.h"
#include "pbt/status.h"

#include <jansson.h>

#define PBTI_SPEC_FILE_MAX (1u << 20) /* bytes of a file that a user wrote */

enum pbti_trainer_kind { PBTI_TRAINER_COMMAND, PBTI_TRAINER_ONE_SHOT, PBTI_TRAINER_BUILTIN };

struct pbti_trainer {
    enum pbti_trainer_kind kind;
    char **argv;       /* NULL-terminated; builtin: its name alone */
    char *directory;   /* absolute: where it runs; default: the folder of the spec file */
    uint32_t cpus;     /* of one member, at least 1 */
    double gpus;       /* of one member: 0 = none are shown to it, a share of one, or a whole
                          number; below 0 = unset: it sees what the worker sees */
    uint32_t threads;  /* it may use (OMP_NUM_THREADS and its like); default 1 */
    uint64_t start_ms; /* limits; 0 = none */
    uint64_t silence_ms;
    uint64_t segment_ms;
    uint64_t grace_ms;   /* between TERM and KILL; default 10 s */
    json_t *environment; /* object of strings, added to the worker's own; may be empty */
};

/* Strategy bayes. Decisions do not depend on it: proposals are recorded (worker/proposer.h). */
struct pbti_bayes {
    uint32_t initial;    /* members before there is a model, at least 1 */
    uint8_t kernel;      /* enum pbti_kernel */
    uint8_t acquisition; /* enum pbti_acquisition_kind */
    double xi;           /* ei, pi: at least 0, in standard deviations of the scores */
    double kappa;        /* ucb: at least 0 */
};

struct pbti_spec {
    char *study; /* name */
    struct pbti_trainer trainer;
    struct pbti_config config; /* seed, population, steps, space, strategy, ... */
    char *score_name;          /* default "score" */
    char *initial_checkpoint;  /* absolute path or NULL */
    json_t *fixed;             /* object; handed to the trainer unchanged */
    json_t *final_evaluation; /* object; put over `fixed` for an evaluation at the end; {} = none */
    struct pbti_bayes bayes;  /* strategy bayes: how proposals are made */
    uint32_t slots;           /* 0 = auto */
    double stop_hours;        /* 0 = never */
    bool sync_full;           /* true: an appended report survives power loss (default) */
    uint64_t log_bytes;       /* cap of each member's log; default 10 MiB */
};

/* One `--set key=value`: a dotted path (strategy.exploit.quantile) and a YAML value. */
struct pbti_override {
    const char *key;
    const char *value;
};

/*
 * Read and validate a spec.
 *
 * text        in, YAML, `size` bytes; at most PBTI_SPEC_TEXT_MAX
 * file        in, for messages ("fashion.yaml:3:7: ..."), and its folder resolves relative paths
 * overrides   in, applied in order before validation; messages name them as "--set key=value"
 * out         out, owned by the caller, release with pbti_spec_destroy(); NULL on error
 * Errors      PBT_ESPEC, PBT_ELIMIT, PBT_ENOMEM; err->message is "file:line:column: what was
 *             found, what is allowed" and err->hint the nearest right key, where there is one
 */
PBT_NODISCARD pbt_status pbti_spec_parse(const char *text, size_t size, const char *file,
                                         const struct pbti_override *overrides,
                                         size_t overrides_count, struct pbti_spec **out,
                                         struct pbt_error *err);

/* The same from a file. Errors also PBT_ENOENT, PBT_EIO, PBT_ELIMIT. */
PBT_NODISCARD pbt_status pbti_spec_load(const char *path, const struct pbti_override *overrides,
                                        size_t overrides_count, struct pbti_spec **out,
                                        struct pbt_error *err);

/* The resolved spec as YAML. Owned by the caller, release with free(). NULL: out of memory. */
char *pbti_spec_render(const struct pbti_spec *spec);

/*
 * The resolved spec of a study with overrides applied, for resume. It is read as it was resolved:
 * defaults that follow another key (max_age follows steps) follow it only if they still agree.
 */
PBT_NODISCARD pbt_status pbti_spec_amend(const char *resolved, size_t size,
                                         const struct pbti_override *overrides,
                                         size_t overrides_count, struct pbti_spec **out,
                                         struct pbt_error *err);

void pbti_spec_destroy(struct pbti_spec *spec); /* accepts NULL */

/*
 * A hyperparameter's value as JSON: what a trainer is handed and what people are shown (number,
 * string, true/false). New reference; NULL when out of memory.
 */
json_t *pbti_value_json(const struct pbti_space *space, uint32_t hp, double value);

/* All hyperparameters as one JSON object, in the order of the space. New reference. */
json_t *pbti_values_json(const struct pbti_space *space, const double *values);

/* The other way: false when the JSON value is not of the type or not one of the values. */
bool pbti_value_from_json(const struct pbti_space *space, uint32_t hp, const json_t *json,
                          double *value);

/* The value as people read it: "0.00121", "relu", "true"; fewest digits that read back the same.
 * Returns `text`. Needs a `size` of at least PBTI_HP_NAME_MAX. */
const char *pbti_value_text(const struct pbti_space *space, uint32_t hp, double value, char *text,
                            size_t size);

/* docs/spec.md: every key with its type, default, range and meaning, from the manifest. Owned by
 * the caller, release with free(). */
char *pbti_spec_manual(void);

#endif
