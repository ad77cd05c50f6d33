/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal/journal_dir.c - a journal in a folder that machines share: `dir:PATH`. Format:
 * docs/journal-format.md.
 *
 * One file a batch, whose name is the number of its first event. An append writes a file aside,
 * syncs it and links it under that name: link(2) is atomic on NFS, too, and fails when the name is
 * taken, which is the conflict. No locks, no appending to files, no times, no file that changes.
 *
 * Invariants: journal_dir.h. After PBT_EIO from append the batch is not there and will not be: the
 * file that would be linked is deleted before we look whether it was.
 *
 * sync        batches are synced in both modes, since half a batch would be damage; without `sync`
 *             only the folder's entries are not, so that power loss may take the latest batches
 */
#include "journal/journal_dir.h"

#include "base/fail.h"
#include "journal/journal_backends.h"
#include "journal/journal_files.h"
#include "journal/poll.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT_TEXT "pbt journal folder " /* then the version, and a line end */
#define NAP_MS_MAX 50                     /* between two looks of wait */

static const char *const folders[] = {"batches", "segments", "new"};
#define FOLDERS (sizeof folders / sizeof *folders)

/* -------- creating and identifying -------- */

static bool is_ours(const char *name)
{
    if (name[0] == '.' || strcmp(name, "format") == 0) { return true; }
    for (size_t i = 0; i < FOLDERS; i++) {
        if (strcmp(name, folders[i]) == 0) { return true; }
    }
    return false;
}

/* A folder with something of somebody else's in it is not made into a journal. */
static pbt_status check_foreign(const struct pbti_dir *dir, struct pbt_error *err)
{
    DIR *const folder = opendir(dir->path);
    if (folder == NULL) { return pbti_dir_fail(dir, errno, "read", dir->path, err); }
    const struct dirent *item;
    while ((item = readdir(folder)) != NULL && is_ours(item->d_name)) {}
    pbt_status const status =
        item == NULL ? PBT_OK
                     : PBTI_FAIL(err, PBT_ECORRUPT, 0,
                                 "folder \"%s\" is not a journal: there is \"%s\" in it", dir->path,
                                 item->d_name);
    (void)closedir(folder);
    return status;
}

static pbt_status write_format(const struct pbti_dir *dir, struct pbt_error *err)
{
    pbti_dir_path part;
    pbti_dir_path path;
    pbti_dir_temporary(dir, part);
    pbti_dir_join(dir, "format", "", path);
    FILE *const file = fopen(part, "wxe");
    if (file == NULL) { return pbti_dir_fail(dir, errno, "make", part, err); }
    (void)fprintf(file, FORMAT_TEXT "%d\n", PBTI_DIR_FORMAT);
    int cause = pbti_dir_seal(file);
    if (cause == 0 && link(part, path) != 0 && errno != EEXIST) { cause = errno; }
    (void)unlink(part);
    if (cause == 0) { cause = pbti_sync_path(dir->path); }
    return cause == 0 ? PBT_OK : pbti_dir_fail(dir, cause, "make", path, err);
}

/* Of several processes that create it each makes what is not there yet; `format` comes last. */
static pbt_status create(const struct pbti_dir *dir, struct pbt_error *err)
{
    pbti_dir_path path;
    pbti_dir_join(dir, "format", "", path);
    if (access(path, F_OK) == 0) { return PBT_OK; }
    if (mkdir(dir->path, 0777) != 0 && errno != EEXIST) {
        (void)pbti_dir_fail(dir, errno, "make", dir->path, err);
        pbti_fail_hint(err, "choose a folder that exists and where you may write");
        return PBT_EIO;
    }
    PBTI_TRY(check_foreign(dir, err));
    for (size_t i = 0; i < FOLDERS; i++) {
        pbti_dir_join(dir, folders[i], "", path);
        if (mkdir(path, 0777) != 0 && errno != EEXIST) {
            return pbti_dir_fail(dir, errno, "make", path, err);
        }
    }
    (void)pbti_sync_folder_of(dir->path);
    return write_format(dir, err);
}

