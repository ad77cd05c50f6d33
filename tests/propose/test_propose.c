/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/propose/test_propose.c - the call as a strategy makes it: the first points, hard data
 * (nothing known, one score, equal scores, equal points, NaN, huge), every type of
 * hyperparameter, what is pending, the memo, and that it optimises.
 */
#include "propose/propose.h"
#include "propose_lab.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEED 5

static void next(const struct pbti_space *space, const struct pbti_propose_data *data,
                 struct pbti_propose_memo *memo, double *values)
{
    struct pbti_propose_options const options = pbti_propose_options_default();
    struct pbt_error err;
    assert_int_equal(pbti_propose_next(space, data, &options, SEED, memo, values, &err), PBT_OK);
    for (uint32_t i = 0; i < space->count; i++) {
        assert_true(pbti_hp_valid(&space->hp[i], values[i]));
    }
}

/* Fill `rows` with random points of the space. */
static void random_rows(const struct pbti_space *space, uint32_t count, double *rows)
{
    for (uint32_t k = 0; k < count; k++) {
        struct pbti_stream const stream = {SEED, PBTI_PURPOSE_SIM, k, 0};
        for (uint32_t i = 0; i < space->count; i++) {
            rows[k * space->count + i] = pbti_hp_sample(&space->hp[i], pbti_draw_unit(&stream, i));
        }
    }
}

/* -------- the first points -------- */

static void test_first_points_are_a_latin_hypercube(void **state)
{
    (void)state;
    static struct pbti_space space;
    double rows[10][3];
    bool met[3][10] = {{false}};
    lab_space(&space, 3, 0.0, 10.0);
    for (uint32_t k = 0; k < 10; k++) {
        /* known or under way: the same point */
        struct pbti_propose_data const data = {NULL, NULL, 0, rows[0], k};
        next(&space, &data, NULL, rows[k]);
    }
    for (uint32_t k = 0; k < 10; k++) {
        for (uint32_t i = 0; i < 3; i++) {
            met[i][(int)rows[k][i]] = true;
        }
    }
    for (uint32_t i = 0; i < 30; i++) {
        assert_true(met[i / 10][i % 10]);
    }
}

static void test_without_a_finite_score_the_first_points_go_on(void **state)
{
    (void)state;
    static struct pbti_space space;
    double rows[12 * 2];
    double scores[12];
    double values[2];
    double again[2];
    lab_space(&space, 2, 0.0, 1.0);
    random_rows(&space, 12, rows);
    for (int i = 0; i < 12; i++) {
        scores[i] = i % 2 == 0 ? NAN : -INFINITY;
    }
    struct pbti_propose_data const data = {rows, scores, 12, NULL, 0};
    struct pbti_propose_data const pending = {NULL, NULL, 0, rows, 12};
    next(&space, &data, NULL, values);
    next(&space, &pending, NULL, again);
    assert_memory_equal(values, again, sizeof values);
}

/* -------- hard data -------- */

static void test_one_score_equal_scores_equal_points(void **state)
{
    (void)state;
    static struct pbti_space space;
    struct pbti_propose_options options = pbti_propose_options_default();
    struct pbt_error err;
    double rows[20 * 2];
    double scores[20];
    double values[2];
    options.initial = 1;
    lab_space(&space, 2, 0.0, 1.0);
    random_rows(&space, 20, rows);
    for (int i = 0; i < 20; i++) {
        scores[i] = 3.0;
    }
    struct pbti_propose_data data = {rows, scores, 1, NULL, 0};
    assert_int_equal(pbti_propose_next(&space, &data, &options, SEED, NULL, values, &err), PBT_OK);
    double const far = hypot(values[0] - rows[0], values[1] - rows[1]);
    assert_true(far > 0.3); /* nothing is hoped for from where one was already */
    data.count = 20;
    next(&space, &data, NULL, values);
    for (int i = 0; i < 20; i++) {
        rows[2 * i] = rows[2 * i + 1] = 0.5;
        scores[i] = i;
    }
    next(&space, &data, NULL, values);
    assert_true(hypot(values[0] - 0.5, values[1] - 0.5) > 1e-3);
}

