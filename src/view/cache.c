/* SPDX-License-Identifier: Apache-2.0 */
/* view/cache.c - writing and reading the cache of a summary. */
#include "view/cache.h"

#include "base/file_tree.h"
#include "base/siphash.h"

#include <fcntl.h>
#include <limits.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define CACHE_MAGIC "pbt summary 2\n"
#define CACHE_BYTES_MAX ((off_t)1 << 30)

/* All in the machine's own byte order: the file is for this build alone. */
struct header {
    char magic[16];
    uint64_t tag;        /* SipHash of what follows it, to the end of the file */
    uint64_t tally_size; /* sizeof struct pbti_study_stats: another build has another */
    uint64_t state_size;
    uint64_t alive_count;
    uint64_t spec_size;
    uint64_t expected;
    struct pbti_batch_id batch;
};

static size_t rounded(size_t size)
{
    return (size + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
}

/* Where the parts are in the file. */
struct places {
    size_t state, tally, alive, spec, end;
};

static struct places places_of(const struct header *header)
{
    struct places at;
    at.state = rounded(sizeof *header);
    at.tally = at.state + rounded((size_t)header->state_size);
    at.alive = at.tally + rounded(sizeof(struct pbti_study_stats));
    at.spec = at.alive + (size_t)header->alive_count * sizeof(struct pbti_live_checkpoints_entry);
    at.end = at.spec + (size_t)header->spec_size;
    return at;
}

static uint64_t tag_of(const struct pbti_cache_key *key, const unsigned char *bytes, size_t size)
{
    size_t const from = offsetof(struct header, tally_size);
    return pbti_siphash(key->bytes, bytes + from, size - from);
}

static bool write_whole(int file, const unsigned char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t const done = write(file, bytes, size);
        if (done <= 0) { return false; }
        bytes += done;
        size -= (size_t)done;
    }
    return true;
}

/* -------- the user's key -------- */

/* Where it is: in XDG_STATE_HOME, else in HOME/.local/state. */
static bool key_path(char folder[PATH_MAX], char path[PATH_MAX])
{
    const char *const state = getenv("XDG_STATE_HOME");
    const char *const home = getenv("HOME");
    bool const own = state != NULL && state[0] == '/';
    if (!own && (home == NULL || home[0] != '/')) { return false; }
    int const size = own ? snprintf(folder, PATH_MAX, "%s/pbt", state)
                         : snprintf(folder, PATH_MAX, "%s/.local/state/pbt", home);
    return size < PATH_MAX && snprintf(path, PATH_MAX, "%s/cache.key", folder) < PATH_MAX;
}

/* Only this user may have written it, and only this user may know it. */
static bool read_key(const char *path, struct pbti_cache_key *key)
{
    struct stat info;
    int const file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0) { return false; }
    bool const good = fstat(file, &info) == 0 && S_ISREG(info.st_mode) &&
                      info.st_uid == geteuid() && (info.st_mode & 077) == 0 &&
                      info.st_size == (off_t)sizeof key->bytes &&
                      read(file, key->bytes, sizeof key->bytes) == (ssize_t)sizeof key->bytes;
    (void)close(file);
    return good;
}

/* Whole or not at all: of several processes that make one at once, one does. */
static void make_key(const char *folder, const char *path)
{
    char part[PATH_MAX];
    struct pbti_cache_key key;
    struct pbt_error ignored;
    if (snprintf(part, sizeof part, "%s.XXXXXX", path) >= (int)sizeof part ||
        pbti_folder_make(folder, &ignored) != PBT_OK ||
        getrandom(key.bytes, sizeof key.bytes, 0) != (ssize_t)sizeof key.bytes) {
        return;
    }
    int const file = mkostemp(part, O_CLOEXEC); /* mode 0600 */
    if (file < 0) { return; }
    bool const written = write_whole(file, key.bytes, sizeof key.bytes);
    if (close(file) == 0 && written) { (void)link(part, path); }
    (void)unlink(part);
}

bool pbti_cache_key(struct pbti_cache_key *key, bool make)
{
    char folder[PATH_MAX];
    char path[PATH_MAX];
    if (!key_path(folder, path)) { return false; }
    if (read_key(path, key)) { return true; }
    if (!make) { return false; }
    make_key(folder, path);
    return read_key(path, key);
}

/* -------- loading -------- */

static bool load_alive(const unsigned char *bytes, uint64_t count,
                       struct pbti_live_checkpoints *alive)
{
    for (uint64_t i = 0; i < count; i++) {
        struct pbti_live_checkpoints_entry entry;
        memcpy(&entry, bytes + i * sizeof entry, sizeof entry);
        if (entry.checkpoint.segment == 0 || !pbti_live_checkpoints_add(alive, entry)) {
            return false;
        }
    }
    return true;
}

