/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_nn_safetensors.c - rules: a network comes back bit for bit; a truncated file, any flipped
 * bit, a foreign file, one of another network and a head that says what is not so are refused by
 * name and leave the network as it was; the file is as the format says.
 */
#include "nn/nn_adam.h"
#include "nn/nn_bytes.h"
#include "nn/nn_safetensors.h"
#include "trainer_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

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
    for (uint32_t plane = 0; plane <= slots; plane++) {
        for (uint32_t i = 0; i < 4 * rows; i++) { /* the padding stays 0 */
            uint32_t const p = i < 3 * rows ? 0 : 1;
            float *const values = block->weights + plane * block->plane_floats;
            pbti_nn_block_part(block, values, p)[i - p * 3 * rows] =
                fixture_noise(salt + 1000 * plane + i);
        }
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
    const char *const path = fixture_path(folder, "network.safetensors");
    struct pbt_error err = {0};
    struct pbti_nn_named_block const named = {"", (struct pbti_nn_block *)(uintptr_t)block};
    assert_int_equal(pbti_nn_safetensors_save(path, &named, 1, extra, strlen(extra), &err), PBT_OK);
    return path;
}

static pbt_status load_one(const char *path, struct pbti_nn_block *block, void **extra,
                           size_t *size, struct pbt_error *err)
{
    struct pbti_nn_named_block const named = {"", block};
    return pbti_nn_safetensors_load(path, &named, 1, extra, size, err);
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
    assert_int_equal(load_one(path, block, &extra, &size, &err), status);
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
    assert_int_equal(load_one(path, &loaded, &extra, &size, NULL), PBT_OK);
    assert_memory_equal(saved.weights, loaded.weights, saved_size(&saved));
    assert_true(loaded.updates == saved.updates);
    assert_int_equal(size, 8);
    assert_memory_equal(extra, "position", 8);
    free(extra);
    assert_int_not_equal(access(fixture_path(folder, "network.safetensors.part"), F_OK), 0);

    (void)save_one(&saved, ""); /* over the old one, without extra data */
    assert_int_equal(load_one(path, &loaded, &extra, &size, NULL), PBT_OK);
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
                assert_int_equal(load_one(path, &loaded, &extra, &size, NULL), PBT_OK);
                assert_memory_equal(saved.weights, loaded.weights, saved_size(&saved));
            }
            pbti_nn_block_deinit(&loaded);
        }
        pbti_nn_block_deinit(&saved);
    }
}

static void adam_steps(struct pbti_nn_block *block, uint32_t from, uint32_t to)
{
    struct pbti_nn_adam const adam = {.lr = 0.01, .beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-6};
    for (uint32_t step = from; step < to; step++) {
        for (uint32_t i = 0; i < block->parts[0].rows * block->parts[0].columns; i++) {
            block->gradients[i] = fixture_noise(1000 * step + i);
        }
        pbti_nn_adam_step(&adam, block, 1.0);
    }
}

/* Adam's corrections depend on how many steps there were: a break must not show. */
static void test_an_optimiser_goes_on_where_it_was(void **state)
{
    (void)state;
    struct pbti_nn_block unbroken, loaded;
    make_with(&unbroken, 5, PBTI_NN_ADAM_SLOTS, 1);
    make_with(&loaded, 5, PBTI_NN_ADAM_SLOTS, 1000);
    pbti_nn_block_clear(&unbroken);
    adam_steps(&unbroken, 0, 3);
    const char *const path = save_one(&unbroken, "");
    adam_steps(&unbroken, 3, 6);
    void *extra = NULL;
    size_t size = 0;
    assert_int_equal(load_one(path, &loaded, &extra, &size, NULL), PBT_OK);
    assert_true(loaded.updates == 3);
    adam_steps(&loaded, 3, 6);
    assert_memory_equal(loaded.weights, unbroken.weights, saved_size(&unbroken));
    pbti_nn_block_deinit(&unbroken);
    pbti_nn_block_deinit(&loaded);
}

