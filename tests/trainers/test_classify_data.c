/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_classify_data.c - rules: idx files that are wrong are refused by name; training and held-out
 * images never overlap; the test images are read only when asked for; every image is used once an
 * epoch.
 */
#include "classify/classify_data.h"
#include "data/data_order.h"
#include "nn/nn_base.h"
#include "trainer_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[256];

static int setup(void **state)
{
    (void)state;
    fixture_folder(folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_remove(folder);
    return 0;
}

static void assert_says(const struct pbt_error *err, const char *words)
{
    if (strstr(err->message, words) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", words, err->message);
    }
}

/* -------- idx -------- */

static void test_plain_and_compressed_files_hold_the_same(void **state)
{
    (void)state;
    uint32_t const header[] = {0x803, 3, 2, 4};
    fixture_idx(fixture_path(folder, "plain"), false, header, 4, 24);
    fixture_idx(fixture_path(folder, "packed.gz"), true, header, 4, 24);
    struct pbti_idx plain, packed;
    assert_int_equal(pbti_idx_read(folder, "plain", 3, 3, &plain, NULL), PBT_OK);
    assert_int_equal(pbti_idx_read(folder, "packed", 3, 3, &packed, NULL), PBT_OK);
    assert_int_equal(plain.sizes[0], 3);
    assert_int_equal(plain.item_bytes, 8);
    assert_int_equal(plain.bytes[23], 23);
    assert_memory_equal(plain.bytes, packed.bytes, 24);
    pbti_idx_deinit(&plain);
    pbti_idx_deinit(&packed);
}

/* What is wrong with a file, and what must be said. `cut` bytes are taken off its end. */
struct bad {
    const char *words;
    uint32_t header[5];
    size_t header_words, values, cut;
    pbt_status status;
};

static const struct bad bad_files[] = {
    {"magic number is 0x00000d03", {0xd03, 1, 1, 1}, 4, 1, 0, PBT_ECORRUPT},
    {"magic number is 0x12345678", {0x12345678}, 1, 30, 0, PBT_ECORRUPT},
    {"magic number is 0x00000000", {0}, 0, 0, 0, PBT_ECORRUPT},
    {"has 5 dimensions", {0x805, 1, 1, 1, 1}, 5, 30, 0, PBT_ECORRUPT},
    {"has 1 dimensions; allowed are 2 to 4", {0x801, 4}, 2, 4, 0, PBT_ECORRUPT},
    {"truncated in its header", {0x803, 3, 2}, 3, 0, 0, PBT_ECORRUPT},
    {"it has 23 values, its header says 24", {0x803, 3, 2, 4}, 4, 23, 0, PBT_ECORRUPT},
    {"more values than the 24", {0x803, 3, 2, 4}, 4, 25, 0, PBT_ECORRUPT},
    {"is empty: size 2 is 0", {0x803, 3, 0, 4}, 4, 0, 0, PBT_ECORRUPT},
    {"holds more than", {0x803, 0xffffffff, 0xffffffff, 0xffffffff}, 4, 9, 0, PBT_ELIMIT},
    {"damaged", {0x803, 3, 2, 4}, 4, 24, 6, PBT_ECORRUPT}, /* gzip without its end */
};

static void test_wrong_idx_files_are_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_files / sizeof bad_files[0]; i++) {
        const struct bad *const bad = &bad_files[i];
        const char *const path = fixture_path(folder, "bad.gz");
        fixture_idx(path, true, bad->header, bad->header_words, bad->values);
        if (bad->cut > 0) {
            size_t size = 0;
            free(fixture_read(path, &size));
            assert_int_equal(truncate(path, (off_t)(size - bad->cut)), 0);
        }
        struct pbti_idx idx;
        struct pbt_error err = {0};
        assert_int_equal(pbti_idx_read(folder, "bad", 2, 4, &idx, &err), bad->status);
        assert_says(&err, bad->words);
        assert_says(&err, "bad.gz");
        assert_null(idx.bytes);
    }
}

static void test_missing_files_are_named(void **state)
{
    (void)state;
    struct pbti_idx idx;
    struct pbt_error err = {0};
    assert_int_equal(pbti_idx_read(folder, "absent", 1, 1, &idx, &err), PBT_ENOENT);
    assert_says(&err, "absent\" (or absent.gz) does not exist");
    assert_says(&err, folder);
}

/* A bit flipped in compressed data is noticed by its checksum, if not before. */
static void test_damaged_compression_is_noticed(void **state)
{
    (void)state;
    uint32_t const header[] = {0x803, 30, 10, 10};
    const char *const path = fixture_path(folder, "bad.gz");
    fixture_idx(path, true, header, 4, 3000);
    size_t size = 0;
    uint8_t *const bytes = fixture_read(path, &size);
    for (size_t at = 10; at < size; at++) { /* behind gzip's own header */
        bytes[at] ^= 0x10;
        fixture_write(path, bytes, size);
        bytes[at] ^= 0x10;
        struct pbti_idx idx;
        struct pbt_error err = {0};
        pbt_status const status = pbti_idx_read(folder, "bad", 2, 4, &idx, &err);
        if (status == PBT_OK) { fail_msg("byte %zu of %zu changed unnoticed", at, size); }
    }
    free(bytes);
}

