/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/view/test_str.c - texts for people.
 *
 * Rules: nothing that comes from a study can drive a terminal; texts are measured and cut in
 * columns; numbers read as people write them; tables fit.
 */
#include "view/format.h"
#include "view/table.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void escapes_to(const char *text, size_t size, const char *expected)
{
    struct pbti_str str = {0};
    pbti_str_escape(&str, text, size);
    assert_string_equal(pbti_str_text(&str), expected);
    pbti_str_deinit(&str);
}

#define ESCAPES_TO(text, expected) escapes_to(text, sizeof(text) - 1, expected)

static void test_control_characters_are_escaped(void **state)
{
    (void)state;
    ESCAPES_TO("plain", "plain");
    ESCAPES_TO("", "");
    ESCAPES_TO("a\033[31mb", "a\\x1b[31mb");
    ESCAPES_TO("a\nb\tc\r", "a\\x0ab\\x09c\\x0d");
    ESCAPES_TO("nul\0end", "nul\\x00end");
    ESCAPES_TO("\x7f", "\\x7f");
    ESCAPES_TO("\xc2\x9b"
               "31m",
               "\\xc2\\x9b31m"); /* C1: control sequence introducer */
}

static void test_text_in_other_scripts_passes(void **state)
{
    (void)state;
    ESCAPES_TO("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f");
    ESCAPES_TO("\xe6\xbc\xa2", "\xe6\xbc\xa2");
    ESCAPES_TO("\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80");
}

static void test_bytes_that_are_not_utf8_are_escaped(void **state)
{
    (void)state;
    ESCAPES_TO("\xff", "\\xff");
    ESCAPES_TO("\xc3", "\\xc3");                            /* cut short */
    ESCAPES_TO("\xc0\xaf", "\\xc0\\xaf");                   /* over-long */
    ESCAPES_TO("\xed\xa0\x80", "\\xed\\xa0\\x80");          /* a surrogate */
    ESCAPES_TO("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* past the end */
    ESCAPES_TO("a\xe2\x80", "a\\xe2\\x80");
}

static void test_direction_marks_are_escaped(void **state)
{
    (void)state;
    ESCAPES_TO("a\xe2\x80\xae"
               "b",
               "a\\xe2\\x80\\xaeb"); /* right-to-left override */
    ESCAPES_TO("\xe2\x81\xa6", "\\xe2\\x81\\xa6");
    ESCAPES_TO("\xef\xbb\xbf", "\\xef\\xbb\\xbf");
}

/* Every byte pair: what comes out holds no control character. */
static void test_no_pair_of_bytes_gets_a_control_through(void **state)
{
    (void)state;
    struct pbti_str str = {0};
    for (unsigned pair = 0; pair < 65536; pair++) {
        char const bytes[2] = {(char)(pair >> 8), (char)(pair & 255)};
        pbti_str_clear(&str);
        pbti_str_escape(&str, bytes, 2);
        for (size_t i = 0; i < str.size; i++) {
            unsigned char const byte = (unsigned char)str.data[i];
            if (byte < 0x20 || byte == 0x7f) {
                fail_msg("bytes %04x let %02x through", pair, byte);
            }
            bool const c1 =
                i + 1 < str.size && byte == 0xc2 && (unsigned char)str.data[i + 1] < 0xa0;
            if (c1) { fail_msg("bytes %04x let a C1 control through", pair); }
        }
    }
    pbti_str_deinit(&str);
}

static void test_text_is_measured_in_columns(void **state)
{
    (void)state;
    assert_int_equal(pbti_columns("abc", 3), 3);
    assert_int_equal(pbti_columns("\xc3\xbc", 2), 1);
    assert_int_equal(pbti_columns("\xe6\xbc\xa2", 3), 2);
    assert_int_equal(pbti_columns("e\xcc\x81", 3), 1); /* combining */
}

static void clips_to(const char *text, uint32_t columns, const char *expected)
{
    struct pbti_str str = {0};
    pbti_str_add(&str, "x");
    pbti_str_add(&str, text);
    pbti_str_clip(&str, 1, columns);
    assert_string_equal(pbti_str_text(&str) + 1, expected);
    pbti_str_deinit(&str);
}

static void test_text_is_cut_in_columns(void **state)
{
    (void)state;
    clips_to("abc", 3, "abc");
    clips_to("abcd", 3, "ab~");
    clips_to("\xe6\xbc\xa2\xe6\xbc\xa2", 3, "\xe6\xbc\xa2~");
    clips_to("\xe6\xbc\xa2\xe6\xbc\xa2", 4, "\xe6\xbc\xa2\xe6\xbc\xa2");
    clips_to("abc", 0, "");
}

static void score_is(double score, const char *expected)
{
    struct pbti_str str = {0};
    pbti_str_score(&str, score);
    assert_string_equal(pbti_str_text(&str), expected);
    pbti_str_deinit(&str);
}

static void test_scores_read_well(void **state)
{
    (void)state;
    score_is(0.879, "0.8790");
    score_is(27.3512, "27.351");
    score_is(-1234.56, "-1234.6");
    score_is(1e9, "1e+09");
    score_is(2.5e-5, "2.5e-05");
    score_is(0, "0.0000");
    score_is((double)NAN, "-");
    score_is((double)-INFINITY, "-inf");
}

static void test_counts_bytes_and_durations_read_well(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } durations[] = {{0, "0.0 s"},        {9900, "9.9 s"},      {59999, "59 s"}, {61000, "1m 01s"},
                     {3600000, "1h 00m"}, {172800000, "2d 0h"}, {-5, "0.0 s"}};
    struct pbti_str str = {0};
    for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++) {
        pbti_str_clear(&str);
        pbti_str_duration(&str, durations[i].ms);
        assert_string_equal(pbti_str_text(&str), durations[i].text);
    }
    pbti_str_clear(&str);
    pbti_str_count(&str, 1234567);
    pbti_str_add(&str, " ");
    pbti_str_count(&str, 999);
    pbti_str_add(&str, " ");
    pbti_str_bytes(&str, 1536);
    pbti_str_add(&str, " ");
    pbti_str_bytes(&str, 1048575);
    pbti_str_add(&str, " ");
    pbti_str_time(&str, 1700000000123);
    pbti_str_add(&str, " ");
    pbti_str_time(&str, -1);
    assert_string_equal(pbti_str_text(&str), "1,234,567 999 1.5 KiB 1.0 MiB "
                                             "2023-11-14T22:13:20.123Z 1969-12-31T23:59:59.999Z");
    pbti_str_deinit(&str);
}

