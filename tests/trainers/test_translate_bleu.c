/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_translate_bleu.c - rules: tokens, counts and scores are sacreBLEU's to nine digits: empty
 * segments, all smoothings, several references, short texts, Unicode, entities.
 *
 * Called with `score HYPOTHESES REFERENCES` it prints the sums and scores of two files, for
 * test_translate_sacrebleu.py.
 */
#include "translate/translate_bleu.h"
#include "translate/translate_lines.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct pbti_bleu_text text_of(const char *text)
{
    return (struct pbti_bleu_text){text, strlen(text)};
}

/* -------- tokens -------- */

static void test_tokens_are_those_of_13a(void **state)
{
    (void)state;
    static const char *const known[][2] = {
        {"Er sagte: „Ja“ – und ging…", "Er sagte : „Ja“ – und ging…"},
        {"1.234,56 Euro, 1,000; 10-20 %.", "1.234,56 Euro , 1,000 ; 10 - 20 % ."},
        {"A4-Seite (2.1) z.B. so", "A4 - Seite ( 2.1 ) z . B . so"},
        {"https://a.b/c?d=e&f", "https : / / a . b / c ? d = e & f"},
        {"-5 - 5", "-5 - 5"},
        {"3.", "3 ."},
        {"a.b,c", "a . b , c"},
        {"Ende .", "Ende ."},
        {"x_y@z", "x _ y @ z"},
        {"don't \"stop\"", "don't \" stop \""},
        {"5€", "5€"},
        {"&amp;lt;", "<"},
        {"50\u00a0% mehr", "50 % mehr"},
        {"", ""},
        {" \u2003 ", ""},
        {"....,,,,", ". . . . , , , ,"}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        size_t size;
        char *const tokens = pbti_bleu_tokens(text_of(known[i][0]), &size);
        if (size != strlen(known[i][1]) || memcmp(tokens, known[i][1], size) != 0) {
            fail_msg("\"%s\" is cut into \"%.*s\", expected \"%s\"", known[i][0], (int)size, tokens,
                     known[i][1]);
        }
        free(tokens);
    }
}

/* -------- scores -------- */

struct known {
    const char *hypotheses[2], *references[2]; /* NULL: one segment */
    double score;
    uint64_t matches[4], totals[4];
    double penalty;
    uint64_t h, r;
};

static const struct known knowns[] = {
    {{"Das ist ein kleiner Test.", "Die Katze sitzt auf der Matte."},
     {"Das ist ein kleiner Test.", "Die Katze saß auf der Matte."},
     73.238527259989,
     {12, 9, 6, 4},
     {13, 11, 9, 7},
     1,
     13,
     13},
    {{"", "Die Katze sitzt auf der Matte."},
     {"Das ist ein kleiner Test.", "Die Katze saß auf der Matte."},
     20.748565434767,
     {6, 4, 2, 1},
     {7, 6, 5, 4},
     0.424372845677,
     7,
     13},
    {{"", NULL}, {"Das ist ein Test.", NULL}, 0, {0}, {0}, 0, 0, 5},
    {{"ein kleiner Test also wirklich", NULL},
     {"das ist ein kleiner Test gewesen", NULL},
     32.555630133216,
     {3, 2, 1, 0},
     {5, 4, 3, 2},
     0.818730753078,
     5,
     6},
    {{"Guten Morgen", NULL}, {"Guten Morgen", NULL}, 0, {2, 1, 0, 0}, {2, 1, 0, 0}, 1, 2, 2},
    {{"Das kostet 1.234,56 Euro, also 1,000 mehr als 10-20 %.", NULL},
     {"Das kostet 1.234,56 Euro, also 1.000 mehr als 10 - 20%.", NULL},
     78.254229003664,
     {13, 11, 9, 7},
     {14, 13, 12, 11},
     1,
     14,
     14},
    {{"die katze sitzt auf der matte.", NULL},
     {"Die Katze sitzt auf der Matte.", NULL},
     26.269098944242,
     {4, 2, 1, 0},
     {7, 6, 5, 4},
     1,
     7,
     7},
    {{"foo bar baz qux quux", NULL},
     {"eins zwei drei vier fünf", NULL},
     0,
     {0},
     {5, 4, 3, 2},
     1,
     5,
     5},
    {{"A &amp; B &quot;x&quot; &lt;y&gt;", NULL},
     {"A & B \"x\" <y>", NULL},
     100,
     {9, 8, 7, 6},
     {9, 8, 7, 6},
     1,
     9,
     9},
    {{"50\u00a0% mehr", "z.\u202fB. so"},
     {"50 % mehr", "z. B. so"},
     100,
     {8, 6, 4, 2},
     {8, 6, 4, 2},
     1,
     8,
     8},
};

static struct pbti_bleu sums_of(const struct known *k)
{
    struct pbti_bleu bleu = {0};
    for (size_t s = 0; s < 2 && k->hypotheses[s] != NULL; s++) {
        struct pbti_bleu_text const reference = text_of(k->references[s]);
        assert_int_equal(pbti_bleu_add(&bleu, text_of(k->hypotheses[s]), &reference, 1, NULL),
                         PBT_OK);
    }
    return bleu;
}

static void check_score(double got, double expected)
{
    if (!(fabs(got - expected) <= 1e-9)) { fail_msg("got %.12g, expected %.12g", got, expected); }
}