static void test_every_truncation_is_noticed(void **state)
{
    (void)state;
    struct pbti_nn_block block;
    make(&block, 2, 1);
    size_t size = 0;
    uint8_t *const bytes = fixture_read(save_one(&block, "abc"), &size);
    const char *const path = fixture_path(folder, "short.safetensors");
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
    struct pbti_nn_named_block const named = {"", &block};
    for (size_t bit = 0; bit < 8 * size; bit++) {
        struct pbt_error err = {0};
        void *extra = NULL;
        size_t extra_size = 0;
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        pbt_status const status = pbti_nn_safetensors_decode(bytes, size, "flipped", &named, 1,
                                                             &extra, &extra_size, &err);
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        if (status != PBT_ECORRUPT) {
            fail_msg("bit %zu of byte %zu: status %d", bit % 8, bit / 8, (int)status);
        }
        assert_non_null(strstr(err.message, "\"flipped\""));
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
    refused(path, &large, PBT_EINVAL, "its tensor \"weight\" has the shape [2, 3]");
    refused(path, &large, PBT_EINVAL, "the network asked for has [40, 3]");
    memcpy(small.parts[1].name, "offset", 7);
    refused(path, &small, PBT_EINVAL, "is of another network: it has no tensor \"offset\"");
    memcpy(small.parts[1].name, "bias", 5);
    refused(fixture_path(folder, "nothing"), &small, PBT_ENOENT, "No such file");
    refused(folder, &small, PBT_EIO, "not a regular file");
    const char *const text = fixture_path(folder, "text");
    fixture_write(text, "this is a text of more bytes than the begin of a file", 53);
    refused(text, &small, PBT_ECORRUPT, "is not a checkpoint");
    pbti_nn_block_deinit(&small);
    pbti_nn_block_deinit(&large);
}

/* -------- heads that say what is not so, with the right hash -------- */

enum { HASH_AT = 8 + sizeof PBTI_NN_SAFETENSORS_BEGIN - 1 };

/* Write a file of this head and of `values` bytes, with its hash. */
static const char *forge(const char *head, size_t values)
{
    const char *const path = fixture_path(folder, "forged.safetensors");
    size_t const length = strlen(head);
    uint8_t *const bytes = calloc(8 + length + values, 1);
    char digits[17];
    assert_non_null(bytes);
    (void)pbti_nn_put(bytes, length, 8);
    memcpy(bytes + 8, head, length);
    uint64_t const hash = XXH3_64bits(bytes, 8 + length + values);
    (void)snprintf(digits, sizeof digits, "%016llx", (unsigned long long)hash);
    memcpy(bytes + HASH_AT, digits, 16);
    fixture_write(path, bytes, 8 + length + values);
    free(bytes);
    return path;
}

#define META PBTI_NN_SAFETENSORS_BEGIN "0000000000000000\",\"version\":\"1\",\"updates\":\"7\"}"
#define WEIGHT ",\"weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}"
#define BIAS ",\"bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[24,32]}"

static void test_heads_that_lie_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        size_t values;
        pbt_status status;
        const char *words;
    } heads[] = {
        {META WEIGHT ",\"bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[16,24]}}", 32,
         PBT_ECORRUPT, "tensor \"bias\" has other data_offsets than [24, 32]"}, /* they overlap */
        {META WEIGHT ",\"bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[32,24]}}", 32,
         PBT_ECORRUPT, "other data_offsets"},
        {META WEIGHT ",\"bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-1,8]}}", 32,
         PBT_ECORRUPT, "other data_offsets"},
        {META WEIGHT ",\"bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[24,"
                     "9223372036854775807]}}",
         32, PBT_ECORRUPT, "other data_offsets"},
        {META WEIGHT ",\"bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[24]}}", 32,
         PBT_ECORRUPT, "other data_offsets"},
        {META WEIGHT ",\"bias\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[24,32]}}", 32,
         PBT_ECORRUPT, "tensor \"bias\" has dtype \"F16\"; allowed is F32"},
        {META WEIGHT ",\"bias\":{\"shape\":[2],\"data_offsets\":[24,32]}}", 32, PBT_ECORRUPT,
         "has dtype \"\""},
        {META WEIGHT ",\"bias\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[24,32]}}", 32,
         PBT_OK, NULL}, /* the same values */
        {META WEIGHT ",\"bias\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[24,32]}}", 32,
         PBT_EINVAL, "has the shape [1, 2], the network asked for has [2]"},
        {META WEIGHT ",\"bias\":{\"dtype\":\"F32\",\"shape\":\"2\",\"data_offsets\":[24,32]}}", 32,
         PBT_EINVAL, "has the shape that is none"},
        {META WEIGHT ",\"bias\":7}", 32, PBT_EINVAL, "that is none"},
        {META WEIGHT "}", 32, PBT_EINVAL, "it has no tensor \"bias\""},
        {META WEIGHT BIAS ",\"more\":7}", 32, PBT_EINVAL, "it has 3 tensors"},
        {META WEIGHT BIAS "}", 31, PBT_ECORRUPT, "truncated: it has 31 bytes of values"},
        {META WEIGHT BIAS "}", 33, PBT_ECORRUPT, "1 bytes behind the tensors"},
        {META WEIGHT BIAS ",\"pbt.state\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
         33, PBT_ECORRUPT, "tensor \"pbt.state\" has other data_offsets than [32, 33]"},
        {META WEIGHT WEIGHT BIAS "}", 32, PBT_ECORRUPT, "duplicate"},
        {META WEIGHT BIAS, 32, PBT_ECORRUPT, "its head is no JSON"},
        {PBTI_NN_SAFETENSORS_BEGIN "0000000000000000\",\"version\":\"2\",\"updates\":\"7\"}}", 0,
         PBT_EVERSION, "has version \"2\"; this program reads version 1"},
        {PBTI_NN_SAFETENSORS_BEGIN "0000000000000000\",\"version\":\"1\"}}", 0, PBT_ECORRUPT,
         "metadata \"updates\" is no whole number"},
        {PBTI_NN_SAFETENSORS_BEGIN "0000000000000000\",\"version\":\"1\",\"updates\":\"-7\"}}", 0,
         PBT_ECORRUPT, "is no whole number"},
        {META WEIGHT BIAS "}", 32, PBT_OK, NULL},
    };
    struct pbti_nn_block block;
    make_with(&block, 2, 0, 1);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        const char *const path = forge(heads[i].head, heads[i].values);
        if (heads[i].status != PBT_OK) {
            refused(path, &block, heads[i].status, heads[i].words);
            continue;
        }
        struct pbti_nn_block taken;
        void *extra = NULL;
        size_t size = 0;
        make_with(&taken, 2, 0, 1);
        assert_int_equal(load_one(path, &taken, &extra, &size, NULL), PBT_OK);
        assert_true(taken.updates == 7 && taken.weights[0] == 0.0f && size == 0);
        pbti_nn_block_deinit(&taken);
    }
    pbti_nn_block_deinit(&block);
}

