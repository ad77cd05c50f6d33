/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view/terminal.h - lines on a terminal: what it can show, cutting, colouring, bars.
 */
#ifndef PBTI_VIEW_TERMINAL_H
#define PBTI_VIEW_TERMINAL_H

#include "view/str.h"

#include <stdio.h>

#define PBTI_BOLD "\033[1m"
#define PBTI_DIM "\033[2m"
#define PBTI_GREEN "\033[32m"
#define PBTI_PLAIN "\033[0m"

struct pbti_terminal {
    uint32_t width, height; /* columns, rows; at least 1 */
    bool color;             /* NO_COLOR is not set */
    bool utf8;              /* as the locale's names say */
};

/* Can `stream` move its cursor: a terminal, and not a dumb one? */
bool pbti_terminal_is_live(FILE *stream);

/* What it can show; 80x24 when its size is not known. */
struct pbti_terminal pbti_terminal_of(FILE *stream);

/* Cut the line that began at `from` to the width, colour it (NULL: plain) and end it. */
void pbti_line_end(struct pbti_str *str, size_t from, uint32_t width, const char *color);

/* A bar of `width` columns, of which `share` (0 .. 1) is full. */
void pbti_line_bar(struct pbti_str *str, bool utf8, double share, uint32_t width);

#endif
