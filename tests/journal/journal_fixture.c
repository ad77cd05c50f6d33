/* SPDX-License-Identifier: Apache-2.0 */
/* tests/journal/journal_fixture.c - see journal_fixture.h. */
#include "journal_fixture.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* -------- folders and files -------- */

char *fixture_make_folder(void)
{
    const char *const base = getenv("TMPDIR");
    char *folder = NULL;
    assert_true(asprintf(&folder, "%s/pbt-journal-XXXXXX", base != NULL ? base : "/tmp") > 0);
    assert_non_null(mkdtemp(folder));
    return folder;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info, (void)kind, (void)where;
    return remove(path);
}

void fixture_remove_folder(char *folder)
{
    (void)nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(folder);
}

char *fixture_path(const char *folder, const char *name)
{
    char *path = NULL;
    assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
    return path;
}

uint8_t *fixture_load(const char *path, size_t *size)
{
    FILE *const file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long const end = ftell(file);
    assert_true(end >= 0);
    rewind(file);
    *size = (size_t)end;
    uint8_t *const bytes = malloc(*size + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    (void)fclose(file);
    return bytes;
}

void fixture_save(const char *path, const void *bytes, size_t size)
{
    FILE *const file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* -------- batches -------- */

uint64_t fixture_random(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u;
    uint64_t value = *state;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
    return value ^ (value >> 31);
}

struct pbti_batch_id fixture_id(uint64_t number)
{
    uint64_t state = number;
    uint64_t const words[2] = {fixture_random(&state), fixture_random(&state)};
    struct pbti_batch_id id;
    memcpy(id.bytes, words, sizeof id.bytes);
    return id;
}

/* Event: its size as a varint of two bytes, the batch's number in 8 bytes, bytes drawn from it. */
static size_t put_event(uint8_t *to, uint64_t number, size_t size, uint64_t *state)
{
    to[0] = (uint8_t)(0x80 | (size & 0x7f));
    to[1] = (uint8_t)(size >> 7);
    memcpy(to + 2, &number, sizeof number);
    for (size_t i = sizeof number; i < size; i++) {
        to[2 + i] = (uint8_t)fixture_random(state);
    }
    return size + 2;
}

void fixture_make_batch(uint64_t number, struct fixture_batch *batch)
{
    uint64_t state = number ^ 0x5eed;
    *batch = (struct fixture_batch){.number = number, .id = fixture_id(number)};
    batch->count = (uint32_t)(1 + fixture_random(&state) % 3);
    for (uint32_t i = 0; i < batch->count; i++) {
        bool const large = number % 11 == 5 && i == 0;
        size_t const size = 9 + (size_t)(fixture_random(&state) % 250) + (large ? 9000 : 0);
        batch->size += put_event(batch->bytes + batch->size, number, size, &state);
    }
}

pbt_status fixture_append(struct pbti_journal *journal, uint64_t number, uint64_t expected,
                          uint64_t *last, struct pbt_error *err)
{
    struct fixture_batch batch;
    fixture_make_batch(number, &batch);
    return pbti_journal_append(journal, batch.bytes, batch.size, batch.count, expected, batch.id,
                               last, err);
}

uint64_t fixture_fill(struct pbti_journal *journal, uint64_t begin, uint64_t end)
{
    uint64_t last = 0;
    assert_int_equal(pbti_journal_last(journal, &last, NULL), PBT_OK);
    for (uint64_t number = begin; number < end; number++) {
        assert_int_equal(fixture_append(journal, number, last, &last, NULL), PBT_OK);
    }
    return last;
}

pbt_status fixture_see(void *context, uint64_t first, uint32_t count, const void *bytes,
                       size_t size, struct pbti_batch_id id, struct pbt_error *err)
{
    (void)err;
    struct fixture_seen *const seen = context;
    uint64_t number = 0;
    if (size >= 10) { memcpy(&number, (const uint8_t *)bytes + 2, sizeof number); }
    struct fixture_batch batch;
    fixture_make_batch(number, &batch);
    bool const same = first == seen->last + 1 && count == batch.count && size == batch.size &&
                      memcmp(bytes, batch.bytes, size) == 0 &&
                      memcmp(&id, &batch.id, sizeof id) == 0;
    if (!same || seen->count == FIXTURE_SEEN_MAX) {
        seen->wrong = true;
        return PBT_OK;
    }
    seen->numbers[seen->count++] = number;
    seen->last = first + count - 1;
    return PBT_OK;
}

/* -------- journals -------- */

struct pbti_journal *fixture_open(const char *path, bool create)
{
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.create = create;
    opts.sync = false;
    struct pbti_journal *journal;
    struct pbt_error err;
    pbt_status const status = pbti_journal_open(path, &opts, &journal, &err);
    if (status != PBT_OK) { print_error("%s (%s)\n", err.message, err.hint); }
    assert_int_equal(status, PBT_OK);
    return journal;
}

void fixture_expect(const char *path, uint64_t begin, uint64_t end)
{
    struct pbti_journal *const journal = fixture_open(path, false);
    struct fixture_seen *const seen = calloc(1, sizeof *seen);
    assert_non_null(seen);
    assert_int_equal(pbti_journal_read(journal, 0, fixture_see, seen, NULL), PBT_OK);
    assert_false(seen->wrong);
    assert_int_equal(seen->count, end - begin);
    for (size_t i = 0; i < seen->count; i++) {
        assert_int_equal(seen->numbers[i], begin + i);
    }
    assert_int_equal(pbti_journal_check(journal, NULL), PBT_OK);
    free(seen);
    pbti_journal_close(journal);
}

uint64_t fixture_seed(const char *what)
{
    const char *const given = getenv("PBT_SEED");
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    uint64_t const seed =
        given != NULL ? strtoull(given, NULL, 10) : (uint64_t)now.tv_sec ^ (uint64_t)now.tv_nsec;
    print_message("%s: PBT_SEED=%" PRIu64 "\n", what, seed);
    return seed;
}
