/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/journal/journal_fixture.h - what the journal's tests share: a folder that goes away, and
 * batches that are made from a number, so that whoever reads one can tell whether it is right.
 *
 * Functions that say so fail the running cmocka test; the others may be used in a child process.
 */
#ifndef PBT_TESTS_JOURNAL_FIXTURE_H
#define PBT_TESTS_JOURNAL_FIXTURE_H

#include "journal/journal.h"

#define FIXTURE_BYTES_MAX 12000u /* several pages of the file */
#define FIXTURE_SEEN_MAX 8192u

/* A new folder under TMPDIR; fails the test. Free with fixture_remove_folder(). */
char *fixture_make_folder(void);
void fixture_remove_folder(char *folder);

/* "folder/name"; free it. */
char *fixture_path(const char *folder, const char *name);

/* The whole content of a file; free it. Fails the test. */
uint8_t *fixture_load(const char *path, size_t *size);
void fixture_save(const char *path, const void *bytes, size_t size);

/* Batch `number`: 1 to 3 events, mostly small, now and then larger than a page. */
struct fixture_batch {
    uint64_t number;
    struct pbti_batch_id id;
    uint32_t count;
    size_t size;
    uint8_t bytes[FIXTURE_BYTES_MAX];
};
void fixture_make_batch(uint64_t number, struct fixture_batch *batch);

/* The id of batch `number`. */
struct pbti_batch_id fixture_id(uint64_t number);

/* Append batch `number`. */
pbt_status fixture_append(struct pbti_journal *journal, uint64_t number, uint64_t expected,
                          uint64_t *last, struct pbt_error *err);

/* Append batches begin .. end-1 to a journal; fails the test. Returns the last sequence number. */
uint64_t fixture_fill(struct pbti_journal *journal, uint64_t begin, uint64_t end);

/* What a reading has seen. */
struct fixture_seen {
    size_t count;  /* batches */
    uint64_t last; /* sequence number; set it to `since` before */
    bool wrong;    /* a batch was not what its number says, or the numbering had a gap */
    uint64_t numbers[FIXTURE_SEEN_MAX];
};
/* A pbti_batch_reader; context is a fixture_seen. */
pbt_status fixture_see(void *context, uint64_t first, uint32_t count, const void *bytes,
                       size_t size, struct pbti_batch_id id, struct pbt_error *err);

/* Open sqlite at `path`, with sync off; prints the error and fails the test when it cannot. */
struct pbti_journal *fixture_open(const char *path, bool create);

/* The journal at `path` holds exactly the batches begin .. end-1 and is sound; fails the test. */
void fixture_expect(const char *path, uint64_t begin, uint64_t end);

/* A small generator for tests (splitmix64). */
uint64_t fixture_random(uint64_t *state);

/* A seed from PBT_SEED, else from the clock; printed with `what`. */
uint64_t fixture_seed(const char *what);

#endif