static void test_scores_are_those_of_sacrebleu(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof knowns / sizeof knowns[0]; i++) {
        const struct known *const k = &knowns[i];
        struct pbti_bleu const bleu = sums_of(k);
        double penalty;
        check_score(pbti_bleu_score(&bleu, PBTI_BLEU_EXP, 0, false, &penalty), k->score);
        check_score(penalty, k->penalty);
        assert_memory_equal(bleu.matches, k->matches, sizeof k->matches);
        assert_memory_equal(bleu.totals, k->totals, sizeof k->totals);
        assert_int_equal(bleu.hypothesis, k->h);
        assert_int_equal(bleu.reference, k->r);
    }
}

static void test_other_smoothings_and_the_effective_order(void **state)
{
    (void)state;
    struct pbti_bleu bleu = sums_of(&knowns[3]);
    check_score(pbti_bleu_score(&bleu, PBTI_BLEU_FLOOR, 0.1, false, NULL), 21.771262023987);
    check_score(pbti_bleu_score(&bleu, PBTI_BLEU_ADD, 1, false, NULL), 40.520884456614);
    check_score(pbti_bleu_score(&bleu, PBTI_BLEU_NONE, 0, false, NULL), 0);
    bleu = sums_of(&knowns[4]);
    check_score(pbti_bleu_score(&bleu, PBTI_BLEU_EXP, 0, true, NULL), 100);
    struct known const sentence = {.hypotheses = {"Fügt eine Tabelle ein.", NULL},
                                   .references = {"Fügt die Tabelle ein.", NULL}};
    bleu = sums_of(&sentence);
    check_score(pbti_bleu_score(&bleu, PBTI_BLEU_EXP, 0, true, NULL), 42.728700639623);
}

static void test_several_references_in_any_order(void **state)
{
    (void)state;
    struct pbti_bleu_text const back = text_of("Er ging gestern nach Hause zurück .");
    struct pbti_bleu_text const home = text_of("Er lief gestern heim .");
    struct pbti_bleu_text const orders[2][2] = {{back, home}, {home, back}};
    for (size_t i = 0; i < 2; i++) {
        struct pbti_bleu bleu = {0};
        assert_int_equal(
            pbti_bleu_add(&bleu, text_of("Er ging gestern nach Hause ."), orders[i], 2, NULL),
            PBT_OK);
        check_score(pbti_bleu_score(&bleu, PBTI_BLEU_EXP, 0, false, NULL), 79.527072876705);
        assert_int_equal(bleu.reference, 5);
        assert_int_equal(bleu.matches[3], 2);
    }
}

static void test_chrf_is_that_of_sacrebleu(void **state)
{
    (void)state;
    struct pbti_chrf chrf = {0};
    assert_int_equal(pbti_chrf_add(&chrf, text_of("Die Katze sitzt auf der Matte."),
                                   text_of("Die Katze saß auf der Matte."), NULL),
                     PBT_OK);
    check_score(pbti_chrf_score(&chrf), 75.721790100406);
    struct pbti_chrf const none = {0};
    check_score(pbti_chrf_score(&none), 0);
}

/* -------- two files -------- */

static int score_files(const char *hypotheses, const char *references)
{
    struct pbti_lines ours, theirs;
    struct pbt_error err = {0};
    if (pbti_lines_read(&ours, hypotheses, &err) != PBT_OK ||
        pbti_lines_read(&theirs, references, &err) != PBT_OK || ours.count != theirs.count) {
        (void)fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    struct pbti_bleu bleu = {0};
    struct pbti_chrf chrf = {0};
    for (uint32_t i = 0; i < ours.count; i++) {
        struct pbti_bleu_text hypothesis, reference;
        hypothesis.text = pbti_line(&ours, i, &hypothesis.size);
        reference.text = pbti_line(&theirs, i, &reference.size);
        struct pbti_bleu one = {0};
        if (pbti_bleu_add(&bleu, hypothesis, &reference, 1, &err) != PBT_OK ||
            pbti_bleu_add(&one, hypothesis, &reference, 1, &err) != PBT_OK ||
            pbti_chrf_add(&chrf, hypothesis, reference, &err) != PBT_OK) {
            return 1;
        }
        (void)printf("%.12g\n", pbti_bleu_score(&one, PBTI_BLEU_EXP, 0, true, NULL));
    }
    (void)printf("%.12g\n%.12g\n%.12g\n%.12g\n%.12g\n",
                 pbti_bleu_score(&bleu, PBTI_BLEU_EXP, 0, false, NULL),
                 pbti_bleu_score(&bleu, PBTI_BLEU_NONE, 0, false, NULL),
                 pbti_bleu_score(&bleu, PBTI_BLEU_FLOOR, 0.1, false, NULL),
                 pbti_bleu_score(&bleu, PBTI_BLEU_ADD, 1, false, NULL), pbti_chrf_score(&chrf));
    pbti_lines_deinit(&ours);
    pbti_lines_deinit(&theirs);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "score") == 0) { return score_files(argv[2], argv[3]); }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens_are_those_of_13a),
        cmocka_unit_test(test_scores_are_those_of_sacrebleu),
        cmocka_unit_test(test_other_smoothings_and_the_effective_order),
        cmocka_unit_test(test_several_references_in_any_order),
        cmocka_unit_test(test_chrf_is_that_of_sacrebleu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