static pbt_status check_format(struct pbti_dir *dir, struct pbt_error *err)
{
    pbti_dir_path path;
    bool found;
    pbti_dir_join(dir, "format", "", path);
    PBTI_TRY(pbti_dir_load(dir, path, &found, err));
    char text[64] = "";
    size_t const size = found && dir->bytes_size < sizeof text ? dir->bytes_size : 0;
    if (size > 0) { memcpy(text, dir->bytes, size); }
    char *end = text;
    size_t const prefix = sizeof FORMAT_TEXT - 1;
    bool const ours = memcmp(text, FORMAT_TEXT, prefix) == 0;
    unsigned long const version = ours ? strtoul(text + prefix, &end, 10) : 0;
    if (version < 1 || strcmp(end, "\n") != 0) {
        (void)PBTI_FAIL(err, PBT_ECORRUPT, 0, "folder \"%s\" is not a journal: %s", dir->path,
                        found ? "its file \"format\" says something else"
                              : "there is no file \"format\" in it");
        return PBT_ECORRUPT;
    }
    if (version <= PBTI_DIR_FORMAT) { return PBT_OK; }
    (void)PBTI_FAIL(err, PBT_EVERSION, (int64_t)version,
                    "journal \"%s\" has format %lu; the newest known here is %d", dir->path,
                    version, PBTI_DIR_FORMAT);
    pbti_fail_hint(err, "use the version of pbt that wrote it, or a newer one");
    return PBT_EVERSION;
}

static pbt_status check_place(const struct pbti_dir *dir, bool to_create, struct pbt_error *err)
{
    struct stat info;
    if (stat(dir->path, &info) != 0) {
        int const cause = errno;
        if (cause != ENOENT) { return pbti_dir_fail(dir, cause, "open", dir->path, err); }
        if (to_create) { return PBT_OK; }
        return PBTI_FAIL(err, PBT_ENOENT, cause, "journal \"%s\" does not exist", dir->path);
    }
    if (S_ISDIR(info.st_mode)) { return PBT_OK; }
    return PBTI_FAIL(err, PBT_ECORRUPT, 0, "\"%s\" is no folder, and so not a journal in one",
                     dir->path);
}

/* -------- opening and closing -------- */

static pbt_status keep_path(struct pbti_dir *dir, const char *path, struct pbt_error *err)
{
    size_t size = strlen(path);
    if (size == 0) { return PBTI_FAIL(err, PBT_EINVAL, 0, "the journal's path is empty"); }
    if (size >= PATH_MAX) {
        return PBTI_FAIL(err, PBT_ELIMIT, 0, "the path \"%.60s...\" is too long", path);
    }
    while (size > 1 && path[size - 1] == '/') {
        size--;
    }
    dir->path = strndup(path, size);
    dir->hasher = XXH3_createState();
    if (dir->path != NULL && dir->hasher != NULL) { return PBT_OK; }
    return PBTI_FAIL(err, PBT_ENOMEM, 0, "no memory for journal \"%s\"", path);
}

static pbt_status check_writable(const struct pbti_dir *dir, struct pbt_error *err)
{
    for (size_t i = 0; i < FOLDERS; i++) {
        pbti_dir_path path;
        pbti_dir_join(dir, folders[i], "", path);
        if (access(path, W_OK | X_OK) != 0) {
            return pbti_dir_fail(dir, errno, "write to", path, err);
        }
    }
    return PBT_OK;
}

static pbt_status open_dir(void *opaque, const char *path, const struct pbti_journal_opts *opts,
                           struct pbt_error *err)
{
    struct pbti_dir *const dir = opaque;
    dir->read_only = opts->read_only;
    dir->sync = opts->sync;
    PBTI_TRY(keep_path(dir, path, err));
    PBTI_TRY(check_place(dir, opts->create, err));
    if (opts->create) { PBTI_TRY(create(dir, err)); }
    PBTI_TRY(check_format(dir, err));
    if (!opts->read_only) { PBTI_TRY(check_writable(dir, err)); }
    return pbti_dir_check_complete(dir, err);
}

