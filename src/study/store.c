/* SPDX-License-Identifier: Apache-2.0 */
/* study/store.c - the checkpoint store. See store.h; the walking is tree.c. */
#include "study/store.h"

#include "base/fail.h"
#include "base/file_tree.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define FOLDER "checkpoints"
#define PART ".part"
#define GONE ".gone"
#define ROOM_SLACK 65536u /* bytes beside a checkpoint's own: folders, the end of blocks */

struct pbti_store {
    char folder[PATH_MAX]; /* absolute */
    int fd;
    bool sync;
};

/* -------- life -------- */

pbt_status pbti_store_open(const char *study_dir, bool sync, bool create, struct pbti_store **out,
                           struct pbt_error *err)
{
    *out = NULL;
    struct pbti_store *const store = calloc(1, sizeof *store);
    char *const path = malloc(PATH_MAX);
    if (store == NULL || path == NULL) {
        free(store);
        free(path);
        return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory");
    }
    int const used = snprintf(path, PATH_MAX, "%s/%s", study_dir, FOLDER);
    store->sync = sync;
    /* room for the longest thing that is ever made of it: a name with a suffix */
    size_t const most = PATH_MAX - PBTI_CHECKPOINT_NAME_MAX - 8;
    int code = used > 0 && (size_t)used < most ? 0 : ENAMETOOLONG;
    if (code == 0 && create && mkdir(path, 0777) != 0 && errno != EEXIST) { code = errno; }
    store->fd = code == 0 ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (code == 0 && (store->fd < 0 || realpath(path, store->folder) == NULL)) { code = errno; }
    if (code == 0 && strlen(store->folder) >= most) { code = ENAMETOOLONG; }
    if (code != 0) {
        pbti_store_close(store);
        pbt_status const status =
            PBTI_FAIL(err, code == ENOENT ? PBT_ENOENT : PBT_EIO, code,
                      "could not open folder \"%s\": %s", path, strerror(code));
        free(path);
        return status;
    }
    free(path);
    *out = store;
    return PBT_OK;
}

void pbti_store_close(struct pbti_store *store)
{
    if (store == NULL) { return; }
    if (store->fd >= 0) { (void)close(store->fd); }
    free(store);
}

/* Absolute path of a checkpoint in one of its forms; PATH_MAX bytes, checked to fit by open. */
static void store_path(const struct pbti_store *store, struct pbti_checkpoint checkpoint,
                       const char *suffix, char *path)
{
    char name[PBTI_CHECKPOINT_NAME_MAX];
    (void)snprintf(path, PATH_MAX, "%s/%s%s", store->folder, pbti_checkpoint_name(checkpoint, name),
                   suffix);
}

/* -------- making one -------- */

pbt_status pbti_store_prepare(struct pbti_store *store, struct pbti_checkpoint checkpoint,
                              char *path, struct pbt_error *err)
{
    store_path(store, checkpoint, PART, path);
    if (mkdir(path, 0777) == 0) { return PBT_OK; }
    if (errno == EEXIST) {
        PBTI_TRY(pbti_file_tree_remove(path, err));
        if (mkdir(path, 0777) == 0) { return PBT_OK; }
    }
    return PBTI_FAIL(err, PBT_EIO, errno, "could not make folder \"%s\": %s", path,
                     strerror(errno));
}

/* Is it what the trainer made of its folder that cannot be read (a file in its place, a path that
 * is too long, a file without permission), and not the storage? */
static bool is_of_content(const struct pbti_store *store, int64_t code)
{
    bool const may_be =
        code == ENOTDIR || code == ELOOP || code == ENAMETOOLONG || code == EACCES || code == EPERM;
    return may_be && access(store->folder, R_OK | W_OK | X_OK) == 0;
}

pbt_status pbti_store_publish(struct pbti_store *store, struct pbti_checkpoint checkpoint,
                              struct pbti_stored *stored, struct pbt_error *err)
{
    char part[PATH_MAX], whole[PATH_MAX], name[PBTI_CHECKPOINT_NAME_MAX];
    store_path(store, checkpoint, PART, part);
    store_path(store, checkpoint, "", whole);
    (void)pbti_checkpoint_name(checkpoint, name);
    struct pbt_error why;
    pbt_status status = pbti_file_tree_measure(part, store->sync, stored, &why);
    if (status != PBT_OK) {
        if (status == PBT_EIO && is_of_content(store, why.detail)) { status = PBT_EINVAL; }
        /* is it this one that is not there, or all of them? */
        if (status == PBT_ENOENT && access(store->folder, F_OK) != 0) { status = PBT_EIO; }
        if (err != NULL) { *err = why; }
        return pbti_fail_context(err, status, "could not publish checkpoint \"%s\"", name);
    }
    if (rename(part, whole) != 0 || (store->sync && fsync(store->fd) != 0)) {
        return PBTI_FAIL(err, PBT_EIO, errno, "could not publish checkpoint \"%s\": %s", name,
                         strerror(errno));
    }
    return PBT_OK;
}

