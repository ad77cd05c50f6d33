/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/journal/test_journal_damage.c - the SQLite journal after damage to its file.
 *
 * Protects rule 12 against damage of the SQLite journal's file: truncated anywhere, any bit
 * flipped, rows lost or changed. Never a crash; always the right data or an error that says where.
 */
#include "journal_fixture.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCHES 60u
#define PAGE 4096u

struct place {
    char *folder, *path;
    uint8_t *bytes; /* of a sound, closed journal of BATCHES batches */
    size_t size;
    struct fixture_seen seen;
};

static int set_up(void **state)
{
    struct place *const place = calloc(1, sizeof *place);
    assert_non_null(place);
    place->folder = fixture_make_folder();
    place->path = fixture_path(place->folder, "journal.db");
    struct pbti_journal *const journal = fixture_open(place->path, true);
    (void)fixture_fill(journal, 0, BATCHES);
    pbti_journal_close(journal);
    place->bytes = fixture_load(place->path, &place->size);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *const place = *state;
    free(place->bytes);
    free(place->path);
    fixture_remove_folder(place->folder);
    free(place);
    return 0;
}

static void put_file(const struct place *place, const uint8_t *bytes, size_t size)
{
    static const char *const suffixes[] = {"journal.db-wal", "journal.db-shm",
                                           "journal.db-journal"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char *const path = fixture_path(place->folder, suffixes[i]);
        (void)unlink(path);
        free(path);
    }
    fixture_save(place->path, bytes, size);
}

/* Errors that damage may give, with a message that names the file. */
static void expect_refusal(pbt_status status, const struct pbt_error *err)
{
    assert_true(status == PBT_ECORRUPT || status == PBT_EVERSION || status == PBT_EIO);
    assert_int_equal(err->code, status);
    assert_non_null(strstr(err->message, "journal.db"));
}

/* Open, read and check: the right data, or an error. True when it was the data. */
static bool read_damaged(struct place *place, bool read_only)
{
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.read_only = read_only;
    opts.sync = false;
    struct pbti_journal *journal = NULL;
    struct pbt_error err = {0};
    pbt_status status = pbti_journal_open(place->path, &opts, &journal, &err);
    if (status == PBT_OK) {
        place->seen = (struct fixture_seen){0};
        status = pbti_journal_read(journal, 0, fixture_see, &place->seen, &err);
        assert_false(place->seen.wrong); /* what was handed out is right, even before an error */
        if (status == PBT_OK) { assert_int_equal(place->seen.count, BATCHES); }
        struct pbt_error why = {0};
        pbt_status const checked = pbti_journal_check(journal, &why);
        if (checked != PBT_OK) { expect_refusal(checked, &why); }
        if (status != PBT_OK) { assert_int_not_equal(checked, PBT_OK); }
    }
    pbti_journal_close(journal);
    if (status != PBT_OK) { expect_refusal(status, &err); }
    return status == PBT_OK;
}

static void test_truncated_anywhere(void **state)
{
    struct place *const place = *state;
    for (size_t size = 0; size < place->size; size += 512) {
        for (int read_only = 0; read_only < 2; read_only++) {
            put_file(place, place->bytes, size);
            assert_false(read_damaged(place, read_only == 1));
        }
    }
    put_file(place, place->bytes, place->size);
    assert_true(read_damaged(place, true));
}

static bool read_flipped(struct place *place, size_t at, unsigned bit)
{
    place->bytes[at] ^= (uint8_t)(1u << bit);
    put_file(place, place->bytes, place->size);
    bool const right = read_damaged(place, bit % 2 == 0);
    place->bytes[at] ^= (uint8_t)(1u << bit);
    return right;
}

/* The header of the file and of every page: here a bit decides over many batches. */
static void test_each_bit_of_all_headers_flipped(void **state)
{
    struct place *const place = *state;
    unsigned refused = 0;
    for (size_t at = 0; at < 112; at++) {
        refused += read_flipped(place, at, (unsigned)(at * 5 % 8)) ? 0 : 1;
    }
    for (size_t page = PAGE; page < place->size; page += PAGE) {
        for (size_t at = page; at < page + 12; at++) {
            for (unsigned bit = 0; bit < 8; bit++) {
                refused += read_flipped(place, at, bit) ? 0 : 1;
            }
        }
    }
    print_message("%u flips refused, the others did no harm\n", refused);
    assert_true(refused > 100);
}

static void test_random_bits_flipped(void **state)
{
    struct place *const place = *state;
    uint64_t random = fixture_seed("random bits");
    unsigned refused = 0;
    for (unsigned i = 0; i < 1000; i++) {
        size_t const at = (size_t)(fixture_random(&random) % place->size);
        refused += read_flipped(place, at, (unsigned)(fixture_random(&random) % 8)) ? 0 : 1;
    }
    print_message("%u of 1000 flips refused, the others did no harm\n", refused);
    assert_true(refused > 300); /* most of the file is events */
}

