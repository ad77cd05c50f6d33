/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gan_judge_file.c - judges that are made once and kept, see gan_judge.h.
 *
 * The file is a checkpoint (nn/nn_safetensors.h); its name says which judge it is, by the hash of
 * the pictures that train, and its extra data are, little-endian:
 *
 *     4   version, 1
 *     4   number
 *     8   hash of the pictures
 *     8   test accuracy; 8 each: mean (64), covariance (64 x 64) of the features; IEEE 754 bits
 *
 * It is written under a name of this process's own and renamed. Whoever makes one holds the lock on
 * NAME.lock meanwhile; the lock spares time only, what is read is complete without it.
 */
#include "gan/gan_judge.h"
#include "nn/nn_bytes.h"
#include "nn/nn_safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum { VERSION = 1, PATH_SIZE = 4096, HEADER_SIZE = 16, FEATURES = PBTI_GAN_FEATURES };
enum { DOUBLES = 1 + FEATURES + FEATURES * FEATURES, EXTRA_SIZE = HEADER_SIZE + 8 * DOUBLES };

/* What a judge depends on: the pictures, their shape and classes, and how many of them. */
static uint64_t hash_of(const struct pbti_pictures *p, uint32_t count)
{
    uint32_t const shape[] = {VERSION, p->rows, p->columns, p->channels, p->classes, count};
    uint64_t const parts[] = {XXH3_64bits(shape, sizeof shape),
                              XXH3_64bits(p->bytes, count * p->size),
                              XXH3_64bits(p->labels, count)};
    return XXH3_64bits(parts, sizeof parts);
}

/* -------- the folder -------- */

/* Make each folder of the path that is missing; whether that worked is seen when it is used. */
static void make_folders(char *path)
{
    for (char *at = path + 1; *at != '\0'; at++) {
        if (*at != '/') { continue; }
        *at = '\0';
        (void)mkdir(path, 0777);
        *at = '/';
    }
    (void)mkdir(path, 0777);
}

/* The folder for judges, or "" when there is no place for one. */
static void find_folder(char path[PATH_SIZE], const char *asked)
{
    const char *const cache = getenv("XDG_CACHE_HOME"), *const home = getenv("HOME");
    int length = 0;
    if (asked[0] != '\0') {
        length = snprintf(path, PATH_SIZE, "%s", asked);
    } else if (cache != NULL && cache[0] == '/') {
        length = snprintf(path, PATH_SIZE, "%s/pbt", cache);
    } else if (home != NULL && home[0] == '/') {
        length = snprintf(path, PATH_SIZE, "%s/.cache/pbt", home);
    }
    if (length <= 0 || length >= PATH_SIZE) {
        path[0] = '\0';
        return;
    }
    make_folders(path);
}

/* -------- the file -------- */

static void put_double(uint8_t *at, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    (void)pbti_nn_put(at, bits, 8);
}

static double get_double(const uint8_t *at)
{
    uint64_t const bits = pbti_nn_get(at, 8);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void store(const struct pbti_gan_judge *judge, const char *path, uint64_t hash)
{
    char own[PATH_SIZE];
    uint8_t *const extra = malloc(EXTRA_SIZE);
    int const length = snprintf(own, sizeof own, "%s.%ld", path, (long)getpid());
    if (extra == NULL || length < 0 || (size_t)length >= sizeof own) {
        free(extra);
        return;
    }
    uint8_t *at = pbti_nn_put(pbti_nn_put(extra, VERSION, 4), judge->number, 4);
    at = pbti_nn_put(at, hash, 8);
    put_double(at, judge->accuracy);
    for (size_t i = 0; i < FEATURES + (size_t)FEATURES * FEATURES; i++) {
        put_double(at + 8 + 8 * i, judge->moments.mean[i]); /* the covariance stands behind it */
    }
    struct pbti_nn_block block = judge->block; /* only read */
    struct pbti_nn_named_block const blocks[] = {{"", &block}};
    if (pbti_nn_safetensors_save(own, blocks, 1, extra, EXTRA_SIZE, NULL) == PBT_OK &&
        rename(own, path) != 0) {
        (void)unlink(own);
    }
    free(extra);
}

/* False when there is no such file, or it is damaged, or another judge's. */
static bool restore(struct pbti_gan_judge *judge, const char *path, uint32_t number, uint64_t hash)
{
    void *extra = NULL;
    size_t size = 0;
    struct pbti_nn_named_block const blocks[] = {{"", &judge->block}};
    bool good = pbti_nn_safetensors_load(path, blocks, 1, &extra, &size, NULL) == PBT_OK;
    const uint8_t *const bytes = extra;
    good = good && size == EXTRA_SIZE && pbti_nn_get(bytes, 4) == VERSION &&
           pbti_nn_get(bytes + 4, 4) == number && pbti_nn_get(bytes + 8, 8) == hash;
    if (good) {
        judge->number = number;
        judge->accuracy = get_double(bytes + HEADER_SIZE);
        for (size_t i = 0; i < FEATURES + (size_t)FEATURES * FEATURES; i++) {
            judge->moments.mean[i] = get_double(bytes + HEADER_SIZE + 8 + 8 * i);
        }
    }
    free(extra);
    return good && pbti_gan_judge_complete(judge, NULL) == PBT_OK;
}

/* Wait for the lock; -1 when there can be none. */
static int take_lock(const char *path)
{
    char name[PATH_SIZE];
    int const length = snprintf(name, sizeof name, "%s.lock", path);
    if (length < 0 || (size_t)length >= sizeof name) { return -1; }
    int const fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    int code = -1;
    do {
        code = fd < 0 ? 0 : flock(fd, LOCK_EX);
    } while (code != 0 && errno == EINTR);
    return fd;
}

pbt_status pbti_gan_judge_need(struct pbti_gan_judge *judge, const char *folder, uint32_t number,
                               const struct pbti_pictures *pictures, uint32_t count,
                               const struct pbti_pictures *test, struct pbt_error *err)
{
    char place[PATH_SIZE], path[PATH_SIZE];
    pbt_status status = pbti_gan_judge_init(judge, pictures, err);
    if (status != PBT_OK) { return status; }
    find_folder(place, folder);
    uint64_t const hash = hash_of(pictures, count);
    int const length = snprintf(path, sizeof path, "%s/judge-%016llx-%u.safetensors", place,
                                (unsigned long long)hash, number);
    bool const kept = place[0] != '\0' && length > 0 && (size_t)length < sizeof path;
    if (kept && restore(judge, path, number, hash)) { return PBT_OK; }
    int const lock = kept ? take_lock(path) : -1;
    /* another process may have made it while this one waited */
    if (!(lock >= 0 && restore(judge, path, number, hash))) {
        status = pbti_gan_judge_train(judge, number, pictures, count, test, err);
        if (status == PBT_OK && kept) { store(judge, path, hash); }
    }
    if (lock >= 0) { (void)close(lock); }
    if (status != PBT_OK) { pbti_gan_judge_deinit(judge); }
    return status;
}
