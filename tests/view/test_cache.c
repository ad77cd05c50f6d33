/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/view/test_cache.c - a reading with its cache says what one without it says.
 *
 * Rules: a cache is continued from; a damaged, foreign or stale one is as if it were not there, and
 * so is one that was not made under this user's key, or whose key others may read; a folder that
 * may not be written to is no trouble; sizes of living checkpoints survive.
 */
#include "base/file_tree.h"
#include "view/cache.h"
#include "view/study_reader.h"
#include "view_study.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char place[] = "/tmp/pbt-cache-XXXXXX"; /* of the key of these tests */

static struct pbti_study_reader *read_study(const struct view_study *study, bool cache)
{
    struct pbti_study_reader_opts opts = pbti_study_reader_opts_default();
    opts.cache = cache;
    struct pbti_study_reader *reader = NULL;
    struct pbt_error err = {.message = ""};
    pbt_status const status = pbti_study_reader_open(study->dir, &opts, &reader, &err);
    if (status != PBT_OK) { fail_msg("%s", err.message); }
    return reader;
}

/* What a reading knows, saved as its cache. */
static bool save(const struct view_study *study, const struct pbti_study_reader *reader,
                 uint64_t expected, struct pbti_batch_id id)
{
    struct pbti_text const spec = pbti_study_reader_spec_text(reader);
    struct pbti_state *const state =
        (struct pbti_state *)(uintptr_t)pbti_study_reader_state(reader);
    struct pbti_cached const cached = {.expected = expected,
                                       .batch = id,
                                       .state = state,
                                       .tally = *pbti_study_reader_tally(reader),
                                       .alive = *pbti_study_reader_alive(reader),
                                       .spec = (char *)(uintptr_t)spec.data,
                                       .spec_size = spec.size};
    return pbti_cache_save(study->dir, &cached);
}

struct last_batch {
    uint64_t expected;
    struct pbti_batch_id id;
};

static pbt_status on_batch(void *context, uint64_t first, uint32_t count, const void *bytes,
                           size_t size, struct pbti_batch_id id, struct pbt_error *err)
{
    struct last_batch *const last = context;
    (void)count;
    (void)bytes;
    (void)size;
    (void)err;
    last->expected = first - 1;
    last->id = id;
    return PBT_OK;
}

/* Write a good cache of the study as it is now; returns its number. */
static uint64_t make_cache(const struct view_study *study)
{
    struct pbti_study_reader *const reader = read_study(study, false);
    struct last_batch last = {0};
    struct pbt_error err;
    assert_int_equal(pbti_journal_read(pbti_study_reader_journal(reader), 0, on_batch, &last, &err),
                     PBT_OK);
    assert_true(save(study, reader, last.expected, last.id));
    uint64_t const seq = pbti_state_seq(pbti_study_reader_state(reader));
    pbti_study_reader_close(reader);
    return seq;
}

static void make_study(struct view_study *study)
{
    view_study_open(study, "");
    view_study_join(study, 1, 1);
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 4; i++) {
            view_study_run(study, i, (double)((i * 7 + (uint32_t)round * 5) % 11));
        }
    }
}

static void assert_same(const struct pbti_study_reader *a, const struct pbti_study_reader *b)
{
    assert_true(pbti_state_hash(pbti_study_reader_state(a)) ==
                pbti_state_hash(pbti_study_reader_state(b)));
    assert_memory_equal(pbti_study_reader_tally(a), pbti_study_reader_tally(b),
                        sizeof(struct pbti_study_stats));
    assert_int_equal(pbti_study_reader_alive(a)->count, pbti_study_reader_alive(b)->count);
    assert_true(pbti_study_reader_alive(a)->bytes == pbti_study_reader_alive(b)->bytes);
    assert_string_equal(pbti_study_reader_spec(a)->study, pbti_study_reader_spec(b)->study);
}