pbt_status pbti_store_room(struct pbti_store *store, uint64_t bytes, struct pbt_error *err)
{
    struct statvfs info;
    if (fstatvfs(store->fd, &info) != 0 || info.f_blocks == 0) { return PBT_OK; }
    uint64_t const room = (uint64_t)info.f_bavail * info.f_frsize;
    bool const no_files = info.f_files > 0 && info.f_favail == 0;
    if (!no_files && room >= ROOM_SLACK && room - ROOM_SLACK >= bytes) { return PBT_OK; }
    pbt_status const status = no_files
                                  ? PBTI_FAIL(err, PBT_EIO, ENOSPC,
                                              "no room for checkpoints in \"%s\": its file "
                                              "system can hold no more files",
                                              store->folder)
                                  : PBTI_FAIL(err, PBT_EIO, ENOSPC,
                                              "no room for checkpoints in \"%s\": %" PRIu64
                                              " KiB are free, one takes %" PRIu64 " KiB",
                                              store->folder, room / 1024, (bytes + 1023) / 1024);
    pbti_fail_hint(err, "make room and try again; whatever was reported before is safe");
    return status;
}

bool pbti_store_is_full(struct pbti_store *store)
{
    static const char zeros[ROOM_SLACK] = {0};
    char name[32];
    struct statvfs info;
    if (fstatvfs(store->fd, &info) != 0 || info.f_blocks == 0) { return false; }
    if ((uint64_t)info.f_bavail * info.f_frsize >= ROOM_SLACK) { return false; }
    /* some file systems of the network do not know, and say so */
    (void)snprintf(name, sizeof name, ".room.%ld", (long)getpid());
    int const fd = openat(store->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    int code = fd < 0 ? errno : 0;
    if (code == 0) {
        ssize_t const put = write(fd, zeros, sizeof zeros);
        code = put < 0 ? errno : (size_t)put < sizeof zeros ? ENOSPC : fsync(fd) != 0 ? errno : 0;
        (void)close(fd);
        (void)unlinkat(store->fd, name, 0);
    }
    return code == ENOSPC || code == EDQUOT;
}

/* -------- reading -------- */

pbt_status pbti_store_path(struct pbti_store *store, struct pbti_checkpoint checkpoint, char *path,
                           struct pbt_error *err)
{
    store_path(store, checkpoint, "", path);
    struct stat info;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) { return PBT_OK; }
    return PBTI_FAIL(err, PBT_ENOENT, ENOENT, "checkpoint \"%s\" does not exist", path);
}

pbt_status pbti_store_check(struct pbti_store *store, struct pbti_checkpoint checkpoint,
                            const struct pbti_stored *reported, char *path, struct pbt_error *err)
{
    struct pbti_stored found;
    PBTI_TRY(pbti_store_path(store, checkpoint, path, err));
    PBTI_TRY(pbti_file_tree_count(path, &found, err));
    if (found.files == reported->files && found.bytes == reported->bytes) { return PBT_OK; }
    (void)PBTI_FAIL(err, PBT_ECORRUPT, 0,
                    "checkpoint \"%s\" has %" PRIu32 " files and %" PRIu64
                    " bytes, not the %" PRIu32 " and %" PRIu64 " that were reported",
                    path, found.files, found.bytes, reported->files, reported->bytes);
    pbti_fail_hint(err, "it was altered after it was saved; pbt verify names all that were");
    return PBT_ECORRUPT;
}

pbt_status pbti_store_measure(struct pbti_store *store, struct pbti_checkpoint checkpoint,
                              struct pbti_stored *stored, struct pbt_error *err)
{
    char path[PATH_MAX];
    PBTI_TRY(pbti_store_path(store, checkpoint, path, err));
    return pbti_file_tree_measure(path, false, stored, err);
}

pbt_status pbti_store_export(struct pbti_store *store, struct pbti_checkpoint checkpoint,
                             const char *target, struct pbt_error *err)
{
    char path[PATH_MAX];
    PBTI_TRY(pbti_store_path(store, checkpoint, path, err));
    return pbti_file_tree_copy(path, target, false, err);
}

/* -------- deleting -------- */