/* -------- the split -------- */

static void test_split_is_first_and_last(void **state)
{
    (void)state;
    fixture_data(folder, true);
    struct pbti_classify_data data;
    assert_int_equal(pbti_classify_data_load(&data, folder, 120, 50, NULL), PBT_OK);
    assert_int_equal(data.classes, FIXTURE_CLASSES);
    assert_int_equal(data.pixels, FIXTURE_PIXELS);
    assert_int_equal(pbti_classify_data_count(&data, PBTI_CLASSIFY_TRAIN), 120);
    assert_int_equal(pbti_classify_data_count(&data, PBTI_CLASSIFY_HELD_OUT), 50);
    assert_int_equal(pbti_classify_data_count(&data, PBTI_CLASSIFY_TEST), 0);
    assert_null(data.test_images.bytes);

    float x[FIXTURE_PIXELS];
    uint8_t label = 0;
    uint32_t const index = 7;
    pbti_classify_data_gather(&data, PBTI_CLASSIFY_HELD_OUT, &index, 1, x, &label);
    const uint8_t *const raw = data.images.bytes + (150 + 7) * FIXTURE_PIXELS;
    assert_int_equal(label, data.labels.bytes[157]);
    for (size_t p = 0; p < FIXTURE_PIXELS; p++) {
        assert_true(fabsf(x[p] - ((float)raw[p] * data.scale + data.shift)) < 1e-6f);
    }
    pbti_classify_data_deinit(&data);
}

static void test_training_images_are_normalised(void **state)
{
    (void)state;
    fixture_data(folder, false);
    struct pbti_classify_data data;
    assert_int_equal(pbti_classify_data_load(&data, folder, 0, 80, NULL), PBT_OK);
    assert_int_equal(data.train, 120);
    double sum = 0.0, squares = 0.0;
    for (uint32_t i = 0; i < data.train; i++) {
        float x[FIXTURE_PIXELS];
        uint8_t label = 0;
        pbti_classify_data_gather(&data, PBTI_CLASSIFY_TRAIN, &i, 1, x, &label);
        for (size_t p = 0; p < FIXTURE_PIXELS; p++) {
            sum += (double)x[p];
            squares += (double)x[p] * (double)x[p];
        }
    }
    double const count = 120.0 * FIXTURE_PIXELS;
    assert_true(fabs(sum / count) < 1e-5);
    assert_true(fabs(squares / count - 1.0) < 1e-5);
    pbti_classify_data_deinit(&data);
}

static void test_impossible_splits_and_pairs_are_refused(void **state)
{
    (void)state;
    fixture_data(folder, false);
    struct pbti_classify_data data;
    struct pbt_error err = {0};
    assert_int_equal(pbti_classify_data_load(&data, folder, 151, 50, &err), PBT_EINVAL);
    assert_says(&err, "train is 151; allowed are 1 to 150");
    assert_int_equal(pbti_classify_data_load(&data, folder, 0, 200, &err), PBT_EINVAL);
    assert_says(&err, "held_out is 200; allowed are 1 to 199");

    uint32_t const fewer[] = {0x801, 199};
    fixture_idx(fixture_path(folder, "train-labels-idx1-ubyte"), false, fewer, 2, 199);
    assert_int_equal(pbti_classify_data_load(&data, folder, 0, 50, &err), PBT_EINVAL);
    assert_says(&err, "disagree: 200 images, 199 labels");
}

static void test_wrong_test_files_are_refused(void **state)
{
    (void)state;
    fixture_data(folder, false);
    struct pbti_classify_data data;
    struct pbt_error err = {0};
    uint32_t const labels[] = {0x801, FIXTURE_TEST};
    const char *const path = fixture_path(folder, "t10k-labels-idx1-ubyte");
    fixture_idx(path, false, labels, 2, FIXTURE_TEST);
    assert_int_equal(pbti_classify_data_load(&data, folder, 0, 50, NULL), PBT_OK);
    assert_int_equal(pbti_classify_data_need_test(&data, &err), PBT_EINVAL);
    assert_says(&err, "a test label");
    assert_null(data.test_images.bytes);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(pbti_classify_data_need_test(&data, &err), PBT_ENOENT);
    fixture_data(folder, false);
    assert_int_equal(pbti_classify_data_need_test(&data, &err), PBT_OK);
    assert_int_equal(pbti_classify_data_count(&data, PBTI_CLASSIFY_TEST), FIXTURE_TEST);
    pbti_classify_data_deinit(&data);
}

