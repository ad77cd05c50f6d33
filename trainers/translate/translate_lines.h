/* SPDX-License-Identifier: Apache-2.0 */
/*
 * translate_lines.h - a text file in memory, line by line: UTF-8, one sentence a line.
 */
#ifndef PBTI_TRANSLATE_LINES_H
#define PBTI_TRANSLATE_LINES_H

#include "pbt/status.h"

#include <stddef.h>
#include <stdint.h>

struct pbti_lines {
    char *text;
    size_t *starts; /* shape (count + 1); line i is text[starts[i] .. starts[i + 1] - 1) */
    uint32_t count;
};

/* Line i, without its end. */
static inline const char *pbti_line(const struct pbti_lines *lines, uint32_t i, size_t *size)
{
    *size = lines->starts[i + 1] - 1 - lines->starts[i];
    return lines->text + lines->starts[i];
}

/*
 * Read a file. A carriage return at the end of a line does not belong to it; the last line needs no
 * newline.
 *
 * Errors      PBT_ENOENT, PBT_EIO, PBT_ENOMEM, PBT_ECORRUPT (not UTF-8: the file and the line are
 *             named)
 */
PBT_NODISCARD pbt_status pbti_lines_read(struct pbti_lines *lines, const char *path,
                                         struct pbt_error *err);

/* The same from memory, which is copied; `name` stands in messages. */
PBT_NODISCARD pbt_status pbti_lines_copy(struct pbti_lines *lines, const char *text, size_t size,
                                         const char *name, struct pbt_error *err);

void pbti_lines_deinit(struct pbti_lines *lines);

#endif