static void test_rubbish_in_the_middle(void **state)
{
    struct place *const place = *state;
    uint64_t random = fixture_seed("rubbish");
    uint8_t *const sound = malloc(place->size);
    assert_non_null(sound);
    memcpy(sound, place->bytes, place->size);
    for (unsigned i = 0; i < 100; i++) {
        size_t const at = (size_t)(fixture_random(&random) % place->size);
        size_t const size = 1 + (size_t)(fixture_random(&random) % 3000);
        for (size_t j = at; j < at + size && j < place->size; j++) {
            place->bytes[j] = (uint8_t)fixture_random(&random);
        }
        put_file(place, place->bytes, place->size);
        (void)read_damaged(place, i % 2 == 0);
        memcpy(place->bytes, sound, place->size);
    }
    free(sound);
}

/* -------- damage that leaves a sound SQLite file -------- */

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void expect_damage(struct place *place, const char *sql, const char *said)
{
    put_file(place, place->bytes, place->size);
    run_sql(place->path, sql);
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.read_only = true;
    struct pbti_journal *journal = NULL;
    struct pbt_error err = {0};
    pbt_status status = pbti_journal_open(place->path, &opts, &journal, &err);
    if (status == PBT_OK) { status = pbti_journal_check(journal, &err); }
    pbti_journal_close(journal);
    assert_int_equal(status, PBT_ECORRUPT);
    if (strstr(err.message, said) == NULL) { print_error("%s\n", err.message); }
    assert_non_null(strstr(err.message, said));
    assert_non_null(strstr(err.message, "journal.db"));
}

static void test_each_damage_is_named(void **state)
{
    struct place *const place = *state;
    static const char first[] = "WHERE last = (SELECT min(last) FROM batch)";
    static const struct {
        const char *change, *said;
    } damages[] = {
        {"DELETE FROM batch", "damaged after event 0: events are missing"},
        {"UPDATE batch SET hash = hash + 1", "after event 0: the checksum of the next batch is"},
        {"UPDATE batch SET id = zeroblob(16)", "the checksum of the next batch is wrong"},
        {"UPDATE batch SET events = zeroblob(9)", "the checksum of the next batch is wrong"},
        {"UPDATE batch SET id = zeroblob(15)", "the id of a batch has the wrong size"},
        {"UPDATE batch SET id = 'text'", "a value has the wrong type"},
        {"UPDATE batch SET events = 'text'", "a value has the wrong type"},
        {"UPDATE batch SET events = zeroblob(0)", "a batch has an impossible size"},
        {"UPDATE batch SET count = 0", "a batch has an impossible number of events"},
        {"UPDATE batch SET count = 1 << 40", "a batch has an impossible number of events"},
        {"UPDATE batch SET count = count + 1", "events are missing"},
        {"UPDATE batch SET last = -5", "events are missing"},
    };
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        char sql[256];
        (void)snprintf(sql, sizeof sql, "%s %s", damages[i].change, first);
        expect_damage(place, sql, damages[i].said);
    }
    expect_damage(place, "DELETE FROM batch WHERE last = (SELECT max(last) FROM batch)",
                  "but held");
    expect_damage(place, "DELETE FROM mark", "malformed");
    expect_damage(place, "DROP TABLE mark", "tables are not those of a journal");
    expect_damage(place, "CREATE TRIGGER t AFTER INSERT ON batch BEGIN SELECT 1; END",
                  "tables are not those of a journal");
}

/* What is told of a batch in the middle is the event before it. */
static void test_damage_in_the_middle_is_located(void **state)
{
    struct place *const place = *state;
    put_file(place, place->bytes, place->size);
    struct pbti_journal *const journal = fixture_open(place->path, false);
    place->seen = (struct fixture_seen){0};
    assert_int_equal(pbti_journal_read(journal, 0, fixture_see, &place->seen, NULL), PBT_OK);
    pbti_journal_close(journal);
    uint64_t end = 0; /* of batch 29 */
    for (uint64_t number = 0; number < 30; number++) {
        struct fixture_batch batch;
        fixture_make_batch(number, &batch);
        end += batch.count;
    }
    char sql[128];
    char said[64];
    (void)snprintf(sql, sizeof sql,
                   "UPDATE batch SET hash = 0 WHERE last > %llu AND last <= %llu + count",
                   (unsigned long long)end, (unsigned long long)end);
    (void)snprintf(said, sizeof said, "damaged after event %llu:", (unsigned long long)end);
    expect_damage(place, sql, said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_truncated_anywhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_each_bit_of_all_headers_flipped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_random_bits_flipped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rubbish_in_the_middle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_each_damage_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damage_in_the_middle_is_located, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("sqlite, damaged", tests, NULL, NULL);
}
