/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/view/test_top.c - the screen of `pbt top`.
 *
 * Rules: a frame never exceeds the terminal, whatever its size; without colour there is no escape
 * sequence in it, whatever trainers and workers are called or say; it follows the journal.
 */
#include "view/top.h"
#include "view_study.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS (1700000000000 + 3600000)

static void make_study(struct view_study *study)
{
    view_study_open(study, "");
    view_study_join(study, 1, 17);
    for (uint32_t i = 0; i < 4; i++) {
        view_study_run(study, i, 10 - (double)i);
    }
    view_study_claim(study, 2);
    view_study_fail(study, 2, PBTI_OUTCOME_CRASH, "bad \033[31mluck\nand \xe2\x80\xae more");
    view_study_claim(study, 3);
}

static struct pbti_top *open_top(const struct view_study *study)
{
    struct pbti_top *top = NULL;
    struct pbt_error err = {0};
    if (pbti_top_open(study->dir, NULL, &top, &err) != PBT_OK) { fail_msg("%s", err.message); }
    return top;
}

static void test_a_frame_fits_every_terminal(void **state)
{
    (void)state;
    struct view_study study;
    make_study(&study);
    struct pbti_top *const top = open_top(&study);
    struct pbti_str str = {0};
    for (uint32_t width = 1; width <= 200; width += width < 90 ? 1 : 37) {
        for (uint32_t height = 1; height <= 60; height += height < 30 ? 1 : 13) {
            struct pbti_terminal const terminal = {
                .width = width, .height = height, .utf8 = width % 2 == 0};
            pbti_str_clear(&str);
            pbti_top_frame(top, &terminal, NOW_MS, &str);
            assert_false(str.failed);
            uint32_t lines = 0;
            const char *rest = pbti_str_text(&str);
            assert_null(strchr(rest, '\033'));
            for (const char *end = strchr(rest, '\n'); end != NULL; end = strchr(rest, '\n')) {
                assert_true(pbti_columns(rest, (size_t)(end - rest)) <= width);
                lines++;
                rest = end + 1;
            }
            assert_string_equal(rest, "");
            assert_in_range(lines, 1, height);
        }
    }
    pbti_str_deinit(&str);
    pbti_top_close(top);
    view_study_remove(&study);
}

static void check_says(const struct pbti_top *top, const char *const *wanted, size_t count)
{
    struct pbti_terminal const terminal = {.width = 100, .height = 24};
    struct pbti_str str = {0};
    pbti_top_frame(top, &terminal, NOW_MS, &str);
    for (size_t i = 0; i < count; i++) {
        if (strstr(pbti_str_text(&str), wanted[i]) == NULL) {
            fail_msg("\"%s\" is not in:\n%s", wanted[i], pbti_str_text(&str));
        }
    }
    pbti_str_deinit(&str);
}

static void test_a_frame_says_what_matters(void **state)
{
    (void)state;
    struct view_study study;
    make_study(&study);
    struct pbti_top *const top = open_top(&study);
    static const char *const wanted[] = {
        "small  ",
        "4 members",
        "best score 10.000 member 0 age 10",
        "failures 1",
        "40/400 steps",
        "rank  member",
        "slot  member  segment  from age",
        ":17\n", /* the worker's process */
        "member 2, segment 2 failed (crash): bad \\x1b[31mluck\\x0aand \\xe2\\x80\\xae more",
        "member 3 (rank 4 of 4",
        "q quits",
    };
    check_says(top, wanted, sizeof wanted / sizeof wanted[0]);
    pbti_top_close(top);
    view_study_remove(&study);
}

static void test_it_follows_the_journal(void **state)
{
    (void)state;
    struct view_study study;
    make_study(&study);
    struct pbti_top *const top = open_top(&study);
    view_study_done(&study, 3, 99);
    struct pbt_error err = {0};
    assert_int_equal(pbti_study_reader_update(pbti_top_reading(top), 0, &err), PBT_OK);
    static const char *const wanted[] = {"best score 99.000 member 3", "50/400 steps"};
    check_says(top, wanted, sizeof wanted / sizeof wanted[0]);
    pbti_top_close(top);
    view_study_remove(&study);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_frame_fits_every_terminal),
        cmocka_unit_test(test_a_frame_says_what_matters),
        cmocka_unit_test(test_it_follows_the_journal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