static void close_dir(void *opaque)
{
    struct pbti_dir *const dir = opaque;
    (void)XXH3_freeState(dir->hasher);
    free(dir->chain);
    free(dir->ends);
    free(dir->bytes);
    free(dir->path);
}

/* -------- append, landed -------- */

/* Make sure that what was linked stays linked. */
static pbt_status settle(struct pbti_dir *dir, struct pbt_error *err)
{
    if (!dir->doubt) { return PBT_OK; }
    pbti_dir_path path;
    pbti_dir_join(dir, "batches", "", path);
    int const cause = pbti_sync_path(path);
    if (cause != 0) { return pbti_dir_fail(dir, cause, "sync", path, err); }
    dir->doubt = false;
    return PBT_OK;
}

static pbt_status landed_dir(void *opaque, uint64_t expected, struct pbti_batch_id id, bool *landed,
                             struct pbt_error *err)
{
    struct pbti_dir *const dir = opaque;
    PBTI_TRY(settle(dir, err));
    return pbti_dir_find(dir, expected, id, landed, err);
}

static pbt_status report_conflict(struct pbti_dir *dir, uint64_t expected, uint64_t *last,
                                  struct pbt_error *err)
{
    PBTI_TRY(pbti_dir_walk(dir, last, err));
    return PBTI_FAIL(err, PBT_ECONFLICT, 0,
                     "journal \"%s\" ends at event %" PRIu64 ", not %" PRIu64, dir->path, *last,
                     expected);
}

/* Write the batch aside, synced. */
static pbt_status write_aside(struct pbti_dir *dir, const struct pbti_dir_record *record,
                              pbti_dir_path part, struct pbt_error *err)
{
    pbti_dir_temporary(dir, part);
    FILE *const file = fopen(part, "wxe");
    if (file == NULL) { return pbti_dir_fail(dir, errno, "make", part, err); }
    pbti_dir_put_record(dir, file, record);
    int const cause = pbti_dir_seal(file);
    if (cause == 0) { return PBT_OK; }
    (void)unlink(part);
    return pbti_dir_fail(dir, cause, "write", part, err);
}

/*
 * Link the batch under its name. *linked: is it there, and the journal's?
 *
 * What link() answers is not the whole truth. Over a network the answer may be lost, and asking
 * again then finds the name taken, by ourselves. And a name that was free may have been used and
 * compacted before. Both are told by looking for our id where it would be. Before that the
 * file aside is deleted, so that a request that is still on its way finds nothing to link.
 */
static pbt_status link_batch(struct pbti_dir *dir, const struct pbti_dir_record *record,
                             const char *part, bool *linked, struct pbt_error *err)
{
    pbti_dir_path name;
    uint64_t const expected = record->last - record->count;
    pbti_dir_join_first(dir, "batches", expected + 1, name);
    int const cause = link(part, name) == 0 ? 0 : errno;
    if (unlink(part) != 0 && errno != ENOENT && cause != 0 && cause != EEXIST) {
        (void)pbti_dir_fail(dir, cause, "link", name, err);
        return pbti_fail_context(err, PBT_EUNKNOWN, "not known whether a batch was appended");
    }
    struct pbt_error trouble;
    if (cause == 0) {
        pbt_status const status = pbti_dir_follow_segments(dir, &trouble);
        *linked = status == PBT_OK && dir->compacted <= expected;
        if (*linked) { return PBT_OK; }
    }
    if (pbti_dir_find(dir, expected, record->id, linked, &trouble) != PBT_OK) {
        if (err != NULL) { *err = trouble; }
        return pbti_fail_context(err, PBT_EUNKNOWN, "not known whether a batch was appended");
    }
    if (*linked || cause == EEXIST) { return PBT_OK; }
    if (cause != 0) { return pbti_dir_fail(dir, cause, "link", name, err); }
    (void)unlink(name); /* the name had been used: the file means nothing */
    return PBT_OK;
}

