/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_translate_subwords.c - rules: pieces, merges, ties and numbers are those that an independent
 * program found; text comes back exactly; half characters are dropped; what a checkpoint holds is
 * read back, and damage is refused; a vocabulary that the texts do not allow is refused by name;
 * UTF-8 is what the standard says, and a file that is not names its line.
 */
#include "trainer_fixture.h"
#include "translate/translate_subwords.h"
#include "translate/translate_utf8.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static const char five[] = "Öffnen Sie die Datei.\n"
                           "Öffnen Sie die Tabelle A12.\n"
                           "Schließen Sie die Datei, die Sie öffnen.\n"
                           "Die Datei ist offen; die Tabelle nicht.\n"
                           "aaaa aaa\n";

static pbt_status learn(struct pbti_subwords *subwords, const char *text, uint32_t vocabulary,
                        struct pbt_error *err)
{
    struct pbti_lines lines;
    assert_int_equal(pbti_lines_copy(&lines, text, strlen(text), "text", NULL), PBT_OK);
    const struct pbti_lines *const texts[] = {&lines};
    pbt_status const status = pbti_subwords_learn(subwords, texts, 1, vocabulary, err);
    pbti_lines_deinit(&lines);
    return status;
}

static struct pbti_subwords learnt(void)
{
    struct pbti_subwords subwords;
    assert_int_equal(learn(&subwords, five, 260 + 24, NULL), PBT_OK);
    return subwords;
}

/* -------- pieces -------- */

static void test_pieces_end_where_the_class_changes(void **state)
{
    (void)state;
    static const char line[] = "Die „Zelle“ A12: 3,50 € (z.B.)  ok–";
    static const char *const pieces[] = {" Die", " „", "Zelle", "“",  " A",  "1",  "2",
                                         ":",    " 3", ",",     "5",  "0",   " €", " (",
                                         "z",    ".",  "B",     ".)", " ok", "–"};
    char buffer[64];
    size_t at = 0;
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        size_t const size = pbti_subword_piece(line, strlen(line), &at, buffer);
        assert_int_equal(size, strlen(pieces[i]));
        assert_memory_equal(buffer, pieces[i], size);
    }
    assert_int_equal(pbti_subword_piece(line, strlen(line), &at, buffer), 0);
    at = 0;
    assert_int_equal(pbti_subword_piece("   ", 3, &at, buffer), 0);
    at = 0;
    assert_int_equal(pbti_subword_piece("", 0, &at, buffer), 0);
}

/* -------- learning -------- */

static void test_merges_are_known_ones(void **state)
{
    (void)state;
    static const struct {
        const char *left, *right;
        uint64_t count;
    } known[] = {{"i", "e", 11},   {" ", "S", 5},     {" ", "d", 5},      {" d", "ie", 5},
                 {"a", "a", 5},    {"e", "n", 5},     {" ", "D", 4},      {" S", "ie", 4},
                 {"f", "f", 4},    {" ", "\xc3", 3},  {" D", "a", 3},     {" Da", "t", 3},
                 {" Dat", "e", 3}, {" Date", "i", 3}, {"ff", "n", 3},     {"ffn", "en", 3},
                 {" ", "T", 2},    {" ", "aa", 2},    {" T", "a", 2},     {" Ta", "b", 2},
                 {" Tab", "e", 2}, {" Tabe", "l", 2}, {" Tabel", "l", 2}, {" Tabell", "e", 2}};
    struct pbti_subwords s = learnt();
    assert_int_equal(s.merge_count, 24);
    for (size_t i = 0; i < 24; i++) {
        size_t size;
        const char *bytes = pbti_subword_bytes(&s, 4 + s.merges[i].left, &size);
        assert_int_equal(size, strlen(known[i].left));
        assert_memory_equal(bytes, known[i].left, size);
        bytes = pbti_subword_bytes(&s, 4 + s.merges[i].right, &size);
        assert_int_equal(size, strlen(known[i].right));
        assert_memory_equal(bytes, known[i].right, size);
        assert_int_equal(s.merges[i].count, known[i].count);
    }
    pbti_subwords_deinit(&s);
}

