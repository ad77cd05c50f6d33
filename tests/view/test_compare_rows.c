/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/view/test_compare_rows.c - the statistics of a comparison from made-up studies: means,
 * paired differences and p-values against scipy, Holm over the strategies, missing scores, budgets,
 * and what the text says of them.
 */
#include "view/compare.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEEDS 6

static const struct pbti_contender contenders[] = {
    {"pbt", 1000, 10, 0}, {"random", 1000, 10, 0}, {"grid", 1000, 10, 0}};

/* Three strategies: the second is worse than the first, the third about the same. */
static void fill(struct pbti_comparison *comparison)
{
    static double const scores[3][SEEDS] = {{0.91, 0.88, 0.93, 0.90, 0.89, 0.92},
                                            {0.86, 0.84, 0.85, 0.87, 0.83, 0.88},
                                            {0.90, 0.89, 0.94, 0.88, 0.90, 0.92}};
    assert_true(pbti_comparison_init(comparison, 3, SEEDS));
    comparison->contenders = contenders;
    comparison->first_seed = 1;
    comparison->slots = 2;
    comparison->budget = 1000;
    comparison->study = "toy";
    comparison->score_name = "accuracy";
    comparison->maximize = true;
    for (uint32_t i = 0; i < 3 * SEEDS; i++) {
        comparison->studies[i] = (struct pbti_compare_study){.ended = true,
                                                             .steps = 1000,
                                                             .evaluations = 20,
                                                             .wall_s = 10.0,
                                                             .train_s = 15.0,
                                                             .best = 1.0,
                                                             .score = scores[i / SEEDS][i % SEEDS]};
    }
}

static void assert_close(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance)) { fail_msg("%.17g is not %.17g", value, expected); }
}

static bool says(const struct pbti_comparison *comparison, const char *what)
{
    struct pbti_str str = {0};
    pbti_comparison_text(&str, comparison, 0);
    bool const found = strstr(pbti_str_text(&str), what) != NULL;
    pbti_str_deinit(&str);
    return found;
}

static void test_rows(void **state)
{
    (void)state;
    struct pbti_comparison comparison;
    fill(&comparison);
    assert_true(pbti_comparison_analyse(&comparison));
    const struct pbti_compare_row *const rows = comparison.rows;
    assert_close(rows[0].mean, 0.905, 1e-12);
    assert_true(rows[0].interval.low > 0.88 && rows[0].interval.low < 0.905);
    assert_true(rows[0].interval.high < 0.93 && rows[0].interval.high > 0.905);
    assert_true(isnan(rows[0].p) && isnan(rows[0].paired.mean));
    /* scipy.stats.ttest_rel */
    assert_close(rows[1].paired.mean, -0.05, 1e-12);
    assert_close(rows[1].paired.p, 0.0010150236551894985, 1e-12);
    assert_close(rows[2].paired.mean, -1.850371707708594e-17, 1e-12);
    assert_close(rows[2].paired.p, 0.9999999999999973, 1e-12);
    assert_close(rows[1].p, 2.0 * rows[1].paired.p, 1e-15);
    assert_close(rows[2].p, rows[2].paired.p, 1e-15);
    assert_true(rows[1].distance.low < -0.05 && rows[1].distance.high > -0.05);
    assert_true(rows[2].detectable > 0.01 && rows[2].detectable < 0.03);
    assert_close(rows[1].overhead, 0.25, 1e-12);
    assert_close(rows[1].wall_s, 10.0, 1e-12);
    assert_true(says(&comparison, "random is worse than pbt"));
    assert_true(says(&comparison, "grid is not told from pbt: 6 seeds would mostly show"));
    assert_true(says(&comparison, "none trained more"));
    comparison.maximize = false;
    assert_true(says(&comparison, "random is better than pbt"));
    pbti_comparison_deinit(&comparison);
}

