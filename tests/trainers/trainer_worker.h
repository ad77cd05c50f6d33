/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainer_worker.h - the worker of the trainer protocol, played by a test: a listening socket, a
 * builtin trainer in a child process, lines written by hand. One trainer at a time.
 */
#ifndef PBTI_TEST_TRAINER_WORKER_H
#define PBTI_TEST_TRAINER_WORKER_H

#include <jansson.h>
#include <stdbool.h>

/* Start the builtin trainer `name`; its socket is in `folder`. False unless it says hello. */
bool worker_start(const char *name, const char *folder);

/* Let it exit. False unless it does so with code 0. */
bool worker_stop(void);

/*
 * Send a task. steps 0: evaluate only.
 *
 * start       in, "fresh", "keep" or "load"
 * load, save  in, JSON: a path in quotation marks, or null
 * hyperparameters, fixed
 *             in, the members of a JSON object, without its braces
 */
void worker_train(unsigned steps, const char *start, const char *load, const char *save,
                  const char *hyperparameters, const char *fixed);

/* The next message that is no progress, to be released with json_decref(). */
json_t *worker_receive(void);

/* Fail unless a message is of this type; the message of an error is shown. */
void worker_assert_type(const json_t *message, const char *type);

/* Fail unless the trainer says next that the task failed for its settings, with these words. */
void worker_assert_config_error(const char *words);

/* The number `name` of a message, or of its member `object`; fails when there is none. */
double worker_number(const json_t *message, const char *object, const char *name);

#endif
