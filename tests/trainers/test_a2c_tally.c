/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_a2c_tally.c - rules: counts and sums are exact whatever the number of episodes; the entries
 * of the list are means of consecutive episodes, equally many each, and there are between half of
 * PBTI_TALLY_LIST_MAX and all of them; joining two tallies loses nothing of the sums, and its list
 * holds entries that weigh the same, even when those of the two did not.
 */
#include "a2c/a2c_tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>

/* Episode number i has this return and this length: whole numbers, so that sums are exact. */
static double return_of(uint64_t i)
{
    return (double)(i * i % 17) - 5.0;
}

static uint64_t frames_of(uint64_t i)
{
    return 1 + i % 9;
}

/* A tally of episodes first .. first + count - 1. */
static struct pbti_a2c_tally tally_of(uint64_t first, uint64_t count)
{
    struct pbti_a2c_tally tally = pbti_a2c_tally_none();
    for (uint64_t i = first; i < first + count; i++) {
        pbti_a2c_tally_add(&tally, return_of(i), frames_of(i));
    }
    return tally;
}

static double sum_of(uint64_t first, uint64_t count)
{
    double sum = 0.0;
    for (uint64_t i = first; i < first + count; i++) {
        sum += return_of(i);
    }
    return sum;
}

static void test_nothing_has_no_mean(void **state)
{
    (void)state;
    double list[PBTI_TALLY_LIST_MAX];
    struct pbti_a2c_tally const none = pbti_a2c_tally_none();
    assert_true(isnan(pbti_a2c_tally_mean(&none)));
    assert_int_equal(pbti_a2c_tally_list(&none, list), 0);
    assert_int_equal(none.episodes, 0);
}

static void test_sums_are_exact(void **state)
{
    (void)state;
    struct pbti_a2c_tally tally = pbti_a2c_tally_none();
    double returns = 0.0, frames = 0.0;
    for (uint64_t i = 0; i < 5000; i++) {
        pbti_a2c_tally_add(&tally, return_of(i), frames_of(i));
        returns += return_of(i);
        frames += (double)frames_of(i);
        assert_int_equal(tally.episodes, i + 1);
        assert_true(tally.returns == returns && tally.frames == frames);
        assert_true(pbti_a2c_tally_mean(&tally) == returns / (double)(i + 1));
    }
}

static void test_entries_weigh_the_same(void **state)
{
    (void)state;
    struct pbti_a2c_tally tally = pbti_a2c_tally_none();
    for (uint64_t count = 1; count <= 1000; count++) {
        double list[PBTI_TALLY_LIST_MAX];
        pbti_a2c_tally_add(&tally, return_of(count - 1), frames_of(count - 1));
        uint32_t const entries = pbti_a2c_tally_list(&tally, list);
        uint64_t each = 1;
        while (count > each * PBTI_TALLY_LIST_MAX) {
            each *= 2;
        }
        assert_int_equal(entries, count / each);
        assert_true(count < PBTI_TALLY_LIST_MAX || entries >= PBTI_TALLY_LIST_MAX / 2);
        for (uint32_t k = 0; k < entries; k++) {
            assert_true(list[k] == sum_of(k * each, each) / (double)each);
        }
    }
}

/* -------- joining -------- */

static void test_joining_keeps_every_sum(void **state)
{
    (void)state;
    static const uint64_t counts[] = {0, 1, 2, 5, 31, 32, 33, 63, 64, 65, 127, 129, 200, 1000};
    size_t const n = sizeof counts / sizeof counts[0];
    for (size_t pair = 0; pair < n * n; pair++) {
        uint64_t const a = counts[pair / n], b = counts[pair % n];
        struct pbti_a2c_tally tally = tally_of(0, a);
        struct pbti_a2c_tally const other = tally_of(a, b);
        struct pbti_a2c_tally const whole = tally_of(0, a + b);
        pbti_a2c_tally_join(&tally, &other);
        assert_int_equal(tally.episodes, a + b);
        assert_true(tally.returns == whole.returns && tally.frames == whole.frames);
        assert_true(tally.complete <= PBTI_TALLY_LIST_MAX);
        assert_true(tally.complete * tally.per_entry <= a + b);
        pbti_a2c_tally_add(&tally, 7.0, 3); /* and it can be counted on */
        assert_int_equal(tally.episodes, a + b + 1);
        assert_true(tally.returns == whole.returns + 7.0);
        assert_true(tally.complete <= PBTI_TALLY_LIST_MAX);
    }
}

/* 5 entries of 1 episode, 50 entries of 4: pairs of pairs of the first, then the second's. */
static void test_join_of_different_entries(void **state)
{
    (void)state;
    double list[PBTI_TALLY_LIST_MAX];
    struct pbti_a2c_tally tally = tally_of(0, 5);
    struct pbti_a2c_tally const other = tally_of(100, 200);
    assert_int_equal(other.per_entry, 4);
    pbti_a2c_tally_join(&tally, &other);
    assert_int_equal(pbti_a2c_tally_list(&tally, list), 1 + 50);
    assert_true(list[0] == sum_of(0, 4) / 4.0); /* the fifth is in the sums only */
    for (uint64_t k = 0; k < 50; k++) {
        assert_true(list[1 + k] == sum_of(100 + 4 * k, 4) / 4.0);
    }
    struct pbti_a2c_tally turned = tally_of(100, 200);
    struct pbti_a2c_tally const few = tally_of(0, 5);
    pbti_a2c_tally_join(&turned, &few);
    assert_int_equal(pbti_a2c_tally_list(&turned, list), 50 + 1);
    assert_true(list[0] == sum_of(100, 4) / 4.0 && list[50] == sum_of(0, 4) / 4.0);
}

/* Two lists that do not fit into one: entries become twice as large. */
static void test_join_of_two_long_lists(void **state)
{
    (void)state;
    double list[PBTI_TALLY_LIST_MAX];
    struct pbti_a2c_tally tally = tally_of(0, 41);
    struct pbti_a2c_tally const other = tally_of(41, 60);
    pbti_a2c_tally_join(&tally, &other);
    assert_int_equal(tally.per_entry, 2);
    assert_int_equal(pbti_a2c_tally_list(&tally, list), 20 + 30);
    assert_true(list[19] == sum_of(38, 2) / 2.0 && list[20] == sum_of(41, 2) / 2.0);
    assert_true(list[49] == sum_of(99, 2) / 2.0);
}

static void test_join_leaves_out_an_unfinished_entry(void **state)
{
    (void)state;
    double list[PBTI_TALLY_LIST_MAX];
    struct pbti_a2c_tally tally = tally_of(0, 67); /* 33 entries of 2, and one episode more */
    struct pbti_a2c_tally const other = tally_of(67, 3);
    assert_int_equal(tally.filling, 1);
    pbti_a2c_tally_join(&tally, &other);
    assert_int_equal(pbti_a2c_tally_list(&tally, list), 33 + 1);
    assert_true(list[33] == sum_of(67, 2) / 2.0);
    pbti_a2c_tally_add(&tally, 10.0, 1);
    pbti_a2c_tally_add(&tally, 20.0, 1);
    assert_int_equal(pbti_a2c_tally_list(&tally, list), 35);
    assert_true(list[34] == 15.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_has_no_mean),
        cmocka_unit_test(test_sums_are_exact),
        cmocka_unit_test(test_entries_weigh_the_same),
        cmocka_unit_test(test_joining_keeps_every_sum),
        cmocka_unit_test(test_join_of_different_entries),
        cmocka_unit_test(test_join_of_two_long_lists),
        cmocka_unit_test(test_join_leaves_out_an_unfinished_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
