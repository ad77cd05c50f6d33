/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/spec/spec_fixture.h - what the tests of the room spec share: specs to begin with,
 * comparing.
 */
#ifndef SPEC_FIXTURE_H
#define SPEC_FIXTURE_H

#include "spec/spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SPEC_OVERRIDES_MAX 16

/* A spec with nothing but what must be there. */
#define SPEC_MINIMAL                                                                               \
    "trainer: {command: [./train]}\n"                                                              \
    "population: 4\n"                                                                              \
    "steps: 1000\n"                                                                                \
    "space:\n"                                                                                     \
    "  lr: {type: log, low: 1e-5, high: 0.1}\n"

/* "key=value" lines, taken apart. */
struct spec_sets {
    char text[4096];
    struct pbti_override overrides[SPEC_OVERRIDES_MAX];
    size_t count;
};
void spec_sets_read(struct spec_sets *sets, const char *lines);

/*
 * Parse as "/tmp/folder/fashion.yaml" with overrides (lines; may be NULL); the test fails when the
 * spec is wrong.
 */
struct pbti_spec *spec_good(const char *text, const char *sets);

/* Fails the test unless it is refused; returns the message in `err`. */
void spec_refused(const char *text, const char *sets, struct pbt_error *err);

/* Fails the test unless both specs agree in every field. */
void spec_assert_same(const struct pbti_spec *a, const struct pbti_spec *b);

/* render, then parse: must give the same spec and the same rendering. */
void spec_assert_round_trip(const struct pbti_spec *spec);

/*
 * A file of the source tree. Returns its text (to be freed); fails the test when it is not there.
 */
char *spec_source_file(const char *path, size_t *size);

/* The absolute path of a file of the source tree. */
const char *spec_source_path(const char *path, char *out, size_t size);

#endif
