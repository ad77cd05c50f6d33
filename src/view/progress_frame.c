/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view/progress_frame.c - the live block as text: a pure function of how things stand.
 *
 *     fashion  ########............  42 %  134,400/320,000 steps  12 s left
 *     best accuracy 0.8790  member 7 at age 9,500   now 0.8790   exploits 12   failures 0
 *
 *     rank  member   score    age       lr  dropout
 *     ...
 *     slots  0: member 3 ####.... 240/500   1: ...
 *     last   member 3 (rank 15 of 16, 0.8123) replaced by member 7 (rank 2, 0.8790): ...
 *
 * What is short of room goes first: leaders, then the last exploit, then the slots.
 */
#include "view/progress.h"

#include "view/format.h"
#include "view/summary.h"
#include "view/terminal.h"

#include <inttypes.h>
#include <string.h>

static void end_line(struct pbti_str *str, size_t from, const struct pbti_frame *frame,
                     const char *color)
{
    pbti_line_end(str, from, frame->width, frame->color ? color : NULL);
}

static uint64_t steps_done(const struct pbti_progress_view *view)
{
    uint64_t done = pbti_state_counts(view->state).steps;
    for (uint32_t i = 0; i < view->slots_count; i++) {
        if (view->slots[i].busy) { done += view->slots[i].step; }
    }
    return done;
}

static void add_head(struct pbti_str *str, const struct pbti_progress_view *view,
                     const struct pbti_frame *frame)
{
    size_t const from = str->size;
    uint64_t const total = pbti_steps_total(view->state);
    uint64_t const running = steps_done(view);
    uint64_t const done = running < total ? running : total;
    double const share = total == 0 ? 0 : (double)done / (double)total;
    pbti_str_escape(str, view->study, strlen(view->study));
    pbti_str_clip(str, from, frame->width / 4);
    pbti_str_add(str, "  ");
    pbti_line_bar(str, frame->utf8, share, frame->width >= 100 ? 40 : 20);
    pbti_str_addf(str, " %3.0f %%  ", (double)(uint64_t)(100 * share));
    pbti_str_count(str, done);
    pbti_str_add(str, "/");
    pbti_str_count(str, total);
    pbti_str_add(str, " steps");
    if (frame->left_ms >= 0) {
        pbti_str_add(str, "  ");
        pbti_str_duration(str, frame->left_ms);
        pbti_str_add(str, " left");
    }
    end_line(str, from, frame, PBTI_BOLD);
}

static void add_best_line(struct pbti_str *str, const struct pbti_progress_view *view,
                          const struct pbti_frame *frame)
{
    size_t const from = str->size;
    struct pbti_best const best = pbti_state_best(view->state, PBTI_GROUP_POPULATION);
    struct pbti_best const now = pbti_state_best_now(view->state, PBTI_GROUP_POPULATION);
    struct pbti_counts const counts = pbti_state_counts(view->state);
    if (best.checkpoint.segment == 0) {
        pbti_str_add(str, "no score yet");
    } else {
        pbti_str_add(str, "best ");
        size_t const name = str->size;
        pbti_str_escape(str, view->score_name, strlen(view->score_name));
        pbti_str_clip(str, name, 16);
        pbti_str_add(str, " ");
        pbti_str_score(str, best.score);
        pbti_str_addf(str, " member %" PRIu32 " age ", best.checkpoint.member);
        pbti_str_count(str, best.age);
        if (now.checkpoint.segment != 0 && now.score != best.score) {
            pbti_str_add(str, ", now ");
            pbti_str_score(str, now.score);
        }
    }
    pbti_str_add(str, ", exploits ");
    pbti_str_count(str, counts.exploits);
    pbti_str_add(str, ", failures ");
    pbti_str_count(str, counts.failures);
    size_t const disk = str->size;
    if (view->checkpoint_bytes > 0) {
        pbti_str_add(str, ", disk ");
        pbti_str_bytes(str, view->checkpoint_bytes);
    }
    if (pbti_columns(pbti_str_text(str) + from, str->size - from) > frame->width) {
        pbti_str_cut(str, disk);
    }
    end_line(str, from, frame, PBTI_GREEN);
}

static void add_leaders(struct pbti_str *str, const struct pbti_progress_view *view,
                        const struct pbti_frame *frame, uint32_t count)
{
    struct pbti_table table = {0};
    struct pbti_str text = {0};
    pbti_leaders_table(&table, view->state, PBTI_GROUP_POPULATION, count);
    pbti_table_print(&table, &text, 2, frame->width);
    const char *rest = pbti_str_text(&text);
    const char *color = PBTI_DIM;
    for (const char *end = strchr(rest, '\n'); end != NULL; end = strchr(rest, '\n')) {
        size_t const from = str->size;
        pbti_str_add_bytes(str, rest, (size_t)(end - rest));
        end_line(str, from, frame, color);
        color = NULL;
        rest = end + 1;
    }
    pbti_str_deinit(&text);
    pbti_table_deinit(&table);
}

static void add_slots(struct pbti_str *str, const struct pbti_progress_view *view,
                      const struct pbti_frame *frame)
{
    size_t const from = str->size;
    pbti_str_add(str, "slots");
    uint32_t shown = 0;
    for (; shown < view->slots_count; shown++) {
        const struct pbti_progress_slot *const slot = &view->slots[shown];
        size_t const here = str->size;
        pbti_str_addf(str, "  %" PRIu32 ": ", shown);
        if (!slot->usable) {
            pbti_str_add(str, "out of order");
        } else if (!slot->busy) {
            pbti_str_add(str, "idle");
        } else {
            pbti_str_addf(str, "member %" PRIu32 " ", slot->member);
            pbti_line_bar(str, frame->utf8,
                          slot->steps == 0 ? 0 : (double)slot->step / (double)slot->steps, 8);
        }
        uint32_t const room = frame->width > 12 ? frame->width - 12 : 0;
        if (pbti_columns(pbti_str_text(str) + from, str->size - from) > room &&
            shown + 1 < view->slots_count) {
            pbti_str_cut(str, here);
            pbti_str_addf(str, "  +%" PRIu32 " more", view->slots_count - shown);
            break;
        }
    }
    end_line(str, from, frame, NULL);
}

void pbti_progress_frame(struct pbti_str *str, const struct pbti_progress_view *view,
                         const struct pbti_frame *frame)
{
    uint32_t const rows = frame->height > 1 ? frame->height - 1 : 0;
    if (rows == 0) { return; }
    bool const has_last = frame->last[0] != '\0' && rows >= 6;
    bool const has_slots = view->slots_count > 0 && rows >= 4;
    add_head(str, view, frame);
    if (rows >= 2) { add_best_line(str, view, frame); }
    uint32_t const others = 3u + (has_last ? 1u : 0u) + (has_slots ? 1u : 0u); /* and a heading */
    uint32_t room = rows > others ? rows - others : 0;
    uint32_t const most = frame->height >= 40 ? 20 : 10;
    if (room > most) { room = most; }
    if (room > 0 && pbti_state_ranked(view->state, PBTI_GROUP_POPULATION, 0) != PBTI_NO_MEMBER) {
        add_leaders(str, view, frame, room);
    }
    if (has_slots) { add_slots(str, view, frame); }
    if (has_last) {
        size_t const from = str->size;
        pbti_str_add(str, "last   ");
        pbti_str_add(str, frame->last);
        end_line(str, from, frame, PBTI_DIM);
    }
}