static bool load_parts(const struct pbti_cache_key *key, const unsigned char *bytes, size_t size,
                       struct pbti_cached *cached)
{
    struct header header;
    if (size < sizeof header) { return false; }
    memcpy(&header, bytes, sizeof header);
    char magic[sizeof header.magic] = CACHE_MAGIC;
    if (memcmp(header.magic, magic, sizeof magic) != 0 ||
        header.tally_size != sizeof(struct pbti_study_stats) || header.state_size > size ||
        header.alive_count > size / sizeof(struct pbti_live_checkpoints_entry) ||
        header.spec_size > size) {
        return false;
    }
    struct places const at = places_of(&header);
    if (at.end != size || header.tag != tag_of(key, bytes, size)) { return false; }
    size_t const block = pbti_state_load_bytes(bytes + at.state, (size_t)header.state_size);
    if (block == 0) { return false; }
    cached->block = malloc(block);
    cached->spec = malloc((size_t)header.spec_size + 1);
    if (cached->block == NULL || cached->spec == NULL) { return false; }
    cached->state = pbti_state_load(cached->block, bytes + at.state, (size_t)header.state_size);
    if (cached->state == NULL) { return false; }
    memcpy(&cached->tally, bytes + at.tally, sizeof cached->tally);
    memcpy(cached->spec, bytes + at.spec, (size_t)header.spec_size);
    cached->spec_size = (size_t)header.spec_size;
    cached->expected = header.expected;
    cached->batch = header.batch;
    return load_alive(bytes + at.alive, header.alive_count, &cached->alive);
}

/* The whole file, in memory of our own: another process may change it while it is looked at. */
static unsigned char *read_whole(const char *path, size_t *size)
{
    struct stat info;
    int const file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0) { return NULL; }
    bool const usable = fstat(file, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0 &&
                        info.st_size <= CACHE_BYTES_MAX;
    unsigned char *const bytes = usable ? malloc((size_t)info.st_size) : NULL;
    size_t done = 0;
    while (bytes != NULL && done < (size_t)info.st_size) {
        ssize_t const got = read(file, bytes + done, (size_t)info.st_size - done);
        if (got <= 0) { break; }
        done += (size_t)got;
    }
    (void)close(file);
    *size = done;
    return bytes;
}

bool pbti_cache_load(const char *dir, struct pbti_cached *cached)
{
    memset(cached, 0, sizeof *cached);
    char path[PATH_MAX];
    struct pbti_cache_key key;
    size_t size = 0;
    if (snprintf(path, sizeof path, "%s/cache/summary", dir) >= (int)sizeof path ||
        !pbti_cache_key(&key, false)) {
        return false;
    }
    unsigned char *const bytes = read_whole(path, &size);
    bool const good = bytes != NULL && load_parts(&key, bytes, size, cached);
    free(bytes);
    if (!good) { pbti_cached_deinit(cached); }
    return good;
}

/* -------- saving -------- */

static unsigned char *build(const struct pbti_cache_key *key, const struct pbti_cached *cached,
                            size_t *size)
{
    struct header header = {.magic = CACHE_MAGIC,
                            .tally_size = sizeof(struct pbti_study_stats),
                            .state_size = pbti_state_save_bytes(cached->state),
                            .alive_count = cached->alive.count,
                            .spec_size = cached->spec_size,
                            .expected = cached->expected,
                            .batch = cached->batch};
    struct places const at = places_of(&header);
    unsigned char *const bytes = calloc(1, at.end);
    if (bytes == NULL) { return NULL; }
    pbti_state_save(cached->state, bytes + at.state);
    memcpy(bytes + at.tally, &cached->tally, sizeof cached->tally);
    size_t next = at.alive;
    for (size_t i = 0; i < cached->alive.capacity; i++) {
        if (cached->alive.entries[i].checkpoint.segment == 0) { continue; }
        memcpy(bytes + next, &cached->alive.entries[i], sizeof cached->alive.entries[i]);
        next += sizeof cached->alive.entries[i];
    }
    memcpy(bytes + at.spec, cached->spec, cached->spec_size);
    memcpy(bytes, &header, sizeof header);
    header.tag = tag_of(key, bytes, at.end);
    memcpy(bytes, &header, sizeof header);
    *size = at.end;
    return bytes;
}

bool pbti_cache_save(const char *dir, const struct pbti_cached *cached)
{
    char folder[PATH_MAX];
    char path[PATH_MAX];
    char part[PATH_MAX];
    struct pbti_cache_key key;
    if (!pbti_cache_key(&key, true) ||
        snprintf(folder, sizeof folder, "%s/cache", dir) >= (int)sizeof folder ||
        snprintf(path, sizeof path, "%s/summary", folder) >= (int)sizeof path ||
        snprintf(part, sizeof part, "%s/summary.XXXXXX", folder) >= (int)sizeof part) {
        return false;
    }
    (void)mkdir(folder, 0777);
    int const file = mkostemp(part, O_CLOEXEC);
    if (file < 0) { return false; }
    size_t size = 0;
    unsigned char *const bytes = build(&key, cached, &size);
    bool good = bytes != NULL && write_whole(file, bytes, size);
    free(bytes);
    good = close(file) == 0 && good;
    good = good && rename(part, path) == 0;
    if (!good) { (void)unlink(part); }
    return good;
}

void pbti_cached_deinit(struct pbti_cached *cached)
{
    free(cached->block);
    free(cached->spec);
    pbti_live_checkpoints_deinit(&cached->alive);
    memset(cached, 0, sizeof *cached);
}
