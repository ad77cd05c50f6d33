/* SPDX-License-Identifier: Apache-2.0 */
/* view/progress.c - when to draw, and how the block is replaced by the next one. */
#include "view/progress.h"

#include "view/explain.h"
#include "view/format.h"
#include "view/rules_line.h"
#include "view/summary.h"
#include "view/terminal.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DRAW_MS 200     /* on a terminal: at most five frames a second */
#define LINE_MS 5000    /* in a pipe: a line now and then */
#define IMPROVE_MS 1000 /* ... and at an improvement */
#define RATES 64        /* samples that the speed is measured over */
#define RATE_MS 500     /* between two of them */

struct pbti_progress {
    FILE *stream;
    enum pbti_progress_kind kind;
    struct pbti_str dir;
    struct pbti_str last;  /* the last exploit or failure in words */
    struct pbti_str frame; /* being drawn */
    struct pbti_str drawn; /* on the screen, without escape sequences */
    bool begun;
    int64_t spoken_ms;
    double spoken_best;   /* NaN = none */
    uint64_t rates_count; /* a ring of (time, steps) */
    int64_t rate_ms[RATES];
    uint64_t rate_steps[RATES];
    struct pbti_space *space; /* owned; of the last study or amend event */
};

/* -------- life -------- */

enum pbti_progress_kind pbti_progress_kind_for(FILE *stream)
{
    return pbti_terminal_is_live(stream) ? PBTI_PROGRESS_LIVE : PBTI_PROGRESS_PIPE;
}

struct pbti_progress *pbti_progress_create(FILE *stream, enum pbti_progress_kind kind,
                                           const char *dir)
{
    struct pbti_progress *const progress = calloc(1, sizeof *progress);
    if (progress == NULL) { return NULL; }
    progress->stream = stream;
    progress->kind = kind;
    progress->spoken_best = NAN;
    pbti_str_escape(&progress->dir, dir, strlen(dir));
    return progress;
}

void pbti_progress_destroy(struct pbti_progress *progress)
{
    if (progress == NULL) { return; }
    pbti_str_deinit(&progress->dir);
    pbti_str_deinit(&progress->last);
    pbti_str_deinit(&progress->frame);
    pbti_str_deinit(&progress->drawn);
    free(progress->space);
    free(progress);
}

void pbti_progress_event(void *context, uint64_t seq, const struct pbti_event *event)
{
    struct pbti_progress *const progress = context;
    (void)seq;
    if (event->type == PBTI_STUDY || event->type == PBTI_AMEND) {
        if (progress->space == NULL) { progress->space = malloc(sizeof *progress->space); }
        if (progress->space != NULL) { *progress->space = event->study.config->space; }
    }
    bool const exploit = event->type == PBTI_DECISION && event->decision.kind == PBTI_REPLACE;
    bool const failure = event->type == PBTI_REPORT && event->report.outcome != PBTI_OUTCOME_DONE;
    if (!exploit && !failure) { return; }
    pbti_str_clear(&progress->last);
    if (exploit) {
        pbti_explain_decision(&progress->last, progress->space, &event->decision, NULL);
    } else {
        pbti_explain_event(&progress->last, NULL, event);
    }
}

/* -------- speed -------- */

/* Remember how far it is, now and then; returns milliseconds left, -1 when not known. */
static int64_t time_left(struct pbti_progress *progress, const struct pbti_progress_view *view,
                         int64_t now_ms)
{
    uint64_t done = pbti_state_counts(view->state).steps;
    for (uint32_t i = 0; i < view->slots_count; i++) {
        if (view->slots[i].busy) { done += view->slots[i].step; }
    }
    uint64_t const count = progress->rates_count;
    if (count == 0 || now_ms - progress->rate_ms[(count - 1) % RATES] >= RATE_MS) {
        progress->rate_ms[count % RATES] = now_ms;
        progress->rate_steps[count % RATES] = done;
        progress->rates_count++;
    }
    uint64_t const kept = progress->rates_count < RATES ? progress->rates_count : RATES;
    uint64_t const first = (progress->rates_count - kept) % RATES;
    int64_t const ms = now_ms - progress->rate_ms[first];
    uint64_t const before = progress->rate_steps[first];
    uint64_t const total = pbti_steps_total(view->state);
    if (ms < 1000 || done <= before || pbti_state_stop(view->state) != PBTI_STOP_NONE) {
        return -1;
    }
    double const left =
        (double)(total > done ? total - done : 0) * (double)ms / (double)(done - before);
    return left < 9e15 ? (int64_t)left : -1;
}

