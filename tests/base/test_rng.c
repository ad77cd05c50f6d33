/* SPDX-License-Identifier: Apache-2.0 */
/* tests/base/test_rng.c - the generator is Philox4x64-10, its numbers are uniform and unrelated. */
#include "base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* Known answers of Random123's own test suite (kat_vectors, philox4x64 10): the first word. */
static void test_draws_are_philox_known_answers(void **state)
{
    (void)state;
    struct pbti_stream const zeros = {0, 0, 0, 0};
    assert_true(pbti_draw_bits(&zeros, 0) == 0x16554d9eca36314cu);
}

static void test_every_argument_matters(void **state)
{
    (void)state;
    struct pbti_stream const base = {1, 2, 3, 4};
    uint64_t const bits = pbti_draw_bits(&base, 5);
    for (int i = 0; i < 4; i++) {
        struct pbti_stream other = base;
        uint64_t *const fields[] = {&other.seed, &other.purpose, &other.member, &other.segment};
        (*fields[i])++;
        assert_true(pbti_draw_bits(&other, 5) != bits);
    }
    assert_true(pbti_draw_bits(&base, 6) != bits);
    assert_true(pbti_draw_bits(&base, 5) == bits);
}

static void test_below_is_uniform(void **state)
{
    (void)state;
    enum { CELLS = 7, DRAWS = 70000 };
    unsigned seen[CELLS] = {0};
    struct pbti_stream const stream = {9, PBTI_PURPOSE_EXPLOIT, 0, 0};
    for (uint64_t i = 0; i < DRAWS; i++) {
        seen[pbti_draw_below(&stream, i, CELLS)]++;
    }
    double chi = 0.0;
    for (int i = 0; i < CELLS; i++) {
        double const expected = (double)DRAWS / CELLS;
        chi += (seen[i] - expected) * (seen[i] - expected) / expected;
    }
    assert_true(chi < 22.46); /* 0.999 of chi-square with 6 degrees of freedom; the seed is fixed */
}

static void test_normal_has_its_moments(void **state)
{
    (void)state;
    enum { DRAWS = 100000 };
    struct pbti_stream const stream = {4, PBTI_PURPOSE_PERTURB, 1, 1};
    double sum = 0.0;
    double squares = 0.0;
    for (uint64_t i = 0; i < DRAWS; i++) {
        double const value = pbti_draw_normal(&stream, i);
        assert_true(isfinite(value));
        sum += value;
        squares += value * value;
    }
    assert_true(fabs(sum / DRAWS) < 4.0 / sqrt(DRAWS));
    assert_true(fabs(squares / DRAWS - 1.0) < 4.0 * sqrt(2.0 / DRAWS));
}

static void test_unit_stays_below_one(void **state)
{
    (void)state;
    struct pbti_stream const stream = {4, PBTI_PURPOSE_INITIAL, 1, 1};
    for (uint64_t i = 0; i < 100000; i++) {
        double const unit = pbti_draw_unit(&stream, i);
        assert_true(unit >= 0.0 && unit < 1.0);
    }
    assert_true(pbti_choose(UINT64_MAX, 3) == 2 && pbti_choose(0, 3) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_draws_are_philox_known_answers),
        cmocka_unit_test(test_every_argument_matters),
        cmocka_unit_test(test_below_is_uniform),
        cmocka_unit_test(test_normal_has_its_moments),
        cmocka_unit_test(test_unit_stays_below_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