static void test_a_reading_continues_from_its_cache(void **state)
{
    (void)state;
    struct view_study study;
    make_study(&study);
    uint64_t const seq = make_cache(&study);
    for (uint32_t i = 0; i < 4; i++) {
        view_study_run(&study, i, 20 - (double)i);
    }
    struct pbti_study_reader *const with = read_study(&study, true);
    struct pbti_study_reader *const without = read_study(&study, false);
    assert_true(pbti_study_reader_cached_seq(with) == seq);
    assert_true(pbti_study_reader_cached_seq(without) == 0);
    assert_same(with, without);
    pbti_study_reader_close(with);
    pbti_study_reader_close(without);
    view_study_remove(&study);
}

/* Change one byte at each of many places: never taken for whole. */
static void test_a_damaged_cache_is_not_used(void **state)
{
    (void)state;
    struct view_study study;
    make_study(&study);
    (void)make_cache(&study);
    char path[128];
    (void)snprintf(path, sizeof path, "%s/cache/summary", study.dir);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    int const file = open(path, O_RDWR);
    assert_true(file >= 0);
    for (off_t at = 0; at < info.st_size; at += 1 + info.st_size / 37) {
        unsigned char byte = 0;
        assert_int_equal(pread(file, &byte, 1, at), 1);
        byte ^= 4;
        assert_int_equal(pwrite(file, &byte, 1, at), 1);
        struct pbti_study_reader *const reader = read_study(&study, true);
        assert_true(pbti_study_reader_cached_seq(reader) == 0);
        pbti_study_reader_close(reader);
        byte ^= 4;
        assert_int_equal(pwrite(file, &byte, 1, at), 1);
    }
    struct pbti_study_reader *reader = read_study(&study, true);
    assert_true(pbti_study_reader_cached_seq(reader) > 0);
    pbti_study_reader_close(reader);
    assert_int_equal(ftruncate(file, info.st_size / 2), 0);
    reader = read_study(&study, true);
    assert_true(pbti_study_reader_cached_seq(reader) == 0);
    pbti_study_reader_close(reader);
    (void)close(file);
    view_study_remove(&study);
}

/* The cache of another study, or of a batch that this journal does not hold. */
static void test_a_cache_of_another_journal_is_not_used(void **state)
{
    (void)state;
    struct view_study study;
    make_study(&study);
    struct pbti_study_reader *reader = read_study(&study, false);
    struct pbti_batch_id const other = {{9, 9, 9}};
    assert_true(save(&study, reader, pbti_state_seq(pbti_study_reader_state(reader)) - 1, other));
    pbti_study_reader_close(reader);
    reader = read_study(&study, true);
    assert_true(pbti_study_reader_cached_seq(reader) == 0);
    pbti_study_reader_close(reader);
    view_study_remove(&study);
}

static void test_the_alive_table_knows_exactly_the_living_checkpoints(void **state)
{
    (void)state;
    struct view_study study;
    make_study(&study);
    struct pbti_study_reader *const reader = read_study(&study, false);
    const struct pbti_live_checkpoints *const alive = pbti_study_reader_alive(reader);
    uint64_t bytes = 0;
    size_t count = 0;
    for (uint32_t member = 0; member < 4; member++) {
        for (uint32_t segment = 1; segment <= 3; segment++) {
            struct pbti_checkpoint const checkpoint = {member, segment, 1};
            const struct pbti_live_checkpoints_entry *const entry =
                pbti_live_checkpoints_find(alive, checkpoint);
            bool const reachable =
                pbti_state_reachable(pbti_study_reader_state(reader), checkpoint);
            assert_true((entry != NULL) == reachable);
            if (entry == NULL) { continue; }
            count++;
            bytes += entry->bytes;
        }
    }
    assert_true(count > 0 && count < 12);
    assert_int_equal(alive->count, count);
    assert_true(alive->bytes == bytes);
    pbti_study_reader_close(reader);
    view_study_remove(&study);
}