static void test_a_table_leaves_out_what_does_not_fit(void **state)
{
    (void)state;
    struct pbti_table table = {0};
    static const char *const cells[2][3] = {{"name", "score", "what"}, {"a", "10", "long text"}};
    for (size_t row = 0; row < 2; row++) {
        for (size_t column = 0; column < 3; column++) {
            pbti_str_add(&table.text, cells[row][column]);
            pbti_table_cell(&table);
        }
        pbti_table_row(&table);
    }
    struct pbti_str str = {0};
    pbti_table_print(&table, &str, 1, 0);
    assert_string_equal(pbti_str_text(&str), " name  score  what\n a        10  long text\n");
    pbti_str_clear(&str);
    pbti_table_print(&table, &str, 1, 18);
    assert_string_equal(pbti_str_text(&str), " name  score  ...\n a        10  ...\n");
    pbti_str_deinit(&str);
    pbti_table_deinit(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_control_characters_are_escaped),
        cmocka_unit_test(test_text_in_other_scripts_passes),
        cmocka_unit_test(test_bytes_that_are_not_utf8_are_escaped),
        cmocka_unit_test(test_direction_marks_are_escaped),
        cmocka_unit_test(test_no_pair_of_bytes_gets_a_control_through),
        cmocka_unit_test(test_text_is_measured_in_columns),
        cmocka_unit_test(test_text_is_cut_in_columns),
        cmocka_unit_test(test_scores_read_well),
        cmocka_unit_test(test_counts_bytes_and_durations_read_well),
        cmocka_unit_test(test_a_table_leaves_out_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
