/* SPDX-License-Identifier: Apache-2.0 */
/*
 * translate_utf8.h - what this trainer has to know of UTF-8: one character, valid text, white
 * space, and the bytes that are no character.
 */
#ifndef PBTI_TRANSLATE_UTF8_H
#define PBTI_TRANSLATE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The length of the character at text[0..size), size > 0, and its code point; 0 when there is none
 * (overlong, a surrogate, beyond U+10FFFF, cut off). */
size_t pbti_utf8_character(const char *text, size_t size, uint32_t *code);

/* Is text[0..size) valid UTF-8? */
bool pbti_utf8_valid(const char *text, size_t size);

/* Delete the bytes that are no character; returns the size that is left. */
size_t pbti_utf8_clean(char *text, size_t size);

/* White space as Unicode (and Python's str.split) has it. */
bool pbti_utf8_space(uint32_t code);

#endif
