/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainer/oneshot.h - one_shot trainers: a fresh process for each segment; see docs/protocol.md.
 *
 * What goes in: arguments with {placeholders}, and the environment. What comes out: the result file
 * or the last line of standard output. Running it is the runner's business.
 */
#ifndef PBTI_TRAINER_ONESHOT_H
#define PBTI_TRAINER_ONESHOT_H

#include "trainer/launch.h"
#include "trainer/message.h"

#define PBTI_RESULT_LINE_MAX (64u << 10) /* bytes of the last line of standard output */

/*
 * Fill in one argument of the spec: {name}, {{ and }}.
 *
 * result      path of the result file
 * out         the argument is added to it
 * Errors      PBT_EINVAL: a name that is nothing, a brace that stands alone
 */
PBT_NODISCARD pbt_status pbti_oneshot_argument(const char *pattern, const struct pbti_task *task,
                                               const char *result, struct pbti_strings *out,
                                               struct pbt_error *err);

/* All of the spec's arguments. */
PBT_NODISCARD pbt_status pbti_oneshot_command(const struct pbti_launch *launch,
                                              const struct pbti_task *task, const char *result,
                                              struct pbti_strings *command, struct pbt_error *err);

/* PBT_STEPS, PBT_HP_LR, PBT_TASK and the others. */
void pbti_oneshot_environment(const struct pbti_task *task, const char *result,
                              struct pbti_strings *environment);

/* The last non-empty line of a text that comes in pieces. Begin with all zero. */
struct pbti_last_line {
    char *now, *last; /* owned; of PBTI_RESULT_LINE_MAX */
    size_t now_size, last_size;
    bool too_long; /* the line that comes in now is cut */
};

void pbti_last_line_add(struct pbti_last_line *line, const char *data, size_t size);
/* The last line, after all has come; size 0 when there is none. */
struct pbti_text pbti_last_line_end(struct pbti_last_line *line);
void pbti_last_line_free(struct pbti_last_line *line);

/*
 * Read the result: of the file if it is there and not empty, else of the line.
 *
 * Errors      PBT_EINVAL: there is none, or it is wrong
 */
PBT_NODISCARD pbt_status pbti_oneshot_result(const char *path, struct pbti_text line,
                                             struct pbti_message *message, struct pbt_error *err);

#endif
