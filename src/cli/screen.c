/* SPDX-License-Identifier: Apache-2.0 */
/* cli/screen.c - terminal modes, escape sequences, and signals as things to wait for. */
#include "cli/screen.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define ENTER "\033[?1049h\033[?25l\033[?7l" /* another screen, no cursor, no wrapping */
#define LEAVE "\033[?7h\033[?25h\033[?1049l"

static void write_all(const char *data, size_t size)
{
    while (size > 0) {
        ssize_t const done = write(STDOUT_FILENO, data, size);
        if (done < 0 && errno == EAGAIN) { /* somebody made the terminal non-blocking */
            struct pollfd ready = {.fd = STDOUT_FILENO, .events = POLLOUT};
            (void)poll(&ready, 1, 100);
            continue;
        }
        if (done < 0 && errno == EINTR) { continue; }
        if (done < 0) { return; } /* it is gone; the hang-up ends us */
        data += done;
        size -= (size_t)done;
    }
}

static void begin(struct pbti_screen *screen)
{
    if (screen->keys) {
        struct termios raw = screen->before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO); /* signals' keys stay signals' keys */
        raw.c_cc[VMIN] = 1;
        raw.c_cc[VTIME] = 0;
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
    }
    write_all(ENTER, sizeof ENTER - 1);
}

static void end(struct pbti_screen *screen)
{
    write_all(LEAVE, sizeof LEAVE - 1);
    if (screen->keys) { (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &screen->before); }
}

bool pbti_screen_enter(struct pbti_screen *screen)
{
    static int const caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP, SIGCONT};
    memset(screen, 0, sizeof *screen);
    screen->keys = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &screen->before) == 0;
    if (!pbti_signal_pipe_open(&screen->signals, caught, sizeof caught / sizeof caught[0])) {
        return false;
    }
    begin(screen);
    return true;
}

void pbti_screen_leave(struct pbti_screen *screen)
{
    end(screen);
    pbti_signal_pipe_close(&screen->signals);
    pbti_str_deinit(&screen->out);
}

void pbti_screen_show(struct pbti_screen *screen, const struct pbti_str *lines)
{
    struct pbti_str *const out = &screen->out;
    const char *rest = pbti_str_text(lines);
    pbti_str_clear(out);
    pbti_str_add(out, "\033[H");
    const char *between = "";
    for (const char *stop = strchr(rest, '\n'); stop != NULL; stop = strchr(rest, '\n')) {
        /* no line break behind the last line: it would scroll a full screen */
        pbti_str_add(out, between);
        pbti_str_add(out, "\033[2K");
        pbti_str_add_bytes(out, rest, (size_t)(stop - rest));
        between = "\r\n";
        rest = stop + 1;
    }
    pbti_str_add(out, "\033[J");
    if (!out->failed) { write_all(out->data, out->size); }
}

static enum pbti_screen_event on_signal(struct pbti_screen *screen)
{
    switch (pbti_signal_pipe_take(&screen->signals)) {
    case 0: return PBTI_SCREEN_NOTHING;
    case SIGTSTP:
        end(screen);
        (void)raise(SIGSTOP);
        begin(screen);
        return PBTI_SCREEN_REDRAW;
    case SIGWINCH:
    case SIGCONT: return PBTI_SCREEN_REDRAW;
    default: return PBTI_SCREEN_QUIT;
    }
}

enum pbti_screen_event pbti_screen_wait(struct pbti_screen *screen, int ms, char *key)
{
    struct pollfd ready[2] = {{.fd = screen->signals.descriptor, .events = POLLIN},
                              {.fd = screen->keys ? STDIN_FILENO : -1, .events = POLLIN}};
    if (poll(ready, 2, ms) <= 0) { return PBTI_SCREEN_NOTHING; }
    if (ready[0].revents != 0) { return on_signal(screen); }
    char pressed[64];
    ssize_t const size = read(STDIN_FILENO, pressed, sizeof pressed);
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) { return PBTI_SCREEN_NOTHING; }
    if (size <= 0) { return PBTI_SCREEN_QUIT; } /* nobody is there any more */
    *key = pressed[0];
    return PBTI_SCREEN_KEY;
}
