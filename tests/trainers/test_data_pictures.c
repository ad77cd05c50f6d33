/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_data_pictures.c - rules: pictures are read from idx files, grey or in colour, and from
 * CIFAR-10's own, channels last; what is missing, cut off or of another form is named; bytes go to
 * [-1, 1] and back unchanged; a PNG file holds the pixels that it was given.
 */
#include "data/data_pictures.h"
#include "data/data_png.h"
#include "picture_fixture.h"
#include "trainer_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

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

static void refused(bool test, pbt_status status, const char *words)
{
    struct pbti_pictures p;
    struct pbt_error err = {0};
    assert_int_equal(pbti_pictures_load(&p, folder, test, &err), status);
    if (strstr(err.message, words) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", words, err.message);
    }
    assert_null(p.bytes);
}

static void load(struct pbti_pictures *p, bool test)
{
    struct pbt_error err = {0};
    if (pbti_pictures_load(p, folder, test, &err) != PBT_OK) { fail_msg("%s", err.message); }
}

static void test_idx_grey_and_colour(void **state)
{
    (void)state;
    for (uint32_t channels = 1; channels <= 3; channels += 2) {
        struct pbti_pictures p;
        pictures_idx(folder, channels);
        if (channels == 3) { /* the first form that is there is read */
            assert_int_equal(unlink(fixture_path(folder, "train-images-idx3-ubyte")), 0);
        }
        load(&p, false);
        assert_true(p.count == PICTURES_TRAIN && p.rows == 8 && p.columns == 8);
        assert_true(p.channels == channels && p.size == 64 * (size_t)channels);
        assert_int_equal(p.classes, PICTURES_CLASSES);
        assert_true(p.bytes[0] > 150 && p.bytes[p.size - 1] < 100); /* label 0: the top is bright */
        pbti_pictures_deinit(&p);
    }
    struct pbti_pictures p;
    load(&p, true);
    assert_int_equal(p.count, PICTURES_TEST);
    pbti_pictures_deinit(&p);
}

static void test_files_of_cifar(void **state)
{
    (void)state;
    struct pbti_pictures p;
    pictures_cifar(fixture_path(folder, "data_batch_1.bin"), 3);
    pictures_cifar(fixture_path(folder, "data_batch_2.bin"), 12);
    pictures_cifar(fixture_path(folder, "test_batch.bin"), 2);
    load(&p, false);
    assert_true(p.count == 15 && p.rows == 32 && p.columns == 32 && p.channels == 3);
    assert_int_equal(p.classes, 10);
    assert_true(p.labels[2] == 2 && p.labels[3] == 0 && p.labels[14] == 1);
    const uint8_t *const third = p.bytes + 2 * p.size;
    assert_true(third[0] == 200 && third[1] == 201 && third[2] == 202); /* its first cell, R G B */
    assert_true(third[3] == 20 && third[4] == 21 && third[5] == 22);
    pbti_pictures_deinit(&p);
    load(&p, true);
    assert_int_equal(p.count, 2);
    pbti_pictures_deinit(&p);
}

static void test_bad_files_are_named(void **state)
{
    (void)state;
    size_t size = 0;
    refused(false, PBT_ENOENT, "data_batch_1.bin");
    refused(true, PBT_ENOENT, "test_batch.bin");
    pictures_cifar(fixture_path(folder, "data_batch_1.bin"), 2);
    uint8_t *bytes = fixture_read(fixture_path(folder, "data_batch_1.bin"), &size);
    fixture_write(fixture_path(folder, "data_batch_1.bin"), bytes, size - 1);
    refused(false, PBT_ECORRUPT, "records of 3073 bytes");
    fixture_write(fixture_path(folder, "data_batch_1.bin"), bytes, 0);
    refused(false, PBT_ECORRUPT, "has 0 bytes");
    free(bytes);

    pictures_idx(folder, 1);
    bytes = fixture_read(fixture_path(folder, "t10k-labels-idx1-ubyte"), &size);
    fixture_write(fixture_path(folder, "train-labels-idx1-ubyte"), bytes, size);
    refused(false, PBT_EINVAL, "disagree: 240 pictures, 80 labels");
    assert_int_equal(unlink(fixture_path(folder, "train-labels-idx1-ubyte")), 0);
    refused(false, PBT_ENOENT, "train-labels-idx1-ubyte");
    free(bytes);
    bytes = fixture_read(fixture_path(folder, "t10k-images-idx3-ubyte"), &size);
    fixture_write(fixture_path(folder, "t10k-images-idx3-ubyte"), bytes, size - 9);
    refused(true, PBT_ECORRUPT, "truncated");
    free(bytes);
}

