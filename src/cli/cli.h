/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/cli.h - what the verbs of the command share: their arguments, complaining, printing.
 *
 * A verb is a function that gets its parsed arguments and returns an exit code. Results go to
 * stdout, everything else to stderr, as `pbt VERB: message` and perhaps a line `hint: ...`.
 *
 * Exit codes   0 done; 1 the study ended in failure, or what was to be proved does not hold; 2
 *              wrong usage or spec; 3 storage; 130 interrupted, may be resumed
 */
#ifndef PBTI_CLI_CLI_H
#define PBTI_CLI_CLI_H

#include "cli/verbs.h"
#include "spec/spec.h"
#include "view/str.h"
#include "view/study_reader.h"

#define PBTI_EXIT_DONE 0
#define PBTI_EXIT_FAILED 1
#define PBTI_EXIT_USAGE 2
#define PBTI_EXIT_STORAGE 3
#define PBTI_EXIT_PLACE 4 /* this worker left because of its place */
#define PBTI_EXIT_INTERRUPTED 130

#define PBTI_CLI_SETS_MAX 64      /* --set options */
#define PBTI_CLI_ARGUMENTS_MAX 33 /* positional arguments */

struct pbti_call;

enum pbti_verb_id {
#define PBTI_VERB_ID(verb, ...) PBTI_VERB_##verb,
    PBTI_VERB_LIST(PBTI_VERB_ID)
#undef PBTI_VERB_ID
};

#define PBTI_ROW_COUNT(...) +1
enum {
    PBTI_VERBS = 0 PBTI_VERB_LIST(PBTI_ROW_COUNT),
    PBTI_OPTIONS = 0 PBTI_OPTION_LIST(PBTI_ROW_COUNT)
};
#undef PBTI_ROW_COUNT

struct pbti_verb {
    const char *name;
    enum pbti_verb_id id;
    const char *arguments;
    uint32_t fewest, most;
    bool hidden;
    const char *summary, *text, *example;
};

/* A parsed command line. */
struct pbti_call {
    const struct pbti_verb *verb;
    const char *argument[PBTI_CLI_ARGUMENTS_MAX]; /* NULL when not given */
    const char *value[PBTI_OPTS]; /* of each option; "" for a flag; NULL when not given */
    uint64_t number[PBTI_OPTS];   /* of those that are numbers */
    struct pbti_override set[PBTI_CLI_SETS_MAX + 8]; /* room for those that the verbs add */
    size_t set_count;
    char *set_text; /* owned: what the overrides point into */
    int raw_argc;   /* the whole command line, for shim, trainer and use */
    char **raw_argv;
};

/* -------- the verbs -------- */

#define PBTI_VERB_PROTOTYPE(verb, ...) int pbti_verb_##verb(const struct pbti_call *call);
PBTI_VERB_LIST(PBTI_VERB_PROTOTYPE)
#undef PBTI_VERB_PROTOTYPE

/* -------- parsing and help (cli_tables.c, cli_parse.c, cli_help.c) -------- */

/* Run the command: parse, then `run` the verb that was named. Returns the exit code. */
int pbti_cli_main(int argc, char **argv, int (*run)(const struct pbti_call *call));

/* The verb at `index` of the table, or NULL past its end; and the one of that name. */
const struct pbti_verb *pbti_verb_at(size_t index);
const struct pbti_verb *pbti_verb_find(const char *name);

struct pbti_option {
    const char *verb;
    enum pbti_opt id;
    char letter; /* 0 = none */
    const char *name;
    enum pbti_option_kind kind;
    const char *argument, *help;
};

/* The option at `index` of the table of all verbs' options, or NULL past its end. */
const struct pbti_option *pbti_option_at(size_t index);

/*
 * Parse the arguments behind the verb. Returns -1 when the verb is to be run, else the exit code:
 * help was printed, or the complaint.
 */
int pbti_cli_parse(struct pbti_call *call, const struct pbti_verb *verb, int argc, char **argv);

void pbti_cli_help(struct pbti_str *str);                                    /* pbt --help */
void pbti_cli_verb_help(struct pbti_str *str, const struct pbti_verb *verb); /* pbt VERB --help */
void pbti_cli_manual(struct pbti_str *str);                                  /* docs/cli.md */

/* -------- shared by the verbs (cli_common.c) -------- */

/* Say `pbt VERB: message` and the hint; returns the exit code that goes with the status. */
int pbti_cli_fail(const struct pbti_call *call, const struct pbt_error *err);
/* The same for a complaint of the verb's own; `hint` may be NULL. Returns `code`. */
int pbti_cli_complain(const struct pbti_call *call, int code, const char *hint, const char *format,
                      ...) PBT_PRINTF(4, 5);
int pbti_cli_no_memory(const struct pbti_call *call);

/* Print and free; returns the exit code: `code`, or storage when stdout cannot be written. */
int pbti_cli_print(const struct pbti_call *call, struct pbti_str *str, int code);
int pbti_cli_print_json(const struct pbti_call *call, json_t *json, int code);

/*
 * Write a file beside the path and rename it: whoever has the old one open never sees half of the
 * new one. Complains; returns the exit code.
 */
int pbti_cli_write_file(const struct pbti_call *call, const char *path, const struct pbti_str *str);

/* Was the option given? */
static inline bool pbti_cli_has(const struct pbti_call *call, enum pbti_opt id)
{
    return call->value[id] != NULL;
}

/* How to read the study that the command line names: the defaults, with --journal. */
struct pbti_study_reader_opts pbti_cli_reader_opts(const struct pbti_call *call);

/* Columns of the terminal at stdout; 0 when it is none. */
uint32_t pbti_cli_width(void);

/* Add `text` quoted for a shell where it needs that, and escaped. */
void pbti_str_quote(struct pbti_str *str, const char *text);

/* Where this program is, and the folder of the clients (NULL: not found). Static storage. */
const char *pbti_cli_program(void);
const char *pbti_cli_clients(void);

/* Is there a builtin trainer of that name? (cli_modules.c) */
bool pbti_cli_builtin_known(const char *name);

/* Milliseconds since 1970, and of a clock that never jumps. */
int64_t pbti_cli_now_ms(void);
int64_t pbti_cli_steady_ms(void);

/* Random bytes for a batch. */
void pbti_cli_random(void *bytes, size_t size);

/* The word of `words` (count) that is nearest to `word`; NULL when none is near. */
const char *pbti_cli_nearest(const char *word, const char *const *words, size_t count);

#endif
