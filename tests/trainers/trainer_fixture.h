/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainer_fixture.h - what the tests of the trainers share: a folder of their own, small idx data
 * that can be learnt, and whole files in memory.
 */
#ifndef PBTI_TEST_TRAINER_FIXTURE_H
#define PBTI_TEST_TRAINER_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FIXTURE_ROWS = 6,
    FIXTURE_COLUMNS = 5,
    FIXTURE_PIXELS = FIXTURE_ROWS * FIXTURE_COLUMNS,
    FIXTURE_CLASSES = 3,
    FIXTURE_TRAIN = 200, /* images in the training file */
    FIXTURE_TEST = 60,
};

/* A new empty folder under TMPDIR or /tmp; its path is written to `folder`. */
void fixture_folder(char folder[256]);

/* Delete a folder and all that is in it. */
void fixture_remove(const char *folder);

/* `folder`/`name`, in static storage of four places used in turn. */
const char *fixture_path(const char *folder, const char *name);

/* Write the four files; each image is noise with a bright band that its label places. */
void fixture_data(const char *folder, bool compressed);

/* Write an idx file: `words` big-endian words, then `values` bytes 0, 1, 2, ... */
void fixture_idx(const char *path, bool compressed, const uint32_t *header, size_t words,
                 size_t values);

/* Read or write a whole file; the bytes read are to be freed. */
uint8_t *fixture_read(const char *path, size_t *size);
void fixture_write(const char *path, const void *bytes, size_t size);

/* A deterministic number in [-1, 1) that varies with `at`. */
float fixture_noise(uint32_t at);

#endif