static void test_the_alive_table_survives_many_additions_and_removals(void **state)
{
    (void)state;
    struct pbti_live_checkpoints alive = {0};
    for (uint32_t i = 0; i < 5000; i++) {
        struct pbti_live_checkpoints_entry const entry = {.checkpoint = {i % 97, i / 97 + 1, 1},
                                                          .bytes = i};
        assert_true(pbti_live_checkpoints_add(&alive, entry));
        if (i >= 100) {
            uint32_t const old = i - 100;
            struct pbti_checkpoint const gone = {old % 97, old / 97 + 1, 1};
            assert_non_null(pbti_live_checkpoints_find(&alive, gone));
            pbti_live_checkpoints_remove(&alive, gone);
            assert_null(pbti_live_checkpoints_find(&alive, gone));
            pbti_live_checkpoints_remove(&alive, gone); /* twice does no harm */
        }
    }
    assert_int_equal(alive.count, 100);
    uint64_t bytes = 0;
    for (uint32_t i = 4900; i < 5000; i++) {
        const struct pbti_live_checkpoints_entry *const entry =
            pbti_live_checkpoints_find(&alive, (struct pbti_checkpoint){i % 97, i / 97 + 1, 1});
        assert_non_null(entry);
        assert_true(entry->bytes == i);
        bytes += i;
    }
    assert_true(alive.bytes == bytes);
    pbti_live_checkpoints_deinit(&alive);
}

/* What a stranger could have put into the folder. */
static void test_a_cache_under_another_key_is_not_used(void **state)
{
    (void)state;
    struct view_study study;
    char elsewhere[] = "/tmp/pbt-key-XXXXXX";
    make_study(&study);
    (void)make_cache(&study);
    assert_non_null(mkdtemp(elsewhere));
    assert_int_equal(setenv("XDG_STATE_HOME", elsewhere, 1), 0);
    for (int made = 0; made < 2; made++) { /* there is no key, and there is another one */
        struct pbti_study_reader *const reader = read_study(&study, true);
        assert_true(pbti_study_reader_cached_seq(reader) == 0);
        pbti_study_reader_close(reader);
        struct pbti_cache_key key;
        assert_true(pbti_cache_key(&key, true));
    }
    assert_int_equal(setenv("XDG_STATE_HOME", place, 1), 0);
    struct pbti_study_reader *const reader = read_study(&study, true);
    assert_true(pbti_study_reader_cached_seq(reader) > 0);
    pbti_study_reader_close(reader);
    assert_int_equal(pbti_file_tree_remove(elsewhere, NULL), PBT_OK);
    view_study_remove(&study);
}

static void test_a_key_is_its_user_s_alone(void **state)
{
    (void)state;
    struct pbti_cache_key key;
    struct pbti_cache_key again;
    struct stat info;
    char path[128];
    assert_true(pbti_cache_key(&key, true));
    assert_true(pbti_cache_key(&again, true));
    assert_memory_equal(key.bytes, again.bytes, sizeof key.bytes);
    (void)snprintf(path, sizeof path, "%s/pbt/cache.key", place);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(chmod(path, 0640), 0);
    assert_false(pbti_cache_key(&key, true));
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(truncate(path, 3), 0);
    assert_false(pbti_cache_key(&key, true));
    assert_int_equal(unlink(path), 0);
    assert_true(pbti_cache_key(&key, false) == false);
}

int main(void)
{
    if (mkdtemp(place) == NULL || setenv("XDG_STATE_HOME", place, 1) != 0) { return 1; }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_reading_continues_from_its_cache),
        cmocka_unit_test(test_a_damaged_cache_is_not_used),
        cmocka_unit_test(test_a_cache_of_another_journal_is_not_used),
        cmocka_unit_test(test_a_cache_under_another_key_is_not_used),
        cmocka_unit_test(test_a_key_is_its_user_s_alone),
        cmocka_unit_test(test_the_alive_table_knows_exactly_the_living_checkpoints),
        cmocka_unit_test(test_the_alive_table_survives_many_additions_and_removals),
    };
    int const failed = cmocka_run_group_tests(tests, NULL, NULL);
    return pbti_file_tree_remove(place, NULL) == PBT_OK ? failed : 1;
}
