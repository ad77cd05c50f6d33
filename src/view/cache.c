/* SPDX-License-Identifier: Apache-2.0 */
/* view/cache.c - writing and reading the cache of a summary. */
#include "view/cache.h"

#include <fcntl.h>
#include <limits.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <xxhash.h>

#define CACHE_MAGIC "pbt summary 1\n"

/* All in the machine's own byte order: the file is for this build alone. */
struct header {
    char magic[16];
    uint64_t checksum;   /* XXH3 over what follows it, to the end of the file */
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

static uint64_t checksum(const unsigned char *bytes, size_t size)
{
    size_t const from = offsetof(struct header, tally_size);
    return XXH3_64bits(bytes + from, size - from);
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

static bool load_parts(const unsigned char *bytes, size_t size, struct pbti_cached *cached)
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
    if (at.end != size || header.checksum != checksum(bytes, size)) { return false; }
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

bool pbti_cache_load(const char *dir, struct pbti_cached *cached)
{
    memset(cached, 0, sizeof *cached);
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/cache/summary", dir) >= (int)sizeof path) { return false; }
    int const file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) { return false; }
    struct stat info;
    bool good = false;
    if (fstat(file, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0) {
        size_t const size = (size_t)info.st_size;
        void *const bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
        if (bytes != MAP_FAILED) {
            good = load_parts(bytes, size, cached);
            (void)munmap(bytes, size);
        }
    }
    (void)close(file);
    if (!good) { pbti_cached_deinit(cached); }
    return good;
}

/* -------- saving -------- */

static unsigned char *build(const struct pbti_cached *cached, size_t *size)
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
    header.checksum = checksum(bytes, at.end);
    memcpy(bytes, &header, sizeof header);
    *size = at.end;
    return bytes;
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

bool pbti_cache_save(const char *dir, const struct pbti_cached *cached)
{
    char folder[PATH_MAX];
    char path[PATH_MAX];
    char part[PATH_MAX];
    if (snprintf(folder, sizeof folder, "%s/cache", dir) >= (int)sizeof folder ||
        snprintf(path, sizeof path, "%s/summary", folder) >= (int)sizeof path ||
        snprintf(part, sizeof part, "%s/summary.XXXXXX", folder) >= (int)sizeof part) {
        return false;
    }
    (void)mkdir(folder, 0777);
    int const file = mkostemp(part, O_CLOEXEC);
    if (file < 0) { return false; }
    size_t size = 0;
    unsigned char *const bytes = build(cached, &size);
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