void pbti_store_drop(struct pbti_store *store, struct pbti_checkpoint checkpoint)
{
    char whole[PATH_MAX], part[PATH_MAX], gone[PATH_MAX];
    store_path(store, checkpoint, "", whole);
    store_path(store, checkpoint, PART, part);
    store_path(store, checkpoint, GONE, gone);
    /* what cannot be deleted now is found by the next sweep */
    pbt_status status = PBT_OK;
    bool renamed = rename(whole, gone) == 0;
    if (!renamed && (errno == ENOTEMPTY || errno == EEXIST)) {
        status = pbti_file_tree_remove(gone, NULL);
        renamed = rename(whole, gone) == 0;
    }
    status = pbti_file_tree_remove(gone, NULL);
    if (!renamed) { status = pbti_file_tree_remove(part, NULL); } /* a whole one has no part */
    (void)status;
}

static int compare_checkpoints(const void *a, const void *b)
{
    const struct pbti_checkpoint *const x = a, *const y = b;
    if (x->member != y->member) { return x->member < y->member ? -1 : 1; }
    if (x->segment != y->segment) { return x->segment < y->segment ? -1 : 1; }
    return x->attempt == y->attempt ? 0 : x->attempt < y->attempt ? -1 : 1;
}

/* Sort, and leave one of each: a checkpoint may be there in more than one form. */
static void listing_finish(struct pbti_store_listing *listing)
{
    if (listing->count < 2) { return; }
    qsort(listing->items, listing->count, sizeof listing->items[0], compare_checkpoints);
    size_t kept = 1;
    for (size_t i = 1; i < listing->count; i++) {
        if (compare_checkpoints(&listing->items[i], &listing->items[kept - 1]) != 0) {
            listing->items[kept++] = listing->items[i];
        }
    }
    listing->count = kept;
}

static bool listing_add(struct pbti_store_listing *listing, size_t *capacity,
                        struct pbti_checkpoint checkpoint)
{
    if (listing->count == *capacity) {
        size_t const more = *capacity > 0 ? 2 * *capacity : 64;
        struct pbti_checkpoint *const items = realloc(listing->items, more * sizeof *items);
        if (items == NULL) { return false; }
        listing->items = items;
        *capacity = more;
    }
    listing->items[listing->count++] = checkpoint;
    return true;
}

pbt_status pbti_store_list(struct pbti_store *store, bool measure_bytes,
                           struct pbti_store_listing *listing, struct pbt_error *err)
{
    *listing = (struct pbti_store_listing){0};
    DIR *const dir = opendir(store->folder);
    if (dir == NULL) {
        return PBTI_FAIL(err, PBT_EIO, errno, "could not read folder \"%s\": %s", store->folder,
                         strerror(errno));
    }
    size_t capacity = 0;
    pbt_status status = PBT_OK;
    const struct dirent *item;
    while (status == PBT_OK && (errno = 0, item = readdir(dir)) != NULL) {
        struct pbti_checkpoint checkpoint;
        const char *const rest = pbti_checkpoint_parse_first(item->d_name, &checkpoint);
        bool const known =
            rest != NULL && (*rest == '\0' || strcmp(rest, PART) == 0 || strcmp(rest, GONE) == 0);
        if (!known) { continue; }
        if (!listing_add(listing, &capacity, checkpoint)) {
            status = PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory");
        }
        if (measure_bytes) {
            char path[PATH_MAX];
            store_path(store, checkpoint, rest, path);
            listing->bytes += pbti_file_tree_bytes(path);
        }
    }
    if (status == PBT_OK && errno != 0) {
        status = PBTI_FAIL(err, PBT_EIO, errno, "could not read folder \"%s\": %s", store->folder,
                           strerror(errno));
    }
    (void)closedir(dir);
    if (status != PBT_OK) {
        free(listing->items);
        *listing = (struct pbti_store_listing){0};
        return status;
    }
    listing_finish(listing);
    return PBT_OK;
}

/* Is it what the running claim of its member will save? */
static bool being_saved(const struct pbti_state *state, struct pbti_checkpoint checkpoint)
{
    if (checkpoint.member >= pbti_state_members(state)) { return false; }
    const struct pbti_member *const member = pbti_state_member(state, checkpoint.member);
    return member->phase == PBTI_RUNNING && member->segment == checkpoint.segment &&
           member->attempt == checkpoint.attempt;
}

size_t pbti_store_sweep(struct pbti_store *store, const struct pbti_store_listing *listing,
                        const struct pbti_state *state)
{
    size_t count = 0;
    for (size_t i = 0; i < listing->count; i++) {
        struct pbti_checkpoint const checkpoint = listing->items[i];
        if (pbti_state_reachable(state, checkpoint) || being_saved(state, checkpoint)) { continue; }
        pbti_store_drop(store, checkpoint);
        count++;
    }
    return count;
}