/* Where scores are not finite counts as bad: no proposal goes there. */
static void test_diverged_region_is_left_alone(void **state)
{
    (void)state;
    static struct pbti_space space;
    double rows[40];
    double scores[40];
    double value;
    lab_space(&space, 1, 0.0, 1.0);
    for (int i = 0; i < 40; i++) {
        rows[i] = (i + 0.5) / 40.0;
        scores[i] = rows[i] < 0.6 ? rows[i] : i % 3 == 0 ? NAN : i % 3 == 1 ? INFINITY : -1e300;
    }
    struct pbti_propose_data const data = {rows, scores, 40, NULL, 0};
    next(&space, &data, NULL, &value);
    assert_true(value > 0.5 && value < 0.65);
}

static void test_huge_scores(void **state)
{
    (void)state;
    static struct pbti_space space;
    double rows[30];
    double scores[30];
    double value;
    lab_space(&space, 1, 0.0, 1.0);
    for (int i = 0; i < 30; i++) {
        rows[i] = (i + 0.5) / 30.0;
        scores[i] = i % 2 == 0 ? DBL_MAX * (1.0 - 2.0 * fabs(rows[i] - 0.3)) : -DBL_MAX;
    }
    struct pbti_propose_data const data = {rows, scores, 30, NULL, 0};
    next(&space, &data, NULL, &value);
    for (int i = 0; i < 30; i++) {
        scores[i] = 1e-300 * (1.0 - fabs(rows[i] - 0.3));
    }
    next(&space, &data, NULL, &value);
    assert_true(fabs(value - 0.3) < 0.1);
}

/* -------- pending -------- */

static void test_workers_do_not_get_the_same_point(void **state)
{
    (void)state;
    static struct pbti_space space;
    double rows[15 * 2];
    double scores[15];
    double pending[4][2];
    lab_space(&space, 2, 0.0, 1.0);
    random_rows(&space, 15, rows);
    for (int i = 0; i < 15; i++) {
        scores[i] = -hypot(rows[2 * i] - 0.4, rows[2 * i + 1] - 0.7);
    }
    for (uint32_t k = 0; k < 4; k++) {
        struct pbti_propose_data const data = {rows, scores, 15, pending[0], k};
        next(&space, &data, NULL, pending[k]);
        for (uint32_t i = 0; i < k; i++) {
            assert_true(hypot(pending[k][0] - pending[i][0], pending[k][1] - pending[i][1]) > 1e-3);
        }
    }
}

/* -------- types -------- */

/* A log learning rate, a width that is frozen, an optimiser by name, a flag: the best is at
 * lr = 1e-3, width = 64, name 2, flag 1. */
static double mixed(const double *x)
{
    static double const by_name[4] = {0.5, 0.7, 0.0, 0.9};
    double const lr = log10(x[0]) + 3.0;
    double const width = log2(x[1]) - 6.0;
    return lr * lr + 0.3 * width * width + by_name[(int)x[2]] + 0.4 * (1.0 - x[3]);
}

static void fill_mixed(struct pbti_space *space)
{
    lab_space(space, 4, 0.0, 1.0);
    space->hp[0] = (struct pbti_hp){.name = "lr", .kind = PBTI_HP_LOG, .low = 1e-6, .high = 1.0};
    space->hp[1] = (struct pbti_hp){.name = "width",
                                    .kind = PBTI_HP_INTEGER,
                                    .low = 4.0,
                                    .high = 1024.0,
                                    .log_scale = true,
                                    .frozen = true};
    space->values_count = 4;
    space->hp[2] = (struct pbti_hp){
        .name = "name", .kind = PBTI_HP_CATEGORICAL, .low = 0.0, .high = 3.0, .count = 4};
    space->hp[3].kind = PBTI_HP_BOOLEAN;
    assert_null(pbti_space_invalid(space));
}

static void test_every_type_is_optimised(void **state)
{
    (void)state;
    static struct pbti_space space;
    struct pbti_propose_options const options = pbti_propose_options_default();
    double found[5];
    double random[5];
    fill_mixed(&space);
    for (uint64_t seed = 0; seed < 5; seed++) {
        found[seed] = lab_minimise(&space, mixed, &options, 40, 1, seed);
        random[seed] = lab_random(&space, mixed, 40, seed);
    }
    assert_true(lab_median(found, 5) < 0.02);
    assert_true(lab_median(random, 5) > 0.1);
}

