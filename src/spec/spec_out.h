/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec/spec_out.h - text that grows while it is written, and YAML scalars in it.
 *
 * Trouble (no memory, no room) is remembered in `failed`; whoever uses a buffer checks once, at
 * the end.
 */
#ifndef PBTI_SPEC_SPEC_OUT_H
#define PBTI_SPEC_SPEC_OUT_H

#include "pbt/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pbti_out {
    char *data; /* NUL-terminated */
    size_t size;
    size_t capacity;
    bool fixed;      /* `data` is the caller's and what does not fit is cut off */
    bool failed;     /* no memory */
    uint32_t indent; /* of a line that pbti_out_line() begins */
};

/* A buffer of the caller's: for messages. */
struct pbti_out pbti_out_fixed(char *data, size_t capacity);

void pbti_out_put(struct pbti_out *out, const char *text);
void pbti_out_bytes(struct pbti_out *out, const char *bytes, size_t size);
void pbti_out_format(struct pbti_out *out, const char *format, ...) PBT_PRINTF(2, 3);
void pbti_out_number(struct pbti_out *out, double value);

/* Begin a new line, unless the buffer is empty; a space at the end of the old one is dropped. */
void pbti_out_line(struct pbti_out *out);

/* Text that reads back as the same text wherever it stands: quoted when it must be. */
void pbti_out_yaml(struct pbti_out *out, const char *text);

#endif
