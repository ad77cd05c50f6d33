/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/screen.h - the whole terminal for as long as a view is shown: keys, size, signals.
 *
 *     enter the alternate screen, without a cursor, without wrapping, keys one by one
 *     show frames, wait for what happens next
 *     leave: everything is as it was, whatever key or signal ended it
 *
 * Ctrl-Z gives the terminal back while the program is stopped. Only SIGKILL leaves it in disorder
 * (`reset` mends that).
 */
#ifndef PBTI_CLI_SCREEN_H
#define PBTI_CLI_SCREEN_H

#include "cli/signal_pipe.h"
#include "view/str.h"

#include <termios.h>

struct pbti_screen {
    struct pbti_signal_pipe signals;
    bool keys;             /* stdin is a terminal */
    struct termios before; /* of stdin */
    struct pbti_str out;
};

enum pbti_screen_event {
    PBTI_SCREEN_NOTHING, /* the time is over */
    PBTI_SCREEN_REDRAW,  /* another size, or back from being stopped */
    PBTI_SCREEN_KEY,     /* see *key */
    PBTI_SCREEN_QUIT     /* Ctrl-C, a hang-up, or asked to end */
};

/* False: errno says why; nothing is to be left. Requires that stdout is a terminal. */
bool pbti_screen_enter(struct pbti_screen *screen);
void pbti_screen_leave(struct pbti_screen *screen);

/* Show lines of text, each ended by a newline, from the top left. */
void pbti_screen_show(struct pbti_screen *screen, const struct pbti_str *lines);

/* Wait at most `ms`. A key of several bytes (an arrow) is given as its first one. */
enum pbti_screen_event pbti_screen_wait(struct pbti_screen *screen, int ms, char *key);

#endif