static void test_small_discrete_space_is_searched_without_repeats(void **state)
{
    (void)state;
    static struct pbti_space space;
    double rows[24 * 2];
    double scores[24];
    bool met[24] = {false};
    lab_space(&space, 2, 0.0, 1.0);
    space.hp[0] = (struct pbti_hp){.name = "a", .kind = PBTI_HP_INTEGER, .low = 1, .high = 6};
    space.hp[1] = (struct pbti_hp){.name = "b", .kind = PBTI_HP_ORDINAL, .high = 3, .count = 4};
    space.values_count = 4;
    for (uint32_t k = 0; k < 24; k++) {
        struct pbti_propose_data const data = {rows, scores, k, NULL, 0};
        double *const row = rows + 2 * (size_t)k;
        next(&space, &data, NULL, row);
        int const place = (int)((row[0] - 1.0) * 4.0 + row[1]);
        assert_true(k < 10 || !met[place]);
        met[place] = true;
        scores[k] = row[0] - row[1];
    }
    struct pbti_propose_data const data = {rows, scores, 24, NULL, 0};
    double again[2];
    next(&space, &data, NULL, again); /* all points but a few were tried: still an answer */
}

static void test_space_of_one_point(void **state)
{
    (void)state;
    static struct pbti_space space;
    double rows[20];
    double scores[20] = {1.0, 2.0};
    double value = 0.0;
    lab_space(&space, 1, 7.0, 7.0);
    for (int i = 0; i < 20; i++) {
        rows[i] = 7.0;
    }
    struct pbti_propose_data const data = {rows, scores, 20, NULL, 0};
    next(&space, &data, NULL, &value);
    assert_true(value == 7.0);
}

/* -------- refits -------- */

static void test_fit_count_grows_by_a_tenth(void **state)
{
    (void)state;
    uint32_t fits = 0;
    uint32_t last = 0;
    for (uint32_t count = 1; count <= 1000; count++) {
        uint32_t const fit = pbti_propose_fit_count(count);
        assert_true(fit <= count && fit >= last);
        assert_true(count <= 20 ? fit == count : fit + fit / 10 > count);
        fits += fit != last;
        last = fit;
    }
    assert_in_range(fits, 50, 70); /* of 1000 */
}

static void test_memo_changes_nothing(void **state)
{
    (void)state;
    static struct pbti_space space;
    static struct pbti_propose_memo memo;
    double rows[26 * 2];
    double scores[26];
    lab_space(&space, 2, 0.0, 1.0);
    random_rows(&space, 26, rows);
    for (int i = 0; i < 26; i++) {
        scores[i] = sin(7.0 * rows[2 * i]) + rows[2 * i + 1];
    }
    for (uint32_t count = 12; count <= 26; count++) {
        struct pbti_propose_data const data = {rows, scores, count, NULL, 0};
        double with[2];
        double without[2];
        next(&space, &data, &memo, with);
        next(&space, &data, NULL, without);
        assert_memory_equal(with, without, sizeof with);
    }
    assert_int_equal(memo.fit_count, 26);
}

static void test_too_many_observations(void **state)
{
    (void)state;
    static struct pbti_space space;
    struct pbti_propose_options const options = pbti_propose_options_default();
    struct pbti_propose_data const data = {NULL, NULL, 4000000000, NULL, 4000000000};
    struct pbt_error err;
    double value = 42.0;
    lab_space(&space, 1, 0.0, 1.0);
    assert_int_equal(pbti_propose_next(&space, &data, &options, SEED, NULL, &value, &err),
                     PBT_ELIMIT);
    assert_non_null(strstr(err.message, "8000000000 observations"));
    assert_true(value == 42.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_points_are_a_latin_hypercube),
        cmocka_unit_test(test_without_a_finite_score_the_first_points_go_on),
        cmocka_unit_test(test_one_score_equal_scores_equal_points),
        cmocka_unit_test(test_diverged_region_is_left_alone),
        cmocka_unit_test(test_huge_scores),
        cmocka_unit_test(test_workers_do_not_get_the_same_point),
        cmocka_unit_test(test_every_type_is_optimised),
        cmocka_unit_test(test_small_discrete_space_is_searched_without_repeats),
        cmocka_unit_test(test_space_of_one_point),
        cmocka_unit_test(test_fit_count_grows_by_a_tenth),
        cmocka_unit_test(test_memo_changes_nothing),
        cmocka_unit_test(test_too_many_observations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