/* A shifted image is the old one, moved; what moved in is a byte 0. */
static void test_augment_moves_whole_images(void **state)
{
    (void)state;
    fixture_data(folder, false);
    struct pbti_classify_data data;
    assert_int_equal(pbti_classify_data_load(&data, folder, 0, 50, NULL), PBT_OK);
    struct pbti_nn_stream const stream = {.seed = 1, .purpose = PBTI_NN_PURPOSE_AUGMENT};
    enum { COUNT = 40, MOST = 2 };
    static float x[COUNT * FIXTURE_PIXELS], scratch[FIXTURE_PIXELS];
    uint32_t seen = 0;
    for (size_t i = 0; i < COUNT * FIXTURE_PIXELS; i++) {
        x[i] = (float)(1 + i % FIXTURE_PIXELS);
    }
    pbti_classify_data_augment(&data, x, scratch, COUNT, MOST, &stream);
    for (uint32_t i = 0; i < COUNT; i++) {
        int down = 99, right = 99;
        for (int p = 0; p < FIXTURE_PIXELS; p++) { /* any pixel that stayed inside tells how far */
            float const value = x[i * FIXTURE_PIXELS + (uint32_t)p];
            if (value < 1.0f) { continue; }
            int const from = (int)value - 1;
            int const d = p / FIXTURE_COLUMNS - from / FIXTURE_COLUMNS;
            int const r = p % FIXTURE_COLUMNS - from % FIXTURE_COLUMNS;
            assert_true(down == 99 || (down == d && right == r));
            down = d;
            right = r;
        }
        assert_true(abs(down) <= MOST && abs(right) <= MOST);
        seen |= 1u << ((down + MOST) * 5 + right + MOST);
        for (int p = 0; p < FIXTURE_PIXELS; p++) {
            int const row = p / FIXTURE_COLUMNS - down;
            int const column = p % FIXTURE_COLUMNS - right;
            bool const inside =
                row >= 0 && row < FIXTURE_ROWS && column >= 0 && column < FIXTURE_COLUMNS;
            float const value = x[i * FIXTURE_PIXELS + (uint32_t)p];
            assert_true(inside ? value >= 1.0f : value == data.shift);
        }
    }
    assert_true(__builtin_popcount(seen) > 12); /* of 25 places */
    pbti_classify_data_deinit(&data);
}

/* -------- the order -------- */

static void test_every_image_is_used_once_an_epoch(void **state)
{
    (void)state;
    enum { COUNT = 53, SEGMENT = 17, SEGMENTS = 40 };
    struct pbti_data_order order;
    assert_int_equal(pbti_data_order_init(&order, COUNT, NULL), PBT_OK);
    uint32_t used[COUNT] = {0};
    for (uint32_t s = 0; s < SEGMENTS; s++) {
        pbti_data_order_begin(&order, 1000 + s);
        uint32_t indices[SEGMENT];
        pbti_data_order_take(&order, indices, 5);
        pbti_data_order_take(&order, indices + 5, SEGMENT - 5);
        for (uint32_t i = 0; i < SEGMENT; i++) {
            uint32_t const taken = s * SEGMENT + i;
            assert_true(indices[i] < COUNT);
            assert_int_equal(used[indices[i]], taken / COUNT);
            used[indices[i]]++;
        }
    }
    assert_int_equal(order.epoch, (SEGMENT * SEGMENTS - 1) / COUNT);
    pbti_data_order_deinit(&order);
}

static void test_order_survives_encoding(void **state)
{
    (void)state;
    enum { COUNT = 53 };
    struct pbti_data_order a, b;
    assert_int_equal(pbti_data_order_init(&a, COUNT, NULL), PBT_OK);
    assert_int_equal(pbti_data_order_init(&b, COUNT, NULL), PBT_OK);
    uint32_t from_a[200], from_b[200];
    pbti_data_order_begin(&a, 1);
    pbti_data_order_take(&a, from_a, 70);
    uint8_t bytes[64];
    size_t const size = pbti_data_order_size(&a);
    assert_true(size <= sizeof bytes);
    pbti_data_order_encode(&a, bytes);
    assert_int_equal(pbti_data_order_decode(&b, bytes, size, NULL), PBT_OK);
    pbti_data_order_begin(&a, 2);
    pbti_data_order_begin(&b, 2);
    pbti_data_order_take(&a, from_a, 200);
    pbti_data_order_take(&b, from_b, 200);
    assert_memory_equal(from_a, from_b, sizeof from_a);

    pbti_data_order_begin(&b, 3); /* another seed: another order */
    pbti_data_order_take(&b, from_b, 200);
    assert_memory_not_equal(from_a, from_b, sizeof from_a);

    struct pbt_error err = {0};
    assert_int_equal(pbti_data_order_decode(&b, bytes, size - 1, &err), PBT_ECORRUPT);
    assert_int_equal(pbti_data_order_decode(&b, bytes, 0, &err), PBT_ECORRUPT);
    pbti_data_order_deinit(&a);
    pbti_data_order_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_plain_and_compressed_files_hold_the_same, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_wrong_idx_files_are_refused_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(test_missing_files_are_named, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged_compression_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_split_is_first_and_last, setup, teardown),
        cmocka_unit_test_setup_teardown(test_training_images_are_normalised, setup, teardown),
        cmocka_unit_test_setup_teardown(test_impossible_splits_and_pairs_are_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_wrong_test_files_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_augment_moves_whole_images, setup, teardown),
        cmocka_unit_test(test_every_image_is_used_once_an_epoch),
        cmocka_unit_test(test_order_survives_encoding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