/* -------- on a terminal -------- */

/* How many rows the lines on the screen take now that it is `width` wide. */
static uint32_t rows_drawn(const struct pbti_progress *progress, uint32_t width)
{
    uint32_t rows = 0;
    const char *rest = pbti_str_text(&progress->drawn);
    for (const char *end = strchr(rest, '\n'); end != NULL; end = strchr(rest, '\n')) {
        uint32_t const columns = pbti_columns(rest, (size_t)(end - rest));
        rows += columns <= width ? 1 : (columns + width - 1) / width;
        rest = end + 1;
    }
    return rows;
}

/* Take the block off the screen; the cursor is where it began. */
static void add_erase(struct pbti_progress *progress, struct pbti_str *out, uint32_t width)
{
    uint32_t const rows = rows_drawn(progress, width);
    if (rows > 0) { pbti_str_addf(out, "\033[%" PRIu32 "A", rows); }
    pbti_str_add(out, "\r\033[J");
    pbti_str_clear(&progress->drawn);
}

static void send(struct pbti_progress *progress, struct pbti_str *out)
{
    if (!out->failed && out->size > 0) {
        (void)fwrite(out->data, 1, out->size, progress->stream);
        (void)fflush(progress->stream);
    }
    pbti_str_clear(out);
}

static void draw(struct pbti_progress *progress, const struct pbti_progress_view *view,
                 int64_t left_ms)
{
    struct pbti_terminal const terminal = pbti_terminal_of(progress->stream);
    struct pbti_frame frame = {.width = terminal.width,
                               .height = terminal.height,
                               .utf8 = terminal.utf8,
                               .left_ms = left_ms,
                               .last = pbti_str_text(&progress->last)};
    struct pbti_str *const out = &progress->frame;
    pbti_str_clear(out);
    pbti_str_add(out, "\033[?25l");
    add_erase(progress, out, frame.width);
    pbti_progress_frame(&progress->drawn, view, &frame);
    frame.color = terminal.color;
    if (frame.color) {
        pbti_progress_frame(out, view, &frame);
    } else {
        pbti_str_add(out, pbti_str_text(&progress->drawn));
    }
    pbti_str_add(out, "\033[?25h");
    send(progress, out);
}

/* -------- in a pipe -------- */

static void say_begin(struct pbti_progress *progress, const struct pbti_progress_view *view)
{
    const struct pbti_config *const config = pbti_state_config(view->state);
    struct pbti_str *const out = &progress->frame;
    pbti_str_clear(out);
    pbti_str_escape(out, view->study, strlen(view->study));
    pbti_str_add(out, ": ");
    pbti_str_count(out, pbti_config_members(config));
    pbti_str_add(out, " members, ");
    pbti_str_budget(out, config);
    if (view->slots_count > 0) { /* none of ours when somebody else's study is followed */
        pbti_str_addf(out, ", %" PRIu32 " slot%s", view->slots_count,
                      view->slots_count == 1 ? "" : "s");
    }
    pbti_str_addf(out, ", in %s\n", pbti_str_text(&progress->dir));
    if (view->slots_count > 0) {
        pbti_str_rules(out, config);
        pbti_str_add(out, "\n");
    }
    send(progress, out);
}