static void test_scores_that_are_missing(void **state)
{
    (void)state;
    struct pbti_comparison comparison;
    fill(&comparison);
    comparison.studies[0].score = NAN;              /* pbt, first seed */
    comparison.studies[SEEDS + 1].score = INFINITY; /* random, second seed */
    for (uint32_t i = 2 * SEEDS; i < 3 * SEEDS; i++) {
        comparison.studies[i].score = NAN; /* grid */
    }
    assert_true(pbti_comparison_analyse(&comparison));
    const struct pbti_compare_row *const rows = comparison.rows;
    assert_int_equal(rows[0].count, 5);
    assert_int_equal(rows[1].count, 5);
    assert_int_equal(rows[1].pairs, 4);
    assert_int_equal(rows[2].count, 0);
    assert_true(isnan(rows[2].mean) && isnan(rows[2].p));
    assert_close(rows[1].p, rows[1].paired.p, 0.0); /* the only test there is */
    assert_true(says(&comparison, "grid cannot be told from pbt: 0 seeds"));
    json_t *const json = pbti_comparison_json(&comparison, true);
    assert_non_null(json);
    const json_t *const grid = json_array_get(json_object_get(json, "strategies"), 2);
    assert_true(json_is_null(json_object_get(grid, "mean")));
    json_decref(json);
    pbti_comparison_deinit(&comparison);
}

static void test_one_study_over_the_budget(void **state)
{
    (void)state;
    struct pbti_comparison comparison;
    fill(&comparison);
    comparison.studies[SEEDS + 2].steps = 1001;
    assert_true(pbti_comparison_analyse(&comparison));
    assert_false(pbti_comparison_over_budget(&comparison, 0));
    assert_true(pbti_comparison_over_budget(&comparison, 1));
    assert_true(says(&comparison, "MORE: random trained 1,001"));
    pbti_comparison_deinit(&comparison);
}

/* Another budget of its own, and what is left of it. */
static void test_multiples_and_leftovers(void **unused)
{
    (void)unused;
    static const struct pbti_contender own[] = {
        {"pbt", 1000, 10, 0}, {"bayes@2x", 2000, 20, 0}, {"hyperband", 1000, 40, 3}};
    struct pbti_comparison comparison;
    fill(&comparison);
    comparison.contenders = own;
    for (uint32_t i = 0; i < SEEDS; i++) {
        comparison.studies[SEEDS + i].steps = 2000;
        comparison.studies[2 * SEEDS + i].steps = 880;
    }
    assert_true(pbti_comparison_analyse(&comparison));
    assert_false(pbti_comparison_over_budget(&comparison, 1));
    assert_true(says(&comparison, "may train 1,000 steps, of bayes@2x 2,000; none trained more"));
    assert_true(says(&comparison, "hyperband left 120 of 1,000 steps unused: 3 whole brackets"));
    assert_false(says(&comparison, "pbt left"));
    json_t *const json = pbti_comparison_json(&comparison, false);
    const json_t *const rows = json_object_get(json, "strategies");
    const json_t *const bayes = json_array_get(rows, 1);
    const json_t *const hyperband = json_array_get(rows, 2);
    assert_int_equal(json_integer_value(json_object_get(bayes, "budget_steps")), 2000);
    assert_true(json_is_null(json_object_get(bayes, "brackets")));
    assert_close(json_number_value(json_object_get(bayes, "unused_steps")), 0.0, 0.0);
    assert_close(json_number_value(json_object_get(hyperband, "unused_steps")), 120.0, 0.0);
    assert_int_equal(json_integer_value(json_object_get(hyperband, "brackets")), 3);
    json_decref(json);
    comparison.studies[SEEDS].steps = 2001;
    assert_true(pbti_comparison_analyse(&comparison));
    assert_true(says(&comparison, "MORE: bayes@2x trained 2,001"));
    pbti_comparison_deinit(&comparison);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_scores_that_are_missing),
        cmocka_unit_test(test_one_study_over_the_budget),
        cmocka_unit_test(test_multiples_and_leftovers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