static void test_more_than_the_texts_allow_is_refused(void **state)
{
    (void)state;
    struct pbti_subwords s;
    struct pbt_error err = {0};
    assert_int_equal(learn(&s, "ab ab\n", 1000, &err), PBT_EINVAL);
    assert_string_equal(err.message, "\"vocab\" is 1000; the texts allow at most 262");
    assert_int_equal(learn(&s, "", 261, &err), PBT_EINVAL);
    assert_int_equal(learn(&s, "", 260, &err), PBT_OK);
    pbti_subwords_deinit(&s);
}

static void test_merges_that_make_the_same_bytes_share_a_number(void **state)
{
    (void)state;
    /* " a" + "bc" and " ab" + "c" both make " abc" */
    static const unsigned char bytes[] = {4,   0, 0, 0, ' ', 0, 0, 0, 'a', 0, 0, 0,
                                          'b', 0, 0, 0, 'c', 0, 0, 0, 0,   1, 0, 0,
                                          1,   1, 0, 0, 0,   1, 0, 0, 'b', 0, 0, 0};
    struct pbti_subwords s;
    assert_int_equal(pbti_subwords_read(&s, bytes, sizeof bytes, NULL), PBT_OK);
    struct pbti_subword_ids ids = {0};
    assert_int_equal(pbti_subwords_encode(&s, "abc", 3, &ids, NULL), PBT_OK);
    assert_int_equal(ids.count, 1);
    assert_int_equal(ids.ids[0], 262);
    free(ids.ids);
    pbti_subwords_deinit(&s);
}

/* -------- applying -------- */

static void check_line(struct pbti_subwords *s, const char *line, const uint32_t *expected,
                       size_t count)
{
    struct pbti_subword_ids ids = {0};
    for (unsigned times = 0; times < 2; times++) { /* the second time from what was met before */
        ids.count = 0;
        assert_int_equal(pbti_subwords_encode(s, line, strlen(line), &ids, NULL), PBT_OK);
        assert_int_equal(ids.count, count);
        assert_memory_equal(ids.ids, expected, count * sizeof expected[0]);
    }
    size_t size;
    char *const text = pbti_subwords_decode(s, ids.ids, ids.count, &size);
    assert_string_equal(text, line);
    assert_int_equal(size, strlen(line));
    free(text);
    free(ids.ids);
}

static void test_lines_become_known_numbers_and_come_back(void **state)
{
    (void)state;
    static const uint32_t open[] = {266, 260, 273, 269, 154, 275};
    static const uint32_t tables[] = {282, 265, 269, 186, 275, 50};
    static const uint32_t a[] = {277, 264, 101}, o[] = {269, 154};
    struct pbti_subwords s = learnt();
    check_line(&s, "Die Datei Öffnen", open, 6);
    check_line(&s, "Tabellen öffnen.", tables, 6);
    check_line(&s, "aaaaa", a, 3);
    check_line(&s, "Ö", o, 2);
    check_line(&s, "", NULL, 0);
    pbti_subwords_deinit(&s);
}

static void test_any_text_comes_back(void **state)
{
    (void)state;
    struct pbti_subwords s = learnt();
    char line[2000];
    for (size_t i = 0; i < sizeof line - 1; i++) {
        line[i] = (char)(i % 7 == 6 && i + 2 < sizeof line ? ' ' : 33 + i * 31 % 90);
    }
    line[sizeof line - 1] = '\0';
    struct pbti_subword_ids ids = {0};
    assert_int_equal(pbti_subwords_encode(&s, line, sizeof line - 1, &ids, NULL), PBT_OK);
    size_t size;
    char *const text = pbti_subwords_decode(&s, ids.ids, ids.count, &size);
    assert_string_equal(text, line);
    free(text);
    free(ids.ids);
    pbti_subwords_deinit(&s);
}

static void test_half_characters_and_marks_are_no_text(void **state)
{
    (void)state;
    struct pbti_subwords s = learnt();
    static const uint32_t ids[] = {2, 4 + ' ', 4 + 'x', 4 + 0xc3, 4 + 'y',
                                   0, 1,       99999,   4 + 0x96, 3};
    size_t size;
    char *const text = pbti_subwords_decode(&s, ids, sizeof ids / sizeof ids[0], &size);
    assert_string_equal(text, "xy");
    free(text);
    pbti_subwords_deinit(&s);
}

