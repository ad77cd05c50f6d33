/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view/str.h - a text that grows, and the one place where foreign text is made fit for a terminal.
 *
 * A str that runs out of memory remembers it in `failed` and ignores what follows; whoever owns it
 * checks once, at the end. `data` is NUL-terminated as soon as something was added.
 *
 * Everything that comes from a study, a trainer or a log (names, messages, metrics) goes through
 * pbti_str_escape() before a person sees it: control characters and escape sequences, the C1 ones,
 * bytes that are not UTF-8 and characters that turn the direction of writing become \xNN.
 */
#ifndef PBTI_VIEW_STR_H
#define PBTI_VIEW_STR_H

#include "pbt/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pbti_str {
    char *data; /* owned; NULL while empty */
    size_t size, capacity;
    bool failed;
};

void pbti_str_add(struct pbti_str *str, const char *text);
void pbti_str_add_bytes(struct pbti_str *str, const char *data, size_t size);
void pbti_str_addf(struct pbti_str *str, const char *format, ...) PBT_PRINTF(2, 3);
/* Add `count` times the same character. */
void pbti_str_fill(struct pbti_str *str, char byte, size_t count);
void pbti_str_clear(struct pbti_str *str);  /* empty; keeps its memory and forgets a failure */
void pbti_str_deinit(struct pbti_str *str); /* frees; accepts a zeroed str */
const char *pbti_str_text(const struct pbti_str *str); /* never NULL */

/* Add foreign text so that it can do no harm on a terminal. One line: newlines are escaped, too. */
void pbti_str_escape(struct pbti_str *str, const char *data, size_t size);

/* How many columns of a terminal the escaped text takes (East Asian wide characters take two). */
uint32_t pbti_columns(const char *text, size_t size);

/*
 * Cut off what was added after `from` so that it takes at most `columns`; when something is cut,
 * the last column is a '~'.
 */
void pbti_str_clip(struct pbti_str *str, size_t from, uint32_t columns);

/* Take away what was added after `from`. */
void pbti_str_cut(struct pbti_str *str, size_t from);

/* Add spaces until what was added after `from` takes `columns`; `right` puts them in front. */
void pbti_str_pad(struct pbti_str *str, size_t from, uint32_t columns, bool right);

#endif