static void test_two_channels_are_refused(void **state)
{
    (void)state;
    uint32_t const images[] = {0x804, 2, 4, 4, 2}, labels[] = {0x801, 2};
    fixture_idx(fixture_path(folder, "train-images-idx4-ubyte"), false, images, 5, 64);
    fixture_idx(fixture_path(folder, "train-labels-idx1-ubyte"), false, labels, 2, 2);
    refused(false, PBT_EINVAL, "2 channels; allowed are 1 and 3");
}

static void test_bytes_go_to_floats_and_back(void **state)
{
    (void)state;
    uint8_t bytes[256], back[256];
    float x[256];
    for (size_t i = 0; i < 256; i++) {
        bytes[i] = (uint8_t)i;
    }
    pbti_pictures_to_floats(x, bytes, 256);
    assert_true(x[0] == -1.0f && x[255] == 1.0f);
    pbti_pictures_to_bytes(back, x, 256);
    assert_memory_equal(bytes, back, sizeof bytes);
    float const odd[4] = {-3.0f, 3.0f, NAN, 0.0f};
    pbti_pictures_to_bytes(back, odd, 4);
    assert_true(back[0] == 0 && back[1] == 255 && back[2] == 0 && back[3] == 128);
}

/* -------- PNG -------- */

static uint32_t word_at(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Fail unless `png` is signature, IHDR, one IDAT and IEND, and holds these pixels. */
static void check_png(const uint8_t *png, size_t size, const uint8_t *pixels, uint32_t width,
                      uint32_t height, uint32_t channels)
{
    static const uint8_t signature[8] = {137, 80, 78, 71, 13, 10, 26, 10};
    static const char *const kinds[] = {"IHDR", "IDAT", "IEND"};
    size_t const row = (size_t)width * channels;
    assert_memory_equal(png, signature, 8);
    size_t at = 8;
    for (size_t i = 0; i < 3; i++) {
        uint32_t const length = word_at(png + at);
        const uint8_t *const data = png + at + 8;
        assert_memory_equal(png + at + 4, kinds[i], 4);
        assert_int_equal(word_at(data + length), crc32(0, png + at + 4, length + 4));
        if (i == 0) {
            assert_true(word_at(data) == width && word_at(data + 4) == height);
            assert_true(data[8] == 8 && data[9] == (channels == 1 ? 0 : 2));
        }
        if (i == 1) {
            uLongf raw = (uLongf)((row + 1) * height);
            uint8_t *const rows = malloc(raw);
            assert_int_equal(uncompress(rows, &raw, data, length), Z_OK);
            assert_int_equal(raw, (row + 1) * height);
            for (size_t y = 0; y < height; y++) {
                assert_int_equal(rows[y * (row + 1)], 0);
                assert_memory_equal(rows + y * (row + 1) + 1, pixels + y * row, row);
            }
            free(rows);
        }
        at += 12 + (size_t)length;
    }
    assert_int_equal(at, size);
}

static void test_a_png_holds_its_pixels(void **state)
{
    (void)state;
    uint8_t pixels[7 * 5 * 3];
    for (size_t i = 0; i < sizeof pixels; i++) {
        pixels[i] = (uint8_t)(37 * i + 11);
    }
    for (uint32_t channels = 1; channels <= 3; channels += 2) {
        uint8_t *png = NULL;
        size_t size = 0;
        assert_int_equal(pbti_png_encode(&png, &size, pixels, 7, 5, channels, NULL), PBT_OK);
        check_png(png, size, pixels, 7, 5, channels);
        assert_int_equal(
            pbti_png_write(fixture_path(folder, "a.png"), pixels, 7, 5, channels, NULL), PBT_OK);
        size_t read = 0;
        uint8_t *const file = fixture_read(fixture_path(folder, "a.png"), &read);
        assert_int_equal(read, size);
        assert_memory_equal(file, png, size);
        free(file);
        free(png);
    }
    struct pbt_error err = {0};
    uint8_t *png = NULL;
    size_t size = 0;
    assert_int_equal(pbti_png_encode(&png, &size, pixels, 0, 5, 1, &err), PBT_EINVAL);
    assert_int_equal(pbti_png_encode(&png, &size, pixels, 7, 5, 2, &err), PBT_EINVAL);
    assert_null(png);
    assert_int_equal(pbti_png_write(fixture_path(folder, "none/a.png"), pixels, 7, 5, 1, &err),
                     PBT_EIO);
    assert_non_null(strstr(err.message, "none/a.png"));
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_idx_grey_and_colour),
        IN_FOLDER(test_files_of_cifar),
        IN_FOLDER(test_bad_files_are_named),
        IN_FOLDER(test_two_channels_are_refused),
        cmocka_unit_test(test_bytes_go_to_floats_and_back),
        IN_FOLDER(test_a_png_holds_its_pixels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