/* -------- checkpoints -------- */

static void test_merges_survive_a_checkpoint_and_damage_is_refused(void **state)
{
    (void)state;
    struct pbti_subwords s = learnt(), back;
    size_t const size = pbti_subwords_size(&s);
    unsigned char *const bytes = malloc(size);
    assert_ptr_equal(pbti_subwords_write(&s, bytes), bytes + size);
    assert_int_equal(pbti_subwords_read(&back, bytes, size, NULL), PBT_OK);
    static const uint32_t a[] = {277, 264, 101};
    check_line(&back, "aaaaa", a, 3);
    pbti_subwords_deinit(&back);
    assert_int_equal(pbti_subwords_read(&back, bytes, size - 1, NULL), PBT_ECORRUPT);
    assert_int_equal(pbti_subwords_read(&back, bytes, 3, NULL), PBT_ECORRUPT);
    bytes[5] = 0xff; /* a merge of symbols that are not there yet */
    assert_int_equal(pbti_subwords_read(&back, bytes, size, NULL), PBT_ECORRUPT);
    free(bytes);
    pbti_subwords_deinit(&s);
}

/* -------- UTF-8 and files -------- */

static void test_utf8_is_what_the_standard_says(void **state)
{
    (void)state;
    static const char *const good[] = {"", "a", "ö", "€", "😀", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",         "\xc0\xaf",         "\xc3",
                                      "\xe0\x80\x80", "\xed\xa0\x80",     "\xf0\x80\x80\x80",
                                      "\xff",         "\xf4\x90\x80\x80", "\xe2\x82"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(pbti_utf8_valid(good[i], strlen(good[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(pbti_utf8_valid(bad[i], strlen(bad[i])));
        char text[8];
        memcpy(text, bad[i], strlen(bad[i])); /* all are shorter */
        assert_int_equal(pbti_utf8_clean(text, strlen(bad[i])), 0);
    }
}

static void test_files_are_read_line_by_line(void **state)
{
    (void)state;
    char folder[256];
    fixture_folder(folder);
    const char *const path = fixture_path(folder, "text");
    struct pbti_lines lines;
    struct pbt_error err = {0};
    assert_int_equal(pbti_lines_read(&lines, path, &err), PBT_ENOENT);
    assert_non_null(strstr(err.message, path));
    fixture_write(path, "one\r\n\ntwo", 9);
    assert_int_equal(pbti_lines_read(&lines, path, &err), PBT_OK);
    assert_int_equal(lines.count, 3);
    size_t size;
    assert_memory_equal(pbti_line(&lines, 0, &size), "one", 3);
    assert_int_equal(size, 3);
    (void)pbti_line(&lines, 1, &size);
    assert_int_equal(size, 0);
    assert_memory_equal(pbti_line(&lines, 2, &size), "two", 3);
    pbti_lines_deinit(&lines);
    fixture_write(path,
                  "good\nb\xff"
                  "d\n",
                  10);
    assert_int_equal(pbti_lines_read(&lines, path, &err), PBT_ECORRUPT);
    assert_non_null(strstr(err.message, "line 2: not UTF-8"));
    fixture_write(path, "", 0);
    assert_int_equal(pbti_lines_read(&lines, path, &err), PBT_OK);
    assert_int_equal(lines.count, 0);
    pbti_lines_deinit(&lines);
    fixture_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_end_where_the_class_changes),
        cmocka_unit_test(test_merges_are_known_ones),
        cmocka_unit_test(test_more_than_the_texts_allow_is_refused),
        cmocka_unit_test(test_merges_that_make_the_same_bytes_share_a_number),
        cmocka_unit_test(test_lines_become_known_numbers_and_come_back),
        cmocka_unit_test(test_any_text_comes_back),
        cmocka_unit_test(test_half_characters_and_marks_are_no_text),
        cmocka_unit_test(test_merges_survive_a_checkpoint_and_damage_is_refused),
        cmocka_unit_test(test_utf8_is_what_the_standard_says),
        cmocka_unit_test(test_files_are_read_line_by_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