/* The size of the head is judged before the JSON is read. */
static void test_size_of_the_head_is_limited(void **state)
{
    (void)state;
    struct pbti_nn_block block;
    make(&block, 2, 1);
    size_t size = 0;
    uint8_t *const bytes = fixture_read(save_one(&block, ""), &size);
    const char *const path = fixture_path(folder, "huge.safetensors");
    (void)pbti_nn_put(bytes, UINT64_MAX, 8);
    fixture_write(path, bytes, size);
    refused(path, &block, PBT_ECORRUPT, "its head is of 18446744073709551615 bytes; allowed are");
    (void)pbti_nn_put(bytes, size - 7, 8);
    fixture_write(path, bytes, size);
    refused(path, &block, PBT_ECORRUPT, "truncated");
    free(bytes);
    pbti_nn_block_deinit(&block);
}

/* A file larger than any of this network is refused before memory is taken for it. */
static void test_file_of_a_far_larger_network_is_not_read(void **state)
{
    (void)state;
    struct pbti_nn_block block;
    make(&block, 2, 1);
    const char *const path = save_one(&block, "");
    assert_int_equal(truncate(path, (off_t)1 << 36), 0); /* a hole: it takes no room */
    refused(path, &block, PBT_EINVAL, "it has 68719476736 bytes");
    pbti_nn_block_deinit(&block);
}

