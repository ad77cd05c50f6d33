/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainer/message.h - the messages of the trainer protocol (docs/protocol.md), checked in one
 * place.
 *
 * Pure: text in, a validated struct out, and back. Whether a message comes in turn is the
 * conversation's business (trainer.c).
 */
#ifndef PBTI_TRAINER_MESSAGE_H
#define PBTI_TRAINER_MESSAGE_H

#include "core/space.h"
#include "pbt/status.h"
#include "trainer/task.h"

#include <jansson.h>

#define PBTI_PROTOCOL 1
#define PBTI_LINE_MAX (4u << 20)     /* bytes of a line, its newline included */
#define PBTI_RANKS_MAX 4096u         /* processes of one member */
#define PBTI_TASK_NAME_MAX 48        /* bytes of "3.12.1", with the NUL */
#define PBTI_IN_FORCE_TOLERANCE 1e-6 /* relative */

enum pbti_message_kind { PBTI_SAYS_HELLO, PBTI_SAYS_PROGRESS, PBTI_SAYS_DONE, PBTI_SAYS_ERROR };

/* What a trainer said. Release with pbti_message_release(), which also ends what is borrowed. */
struct pbti_message {
    enum pbti_message_kind kind;
    const char *task;       /* borrowed; NULL in hello */
    uint32_t rank, ranks;   /* hello */
    bool loads_only;        /* hello: `"keep": false`, it can start from files only */
    uint64_t step;          /* progress */
    uint32_t scores_count;  /* done: 0 = missing */
    const double *scores;   /* done: owned, shape (scores_count); may hold NaN and infinities */
    const json_t *metrics;  /* done, progress: object of numbers, or NULL; borrowed */
    const json_t *in_force; /* done: object of scalars, or NULL; borrowed */
    const json_t *read;     /* done: array of strings, or NULL; borrowed */
    uint8_t outcome;        /* error: enum pbti_outcome */
    const char *text;       /* error: its message; borrowed, "" when there is none */
    json_t *root;           /* what the above is borrowed from */
    double score;           /* room for a single one */
    double *list;           /* room for several */
};

/*
 * Check and take apart one line, without its newline.
 *
 * message     out; owned by the caller, also after an error, when it is empty
 * Errors      PBT_EINVAL: err->message says what is wrong with it; PBT_ENOMEM
 */
PBT_NODISCARD pbt_status pbti_message_parse(const char *line, size_t size,
                                            struct pbti_message *message, struct pbt_error *err);

/* What a one-shot trainer leaves as its result: the members of `done`, or a bare number. */
PBT_NODISCARD pbt_status pbti_message_parse_result(const char *text, size_t size,
                                                   struct pbti_message *message,
                                                   struct pbt_error *err);

/* Take a message over: `from` is empty afterwards. */
void pbti_message_move(struct pbti_message *to, struct pbti_message *from);

void pbti_message_release(struct pbti_message *message); /* accepts an empty one, and twice */

/* "3.12.1": names an attempt. Returns `name`. */
const char *pbti_task_name(const struct pbti_task *task, char name[PBTI_TASK_NAME_MAX]);

/* "fresh", "keep" or "load". */
const char *pbti_task_start(const struct pbti_task *task);

/* The `train` message without its newline. Owned by the caller, release with free(); NULL: out of
 * memory. */
char *pbti_message_train(const struct pbti_task *task, size_t *size);

/*
 * Compare what is in force with what was handed over. 0: all agree; else the number of the first
 * hyperparameter that does not, plus 1, and `text` says so.
 *
 * unknown     out, may be NULL: the first name that is no hyperparameter, or NULL
 */
uint32_t pbti_in_force_differs(const struct pbti_space *space, const double *values,
                               const json_t *in_force, const char **unknown, char *text,
                               size_t size);

#endif
