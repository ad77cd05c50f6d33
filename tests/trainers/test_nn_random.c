/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_nn_random.c - rules: random numbers are a function of (seed, purpose, lane, step, index); a
 * shuffle is a permutation and every place is equally likely.
 */
#include "nn/nn_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

/* Counter (block, step, purpose and lane, 0), key = seed: computed by golden_mlp.py's philox(). */
static void test_block_is_philox_of_the_documented_counter(void **state)
{
    (void)state;
    struct pbti_nn_stream const stream = {
        .seed = UINT64_C(0x0123456789abcdef), .purpose = 3, .lane = 2, .step = 9};
    uint32_t bits[4];
    pbti_nn_random_block(&stream, 5, bits);
    static const uint32_t expected[4] = {0xa19228be, 0x12b655cf, 0x21fa9328, 0x88667e75};
    assert_memory_equal(bits, expected, sizeof bits);
}

static void test_u16_are_the_halves_of_the_blocks(void **state)
{
    (void)state;
    struct pbti_nn_stream const stream = {.seed = 5, .purpose = 3};
    for (size_t count = 0; count <= 20; count++) {
        uint16_t halves[24];
        memset(halves, 0xab, sizeof halves);
        pbti_nn_random_u16(&stream, halves, count);
        for (size_t i = 0; i < count; i++) {
            uint32_t bits[4];
            pbti_nn_random_block(&stream, (uint32_t)(i / 8), bits);
            assert_int_equal(halves[i], bits[i % 8 / 2] >> (16 * (i % 2)) & 0xffff);
        }
        assert_int_equal(halves[count], 0xabab);
    }
}

static void test_planes_are_the_words_of_the_blocks(void **state)
{
    (void)state;
    enum { COUNT = 37 };
    struct pbti_nn_stream const stream = {.seed = 11, .purpose = 6, .lane = 2, .step = 5};
    uint32_t planes[4 * COUNT + 1] = {[4 * COUNT] = 0xabababab};
    pbti_nn_random_planes(&stream, planes, COUNT);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t bits[4];
        pbti_nn_random_block(&stream, i, bits);
        for (uint32_t w = 0; w < 4; w++) {
            assert_int_equal(planes[w * COUNT + i], bits[w]);
        }
    }
    assert_int_equal(planes[4 * COUNT], 0xabababab);
}

static void test_unit_is_inside_the_open_interval(void **state)
{
    (void)state;
    assert_true(pbti_nn_unit(0) > 0.0);
    assert_true(pbti_nn_unit(UINT32_MAX) < 1.0);
    assert_true(pbti_nn_unit(0) + pbti_nn_unit(UINT32_MAX) == 1.0);
}

/* Chi-square of the 24 orders of 4 items over 24,000 seeds; 23 degrees of freedom, 49.7 is p
 * 0.001. */
static void test_shuffle_is_uniform(void **state)
{
    (void)state;
    enum { SEEDS = 24000, ORDERS = 24 };
    uint32_t counts[256] = {0};
    for (uint32_t seed = 0; seed < SEEDS; seed++) {
        struct pbti_nn_stream const stream = {.seed = seed, .purpose = PBTI_NN_PURPOSE_ORDER};
        uint32_t items[4] = {0, 1, 2, 3};
        pbti_nn_shuffle(&stream, items, 4);
        counts[items[0] << 6 | items[1] << 4 | items[2] << 2 | items[3]]++;
    }
    double chi_square = 0.0;
    uint32_t orders = 0;
    for (size_t i = 0; i < 256; i++) {
        if (counts[i] == 0) { continue; }
        double const off = counts[i] - (double)SEEDS / ORDERS;
        chi_square += off * off / ((double)SEEDS / ORDERS);
        orders++;
    }
    assert_int_equal(orders, ORDERS);
    assert_true(chi_square < 49.7);
}

static void test_shuffle_keeps_every_item_once(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    uint32_t items[COUNT];
    uint8_t seen[COUNT] = {0};
    for (uint32_t i = 0; i < COUNT; i++) {
        items[i] = i;
    }
    struct pbti_nn_stream const stream = {.seed = 4, .purpose = PBTI_NN_PURPOSE_ORDER, .step = 3};
    pbti_nn_shuffle(&stream, items, COUNT);
    uint32_t fixed = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_true(items[i] < COUNT && !seen[items[i]]);
        seen[items[i]] = 1;
        fixed += items[i] == i;
    }
    assert_true(fixed < 10); /* one is expected */
    pbti_nn_shuffle(&stream, items, 0);
    pbti_nn_shuffle(&stream, items, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_block_is_philox_of_the_documented_counter),
        cmocka_unit_test(test_u16_are_the_halves_of_the_blocks),
        cmocka_unit_test(test_planes_are_the_words_of_the_blocks),
        cmocka_unit_test(test_unit_is_inside_the_open_interval),
        cmocka_unit_test(test_shuffle_is_uniform),
        cmocka_unit_test(test_shuffle_keeps_every_item_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
