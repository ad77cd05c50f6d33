/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec/spec_number.h - numbers as text, the same in every locale.
 *
 * A number is decimal: an optional sign, digits with an optional point, an optional exponent
 * (`5`, `.5`, `1e-5`, `2.5E+3`). No hexadecimal, no octal, no underscores, no infinity, no NaN.
 */
#ifndef PBTI_SPEC_SPEC_NUMBER_H
#define PBTI_SPEC_SPEC_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PBTI_NUMBER_TEXT_MAX 32    /* bytes that pbti_number_text() needs, with the NUL */
#define PBTI_NUMBER_LENGTH_MAX 512 /* longer numbers are not read */

/* Length of the number that `text` begins with; 0 when it begins with none. */
size_t pbti_number_span(const char *text);

/* Is all of `text` a number? Its value may still be too large for a double. */
bool pbti_number_is(const char *text);

/* Read all of `text` as a finite double. */
bool pbti_number_read(const char *text, double *out);

/*
 * Read the first `size` bytes of `text`, a number, times `unit`, as a whole number from 0 to 2^64
 * - 1. Exact: `2e4` and `2.5e3` are whole, `1.5` times 1000 is 1500. False when it is negative,
 * not whole or too large.
 */
bool pbti_number_whole(const char *text, size_t size, uint64_t unit, uint64_t *out);

/*
 * Write a finite double with the fewest digits that read back the same: "0.1", "1e-5", "20000".
 * Returns `text`, which has at least PBTI_NUMBER_TEXT_MAX bytes.
 */
char *pbti_number_text(double value, char *text);

#endif