/* Two blocks in a file are told apart by their names. */
static void test_blocks_have_names(void **state)
{
    (void)state;
    struct pbti_nn_block saved[2], loaded[2];
    for (uint32_t i = 0; i < 2; i++) {
        make_with(&saved[i], 3 + i, i, i);
        make_with(&loaded[i], 3 + i, i, 1000);
    }
    const char *const path = fixture_path(folder, "network.safetensors");
    struct pbti_nn_named_block from[] = {{"generator", &saved[0]}, {"judge", &saved[1]}};
    struct pbti_nn_named_block to[] = {{"generator", &loaded[0]}, {"judge", &loaded[1]}};
    void *extra = NULL;
    size_t size = 0;
    assert_int_equal(pbti_nn_safetensors_save(path, from, 2, "x", 1, NULL), PBT_OK);
    assert_int_equal(pbti_nn_safetensors_load(path, to, 2, &extra, &size, NULL), PBT_OK);
    assert_true(size == 1 && ((char *)extra)[0] == 'x');
    free(extra);
    for (uint32_t i = 0; i < 2; i++) {
        assert_memory_equal(saved[i].weights, loaded[i].weights, saved_size(&saved[i]));
        assert_true(loaded[i].updates == saved[i].updates);
    }
    struct pbt_error err = {0};
    to[1].name = "critic";
    assert_int_equal(pbti_nn_safetensors_load(path, to, 2, &extra, &size, &err), PBT_ECORRUPT);
    assert_non_null(strstr(err.message, "\"critic.updates\""));
    for (uint32_t i = 0; i < 2; i++) {
        pbti_nn_block_deinit(&saved[i]);
        pbti_nn_block_deinit(&loaded[i]);
    }
}

/* What other programs rely on: a head of JSON, aligned values, names and shapes. */
static void test_file_is_as_the_format_says(void **state)
{
    (void)state;
    struct pbti_nn_block block;
    make(&block, 2, 1);
    size_t size = 0;
    uint8_t *const bytes = fixture_read(save_one(&block, "abc"), &size);
    size_t const head_size = (size_t)pbti_nn_get(bytes, 8);
    assert_true(head_size % 8 == 0 && bytes[8] == '{');
    json_t *const head = json_loadb((const char *)bytes + 8, head_size, 0, NULL);
    json_t *const expected = json_pack(
        "{s:{s:s, s:[i, i], s:[i, i]}, s:{s:s, s:[i], s:[i, i]}, s:{s:s, s:[i, i], s:[i, i]}, "
        "s:{s:s, s:[i], s:[i, i]}, s:{s:s, s:[i], s:[i, i]}}",
        "weight", "dtype", "F32", "shape", 2, 3, "data_offsets", 0, 24, "bias", "dtype", "F32",
        "shape", 2, "data_offsets", 24, 32, "optimiser.0.weight", "dtype", "F32", "shape", 2, 3,
        "data_offsets", 32, 56, "optimiser.0.bias", "dtype", "F32", "shape", 2, "data_offsets", 56,
        64, "pbt.state", "dtype", "U8", "shape", 3, "data_offsets", 64, 67);
    const char *name;
    json_t *value;
    json_object_foreach (json_object_get(head, "__metadata__"), name, value) {
        assert_true(json_is_string(value)); /* the format allows nothing else */
    }
    assert_int_equal(json_object_del(head, "__metadata__"), 0);
    assert_true(json_equal(head, expected));
    assert_int_equal(size, 8 + head_size + 67);
    assert_memory_equal(bytes + 8 + head_size, block.weights, 24);
    assert_memory_equal(bytes + 8 + head_size + 64, "abc", 3);
    json_decref(head);
    json_decref(expected);
    free(bytes);
    pbti_nn_block_deinit(&block);
}

static void test_failed_writes_leave_no_checkpoint(void **state)
{
    (void)state;
    struct pbti_nn_block block;
    make(&block, 2, 1);
    struct pbti_nn_named_block const named = {"", &block};
    struct pbt_error err = {0};
    const char *const path = fixture_path(folder, "absent/network.safetensors");
    assert_int_equal(pbti_nn_safetensors_save(path, &named, 1, NULL, 0, &err), PBT_EIO);
    assert_non_null(strstr(err.message, "absent/network.safetensors.part"));
    if (access("/dev/full", W_OK) == 0) {
        const char *const full = fixture_path(folder, "full.safetensors");
        assert_int_equal(symlink("/dev/full", fixture_path(folder, "full.safetensors.part")), 0);
        assert_int_equal(pbti_nn_safetensors_save(full, &named, 1, NULL, 0, &err), PBT_EIO);
        assert_non_null(strstr(err.message, "No space left"));
        assert_int_not_equal(access(full, F_OK), 0);
    }
    pbti_nn_block_deinit(&block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip_is_bit_for_bit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slots_come_back_or_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_optimiser_goes_on_where_it_was, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_truncation_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_flipped_bit_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_networks_and_files_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_heads_that_lie_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_size_of_the_head_is_limited, setup, teardown),
        cmocka_unit_test_setup_teardown(test_file_of_a_far_larger_network_is_not_read, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_blocks_have_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_file_is_as_the_format_says, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failed_writes_leave_no_checkpoint, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