static pbt_status append_dir(void *opaque, const void *bytes, size_t size, uint32_t count,
                             uint64_t expected, struct pbti_batch_id id, uint64_t *last,
                             struct pbt_error *err)
{
    struct pbti_dir *const dir = opaque;
    if (expected != pbti_dir_known(dir)) { PBTI_TRY(pbti_dir_walk(dir, last, err)); }
    if (expected != pbti_dir_known(dir)) { return report_conflict(dir, expected, last, err); }
    struct pbti_dir_record const record = {expected + count, count, id, bytes, size};
    pbti_dir_path part;
    bool linked = false;
    PBTI_TRY(write_aside(dir, &record, part, err));
    PBTI_TRY(link_batch(dir, &record, part, &linked, err));
    if (!linked) { return report_conflict(dir, expected, last, err); }
    dir->doubt = dir->sync;
    if (settle(dir, err) != PBT_OK) {
        return pbti_fail_context(err, PBT_EUNKNOWN, "not known whether a batch would stay");
    }
    if (record.last > pbti_dir_known(dir)) { pbti_dir_note_end(dir, record.last); }
    *last = record.last;
    pbti_dir_compact(dir);
    return PBT_OK;
}

/* -------- the rest of the contract -------- */

static pbt_status read_dir(void *opaque, uint64_t since, pbti_batch_reader reader, void *context,
                           struct pbt_error *err)
{
    return pbti_dir_read(opaque, since, reader, context, err);
}

static pbt_status last_dir(void *opaque, uint64_t *last, struct pbt_error *err)
{
    return pbti_dir_walk(opaque, last, err);
}

static pbt_status wait_dir(void *opaque, uint64_t since, uint32_t timeout_ms, uint64_t *last,
                           struct pbt_error *err)
{
    return pbti_wait_looking(last_dir, opaque, false, NAP_MS_MAX, since, timeout_ms, last, err);
}

static pbt_status accept_batch(void *context, uint64_t first, uint32_t count, const void *bytes,
                               size_t size, struct pbti_batch_id id, struct pbt_error *err)
{
    (void)context, (void)first, (void)count, (void)bytes, (void)size, (void)id, (void)err;
    return PBT_OK;
}

static pbt_status check_dir(void *opaque, struct pbt_error *err)
{
    PBTI_TRY(check_format(opaque, err));
    PBTI_TRY(pbti_dir_check_complete(opaque, err));
    return pbti_dir_read(opaque, 0, accept_batch, NULL, err);
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info, (void)kind, (void)where;
    return remove(path);
}

/* Everything into a new folder, all of it in segments. */
static pbt_status write_copy(struct pbti_dir *dir, const char *path, struct pbt_error *err)
{
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.create = true;
    struct pbti_dir copy = {0};
    pbt_status status = open_dir(&copy, path, &opts, err);
    if (status == PBT_OK) { status = pbti_dir_write_segments(dir, &copy, err); }
    close_dir(&copy);
    return status;
}

static pbt_status copy_dir(void *opaque, const char *path, struct pbt_error *err)
{
    if (access(path, F_OK) == 0) { return pbti_fail_copy(path, EEXIST, err); }
    char part[PATH_MAX];
    pbti_dir_path random;
    pbti_dir_temporary(opaque, random);
    if (snprintf(part, sizeof part, "%s.part-%s", path, strrchr(random, '/') + 1) >=
        (int)sizeof part) {
        return pbti_fail_copy(path, ENAMETOOLONG, err);
    }
    pbt_status status = write_copy(opaque, part, err);
    if (status == PBT_OK) {
        int const cause = pbti_give_name(part, path);
        if (cause != 0) { status = pbti_fail_copy(path, cause, err); }
    }
    if (status != PBT_OK) {
        (void)nftw(part, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    } else {
        (void)pbti_sync_folder_of(path);
    }
    return status;
}

const struct pbti_journal_vtab pbti_journal_dir = {
    .version = 1,
    .scheme = "dir",
    .state_size = sizeof(struct pbti_dir),
    .open = open_dir,
    .append = append_dir,
    .landed = landed_dir,
    .read = read_dir,
    .last = last_dir,
    .wait = wait_dir,
    .check = check_dir,
    .copy = copy_dir,
    .close = close_dir,
};
