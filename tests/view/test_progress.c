/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/view/test_progress.c - the live display and its lines.
 *
 * Rules: a frame never exceeds the terminal, whatever its size; without colour there is no escape
 * sequence in it; a pipe gets a line at the start, at improvements at most one a second, and at the
 * end; --quiet gets nothing.
 */
#include "view/progress.h"
#include "view_study.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct pbti_progress_slot const slots[3] = {
    {true, true, 3, 2, 4, 10}, {true, false, 0, 0, 0, 0}, {false, false, 0, 0, 0, 0}};

static void make_study(struct view_study *study)
{
    view_study_open(study, "");
    for (uint32_t i = 0; i < 4; i++) {
        view_study_run(study, i, 10 - (double)i);
    }
    view_study_claim(study, 3);
}

static struct pbti_progress_view view_of(const struct view_study *study)
{
    return (struct pbti_progress_view){.state = view_study_state(study),
                                       .study = "fash\033ion",
                                       .score_name = "accuracy",
                                       .slots_count = 3,
                                       .slots = slots,
                                       .checkpoint_bytes = 4096};
}

/* How often `part` is in the text; it does not overlap itself. */
static size_t count_of(const char *text, const char *part)
{
    size_t const size = strlen(text);
    size_t const part_size = strlen(part);
    size_t count = 0;
    for (size_t at = 0; at + part_size <= size; at++) {
        if (memcmp(text + at, part, part_size) == 0) { count++; }
    }
    return count;
}

static void test_a_frame_fits_every_terminal(void **state)
{
    (void)state;
    struct view_study study;
    make_study(&study);
    struct pbti_progress_view const view = view_of(&study);
    struct pbti_str str = {0};
    for (uint32_t width = 1; width <= 200; width += width < 90 ? 1 : 37) {
        for (uint32_t height = 1; height <= 60; height += height < 30 ? 1 : 13) {
            struct pbti_frame const frame = {.width = width,
                                             .height = height,
                                             .utf8 = width % 2 == 0,
                                             .left_ms = 61000,
                                             .last = "member 3 replaced by member 0: lr kept"};
            pbti_str_clear(&str);
            pbti_progress_frame(&str, &view, &frame);
            assert_false(str.failed);
            uint32_t lines = 0;
            const char *rest = pbti_str_text(&str);
            assert_null(strchr(rest, '\033'));
            for (const char *end = strchr(rest, '\n'); end != NULL; end = strchr(rest, '\n')) {
                assert_true(pbti_columns(rest, (size_t)(end - rest)) <= width);
                lines++;
                rest = end + 1;
            }
            assert_true(lines < height || height == 1);
            assert_true(height > 1 || lines == 0);
        }
    }
    pbti_str_deinit(&str);
    view_study_remove(&study);
}

static void test_a_frame_says_what_matters(void **state)
{
    (void)state;
    struct view_study study;
    make_study(&study);
    struct pbti_progress_view const view = view_of(&study);
    struct pbti_frame const frame = {
        .width = 80, .height = 24, .left_ms = 61000, .last = "member 3 replaced by member 0"};
    struct pbti_str str = {0};
    pbti_progress_frame(&str, &view, &frame);
    static const char *const wanted[] = {"fash\\x1bion",    "44/400 steps",
                                         "1m 01s left",     "best accuracy 10.000 member 0 age 10",
                                         "exploits 3",      "rank  member",
                                         "member 3 ",       "1: idle",
                                         "2: out of order", "last   member 3 replaced"};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (strstr(pbti_str_text(&str), wanted[i]) == NULL) {
            fail_msg("\"%s\" is not in:\n%s", wanted[i], pbti_str_text(&str));
        }
    }
    pbti_str_deinit(&str);
    view_study_remove(&study);
}

/* Everything a display of this kind writes. */
static char *output_of(enum pbti_progress_kind kind, const struct view_study *study,
                       const int64_t *times, size_t count)
{
    char *text = NULL;
    size_t size = 0;
    FILE *const stream = open_memstream(&text, &size);
    assert_non_null(stream);
    struct pbti_progress *const progress = pbti_progress_create(stream, kind, "./fashion");
    assert_non_null(progress);
    struct pbti_progress_view const view = view_of(study);
    for (size_t i = 0; i < count; i++) {
        pbti_progress_tick(progress, &view, times[i]);
    }
    pbti_progress_finish(progress, &view, times[count - 1]);
    pbti_progress_destroy(progress);
    (void)fclose(stream);
    return text;
}

static size_t lines_of(const char *text)
{
    size_t lines = 0;
    for (; *text != '\0'; text++) {
        lines += *text == '\n';
    }
    return lines;
}

static void test_a_pipe_gets_a_line_now_and_then(void **state)
{
    (void)state;
    struct view_study study;
    make_study(&study);
    /* begin; nothing yet; the first score is told after a second; every five; the end */
    static const int64_t times[] = {100000, 100500, 101200, 102500, 104000, 106300, 108000};
    char *const text = output_of(PBTI_PROGRESS_PIPE, &study, times, sizeof times / sizeof times[0]);
    assert_int_equal(lines_of(text), 5);
    assert_non_null(
        strstr(text, "fash\\x1bion: 4 members, 100 steps each, 3 slots, in ./fashion\n"));
    assert_non_null(strstr(text, "\nstrategy pbt, async, ready every 10 steps; exploit "));
    assert_non_null(strstr(text, " 10 %  40/400 steps  best 10.000 (member 0, age 10)"));
    assert_null(strchr(text, '\033'));
    free(text);
    view_study_remove(&study);
}

static void test_quiet_is_quiet(void **state)
{
    (void)state;
    struct view_study study;
    make_study(&study);
    static const int64_t times[] = {100000, 110000};
    char *const text = output_of(PBTI_PROGRESS_NONE, &study, times, 2);
    assert_string_equal(text, "");
    free(text);
    view_study_remove(&study);
}

/* At most five drawings a second, and each first goes up over the one before. */
static void test_the_block_replaces_itself_at_most_five_times_a_second(void **state)
{
    (void)state;
    struct view_study study;
    make_study(&study);
    int64_t times[101];
    for (int i = 0; i <= 100; i++) {
        times[i] = 100000 + i * 10;
    }
    char *const text = output_of(PBTI_PROGRESS_LIVE, &study, times, 101);
    size_t const draws = count_of(text, "\033[?25l");
    size_t const shown = count_of(text, "\033[?25h");
    assert_int_equal(draws, 7);     /* at 0, 200, ... 1000 ms, and the end */
    assert_int_equal(shown, draws); /* the cursor is always shown again */
    assert_non_null(strstr(text, "A\r\033[J"));
    free(text);
    view_study_remove(&study);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_frame_fits_every_terminal),
        cmocka_unit_test(test_a_frame_says_what_matters),
        cmocka_unit_test(test_a_pipe_gets_a_line_now_and_then),
        cmocka_unit_test(test_quiet_is_quiet),
        cmocka_unit_test(test_the_block_replaces_itself_at_most_five_times_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
