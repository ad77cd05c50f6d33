/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_nn_checkpoint.c - rules of the files before nn_safetensors.h: a network comes back bit for
 * bit; a truncated file, any flipped bit, a foreign file and one of another network are refused by
 * name and leave the network as it was. And blocks have limits.
 */
#include "nn/nn_checkpoint.h"
#include "old_checkpoint.h"
#include "trainer_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* A block of a matrix (rows, 3) and a vector (rows), filled with noise. */
static void make_with(struct pbti_nn_block *block, uint32_t rows, uint32_t slots, uint32_t salt)
{
    uint32_t index = 0;
    pbti_nn_block_init(block);
    assert_int_equal(pbti_nn_block_add(block, "weight", rows, 3, true, &index, NULL), PBT_OK);
    assert_int_equal(pbti_nn_block_add(block, "bias", rows, 1, false, &index, NULL), PBT_OK);
    assert_int_equal(index, 1);
    assert_int_equal(pbti_nn_block_allocate(block, slots, NULL), PBT_OK);
    for (size_t i = 0; i < (1 + slots) * block->plane_floats; i++) {
        block->weights[i] = fixture_noise(salt + (uint32_t)i);
    }
    block->updates = UINT64_C(0x0123456789abcd00) + salt;
}

static void make(struct pbti_nn_block *block, uint32_t rows, uint32_t salt)
{
    make_with(block, rows, 1, salt);
}

static size_t saved_size(const struct pbti_nn_block *block)
{
    return (1 + block->slot_count) * (size_t)block->plane_floats * sizeof(float);
}

static const char *save_one(const struct pbti_nn_block *block, const char *extra)
{
    const char *const path = fixture_path(folder, "network.bin");
    old_checkpoint_write(path, block, extra, (uint32_t)strlen(extra));
    return path;
}

/* Loading must fail with `status`, say `words`, and leave `block` as it was. */
static void refused(const char *path, struct pbti_nn_block *block, pbt_status status,
                    const char *words)
{
    float *const before = malloc(saved_size(block));
    assert_non_null(before);
    memcpy(before, block->weights, saved_size(block));
    uint64_t const updates = block->updates;
    struct pbt_error err = {0};
    void *extra = &err;
    size_t size = 1;
    assert_int_equal(pbti_nn_checkpoint_load(path, block, &extra, &size, &err), status);
    if (strstr(err.message, words) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", words, err.message);
    }
    assert_null(extra);
    assert_int_equal(size, 0);
    assert_memory_equal(before, block->weights, saved_size(block));
    assert_true(block->updates == updates);
    free(before);
}

static void test_round_trip_is_bit_for_bit(void **state)
{
    (void)state;
    struct pbti_nn_block saved, loaded;
    make(&saved, 37, 1);
    make(&loaded, 37, 1000);
    uint32_t const odd = 0x7fc12345u; /* a NaN with a payload: values are not interpreted */
    memcpy(&saved.weights[5], &odd, sizeof odd);
    const char *const path = save_one(&saved, "position");
    void *extra = NULL;
    size_t size = 0;
    assert_int_equal(pbti_nn_checkpoint_load(path, &loaded, &extra, &size, NULL), PBT_OK);
    assert_memory_equal(saved.weights, loaded.weights, saved_size(&saved));
    assert_true(loaded.updates == saved.updates);
    assert_int_equal(size, 8);
    assert_memory_equal(extra, "position", 8);
    free(extra);

    (void)save_one(&saved, ""); /* over the old one, without extra data */
    assert_int_equal(pbti_nn_checkpoint_load(path, &loaded, &extra, &size, NULL), PBT_OK);
    assert_null(extra);
    pbti_nn_block_deinit(&saved);
    pbti_nn_block_deinit(&loaded);
}

/* Any number of slots comes back, and only into a block of as many. */
static void test_slots_come_back_or_are_refused(void **state)
{
    (void)state;
    for (uint32_t slots = 0; slots <= PBTI_NN_SLOTS_MAX; slots++) {
        struct pbti_nn_block saved;
        make_with(&saved, 5, slots, 1);
        const char *const path = save_one(&saved, "");
        for (uint32_t others = 0; others <= PBTI_NN_SLOTS_MAX; others++) {
            struct pbti_nn_block loaded;
            make_with(&loaded, 5, others, 1000);
            if (others != slots) {
                refused(path, &loaded, PBT_EINVAL, "trained with another optimiser");
            } else {
                void *extra = NULL;
                size_t size = 0;
                assert_int_equal(pbti_nn_checkpoint_load(path, &loaded, &extra, &size, NULL),
                                 PBT_OK);
                assert_memory_equal(saved.weights, loaded.weights, saved_size(&saved));
            }
            pbti_nn_block_deinit(&loaded);
        }
        pbti_nn_block_deinit(&saved);
    }
}

static void test_every_truncation_is_noticed(void **state)
{
    (void)state;
    struct pbti_nn_block block;
    make(&block, 2, 1);
    size_t size = 0;
    uint8_t *const bytes = fixture_read(save_one(&block, "abc"), &size);
    const char *const path = fixture_path(folder, "short.bin");
    for (size_t length = 0; length < size; length++) {
        fixture_write(path, bytes, length);
        refused(path, &block, PBT_ECORRUPT, "truncated");
    }
    uint8_t *const longer = calloc(size + 1, 1);
    assert_non_null(longer);
    memcpy(longer, bytes, size);
    fixture_write(path, longer, size + 1);
    refused(path, &block, PBT_ECORRUPT, "damaged");
    free(longer);
    free(bytes);
    pbti_nn_block_deinit(&block);
}

