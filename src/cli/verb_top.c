/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_top.c - pbt top DIR: a study on the whole screen, as it goes on. */
#include "cli/cli.h"
#include "cli/screen.h"
#include "view/top.h"

#include <errno.h>
#include <string.h>

#define LOOK_MS 250  /* between two looks at the journal */
#define DRAW_MS 1000 /* a frame at least this often: it says how long ago things were */

static bool is_quit(char key)
{
    return key == 'q' || key == 'Q' || key == '\003' || key == '\004'; /* Ctrl-C, Ctrl-D */
}

static void draw(struct pbti_screen *screen, const struct pbti_top *top, struct pbti_str *lines)
{
    struct pbti_terminal const terminal = pbti_terminal_of(stdout);
    pbti_str_clear(lines);
    pbti_top_frame(top, &terminal, pbti_cli_now_ms(), lines);
    pbti_screen_show(screen, lines);
}

/* Until somebody quits, or the journal cannot be read. */
static pbt_status show(struct pbti_screen *screen, struct pbti_top *top, struct pbt_error *err)
{
    struct pbti_study_reader *const reader = pbti_top_reading(top);
    struct pbti_str lines = {0};
    pbt_status status = PBT_OK;
    uint64_t drawn_seq = 0;
    int64_t drawn_ms = 0;
    bool redraw = true;
    for (;;) {
        uint64_t const seq = pbti_state_seq(pbti_study_reader_state(reader));
        int64_t const now_ms = pbti_cli_steady_ms();
        if (redraw || seq != drawn_seq || now_ms - drawn_ms >= DRAW_MS) {
            draw(screen, top, &lines);
            drawn_seq = seq;
            drawn_ms = now_ms;
        }
        char key = 0;
        enum pbti_screen_event const event = pbti_screen_wait(screen, LOOK_MS, &key);
        if (event == PBTI_SCREEN_QUIT || (event == PBTI_SCREEN_KEY && is_quit(key))) { break; }
        redraw = event == PBTI_SCREEN_REDRAW || event == PBTI_SCREEN_KEY;
        status = pbti_study_reader_update(reader, 0, err);
        if (status != PBT_OK) { break; }
    }
    pbti_str_deinit(&lines);
    return status;
}

int pbti_verb_top(const struct pbti_call *call)
{
    if (!pbti_terminal_is_live(stdout)) {
        return pbti_cli_complain(call, PBTI_EXIT_USAGE,
                                 "`pbt show DIR` prints how a study stands, `pbt log DIR --follow` "
                                 "what happens",
                                 "standard output is not a terminal that can be drawn on");
    }
    struct pbti_top *top = NULL;
    struct pbt_error err = {0};
    if (pbti_top_open(call->argument[0], call->value[PBTI_OPT_JOURNAL], &top, &err) != PBT_OK) {
        return pbti_cli_fail(call, &err);
    }
    struct pbti_screen screen;
    if (!pbti_screen_enter(&screen)) {
        int const code = errno;
        pbti_top_close(top);
        return pbti_cli_complain(call, PBTI_EXIT_STORAGE, NULL, "could not use the terminal: %s",
                                 strerror(code));
    }
    pbt_status const status = show(&screen, top, &err);
    pbti_screen_leave(&screen);
    pbti_top_close(top);
    return status == PBT_OK ? PBTI_EXIT_DONE : pbti_cli_fail(call, &err);
}
