/* SPDX-License-Identifier: Apache-2.0 */
/* view/terminal.c - lines on a terminal. */
#include "view/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool pbti_terminal_is_live(FILE *stream)
{
    const char *const term = getenv("TERM");
    int const file = fileno(stream);
    return file >= 0 && isatty(file) && term != NULL && term[0] != '\0' &&
           strcmp(term, "dumb") != 0;
}

static bool is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *const value = getenv(names[i]);
        if (value == NULL || value[0] == '\0') { continue; }
        return strcasestr(value, "utf-8") != NULL || strcasestr(value, "utf8") != NULL;
    }
    return false;
}

struct pbti_terminal pbti_terminal_of(FILE *stream)
{
    const char *const no_color = getenv("NO_COLOR");
    struct winsize size = {0};
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) {
        size.ws_col = 80;
        size.ws_row = 24;
    }
    return (struct pbti_terminal){.width = size.ws_col,
                                  .height = size.ws_row,
                                  .color = no_color == NULL || no_color[0] == '\0',
                                  .utf8 = is_utf8()};
}

void pbti_line_end(struct pbti_str *str, size_t from, uint32_t width, const char *color)
{
    pbti_str_clip(str, from, width);
    if (color != NULL && !str->failed) {
        struct pbti_str line = {0};
        pbti_str_add(&line, color);
        pbti_str_add(&line, pbti_str_text(str) + from);
        pbti_str_add(&line, PBTI_PLAIN);
        pbti_str_cut(str, from);
        pbti_str_add_bytes(str, pbti_str_text(&line), line.size);
        str->failed = str->failed || line.failed;
        pbti_str_deinit(&line);
    }
    pbti_str_add(str, "\n");
}

void pbti_line_bar(struct pbti_str *str, bool utf8, double share, uint32_t width)
{
    double const inside = share < 0 ? 0 : share > 1 ? 1 : share;
    uint32_t const full = (uint32_t)(inside * width + 1e-9);
    for (uint32_t i = 0; i < width; i++) {
        if (utf8) {
            pbti_str_add(str, i < full ? "\xe2\x96\x88" : "\xe2\x96\x91");
        } else {
            pbti_str_add(str, i < full ? "#" : ".");
        }
    }
}