static void test_every_flipped_bit_is_noticed(void **state)
{
    (void)state;
    struct pbti_nn_block block;
    make(&block, 2, 1);
    size_t size = 0;
    uint8_t *const bytes = fixture_read(save_one(&block, "abc"), &size);
    const char *const path = fixture_path(folder, "flipped.bin");
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        fixture_write(path, bytes, size);
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        struct pbt_error err = {0};
        void *extra = NULL;
        size_t extra_size = 0;
        pbt_status const status = pbti_nn_checkpoint_load(path, &block, &extra, &extra_size, &err);
        if (status != PBT_ECORRUPT && status != PBT_EVERSION) {
            fail_msg("bit %zu of byte %zu: status %d", bit % 8, bit / 8, (int)status);
        }
        assert_non_null(strstr(err.message, "flipped.bin"));
        assert_null(extra);
    }
    free(bytes);
    pbti_nn_block_deinit(&block);
}

static void test_other_networks_and_files_are_refused(void **state)
{
    (void)state;
    struct pbti_nn_block small, large;
    make(&small, 2, 1);
    make(&large, 40, 1);
    const char *const path = save_one(&small, "");
    refused(path, &large, PBT_EINVAL, "its part \"weight\" is 2 x 3");
    refused(path, &large, PBT_EINVAL, "has \"weight\" of 40 x 3");
    refused(fixture_path(folder, "nothing"), &small, PBT_ENOENT, "No such file");
    refused(folder, &small, PBT_EIO, "not a regular file");
    const char *const text = fixture_path(folder, "text");
    fixture_write(text, "this is a text of more than thirty-two bytes", 44);
    refused(text, &small, PBT_ECORRUPT, "is not a checkpoint");
    pbti_nn_block_deinit(&small);
    pbti_nn_block_deinit(&large);
}

/* Sizes in a header are judged before memory is taken: this one claims 16 GiB and 2^32 parts. */
static void test_sizes_in_the_header_are_limited(void **state)
{
    (void)state;
    struct pbti_nn_block block;
    make(&block, 2, 1);
    size_t size = 0;
    uint8_t *const bytes = fixture_read(save_one(&block, ""), &size);
    const char *const path = fixture_path(folder, "huge.bin");
    static const size_t places[] = {12, 16, 20, 24};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        uint8_t kept[4];
        memcpy(kept, bytes + places[i], 4);
        memset(bytes + places[i], 0xff, 4);
        fixture_write(path, bytes, size);
        refused(path, &block, PBT_ECORRUPT, "huge.bin");
        memcpy(bytes + places[i], kept, 4);
    }
    bytes[8] = 1; /* the version before: never released */
    fixture_write(path, bytes, size);
    refused(path, &block, PBT_EVERSION, "has version 1");
    free(bytes);
    pbti_nn_block_deinit(&block);
}

/* Layers of `classify` had other names in these files. */
static void test_layers_have_new_names(void **state)
{
    (void)state;
    struct pbti_nn_block saved, loaded;
    make(&saved, 5, 1);
    make(&loaded, 5, 1000);
    (void)snprintf(saved.parts[1].name, sizeof saved.parts[1].name, "linear12.bias");
    const char *const path = save_one(&saved, "");
    refused(path, &loaded, PBT_EINVAL, "its part \"layers.12.bias\" is 5 x 1");
    (void)snprintf(loaded.parts[1].name, sizeof loaded.parts[1].name, "layers.12.bias");
    void *extra = NULL;
    size_t size = 0;
    assert_int_equal(pbti_nn_checkpoint_load(path, &loaded, &extra, &size, NULL), PBT_OK);
    assert_memory_equal(saved.weights, loaded.weights, saved_size(&saved));
    pbti_nn_block_deinit(&saved);
    pbti_nn_block_deinit(&loaded);
}

static void test_block_limits(void **state)
{
    (void)state;
    struct pbti_nn_block block;
    struct pbt_error err = {0};
    uint32_t index = 0;
    pbti_nn_block_init(&block);
    assert_int_equal(pbti_nn_block_add(&block, "big", 1u << 17, 1u << 17, true, &index, &err),
                     PBT_ELIMIT);
    assert_non_null(strstr(err.message, "\"big\""));
    for (int i = 0; i < PBTI_NN_PARTS_MAX; i++) {
        assert_int_equal(pbti_nn_block_add(&block, "p", 1, 1, true, &index, &err), PBT_OK);
    }
    assert_int_equal(pbti_nn_block_add(&block, "p", 1, 1, true, &index, &err), PBT_ELIMIT);
}

static void test_clear_makes_a_block_new(void **state)
{
    (void)state;
    struct pbti_nn_block block;
    make_with(&block, 5, 2, 1);
    block.gradients[3] = 1.0f;
    pbti_nn_block_clear(&block);
    assert_true(block.updates == 0);
    for (size_t i = 0; i < 4 * block.plane_floats; i++) {
        assert_true(block.weights[i] == 0.0f);
    }
    pbti_nn_block_deinit(&block);
    assert_null(block.weights);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip_is_bit_for_bit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slots_come_back_or_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_truncation_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_flipped_bit_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_networks_and_files_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sizes_in_the_header_are_limited, setup, teardown),
        cmocka_unit_test_setup_teardown(test_layers_have_new_names, setup, teardown),
        cmocka_unit_test(test_block_limits),
        cmocka_unit_test(test_clear_makes_a_block_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