static void say(struct pbti_progress *progress, const struct pbti_progress_view *view,
                int64_t left_ms)
{
    struct pbti_best const best = pbti_state_best(view->state, PBTI_GROUP_POPULATION);
    uint64_t const done = pbti_state_counts(view->state).steps;
    uint64_t const total = pbti_steps_total(view->state);
    struct pbti_str *const out = &progress->frame;
    pbti_str_clear(out);
    pbti_str_addf(out, "%3.0f %%  ",
                  total == 0 ? 0.0 : (double)(uint64_t)(100 * (double)done / (double)total));
    pbti_str_count(out, done);
    pbti_str_add(out, "/");
    pbti_str_count(out, total);
    pbti_str_add(out, " steps");
    if (best.checkpoint.segment != 0) {
        pbti_str_add(out, "  best ");
        pbti_str_score(out, best.score);
        pbti_str_addf(out, " (member %" PRIu32 ", age ", best.checkpoint.member);
        pbti_str_count(out, best.age);
        pbti_str_add(out, ")");
    }
    if (left_ms >= 0) {
        pbti_str_add(out, "  ");
        pbti_str_duration(out, left_ms);
        pbti_str_add(out, " left");
    }
    pbti_str_add(out, "\n");
    send(progress, out);
    progress->spoken_best = best.checkpoint.segment != 0 ? best.score : NAN;
}

/* -------- ticks -------- */

/* Has the best score changed since the last line? */
static bool improved(const struct pbti_progress *progress, const struct pbti_progress_view *view)
{
    struct pbti_best const best = pbti_state_best(view->state, PBTI_GROUP_POPULATION);
    if (best.checkpoint.segment == 0) { return false; }
    return isnan(progress->spoken_best) || best.score != progress->spoken_best;
}

void pbti_progress_tick(struct pbti_progress *progress, const struct pbti_progress_view *view,
                        int64_t now_ms)
{
    if (progress->kind == PBTI_PROGRESS_NONE || view->state == NULL) { return; }
    int64_t const left_ms = time_left(progress, view, now_ms);
    int64_t const silent_ms = now_ms - progress->spoken_ms;
    bool const first = !progress->begun;
    bool due = silent_ms >= DRAW_MS;
    if (progress->kind == PBTI_PROGRESS_PIPE) {
        due = silent_ms >= LINE_MS || (silent_ms >= IMPROVE_MS && improved(progress, view));
    }
    if (!first && !due) { return; }
    progress->begun = true;
    progress->spoken_ms = now_ms;
    if (progress->kind == PBTI_PROGRESS_LIVE) {
        draw(progress, view, left_ms);
    } else if (first) {
        say_begin(progress, view);
    } else {
        say(progress, view, left_ms);
    }
}

void pbti_progress_finish(struct pbti_progress *progress, const struct pbti_progress_view *view,
                          int64_t now_ms)
{
    if (progress->kind == PBTI_PROGRESS_NONE || view->state == NULL) { return; }
    int64_t const left_ms = time_left(progress, view, now_ms);
    if (progress->kind == PBTI_PROGRESS_LIVE) {
        draw(progress, view, left_ms);
    } else {
        if (!progress->begun) { say_begin(progress, view); }
        say(progress, view, left_ms);
    }
    progress->begun = true;
    progress->spoken_ms = now_ms;
}

static void say_above(struct pbti_progress *progress, const char *kind, const char *text)
{
    if (progress->kind == PBTI_PROGRESS_NONE) { return; }
    struct pbti_str *const out = &progress->frame;
    struct pbti_str block = {0};
    pbti_str_clear(out);
    if (progress->kind == PBTI_PROGRESS_LIVE) {
        pbti_str_add(&block, pbti_str_text(&progress->drawn));
        add_erase(progress, out, pbti_terminal_of(progress->stream).width);
    }
    pbti_str_add(out, kind);
    pbti_str_escape(out, text, strlen(text));
    pbti_str_add(out, "\n");
    pbti_str_add(out, pbti_str_text(&block));
    pbti_str_add(&progress->drawn, pbti_str_text(&block));
    pbti_str_deinit(&block);
    send(progress, out);
}

void pbti_progress_say(struct pbti_progress *progress, const char *text)
{
    say_above(progress, "", text);
}

void pbti_progress_warn(struct pbti_progress *progress, const char *text)
{
    say_above(progress, "warning: ", text);
}
