/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_folder.c - whatever may lie in the folder of a journal (journal/journal_dir.h).
 *
 * The input is a list of files: flags (1 byte, below), number of the first event (1 byte), size
 * (2 bytes, lowest first), content. They are put into a folder, which is then opened, read, checked
 * and asked. It is read to its end in the right order, or refused with a reason; a journal that is
 * found good is read, and says the same twice.
 */
#include "journal/batch_hash.h"
#include "journal/journal.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FLAG_SEGMENT 1 /* it goes to segments/, not to batches/ */
#define FLAG_REPAIR 2  /* with right checksums, so that what is behind them is reached */
#define FLAG_FORMAT 4  /* it is the file `format` */

#define FILES_MAX 16
#define RECORD_HEAD 48u
#define SEGMENT_HEAD 32u

static char folder[64];

static void require(bool condition)
{
    if (!condition) { abort(); }
}

/* -------- making the folder -------- */

static void write_file(const char *name, const uint8_t *data, size_t size)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    int const file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    require(file >= 0 && write(file, data, size) == (ssize_t)size);
    (void)close(file);
}

static void remove_folder(void)
{
    char command[100];
    static const char *const parts[] = {"format", "batches", "segments", "new"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        (void)snprintf(command, sizeof command, "%s/%s", folder, parts[i]);
        (void)remove(command);
    }
    (void)rmdir(folder);
}

static void make_folder(void)
{
    static const char *const parts[] = {"batches", "segments", "new"};
    char path[PATH_MAX];
    bool const fast = access("/dev/shm", W_OK | X_OK) == 0;
    (void)snprintf(folder, sizeof folder, "%s/pbt-fuzz-XXXXXX", fast ? "/dev/shm" : "/tmp");
    require(mkdtemp(folder) != NULL);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, parts[i]);
        require(mkdir(path, 0700) == 0);
    }
    (void)atexit(remove_folder);
}

static uint64_t get(const uint8_t *data, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint64_t)data[i] << (8 * i);
    }
    return value;
}

static void put64(uint8_t *data, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++) {
        data[i] = (uint8_t)(value >> (8 * i));
    }
}

static void repair(uint8_t *data, size_t size, bool segment)
{
    static XXH3_state_t *hasher;
    size_t at = 0;
    if (hasher == NULL) { hasher = XXH3_createState(); }
    if (segment && size >= SEGMENT_HEAD) {
        put64(data + 24, XXH3_64bits(data, 24));
        at = SEGMENT_HEAD;
    }
    while (at < size && size - at >= RECORD_HEAD) {
        uint8_t *const head = data + at;
        uint64_t const events = get(head + 20, 4);
        if (events > size - at - RECORD_HEAD) { return; }
        struct pbti_batch_id id;
        memcpy(id.bytes, head + 24, sizeof id.bytes);
        put64(head + 40, pbti_batch_hash(hasher, get(head + 8, 8), (uint32_t)get(head + 16, 4), id,
                                         head + RECORD_HEAD, (size_t)events));
        at += RECORD_HEAD + (size_t)events;
    }
}

static void put_file(uint8_t flags, unsigned first, const uint8_t *data, size_t size, char name[40])
{
    static const uint8_t nothing;
    uint8_t *const copy = malloc(size > 0 ? size : 1);
    require(copy != NULL);
    memcpy(copy, size > 0 ? data : &nothing, size > 0 ? size : 1);
    bool const segment = flags & FLAG_SEGMENT;
    if (flags & FLAG_REPAIR) { repair(copy, size, segment); }
    (void)snprintf(name, 40, "%s/%019u", segment ? "segments" : "batches", first);
    if (flags & FLAG_FORMAT) { (void)snprintf(name, 40, "format"); }
    write_file(name, copy, size);
    free(copy);
}

/* -------- what is asked -------- */

struct seen {
    uint64_t last;
    uint64_t sum; /* of all bytes */
};

/* A pbti_batch_reader. */
static pbt_status see(void *context, uint64_t first, uint32_t count, const void *bytes, size_t size,
                      struct pbti_batch_id id, struct pbt_error *err)
{
    struct seen *const seen = context;
    (void)err;
    require(first == seen->last + 1 && count > 0 && size >= count && size <= PBTI_BATCH_MAX);
    seen->last = first + count - 1;
    require(seen->last <= INT64_MAX);
    for (size_t i = 0; i < size; i++) {
        seen->sum += ((const uint8_t *)bytes)[i] + id.bytes[i % sizeof id.bytes];
    }
    return PBT_OK;
}

static bool is_good(pbt_status status, const struct pbt_error *err)
{
    require(status == PBT_OK || status == PBT_ECORRUPT || status == PBT_EVERSION);
    require(status == PBT_OK || (err->code == status && err->message[0] != '\0'));
    return status == PBT_OK;
}

static void ask(struct pbti_journal *journal)
{
    struct pbt_error err;
    struct seen seen[2] = {{0, 0}, {0, 0}};
    uint64_t last = 0;
    bool landed = true;
    bool const walked = is_good(pbti_journal_last(journal, &last, &err), &err);
    bool const read = is_good(pbti_journal_read(journal, 0, see, &seen[0], &err), &err);
    bool const good = is_good(pbti_journal_check(journal, &err), &err);
    (void)is_good(
        pbti_journal_landed(journal, seen[0].last, (struct pbti_batch_id){{1}}, &landed, &err),
        &err);
    require(!good || (read && walked));
    if (!read) { return; }
    require(!walked || last == seen[0].last);
    require(is_good(pbti_journal_read(journal, 0, see, &seen[1], &err), &err));
    require(seen[1].last == seen[0].last && seen[1].sum == seen[0].sum);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char format[] = "pbt journal folder 1\n";
    char names[FILES_MAX][40];
    unsigned count = 0;
    if (folder[0] == '\0') { make_folder(); }
    write_file("format", (const uint8_t *)format, sizeof format - 1);
    for (size_t at = 0; count < FILES_MAX && size - at >= 4; count++) {
        size_t const wanted = (size_t)get(data + at + 2, 2);
        size_t const length = wanted < size - at - 4 ? wanted : size - at - 4;
        put_file(data[at], data[at + 1], data + at + 4, length, names[count]);
        at += 4 + length;
    }
    char url[80];
    struct pbti_journal *journal = NULL;
    struct pbt_error err;
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.read_only = true;
    (void)snprintf(url, sizeof url, "dir:%s", folder);
    if (is_good(pbti_journal_open(url, &opts, &journal, &err), &err)) { ask(journal); }
    pbti_journal_close(journal);
    for (unsigned i = 0; i < count; i++) {
        char path[PATH_MAX];
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    return 0;
}
